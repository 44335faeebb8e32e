/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_USER_H
#define MPIPC_USER_H

#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/uidgid.h>

/**
 * DOC: Users
 *
 * All that endpoints hold is charged to the real uid that joined, in all network namespaces
 * together. The user is looked up once, at the join. An endpoint keeps a reference to its user, and
 * a message one to its sender, so that a charge is always given back to the user that was charged.
 * A charge is one atomic addition.
 */

/**
 * struct mpipc_user - what one uid holds
 * @ref: references; each endpoint, group and quota of the user has one, and each join under way
 * @node: in the table of users, under its lock
 * @uid: the uid; constant
 * @endpoints: number of endpoints that are members of a group
 * @groups: number of groups that the user created
 * @files: number of files in flight in messages that the user sent
 * @bytes: memory of the user's messages and calls
 */
struct mpipc_user {
	refcount_t ref;
	struct hlist_node node;
	kuid_t uid;
	atomic_long_t endpoints;
	atomic_long_t groups;
	atomic_long_t files;
	atomic_long_t bytes;
};

struct mpipc_user *mpipc_user_find(kuid_t uid);
struct mpipc_user *mpipc_user_get(struct mpipc_user *user);
void mpipc_user_put(struct mpipc_user *user);

#endif /* MPIPC_USER_H */
