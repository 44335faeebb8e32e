# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Other scripts read this file. find_architecture KERNEL, a directory as fetch-kernel prints it, sets
# $arch to the Debian architecture of that kernel. If that is not the one of this machine, it sets
# $cross to the prefix of the compiler for it, and $sysroot to what programs for it are built with.

find_architecture()
{
	cross=
	sysroot=
	config=$1/build/include/config/auto.conf
	if grep -q '^CONFIG_ARM64=y' "$config"; then
		arch=arm64
		machine=aarch64
	elif grep -q '^CONFIG_S390=y' "$config"; then
		arch=s390x
		machine=s390x
	else
		arch=amd64
		machine=x86_64
	fi
	[ "$(uname -m)" != "$machine" ] || return 0
	cross=$machine-linux-gnu-
	command -v "${cross}gcc" >/dev/null || {
		echo "${cross}gcc is missing: apt-get install gcc-$(echo "$machine" | tr _ -)-linux-gnu" >&2
		return 1
	}
	# shellcheck disable=SC2034 # for whoever reads this file
	sysroot=$("$(dirname "$(realpath "$0")")/sysroot" "$arch")
}
