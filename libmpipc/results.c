// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "handle.h"
#include "ioctl.h"
#include "results.h"

/* Find the handler's call that @record is a result of, or NULL. */
struct mpipc__nested *mpipc__find_nested(const struct mpipc *handle,
					 const struct mpipc_record *record)
{
	struct mpipc__nested *nested;

	for (nested = handle->nested; nested; nested = nested->outer)
		if (nested->call->id == record->call)
			break;
	return nested;
}

/* Store a result as the kernel does it for a caller that sleeps in the ioctl. */
static void store_result(struct mpipc_call_args *call, unsigned int i,
			 const struct mpipc_message *result)
{
	const struct mpipc_record *record = result->record;
	struct mpipc_record *records = (void *)(uintptr_t)call->results;
	char *data = (char *)(uintptr_t)call->reply_data;
	int *fds = (int *)(uintptr_t)call->reply_fd_list;

	records[i] = *record;
	if (record->size)
		memcpy(data + (size_t)i * call->reply_size, result->data, record->size);
	mpipc__take_fds(fds + (size_t)i * call->reply_fds, mpipc__fd_slots(result), record->n_fds);
}

/* Store the result of a handler's call. Returns false if it belongs to another call. */
static bool nested_result(struct mpipc *handle, const struct mpipc_message *result)
{
	struct mpipc__nested *nested = mpipc__find_nested(handle, result->record);

	if (!nested)
		return false;
	/* A call without destinations has one result, for which there is no space. */
	if (nested->n_results < nested->call->n_results)
		store_result(nested->call, nested->n_results++, result);
	nested->complete = result->record->flags & MPIPC_REC_LAST;
	return true;
}

/*
 * Make an asynchronous call. The lock is held until the call is on the list, because its
 * first result may be in the mailbox before the ioctl returns. @id is also stored under the
 * lock, so that it is there when the callback runs.
 */
int mpipc__async_start(struct mpipc *handle, struct mpipc_call_args *arg,
		       struct mpipc__async *async, uint64_t *id)
{
	int err;

	/* A thread that a forked child does not have may hold the lock. */
	if (handle->pid != getpid())
		return -EPERM;
	pthread_mutex_lock(&handle->async_lock);
	err = mpipc__call_ioctl(handle, arg);
	if (!err) {
		async->id = arg->id;
		if (id)
			*id = arg->id;
		async->n_results = arg->n_results;
		async->next = handle->async;
		handle->async = async;
	}
	pthread_mutex_unlock(&handle->async_lock);
	return err;
}

/* Find a call by its id, and take it off the list with its last result. */
static struct mpipc__async *find_async(struct mpipc *handle, uint64_t id, bool last)
{
	struct mpipc__async **pos, *async;

	pthread_mutex_lock(&handle->async_lock);
	for (pos = &handle->async; (async = *pos); pos = &async->next)
		if (async->id == id)
			break;
	if (async && last)
		*pos = async->next;
	pthread_mutex_unlock(&handle->async_lock);
	return async;
}

/* Give a result to its call. It is dropped if a handler has given up that call. */
void mpipc__async_result(struct mpipc *handle, const struct mpipc_message *result)
{
	bool last = result->record->flags & MPIPC_REC_LAST;
	struct mpipc__async *async;

	if (nested_result(handle, result))
		return;
	async = find_async(handle, result->record->call, last);
	if (!async)
		return;
	async->callback(handle, result, async->arg);
	if (last)
		free(async);
}

/*
 * End all asynchronous calls of a handle that has left its group and that nobody dispatches
 * any more, so that each callback gets its last result.
 */
void mpipc__async_abort(struct mpipc *handle)
{
	struct mpipc_record record = {
		.len = sizeof(record),
		.type = MPIPC_REPLY_TO,
		.flags = MPIPC_REC_LAST,
		.status = -ESHUTDOWN,
	};
	struct mpipc_message result = { .record = &record };
	struct mpipc__async *async;

	while ((async = handle->async)) {
		record.call = async->id;
		handle->async = async->next;
		async->callback(handle, &result, async->arg);
		free(async);
	}
}
