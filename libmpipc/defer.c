// SPDX-License-Identifier: BSD-3-Clause
#include <stdlib.h>
#include <string.h>

#include "defer.h"
#include "fds.h"
#include "handle.h"
#include "results.h"

/* How many records may be put off; those beyond are handled, however deep that is. */
#define MOST_DEFERRED	4096

/* A record that was put off; its payload and then its descriptors follow. */
struct mpipc__deferred {
	struct mpipc__deferred *next;
	struct mpipc_message message;
	struct mpipc_record record;
};

/* Does nobody wait for it? */
static bool can_wait(const struct mpipc *handle, const struct mpipc_record *record)
{
	if (record->type == MPIPC_REPLY_TO)
		return !mpipc__find_nested(handle, record);
	return record->type != MPIPC_REQUEST;
}

/* Takes over the descriptors if it does. */
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

/* The first one, to be freed; NULL if there is none. */
struct mpipc__deferred *mpipc__take_deferred(struct mpipc *handle)
{
	struct mpipc__deferred *first = handle->deferred;

	if (!first)
		return NULL;
	handle->deferred = first->next;
	handle->n_deferred--;
	return first;
}

const struct mpipc_message *mpipc__deferred_message(const struct mpipc__deferred *deferred)
{
	return &deferred->message;
}

void mpipc__drop_deferred(struct mpipc *handle)
{
	struct mpipc__deferred *deferred;

	while ((deferred = mpipc__take_deferred(handle))) {
		mpipc__close_fds(mpipc__fd_slots(&deferred->message), deferred->record.n_fds);
		free(deferred);
	}
}
