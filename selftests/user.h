/* SPDX-License-Identifier: GPL-2.0-only */
/* Become another user, join as one, drop capabilities, and enter user namespaces. */
#ifndef MPIPC_SELFTESTS_USER_H
#define MPIPC_SELFTESTS_USER_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "child.h"
#include "device.h"

/* Drop all capabilities but those in @mask. */
static inline int keep_capabilities(__u64 mask)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = mask, .permitted = mask },
		{ .effective = mask >> 32, .permitted = mask >> 32 },
	};

	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* Have all capabilities of this thread take effect but those in @mask, which stay permitted. */
static inline void hide_capabilities(__u64 mask)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	data[0].effective = data[0].permitted & ~mask;
	data[1].effective = data[1].permitted & ~(mask >> 32);
	syscall(SYS_capset, &header, data);
}

/*
 * Open and join as another user, whom the limits of users stop, though this process is that of
 * root. Return a file descriptor or a negative error number.
 */
static inline int open_as(uid_t uid, struct mpipc_join_args *join)
{
	int fd, err;

	if (setresuid(uid, -1, -1))
		return -errno;
	fd = open_dev();
	hide_capabilities(~0ULL);
	err = do_ioctl(fd, MPIPC_JOIN, join);
	hide_capabilities(0);
	if (setresuid(0, -1, -1) || err)
		close(fd);
	return err ?: fd;
}

/* Become a user with one more group, if @extra is not 0, and with these capabilities alone. */
static inline int become_with(uid_t uid, gid_t gid, gid_t extra, __u64 capabilities)
{
	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(!!extra, &extra) ||
	    setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -errno;
	return keep_capabilities(capabilities);
}

/*
 * Become an ordinary user for good, or end the process. A capability stays, because the
 * administrator of this machine decides who may open the node of the device, and that is
 * not what is tested.
 */
static inline void become_user(uid_t uid, gid_t gid)
{
	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, NULL) ||
	    setresgid(gid, gid, gid) || setresuid(uid, uid, uid) ||
	    keep_capabilities(1ULL << CAP_DAC_OVERRIDE)) {
		fprintf(stderr, "# cannot become user %d: %s\n", (int)uid,
			strerror(errno));
		_exit(EXIT_FAILURE);
	}
	/* The change of credentials has cancelled this signal. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* User namespaces */

#define USER_NS_ROOT 3000	/* user and group outside that are 0 in user namespaces */
#define USER_NS_OTHER 3001	/* user and group outside that are 1 in them */

static inline int write_id_map(pid_t pid, const char *file)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = dprintf(fd, "0 %d 1\n1 %d 1\n", USER_NS_ROOT, USER_NS_OTHER) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/*
 * Fork a child as child_fork() does that is root in a new user namespace. Before that, but
 * in the namespaces that @flags ask for, the child is still the user that owns the node of
 * the device, and calls the function.
 */
static inline pid_t fork_in_user_ns(struct child *child, int flags,
				    void (*function)(void *arg), void *arg)
{
	__u64 other_err;
	int err;

	if (child_fork(child) < 0)
		return -errno;
	if (!child->pid) {
		err = unshare(CLONE_NEWUSER | flags) ? -errno : 0;
		function(arg);
		child_send(child, err);
		if (child_hear(child, &other_err) || other_err ||
		    setresgid(0, 0, 0) || setresuid(0, 0, 0))
			_exit(1);
		/* The change of credentials has cancelled this signal. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return 0;
	}
	if (child_hear(child, &other_err))
		return -ECHILD;
	err = (int)other_err ?: write_id_map(child->pid, "uid_map") ?:
			   write_id_map(child->pid, "gid_map");
	child_send(child, err);
	if (!err)
		return child->pid;
	child_wait(child);
	return err;
}

#endif /* MPIPC_SELFTESTS_USER_H */
