// SPDX-License-Identifier: BSD-3-Clause
/*
 * The daemon of devices.h on DPDK's interface. To try it, run each line in a terminal:
 *
 *	daemon -- lan wan
 *	app --proc-type=secondary -- one lan 2
 *
 * rte_mp does not say when a process is gone. So each application sends one end of a
 * socket pair with its registration. Each side knows that the other one is gone when the
 * other end is closed.
 *
 * A thread of the library replies to requests. main() does everything else.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "devices.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int epoll_fd;

static int watch(int fd, uint32_t events, void *app)
{
	struct epoll_event event = { .events = events, .data.ptr = app };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int register_app(const struct rte_mp_msg *msg, char text[TEXT_SIZE])
{
	const struct register_request *request = (const void *)msg->param;
	struct app *app;
	int err;

	if (msg->num_fds != 1 || msg->fds[0] < 0) {
		strcpy(text, "registration takes one end of a socket pair");
		return EINVAL;
	}
	err = app_add(request->app, request->pid, &app, text);
	if (err)
		return err;
	/* Nothing is ever sent through this socket. Its end is the message. */
	app->line = msg->fds[0];
	if (!watch(app->line, EPOLLRDHUP, app))
		return 0;
	err = errno;
	app_drop(app);
	strcpy(text, "that is no socket");
	return err;
}

static int on_register(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply = { .len_param = sizeof(struct reply_text) };
	struct reply_text *reply_text = (void *)reply.param;
	int i;

	strcpy(reply.name, msg->name);
	pthread_mutex_lock(&lock);
	reply_text->error = register_app(msg, reply_text->text);
	pthread_mutex_unlock(&lock);
	/* Received descriptors belong to this function. */
	for (i = 0; reply_text->error && i < msg->num_fds; i++)
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
	return rte_mp_reply(&reply, peer);
}

static int on_open(const struct rte_mp_msg *msg, const void *peer)
{
	const struct open_request *request = (const void *)msg->param;
	struct rte_mp_msg reply = { .len_param = sizeof(struct reply_text) };
	struct reply_text *reply_text = (void *)reply.param;
	int ret;

	strcpy(reply.name, msg->name);
	pthread_mutex_lock(&lock);
	reply_text->error = device_open(app_find(request->app), request->device, request->queues,
					reply.fds, reply_text->text);
	reply.num_fds = reply_text->error ? 0 : request->queues;
	/* The lock keeps the descriptors open until they are sent. */
	ret = rte_mp_reply(&reply, peer);
	pthread_mutex_unlock(&lock);
	return ret;
}

static int handle_stdin(void)
{
	char device[NAME_SIZE];
	uint32_t queue;
	int ret = read_command(device, &queue);

	if (ret > 0) {
		pthread_mutex_lock(&lock);
		notify(device, queue);
		pthread_mutex_unlock(&lock);
	}
	return ret;
}

static int handle_end(struct app *app)
{
	pthread_mutex_lock(&lock);
	close(app->line);
	app_drop(app);
	pthread_mutex_unlock(&lock);
	return 0;
}

static void handle_events(void)
{
	struct epoll_event event;
	struct app *app;
	int ret = 0;

	/* This fails for /dev/null, where no command can come from. */
	watch(STDIN_FILENO, EPOLLIN, NULL);
	while (ret >= 0) {
		if (epoll_wait(epoll_fd, &event, 1, -1) < 1)
			continue;
		app = event.data.ptr;
		ret = app ? handle_end(app) : handle_stdin();
	}
}

int main(int argc, char **argv)
{
	int used;

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	/* Hold the lock, because a request may come in before the devices are known. */
	pthread_mutex_lock(&lock);
	rte_mp_action_register(APP_REGISTER, on_register);
	rte_mp_action_register(DEVICE_OPEN, on_open);
	used = rte_eal_init(argc, argv);
	if (used < 0)
		return 1;
	devices_init(argv + used + 1);
	pthread_mutex_unlock(&lock);
	handle_events();
	rte_eal_cleanup();
	return 0;
}
