// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "call.h"
#include "deadline.h"
#include "endpoint.h"
#include "entry.h"
#include "group.h"
#include "limits.h"
#include "report.h"
#include "trace.h"
#include "user.h"

/*
 * Under mpipc_net.lock little is done to get memory: whoever is at its memory
 * cgroup's limit must not hold up those who want to leave.
 */
#define LOCKED_GFP (GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

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

	mutex_init(&mnet->lock);
	hash_init(mnet->groups);
	init_waitqueue_head(&mnet->arrival);
	return mpipc_report_init(net);
}

/* Each open file holds its namespace, so there are no groups any more. */
static void __net_exit net_exit(struct net *net)
{
	mpipc_report_exit(net);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.exit = net_exit,
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

static struct mpipc_endpoint *primary_of(struct mpipc_net *mnet,
					 struct mpipc_group *group)
{
	return rcu_dereference_protected(group->primary, lockdep_is_held(&mnet->lock));
}

/* Made by its first primary, who is charged for it until it is empty. */
static struct mpipc_group *new_group(const struct mpipc_join *arg,
				     struct mpipc_user *user)
{
	struct mpipc_group *group;

	if (!mpipc_charge(&user->groups, 1, READ_ONCE(mpipc_user_groups)))
		return ERR_PTR(-EDQUOT);
	group = kzalloc(sizeof(*group), LOCKED_GFP);
	if (!group) {
		atomic_long_dec(&user->groups);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&group->ref, 1);
	strscpy(group->name, arg->group, sizeof(group->name));
	group->uid = current_fsuid();
	group->gid = current_fsgid();
	group->mode = arg->mode ?: 0600;
	group->user = mpipc_user_get(user);
	xa_init_flags(&group->members, XA_FLAGS_ALLOC);
	return group;
}

/* The group has no members: nobody finds it, nobody pays for it. */
static void forget_group(struct mpipc_group *group)
{
	hash_del(&group->node);
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

/* The group that the endpoint can join now; made, but not found yet, if need be. */
static struct mpipc_group *joinable_group(struct mpipc_endpoint *ep,
					  const struct mpipc_join *arg,
					  struct mpipc_user *user)
{
	struct mpipc_net *mnet = mpipc_net(ep->net);
	struct mpipc_group *group = find_group(mnet, arg->group);

	if (!group) {
		if (arg->role != MPIPC_PRIMARY)
			return ERR_PTR(-ENOENT);
		return new_group(arg, user);
	}
	if (!may_join(ep->net, group, arg->role))
		return ERR_PTR(-EACCES);
	if (arg->role == MPIPC_PRIMARY && primary_of(mnet, group))
		return ERR_PTR(-EADDRINUSE);
	if (arg->role == MPIPC_SECONDARY && !primary_of(mnet, group))
		return ERR_PTR(-ECONNREFUSED);
	if (arg->role == MPIPC_SECONDARY &&
	    group->n_members >= READ_ONCE(mpipc_group_endpoints))
		return ERR_PTR(-ENOSPC);
	refcount_inc(&group->ref);
	return group;
}

/* One that is in no mailbox; the other of the two, unread, is alone then. */
static void free_event(struct mpipc_event *event)
{
	if (event)
		mpipc_entry_drop(&event->entry);
}

static bool wants_events(const struct mpipc_endpoint *ep)
{
	return ep->flags & MPIPC_JOIN_EVENTS;
}

/**
 * struct pair - the events of a primary and a secondary that come together
 * @link: in the list of the joiner
 * @primary: the one
 * @secondary: the other; it keeps the events of the end
 * @share: what the secondary's user has in the primary's mailbox, if it is another
 *	user's
 * @to_primary: that the secondary is there, and, later, that it left
 * @to_secondary: likewise about the primary
 */
struct pair {
	struct list_head link;
	struct mpipc_endpoint *primary;
	struct mpipc_endpoint *secondary;
	struct mpipc_share *share;
	struct {
		struct mpipc_event *joined;
		struct mpipc_event *left;
	} to_primary, to_secondary;
};

static void free_pair(struct pair *pair)
{
	free_event(pair->to_primary.joined);
	free_event(pair->to_primary.left);
	free_event(pair->to_secondary.joined);
	free_event(pair->to_secondary.left);
	mpipc_share_put(pair->share);
	kfree(pair);
}

/* The event of the beginning knows that of the end: see mpipc_mailbox_left(). */
static int add_events(struct mpipc_event **joined, struct mpipc_event **left,
		      struct mpipc_endpoint *about)
{
	*joined = kzalloc(sizeof(**joined), LOCKED_GFP);
	*left = kzalloc(sizeof(**left), LOCKED_GFP);
	if (*joined) {
		(*joined)->about = mpipc_endpoint_get(about);
		(*joined)->other = *left;
	}
	if (*left) {
		(*left)->about = mpipc_endpoint_get(about);
		(*left)->other = *joined;
	}
	return *joined && *left ? 0 : -ENOMEM;
}

static int add_pair(struct list_head *pairs, struct mpipc_endpoint *primary,
		    struct mpipc_endpoint *secondary)
{
	struct pair *pair = kzalloc(sizeof(*pair), LOCKED_GFP);
	int err = 0;

	if (!pair)
		return -ENOMEM;
	list_add_tail(&pair->link, pairs);
	pair->primary = primary;
	pair->secondary = secondary;
	if (wants_events(primary))
		err = add_events(&pair->to_primary.joined, &pair->to_primary.left,
				 secondary);
	if (!err && wants_events(secondary))
		err = add_events(&pair->to_secondary.joined, &pair->to_secondary.left,
				 primary);
	if (!err && secondary->user != primary->user) {
		pair->share = mpipc_share_new(secondary->user, LOCKED_GFP);
		err = pair->share ? 0 : -ENOMEM;
	}
	return err;
}

/* Whom the endpoint comes together with: its primary, or those that follow. */
static int make_pairs(struct list_head *pairs, struct mpipc_endpoint *ep)
{
	struct mpipc_group *group = ep->group;
	struct mpipc_endpoint *peer;
	unsigned long index;
	int err;

	if (ep->role == MPIPC_SECONDARY)
		return add_pair(pairs, primary_of(mpipc_net(ep->net), group), ep);
	xa_for_each(&group->members, index, peer) {
		if (!(peer->flags & MPIPC_JOIN_FOLLOW))
			continue;
		err = add_pair(pairs, ep, peer);
		if (err)
			return err;
	}
	return 0;
}

static void tell(struct mpipc_endpoint *to, struct mpipc_event **joined)
{
	if (*joined)
		mpipc_mailbox_joined(to, *joined);
	*joined = NULL;
}

/* The secondary keeps what it will need at the end. */
static void keep(struct pair *pair)
{
	struct mpipc_endpoint *secondary = pair->secondary;

	secondary->last_up = 0;
	swap(secondary->left_for_primary, pair->to_primary.left);
	swap(secondary->left_for_self, pair->to_secondary.left);
	if (pair->share)
		mpipc_mailbox_share(pair->primary, secondary, &pair->share);
}

/*
 * The steps are in this order so that nobody has a message of a peer before the
 * event that it joined, and everybody can send to a peer that it has the event of.
 * A sender needs to be a member, and of the generation of whom it sends to.
 */
static void publish_secondary(struct mpipc_endpoint *ep, struct pair *pair)
{
	struct mpipc_group *group = ep->group;
	struct mpipc_endpoint *primary = primary_of(mpipc_net(ep->net), group);

	keep(pair);
	tell(ep, &pair->to_secondary.joined);
	xa_store(&group->members, ep->index, ep, GFP_KERNEL);
	tell(primary, &pair->to_primary.joined);
}

static void publish_primary(struct mpipc_endpoint *ep, struct list_head *pairs)
{
	struct mpipc_group *group = ep->group;
	struct pair *pair;

	list_for_each_entry(pair, pairs, link) {
		keep(pair);
		tell(ep, &pair->to_primary.joined);
		WRITE_ONCE(pair->secondary->generation, ep->generation);
	}
	xa_store(&group->members, ep->index, ep, GFP_KERNEL);
	rcu_assign_pointer(group->primary, ep);
	list_for_each_entry(pair, pairs, link)
		tell(pair->secondary, &pair->to_secondary.joined);
}

/* Fills in what is constant from the join on; undone by unset_member(). */
static void set_member(struct mpipc_endpoint *ep, const struct mpipc_join *arg,
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

static int become_member(struct mpipc_endpoint *ep, struct file *file)
{
	struct mpipc_net *mnet = mpipc_net(ep->net);
	struct mpipc_group *group = ep->group;
	struct pair *pair, *next;
	LIST_HEAD(pairs);
	int err;

	err = make_pairs(&pairs, ep);
	if (err)
		goto out;
	/* Reserves a place: members are published complete, with their id. */
	err = xa_alloc(&group->members, &ep->index, NULL,
		       XA_LIMIT(0, BIT(MPIPC_INDEX_BITS) - 1), LOCKED_GFP);
	if (err) {
		err = err == -EBUSY ? -ENOSPC : err;
		goto out;
	}
	/* Before the look: see "Whose an endpoint is". */
	WRITE_ONCE(ep->owner, current->files);
	if (!mpipc_endpoint_in_table(ep, file, current->files)) {
		xa_erase(&group->members, ep->index);
		err = -EBADF;
		goto out;
	}

	/* Nothing can fail any more. */
	ep->id = (u64)atomic64_inc_return(&last_id) << MPIPC_INDEX_BITS | ep->index;
	if (!group->n_members)
		hash_add(mnet->groups, &group->node, name_hash(group->name));
	WRITE_ONCE(group->n_members, group->n_members + 1);
	group->generation = ep->generation;
	if (ep->role == MPIPC_PRIMARY)
		publish_primary(ep, &pairs);
	else
		publish_secondary(ep, list_first_entry(&pairs, struct pair, link));
	/* Pairs with mpipc_endpoint_usable(). */
	smp_store_release(&ep->state, MPIPC_MEMBER);
	/* Who polled before was told of nothing that came meanwhile. */
	wake_up_interruptible_poll(&ep->box.readers, EPOLLIN | EPOLLRDNORM |
						     EPOLLOUT | EPOLLWRNORM);
out:
	list_for_each_entry_safe(pair, next, &pairs, link)
		free_pair(pair);
	return err;
}

static int join_locked(struct mpipc_endpoint *ep, struct file *file,
		       struct mpipc_join *arg, struct mpipc_user *user)
{
	struct mpipc_group *group;
	int err;

	lockdep_assert_held(&mpipc_net(ep->net)->lock);
	if (ep->state != MPIPC_NEW)
		return -EISCONN;
	group = joinable_group(ep, arg, user);
	if (IS_ERR(group))
		return PTR_ERR(group);
	err = -EDQUOT;
	if (!mpipc_charge(&user->endpoints, 1, READ_ONCE(mpipc_user_endpoints)))
		goto put_group;
	set_member(ep, arg, group, user);
	err = become_member(ep, file);
	if (err) {
		unset_member(ep);
		atomic_long_dec(&user->endpoints);
		goto put_group;
	}

	trace_mpipc_join(ep);
	arg->id = ep->id;
	arg->generation = ep->generation;
	arg->primary = primary_of(mpipc_net(ep->net), group)->id;
	return 0;

put_group:
	if (!group->n_members)
		atomic_long_dec(&group->user->groups);
	mpipc_group_put(group);
	return err;
}

/* Returns why not to wait again after one more look, or 0. */
static int wait_for_arrival(struct mpipc_net *mnet, unsigned int seen, u64 deadline)
{
	DEFINE_WAIT(wait);
	int err = 0;

	for (;;) {
		prepare_to_wait(&mnet->arrival, &wait, TASK_INTERRUPTIBLE);
		if (signal_pending(current))
			err = -ERESTARTSYS;
		else if (ktime_get_ns() >= deadline)
			err = -ETIMEDOUT;
		if (err || READ_ONCE(mnet->arrivals) != seen)
			break;
		mpipc_sleep_until(deadline);
	}
	finish_wait(&mnet->arrival, &wait);
	return err;
}

static int check_join(const struct mpipc_join *arg)
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
 * Return: 0 or an error as &struct mpipc_join says.
 */
int mpipc_group_join(struct mpipc_endpoint *ep, struct file *file,
		     struct mpipc_join *arg)
{
	struct mpipc_net *mnet = mpipc_net(ep->net);
	struct mpipc_user *user;
	unsigned int seen;
	int err, give_up = 0;

	err = check_join(arg);
	if (err)
		return err;
	user = mpipc_user_find(current_uid());
	if (!user)
		return -ENOMEM;

	for (;;) {
		mutex_lock(&mnet->lock);
		seen = mnet->arrivals;
		err = join_locked(ep, file, arg, user);
		if (!err && arg->role == MPIPC_PRIMARY)
			WRITE_ONCE(mnet->arrivals, seen + 1);
		mutex_unlock(&mnet->lock);
		if ((err != -ENOENT && err != -ECONNREFUSED) || !arg->deadline)
			break;
		if (give_up) {
			err = give_up;
			break;
		}
		give_up = wait_for_arrival(mnet, seen, arg->deadline);
	}

	if (!err && arg->role == MPIPC_PRIMARY)
		wake_up_all(&mnet->arrival);
	mpipc_user_put(user);
	return err;
}

static void tell_left(struct mpipc_endpoint *to, struct mpipc_event **left,
		      const u64 *last)
{
	if (*left)
		mpipc_mailbox_left(to, *left, last);
	*left = NULL;
}

static void drop_event(struct mpipc_event **event)
{
	free_event(*event);
	*event = NULL;
}

static void part_from_primary(struct mpipc_endpoint *ep)
{
	struct mpipc_endpoint *primary = primary_of(mpipc_net(ep->net), ep->group);

	if (primary && primary->generation == ep->generation) {
		tell_left(primary, &ep->left_for_primary, &ep->last_up);
		mpipc_mailbox_unshare(primary, ep);
	}
	drop_event(&ep->left_for_primary);
	drop_event(&ep->left_for_self);
}

static void part_from_secondaries(struct mpipc_endpoint *ep)
{
	struct mpipc_endpoint *peer;
	unsigned long index;

	xa_for_each(&ep->group->members, index, peer) {
		if (peer->generation != ep->generation)
			continue;
		tell_left(peer, &peer->left_for_self, &peer->last_down);
		drop_event(&peer->left_for_primary);
		mpipc_share_put(peer->share);
		peer->share = NULL;
		/* Also those without events see it: poll says EPOLLRDHUP. */
		wake_up_interruptible_poll(&peer->box.readers, EPOLLRDHUP);
	}
}

/* Ends the membership; what was in the mailbox is the caller's to drop. */
static void leave_locked(struct mpipc_endpoint *ep, struct list_head *trash)
{
	struct mpipc_group *group = ep->group;

	lockdep_assert_held(&mpipc_net(ep->net)->lock);
	trace_mpipc_leave(ep);
	WRITE_ONCE(ep->state, MPIPC_GONE);
	WRITE_ONCE(ep->owner, NULL);
	mpipc_mailbox_close(&ep->box, trash);
	xa_erase(&group->members, ep->index);
	WRITE_ONCE(group->n_members, group->n_members - 1);
	if (ep->role == MPIPC_PRIMARY)
		RCU_INIT_POINTER(group->primary, NULL);
	/* Before the events, which nothing of this endpoint follows. */
	mpipc_call_reset_owed(ep);
	if (ep->role == MPIPC_PRIMARY)
		part_from_secondaries(ep);
	else
		part_from_primary(ep);
	if (!group->n_members)
		forget_group(group);
	atomic_long_dec(&ep->user->endpoints);
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
	struct mpipc_net *mnet = mpipc_net(ep->net);
	LIST_HEAD(trash);
	bool leaves;

	mutex_lock(&mnet->lock);
	leaves = ep->state == MPIPC_MEMBER;
	if (leaves)
		leave_locked(ep, &trash);
	mutex_unlock(&mnet->lock);
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
	struct mpipc_net *mnet = mpipc_net(ep->net);
	LIST_HEAD(trash);
	bool leaves;

	/* Files that the kernel itself opened are closed without a table. */
	if (!table || READ_ONCE(ep->owner) != table)
		return;
	mutex_lock(&mnet->lock);
	leaves = ep->owner == table && !mpipc_endpoint_in_table(ep, file, table);
	if (leaves)
		leave_locked(ep, &trash);
	mutex_unlock(&mnet->lock);
	if (leaves)
		clear_out(ep, &trash);
}

static void fill_peer(struct mpipc_peer *out, struct mpipc_endpoint *peer,
		      struct mpipc_endpoint *viewer)
{
	struct user_namespace *user_ns = viewer->cred->user_ns;

	out->id = peer->id;
	out->generation = peer->generation;
	out->role = peer->role;
	out->pid = pid_nr_ns(peer->pid, ns_of_pid(viewer->pid));
	out->uid = from_kuid_munged(user_ns, peer->cred->euid);
	out->gid = from_kgid_munged(user_ns, peer->cred->egid);
	out->queued = READ_ONCE(peer->box.queued);
	out->lost = READ_ONCE(peer->box.lost);
}

static u32 list_members(struct mpipc_endpoint *ep, struct mpipc_peer *list, u32 max)
{
	struct mpipc_net *mnet = mpipc_net(ep->net);
	struct mpipc_endpoint *peer;
	unsigned long index;
	u32 n = 0;

	mutex_lock(&mnet->lock);
	xa_for_each(&ep->group->members, index, peer) {
		if (n < max)
			fill_peer(&list[n], peer, ep);
		n++;
	}
	mutex_unlock(&mnet->lock);
	return n;
}

/**
 * mpipc_group_peers - list the members of an endpoint's group
 * @ep: the endpoint
 * @arg: where they go
 *
 * Return: 0, -ENOMEM or -EFAULT.
 */
int mpipc_group_peers(struct mpipc_endpoint *ep, struct mpipc_peers *arg)
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

/**
 * mpipc_group_primary_id - id of the primary that an endpoint is or belongs to
 * @ep: the endpoint, a member at some time
 *
 * Return: the id, or 0: gone.
 */
u64 mpipc_group_primary_id(struct mpipc_endpoint *ep)
{
	struct mpipc_endpoint *primary;
	u64 id = 0;

	rcu_read_lock();
	primary = rcu_dereference(ep->group->primary);
	if (primary && primary->generation == READ_ONCE(ep->generation))
		id = primary->id;
	rcu_read_unlock();
	return id;
}
