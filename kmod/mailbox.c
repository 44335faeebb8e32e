// SPDX-License-Identifier: GPL-2.0-only
#include "mailbox.h"

/**
 * mpipc_mailbox_init - make a mailbox that nobody can post to yet
 * @box: the mailbox
 */
void mpipc_mailbox_init(struct mpipc_mailbox *box)
{
	spin_lock_init(&box->lock);
	INIT_LIST_HEAD(&box->queue);
	INIT_LIST_HEAD(&box->calls);
	INIT_LIST_HEAD(&box->quotas);
	INIT_LIST_HEAD(&box->turns);
	INIT_LIST_HEAD(&box->waiting);
	box->pending = RB_ROOT;
	init_waitqueue_head(&box->readers);
	init_waitqueue_head(&box->leaving);
}

/**
 * mpipc_mailbox_wake_readers - wake one receiver, and those that poll, for a new queue node
 * @box: the mailbox
 * @sync: the caller is about to sleep, so that the receiver need not go to another CPU
 */
void mpipc_mailbox_wake_readers(struct mpipc_mailbox *box, bool sync)
{
	if (!wq_has_sleeper(&box->readers))
		return;
	if (sync)
		wake_up_interruptible_sync_poll(&box->readers, EPOLLIN | EPOLLRDNORM);
	else
		wake_up_interruptible_poll(&box->readers, EPOLLIN | EPOLLRDNORM);
}

/**
 * mpipc_mailbox_wake_pollers - wake all that poll, whoever else waits in the same queue
 * @box: the mailbox
 * @events: events that poll reports now
 */
void mpipc_mailbox_wake_pollers(struct mpipc_mailbox *box, __poll_t events)
{
	__wake_up(&box->readers, TASK_INTERRUPTIBLE, 0, poll_to_key(events));
}

/**
 * mpipc_mailbox_poll - check for a queue node, and promise that it or another one stays
 * @box: the mailbox
 *
 * Return: true if there is a queue node.
 */
bool mpipc_mailbox_poll(struct mpipc_mailbox *box)
{
	bool queued = READ_ONCE(box->queued);

	if (!queued || READ_ONCE(box->polled))
		return queued;
	spin_lock(&box->lock);
	queued = box->queued;
	WRITE_ONCE(box->polled, queued);
	spin_unlock(&box->lock);
	return queued;
}

/**
 * mpipc_mailbox_add_locked - append a queue node for which there is always space
 * @box: the mailbox, which is locked and open
 * @qnode: the queue node
 */
void mpipc_mailbox_add_locked(struct mpipc_mailbox *box, struct mpipc_qnode *qnode)
{
	lockdep_assert_held(&box->lock);
	qnode->seq = ++box->seq;
	if (qnode->type != MPIPC_JOINED)
		box->seq_sure = qnode->seq;
	qnode->lost = box->lost_since;
	box->lost_since = 0;
	WRITE_ONCE(box->queued, box->queued + 1);
	list_add_tail(&qnode->node, &box->queue);
}

/**
 * mpipc_mailbox_close - close a mailbox for ever
 * @box: the mailbox
 * @trash: where the queue nodes in the mailbox are moved
 */
void mpipc_mailbox_close(struct mpipc_mailbox *box, struct list_head *trash)
{
	spin_lock(&box->lock);
	WRITE_ONCE(box->closed, true);
	list_splice_init(&box->queue, trash);
	WRITE_ONCE(box->queued, 0);
	box->messages = 0;
	box->bytes = 0;
	box->held = 0;
	box->files = 0;
	while (!list_empty(&box->quotas))
		list_del_init(box->quotas.next);
	spin_unlock(&box->lock);
}
