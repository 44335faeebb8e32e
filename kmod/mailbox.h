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
 * A mailbox holds all that others do to an endpoint. Its spinlock is held to link and unlink, and
 * to look for calls whose deadline has come. Under it nothing is copied or allocated, and nothing
 * sleeps.
 *
 * A mailbox has bounds for messages and requests, and for their payload. Results of calls and
 * events do not count: their number is bounded by the open calls and by the group, and their
 * memory was there before they happened. A message for which there is no space is counted as
 * lost, and the next queue node says how many were lost before it.
 *
 * A closed mailbox takes nothing any more, and nothing is taken from a sender whose own mailbox is
 * closed. The sender's mailbox is looked at under the lock of the destination's, so that nothing
 * follows the event that the sender left.
 */

/**
 * struct mpipc_qnode - anything that can be queued in a mailbox
 * @node: in the mailbox's queue, under its lock
 * @seq: number in the mailbox
 * @lost: number of messages that found no space between the previous queue node and this one
 * @type: &enum mpipc_type, says what the node is embedded in: a &struct mpipc_delivery, a
 *	&struct mpipc_reply_slot or a &struct mpipc_link_end
 */
struct mpipc_qnode {
	struct list_head node;
	u64 seq;
	u32 lost;
	u16 type;
};

/**
 * struct mpipc_mailbox - all that waits for an endpoint
 * @lock: protects all fields that do not say otherwise
 * @closed: nothing is taken any more; set once
 * @polled: poll has reported a queue node; set once
 * @max_messages: bound of @messages; constant after the join
 * @max_bytes: bound of @bytes; constant after the join
 * @queue: queue nodes, the oldest first
 * @pending: &struct mpipc_reply_slot of requests that this endpoint has to reply to, by call id
 * @calls: &struct mpipc_call that this endpoint made; asynchronous calls that are over come last
 * @n_calls: number of calls in @calls
 * @timer: ends the calls whose deadline has come
 * @timer_at: when @timer is due, in the clock of the host
 * @seq: number of the newest queue node
 * @seq_sure: number of the newest queue node that cannot be retracted
 * @queued: number of nodes in @queue; read without the lock as a hint
 * @messages: number of messages and requests in @queue
 * @bytes: payload of these
 * @held: memory that is charged for these
 * @files: number of files in these that count in no &struct mpipc_quota
 * @lost_since: number of messages that found no space since the newest queue node
 * @lost: number of all messages that found no space
 * @received: number of queue nodes that were taken out
 * @quotas: &struct mpipc_quota of users other than a primary's own, none of whom waits
 * @turns: &struct mpipc_quota of those users whose senders wait for space
 * @waiting: &struct mpipc_delivery of other senders that wait for space, the first one first
 * @readers: threads that wait for a queue node, and those that poll; this lives as long as the
 *	endpoint's memory, which is longer than its file
 * @leaving: the endpoint's own threads that wait for space elsewhere
 */
struct mpipc_mailbox {
	spinlock_t lock;	/* protects the queue, the calls and the counters */
	bool closed;
	bool polled;
	u32 max_messages;
	u32 max_bytes;
	struct list_head queue;
	struct rb_root pending;
	struct list_head calls;
	struct delayed_work timer;
	u64 timer_at;
	u32 queued;
	u32 messages;
	u32 bytes;
	u32 files;
	long held;
	u64 seq;
	u64 seq_sure;
	u32 n_calls;
	u32 lost_since;
	u64 lost;
	u64 received;
	struct list_head quotas;
	struct list_head turns;
	struct list_head waiting;
	wait_queue_head_t readers;
	wait_queue_head_t leaving;
};

void mpipc_mailbox_init(struct mpipc_mailbox *box);
void mpipc_mailbox_wake_readers(struct mpipc_mailbox *box, bool sync);
void mpipc_mailbox_wake_pollers(struct mpipc_mailbox *box, __poll_t events);
bool mpipc_mailbox_poll(struct mpipc_mailbox *box);
void mpipc_mailbox_add_locked(struct mpipc_mailbox *box, struct mpipc_qnode *qnode);
void mpipc_mailbox_close(struct mpipc_mailbox *box, struct list_head *trash);

#endif /* MPIPC_MAILBOX_H */
