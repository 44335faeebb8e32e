// SPDX-License-Identifier: GPL-2.0-only
#include <linux/poll.h>
#include <linux/slab.h>

#include "call.h"
#include "endpoint.h"
#include "entry.h"
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
 * mpipc_mailbox_wake_room - say that something was taken out
 * @box: the mailbox
 */
void mpipc_mailbox_wake_room(struct mpipc_mailbox *box)
{
	if (wq_has_sleeper(&box->room))
		wake_up_interruptible(&box->room);
}

static struct mpipc_share *find_share(struct mpipc_mailbox *box,
				      struct mpipc_user *user)
{
	struct mpipc_share *share;

	lockdep_assert_held(&box->lock);
	if (user == box->own.user)
		return &box->own;
	list_for_each_entry(share, &box->shares, link)
		if (share->user == user)
			return share;
	return NULL;
}

/* Gives a user a share, unless another thread did so meanwhile. */
static int add_share(struct mpipc_mailbox *box, struct mpipc_user *user)
{
	struct mpipc_share *share;

	share = kzalloc(sizeof(*share), GFP_KERNEL_ACCOUNT);
	if (!share)
		return -ENOMEM;
	spin_lock(&box->lock);
	if (!find_share(box, user)) {
		share->user = mpipc_user_get(user);
		list_add_tail(&share->link, &box->shares);
		share = NULL;
	}
	spin_unlock(&box->lock);
	kfree(share);
	return 0;
}

static bool has_room(struct mpipc_endpoint *to, struct mpipc_share *share, u32 size)
{
	struct mpipc_mailbox *box = &to->box;
	u32 messages = box->max_messages;
	u32 bytes = box->max_bytes;

	if (box->messages >= messages || size > bytes || box->bytes > bytes - size)
		return false;
	if (share == &box->own || to->role != MPIPC_PRIMARY)
		return true;
	messages -= box->messages - share->messages;
	bytes -= box->bytes - share->bytes;
	return share->messages < messages / 2 &&
	       (u64)share->bytes + size <= bytes / 2;
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
	entry->lost = box->lost_since;
	box->lost_since = 0;
	box->queued++;
	list_add_tail(&entry->link, &box->queue);
}

static int post_locked(struct mpipc_copy *copy, struct mpipc_slot *slot)
{
	struct mpipc_endpoint *to = copy->to;
	struct mpipc_mailbox *box = &to->box;
	struct mpipc_msg *msg = copy->msg;
	struct mpipc_share *share;

	lockdep_assert_held(&box->lock);
	if (box->closed)
		return -ECONNRESET;
	/* Nothing may follow the event that the sender left. */
	if (READ_ONCE(msg->sender->box.closed))
		return -ESHUTDOWN;
	if (slot && mpipc_slot_is_over(slot))
		return -ECANCELED;
	share = find_share(box, msg->sender->user);
	if (!share)
		return -ENODATA;
	if (!has_room(to, share, msg->size))
		return -EAGAIN;

	if (slot)
		mpipc_slot_owe_locked(slot);
	share->messages++;
	share->bytes += msg->size;
	box->messages++;
	box->bytes += msg->size;
	mpipc_mailbox_add_locked(box, &copy->entry);
	return 0;
}

/**
 * mpipc_mailbox_post - put a message in a mailbox
 * @copy: place of the message for this mailbox; holds a reference to the message
 *	that the mailbox takes over
 * @slot: what the receiver will owe, if it is a request
 * @how: MPIPC_POST_*
 *
 * Return: 0; -EAGAIN (no room), -ECONNRESET (the receiver is gone), -ESHUTDOWN
 * (the sender is gone), -ECANCELED (the call is over), -ENOMEM. After an error
 * the reference is still the caller's.
 */
int mpipc_mailbox_post(struct mpipc_copy *copy, struct mpipc_slot *slot,
		       unsigned int how)
{
	struct mpipc_endpoint *to = copy->to;
	struct mpipc_msg *msg = copy->msg;
	struct mpipc_endpoint *from = msg->sender;
	int err;

	for (;;) {
		spin_lock(&to->box.lock);
		err = post_locked(copy, slot);
		spin_unlock(&to->box.lock);
		if (err != -ENODATA)
			break;
		err = add_share(&to->box, from->user);
		if (err)
			return err;
	}
	if (err == -EAGAIN && !(how & MPIPC_POST_WAITS))
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
	to->box.lost++;
	to->box.lost_since++;
	spin_unlock(&to->box.lock);
	trace_mpipc_drop(to, msg);
}

static bool is_from(const struct mpipc_entry *entry, const struct mpipc_endpoint *ep)
{
	switch (entry->type) {
	case MPIPC_MESSAGE:
	case MPIPC_REQUEST:
		return container_of(entry, struct mpipc_copy, entry)->msg->sender == ep;
	case MPIPC_REPLY_TO:
		return container_of(entry, struct mpipc_slot, entry)->peer == ep;
	}
	return false;
}

/* The entry that says that @ep joined, if it is unread and nothing followed. */
static struct mpipc_event *unseen_join(struct mpipc_mailbox *box,
				       const struct mpipc_endpoint *ep)
{
	struct mpipc_entry *entry;

	lockdep_assert_held(&box->lock);
	list_for_each_entry_reverse(entry, &box->queue, link) {
		struct mpipc_event *event;

		if (is_from(entry, ep))
			return NULL;
		if (entry->type != MPIPC_JOINED)
			continue;
		event = container_of(entry, struct mpipc_event, entry);
		if (event->about == ep)
			return event;
	}
	return NULL;
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
	box->queued--;
}

/**
 * mpipc_mailbox_joined - tell that a peer is there
 * @to: whom
 * @event: the event, which the mailbox takes over
 *
 * Called under mpipc_net.lock, by which @to cannot leave.
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
 *
 * A peer that came and went unseen leaves no trace, so unread events cannot
 * become more than the peers there are and the messages there is room for.
 * Called under mpipc_net.lock, by which @to cannot leave.
 */
void mpipc_mailbox_left(struct mpipc_endpoint *to, struct mpipc_event *event)
{
	struct mpipc_mailbox *box = &to->box;
	struct mpipc_event *unseen;

	event->entry.type = MPIPC_LEFT;
	spin_lock(&box->lock);
	unseen = unseen_join(box, event->about);
	if (unseen)
		withdraw(box, &unseen->entry);
	else
		mpipc_mailbox_add_locked(box, &event->entry);
	spin_unlock(&box->lock);
	if (unseen) {
		mpipc_entry_drop(&unseen->entry);
		mpipc_entry_drop(&event->entry);
	} else {
		mpipc_mailbox_wake_readers(box, false);
	}
}

static void count_out(struct mpipc_mailbox *box, struct mpipc_entry *entry, int sign)
{
	struct mpipc_share *share;
	struct mpipc_msg *msg;

	box->queued -= sign;
	box->received += sign;
	if (entry->type != MPIPC_MESSAGE && entry->type != MPIPC_REQUEST)
		return;
	msg = container_of(entry, struct mpipc_copy, entry)->msg;
	share = find_share(box, msg->sender->user);
	share->messages -= sign;
	share->bytes -= sign * msg->size;
	box->messages -= sign;
	box->bytes -= sign * msg->size;
}

/**
 * mpipc_mailbox_take_locked - take an entry out
 * @box: the mailbox, locked
 * @entry: an entry that is in it; the caller's from now on
 */
void mpipc_mailbox_take_locked(struct mpipc_mailbox *box, struct mpipc_entry *entry)
{
	lockdep_assert_held(&box->lock);
	list_del(&entry->link);
	count_out(box, entry, 1);
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
		count_out(box, entry, -1);
	}
	spin_unlock(&box->lock);
	if (closed)
		mpipc_entry_drop(entry);
	else
		mpipc_mailbox_wake_readers(box, false);
}

/**
 * mpipc_mailbox_free_shares - free what mailboxes allocate
 * @box: a mailbox that nothing refers to
 */
void mpipc_mailbox_free_shares(struct mpipc_mailbox *box)
{
	struct mpipc_share *share, *next;

	list_for_each_entry_safe(share, next, &box->shares, link) {
		mpipc_user_put(share->user);
		kfree(share);
	}
}
