// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of rte_mp: requests that call back. Statements 28 to 34; lib_rte_delivery.c says
 * what the names mean.
 */
#include "child.h"
#include "device.h"
#include "fd.h"
#include "lib_rte.h"
#include "wait.h"

#include <pthread.h>

static const struct timespec short_time = { .tv_nsec = 20000000 };

/**
 * struct back - what the callback has got
 * @request: the request, and the pointer to it
 * @address: see @request
 * @reply: the numbers
 * @first: first reply
 * @peers: parameters of all replies
 * @thread: where it ran
 * @count: how often it was called
 * @came: posted by it
 * @lock: taken in it
 */
static struct back {
	struct rte_mp_msg request;
	const struct rte_mp_msg *address;
	struct rte_mp_reply reply;
	struct rte_mp_msg first;
	pthread_t thread;
	unsigned int count;
	sem_t came;
	pthread_mutex_t lock;
} back = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int call_back(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	pthread_mutex_lock(&back.lock);
	back.request = *request;
	back.address = request;
	back.reply = *reply;
	if (reply->nb_received)
		back.first = reply->msgs[0];
	back.thread = pthread_self();
	back.count++;
	pthread_mutex_unlock(&back.lock);
	sem_post(&back.came);
	return -1;	/* which does not matter */
}

static int ask_async(const char *name, const struct timespec *ts)
{
	struct rte_mp_msg msg = make_msg(name, "param");

	return rte_mp_request_async(&msg, ts, call_back);
}

/* Make a request after which nothing that was asked before can call back any more. */
static void settle(struct __test_metadata *_metadata)
{
	struct rte_mp_reply reply;

	ASSERT_EQ(0, ask("echo", "", &reply));
	free(reply.msgs);
}

FIXTURE(async)
{
	char prefix[MPIPC_GROUP_MAX];
};

FIXTURE_SETUP(async)
{
	group_name(self->prefix, _metadata->name);
	sem_init(&seen.came, 0, 0);
	sem_init(&back.came, 0, 0);
	setenv("MPIPC_WAIT", "10", 1);
}

FIXTURE_TEARDOWN(async)
{
	rte_eal_cleanup();
}

/* Reply to "echo", and die or be silent if the request asks for that. */
static int silent(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	return 0;
}

static void start_one(const char *prefix, struct child *child, rte_mp_t action)
{
	if (fork_child(child))
		return;
	own_line = child;
	CHECK(start_eal("secondary", prefix) >= 0);
	CHECK(!rte_mp_action_register("x", action));
	CHECK(!rte_mp_action_register("echo", echo));
	child_send(child, 0);
	stay();
}

TEST_F(async, s28_the_callback_gets_a_copy_of_the_request_and_the_replies)
{
	struct rte_mp_msg msg = make_msg("x", "param");
	struct child children[3];
	int i;

	for (i = 0; i < 3; i++)
		start_one(self->prefix, &children[i], echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 3));
	ASSERT_EQ(0, rte_mp_request_async(&msg, &a_minute, call_back));
	memset(&msg, 0x55, sizeof(msg));
	wait_for(&back.came);
	EXPECT_NE(&msg, back.address);
	EXPECT_STREQ("x", back.request.name);
	EXPECT_STREQ("param", (char *)back.request.param);
	EXPECT_EQ(3, back.reply.nb_sent);
	EXPECT_EQ(3, back.reply.nb_received);
	EXPECT_STREQ("param", (char *)back.first.param);
	EXPECT_STREQ("x", back.first.name);
	kill_all(children, 3);
}

TEST_F(async, s28_the_callback_is_called_once_for_each_request)
{
	struct child children[2];
	int i;

	for (i = 0; i < 2; i++)
		start_one(self->prefix, &children[i], echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 2));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, ask_async("x", &a_minute));
	for (i = 0; i < 100; i++)
		wait_for(&back.came);
	settle(_metadata);
	EXPECT_EQ(100, back.count);
	kill_all(children, 2);
}

TEST_F(async, s28_a_secondary_gets_the_reply_of_the_primary)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", echo));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!ask_async("x", &a_minute));
		wait_for(&back.came);
		CHECK(back.reply.nb_sent == 1 && back.reply.nb_received == 1);
		CHECK(!strcmp((char *)back.first.param, "param"));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(async, s29_at_the_deadline_it_has_what_there_is)
{
	const struct timespec half_a_second = { .tv_nsec = 500000000 };
	struct child children[2];

	start_one(self->prefix, &children[0], silent);
	start_one(self->prefix, &children[1], echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 2));
	ASSERT_EQ(0, ask_async("x", &half_a_second));
	wait_for(&back.came);
	EXPECT_EQ(2, back.reply.nb_sent);
	EXPECT_EQ(1, back.reply.nb_received);
	EXPECT_STREQ("param", (char *)back.first.param);
	EXPECT_EQ(1, back.count);
	kill_all(children, 2);
}

TEST_F(async, s29_without_any_reply_it_is_called_at_the_deadline)
{
	struct child child;
	__u64 start;

	start_one(self->prefix, &child, silent);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	start = now_ns();
	ASSERT_EQ(0, ask_async("x", &short_time));
	wait_for(&back.came);
	EXPECT_LE(short_time.tv_nsec, now_ns() - start);
	EXPECT_EQ(1, back.reply.nb_sent);
	EXPECT_EQ(0, back.reply.nb_received);
	EXPECT_EQ(NULL, back.reply.msgs);
	settle(_metadata);
	EXPECT_EQ(1, back.count);
	child_kill(&child);
}

TEST_F(async, s30_the_callback_never_runs_inside_the_call)
{
	struct child child;
	int i;

	start_one(self->prefix, &child, echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (i = 0; i < 50; i++) {
		/* The callback takes this lock, too. */
		pthread_mutex_lock(&back.lock);
		ASSERT_EQ(0, ask_async("x", &a_minute));
		EXPECT_EQ(i, back.count);
		pthread_mutex_unlock(&back.lock);
		wait_for(&back.came);
	}
	child_kill(&child);
}

static int ask_with_lock(const struct rte_mp_msg *msg, const void *peer)
{
	pthread_mutex_lock(&back.lock);
	CHECK(!ask_async("x", &a_minute));
	CHECK(!back.count);
	pthread_mutex_unlock(&back.lock);
	return echo(msg, peer);
}

TEST_F(async, s30_nor_does_it_inside_the_call_of_an_action)
{
	struct rte_mp_reply reply;
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("go", ask_with_lock));
	if (!fork_child(&child)) {
		rte_mp_action_unregister("go");
		CHECK(!rte_mp_action_register("x", echo));
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!ask("go", "", &reply));
		child_send(&child, 0);
		stay();
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	wait_for(&back.came);
	EXPECT_EQ(1, back.reply.nb_received);
	child_kill(&child);
}

TEST_F(async, d_s31_with_nobody_there_it_is_called_all_the_same)
{
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	ASSERT_EQ(0, ask_async("x", &a_minute));
	wait_for(&back.came);
	EXPECT_STREQ("x", back.request.name);
	EXPECT_EQ(0, back.reply.nb_sent);
	EXPECT_EQ(0, back.reply.nb_received);
	EXPECT_EQ(NULL, back.reply.msgs);
	EXPECT_EQ(1, back.count);
}

static int note_thread(const struct rte_mp_msg *msg, const void *peer)
{
	back.thread = pthread_self();
	sem_post(&seen.came);
	return echo(msg, peer);
}

TEST_F(async, s32_the_callback_runs_on_the_thread_of_the_actions)
{
	struct rte_mp_reply reply;
	pthread_t thread;
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("note", note_thread));
	if (!fork_child(&child)) {
		CHECK(!rte_mp_action_register("x", echo));
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!ask("note", "", &reply));
		child_send(&child, 0);
		stay();
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	wait_for(&seen.came);
	thread = back.thread;
	ASSERT_EQ(0, ask_async("x", &a_minute));
	wait_for(&back.came);
	EXPECT_TRUE(pthread_equal(thread, back.thread));
	child_kill(&child);
	/* The same holds for a request to nobody, and at a deadline. */
	ASSERT_EQ(0, ask_async("x", &short_time));
	wait_for(&back.came);
	EXPECT_TRUE(pthread_equal(thread, back.thread));
}

TEST_F(async, s33_no_time_at_all_is_an_error)
{
	const struct timespec none = { 0 }, less = { .tv_nsec = 999 }, past = { .tv_sec = -1 };
	const struct timespec least = { .tv_nsec = 1000 };

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_FAIL(EINVAL, ask_async("x", &none));
	EXPECT_FAIL(EINVAL, ask_async("x", &less));
	EXPECT_FAIL(EINVAL, ask_async("x", &past));
	EXPECT_EQ(0, ask_async("x", &least));
	wait_for(&back.came);
	EXPECT_EQ(1, back.count);
}

TEST_F(async, s34_what_fails_has_asked_nobody_and_does_not_call_back)
{
	struct rte_mp_msg msg = make_msg("report", "");
	struct rte_mp_reply reply;
	struct child children[2];
	int i;

	for (i = 0; i < 2; i++)
		start_secondary(self->prefix, &children[i], "report", report);
	ASSERT_EQ(0, start_primary(self->prefix, children, 2));
	msg.num_fds = 1;
	msg.fds[0] = -1;
	EXPECT_FAIL(EBADF, rte_mp_request_async(&msg, &a_minute, call_back));
	/* These two are replies to nothing else. */
	EXPECT_FAIL(ENOENT, ask("unknown", "", &reply));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, poll_for(children[i].line, POLLIN, 0));
	EXPECT_EQ(0, back.count);
	kill_all(children, 2);
}

TEST_F(async, d_s34_one_without_space_only_does_not_reply)
{
	struct child stopped, healthy;
	int i;

	start_one(self->prefix, &healthy, echo);
	start_one(self->prefix, &stopped, echo);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	child_hear(&healthy, NULL);
	child_hear(&stopped, NULL);
	kill(stopped.pid, SIGSTOP);
	ASSERT_EQ(stopped.pid, waitpid(stopped.pid, NULL, WUNTRACED));
	for (i = 0; i < 1100; i++)
		say("y", "");
	ASSERT_EQ(0, ask_async("x", &a_minute));
	wait_for(&back.came);
	EXPECT_EQ(2, back.reply.nb_sent);
	EXPECT_EQ(1, back.reply.nb_received);
	child_kill(&stopped);
	child_kill(&healthy);
}

TEST_F(async, d_a_secondary_that_dies_is_not_counted)
{
	struct child children[2];

	start_one(self->prefix, &children[0], die);
	start_one(self->prefix, &children[1], echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 2));
	ASSERT_EQ(0, ask_async("x", &a_minute));
	wait_for(&back.came);
	EXPECT_EQ(1, back.reply.nb_sent);
	EXPECT_EQ(1, back.reply.nb_received);
	child_wait(&children[0]);
	child_kill(&children[1]);
}

TEST_F(async, d_a_primary_that_dies_calls_back_at_once)
{
	struct child primary, child;

	if (!fork_child(&primary)) {
		CHECK(!rte_mp_action_register("x", die));
		CHECK(start_eal("primary", self->prefix) >= 0);
		stay();
	}
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!ask_async("x", &a_minute));
		wait_for(&back.came);
		CHECK(back.reply.nb_sent == 1 && back.reply.nb_received == 0);
		CHECK(ask_async("x", &a_minute) == -1);
		CHECK(rte_errno == ECONNREFUSED);
		CHECK(back.count == 1);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(&child));
	child_wait(&primary);
}

TEST_F(async, d_an_unknown_action_calls_back_at_once)
{
	struct child child;
	__u64 start;

	start_one(self->prefix, &child, echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	start = now_ns();
	ASSERT_EQ(0, ask_async("unknown", &a_minute));
	wait_for(&back.came);
	EXPECT_GT(5 * SECOND, now_ns() - start);
	EXPECT_EQ(1, back.reply.nb_sent);
	EXPECT_EQ(0, back.reply.nb_received);
	child_kill(&child);
}

TEST_F(async, what_is_open_at_cleanup_calls_back_once)
{
	struct child child;
	int i;

	start_one(self->prefix, &child, silent);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, ask_async("x", &a_minute));
	EXPECT_EQ(0, rte_eal_cleanup());
	EXPECT_EQ(5, back.count);
	EXPECT_EQ(1, back.reply.nb_sent);
	EXPECT_EQ(0, back.reply.nb_received);
	child_kill(&child);
}

static int reply_with_stdin(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg out = *msg;

	out.num_fds = 1;
	out.fds[0] = 0;
	return rte_mp_reply(&out, peer);
}

TEST_F(async, s35_descriptors_of_a_reply_belong_to_the_callback)
{
	struct child child;
	unsigned int before;

	start_one(self->prefix, &child, reply_with_stdin);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	before = count_fds();
	ASSERT_EQ(0, ask_async("x", &a_minute));
	wait_for(&back.came);
	settle(_metadata);
	ASSERT_EQ(1, back.first.num_fds);
	EXPECT_EQ(before + 1, count_fds());
	EXPECT_EQ(0, close(back.first.fds[0]));
	child_kill(&child);
}

TEST_F(async, s15_requests_of_many_threads_do_not_mix)
{
	struct child child;
	int i;

	start_one(self->prefix, &child, echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (i = 0; i < 1000; i++) {
		/* As many requests as possible are open at once. */
		ASSERT_EQ(0, ask_async(i % 2 ? "x" : "echo", &a_minute));
		if (i >= 500)
			wait_for(&back.came);
	}
	for (i = 0; i < 500; i++)
		wait_for(&back.came);
	settle(_metadata);
	EXPECT_EQ(1000, back.count);
	child_kill(&child);
}

TEST_HARNESS_MAIN
