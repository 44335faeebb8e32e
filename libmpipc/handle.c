// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "defer.h"
#include "device.h"
#include "dispatcher.h"
#include "export.h"
#include "fds.h"
#include "handle.h"
#include "ioctl.h"
#include "receive.h"
#include "results.h"

/* Join the group that belongs to the file of @join. Modules of early versions cannot do that. */
static int join_at_fd(struct mpipc *handle, struct mpipc_join_args *join)
{
	struct mpipc_info info;
	int err = mpipc_info_get(handle, &info, sizeof(info));

	if (err)
		return err;
	if (!(info.features & MPIPC_FEATURE_ANCHOR))
		return -ENOSYS;
	join->flags |= MPIPC_JOIN_ANCHOR;
	return mpipc__join(handle, join);
}

/* Join the group that belongs to the file with this path. */
static int join_at(struct mpipc *handle, const char *path, struct mpipc_join_args *join)
{
	/* O_PATH needs no permission for the file itself, and waits for nobody. */
	int fd, cancel, err;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	fd = open(path, O_PATH | O_CLOEXEC);
	pthread_setcancelstate(cancel, NULL);
	if (fd < 0)
		return -errno;
	join->anchor = fd;
	err = join_at_fd(handle, join);
	mpipc__close_fd(fd);
	return err;
}

/* Join @group with the open file of @handle. */
static int join(struct mpipc *handle, const char *group, enum mpipc_role role,
		const struct mpipc_open_options *options)
{
	struct mpipc_join_args join = {
		.role = role,
		.flags = options->flags & ~MPIPC_OPEN_FD,
		.mode = options->mode,
		.anchor = options->at_fd,
		.deadline = mpipc__deadline(options->timeout_ns),
	};
	size_t len = strnlen(group, sizeof(join.group));
	bool at_fd = options->flags & MPIPC_JOIN_ANCHOR;
	int err;

	if (len == sizeof(join.group) || (options->at && at_fd))
		return -EINVAL;
	memcpy(join.group, group, len);
	if (options->at)
		err = join_at(handle, options->at, &join);
	else
		err = at_fd ? join_at_fd(handle, &join) : mpipc__join(handle, &join);
	handle->id = join.id;
	return err;
}

static void init_locks(struct mpipc *handle)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&handle->order_lock, NULL);
	pthread_mutex_init(&handle->async_lock, NULL);
	pthread_mutex_init(&handle->cancel_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&handle->order_changed, &attr);
	pthread_condattr_destroy(&attr);
}

/*
 * Free a handle that has left its group. Callbacks of open calls run here, with the status
 * -ESHUTDOWN.
 */
static void free_handle(struct mpipc *handle)
{
	handle->freeing = true;
	mpipc__drop_deferred(handle);
	mpipc__async_abort(handle);
	pthread_cond_destroy(&handle->order_changed);
	pthread_mutex_destroy(&handle->cancel_lock);
	pthread_mutex_destroy(&handle->async_lock);
	pthread_mutex_destroy(&handle->order_lock);
	mpipc__close_fd(handle->fd);
	free(handle->batch);
	free(handle);
}

static int open_device(const struct mpipc_open_options *options)
{
	if (options->flags & MPIPC_OPEN_FD)
		return options->device ? -EINVAL : mpipc__dup_device(options->device_fd);
	return mpipc__open_device(options->device);
}

/* Make a handle with an open file that has not joined. */
static int create_handle(struct mpipc **out, const struct mpipc_open_options *options)
{
	struct mpipc *handle = calloc(1, sizeof(*handle));

	if (!handle)
		return -ENOMEM;
	handle->fd = open_device(options);
	if (handle->fd < 0) {
		int err = handle->fd;

		free(handle);
		return err;
	}
	handle->batch = malloc(MPIPC__BATCH_SIZE);
	if (!handle->batch) {
		mpipc__close_fd(handle->fd);
		free(handle);
		return -ENOMEM;
	}
	init_locks(handle);
	handle->pid = getpid();
	*out = handle;
	return 0;
}

mpipc__export int mpipc_open(struct mpipc **out, const char *group, enum mpipc_role role,
			     const struct mpipc_open_options *options)
{
	struct mpipc_open_options opts;
	struct mpipc *handle;
	int err;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!group)
		return -EINVAL;
	err = mpipc__options(&opts, sizeof(opts), options, sizeof(opts));
	if (err)
		return err;
	err = create_handle(&handle, &opts);
	if (err)
		return err;
	handle->handler = opts.handler;
	handle->arg = opts.arg;
	err = join(handle, group, role, &opts);
	if (err) {
		free_handle(handle);
		return err;
	}
	*out = handle;
	return 0;
}

/*
 * Free the copy of a handle in a forked child. It takes no lock, which may be held for
 * ever, and runs no callback, because callbacks are the parent's.
 */
static void free_copy(struct mpipc *handle)
{
	free(handle->batch);
	free(handle);
}

/* Become the dispatcher. Returns false if there is one, which may be this thread. */
bool mpipc__start_dispatching(struct mpipc *handle)
{
	uintptr_t nobody = 0;

	return atomic_compare_exchange_strong(&handle->dispatcher, &nobody, mpipc__this_thread());
}

/* Stop being the dispatcher. Frees a handle that was closed in a handler and returns true. */
bool mpipc__stop_dispatching(struct mpipc *handle)
{
	if (handle->closed) {
		if (handle->pid == getpid())
			free_handle(handle);
		else
			free_copy(handle);
		return true;
	}
	atomic_store(&handle->dispatcher, 0);
	return false;
}

/*
 * Close the copy of a handle in a forked child. If the child was forked in a handler, it
 * may return from that handler, so the dispatcher frees the copy.
 */
static void close_copy(struct mpipc *handle)
{
	mpipc__close_fd(handle->fd);
	handle->fd = -1;
	if (mpipc__is_dispatcher(handle))
		handle->closed = true;
	else
		free_copy(handle);
}

/* Close a handle in its handler. mpipc__stop_dispatching() frees the handle. */
static void close_in_handler(struct mpipc *handle)
{
	if (!handle->closed && handle->has_thread)
		pthread_detach(pthread_self());
	handle->closed = true;
}

/* Wait for the end of a thread. pthread_join() is a cancellation point. */
static void join_thread(pthread_t thread)
{
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_join(thread, NULL);
	pthread_setcancelstate(cancel, NULL);
}

mpipc__export void mpipc_close(struct mpipc *handle)
{
	if (!handle)
		return;
	if (handle->pid != getpid()) {
		close_copy(handle);
		return;
	}
	if (handle->freeing)
		return;
	mpipc_leave(handle);
	if (mpipc__is_dispatcher(handle)) {
		close_in_handler(handle);
		return;
	}
	if (handle->has_thread)
		join_thread(handle->thread);
	free_handle(handle);
}
