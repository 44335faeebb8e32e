/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_MAILBOX_H
#define MPIPC_MAILBOX_H

#include <linux/list.h>
#include <linux/mpipc.h>
#include <linux/poll.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

/**
 * DOC: Mailboxes
 *
 * A mailbox is what others do to an endpoint. Its spinlock is held to link and
 * unlink, and to look for calls whose deadline has come: no copying, no allocation,
 * nothing that sleeps. Inside of it there is the setting of a timer only, and no two
 * mailboxes are ever locked at once.
 *
 * Only messages and requests count against the bounds. Results of calls and
 * events do not: their number is bounded by the open calls and by the group, and
 * their memory was there before they happened (a call counts as open until its
 * last result was taken).
 *
 * Room. A message is taken if the mailbox stays within its bounds. In the
 * mailbox of a primary, where many users meet, a user other than its own has at
 * most half of what the other users leave, so that none can fill it for all.
 * A primary pays for what it sends to all its secondaries, so that in the mailbox of
 * a secondary a user has at most half of what its messages elsewhere leave of its
 * memory: those who do not read cannot use up all of it, and the others are reached.
 * An empty mailbox takes any message. What finds no room is counted, and the next
 * entry tells how many were lost before it.
 *
 * Who waits for room is woken one at a time, and only if it would find some; each
 * passes on what is left. So taking a message out costs the same however many wait.
 *
 * A closed mailbox takes nothing any more. A sender whose own mailbox is closed
 * is not taken from either; that is looked at under the receiver's lock, so
 * nothing follows the event that says the sender left.
 */

/**
 * struct mpipc_qnode - anything that can wait in a mailbox
 * @node: in the mailbox's queue, under its lock
 * @seq: its number there
 * @lost: messages that found no room between the entry before and this one
 * @type: &enum mpipc_type, says what the entry is embedded in: a
 *	&struct mpipc_delivery, a &struct mpipc_reply_slot or a &struct mpipc_link_end
 */
struct mpipc_qnode {
	struct list_head node;
	u64 seq;
	u32 lost;
	u16 type;
};

/**
 * struct mpipc_mailbox - what waits for an endpoint
 * @lock: protects all members that do not say otherwise
 * @closed: nothing is taken any more; set once
 * @max_messages: constant after the join
 * @max_bytes: likewise
 * @queue: entries, oldest first
 * @pending: &struct mpipc_reply_slot of requests that this endpoint has to answer, by
 *	call id
 * @calls: &struct mpipc_call that this endpoint made; asynchronous ones that are
 *	over come last
 * @n_calls: how many
 * @timer: ends those whose deadline has come
 * @timer_at: when it will; CLOCK_MONOTONIC
 * @seq: number of the newest entry
 * @seq_sure: number of the newest one that cannot be withdrawn
 * @queued: entries in @queue; read without the lock to see whether there are any, and for
 *	lists of peers
 * @messages: messages and requests among them
 * @bytes: their payload
 * @held: memory that is charged for them
 * @lost_since: messages without room since the newest entry
 * @lost: all of them; likewise
 * @received: entries taken out
 * @quotas: &struct mpipc_quota of users other than a primary's own
 * @readers: who waits for an entry, and who polls; lives as long as the
 *	endpoint's memory, which is longer than its file
 * @space: who waits for room
 */
struct mpipc_mailbox {
	spinlock_t lock;	/* what others and the owner change */
	bool closed;
	u32 max_messages;
	u32 max_bytes;
	struct list_head queue;
	struct rb_root pending;
	struct list_head calls;
	u32 n_calls;
	struct delayed_work timer;
	u64 timer_at;
	u32 queued;
	u32 messages;
	u32 bytes;
	long held;
	u64 seq;
	u64 seq_sure;
	u32 lost_since;
	u64 lost;
	u64 received;
	struct list_head quotas;
	wait_queue_head_t readers;
	wait_queue_head_t space;
};

void mpipc_mailbox_init(struct mpipc_mailbox *box);
void mpipc_mailbox_wake_readers(struct mpipc_mailbox *box, bool sync);
void mpipc_mailbox_wake_pollers(struct mpipc_mailbox *box, __poll_t events);
void mpipc_mailbox_wake_senders(struct mpipc_mailbox *box);
void mpipc_mailbox_add_locked(struct mpipc_mailbox *box, struct mpipc_qnode *qnode);
void mpipc_mailbox_close(struct mpipc_mailbox *box, struct list_head *trash);

#endif /* MPIPC_MAILBOX_H */
