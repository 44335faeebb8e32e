// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../args.h"
#include "../fds.h"
#include "../rte/wire.h"
#include "socket.h"

/* So much of a message is in its datagram. */
#define MSG_SIZE	offsetof(struct rte_mp_msg, fds)

/* Descriptors with lower numbers are left to the program. */
#define LOWEST_FD	64

/* This fits the largest datagram, which is that of DPDK 25.11. */
#define LARGEST		344

/* Many unread datagrams are to fit in what the socket may have on its way. */
#define SEND_BUFFER	(4 << 20)

/* Return the size of a datagram. The message of DPDK 25.11 has 4 bytes of padding at its end. */
static size_t datagram_size(void)
{
	const struct dpdk_layout *layout = mpipc__dpdk_layout;

	return layout->msg_at + layout->size - layout->max_fds * sizeof(int);
}

static int set_path(struct sockaddr_un *addr, const char *path)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	strcpy(addr->sun_path, path);
	return 0;
}

/* Make a socket with a high descriptor. */
static int new_socket(void)
{
	int low = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int fd;

	if (low < 0)
		return -errno;
	fd = fcntl(low, F_DUPFD_CLOEXEC, LOWEST_FD);
	if (fd < 0)
		return low;
	close(low);
	return fd;
}

/* Make the name of the primary's socket, and the one that DPDK's socket gets meanwhile. */
static int make_names(const char *dir, char name[PATH_MAX], char aside[PATH_MAX])
{
	if (snprintf(name, PATH_MAX, "%s/" SOCKET_NAME, dir) >= PATH_MAX ||
	    snprintf(aside, PATH_MAX, "%s/mpipc_" SOCKET_NAME, dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

/* Give the socket the name of DPDK's, which gets another one. */
static int take_name(int fd, const char *dir)
{
	char name[PATH_MAX], aside[PATH_MAX];
	struct sockaddr_un addr;
	int err;

	err = make_names(dir, name, aside) ?: set_path(&addr, name);
	if (err)
		return err;
	if (rename(name, aside) && errno != ENOENT)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return 0;
	err = -errno;
	rename(aside, name);
	return err;
}

/* Remove DPDK's socket, which mpipc__socket_open() has put aside. */
void mpipc__socket_replace(const char *dir)
{
	char name[PATH_MAX], aside[PATH_MAX];

	if (!make_names(dir, name, aside))
		unlink(aside);
}

/* Give DPDK's socket its name back. */
void mpipc__socket_restore(const char *dir)
{
	char name[PATH_MAX], aside[PATH_MAX];

	if (!make_names(dir, name, aside))
		rename(aside, name);
}

/* Open the socket of the primary in @dir. Returns its descriptor or a negative error number. */
int mpipc__socket_open(const char *dir)
{
	const int size = SEND_BUFFER;
	int fd = new_socket(), err;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	err = take_name(fd, dir);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* Send a message to the socket at @path. The error is -EAGAIN if that is full. */
int mpipc__socket_send(int fd, const char *path, enum dpdk_type type, const struct rte_mp_msg *msg)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(RTE_MP_MAX_FD_NUM * sizeof(int))];
	} control;
	char data[LARGEST] = "";
	struct sockaddr_un addr;
	struct iovec iov = { .iov_base = data, .iov_len = datagram_size() };
	struct msghdr header = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	const int32_t type32 = type;
	int err;

	err = set_path(&addr, path);
	if (err)
		return err;
	memcpy(data, &type32, sizeof(type32));
	memcpy(data + mpipc__dpdk_layout->msg_at, msg, MSG_SIZE);
	if (msg->num_fds) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(msg->num_fds * sizeof(int));
		memset(&control, 0, header.msg_controllen);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(msg->num_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.header), msg->fds, msg->num_fds * sizeof(int));
	}
	if (sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == ENOBUFS ? -EAGAIN : -errno;
}

/* Move the descriptors of a datagram to @fds. Returns their number; those beyond are closed. */
static unsigned int take_descriptors(struct msghdr *header, int *fds)
{
	struct cmsghdr *part;
	unsigned int n_fds = 0, n;
	int fd, i;

	for (part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		n = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < (int)n; i++) {
			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			if (n_fds < mpipc__dpdk_layout->max_fds)
				fds[n_fds++] = fd;
			else
				close(fd);
		}
	}
	return n_fds;
}

/* Check that a datagram is one of DPDK, with all its descriptors, from a process with a name. */
static bool is_valid(const struct datagram *datagram, const struct msghdr *header)
{
	const struct rte_mp_msg *msg = &datagram->msg;

	return !(header->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && datagram->sender[0] &&
	       datagram->type <= DPDK_IGNORE && !mpipc__rte_check_name(msg->name) &&
	       msg->len_param >= 0 && msg->len_param <= RTE_MP_MAX_PARAM_LEN;
}

/*
 * Receive a datagram. The error is -EBADMSG for one that has been dropped, because it is not one
 * of DPDK or because not all of its descriptors could be received, and -EAGAIN if there is none.
 */
int mpipc__socket_receive(int fd, struct datagram *datagram)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(RTE_MP_MAX_FD_NUM * sizeof(int))];
	} control;
	struct sockaddr_un addr = { .sun_path = "" };
	char data[LARGEST];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr header = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct rte_mp_msg *msg = &datagram->msg;
	unsigned int n_fds;
	int32_t type;
	ssize_t len;

	len = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (len < 0)
		return -errno;
	n_fds = take_descriptors(&header, msg->fds);
	memcpy(&type, data, sizeof(type));
	memcpy(msg, data + mpipc__dpdk_layout->msg_at, MSG_SIZE);
	datagram->type = type;
	snprintf(datagram->sender, sizeof(datagram->sender), "%.*s",
		 (int)sizeof(addr.sun_path), addr.sun_path);
	/* A reply may not say how many descriptors it has, because its program forgot that. */
	msg->num_fds = n_fds;
	if (len == (ssize_t)datagram_size() && is_valid(datagram, &header))
		return 0;
	mpipc__close_fds(msg->fds, n_fds);
	return -EBADMSG;
}

/* Return the time of the clock of deadlines. */
uint64_t mpipc__socket_now(void)
{
	return mpipc__deadline(1);
}

/* Return for poll() how many milliseconds are left until @deadline. */
int mpipc__socket_timeout(uint64_t deadline)
{
	uint64_t now = mpipc__socket_now(), ms;

	if (deadline == MPIPC_FOREVER)
		return -1;
	if (deadline <= now)
		return 0;
	ms = (deadline - now) / 1000000 + 1;
	return ms > INT_MAX ? INT_MAX : ms;
}

/* Wait until what has been sent by @fd, and was not read, leaves space for more. */
static int wait_for_own_space(int fd, uint64_t deadline)
{
	struct pollfd own = { .fd = fd, .events = POLLOUT };
	uint64_t now = mpipc__socket_now(), soon = now + LOOK_AGAIN_NS;

	if (now >= deadline)
		return -ENOBUFS;
	poll(&own, 1, mpipc__socket_timeout(soon < deadline ? soon : deadline));
	return 0;
}

/*
 * Wait until a datagram of @own may have space at @path. Only a socket that is connected there can
 * wait, and it must not be the one that others send to. Where there is space already, what others
 * have not read may fill @own: then the error at the deadline is -ENOBUFS, and else -ETIMEDOUT.
 */
int mpipc__socket_wait(int own, const char *path, uint64_t deadline)
{
	struct pollfd fd = { .events = POLLOUT };
	struct sockaddr_un addr;
	int err, cancel;

	err = set_path(&addr, path);
	if (err)
		return err;
	fd.fd = new_socket();
	if (fd.fd < 0)
		return fd.fd;
	/* A thread that is cancelled would not close the socket. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (connect(fd.fd, (struct sockaddr *)&addr, sizeof(addr)))
		err = -errno;
	else if (poll(&fd, 1, 0) > 0)
		err = wait_for_own_space(own, deadline);
	else if (poll(&fd, 1, mpipc__socket_timeout(deadline)) == 0)
		err = -ETIMEDOUT;
	close(fd.fd);
	pthread_setcancelstate(cancel, NULL);
	return err;
}

/* Remove the name of a socket of this process, if @fd is DPDK's socket in @dir. */
static void remove_name(int fd, const char *prefix)
{
	struct sockaddr_un addr = { .sun_family = AF_UNSPEC };
	socklen_t len = sizeof(addr) - 1;

	if (!getsockname(fd, (struct sockaddr *)&addr, &len) && addr.sun_family == AF_UNIX &&
	    !strncmp(addr.sun_path, prefix, strlen(prefix)))
		unlink(addr.sun_path);
}

/*
 * Remove the name of DPDK's socket of this process, which is a secondary. Another process can have
 * the same pid in another namespace, so the name is asked from the socket, which nobody else has.
 */
void mpipc__socket_remove_own(const char *dir)
{
	DIR *fds = opendir("/proc/self/fd");
	char prefix[PATH_MAX];
	struct dirent *entry;

	snprintf(prefix, sizeof(prefix), "%s/" SECONDARY_PREFIX "%d_", dir, (int)getpid());
	while (fds && (entry = readdir(fds)))
		remove_name(strtol(entry->d_name, NULL, 10), prefix);
	if (fds)
		closedir(fds);
}
