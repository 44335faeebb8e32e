// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <mpipc.h>

#include "device.h"
#include "fds.h"

/* Descriptors with lower numbers are left to the program. */
#define LOWEST_FD	64

static const char *device_path(void)
{
	const char *path = secure_getenv("MPIPC_DEVICE");

	return path && *path ? path : MPIPC_DEVICE;
}

/*
 * Duplicate a descriptor with a high number. For the device this has to be done before the join,
 * because the endpoint then belongs to the descriptors that it was joined with.
 */
int mpipc__dup_high(int low)
{
	int fd = fcntl(low, F_DUPFD_CLOEXEC, LOWEST_FD);

	if (fd < 0)	/* RLIMIT_NOFILE may be lower */
		fd = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return fd < 0 ? -errno : fd;
}

/* Open the device, which is @path if that is not NULL. Returns its descriptor or an error. */
int mpipc__open_device(const char *path)
{
	int low, fd, cancel;

	/* open() is a cancellation point. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	low = open(path ? path : device_path(), O_RDWR | O_CLOEXEC);
	pthread_setcancelstate(cancel, NULL);
	if (low >= 0) {
		fd = mpipc__dup_high(low);
		mpipc__close_fd(low);
		return fd;
	}
	/* There is no node, or there is one that the module left behind. */
	if (errno == ENOENT || errno == ENXIO)
		return -ENODEV;
	return -errno;
}
