// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "address.h"
#include "call.h"
#include "files.h"
#include "record.h"
#include "send.h"
#include "timeout.h"
#include "trace.h"

/*
 * Takes back a call that nobody got; not if it was cancelled meanwhile, which ends it
 * as any other. Returns whether.
 */
static bool withdraw(struct mpipc_open_call *call)
{
	struct mpipc_mailbox *box = &call->caller->box;
	bool linked;

	spin_lock(&box->lock);
	linked = !call->over && unlink_locked(call);
	spin_unlock(&box->lock);
	if (linked)
		call_put(call);
	return linked;
}

/* Posts the request; who does not get it completes its slot with the reason. */
static int post_request(struct mpipc_open_call *call, struct mpipc_msg *msg, u32 n,
			u32 flags)
{
	u64 deadline = flags & MPIPC_CALL_WAIT_SPACE ? call->deadline : 0;
	u32 i;
	int err;

	for (i = 0; i < n; i++)
		msg->copies[i].entry.type = MPIPC_REQUEST;
	err = mpipc_send_post(msg, n, call->slots, deadline, !call->async && n == 1);
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		const struct outcome outcome = { .status = msg->copies[i].result };

		if (outcome.status)
			complete_slot(&call->slots[i], &outcome);
	}
	return 0;
}

static bool all_done(struct mpipc_open_call *call)
{
	/* Pairs with the release in complete_slot(): the results are seen. */
	return !smp_load_acquire(&call->open);
}

static int wait_for_results(struct mpipc_open_call *call)
{
	DEFINE_WAIT(wait);
	int err = 0;

	while (!err && !all_done(call)) {
		prepare_to_wait(&call->wait, &wait, TASK_INTERRUPTIBLE);
		if (all_done(call))
			break;
		if (signal_pending(current))
			err = -ERESTARTSYS;
		else
			schedule();
	}
	finish_wait(&call->wait, &wait);
	/* Even if a signal came as well. */
	return all_done(call) ? 0 : err;
}

static int copy_result(struct mpipc_slot *slot, u32 i, const struct mpipc_call_args *arg)
{
	struct mpipc_record __user *to = u64_to_user_ptr(arg->results);
	u64 data = arg->reply_data + (u64)i * arg->reply_size;
	s32 __user *fds = u64_to_user_ptr(arg->reply_fd_list);
	struct mpipc_msg *reply = slot->reply;
	struct mpipc_record record;

	mpipc_entry_record(&slot->entry, slot->call->caller, &record);
	if (copy_to_user(&to[i], &record, sizeof(record)))
		return -EFAULT;
	if (!reply)
		return 0;
	if (copy_to_user(u64_to_user_ptr(data), mpipc_msg_data(reply), reply->size))
		return -EFAULT;
	return mpipc_files_prepare(fds + (size_t)i * arg->reply_fds, reply->n_files);
}

/* All that can fault comes before the first descriptor. */
static int copy_results(struct mpipc_open_call *call, const struct mpipc_call_args *arg)
{
	s32 __user *fds = u64_to_user_ptr(arg->reply_fd_list);
	struct mpipc_msg *reply;
	u32 i;
	int err;

	for (i = 0; i < call->n_slots; i++) {
		err = copy_result(&call->slots[i], i, arg);
		if (err)
			return err;
	}
	for (i = 0; i < call->n_slots; i++) {
		reply = call->slots[i].reply;
		if (!reply)
			continue;
		mpipc_files_install(mpipc_msg_files(reply),
				    fds + (size_t)i * arg->reply_fds, reply->n_files);
		/*
		 * Here, not by who lets go of the call last. If that is who replied, it
		 * may sleep in MPIPC_REPLY_RECV before the kernel releases the files.
		 */
		mpipc_msg_put(reply);
		call->slots[i].reply = NULL;
	}
	return 0;
}

/*
 * Waits for a call and delivers its results. A signal or a bad pointer leaves it
 * open, for the caller to come back to.
 */
static int collect(struct mpipc_open_call *call, const struct mpipc_call_args *arg)
{
	struct mpipc_mailbox *box = &call->caller->box;
	int err;

	err = wait_for_results(call);
	if (!err && READ_ONCE(box->closed))
		err = -ESHUTDOWN;
	if (!err)
		err = copy_results(call, arg);
	if (err != -ERESTARTSYS && err != -EFAULT) {
		unlink_call(call);
		/* Now, whoever answered may hold the call a while longer. */
		refund(call);
		return err;
	}
	spin_lock(&box->lock);
	call->waited = false;
	spin_unlock(&box->lock);
	return err;
}

static int check_resume(struct mpipc_open_call *call, struct mpipc_call_args *arg)
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

static int resume(struct mpipc_endpoint *ep, struct mpipc_call_args *arg)
{
	struct mpipc_open_call *call;
	int err;

	if (arg->flags & MPIPC_CALL_ASYNC)
		return -EINVAL;
	spin_lock(&ep->box.lock);
	call = find_call(ep, arg->id);
	err = check_resume(call, arg);
	if (!err) {
		call_get(call);
		call->waited = true;
	}
	spin_unlock(&ep->box.lock);
	if (err)
		return err;
	err = collect(call, arg);
	call_put(call);
	return err;
}

/*
 * Opens the call, of which the message is the request, and sees it through. The
 * references to the addressees are taken over.
 */
static int run(struct mpipc_endpoint *ep, struct mpipc_call_args *arg, u64 __user *uid,
	       struct mpipc_msg *msg, u32 n)
{
	const struct outcome nobody = { .status = -ECONNREFUSED };
	struct mpipc_open_call *call;
	int err;

	call = call_new(ep, arg, msg, n);
	if (IS_ERR(call)) {
		mpipc_send_unaddress(msg, n);
		return PTR_ERR(call);
	}
	msg->call = call->id;
	msg->deadline = call->deadline;
	msg->reply_size = call->reply_size;
	msg->reply_fds = call->reply_fds;

	err = link_call(call);
	if (err)
		goto out;
	/* Now, so that the call can be cancelled, and never is one without an id. */
	err = put_user(call->id, uid);
	if (err)
		goto unlink;
	trace_mpipc_call(msg, arg->to, n);
	err = post_request(call, msg, n, arg->flags);
	if (err && withdraw(call)) {
		/* A restarted system call makes it anew. */
		put_user((u64)0, uid);
		goto out;
	}
	err = 0;
	if (!n)
		complete_slot(&call->slots[0], &nobody);
	start_timer(call);
	if (!call->async)
		err = collect(call, arg);
	goto out;

unlink:
	unlink_call(call);
out:
	call_put(call);
	return err;
}

/**
 * mpipc_call_make - make a call, or go on waiting for one
 * @ep: who calls
 * @arg: what is wanted; @n_results is filled in
 * @uid: where the id of a new call goes, before the request is sent
 *
 * Return: 0 or an error as &struct mpipc_call_args says.
 */
int mpipc_call_make(struct mpipc_endpoint *ep, struct mpipc_call_args *arg,
		    u64 __user *uid)
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
		return resume(ep, arg);
	n = mpipc_send_prepare(ep, &arg->body, NULL, arg->flags, arg->to, &msg);
	if (n < 0)
		return n;

	arg->n_results = n;
	if (!async && n > arg->max_results) {
		mpipc_send_unaddress(msg, n);
		err = -ENOSPC;
	} else if (async || n) {
		err = run(ep, arg, uid, msg, n);
	}
	mpipc_msg_put(msg);
	return err;
}

/**
 * mpipc_call_cancel - end a call early
 * @ep: who called
 * @id: the call
 *
 * Return: 0 or -ESRCH.
 */
int mpipc_call_cancel(struct mpipc_endpoint *ep, u64 id)
{
	struct mpipc_open_call *call;
	bool waited = false;

	spin_lock(&ep->box.lock);
	call = find_call(ep, id);
	if (call) {
		waited = call->waited;
		if (!call->open && (waited || call->async))
			call = NULL;
		else
			WRITE_ONCE(call_get(call)->over, true);
	}
	spin_unlock(&ep->box.lock);
	if (!call)
		return -ESRCH;
	end_call(call, -ECANCELED);
	if (!call->async && !waited)
		unlink_call(call);
	call_put(call);
	return 0;
}
