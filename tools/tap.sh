# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
#
# For scripts of checks, which print TAP: a work folder that begins empty, what runs a
# check, and the end.

count=0

# Sets $work to the folder for the checks $1.
begin()
{
	work=$PWD/build/check/$1
	rm -rf "$work"
	mkdir -p "$work"
	echo "TAP version 13"
}

# Called by a check that cannot be made here: it is skipped, because this system $1.
lacks()
{
	echo "$1" >"$work/lacks"
	return 1
}

# Each version of a linter has other wishes, so only those of one system are asked.
has_linters()
{
	grep -qx VERSION_CODENAME=bookworm /etc/os-release ||
		lacks "is not Debian 12, whose linters the source is for"
}

# check NAME COMMAND: what it prints is shown if it fails.
check()
{
	count=$((count + 1))
	rm -f "$work/lacks"
	if "$2" >"$work/log" 2>&1; then
		echo "ok $count $1"
	elif [ -e "$work/lacks" ]; then
		echo "ok $count $1 # SKIP this system $(cat "$work/lacks")"
	else
		sed 's/^/#    /' "$work/log"
		echo "not ok $count $1"
	fi
}

end()
{
	echo "1..$count"
}
