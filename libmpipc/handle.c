// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* Low numbers are left to the program: some rely on which one they get next. */
#define LOWEST_FD	64

/* Copies sized options; NULL is all zeroes. @dst_size is what this library knows. */
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

uint64_t mpipc__deadline(int64_t timeout_ns)
{
	struct timespec now;

	if (timeout_ns < 0)
		return MPIPC_FOREVER;
	if (timeout_ns == 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* Both terms are below 2^63: the sum cannot wrap. */
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec + timeout_ns;
}

void mpipc__close_fds(int *fds, unsigned int n_fds)
{
	unsigned int i;

	for (i = 0; i < n_fds; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -EBADF;
	}
}

static const char *device_path(void)
{
	const char *path = secure_getenv("MPIPC_DEVICE");

	return path && *path ? path : MPIPC_DEVICE;
}

/* Has to be done before the join, which binds the endpoint to its descriptors. */
static int move_up(int low)
{
	int fd = fcntl(low, F_DUPFD_CLOEXEC, LOWEST_FD);

	if (fd < 0)	/* RLIMIT_NOFILE is as low as that */
		fd = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0)
		fd = -errno;
	close(low);
	return fd;
}

static int open_device(void)
{
	int fd = open(device_path(), O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return move_up(fd);
	/* The node is missing, or is left over and nobody is behind it. */
	if (errno == ENOENT || errno == ENXIO)
		return -ENODEV;
	return -errno;
}

static int join(struct mpipc *handle, const char *group, enum mpipc_role role,
		const struct mpipc_open_options *options)
{
	struct mpipc_join_args join = {
		.role = role,
		.flags = options->flags,
		.mode = options->mode,
		.deadline = mpipc__deadline(options->timeout_ns),
	};
	size_t len = strnlen(group, sizeof(join.group));

	if (len == sizeof(join.group))
		return -EINVAL;
	memcpy(join.group, group, len);
	while (ioctl(handle->fd, MPIPC_JOIN, &join) < 0)
		if (errno != EINTR)
			return -errno;
	handle->id = join.id;
	return 0;
}

static void init_locks(struct mpipc *handle)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&handle->order_lock, NULL);
	pthread_mutex_init(&handle->async_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&handle->order_changed, &attr);
	pthread_condattr_destroy(&attr);
}

/* Ends what is left of a handle that has left its group. */
void mpipc__free(struct mpipc *handle)
{
	mpipc__drop_deferred(handle);
	mpipc__async_abort(handle);
	pthread_cond_destroy(&handle->order_changed);
	pthread_mutex_destroy(&handle->async_lock);
	pthread_mutex_destroy(&handle->order_lock);
	close(handle->fd);
	free(handle->batch);
	free(handle);
}

static int create(struct mpipc **out)
{
	struct mpipc *handle = calloc(1, sizeof(*handle));

	if (!handle)
		return -ENOMEM;
	handle->fd = open_device();
	if (handle->fd < 0) {
		int err = handle->fd;

		free(handle);
		return err;
	}
	handle->batch = malloc(MPIPC__BATCH_SIZE);
	if (!handle->batch) {
		close(handle->fd);
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
	err = create(&handle);
	if (err)
		return err;
	handle->handler = opts.handler;
	handle->arg = opts.arg;
	err = join(handle, group, role, &opts);
	if (err) {
		mpipc__free(handle);
		return err;
	}
	*out = handle;
	return 0;
}

static bool device_opens(void)
{
	int fd = open_device();

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

mpipc__export const char *mpipc_open_hint(int error)
{
	switch (error) {
	case 0:
		return "no error";
	case -ENODEV:
		return "there is no /dev/mpipc: load the kernel module (modprobe mpipc); "
		       "if that fails, install it for this kernel";
	case -ENOTTY:
		return "the device that MPIPC_DEVICE names is not one of the module mpipc";
	case -EACCES:
	case -EPERM:
		if (!device_opens())
			return "no permission to open /dev/mpipc: as root, give this user "
			       "access to the node (its group, or chmod)";
		return "no permission for the group: it belongs to the user who started "
		       "its primary, who can open it by a mode such as 0660";
	case -EADDRINUSE:
		return "the group already has a primary";
	case -ENOENT:
	case -ECONNREFUSED:
		return "the group has no primary: start that first, or wait for it";
	case -ETIMEDOUT:
		return "no primary came to the group in time";
	case -EINVAL:
		return "bad argument: a group name has 1 to 127 bytes, a mode no more "
		       "than 0666";
	case -EMFILE:
	case -ENFILE:
		return "too many open files (ulimit -n)";
	case -ENOSPC:
		return "the group has as many members as the module allows";
	case -EDQUOT:
		return "this user has as many endpoints or groups as the module allows";
	case -ENOMEM:
		return "out of memory";
	default:
		return "unexpected error: see errno(3) for its number";
	}
}

mpipc__export int mpipc_leave(struct mpipc *handle)
{
	int err = ioctl(handle->fd, MPIPC_LEAVE) < 0 ? -errno : 0;

	if (err == -EPERM)	/* a forked child: the locks may be anybody's */
		return err;
	atomic_store(&handle->left, true);
	mpipc__wake_waiters(handle);
	return err;
}

/* In a forked child: no lock can be taken, and callbacks are the parent's. */
void mpipc__free_copy(struct mpipc *handle)
{
	free(handle->batch);
	free(handle);
}

/* A handler that has forked may return, in the child as well. */
static void close_copy(struct mpipc *handle)
{
	close(handle->fd);
	handle->fd = -1;
	if (mpipc__is_dispatcher(handle))
		handle->closed = true;
	else
		mpipc__free_copy(handle);
}

mpipc__export void mpipc_close(struct mpipc *handle)
{
	if (!handle)
		return;
	if (handle->pid != getpid()) {
		close_copy(handle);
		return;
	}
	mpipc_leave(handle);
	if (mpipc__is_dispatcher(handle)) {
		if (handle->has_thread)
			pthread_detach(pthread_self());
		handle->closed = true;	/* mpipc_dispatch() frees it */
		return;
	}
	if (handle->has_thread)
		pthread_join(handle->thread, NULL);
	mpipc__free(handle);
}

mpipc__export int mpipc_fd(const struct mpipc *handle)
{
	return handle->fd;
}

mpipc__export uint64_t mpipc_id(const struct mpipc *handle)
{
	return handle->id;
}

mpipc__export int mpipc_peers_get(struct mpipc *handle, struct mpipc_peer *peers, unsigned int max)
{
	struct mpipc_peers_args arg = { .peers = (uintptr_t)peers, .max_peers = max };

	if (!peers && max)
		return -EINVAL;
	return ioctl(handle->fd, MPIPC_PEERS, &arg) < 0 ? -errno : (int)arg.n_peers;
}

mpipc__export int mpipc_info_get(const struct mpipc *handle, struct mpipc_info *info, size_t size)
{
	if (!info || size < sizeof(*info) || size > _IOC_SIZEMASK)
		return -EINVAL;
	/* The size that the caller knows, which may be more than this library does. */
	return ioctl(handle->fd, _IOC(_IOC_READ, MPIPC_IOC_MAGIC, _IOC_NR(MPIPC_INFO), size),
		     info) < 0 ? -errno : 0;
}
