/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_PENDING_H
#define MPIPC_PENDING_H

#include "message.h"

/**
 * DOC: Calls
 *
 * An open call has one slot for each addressee, made with it. A slot is completed
 * exactly once, under the lock of the caller's mailbox, by whoever comes first:
 * the answer, the addressee's end, a full mailbox, the deadline, a cancel, or the
 * caller's own end. What comes later finds it done and is told so.
 *
 * From the posting of the request until it is completed a slot is also in the
 * addressee's mailbox, among what is pending there, and found by the call's id. The
 * one who replies looks it up in its own mailbox only, so it can answer nothing
 * but what it was asked. A slot leaves that tree after it was completed, in a
 * second step, since no two mailboxes are locked at once:
 *
 *	complete (caller's lock)  ->  forget (addressee's lock)
 *
 * and a request is only posted, under the addressee's lock, while the call is not
 * over. So after a call has been marked as over and all its slots were forgotten,
 * nobody owes it anything.
 *
 * The slots of an asynchronous call are the entries of the caller's mailbox that
 * carry the results; a synchronous caller waits until all are complete and copies
 * them itself. A synchronous call that was interrupted stays open until it is
 * resumed, cancelled, or its endpoint leaves. An asynchronous one counts as open
 * until its last result has been taken.
 *
 * References to a call: its place in the caller's mailbox, each slot that is pending
 * or queued, each thread at work on it.
 *
 * Deadlines. Almost no call reaches its own, so a mailbox has one timer for all. It is
 * set when it would be too late for a call whose request was posted, and is not taken
 * back when that ends: it finds what there is by then, and is set for the next.
 */

/**
 * struct mpipc_reply_slot - what one addressee owes
 * @qnode: its place in the caller's mailbox, if the call is asynchronous; @seq in
 *	any case
 * @pending: its place in the addressee's mailbox, under the lock of that
 * @call: the call this is part of
 * @peer: the addressee, with a reference; NULL: the end of a call to nobody
 *
 * Written when it is completed, under the caller's lock:
 * @done: whether
 * @replied: @status is the addressee's own
 * @last: no other slot of the call is open
 * @status: 0 or a negative error
 * @reply: the answer, with a reference, or NULL
 */
struct mpipc_reply_slot {
	struct mpipc_qnode qnode;
	struct rb_node pending;
	struct mpipc_call *call;
	struct mpipc_endpoint *peer;
	bool done;
	bool replied;
	bool last;
	int status;
	struct mpipc_msg *reply;
};

/**
 * struct mpipc_call - a call
 * @ref: see "Calls"
 * @allocated: bytes that were allocated
 * @node: in the caller's mailbox, under its lock
 * @caller: with a reference
 * @id: never used again
 * @deadline: CLOCK_MONOTONIC
 * @charge: bytes charged to the caller's user, answers included
 * @reply_size: largest answer
 * @reply_fds: most descriptors of an answer
 * @n_slots: addressees, but at least 1
 * @async: whether results go to the mailbox
 * @over: no request is posted any more; a cancel sets it under the caller's lock
 * @open: slots that are not done; caller's lock
 * @waited: a thread waits for it; caller's lock
 * @timed: the deadline counts; caller's lock
 * @wait: where the thread waits
 * @slots: one for each addressee
 */
struct mpipc_call {
	refcount_t ref;
	u32 allocated;
	struct list_head node;
	struct mpipc_endpoint *caller;
	u64 id;
	u64 deadline;
	long charge;
	u32 reply_size;
	u32 reply_fds;
	u32 n_slots;
	bool async;
	bool over;
	bool waited;
	bool timed;
	u32 open;
	wait_queue_head_t wait;
	struct mpipc_reply_slot slots[];
};

/* How a slot ends. */
struct mpipc_outcome {
	int status;
	struct mpipc_msg *reply;	/* an answer, and a reference to it; or NULL */
	bool sync;			/* the replier is about to sleep */
};

struct mpipc_call *mpipc_call_get(struct mpipc_call *call);
void mpipc_call_refund(struct mpipc_call *call);
void mpipc_call_put(struct mpipc_call *call);
bool mpipc_call_unlist_locked(struct mpipc_call *call);
bool mpipc_call_unlist(struct mpipc_call *call, bool unless_over);
bool mpipc_reply_slot_complete(struct mpipc_reply_slot *slot, const struct mpipc_outcome *outcome);
void mpipc_reply_slot_forget(struct mpipc_reply_slot *slot);
void mpipc_call_end(struct mpipc_call *call, int status);
void mpipc_pending_add_locked(struct mpipc_reply_slot *slot);
struct mpipc_reply_slot *mpipc_pending_find_locked(struct mpipc_endpoint *ep, u64 id);
void mpipc_reply_slot_drop(struct mpipc_reply_slot *slot);
struct mpipc_call *mpipc_call_new(struct mpipc_endpoint *ep, const struct mpipc_call_args *arg,
				  struct mpipc_msg *msg, u32 n);
int mpipc_call_list(struct mpipc_call *call);
struct mpipc_call *mpipc_call_find_locked(struct mpipc_endpoint *ep, u64 id);
void mpipc_call_end_all(struct mpipc_endpoint *ep);
void mpipc_pending_reset(struct mpipc_endpoint *ep);

#endif /* MPIPC_PENDING_H */
