// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fdtable.h>
#include <linux/memcontrol.h>
#include <linux/pid_namespace.h>
#include <linux/user_namespace.h>

#include "endpoint.h"

/**
 * mpipc_endpoint_new - make the endpoint of a file
 * @net: the namespace in which it looks for groups
 *
 * Return: the endpoint with one reference, or NULL if there is no memory.
 */
struct mpipc_endpoint *mpipc_endpoint_new(struct net *net)
{
	struct mpipc_endpoint *ep;

	ep = kzalloc(sizeof(*ep), GFP_KERNEL_ACCOUNT);
	if (!ep)
		return NULL;
	refcount_set(&ep->ref, 1);
	mutex_init(&ep->lock);
	ep->net = get_net(net);
	mpipc_mailbox_init(&ep->box);
	return ep;
}

/**
 * mpipc_endpoint_put - give a reference to an endpoint back
 * @ep: the endpoint, or NULL
 *
 * Whoever drops the last reference is not in interrupt context and holds no spinlock.
 */
void mpipc_endpoint_put(struct mpipc_endpoint *ep)
{
	if (!ep || !refcount_dec_and_test(&ep->ref))
		return;
	mpipc_endpoint_drop_spare(ep);
	if (ep->user)
		mpipc_user_uncharge(ep->user, sizeof(*ep));
	mpipc_link_put(ep->link);
	mpipc_group_put(ep->group);
	mpipc_user_put(ep->user);
	if (ep->cred)
		put_cred(ep->cred);
	put_pid(ep->pid);
	/* A replier may still find a complete reply slot after its caller has left. */
	mem_cgroup_put(ep->memcg);
	put_net(ep->net);
	/* Free the memory after a grace period, because senders may still read @ref under RCU. */
	kfree_rcu(ep, rcu);
}

/**
 * mpipc_endpoint_drop_spare - free the spare memory of an endpoint
 * @ep: the endpoint
 */
void mpipc_endpoint_drop_spare(struct mpipc_endpoint *ep)
{
	kfree(xchg(&ep->spare_msg, NULL));
	kfree(xchg(&ep->spare_call, NULL));
}

/* Return the number after the descriptor, which is never 0, so that iterate_fd() stops. */
static int mpipc_match_file(const void *file, struct file *other, unsigned int fd)
{
	return other == file ? fd + 1 : 0;
}

/**
 * mpipc_endpoint_in_table - check whether a table has, and keeps, a descriptor of a file
 * @ep: endpoint of the file
 * @file: the file
 * @table: the table, as ->flush got it
 *
 * The search begins where the last one found a descriptor. A process that closes a range of many
 * duplicates closes them in order, and each search then takes one step.
 *
 * Return: true if there is a descriptor.
 */
bool mpipc_endpoint_in_table(struct mpipc_endpoint *ep, struct file *file, void *table)
{
	int next;

	lockdep_assert_held(&ep->lock);
	/* A table that is closed by a task that does not use it is being destroyed. */
	if (table != current->files)
		return false;
	next = iterate_fd(table, ep->fd_hint, mpipc_match_file, file);
	if (!next && ep->fd_hint)
		next = iterate_fd(table, 0, mpipc_match_file, file);
	ep->fd_hint = next ? next - 1 : 0;
	return next;
}

/**
 * mpipc_endpoint_usable - check that the caller may act on an endpoint
 * @ep: the endpoint
 *
 * Return: 0, -ENOTCONN, -ESHUTDOWN or -EPERM.
 */
int mpipc_endpoint_usable(struct mpipc_endpoint *ep)
{
	/* Pairs with the release in mpipc_join_group(), so that the constant fields are seen. */
	int state = smp_load_acquire(&ep->state);

	if (state == MPIPC_NEW)
		return -ENOTCONN;
	if (state == MPIPC_GONE)
		return -ESHUTDOWN;
	if (READ_ONCE(ep->owner) != current->files)
		return READ_ONCE(ep->owner) ? -EPERM : -ESHUTDOWN;
	return 0;
}

/**
 * mpipc_endpoint_set_link - change the link of a secondary
 * @secondary: the secondary; its group is locked
 * @link: its new link, whose reference is taken over, or NULL
 *
 * The link is changed under the lock of the secondary's mailbox, because messages from the primary
 * look at it under this lock.
 */
void mpipc_endpoint_set_link(struct mpipc_endpoint *secondary, struct mpipc_link *link)
{
	spin_lock(&secondary->box.lock);
	swap(secondary->link, link);
	spin_unlock(&secondary->box.lock);
	mpipc_link_put(link);
}

/**
 * mpipc_endpoint_next_member - find a member of a group by its place in the index
 * @group: the group
 * @index: the least place
 *
 * This is for those who look at all members one after the other, and hold up none of them.
 *
 * Return: the member with the least place from there on, with a reference, or NULL.
 */
struct mpipc_endpoint *mpipc_endpoint_next_member(struct mpipc_group *group, unsigned long index)
{
	struct mpipc_endpoint *ep;

	rcu_read_lock();
	do {
		ep = xa_find(&group->index, &index, ULONG_MAX, XA_PRESENT);
		index++;
	} while (ep && !refcount_inc_not_zero(&ep->ref));
	rcu_read_unlock();
	return ep;
}

/**
 * mpipc_endpoint_primary_id - find the id of the primary that an endpoint is or belongs to
 * @ep: the endpoint, which has joined at some time
 *
 * Return: the id, or 0 if the primary has left.
 */
u64 mpipc_endpoint_primary_id(struct mpipc_endpoint *ep)
{
	struct mpipc_endpoint *primary;
	u64 id = 0;

	rcu_read_lock();
	primary = rcu_dereference(ep->group->primary);
	/* Pairs with mpipc_join_publish_primary(): who follows this primary has its generation. */
	smp_rmb();
	if (primary && primary->generation == READ_ONCE(ep->generation) &&
	    !mpipc_endpoint_leaves(primary))
		id = primary->id;
	rcu_read_unlock();
	return id;
}

/**
 * mpipc_endpoint_identity - describe who an endpoint is
 * @ep: the endpoint, which has joined at some time
 * @user_ns: user namespace of the viewer
 * @pid_ns: pid namespace of the viewer
 * @out: only the fields that say who the endpoint is are written
 *
 * Records, lists and reports all use this function, so that they agree.
 */
void mpipc_endpoint_identity(const struct mpipc_endpoint *ep, struct user_namespace *user_ns,
			     struct pid_namespace *pid_ns, struct mpipc_peer *out)
{
	out->id = ep->id;
	out->generation = READ_ONCE(ep->generation);
	out->role = ep->role;
	out->pid = pid_nr_ns(ep->pid, pid_ns);
	out->uid = from_kuid_munged(user_ns, ep->cred->euid);
	out->gid = from_kgid_munged(user_ns, ep->cred->egid);
}
