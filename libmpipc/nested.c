// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* How many records may be put off; those beyond are handled, however deep that is. */
#define MOST_DEFERRED	4096

/* A synchronous call that a handler makes, and that dispatches until it is complete. */
struct mpipc__nested {
	struct mpipc__nested *outer;
	struct mpipc_call_args *call;
	unsigned int n_results;
	bool complete;
};

/* A record that was put off; its payload and then its descriptors follow. */
struct mpipc__deferred {
	struct mpipc__deferred *next;
	struct mpipc_message message;
	struct mpipc_record record;
};

/* Where a nested call receives. */
struct buffer {
	int fds[MPIPC_FDS_MAX];
	uint64_t data[MPIPC_SIZE_MAX / sizeof(uint64_t)];
};

static struct mpipc__nested *find(const struct mpipc *handle, const struct mpipc_record *record)
{
	struct mpipc__nested *nested;

	for (nested = handle->nested; nested; nested = nested->outer)
		if (nested->call->id == record->call)
			break;
	return nested;
}

/* Does nobody wait for it? */
static bool can_wait(const struct mpipc *handle, const struct mpipc_record *record)
{
	if (record->type == MPIPC_REPLY_TO)
		return !find(handle, record);
	return record->type != MPIPC_REQUEST;
}

/* Takes over the descriptors if it does. */
bool mpipc__defer(struct mpipc *handle, const struct mpipc_message *message)
{
	const struct mpipc_record *record = message->record;
	size_t data_size = (record->size + 7) & ~(size_t)7;
	struct mpipc__deferred *new;
	unsigned int i;
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
	for (i = 0; i < record->n_fds; i++)
		fds[i] = mpipc_message_take_fd(message, i);
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

/* As the kernel does it for a caller that blocks. */
static void store(struct mpipc_call_args *call, unsigned int i, const struct mpipc_message *result)
{
	const struct mpipc_record *record = result->record;
	struct mpipc_record *records = (void *)(uintptr_t)call->results;
	char *data = (char *)(uintptr_t)call->reply_data;
	int *fds = (int *)(uintptr_t)call->reply_fd_list;
	unsigned int fd;

	records[i] = *record;
	if (record->size)
		memcpy(data + (size_t)i * call->reply_size, result->data, record->size);
	for (fd = 0; fd < record->n_fds; fd++)
		fds[(size_t)i * call->reply_fds + fd] = mpipc_message_take_fd(result, fd);
}

bool mpipc__nested_result(struct mpipc *handle, const struct mpipc_message *result)
{
	struct mpipc__nested *nested = find(handle, result->record);

	if (!nested)
		return false;
	/* The only result of a call to nobody says no more than that. */
	if (nested->n_results < nested->call->n_results)
		store(nested->call, nested->n_results++, result);
	nested->complete = result->record->flags & MPIPC_REC_LAST;
	return true;
}

static void drop_results(struct mpipc_call_args *call, unsigned int n)
{
	struct mpipc_record *records = (void *)(uintptr_t)call->results;
	int *fds = (int *)(uintptr_t)call->reply_fd_list;
	unsigned int i;

	for (i = 0; i < n; i++)
		mpipc__close_fds(fds + (size_t)i * call->reply_fds, records[i].n_fds);
}

/* Fails only if the endpoint has left; results are complete, or there are none. */
static int collect(struct mpipc *handle, struct mpipc_call_args *call, struct buffer *buffer)
{
	struct mpipc__nested self = {
		.outer = handle->nested,
		.call = call,
	};
	int err = 0;

	handle->nested = &self;
	handle->depth++;
	while (!self.complete && !err)
		err = mpipc__dispatch_nested(handle, buffer->data, buffer->fds);
	handle->depth--;
	handle->nested = self.outer;
	if (err)
		drop_results(call, self.n_results);
	return err;
}

/* A full mailbox is a result at once: its owner may be waiting for room in ours. */
int mpipc__call_nested(struct mpipc *handle, struct mpipc_call_args *call, mpipc__room_t make_room)
{
	struct buffer *buffer;
	int err;

	if (handle->depth >= MPIPC__MOST_NESTED)
		return -EDEADLK;
	buffer = malloc(sizeof(*buffer));
	if (!buffer)
		return -ENOMEM;
	call->flags &= ~MPIPC_CALL_WAIT_SPACE;
	call->flags |= MPIPC_CALL_ASYNC;
	err = mpipc__call_ioctl(handle, call);
	if (err) {
		free(buffer);
		return err;
	}
	err = make_room(call, call->n_results);
	if (err)
		mpipc_cancel(handle, call->id);	/* nobody will know its results */
	else
		err = collect(handle, call, buffer);
	free(buffer);
	return err;
}
