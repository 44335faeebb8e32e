// SPDX-License-Identifier: GPL-2.0-only
#include "event.h"
#include "pending.h"
#include "post.h"
#include "quota.h"
#include "trace.h"

/* The most users that are offered space at once. */
#define MPIPC_TURNS 8

/* Offer space to the sender that waits longest in a list. */
static void mpipc_space_offer_first_locked(struct mpipc_endpoint *to, struct list_head *waiting)
{
	struct mpipc_delivery *delivery;

	lockdep_assert_held(&to->box.lock);
	delivery = list_first_entry_or_null(waiting, struct mpipc_delivery, qnode.node);
	if (!delivery || mpipc_quota_check_space(to, mpipc_delivery_msg(delivery)) == -EAGAIN)
		return;
	list_del_init(&delivery->qnode.node);
	/* The thread cannot end its wait before it gets the lock. */
	wake_up_process(mpipc_delivery_msg(delivery)->waiter);
}

/**
 * mpipc_space_offer_to_some_locked - offer the space in a mailbox to the senders that wait for it
 * @to: the endpoint, whose mailbox is locked
 */
void mpipc_space_offer_to_some_locked(struct mpipc_endpoint *to)
{
	struct mpipc_mailbox *box = &to->box;
	struct mpipc_quota *quota, *next;
	int n = 0;

	mpipc_space_offer_first_locked(to, &box->waiting);
	list_for_each_entry_safe(quota, next, &box->turns, node) {
		if (n++ == MPIPC_TURNS)
			break;
		mpipc_space_offer_first_locked(to, &quota->waiting);
		if (list_empty(&quota->waiting))
			list_move(&quota->node, &box->quotas);
	}
	list_rotate_left(&box->turns);
}

/*
 * Let a sender wait no more. Its user has no turn unless others of its senders wait, because a turn
 * that nobody takes would be one of the few that are offered space.
 */
static void mpipc_space_unwatch_locked(struct mpipc_delivery *delivery)
{
	struct mpipc_mailbox *box = &delivery->to->box;
	struct mpipc_quota *quota;

	lockdep_assert_held(&box->lock);
	list_del_init(&delivery->qnode.node);
	if (box->closed)
		return;
	quota = mpipc_quota_of(delivery->to, mpipc_delivery_msg(delivery));
	/* The quota is in neither list if nothing is counted in it. */
	if (quota && list_empty(&quota->waiting) && !list_empty(&quota->node))
		list_move(&quota->node, &box->quotas);
}

/* Let a sender wait for space. If it has waited before, it gets its place back. */
static void mpipc_space_watch_locked(struct mpipc_delivery *delivery, bool again)
{
	struct mpipc_mailbox *box = &delivery->to->box;
	struct mpipc_quota *quota = mpipc_quota_of(delivery->to, mpipc_delivery_msg(delivery));
	struct list_head *waiting = quota ? &quota->waiting : &box->waiting;

	lockdep_assert_held(&box->lock);
	if (quota && list_empty(waiting) && again)
		list_move(&quota->node, &box->turns);
	else if (quota && list_empty(waiting))
		list_move_tail(&quota->node, &box->turns);
	if (again)
		list_add(&delivery->qnode.node, waiting);
	else
		list_add_tail(&delivery->qnode.node, waiting);
}

/**
 * mpipc_post_unwatch - stop waiting for space, and offer the space to others
 * @delivery: the delivery, which was not posted
 */
void mpipc_post_unwatch(struct mpipc_delivery *delivery)
{
	struct mpipc_endpoint *to = delivery->to;

	spin_lock(&to->box.lock);
	mpipc_space_unwatch_locked(delivery);
	if (!to->box.closed)
		mpipc_space_offer_locked(to);
	spin_unlock(&to->box.lock);
}

/**
 * mpipc_space_close - wake all senders that wait for space in a mailbox, which was closed
 * @box: the mailbox
 */
void mpipc_space_close(struct mpipc_mailbox *box)
{
	struct mpipc_delivery *delivery;
	struct mpipc_quota *quota;

	do {
		spin_lock(&box->lock);
		quota = list_first_entry_or_null(&box->turns, struct mpipc_quota, node);
		delivery = list_first_entry_or_null(quota ? &quota->waiting : &box->waiting,
						    struct mpipc_delivery, qnode.node);
		if (delivery) {
			list_del_init(&delivery->qnode.node);
			wake_up_process(mpipc_delivery_msg(delivery)->waiter);
		} else if (quota) {
			list_del_init(&quota->node);
		}
		spin_unlock(&box->lock);
		cond_resched();
	} while (delivery || quota);
}

static int mpipc_post_locked(struct mpipc_delivery *delivery, struct mpipc_reply_slot *slot)
{
	struct mpipc_endpoint *to = delivery->to;
	struct mpipc_mailbox *box = &to->box;
	struct mpipc_msg *msg = mpipc_delivery_msg(delivery);
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
	if (to->user != msg->sender->user && !msg->abroad)
		mpipc_quota_send_abroad(msg);
	mpipc_event_peer_sent_locked(to, msg->sender);
	return 0;
}

/* Post for a sender that waits for space where there is none. */
static int mpipc_post_waiting_locked(struct mpipc_delivery *delivery, struct mpipc_reply_slot *slot,
				     bool again)
{
	int err;

	mpipc_space_unwatch_locked(delivery);
	err = mpipc_post_locked(delivery, slot);
	if (err == -EAGAIN)
		mpipc_space_watch_locked(delivery, again);
	else if (!delivery->to->box.closed)
		mpipc_space_offer_locked(delivery->to);
	return err;
}

/**
 * mpipc_post - put a message in the mailbox of one destination
 * @delivery: the delivery for this mailbox, which takes over a reference to the message
 * @slot: the reply slot of the destination, if the message is a request
 * @how: MPIPC_POST_*
 *
 * Return: 0; -EAGAIN if there is no space; -EDQUOT if the sender's user holds too much; -EMSGSIZE
 * if there never will be space; -ECONNRESET if the destination has left; -ESHUTDOWN if the sender
 * has left; -ECANCELED if the call is over. After an error the reference stays with the caller.
 */
int mpipc_post(struct mpipc_delivery *delivery, struct mpipc_reply_slot *slot, unsigned int how)
{
	struct mpipc_endpoint *to = delivery->to;
	struct mpipc_endpoint *from = mpipc_delivery_msg(delivery)->sender;
	int err;

	spin_lock(&to->box.lock);
	if (how & MPIPC_POST_WATCH)
		err = mpipc_post_waiting_locked(delivery, slot, how & MPIPC_POST_AGAIN);
	else
		err = mpipc_post_locked(delivery, slot);
	spin_unlock(&to->box.lock);
	if (err == -EAGAIN || err == -EDQUOT ? !(how & MPIPC_POST_MAY_WAIT) : err == -EMSGSIZE)
		mpipc_post_lost(to, mpipc_delivery_msg(delivery));
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
