// SPDX-License-Identifier: GPL-2.0-only
#include "event.h"
#include "pending.h"
#include "record.h"

/**
 * mpipc_qnode_drop - let go of a queue node that is in no mailbox any more
 * @qnode: the queue node
 *
 * No spinlock is held.
 */
void mpipc_qnode_drop(struct mpipc_qnode *qnode)
{
	switch (qnode->type) {
	case MPIPC_MESSAGE:
	case MPIPC_REQUEST:
		mpipc_msg_put(mpipc_qnode_msg(qnode));
		break;
	case MPIPC_REPLY_TO:
		mpipc_reply_slot_drop(container_of(qnode, struct mpipc_reply_slot, qnode));
		break;
	default:
		mpipc_event_drop(qnode);
	}
}

/**
 * mpipc_qnode_msg - find the message of a queue node
 * @qnode: the queue node
 *
 * Return: the message, or NULL for an event and for a result without a reply.
 */
struct mpipc_msg *mpipc_qnode_msg(struct mpipc_qnode *qnode)
{
	switch (qnode->type) {
	case MPIPC_MESSAGE:
	case MPIPC_REQUEST:
		return mpipc_delivery_msg(container_of(qnode, struct mpipc_delivery, qnode));
	case MPIPC_REPLY_TO:
		return container_of(qnode, struct mpipc_reply_slot, qnode)->reply;
	}
	return NULL;
}

static void mpipc_record_fill_peer(struct mpipc_record *record, struct mpipc_endpoint *peer,
				   struct mpipc_endpoint *viewer)
{
	struct mpipc_peer id;

	mpipc_endpoint_identity(peer, viewer->cred->user_ns, ns_of_pid(viewer->pid), &id);
	record->peer = id.id;
	record->role = id.role;
	record->generation = id.generation;
	record->pid = id.pid;
	record->uid = id.uid;
	record->gid = id.gid;
}

static void mpipc_record_fill_result(struct mpipc_record *record, struct mpipc_reply_slot *slot)
{
	record->call = slot->call->id;
	record->status = slot->status;
	if (slot->replied)
		record->flags |= MPIPC_REC_REPLIED;
	if (slot->last)
		record->flags |= MPIPC_REC_LAST;
}

/**
 * mpipc_record_fill - describe a queue node
 * @qnode: the queue node
 * @viewer: the receiver; identities are given in the namespaces in which it joined, so that a read
 *	does not depend on the process that reads
 * @record: the record, all of which is written
 */
void mpipc_record_fill(struct mpipc_qnode *qnode, struct mpipc_endpoint *viewer,
		       struct mpipc_record *record)
{
	struct mpipc_msg *msg = mpipc_qnode_msg(qnode);
	struct mpipc_reply_slot *slot;
	struct mpipc_endpoint *peer;

	*record = (struct mpipc_record){
		.type = qnode->type,
		.seq = qnode->seq,
		.lost = qnode->lost,
	};
	if (msg) {
		record->size = msg->size;
		record->n_fds = msg->n_files;
		record->stamp = mpipc_time_shift(msg->stamp, viewer->time_offset);
		memcpy(record->name, mpipc_msg_name(msg), msg->name_len);
	}
	record->len = ALIGN(sizeof(*record) + record->size, 8);

	switch (qnode->type) {
	case MPIPC_REQUEST:
		record->call = msg->call;
		record->deadline = mpipc_time_shift(msg->deadline, viewer->time_offset);
		record->reply_size = msg->reply_size;
		record->reply_fds = msg->reply_fds;
		fallthrough;
	case MPIPC_MESSAGE:
		peer = msg->sender;
		break;
	case MPIPC_REPLY_TO:
		slot = container_of(qnode, struct mpipc_reply_slot, qnode);
		mpipc_record_fill_result(record, slot);
		peer = slot->peer;
		break;
	default:
		peer = mpipc_event_about(qnode);
	}
	if (peer)
		mpipc_record_fill_peer(record, peer, viewer);
}
