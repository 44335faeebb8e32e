/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_POST_H
#define MPIPC_POST_H

#include "message.h"

struct mpipc_reply_slot;

/**
 * DOC: Posting
 *
 * A message is put in each mailbox by itself, under the lock of that mailbox. A sender that waits
 * for space is woken only if it would find some, one sender at a time, and passes on what is left.
 * So taking a message out costs the same however many senders wait.
 */

/**
 * struct mpipc_space_wait - a sender that waits for space in one mailbox
 * @wait: in &mpipc_mailbox.space
 * @delivery: the delivery that there has to be space for; NULL if the sender does not wait
 * @slot: the reply slot of the destination, or NULL
 */
struct mpipc_space_wait {
	struct wait_queue_entry wait;
	struct mpipc_delivery *delivery;
	struct mpipc_reply_slot *slot;
};

/* How a message is posted. */
#define MPIPC_POST_MAY_WAIT	1	/* a full mailbox is not a loss yet */
#define MPIPC_POST_SYNC		2	/* the poster is about to sleep */

void mpipc_space_watch(struct mpipc_space_wait *wait, struct mpipc_delivery *delivery,
		       struct mpipc_reply_slot *slot);
void mpipc_space_unwatch(struct mpipc_space_wait *wait);
int mpipc_post(struct mpipc_delivery *delivery, struct mpipc_reply_slot *slot, unsigned int how);
void mpipc_post_lost(struct mpipc_endpoint *to, struct mpipc_msg *msg);

#endif /* MPIPC_POST_H */
