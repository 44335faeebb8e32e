// SPDX-License-Identifier: GPL-2.0-only
#include "address.h"
#include "call.h"
#include "deadline.h"
#include "files.h"
#include "post.h"
#include "record.h"
#include "send.h"
#include "timeout.h"
#include "trace.h"

/* Post the request. A destination that does not get it completes its slot with the reason. */
static int mpipc_call_post(struct mpipc_call *call, struct mpipc_msg *msg, u32 n, u32 flags)
{
	u64 deadline = flags & MPIPC_CALL_WAIT_SPACE ? call->deadline : 0;
	u32 i;
	int err;

	for (i = 0; i < n; i++)
		msg->deliveries[i].qnode.type = MPIPC_REQUEST;
	err = mpipc_send_post(msg, n, call->slots, deadline,
			      !call->async && n == 1 ? MPIPC_POST_SYNC : 0);
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		const struct mpipc_outcome outcome = { .status = msg->deliveries[i].result };

		if (!outcome.status)
			continue;
		mpipc_reply_slot_complete(&call->slots[i], &outcome);
		cond_resched();
	}
	return 0;
}

static int mpipc_call_copy_result(struct mpipc_reply_slot *slot, u32 i,
				  const struct mpipc_call_args *arg)
{
	struct mpipc_record __user *to = u64_to_user_ptr(arg->results);
	u64 data = arg->reply_data + (u64)i * arg->reply_size;
	s32 __user *fds = u64_to_user_ptr(arg->reply_fd_list);
	struct mpipc_msg *reply = slot->reply;
	struct mpipc_record record;

	mpipc_record_fill(&slot->qnode, slot->call->caller, &record);
	if (copy_to_user(&to[i], &record, sizeof(record)))
		return -EFAULT;
	if (!reply)
		return 0;
	if (copy_to_user(u64_to_user_ptr(data), mpipc_msg_data(reply), reply->size))
		return -EFAULT;
	return mpipc_files_prepare(fds + (size_t)i * arg->reply_fds, reply->n_files);
}

/* Copy all results out. All that can fault comes before the first descriptor is installed. */
static int mpipc_call_copy_results(struct mpipc_call *call, const struct mpipc_call_args *arg)
{
	s32 __user *fds = u64_to_user_ptr(arg->reply_fd_list);
	struct mpipc_msg *reply;
	u32 i;
	int err;

	for (i = 0; i < call->n_slots; i++) {
		if (i)
			cond_resched();
		err = mpipc_call_copy_result(&call->slots[i], i, arg);
		if (err)
			return err;
	}
	for (i = 0; i < call->n_slots; i++) {
		reply = call->slots[i].reply;
		if (!reply)
			continue;
		mpipc_files_install(mpipc_msg_flight(reply)->files,
				    fds + (size_t)i * arg->reply_fds, reply->n_files);
		/*
		 * Drop the reply here, and not with the last reference to the call. The replier can
		 * have that, and can sleep in MPIPC_REPLY_RECV before it releases the files.
		 */
		mpipc_msg_put(reply);
		call->slots[i].reply = NULL;
	}
	return 0;
}

static bool mpipc_call_is_complete(struct mpipc_call *call)
{
	/* Pairs with the release in mpipc_reply_slot_complete(), so that the results are seen. */
	return !smp_load_acquire(&call->open);
}

/*
 * Sleep until a call is complete. The sleeping thread ends the call at the deadline itself, because
 * real-time threads can keep a worker from running.
 */
static int mpipc_call_wait(struct mpipc_call *call)
{
	DEFINE_WAIT(wait);
	int err = 0;

	while (!err && !mpipc_call_is_complete(call)) {
		prepare_to_wait(&call->wait, &wait, TASK_INTERRUPTIBLE);
		if (mpipc_call_is_complete(call))
			break;
		if (signal_pending(current))
			err = -ERESTARTSYS;
		else
			err = mpipc_sleep_until(call->deadline);
	}
	finish_wait(&call->wait, &wait);
	if (err == -ETIMEDOUT) {
		mpipc_call_end(call, err);
		err = 0;
	}
	return err;
}

/*
 * Wait for a call and deliver its results. After a signal or a bad pointer the call stays open, so
 * that the caller can resume it. Until then its deadline is kept as that of an asynchronous call.
 */
static int mpipc_call_collect(struct mpipc_call *call, const struct mpipc_call_args *arg)
{
	struct mpipc_mailbox *box = &call->caller->box;
	int err;

	err = mpipc_call_wait(call);
	if (!err && READ_ONCE(box->closed))
		err = -ESHUTDOWN;
	if (!err)
		err = mpipc_call_copy_results(call, arg);
	if (err != -ERESTARTSYS && err != -EFAULT) {
		mpipc_call_unlist(call, false);
		/* Refund now, because a replier may hold a reference to the call for longer. */
		mpipc_call_refund(call);
		return err;
	}
	spin_lock(&box->lock);
	call->waited = false;
	spin_unlock(&box->lock);
	mpipc_timeout_start(call);
	return err;
}

static int mpipc_call_check_resume(struct mpipc_call *call, struct mpipc_call_args *arg)
{
	if (!call || call->async)
		return -ESRCH;
	if (call->waited)
		return -EBUSY;
	if (arg->reply_size != call->reply_size || arg->reply_fds != call->reply_fds)
		return -EINVAL;
	arg->n_results = call->n_slots;
	return call->n_slots > arg->max_results ? -ENOSPC : 0;
}

static int mpipc_call_resume(struct mpipc_endpoint *ep, struct mpipc_call_args *arg)
{
	struct mpipc_call *call;
	int err;

	if (arg->flags & MPIPC_CALL_ASYNC)
		return -EINVAL;
	spin_lock(&ep->box.lock);
	call = mpipc_call_find_locked(ep, arg->id);
	err = mpipc_call_check_resume(call, arg);
	if (!err) {
		mpipc_call_get(call);
		call->waited = true;
	}
	spin_unlock(&ep->box.lock);
	if (err)
		return err;
	err = mpipc_call_collect(call, arg);
	mpipc_call_put(call);
	return err;
}

/* Make a call of a request, and see it through. Take over the references to the destinations. */
static int mpipc_call_start(struct mpipc_endpoint *ep, struct mpipc_call_args *arg, u64 __user *uid,
			    struct mpipc_msg *msg, u32 n)
{
	const struct mpipc_outcome nobody = { .status = -ECONNREFUSED };
	struct mpipc_call *call;
	int err;

	call = mpipc_call_new(ep, arg, msg, n);
	if (IS_ERR(call)) {
		mpipc_address_release(msg, n);
		return PTR_ERR(call);
	}
	msg->call = call->id;
	msg->deadline = call->deadline;
	msg->reply_size = call->reply_size;
	msg->reply_fds = call->reply_fds;

	err = mpipc_call_list(call);
	if (err)
		goto out;
	/* The id is written before the request is sent, so that every call can be cancelled. */
	err = put_user(call->id, uid);
	if (err)
		goto unlink;
	trace_mpipc_call(msg, arg->to, n);
	err = mpipc_call_post(call, msg, n, arg->flags);
	if (err && mpipc_call_unlist(call, true)) {
		/* A system call that is restarted makes a new call. */
		put_user((u64)0, uid);
		goto out;
	}
	err = 0;
	if (!n)
		mpipc_reply_slot_complete(&call->slots[0], &nobody);
	if (call->async)
		mpipc_timeout_start(call);
	else
		err = mpipc_call_collect(call, arg);
	goto out;

unlink:
	mpipc_call_unlist(call, false);
out:
	mpipc_call_put(call);
	return err;
}

/**
 * mpipc_call_make - make a call, or resume waiting for one
 * @ep: the caller
 * @arg: the caller's argument; @n_results is filled in
 * @uid: where the id of a new call is written, before the request is sent
 *
 * Return: 0 or an error as &struct mpipc_call_args says.
 */
int mpipc_call_make(struct mpipc_endpoint *ep, struct mpipc_call_args *arg, u64 __user *uid)
{
	const u32 flags = MPIPC_PASS_MPIPC | MPIPC_CALL_ASYNC | MPIPC_CALL_WAIT_SPACE;
	const bool async = arg->flags & MPIPC_CALL_ASYNC;
	struct mpipc_msg *msg;
	int n, err = 0;

	if (arg->flags & ~flags || arg->reserved)
		return -EINVAL;
	if (arg->reply_size > MPIPC_SIZE_MAX || arg->reply_fds > MPIPC_FDS_MAX)
		return -EMSGSIZE;
	if (arg->id)
		return mpipc_call_resume(ep, arg);
	n = mpipc_address_import(ep, &arg->body, NULL, arg->flags, arg->to, &msg);
	if (n < 0)
		return n;

	arg->n_results = n;
	if (!async && n > arg->max_results) {
		mpipc_address_release(msg, n);
		err = -ENOSPC;
	} else if (async || n) {
		err = mpipc_call_start(ep, arg, uid, msg, n);
	}
	mpipc_msg_put(msg);
	return err;
}

/**
 * mpipc_call_cancel - end a call early
 * @ep: the caller
 * @id: id of the call
 *
 * Return: 0 or -ESRCH.
 */
int mpipc_call_cancel(struct mpipc_endpoint *ep, u64 id)
{
	struct mpipc_call *call;
	bool waited = false;

	spin_lock(&ep->box.lock);
	call = mpipc_call_find_locked(ep, id);
	if (call) {
		waited = call->waited;
		if (!call->open && (waited || call->async))
			call = NULL;
		else
			WRITE_ONCE(mpipc_call_get(call)->over, true);
	}
	spin_unlock(&ep->box.lock);
	if (!call)
		return -ESRCH;
	mpipc_call_end(call, -ECANCELED);
	if (!call->async && !waited)
		mpipc_call_unlist(call, false);
	mpipc_call_put(call);
	return 0;
}
