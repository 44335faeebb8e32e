// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of rte_mp: who gets what, in which order, on which thread. Statements 1 to 16.
 *
 * The number in a name is that of the statement in selftests/statements about DPDK's behaviour
 * that users depend on. Two of the 52 statements have no test here:
 *
 * 4	paths of DPDK's sockets, because there are none
 * 39	the order of DPDK's own initialisation, which the tests with DPDK cover
 *
 * These have a test in part, because the rest is DPDK's own: 38 (lcores), 40 (a secondary goes
 * on without), 51 and 52 (how its test harness starts children).
 *
 * lib_rte_request.c tests statements 17 to 27, lib_rte_async.c 28 to 34, lib_rte_fds.c 35 to
 * 37, and lib_rte_init.c 38 to 52. A "d_" stands before what is different on purpose, an "e_"
 * before error paths, and a "doc_" before promises of the documentation.
 */
#include "child.h"
#include "lib_rte.h"
#include "wait.h"

#include <pthread.h>

TEST_F(rte, s01_a_secondary_reaches_the_primary_only)
{
	struct child sender, other;

	start_secondary(self->prefix, &other, "x", report);
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&sender)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_hear(&sender, NULL);
		CHECK(!say("x", "up"));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, &other, 1));
	child_send(&sender, 0);
	EXPECT_EQ(0, child_wait(&sender));
	wait_for(&seen.came);
	EXPECT_STREQ("up", (char *)seen.msg.param);
	/* The first message of the other process is about this. */
	EXPECT_EQ(0, say("x", "down"));
	EXPECT_EQ(0, child_hear(&other, NULL));
	EXPECT_EQ(0, poll_for(other.line, POLLIN, 0));
	child_kill(&other);
}

TEST_F(rte, s02_a_primary_never_reaches_itself)
{
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "x", echo);
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(0, say("x", ""));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(1, reply.nb_sent);
	free(reply.msgs);
	EXPECT_EQ(0, seen.count);
	child_kill(&child);
}

TEST_F(rte, s02_a_primary_reaches_those_who_are_there_at_that_time)
{
	struct rte_mp_reply reply;
	struct child early, late;

	start_secondary(self->prefix, &early, "x", echo);
	if (!fork_child(&late)) {
		child_hear(&late, NULL);
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_action_register("x", echo));
		child_send(&late, 0);
		stay();
	}
	ASSERT_EQ(0, start_primary(self->prefix, &early, 1));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(1, reply.nb_sent);
	free(reply.msgs);
	child_send(&late, 0);
	child_hear(&late, NULL);
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(2, reply.nb_sent);
	free(reply.msgs);
	child_kill(&early);
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(1, reply.nb_sent);
	free(reply.msgs);
	child_kill(&late);
}

TEST_F(rte, s03_groups_of_other_prefixes_do_not_meet)
{
	char other[MPIPC_GROUP_MAX + 8];
	struct rte_mp_reply reply;
	struct child primary, child;

	snprintf(other, sizeof(other), "%s.other", self->prefix);
	if (!fork_child(&primary)) {
		CHECK(start_eal("primary", other) >= 0);
		child_send(&primary, 0);
		stay();
	}
	start_secondary(other, &child, "x", echo);
	child_hear(&primary, NULL);
	child_hear(&child, NULL);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(0, reply.nb_sent);
	child_kill(&child);
	child_kill(&primary);
}

/* Ask everybody, as hotplugging does, and among them the process that waits for this. */
static int ask_everybody(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_reply reply;

	(void)msg;
	if (ask("echo", "", &reply))
		return -1;
	send_reply("everybody", reply.nb_sent == 2 && reply.nb_received == 2 ? "both" : "", peer);
	free(reply.msgs);
	return 0;
}

TEST_F(rte, s05_who_waits_for_a_reply_is_asked_itself)
{
	struct child asking, other;

	ASSERT_EQ(0, rte_mp_action_register("everybody", ask_everybody));
	start_secondary(self->prefix, &other, "echo", echo);
	if (!fork_child(&asking)) {
		struct rte_mp_reply reply;

		CHECK(!rte_mp_action_register("echo", echo));
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_hear(&asking, NULL);
		CHECK(!ask("everybody", "", &reply));
		CHECK(!strcmp((char *)reply.msgs[0].param, "both"));
		CHECK(seen.count == 1);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, &other, 1));
	child_send(&asking, 0);
	EXPECT_EQ(0, child_wait(&asking));
	child_kill(&other);
}

static int slow_count(const struct rte_mp_msg *msg, const void *peer)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	(void)msg;
	(void)peer;
	nanosleep(&pause, NULL);
	seen.count++;
	return 0;
}

/* Send ten messages and then reply, as a scan of devices does. */
static int ten_then_reply(const struct rte_mp_msg *msg, const void *peer)
{
	int i;

	for (i = 0; i < 10; i++)
		CHECK(!say("one", ""));
	CHECK(!send_reply(msg->name, "", peer));
	return 0;
}

TEST_F(rte, s06_a_reply_does_not_overtake_earlier_messages)
{
	struct rte_mp_reply reply;
	struct child child;
	int round;

	ASSERT_EQ(0, rte_mp_action_register("one", slow_count));
	start_secondary(self->prefix, &child, "scan", ten_then_reply);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (round = 1; round <= 5; round++) {
		ASSERT_EQ(0, ask("scan", "", &reply));
		EXPECT_EQ(10 * round, seen.count);
		free(reply.msgs);
	}
	child_kill(&child);
}

TEST_F(rte, s06_a_reply_does_not_overtake_messages_of_the_primary)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("scan", ten_then_reply));
	if (!fork_child(&child)) {
		struct rte_mp_reply reply;

		CHECK(!rte_mp_action_register("one", slow_count));
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!ask("scan", "", &reply));
		CHECK(seen.count == 10);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

static int async_came(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	(void)request;
	seen.msg.num_fds = reply->nb_received;
	seen.msg.len_param = seen.count;
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, s06_an_asynchronous_reply_does_not_overtake_earlier_messages)
{
	struct rte_mp_msg msg = make_msg("scan", "");
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("one", slow_count));
	start_secondary(self->prefix, &child, "scan", ten_then_reply);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, rte_mp_request_async(&msg, &a_minute, async_came));
	wait_for(&seen.came);
	EXPECT_EQ(1, seen.msg.num_fds);
	EXPECT_EQ(10, seen.msg.len_param);
	child_kill(&child);
}

/* End the process if two actions run at once. */
static int alone(const struct rte_mp_msg *msg, const void *peer)
{
	static int running;

	CHECK(!__atomic_exchange_n(&running, 1, __ATOMIC_SEQ_CST));
	sched_yield();
	__atomic_store_n(&running, 0, __ATOMIC_SEQ_CST);
	return echo(msg, peer);
}

TEST_F(rte, s07_actions_run_one_at_a_time)
{
	struct child children[4];
	int i, j;

	ASSERT_EQ(0, rte_mp_action_register("alone", alone));
	ASSERT_EQ(0, rte_mp_action_register("too", alone));
	for (i = 0; i < 4; i++) {
		if (!fork_child(&children[i])) {
			struct rte_mp_reply reply;

			CHECK(start_eal("secondary", self->prefix) >= 0);
			for (j = 0; j < 100; j++) {
				CHECK(!ask(j % 2 ? "alone" : "too", "", &reply));
				CHECK(reply.nb_received == 1);
				free(reply.msgs);
			}
			_exit(0);
		}
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, child_wait(&children[i]));
	EXPECT_EQ(0, rte_eal_cleanup());
	EXPECT_EQ(400, seen.count);
}

static pthread_t action_threads[2];

static int note_thread(const struct rte_mp_msg *msg, const void *peer)
{
	(void)peer;
	action_threads[msg->param[0] - '0'] = pthread_self();
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, s07_all_actions_run_on_one_thread_of_their_own)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", note_thread));
	ASSERT_EQ(0, rte_mp_action_register("y", note_thread));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", "0") && !say("y", "1"));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	wait_for(&seen.came);
	EXPECT_TRUE(pthread_equal(action_threads[0], action_threads[1]));
	EXPECT_FALSE(pthread_equal(action_threads[0], pthread_self()));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, s08_a_message_that_was_copied_can_be_replied_to_later)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		struct rte_mp_reply reply;

		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!ask("x", "first", &reply));
		CHECK(!strcmp((char *)reply.msgs[0].param, "first"));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_EQ(0, rte_mp_reply(&seen.msg, seen.peer));
	EXPECT_EQ(0, child_wait(&child));
}

/* Reply as some drivers do, which never set a length or descriptors. */
static int reply_without_length(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg out = *msg;

	memset(out.param, 0x5a, sizeof(out.param));
	out.len_param = 0;
	return rte_mp_reply(&out, peer);
}

TEST_F(rte, s09_a_reply_carries_all_its_parameters_too)
{
	struct rte_mp_reply reply;
	struct child child;
	int i, wrong = 0;

	start_secondary(self->prefix, &child, "x", reply_without_length);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, ask("x", "", &reply));
	ASSERT_EQ(1, reply.nb_received);
	EXPECT_EQ(0, reply.msgs[0].len_param);
	for (i = 0; i < RTE_MP_MAX_PARAM_LEN; i++)
		wrong += reply.msgs[0].param[i] != 0x5a;
	EXPECT_EQ(0, wrong);
	free(reply.msgs);
	child_kill(&child);
}

#define ASKED	64

static const char *asked_by[ASKED];

static int keep_peer(const struct rte_mp_msg *msg, const void *peer)
{
	asked_by[msg->param[0]] = peer;
	sem_post(&seen.came);
	return 0;
}

struct asking {
	pthread_t thread;
	int number;
	bool right;
};

static void *ask_one(void *arg)
{
	/* This outlasts all requests that are made meanwhile, on a slow machine, too. */
	const struct timespec an_hour = { .tv_sec = 3600 };
	struct asking *self = arg;
	struct rte_mp_msg msg = make_msg("x", (char[]){ self->number, '\0' });
	struct rte_mp_reply reply;

	self->right = !rte_mp_request_sync(&msg, &reply, &an_hour) &&
		      reply.msgs[0].param[0] == self->number;
	free(reply.msgs);
	return NULL;
}

/* Make so many requests at once, in a secondary, each of which gets its own reply. */
static void ask_at_once(const char *prefix)
{
	static struct asking asking[ASKED];
	int i;

	CHECK(start_eal("secondary", prefix) >= 0);
	for (i = 1; i < ASKED; i++) {
		asking[i].number = i;
		CHECK(!pthread_create(&asking[i].thread, NULL, ask_one, &asking[i]));
	}
	for (i = 1; i < ASKED; i++) {
		pthread_join(asking[i].thread, NULL);
		CHECK(asking[i].right);
	}
	_exit(0);
}

TEST_F(rte, s11_the_pointer_to_a_peer_stays_good_for_its_request)
{
	struct child child;
	char number[2] = "";
	int i;

	ASSERT_EQ(0, rte_mp_action_register("x", keep_peer));
	if (!fork_child(&child))
		ask_at_once(self->prefix);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	for (i = 1; i < ASKED; i++)
		wait_for(&seen.came);
	/*
	 * Of one process and one name, reply in another order, because each reply names its
	 * request.
	 */
	for (i = ASKED - 1; i > 0; i--) {
		number[0] = i;
		EXPECT_EQ(0, send_reply("x", number, asked_by[i]));
	}
	EXPECT_EQ(0, child_wait(&child));
}

/* There are fewer strings for peers than this. */
#define REPLIED	5000

/* Make one request that waits, in a secondary, and many that do not. */
static void ask_beside(const char *prefix, struct child *self)
{
	static struct asking waiting = { .number = 1 };
	struct rte_mp_reply reply;
	int i;

	CHECK(start_eal("secondary", prefix) >= 0);
	CHECK(!pthread_create(&waiting.thread, NULL, ask_one, &waiting));
	CHECK(!child_hear(self, NULL));
	for (i = 0; i < REPLIED; i++) {
		CHECK(!ask("y", "", &reply));
		free(reply.msgs);
	}
	child_send(self, 0);
	pthread_join(waiting.thread, NULL);
	CHECK(waiting.right);
	_exit(0);
}

TEST_F(rte, s11_the_pointer_to_a_peer_outlasts_requests_that_were_replied_to)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", keep_peer));
	ASSERT_EQ(0, rte_mp_action_register("y", echo));
	if (!fork_child(&child))
		ask_beside(self->prefix, &child);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	child_send(&child, 0);
	ASSERT_EQ(0, child_hear(&child, NULL));
	EXPECT_EQ(0, send_reply("x", "\1", asked_by[1]));
	EXPECT_EQ(0, child_wait(&child));
}

/* Make a request that times out, in a secondary, and then many that are replied to. */
static void ask_after(const char *prefix, struct child *self)
{
	const struct timespec one_second = { .tv_sec = 1 };
	struct rte_mp_msg msg = make_msg("x", "\1");
	struct rte_mp_reply reply;
	int i;

	CHECK(start_eal("secondary", prefix) >= 0);
	CHECK(rte_mp_request_sync(&msg, &reply, &one_second) < 0);
	child_send(self, 0);
	CHECK(!child_hear(self, NULL));
	for (i = 0; i < 100; i++) {
		CHECK(!ask("y", "", &reply));
		free(reply.msgs);
	}
	_exit(0);
}

/* A pointer that is used again would give a late reply to another request. */
TEST_F(rte, s11_the_pointer_to_a_peer_outlasts_its_request)
{
	struct child child;
	char peer[108];

	ASSERT_EQ(0, rte_mp_action_register("x", keep_peer));
	ASSERT_EQ(0, rte_mp_action_register("y", echo));
	if (!fork_child(&child))
		ask_after(self->prefix, &child);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	snprintf(peer, sizeof(peer), "%s", asked_by[1]);
	ASSERT_EQ(0, child_hear(&child, NULL));
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_STREQ(peer, asked_by[1]);
}

static int reply_and_fail(const struct rte_mp_msg *msg, const void *peer)
{
	echo(msg, peer);
	return -1;
}

TEST_F(rte, s13_what_an_action_returns_does_not_matter)
{
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "x", reply_and_fail);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(1, reply.nb_received);
	free(reply.msgs);
	child_kill(&child);
}

static int fail(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	return -1;
}

TEST_F(rte, s13_an_action_that_fails_does_not_reply)
{
	const struct timespec short_time = { .tv_nsec = 20000000 };
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "x", fail);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &short_time));
	child_kill(&child);
}

static int note_reply(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	say("came", reply->nb_received == 1 ? (const char *)request->param : "");
	return 0;
}

/* Send a message and a request out of an action, and reply. */
static int send_in_action(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg request = make_msg("echo", "inner");

	CHECK(!say("came", "message"));
	CHECK(!rte_mp_request_async(&request, &a_minute, note_reply));
	return echo(msg, peer);
}

static char came[2][16];

static int note_param(const struct rte_mp_msg *msg, const void *peer)
{
	static int n;

	(void)peer;
	strcpy(came[n++], (const char *)msg->param);
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, s14_actions_send_messages_and_asynchronous_requests)
{
	struct rte_mp_reply reply;
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("echo", alone));
	ASSERT_EQ(0, rte_mp_action_register("came", note_param));
	start_secondary(self->prefix, &child, "x", send_in_action);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, ask("x", "", &reply));
	free(reply.msgs);
	wait_for(&seen.came);
	EXPECT_STREQ("message", came[0]);
	wait_for(&seen.came);
	EXPECT_STREQ("inner", came[1]);
	child_kill(&child);
}

static int count_async(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	(void)request;
	if (reply->nb_sent == 2 && reply->nb_received == 2)
		sem_post(&seen.came);
	return 0;
}

static void *use_everything(void *failed)
{
	struct rte_mp_msg msg = make_msg("echo", "");
	struct rte_mp_reply reply;
	char name[32];
	int i;

	snprintf(name, sizeof(name), "%p", (void *)pthread_self());
	for (i = 0; i < 25; i++) {
		if (rte_mp_action_register(name, keep) || rte_mp_sendmsg(&msg) ||
		    rte_mp_request_async(&msg, &a_minute, count_async) ||
		    rte_mp_request_sync(&msg, &reply, &a_minute) || reply.nb_received != 2)
			__atomic_fetch_add((int *)failed, 1, __ATOMIC_RELAXED);
		rte_mp_action_unregister(name);
		free(reply.msgs);
	}
	return NULL;
}

TEST_F(rte, s15_any_thread_may_call_anything_at_any_time)
{
	struct child children[2];
	pthread_t threads[8];
	int i, failed = 0;

	for (i = 0; i < 2; i++)
		start_secondary(self->prefix, &children[i], "echo", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 2));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, use_everything, &failed));
	for (i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, failed);
	for (i = 0; i < 8 * 25; i++)
		wait_for(&seen.came);
	kill_all(children, 2);
}

TEST_F(rte, s16_names_match_as_a_whole)
{
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "name", echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_FAIL(ENOENT, ask("na", "", &reply));
	EXPECT_FAIL(ENOENT, ask("names", "", &reply));
	EXPECT_FAIL(ENOENT, ask("Name", "", &reply));
	EXPECT_EQ(0, ask("name", "", &reply));
	free(reply.msgs);
	child_kill(&child);
}

TEST_HARNESS_MAIN
