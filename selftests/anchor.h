/* SPDX-License-Identifier: GPL-2.0-only */
/* This header holds what the tests of anchored groups share: join at a file or directory. */
#ifndef MPIPC_SELFTESTS_ANCHOR_H
#define MPIPC_SELFTESTS_ANCHOR_H

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "child.h"
#include "device.h"
#include "harness.h"
#include "message.h"
#include "wait.h"

static inline struct mpipc_join_args anchor_arg(int anchor, const char *group,
						enum mpipc_role role)
{
	struct mpipc_join_args join = join_arg(group, role);

	join.flags = MPIPC_JOIN_ANCHOR;
	join.anchor = anchor;
	return join;
}

static inline int join_at(int fd, int anchor, const char *group, enum mpipc_role role)
{
	struct mpipc_join_args join = anchor_arg(anchor, group, role);

	return do_ioctl(fd, MPIPC_JOIN, &join);
}

/* Open the device and join. Return a descriptor or a negative error number. */
static inline int open_at(int anchor, const char *group, enum mpipc_role role)
{
	int fd = open_dev();
	int ret;

	if (fd < 0)
		return fd;
	ret = join_at(fd, anchor, group, role);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* Join at a path, through a descriptor that is closed then. */
static inline int open_at_path(const char *path, const char *group, enum mpipc_role role)
{
	int anchor = open(path, O_PATH | O_CLOEXEC);
	int ret;

	if (anchor < 0)
		return -errno;
	ret = open_at(anchor, group, role);
	close(anchor);
	return ret;
}

static inline int make_file_at(int dir, const char *name, mode_t mode)
{
	int fd = openat(dir, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode);

	if (fd < 0 || fchmod(fd, mode))
		return -errno;
	return fd;
}

#endif /* MPIPC_SELFTESTS_ANCHOR_H */
