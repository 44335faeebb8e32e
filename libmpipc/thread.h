/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_THREAD_H
#define MPIPC_THREAD_H

#include <mpipc.h>

/**
 * DOC: the thread of the library
 *
 * mpipc_start() makes a thread that dispatches until the handle leaves its group or is
 * closed. mpipc_close() waits for the thread, and so for the handler that runs. A caller that
 * cannot wait for a handler that blocks uses mpipc__cancel_thread() between mpipc_leave() and
 * mpipc_close(). The thread can be cancelled anywhere, because the handle owns what it uses.
 */

void mpipc__cancel_thread(struct mpipc *handle);

#endif /* MPIPC_THREAD_H */
