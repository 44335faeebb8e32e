// SPDX-License-Identifier: GPL-2.0-only
/* Do operations on files. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/io_uring.h>

#include "../fd.h"
#include "fuzz.h"
#include "op.h"

/* This write end of a pipe hangs up when nothing refers to it any more; -1: there is none. */
int canary = -1;

/* Operations on files */

void op_open(struct actor *me, const uint8_t *a)
{
	static const int flags[] = { 0, O_NONBLOCK, 0, O_NONBLOCK };
	int fd;

	begin_call(me, OTHERWISE, 0, false);
	fd = open(MPIPC_DEVICE, O_RDWR | flags[a[1] % 4] | (a[1] & 2 ? 0 : O_CLOEXEC));
	end_call(me);
	set_slot(slot_of(me, a[0]), fd);
}

void op_dup(struct actor *me, const uint8_t *a)
{
	int from = fd_of(me, a[0]), to = fd_of(me, a[1]);

	/* The copy replaces the other descriptor, or is added. */
	if (a[2] & 1 && to >= 0 && dup3(from, to, O_CLOEXEC) >= 0)
		look_at_slot(slot_of(me, a[1]));
	else if (from >= 0)
		set_slot(slot_of(me, a[1]), fcntl(from, F_DUPFD_CLOEXEC, 0));
}

void op_close(struct actor *me, const uint8_t *a)
{
	set_slot(slot_of(me, a[0]), -1);
}

static int open_io_uring(void)
{
	struct io_uring_params params = { };

	return syscall(SYS_io_uring_setup, 1, &params);
}

static int open_pair(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair))
		return -1;
	close(pair[1]);
	return pair[0];
}

/* Open a file that never blocks. */
void op_file(struct actor *me, const uint8_t *a)
{
	int fd = -1;

	switch (a[1] % 8) {
	case 0:
		fd = fcntl(canary, F_DUPFD_CLOEXEC, 0);
		break;
	case 1:
		fd = eventfd(0, EFD_NONBLOCK);
		break;
	case 2:
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		break;
	case 3:
		fd = open("/", O_PATH | O_CLOEXEC);
		break;
	case 4:
		fd = open_io_uring();
		break;
	case 5:
		fd = open_pair();
		break;
	case 6:
		fd = epoll_create1(EPOLL_CLOEXEC);
		break;
	case 7:
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		break;
	}
	set_slot(slot_of(me, a[0]), fd);
}

void op_nonblock(struct actor *me, const uint8_t *a)
{
	if (slot_of(me, a[0])->device)
		fcntl(fd_of(me, a[0]), F_SETFL, a[1] & 1 ? O_NONBLOCK : 0);
}

/* Send a file through a socket, or into one that is closed with the file in it. */
void op_scm(struct actor *me, const uint8_t *a)
{
	int fd = fd_of(me, a[0]);
	int pair[2];

	if (fd < 0 || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair))
		return;
	if (!send_scm(pair[0], &fd, 1) && !(a[2] & 1)) {
		if (a[2] & 2)
			set_slot(slot_of(me, a[0]), -1);
		fd = recv_scm(pair[1]);
		if (fd >= 0)
			set_slot(slot_of(me, a[1]), fd);
	}
	close(pair[0]);
	close(pair[1]);
}

void op_poll(struct actor *me, const uint8_t *a)
{
	struct pollfd pfds[2] = {
		{ .fd = fd_of(me, a[0]), .events = POLLIN | POLLOUT },
		{ .fd = fd_of(me, a[1]), .events = POLLIN },
	};

	poll(pfds, ARRAY_SIZE(pfds), a[2] & 1);
}

/* Add a file to an epoll instance, which stays in its slot with what was added. */
void op_epoll(struct actor *me, const uint8_t *a)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP };
	int fd = fd_of(me, a[0]);

	if (a[2] & 1)
		event.events |= EPOLLET;
	if (epoll_ctl(fd, EPOLL_CTL_ADD, fd_of(me, a[1]), &event) && errno == EEXIST)
		epoll_ctl(fd, a[2] & 2 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, fd_of(me, a[1]), &event);
	epoll_wait(fd, &event, 1, 0);
}

/* Read what there is to be read about a file. */
void op_look(struct actor *me, const uint8_t *a)
{
	char path[64], text[512];
	int fd;

	if (a[1] & 1)
		strcpy(path, "/proc/net/mpipc");
	else
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd_of(me, a[0]));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}
