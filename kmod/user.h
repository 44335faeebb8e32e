/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_USER_H
#define MPIPC_USER_H

#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/uidgid.h>

/**
 * DOC: Users
 *
 * What endpoints hold is charged to the real uid that joined, in every network
 * namespace together. The user is looked up once, at the join; an endpoint
 * keeps a reference, a message keeps its sender, so who was charged is always
 * who gets it back. Charging is one atomic addition.
 */

/**
 * struct mpipc_user - what one uid holds
 * @ref: one for each endpoint, group, quota and join under way
 * @node: in the table of users, under its lock
 * @uid: constant
 * @endpoints: endpoints that are members of a group
 * @groups: groups that it created
 * @files: files in flight in messages that it sent
 * @bytes: memory of its messages and calls
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
