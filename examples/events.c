// SPDX-License-Identifier: BSD-3-Clause
/*
 * The daemon and the application of devices.h once more, on mpipc itself. To try it, run
 * each line in a terminal:
 *
 *	events daemon GROUP lan wan
 *	events app GROUP one lan 2
 *
 * mpipc says who is gone and who sends a request, so the program needs no sockets and
 * need not trust a name. A single thread does everything in an event loop, so there is no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mpipc.h>

#include "devices.h"

/* The numbers in epoll events of what is not a queue. Queues are numbered from 0. */
#define MPIPC	(~0U)
#define STDIN	(~1U)

static int epoll_fd;
static int notify_fds[QUEUES_MAX];

static int watch(int fd, uint32_t events, uint32_t number)
{
	struct epoll_event event = { .events = events, .data.u32 = number };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static uint32_t next_event(void)
{
	struct epoll_event event;

	while (epoll_wait(epoll_fd, &event, 1, -1) < 1)
		;
	return event.data.u32;
}

static struct mpipc *join(const char *group, enum mpipc_role role,
			  const struct mpipc_open_options *options)
{
	struct mpipc *self;
	int err = mpipc_open(&self, group, role, options);

	if (err < 0) {
		fprintf(stderr, "events: %s\n", mpipc_open_hint(err));
		exit(1);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return self;
}

/* The daemon. */

static struct app *app_of(uint64_t peer)
{
	struct app *app = apps;

	while (app && app->peer != peer)
		app = app->next;
	return app;
}

static int register_app(const struct mpipc_message *message, char text[TEXT_SIZE])
{
	const struct register_request *request = message->data;
	struct app *app;
	int err = app_add(request->app, message->record->pid, &app, text);

	if (!err)
		app->peer = message->record->peer;
	return err;
}

static void reply_to(struct mpipc *self, const struct mpipc_message *message)
{
	const struct mpipc_record *record = message->record;
	const struct open_request *open = message->data;
	char text[TEXT_SIZE] = "";
	int fds[QUEUES_MAX];
	struct mpipc_reply_options options = { .size = sizeof(options), .fds = fds };
	int err = EINVAL;

	if (!strcmp(record->name, APP_REGISTER) &&
	    record->size == sizeof(struct register_request)) {
		err = register_app(message, text);
	} else if (!strcmp(record->name, DEVICE_OPEN) && record->size == sizeof(*open)) {
		err = device_open(app_of(record->peer), open->device, open->queues, fds, text);
		options.n_fds = err ? 0 : open->queues;
	} else {
		strcpy(text, "not understood");
	}
	mpipc_reply(self, record->call, -err, text, sizeof(text), &options);
}

static void serve(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	struct app *app;

	(void)arg;
	if (message->record->type == MPIPC_REQUEST)
		reply_to(self, message);
	if (message->record->type == MPIPC_LEFT)
		while ((app = app_of(message->record->peer)))
			app_drop(app);
}

static int run_daemon(const char *group, char **devices)
{
	struct mpipc_open_options options = {
		.size = sizeof(options),
		.flags = MPIPC_JOIN_EVENTS,
		.handler = serve,
	};
	struct mpipc *self = join(group, MPIPC_PRIMARY, &options);
	char device[NAME_SIZE];
	uint32_t queue;
	int ret = 0;

	devices_init(devices);
	watch(mpipc_fd(self), EPOLLIN, MPIPC);
	/* This fails for /dev/null, where no command can come from. */
	watch(STDIN_FILENO, EPOLLIN, STDIN);
	while (ret >= 0) {
		if (next_event() == MPIPC) {
			mpipc_dispatch(self, 0);
			continue;
		}
		ret = read_command(device, &queue);
		if (ret > 0)
			notify(device, queue);
	}
	mpipc_close(self);
	return 0;
}

/* The application. */

/* Send a request. Stores the descriptors of the reply in notify_fds, returns their number or -1. */
static int ask(struct mpipc *self, const char *name, const void *data, size_t size)
{
	struct mpipc_call_options options = { .size = sizeof(options), .reply_fds = QUEUES_MAX };
	const struct mpipc_message *reply;
	struct mpipc_replies *replies;
	int ret = mpipc_call(self, MPIPC_TO_PRIMARY, name, data, size, 30000000000, &options,
			     &replies);
	int i;

	if (ret < 0) {
		printf("%s: %s\n", name, strerror(-ret));
		return -1;
	}
	reply = mpipc_replies_get(replies, 0);
	ret = reply->record->n_fds;
	for (i = 0; i < ret; i++)
		notify_fds[i] = mpipc_message_take_fd(reply, i);
	if (reply->record->status) {
		/* The text is empty if the error is not the daemon's own. */
		printf("%s: %.*s (%s)\n", name, (int)reply->record->size,
		       (const char *)reply->data, strerror(-reply->record->status));
		ret = -1;
	}
	mpipc_replies_free(replies);
	return ret;
}

static int register_me(struct mpipc *self, const char *name)
{
	struct register_request request = { 0 };

	snprintf(request.app, sizeof(request.app), "%s", name);
	return ask(self, APP_REGISTER, &request, sizeof(request));
}

static int open_device(struct mpipc *self, const char *device, uint32_t queues)
{
	struct open_request request = { .queues = queues };
	int i, n_fds;

	snprintf(request.device, sizeof(request.device), "%s", device);
	n_fds = ask(self, DEVICE_OPEN, &request, sizeof(request));
	if (n_fds < 0)
		return -1;
	for (i = 0; i < n_fds; i++) {
		/* A negative number is the error for which a descriptor was not received. */
		if (watch(notify_fds[i], EPOLLIN, i)) {
			printf("queue %d: %s\n", i, strerror(errno));
			return -1;
		}
	}
	printf("opened %s with %d queues\n", device, n_fds);
	return 0;
}

static int run_app(const char *group, const char *name, const char *device, uint32_t queues)
{
	struct mpipc *self = join(group, MPIPC_SECONDARY, NULL);
	eventfd_t count;
	uint32_t i;

	if (register_me(self, name) < 0 || open_device(self, device, queues)) {
		mpipc_close(self);
		return 1;
	}
	/* Nothing is sent to an application. poll() says when its primary is gone. */
	watch(mpipc_fd(self), EPOLLRDHUP, MPIPC);
	while ((i = next_event()) != MPIPC)
		if (!eventfd_read(notify_fds[i], &count))
			printf("queue %u was notified\n", i);
	puts("the daemon is gone");
	mpipc_close(self);
	return 3;
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "daemon"))
		return run_daemon(argv[2], argv + 3);
	if (argc == 6 && !strcmp(argv[1], "app"))
		return run_app(argv[2], argv[3], argv[4], atoi(argv[5]));
	fprintf(stderr, "usage: events daemon GROUP DEVICE...\n"
		"       events app GROUP NAME DEVICE QUEUES\n");
	return 2;
}
