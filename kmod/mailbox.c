// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "call.h"
#include "endpoint.h"
#include "entry.h"
#include "limits.h"
#include "link.h"
#include "mailbox.h"
#include "message.h"
#include "trace.h"
#include "user.h"

/**
 * mpipc_mailbox_init - make a mailbox that nobody can post to yet
 * @box: the mailbox
 */
void mpipc_mailbox_init(struct mpipc_mailbox *box)
{
	spin_lock_init(&box->lock);
	INIT_LIST_HEAD(&box->queue);
	INIT_LIST_HEAD(&box->calls);
	INIT_LIST_HEAD(&box->quotas);
	box->owed = RB_ROOT;
	init_waitqueue_head(&box->readers);
	init_waitqueue_head(&box->room);
}

/**
 * mpipc_mailbox_wake_readers - say that there is an entry
 * @box: the mailbox
 * @sync: the caller sleeps at once, so the reader need not go to another CPU
 */
void mpipc_mailbox_wake_readers(struct mpipc_mailbox *box, bool sync)
{
	if (!wq_has_sleeper(&box->readers))
		return;
	if (sync)
		wake_up_interruptible_sync_poll(&box->readers, EPOLLIN | EPOLLRDNORM);
	else
		wake_up_interruptible_poll(&box->readers, EPOLLIN | EPOLLRDNORM);
}

/**
 * mpipc_mailbox_wake_pollers - wake all that poll, whoever else waits there
 * @box: the mailbox
 * @events: what poll says now
 */
void mpipc_mailbox_wake_pollers(struct mpipc_mailbox *box, __poll_t events)
{
	__wake_up(&box->readers, TASK_INTERRUPTIBLE, 0, poll_to_key(events));
}

/* What is left of a quota is of no use. */
static void check_quota(struct mpipc_mailbox *box, struct mpipc_quota *quota)
{
	lockdep_assert_held(&box->lock);
	if (!quota->endpoints && !quota->messages)
		list_del_init(&quota->node);
}

/**
 * mpipc_quota_join - give a secondary its user's quota of its primary's mailbox
 * @link: the link of the two
 */
void mpipc_quota_join(struct mpipc_link *link)
{
	struct mpipc_endpoint *primary = link->to_secondary.about;
	struct mpipc_user *user = link->to_primary.about->user;
	struct mpipc_mailbox *box = &primary->box;
	struct mpipc_quota *quota;

	if (user == primary->user)
		return;
	spin_lock(&box->lock);
	list_for_each_entry(quota, &box->quotas, node)
		if (quota->user == user)
			break;
	if (list_entry_is_head(quota, &box->quotas, node)) {
		quota = &link->own_quota;
		quota->user = mpipc_user_get(user);
		list_add_tail(&quota->node, &box->quotas);
	} else {
		mpipc_link_get(container_of(quota, struct mpipc_link, own_quota));
	}
	quota->endpoints++;
	link->quota = quota;
	spin_unlock(&box->lock);
}

/**
 * mpipc_quota_leave - a secondary leaves
 * @link: its link, which it keeps for the messages that are in its primary's mailbox
 */
void mpipc_quota_leave(struct mpipc_link *link)
{
	struct mpipc_mailbox *box = &link->to_secondary.about->box;

	if (!link->quota)
		return;
	spin_lock(&box->lock);
	link->quota->endpoints--;
	check_quota(box, link->quota);
	spin_unlock(&box->lock);
}

/* What limits a sender besides the mailbox's own bounds. */
static struct mpipc_quota *quota_of(struct mpipc_endpoint *to, struct mpipc_msg *msg)
{
	struct mpipc_link *link = to->role == MPIPC_PRIMARY ? msg->sender->link : NULL;

	return link ? link->quota : NULL;
}

/* Whether what the mailbox of a secondary holds leaves enough to its sender's user. */
static bool leaves_enough(struct mpipc_mailbox *box, struct mpipc_msg *msg)
{
	long limit = min_t(unsigned long, READ_ONCE(mpipc_user_bytes), LONG_MAX);
	/* The message itself is counted by now. */
	long elsewhere = atomic_long_read(&msg->sender->user->bytes) - msg->charge - box->held;

	return !box->held || box->held + msg->charge <= (limit - elsewhere) / 2;
}

/* Returns 0; -EAGAIN: not now; -EMSGSIZE: not even if it were empty. */
static int check_room(struct mpipc_endpoint *to, struct mpipc_msg *msg)
{
	struct mpipc_quota *quota = quota_of(to, msg);
	struct mpipc_mailbox *box = &to->box;
	u32 messages = box->max_messages;
	u32 bytes = box->max_bytes;
	u32 size = msg->size;

	lockdep_assert_held(&box->lock);
	if (size > (quota ? bytes / 2 : bytes))
		return -EMSGSIZE;
	if (box->messages >= messages || box->bytes > bytes - size)
		return -EAGAIN;
	if (to->role == MPIPC_SECONDARY && !leaves_enough(box, msg))
		return -EAGAIN;
	if (!quota)
		return 0;
	messages -= box->messages - quota->messages;
	bytes -= box->bytes - quota->bytes;
	if (quota->messages < max(messages / 2, 1U) && (u64)quota->bytes + size <= bytes / 2)
		return 0;
	return -EAGAIN;
}

/**
 * mpipc_mailbox_add_locked - link an entry that there is always room for
 * @box: the mailbox, locked and open
 * @entry: the entry
 */
void mpipc_mailbox_add_locked(struct mpipc_mailbox *box, struct mpipc_entry *entry)
{
	lockdep_assert_held(&box->lock);
	entry->seq = ++box->seq;
	if (entry->type != MPIPC_JOINED)
		box->seq_sure = entry->seq;
	entry->lost = box->lost_since;
	box->lost_since = 0;
	WRITE_ONCE(box->queued, box->queued + 1);
	list_add_tail(&entry->link, &box->queue);
}

static void count_message(struct mpipc_endpoint *ep, struct mpipc_msg *msg, int sign)
{
	struct mpipc_quota *quota = quota_of(ep, msg);
	struct mpipc_mailbox *box = &ep->box;

	lockdep_assert_held(&box->lock);
	box->messages += sign;
	box->bytes += sign * msg->size;
	box->held += sign * (long)msg->charge;
	if (!quota)
		return;
	quota->messages += sign;
	quota->bytes += sign * msg->size;
	check_quota(box, quota);
}

/**
 * mpipc_mailbox_heard_locked - remember that a peer has sent something
 * @to: to whom; its mailbox is locked and has it, or its caller will
 * @from: the peer
 */
void mpipc_mailbox_heard_locked(struct mpipc_endpoint *to, struct mpipc_endpoint *from)
{
	struct mpipc_link *link = to->role == MPIPC_PRIMARY ? from->link : to->link;

	lockdep_assert_held(&to->box.lock);
	if (link)
		mpipc_link_end_of(link, to)->last = to->box.seq;
}

/* Also if there is no use in waiting any more. */
static int wake_if_room(struct wait_queue_entry *wait, unsigned int mode, int flags,
			void *key)
{
	struct mpipc_room_wait *room = container_of(wait, struct mpipc_room_wait, wait);
	struct mpipc_endpoint *to = room->copy->to;
	bool wake;

	spin_lock(&to->box.lock);
	wake = to->box.closed || (room->slot && mpipc_slot_is_over(room->slot)) ||
	       check_room(to, room->copy->msg) != -EAGAIN;
	spin_unlock(&to->box.lock);
	return wake ? default_wake_function(wait, mode, flags, NULL) : 0;
}

/**
 * mpipc_room_watch - be woken when there is room
 * @wait: what stands for the calling thread until mpipc_room_unwatch()
 * @copy: what has not been posted for want of room
 * @slot: its slot, if it is a request
 */
void mpipc_room_watch(struct mpipc_room_wait *wait, struct mpipc_copy *copy,
		      struct mpipc_slot *slot)
{
	init_waitqueue_func_entry(&wait->wait, wake_if_room);
	wait->wait.private = current;
	wait->copy = copy;
	wait->slot = slot;
	add_wait_queue_exclusive(&copy->to->box.room, &wait->wait);
}

/**
 * mpipc_room_unwatch - wait no more, and pass on what room is left
 * @wait: as given to mpipc_room_watch(); nothing is done if it waits no more
 */
void mpipc_room_unwatch(struct mpipc_room_wait *wait)
{
	struct mpipc_mailbox *box;

	if (!wait->copy)
		return;
	box = &wait->copy->to->box;
	remove_wait_queue(&box->room, &wait->wait);
	wait->copy = NULL;
	mpipc_mailbox_wake_room(box);
}

/**
 * mpipc_mailbox_wake_room - say that there may be room
 * @box: the mailbox
 */
void mpipc_mailbox_wake_room(struct mpipc_mailbox *box)
{
	if (wq_has_sleeper(&box->room))
		wake_up_interruptible(&box->room);
}

static int post_locked(struct mpipc_copy *copy, struct mpipc_slot *slot)
{
	struct mpipc_endpoint *to = copy->to;
	struct mpipc_mailbox *box = &to->box;
	struct mpipc_msg *msg = copy->msg;
	int err;

	lockdep_assert_held(&box->lock);
	if (box->closed)
		return -ECONNRESET;
	/* Nothing may follow the event that the sender left. */
	if (READ_ONCE(msg->sender->box.closed))
		return -ESHUTDOWN;
	if (slot && mpipc_slot_is_over(slot))
		return -ECANCELED;
	err = check_room(to, msg);
	if (err)
		return err;
	if (slot)
		mpipc_slot_owe_locked(slot);
	mpipc_mailbox_add_locked(box, &copy->entry);
	count_message(to, msg, 1);
	mpipc_mailbox_heard_locked(to, msg->sender);
	return 0;
}

/**
 * mpipc_mailbox_post - put a message in a mailbox
 * @copy: place of the message for this mailbox; holds a reference to the message
 *	that the mailbox takes over
 * @slot: what the receiver will owe, if it is a request
 * @how: MPIPC_POST_*
 *
 * Return: 0; -EAGAIN (no room), -EMSGSIZE (never room for this), -ECONNRESET (the
 * receiver is gone), -ESHUTDOWN (the sender is gone), -ECANCELED (the call is over).
 * After an error the reference is still the caller's.
 */
int mpipc_mailbox_post(struct mpipc_copy *copy, struct mpipc_slot *slot,
		       unsigned int how)
{
	struct mpipc_endpoint *to = copy->to;
	struct mpipc_msg *msg = copy->msg;
	struct mpipc_endpoint *from = msg->sender;
	int err;

	spin_lock(&to->box.lock);
	err = post_locked(copy, slot);
	spin_unlock(&to->box.lock);
	if (err == -EMSGSIZE || (err == -EAGAIN && !(how & MPIPC_POST_WAITS)))
		mpipc_mailbox_lose(to, msg);
	if (err)
		return err;

	/* The message may be gone already; its sender is the caller. */
	atomic64_inc(&from->sent);
	mpipc_mailbox_wake_readers(&to->box, how & MPIPC_POST_SYNC);
	return 0;
}

/**
 * mpipc_mailbox_lose - count a message that there was no room for
 * @to: whose mailbox
 * @msg: the message
 */
void mpipc_mailbox_lose(struct mpipc_endpoint *to, struct mpipc_msg *msg)
{
	spin_lock(&to->box.lock);
	WRITE_ONCE(to->box.lost, to->box.lost + 1);
	to->box.lost_since++;
	spin_unlock(&to->box.lock);
	trace_mpipc_drop(to, msg);
}

static struct mpipc_link_end *to_link_end(struct mpipc_entry *event)
{
	return event->type == MPIPC_JOINED ? container_of(event, struct mpipc_link_end, joined) :
					     container_of(event, struct mpipc_link_end, left);
}

/**
 * mpipc_event_about - find whom an event is about
 * @event: the event
 *
 * Return: the endpoint, to which the event has a reference.
 */
struct mpipc_endpoint *mpipc_event_about(struct mpipc_entry *event)
{
	return to_link_end(event)->about;
}

/**
 * mpipc_event_drop - let go of an event that is in no mailbox any more
 * @event: the event
 */
void mpipc_event_drop(struct mpipc_entry *event)
{
	struct mpipc_link *link = to_link_end(event)->link;

	mpipc_endpoint_put(to_link_end(event)->about);
	mpipc_link_put(link);
}

/**
 * mpipc_event_seen_locked - remember that an event is taken out
 * @event: the event; its mailbox is locked
 */
void mpipc_event_seen_locked(struct mpipc_entry *event)
{
	to_link_end(event)->unseen = false;
}

/* What @to is to hear of the other end of a link; NULL if it does not want to. */
static struct mpipc_link_end *wanted_end(struct mpipc_link *link, struct mpipc_endpoint *to)
{
	return link && to->flags & MPIPC_JOIN_EVENTS ? mpipc_link_end_of(link, to) : NULL;
}

/* Puts an event in, with its references. */
static void add_event(struct mpipc_mailbox *box, struct mpipc_link_end *end,
		      struct mpipc_entry *event)
{
	mpipc_link_get(end->link);
	mpipc_endpoint_get(end->about);
	mpipc_mailbox_add_locked(box, event);
	end->unseen = event == &end->joined;
}

/* Takes an event out, and passes on what it says of lost messages. */
static void withdraw(struct mpipc_mailbox *box, struct mpipc_entry *entry)
{
	lockdep_assert_held(&box->lock);
	if (list_is_last(&entry->link, &box->queue))
		box->lost_since += entry->lost;
	else
		list_next_entry(entry, link)->lost += entry->lost;
	list_del(&entry->link);
	WRITE_ONCE(box->queued, box->queued - 1);
}

/**
 * mpipc_event_joined - tell that a peer is there
 * @to: whom
 * @link: its link with the peer, or NULL
 *
 * Called under mpipc_group.lock, by which @to cannot begin to leave, and has not.
 */
void mpipc_event_joined(struct mpipc_endpoint *to, struct mpipc_link *link)
{
	struct mpipc_link_end *end = wanted_end(link, to);

	if (!end)
		return;
	spin_lock(&to->box.lock);
	add_event(&to->box, end, &end->joined);
	spin_unlock(&to->box.lock);
	mpipc_mailbox_wake_readers(&to->box, false);
}

/**
 * mpipc_event_left - tell that a peer is gone
 * @to: whom
 * @link: its link with the peer, or NULL
 *
 * A peer that came and went unseen, and sent nothing, leaves no trace, so unread events
 * cannot become more than the peers there are, the messages there is room for, and the
 * calls that were answered.
 * Called under mpipc_group.lock; @to may have begun to leave, and then does not care.
 */
void mpipc_event_left(struct mpipc_endpoint *to, struct mpipc_link *link)
{
	struct mpipc_link_end *end = wanted_end(link, to);
	struct mpipc_mailbox *box = &to->box;
	bool closed, unseen;

	if (!end)
		return;
	spin_lock(&box->lock);
	/* What was in a mailbox that closed may be gone by now. */
	closed = box->closed;
	unseen = !closed && end->unseen && end->last < end->joined.seq;
	if (unseen)
		withdraw(box, &end->joined);
	else if (!closed)
		add_event(box, end, &end->left);
	spin_unlock(&box->lock);
	if (unseen)
		mpipc_event_drop(&end->joined);
	else if (!closed)
		mpipc_mailbox_wake_readers(box, false);
}

/**
 * mpipc_mailbox_take_locked - take an entry out
 * @ep: whose mailbox, locked
 * @entry: an entry that is in it; the caller's from now on
 */
void mpipc_mailbox_take_locked(struct mpipc_endpoint *ep, struct mpipc_entry *entry)
{
	lockdep_assert_held(&ep->box.lock);
	list_del(&entry->link);
	WRITE_ONCE(ep->box.queued, ep->box.queued - 1);
	ep->box.received++;
	switch (entry->type) {
	case MPIPC_MESSAGE:
	case MPIPC_REQUEST:
		count_message(ep, mpipc_entry_msg(entry), -1);
		break;
	case MPIPC_JOINED:
	case MPIPC_LEFT:
		mpipc_event_seen_locked(entry);
	}
}

/**
 * mpipc_mailbox_untake - put an entry back that could not be delivered
 * @ep: whose mailbox
 * @entry: the entry, as it was taken
 *
 * Its room may have been given away meanwhile, so the mailbox can hold one entry
 * too many for each reader that passed a bad pointer.
 */
void mpipc_mailbox_untake(struct mpipc_endpoint *ep, struct mpipc_entry *entry)
{
	struct mpipc_mailbox *box = &ep->box;
	bool closed;

	spin_lock(&box->lock);
	closed = box->closed;
	if (!closed) {
		list_add(&entry->link, &box->queue);
		WRITE_ONCE(box->queued, box->queued + 1);
		box->received--;
		if (entry->type == MPIPC_MESSAGE || entry->type == MPIPC_REQUEST)
			count_message(ep, mpipc_entry_msg(entry), 1);
	}
	spin_unlock(&box->lock);
	if (closed)
		mpipc_entry_drop(entry);
	else
		mpipc_mailbox_wake_readers(box, false);
}

/**
 * mpipc_mailbox_close - let nothing in any more
 * @box: the mailbox
 * @trash: where what is in it goes
 */
void mpipc_mailbox_close(struct mpipc_mailbox *box, struct list_head *trash)
{
	spin_lock(&box->lock);
	WRITE_ONCE(box->closed, true);
	list_splice_init(&box->queue, trash);
	WRITE_ONCE(box->queued, 0);
	box->messages = 0;
	box->bytes = 0;
	box->held = 0;
	while (!list_empty(&box->quotas))
		list_del_init(box->quotas.next);
	spin_unlock(&box->lock);
}
