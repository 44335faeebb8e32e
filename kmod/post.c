// SPDX-License-Identifier: GPL-2.0-only
#include "event.h"
#include "pending.h"
#include "post.h"
#include "quota.h"
#include "trace.h"

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
