/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_SERVE_H
#define MPIPC_DPDK_SERVE_H

#include <stdbool.h>

#include "native_call.h"

/**
 * DOC: serving native members
 *
 * A primary on mpipc has one more thread, which does for native members what the dispatcher
 * does for those on mpipc: it receives what they send, runs actions, and gives replies to the
 * calls that wait for them. The two threads take turns, see rte/turn.h. The thread receives in
 * order, so that a reply does not overtake messages.
 *
 * An action that this thread runs may make a request. The request waits for members on mpipc
 * first, and then for native members. In the latter part the thread goes on to serve.
 */

int mpipc__serve_open(const char *dir);
int mpipc__serve_start(void);
void mpipc__serve_stop(void);
void mpipc__serve_wake(void);
int mpipc__serve_wait(struct native_call *call);

#endif /* MPIPC_DPDK_SERVE_H */
