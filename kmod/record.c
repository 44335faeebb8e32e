// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pid.h>

#include "event.h"
#include "identity.h"
#include "pending.h"
#include "record.h"

static struct mpipc_copy *to_copy(struct mpipc_entry *entry)
{
	return container_of(entry, struct mpipc_copy, entry);
}

static struct mpipc_slot *to_slot(struct mpipc_entry *entry)
{
	return container_of(entry, struct mpipc_slot, entry);
}

/**
 * mpipc_entry_drop - let go of an entry that is in no mailbox any more
 * @entry: the entry
 *
 * Not under a spinlock.
 */
void mpipc_entry_drop(struct mpipc_entry *entry)
{
	switch (entry->type) {
	case MPIPC_MESSAGE:
	case MPIPC_REQUEST:
		mpipc_msg_put(to_copy(entry)->msg);
		break;
	case MPIPC_REPLY_TO:
		mpipc_slot_drop(to_slot(entry));
		break;
	default:
		mpipc_event_drop(entry);
	}
}

/**
 * mpipc_entry_msg - message of an entry
 * @entry: the entry
 *
 * Return: the message, or NULL: an event, or a result without an answer.
 */
struct mpipc_msg *mpipc_entry_msg(struct mpipc_entry *entry)
{
	switch (entry->type) {
	case MPIPC_MESSAGE:
	case MPIPC_REQUEST:
		return to_copy(entry)->msg;
	case MPIPC_REPLY_TO:
		return to_slot(entry)->reply;
	}
	return NULL;
}

static void fill_peer(struct mpipc_record *record, struct mpipc_endpoint *peer,
		      struct mpipc_endpoint *viewer)
{
	struct mpipc_peer id;

	mpipc_identity(peer, viewer->cred->user_ns, ns_of_pid(viewer->pid), &id);
	record->peer = id.id;
	record->role = id.role;
	record->generation = id.generation;
	record->pid = id.pid;
	record->uid = id.uid;
	record->gid = id.gid;
}

static void fill_msg(struct mpipc_record *record, struct mpipc_msg *msg)
{
	record->size = msg->size;
	record->n_fds = msg->n_files;
	record->stamp = msg->stamp;
	memcpy(record->name, mpipc_msg_name(msg), msg->name_len);
}

static void fill_result(struct mpipc_record *record, struct mpipc_slot *slot)
{
	record->call = slot->call->id;
	record->status = slot->status;
	if (slot->answered)
		record->flags |= MPIPC_REC_REPLIED;
	if (slot->last)
		record->flags |= MPIPC_REC_LAST;
}

/**
 * mpipc_entry_record - describe an entry
 * @entry: the entry
 * @viewer: for whom; identities are given in the namespaces that it joined in,
 *	so that a read does not depend on who reads
 * @record: all of it is written
 */
void mpipc_entry_record(struct mpipc_entry *entry, struct mpipc_endpoint *viewer,
			struct mpipc_record *record)
{
	struct mpipc_msg *msg = mpipc_entry_msg(entry);
	struct mpipc_endpoint *peer;

	*record = (struct mpipc_record){
		.type = entry->type,
		.seq = entry->seq,
		.lost = entry->lost,
	};
	if (msg)
		fill_msg(record, msg);
	record->len = ALIGN(sizeof(*record) + record->size, 8);

	switch (entry->type) {
	case MPIPC_REQUEST:
		record->call = msg->call;
		record->deadline = msg->deadline;
		record->reply_size = msg->reply_size;
		record->reply_fds = msg->reply_fds;
		fallthrough;
	case MPIPC_MESSAGE:
		peer = msg->sender;
		break;
	case MPIPC_REPLY_TO:
		fill_result(record, to_slot(entry));
		peer = to_slot(entry)->peer;
		break;
	default:
		peer = mpipc_event_about(entry);
	}
	if (peer)
		fill_peer(record, peer, viewer);
}
