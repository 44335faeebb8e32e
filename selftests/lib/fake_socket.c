// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "fake_socket.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_ACTIONS	16

enum { MESSAGE, REQUEST, REPLY, IGNORE };

/* A datagram is this without the descriptors at its end. */
struct wire {
	int type;
	struct rte_mp_msg msg;
};

#define WIRE_SIZE	(sizeof(struct wire) - sizeof(((struct rte_mp_msg *)0)->fds))

static struct {
	int fd;
	atomic_bool complete;
	bool secondary;
	char path[108], primary[108];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t replied;
	struct {
		char name[RTE_MP_MAX_NAME_LEN];
		rte_mp_t action;
	} actions[MAX_ACTIONS];
	/* The one request that waits for its reply. */
	bool waiting;
	char name[RTE_MP_MAX_NAME_LEN];
	struct wire reply;
} self = {
	.fd = -1,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.replied = PTHREAD_COND_INITIALIZER,
};

static int send_to(const char *path, int type, const struct rte_mp_msg *msg)
{
	char control[CMSG_SPACE(RTE_MP_MAX_FD_NUM * sizeof(int))] = "";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct wire wire = { .type = type, .msg = *msg };
	struct iovec iov = { &wire, WIRE_SIZE };
	struct msghdr header = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(msg->num_fds * sizeof(int)),
	};
	struct cmsghdr *rights = (void *)control;

	strcpy(addr.sun_path, path);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(msg->num_fds * sizeof(int));
	memcpy(CMSG_DATA(rights), msg->fds, msg->num_fds * sizeof(int));
	return sendmsg(self.fd, &header, 0) < 0 ? -errno : 0;
}

static int find_action(const char *name)
{
	int i;

	for (i = 0; i < MAX_ACTIONS; i++)
		if (!strcmp(self.actions[i].name, name))
			break;
	return i;
}

static void run_action(struct wire *wire, const char *peer)
{
	rte_mp_t action = NULL;
	int i;

	pthread_mutex_lock(&self.lock);
	i = find_action(wire->msg.name);
	if (i < MAX_ACTIONS)
		action = self.actions[i].action;
	pthread_mutex_unlock(&self.lock);
	if (action)
		action(&wire->msg, peer);
	else if (wire->type == REQUEST && !self.complete)
		send_to(peer, IGNORE, &wire->msg);
}

static void store_reply(const struct wire *wire, const char *peer)
{
	pthread_mutex_lock(&self.lock);
	if (self.waiting && !strcmp(peer, self.primary) && !strcmp(wire->msg.name, self.name)) {
		self.reply = *wire;
		self.waiting = false;
		pthread_cond_signal(&self.replied);
	}
	pthread_mutex_unlock(&self.lock);
}

static void *thread_main(void *arg)
{
	char control[CMSG_SPACE(RTE_MP_MAX_FD_NUM * sizeof(int))];
	struct sockaddr_un addr;
	struct wire wire;
	struct cmsghdr *rights;
	ssize_t len;

	for (;;) {
		struct iovec iov = { &wire, WIRE_SIZE };
		struct msghdr header = {
			&addr, sizeof(addr), &iov, 1, control, sizeof(control), 0
		};

		memset(&addr, 0, sizeof(addr));
		len = recvmsg(self.fd, &header, 0);
		if (len <= 0)
			return arg;
		/* DPDK does not go on after this, either. */
		if (len != WIRE_SIZE || header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
			abort();
		rights = CMSG_FIRSTHDR(&header);
		if (rights)
			memcpy(wire.msg.fds, CMSG_DATA(rights), rights->cmsg_len - CMSG_LEN(0));
		if (wire.type == REPLY || wire.type == IGNORE)
			store_reply(&wire, addr.sun_path);
		else
			run_action(&wire, addr.sun_path);
	}
}

void fake_socket_close(void)
{
	if (self.fd < 0)
		return;
	shutdown(self.fd, SHUT_RD);
	pthread_join(self.thread, NULL);
	close(self.fd);
	unlink(self.path);
	self.fd = -1;
}

void fake_socket_open(const char *dir, bool secondary)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timespec now;
	sigset_t all, old;

	/* An init that failed has left its socket open. */
	fake_socket_close();
	clock_gettime(CLOCK_MONOTONIC, &now);
	self.secondary = secondary;
	self.complete = false;
	snprintf(self.primary, sizeof(self.primary), "%s/mp_socket", dir);
	if (secondary)
		/* Members in other pid namespaces may have the same pid, so DPDK adds a time. */
		snprintf(self.path, sizeof(self.path), "%s/mp_socket_%d_%llx", dir, getpid(),
			 (unsigned long long)now.tv_sec * 1000000000 + now.tv_nsec);
	else
		strcpy(self.path, self.primary);
	strcpy(addr.sun_path, self.path);
	self.fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	unlink(self.path);
	if (self.fd < 0 || bind(self.fd, (struct sockaddr *)&addr, sizeof(addr)))
		abort();
	/* The lowest descriptors are counted by a test. */
	if (dup2(self.fd, 60 + secondary) < 0 || close(self.fd))
		abort();
	self.fd = 60 + secondary;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&self.thread, NULL, thread_main, NULL))
		abort();
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void fake_socket_complete(void)
{
	self.complete = true;
}

int fake_socket_register(const char *name, rte_mp_t action)
{
	int i, err = 0;

	pthread_mutex_lock(&self.lock);
	if (find_action(name) < MAX_ACTIONS)
		err = -EEXIST;
	i = find_action("");
	if (!err && i < MAX_ACTIONS) {
		strcpy(self.actions[i].name, name);
		self.actions[i].action = action;
	}
	pthread_mutex_unlock(&self.lock);
	return err;
}

void fake_socket_unregister(const char *name)
{
	int i;

	pthread_mutex_lock(&self.lock);
	i = find_action(name);
	if (i < MAX_ACTIONS)
		self.actions[i].name[0] = 0;
	pthread_mutex_unlock(&self.lock);
}

int fake_socket_send(const struct rte_mp_msg *msg)
{
	return self.secondary && self.fd >= 0 ? send_to(self.primary, MESSAGE, msg) : 0;
}

static int wait_for_reply(const struct timespec *ts)
{
	struct timespec end;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += ts->tv_sec;
	while (self.waiting && !err)
		err = pthread_cond_timedwait(&self.replied, &self.lock, &end);
	self.waiting = false;
	return -err;
}

int fake_socket_request(const struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts)
{
	int err;

	memset(reply, 0, sizeof(*reply));
	if (!self.secondary || self.fd < 0)
		return 0;
	pthread_mutex_lock(&self.lock);
	strcpy(self.name, req->name);
	self.waiting = true;
	err = send_to(self.primary, REQUEST, req);
	if (!err)
		err = wait_for_reply(ts);
	if (!err && self.reply.type == REPLY) {
		reply->msgs = malloc(sizeof(*reply->msgs));
		*reply->msgs = self.reply.msg;
		reply->nb_sent = 1;
		reply->nb_received = 1;
	}
	self.waiting = false;
	pthread_mutex_unlock(&self.lock);
	return err;
}

int fake_socket_reply(const struct rte_mp_msg *msg, const char *peer)
{
	return peer[0] == '/' && self.fd >= 0 ? send_to(peer, REPLY, msg) : 0;
}
