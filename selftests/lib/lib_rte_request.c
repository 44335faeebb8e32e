// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of rte_mp: requests that wait for their replies. Statements 17 to 27;
 * lib_rte_delivery.c says what the names mean.
 */
#include "child.h"
#include "device.h"
#include "fd.h"
#include "lib_rte.h"
#include "message.h"
#include "wait.h"

#include <pthread.h>

static const struct timespec one_second = { .tv_sec = 1 };
static const struct timespec short_time = { .tv_nsec = 20000000 };

TEST_F(rte, s17_replies_come_in_memory_of_the_caller)
{
	struct rte_mp_reply reply;
	struct child children[3];
	int i;

	for (i = 0; i < 3; i++)
		start_secondary(self->prefix, &children[i], "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 3));
	ASSERT_EQ(0, ask("x", "y", &reply));
	ASSERT_EQ(3, reply.nb_received);
	for (i = 0; i < 3; i++)
		EXPECT_STREQ("y", (char *)reply.msgs[i].param);
	memset(reply.msgs, 0, 3 * sizeof(*reply.msgs));
	free(reply.msgs);
	kill_all(children, 3);
}

TEST_F(rte, s17_a_failed_request_leaves_nothing_to_free)
{
	struct rte_mp_reply reply = { .nb_received = 1, .msgs = (void *)1 };
	struct rte_mp_msg msg = make_msg("x", "");
	struct child child;

	start_secondary(self->prefix, &child, "x", keep);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &short_time));
	EXPECT_EQ(NULL, reply.msgs);
	EXPECT_EQ(0, reply.nb_received);
	free(reply.msgs);
	child_kill(&child);
}

TEST_F(rte, s19_all_peers_share_one_deadline)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child children[4];
	__u64 start;
	int i;

	for (i = 0; i < 4; i++)
		start_secondary(self->prefix, &children[i], "x", keep);
	ASSERT_EQ(0, start_primary(self->prefix, children, 4));
	start = now_ns();
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &one_second));
	EXPECT_LE(SECOND, now_ns() - start);
	EXPECT_GT(3 * SECOND, now_ns() - start);
	kill_all(children, 4);
}

/* Run a member that is not ready, which refuses so many requests as the library does then. */
static void refuse_unready(const char *prefix, struct child *child, int n)
{
	struct mpipc_record record;
	char wire[264];
	int fd;

	if (fork_child(child))
		return;
	child_hear(child, NULL);
	fd = open_beside(prefix);
	child_send(child, 0);
	while (n--) {
		CHECK(!recv_wait(fd, &record, wire, sizeof(wire)));
		CHECK(!reply_msg(fd, record.call, -EINPROGRESS, NULL, 0));
	}
	_exit(0);
}

static struct rte_mp_reply back;

static int call_back(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	(void)request;
	back = *reply;
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, s20_who_is_not_ready_is_not_counted_as_sent)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct child unready, ready;
	struct rte_mp_reply reply;

	start_secondary(self->prefix, &ready, "x", echo);
	refuse_unready(self->prefix, &unready, 3);
	ASSERT_EQ(0, start_primary(self->prefix, &ready, 1));
	child_send(&unready, 0);
	child_hear(&unready, NULL);
	ASSERT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_EQ(1, reply.nb_sent);
	EXPECT_EQ(1, reply.nb_received);
	free(reply.msgs);
	ASSERT_EQ(0, rte_mp_request_async(&msg, &a_minute, call_back));
	wait_for(&seen.came);
	EXPECT_EQ(1, back.nb_sent);
	EXPECT_EQ(1, back.nb_received);
	/* If all members are like this, it is as if there were nobody. */
	child_kill(&ready);
	ASSERT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_EQ(0, reply.nb_sent);
	EXPECT_EQ(NULL, reply.msgs);
	EXPECT_EQ(0, child_wait(&unready));
}

FIXTURE(init)
{
	struct child child;
	struct mpipc_record attach;
	int fd;
};

/* A secondary is not done with rte_eal_init(), because its primary has not replied. */
FIXTURE_SETUP(init)
{
	char prefix[MPIPC_GROUP_MAX], group[MPIPC_GROUP_MAX];

	group_name(prefix, _metadata->name);
	snprintf(group, sizeof(group), "rte/%.100s", prefix);
	self->fd = open_primary(group);
	ASSERT_LE(0, self->fd);
	if (!fork_child(&self->child)) {
		own_line = &self->child;
		CHECK(!rte_mp_action_register("early", echo));
		CHECK(start_eal("secondary", prefix) >= 0);
		CHECK(!rte_mp_action_register("late", report));
		child_send(&self->child, 0);
		stay();
	}
	ASSERT_EQ(0, recv_wait(self->fd, &self->attach, NULL, 0));
}

FIXTURE_TEARDOWN(init)
{
	child_kill(&self->child);
	close(self->fd);
}

/* Ask, and return the status of the reply. */
static int ask_raw(int fd, const char *name)
{
	char wire[264] = { 0 }, reply[264];
	struct mpipc_record result = { 0 };
	struct mpipc_call_args call = call_arg(MPIPC_TO_ALL, name, wire, sizeof(wire), &result, 1);
	int err;

	call.reply_size = sizeof(reply);
	call.reply_data = to_u64(reply);
	err = do_ioctl(fd, MPIPC_CALL, &call);
	return err ? err : result.status;
}

TEST_F(init, s22_requests_without_an_action_are_ignored_until_it_is_complete)
{
	EXPECT_EQ(-EINPROGRESS, ask_raw(self->fd, "late"));
	/* It is safe to call an action that is registered. */
	EXPECT_EQ(0, ask_raw(self->fd, "early"));
	ASSERT_EQ(0, reply_msg(self->fd, self->attach.call, 0, NULL, 0));
	ASSERT_EQ(0, child_hear(&self->child, NULL));
	EXPECT_EQ(-ENOENT, ask_raw(self->fd, "unknown"));
	EXPECT_EQ(0, ask_raw(self->fd, "early"));
}

TEST_F(init, s24_messages_without_an_action_are_dropped_before_it_is_complete)
{
	char wire[264] = { 0 };

	ASSERT_EQ(0, send_msg(self->fd, MPIPC_TO_ALL, "late", wire, sizeof(wire)));
	/* The secondary is past its initialisation. */
	EXPECT_EQ(0, ask_raw(self->fd, "early"));
	ASSERT_EQ(0, reply_msg(self->fd, self->attach.call, 0, NULL, 0));
	ASSERT_EQ(0, child_hear(&self->child, NULL));
	EXPECT_EQ(0, ask_raw(self->fd, "early"));
	EXPECT_EQ(0, poll_for(self->child.line, POLLIN, 0));
}

TEST_F(rte, s21_success_of_a_secondary_means_one_reply)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("echo", echo));
	ASSERT_EQ(0, rte_mp_action_register("silent", keep));
	if (!fork_child(&child)) {
		struct rte_mp_msg silent = make_msg("silent", "");
		struct rte_mp_reply reply;

		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!ask("echo", "", &reply));
		CHECK(reply.nb_sent == 1 && reply.nb_received == 1 && reply.msgs);
		free(reply.msgs);
		CHECK(ask("unknown", "", &reply) == -1 && rte_errno == ENOENT);
		CHECK(rte_mp_request_sync(&silent, &reply, &short_time) == -1);
		CHECK(rte_errno == ETIMEDOUT);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

/* Reply with a pipe of this process. */
static int reply_with_pipe(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg out = make_msg(msg->name, "");
	int fds[2];

	CHECK(!pipe(fds));
	out.num_fds = 2;
	memcpy(out.fds, fds, sizeof(fds));
	rte_mp_reply(&out, peer);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

TEST_F(rte, s26_one_that_times_out_fails_the_request_without_leaks)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child children[3];
	unsigned int before;

	start_secondary(self->prefix, &children[0], "x", reply_with_pipe);
	start_secondary(self->prefix, &children[1], "x", keep);
	start_secondary(self->prefix, &children[2], "x", reply_with_pipe);
	ASSERT_EQ(0, start_primary(self->prefix, children, 3));
	before = count_fds();
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &one_second));
	EXPECT_EQ(NULL, reply.msgs);
	EXPECT_EQ(before, count_fds());
	kill_all(children, 3);
}

static int reply_twice(const struct rte_mp_msg *msg, const void *peer)
{
	reply_with_pipe(msg, peer);
	reply_with_pipe(msg, peer);
	return 0;
}

TEST_F(rte, s27_a_second_reply_is_dropped_with_its_descriptors)
{
	struct rte_mp_reply reply;
	struct child child;
	unsigned int before;
	int i;

	start_secondary(self->prefix, &child, "x", reply_twice);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	before = count_fds();
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, ask("x", "", &reply));
		EXPECT_EQ(1, reply.nb_received);
		ASSERT_EQ(2, reply.msgs[0].num_fds);
		close(reply.msgs[0].fds[0]);
		close(reply.msgs[0].fds[1]);
		free(reply.msgs);
	}
	EXPECT_EQ(before, count_fds());
	child_kill(&child);
}

/* Reply to the previous request when the next one comes, then to that one. */
static int reply_late(const struct rte_mp_msg *msg, const void *peer)
{
	static struct rte_mp_msg late;
	static char late_peer[108];

	if (!late_peer[0]) {
		late = *msg;
		strcpy(late_peer, peer);
		return 0;
	}
	rte_mp_reply(&late, late_peer);
	late_peer[0] = 0;
	return echo(msg, peer);
}

TEST_F(rte, s27_a_late_reply_is_not_taken_for_that_of_the_next_request)
{
	struct rte_mp_msg first = make_msg("x", "first");
	struct rte_mp_reply reply;
	struct child child;
	int i;

	start_secondary(self->prefix, &child, "x", reply_late);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (i = 0; i < 5; i++) {
		EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&first, &reply, &short_time));
		ASSERT_EQ(0, ask("x", "second", &reply));
		EXPECT_STREQ("second", (char *)reply.msgs[0].param);
		free(reply.msgs);
	}
	child_kill(&child);
}

/* Differences on purpose */

/* Reply when all have been asked, which the line to the test reports. */
static int meet(const struct rte_mp_msg *msg, const void *peer)
{
	child_send(own_line, 0);
	child_hear(own_line, NULL);
	return echo(msg, peer);
}

static void *gather(void *children)
{
	struct child *child = children;
	int i;

	for (i = 0; i < 4; i++)
		child_hear(&child[i], NULL);
	for (i = 0; i < 4; i++)
		child_send(&child[i], 0);
	return NULL;
}

TEST_F(rte, d_s26_all_are_asked_at_once)
{
	struct rte_mp_reply reply;
	struct child children[4];
	pthread_t thread;
	int i;

	for (i = 0; i < 4; i++)
		start_secondary(self->prefix, &children[i], "x", meet);
	ASSERT_EQ(0, start_primary(self->prefix, children, 4));
	/* Each member replies only after all have been asked. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, gather, children));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(4, reply.nb_received);
	free(reply.msgs);
	pthread_join(thread, NULL);
	kill_all(children, 4);
}

static int sleep_and_echo(const struct rte_mp_msg *msg, const void *peer)
{
	const struct timespec a_while = { .tv_nsec = 300000000 };

	nanosleep(&a_while, NULL);
	return echo(msg, peer);
}

TEST_F(rte, d_s20_a_request_takes_the_time_of_the_slowest)
{
	struct rte_mp_reply reply;
	struct child children[8];
	__u64 start;
	int i;

	for (i = 0; i < 8; i++)
		start_secondary(self->prefix, &children[i], "x", sleep_and_echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 8));
	start = now_ns();
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(8, reply.nb_received);
	EXPECT_LE(SECOND * 3 / 10, now_ns() - start);
	/* In turn, the requests would take 2.4 s. */
	EXPECT_GT(SECOND * 12 / 10, now_ns() - start);
	free(reply.msgs);
	kill_all(children, 8);
}

TEST_F(rte, d_s23_descriptors_of_a_request_without_an_action_are_closed)
{
	struct rte_mp_msg msg = make_msg("unknown", "");
	struct rte_mp_reply reply;
	struct child child;
	int fds[2];
	char byte;

	start_secondary(self->prefix, &child, "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, pipe(fds));
	msg.num_fds = 1;
	msg.fds[0] = fds[1];
	EXPECT_FAIL(ENOENT, rte_mp_request_sync(&msg, &reply, &a_minute));
	close(fds[1]);
	EXPECT_EQ(0, ask("x", "", &reply));
	free(reply.msgs);
	EXPECT_EQ(0, read(fds[0], &byte, 1));
	child_kill(&child);
}

static int ignore(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	(void)request;
	(void)reply;
	return 0;
}

TEST_F(rte, d_s25_one_request_may_overtake_another_of_its_name)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child child;
	int i;

	start_secondary(self->prefix, &child, "x", keep);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, rte_mp_request_async(&msg, &a_minute, ignore));
	/* DPDK itself fails with EEXIST. */
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &short_time));
	child_kill(&child);
}

TEST_F(rte, s19_a_request_that_waits_for_nothing_is_sent_all_the_same)
{
	const struct timespec times[] = {
		{ 0 }, { .tv_sec = -1 }, { .tv_nsec = -5 }, { .tv_sec = 1, .tv_nsec = -2000000000 },
	};
	struct rte_mp_msg msg = make_msg("report", "");
	struct rte_mp_reply reply;
	struct child child;
	size_t i;

	start_secondary(self->prefix, &child, "report", report);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (i = 0; i < ARRAY_SIZE(times); i++) {
		EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &times[i]));
		EXPECT_EQ(0, child_hear(&child, NULL));
	}
	child_kill(&child);
}

TEST_HARNESS_MAIN
