// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <mpipc.h>

#include "device.h"

/* Low numbers are left to the program: some rely on which one they get next. */
#define LOWEST_FD	64

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

int mpipc__open_device(void)
{
	int fd = open(device_path(), O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return move_up(fd);
	/* The node is missing, or is left over and nobody is behind it. */
	if (errno == ENOENT || errno == ENXIO)
		return -ENODEV;
	return -errno;
}
