// SPDX-License-Identifier: GPL-2.0-only
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "group.h"

static unsigned int mpipc_net_id;

/* This is not known to users, so that they cannot choose names that have the same hash. */
static u32 mpipc_place_seed;

/* All anchored groups. */
struct mpipc_groups mpipc_anchored = {
	.lock = __SPIN_LOCK_UNLOCKED(mpipc_anchored.lock),
};

/**
 * mpipc_net_groups - find the groups of a network namespace
 * @net: the namespace
 *
 * Return: the groups of the namespace.
 */
struct mpipc_groups *mpipc_net_groups(struct net *net)
{
	return net_generic(net, mpipc_net_id);
}

static int __net_init mpipc_net_setup(struct net *net)
{
	struct mpipc_groups *groups = mpipc_net_groups(net);

	spin_lock_init(&groups->lock);
	hash_init(groups->table);
	return 0;
}

/* main.c registers these operations. */
struct pernet_operations mpipc_net_ops = {
	.init = mpipc_net_setup,
	.id = &mpipc_net_id,
	.size = sizeof(struct mpipc_groups),
};

/** mpipc_group_init - prepare the module for groups */
void mpipc_group_init(void)
{
	get_random_bytes(&mpipc_place_seed, sizeof(mpipc_place_seed));
}

/**
 * mpipc_group_put - give a reference to a group back
 * @group: the group, or NULL
 */
void mpipc_group_put(struct mpipc_group *group)
{
	if (group && refcount_dec_and_test(&group->ref))
		kfree_rcu(group, rcu);
}

/**
 * mpipc_place_hash - hash where a group is found
 * @place: the place
 *
 * Return: the hash, the same for all places that are equal.
 */
u32 mpipc_place_hash(const struct mpipc_place *place)
{
	return jhash(place->name, strlen(place->name),
		     mpipc_place_seed + hash32_ptr(place->anchor));
}

/**
 * mpipc_place_equal - check whether a group of one place is found in another place
 * @a: the one
 * @b: the other, among the same groups
 *
 * Return: true if it is found there.
 */
bool mpipc_place_equal(const struct mpipc_place *a, const struct mpipc_place *b)
{
	return a->anchor == b->anchor && !strcmp(a->name, b->name);
}

static struct mpipc_group *mpipc_group_find_locked(const struct mpipc_place *place)
{
	struct mpipc_group *group;

	lockdep_assert_held(&place->groups->lock);
	hash_for_each_possible(place->groups->table, group, node, mpipc_place_hash(place))
		if (mpipc_place_equal(&group->place, place))
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
 * @place: where it is to be found
 * @mode: permission bits of a named group; 0 means 0600
 *
 * Return: the group with one reference, owned by the calling process, or NULL if there is no
 * memory.
 */
struct mpipc_group *mpipc_group_new(const struct mpipc_place *place, u32 mode)
{
	struct mpipc_group *group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);

	if (!group)
		return NULL;
	refcount_set(&group->ref, 1);
	mutex_init(&group->lock);
	strscpy(group->name, place->name, sizeof(group->name));
	group->place = *place;
	group->place.name = group->name;
	if (place->anchor) {
		group->dev = place->anchor->i_sb->s_dev;
		group->ino = place->anchor->i_ino;
	}
	group->uid = current_fsuid();
	group->gid = current_fsgid();
	group->mode = place->anchor ? 0 : mode ?: 0600;
	INIT_LIST_HEAD(&group->members);
	xa_init_flags(&group->index, XA_FLAGS_ALLOC);
	return group;
}

/* Make a group known. Return the group, locked. */
static struct mpipc_group *mpipc_group_add_locked(struct mpipc_group *group)
{
	struct mpipc_groups *groups = group->place.groups;

	lockdep_assert_held(&groups->lock);
	/* This always succeeds, because nobody else knows the group. */
	mutex_trylock(&group->lock);
	group->number = ++groups->last;
	hash_add_rcu(groups->table, &group->node, mpipc_place_hash(&group->place));
	return group;
}

/**
 * mpipc_group_forget - let nobody find a group that has no members
 * @group: the group, which is locked
 */
void mpipc_group_forget(struct mpipc_group *group)
{
	struct mpipc_groups *groups = group->place.groups;

	lockdep_assert_held(&group->lock);
	spin_lock(&groups->lock);
	hash_del_rcu(&group->node);
	spin_unlock(&groups->lock);
}

/**
 * mpipc_group_permits - check whether the calling process may join a named group
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
 * mpipc_group_lock - find a group, or make one known
 * @place: where to find it
 * @spare: a new group of this place that becomes known if there is none, and is NULL then; it may
 *	be NULL before
 *
 * Return: the group, locked and with a reference, or NULL if there is none.
 */
struct mpipc_group *mpipc_group_lock(const struct mpipc_place *place, struct mpipc_group **spare)
{
	struct mpipc_group *fresh = *spare, *group;

	for (;;) {
		spin_lock(&place->groups->lock);
		group = mpipc_group_find_locked(place);
		if (group)
			refcount_inc(&group->ref);
		else if (fresh)
			fresh = mpipc_group_add_locked(fresh);
		spin_unlock(&place->groups->lock);
		if (!group)
			break;
		mutex_lock(&group->lock);
		/* Read without mpipc_groups.lock, under which the node's neighbours come and go. */
		if (!hlist_unhashed_lockless(&group->node))
			return group;
		/* The group was forgotten while this thread waited for its lock. */
		mutex_unlock(&group->lock);
		mpipc_group_put(group);
	}
	*spare = NULL;
	return fresh;
}
