// SPDX-License-Identifier: GPL-2.0-only
/* Tests of libmpipc: calls, with and without waiting, and replies. */
#include "child.h"
#include "fd.h"
#include "harness.h"
#include "lib_mpipc.h"
#include "memory.h"
#include "wait.h"

#include <semaphore.h>

#include <mpipc.h>

/* Calls */

TEST_F(lib, a_call_brings_the_reply_of_its_destination)
{
	const struct mpipc_message *reply;
	struct mpipc_replies *replies;
	struct child child;
	__u64 id = start_server(self->group, &child, record, &self->log);

	ASSERT_EQ(1, mpipc_call(self->primary, id, "echo", "abc", 4, MPIPC_WAIT_FOREVER, NULL,
				&replies));
	reply = mpipc_replies_get(replies, 0);
	EXPECT_EQ(NULL, mpipc_replies_get(replies, 1));
	EXPECT_EQ(0, reply->record->status);
	EXPECT_EQ(MPIPC_REC_REPLIED, reply->record->flags & MPIPC_REC_REPLIED);
	EXPECT_EQ(id, reply->record->peer);
	EXPECT_EQ(4, reply->record->size);
	EXPECT_STREQ("abc", reply->data);
	mpipc_replies_free(replies);
	child_kill(&child);
}

static void refuse(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	(void)arg;
	mpipc_reply(handle, message->record->call, -EDOM, NULL, 0, NULL);
}

TEST_F(lib, the_status_of_a_reply_is_that_of_the_one_who_gave_it)
{
	struct mpipc_replies *replies;
	struct child child;

	start_server(self->group, &child, refuse, NULL);
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				NULL, &replies));
	EXPECT_EQ(-EDOM, result_status(replies, 0));
	mpipc_replies_free(replies);
	child_kill(&child);
}

TEST_F(lib, without_a_handler_requests_are_refused_at_once)
{
	struct mpipc_replies *replies;
	struct child child;

	start_server(self->group, &child, NULL, NULL);
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				NULL, &replies));
	EXPECT_EQ(-EOPNOTSUPP, result_status(replies, 0));
	mpipc_replies_free(replies);
	child_kill(&child);
}

static void die(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	(void)handle;
	(void)message;
	(void)arg;
	kill(getpid(), SIGKILL);
}

TEST_F(lib, a_call_to_all_has_results_of_the_living_and_the_dead)
{
	struct mpipc_replies *replies;
	struct child children[12];
	__u64 dead = 0, id;
	int i, replied = 0;

	/* These results do not fit at the first try. */
	for (i = 0; i < 12; i++) {
		id = start_server(self->group, &children[i], i == 5 ? die : record, &self->log);
		if (i == 5)
			dead = id;
	}
	ASSERT_EQ(12, mpipc_call(self->primary, MPIPC_TO_ALL, "x", "y", 2, MPIPC_WAIT_FOREVER,
				 NULL, &replies));
	for (i = 0; i < 12; i++) {
		if (mpipc_replies_get(replies, i)->record->peer == dead) {
			EXPECT_EQ(-ECONNRESET, result_status(replies, i));
		} else {
			replied += !result_status(replies, i);
		}
	}
	EXPECT_EQ(11, replied);
	mpipc_replies_free(replies);
	for (i = 0; i < 12; i++)
		child_kill(&children[i]);
}

TEST_F(lib, a_call_to_nobody_has_no_results)
{
	struct mpipc_replies *replies;

	EXPECT_EQ(0, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				NULL, &replies));
	EXPECT_NE(NULL, replies);
	mpipc_replies_free(replies);
}

TEST_F(lib, a_call_ends_at_its_timeout)
{
	struct mpipc_replies *replies;
	struct mpipc *secondary;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, 1000000, NULL,
				&replies));
	EXPECT_EQ(-ETIMEDOUT, result_status(replies, 0));
	mpipc_replies_free(replies);
	mpipc_close(secondary);
}

TEST_F(lib, a_call_to_a_dead_primary_is_refused)
{
	struct mpipc_replies *replies;
	struct mpipc *secondary;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	mpipc_close(self->primary);
	self->primary = NULL;
	EXPECT_EQ(-ECONNREFUSED, mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0,
					    MPIPC_WAIT_FOREVER, NULL, &replies));
	EXPECT_EQ(NULL, replies);
	mpipc_close(secondary);
}

/* Reply with the two ends of a pipe of this process. */
static void reply_pipe(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	int fds[2];
	struct mpipc_reply_options options = {
		.size = sizeof(options), .fds = fds, .n_fds = 2, .name = "pipe",
	};

	(void)arg;
	CHECK(!pipe(fds));
	CHECK(!mpipc_reply(handle, message->record->call, 0, NULL, 0, &options));
	close(fds[0]);
	close(fds[1]);
}

TEST_F(lib, descriptors_of_replies_are_taken_or_closed_with_them)
{
	struct mpipc_call_options options = { .size = sizeof(options), .reply_fds = 2 };
	struct mpipc_replies *replies;
	struct child child;
	unsigned int before;
	char byte;
	int fd;

	start_server(self->group, &child, reply_pipe, NULL);
	before = count_fds();
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				&options, &replies));
	ASSERT_EQ(0, result_status(replies, 0));
	EXPECT_STREQ("pipe", mpipc_replies_get(replies, 0)->record->name);
	EXPECT_EQ(before + 2, count_fds());
	fd = mpipc_message_take_fd(mpipc_replies_get(replies, 0), 0);
	ASSERT_LE(0, fd);
	mpipc_replies_free(replies);
	EXPECT_EQ(before + 1, count_fds());
	EXPECT_EQ(0, read(fd, &byte, 1));
	close(fd);
	child_kill(&child);
}

/* Reply in a thread of its own, once the handler has returned. */
static void *reply_later(void *arg)
{
	struct log *log = arg;

	CHECK(!sem_wait(&log->go_on));
	log->handler_ret = mpipc_reply((void *)(uintptr_t)log->record.stamp, log->record.call, 0,
				       "later", 6, NULL);
	return NULL;
}

TEST_F(lib, a_reply_may_come_from_another_thread_later)
{
	struct mpipc_replies *replies;
	struct mpipc *secondary;
	struct child child;
	pthread_t thread;

	self->log.keep = true;
	if (!fork_child(&child)) {
		CHECK(!open_with(&secondary, self->group, MPIPC_SECONDARY, 0, NULL, NULL));
		CHECK(mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				 NULL, &replies) == 1);
		CHECK(!result_status(replies, 0));
		CHECK(!strcmp(mpipc_replies_get(replies, 0)->data, "later"));
		_exit(0);
	}
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	self->log.record.stamp = (uintptr_t)self->primary;
	ASSERT_EQ(0, pthread_create(&thread, NULL, reply_later, &self->log));
	sem_post(&self->log.go_on);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, self->log.handler_ret);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(-ESRCH, mpipc_reply(self->primary, self->log.record.call, 0, NULL, 0, NULL));
}

TEST_F(lib, a_signal_does_not_end_a_call)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct mpipc_replies *replies;
	struct mpipc *secondary;
	struct child child;
	int i;

	self->log.keep = true;
	if (!fork_child(&child)) {
		CHECK(!sigaction(SIGUSR1, &action, NULL));
		CHECK(!open_with(&secondary, self->group, MPIPC_SECONDARY, 0, NULL, NULL));
		CHECK(mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				 NULL, &replies) == 1);
		CHECK(!result_status(replies, 0));
		_exit(0);
	}
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, wait_asleep(child.pid));
		kill(child.pid, SIGUSR1);
	}
	ASSERT_EQ(0, wait_asleep(child.pid));
	EXPECT_EQ(0, mpipc_dispatch(self->primary, 0));
	EXPECT_EQ(0, mpipc_reply(self->primary, self->log.record.call, 0, NULL, 0, NULL));
	EXPECT_EQ(0, child_wait(&child));
}

struct caller {
	pthread_t thread;
	struct mpipc *handle;
	int bad;
};

static void *call_many(void *arg)
{
	struct caller *caller = arg;
	struct mpipc_replies *replies;
	int i;

	for (i = 0; i < 100; i++) {
		if (mpipc_call(caller->handle, MPIPC_TO_ALL, "same", &i, sizeof(i),
			       MPIPC_WAIT_FOREVER, NULL, &replies) != 2 ||
		    result_status(replies, 0) || result_status(replies, 1) ||
		    *(int *)mpipc_replies_get(replies, 1)->data != i)
			caller->bad++;
		mpipc_replies_free(replies);
	}
	return NULL;
}

TEST_F(lib, calls_of_many_threads_do_not_mix)
{
	struct caller callers[8];
	struct child children[2];
	int i;

	for (i = 0; i < 2; i++)
		start_server(self->group, &children[i], record, &self->log);
	for (i = 0; i < 8; i++) {
		callers[i] = (struct caller){ .handle = self->primary };
		ASSERT_EQ(0, pthread_create(&callers[i].thread, NULL, call_many, &callers[i]));
	}
	for (i = 0; i < 8; i++) {
		pthread_join(callers[i].thread, NULL);
		EXPECT_EQ(0, callers[i].bad);
	}
	for (i = 0; i < 2; i++)
		child_kill(&children[i]);
}

/**
 * struct cancelled - a call that a thread makes and another one cancels
 * @thread: the thread that calls
 * @handle: the handle that it calls by
 * @data: payload of one byte, or NULL
 * @id: id of the call
 * @status: status of the result
 */
struct cancelled {
	pthread_t thread;
	struct mpipc *handle;
	const void *data;
	uint64_t id;
	int status;
};

static void *call_until_cancelled(void *arg)
{
	struct cancelled *self = arg;
	struct mpipc_call_options options = {
		.size = sizeof(options), .call = &self->id, .flags = MPIPC_CALL_WAIT_SPACE,
	};
	struct mpipc_replies *replies;
	int ret;

	ret = mpipc_call(self->handle, MPIPC_TO_PRIMARY, "x", self->data, !!self->data,
			 MPIPC_WAIT_FOREVER, &options, &replies);
	self->status = ret == 1 ? result_status(replies, 0) : ret;
	mpipc_replies_free(replies);
	return NULL;
}

static uint64_t await_id(struct cancelled *self)
{
	uint64_t id;

	while (!(id = __atomic_load_n(&self->id, __ATOMIC_ACQUIRE)))
		sched_yield();
	return id;
}

TEST_F(lib, a_synchronous_call_is_cancelled_by_another_thread)
{
	struct cancelled calls[3] = { 0 };
	struct mpipc *secondary;
	int i;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	for (i = 0; i < 3; i++) {
		calls[i].handle = secondary;
		ASSERT_EQ(0, pthread_create(&calls[i].thread, NULL, call_until_cancelled,
					    &calls[i]));
	}
	for (i = 2; i >= 0; i--) {
		EXPECT_EQ(0, mpipc_cancel(secondary, await_id(&calls[i])));
		EXPECT_EQ(0, pthread_join(calls[i].thread, NULL));
		EXPECT_EQ(-ECANCELED, calls[i].status);
		EXPECT_EQ(-ESRCH, mpipc_cancel(secondary, calls[i].id));
	}
	mpipc_close(secondary);
}

TEST_F(lib, a_call_that_waits_for_space_is_cancelled)
{
	struct cancelled call = { 0 };
	struct mpipc *secondary;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	while (mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL) == 1)
		;
	call.handle = secondary;
	ASSERT_EQ(0, pthread_create(&call.thread, NULL, call_until_cancelled, &call));
	EXPECT_EQ(0, mpipc_cancel(secondary, await_id(&call)));
	EXPECT_EQ(0, pthread_join(call.thread, NULL));
	EXPECT_EQ(-ECANCELED, call.status);
	mpipc_close(secondary);
}

static void *cancel_call(void *arg)
{
	struct cancelled *self = arg;

	return (void *)(intptr_t)mpipc_cancel(self->handle, await_id(self));
}

/* The payload cannot be read yet, so the kernel has not made the call. */
TEST_F(lib, a_call_can_be_cancelled_before_the_kernel_knows_it)
{
	struct cancelled call = { 0 };
	struct mpipc *secondary;
	pthread_t canceller;
	void *page, *ret;
	int trap = trap_page(&page);

	ASSERT_LE(0, trap);
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	call.handle = secondary;
	call.data = page;
	ASSERT_EQ(0, pthread_create(&call.thread, NULL, call_until_cancelled, &call));
	ASSERT_EQ(POLLIN, poll_for(trap, POLLIN, -1));
	ASSERT_EQ(0, pthread_create(&canceller, NULL, cancel_call, &call));
	EXPECT_EQ(EBUSY, pthread_tryjoin_np(canceller, NULL));
	close(trap);
	EXPECT_EQ(0, pthread_join(canceller, &ret));
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ(0, pthread_join(call.thread, NULL));
	EXPECT_EQ(-ECANCELED, call.status);
	mpipc_close(secondary);
}

/**
 * struct inner - a handler that calls
 * @call: the call that it makes
 * @done: posted when the call has ended
 */
struct inner {
	struct cancelled call;
	sem_t done;
};

static void call_inside(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct inner *inner = arg;

	(void)message;
	inner->call.handle = handle;
	call_until_cancelled(&inner->call);
	sem_post(&inner->done);
}

TEST_F(lib, a_call_in_a_handler_is_cancelled_by_another_thread)
{
	struct inner inner = { 0 };
	struct mpipc *secondary;

	sem_init(&inner.done, 0, 0);
	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, call_inside, &inner));
	ASSERT_EQ(0, mpipc_start(secondary, NULL));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL));
	EXPECT_EQ(0, mpipc_cancel(secondary, await_id(&inner.call)));
	sem_wait(&inner.done);
	EXPECT_EQ(-ECANCELED, inner.call.status);
	mpipc_close(secondary);
}

/* Call the primary in a child, whose loop dispatches only in this call. */
static void call_and_dispatch(const char *group, const struct child *line, struct log *log)
{
	struct mpipc_call_options options = {
		.size = sizeof(options), .flags = MPIPC_CALL_DISPATCH,
	};
	struct mpipc_replies *replies;
	struct mpipc *self;

	CHECK(!open_with(&self, group, MPIPC_SECONDARY, 0, record, log));
	child_send(line, 0);
	CHECK(mpipc_call(self, MPIPC_TO_PRIMARY, "x", "abc", 4, MPIPC_WAIT_FOREVER, &options,
			 &replies) == 1);
	CHECK(!result_status(replies, 0));
	mpipc_replies_free(replies);
	CHECK(log->count == 1);
	/* The handle can be dispatched as before. */
	CHECK(mpipc_dispatch(self, 0) == 0);
	mpipc_close(self);
	_exit(0);
}

TEST_F(lib, two_event_loops_that_call_each_other_get_their_replies)
{
	struct mpipc_call_options options = {
		.size = sizeof(options), .flags = MPIPC_CALL_DISPATCH,
	};
	struct mpipc_replies *replies;
	struct child child;

	if (!fork_child(&child))
		call_and_dispatch(self->group, &child, &self->log);
	child_hear(&child, NULL);
	ASSERT_EQ(POLLIN, poll_for(mpipc_fd(self->primary), POLLIN, -1));
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "x", "abc", 4, MPIPC_WAIT_FOREVER,
				&options, &replies));
	EXPECT_EQ(0, result_status(replies, 0));
	EXPECT_EQ(1, self->log.count);
	mpipc_replies_free(replies);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(lib, a_call_that_dispatches_leaves_that_to_a_thread_that_does)
{
	struct mpipc_call_options options = {
		.size = sizeof(options), .flags = MPIPC_CALL_DISPATCH,
	};
	struct mpipc_replies *replies;
	struct child child;

	start_server(self->group, &child, record, &self->log);
	ASSERT_EQ(0, mpipc_start(self->primary, NULL));
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				&options, &replies));
	EXPECT_EQ(0, result_status(replies, 0));
	mpipc_replies_free(replies);
	EXPECT_EQ(-EINVAL, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0, 0, &options,
					    count_results, NULL, NULL));
	child_kill(&child);
}

static void close_here(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	(void)message;
	(void)arg;
	mpipc_close(handle);
}

TEST_F(lib, a_handler_closes_the_handle_of_a_call_that_dispatches)
{
	struct mpipc_call_options options = {
		.size = sizeof(options), .flags = MPIPC_CALL_DISPATCH,
	};
	struct mpipc_replies *replies = (void *)1;
	struct mpipc *secondary;
	unsigned int before = count_fds();

	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, close_here, NULL));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL));
	EXPECT_EQ(-ESHUTDOWN, mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0,
					 MPIPC_WAIT_FOREVER, &options, &replies));
	EXPECT_EQ(NULL, replies);
	EXPECT_EQ(before, count_fds());
}

/* Asynchronous calls */

TEST_F(lib, an_asynchronous_call_calls_back_for_each_destination)
{
	struct results results = { 0 };
	struct child children[3];
	uint64_t call;
	int i;

	for (i = 0; i < 3; i++)
		start_server(self->group, &children[i], record, &self->log);
	ASSERT_EQ(3, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", "y", 2,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &results, &call));
	EXPECT_EQ(0, results.count);
	while (!results.last) {
		ASSERT_LT(0, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	}
	EXPECT_EQ(3, results.count);
	EXPECT_EQ(1, results.last);
	EXPECT_EQ(0, results.status);
	EXPECT_EQ(0, self->log.count);
	EXPECT_EQ(-ESRCH, mpipc_cancel(self->primary, call));
	for (i = 0; i < 3; i++)
		child_kill(&children[i]);
}

TEST_F(lib, an_asynchronous_call_to_nobody_calls_back_once)
{
	struct results results = { .peer = 1 };

	ASSERT_EQ(0, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &results, NULL));
	EXPECT_EQ(0, results.count);
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(1, results.last);
	EXPECT_EQ(0, results.peer);
}

TEST_F(lib, an_asynchronous_call_times_out_by_itself)
{
	struct results results = { 0 };
	struct mpipc *secondary;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0, 1000000, NULL,
				      count_results, &results, NULL));
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(1, results.last);
	EXPECT_EQ(-ETIMEDOUT, results.status);
	mpipc_close(secondary);
}

TEST_F(lib, a_cancelled_call_calls_back_at_once)
{
	struct results results = { 0 };
	struct mpipc *secondary;
	uint64_t call;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &results, &call));
	EXPECT_EQ(0, mpipc_cancel(self->primary, call));
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(1, results.last);
	EXPECT_EQ(-ECANCELED, results.status);
	mpipc_close(secondary);
}

/* The library's thread */

/**
 * struct known - for the id of a call that a callback compares
 * @id: where mpipc_call_async() stores it
 * @right: the callback found it there
 * @done: posted by the callback
 */
struct known {
	uint64_t id;
	bool right;
	sem_t done;
};

static void compare_id(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct known *known = arg;

	(void)handle;
	known->right = message->record->call == known->id;
	sem_post(&known->done);
}

TEST_F(lib, the_id_of_a_call_is_there_before_its_callback_is_called)
{
	struct known known = { 0 };
	struct child child;
	int i;

	sem_init(&known.done, 0, 0);
	start_server(self->group, &child, record, &self->log);
	ASSERT_EQ(0, mpipc_start(self->primary, NULL));
	for (i = 0; i < 500; i++) {
		ASSERT_EQ(1, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0,
					      MPIPC_WAIT_FOREVER, NULL, compare_id, &known,
					      &known.id));
		sem_wait(&known.done);
		ASSERT_TRUE(known.right);
	}
	child_kill(&child);
}

TEST_HARNESS_MAIN
