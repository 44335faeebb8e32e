// SPDX-License-Identifier: BSD-3-Clause
#include <string.h>

#include "message.h"

#define COLUMN(name, type, member, width, help) \
	{ name, type, offsetof(struct message_row, member), width, help }

const struct column message_columns[] = {
	COLUMN("TYPE", TEXT, type, 8, "message, request, reply, joined, left"),
	COLUMN("PEER", NUMBER, peer, 8, "endpoint id of the other side"),
	COLUMN("PID", NUMBER, pid, 7, "process of the peer, when it joined"),
	COLUMN("UID", NUMBER, uid, 5, "user of the peer, when it joined"),
	COLUMN("GID", NUMBER, gid, 5, "group of users of the peer, when it joined"),
	COLUMN("CALL", NUMBER, call, 6, "requests, replies: id of the call"),
	COLUMN("SEQ", NUMBER, seq, 6, "number of the record in the mailbox"),
	COLUMN("LOST", NUMBER, lost, 4, "messages lost right before this one, for want of space"),
	COLUMN("SIZE", NUMBER, size, 5, "bytes of payload"),
	COLUMN("FDS", NUMBER, fds, 3, "file descriptors that came along"),
	COLUMN("STATUS", SIGNED, status, 6, "replies: 0 or a negative error number"),
	COLUMN("ERROR", TEXT, error, 8, "replies: text for the status"),
	COLUMN("NAME", BYTES, name, 12, "name of the message"),
	COLUMN("DATA", BYTES, data, 0, "payload"),
	{ NULL }
};

static const char *type_name(unsigned int type)
{
	switch (type) {
	case MPIPC_MESSAGE:
		return "message";
	case MPIPC_REQUEST:
		return "request";
	case MPIPC_REPLY_TO:
		return "reply";
	case MPIPC_JOINED:
		return "joined";
	case MPIPC_LEFT:
		return "left";
	}
	return NULL;
}

void message_fill(struct message_row *row, const struct mpipc_message *message)
{
	const struct mpipc_record *record = message->record;

	*row = (struct message_row){
		.type = type_name(record->type),
		.peer = record->peer,
		.pid = record->pid,
		.uid = record->uid,
		.gid = record->gid,
		.call = record->call ? record->call : NO_NUMBER,
		.seq = record->seq,
		.lost = record->lost,
		.size = record->size,
		.fds = record->n_fds,
		.status = record->type == MPIPC_REPLY_TO ? record->status : NO_SIGNED,
		.error = record->status ? strerror(-record->status) : NULL,
		.name = { record->name, strnlen(record->name, sizeof(record->name)) },
		.data = { message->data, record->size },
	};
	if (!row->data.data)
		row->data.data = "";
}
