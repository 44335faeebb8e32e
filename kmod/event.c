// SPDX-License-Identifier: GPL-2.0-only
#include "event.h"

static struct mpipc_link_end *mpipc_event_end(struct mpipc_qnode *event)
{
	return event->type == MPIPC_JOINED ? container_of(event, struct mpipc_link_end, joined) :
					     container_of(event, struct mpipc_link_end, left);
}

/**
 * mpipc_event_about - find the endpoint that an event is about
 * @event: the event
 *
 * Return: the endpoint, to which the event has a reference.
 */
struct mpipc_endpoint *mpipc_event_about(struct mpipc_qnode *event)
{
	return mpipc_event_end(event)->about;
}

/**
 * mpipc_event_drop - let go of an event that is in no mailbox any more
 * @event: the event
 */
void mpipc_event_drop(struct mpipc_qnode *event)
{
	struct mpipc_link *link = mpipc_event_end(event)->link;

	mpipc_endpoint_put(mpipc_event_end(event)->about);
	mpipc_link_put(link);
}

/**
 * mpipc_event_seen_locked - note that an event is taken out of its mailbox, which is locked
 * @event: the event
 */
void mpipc_event_seen_locked(struct mpipc_qnode *event)
{
	mpipc_event_end(event)->unseen = false;
}

/* Find the end of a link that has the events of @to; NULL if @to does not want events. */
static struct mpipc_link_end *mpipc_event_end_to(struct mpipc_link *link, struct mpipc_endpoint *to)
{
	if (!link || !(to->flags & MPIPC_JOIN_EVENTS))
		return NULL;
	return to->role == MPIPC_PRIMARY ? &link->to_primary : &link->to_secondary;
}

/**
 * mpipc_event_peer_sent_locked - note that a peer has sent something to an endpoint
 * @to: the endpoint, whose mailbox is locked
 * @from: the peer
 */
void mpipc_event_peer_sent_locked(struct mpipc_endpoint *to, struct mpipc_endpoint *from)
{
	struct mpipc_link *link = to->role == MPIPC_PRIMARY ? from->link : to->link;
	struct mpipc_link_end *end = mpipc_event_end_to(link, to);

	lockdep_assert_held(&to->box.lock);
	if (end)
		end->last = to->box.seq;
}

/* Put an event in a mailbox, with the references that it needs there. */
static void mpipc_event_add_locked(struct mpipc_mailbox *box, struct mpipc_link_end *end,
				   struct mpipc_qnode *event)
{
	event->type = event == &end->joined ? MPIPC_JOINED : MPIPC_LEFT;
	refcount_inc(&end->link->ref);
	mpipc_endpoint_get(end->about);
	mpipc_mailbox_add_locked(box, event);
	end->unseen = event == &end->joined;
}

/* Take an event out unseen. The number of lost messages that it carries passes to the next node. */
static void mpipc_event_retract_locked(struct mpipc_mailbox *box, struct mpipc_qnode *qnode)
{
	lockdep_assert_held(&box->lock);
	if (list_is_last(&qnode->node, &box->queue))
		box->lost_since += qnode->lost;
	else
		list_next_entry(qnode, node)->lost += qnode->lost;
	list_del(&qnode->node);
	WRITE_ONCE(box->queued, box->queued - 1);
}

/**
 * mpipc_event_notify_joined - notify an endpoint that a peer has joined
 * @to: the endpoint
 * @link: its link with the peer, or NULL
 *
 * The caller holds mpipc_group.lock, under which @to has not begun to leave and cannot begin.
 */
void mpipc_event_notify_joined(struct mpipc_endpoint *to, struct mpipc_link *link)
{
	struct mpipc_link_end *end = mpipc_event_end_to(link, to);

	if (!end)
		return;
	spin_lock(&to->box.lock);
	mpipc_event_add_locked(&to->box, end, &end->joined);
	spin_unlock(&to->box.lock);
	mpipc_mailbox_wake_readers(&to->box, false);
}

/**
 * mpipc_event_notify_left - notify an endpoint that a peer has left
 * @to: the endpoint
 * @link: its link with the peer, or NULL
 *
 * A peer that joined and left unseen, and sent nothing, leaves no trace: its first event is
 * retracted. So there cannot be more unread events than there are peers, messages that the mailbox
 * has space for, and calls that were replied to. The only node in the mailbox of an endpoint that
 * polls stays, because poll may have promised that a read does not wait.
 *
 * The caller holds mpipc_group.lock. If @to has begun to leave, nothing happens.
 */
void mpipc_event_notify_left(struct mpipc_endpoint *to, struct mpipc_link *link)
{
	struct mpipc_link_end *end = mpipc_event_end_to(link, to);
	struct mpipc_mailbox *box = &to->box;
	bool closed, unseen;

	if (!end)
		return;
	spin_lock(&box->lock);
	/* A closed mailbox was emptied, so that the first event may be gone. */
	closed = box->closed;
	unseen = !closed && end->unseen && end->last < end->joined.seq &&
		 (box->queued > 1 || !box->polled);
	if (unseen)
		mpipc_event_retract_locked(box, &end->joined);
	else if (!closed)
		mpipc_event_add_locked(box, end, &end->left);
	spin_unlock(&box->lock);
	if (unseen)
		mpipc_event_drop(&end->joined);
	else if (!closed)
		mpipc_mailbox_wake_readers(box, false);
}
