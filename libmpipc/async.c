// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdlib.h>

#include "args.h"
#include "export.h"
#include "results.h"

static int fill_args(struct mpipc_call_args *arg, const struct mpipc_call_options *opts,
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
		err = fill_args(&arg, &opts, timeout_ns);
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
