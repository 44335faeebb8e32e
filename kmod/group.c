// SPDX-License-Identifier: GPL-2.0-only
#include <linux/stringhash.h>
#include <linux/user_namespace.h>
#include <net/netns/generic.h>

#include "group.h"
#include "limits.h"

static unsigned int mpipc_net_id;

/**
 * mpipc_net - find the groups of a network namespace
 * @net: the namespace
 *
 * Return: the groups of the namespace.
 */
struct mpipc_net *mpipc_net(struct net *net)
{
	return net_generic(net, mpipc_net_id);
}

static int __net_init mpipc_net_setup(struct net *net)
{
	struct mpipc_net *mnet = mpipc_net(net);

	spin_lock_init(&mnet->lock);
	hash_init(mnet->groups);
	init_waitqueue_head(&mnet->arrival);
	return 0;
}

/* main.c registers these operations. */
struct pernet_operations mpipc_net_ops = {
	.init = mpipc_net_setup,
	.id = &mpipc_net_id,
	.size = sizeof(struct mpipc_net),
};

/**
 * mpipc_group_put - give a reference to a group back
 * @group: the group, or NULL
 */
void mpipc_group_put(struct mpipc_group *group)
{
	if (!group || !refcount_dec_and_test(&group->ref))
		return;
	mpipc_user_put(group->user);
	kfree_rcu(group, rcu);
}

static u32 mpipc_group_hash(const char *name)
{
	return full_name_hash(NULL, name, strlen(name));
}

static struct mpipc_group *mpipc_group_find_locked(struct mpipc_net *mnet, const char *name)
{
	struct mpipc_group *group;

	lockdep_assert_held(&mnet->lock);
	hash_for_each_possible(mnet->groups, group, node, mpipc_group_hash(name))
		if (!strcmp(group->name, name))
			return group;
	return NULL;
}

/**
 * mpipc_group_primary - find the primary of a group
 * @group: the group, which is locked
 *
 * Return: the primary, or NULL.
 */
struct mpipc_endpoint *mpipc_group_primary(struct mpipc_group *group)
{
	return rcu_dereference_protected(group->primary, lockdep_is_held(&group->lock));
}

/**
 * mpipc_group_new - make a group that nobody can find yet
 * @arg: argument of the join that may need the group
 * @user: the user that is charged when the group becomes known
 *
 * Return: the group with one reference, owned by the calling process, or NULL if there is no
 * memory.
 */
struct mpipc_group *mpipc_group_new(const struct mpipc_join_args *arg, struct mpipc_user *user)
{
	struct mpipc_group *group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);

	if (!group)
		return NULL;
	refcount_set(&group->ref, 1);
	mutex_init(&group->lock);
	strscpy(group->name, arg->group, sizeof(group->name));
	group->uid = current_fsuid();
	group->gid = current_fsgid();
	group->mode = arg->mode ?: 0600;
	group->user = mpipc_user_get(user);
	INIT_LIST_HEAD(&group->members);
	xa_init_flags(&group->index, XA_FLAGS_ALLOC);
	return group;
}

/*
 * Make a group known, and charge its maker until the group is empty. Return the group, locked, or
 * an error.
 */
static struct mpipc_group *mpipc_group_add_locked(struct mpipc_net *mnet, struct mpipc_group *group)
{
	lockdep_assert_held(&mnet->lock);
	if (!mpipc_charge(&group->user->groups, 1, READ_ONCE(mpipc_user_groups)))
		return ERR_PTR(-EDQUOT);
	/* This always succeeds, because nobody else knows the group. */
	mutex_trylock(&group->lock);
	hash_add_rcu(mnet->groups, &group->node, mpipc_group_hash(group->name));
	return group;
}

/**
 * mpipc_group_forget - let nobody find a group that has no members, and charge nobody for it
 * @mnet: the namespace of the group
 * @group: the group, which is locked
 */
void mpipc_group_forget(struct mpipc_net *mnet, struct mpipc_group *group)
{
	lockdep_assert_held(&group->lock);
	spin_lock(&mnet->lock);
	hash_del_rcu(&group->node);
	spin_unlock(&mnet->lock);
	atomic_long_dec(&group->user->groups);
}

/**
 * mpipc_group_permits - check whether the calling process may join a group
 * @net: the namespace of the group
 * @group: the group
 * @role: &enum mpipc_role
 *
 * Return: true if it may.
 */
bool mpipc_group_permits(struct net *net, struct mpipc_group *group, u32 role)
{
	u32 bits = group->mode;
	bool owner = uid_eq(current_fsuid(), group->uid);

	if (owner)
		bits >>= 6;
	else if (in_group_p(group->gid))
		bits >>= 3;
	if ((bits & 06) == 06 && (owner || role != MPIPC_PRIMARY))
		return true;
	return ns_capable(net->user_ns, CAP_IPC_OWNER);
}

/**
 * mpipc_group_lock - find a group by its name, or make one known
 * @mnet: the namespace of the group
 * @name: its name
 * @spare: a new group that becomes known if there is none of the name, and is NULL then; it may be
 *	NULL before
 *
 * Return: the group, locked and with a reference, or an error.
 */
struct mpipc_group *mpipc_group_lock(struct mpipc_net *mnet, const char *name,
				     struct mpipc_group **spare)
{
	struct mpipc_group *fresh = *spare, *group;

	for (;;) {
		spin_lock(&mnet->lock);
		group = mpipc_group_find_locked(mnet, name);
		if (group)
			refcount_inc(&group->ref);
		else if (fresh)
			fresh = mpipc_group_add_locked(mnet, fresh);
		spin_unlock(&mnet->lock);
		if (!group)
			break;
		mutex_lock(&group->lock);
		/* Read without mpipc_net.lock, under which the node's neighbours come and go. */
		if (!hlist_unhashed_lockless(&group->node))
			return group;
		/* The group was forgotten while this thread waited for its lock. */
		mutex_unlock(&group->lock);
		mpipc_group_put(group);
	}
	if (!IS_ERR_OR_NULL(fresh))
		*spare = NULL;
	return fresh ?: ERR_PTR(-ENOENT);
}
