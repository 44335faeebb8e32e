# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Completes command lines of mpipc with what mpipc itself prints. Nothing goes through
# compgen -W, because that would run a group's name such as $(this).

# Offers the lines of standard input that begin as the word does, behind a prefix.
_mpipc_match()
{
	local word=$1 prefix=${2:-} line

	while IFS= read -r line; do
		[[ $line != "$word"* ]] || COMPREPLY+=("$prefix$line")
	done
}

_mpipc_commands()
{
	mpipc --help 2>/dev/null | sed '1,/^Commands:/d; /^$/,$d' | awk '{ print $1 }'
}

_mpipc_options()
{
	mpipc "$1" --help 2>/dev/null | sed -n 's/^  -., \(--[a-z]*\).*/\1/p; s/^      \(--[a-z]*\).*/\1/p'
}

# Prints the columns of a command, or of one of its options.
_mpipc_columns()
{
	mpipc "$@" --help 2>/dev/null | sed '1,/^Columns:/d' | awk '{ print $1 }'
}

# Prints the names of groups as they have to be quoted for the shell.
_mpipc_groups()
{
	local line name

	mpipc list -g --noheadings -o GROUP 2>/dev/null |
		while IFS= read -r line; do
			printf -v name %b "$line"
			printf '%q\n' "$name"
		done
}

# Completes a group's name. A colon, as in dpdk:0:25, begins a new word for readline, and only
# that word is replaced.
_mpipc_complete_group()
{
	local i=$COMP_CWORD word=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT}
	local before

	while [[ $i -gt 2 && ${COMP_WORDS[i - 1]}$word == *:* &&
			$line == *"${COMP_WORDS[i - 1]}$word" ]]; do
		i=$((i - 1))
		word=${COMP_WORDS[i]}$word
	done
	_mpipc_match "$word" < <(_mpipc_groups)
	before=${word%"${word##*:}"}
	COMPREPLY=("${COMPREPLY[@]#"$before"}")
}

_mpipc_complete()
{
	local command=${COMP_WORDS[1]} word=${COMP_WORDS[COMP_CWORD]}
	local before=${COMP_WORDS[COMP_CWORD - 1]} of=()

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		_mpipc_match "$word" < <(_mpipc_commands; printf '%s\n' help --help --version)
		return
	fi
	case $before in
	-A | --at | -f | --file)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return ;;
	-o | --output)
		[[ " ${COMP_WORDS[*]} " != *\ -g\ * ]] || of=(-g)
		compopt -o nospace
		# Offer columns for small letters, too, because -o takes them.
		word=${word^^}
		if [[ $word == *,* ]]; then
			_mpipc_match "${word##*,}" "${word%,*}," < <(_mpipc_columns "$command" "${of[@]}")
		else
			_mpipc_match "$word" < <(_mpipc_columns "$command" "${of[@]}")
		fi
		return ;;
	esac
	case $command:$word in
	help:*)
		[ "$COMP_CWORD" -ne 2 ] || _mpipc_match "$word" < <(_mpipc_commands)
		return ;;
	*:-*)
		_mpipc_match "$word" < <(_mpipc_options "$command")
		return ;;
	esac
	case $command in
	list | stat | calls | monitor | send | request | listen)
		_mpipc_complete_group ;;
	load)
		compopt -o nospace
		_mpipc_match "$word" < <(modinfo -F parm mpipc 2>/dev/null | sed 's/:.*/=/') ;;
	esac
}

complete -F _mpipc_complete mpipc
