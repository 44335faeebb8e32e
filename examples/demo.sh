#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# demo.sh DIR
#
# Runs the two programs of DPDK's tutorial on messages, built in DIR. Needs the
# module: `make demo` runs this in a virtual machine.

set -eu

cd "$1"
echo '$ ./primary &'
./primary &
primary=$!
trap 'kill $primary 2>/dev/null || :' EXIT

echo '$ ./secondary --proc-type=secondary'
# It waits, if need be, so many seconds for the primary to be there.
MPIPC_WAIT=30 ./secondary --proc-type=secondary
wait $primary
