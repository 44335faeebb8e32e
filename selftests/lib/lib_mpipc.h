/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This header holds what the tests of libmpipc share: a primary whose handler keeps what it
 * got, and secondaries that reply.
 */
#ifndef MPIPC_SELFTESTS_LIB_MPIPC_H
#define MPIPC_SELFTESTS_LIB_MPIPC_H

#include "child.h"
#include "device.h"
#include "harness.h"
#include "thread.h"

#include <semaphore.h>

#include <mpipc.h>

#define SECOND 1000000000LL

/* In a child, print what is wrong and end the child. */
#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "# child: %s:%d: %s\n", __FILE__, __LINE__, #what); \
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

/**
 * struct log - what a handler has seen last, and what it is to do
 * @count: how many came
 * @record: the last one
 * @data: its payload
 * @fd: the first of its descriptors, taken
 * @fds: all of them, as they were
 * @handler_ret: return value of a function that was called in the handler
 * @reply_with: status to reply requests with at once
 * @keep: do not reply
 * @entered: posted when the handler begins
 * @go_on: if @waits, waited for before it ends
 * @waits: see @go_on
 */
struct log {
	unsigned int count;
	struct mpipc_record record;
	char data[64];
	int fd;
	int fds[MPIPC_FDS_MAX];
	int handler_ret;
	int reply_with;
	bool keep;
	sem_t entered;
	sem_t go_on;
	bool waits;
};

static inline void record(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	struct log *log = arg;

	log->count++;
	log->record = *message->record;
	memcpy(log->data, message->data, message->record->size < sizeof(log->data) ?
	       message->record->size : sizeof(log->data));
	if (message->record->n_fds) {
		memcpy(log->fds, message->fds, message->record->n_fds * sizeof(int));
		log->fd = mpipc_message_take_fd(message, 0);
	}
	if (message->record->type == MPIPC_REQUEST && !log->keep)
		mpipc_reply(self, message->record->call, log->reply_with, message->data,
			    message->record->size, NULL);
	sem_post(&log->entered);
	if (log->waits)
		sem_wait(&log->go_on);
}

static inline int open_with(struct mpipc **self, const char *group, enum mpipc_role role,
			    unsigned int flags, mpipc_handler_t handler, void *arg)
{
	struct mpipc_open_options options = {
		.size = sizeof(options),
		.flags = flags,
		.timeout_ns = 10 * SECOND,
		.handler = handler,
		.arg = arg,
	};

	return mpipc_open(self, group, role, &options);
}

/* Be a secondary, in a child, that replies to requests until it is killed. */
static inline void serve(const char *group, struct child *child, mpipc_handler_t handler, void *arg)
{
	struct mpipc *self;

	CHECK(!open_with(&self, group, MPIPC_SECONDARY, 0, handler, arg));
	child_send(child, mpipc_id(self));
	while (mpipc_dispatch(self, MPIPC_WAIT_FOREVER) >= 0)
		;
	_exit(0);
}

/* Start such a secondary, and return the id of its endpoint. */
static inline __u64 start_server(const char *group, struct child *child, mpipc_handler_t handler,
				 void *arg)
{
	__u64 id = 0;

	if (!fork_child(child))
		serve(group, child, handler, arg);
	child_hear(child, &id);
	return id;
}

static inline int result_status(const struct mpipc_replies *replies, unsigned int i)
{
	return mpipc_replies_get(replies, i)->record->status;
}

/* A program that includes this header need not use the fixture. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
FIXTURE(lib)
{
	char group[MPIPC_GROUP_MAX];
	struct log log;
	struct mpipc *primary;
};

FIXTURE_SETUP(lib)
{
	group_name(self->group, _metadata->name);
	sem_init(&self->log.entered, 0, 0);
	sem_init(&self->log.go_on, 0, 0);
	ASSERT_EQ(0, open_with(&self->primary, self->group, MPIPC_PRIMARY, 0, record,
			       &self->log)) {
		TH_LOG("load the module (modprobe mpipc), or run this in selftests/vm/run");
	}
}

FIXTURE_TEARDOWN(lib)
{
	mpipc_close(self->primary);
}

#pragma GCC diagnostic pop

/* Messages, event loop */

static inline void ignore_signal(int signal)
{
	(void)signal;
}

static inline void *dispatch_thread(void *arg)
{
	struct ioctl_thread *self = arg;

	__atomic_store_n(&self->tid, (pid_t)gettid(), __ATOMIC_RELEASE);
	self->ret = mpipc_dispatch(self->arg, MPIPC_WAIT_FOREVER);
	return NULL;
}

static inline int start_dispatch_thread(struct ioctl_thread *self, struct mpipc *handle)
{
	*self = (struct ioctl_thread){ .arg = handle };
	if (pthread_create(&self->thread, NULL, dispatch_thread, self))
		return -EAGAIN;
	return ioctl_thread_asleep(self);
}

/* Asynchronous calls */

/**
 * struct results - what a callback has seen
 * @count: results
 * @last: how many of them were said to be the last
 * @status: of the last one
 * @peer: of the last one
 */
struct results {
	int count;
	int last;
	int status;
	__u64 peer;
};

static inline void count_results(struct mpipc *handle, const struct mpipc_message *message,
				 void *arg)
{
	struct results *results = arg;

	(void)handle;
	results->count++;
	results->last += !!(message->record->flags & MPIPC_REC_LAST);
	results->status = message->record->status;
	results->peer = message->record->peer;
}

/* The library's thread */

/**
 * struct backlog - for requests that are replied to while the next ones wait
 * @count: how many were handled, each of which has to be the next
 * @peer: endpoint that is called between two replies, or 0
 * @entered: posted in the first handler
 * @all_there: then waited for
 * @done: posted after each handler
 */
struct backlog {
	__u32 count;
	__u64 peer;
	sem_t entered;
	sem_t all_there;
	sem_t done;
};

#endif /* MPIPC_SELFTESTS_LIB_MPIPC_H */
