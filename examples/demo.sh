#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# demo.sh DIR
#
# Runs the two programs of DPDK's tutorial on messages, built in DIR, and shows to root what
# the module did for them. Needs the module: `make demo` runs this in a virtual machine.

set -eu

cd "$1"
trace=/sys/kernel/tracing/instances/mpipc-demo.$$
primary=

end()
{
	[ -z "$primary" ] || kill "$primary" 2>/dev/null || :
	[ ! -d "$trace" ] || rmdir "$trace"
}

# Prints what the tracepoints recorded: the time of each event of the module, and the event.
show_trace()
{
	sed -nE 's/^.* ([0-9.]+): mpipc_([a-z]+): (.*)/\1 \2 \3/p' "$trace/trace" |
		while read -r time event fields; do
			printf '%s  %-8s %s\n' "$time" "$event" "$fields"
		done
}

trap end EXIT
# The tracing instance is this script's own, so that it disturbs no other tracing.
if mkdir "$trace" 2>/dev/null; then
	echo 1 >"$trace/events/mpipc/enable"
fi

echo '$ ./primary &'
./primary &
primary=$!

echo '$ ./secondary --proc-type=secondary'
# The secondary waits up to 30 seconds for the primary to join.
MPIPC_WAIT=30 ./secondary --proc-type=secondary
wait "$primary"
primary=

cat <<'END'

The primary printed these lines. The first two are the message that it received. The third one
came through a pipe, whose read end the secondary had sent along as a file descriptor.
END
[ -d "$trace" ] || exit 0
cat <<'END'

/dev/mpipc did this meanwhile, as its tracepoints recorded it (seconds, event):
END
show_trace
