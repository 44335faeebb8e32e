// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of requests that are made in actions, and calls that are made in handlers: several
 * deep, of several processes at once, and what stays in order.
 */
#include "child.h"
#include "device.h"
#include "fd.h"
#include "lib_rte.h"
#include "message.h"
#include "wait.h"

#include <mpipc.h>
#include <pthread.h>

static const struct timespec short_time = { .tv_nsec = 50000000 };

/* Return the number in the parameters. */
static int number_of(const struct rte_mp_msg *msg)
{
	return atoi((const char *)msg->param);
}

static struct rte_mp_msg numbered(const char *name, int number)
{
	struct rte_mp_msg msg = make_msg(name, "");

	msg.len_param = sprintf((char *)msg.param, "%d", number);
	return msg;
}

/* A reply with this number means that the request was nested too deep. */
#define TOO_DEEP	1000
#define FAILED		-1000

/* Ask the other side for one less, and reply with one more than its reply. */
static int ping(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg out = numbered("ping", number_of(msg) - 1);
	struct rte_mp_reply reply;
	int depth = 0;

	if (number_of(msg) > 0) {
		if (rte_mp_request_sync(&out, &reply, &a_minute))
			depth = rte_errno == EDEADLK ? TOO_DEEP : FAILED;
		else
			depth = number_of(&reply.msgs[0]) + 1;
		free(reply.msgs);
	}
	out = numbered("ping", depth);
	return rte_mp_reply(&out, peer);
}

static int ask_ping(int depth)
{
	struct rte_mp_msg msg = numbered("ping", depth);
	struct rte_mp_reply reply;
	int ret;

	if (rte_mp_request_sync(&msg, &reply, &a_minute))
		return -rte_errno;
	ret = number_of(&reply.msgs[0]);
	free(reply.msgs);
	return ret;
}

static void start_ping(const char *prefix, struct child *child)
{
	start_secondary(prefix, child, "ping", ping);
}

TEST_F(rte, d_s14_requests_are_nested_three_deep)
{
	struct child child;

	start_ping(self->prefix, &child);
	ASSERT_EQ(0, rte_mp_action_register("ping", ping));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(1, ask_ping(1));
	EXPECT_EQ(2, ask_ping(2));
	EXPECT_EQ(3, ask_ping(3));
	child_kill(&child);
}

TEST_F(rte, d_s14_requests_are_nested_thirty_deep)
{
	struct child child;

	start_ping(self->prefix, &child);
	ASSERT_EQ(0, rte_mp_action_register("ping", ping));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(30, ask_ping(30));
	child_kill(&child);
}

TEST_F(rte, d_s14_requests_are_nested_a_hundred_deep)
{
	struct child child;

	start_ping(self->prefix, &child);
	ASSERT_EQ(0, rte_mp_action_register("ping", ping));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(100, ask_ping(100));
	child_kill(&child);
}

TEST_F(rte, e_too_deep_requests_fail_at_once_and_leave_everything_in_order)
{
	struct child child;

	start_ping(self->prefix, &child);
	ASSERT_EQ(0, rte_mp_action_register("ping", ping));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	/* The request that is too deep gets a reply that says so, which all others hand on. */
	EXPECT_LE(1000, ask_ping(1000));
	EXPECT_EQ(3, ask_ping(3));
	child_kill(&child);
}

/* Have both sides ask each other; a message starts them at the same time. */
static int ask_in_action(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_reply reply;
	static int next;

	(void)peer;
	/* Messages begin in their order, however deep, and though some have to wait. */
	if (number_of(msg) != next++)
		_exit(EXIT_FAILURE);
	if (ask("echo", "inner", &reply) || reply.nb_received != 1)
		_exit(EXIT_FAILURE);
	free(reply.msgs);
	seen.count++;
	sem_post(&seen.came);
	return 0;
}

static int send_numbered(const char *name, int number)
{
	struct rte_mp_msg msg = numbered(name, number);

	return rte_mp_sendmsg(&msg);
}

static void add_actions(void)
{
	CHECK(!rte_mp_action_register("echo", echo));
	CHECK(!rte_mp_action_register("go", ask_in_action));
}

TEST_F(rte, d_s14_two_processes_ask_each_other_in_their_actions_at_once)
{
	struct child child;
	int i;

	if (!fork_child(&child)) {
		add_actions();
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&child, 0);
		for (i = 0; i < 100; i++)
			CHECK(!send_numbered("go", i));
		for (i = 0; i < 100; i++)
			wait_for(&seen.came);
		child_send(&child, 0);
		stay();
	}
	add_actions();
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, send_numbered("go", i));
	for (i = 0; i < 100; i++)
		wait_for(&seen.came);
	EXPECT_EQ(0, child_hear(&child, NULL));
	child_kill(&child);
}

TEST_F(rte, d_s14_four_secondaries_and_their_primary_ask_each_other_at_once)
{
	struct child children[4];
	struct rte_mp_reply reply;
	int i, j;

	for (i = 0; i < 4; i++) {
		if (fork_child(&children[i]))
			continue;
		CHECK(!rte_mp_action_register("ping", ping));
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&children[i], 0);
		child_hear(&children[i], NULL);
		for (j = 0; j < 20; j++)
			CHECK(ask_ping(0) == 0);
		child_send(&children[i], 0);
		stay();
	}
	/* The requests of this process go to all four, and theirs come meanwhile. */
	ASSERT_EQ(0, rte_mp_action_register("ping", ping));
	ASSERT_EQ(0, start_primary(self->prefix, children, 4));
	for (i = 0; i < 4; i++)
		child_send(&children[i], 0);
	for (j = 0; j < 20; j++) {
		ASSERT_EQ(0, ask("ping", "3", &reply));
		ASSERT_EQ(4, reply.nb_received);
		for (i = 0; i < 4; i++)
			EXPECT_EQ(3, number_of(&reply.msgs[i]));
		free(reply.msgs);
	}
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, child_hear(&children[i], NULL));
	kill_all(children, 4);
}

static int count_one(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	seen.count++;
	return 0;
}

static int ten_then_reply(const struct rte_mp_msg *msg, const void *peer)
{
	int i;

	for (i = 0; i < 10; i++)
		CHECK(!say("one", ""));
	CHECK(!send_reply(msg->name, "", peer));
	return 0;
}

static int scan_in_action(const struct rte_mp_msg *msg, const void *peer)
{
	unsigned int before = seen.count;
	struct rte_mp_reply reply;

	(void)msg;
	CHECK(!ask("scan", "", &reply));
	free(reply.msgs);
	return send_reply("go", seen.count == before + 10 ? "ten" : "not ten", peer);
}

TEST_F(rte, s06_nor_does_a_reply_to_a_nested_request_overtake_messages)
{
	struct rte_mp_reply reply;
	struct child child;
	int i;

	if (!fork_child(&child)) {
		CHECK(!rte_mp_action_register("one", count_one));
		CHECK(!rte_mp_action_register("go", scan_in_action));
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&child, 0);
		stay();
	}
	ASSERT_EQ(0, rte_mp_action_register("scan", ten_then_reply));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, ask("go", "", &reply));
		EXPECT_STREQ("ten", (char *)reply.msgs[0].param);
		free(reply.msgs);
	}
	child_kill(&child);
}

static sem_t finish;
static bool outer_done;

/* Ask, and end only some time after the nested request. */
static int ask_then_wait(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_reply reply;

	(void)peer;
	CHECK(!ask("echo", "", &reply));
	free(reply.msgs);
	CHECK(!strcmp((const char *)msg->param, "outer"));
	sem_post(&seen.came);
	wait_for(&finish);
	__atomic_store_n(&outer_done, true, __ATOMIC_SEQ_CST);
	return 0;
}

struct asking {
	pthread_t thread;
	pid_t tid;
	bool was_done;
};

static void *ask_echo(void *arg)
{
	struct asking *self = arg;
	struct rte_mp_reply reply;

	__atomic_store_n(&self->tid, (pid_t)gettid(), __ATOMIC_RELEASE);
	CHECK(!ask("echo", "", &reply));
	self->was_done = __atomic_load_n(&outer_done, __ATOMIC_SEQ_CST);
	free(reply.msgs);
	return NULL;
}

TEST_F(rte, s06_a_reply_waits_for_an_action_that_has_a_nested_request)
{
	struct asking asking = { 0 };
	struct child child;
	pid_t tid;

	sem_init(&finish, 0, 0);
	if (!fork_child(&child)) {
		CHECK(!rte_mp_action_register("echo", echo));
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&child, 0);
		child_hear(&child, NULL);
		CHECK(!say("go", "outer"));
		stay();
	}
	ASSERT_EQ(0, rte_mp_action_register("go", ask_then_wait));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	child_send(&child, 0);
	wait_for(&seen.came);
	ASSERT_EQ(0, pthread_create(&asking.thread, NULL, ask_echo, &asking));
	while (!(tid = __atomic_load_n(&asking.tid, __ATOMIC_ACQUIRE)))
		sched_yield();
	EXPECT_EQ(0, wait_asleep(tid));
	sem_post(&finish);
	pthread_join(asking.thread, NULL);
	EXPECT_TRUE(asking.was_done);
	child_kill(&child);
}

/* Check that the message of an action, and its descriptors, are still there afterwards. */
static int check_own_message(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg copy = *msg;
	char *peer_copy = strdup(peer);
	struct rte_mp_reply reply;
	bool same;

	CHECK(!ask("scan", "", &reply));
	free(reply.msgs);
	same = !memcmp(&copy, msg, offsetof(struct rte_mp_msg, fds)) && !strcmp(peer, peer_copy) &&
	       msg->num_fds == 1 && fcntl(msg->fds[0], F_GETFD) >= 0;
	free(peer_copy);
	close(msg->fds[0]);
	return send_reply("go", same ? "same" : "changed", peer);
}

TEST_F(rte, s08_the_message_of_an_action_is_valid_across_a_nested_request)
{
	struct rte_mp_msg msg = make_msg("go", "mine");
	struct rte_mp_reply reply;
	struct child child;
	int i;

	if (!fork_child(&child)) {
		CHECK(!rte_mp_action_register("one", count_one));
		CHECK(!rte_mp_action_register("go", check_own_message));
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&child, 0);
		stay();
	}
	ASSERT_EQ(0, rte_mp_action_register("scan", ten_then_reply));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	msg.num_fds = 1;
	msg.fds[0] = 0;
	for (i = 0; i < 10; i++) {
		/* These messages are in one batch with the request. */
		EXPECT_EQ(0, say("one", ""));
		EXPECT_EQ(0, say("one", ""));
		ASSERT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
		EXPECT_STREQ("same", (char *)reply.msgs[0].param);
		free(reply.msgs);
	}
	child_kill(&child);
}

static int reply_with_stdin(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg out = make_msg(msg->name, "");

	out.num_fds = 2;
	out.fds[0] = 0;
	out.fds[1] = 1;
	return rte_mp_reply(&out, peer);
}

static int ask_for_fds(const struct rte_mp_msg *msg, const void *peer)
{
	unsigned int before = count_fds();
	struct rte_mp_reply reply;
	bool right;

	(void)msg;
	CHECK(!ask("fds", "", &reply));
	right = reply.msgs[0].num_fds == 2 && count_fds() == before + 2;
	close(reply.msgs[0].fds[0]);
	close(reply.msgs[0].fds[1]);
	free(reply.msgs);
	return send_reply("go", right && count_fds() == before ? "two" : "", peer);
}

TEST_F(rte, s35_descriptors_of_a_nested_reply_belong_to_who_asked)
{
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "go", ask_for_fds);
	ASSERT_EQ(0, rte_mp_action_register("fds", reply_with_stdin));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, ask("go", "", &reply));
	EXPECT_STREQ("two", (char *)reply.msgs[0].param);
	free(reply.msgs);
	child_kill(&child);
}

static int fail_in_action(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg silent = make_msg("silent", ""), unknown = make_msg("unknown", "");
	struct rte_mp_reply reply;

	(void)msg;
	CHECK(rte_mp_request_sync(&silent, &reply, &short_time) == -1);
	CHECK(rte_errno == ETIMEDOUT && !reply.msgs);
	CHECK(rte_mp_request_sync(&unknown, &reply, &a_minute) == -1);
	CHECK(rte_errno == ENOENT && !reply.msgs);
	return send_reply("go", "failed", peer);
}

TEST_F(rte, e_nested_requests_fail_as_others_do)
{
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "go", fail_in_action);
	ASSERT_EQ(0, rte_mp_action_register("silent", keep));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, ask("go", "", &reply));
	EXPECT_STREQ("failed", (char *)reply.msgs[0].param);
	free(reply.msgs);
	child_kill(&child);
}

static int ask_nobody(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_reply reply;

	/* The only process there is asks this, and dies. */
	kill(atoi((const char *)msg->param), SIGKILL);
	(void)peer;
	while (!ask("x", "", &reply) && reply.nb_sent)
		free(reply.msgs);
	seen.count = reply.nb_sent + 1;
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, s18_a_nested_request_to_nobody_succeeds)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("go", ask_nobody));
	if (!fork_child(&child)) {
		struct rte_mp_msg msg = numbered("go", getpid());

		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_sendmsg(&msg));
		stay();
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_EQ(1, seen.count);
	child_wait(&child);
}

static int clean_up(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	return rte_eal_cleanup();
}

static int ask_and_lose(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_reply reply;

	(void)msg;
	(void)peer;
	if (ask("silent", "", &reply) == -1)
		seen.count = rte_errno;
	sem_post(&seen.came);
	return 0;
}

/* Have the primary clean up while its action waits for this process. */
static int end_it(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	return say("end", "");
}

TEST_F(rte, s46_an_action_inside_another_ones_request_may_clean_up)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("go", ask_and_lose));
	ASSERT_EQ(0, rte_mp_action_register("end", clean_up));
	if (!fork_child(&child)) {
		CHECK(!rte_mp_action_register("silent", end_it));
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("go", ""));
		stay();
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_EQ(EBADF, seen.count);
	child_kill(&child);
	EXPECT_LE(0, start_eal("primary", self->prefix));
}

TEST_F(rte, s46_cleanup_calls_back_an_action_that_waits)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("go", ask_and_lose));
	if (!fork_child(&child)) {
		own_line = &child;
		CHECK(!rte_mp_action_register("silent", report));
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("go", ""));
		stay();
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(0, rte_eal_cleanup());
	EXPECT_EQ(EBADF, seen.count);
	child_kill(&child);
}

static int note_back(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	(void)request;
	seen.count += reply->nb_received;
	return 0;
}

/*
 * Ask twice: the callback of the first request runs inside the second, whose reply comes
 * later.
 */
static int ask_both_ways(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg echo_msg = make_msg("echo", "");
	struct rte_mp_reply reply;

	(void)msg;
	CHECK(!rte_mp_request_async(&echo_msg, &a_minute, note_back));
	CHECK(!seen.count);
	CHECK(!ask("echo", "", &reply));
	free(reply.msgs);
	return send_reply("go", seen.count == 1 ? "called back" : "", peer);
}

TEST_F(rte, s30_a_callback_may_run_inside_a_later_request_only)
{
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "go", ask_both_ways);
	ASSERT_EQ(0, rte_mp_action_register("echo", echo));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, ask("go", "", &reply));
	EXPECT_STREQ("called back", (char *)reply.msgs[0].param);
	free(reply.msgs);
	child_kill(&child);
}

static struct rte_mp_msg ask_again = { .name = "echo" };

static int ask_in_callback(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	struct rte_mp_reply second;

	(void)request;
	if (reply->nb_received == 1 && !rte_mp_request_sync(&ask_again, &second, &a_minute)) {
		seen.count = second.nb_received;
		free(second.msgs);
	}
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, d_s14_a_callback_may_make_a_request)
{
	struct child child;

	start_secondary(self->prefix, &child, "echo", echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, rte_mp_request_async(&ask_again, &a_minute, ask_in_callback));
	wait_for(&seen.came);
	EXPECT_EQ(1, seen.count);
	child_kill(&child);
}

/* The same with the library's own interface, in an event loop */

struct side {
	struct mpipc *self;
	__u64 to;
	int calls, replies;
};

static void call_back_and_forth(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	struct mpipc_replies *replies;
	struct side *side = arg;
	int depth = message->record->size ? *(int *)message->data - 1 : 0;

	side->calls++;
	if (depth > 0 && mpipc_call(self, side->to, "x", &depth, sizeof(depth),
				    10 * (int64_t)SECOND, NULL, &replies) == 1) {
		side->replies += !mpipc_replies_get(replies, 0)->record->status;
		mpipc_replies_free(replies);
	}
	if (message->record->type == MPIPC_REQUEST)
		mpipc_reply(self, message->record->call, 0, NULL, 0, NULL);
}

static int open_side(struct side *side, const char *group, enum mpipc_role role)
{
	struct mpipc_open_options options = {
		.size = sizeof(options),
		.timeout_ns = 10 * (int64_t)SECOND,
		.handler = call_back_and_forth,
		.arg = side,
	};

	side->to = role == MPIPC_PRIMARY ? MPIPC_TO_ALL : MPIPC_TO_PRIMARY;
	return mpipc_open(&side->self, group, role, &options);
}

TEST(calls_are_nested_in_event_loops_of_two_processes)
{
	struct side side = { 0 };
	char group[MPIPC_GROUP_MAX];
	struct child child;
	int depth = 6;

	group_name(group, _metadata->name);
	if (!fork_child(&child)) {
		CHECK(!open_side(&side, group, MPIPC_SECONDARY));
		child_send(&child, 0);
		CHECK(mpipc_dispatch(side.self, MPIPC_WAIT_FOREVER) > 0);
		CHECK(side.calls == 3 && side.replies == 3);
		mpipc_close(side.self);
		_exit(0);
	}
	ASSERT_EQ(0, open_side(&side, group, MPIPC_PRIMARY));
	child_hear(&child, NULL);
	ASSERT_EQ(1, mpipc_send(side.self, MPIPC_TO_ALL, "x", &depth, sizeof(depth), NULL));
	/* 5 requests are here, 4 there, and so on to the last one here, which asks nobody. */
	EXPECT_EQ(1, mpipc_dispatch(side.self, 10 * (int64_t)SECOND));
	EXPECT_EQ(3, side.calls);
	EXPECT_EQ(2, side.replies);
	EXPECT_EQ(0, child_wait(&child));
	mpipc_close(side.self);
}

static int closing_result;

static void close_in_nested(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	struct mpipc_replies *replies;

	(void)arg;
	if (message->record->name[0] == 'c') {
		mpipc_close(self);
		return;
	}
	closing_result = mpipc_call(self, MPIPC_TO_PRIMARY, "x", NULL, 0, 10 * (int64_t)SECOND,
				    NULL, &replies);
}

TEST(a_handle_may_be_closed_inside_the_call_of_a_handler)
{
	struct mpipc_open_options options = { .size = sizeof(options), .handler = close_in_nested };
	char group[MPIPC_GROUP_MAX];
	unsigned int before;
	struct mpipc *self;
	int primary;

	before = count_fds();
	group_name(group, _metadata->name);
	primary = open_primary(group);
	ASSERT_LE(0, primary);
	ASSERT_EQ(0, mpipc_open(&self, group, MPIPC_SECONDARY, &options));
	ASSERT_EQ(0, send_msg(primary, MPIPC_TO_ALL, "go", NULL, 0));
	ASSERT_EQ(0, send_msg(primary, MPIPC_TO_ALL, "close", NULL, 0));
	EXPECT_EQ(-ESHUTDOWN, mpipc_dispatch(self, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(-ESHUTDOWN, closing_result);
	close(primary);
	EXPECT_EQ(before, count_fds());
}

TEST_HARNESS_MAIN
