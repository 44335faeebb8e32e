// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched/signal.h>

#include "address.h"

/* Check whether a secondary joined this primary, or follows it. */
static bool mpipc_address_belongs(struct mpipc_endpoint *secondary, struct mpipc_endpoint *primary)
{
	return secondary->role == MPIPC_SECONDARY && !mpipc_endpoint_leaves(secondary) &&
	       READ_ONCE(secondary->generation) == primary->generation;
}

static int mpipc_address_all(struct mpipc_msg *msg)
{
	struct mpipc_endpoint *from = msg->sender, *ep;
	u32 n = 0;

	if (from->role != MPIPC_PRIMARY)
		return -EOPNOTSUPP;
	rcu_read_lock();
	list_for_each_entry_rcu(ep, &from->group->members, member) {
		if (!mpipc_address_belongs(ep, from))
			continue;
		if (n == msg->n_deliveries)
			goto undo;
		if (refcount_inc_not_zero(&ep->ref))
			msg->deliveries[n++].to = ep;
	}
	rcu_read_unlock();
	return n;

undo:
	rcu_read_unlock();
	mpipc_address_release(msg, n);
	return -ENOSPC;
}

/* Find a member by its id. The caller is in an RCU read section. */
static struct mpipc_endpoint *mpipc_address_find_member(struct mpipc_group *group, u64 id)
{
	struct mpipc_endpoint *ep;

	ep = xa_load(&group->index, mpipc_endpoint_index(id));
	return ep && ep->id == id && !mpipc_endpoint_leaves(ep) ? ep : NULL;
}

/* Find the primary, if a secondary may send to it. The caller is in an RCU read section. */
static struct mpipc_endpoint *mpipc_address_find_primary(struct mpipc_endpoint *from, u64 to)
{
	struct mpipc_endpoint *ep = rcu_dereference(from->group->primary);
	u64 generation;

	if (ep && mpipc_endpoint_leaves(ep))
		ep = NULL;
	if (to != MPIPC_TO_PRIMARY && (!ep || ep->id != to)) {
		ep = mpipc_address_find_member(from->group, to);
		return ERR_PTR(ep ? -EOPNOTSUPP : -ESRCH);
	}
	if (!ep)
		return ERR_PTR(-ECONNREFUSED);
	/* Pairs with mpipc_join_publish_primary(): who follows this primary has its generation. */
	smp_rmb();
	generation = READ_ONCE(from->generation);
	if (generation == ep->generation)
		return ep;
	/* If the secondary already follows the next primary, this one has left meanwhile. */
	return ERR_PTR(generation > ep->generation ? -ECONNREFUSED : -ESTALE);
}

/* Find a secondary that the primary may send to. The caller is in an RCU read section. */
static struct mpipc_endpoint *mpipc_address_find_secondary(struct mpipc_endpoint *from, u64 to)
{
	struct mpipc_endpoint *ep = mpipc_address_find_member(from->group, to);

	if (to == MPIPC_TO_PRIMARY || ep == from)
		return ERR_PTR(-EOPNOTSUPP);
	if (!ep || !mpipc_address_belongs(ep, from))
		return ERR_PTR(-ESRCH);
	return ep;
}

static int mpipc_address_one(struct mpipc_msg *msg, u64 to)
{
	struct mpipc_endpoint *from = msg->sender, *ep;
	int n = 1;

	rcu_read_lock();
	ep = from->role == MPIPC_PRIMARY ? mpipc_address_find_secondary(from, to) :
					   mpipc_address_find_primary(from, to);
	if (IS_ERR(ep))
		n = PTR_ERR(ep);
	else if (!refcount_inc_not_zero(&ep->ref))
		n = to == MPIPC_TO_PRIMARY ? -ECONNREFUSED : -ESRCH;
	rcu_read_unlock();
	msg->deliveries[0].to = ep;
	return n;
}

/*
 * Fill in the deliveries as not posted. Return their number, or an error, which is -ENOSPC if the
 * message was made for fewer destinations than there are.
 */
static int mpipc_address(struct mpipc_msg *msg, u64 to)
{
	int i, n = to == MPIPC_TO_ALL ? mpipc_address_all(msg) : mpipc_address_one(msg, to);

	/* Pairs with mpipc_join_publish_primary(), so that links are read after generations. */
	smp_rmb();
	for (i = 0; i < n; i++) {
		msg->deliveries[i].index = i;
		msg->deliveries[i].qnode.type = MPIPC_MESSAGE;
		msg->deliveries[i].result = -EAGAIN;
	}
	return n;
}

/**
 * mpipc_address_import - make a message and find its destinations
 * @ep: the sender
 * @body: the parts of the message
 * @from: source of the payload if it is written; NULL if it is at @data of the body
 * @flags: %MPIPC_PASS_MPIPC; other flags are ignored
 * @to: the destination
 * @msg: where the message is stored, unless there is an error
 *
 * Return: the number of destinations, each with a reference in its delivery, or an error as
 * &struct mpipc_send_args says.
 */
int mpipc_address_import(struct mpipc_endpoint *ep, const struct mpipc_body *body,
			 const struct iov_iter *from, u32 flags, u64 to, struct mpipc_msg **msg)
{
	int n;

	do {
		*msg = mpipc_msg_import(ep, body, from, flags & MPIPC_PASS_MPIPC,
					to == MPIPC_TO_ALL ? READ_ONCE(ep->group->n_members) : 1,
					MPIPC_SENDER_PAYS, NULL);
		if (IS_ERR(*msg))
			return PTR_ERR(*msg);
		n = mpipc_address(*msg, to);
		if (n < 0)
			mpipc_msg_put(*msg);
	} while (n == -ENOSPC && !fatal_signal_pending(current));
	return n;
}

/**
 * mpipc_address_release - let go of the destinations of a message
 * @msg: the message
 * @n: number of its destinations
 */
void mpipc_address_release(struct mpipc_msg *msg, u32 n)
{
	while (n--)
		mpipc_endpoint_put(msg->deliveries[n].to);
}
