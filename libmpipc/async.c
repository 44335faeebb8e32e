// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdlib.h>

#include "args.h"
#include "export.h"
#include "results.h"

/* These flags are for calls that wait. */
#define REFUSED	(MPIPC_CALL_ORDERED | MPIPC_CALL_DISPATCH | MPIPC_CALL_WAIT_SPACE)

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
	err = mpipc__call_args(&arg, to, name, data, size, timeout_ns, options, &opts);
	if (err)
		return err;
	/* A call that waited for space would sleep with async_lock held. */
	if (opts.call || arg.flags & REFUSED)
		return -EINVAL;
	arg.flags |= MPIPC_CALL_ASYNC;
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
