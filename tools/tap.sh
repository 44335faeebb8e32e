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

# check NAME COMMAND: what it prints is shown if it fails.
check()
{
	count=$((count + 1))
	if "$2" >"$work/log" 2>&1; then
		echo "ok $count $1"
	else
		sed 's/^/#    /' "$work/log"
		echo "not ok $count $1"
	fi
}

end()
{
	echo "1..$count"
}
