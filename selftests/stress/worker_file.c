// SPDX-License-Identifier: GPL-2.0-only
/* Files that workers open to pass them, and numbers that identify the files. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/io_uring.h>

#include "device.h"
#include "fd.h"
#include "stress.h"
#include "worker.h"
#define MAX_HELD	16

static struct passed held[MAX_HELD];

/* Open files */

static __u64 fdinfo(int fd, const char *key, int base)
{
	char path[64], text[1024];
	char *found;
	ssize_t n;
	int info;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	n = read(info, text, sizeof(text) - 1);
	close(info);
	text[n < 0 ? 0 : n] = '\0';
	found = strstr(text, key);
	return found ? strtoull(found + strlen(key), NULL, base) : 0;
}

static __u64 inode(int fd, mode_t type)
{
	struct stat st;

	return !fstat(fd, &st) && (st.st_mode & S_IFMT) == type ? st.st_ino : 0;
}

/* Return a number that identifies a file of this kind, or 0 if the file is of another kind. */
__u64 identify(enum op kind, int fd)
{
	struct mpipc_info info;

	switch (kind) {
	case OP_PASS_PIPE:
		return inode(fd, S_IFIFO);
	case OP_PASS_SOCKET:
		return inode(fd, S_IFSOCK);
	case OP_PASS_MEMFD:
		return inode(fd, S_IFREG);
	case OP_PASS_PATH:
		return fcntl(fd, F_GETFL) & O_PATH ? inode(fd, S_IFDIR) : 0;
	case OP_PASS_EVENTFD:
		return fdinfo(fd, "eventfd-count:", 16);
	case OP_PASS_EPOLL:
		return fdinfo(fd, "data:", 16);
	case OP_PASS_MPIPC:
		return get_info(fd, &info) ? 0 : info.id;
	default:
		return 0;
	}
}

static int open_epoll(__u64 token)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = token };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	/* The token identifies the epoll instance, see identify(). */
	epoll_ctl(epoll, EPOLL_CTL_ADD, CANARY_FD + CANARIES / 2, &event);
	return epoll;
}

/* Open a socket that has an endpoint in its queue. */
static int open_socket_with(int fd)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	if (!send_scm(pair[0], &fd, 1))
		done(OP_SCM);
	close(pair[0]);
	return pair[1];
}

int open_uring(void)
{
	struct io_uring_params params = { 0 };

	return syscall(SYS_io_uring_setup, 1, &params);
}

static struct passed take_held(void)
{
	struct passed file = { 0 };
	unsigned int i = rnd(MAX_HELD);

	pthread_mutex_lock(&shared);
	if (held[i].kind) {
		file = held[i];
		held[i].kind = 0;
	}
	pthread_mutex_unlock(&shared);
	return file;
}

/* Keep a received file, or close it. */
void hold(enum op kind, int fd, __u64 token)
{
	struct passed file = { .kind = kind, .fd = fd, .token = token };
	unsigned int i = rnd(MAX_HELD);

	if (chance(30) && !self->own_table) {
		struct passed old;

		pthread_mutex_lock(&shared);
		old = held[i];
		held[i] = file;
		pthread_mutex_unlock(&shared);
		file = old;
	}
	if (file.kind)
		close(file.fd);
}

/* Open a file to pass, if there is one. */
struct passed open_file(__u64 place)
{
	static const enum op kinds[] = {
		OP_PASS_PIPE, OP_PASS_PIPE, OP_PASS_SOCKET, OP_PASS_SOCKET, OP_PASS_EVENTFD,
		OP_PASS_MEMFD, OP_PASS_EPOLL, OP_PASS_PATH, OP_PASS_MPIPC, OP_PASS_MPIPC,
	};
	__u64 token = 1 + rnd(INT32_MAX);
	struct passed file = { .kind = kinds[rnd(ARRAY_SIZE(kinds))] };

	if (chance(2))
		file.kind = OP_PASS_URING;
	if (chance(20) && !self->own_table) {
		struct passed old = take_held();

		if (old.kind) {
			done(OP_PASS_ON);
			return old;
		}
	}
	switch (file.kind) {
	case OP_PASS_PIPE:
		file.borrowed = true;
		file.fd = CANARY_FD + rnd(CANARIES / 2);
		break;
	case OP_PASS_SOCKET:
		file.borrowed = chance(60);
		file.fd = file.borrowed ? (int)(CANARY_FD + CANARIES / 2 + rnd(CANARIES / 2)) :
					  open_socket_with(place_fd(place));
		break;
	case OP_PASS_EVENTFD:
		file.fd = eventfd(token, EFD_CLOEXEC);
		break;
	case OP_PASS_MEMFD:
		file.fd = memfd_create("stress", MFD_CLOEXEC);
		break;
	case OP_PASS_EPOLL:
		file.fd = open_epoll(token);
		break;
	case OP_PASS_PATH:
		file.fd = path_fd;
		file.borrowed = true;
		break;
	case OP_PASS_MPIPC:
		/*
		 * From here on the member's own process may have more descriptors of the
		 * file.
		 */
		member_of(place)->passed = 1;
		file.fd = place_fd(place);
		file.borrowed = true;
		break;
	default:
		file.fd = open_uring();
	}
	file.token = identify(file.kind, file.fd);
	if (file.fd < 0 || (!file.token && file.kind != OP_PASS_URING)) {
		if (file.fd >= 0 && !file.borrowed)
			close(file.fd);
		file.kind = 0;
	}
	return file;
}
