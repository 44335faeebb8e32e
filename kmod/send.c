// SPDX-License-Identifier: GPL-2.0-only
#include "address.h"
#include "deadline.h"
#include "pending.h"
#include "post.h"
#include "send.h"
#include "trace.h"

/*
 * Post to those destinations that had no space so far. Return how many still have none, and say in
 * @poor whether the user of the sender holds too much for any of them.
 */
static u32 mpipc_send_try(struct mpipc_msg *msg, u32 n, struct mpipc_reply_slot *slots,
			  unsigned int how, bool *poor)
{
	u32 i, full = 0;

	*poor = false;
	for (i = 0; i < n; i++) {
		struct mpipc_delivery *delivery = &msg->deliveries[i];

		if (i)
			cond_resched();
		if (delivery->result != -EAGAIN)
			continue;
		refcount_inc(&msg->ref);
		delivery->result = mpipc_post(delivery, slots ? &slots[i] : NULL, how);
		if (!delivery->result)
			continue;
		mpipc_msg_put(msg);
		if (delivery->result == -EDQUOT) {
			delivery->result = -EAGAIN;
			*poor = true;
		}
		full += delivery->result == -EAGAIN;
	}
	return full;
}

/* Sleep until something changes. Return 0 or why the wait ends. */
static int mpipc_send_sleep(u64 deadline)
{
	return signal_pending(current) ? -ERESTARTSYS : mpipc_sleep_until(deadline);
}

/*
 * Wait at all full mailboxes at once, so that none of them holds up another, for the user to hold
 * less, and for the end of the sender or of the call.
 */
static int mpipc_send_wait(struct mpipc_msg *msg, u32 n, struct mpipc_reply_slot *slots,
			   u64 deadline)
{
	struct mpipc_endpoint *sender = msg->sender;
	wait_queue_head_t *end = slots ? &slots->call->wait : &sender->box.leaving;
	struct mpipc_user_wait poverty = { .node = LIST_HEAD_INIT(poverty.node) };
	unsigned int how = MPIPC_POST_MAY_WAIT | MPIPC_POST_WATCH;
	struct wait_queue_entry own;
	bool poor, was_poor = false;
	int err = 0;
	u32 i;

	msg->waiter = current;
	for (i = 0; i < n; i++)
		if (msg->deliveries[i].result == -EAGAIN)
			INIT_LIST_HEAD(&msg->deliveries[i].qnode.node);
	init_waitqueue_entry(&own, current);
	add_wait_queue(end, &own);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!mpipc_send_try(msg, n, slots, how, &poor)) {
			err = 0;
			break;
		}
		if (err)
			break;
		how |= MPIPC_POST_AGAIN;
		if (poor && list_empty_careful(&poverty.node)) {
			mpipc_user_watch(sender->user, &poverty);
			was_poor = true;
			continue;
		}
		if (was_poor && !poor)
			mpipc_user_unwatch(sender->user, &poverty);
		/* Let the next sender of the user try, if this one was woken to no avail. */
		if (was_poor)
			mpipc_user_wake(sender->user, false);
		was_poor = poor;
		err = mpipc_send_sleep(deadline);
	}
	__set_current_state(TASK_RUNNING);
	for (i = 0; i < n; i++)
		if (msg->deliveries[i].result == -EAGAIN)
			mpipc_post_unwatch(&msg->deliveries[i]);
	mpipc_user_unwatch(sender->user, &poverty);
	mpipc_user_wake(sender->user, false);
	remove_wait_queue(end, &own);
	return err;
}

/**
 * mpipc_send_post - post a message to all its destinations
 * @msg: the message
 * @n: number of its destinations
 * @slots: their reply slots, if the message is a request, or NULL
 * @deadline: how long to wait for space; 0 means not to wait
 * @how: %MPIPC_POST_SYNC if the caller is about to sleep, or 0
 *
 * The result of each delivery is that of mpipc_post(), or -ETIMEDOUT if there was no space until
 * the deadline.
 *
 * Return: 0, or -ERESTARTSYS if a signal came before any destination got the message.
 */
int mpipc_send_post(struct mpipc_msg *msg, u32 n, struct mpipc_reply_slot *slots, u64 deadline,
		    unsigned int how)
{
	u32 i, sent = 0;
	bool poor;
	int err;

	how |= deadline ? MPIPC_POST_MAY_WAIT : 0;
	if (!mpipc_send_try(msg, n, slots, how, &poor) || !deadline)
		return 0;
	err = mpipc_send_wait(msg, n, slots, deadline);
	for (i = 0; i < n; i++)
		sent += !msg->deliveries[i].result;
	if (err == -ERESTARTSYS && !sent)
		return err;
	for (i = 0; err && i < n; i++) {
		if (msg->deliveries[i].result != -EAGAIN)
			continue;
		mpipc_post_lost(msg->deliveries[i].to, msg);
		if (err == -ETIMEDOUT)
			msg->deliveries[i].result = err;
	}
	return 0;
}

/*
 * Send to @n destinations, and let go of them and of the message. If the sender will @retry, a
 * message that nobody got is not lost. Say in @full why destinations had no space: -EMSGSIZE only
 * if none of them can ever have space.
 */
static int mpipc_send_deliver(struct mpipc_msg *msg, u32 n, struct mpipc_send_args *arg, bool retry,
			      int *full)
{
	u64 deadline = mpipc_endpoint_deadline(msg->sender, arg->deadline);
	int err;
	u32 i;

	trace_mpipc_send(msg, arg->to, n);
	arg->sent = 0;
	arg->full = 0;
	*full = 0;
	err = mpipc_send_post(msg, n, NULL, deadline, retry ? MPIPC_POST_MAY_WAIT : 0);
	for (i = 0; i < n; i++) {
		int result = msg->deliveries[i].result;

		arg->sent += !result;
		if (result == -EAGAIN || result == -ETIMEDOUT || result == -EMSGSIZE) {
			arg->full++;
			if (!*full || *full == -EMSGSIZE)
				*full = result;
		}
		if (!err && (arg->to != MPIPC_TO_ALL || result == -ESHUTDOWN))
			err = result;
	}
	for (i = 0; retry && arg->sent && i < n; i++)
		if (msg->deliveries[i].result == -EAGAIN)
			mpipc_post_lost(msg->deliveries[i].to, msg);
	/* A message to all was sent if any destination got it, even if the sender then left. */
	if (arg->to == MPIPC_TO_ALL && arg->sent)
		err = 0;
	mpipc_address_release(msg, n);
	mpipc_msg_put(msg);
	return err;
}

/**
 * mpipc_send - send a message
 * @ep: the sender
 * @arg: the sender's argument; its out members are filled in
 *
 * Return: 0 or an error as &struct mpipc_send_args says.
 */
int mpipc_send(struct mpipc_endpoint *ep, struct mpipc_send_args *arg)
{
	struct mpipc_msg *msg;
	int n, full;

	if (arg->flags & ~MPIPC_PASS_MPIPC || arg->reserved)
		return -EINVAL;
	n = mpipc_address_import(ep, &arg->body, NULL, arg->flags, arg->to, &msg);
	return n < 0 ? n : mpipc_send_deliver(msg, n, arg, false, &full);
}

/* Check that a written record has nothing but what it may have. */
static bool mpipc_send_is_sendable(const struct mpipc_record *record, size_t len)
{
	struct mpipc_record plain = {
		.type = MPIPC_MESSAGE,
		.peer = record->peer,
		.deadline = record->deadline,
		.size = record->size,
	};

	memcpy(plain.name, record->name, sizeof(plain.name));
	return record->size == len - sizeof(*record) && !memcmp(&plain, record, sizeof(plain));
}

/**
 * mpipc_send_written - send a message that was written
 * @ep: the sender
 * @from: a &struct mpipc_record and its payload
 * @nonblock: do not wait for space
 * @retry: do not wait for space, and the sender will try again
 *
 * Return: number of bytes consumed, or an error as &struct mpipc_record says.
 */
ssize_t mpipc_send_written(struct mpipc_endpoint *ep, struct iov_iter *from, bool nonblock,
			   bool retry)
{
	size_t len = iov_iter_count(from);
	struct mpipc_send_args arg = { };
	struct mpipc_record record;
	struct mpipc_msg *msg;
	int n, err, full;

	if (len < sizeof(record))
		return -EINVAL;
	if (!copy_from_iter_full(&record, sizeof(record), from))
		return -EFAULT;
	if (!mpipc_send_is_sendable(&record, len))
		return -EINVAL;
	arg.to = record.peer;
	arg.deadline = nonblock || retry ? 0 : record.deadline;
	arg.body.size = record.size;
	memcpy(arg.body.name, record.name, sizeof(record.name));
	n = mpipc_address_import(ep, &arg.body, from, 0, arg.to, &msg);
	if (n < 0)
		return n;
	err = mpipc_send_deliver(msg, n, &arg, retry, &full);
	if (!err && !arg.sent)
		err = full;
	return err ?: (ssize_t)len;
}
