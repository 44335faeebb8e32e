// SPDX-License-Identifier: GPL-2.0-only
#include "event.h"
#include "leave.h"
#include "pending.h"
#include "quota.h"
#include "record.h"
#include "trace.h"

static void mpipc_leave_primary(struct mpipc_endpoint *ep)
{
	if (!ep->link)
		return;
	mpipc_event_notify_left(ep->link->to_secondary.about, ep->link);
	mpipc_quota_leave(ep->link);
}

static void mpipc_leave_secondaries(struct mpipc_endpoint *ep)
{
	struct mpipc_endpoint *peer;

	list_for_each_entry(peer, &ep->group->members, member) {
		if (peer->generation != ep->generation)
			continue;
		mpipc_event_notify_left(peer, peer->link);
		mpipc_endpoint_set_link(peer, NULL);
		/* Also those without events see it: poll says EPOLLRDHUP. */
		mpipc_mailbox_wake_pollers(&peer->box, EPOLLRDHUP);
	}
}

/* The first step of leaving; what was in the mailbox is the caller's to drop. */
static void mpipc_leave_begin(struct mpipc_endpoint *ep, struct list_head *trash)
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
static void mpipc_leave_group(struct mpipc_endpoint *ep)
{
	struct mpipc_group *group = ep->group;

	mutex_lock(&group->lock);
	list_del_rcu(&ep->member);
	xa_erase(&group->index, ep->index);
	WRITE_ONCE(group->n_members, group->n_members - 1);
	if (ep->role == MPIPC_PRIMARY) {
		RCU_INIT_POINTER(group->primary, NULL);
		mpipc_leave_secondaries(ep);
	} else {
		mpipc_leave_primary(ep);
	}
	if (!group->n_members)
		mpipc_group_forget(mpipc_net(ep->net), group);
	mutex_unlock(&group->lock);
	atomic_long_dec(&ep->user->endpoints);
}

/**
 * mpipc_leave - end an endpoint's membership, if it has one
 * @ep: the endpoint
 * @file: its file; looked at if there is a @table
 * @table: the table that a descriptor was taken out of: the endpoint leaves only if it
 *	belongs to this table and has no other descriptor there. NULL: it leaves in any case.
 */
void mpipc_leave(struct mpipc_endpoint *ep, struct file *file, void *table)
{
	struct mpipc_qnode *qnode, *next;
	LIST_HEAD(trash);
	bool leaves;

	mutex_lock(&ep->lock);
	leaves = ep->state == MPIPC_MEMBER;
	if (table)
		leaves = ep->owner == table && !mpipc_endpoint_in_table(ep, file, table);
	if (leaves) {
		mpipc_leave_begin(ep, &trash);
		/* Before the events, which nothing of this endpoint follows. */
		mpipc_pending_reset(ep);
		mpipc_leave_group(ep);
	}
	mutex_unlock(&ep->lock);
	if (!leaves)
		return;

	/* Nobody has to wait for the rest. */
	wake_up_all(&ep->box.readers);
	wake_up_all(&ep->box.space);
	mpipc_call_end_all(ep);
	list_for_each_entry_safe(qnode, next, &trash, node) {
		mpipc_qnode_drop(qnode);
		cond_resched();
	}
}
