/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_ORDER_H
#define MPIPC_ORDER_H

#include <stdint.h>

#include <mpipc.h>

/**
 * DOC: order of replies and messages
 *
 * The reply to a synchronous call comes straight to its caller. Messages that the same
 * peer sent earlier may still be waiting for their handler. A caller that must not see
 * the reply first waits until their handlers have returned.
 *
 * The kernel says in each result of a call which record was the last one before it in
 * the mailbox. @handled in &struct mpipc is the number of the last record up to which
 * all handlers have returned. So a caller waits until @handled has reached the number
 * in its results, and mostly finds that it has.
 *
 * @handled does not move while a handler waits for a call of its own or while messages
 * are deferred. Once the endpoint has left, the rest of the mailbox is gone, and nobody
 * waits any more.
 */

void mpipc__count_handled(struct mpipc *handle, uint64_t seq);
void mpipc__wait_for_order(struct mpipc *handle, const struct mpipc_record *results,
			   unsigned int n_results, uint64_t deadline);
void mpipc__wake_waiters(struct mpipc *handle);

#endif /* MPIPC_ORDER_H */
