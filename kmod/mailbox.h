/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_MAILBOX_H
#define MPIPC_MAILBOX_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct mpipc_copy;
struct mpipc_endpoint;
struct mpipc_entry;
struct mpipc_link;
struct mpipc_msg;
struct mpipc_slot;

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
 * struct mpipc_mailbox - what waits for an endpoint
 * @lock: protects all members that do not say otherwise
 * @closed: nothing is taken any more; set once
 * @max_messages: constant after the join
 * @max_bytes: likewise
 * @queue: entries, oldest first
 * @owed: &struct mpipc_slot of requests that this endpoint has to answer, by
 *	call id
 * @calls: &struct mpipc_open_call that this endpoint made; asynchronous ones that are
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
 * @room: who waits for room
 */
struct mpipc_mailbox {
	spinlock_t lock;	/* what others and the owner change */
	bool closed;
	u32 max_messages;
	u32 max_bytes;
	struct list_head queue;
	struct rb_root owed;
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
	wait_queue_head_t room;
};

/**
 * struct mpipc_room_wait - a sender that waits for room in one mailbox
 * @wait: in &mpipc_mailbox.room
 * @copy: what there has to be room for; NULL: it waits no more
 * @slot: what it asks for, or NULL
 */
struct mpipc_room_wait {
	struct wait_queue_entry wait;
	struct mpipc_copy *copy;
	struct mpipc_slot *slot;
};

/* How a message is posted. */
#define MPIPC_POST_WAITS	1	/* a full mailbox is not a loss yet */
#define MPIPC_POST_SYNC		2	/* the poster is about to sleep */

void mpipc_mailbox_init(struct mpipc_mailbox *box);
int mpipc_mailbox_post(struct mpipc_copy *copy, struct mpipc_slot *slot,
		       unsigned int how);
void mpipc_mailbox_lose(struct mpipc_endpoint *to, struct mpipc_msg *msg);
void mpipc_mailbox_add_locked(struct mpipc_mailbox *box, struct mpipc_entry *entry);
void mpipc_mailbox_heard_locked(struct mpipc_endpoint *to, struct mpipc_endpoint *from);
struct mpipc_endpoint *mpipc_event_about(struct mpipc_entry *event);
void mpipc_event_drop(struct mpipc_entry *event);
void mpipc_event_seen_locked(struct mpipc_entry *event);
void mpipc_event_joined(struct mpipc_endpoint *to, struct mpipc_link *link);
void mpipc_event_left(struct mpipc_endpoint *to, struct mpipc_link *link);
void mpipc_mailbox_take_locked(struct mpipc_endpoint *ep, struct mpipc_entry *entry);
void mpipc_mailbox_untake(struct mpipc_endpoint *ep, struct mpipc_entry *entry);
void mpipc_mailbox_wake_readers(struct mpipc_mailbox *box, bool sync);
void mpipc_mailbox_wake_pollers(struct mpipc_mailbox *box, __poll_t events);
void mpipc_mailbox_wake_room(struct mpipc_mailbox *box);
void mpipc_room_watch(struct mpipc_room_wait *wait, struct mpipc_copy *copy,
		      struct mpipc_slot *slot);
void mpipc_room_unwatch(struct mpipc_room_wait *wait);
void mpipc_mailbox_close(struct mpipc_mailbox *box, struct list_head *trash);
void mpipc_quota_join(struct mpipc_link *link);
void mpipc_quota_leave(struct mpipc_link *link);

#endif /* MPIPC_MAILBOX_H */
