/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Open the device, join a group, and ask about an endpoint.
 *
 * The functions here and in message.h return a negative error number where the system call
 * sets errno, so that a test names what it expects: EXPECT_EQ(-EAGAIN, send_msg(...)).
 */
#ifndef MPIPC_SELFTESTS_DEVICE_H
#define MPIPC_SELFTESTS_DEVICE_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/mpipc.h>

static inline __u64 to_u64(const void *p)
{
	return (uintptr_t)p;
}

static inline int do_ioctl(int fd, unsigned long cmd, const void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

/*
 * Fail without the device, instead of skipping the test, because there is nothing else to
 * test.
 */
static inline int open_dev_flags(int flags)
{
	int fd = open(MPIPC_DEVICE, O_RDWR | O_CLOEXEC | flags);
	int err = errno;

	if (fd >= 0)
		return fd;
	fprintf(stderr, "# %s: %s: run this as root with mpipc loaded, or in selftests/vm/run\n",
		MPIPC_DEVICE, strerror(err));
	return -err;
}

static inline int open_dev(void)
{
	return open_dev_flags(0);
}

/*
 * Make up a name that no other test uses. Call this function before fork(), so that
 * children inherit the name.
 */
static inline void group_name(char name[MPIPC_GROUP_MAX], const char *tag)
{
	snprintf(name, MPIPC_GROUP_MAX, "%.64s.%d", tag, (int)getpid());
}

static inline struct mpipc_join_args join_arg(const char *group, enum mpipc_role role)
{
	struct mpipc_join_args join = { .role = role };

	memcpy(join.group, group, strnlen(group, sizeof(join.group) - 1));
	return join;
}

static inline int join_flags(int fd, const char *group, enum mpipc_role role,
			     __u32 flags)
{
	struct mpipc_join_args join = join_arg(group, role);

	join.flags = flags;
	return do_ioctl(fd, MPIPC_JOIN, &join);
}

static inline int join_primary(int fd, const char *group)
{
	return join_flags(fd, group, MPIPC_PRIMARY, 0);
}

static inline int join_secondary(int fd, const char *group)
{
	return join_flags(fd, group, MPIPC_SECONDARY, 0);
}

/* Open the device and join. Return a file descriptor or a negative error number. */
static inline int open_joined(const char *group, enum mpipc_role role, __u32 flags)
{
	int fd = open_dev();
	int ret;

	if (fd < 0)
		return fd;
	ret = join_flags(fd, group, role, flags);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static inline int open_primary(const char *group)
{
	return open_joined(group, MPIPC_PRIMARY, 0);
}

static inline int open_secondary(const char *group)
{
	return open_joined(group, MPIPC_SECONDARY, 0);
}

static inline int leave(int fd)
{
	return do_ioctl(fd, MPIPC_LEAVE, NULL);
}

/* Make a group and end it, so often. */
static inline int join_and_close(const char *group, unsigned int times)
{
	while (times--) {
		int fd = open_primary(group);

		if (fd < 0)
			return fd;
		close(fd);
	}
	return 0;
}

static inline int get_info(int fd, struct mpipc_info *info)
{
	memset(info, 0, sizeof(*info));
	return do_ioctl(fd, MPIPC_INFO, info);
}

/* Return the id of the endpoint, or 0 if the file has not joined. */
static inline __u64 endpoint_id(int fd)
{
	struct mpipc_info info;

	return get_info(fd, &info) ? 0 : info.id;
}

#endif /* MPIPC_SELFTESTS_DEVICE_H */
