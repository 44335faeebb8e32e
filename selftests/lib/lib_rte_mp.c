// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of rte_mp on libmpipc, and of the stand-in for the EAL: registration, messages,
 * requests, replies, descriptors, errors. Each test is a primary process, and its
 * secondaries are children.
 */
#include "child.h"
#include "device.h"
#include "fd.h"
#include "lib_rte.h"
#include "message.h"
#include "wait.h"

#include <pthread.h>

/* The stand-in for the EAL */

TEST(options_are_counted_as_the_eal_counts_them)
{
	char *plain[] = { "prog", "-l", "0,1", "--file-prefix", "count", "-n4", "--no-pci",
			  "--vdev=net_null0", "--log-level", "8", "file", "--own", NULL };
	char *dashes[] = { "prog", "--file-prefix=count", "--", "--own", NULL };
	char *none[] = { "prog", NULL };

	EXPECT_EQ(9, rte_eal_init(12, plain));
	EXPECT_STREQ("prog", plain[9]);
	EXPECT_EQ(RTE_PROC_PRIMARY, rte_eal_process_type());
	EXPECT_FAIL(EALREADY, rte_eal_init(1, none));
	EXPECT_EQ(0, rte_eal_cleanup());

	EXPECT_EQ(2, rte_eal_init(4, dashes));
	EXPECT_STREQ("prog", dashes[2]);
	EXPECT_STREQ("--own", dashes[3]);
	EXPECT_EQ(0, rte_eal_cleanup());
}

TEST(bad_options_are_refused)
{
	char long_name[200] = "--file-prefix=";
	char *type[] = { "prog", "--proc-type=tertiary", NULL };
	char *value[] = { "prog", "--file-prefix", NULL };
	char *prefix[] = { "prog", long_name, NULL };

	/* These are no option, two options, no letter, and a value for an option that has none. */
	char *unknown[] = { "prog", "--proctype=secondary", NULL };
	char *ambiguous[] = { "prog", "--no", NULL };
	char *letter[] = { "prog", "-z", NULL };
	char *no_value[] = { "prog", "--no-pci=1", NULL };

	memset(long_name + strlen(long_name), 'x', 150);
	EXPECT_FAIL(EINVAL, rte_eal_init(2, unknown));
	EXPECT_FAIL(EINVAL, rte_eal_init(2, ambiguous));
	EXPECT_FAIL(EINVAL, rte_eal_init(2, letter));
	EXPECT_FAIL(EINVAL, rte_eal_init(2, no_value));
	EXPECT_FAIL(EINVAL, rte_eal_init(2, type));
	EXPECT_FAIL(EINVAL, rte_eal_init(2, value));
	EXPECT_FAIL(E2BIG, rte_eal_init(2, prefix));
}

TEST(options_can_be_shortened_as_the_eal_lets_them)
{
	char *shortened[] = {
		"prog", "--proc=primary", "--file-p", "short", "--trace=x", "--huge-un",
		"--no-h=", NULL
	};

	EXPECT_FAIL(EINVAL, rte_eal_init(7, shortened));
	EXPECT_EQ(5, rte_eal_init(6, shortened));
	EXPECT_EQ(RTE_PROC_PRIMARY, rte_eal_process_type());
	EXPECT_EQ(0, rte_eal_cleanup());
	shortened[1] = "--proc=secondary";
	EXPECT_FAIL(ECONNREFUSED, rte_eal_init(6, shortened));
	EXPECT_EQ(RTE_PROC_SECONDARY, rte_eal_process_type());
}

TEST(without_the_module_the_eal_says_so)
{
	setenv("MPIPC_DEVICE", "/nonexistent", 1);
	EXPECT_FAIL(ENODEV, start_eal("primary", "x"));
}

TEST(a_secondary_without_a_primary_is_refused)
{
	EXPECT_FAIL(ECONNREFUSED, start_eal("secondary", "nobody.is.there"));
	EXPECT_STREQ("Connection refused", rte_strerror(rte_errno));
}

TEST_F(rte, a_second_primary_is_refused_and_auto_becomes_secondary)
{
	struct child child;

	if (!fork_child(&child)) {
		child_hear(&child, NULL);
		CHECK(start_eal("primary", self->prefix) == -1);
		CHECK(rte_errno == EADDRINUSE);
		CHECK(start_eal("auto", self->prefix) >= 0);
		CHECK(rte_eal_process_type() == RTE_PROC_SECONDARY);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, a_secondary_waits_for_its_primary_if_the_environment_says_so)
{
	struct child child;

	if (!fork_child(&child)) {
		child_send(&child, 0);
		CHECK(start_eal("secondary", self->prefix) >= 0);
		_exit(0);
	}
	child_hear(&child, NULL);
	ASSERT_EQ(0, wait_asleep(child.pid));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, a_primary_can_be_started_again)
{
	struct rte_mp_msg msg = make_msg("echo", "");
	struct rte_mp_reply reply;
	struct child first, second;

	start_secondary(self->prefix, &first, "echo", echo);
	if (!fork_child(&second)) {
		child_hear(&second, NULL);
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_action_register("echo", echo));
		child_send(&second, 0);
		for (;;)
			pause();
	}
	ASSERT_EQ(0, start_primary(self->prefix, &first, 1));
	EXPECT_EQ(0, rte_eal_cleanup());
	/* The first group is left behind, with its primary. */
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	child_send(&second, 0);
	ASSERT_EQ(0, child_hear(&second, NULL));
	EXPECT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_EQ(1, reply.nb_received);
	free(reply.msgs);
	child_kill(&first);
	child_kill(&second);
}

TEST_F(rte, s46_after_cleanup_there_is_nothing_to_use)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, rte_mp_sendmsg(&msg));
	EXPECT_EQ(0, rte_eal_cleanup());
	EXPECT_FAIL(EBADF, rte_mp_sendmsg(&msg));
	EXPECT_FAIL(EBADF, rte_mp_request_sync(&msg, &reply, &a_minute));
	rte_mp_action_unregister("x");
}

TEST(s43_without_shared_configuration_there_is_no_ipc)
{
	char *argv[] = { "prog", "--no-shconf", NULL };
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;

	ASSERT_EQ(1, rte_eal_init(2, argv));
	EXPECT_FAIL(ENOTSUP, rte_mp_action_register("x", keep));
	EXPECT_FAIL(EINVAL, rte_mp_action_register("", keep));
	EXPECT_FAIL(ENOTSUP, rte_mp_sendmsg(&msg));
	EXPECT_FAIL(ENOTSUP, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_EQ(0, rte_mp_reply(&msg, "mpipc:1:2:3:x"));
	rte_mp_action_unregister("x");
}

/* Registration */

TEST(e_register_names_of_actions_are_checked)
{
	char name[RTE_MP_MAX_NAME_LEN + 1];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	EXPECT_FAIL(EINVAL, rte_mp_action_register(NULL, keep));
	EXPECT_FAIL(EINVAL, rte_mp_action_register("", keep));
	EXPECT_FAIL(E2BIG, rte_mp_action_register(name, keep));
	rte_mp_action_unregister(name);
	EXPECT_EQ(E2BIG, rte_errno);
	rte_mp_action_unregister(NULL);
	EXPECT_EQ(EINVAL, rte_errno);
	name[RTE_MP_MAX_NAME_LEN - 1] = 0;
	EXPECT_EQ(0, rte_mp_action_register(name, keep));
}

TEST(s44_an_action_is_registered_once_even_before_init)
{
	EXPECT_EQ(0, rte_mp_action_register("x", keep));
	EXPECT_FAIL(EEXIST, rte_mp_action_register("x", echo));
	rte_mp_action_unregister("x");
	rte_mp_action_unregister("x");
	EXPECT_EQ(0, rte_mp_action_register("x", echo));
}

/* Messages */

TEST_F(rte, e_bad_messages_are_refused)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply = { .nb_sent = 5, .msgs = (void *)1 };

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_FAIL(EINVAL, rte_mp_sendmsg(NULL));
	msg.len_param = -1;
	EXPECT_FAIL(EINVAL, rte_mp_sendmsg(&msg));
	msg.len_param = RTE_MP_MAX_PARAM_LEN + 1;
	EXPECT_FAIL(E2BIG, rte_mp_sendmsg(&msg));
	msg.len_param = 0;
	msg.num_fds = -1;
	EXPECT_FAIL(EINVAL, rte_mp_sendmsg(&msg));
	msg.num_fds = RTE_MP_MAX_FD_NUM + 1;
	EXPECT_FAIL(E2BIG, rte_mp_sendmsg(&msg));
	EXPECT_FAIL(E2BIG, rte_mp_reply(&msg, "mpipc:1:2:3:x"));
	EXPECT_FAIL(E2BIG, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_EQ(0, reply.nb_sent);
	EXPECT_EQ(NULL, reply.msgs);
	msg.num_fds = 1;
	msg.fds[0] = -1;
	EXPECT_FAIL(EBADF, rte_mp_sendmsg(&msg));
	msg.num_fds = 0;
	msg.name[0] = 0;
	EXPECT_FAIL(EINVAL, rte_mp_sendmsg(&msg));
	memset(msg.name, 'x', sizeof(msg.name));
	EXPECT_FAIL(E2BIG, rte_mp_sendmsg(&msg));
	msg = make_msg("x", "");
	EXPECT_FAIL(EINVAL, rte_mp_reply(&msg, NULL));
	EXPECT_FAIL(EINVAL, rte_mp_reply(&msg, "no peer"));
	EXPECT_FAIL(EINVAL, rte_mp_reply(&msg, "mpipc:12"));
	EXPECT_FAIL(EINVAL, rte_mp_request_sync(&msg, NULL, &a_minute));
	EXPECT_FAIL(EINVAL, rte_mp_request_sync(&msg, &reply, NULL));
}

TEST_F(rte, s09_a_message_carries_all_its_parameters_whatever_its_length_says)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct child child;

	memset(msg.param, 0xa5, sizeof(msg.param));
	msg.len_param = 3;
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_sendmsg(&msg));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
	sem_wait(&seen.came);
	EXPECT_STREQ("x", seen.msg.name);
	EXPECT_EQ(3, seen.msg.len_param);
	EXPECT_EQ(0, seen.msg.num_fds);
	EXPECT_EQ(0, memcmp(msg.param, seen.msg.param, sizeof(msg.param)));
	EXPECT_NE(NULL, seen.peer);
	EXPECT_EQ(0, rte_mp_reply(&msg, seen.peer));
}

TEST_F(rte, s02_a_message_of_the_primary_goes_to_all_secondaries)
{
	struct rte_mp_msg msg = make_msg("report", "");
	struct child children[3];
	int i;

	for (i = 0; i < 3; i++)
		start_secondary(self->prefix, &children[i], "report", report);
	ASSERT_EQ(0, start_primary(self->prefix, children, 3));
	EXPECT_EQ(0, rte_mp_sendmsg(&msg));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, child_hear(&children[i], NULL));
		child_kill(&children[i]);
	}
}

TEST_F(rte, what_comes_before_the_first_registration_waits_for_it)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct child child;

	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_sendmsg(&msg));
		child_send(&child, 0);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	EXPECT_EQ(0, child_wait(&child));
	sem_wait(&seen.came);
	EXPECT_EQ(1, seen.count);
}

TEST_F(rte, s24_messages_for_no_action_are_dropped_with_their_descriptors)
{
	struct rte_mp_msg msg = make_msg("unknown", "");
	struct child child;
	unsigned int before;
	int fds[2];
	char byte;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&child, 0);
		child_hear(&child, NULL);
		msg.num_fds = 1;
		msg.fds[0] = fds[1];
		CHECK(!rte_mp_sendmsg(&msg));
		msg = make_msg("x", "");
		CHECK(!rte_mp_sendmsg(&msg));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	before = count_fds() - 1;
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
	sem_wait(&seen.came);
	EXPECT_EQ(before, count_fds());
	close(fds[1]);
	EXPECT_EQ(0, read(fds[0], &byte, 1));
}

/* A program that is in the group without rte_mp sends what is no rte_mp_msg. */
TEST_F(rte, malformed_messages_are_dropped_and_requests_refused)
{
	char group[MPIPC_GROUP_MAX];
	int wire[66] = { 300 }, stdin_fd = 0, fd;
	struct mpipc_record result;
	struct mpipc_call_args call;
	unsigned int before;

	snprintf(group, sizeof(group), "rte/%.100s", self->prefix);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	fd = open_secondary(group);
	ASSERT_LE(0, fd);
	before = count_fds();
	EXPECT_EQ(0, send_fds(fd, 0, "x", wire, sizeof(wire), &stdin_fd, 1));
	EXPECT_EQ(0, send_fds(fd, 0, "x", wire, 8, &stdin_fd, 1));
	EXPECT_EQ(0, send_fds(fd, 0, "", NULL, 0, &stdin_fd, 1));
	call = call_arg(0, "x", wire, sizeof(wire), &result, 1);
	ASSERT_EQ(0, do_ioctl(fd, MPIPC_CALL, &call));
	EXPECT_EQ(-EBADMSG, result.status);
	EXPECT_EQ(before, count_fds());
	wire[0] = 256;
	EXPECT_EQ(0, send_msg(fd, 0, "x", wire, sizeof(wire)));
	sem_wait(&seen.came);
	EXPECT_EQ(1, seen.count);
	EXPECT_EQ(256, seen.msg.len_param);
	close(fd);
}

TEST_F(rte, s37_a_message_carries_253_descriptors)
{
	struct rte_mp_msg msg = make_msg("x", "");
	unsigned int before;
	struct child child;
	int i, fds[2];
	char byte;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&child, 0);
		child_hear(&child, NULL);
		msg.num_fds = RTE_MP_MAX_FD_NUM;
		for (i = 0; i < msg.num_fds; i++)
			msg.fds[i] = fds[i % 2];
		CHECK(!rte_mp_sendmsg(&msg));
		CHECK(fcntl(fds[0], F_GETFD) >= 0);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	before = count_fds() - 1;
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
	sem_wait(&seen.came);
	ASSERT_EQ(253, seen.msg.num_fds);
	EXPECT_EQ(before + 253, count_fds());
	EXPECT_EQ(1, write(seen.msg.fds[251], "x", 1));
	EXPECT_EQ(1, read(seen.msg.fds[252], &byte, 1));
	for (i = 0; i < 253; i++)
		close(seen.msg.fds[i]);
	EXPECT_EQ(before, count_fds());
}

/* Requests */

TEST_F(rte, a_request_brings_the_reply_of_the_primary)
{
	struct rte_mp_msg msg = make_msg("echo", "hello");
	struct rte_mp_reply reply;
	struct child child;
	int fds[2];
	char byte;

	ASSERT_EQ(0, rte_mp_action_register("echo", echo));
	if (!fork_child(&child)) {
		CHECK(!pipe(fds));
		CHECK(start_eal("secondary", self->prefix) >= 0);
		msg.num_fds = 2;
		memcpy(msg.fds, fds, sizeof(fds));
		CHECK(!rte_mp_request_sync(&msg, &reply, &a_minute));
		CHECK(reply.nb_sent == 1 && reply.nb_received == 1);
		CHECK(!strcmp(reply.msgs[0].name, "echo"));
		CHECK(!strcmp((char *)reply.msgs[0].param, "hello"));
		CHECK(reply.msgs[0].len_param == 5 && reply.msgs[0].num_fds == 2);
		CHECK(write(reply.msgs[0].fds[1], "x", 1) == 1);
		CHECK(read(fds[0], &byte, 1) == 1);
		free(reply.msgs);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, a_request_of_the_primary_brings_the_replies_of_all)
{
	struct rte_mp_msg msg = make_msg("echo", "hello");
	struct child children[7];
	struct rte_mp_reply reply;
	int i;

	for (i = 0; i < 7; i++)
		start_secondary(self->prefix, &children[i], "echo", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 7));
	ASSERT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_EQ(7, reply.nb_sent);
	ASSERT_EQ(7, reply.nb_received);
	for (i = 0; i < 7; i++)
		EXPECT_STREQ("hello", (char *)reply.msgs[i].param);
	free(reply.msgs);
	for (i = 0; i < 7; i++)
		child_kill(&children[i]);
}

TEST_F(rte, s18_a_request_to_nobody_succeeds_without_replies)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply = { .nb_sent = 5, .nb_received = 5, .msgs = (void *)1 };

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_EQ(0, reply.nb_sent);
	EXPECT_EQ(0, reply.nb_received);
	EXPECT_EQ(NULL, reply.msgs);
}

TEST_F(rte, d_s23_a_request_for_an_unknown_action_fails_at_once)
{
	struct rte_mp_msg msg = make_msg("unknown", "");
	struct rte_mp_reply reply;
	struct child children[2];
	__u64 start;

	start_secondary(self->prefix, &children[0], "x", echo);
	start_secondary(self->prefix, &children[1], "unknown", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 2));
	start = now_ns();
	EXPECT_FAIL(ENOENT, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_GT(5 * SECOND, now_ns() - start);
	EXPECT_EQ(NULL, reply.msgs);
	EXPECT_EQ(0, reply.nb_received);
	child_kill(&children[0]);
	child_kill(&children[1]);
}

TEST_F(rte, s26_a_request_without_a_reply_times_out_and_keeps_nothing)
{
	const struct timespec short_time = { .tv_nsec = 20000000 };
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child children[2];
	unsigned int before;

	start_secondary(self->prefix, &children[0], "x", keep);
	start_secondary(self->prefix, &children[1], "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 2));
	before = count_fds();
	msg.num_fds = 1;
	msg.fds[0] = 0;
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &short_time));
	EXPECT_EQ(2, reply.nb_sent);
	EXPECT_EQ(0, reply.nb_received);
	EXPECT_EQ(NULL, reply.msgs);
	/* The descriptors of the other reply are not left over. */
	EXPECT_EQ(before, count_fds());
	child_kill(&children[0]);
	child_kill(&children[1]);
}

TEST_F(rte, d_a_secondary_that_dies_is_not_counted)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child children[2];

	start_secondary(self->prefix, &children[0], "x", die);
	start_secondary(self->prefix, &children[1], "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 2));
	ASSERT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_EQ(1, reply.nb_sent);
	EXPECT_EQ(1, reply.nb_received);
	free(reply.msgs);
	child_wait(&children[0]);
	child_kill(&children[1]);
}

/* Try, in a secondary, what it meets when its primary dies, and then. */
static void outlive_primary(const char *prefix)
{
	struct rte_mp_msg msg = make_msg("die", "");
	struct rte_mp_reply reply;

	CHECK(start_eal("secondary", prefix) >= 0);
	CHECK(rte_mp_request_sync(&msg, &reply, &a_minute) == -1);
	CHECK(rte_errno == ECONNRESET);
	CHECK(!reply.msgs && !reply.nb_received);
	CHECK(rte_mp_request_sync(&msg, &reply, &a_minute) == -1);
	CHECK(rte_errno == ECONNREFUSED);
	CHECK(rte_mp_sendmsg(&msg) == -1);
	CHECK(rte_errno == ECONNREFUSED);
	_exit(0);
}

TEST_F(rte, s49_requests_to_a_dead_primary_fail_at_once)
{
	struct child primary, secondary;

	if (!fork_child(&primary)) {
		CHECK(!rte_mp_action_register("die", die));
		CHECK(start_eal("primary", self->prefix) >= 0);
		for (;;)
			pause();
	}
	if (!fork_child(&secondary))
		outlive_primary(self->prefix);
	EXPECT_EQ(0, child_wait(&secondary));
	EXPECT_EQ(128 + SIGKILL, child_wait(&primary));
}

/* Wait for a message, then send ten and reply. */
static int send_ten(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg out = make_msg("one_of_ten", "");
	struct rte_mp_msg reply = *msg;
	int i;

	for (i = 0; i < 10; i++)
		CHECK(!rte_mp_sendmsg(&out));
	CHECK(!rte_mp_reply(&reply, peer));
	return 0;
}

TEST_F(rte, s06_a_reply_does_not_overtake_messages_that_were_sent_before)
{
	struct rte_mp_msg msg = make_msg("send_ten", "");
	struct rte_mp_reply reply;
	struct child child;
	int round;

	ASSERT_EQ(0, rte_mp_action_register("one_of_ten", keep));
	start_secondary(self->prefix, &child, "send_ten", send_ten);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (round = 1; round <= 50; round++) {
		ASSERT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
		EXPECT_EQ(1, reply.nb_received);
		EXPECT_EQ(10 * round, seen.count);
		free(reply.msgs);
	}
	child_kill(&child);
}

static int request_in_action(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg inner = make_msg("echo", (const char *)msg->param);
	struct rte_mp_reply reply;

	CHECK(!rte_mp_request_sync(&inner, &reply, &a_minute));
	CHECK(reply.nb_received == 1);
	strcpy(reply.msgs[0].name, msg->name);
	CHECK(!rte_mp_reply(&reply.msgs[0], peer));
	free(reply.msgs);
	return 0;
}

TEST_F(rte, d_s14_a_request_can_be_made_in_an_action)
{
	struct rte_mp_msg msg = make_msg("outer", "hello");
	struct rte_mp_reply reply;
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("echo", echo));
	start_secondary(self->prefix, &child, "outer", request_in_action);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
	ASSERT_EQ(1, reply.nb_received);
	EXPECT_STREQ("hello", (char *)reply.msgs[0].param);
	free(reply.msgs);
	child_kill(&child);
}

struct requester {
	pthread_t thread;
	int bad;
};

static void *request_many(void *arg)
{
	struct requester *self = arg;
	struct rte_mp_msg msg = make_msg("echo", "");
	struct rte_mp_reply reply;
	int i;

	for (i = 0; i < 50; i++) {
		snprintf((char *)msg.param, sizeof(msg.param), "%p %d", arg, i);
		if (rte_mp_request_sync(&msg, &reply, &a_minute) || reply.nb_received != 2 ||
		    memcmp(reply.msgs[0].param, msg.param, sizeof(msg.param)) ||
		    memcmp(reply.msgs[1].param, msg.param, sizeof(msg.param)))
			self->bad++;
		free(reply.msgs);
	}
	return NULL;
}

TEST_F(rte, d_s25_requests_of_the_same_name_may_overlap)
{
	struct requester requesters[8] = { 0 };
	struct child children[2];
	int i;

	for (i = 0; i < 2; i++)
		start_secondary(self->prefix, &children[i], "echo", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 2));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, pthread_create(&requesters[i].thread, NULL, request_many,
					    &requesters[i]));
	}
	for (i = 0; i < 8; i++) {
		pthread_join(requesters[i].thread, NULL);
		EXPECT_EQ(0, requesters[i].bad);
	}
	for (i = 0; i < 2; i++)
		child_kill(&children[i]);
}

/* Replies */

static void *reply_from_thread(void *peer)
{
	struct rte_mp_msg reply = make_msg("x", "later");

	return (void *)(intptr_t)rte_mp_reply(&reply, peer);
}

TEST_F(rte, s12_a_reply_may_come_from_any_thread_after_unregistration)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child child;
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_request_sync(&msg, &reply, &a_minute));
		CHECK(reply.nb_received == 1);
		CHECK(!strcmp((char *)reply.msgs[0].param, "later"));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	sem_wait(&seen.came);
	rte_mp_action_unregister("x");
	ASSERT_EQ(0, pthread_create(&thread, NULL, reply_from_thread, (void *)seen.peer));
	pthread_join(thread, &ret);
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ(0, child_wait(&child));
	/* Nobody waits for a second reply, which is no error. */
	EXPECT_EQ(NULL, reply_from_thread((void *)seen.peer));
}

TEST_F(rte, s16_a_reply_of_another_name_is_dropped)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_request_sync(&msg, &reply, &a_minute));
		CHECK(!strcmp(reply.msgs[0].name, "x"));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	sem_wait(&seen.came);
	msg = make_msg("y", "");
	EXPECT_EQ(0, rte_mp_reply(&msg, seen.peer));
	msg = make_msg("x", "");
	EXPECT_EQ(0, rte_mp_reply(&msg, seen.peer));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, s10_peers_are_strings_that_stay_and_can_be_copied)
{
	struct rte_mp_msg msg = make_msg("x", "");
	const char *peers[20];
	struct child children[20];
	char *copy;
	int i;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	for (i = 0; i < 20; i++) {
		if (!fork_child(&children[i])) {
			struct rte_mp_reply reply;
			char param[16];

			CHECK(start_eal("secondary", self->prefix) >= 0);
			child_send(&children[i], 0);
			child_hear(&children[i], NULL);
			CHECK(!rte_mp_request_sync(&msg, &reply, &a_minute));
			snprintf(param, sizeof(param), "%d", i);
			CHECK(!strcmp((char *)reply.msgs[0].param, param));
			_exit(0);
		}
	}
	ASSERT_EQ(0, start_primary(self->prefix, children, 20));
	for (i = 0; i < 20; i++) {
		child_send(&children[i], 0);
		sem_wait(&seen.came);
		pthread_mutex_lock(&seen.lock);
		peers[i] = seen.peer;
		pthread_mutex_unlock(&seen.lock);
		EXPECT_GT(108, strlen(peers[i]));
	}
	for (i = 19; i >= 0; i--) {
		snprintf((char *)msg.param, sizeof(msg.param), "%d", i);
		copy = strdup(peers[i]);
		EXPECT_EQ(0, rte_mp_reply(&msg, i % 2 ? copy : peers[i]));
		free(copy);
		EXPECT_EQ(0, child_wait(&children[i]));
	}
}

TEST_F(rte, a_reply_to_a_primary_that_is_gone_fails)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child primary, child;

	if (!fork_child(&primary)) {
		CHECK(start_eal("primary", self->prefix) >= 0);
		child_hear(&primary, NULL);
		rte_mp_request_sync(&msg, &reply, &a_minute);
		_exit(1);
	}
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_action_register("x", keep));
		child_send(&child, 0);
		sem_wait(&seen.came);
		child_send(&child, 0);
		child_hear(&child, NULL);
		CHECK(rte_mp_reply(&msg, seen.peer) == -1);
		CHECK(rte_errno == ECONNREFUSED);
		_exit(0);
	}
	child_hear(&child, NULL);
	child_send(&primary, 0);
	child_hear(&child, NULL);
	child_kill(&primary);
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

/* A full mailbox */

TEST_F(rte, d_a_stopped_secondary_holds_up_a_sender_once_and_nobody_else)
{
	const struct timespec short_time = { .tv_nsec = 20000000 };
	struct rte_mp_msg msg = make_msg("x", "");
	struct child stopped, healthy;
	struct rte_mp_reply reply;
	int i, failed = 0;
	__u64 start;

	start_secondary(self->prefix, &healthy, "x", echo);
	start_secondary(self->prefix, &stopped, "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	child_hear(&healthy, NULL);
	child_hear(&stopped, NULL);
	kill(stopped.pid, SIGSTOP);
	ASSERT_EQ(stopped.pid, waitpid(stopped.pid, NULL, WUNTRACED));
	start = now_ns();
	for (i = 0; i < 2000; i++)
		failed += !!rte_mp_sendmsg(&msg);
	/* Each time would be hours. */
	EXPECT_GT(60 * SECOND, now_ns() - start);
	EXPECT_LT(0, failed);
	EXPECT_EQ(EAGAIN, rte_errno);
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &short_time));
	child_kill(&stopped);
	ASSERT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_EQ(1, reply.nb_received);
	free(reply.msgs);
	child_kill(&healthy);
}

TEST_HARNESS_MAIN
