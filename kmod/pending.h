/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_PENDING_H
#define MPIPC_PENDING_H

#include "message.h"

/**
 * DOC: Calls
 *
 * A call has one reply slot for each destination, allocated together with the call. A slot is
 * completed exactly once, under the lock of the caller's mailbox, by whatever comes first: the
 * reply, the end of the destination, a full mailbox, the deadline, a cancel, or the end of the
 * caller. Whatever comes later finds the slot complete and fails.
 *
 * From the moment when the request is posted until it is completed, a slot is also a pending reply
 * in the destination's mailbox, where it is found by the id of the call. A replier looks only in
 * its own mailbox, so it can reply to nothing but the requests that it got. A slot leaves the tree
 * of pending replies in a second step, because two mailboxes are never locked at once::
 *
 *	complete (caller's lock)  ->  forget (destination's lock)
 *
 * A request is posted, under the destination's lock, only while its call is not over. So nobody
 * owes anything to a call that was marked as over and whose slots were all forgotten after that.
 *
 * A pending reply also shows who hangs. Reports walk the tree in the order of the calls, which is
 * that of their age, a few steps at a time, because anybody may look. They know without a mark
 * whether a request was taken: it then precedes all that is in the destination's mailbox.
 *
 * The slots of an asynchronous call are the queue nodes that carry the results in the caller's
 * mailbox. A synchronous caller waits until all slots are complete and copies the results itself.
 * A synchronous call that was interrupted stays open until it is resumed or cancelled, or until
 * its endpoint leaves. An asynchronous call counts as open until its last result was taken.
 *
 * A call is referenced by its place in the caller's mailbox, by each slot that is pending or
 * queued, and by each thread that works on it.
 */

/**
 * struct mpipc_reply_slot - the place for the reply of one destination
 * @qnode: place in the caller's mailbox, if the call is asynchronous; @seq is used in any case
 * @pending: place in the destination's tree of pending replies, under the lock of its mailbox
 * @posted: number that the request has in the destination's mailbox, under its lock
 * @call: the call that this slot is part of
 * @peer: the destination, with a reference; NULL in the only slot of a call to nobody
 *
 * The other fields are written under the lock of the caller's mailbox, when the slot is completed:
 *
 * @done: the slot is complete
 * @replied: the destination has replied, so that @status is its own
 * @last: all other slots of the call are complete
 * @status: 0 or a negative error
 * @reply: the reply, with a reference, or NULL
 */
struct mpipc_reply_slot {
	struct mpipc_qnode qnode;
	struct rb_node pending;
	u64 posted;
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
 * @ref: references, see "Calls"
 * @allocated: size of the memory in bytes
 * @node: in the list of the caller's mailbox, under its lock
 * @caller: the endpoint that calls, with a reference
 * @id: never used again
 * @since: when the request was made, in the clock of the host
 * @deadline: in the clock of the host
 * @charge: bytes that were charged to the caller's user, replies included
 * @reply_size: size of the largest reply that is taken
 * @reply_fds: the most descriptors that are taken with a reply
 * @max_files: the most files that the caller's user may have in flight
 * @n_slots: number of destinations, but at least 1
 * @async: the results go to the caller's mailbox
 * @over: no request is posted any more; a cancel sets this under the caller's lock
 * @open: number of slots that are not complete; under the caller's lock
 * @waited: a thread waits for the call; under the caller's lock
 * @timed: the timer of the mailbox keeps the deadline; under the caller's lock
 * @wait: where that thread waits
 * @slots: one reply slot for each destination
 */
struct mpipc_call {
	refcount_t ref;
	u32 allocated;
	struct list_head node;
	struct mpipc_endpoint *caller;
	u64 id;
	u64 since;
	u64 deadline;
	long charge;
	u32 reply_size;
	u32 reply_fds;
	u32 max_files;
	u32 n_slots;
	bool async;
	bool over;
	bool waited;
	bool timed;
	u32 open;
	wait_queue_head_t wait;
	struct mpipc_reply_slot slots[];
};

/* How a reply slot is completed. */
struct mpipc_outcome {
	int status;
	struct mpipc_msg *reply;	/* the reply, whose reference is taken over, or NULL */
	bool sync;			/* the replier is about to sleep */
};

/**
 * struct mpipc_owed - a pending reply, as reports show it
 * @call: id of the call
 * @caller: endpoint id of the caller
 * @since: when the request was made, in the clock of the host
 * @deadline: when the caller stops waiting, in the clock of the host
 * @taken: the request was taken out of the mailbox
 */
struct mpipc_owed {
	u64 call;
	u64 caller;
	u64 since;
	u64 deadline;
	bool taken;
};

struct mpipc_call *mpipc_call_get(struct mpipc_call *call);
void mpipc_call_refund(struct mpipc_call *call);
void mpipc_call_put(struct mpipc_call *call);
bool mpipc_call_unlist(struct mpipc_call *call, bool unless_over);
bool mpipc_reply_slot_complete(struct mpipc_reply_slot *slot, const struct mpipc_outcome *outcome);
void mpipc_reply_slot_forget(struct mpipc_reply_slot *slot);
void mpipc_call_end(struct mpipc_call *call, int status);
void mpipc_pending_add_locked(struct mpipc_reply_slot *slot);
struct mpipc_reply_slot *mpipc_pending_find_locked(struct mpipc_endpoint *ep, u64 id);
bool mpipc_pending_next(struct mpipc_endpoint *ep, u64 after, struct mpipc_owed *owed);
u64 mpipc_pending_count_taken(struct mpipc_endpoint *ep, u64 *since);
void mpipc_reply_slot_drop(struct mpipc_reply_slot *slot);
struct mpipc_call *mpipc_call_new(struct mpipc_endpoint *ep, const struct mpipc_call_args *arg,
				  struct mpipc_msg *msg, u32 n);
int mpipc_call_list(struct mpipc_call *call);
struct mpipc_call *mpipc_call_find_locked(struct mpipc_endpoint *ep, u64 id);
void mpipc_call_end_all(struct mpipc_endpoint *ep);
void mpipc_pending_reset(struct mpipc_endpoint *ep);

#endif /* MPIPC_PENDING_H */
