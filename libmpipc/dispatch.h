/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DISPATCH_H
#define MPIPC_DISPATCH_H

#include <mpipc.h>

/**
 * DOC: dispatching
 *
 * To dispatch is to receive records and to run the handler of each. These functions are
 * for the dispatcher only.
 *
 * A handler that makes a synchronous call dispatches, too, until it has its results.
 * It first handles the records of the batch. Further records are received one by one into
 * a buffer of the nested call, so that the message of the outer handler does not change.
 */

/* How deep handlers may be in each other before messages are deferred. */
#define MPIPC__IN_ORDER		16

int mpipc__handle_or_wait(struct mpipc *handle);
int mpipc__handle_some(struct mpipc *handle, int64_t timeout_ns);
void mpipc__handle_deferred(struct mpipc *handle);
int mpipc__dispatch_nested(struct mpipc *handle, void *data, int *fds);
void mpipc__wait_for_memory(void);

#endif /* MPIPC_DISPATCH_H */
