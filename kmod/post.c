// SPDX-License-Identifier: GPL-2.0-only
#include "event.h"
#include "pending.h"
#include "post.h"
#include "quota.h"
#include "trace.h"

/* Wake the thread if its message has space, if the mailbox is closed, or if the call is over. */
static int mpipc_space_wake(struct wait_queue_entry *wait, unsigned int mode, int flags, void *key)
{
	struct mpipc_space_wait *space = container_of(wait, struct mpipc_space_wait, wait);
	struct mpipc_endpoint *to = space->delivery->to;
	bool wake;

	spin_lock(&to->box.lock);
	wake = to->box.closed || (space->slot && READ_ONCE(space->slot->call->over)) ||
	       mpipc_quota_check_space(to, space->delivery->msg) != -EAGAIN;
	spin_unlock(&to->box.lock);
	return wake ? default_wake_function(wait, mode, flags, NULL) : 0;
}

/**
 * mpipc_space_watch - have the calling thread woken when there is space
 * @wait: memory for the wait until mpipc_space_unwatch()
 * @delivery: the delivery that could not be posted
 * @slot: its reply slot, if it is a request
 */
void mpipc_space_watch(struct mpipc_space_wait *wait, struct mpipc_delivery *delivery,
		       struct mpipc_reply_slot *slot)
{
	init_waitqueue_func_entry(&wait->wait, mpipc_space_wake);
	wait->wait.private = current;
	wait->delivery = delivery;
	wait->slot = slot;
	add_wait_queue_exclusive(&delivery->to->box.space, &wait->wait);
}

/**
 * mpipc_space_unwatch - stop waiting for space, and wake the next sender that can use the rest
 * @wait: as given to mpipc_space_watch(); if it does not wait any more, nothing happens
 */
void mpipc_space_unwatch(struct mpipc_space_wait *wait)
{
	struct mpipc_mailbox *box;

	if (!wait->delivery)
		return;
	box = &wait->delivery->to->box;
	remove_wait_queue(&box->space, &wait->wait);
	wait->delivery = NULL;
	mpipc_mailbox_wake_senders(box);
}

static int mpipc_post_locked(struct mpipc_delivery *delivery, struct mpipc_reply_slot *slot)
{
	struct mpipc_endpoint *to = delivery->to;
	struct mpipc_mailbox *box = &to->box;
	struct mpipc_msg *msg = delivery->msg;
	int err;

	lockdep_assert_held(&box->lock);
	if (box->closed)
		return -ECONNRESET;
	/* Nothing may follow the event that the sender left. */
	if (READ_ONCE(msg->sender->box.closed))
		return -ESHUTDOWN;
	if (slot && READ_ONCE(slot->call->over))
		return -ECANCELED;
	err = mpipc_quota_check_space(to, msg);
	if (err)
		return err;
	if (slot)
		mpipc_pending_add_locked(slot);
	mpipc_mailbox_add_locked(box, &delivery->qnode);
	mpipc_quota_count(to, msg, 1);
	mpipc_event_peer_sent_locked(to, msg->sender);
	return 0;
}

/**
 * mpipc_post - put a message in the mailbox of one destination
 * @delivery: the delivery for this mailbox, which takes over a reference to the message
 * @slot: the reply slot of the destination, if the message is a request
 * @how: MPIPC_POST_*
 *
 * Return: 0; -EAGAIN if there is no space; -EMSGSIZE if there never will be; -ECONNRESET if the
 * destination has left; -ESHUTDOWN if the sender has left; -ECANCELED if the call is over. After
 * an error the reference stays with the caller.
 */
int mpipc_post(struct mpipc_delivery *delivery, struct mpipc_reply_slot *slot, unsigned int how)
{
	struct mpipc_endpoint *to = delivery->to;
	struct mpipc_endpoint *from = delivery->msg->sender;
	int err;

	spin_lock(&to->box.lock);
	err = mpipc_post_locked(delivery, slot);
	spin_unlock(&to->box.lock);
	if (err == -EMSGSIZE || (err == -EAGAIN && !(how & MPIPC_POST_MAY_WAIT)))
		mpipc_post_lost(to, delivery->msg);
	if (err)
		return err;

	/* The message may be gone already, but its sender is the calling endpoint. */
	atomic64_inc(&from->sent);
	mpipc_mailbox_wake_readers(&to->box, how & MPIPC_POST_SYNC);
	return 0;
}

/**
 * mpipc_post_lost - count a message for which there was no space
 * @to: the destination
 * @msg: the message
 */
void mpipc_post_lost(struct mpipc_endpoint *to, struct mpipc_msg *msg)
{
	spin_lock(&to->box.lock);
	WRITE_ONCE(to->box.lost, to->box.lost + 1);
	to->box.lost_since++;
	spin_unlock(&to->box.lock);
	trace_mpipc_drop(msg, to->id, 1);
}
