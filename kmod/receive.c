// SPDX-License-Identifier: GPL-2.0-only
#include "deadline.h"
#include "event.h"
#include "files.h"
#include "post.h"
#include "quota.h"
#include "receive.h"
#include "record.h"
#include "trace.h"

/**
 * mpipc_receive_unqueue_locked - take a queue node out of a mailbox
 * @ep: the receiver, whose mailbox is locked
 * @qnode: the queue node, which the caller takes over
 */
static void mpipc_receive_unqueue_locked(struct mpipc_endpoint *ep, struct mpipc_qnode *qnode)
{
	lockdep_assert_held(&ep->box.lock);
	list_del(&qnode->node);
	WRITE_ONCE(ep->box.queued, ep->box.queued - 1);
	ep->box.received++;
	switch (qnode->type) {
	case MPIPC_MESSAGE:
	case MPIPC_REQUEST:
		mpipc_quota_count(ep, mpipc_qnode_msg(qnode), -1);
		break;
	case MPIPC_JOINED:
	case MPIPC_LEFT:
		mpipc_event_seen_locked(qnode);
	}
}

/**
 * mpipc_receive_requeue - put a queue node back that could not be delivered
 * @ep: the receiver
 * @qnode: the queue node, which mpipc_receive_unqueue_locked() took out
 *
 * Its space may have been used meanwhile, so that the mailbox can hold one message too many for
 * each receiver that passed a bad pointer. The sender's user may also have got a new quota, if its
 * last secondary left and another one joined. Such a message counts as that of another user then,
 * which makes half of a message of difference.
 */
static void mpipc_receive_requeue(struct mpipc_endpoint *ep, struct mpipc_qnode *qnode)
{
	struct mpipc_mailbox *box = &ep->box;
	bool closed;

	spin_lock(&box->lock);
	closed = box->closed;
	if (!closed) {
		list_add(&qnode->node, &box->queue);
		WRITE_ONCE(box->queued, box->queued + 1);
		box->received--;
		if (qnode->type == MPIPC_MESSAGE || qnode->type == MPIPC_REQUEST)
			mpipc_quota_count(ep, mpipc_qnode_msg(qnode), 1);
	}
	spin_unlock(&box->lock);
	if (closed)
		mpipc_qnode_drop(qnode);
	else
		mpipc_mailbox_wake_readers(box, false);
}

/* Check that a receiver has space for a queue node. For read() the record counts, too. */
static int mpipc_receive_check(struct mpipc_qnode *qnode, const struct mpipc_recv_args *arg,
			       bool is_read)
{
	struct mpipc_msg *msg = mpipc_qnode_msg(qnode);
	size_t size = msg ? msg->size : 0;
	u32 n_fds = msg ? msg->n_files : 0;

	if (is_read && n_fds)
		return -EOPNOTSUPP;
	if (is_read)
		size = ALIGN(sizeof(struct mpipc_record) + size, 8);
	if (size > arg->max_size || (n_fds > arg->max_fds && !(arg->flags & MPIPC_RECV_DROP_FDS)))
		return -EMSGSIZE;
	return 0;
}

/*
 * Take the first queue node out, if the receiver has space for it. If not, describe it in @misfit,
 * which is NULL for read().
 */
static struct mpipc_qnode *mpipc_receive_take(struct mpipc_endpoint *ep,
					      const struct mpipc_recv_args *arg,
					      struct mpipc_record *misfit)
{
	struct mpipc_mailbox *box = &ep->box;
	struct mpipc_qnode *qnode;
	int err;

	spin_lock(&box->lock);
	qnode = list_first_entry_or_null(&box->queue, struct mpipc_qnode, node);
	if (box->closed)
		err = -ESHUTDOWN;
	else if (!qnode)
		err = -EAGAIN;
	else
		err = mpipc_receive_check(qnode, arg, !misfit);
	if (!err) {
		mpipc_receive_unqueue_locked(ep, qnode);
		mpipc_space_offer_locked(ep);
	} else if (err == -EMSGSIZE && misfit) {
		mpipc_record_fill(qnode, ep, misfit);
	}
	spin_unlock(&box->lock);
	return err ? ERR_PTR(err) : qnode;
}

static bool mpipc_mailbox_is_readable(struct mpipc_mailbox *box)
{
	return READ_ONCE(box->queued) || READ_ONCE(box->closed);
}

static int mpipc_receive_wait(struct mpipc_mailbox *box, u64 deadline)
{
	DEFINE_WAIT(wait);
	int err = 0;

	while (!err && !mpipc_mailbox_is_readable(box)) {
		prepare_to_wait_exclusive(&box->readers, &wait, TASK_INTERRUPTIBLE);
		if (mpipc_mailbox_is_readable(box))
			break;
		if (signal_pending(current))
			err = -ERESTARTSYS;
		else
			err = mpipc_sleep_until(deadline);
	}
	finish_wait(&box->readers, &wait);
	/* Ignore what ended the sleep, so that a wake-up meant for one is not wasted. */
	return mpipc_mailbox_is_readable(box) ? 0 : err;
}

static struct mpipc_qnode *mpipc_receive_next(struct mpipc_endpoint *ep,
					      const struct mpipc_recv_args *arg, u64 deadline,
					      struct mpipc_record *misfit)
{
	struct mpipc_qnode *qnode;
	int err;

	for (;;) {
		qnode = mpipc_receive_take(ep, arg, misfit);
		if (qnode != ERR_PTR(-EAGAIN) || !deadline)
			break;
		err = mpipc_receive_wait(&ep->box, deadline);
		if (err)
			return ERR_PTR(err);
	}
	/* Wake another receiver for a queue node that stays, because it may have space for it. */
	if (IS_ERR(qnode) && READ_ONCE(ep->box.queued))
		mpipc_mailbox_wake_readers(&ep->box, false);
	return qnode;
}

/**
 * mpipc_receive - take a record out of a mailbox
 * @ep: the receiver
 * @arg: where payload and descriptors are written, and how long to wait
 * @record: where the record is written
 * @nonblock: do not wait
 *
 * Return: 0 or an error as &struct mpipc_recv_args says.
 */
int mpipc_receive(struct mpipc_endpoint *ep, const struct mpipc_recv_args *arg,
		  struct mpipc_record __user *record, bool nonblock)
{
	s32 __user *slots = u64_to_user_ptr(arg->fds);
	u64 deadline = nonblock ? 0 : mpipc_endpoint_deadline(ep, arg->deadline);
	struct mpipc_record rec;
	struct mpipc_qnode *qnode;
	struct mpipc_msg *msg;

	qnode = mpipc_receive_next(ep, arg, deadline, &rec);
	if (qnode == ERR_PTR(-EMSGSIZE) && copy_to_user(record, &rec, sizeof(rec)))
		return -EFAULT;
	if (IS_ERR(qnode))
		return PTR_ERR(qnode);

	msg = mpipc_qnode_msg(qnode);
	mpipc_record_fill(qnode, ep, &rec);
	if (arg->flags & MPIPC_RECV_DROP_FDS)
		rec.n_fds = 0;
	if (copy_to_user(record, &rec, sizeof(rec)) ||
	    (msg && copy_to_user(u64_to_user_ptr(arg->data), mpipc_msg_data(msg), msg->size)) ||
	    mpipc_files_prepare(slots, rec.n_fds)) {
		mpipc_receive_requeue(ep, qnode);
		return -EFAULT;
	}
	if (msg) {
		mpipc_files_install(mpipc_msg_flight(msg)->files, slots, rec.n_fds);
		atomic64_add(msg->n_files - rec.n_fds, &ep->dropped_fds);
	}
	trace_mpipc_receive(ep, &rec);
	mpipc_qnode_drop(qnode);
	return 0;
}

static bool mpipc_receive_copy(const struct mpipc_record *record, struct mpipc_msg *msg,
			       struct iov_iter *to)
{
	size_t pad = record->len - sizeof(*record) - record->size;

	if (copy_to_iter(record, sizeof(*record), to) != sizeof(*record))
		return false;
	if (msg && copy_to_iter(mpipc_msg_data(msg), msg->size, to) != msg->size)
		return false;
	return !pad || iov_iter_zero(pad, to) == pad;
}

/**
 * mpipc_receive_read - take records out of a mailbox by read()
 * @ep: the receiver
 * @to: where the records are written
 * @nonblock: do not wait for the first record
 *
 * Return: number of bytes copied, or an error as &struct mpipc_record says.
 */
ssize_t mpipc_receive_read(struct mpipc_endpoint *ep, struct iov_iter *to, bool nonblock)
{
	u64 deadline = nonblock ? 0 : MPIPC_FOREVER;
	struct mpipc_recv_args arg = { };
	struct mpipc_record record;
	struct mpipc_qnode *qnode;
	ssize_t done = 0;

	if (!iov_iter_count(to))
		return 0;
	for (;;) {
		arg.max_size = min_t(size_t, iov_iter_count(to), U32_MAX);
		qnode = mpipc_receive_next(ep, &arg, done ? 0 : deadline, NULL);
		if (IS_ERR(qnode))
			return done ?: PTR_ERR(qnode);
		mpipc_record_fill(qnode, ep, &record);
		if (!mpipc_receive_copy(&record, mpipc_qnode_msg(qnode), to)) {
			mpipc_receive_requeue(ep, qnode);
			return done ?: -EFAULT;
		}
		done += record.len;
		trace_mpipc_receive(ep, &record);
		mpipc_qnode_drop(qnode);
	}
}
