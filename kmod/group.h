/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_GROUP_H
#define MPIPC_GROUP_H

#include <linux/fs.h>
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
 * There are two kinds of groups. A named group is found by its name in a network namespace, as
 * abstract AF_UNIX addresses are. Permission to join is decided as for opening a file of the same
 * owner and mode. The owner can set another mode when it is the next primary. An anchored group is
 * found by an inode and its name, in all namespaces, and the file decides about permission (see
 * "Anchors").
 *
 * The first primary makes the group. The group can be found while it has members.
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
 * struct mpipc_groups - the groups of a network namespace, or all anchored groups
 * @lock: held to find, to add and to forget a group; protects @last
 * @last: number of the last group that became known
 * @table: the groups by anchor and name; read also under RCU
 */
struct mpipc_groups {
	spinlock_t lock;	/* which groups there are */
	u64 last;
	DECLARE_HASHTABLE(table, 6);
};

/**
 * struct mpipc_place - where a group is found
 * @groups: the groups that the group is or will be one of
 * @anchor: the inode that an anchored group belongs to, which somebody keeps in memory; NULL for a
 *	named group
 * @name: name
 */
struct mpipc_place {
	struct mpipc_groups *groups;
	const struct inode *anchor;
	const char *name;
};

/**
 * struct mpipc_group - a group
 * @ref: references; each endpoint that is or was a member has one
 * @lock: held to join, to leave and to list the members
 * @node: in &mpipc_groups.table while there are members, or the first one joins; written under
 *	@lock and mpipc_groups.lock
 * @rcu: frees the memory
 * @number: number of the group among those that became known; constant once it is known
 * @place: where the group is found. The anchor is in memory while the group has a member; it is
 *	only compared. Constant.
 * @name: name; constant
 * @dev: device number of the anchor's file system; constant
 * @ino: number of the anchor in its file system; constant
 * @uid: owner; constant
 * @gid: owning group of users; constant
 * @mode: permission bits, 0 for an anchored group; constant
 * @n_members: number of members; under @lock, read without it as a hint
 * @generation: number of primaries so far; under @lock, read without it for reports
 * @primary: the primary, or NULL; written under @lock, read under RCU
 * @members: all members; written under @lock, read under RCU
 * @index: members by the low bits of their ids; written under @lock, read under RCU
 */
struct mpipc_group {
	refcount_t ref;
	struct mutex lock;	/* protects the members */
	struct hlist_node node;
	struct rcu_head rcu;
	u64 number;
	struct mpipc_place place;
	char name[MPIPC_GROUP_MAX];
	dev_t dev;
	u64 ino;
	kuid_t uid;
	kgid_t gid;
	u32 mode;
	u32 n_members;
	u64 generation;
	struct mpipc_endpoint __rcu *primary;
	struct list_head members;
	struct xarray index;
};

extern struct pernet_operations mpipc_net_ops;
extern struct mpipc_groups mpipc_anchored;

struct mpipc_groups *mpipc_net_groups(struct net *net);
u32 mpipc_place_hash(const struct mpipc_place *place);
bool mpipc_place_equal(const struct mpipc_place *a, const struct mpipc_place *b);
void mpipc_group_init(void);
void mpipc_group_put(struct mpipc_group *group);
struct mpipc_endpoint *mpipc_group_primary(struct mpipc_group *group);
struct mpipc_group *mpipc_group_new(const struct mpipc_place *place, u32 mode);
void mpipc_group_forget(struct mpipc_group *group);
bool mpipc_group_permits(struct net *net, struct mpipc_group *group, u32 role);
struct mpipc_group *mpipc_group_lock(const struct mpipc_place *place, struct mpipc_group **spare);

#endif /* MPIPC_GROUP_H */
