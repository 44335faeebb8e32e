// SPDX-License-Identifier: GPL-2.0-only
#include <linux/hashtable.h>
#include <linux/spinlock.h>

#include "user.h"

static DEFINE_HASHTABLE(users, 6);
static DEFINE_SPINLOCK(users_lock);

static struct mpipc_user *mpipc_user_lookup(kuid_t uid)
{
	struct mpipc_user *user;

	lockdep_assert_held(&users_lock);
	hash_for_each_possible(users, user, node, __kuid_val(uid))
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/**
 * mpipc_user_find - get the user of a uid, made if there is none
 * @uid: whose
 *
 * Return: the user, to be given back by mpipc_user_put(), or NULL: no memory.
 */
struct mpipc_user *mpipc_user_find(kuid_t uid)
{
	struct mpipc_user *user, *fresh;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return NULL;
	refcount_set(&fresh->ref, 1);
	fresh->uid = uid;

	spin_lock(&users_lock);
	user = mpipc_user_lookup(uid);
	if (user) {
		refcount_inc(&user->ref);
	} else {
		user = fresh;
		fresh = NULL;
		hash_add(users, &user->node, __kuid_val(uid));
	}
	spin_unlock(&users_lock);
	kfree(fresh);
	return user;
}

/**
 * mpipc_user_get - take another reference
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
 * mpipc_user_put - give a reference back
 * @user: the user, or NULL
 */
void mpipc_user_put(struct mpipc_user *user)
{
	bool last;

	if (!user)
		return;
	/* Under the lock, so that a lookup never finds one without references. */
	spin_lock(&users_lock);
	last = refcount_dec_and_test(&user->ref);
	if (last)
		hash_del(&user->node);
	spin_unlock(&users_lock);
	if (last)
		kfree(user);
}
