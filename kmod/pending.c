// SPDX-License-Identifier: GPL-2.0-only
#include "event.h"
#include "limits.h"
#include "pending.h"

/* The most pending replies that a report counts before it lets others have the mailbox. */
#define MPIPC_PENDING_STEP 64

static atomic64_t mpipc_last_call_id;

/**
 * mpipc_call_get - take another reference to a call
 * @call: the call
 *
 * Return: @call.
 */
struct mpipc_call *mpipc_call_get(struct mpipc_call *call)
{
	refcount_inc(&call->ref);
	return call;
}

/* Use the spare memory of the caller's last call, if it is large enough, or allocate. */
static struct mpipc_call *mpipc_call_alloc(struct mpipc_endpoint *ep, size_t bytes)
{
	struct mpipc_call *call = xchg(&ep->spare_call, NULL);

	if (call && call->allocated >= bytes)
		return call;
	kfree(call);
	call = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (call)
		call->allocated = bytes;
	return call;
}

static void mpipc_call_free(struct mpipc_call *call)
{
	struct mpipc_endpoint *caller = call->caller;

	if (mpipc_endpoint_keeps_spare(caller, call->allocated))
		call = xchg(&caller->spare_call, call);
	kvfree(call);
	if (mpipc_endpoint_leaves(caller))
		mpipc_endpoint_drop_spare(caller);
}

/**
 * mpipc_call_refund - give back what was charged for a call
 * @call: the call
 *
 * Only the first time has an effect.
 */
void mpipc_call_refund(struct mpipc_call *call)
{
	long charge = xchg(&call->charge, 0);

	if (charge)
		mpipc_user_uncharge(call->caller->user, charge);
}

/**
 * mpipc_call_put - give a reference to a call back
 * @call: the call
 */
void mpipc_call_put(struct mpipc_call *call)
{
	struct mpipc_endpoint *caller = call->caller;
	u32 i;

	if (!refcount_dec_and_test(&call->ref))
		return;
	for (i = 0; i < call->n_slots; i++) {
		mpipc_msg_put(call->slots[i].reply);
		mpipc_endpoint_put(call->slots[i].peer);
	}
	mpipc_call_refund(call);
	mpipc_call_free(call);
	mpipc_endpoint_put(caller);
}

/* Take a call out of its caller's list. The reference of the list passes to whoever does this. */
static bool mpipc_call_unlist_locked(struct mpipc_call *call)
{
	struct mpipc_mailbox *box = &call->caller->box;

	lockdep_assert_held(&box->lock);
	if (list_empty(&call->node))
		return false;
	list_del_init(&call->node);
	box->n_calls--;
	return true;
}

/**
 * mpipc_call_unlist - take a call out of its caller's list
 * @call: the call
 * @unless_over: leave the call in the list if it was cancelled, because it then ends as any other
 *
 * Return: true if this function took the call out.
 */
bool mpipc_call_unlist(struct mpipc_call *call, bool unless_over)
{
	struct mpipc_mailbox *box = &call->caller->box;
	bool listed;

	spin_lock(&box->lock);
	listed = !(unless_over && call->over) && mpipc_call_unlist_locked(call);
	spin_unlock(&box->lock);
	if (listed)
		mpipc_call_put(call);
	return listed;
}

/**
 * mpipc_reply_slot_complete - complete a reply slot, unless it is complete
 * @slot: the slot, to whose call the function's caller has a reference
 * @outcome: how the slot is completed
 *
 * A reply is refused, too, if the caller has left, or if the replier may have left, because nothing
 * may follow the event that it left.
 *
 * Return: true if the slot was completed, and with it the reference to the reply taken over.
 */
bool mpipc_reply_slot_complete(struct mpipc_reply_slot *slot, const struct mpipc_outcome *outcome)
{
	struct mpipc_call *call = slot->call;
	struct mpipc_mailbox *box = &call->caller->box;
	bool queued = false;

	spin_lock(&box->lock);
	if (slot->done || (outcome->reply && (box->closed || READ_ONCE(slot->peer->box.closed)))) {
		spin_unlock(&box->lock);
		return false;
	}
	slot->done = true;
	slot->status = outcome->status;
	slot->reply = outcome->reply;
	slot->replied = outcome->reply;
	slot->last = call->open == 1;
	slot->qnode.seq = box->seq_sure;
	if (call->async && !box->closed) {
		mpipc_call_get(call);
		mpipc_mailbox_add_locked(box, &slot->qnode);
		queued = true;
	}
	/* Calls that are over are at the end of the list, where the timer does not look. */
	if (call->async && slot->last && !list_empty(&call->node))
		list_move_tail(&call->node, &box->calls);
	if (slot->replied)
		mpipc_event_peer_sent_locked(call->caller, slot->peer);
	/* Pairs with the acquire in mpipc_call_collect(). */
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

/* Take a reply slot out of the tree of pending replies. The tree's reference passes on. */
static bool mpipc_pending_remove_locked(struct mpipc_reply_slot *slot)
{
	lockdep_assert_held(&slot->peer->box.lock);
	if (RB_EMPTY_NODE(&slot->pending))
		return false;
	rb_erase(&slot->pending, &slot->peer->box.pending);
	RB_CLEAR_NODE(&slot->pending);
	return true;
}

/**
 * mpipc_reply_slot_forget - make sure that the destination does not owe a reply any more
 * @slot: the reply slot
 */
void mpipc_reply_slot_forget(struct mpipc_reply_slot *slot)
{
	bool pending;

	if (!slot->peer)
		return;
	spin_lock(&slot->peer->box.lock);
	pending = mpipc_pending_remove_locked(slot);
	spin_unlock(&slot->peer->box.lock);
	if (pending)
		mpipc_call_put(slot->call);
}

/**
 * mpipc_call_end - complete all slots of a call that are not complete
 * @call: the call
 * @status: status of these slots
 */
void mpipc_call_end(struct mpipc_call *call, int status)
{
	const struct mpipc_outcome outcome = { .status = status };
	u32 i;

	WRITE_ONCE(call->over, true);
	for (i = 0; i < call->n_slots; i++) {
		mpipc_reply_slot_complete(&call->slots[i], &outcome);
		mpipc_reply_slot_forget(&call->slots[i]);
		cond_resched();
	}
	/* Wake the caller, because it may still be waiting for space to post its request. */
	wake_up_interruptible(&call->wait);
}

static bool mpipc_pending_less(struct rb_node *node, const struct rb_node *other)
{
	return rb_entry(node, struct mpipc_reply_slot, pending)->call->id <
	       rb_entry(other, struct mpipc_reply_slot, pending)->call->id;
}

/**
 * mpipc_pending_add_locked - make a destination owe a reply to the request that is posted next
 * @slot: the reply slot, whose call was found not to be over since the lock of the destination's
 *	mailbox was taken
 */
void mpipc_pending_add_locked(struct mpipc_reply_slot *slot)
{
	lockdep_assert_held(&slot->peer->box.lock);
	slot->posted = slot->peer->box.seq + 1;
	rb_add(&slot->pending, &slot->peer->box.pending, mpipc_pending_less);
	mpipc_call_get(slot->call);
}

/**
 * mpipc_pending_find_locked - find a pending reply
 * @ep: the endpoint that owes it, whose mailbox is locked
 * @id: id of the call
 *
 * Return: the reply slot, or NULL.
 */
struct mpipc_reply_slot *mpipc_pending_find_locked(struct mpipc_endpoint *ep, u64 id)
{
	struct rb_node *node = ep->box.pending.rb_node;

	lockdep_assert_held(&ep->box.lock);
	while (node) {
		struct mpipc_reply_slot *slot = rb_entry(node, struct mpipc_reply_slot, pending);

		if (slot->call->id == id)
			return slot;
		node = id < slot->call->id ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/* Find the oldest pending reply among the calls with a greater id. */
static struct mpipc_reply_slot *mpipc_pending_after_locked(struct mpipc_endpoint *ep, u64 id)
{
	struct rb_node *node = ep->box.pending.rb_node;
	struct mpipc_reply_slot *slot, *found = NULL;

	lockdep_assert_held(&ep->box.lock);
	while (node) {
		slot = rb_entry(node, struct mpipc_reply_slot, pending);
		if (slot->call->id > id)
			found = slot;
		node = slot->call->id > id ? node->rb_left : node->rb_right;
	}
	return found;
}

/* Say whether a request was taken out of the mailbox of its destination, which is locked. */
static bool mpipc_pending_is_taken_locked(struct mpipc_reply_slot *slot)
{
	struct mpipc_mailbox *box = &slot->peer->box;

	lockdep_assert_held(&box->lock);
	return list_empty(&box->queue) ||
	       slot->posted < list_first_entry(&box->queue, struct mpipc_qnode, node)->seq;
}

/**
 * mpipc_pending_next - describe the next pending reply of an endpoint
 * @ep: the endpoint that owes it
 * @after: id of the call of the one before, or 0
 * @owed: where it is described
 *
 * Return: false if there is no other.
 */
bool mpipc_pending_next(struct mpipc_endpoint *ep, u64 after, struct mpipc_owed *owed)
{
	struct mpipc_reply_slot *slot;

	spin_lock(&ep->box.lock);
	slot = mpipc_pending_after_locked(ep, after);
	if (slot)
		*owed = (struct mpipc_owed){
			.call = slot->call->id,
			.caller = slot->call->caller->id,
			.since = slot->call->since,
			.deadline = slot->call->deadline,
			.taken = mpipc_pending_is_taken_locked(slot),
		};
	spin_unlock(&ep->box.lock);
	return slot;
}

/**
 * mpipc_pending_count_taken - count the requests that an endpoint took and has not replied to
 * @ep: the endpoint
 * @since: set to when the oldest of these was made, in the clock of the host, or to 0
 *
 * Return: their number.
 */
u64 mpipc_pending_count_taken(struct mpipc_endpoint *ep, u64 *since)
{
	struct mpipc_reply_slot *slot;
	u64 n = 0, after = 0;
	int i;

	*since = 0;
	do {
		spin_lock(&ep->box.lock);
		slot = mpipc_pending_after_locked(ep, after);
		for (i = 0; slot && i < MPIPC_PENDING_STEP; i++) {
			after = slot->call->id;
			if (mpipc_pending_is_taken_locked(slot) && !n++)
				*since = slot->call->since;
			slot = rb_entry_safe(rb_next(&slot->pending), struct mpipc_reply_slot,
					     pending);
		}
		spin_unlock(&ep->box.lock);
		cond_resched();
	} while (slot);
	return n;
}

/**
 * mpipc_reply_slot_drop - let go of a result that was received, or that nobody will receive
 * @slot: the reply slot, which was taken out of the caller's mailbox
 */
void mpipc_reply_slot_drop(struct mpipc_reply_slot *slot)
{
	struct mpipc_call *call = slot->call;

	/* Drop the reply before the call, because other results can stay unread for long. */
	mpipc_msg_put(slot->reply);
	slot->reply = NULL;
	/* The call counted as open until now, so that unread results are bounded, too. */
	if (slot->last)
		mpipc_call_unlist(call, false);
	mpipc_call_put(call);
}

/**
 * mpipc_call_new - make a call that is not listed yet
 * @ep: the caller
 * @arg: the caller's argument
 * @msg: the request
 * @n: number of its destinations, whose references are taken over unless there is an error
 *
 * Return: the call with one reference, or an error.
 */
struct mpipc_call *mpipc_call_new(struct mpipc_endpoint *ep, const struct mpipc_call_args *arg,
				  struct mpipc_msg *msg, u32 n)
{
	const u32 n_slots = max(n, 1U);
	struct mpipc_call *call;
	size_t bytes = struct_size(call, slots, n_slots);
	u64 charge;
	u32 i;

	charge = bytes + n * (sizeof(struct mpipc_msg) + MPIPC_NAME_MAX + (u64)arg->reply_size +
			      mpipc_flight_size(arg->reply_fds));
	if (charge > LONG_MAX ||
	    !mpipc_charge(&ep->user->bytes, charge, READ_ONCE(mpipc_user_bytes), ep->exempt))
		return ERR_PTR(-EDQUOT);
	call = mpipc_call_alloc(ep, bytes);
	if (!call) {
		mpipc_user_uncharge(ep->user, charge);
		return ERR_PTR(-ENOMEM);
	}
	*call = (struct mpipc_call){
		.ref = REFCOUNT_INIT(1),
		.allocated = call->allocated,
		.node = LIST_HEAD_INIT(call->node),
		.caller = mpipc_endpoint_get(ep),
		.id = atomic64_inc_return(&mpipc_last_call_id),
		.since = msg->stamp,
		.deadline = mpipc_endpoint_deadline(ep, arg->deadline),
		.charge = charge,
		.reply_size = arg->reply_size,
		.reply_fds = arg->reply_fds,
		.max_files = min_t(unsigned long, rlimit(RLIMIT_NOFILE), U32_MAX),
		.n_slots = n_slots,
		.async = arg->flags & MPIPC_CALL_ASYNC,
		.waited = !(arg->flags & MPIPC_CALL_ASYNC),
		.open = n_slots,
	};
	init_waitqueue_head(&call->wait);
	for (i = 0; i < n_slots; i++) {
		call->slots[i] = (struct mpipc_reply_slot){
			.qnode.type = MPIPC_REPLY_TO,
			.call = call,
			.peer = i < n ? msg->deliveries[i].to : NULL,
		};
		RB_CLEAR_NODE(&call->slots[i].pending);
	}
	return call;
}

/**
 * mpipc_call_list - put a call in the list of its caller
 * @call: the call
 *
 * Return: 0, -ESHUTDOWN or -EMFILE.
 */
int mpipc_call_list(struct mpipc_call *call)
{
	struct mpipc_mailbox *box = &call->caller->box;
	int err;

	spin_lock(&box->lock);
	err = box->closed ? -ESHUTDOWN :
	      box->n_calls >= READ_ONCE(mpipc_endpoint_calls) ? -EMFILE : 0;
	if (!err) {
		list_add(&mpipc_call_get(call)->node, &box->calls);
		box->n_calls++;
	}
	spin_unlock(&box->lock);
	return err;
}

/**
 * mpipc_call_find_locked - find a call by its id
 * @ep: the caller, whose mailbox is locked
 * @id: the id
 *
 * Return: the call, or NULL.
 */
struct mpipc_call *mpipc_call_find_locked(struct mpipc_endpoint *ep, u64 id)
{
	struct mpipc_call *call;

	lockdep_assert_held(&ep->box.lock);
	list_for_each_entry(call, &ep->box.calls, node)
		if (call->id == id)
			return call;
	return NULL;
}

/**
 * mpipc_call_end_all - end all calls of an endpoint that leaves
 * @ep: the endpoint
 */
void mpipc_call_end_all(struct mpipc_endpoint *ep)
{
	struct mpipc_call *call;

	/* The mailbox is closed, so that nobody sets the timer again. */
	cancel_delayed_work_sync(&ep->box.timer);
	for (;;) {
		spin_lock(&ep->box.lock);
		call = list_first_entry_or_null(&ep->box.calls, struct mpipc_call, node);
		if (call)
			mpipc_call_unlist_locked(call);
		spin_unlock(&ep->box.lock);
		if (!call)
			return;
		mpipc_call_end(call, -ESHUTDOWN);
		mpipc_call_put(call);
	}
}

/**
 * mpipc_pending_reset - complete every reply that an endpoint owes when it leaves
 * @ep: the endpoint
 */
void mpipc_pending_reset(struct mpipc_endpoint *ep)
{
	const struct mpipc_outcome outcome = { .status = -ECONNRESET };
	struct mpipc_reply_slot *slot;

	for (;;) {
		spin_lock(&ep->box.lock);
		slot = rb_entry_safe(rb_first(&ep->box.pending), struct mpipc_reply_slot, pending);
		if (slot)
			mpipc_pending_remove_locked(slot);
		spin_unlock(&ep->box.lock);
		if (!slot)
			return;
		mpipc_reply_slot_complete(slot, &outcome);
		mpipc_call_put(slot->call);
		cond_resched();
	}
}
