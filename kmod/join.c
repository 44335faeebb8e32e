// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pid.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>

#include "arrival.h"
#include "event.h"
#include "join.h"
#include "limits.h"
#include "quota.h"
#include "trace.h"

/*
 * Under a group's lock nothing is done to get memory: whoever is at the limits of its
 * memory cgroup must not hold up the others.
 */
#define MPIPC_LOCKED_GFP (GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN)

static atomic64_t last_id;

/* Returns 0 or why the endpoint cannot join the group now; -EAGAIN: when its primary is gone. */
static int mpipc_join_check_group(struct mpipc_endpoint *ep, struct mpipc_group *group, u32 role)
{
	struct mpipc_endpoint *primary = mpipc_group_primary(group);

	/* It is only just made, by who joins. */
	if (!group->n_members)
		return 0;
	if (!mpipc_group_permits(ep->net, group, role))
		return -EACCES;
	if (role == MPIPC_PRIMARY)
		return !primary ? 0 : mpipc_endpoint_leaves(primary) ? -EAGAIN : -EADDRINUSE;
	if (!primary || mpipc_endpoint_leaves(primary))
		return -ECONNREFUSED;
	return group->n_members < READ_ONCE(mpipc_group_endpoints) ? 0 : -ENOSPC;
}

/* Whether the two have anything to keep in a link. */
static bool mpipc_join_needs_link(const struct mpipc_endpoint *primary,
				  const struct mpipc_endpoint *secondary)
{
	return (primary->flags | secondary->flags) & MPIPC_JOIN_EVENTS ||
	       primary->user != secondary->user;
}

/**
 * struct mpipc_supplies - memory for a join, made before it
 * @links: links that are ready
 * @n_links: how many
 * @n_wanted: how many the join needs, as far as is known
 * @group: a primary's: a group that is not found yet, for when there is none of the name
 */
struct mpipc_supplies {
	struct mpipc_link *links;
	u32 n_links;
	u32 n_wanted;
	struct mpipc_group *group;
};

static int mpipc_join_supply(struct mpipc_supplies *supplies, const struct mpipc_join_args *arg,
			     struct mpipc_user *user)
{
	struct mpipc_link *link;

	if (arg->role == MPIPC_PRIMARY && !supplies->group) {
		supplies->group = mpipc_group_new(arg, user);
		if (!supplies->group)
			return -ENOMEM;
	}
	while (supplies->n_links < supplies->n_wanted) {
		if (fatal_signal_pending(current))
			return -EINTR;
		link = mpipc_link_new();
		if (!link)
			return -ENOMEM;
		link->next = supplies->links;
		supplies->links = link;
		supplies->n_links++;
		cond_resched();
	}
	return 0;
}

static struct mpipc_link *mpipc_join_use_link(struct mpipc_supplies *supplies)
{
	struct mpipc_link *link = supplies->links;

	supplies->links = link->next;
	supplies->n_links--;
	return link;
}

static void mpipc_join_put_supplies(struct mpipc_supplies *supplies)
{
	mpipc_group_put(supplies->group);
	while (supplies->links)
		mpipc_link_put(mpipc_join_use_link(supplies));
}

static bool mpipc_join_will_follow(struct mpipc_endpoint *ep)
{
	return ep->flags & MPIPC_JOIN_FOLLOW && !mpipc_endpoint_leaves(ep);
}

/* How many links an endpoint needs with those that it comes together with. */
static u32 mpipc_join_count_links(struct mpipc_endpoint *ep)
{
	struct mpipc_group *group = ep->group;
	struct mpipc_endpoint *peer;
	u32 n = 0;

	if (ep->role == MPIPC_SECONDARY)
		return mpipc_join_needs_link(mpipc_group_primary(group), ep);
	list_for_each_entry(peer, &group->members, member)
		n += mpipc_join_will_follow(peer) && mpipc_join_needs_link(ep, peer);
	return n;
}

/* Whoever sees the generation that comes next sees the link, too. */
static void mpipc_join_link(struct mpipc_supplies *supplies, struct mpipc_endpoint *primary,
			    struct mpipc_endpoint *secondary)
{
	struct mpipc_link *link;

	if (!mpipc_join_needs_link(primary, secondary))
		return;
	link = mpipc_join_use_link(supplies);
	link->to_primary.about = secondary;
	link->to_secondary.about = primary;
	mpipc_quota_join(link);
	mpipc_endpoint_set_link(secondary, link);
}

/* From now on others find it. */
static void mpipc_join_enter(struct mpipc_group *group, struct mpipc_endpoint *ep)
{
	xa_store(&group->index, ep->index, ep, GFP_KERNEL);
	list_add_tail_rcu(&ep->member, &group->members);
}

/*
 * The steps are in this order so that nobody has a message of a peer before the
 * event that it joined, and everybody can send to a peer that it has the event of.
 * A sender needs to be a member, and of the generation of whom it sends to.
 */
static void mpipc_join_publish_secondary(struct mpipc_endpoint *ep, struct mpipc_supplies *supplies)
{
	struct mpipc_group *group = ep->group;
	struct mpipc_endpoint *primary = mpipc_group_primary(group);

	mpipc_join_link(supplies, primary, ep);
	mpipc_event_notify_joined(ep, ep->link);
	mpipc_join_enter(group, ep);
	mpipc_event_notify_joined(primary, ep->link);
}

static void mpipc_join_publish_primary(struct mpipc_endpoint *ep, struct mpipc_supplies *supplies)
{
	struct mpipc_group *group = ep->group;
	struct mpipc_endpoint *peer;

	list_for_each_entry(peer, &group->members, member) {
		if (!mpipc_join_will_follow(peer))
			continue;
		mpipc_join_link(supplies, ep, peer);
		mpipc_event_notify_joined(ep, peer->link);
		/* Pairs with the acquire of who sends: the link is seen. */
		smp_store_release(&peer->generation, ep->generation);
	}
	mpipc_join_enter(group, ep);
	rcu_assign_pointer(group->primary, ep);
	list_for_each_entry(peer, &group->members, member)
		if (mpipc_join_will_follow(peer))
			mpipc_event_notify_joined(peer, peer->link);
}

/* Fills in what is constant from the join on; undone by mpipc_join_unset_member(). */
static void mpipc_join_set_member(struct mpipc_endpoint *ep, const struct mpipc_join_args *arg,
				  struct mpipc_group *group, struct mpipc_user *user)
{
	ep->role = arg->role;
	ep->flags = arg->flags;
	ep->group = group;
	ep->user = mpipc_user_get(user);
	ep->cred = get_current_cred();
	ep->pid = get_pid(task_tgid(current));
	ep->generation = group->generation + (arg->role == MPIPC_PRIMARY);
	ep->box.max_messages = READ_ONCE(mpipc_mailbox_messages);
	ep->box.max_bytes = READ_ONCE(mpipc_mailbox_bytes);
}

static void mpipc_join_unset_member(struct mpipc_endpoint *ep)
{
	WRITE_ONCE(ep->owner, NULL);
	put_pid(ep->pid);
	put_cred(ep->cred);
	mpipc_user_put(ep->user);
	ep->pid = NULL;
	ep->cred = NULL;
	ep->user = NULL;
	ep->group = NULL;
	ep->role = MPIPC_NO_ROLE;
}

static int mpipc_join_become_member(struct mpipc_endpoint *ep, struct file *file,
				    struct mpipc_supplies *supplies)
{
	struct mpipc_group *group = ep->group;
	int err;

	supplies->n_wanted = mpipc_join_count_links(ep);
	if (supplies->n_links < supplies->n_wanted)
		return -EAGAIN;
	/* Reserves a place: members are published complete, with their id. */
	err = xa_alloc(&group->index, &ep->index, NULL, XA_LIMIT(0, BIT(MPIPC_INDEX_BITS) - 1),
		       MPIPC_LOCKED_GFP);
	if (err)
		return err == -EBUSY ? -ENOSPC : err;
	/* Before the look: see "Whose an endpoint is". */
	WRITE_ONCE(ep->owner, current->files);
	if (!mpipc_endpoint_in_table(ep, file, current->files)) {
		xa_erase(&group->index, ep->index);
		return -EBADF;
	}

	/* Nothing can fail any more. */
	ep->id = (u64)atomic64_inc_return(&last_id) << MPIPC_INDEX_BITS | ep->index;
	WRITE_ONCE(group->n_members, group->n_members + 1);
	WRITE_ONCE(group->generation, ep->generation);
	if (ep->role == MPIPC_PRIMARY)
		mpipc_join_publish_primary(ep, supplies);
	else
		mpipc_join_publish_secondary(ep, supplies);
	/* Pairs with mpipc_endpoint_usable(). */
	smp_store_release(&ep->state, MPIPC_MEMBER);
	/* Who polled before was told of nothing that came meanwhile. */
	mpipc_mailbox_wake_pollers(&ep->box, EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM);
	return 0;
}

static int mpipc_join_group(struct mpipc_endpoint *ep, struct file *file,
			    struct mpipc_join_args *arg, struct mpipc_user *user,
			    struct mpipc_group *group, struct mpipc_supplies *supplies)
{
	int err;

	lockdep_assert_held(&ep->lock);
	lockdep_assert_held(&group->lock);
	err = mpipc_join_check_group(ep, group, arg->role);
	if (err)
		return err;
	if (!mpipc_charge(&user->endpoints, 1, READ_ONCE(mpipc_user_endpoints)))
		return -EDQUOT;
	mpipc_join_set_member(ep, arg, group, user);
	err = mpipc_join_become_member(ep, file, supplies);
	if (err) {
		mpipc_join_unset_member(ep);
		atomic_long_dec(&user->endpoints);
		return err;
	}
	trace_mpipc_join(ep);
	arg->id = ep->id;
	arg->generation = ep->generation;
	arg->primary = mpipc_group_primary(group)->id;
	return 0;
}

/* Waits until an endpoint that leaves has left. */
static int mpipc_join_wait_for_end(struct mpipc_endpoint *ep)
{
	if (mutex_lock_interruptible(&ep->lock))
		return -ERESTARTSYS;
	mutex_unlock(&ep->lock);
	return 0;
}

/* Returns -EAGAIN if it is to be tried again, with more supplies if it wants them. */
static int mpipc_join_try(struct mpipc_endpoint *ep, struct file *file, struct mpipc_join_args *arg,
			  struct mpipc_user *user, struct mpipc_supplies *supplies)
{
	struct mpipc_net *mnet = mpipc_net(ep->net);
	struct mpipc_endpoint *before = NULL;
	struct mpipc_group *group;
	int err;

	mutex_lock(&ep->lock);
	err = -EISCONN;
	if (ep->state != MPIPC_NEW)
		goto unlock;
	group = mpipc_group_lock(mnet, arg->group, &supplies->group);
	err = PTR_ERR_OR_ZERO(group);
	if (err)
		goto unlock;
	err = mpipc_join_group(ep, file, arg, user, group, supplies);
	if (err == -EAGAIN && arg->role == MPIPC_PRIMARY && mpipc_group_primary(group))
		before = mpipc_endpoint_get(mpipc_group_primary(group));
	if (!group->n_members)
		mpipc_group_forget(mnet, group);
	mutex_unlock(&group->lock);
	if (err)
		mpipc_group_put(group);
unlock:
	mutex_unlock(&ep->lock);
	if (before)
		err = mpipc_join_wait_for_end(before) ?: -EAGAIN;
	mpipc_endpoint_put(before);
	return err;
}

static int mpipc_join_check(const struct mpipc_join_args *arg)
{
	u32 flags = MPIPC_JOIN_EVENTS;
	size_t len = strnlen(arg->group, sizeof(arg->group));

	if (arg->role == MPIPC_SECONDARY)
		flags |= MPIPC_JOIN_FOLLOW;
	else if (arg->role != MPIPC_PRIMARY)
		return -EINVAL;
	if (arg->flags & ~flags || arg->mode & ~0666 || arg->reserved)
		return -EINVAL;
	if (!len || len == sizeof(arg->group))
		return -EINVAL;
	return 0;
}

/**
 * mpipc_join - make an endpoint a member of a group
 * @ep: the endpoint
 * @file: its file
 * @arg: what is wanted; its out members are filled in
 *
 * Return: 0 or an error as &struct mpipc_join_args says.
 */
int mpipc_join(struct mpipc_endpoint *ep, struct file *file, struct mpipc_join_args *arg)
{
	struct mpipc_supplies supplies = {
		.n_wanted = arg->role == MPIPC_SECONDARY && arg->flags & MPIPC_JOIN_EVENTS,
	};
	struct mpipc_net *mnet = mpipc_net(ep->net);
	int seen, err, give_up = 0;
	struct mpipc_user *user;

	err = mpipc_join_check(arg);
	if (err)
		return err;
	user = mpipc_user_find(current_uid());
	if (!user)
		return -ENOMEM;

	for (;;) {
		/* Before the look at the group: who comes after it is noticed. */
		seen = atomic_read_acquire(&mnet->arrivals);
		err = mpipc_join_supply(&supplies, arg, user) ?:
			      mpipc_join_try(ep, file, arg, user, &supplies);
		if (err == -EAGAIN)
			continue;
		if ((err != -ENOENT && err != -ECONNREFUSED) || !arg->deadline)
			break;
		if (give_up) {
			err = give_up;
			break;
		}
		give_up = mpipc_arrival_wait(mnet, arg->group, seen, arg->deadline);
	}

	if (!err && arg->role == MPIPC_PRIMARY)
		mpipc_arrival_announce(mnet, arg->group);
	mpipc_join_put_supplies(&supplies);
	mpipc_user_put(user);
	return err;
}
