/* SPDX-License-Identifier: GPL-2.0-only */
/* Count file descriptors, notice when a file is gone, and send files through a socket. */
#ifndef MPIPC_SELFTESTS_FD_H
#define MPIPC_SELFTESTS_FD_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wait.h"

static inline unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3; /* ".", ".." and the directory itself */
}

/* Canaries */

/**
 * struct canary - a pipe that shows when the last reference to a file is gone
 * @read_end: sees the end of file then
 * @write_end: the file
 */
struct canary {
	int read_end;
	int write_end;
};

static inline int canary_make(struct canary *canary)
{
	int ends[2] = { -1, -1 };
	int ret = pipe2(ends, O_CLOEXEC) ? -errno : 0;

	canary->read_end = ends[0];
	canary->write_end = ends[1];
	return ret;
}

/* Close the file here, so that only references in flight keep it alive. */
static inline void canary_let_go(struct canary *canary)
{
	close(canary->write_end);
}

static inline bool canary_alive(const struct canary *canary)
{
	return !(poll_for(canary->read_end, POLLIN, 0) & POLLHUP);
}

/* Wait for the end of the file, because a kernel thread may drop the last reference. */
static inline bool canary_dies(const struct canary *canary)
{
	return poll_for(canary->read_end, POLLIN, 20000) & POLLHUP;
}

/* File descriptors through a socket, a few at a time */

#define SCM_FDS_MAX 4

static inline int send_scm(int socket, const int *fds, unsigned int n)
{
	char control[CMSG_SPACE(SCM_FDS_MAX * sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
	return sendmsg(socket, &msg, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* Wait for a descriptor, and take it out of the socket. */
static inline int recv_scm(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

#endif /* MPIPC_SELFTESTS_FD_H */
