/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_SEND_H
#define MPIPC_SEND_H

#include "message.h"

struct mpipc_reply_slot;

/**
 * DOC: Sending
 *
 * A message is imported and addressed (address.h), then posted to each mailbox by itself (post.h).
 * A mailbox that is full, or whose endpoint has left meanwhile, does not matter to the other
 * destinations. A sender that waits for space first serves all destinations that have some.
 */

int mpipc_send_post(struct mpipc_msg *msg, u32 n, struct mpipc_reply_slot *slots, u64 deadline,
		    unsigned int how);
int mpipc_send(struct mpipc_endpoint *ep, struct mpipc_send_args *arg);
ssize_t mpipc_send_written(struct mpipc_endpoint *ep, struct iov_iter *from, bool nonblock,
			   bool retry);

#endif /* MPIPC_SEND_H */
