// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <string.h>
#include <time.h>

#include "args.h"

/*
 * Copy sized options, whose first member is their size. A NULL @src stands for all zeroes.
 * This library knows @dst_size bytes of the options, and its first version knew @src_min.
 * Longer options come from a newer program. They are refused only if they ask for something.
 */
int mpipc__options(void *dst, size_t dst_size, const void *src, size_t src_min)
{
	const char *bytes = src;
	size_t size, i;

	memset(dst, 0, dst_size);
	if (!src)
		return 0;
	memcpy(&size, src, sizeof(size));
	if (size < src_min)
		return -EINVAL;
	for (i = dst_size; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memcpy(dst, src, size < dst_size ? size : dst_size);
	return 0;
}

/* Fill in @body, which points to @data and @fds. The ioctl copies these. */
int mpipc__body(struct mpipc_body *body, const char *name, const void *data, size_t size,
		const int *fds, unsigned int n_fds)
{
	size_t len;

	if (!name || (!data && size) || (!fds && n_fds))
		return -EINVAL;
	if (size > MPIPC_SIZE_MAX)
		return -EMSGSIZE;
	len = strnlen(name, sizeof(body->name));
	if (len == sizeof(body->name))
		return -EINVAL;
	body->data = (uintptr_t)data;
	body->size = size;
	body->fds = (uintptr_t)fds;
	body->n_fds = n_fds;
	memcpy(body->name, name, len);
	memset(body->name + len, 0, sizeof(body->name) - len);
	return 0;
}

/* Turn a timeout in nanoseconds into a deadline. A negative timeout never ends. */
uint64_t mpipc__deadline(int64_t timeout_ns)
{
	struct timespec now;

	if (timeout_ns < 0)
		return MPIPC_FOREVER;
	if (timeout_ns == 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* The sum cannot wrap, because both terms are below 2^63. */
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec + timeout_ns;
}

/*
 * Fill in @arg for a call, except where its results go. @opts is filled in from @options. The
 * caller has to check @arg->flags.
 */
int mpipc__call_args(struct mpipc_call_args *arg, uint64_t to, const char *name, const void *data,
		     size_t size, int64_t timeout_ns, const struct mpipc_call_options *options,
		     struct mpipc_call_options *opts)
{
	int err;

	err = mpipc__options(opts, sizeof(*opts), options,
			     offsetof(struct mpipc_call_options, call));
	if (err)
		return err;
	*arg = (struct mpipc_call_args) {
		.to = to,
		.flags = opts->flags,
		.reply_size = opts->reply_size ? opts->reply_size : MPIPC_REPLY_SIZE,
		.reply_fds = opts->reply_fds,
		.deadline = mpipc__deadline(timeout_ns),
	};
	return mpipc__body(&arg->body, name, data, size, opts->fds, opts->n_fds);
}
