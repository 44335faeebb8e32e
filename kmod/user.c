// SPDX-License-Identifier: GPL-2.0-only
#include <linux/hashtable.h>
#include <linux/log2.h>
#include <linux/spinlock.h>

#include "user.h"

static DEFINE_HASHTABLE(mpipc_users, ilog2(MPIPC_USER_BUCKETS));
static DEFINE_SPINLOCK(mpipc_users_lock);

static struct mpipc_user *mpipc_user_lookup(kuid_t uid)
{
	struct mpipc_user *user;

	lockdep_assert_held(&mpipc_users_lock);
	hash_for_each_possible(mpipc_users, user, node, __kuid_val(uid))
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/**
 * mpipc_user_find - find the user of a uid, or make it
 * @uid: the uid
 *
 * Return: the user, whose reference mpipc_user_put() gives back, or NULL if there is no memory.
 */
struct mpipc_user *mpipc_user_find(kuid_t uid)
{
	struct mpipc_user *user, *fresh;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return NULL;
	refcount_set(&fresh->ref, 1);
	fresh->uid = uid;
	spin_lock_init(&fresh->lock);
	INIT_LIST_HEAD(&fresh->waiting);

	spin_lock(&mpipc_users_lock);
	user = mpipc_user_lookup(uid);
	if (user) {
		refcount_inc(&user->ref);
	} else {
		user = fresh;
		fresh = NULL;
		hash_add(mpipc_users, &user->node, __kuid_val(uid));
	}
	spin_unlock(&mpipc_users_lock);
	kfree(fresh);
	return user;
}

/**
 * mpipc_user_next - describe a user
 * @bucket: the list to look at, which has few of all users
 * @least: the least uid that is wanted
 * @held: describes the user with the next uid in the list
 *
 * Return: false if there is no such user.
 */
bool mpipc_user_next(unsigned int bucket, u64 least, struct mpipc_user_held *held)
{
	struct mpipc_user *user, *next = NULL;

	spin_lock(&mpipc_users_lock);
	hlist_for_each_entry(user, &mpipc_users[bucket], node)
		if (__kuid_val(user->uid) >= least && (!next || uid_lt(user->uid, next->uid)))
			next = user;
	if (next)
		*held = (struct mpipc_user_held) {
			.uid = next->uid,
			.endpoints = atomic_long_read(&next->endpoints),
			.groups = atomic_long_read(&next->groups),
			.bytes = atomic_long_read(&next->bytes),
			.files = atomic_long_read(&next->files),
			.abroad = atomic_long_read(&next->abroad),
			.files_abroad = atomic_long_read(&next->files_abroad),
		};
	spin_unlock(&mpipc_users_lock);
	return next;
}

/**
 * mpipc_user_get - take another reference to a user
 * @user: the user
 *
 * Return: @user.
 */
struct mpipc_user *mpipc_user_get(struct mpipc_user *user)
{
	refcount_inc(&user->ref);
	return user;
}

/**
 * mpipc_user_put - give a reference to a user back
 * @user: the user, or NULL
 */
void mpipc_user_put(struct mpipc_user *user)
{
	if (!user)
		return;
	/* Drop the reference under the lock, so that a lookup never finds a user without one. */
	spin_lock(&mpipc_users_lock);
	if (refcount_dec_and_test(&user->ref))
		hash_del(&user->node);
	else
		user = NULL;
	spin_unlock(&mpipc_users_lock);
	kfree(user);
}

/**
 * mpipc_user_watch - have the calling thread woken when its user gets something back
 * @user: the user
 * @wait: memory for the wait until mpipc_user_unwatch()
 *
 * The thread has to try once more before it sleeps, with a full barrier in between.
 */
void mpipc_user_watch(struct mpipc_user *user, struct mpipc_user_wait *wait)
{
	wait->task = current;
	spin_lock(&user->lock);
	wait->seen = user->freed;
	list_add_tail(&wait->node, &user->waiting);
	spin_unlock(&user->lock);
}

/**
 * mpipc_user_unwatch - stop waiting for the user to get something back
 * @user: the user
 * @wait: as given to mpipc_user_watch()
 */
void mpipc_user_unwatch(struct mpipc_user *user, struct mpipc_user_wait *wait)
{
	spin_lock(&user->lock);
	list_del_init(&wait->node);
	spin_unlock(&user->lock);
}

/**
 * mpipc_user_wake - wake the sender that waits longest, if it has not tried since
 * @user: the user
 * @freed: the user has just got something back, which nobody has tried to use yet
 */
void mpipc_user_wake(struct mpipc_user *user, bool freed)
{
	struct mpipc_user_wait *wait;

	spin_lock(&user->lock);
	user->freed += freed;
	wait = list_first_entry_or_null(&user->waiting, struct mpipc_user_wait, node);
	if (wait && wait->seen != user->freed) {
		list_del_init(&wait->node);
		/* The thread cannot end its wait before it gets the lock. */
		wake_up_process(wait->task);
	}
	spin_unlock(&user->lock);
}
