// SPDX-License-Identifier: BSD-3-Clause
#include "args.h"
#include "export.h"
#include "ioctl.h"

mpipc__export int mpipc_send(struct mpipc *handle, uint64_t to, const char *name, const void *data,
			     size_t size, const struct mpipc_send_options *options)
{
	struct mpipc_send_options opts;
	struct mpipc_send_args arg;
	int err;

	err = mpipc__options(&opts, sizeof(opts), options, sizeof(opts));
	if (err)
		return err;
	err = mpipc__body(&arg.body, name, data, size, opts.fds, opts.n_fds);
	if (err)
		return err;
	arg.to = to;
	arg.flags = opts.flags;
	arg.reserved = 0;
	arg.deadline = mpipc__deadline(opts.timeout_ns);
	err = mpipc__send(handle, &arg);
	if (err)
		return err;
	if (opts.full)
		*opts.full = arg.full;
	return arg.sent;
}

mpipc__export int mpipc_reply(struct mpipc *handle, uint64_t call, int status, const void *data,
			      size_t size, const struct mpipc_reply_options *options)
{
	struct mpipc_reply_options opts;
	struct mpipc_reply_args arg;
	int err;

	err = mpipc__options(&opts, sizeof(opts), options, sizeof(opts));
	if (err)
		return err;
	err = mpipc__body(&arg.body, opts.name ? opts.name : "", data, size, opts.fds, opts.n_fds);
	if (err)
		return err;
	arg.call = call;
	arg.flags = opts.flags;
	arg.status = status;
	return mpipc__reply(handle, &arg);
}
