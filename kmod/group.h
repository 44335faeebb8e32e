/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_GROUP_H
#define MPIPC_GROUP_H

#include <linux/hashtable.h>
#include <linux/mpipc.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

#include "user.h"

/**
 * DOC: Groups
 *
 * Groups are found by name in a network namespace, as abstract AF_UNIX addresses are. The first
 * primary of a name makes the group. The group can be found while it has members. Permission to
 * join is decided as for opening a file of the same owner and mode.
 *
 * A group counts its primaries. The count at the join of a primary is the generation of this
 * primary, and of the secondaries that join it. When a primary leaves, its secondaries stay
 * members, but belong to no primary. The next primary takes over those that asked to follow.
 * The others cannot exchange messages with it.
 *
 * Joins and leaves are serialised by one mutex for each group. Messages do not take this mutex,
 * because senders find members under RCU.
 */

/**
 * struct mpipc_net - groups of a network namespace
 * @lock: held to find, to add and to forget a group
 * @groups: the groups by name; read also under RCU
 * @arrivals: number of primaries that have joined
 * @arrival: where secondaries wait for a primary
 */
struct mpipc_net {
	spinlock_t lock;	/* which groups there are */
	DECLARE_HASHTABLE(groups, 6);
	atomic_t arrivals;
	wait_queue_head_t arrival;
};

/**
 * struct mpipc_group - a group
 * @ref: references; each endpoint that is or was a member has one
 * @lock: held to join, to leave and to list the members
 * @node: in &mpipc_net.groups while there are members, or the first one joins; written under
 *	@lock and mpipc_net.lock
 * @rcu: frees the memory
 * @name: name; constant
 * @uid: owner; constant
 * @gid: owning group of users; constant
 * @mode: permission bits; constant
 * @user: the user that is charged for the group, with a reference; constant
 * @n_members: number of members; under @lock, read without it as a hint
 * @generation: number of primaries so far; under @lock, read without it for reports
 * @primary: the primary, or NULL; written under @lock, read under RCU
 * @members: all members; written under @lock, read under RCU
 * @index: members by &mpipc_endpoint.index; written under @lock, read under RCU
 */
struct mpipc_group {
	refcount_t ref;
	struct mutex lock;	/* protects the members */
	struct hlist_node node;
	struct rcu_head rcu;
	char name[MPIPC_GROUP_MAX];
	kuid_t uid;
	kgid_t gid;
	u32 mode;
	struct mpipc_user *user;
	u32 n_members;
	u64 generation;
	struct mpipc_endpoint __rcu *primary;
	struct list_head members;
	struct xarray index;
};

extern struct pernet_operations mpipc_net_ops;

struct mpipc_net *mpipc_net(struct net *net);
void mpipc_group_put(struct mpipc_group *group);
struct mpipc_endpoint *mpipc_group_primary(struct mpipc_group *group);
struct mpipc_group *mpipc_group_new(const struct mpipc_join_args *arg, struct mpipc_user *user);
void mpipc_group_forget(struct mpipc_net *mnet, struct mpipc_group *group);
bool mpipc_group_permits(struct net *net, struct mpipc_group *group, u32 role);
struct mpipc_group *mpipc_group_lock(struct mpipc_net *mnet, const char *name,
				     struct mpipc_group **spare);

#endif /* MPIPC_GROUP_H */
