// SPDX-License-Identifier: GPL-2.0-only
#include <linux/file.h>
#include <linux/memcontrol.h>

#include "anchor.h"
#include "arrival.h"
#include "event.h"
#include "join.h"
#include "limits.h"
#include "quota.h"
#include "trace.h"

/*
 * Memory that is allocated under the lock of a group. The allocation does not wait for memory to
 * become free, so that a process at the limit of its memory cgroup does not hold up the group.
 */
#define MPIPC_LOCKED_GFP (GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN)

static atomic64_t mpipc_last_id;

/**
 * struct mpipc_joining - a join under way
 * @ep: the endpoint that joins
 * @file: its file
 * @arg: the caller's argument
 * @place: where the group is found
 * @anchor: the file that an anchored group belongs to, with a reference, or NULL
 * @user: the user that is charged, with a reference
 * @spare_group: for a primary: a new group, in case that there is none of the name; else NULL
 * @links: links that are ready for use
 * @n_links: number of links in @links
 * @n_wanted: number of links that the join needs, as far as is known
 * @index: place in the group's index
 */
struct mpipc_joining {
	struct mpipc_endpoint *ep;
	struct file *file;
	struct mpipc_join_args *arg;
	struct mpipc_place place;
	struct file *anchor;
	struct mpipc_user *user;
	struct mpipc_group *spare_group;
	struct mpipc_link *links;
	u32 n_links;
	u32 n_wanted;
	u32 index;
};

static struct mpipc_link *mpipc_join_use_link(struct mpipc_joining *join)
{
	struct mpipc_link *link = join->links;

	join->links = link->next;
	join->n_links--;
	return link;
}

/* Ask for permission and allocate the memory that the join needs, before any lock is taken. */
static int mpipc_join_prepare(struct mpipc_joining *join)
{
	struct mpipc_link *link;
	int err;

	if (join->anchor) {
		err = mpipc_anchor_permits(join->anchor, join->arg->role);
		if (err)
			return err;
	}
	if (join->arg->role == MPIPC_PRIMARY && !join->spare_group) {
		join->spare_group = mpipc_group_new(&join->place, join->arg->mode);
		if (!join->spare_group)
			return -ENOMEM;
	}
	for (; join->n_links < join->n_wanted; join->n_links++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		link = mpipc_link_new();
		if (!link)
			return -ENOMEM;
		link->next = join->links;
		join->links = link;
		cond_resched();
	}
	return 0;
}

/*
 * Check whether the endpoint may join the group now. Return 0 or an error, which is -EAGAIN if a
 * new primary has to wait until the previous one has left.
 */
static int mpipc_join_check_group(struct mpipc_joining *join, struct mpipc_group *group)
{
	struct mpipc_endpoint *primary = mpipc_group_primary(group);

	/* The endpoint that joins has just made the group. */
	if (!group->n_members)
		return 0;
	/* The file of an anchored group has permitted the join before. */
	if (!join->anchor && !mpipc_group_permits(join->ep->net, group, join->arg->role))
		return -EACCES;
	if (join->arg->role == MPIPC_PRIMARY)
		return !primary ? 0 : mpipc_endpoint_leaves(primary) ? -EAGAIN : -EADDRINUSE;
	if (!primary || mpipc_endpoint_leaves(primary))
		return -ECONNREFUSED;
	return group->n_members < READ_ONCE(mpipc_group_endpoints) ? 0 : -ENOSPC;
}

/* Say whether the endpoint that joins and a peer have anything to keep in a link. */
static bool mpipc_join_needs_link(struct mpipc_joining *join, struct mpipc_endpoint *peer)
{
	return (join->arg->flags | peer->flags) & MPIPC_JOIN_EVENTS || join->user != peer->user;
}

static bool mpipc_join_will_follow(struct mpipc_endpoint *ep)
{
	return ep->flags & MPIPC_JOIN_FOLLOW && !mpipc_endpoint_leaves(ep);
}

/* Count the links that are needed to the primary, or to all secondaries that follow. */
static u32 mpipc_join_count_links(struct mpipc_joining *join, struct mpipc_group *group)
{
	struct mpipc_endpoint *peer;
	u32 n = 0;

	if (join->arg->role == MPIPC_SECONDARY)
		return mpipc_join_needs_link(join, mpipc_group_primary(group));
	list_for_each_entry(peer, &group->members, member)
		n += mpipc_join_will_follow(peer) && mpipc_join_needs_link(join, peer);
	return n;
}

/* Link @secondary with @primary, if they need a link. One of the two is the endpoint that joins. */
static void mpipc_join_link(struct mpipc_joining *join, struct mpipc_endpoint *primary,
			    struct mpipc_endpoint *secondary)
{
	struct mpipc_link *link;

	if (primary->memcg != secondary->memcg) {
		WRITE_ONCE(primary->mixed, true);
		WRITE_ONCE(secondary->mixed, true);
	}
	if (!mpipc_join_needs_link(join, join->ep == primary ? secondary : primary))
		return;
	link = mpipc_join_use_link(join);
	link->to_primary.about = secondary;
	link->to_secondary.about = primary;
	mpipc_quota_join(link);
	mpipc_endpoint_set_link(secondary, link);
}

/* Let others find the endpoint. */
static void mpipc_join_enter(struct mpipc_group *group, struct mpipc_endpoint *ep)
{
	xa_store(&group->index, mpipc_endpoint_index(ep->id), ep, GFP_KERNEL);
	list_add_tail_rcu(&ep->member, &group->members);
}

/*
 * The steps of publishing are in this order so that nobody gets a message of a peer before the
 * event that the peer joined, and everybody can send to a peer whose event it has. A sender has to
 * be a member, and of the generation of its destination.
 */
static void mpipc_join_publish_secondary(struct mpipc_joining *join)
{
	struct mpipc_endpoint *ep = join->ep, *primary = mpipc_group_primary(ep->group);

	mpipc_join_link(join, primary, ep);
	mpipc_event_notify_joined(ep, ep->link);
	mpipc_join_enter(ep->group, ep);
	mpipc_event_notify_joined(primary, ep->link);
}

static void mpipc_join_publish_primary(struct mpipc_joining *join)
{
	struct mpipc_endpoint *ep = join->ep, *peer;
	struct mpipc_group *group = ep->group;

	list_for_each_entry(peer, &group->members, member) {
		cond_resched();
		if (!mpipc_join_will_follow(peer))
			continue;
		mpipc_join_link(join, ep, peer);
		mpipc_event_notify_joined(ep, peer->link);
		/* Pairs with mpipc_address(), so that senders of this generation see the link. */
		smp_wmb();
		WRITE_ONCE(peer->generation, ep->generation);
	}
	mpipc_join_enter(group, ep);
	/*
	 * Pairs with mpipc_address_find_primary() and mpipc_endpoint_primary_id(), so that whoever
	 * sees the primary sees who follows it.
	 */
	rcu_assign_pointer(group->primary, ep);
	list_for_each_entry(peer, &group->members, member) {
		cond_resched();
		if (mpipc_join_will_follow(peer))
			mpipc_event_notify_joined(peer, peer->link);
	}
}

/*
 * Take what can be missing: links, a place in the index, and the table of the caller as owner.
 * Return 0 or an error, after which nothing was taken; -EAGAIN if there are too few links.
 */
static int mpipc_join_reserve(struct mpipc_joining *join, struct mpipc_group *group)
{
	struct mpipc_endpoint *ep = join->ep;
	int err;

	join->n_wanted = mpipc_join_count_links(join, group);
	if (join->n_links < join->n_wanted)
		return -EAGAIN;
	/* The place stays empty until the endpoint is complete, with its id. */
	err = xa_alloc(&group->index, &join->index, NULL, XA_LIMIT(0, MPIPC_INDEX_MAX),
		       MPIPC_LOCKED_GFP);
	if (err)
		return err == -EBUSY ? -ENOSPC : err;
	/* The owner is stored before the table is searched: see "Ownership". */
	WRITE_ONCE(ep->owner, current->files);
	if (mpipc_endpoint_in_table(ep, join->file, current->files))
		return 0;
	WRITE_ONCE(ep->owner, NULL);
	xa_erase(&group->index, join->index);
	return -EBADF;
}

/* Fill in the fields that are constant from now on. */
static void mpipc_join_set_member(struct mpipc_joining *join, struct mpipc_group *group)
{
	struct mpipc_endpoint *ep = join->ep;

	ep->id = (u64)atomic64_inc_return(&mpipc_last_id) << MPIPC_INDEX_BITS | join->index;
	ep->role = join->arg->role;
	ep->flags = join->arg->flags;
	ep->group = group;
	ep->user = mpipc_user_get(join->user);
	ep->cred = get_current_cred();
	ep->pid = get_pid(task_tgid(current));
	ep->memcg = get_mem_cgroup_from_mm(current->mm);
	ep->time_offset = mpipc_time_offset();
	if (join->anchor) {
		ep->anchor = join->anchor->f_path;
		path_get(&ep->anchor);
	}
	ep->generation = group->generation + (ep->role == MPIPC_PRIMARY);
	ep->box.max_messages = READ_ONCE(mpipc_mailbox_messages);
	ep->box.max_bytes = READ_ONCE(mpipc_mailbox_bytes);
	WRITE_ONCE(group->n_members, group->n_members + 1);
	WRITE_ONCE(group->generation, ep->generation);
	if (ep->role == MPIPC_PRIMARY && join->arg->mode && uid_eq(current_fsuid(), group->uid))
		WRITE_ONCE(group->mode, join->arg->mode);
}

/* Charge the user for the endpoint, and for a group if the endpoint is a primary. */
static bool mpipc_join_charge(struct mpipc_joining *join)
{
	bool exempt = join->ep->exempt, primary = join->arg->role == MPIPC_PRIMARY;
	struct mpipc_user *user = join->user;

	if (!mpipc_charge(&user->endpoints, 1, READ_ONCE(mpipc_user_endpoints), exempt))
		return false;
	if (!primary || mpipc_charge(&user->groups, 1, READ_ONCE(mpipc_user_groups), exempt))
		return true;
	atomic_long_dec(&user->endpoints);
	return false;
}

static int mpipc_join_group(struct mpipc_joining *join, struct mpipc_group *group)
{
	struct mpipc_endpoint *ep = join->ep;
	int err;

	lockdep_assert_held(&ep->lock);
	lockdep_assert_held(&group->lock);
	err = mpipc_join_check_group(join, group);
	if (err)
		return err;
	ep->exempt = mpipc_is_exempt();
	if (!mpipc_join_charge(join))
		return -EDQUOT;
	err = mpipc_join_reserve(join, group);
	if (err) {
		mpipc_user_uncharge_member(join->user, join->arg->role);
		return err;
	}

	/* From here on nothing can fail. */
	mpipc_join_set_member(join, group);
	if (ep->role == MPIPC_PRIMARY)
		mpipc_join_publish_primary(join);
	else
		mpipc_join_publish_secondary(join);
	/* Pairs with the acquire in mpipc_endpoint_usable(). */
	smp_store_release(&ep->state, MPIPC_MEMBER);
	/* Threads that polled before the join were not woken by its events. */
	mpipc_mailbox_wake_pollers(&ep->box, EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM);
	trace_mpipc_join(ep);
	join->arg->id = ep->id;
	join->arg->generation = ep->generation;
	join->arg->primary = mpipc_group_primary(group)->id;
	join->arg->mode = group->mode;
	return 0;
}

/* Try to join. Return -EAGAIN if the join is to be prepared and tried again. */
static int mpipc_join_try(struct mpipc_joining *join)
{
	struct mpipc_endpoint *ep = join->ep, *before = NULL;
	struct mpipc_group *group;
	int err;

	mutex_lock(&ep->lock);
	err = -EISCONN;
	if (ep->state != MPIPC_NEW)
		goto unlock;
	group = mpipc_group_lock(&join->place, &join->spare_group);
	err = -ENOENT;
	if (!group)
		goto unlock;
	err = mpipc_join_group(join, group);
	if (err == -EAGAIN && join->arg->role == MPIPC_PRIMARY && mpipc_group_primary(group))
		before = mpipc_endpoint_get(mpipc_group_primary(group));
	if (!group->n_members)
		mpipc_group_forget(group);
	mutex_unlock(&group->lock);
	if (err)
		mpipc_group_put(group);
unlock:
	mutex_unlock(&ep->lock);
	/* Whoever leaves holds this lock until it has left. */
	if (before && mutex_lock_interruptible(&before->lock))
		err = -ERESTARTSYS;
	else if (before)
		mutex_unlock(&before->lock);
	mpipc_endpoint_put(before);
	return err;
}

static int mpipc_join_check(const struct mpipc_join_args *arg)
{
	size_t len = strnlen(arg->group, sizeof(arg->group));
	u32 flags = MPIPC_JOIN_EVENTS | MPIPC_JOIN_ANCHOR;

	if (arg->role != MPIPC_PRIMARY && arg->role != MPIPC_SECONDARY)
		return -EINVAL;
	if (arg->role == MPIPC_SECONDARY)
		flags |= MPIPC_JOIN_FOLLOW;
	if (arg->flags & ~flags || arg->mode & ~0666)
		return -EINVAL;
	if (arg->flags & MPIPC_JOIN_ANCHOR ? arg->mode : arg->anchor)
		return -EINVAL;
	return len && len < sizeof(arg->group) ? 0 : -EINVAL;
}

/* Join, and wait for a primary as long as the caller wants to. */
static int mpipc_join_or_wait(struct mpipc_joining *join)
{
	u64 deadline = mpipc_time_shift(join->arg->deadline, -mpipc_time_offset());
	int seen, err, give_up = 0;

	for (;;) {
		/* This read comes before the look at the group, so that no arrival is missed. */
		seen = mpipc_arrival_count(&join->place);
		/* An error of the anchor's file system is no reason to wait, or to try again. */
		err = mpipc_join_prepare(join);
		if (err)
			return err;
		err = mpipc_join_try(join);
		if (err == -EAGAIN)
			continue;
		if ((err != -ENOENT && err != -ECONNREFUSED) || !deadline)
			return err;
		if (give_up)
			return give_up;
		give_up = mpipc_arrival_wait(&join->place, seen, deadline);
	}
}

/* Find out where the group is found. The reference to the anchor is given back by the caller. */
static int mpipc_join_find_place(struct mpipc_joining *join)
{
	join->place.groups = mpipc_net_groups(join->ep->net);
	join->place.name = join->arg->group;
	if (!(join->arg->flags & MPIPC_JOIN_ANCHOR))
		return 0;
	join->anchor = mpipc_anchor_import(join->arg->anchor);
	if (IS_ERR(join->anchor))
		return PTR_ERR(join->anchor);
	join->place.groups = &mpipc_anchored;
	join->place.anchor = file_inode(join->anchor);
	return 0;
}

/**
 * mpipc_join - make an endpoint a member of a group
 * @ep: the endpoint
 * @file: its file
 * @arg: the caller's argument; its out members are filled in
 *
 * Return: 0 or an error as &struct mpipc_join_args says.
 */
int mpipc_join(struct mpipc_endpoint *ep, struct file *file, struct mpipc_join_args *arg)
{
	struct mpipc_joining join = { .ep = ep, .file = file, .arg = arg };
	int err;

	err = mpipc_join_check(arg) ?: mpipc_join_find_place(&join);
	if (err)
		return err;
	err = -ENOMEM;
	join.user = mpipc_user_find(current_uid());
	if (join.user)
		err = mpipc_join_or_wait(&join);
	if (!err && arg->role == MPIPC_PRIMARY)
		mpipc_arrival_announce(&join.place);
	while (join.links)
		mpipc_link_put(mpipc_join_use_link(&join));
	mpipc_group_put(join.spare_group);
	mpipc_user_put(join.user);
	if (join.anchor)
		fput(join.anchor);
	return err;
}
