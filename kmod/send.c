// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "deadline.h"
#include "endpoint.h"
#include "group.h"
#include "message.h"
#include "send.h"
#include "trace.h"

/* How many places a message needs; for all, a guess that address() checks. */
static u32 guess_copies(struct mpipc_endpoint *ep, u64 to)
{
	return to == MPIPC_TO_ALL ? READ_ONCE(ep->group->n_members) : 1;
}

/* Those that came with this primary, or follow it. */
static bool belongs_to(struct mpipc_endpoint *secondary, struct mpipc_endpoint *primary)
{
	return secondary->role == MPIPC_SECONDARY &&
	       READ_ONCE(secondary->generation) == primary->generation;
}

static int address_all(struct mpipc_msg *msg)
{
	struct mpipc_endpoint *from = msg->sender, *ep;
	unsigned long index;
	u32 n = 0;

	if (from->role != MPIPC_PRIMARY)
		return -EOPNOTSUPP;
	rcu_read_lock();
	xa_for_each(&from->group->members, index, ep) {
		if (!belongs_to(ep, from))
			continue;
		if (n == msg->n_copies)
			goto undo;
		if (refcount_inc_not_zero(&ep->ref))
			msg->copies[n++].to = ep;
	}
	rcu_read_unlock();
	return n;

undo:
	rcu_read_unlock();
	mpipc_send_unaddress(msg, n);
	return -ENOSPC;
}

/* Under RCU. */
static struct mpipc_endpoint *find_member(struct mpipc_group *group, u64 id)
{
	struct mpipc_endpoint *ep;

	ep = xa_load(&group->members, id & (BIT(MPIPC_INDEX_BITS) - 1));
	return ep && ep->id == id ? ep : NULL;
}

/* Under RCU. */
static struct mpipc_endpoint *find_primary(struct mpipc_endpoint *from, u64 to)
{
	struct mpipc_endpoint *ep = rcu_dereference(from->group->primary);

	if (to != MPIPC_TO_PRIMARY && (!ep || ep->id != to)) {
		ep = find_member(from->group, to);
		return ERR_PTR(ep ? -EOPNOTSUPP : -ESRCH);
	}
	if (!ep)
		return ERR_PTR(-ECONNREFUSED);
	if (ep->generation != READ_ONCE(from->generation))
		return ERR_PTR(-ESTALE);
	return ep;
}

/* Under RCU. */
static struct mpipc_endpoint *find_secondary(struct mpipc_endpoint *from, u64 to)
{
	struct mpipc_endpoint *ep = find_member(from->group, to);

	if (to == MPIPC_TO_PRIMARY || ep == from)
		return ERR_PTR(-EOPNOTSUPP);
	if (!ep || !belongs_to(ep, from))
		return ERR_PTR(-ESRCH);
	return ep;
}

static int address_one(struct mpipc_msg *msg, u64 to)
{
	struct mpipc_endpoint *from = msg->sender, *ep;
	int n = 1;

	rcu_read_lock();
	ep = from->role == MPIPC_PRIMARY ? find_secondary(from, to) :
					   find_primary(from, to);
	if (IS_ERR(ep))
		n = PTR_ERR(ep);
	else if (!refcount_inc_not_zero(&ep->ref))
		n = -ESRCH;
	rcu_read_unlock();
	msg->copies[0].to = ep;
	return n;
}

/* Fills in the copies; -ENOSPC: there are more destinations than copies. */
static int address(struct mpipc_msg *msg, u64 to)
{
	int i, n = to == MPIPC_TO_ALL ? address_all(msg) : address_one(msg, to);

	for (i = 0; i < n; i++) {
		msg->copies[i].msg = msg;
		msg->copies[i].entry.type = MPIPC_MESSAGE;
	}
	return n;
}

/**
 * mpipc_send_prepare - make a message and find its destinations
 * @ep: who sends it
 * @body: what it consists of
 * @flags: %MPIPC_PASS_MPIPC, others are ignored
 * @to: destination
 * @msg: where the message goes, unless there is an error
 *
 * Return: how many destinations there are, each with a reference in its copy, or
 * an error as &struct mpipc_send says.
 */
int mpipc_send_prepare(struct mpipc_endpoint *ep, const struct mpipc_body *body,
		       u32 flags, u64 to, struct mpipc_msg **msg)
{
	int n;

	do {
		*msg = mpipc_msg_import(ep, body, flags & MPIPC_PASS_MPIPC,
					guess_copies(ep, to), MPIPC_SENDER_PAYS);
		if (IS_ERR(*msg))
			return PTR_ERR(*msg);
		n = address(*msg, to);
		if (n < 0)
			mpipc_msg_put(*msg);
	} while (n == -ENOSPC);
	return n;
}

/**
 * mpipc_send_unaddress - let go of destinations that nothing was posted to
 * @msg: the message
 * @n: how many there are
 */
void mpipc_send_unaddress(struct mpipc_msg *msg, u32 n)
{
	while (n--)
		mpipc_endpoint_put(msg->copies[n].to);
}

/**
 * mpipc_send_post_waiting - post a message as soon as there is room
 * @copy: as for mpipc_mailbox_post(), which has said -EAGAIN to it
 * @slot: likewise
 * @deadline: when to give up
 *
 * Return: as mpipc_mailbox_post(), -ETIMEDOUT or -ERESTARTSYS. Loss is not
 * counted here.
 */
int mpipc_send_post_waiting(struct mpipc_copy *copy, struct mpipc_slot *slot,
			    u64 deadline)
{
	wait_queue_head_t *room = &copy->to->box.room;
	int err = 0, posted;
	DEFINE_WAIT(wait);

	for (;;) {
		prepare_to_wait(room, &wait, TASK_INTERRUPTIBLE);
		posted = mpipc_mailbox_post(copy, slot, MPIPC_POST_WAITS);
		if (posted != -EAGAIN || err)
			break;
		if (signal_pending(current))
			err = -ERESTARTSYS;
		else
			err = mpipc_sleep_until(deadline);
	}
	finish_wait(room, &wait);
	return posted == -EAGAIN ? err : posted;
}

/* Posts a copy, and takes back the reference to the message if it fails. */
static int post(struct mpipc_copy *copy, unsigned int how)
{
	int err;

	refcount_inc(&copy->msg->ref);
	err = mpipc_mailbox_post(copy, NULL, how);
	if (err)
		mpipc_msg_put(copy->msg);
	return err;
}

static int post_waiting(struct mpipc_copy *copy, u64 deadline)
{
	int err;

	refcount_inc(&copy->msg->ref);
	err = mpipc_send_post_waiting(copy, NULL, deadline);
	if (err)
		mpipc_msg_put(copy->msg);
	return err;
}

static int send_one(struct mpipc_msg *msg, struct mpipc_send *arg)
{
	struct mpipc_copy *copy = &msg->copies[0];
	int err;

	err = post(copy, arg->deadline ? MPIPC_POST_WAITS : 0);
	if (err == -EAGAIN && arg->deadline) {
		err = post_waiting(copy, arg->deadline);
		if (err == -ETIMEDOUT)
			mpipc_mailbox_lose(copy->to, msg);
	}
	mpipc_endpoint_put(copy->to);
	arg->sent = !err;
	arg->full = err == -EAGAIN || err == -ETIMEDOUT;
	return err;
}

static void send_all(struct mpipc_msg *msg, int n, struct mpipc_send *arg)
{
	struct mpipc_copy *copy;
	int err;

	arg->sent = 0;
	arg->full = 0;
	for (copy = msg->copies; copy < msg->copies + n; copy++) {
		err = post(copy, arg->deadline ? MPIPC_POST_WAITS : 0);
		if (err == -EAGAIN && arg->deadline)
			continue;
		arg->sent += !err;
		arg->full += err == -EAGAIN;
		mpipc_endpoint_put(copy->to);
		copy->to = NULL;
	}
	if (!arg->deadline)
		return;
	/* After a signal the rest are tried once more, without sleeping. */
	for (copy = msg->copies; copy < msg->copies + n; copy++) {
		if (!copy->to)
			continue;
		err = post_waiting(copy, arg->deadline);
		arg->sent += !err;
		if (err == -ETIMEDOUT || err == -ERESTARTSYS) {
			mpipc_mailbox_lose(copy->to, msg);
			arg->full++;
		}
		mpipc_endpoint_put(copy->to);
	}
}

/* Sends to n destinations, and lets go of the message. */
static int deliver(struct mpipc_msg *msg, int n, struct mpipc_send *arg)
{
	int err = 0;

	trace_mpipc_send(msg, arg->to, n);
	if (arg->to == MPIPC_TO_ALL)
		send_all(msg, n, arg);
	else
		err = send_one(msg, arg);
	mpipc_msg_put(msg);
	return err;
}

/**
 * mpipc_send - send a message
 * @ep: from whom
 * @arg: what and where to; its out members are filled in
 *
 * Return: 0 or an error as &struct mpipc_send says.
 */
int mpipc_send(struct mpipc_endpoint *ep, struct mpipc_send *arg)
{
	struct mpipc_msg *msg;
	int n;

	if (arg->flags & ~MPIPC_PASS_MPIPC || arg->reserved)
		return -EINVAL;
	n = mpipc_send_prepare(ep, &arg->body, arg->flags, arg->to, &msg);
	return n < 0 ? n : deliver(msg, n, arg);
}

/* Whether a written record is one, and has nothing but what it may have. */
static bool is_sendable(const struct mpipc_record *record, size_t len)
{
	struct mpipc_record plain = {
		.type = MPIPC_MESSAGE,
		.peer = record->peer,
		.deadline = record->deadline,
		.size = record->size,
	};

	memcpy(plain.name, record->name, sizeof(plain.name));
	return record->size == len - sizeof(*record) &&
	       !memcmp(&plain, record, sizeof(plain));
}

/**
 * mpipc_send_written - send what was written
 * @ep: from whom
 * @from: a &struct mpipc_record and its payload
 * @nonblock: do not wait for room
 *
 * Return: bytes consumed, or an error as &struct mpipc_record says.
 */
ssize_t mpipc_send_written(struct mpipc_endpoint *ep, struct iov_iter *from,
			   bool nonblock)
{
	size_t len = iov_iter_count(from);
	struct mpipc_send arg = { };
	struct mpipc_record record;
	struct iov_iter payload;
	struct mpipc_msg *msg;
	int n, err;

	if (len < sizeof(record))
		return -EINVAL;
	if (!copy_from_iter_full(&record, sizeof(record), from))
		return -EFAULT;
	if (!is_sendable(&record, len))
		return -EINVAL;
	arg.to = record.peer;
	arg.deadline = nonblock ? 0 : record.deadline;
	do {
		payload = *from;
		msg = mpipc_msg_from_iter(ep, record.name, record.size, &payload,
					  guess_copies(ep, arg.to));
		if (IS_ERR(msg))
			return PTR_ERR(msg);
		n = address(msg, arg.to);
		if (n < 0)
			mpipc_msg_put(msg);
	} while (n == -ENOSPC);
	if (n < 0)
		return n;
	err = deliver(msg, n, &arg);
	if (!err && arg.full && !arg.sent)
		err = -EAGAIN;
	return err ?: (ssize_t)len;
}
