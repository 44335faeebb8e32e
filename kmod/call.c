// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "call.h"
#include "endpoint.h"
#include "files.h"
#include "group.h"
#include "limits.h"
#include "message.h"
#include "send.h"
#include "trace.h"
#include "user.h"

static struct workqueue_struct *timers;
static atomic64_t last_id;

static struct mpipc_open_call *call_get(struct mpipc_open_call *call)
{
	refcount_inc(&call->ref);
	return call;
}

/* Takes the one that its caller keeps, if it is large enough. */
static struct mpipc_open_call *call_alloc(struct mpipc_endpoint *ep, size_t bytes)
{
	struct mpipc_open_call *call = xchg(&ep->spare_call, NULL);

	if (call && call->room >= bytes)
		return call;
	kfree(call);
	call = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (call)
		call->room = bytes;
	return call;
}

static void call_free(struct mpipc_open_call *call)
{
	if (mpipc_endpoint_keeps(call->caller, call->room))
		call = xchg(&call->caller->spare_call, call);
	kvfree(call);
}

/* What the call was charged with; once. */
static void refund(struct mpipc_open_call *call)
{
	atomic_long_sub(xchg(&call->charge, 0), &call->caller->user->bytes);
}

static void call_put(struct mpipc_open_call *call)
{
	struct mpipc_endpoint *caller = call->caller;
	u32 i;

	if (!refcount_dec_and_test(&call->ref))
		return;
	for (i = 0; i < call->n_slots; i++) {
		mpipc_msg_put(call->slots[i].reply);
		mpipc_endpoint_put(call->slots[i].peer);
	}
	refund(call);
	call_free(call);
	mpipc_endpoint_put(caller);
}

/* Takes the call out of the caller's list; the list's reference is the caller's. */
static bool unlink_locked(struct mpipc_open_call *call)
{
	struct mpipc_mailbox *box = &call->caller->box;

	lockdep_assert_held(&box->lock);
	if (list_empty(&call->link))
		return false;
	list_del_init(&call->link);
	box->n_calls--;
	return true;
}

static void unlink_call(struct mpipc_open_call *call)
{
	struct mpipc_mailbox *box = &call->caller->box;
	bool linked;

	spin_lock(&box->lock);
	linked = unlink_locked(call);
	spin_unlock(&box->lock);
	if (linked)
		call_put(call);
}

/* How a slot ends. */
struct outcome {
	int status;
	struct mpipc_msg *reply;	/* an answer, and a reference to it; or NULL */
	bool sync;			/* the replier is about to sleep */
};

/*
 * Completes a slot of a call that the caller of this has a reference to, unless it
 * is done. An answer is refused also when the caller has left, or when the event that
 * its sender left may be on its way. Returns whether; if so the answer's reference was
 * taken over.
 */
static bool complete_slot(struct mpipc_slot *slot, const struct outcome *outcome)
{
	struct mpipc_open_call *call = slot->call;
	struct mpipc_mailbox *box = &call->caller->box;
	bool queued = false;

	spin_lock(&box->lock);
	if (slot->done || (outcome->reply &&
			   (box->closed || READ_ONCE(slot->peer->box.closed)))) {
		spin_unlock(&box->lock);
		return false;
	}
	slot->done = true;
	slot->status = outcome->status;
	slot->reply = outcome->reply;
	slot->answered = outcome->reply;
	slot->last = call->open == 1;
	slot->entry.seq = box->seq_sure;
	if (call->async && !box->closed) {
		call_get(call);
		mpipc_mailbox_add_locked(box, &slot->entry);
		queued = true;
	}
	/* Those that are over come last, where nobody looks for a deadline. */
	if (call->async && slot->last && !list_empty(&call->link))
		list_move_tail(&call->link, &box->calls);
	if (slot->answered)
		mpipc_mailbox_heard_locked(call->caller, slot->peer);
	/* Pairs with the acquire in all_done(). */
	smp_store_release(&call->open, call->open - 1);
	spin_unlock(&box->lock);

	if (queued)
		mpipc_mailbox_wake_readers(box, outcome->sync);
	else if (slot->last && outcome->sync)
		wake_up_interruptible_sync(&call->wait);
	else if (slot->last)
		wake_up_interruptible(&call->wait);
	return true;
}

/* The addressee does not owe it any more. */
static void forget_slot(struct mpipc_slot *slot)
{
	struct mpipc_mailbox *box;
	bool owed;

	if (!slot->peer)
		return;
	box = &slot->peer->box;
	spin_lock(&box->lock);
	owed = !RB_EMPTY_NODE(&slot->owed);
	if (owed) {
		rb_erase(&slot->owed, &box->owed);
		RB_CLEAR_NODE(&slot->owed);
	}
	spin_unlock(&box->lock);
	if (owed)
		call_put(slot->call);
}

/* Ends what is open of a call. */
static void end_call(struct mpipc_open_call *call, int status)
{
	const struct outcome outcome = { .status = status };
	u32 i;

	WRITE_ONCE(call->over, true);
	for (i = 0; i < call->n_slots; i++) {
		complete_slot(&call->slots[i], &outcome);
		forget_slot(&call->slots[i]);
		cond_resched();
	}
	/* The caller may still be waiting for room. */
	mpipc_mailbox_wake_room(&call->caller->box);
}

/**
 * mpipc_slot_is_over - whether nobody wants an answer any more
 * @slot: the slot
 *
 * Return: whether the call is over.
 */
bool mpipc_slot_is_over(const struct mpipc_slot *slot)
{
	return READ_ONCE(slot->call->over);
}

/**
 * mpipc_slot_owe_locked - have an addressee owe an answer
 * @slot: the slot, found not to be over under the lock of its addressee's mailbox,
 *	which is still held
 */
void mpipc_slot_owe_locked(struct mpipc_slot *slot)
{
	struct rb_node **place = &slot->peer->box.owed.rb_node, *parent = NULL;
	u64 id = slot->call->id;

	lockdep_assert_held(&slot->peer->box.lock);
	while (*place) {
		parent = *place;
		if (id < rb_entry(parent, struct mpipc_slot, owed)->call->id)
			place = &parent->rb_left;
		else
			place = &parent->rb_right;
	}
	rb_link_node(&slot->owed, parent, place);
	rb_insert_color(&slot->owed, &slot->peer->box.owed);
	call_get(slot->call);
}

static struct mpipc_slot *find_owed(struct mpipc_endpoint *ep, u64 id)
{
	struct rb_node *node = ep->box.owed.rb_node;

	lockdep_assert_held(&ep->box.lock);
	while (node) {
		struct mpipc_slot *slot = rb_entry(node, struct mpipc_slot, owed);

		if (slot->call->id == id)
			return slot;
		node = id < slot->call->id ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/**
 * mpipc_slot_drop - let go of a result that was delivered or never will be
 * @slot: the slot, taken out of the caller's mailbox
 */
void mpipc_slot_drop(struct mpipc_slot *slot)
{
	struct mpipc_open_call *call = slot->call;

	/* Now, not with the call: other results may stay unread for long. */
	mpipc_msg_put(slot->reply);
	slot->reply = NULL;
	/* Until here it counted as open, so that results are bounded, too. */
	if (slot->last)
		unlink_call(call);
	call_put(call);
}

/*
 * One tick for what is rounded off. A timer that is far off can be late by an eighth of
 * that, so it comes early by as much, to be set again.
 */
static unsigned long ticks_until(u64 deadline)
{
	u64 ticks, now = ktime_get_ns();

	if (deadline <= now)
		return 0;
	ticks = nsecs_to_jiffies64(deadline - now) + 1;
	if (ticks >= 64)
		ticks -= ticks / 8;
	return min_t(u64, ticks, MAX_JIFFY_OFFSET);
}

/* Sees to it that the timer comes by then. */
static void set_timer(struct mpipc_mailbox *box, u64 deadline)
{
	lockdep_assert_held(&box->lock);
	if (deadline >= box->timer_at || box->closed)
		return;
	box->timer_at = deadline;
	mod_delayed_work(timers, &box->timer, ticks_until(deadline));
}

static void start_timer(struct mpipc_open_call *call)
{
	struct mpipc_mailbox *box = &call->caller->box;

	spin_lock(&box->lock);
	call->timed = true;
	set_timer(box, call->deadline);
	spin_unlock(&box->lock);
}

/* A call whose deadline has come, with a reference; or NULL, and the timer is set. */
static struct mpipc_open_call *find_expired(struct mpipc_mailbox *box)
{
	u64 next = KTIME_MAX, now = ktime_get_ns();
	struct mpipc_open_call *call;

	lockdep_assert_held(&box->lock);
	list_for_each_entry(call, &box->calls, link) {
		if (!call->open && call->async)
			break;
		if (!call->timed || !call->open)
			continue;
		if (call->deadline <= now)
			return call_get(call);
		next = min(next, call->deadline);
	}
	box->timer_at = KTIME_MAX;
	set_timer(box, next);
	return NULL;
}

/* Ends the calls of a mailbox whose deadline has come. */
static void calls_expire(struct work_struct *work)
{
	struct mpipc_mailbox *box =
		container_of(to_delayed_work(work), struct mpipc_mailbox, timer);
	struct mpipc_open_call *call;

	do {
		spin_lock(&box->lock);
		call = find_expired(box);
		spin_unlock(&box->lock);
		if (call) {
			end_call(call, -ETIMEDOUT);
			call_put(call);
		}
	} while (call);
}

/* Takes over the references to the addressees, unless it fails. */
static struct mpipc_open_call *call_new(struct mpipc_endpoint *ep,
					const struct mpipc_call_args *arg,
					struct mpipc_msg *msg, u32 n)
{
	const u32 n_slots = max(n, 1U);
	struct mpipc_open_call *call;
	size_t bytes;
	u64 charge;
	u32 i;

	bytes = struct_size(call, slots, n_slots);
	charge = bytes + n * (u64)mpipc_msg_memory(arg->reply_size, arg->reply_fds);
	if (charge > LONG_MAX ||
	    !mpipc_charge(&ep->user->bytes, charge, READ_ONCE(mpipc_user_bytes)))
		return ERR_PTR(-EDQUOT);
	call = call_alloc(ep, bytes);
	if (!call) {
		atomic_long_sub(charge, &ep->user->bytes);
		return ERR_PTR(-ENOMEM);
	}
	*call = (struct mpipc_open_call){
		.ref = REFCOUNT_INIT(1),
		.room = call->room,
		.link = LIST_HEAD_INIT(call->link),
		.caller = mpipc_endpoint_get(ep),
		.id = atomic64_inc_return(&last_id),
		.deadline = arg->deadline,
		.charge = charge,
		.reply_size = arg->reply_size,
		.reply_fds = arg->reply_fds,
		.n_slots = n_slots,
		.async = arg->flags & MPIPC_CALL_ASYNC,
		.waited = !(arg->flags & MPIPC_CALL_ASYNC),
		.open = n_slots,
	};
	init_waitqueue_head(&call->wait);
	for (i = 0; i < n_slots; i++) {
		struct mpipc_slot *slot = &call->slots[i];

		*slot = (struct mpipc_slot){
			.entry.type = MPIPC_REPLY_TO,
			.call = call,
			.peer = i < n ? msg->copies[i].to : NULL,
		};
		RB_CLEAR_NODE(&slot->owed);
	}
	return call;
}

static int link_call(struct mpipc_open_call *call)
{
	struct mpipc_mailbox *box = &call->caller->box;
	int err = 0;

	spin_lock(&box->lock);
	if (box->closed) {
		err = -ESHUTDOWN;
	} else if (box->n_calls >= READ_ONCE(mpipc_endpoint_calls)) {
		err = -EMFILE;
	} else {
		list_add(&call_get(call)->link, &box->calls);
		box->n_calls++;
	}
	spin_unlock(&box->lock);
	return err;
}

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

static struct mpipc_open_call *find_call(struct mpipc_endpoint *ep, u64 id)
{
	struct mpipc_open_call *call;

	lockdep_assert_held(&ep->box.lock);
	list_for_each_entry(call, &ep->box.calls, link)
		if (call->id == id)
			return call;
	return NULL;
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
 * mpipc_call_reply - answer a request
 * @ep: who was asked
 * @arg: the answer
 * @sync: the caller of this sleeps at once
 *
 * Return: 0 or an error as &struct mpipc_reply_args says.
 */
int mpipc_call_reply(struct mpipc_endpoint *ep, const struct mpipc_reply_args *arg,
		     bool sync)
{
	struct outcome outcome = { .status = arg->status, .sync = sync };
	struct mpipc_open_call *call = NULL;
	struct mpipc_slot *slot;
	int err = 0;

	if (arg->flags & ~MPIPC_PASS_MPIPC || arg->status > 0 || arg->status < -MAX_ERRNO)
		return -EINVAL;
	outcome.reply = mpipc_msg_import(ep, &arg->body, NULL, arg->flags & MPIPC_PASS_MPIPC,
					 0, MPIPC_CALLER_PAID);
	if (IS_ERR(outcome.reply))
		return PTR_ERR(outcome.reply);

	spin_lock(&ep->box.lock);
	slot = find_owed(ep, arg->call);
	if (slot)
		call = call_get(slot->call);
	spin_unlock(&ep->box.lock);
	trace_mpipc_reply(outcome.reply, arg->call, arg->status);
	if (!call) {
		err = -ESRCH;
	} else if (outcome.reply->stamp > call->deadline) {
		/* Even if nobody was there to see the deadline come. */
		err = -ESRCH;
	} else if (outcome.reply->size > call->reply_size ||
		   outcome.reply->n_files > call->reply_fds) {
		err = -EMSGSIZE;
	} else if (!complete_slot(slot, &outcome)) {
		err = -ESRCH;
	} else {
		atomic64_inc(&ep->sent);
		forget_slot(slot);
	}
	if (err)
		mpipc_msg_put(outcome.reply);
	if (call)
		call_put(call);
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

/**
 * mpipc_call_end_all - end the calls of an endpoint that left
 * @ep: the endpoint
 */
void mpipc_call_end_all(struct mpipc_endpoint *ep)
{
	struct mpipc_open_call *call;

	/* It is not set any more. */
	cancel_delayed_work_sync(&ep->box.timer);
	for (;;) {
		spin_lock(&ep->box.lock);
		call = list_first_entry_or_null(&ep->box.calls, struct mpipc_open_call, link);
		if (call)
			unlink_locked(call);
		spin_unlock(&ep->box.lock);
		if (!call)
			return;
		end_call(call, -ESHUTDOWN);
		call_put(call);
	}
}

/**
 * mpipc_call_reset_owed - complete what an endpoint that left has not answered
 * @ep: the endpoint
 */
void mpipc_call_reset_owed(struct mpipc_endpoint *ep)
{
	const struct outcome outcome = { .status = -ECONNRESET };
	struct mpipc_slot *slot;
	struct rb_node *node;

	for (;;) {
		spin_lock(&ep->box.lock);
		node = rb_first(&ep->box.owed);
		if (node) {
			rb_erase(node, &ep->box.owed);
			RB_CLEAR_NODE(node);
		}
		spin_unlock(&ep->box.lock);
		if (!node)
			return;
		slot = rb_entry(node, struct mpipc_slot, owed);
		complete_slot(slot, &outcome);
		call_put(slot->call);
		cond_resched();
	}
}

/**
 * mpipc_calls_setup - prepare a mailbox for calls
 * @box: the mailbox, of an endpoint that has not joined
 */
void mpipc_calls_setup(struct mpipc_mailbox *box)
{
	INIT_DELAYED_WORK(&box->timer, calls_expire);
	box->timer_at = KTIME_MAX;
}

/**
 * mpipc_calls_init - prepare for calls
 *
 * Return: 0 or -ENOMEM.
 */
int mpipc_calls_init(void)
{
	/* Who waits for a deadline does so while memory is short, too. */
	timers = alloc_workqueue("mpipc", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	return timers ? 0 : -ENOMEM;
}

/**
 * mpipc_calls_exit - undo mpipc_calls_init(); there are no calls any more
 */
void mpipc_calls_exit(void)
{
	destroy_workqueue(timers);
}
