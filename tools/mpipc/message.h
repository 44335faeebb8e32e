/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_MESSAGE_H
#define MPIPC_TOOL_MESSAGE_H

#include <mpipc.h>

#include "columns.h"

/**
 * DOC: Messages as rows
 *
 * A row shows a record and its payload. The descriptors that came along are closed, because
 * a shell has no use for them.
 */

/**
 * struct message_row - a message, request, event or result
 * @type: type of the record
 * @peer: endpoint id of the other side
 * @pid: its process when it joined
 * @uid: its user when it joined
 * @gid: its group of users when it joined
 * @call: id of the call, or NO_NUMBER
 * @seq: number of the record in the mailbox
 * @lost: messages that were lost right before this record
 * @size: bytes of payload
 * @fds: number of descriptors that came along
 * @status: status of a reply, or NO_SIGNED
 * @error: text for @status; NULL if that is 0
 * @name: name of the message
 * @data: payload
 */
struct message_row {
	const char *type;
	uint64_t peer;
	uint64_t pid;
	uint64_t uid;
	uint64_t gid;
	uint64_t call;
	uint64_t seq;
	uint64_t lost;
	uint64_t size;
	uint64_t fds;
	int64_t status;
	const char *error;
	struct bytes name;
	struct bytes data;
};

extern const struct column message_columns[];

void message_fill(struct message_row *row, const struct mpipc_message *message);

#endif /* MPIPC_TOOL_MESSAGE_H */
