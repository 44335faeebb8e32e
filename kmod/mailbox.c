// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "call.h"
#include "endpoint.h"
#include "entry.h"
#include "limits.h"
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
	INIT_LIST_HEAD(&box->shares);
	INIT_DELAYED_WORK(&box->timer, mpipc_calls_expire);
	box->timer_at = KTIME_MAX;
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
 * mpipc_share_new - make a share that is nobody's yet
 *
 * Return: the share with one reference, or NULL.
 */
struct mpipc_share *mpipc_share_new(void)
{
	struct mpipc_share *share = kzalloc(sizeof(*share), GFP_KERNEL_ACCOUNT);

	if (!share)
		return NULL;
	refcount_set(&share->ref, 1);
	INIT_LIST_HEAD(&share->link);
	return share;
}

/**
 * mpipc_share_put - give a reference back
 * @share: the share, or NULL
 */
void mpipc_share_put(struct mpipc_share *share)
{
	if (!share || !refcount_dec_and_test(&share->ref))
		return;
	mpipc_user_put(share->user);
	kfree(share);
}

/**
 * mpipc_mailbox_share - give a secondary its user's share of a mailbox
 * @primary: whose mailbox
 * @ep: a secondary of another user
 * @fresh: a share that is taken if the user has none yet
 */
void mpipc_mailbox_share(struct mpipc_endpoint *primary, struct mpipc_endpoint *ep,
			 struct mpipc_share **fresh)
{
	struct mpipc_mailbox *box = &primary->box;
	struct mpipc_share *share;

	spin_lock(&box->lock);
	list_for_each_entry(share, &box->shares, link)
		if (share->user == ep->user)
			break;
	if (list_entry_is_head(share, &box->shares, link)) {
		share = *fresh;
		*fresh = NULL;
		share->user = mpipc_user_get(ep->user);
		list_add_tail(&share->link, &box->shares);
	} else {
		refcount_inc(&share->ref);
	}
	share->endpoints++;
	ep->share = share;
	spin_unlock(&box->lock);
}

/* What is left of a share is of no use. */
static void check_share(struct mpipc_mailbox *box, struct mpipc_share *share)
{
	lockdep_assert_held(&box->lock);
	if (!share->endpoints && !share->messages)
		list_del_init(&share->link);
}

/**
 * mpipc_mailbox_unshare - a secondary leaves
 * @primary: whose mailbox
 * @ep: the secondary, which keeps its reference for the messages that are there
 */
void mpipc_mailbox_unshare(struct mpipc_endpoint *primary, struct mpipc_endpoint *ep)
{
	if (!ep->share)
		return;
	spin_lock(&primary->box.lock);
	ep->share->endpoints--;
	check_share(&primary->box, ep->share);
	spin_unlock(&primary->box.lock);
}

/* What limits a sender besides the mailbox's own bounds. */
static struct mpipc_share *share_of(struct mpipc_endpoint *to, struct mpipc_msg *msg)
{
	return to->role == MPIPC_PRIMARY ? msg->sender->share : NULL;
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
	struct mpipc_share *share = share_of(to, msg);
	struct mpipc_mailbox *box = &to->box;
	u32 messages = box->max_messages;
	u32 bytes = box->max_bytes;
	u32 size = msg->size;

	lockdep_assert_held(&box->lock);
	if (size > (share ? bytes / 2 : bytes))
		return -EMSGSIZE;
	if (box->messages >= messages || box->bytes > bytes - size)
		return -EAGAIN;
	if (to->role == MPIPC_SECONDARY && !leaves_enough(box, msg))
		return -EAGAIN;
	if (!share)
		return 0;
	messages -= box->messages - share->messages;
	bytes -= box->bytes - share->bytes;
	if (share->messages < max(messages / 2, 1U) && (u64)share->bytes + size <= bytes / 2)
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
	struct mpipc_share *share = share_of(ep, msg);
	struct mpipc_mailbox *box = &ep->box;

	lockdep_assert_held(&box->lock);
	box->messages += sign;
	box->bytes += sign * msg->size;
	box->held += sign * (long)msg->charge;
	if (!share)
		return;
	share->messages += sign;
	share->bytes += sign * msg->size;
	check_share(box, share);
}

/**
 * mpipc_mailbox_heard_locked - remember that a peer has sent something
 * @to: to whom; its mailbox is locked and has it, or its caller will
 * @from: the peer
 */
void mpipc_mailbox_heard_locked(struct mpipc_endpoint *to, struct mpipc_endpoint *from)
{
	lockdep_assert_held(&to->box.lock);
	if (to->role == MPIPC_PRIMARY)
		from->last_up = to->box.seq;
	else
		to->last_down = to->box.seq;
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
 * mpipc_mailbox_joined - tell that a peer is there
 * @to: whom
 * @event: the event, which the mailbox takes over
 *
 * Called under mpipc_group.lock, by which @to cannot begin to leave, and has not.
 */
void mpipc_mailbox_joined(struct mpipc_endpoint *to, struct mpipc_event *event)
{
	event->entry.type = MPIPC_JOINED;
	spin_lock(&to->box.lock);
	mpipc_mailbox_add_locked(&to->box, &event->entry);
	spin_unlock(&to->box.lock);
	mpipc_mailbox_wake_readers(&to->box, false);
}

/**
 * mpipc_mailbox_left - tell that a peer is gone
 * @to: whom
 * @event: the event, which the mailbox takes over
 * @last: number of the newest entry when the peer sent something last
 *
 * A peer that came and went unseen leaves no trace, so unread events cannot become
 * more than the peers there are, the messages there is room for, and the calls that
 * were answered.
 * Called under mpipc_group.lock; @to may have begun to leave, and then does not care.
 */
void mpipc_mailbox_left(struct mpipc_endpoint *to, struct mpipc_event *event,
			const u64 *last)
{
	struct mpipc_mailbox *box = &to->box;
	struct mpipc_event *unseen = NULL;
	bool told = false;

	event->entry.type = MPIPC_LEFT;
	spin_lock(&box->lock);
	/* What was in a mailbox that closed may be gone by now. */
	if (!box->closed)
		unseen = event->other;
	if (unseen && *last < unseen->entry.seq) {
		withdraw(box, &unseen->entry);
	} else if (!box->closed) {
		if (unseen)
			unseen->other = NULL;
		unseen = NULL;
		mpipc_mailbox_add_locked(box, &event->entry);
		told = true;
	}
	spin_unlock(&box->lock);
	if (told) {
		mpipc_mailbox_wake_readers(box, false);
		return;
	}
	if (unseen)
		mpipc_entry_drop(&unseen->entry);
	mpipc_entry_drop(&event->entry);
}

/**
 * mpipc_mailbox_take_locked - take an entry out
 * @ep: whose mailbox, locked
 * @entry: an entry that is in it; the caller's from now on
 */
void mpipc_mailbox_take_locked(struct mpipc_endpoint *ep, struct mpipc_entry *entry)
{
	struct mpipc_event *event;

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
		event = container_of(entry, struct mpipc_event, entry);
		if (event->other)
			event->other->other = NULL;
		event->other = NULL;
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
	struct mpipc_share *share, *next;

	spin_lock(&box->lock);
	WRITE_ONCE(box->closed, true);
	list_splice_init(&box->queue, trash);
	WRITE_ONCE(box->queued, 0);
	box->messages = 0;
	box->bytes = 0;
	box->held = 0;
	list_for_each_entry_safe(share, next, &box->shares, link)
		list_del_init(&share->link);
	spin_unlock(&box->lock);
}
