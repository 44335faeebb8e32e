/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_USER_H
#define MPIPC_USER_H

#include <linux/mpipc.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>

/**
 * DOC: Users
 *
 * All that endpoints hold is charged to the real uid that joined, in all network namespaces
 * together. The user is looked up once, at the join. An endpoint keeps a reference to its user,
 * and a message one to its sender, so that a charge is always given back to the user that was
 * charged. A charge is one atomic addition. An endpoint that has left is charged as memory until
 * it is freed.
 *
 * Senders can wait for their user to hold less. Whatever gives something back wakes one of them,
 * the one that waits longest. It tries again, and wakes the next one that has not tried since. So
 * it costs the same to give something back however many wait, and the threads of the user itself
 * do the rest.
 */

/**
 * struct mpipc_user - what one uid holds
 * @ref: references; each endpoint and quota of the user has one, and each join under way
 * @node: in the table of users, under its lock
 * @uid: the uid; constant
 * @endpoints: number of endpoints that are members of a group
 * @groups: number of groups whose primary is an endpoint of the user
 * @files: number of files in flight in messages that the user sent, and in replies to it
 * @bytes: memory of the user's messages and calls
 * @abroad: the part of @bytes that other users have in their mailboxes
 * @files_abroad: the part of @files that other users have in their mailboxes
 * @lock: protects @waiting and @freed
 * @waiting: &struct mpipc_user_wait of senders; read without @lock as a hint
 * @freed: counts how often something was given back while senders waited
 */
struct mpipc_user {
	refcount_t ref;
	struct hlist_node node;
	kuid_t uid;
	atomic_long_t endpoints;
	atomic_long_t groups;
	atomic_long_t files;
	atomic_long_t bytes;
	atomic_long_t abroad;
	atomic_long_t files_abroad;
	spinlock_t lock;	/* protects those who wait */
	struct list_head waiting;
	u32 freed;
};

/**
 * struct mpipc_user_wait - a thread that waits for its user to hold less
 * @node: in &mpipc_user.waiting; empty once the thread was woken
 * @task: the thread
 * @seen: &mpipc_user.freed when the wait began, since when the thread has tried
 */
struct mpipc_user_wait {
	struct list_head node;
	struct task_struct *task;
	u32 seen;
};

/* The users are in so many lists, by their uids. */
#define MPIPC_USER_BUCKETS	64

/**
 * struct mpipc_user_held - what a user holds at some time
 * @uid: the uid
 * @endpoints: as in &struct mpipc_user, like the next ones
 * @groups: number of groups
 * @bytes: memory
 * @files: number of files in flight
 * @abroad: the part of @bytes that is with others
 * @files_abroad: the part of @files that is with others
 */
struct mpipc_user_held {
	kuid_t uid;
	long endpoints;
	long groups;
	long bytes;
	long files;
	long abroad;
	long files_abroad;
};

bool mpipc_user_next(unsigned int bucket, u64 least, struct mpipc_user_held *held);
struct mpipc_user *mpipc_user_find(kuid_t uid);
struct mpipc_user *mpipc_user_get(struct mpipc_user *user);
void mpipc_user_put(struct mpipc_user *user);
void mpipc_user_watch(struct mpipc_user *user, struct mpipc_user_wait *wait);
void mpipc_user_unwatch(struct mpipc_user *user, struct mpipc_user_wait *wait);
void mpipc_user_wake(struct mpipc_user *user, bool freed);

/* Wake a sender, after the user has got something back. */
static inline void mpipc_user_freed(struct mpipc_user *user)
{
	if (!list_empty(&user->waiting))
		mpipc_user_wake(user, true);
}

/* Give back what was charged to a user. */
static inline void mpipc_user_give_back(struct mpipc_user *user, atomic_long_t *count, long n)
{
	atomic_long_sub(n, count);
	/* Pairs with the barrier between mpipc_user_watch() and the next look at @count. */
	smp_mb__after_atomic();
	mpipc_user_freed(user);
}

/* Charge a user no more for a member of a group, which has this role. */
static inline void mpipc_user_uncharge_member(struct mpipc_user *user, u32 role)
{
	atomic_long_dec(&user->endpoints);
	if (role == MPIPC_PRIMARY)
		atomic_long_dec(&user->groups);
}

static inline void mpipc_user_uncharge(struct mpipc_user *user, long bytes)
{
	mpipc_user_give_back(user, &user->bytes, bytes);
}

static inline void mpipc_user_uncharge_files(struct mpipc_user *user, long n)
{
	mpipc_user_give_back(user, &user->files, n);
}

#endif /* MPIPC_USER_H */
