/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_ENDPOINT_H
#define MPIPC_ENDPOINT_H

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/path.h>
#include <linux/pid.h>

#include "deadline.h"
#include "group.h"
#include "link.h"

struct mem_cgroup;
struct mpipc_msg;
struct mpipc_call;

/**
 * DOC: Endpoints
 *
 * An endpoint is made with the open file, joins once and leaves once. Its memory stays as long as
 * anything refers to it: the file, messages that it sent, calls and events that name it. A
 * reference keeps only the memory. All that an endpoint holds for others (queue, files, calls)
 * goes when it leaves.
 */

/**
 * DOC: Ownership
 *
 * An endpoint belongs to the file descriptor table that joined, its owner. The kernel calls ->flush
 * for each descriptor that is removed from a table, with that table as an id. If the table is the
 * owner and has no other descriptor of the file, the endpoint leaves. So a mailbox holds file
 * references only while a live table can reach it, and no cycle of files, through whatever kinds,
 * can outlive its processes.
 *
 * A table that is destroyed (by exit, or by the last user's exec or unshare) is closed by a task
 * that does not use it any more, and all its descriptors go. The table may still have them then,
 * because since 6.13 they are not removed first.
 *
 * The join stores the owner first and then looks for a descriptor in the table. This look and the
 * removal of a descriptor both take the table's lock. Either the look comes first, and the flush of
 * the remover sees the owner, or the look finds nothing and the join fails. Descriptors that never
 * were in a table, as the direct ones of io_uring, cannot join.
 */

/**
 * DOC: Locks
 *
 * Locks are taken in this order:
 *
 * 1. &mpipc_endpoint.lock, a mutex, protects whether the endpoint is a member. It is taken only
 *    through the endpoint's file, to join and to leave.
 * 2. &mpipc_group.lock, a mutex, protects who is in the group. It is taken for joins, leaves and
 *    lists of members, and never on the way of a message.
 * 3. &mpipc_groups.lock, a spinlock, protects which groups there are. The lock of the table of
 *    users and that of a group's index have the same place in the order.
 * 4. &mpipc_mailbox.lock, a spinlock, protects the mailbox. Two of them are never held at once.
 * 5. &mpipc_user.lock, a spinlock, protects the senders that wait for their user to hold less.
 *
 * At most the first is held during what takes long: allocations that wait for memory, completing
 * pending replies, dropping messages.
 *
 * Senders find their destinations under RCU and take a reference to each.
 */

/*
 * Size of the messages and calls, in bytes, whose memory an endpoint keeps as spare memory. The
 * primary may keep more, because it sends to all, and there is only one in a group.
 */
#define MPIPC_SPARE_MAX		512
#define MPIPC_SPARE_MAX_PRIMARY	4096

enum mpipc_state {
	MPIPC_NEW,		/* open, has not joined */
	MPIPC_MEMBER,
	MPIPC_GONE,
};

/* The low bits of an endpoint's id are its place in the group's index. */
#define MPIPC_INDEX_BITS	20
#define MPIPC_INDEX_MAX		(BIT(MPIPC_INDEX_BITS) - 1)

/**
 * struct mpipc_endpoint - an open file of the device
 * @ref: references to the memory
 * @state: &enum mpipc_state; written under @lock
 * @rcu: frees the memory, when nobody needs @lock any more
 * @lock: held to join and to leave
 *
 * Constant:
 *
 * @net: network namespace of the process that opened the file, with a reference
 *
 * Constant once @state is not %MPIPC_NEW:
 *
 * @id: never used again; the low bits are the place in the group's index
 * @role: &enum mpipc_role
 * @exempt: the limits of the user do not stop the endpoint
 * @flags: MPIPC_JOIN_*
 * @group: the group, with a reference
 * @user: the user that is charged, with a reference
 * @cred: credentials of the process that joined, with a reference
 * @pid: process that joined, with a reference
 * @memcg: memory cgroup of that process, with a reference; NULL if the kernel has none
 * @time_offset: how far the clock of that process is ahead of the host's, in ns
 *
 * Written under @lock:
 *
 * @owner: table that the endpoint belongs to, which is only compared with what ->flush gets and
 *	searched by the process that uses it; NULL if the endpoint is not a member
 * @fd_hint: where the last search of that table found a descriptor
 * @anchor: the file of an anchored group as this member named it, with a reference while the
 *	endpoint is a member
 *
 * Written under mpipc_group.lock:
 *
 * @member: in the group's members; read under RCU
 * @generation: generation of the primary that the endpoint is or belongs to
 * @mixed: a peer is, or was, in another memory cgroup; read without the lock
 * @link: the link of a secondary with its primary, with a reference, or NULL; also written under
 *	the lock of the secondary's mailbox
 *
 * Exchanged:
 *
 * @spare_msg: memory of a message that the endpoint sent, for the next message, or NULL
 * @spare_call: memory of a call that the endpoint made, for the next call, or NULL
 *
 * Others:
 *
 * @box: the mailbox
 * @sent: number of messages and replies that arrived somewhere
 * @dropped_fds: number of descriptors that the receiver did not want
 */
struct mpipc_endpoint {
	refcount_t ref;
	int state;
	union {
		struct rcu_head rcu;
		struct mutex lock;	/* protects membership */
	};
	struct net *net;

	u64 id;
	u8 role;
	bool exempt;
	bool mixed;
	u8 flags;
	unsigned int fd_hint;
	struct mem_cgroup *memcg;
	struct mpipc_group *group;
	struct mpipc_user *user;
	const struct cred *cred;
	struct pid *pid;
	s64 time_offset;

	void *owner;
	struct path anchor;
	struct list_head member;
	u64 generation;
	struct mpipc_link *link;

	struct mpipc_msg *spare_msg;
	struct mpipc_call *spare_call;

	struct mpipc_mailbox box;
	atomic64_t sent;
	atomic64_t dropped_fds;
};

static inline struct mpipc_endpoint *mpipc_endpoint_get(struct mpipc_endpoint *ep)
{
	refcount_inc(&ep->ref);
	return ep;
}

/* Find the place in the index of its group that is part of the id of an endpoint. */
static inline u32 mpipc_endpoint_index(u64 id)
{
	return id & MPIPC_INDEX_MAX;
}

/*
 * Say whether an endpoint keeps so many bytes as spare memory. KASAN does not know that nobody may
 * use spare memory. The reference count in it finds such a use: it stays 0 until the memory is used
 * again, and to count up or down from 0 is a warning.
 */
static inline bool mpipc_endpoint_keeps_spare(const struct mpipc_endpoint *ep, size_t bytes)
{
	return bytes <= (ep->role == MPIPC_PRIMARY ? MPIPC_SPARE_MAX_PRIMARY : MPIPC_SPARE_MAX);
}

/* Say whether a member has begun to leave. It cannot begin while its group is locked. */
static inline bool mpipc_endpoint_leaves(const struct mpipc_endpoint *ep)
{
	return READ_ONCE(ep->box.closed);
}

/* Convert a deadline that the endpoint's process set to the host's clock. */
static inline u64 mpipc_endpoint_deadline(const struct mpipc_endpoint *ep, u64 deadline)
{
	return mpipc_time_shift(deadline, -ep->time_offset);
}

struct mpipc_endpoint *mpipc_endpoint_new(struct net *net);
void mpipc_endpoint_put(struct mpipc_endpoint *ep);
void mpipc_endpoint_drop_spare(struct mpipc_endpoint *ep);
bool mpipc_endpoint_in_table(struct mpipc_endpoint *ep, struct file *file, void *table);
int mpipc_endpoint_usable(struct mpipc_endpoint *ep);
void mpipc_endpoint_set_link(struct mpipc_endpoint *secondary, struct mpipc_link *link);
struct mpipc_endpoint *mpipc_endpoint_next_member(struct mpipc_group *group, unsigned long index);
u64 mpipc_endpoint_primary_id(struct mpipc_endpoint *ep);
void mpipc_endpoint_identity(const struct mpipc_endpoint *ep, struct user_namespace *user_ns,
			     struct pid_namespace *pid_ns, struct mpipc_peer *out);

#endif /* MPIPC_ENDPOINT_H */
