// SPDX-License-Identifier: GPL-2.0-only
#include "event.h"
#include "leave.h"
#include "pending.h"
#include "post.h"
#include "quota.h"
#include "record.h"
#include "trace.h"

static void mpipc_leave_primary(struct mpipc_endpoint *ep)
{
	struct mpipc_endpoint *primary = mpipc_group_primary(ep->group);

	if (primary)
		mpipc_user_freed(primary->user);
	if (!ep->link)
		return;
	mpipc_event_notify_left(ep->link->to_secondary.about, ep->link);
	mpipc_quota_leave(ep->link);
}

static void mpipc_leave_secondaries(struct mpipc_endpoint *ep)
{
	struct mpipc_endpoint *peer;

	list_for_each_entry(peer, &ep->group->members, member) {
		cond_resched();
		if (peer->generation != ep->generation)
			continue;
		mpipc_event_notify_left(peer, peer->link);
		mpipc_endpoint_set_link(peer, NULL);
		mpipc_user_freed(peer->user);
		/* Poll says EPOLLRDHUP also to those that want no events. */
		mpipc_mailbox_wake_pollers(&peer->box, EPOLLRDHUP);
	}
}

/* Take the first step of leaving. The content of the mailbox is moved to @trash. */
static void mpipc_leave_begin(struct mpipc_endpoint *ep, struct list_head *trash)
{
	mutex_lock(&ep->group->lock);
	trace_mpipc_leave(ep);
	WRITE_ONCE(ep->owner, NULL);
	/* Pairs with the acquires of readers that then use the constant fields. */
	smp_store_release(&ep->state, MPIPC_GONE);
	mpipc_mailbox_close(&ep->box, trash);
	mutex_unlock(&ep->group->lock);
}

/* Take the second step of leaving, after which the peers are notified. */
static void mpipc_leave_group(struct mpipc_endpoint *ep)
{
	struct mpipc_group *group = ep->group;

	mutex_lock(&group->lock);
	/*
	 * Senders to @ep that wait for their user to hold less are woken below. Pairs with the
	 * barrier between mpipc_user_watch() and the next look at the mailbox, which is closed.
	 */
	smp_mb();
	list_del_rcu(&ep->member);
	xa_erase(&group->index, mpipc_endpoint_index(ep->id));
	WRITE_ONCE(group->n_members, group->n_members - 1);
	if (ep->role == MPIPC_PRIMARY) {
		RCU_INIT_POINTER(group->primary, NULL);
		mpipc_leave_secondaries(ep);
	} else {
		mpipc_leave_primary(ep);
	}
	if (!group->n_members)
		mpipc_group_forget(group);
	/* A primary that comes next is not refused because of this one. */
	mpipc_user_uncharge_member(ep->user, ep->role);
	mutex_unlock(&group->lock);
	/* The memory can stay for long, because messages of the endpoint refer to it. */
	atomic_long_add(sizeof(*ep), &ep->user->bytes);
}

/**
 * mpipc_leave - end an endpoint's membership, if it has one
 * @ep: the endpoint
 * @file: its file; used only if @table is not NULL
 * @table: a table from which a descriptor was removed: the endpoint leaves only if it belongs to
 *	this table and the table has no other descriptor of @file. If @table is NULL, the endpoint
 *	leaves in any case.
 */
void mpipc_leave(struct mpipc_endpoint *ep, struct file *file, void *table)
{
	struct mpipc_qnode *qnode, *next;
	struct path anchor = { };
	LIST_HEAD(trash);
	bool leaves;

	mutex_lock(&ep->lock);
	leaves = ep->state == MPIPC_MEMBER;
	if (table)
		leaves = ep->owner == table && !mpipc_endpoint_in_table(ep, file, table);
	if (leaves) {
		mpipc_leave_begin(ep, &trash);
		/* Senders that wait need the quotas of the links, which go in the second step. */
		mpipc_space_close(&ep->box);
		/* Complete the pending replies first, because nothing may follow the events. */
		mpipc_pending_reset(ep);
		mpipc_leave_group(ep);
		swap(anchor, ep->anchor);
	}
	mutex_unlock(&ep->lock);
	if (!leaves)
		return;

	/* The rest is done without locks, so that nobody has to wait for it. */
	wake_up_all(&ep->box.readers);
	wake_up_all(&ep->box.leaving);
	mpipc_endpoint_drop_spare(ep);
	mpipc_call_end_all(ep);
	list_for_each_entry_safe(qnode, next, &trash, node) {
		mpipc_qnode_drop(qnode);
		cond_resched();
	}
	/* The file system may be slow here, or be unmounted, if it was only kept for the group. */
	path_put(&anchor);
}
