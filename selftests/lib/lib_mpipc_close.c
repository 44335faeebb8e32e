// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of libmpipc: handles that are closed or left, by their owner, a handler or a forked
 * child.
 */
#include "child.h"
#include "fd.h"
#include "harness.h"
#include "lib_mpipc.h"
#include "memory.h"
#include "thread.h"
#include "wait.h"

#include <semaphore.h>

#include <mpipc.h>

/* Messages, event loop */

TEST_F(lib, leaving_calls_a_waiting_dispatch_back)
{
	struct ioctl_thread thread;
	struct mpipc_info info;

	ASSERT_EQ(0, start_dispatch_thread(&thread, self->primary));
	EXPECT_EQ(0, mpipc_leave(self->primary));
	EXPECT_EQ(-ESHUTDOWN, ioctl_thread_join(&thread));
	EXPECT_EQ(-ESHUTDOWN, mpipc_leave(self->primary));
	EXPECT_EQ(-ESHUTDOWN, mpipc_dispatch(self->primary, 0));
	EXPECT_EQ(-ESHUTDOWN, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL));
	EXPECT_EQ(0, mpipc_info_get(self->primary, &info, sizeof(info)));
	EXPECT_EQ(MPIPC_NO_ROLE, info.role);
}

/* Asynchronous calls */

TEST_F(lib, closing_calls_back_what_is_open)
{
	struct results results = { 0 };
	struct mpipc *secondary;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_call_async(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &results, NULL));
	mpipc_close(secondary);
	EXPECT_EQ(1, results.count);
	EXPECT_EQ(1, results.last);
	EXPECT_EQ(-ESHUTDOWN, results.status);
}

static void close_with_result(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	count_results(handle, message, arg);
	mpipc_close(handle);
}

TEST_F(lib, a_callback_that_closing_calls_may_close_the_handle)
{
	struct results results = { 0 };
	struct mpipc *secondary;
	unsigned int before = count_fds();
	int i;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, mpipc_call_async(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0,
					      MPIPC_WAIT_FOREVER, NULL, close_with_result,
					      &results, NULL));
	mpipc_close(secondary);
	EXPECT_EQ(3, results.last);
	EXPECT_EQ(-ESHUTDOWN, results.status);
	EXPECT_EQ(before, count_fds());
}

/* The library's thread */

TEST_F(lib, closing_waits_for_the_handler_that_runs)
{
	struct mpipc *secondary;
	pthread_t thread;

	self->log.waits = true;
	ASSERT_EQ(0, mpipc_start(self->primary, NULL));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	sem_wait(&self->log.entered);
	ASSERT_EQ(0, pthread_create(&thread, NULL, (void *(*)(void *))mpipc_close, self->primary));
	/* The secondary has left, but dispatch has not returned. */
	while (poll_for(mpipc_fd(secondary), POLLRDHUP, -1) != POLLRDHUP)
		;
	EXPECT_EQ(EBUSY, pthread_tryjoin_np(thread, NULL));
	sem_post(&self->log.go_on);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	self->primary = NULL;
	mpipc_close(secondary);
}

static void close_here(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct log *log = arg;

	mpipc_close(handle);
	/* The record is there until this handler returns. */
	log->count += message->record->size;
	log->handler_ret = mpipc_send(handle, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL);
	sem_post(&log->entered);
}

TEST_F(lib, a_handler_may_close_its_handle_in_an_event_loop)
{
	struct mpipc *secondary;
	unsigned int before = count_fds();

	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, close_here,
			       &self->log));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", "y", 2, NULL));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", "y", 2, NULL));
	EXPECT_EQ(-ESHUTDOWN, mpipc_dispatch(secondary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(2, self->log.count);
	EXPECT_EQ(-ESHUTDOWN, self->log.handler_ret);
	EXPECT_EQ(before, count_fds());
}

TEST_F(lib, a_handler_may_close_its_handle_on_its_thread)
{
	struct mpipc *secondary;

	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, close_here,
			       &self->log));
	ASSERT_EQ(0, mpipc_start(secondary, NULL));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", "y", 2, NULL));
	sem_wait(&self->log.entered);
	EXPECT_EQ(-ESHUTDOWN, self->log.handler_ret);
	EXPECT_EQ(1, mpipc_peers_get(self->primary, NULL, 0));
}

static void reply_and_close(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct backlog *backlog = arg;

	backlog->count++;
	sem_post(&backlog->entered);
	sem_wait(&backlog->all_there);
	CHECK(!mpipc_reply(handle, message->record->call, 0, NULL, 0, NULL));
	mpipc_close(handle);
	sem_post(&backlog->done);
}

TEST_F(lib, a_request_that_waits_is_reset_when_the_handler_closes)
{
	struct results replied = { 0 }, reset = { 0 };
	struct backlog backlog = { 0 };
	struct mpipc *server;

	sem_init(&backlog.entered, 0, 0);
	sem_init(&backlog.all_there, 0, 0);
	sem_init(&backlog.done, 0, 0);
	ASSERT_EQ(0, open_with(&server, self->group, MPIPC_SECONDARY, 0, reply_and_close,
			       &backlog));
	ASSERT_EQ(0, mpipc_start(server, NULL));
	ASSERT_EQ(1, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &replied, NULL));
	sem_wait(&backlog.entered);
	ASSERT_EQ(1, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &reset, NULL));
	sem_post(&backlog.all_there);
	while (!replied.last || !reset.last) {
		ASSERT_LT(0, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	}
	sem_wait(&backlog.done);
	EXPECT_EQ(0, replied.status);
	EXPECT_EQ(-ECONNRESET, reset.status);
	EXPECT_EQ(1, backlog.count);
}

static void count_and_leave(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	unsigned int *count = arg;

	(void)message;
	++*count;
	CHECK(!mpipc_leave(handle));
}

TEST_F(lib, leaving_drops_what_was_taken_but_not_handled)
{
	struct mpipc *primary, *secondary;
	unsigned int count = 0;
	int i;

	strcat(self->group, ".leave");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, 0, count_and_leave, &count));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	EXPECT_EQ(1, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(-ESHUTDOWN, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(1, count);
	mpipc_close(secondary);
	mpipc_close(primary);
}

/* So deep are handlers in each other that messages are deferred. */
#define DEEP	20

/**
 * struct deep - for handlers that are deep in each other
 * @entered: posted in the innermost handler
 * @go_on: then waited for
 * @late: messages that were handled
 */
struct deep {
	sem_t entered;
	sem_t go_on;
	unsigned int late;
};

/* Call the sender with a depth, and return whether there was a reply. */
static bool call_deeper(struct mpipc *handle, __u64 to, int depth)
{
	struct mpipc_replies *replies;

	if (mpipc_call(handle, to, "deeper", &depth, sizeof(depth), MPIPC_WAIT_FOREVER, NULL,
		       &replies) != 1)
		return false;
	mpipc_replies_free(replies);
	return true;
}

/* In the secondary: call back, or send messages that the primary defers. */
static void go_deeper(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	const int depth = *(const int *)message->data;
	int i;

	(void)arg;
	if (depth < DEEP)
		call_deeper(handle, MPIPC_TO_PRIMARY, depth + 1);
	for (i = 0; depth == DEEP && i < 10; i++)
		CHECK(mpipc_send(handle, MPIPC_TO_PRIMARY, "late", NULL, 0, NULL) == 1);
	mpipc_reply(handle, message->record->call, 0, NULL, 0, NULL);
}

/* In the primary: call back, and stay in the innermost handler. */
static void stay_deep(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct deep *deep = arg;
	int depth;

	if (message->record->type == MPIPC_MESSAGE) {
		deep->late++;
		return;
	}
	depth = *(const int *)message->data;
	if (!call_deeper(handle, message->record->peer, depth) || depth < DEEP)
		return;
	sem_post(&deep->entered);
	sem_wait(&deep->go_on);
}

TEST_F(lib, no_handler_starts_after_leaving)
{
	struct mpipc *primary, *secondary;
	int depth = 0;
	struct deep deep = { 0 };
	struct results results = { 0 };

	sem_init(&deep.entered, 0, 0);
	sem_init(&deep.go_on, 0, 0);
	strcat(self->group, ".deep");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, 0, stay_deep, &deep));
	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, go_deeper, NULL));
	ASSERT_EQ(0, mpipc_start(primary, NULL));
	ASSERT_EQ(0, mpipc_start(secondary, NULL));
	ASSERT_EQ(1, mpipc_call_async(secondary, MPIPC_TO_PRIMARY, "deeper", &depth,
				      sizeof(depth), MPIPC_WAIT_FOREVER, NULL, count_results,
				      &results, NULL));
	sem_wait(&deep.entered);
	EXPECT_EQ(0, mpipc_leave(primary));
	EXPECT_EQ(-ESHUTDOWN, mpipc_start(primary, NULL));
	sem_post(&deep.go_on);
	mpipc_close(primary);
	EXPECT_EQ(0, deep.late);
	mpipc_close(secondary);
	EXPECT_EQ(1, results.last);
}

/* fork */

static void fork_and_close(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct child *child = arg;

	(void)message;
	if (!fork_child(child))
		mpipc_close(handle);
}

TEST_F(lib, a_child_of_a_handler_closes_its_copy_and_returns)
{
	struct mpipc *primary, *secondary;
	struct child child;

	strcat(self->group, ".fork");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, 0, fork_and_close, &child));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	if (mpipc_dispatch(primary, MPIPC_WAIT_FOREVER) != 1)
		_exit(child.pid ? 1 : 0);
	ASSERT_LT(0, child.pid);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	mpipc_close(secondary);
	mpipc_close(primary);
}

TEST_F(lib, a_forked_child_has_no_use_of_a_handle_and_does_no_harm)
{
	struct mpipc_replies *replies;
	struct mpipc *secondary;
	struct child child;
	int fd = mpipc_fd(self->primary);

	ASSERT_EQ(0, mpipc_start(self->primary, NULL));
	if (!fork_child(&child)) {
		CHECK(mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL) == -EPERM);
		CHECK(mpipc_leave(self->primary) == -EPERM);
		CHECK(mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER) == -EPERM);
		CHECK(mpipc_start(self->primary, NULL) == -EPERM);
		mpipc_close(self->primary);
		CHECK(fcntl(fd, F_GETFD) < 0);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(&child));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", "abc", 4, MPIPC_WAIT_FOREVER,
				NULL, &replies));
	EXPECT_EQ(0, result_status(replies, 0));
	mpipc_replies_free(replies);
	mpipc_close(secondary);
}

/* Make an asynchronous call that does not get on, because its payload cannot be read yet. */
static void *call_with_trap(void *arg)
{
	void **call = arg;

	mpipc_call_async(call[0], MPIPC_TO_ALL, "x", call[1], 1, MPIPC_WAIT_FOREVER, NULL,
			 count_results, &(struct results){ 0 }, NULL);
	return NULL;
}

TEST_F(lib, a_forked_child_is_refused_a_call_while_its_parent_makes_one)
{
	void *call[2] = { self->primary };
	int trap = trap_page(&call[1]);
	struct child child;
	pthread_t thread;

	ASSERT_LE(0, trap);
	ASSERT_EQ(0, pthread_create(&thread, NULL, call_with_trap, call));
	ASSERT_EQ(POLLIN, poll_for(trap, POLLIN, -1));
	if (!fork_child(&child)) {
		CHECK(mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0,
				       MPIPC_WAIT_FOREVER, NULL, count_results, NULL,
				       NULL) == -EPERM);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(&child));
	close(trap);
	EXPECT_EQ(0, pthread_join(thread, NULL));
}

TEST_F(lib, a_forked_child_may_open_handles_of_its_own)
{
	struct mpipc_replies *replies;
	struct mpipc *secondary;
	struct child child;

	ASSERT_EQ(0, mpipc_start(self->primary, NULL));
	if (!fork_child(&child)) {
		CHECK(!mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
		CHECK(mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", "abc", 4, MPIPC_WAIT_FOREVER,
				 NULL, &replies) == 1);
		CHECK(!result_status(replies, 0));
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(&child));
}

TEST_HARNESS_MAIN
