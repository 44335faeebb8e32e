/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_SEND_H
#define MPIPC_SEND_H

#include "message.h"

struct mpipc_reply_slot;

/**
 * DOC: Sending
 *
 * import (message.h), address, post. Addressing finds the destinations under RCU
 * and takes a reference to each; who joins later does not get the message.
 * Posting goes to each mailbox by itself: one that is full, or whose endpoint
 * left meanwhile, is no matter of the others. Who waits for room first serves all
 * those that have some.
 */

int mpipc_send_post(struct mpipc_msg *msg, u32 n, struct mpipc_reply_slot *slots, u64 deadline,
		    unsigned int how);
int mpipc_send(struct mpipc_endpoint *ep, struct mpipc_send_args *arg);
ssize_t mpipc_send_written(struct mpipc_endpoint *ep, struct iov_iter *from, bool nonblock);

#endif /* MPIPC_SEND_H */
