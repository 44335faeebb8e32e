// SPDX-License-Identifier: BSD-3-Clause
#include <stdlib.h>
#include <string.h>

#include "defer.h"
#include "fds.h"
#include "handle.h"
#include "results.h"

/* When this many messages are deferred, further messages are handled at once. */
#define MOST_DEFERRED	4096

/* The payload of a deferred message follows this structure, and then its descriptors. */
struct mpipc__deferred {
	struct mpipc__deferred *next;
	struct mpipc_message message;
	struct mpipc_record record;
};

/* Check that nobody waits for @record to be handled. */
static bool can_wait(const struct mpipc *handle, const struct mpipc_record *record)
{
	if (record->type == MPIPC_REPLY_TO)
		return !mpipc__find_nested(handle, record);
	return record->type != MPIPC_REQUEST;
}

/*
 * Defer @message, and take its descriptors over. Returns false if the message has to be
 * handled at once.
 */
bool mpipc__defer(struct mpipc *handle, const struct mpipc_message *message)
{
	const struct mpipc_record *record = message->record;
	size_t data_size = (record->size + 7) & ~(size_t)7;
	struct mpipc__deferred *new;
	int *fds;

	if (!can_wait(handle, record) || handle->n_deferred >= MOST_DEFERRED)
		return false;
	new = malloc(sizeof(*new) + data_size + record->n_fds * sizeof(*fds));
	if (!new)
		return false;
	fds = (int *)((char *)(new + 1) + data_size);
	new->next = NULL;
	new->message = (struct mpipc_message){ &new->record, new + 1, fds };
	new->record = *record;
	memcpy(new + 1, message->data, record->size);
	mpipc__take_fds(fds, mpipc__fd_slots(message), record->n_fds);
	*(handle->deferred ? handle->deferred_end : &handle->deferred) = new;
	handle->deferred_end = &new->next;
	handle->n_deferred++;
	return true;
}

/* Take the oldest deferred message, which the caller frees, or NULL. */
struct mpipc__deferred *mpipc__take_deferred(struct mpipc *handle)
{
	struct mpipc__deferred *first = handle->deferred;

	if (!first)
		return NULL;
	handle->deferred = first->next;
	handle->n_deferred--;
	return first;
}

/* Return a deferred message in the form that a handler gets. */
const struct mpipc_message *mpipc__deferred_message(const struct mpipc__deferred *deferred)
{
	return &deferred->message;
}

/* Free all deferred messages and close their descriptors. */
void mpipc__drop_deferred(struct mpipc *handle)
{
	struct mpipc__deferred *deferred;

	while ((deferred = mpipc__take_deferred(handle))) {
		mpipc__close_fds(mpipc__fd_slots(&deferred->message), deferred->record.n_fds);
		free(deferred);
	}
}
