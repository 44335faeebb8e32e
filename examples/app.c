// SPDX-License-Identifier: BSD-3-Clause
/* An application of the daemon in daemon.c, where it says how to try both. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "devices.h"

/* The number of the socket in epoll events. Queues are numbered from 0. */
#define LINE	(~0U)

static int epoll_fd;
static int notify_fds[RTE_MP_MAX_FD_NUM];

static int watch(int fd, uint32_t events, uint32_t number)
{
	struct epoll_event event = { .events = events, .data.u32 = number };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* Send a request to the daemon and put the reply in its place, unless that is an error. */
static int ask(struct rte_mp_msg *msg)
{
	const struct timespec timeout = { .tv_sec = 30 };
	const struct reply_text *reply_text = (const void *)msg->param;
	struct rte_mp_reply reply;

	if (rte_mp_request_sync(msg, &reply, &timeout) < 0) {
		printf("%s: %s\n", msg->name, rte_strerror(rte_errno));
		return -1;
	}
	if (reply.nb_received != 1) {
		printf("%s: nobody is there\n", msg->name);
		return -1;
	}
	*msg = reply.msgs[0];
	free(reply.msgs);
	if (!reply_text->error)
		return 0;
	printf("%s: %s (%s)\n", msg->name, reply_text->text, rte_strerror(reply_text->error));
	return -1;
}

static int register_app(const char *name)
{
	struct rte_mp_msg msg = {
		.name = APP_REGISTER,
		.len_param = sizeof(struct register_request),
		.num_fds = 1,
	};
	struct register_request *request = (void *)msg.param;
	int line[2], ret;

	snprintf(request->app, sizeof(request->app), "%s", name);
	request->pid = getpid();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line))
		return -1;
	msg.fds[0] = line[1];
	ret = ask(&msg);
	/* When only the daemon has its end, the line ends when the daemon dies. */
	close(line[1]);
	return ret ? ret : watch(line[0], EPOLLRDHUP, LINE);
}

static int open_device(const char *app, const char *device, const char *queues)
{
	struct rte_mp_msg msg = {
		.name = DEVICE_OPEN,
		.len_param = sizeof(struct open_request),
	};
	struct open_request *request = (void *)msg.param;
	int i;

	snprintf(request->app, sizeof(request->app), "%s", app);
	snprintf(request->device, sizeof(request->device), "%s", device);
	request->queues = atoi(queues);
	if (ask(&msg))
		return -1;
	for (i = 0; i < msg.num_fds; i++) {
		/* A negative number is the error for which a descriptor was not received. */
		notify_fds[i] = msg.fds[i];
		if (watch(notify_fds[i], EPOLLIN, i)) {
			printf("queue %d: %s\n", i, strerror(errno));
			return -1;
		}
	}
	printf("opened %s with %d queues\n", device, msg.num_fds);
	return 0;
}

static int handle_events(void)
{
	struct epoll_event event;
	eventfd_t count;

	for (;;) {
		if (epoll_wait(epoll_fd, &event, 1, -1) < 1)
			continue;
		if (event.data.u32 == LINE)
			break;
		if (!eventfd_read(notify_fds[event.data.u32], &count))
			printf("queue %u was notified\n", event.data.u32);
	}
	puts("the daemon is gone");
	return 3;
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);

	if (used < 0)
		return 1;
	argv += used;
	if (argc - used != 4) {
		fprintf(stderr, "usage: app --proc-type=secondary -- NAME DEVICE QUEUES\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (register_app(argv[1]) || open_device(argv[1], argv[2], argv[3]))
		return 1;
	return handle_events();
}
