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

/* Check that the module has groups that belong to files, which early versions do not have. */
static int check_anchors(const struct mpipc *handle)
{
	struct mpipc_info info;
	int err = mpipc_info_get(handle, &info, sizeof(info));

	if (err)
		return err;
	return info.features & MPIPC_FEATURE_ANCHOR ? 0 : -ENOSYS;
}

/* Open the file that a group belongs to. Returns its descriptor or an error. */
static int open_anchor(const char *path)
{
	int fd, cancel;

	/* open() is a cancellation point. O_PATH needs no permission, and waits for nobody. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	fd = open(path, O_PATH | O_CLOEXEC);
	pthread_setcancelstate(cancel, NULL);
	return fd < 0 ? -errno : fd;
}

/* Set what @open is to join. */
static int prepare_join(struct mpipc__open *open, const char *group, enum mpipc_role role,
			const struct mpipc_open_options *options)
{
	bool at_fd = options->flags & MPIPC_JOIN_ANCHOR;
	size_t len = strnlen(group, sizeof(open->join.group));
	int err = 0;

	if (len == sizeof(open->join.group) || (options->at && at_fd))
		return -EINVAL;
	open->join = (struct mpipc_join_args) {
		.role = role,
		.flags = options->flags & ~MPIPC_OPEN_FD,
		.mode = options->mode,
		.anchor = options->at_fd,
		.deadline = mpipc__deadline(options->timeout_ns),
	};
	memcpy(open->join.group, group, len);
	if (options->at || at_fd)
		err = check_anchors(open->handle);
	if (err || !options->at)
		return err;
	open->anchor = open_anchor(options->at);
	open->join.anchor = open->anchor;
	open->join.flags |= MPIPC_JOIN_ANCHOR;
	return open->anchor < 0 ? open->anchor : 0;
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
		return options->device ? -EINVAL : mpipc__dup_high(options->device_fd);
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

/* Do all of an open that does not wait: make a handle that can join. */
int mpipc__open_begin(struct mpipc__open *open, const char *group, enum mpipc_role role,
		      const struct mpipc_open_options *options)
{
	struct mpipc_open_options opts;
	int err;

	if (!group)
		return -EINVAL;
	err = mpipc__options(&opts, sizeof(opts), options,
			     offsetof(struct mpipc_open_options, at));
	if (err)
		return err;
	open->anchor = -1;
	err = create_handle(&open->handle, &opts);
	if (err)
		return err;
	open->handle->handler = opts.handler;
	open->handle->arg = opts.arg;
	err = prepare_join(open, group, role, &opts);
	if (err)
		free_handle(open->handle);
	return err;
}

/* End an open whose join had the result @err. A handle that has not joined is freed. */
int mpipc__open_end(struct mpipc__open *open, int err, struct mpipc **out)
{
	if (open->anchor >= 0)
		mpipc__close_fd(open->anchor);
	if (err) {
		free_handle(open->handle);
		return err;
	}
	open->handle->id = open->join.id;
	*out = open->handle;
	return 0;
}

mpipc__export int mpipc_open(struct mpipc **out, const char *group, enum mpipc_role role,
			     const struct mpipc_open_options *options)
{
	struct mpipc__open open;
	int err;

	if (!out)
		return -EINVAL;
	*out = NULL;
	err = mpipc__open_begin(&open, group, role, options);
	if (err)
		return err;
	return mpipc__open_end(&open, mpipc__join(open.handle, &open.join), out);
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
