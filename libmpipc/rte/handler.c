// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdalign.h>

#include "../fds.h"
#include "action.h"
#include "attach.h"
#include "context.h"
#include "first.h"
#include "handler.h"
#include "peer.h"
#include "turn.h"
#include "wire.h"

/* Reply with an error, if the message is a request. */
static void refuse(struct mpipc *handle, const struct mpipc_record *record, int status)
{
	if (record->type == MPIPC_REQUEST)
		mpipc_reply(handle, record->call, status, NULL, 0, NULL);
}

/* Handle a message that does not have the format of rte_mp. */
static void handle_other(struct mpipc *handle, const struct mpipc_message *message)
{
	const struct mpipc_record *record = message->record;

	if (record->type == MPIPC_MESSAGE && record->size == sizeof(struct rte_first_wire))
		mpipc__rte_handle_first(message);
	else if (record->type == MPIPC_REQUEST && !record->size && !record->name[0])
		mpipc__rte_reply_attach(handle, record);
	else
		refuse(handle, record, -EBADMSG);
}

/*
 * Handle what comes in. Descriptors that are not taken out of @message are closed when this
 * returns.
 */
void mpipc__rte_handle(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	const struct mpipc_record *record = message->record;
	alignas(8) struct rte_mp_msg msg;
	int status;
	rte_mp_t action;

	(void)arg;
	mpipc__rte_enter(handle);
	if (!mpipc__rte_valid(record, message->data)) {
		handle_other(handle, message);
		return;
	}
	action = (rte_mp_t)mpipc__rte_find_action(record->name, RTE_KIND_MP, &status);
	if (!action) {
		refuse(handle, record, status);
		return;
	}
	mpipc__rte_fill(&msg, record, message->data, mpipc__fd_slots(message));
	mpipc__rte_take_turn();
	action(&msg, mpipc__rte_peer(record));
	mpipc__rte_end_turn();
}
