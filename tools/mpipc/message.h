/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_MESSAGE_H
#define MPIPC_TOOL_MESSAGE_H

#include <mpipc.h>

#include "columns.h"

/**
 * DOC: Messages as rows
 *
 * What came, a record and its payload. The descriptors that come with it are closed:
 * a shell has no use for them.
 */

/**
 * struct message_row - a message, request, event or result
 * @error: what @status means, NULL if it is 0
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
