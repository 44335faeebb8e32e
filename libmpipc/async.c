// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

static int fill(struct mpipc_call_args *arg, const struct mpipc_call_options *opts,
		int64_t timeout_ns)
{
	/* Waiting for room would be done with the lock of mpipc__async_start(). */
	if (opts->flags & (MPIPC_CALL_ORDERED | MPIPC_CALL_WAIT_SPACE))
		return -EINVAL;
	*arg = (struct mpipc_call_args) {
		.flags = opts->flags | MPIPC_CALL_ASYNC,
		.reply_size = opts->reply_size ? opts->reply_size : MPIPC_REPLY_SIZE,
		.reply_fds = opts->reply_fds,
		.deadline = mpipc__deadline(timeout_ns),
	};
	return 0;
}

/*
 * The lock is held until the call is known here: its first result may be in the
 * mailbox before the ioctl returns, and mpipc__async_result() takes the lock. So does
 * whoever wants its @id, to which the callback may put an end.
 */
int mpipc__async_start(struct mpipc *handle, struct mpipc_call_args *arg,
		       struct mpipc__async *async, uint64_t *id)
{
	int err;

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

mpipc__export int mpipc_call_async(struct mpipc *handle, uint64_t to, const char *name,
				   const void *data, size_t size, int64_t timeout_ns,
				   const struct mpipc_call_options *options,
				   mpipc_handler_t callback, void *cb_arg, uint64_t *call)
{
	struct mpipc_call_options opts;
	struct mpipc__async *async;
	struct mpipc_call_args arg;
	int err;

	if (!callback)
		return -EINVAL;
	err = mpipc__options(&opts, sizeof(opts), options, sizeof(opts));
	if (!err)
		err = fill(&arg, &opts, timeout_ns);
	if (!err)
		err = mpipc__body(&arg.body, name, data, size, opts.fds, opts.n_fds);
	if (err)
		return err;
	arg.to = to;
	async = malloc(sizeof(*async));
	if (!async)
		return -ENOMEM;
	async->callback = callback;
	async->arg = cb_arg;
	err = mpipc__async_start(handle, &arg, async, call);
	if (err) {
		free(async);
		return err;
	}
	return arg.n_results;
}

mpipc__export int mpipc_cancel(struct mpipc *handle, uint64_t call)
{
	struct mpipc_cancel_args arg = { .call = call };

	return ioctl(handle->fd, MPIPC_CANCEL, &arg) < 0 ? -errno : 0;
}

/* Finds a call; the last result also takes it off the list. */
static struct mpipc__async *find(struct mpipc *handle, uint64_t id, bool last)
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

void mpipc__async_result(struct mpipc *handle, const struct mpipc_message *result)
{
	bool last = result->record->flags & MPIPC_REC_LAST;
	struct mpipc__async *async;

	if (mpipc__nested_result(handle, result))
		return;
	async = find(handle, result->record->call, last);
	if (!async)
		return;
	async->callback(handle, result, async->arg);
	if (last)
		free(async);
}

/* No results will come any more: there is nobody to dispatch, and no group. */
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
