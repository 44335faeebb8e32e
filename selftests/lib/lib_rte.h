/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This header holds what the tests of rte_mp share. Each test is a process, mostly the
 * primary, and its secondaries are children.
 */
#ifndef MPIPC_SELFTESTS_LIB_RTE_H
#define MPIPC_SELFTESTS_LIB_RTE_H

#include "harness.h"
#include "child.h"
#include "device.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include <rte_eal.h>
#include <rte_errno.h>

#define SECOND 1000000000ULL

/* This timeout is for requests that end before. */
static const struct timespec a_minute = { .tv_sec = 60 };

/* In a child, print what is wrong and end the child. */
#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "# child: %s:%d: %s (%s)\n", __FILE__, __LINE__, #what, \
				rte_strerror(rte_errno)); \
			_exit(EXIT_FAILURE); \
		} \
	} while (0)

/* Fork a child as child_fork() does, without which there is nothing to test. */
static inline pid_t fork_child(struct child *child)
{
	pid_t pid = child_fork(child);

	if (pid < 0)
		abort();
	return pid;
}

/* Expect that the call returns -1 with this error number, and changes nothing else. */
#define EXPECT_FAIL(error, call) \
	do { \
		rte_errno = 0; \
		EXPECT_EQ(-1, call); \
		EXPECT_EQ(error, rte_errno); \
	} while (0)

static inline int start_eal(const char *type, const char *prefix)
{
	char type_arg[32], prefix_arg[160];
	char *argv[] = { "test", type_arg, prefix_arg, NULL };

	snprintf(type_arg, sizeof(type_arg), "--proc-type=%s", type);
	snprintf(prefix_arg, sizeof(prefix_arg), "--file-prefix=%s", prefix);
	return rte_eal_init(3, argv);
}

static inline struct rte_mp_msg make_msg(const char *name, const char *param)
{
	struct rte_mp_msg msg = { .len_param = strlen(param) };

	strcpy(msg.name, name);
	strcpy((char *)msg.param, param);
	return msg;
}

/**
 * struct log - what actions have seen last
 * @msg: the message, its descriptors included
 * @peer: as given
 * @count: how many
 * @came: posted for each
 * @lock: for tests that look while more may come
 */
static struct log {
	struct rte_mp_msg msg;
	const char *peer;
	_Atomic unsigned int count;
	sem_t came;
	pthread_mutex_t lock;
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Keep the message, with its descriptors. */
static inline int keep(const struct rte_mp_msg *msg, const void *peer)
{
	pthread_mutex_lock(&seen.lock);
	seen.msg = *msg;
	seen.peer = peer;
	seen.count++;
	pthread_mutex_unlock(&seen.lock);
	sem_post(&seen.came);
	return 0;
}

/* Return the message that keep() got last. */
static inline struct rte_mp_msg last_seen(void)
{
	struct rte_mp_msg msg;

	pthread_mutex_lock(&seen.lock);
	msg = seen.msg;
	pthread_mutex_unlock(&seen.lock);
	return msg;
}

/* Reply with what came, and close its descriptors. */
static inline int echo(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply = *msg;
	int i;

	/* Whoever gets the reply may look at the count. */
	seen.count++;
	rte_mp_reply(&reply, peer);
	for (i = 0; i < msg->num_fds; i++)
		close(msg->fds[i]);
	return 0;
}

static inline int die(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	kill(getpid(), SIGKILL);
	return 0;
}

/* A secondary has this line to the test. */
static const struct child *own_line;

static inline int report(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	child_send(own_line, 0);
	return 0;
}

/*
 * Start a secondary with one action, which lives until it is killed. It waits for its
 * primary, and reports when it is ready.
 */
static inline void start_secondary(const char *prefix, struct child *child, const char *name,
				   rte_mp_t action)
{
	if (fork_child(child))
		return;
	own_line = child;
	CHECK(start_eal("secondary", prefix) >= 0);
	CHECK(!rte_mp_action_register(name, action));
	child_send(child, 0);
	for (;;)
		pause();
}

/*
 * Start the primary after its secondaries, because a process with threads is no good parent
 * where these tests are run with a sanitizer. Return when all are ready.
 */
static inline int start_primary(const char *prefix, struct child *children, int n)
{
	int i;

	if (start_eal("primary", prefix) < 0)
		return -rte_errno;
	for (i = 0; i < n; i++)
		if (child_hear(&children[i], NULL))
			return -EPIPE;
	return 0;
}

/* Wait for a semaphore, and do not end because of a signal. */
static inline void wait_for(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

/* Stay, in a child, until it is killed. */
static inline void stay(void)
{
	for (;;)
		pause();
}

/* Make a request with a long timeout, and return what rte_mp_request_sync() returns. */
static inline int ask(const char *name, const char *param, struct rte_mp_reply *reply)
{
	struct rte_mp_msg msg = make_msg(name, param);

	return rte_mp_request_sync(&msg, reply, &a_minute);
}

static inline int say(const char *name, const char *param)
{
	struct rte_mp_msg msg = make_msg(name, param);

	return rte_mp_sendmsg(&msg);
}

/* Reply to a request of this name. */
static inline int send_reply(const char *name, const char *param, const char *peer)
{
	struct rte_mp_msg msg = make_msg(name, param);

	return rte_mp_reply(&msg, peer);
}

static inline void kill_all(struct child *children, int n)
{
	int i;

	for (i = 0; i < n; i++)
		child_kill(&children[i]);
}

/* Count the members of the group, this one included. */
static inline unsigned int count_members(int fd)
{
	struct mpipc_peers_args peers = { 0 };

	return do_ioctl(fd, MPIPC_PEERS, &peers) ? 0 : peers.n_peers;
}

/* Open an endpoint next to the library's, to see or to do what the library does not. */
static inline int open_beside(const char *prefix)
{
	char group[MPIPC_GROUP_MAX];

	snprintf(group, sizeof(group), "rte/%.100s", prefix);
	return open_secondary(group);
}

/* A program that includes this header need not use the fixture. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
FIXTURE(rte)
{
	char prefix[MPIPC_GROUP_MAX];
};

FIXTURE_SETUP(rte)
{
	group_name(self->prefix, _metadata->name);
	sem_init(&seen.came, 0, 0);
	setenv("MPIPC_WAIT", "10", 1);
}

FIXTURE_TEARDOWN(rte)
{
	rte_eal_cleanup();
}

#pragma GCC diagnostic pop

#endif /* MPIPC_SELFTESTS_LIB_RTE_H */
