/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_ENDPOINT_H
#define MPIPC_ENDPOINT_H

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/pid.h>

#include "group.h"
#include "link.h"

struct mpipc_msg;
struct mpipc_call;

/**
 * DOC: Endpoints
 *
 * An endpoint is made with the open file, joins once, leaves once, and its
 * memory stays as long as anything refers to it: the file, messages that it
 * sent, calls and events that name it. Memory is all that a reference keeps;
 * what an endpoint holds for others (queue, files, calls) goes when it leaves.
 *
 * DOC: Whose an endpoint is
 *
 * An endpoint belongs to the file descriptor table that joined (its owner). The
 * owner's last descriptor is noticed in ->flush, which the kernel calls for each
 * descriptor that is taken out of a table, with that table as its id: if the
 * table has no other descriptor of the file, the endpoint leaves. So a mailbox
 * holds file references only while a live table can reach it, and no cycle of
 * files, through whatever kinds, can outlive its processes.
 *
 * A table that is destroyed (exit, or the last user's exec or unshare) is closed
 * by a task that does not use it any more, and all that it has goes. It may still
 * have the descriptors then: since 6.13 they are not taken out first.
 *
 * The join stores the owner first and then looks for a descriptor in the table.
 * Both that look and the removal of a descriptor take the table's lock: either
 * the look comes first, then the remover's flush sees the owner, or it finds
 * nothing and the join fails. Descriptors that never were in a table, as
 * io_uring's direct ones, cannot join.
 *
 * DOC: Locks
 *
 * In this order:
 *
 * 1. &mpipc_endpoint.lock, a mutex: whether it is a member. Taken only by those that
 *    have its file, to join and to leave.
 * 2. &mpipc_group.lock, a mutex: who is in the group. For join, leave and the list of
 *    peers; never on the way of a message.
 * 3. &mpipc_net.lock, a spinlock: which groups there are; the table of users, a
 *    spinlock; the lock of a group's index.
 * 4. the lock of the queue of those who wait for room in a mailbox.
 * 5. &mpipc_mailbox.lock, a spinlock; never two of them.
 *
 * What takes long (memory that must be made free, answers that are still pending,
 * messages that are dropped) is done under the first at most.
 *
 * Senders find their destinations under RCU and take a reference.
 */

/*
 * Up to how many bytes an endpoint keeps what it sent last. What goes to all is larger,
 * but only one in a group sends to all.
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

/**
 * struct mpipc_endpoint - an open file of the device
 * @ref: references to the memory
 * @state: &enum mpipc_state; written under @lock
 * @rcu: frees the memory
 * @lock: held to join and to leave
 *
 * Constant:
 * @net: network namespace of the opener, with a reference
 *
 * Constant once @state is not %MPIPC_NEW:
 * @id: never used again; the low bits are @index
 * @index: place in the group's index
 * @role: &enum mpipc_role
 * @flags: MPIPC_JOIN_*
 * @group: with a reference
 * @user: who is charged, with a reference
 * @cred: of the joiner, with a reference
 * @pid: of the joiner's process, with a reference
 *
 * Written under @lock:
 * @owner: table that the endpoint belongs to, never dereferenced but as the id
 *	that flush got; NULL when not a member
 * @fd_hint: where the last look into that table found a descriptor
 *
 * Written under mpipc_group.lock:
 * @member: in the group's members; read under RCU
 * @generation: of the primary that it is, or belongs to
 * @link: of a secondary, with a reference: its link with its primary, or NULL; also under
 *	the lock of its mailbox
 *
 * Exchanged:
 * @spare_msg: memory of a message that it sent, for the next, or NULL
 * @spare_call: memory of a call that it made, likewise
 *
 * Others:
 * @box: what others do to the endpoint
 * @sent: messages and answers that arrived somewhere
 * @dropped_fds: descriptors that the receiver did not want
 */
struct mpipc_endpoint {
	refcount_t ref;
	int state;
	struct rcu_head rcu;
	struct mutex lock;	/* whether it is a member */
	struct net *net;

	u64 id;
	u32 index;
	u32 role;
	u32 flags;
	unsigned int fd_hint;
	struct mpipc_group *group;
	struct mpipc_user *user;
	const struct cred *cred;
	struct pid *pid;

	void *owner;
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

/*
 * Whether it keeps so much of what it sent. KASAN does not know that nobody may use that
 * memory, but its reference count does: it stays 0 until the memory is used again.
 */
static inline bool mpipc_endpoint_keeps_spare(const struct mpipc_endpoint *ep, size_t bytes)
{
	return bytes <= (ep->role == MPIPC_PRIMARY ? MPIPC_SPARE_MAX_PRIMARY : MPIPC_SPARE_MAX);
}

/* Whether a member has begun to leave, or has left. Cannot begin under its group's lock. */
static inline bool mpipc_endpoint_leaves(const struct mpipc_endpoint *ep)
{
	return READ_ONCE(ep->box.closed);
}

struct mpipc_endpoint *mpipc_endpoint_new(struct net *net);
void mpipc_endpoint_put(struct mpipc_endpoint *ep);
bool mpipc_endpoint_in_table(struct mpipc_endpoint *ep, struct file *file, void *table);
int mpipc_endpoint_usable(struct mpipc_endpoint *ep);
void mpipc_endpoint_set_link(struct mpipc_endpoint *secondary, struct mpipc_link *link);
u64 mpipc_endpoint_primary_id(struct mpipc_endpoint *ep);
void mpipc_endpoint_identity(const struct mpipc_endpoint *ep, struct user_namespace *user_ns,
			     struct pid_namespace *pid_ns, struct mpipc_peer *out);

#endif /* MPIPC_ENDPOINT_H */
