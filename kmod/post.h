/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_POST_H
#define MPIPC_POST_H

#include "message.h"

struct mpipc_reply_slot;

/**
 * DOC: Posting
 *
 * A message is put in each mailbox by itself, under the lock of that mailbox.
 *
 * A sender that waits for space is in the list of those of its user, in the order in which they
 * came. When there is space, only the first one of a list is looked at, for a few users in turn,
 * and woken if its message would fit. It posts the message, and offers the rest of the space in
 * the same way. So taking a message out costs the same however many wait. No user is forgotten: as
 * long as a message is left in the mailbox, there will be another offer, and in an empty one every
 * message fits.
 *
 * A message may also have to wait because its user holds too much. It then waits for the user, not
 * for the mailbox (see user.h).
 */

/* How a message is posted. */
#define MPIPC_POST_MAY_WAIT	1	/* a full mailbox is not a loss yet */
#define MPIPC_POST_SYNC		2	/* the poster is about to sleep */
#define MPIPC_POST_WATCH	4	/* the poster waits where there is no space */
#define MPIPC_POST_AGAIN	8	/* it has waited there before */

int mpipc_post(struct mpipc_delivery *delivery, struct mpipc_reply_slot *slot, unsigned int how);
void mpipc_post_lost(struct mpipc_endpoint *to, struct mpipc_msg *msg);
void mpipc_post_unwatch(struct mpipc_delivery *delivery);
void mpipc_space_offer_to_some_locked(struct mpipc_endpoint *to);
void mpipc_space_close(struct mpipc_mailbox *box);

/* Offer the space in a mailbox, which is locked, to the senders that wait for it. */
static inline void mpipc_space_offer_locked(struct mpipc_endpoint *to)
{
	if (!list_empty(&to->box.waiting) || !list_empty(&to->box.turns))
		mpipc_space_offer_to_some_locked(to);
}

#endif /* MPIPC_POST_H */
