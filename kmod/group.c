// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "call.h"
#include "deadline.h"
#include "endpoint.h"
#include "entry.h"
#include "group.h"
#include "identity.h"
#include "limits.h"
#include "link.h"
#include "trace.h"
#include "user.h"

/*
 * Under a group's lock nothing is done to get memory: whoever is at the limits of its
 * memory cgroup must not hold up the others.
 */
#define LOCKED_GFP (GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN)

static unsigned int net_id;
static atomic64_t last_id;

/**
 * mpipc_net - groups of a network namespace
 * @net: the namespace
 *
 * Return: what the module keeps there.
 */
struct mpipc_net *mpipc_net(struct net *net)
{
	return net_generic(net, net_id);
}

static int __net_init net_init(struct net *net)
{
	struct mpipc_net *mnet = mpipc_net(net);

	spin_lock_init(&mnet->lock);
	hash_init(mnet->groups);
	init_waitqueue_head(&mnet->arrival);
	return 0;
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.id = &net_id,
	.size = sizeof(struct mpipc_net),
};

/**
 * mpipc_net_init - prepare all network namespaces
 *
 * Return: 0 or a negative error.
 */
int mpipc_net_init(void)
{
	return register_pernet_subsys(&net_ops);
}

/**
 * mpipc_net_exit - undo mpipc_net_init()
 */
void mpipc_net_exit(void)
{
	unregister_pernet_subsys(&net_ops);
}

/**
 * mpipc_group_put - give a reference back
 * @group: the group, or NULL
 */
void mpipc_group_put(struct mpipc_group *group)
{
	if (!group || !refcount_dec_and_test(&group->ref))
		return;
	mpipc_user_put(group->user);
	kfree_rcu(group, rcu);
}

static u32 name_hash(const char *name)
{
	return full_name_hash(NULL, name, strlen(name));
}

static struct mpipc_group *find_group(struct mpipc_net *mnet, const char *name)
{
	struct mpipc_group *group;

	lockdep_assert_held(&mnet->lock);
	hash_for_each_possible(mnet->groups, group, node, name_hash(name))
		if (!strcmp(group->name, name))
			return group;
	return NULL;
}

static struct mpipc_endpoint *primary_of(struct mpipc_group *group)
{
	return rcu_dereference_protected(group->primary, lockdep_is_held(&group->lock));
}

/* Made by its first primary. */
static struct mpipc_group *new_group(const struct mpipc_join_args *arg,
				     struct mpipc_user *user)
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

/* Makes a group known, and its maker pay for it until it is empty. Returns it locked. */
static struct mpipc_group *add_group(struct mpipc_net *mnet, struct mpipc_group *group)
{
	lockdep_assert_held(&mnet->lock);
	if (!mpipc_charge(&group->user->groups, 1, READ_ONCE(mpipc_user_groups)))
		return ERR_PTR(-EDQUOT);
	/* Nobody else can have it. */
	mutex_trylock(&group->lock);
	hash_add_rcu(mnet->groups, &group->node, name_hash(group->name));
	return group;
}

/* The group has no members: nobody finds it, nobody pays for it. */
static void forget_group(struct mpipc_net *mnet, struct mpipc_group *group)
{
	lockdep_assert_held(&group->lock);
	spin_lock(&mnet->lock);
	hash_del_rcu(&group->node);
	spin_unlock(&mnet->lock);
	atomic_long_dec(&group->user->groups);
}

static bool may_join(struct net *net, struct mpipc_group *group, u32 role)
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

/* Returns 0 or why the endpoint cannot join the group now; -EAGAIN: when its primary is gone. */
static int check_joinable(struct mpipc_endpoint *ep, struct mpipc_group *group, u32 role)
{
	struct mpipc_endpoint *primary = primary_of(group);

	/* It is only just made, by who joins. */
	if (!group->n_members)
		return 0;
	if (!may_join(ep->net, group, role))
		return -EACCES;
	if (role == MPIPC_PRIMARY)
		return !primary ? 0 : mpipc_endpoint_leaves(primary) ? -EAGAIN : -EADDRINUSE;
	if (!primary || mpipc_endpoint_leaves(primary))
		return -ECONNREFUSED;
	return group->n_members < READ_ONCE(mpipc_group_endpoints) ? 0 : -ENOSPC;
}

/* Whether the two have anything to keep in a link. */
static bool need_link(const struct mpipc_endpoint *primary,
		      const struct mpipc_endpoint *secondary)
{
	return (primary->flags | secondary->flags) & MPIPC_JOIN_EVENTS ||
	       primary->user != secondary->user;
}

/**
 * struct supplies - memory for a join, made before it
 * @links: links that are ready
 * @n_links: how many
 * @n_wanted: how many the join needs, as far as is known
 * @group: a primary's: a group that is not found yet, for when there is none of the name
 */
struct supplies {
	struct mpipc_link *links;
	u32 n_links;
	u32 n_wanted;
	struct mpipc_group *group;
};

static int get_supplies(struct supplies *supplies, const struct mpipc_join_args *arg,
			struct mpipc_user *user)
{
	struct mpipc_link *link;

	if (arg->role == MPIPC_PRIMARY && !supplies->group) {
		supplies->group = new_group(arg, user);
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

static struct mpipc_link *use_link(struct supplies *supplies)
{
	struct mpipc_link *link = supplies->links;

	supplies->links = link->next;
	supplies->n_links--;
	return link;
}

static void put_supplies(struct supplies *supplies)
{
	mpipc_group_put(supplies->group);
	while (supplies->links)
		mpipc_link_put(use_link(supplies));
}

/* Finds the group, or, for a primary, makes it known. Returns it locked and with a reference. */
static struct mpipc_group *lock_group(struct mpipc_net *mnet, const char *name,
				      struct mpipc_group **spare)
{
	struct mpipc_group *fresh = *spare, *group;

	for (;;) {
		spin_lock(&mnet->lock);
		group = find_group(mnet, name);
		if (group)
			refcount_inc(&group->ref);
		else if (fresh)
			fresh = add_group(mnet, fresh);
		spin_unlock(&mnet->lock);
		if (!group)
			break;
		mutex_lock(&group->lock);
		/* Its neighbours come and go under the other lock. */
		if (!hlist_unhashed_lockless(&group->node))
			return group;
		/* Forgotten meanwhile. */
		mutex_unlock(&group->lock);
		mpipc_group_put(group);
	}
	if (!IS_ERR_OR_NULL(fresh))
		*spare = NULL;
	return fresh ?: ERR_PTR(-ENOENT);
}

static bool will_follow(struct mpipc_endpoint *ep)
{
	return ep->flags & MPIPC_JOIN_FOLLOW && !mpipc_endpoint_leaves(ep);
}

/* How many links an endpoint needs with those that it comes together with. */
static u32 count_links(struct mpipc_endpoint *ep)
{
	struct mpipc_group *group = ep->group;
	struct mpipc_endpoint *peer;
	u32 n = 0;

	if (ep->role == MPIPC_SECONDARY)
		return need_link(primary_of(group), ep);
	list_for_each_entry(peer, &group->members, member)
		n += will_follow(peer) && need_link(ep, peer);
	return n;
}

/* Whoever sees the generation that comes next sees the link, too. */
static void make_link(struct supplies *supplies, struct mpipc_endpoint *primary,
		      struct mpipc_endpoint *secondary)
{
	struct mpipc_link *link;

	if (!need_link(primary, secondary))
		return;
	link = use_link(supplies);
	link->to_primary.about = secondary;
	link->to_secondary.about = primary;
	mpipc_quota_join(link);
	mpipc_endpoint_set_link(secondary, link);
}

/* From now on others find it. */
static void enter(struct mpipc_group *group, struct mpipc_endpoint *ep)
{
	xa_store(&group->index, ep->index, ep, GFP_KERNEL);
	list_add_tail_rcu(&ep->member, &group->members);
}

/*
 * The steps are in this order so that nobody has a message of a peer before the
 * event that it joined, and everybody can send to a peer that it has the event of.
 * A sender needs to be a member, and of the generation of whom it sends to.
 */
static void publish_secondary(struct mpipc_endpoint *ep, struct supplies *supplies)
{
	struct mpipc_group *group = ep->group;
	struct mpipc_endpoint *primary = primary_of(group);

	make_link(supplies, primary, ep);
	mpipc_event_joined(ep, ep->link);
	enter(group, ep);
	mpipc_event_joined(primary, ep->link);
}

static void publish_primary(struct mpipc_endpoint *ep, struct supplies *supplies)
{
	struct mpipc_group *group = ep->group;
	struct mpipc_endpoint *peer;

	list_for_each_entry(peer, &group->members, member) {
		if (!will_follow(peer))
			continue;
		make_link(supplies, ep, peer);
		mpipc_event_joined(ep, peer->link);
		/* Pairs with the acquire of who sends: the link is seen. */
		smp_store_release(&peer->generation, ep->generation);
	}
	enter(group, ep);
	rcu_assign_pointer(group->primary, ep);
	list_for_each_entry(peer, &group->members, member)
		if (will_follow(peer))
			mpipc_event_joined(peer, peer->link);
}

/* Fills in what is constant from the join on; undone by unset_member(). */
static void set_member(struct mpipc_endpoint *ep, const struct mpipc_join_args *arg,
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

static void unset_member(struct mpipc_endpoint *ep)
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

static int become_member(struct mpipc_endpoint *ep, struct file *file,
			 struct supplies *supplies)
{
	struct mpipc_group *group = ep->group;
	int err;

	supplies->n_wanted = count_links(ep);
	if (supplies->n_links < supplies->n_wanted)
		return -EAGAIN;
	/* Reserves a place: members are published complete, with their id. */
	err = xa_alloc(&group->index, &ep->index, NULL,
		       XA_LIMIT(0, BIT(MPIPC_INDEX_BITS) - 1), LOCKED_GFP);
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
		publish_primary(ep, supplies);
	else
		publish_secondary(ep, supplies);
	/* Pairs with mpipc_endpoint_usable(). */
	smp_store_release(&ep->state, MPIPC_MEMBER);
	/* Who polled before was told of nothing that came meanwhile. */
	mpipc_mailbox_wake_pollers(&ep->box, EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM);
	return 0;
}

static int join_group(struct mpipc_endpoint *ep, struct file *file,
		      struct mpipc_join_args *arg, struct mpipc_user *user,
		      struct mpipc_group *group, struct supplies *supplies)
{
	int err;

	lockdep_assert_held(&ep->lock);
	lockdep_assert_held(&group->lock);
	err = check_joinable(ep, group, arg->role);
	if (err)
		return err;
	if (!mpipc_charge(&user->endpoints, 1, READ_ONCE(mpipc_user_endpoints)))
		return -EDQUOT;
	set_member(ep, arg, group, user);
	err = become_member(ep, file, supplies);
	if (err) {
		unset_member(ep);
		atomic_long_dec(&user->endpoints);
		return err;
	}
	trace_mpipc_join(ep);
	arg->id = ep->id;
	arg->generation = ep->generation;
	arg->primary = primary_of(group)->id;
	return 0;
}

/* Waits until an endpoint that leaves has left. */
static int wait_for_end(struct mpipc_endpoint *ep)
{
	if (mutex_lock_interruptible(&ep->lock))
		return -ERESTARTSYS;
	mutex_unlock(&ep->lock);
	return 0;
}

/* Returns -EAGAIN if it is to be tried again, with more supplies if it wants them. */
static int try_to_join(struct mpipc_endpoint *ep, struct file *file,
		       struct mpipc_join_args *arg, struct mpipc_user *user,
		       struct supplies *supplies)
{
	struct mpipc_net *mnet = mpipc_net(ep->net);
	struct mpipc_endpoint *before = NULL;
	struct mpipc_group *group;
	int err;

	mutex_lock(&ep->lock);
	err = -EISCONN;
	if (ep->state != MPIPC_NEW)
		goto unlock;
	group = lock_group(mnet, arg->group, &supplies->group);
	err = PTR_ERR_OR_ZERO(group);
	if (err)
		goto unlock;
	err = join_group(ep, file, arg, user, group, supplies);
	if (err == -EAGAIN && arg->role == MPIPC_PRIMARY && primary_of(group))
		before = mpipc_endpoint_get(primary_of(group));
	if (!group->n_members)
		forget_group(mnet, group);
	mutex_unlock(&group->lock);
	if (err)
		mpipc_group_put(group);
unlock:
	mutex_unlock(&ep->lock);
	if (before)
		err = wait_for_end(before) ?: -EAGAIN;
	mpipc_endpoint_put(before);
	return err;
}

/**
 * struct arrival - a secondary that waits for a primary
 * @wait: in &mpipc_net.arrival
 * @name: of the group
 */
struct arrival {
	struct wait_queue_entry wait;
	const char *name;
};

/* Others are not disturbed: anybody can make groups. */
static int wake_for_name(struct wait_queue_entry *wait, unsigned int mode, int flags,
			 void *name)
{
	struct arrival *arrival = container_of(wait, struct arrival, wait);

	if (strcmp(arrival->name, name))
		return 0;
	return autoremove_wake_function(wait, mode, flags, name);
}

/* Returns why not to wait again after one more look, or 0. */
static int wait_for_arrival(struct mpipc_net *mnet, const char *name, int seen, u64 deadline)
{
	struct arrival arrival = { .name = name };
	int err = 0;

	init_wait(&arrival.wait);
	arrival.wait.func = wake_for_name;
	for (;;) {
		prepare_to_wait(&mnet->arrival, &arrival.wait, TASK_INTERRUPTIBLE);
		if (signal_pending(current))
			err = -ERESTARTSYS;
		else if (ktime_get_ns() >= deadline)
			err = -ETIMEDOUT;
		if (err || atomic_read(&mnet->arrivals) != seen)
			break;
		mpipc_sleep_until(deadline);
	}
	finish_wait(&mnet->arrival, &arrival.wait);
	return err;
}

static int check_join(const struct mpipc_join_args *arg)
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
 * mpipc_group_join - make an endpoint a member of a group
 * @ep: the endpoint
 * @file: its file
 * @arg: what is wanted; its out members are filled in
 *
 * Return: 0 or an error as &struct mpipc_join_args says.
 */
int mpipc_group_join(struct mpipc_endpoint *ep, struct file *file,
		     struct mpipc_join_args *arg)
{
	struct supplies supplies = {
		.n_wanted = arg->role == MPIPC_SECONDARY && arg->flags & MPIPC_JOIN_EVENTS,
	};
	struct mpipc_net *mnet = mpipc_net(ep->net);
	int seen, err, give_up = 0;
	struct mpipc_user *user;

	err = check_join(arg);
	if (err)
		return err;
	user = mpipc_user_find(current_uid());
	if (!user)
		return -ENOMEM;

	for (;;) {
		/* Before the look at the group: who comes after it is noticed. */
		seen = atomic_read_acquire(&mnet->arrivals);
		err = get_supplies(&supplies, arg, user) ?:
		      try_to_join(ep, file, arg, user, &supplies);
		if (err == -EAGAIN)
			continue;
		if ((err != -ENOENT && err != -ECONNREFUSED) || !arg->deadline)
			break;
		if (give_up) {
			err = give_up;
			break;
		}
		give_up = wait_for_arrival(mnet, arg->group, seen, arg->deadline);
	}

	if (!err && arg->role == MPIPC_PRIMARY) {
		atomic_inc_return_release(&mnet->arrivals);
		__wake_up(&mnet->arrival, TASK_NORMAL, 0, arg->group);
	}
	put_supplies(&supplies);
	mpipc_user_put(user);
	return err;
}

static void part_from_primary(struct mpipc_endpoint *ep)
{
	if (!ep->link)
		return;
	mpipc_event_left(ep->link->to_secondary.about, ep->link);
	mpipc_quota_leave(ep->link);
}

static void part_from_secondaries(struct mpipc_endpoint *ep)
{
	struct mpipc_endpoint *peer;

	list_for_each_entry(peer, &ep->group->members, member) {
		if (peer->generation != ep->generation)
			continue;
		mpipc_event_left(peer, peer->link);
		mpipc_endpoint_set_link(peer, NULL);
		/* Also those without events see it: poll says EPOLLRDHUP. */
		mpipc_mailbox_wake_pollers(&peer->box, EPOLLRDHUP);
	}
}

/* The first step of leaving; what was in the mailbox is the caller's to drop. */
static void begin_to_leave(struct mpipc_endpoint *ep, struct list_head *trash)
{
	mutex_lock(&ep->group->lock);
	trace_mpipc_leave(ep);
	WRITE_ONCE(ep->owner, NULL);
	/* Pairs with the acquire of who looks at what is constant by now. */
	smp_store_release(&ep->state, MPIPC_GONE);
	mpipc_mailbox_close(&ep->box, trash);
	mutex_unlock(&ep->group->lock);
}

/* The second step, after which the peers know. */
static void take_out(struct mpipc_endpoint *ep)
{
	struct mpipc_group *group = ep->group;

	mutex_lock(&group->lock);
	list_del_rcu(&ep->member);
	xa_erase(&group->index, ep->index);
	WRITE_ONCE(group->n_members, group->n_members - 1);
	if (ep->role == MPIPC_PRIMARY) {
		RCU_INIT_POINTER(group->primary, NULL);
		part_from_secondaries(ep);
	} else {
		part_from_primary(ep);
	}
	if (!group->n_members)
		forget_group(mpipc_net(ep->net), group);
	mutex_unlock(&group->lock);
	atomic_long_dec(&ep->user->endpoints);
}

static void leave(struct mpipc_endpoint *ep, struct list_head *trash)
{
	lockdep_assert_held(&ep->lock);
	begin_to_leave(ep, trash);
	/* Before the events, which nothing of this endpoint follows. */
	mpipc_call_reset_owed(ep);
	take_out(ep);
}

/* The rest of leaving, for which nobody has to wait. */
static void clear_out(struct mpipc_endpoint *ep, struct list_head *trash)
{
	struct mpipc_entry *entry, *next;

	wake_up_all(&ep->box.readers);
	wake_up_all(&ep->box.room);
	mpipc_call_end_all(ep);
	list_for_each_entry_safe(entry, next, trash, link) {
		mpipc_entry_drop(entry);
		cond_resched();
	}
}

/**
 * mpipc_group_leave - end an endpoint's membership, if it has one
 * @ep: the endpoint
 */
void mpipc_group_leave(struct mpipc_endpoint *ep)
{
	LIST_HEAD(trash);
	bool leaves;

	mutex_lock(&ep->lock);
	leaves = ep->state == MPIPC_MEMBER;
	if (leaves)
		leave(ep, &trash);
	mutex_unlock(&ep->lock);
	if (leaves)
		clear_out(ep, &trash);
}

/**
 * mpipc_group_flush - end the membership if its owner has no descriptor any more
 * @ep: the endpoint
 * @file: its file
 * @table: table that a descriptor was taken out of
 */
void mpipc_group_flush(struct mpipc_endpoint *ep, struct file *file, void *table)
{
	LIST_HEAD(trash);
	bool leaves;

	/* Files that the kernel itself opened are closed without a table. */
	if (!table || READ_ONCE(ep->owner) != table)
		return;
	mutex_lock(&ep->lock);
	leaves = ep->owner == table && !mpipc_endpoint_in_table(ep, file, table);
	if (leaves)
		leave(ep, &trash);
	mutex_unlock(&ep->lock);
	if (leaves)
		clear_out(ep, &trash);
}

static u32 list_members(struct mpipc_endpoint *ep, struct mpipc_peer *list, u32 max)
{
	struct mpipc_endpoint *peer;
	u32 n = 0;

	mutex_lock(&ep->group->lock);
	list_for_each_entry(peer, &ep->group->members, member) {
		if (n < max) {
			mpipc_identity(peer, ep->cred->user_ns, ns_of_pid(ep->pid), &list[n]);
			list[n].queued = READ_ONCE(peer->box.queued);
			list[n].lost = READ_ONCE(peer->box.lost);
		}
		n++;
	}
	mutex_unlock(&ep->group->lock);
	return n;
}

/**
 * mpipc_group_peers - list the members of an endpoint's group
 * @ep: the endpoint
 * @arg: where they go
 *
 * Return: 0, -ENOMEM or -EFAULT.
 */
int mpipc_group_peers(struct mpipc_endpoint *ep, struct mpipc_peers_args *arg)
{
	struct mpipc_peer *list = NULL;
	int err = 0;
	u32 max;

	/* Again if members came since room was made for them. */
	do {
		kvfree(list);
		max = min(arg->max_peers, READ_ONCE(ep->group->n_members));
		list = kvcalloc(max, sizeof(*list), GFP_KERNEL_ACCOUNT);
		if (max && !list)
			return -ENOMEM;
		arg->n_peers = list_members(ep, list, max);
	} while (max < min(arg->max_peers, arg->n_peers));

	if (copy_to_user(u64_to_user_ptr(arg->peers), list,
			 min(max, arg->n_peers) * sizeof(*list)))
		err = -EFAULT;
	kvfree(list);
	return err;
}
