// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of rte_mp: what DPDK's guide for programmers promises about IPC, in its order.
 * lib_rte_delivery.c says what the names mean.
 *
 * Two promises are left out: that IPC is not performance-critical, and that a message has
 * up to 8 descriptors (253, here and in later versions).
 */
#include "child.h"
#include "device.h"
#include "lib_rte.h"
#include "message.h"
#include "wait.h"

#include <pthread.h>

static const struct timespec short_time = { .tv_nsec = 20000000 };

/* Modes and types of communication */

TEST_F(rte, doc_a_message_of_a_secondary_goes_to_the_primary)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", "unicast"));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_STREQ("unicast", (char *)seen.msg.param);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, doc_a_message_of_the_primary_goes_to_all_secondaries)
{
	struct child children[5];
	int i;

	for (i = 0; i < 5; i++)
		start_secondary(self->prefix, &children[i], "report", report);
	ASSERT_EQ(0, start_primary(self->prefix, children, 5));
	EXPECT_EQ(0, say("report", ""));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, child_hear(&children[i], NULL));
	kill_all(children, 5);
}

TEST_F(rte, doc_a_secondary_cannot_reach_another_nor_the_primary_just_one)
{
	struct mpipc_info info;
	char group[MPIPC_GROUP_MAX];
	int first, second;

	/*
	 * The library offers no way, and what is below the library offers none to a
	 * secondary.
	 */
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	snprintf(group, sizeof(group), "rte/%.100s", self->prefix);
	first = open_secondary(group);
	second = open_secondary(group);
	ASSERT_EQ(0, get_info(second, &info));
	EXPECT_EQ(-EOPNOTSUPP, send_msg(first, info.id, "x", NULL, 0));
	EXPECT_EQ(-EOPNOTSUPP, send_msg(first, MPIPC_TO_ALL, "x", NULL, 0));
	EXPECT_EQ(0, say("x", ""));
	EXPECT_EQ(1, poll_for(first, POLLIN, 10000) == POLLIN);
	EXPECT_EQ(1, poll_for(second, POLLIN, 10000) == POLLIN);
	close(first);
	close(second);
}

TEST_F(rte, doc_a_message_expects_no_response)
{
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	/*
	 * The primary gets a reply that nobody has asked for, which is no error on either
	 * side.
	 */
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	EXPECT_EQ(0, say("x", ""));
	EXPECT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(0, seen.count);
	free(reply.msgs);
	child_kill(&child);
}

static char called[2][8];

static int note_call(const struct rte_mp_msg *msg, const void *peer)
{
	strcpy(called[seen.count++], (const char *)msg->param);
	if (*(const char *)msg->param == 'r')
		send_reply(msg->name, "", peer);
	return 0;
}

TEST_F(rte, doc_messages_and_requests_call_the_callback_of_their_name)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", note_call));
	if (!fork_child(&child)) {
		struct rte_mp_reply reply;

		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", "message"));
		CHECK(!ask("x", "request", &reply));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(0, rte_eal_cleanup());
	EXPECT_STREQ("message", called[0]);
	EXPECT_STREQ("request", called[1]);
}

static pthread_t caller;

static int note_thread(const struct rte_mp_msg *msg, const void *peer)
{
	caller = pthread_self();
	return keep(msg, peer);
}

TEST_F(rte, doc_callbacks_are_called_from_a_dedicated_thread)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", note_thread));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", ""));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_FALSE(pthread_equal(caller, pthread_self()));
	EXPECT_EQ(0, child_wait(&child));
}

/* Registering */

TEST(doc_the_name_of_a_callback_is_unique)
{
	EXPECT_EQ(0, rte_mp_action_register("x", keep));
	EXPECT_FAIL(EEXIST, rte_mp_action_register("x", keep));
	EXPECT_EQ(0, rte_mp_action_register("y", keep));
}

TEST_F(rte, doc_after_unregistering_the_callback_is_not_called_again)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	ASSERT_EQ(0, rte_mp_action_register("y", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", ""));
		child_hear(&child, NULL);
		CHECK(!say("x", "") && !say("y", "last"));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	rte_mp_action_unregister("x");
	child_send(&child, 0);
	wait_for(&seen.came);
	EXPECT_EQ(2, seen.count);
	EXPECT_STREQ("last", (char *)seen.msg.param);
	EXPECT_EQ(0, child_wait(&child));
}

/* Sending messages */

TEST_F(rte, doc_all_fields_of_a_message_arrive)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct child child;
	int fds[2];
	char byte;

	ASSERT_EQ(0, pipe(fds));
	memset(msg.param, 0x77, sizeof(msg.param));
	msg.len_param = RTE_MP_MAX_PARAM_LEN;
	msg.num_fds = 1;
	msg.fds[0] = fds[1];
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_sendmsg(&msg));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_STREQ("x", seen.msg.name);
	EXPECT_EQ(256, seen.msg.len_param);
	EXPECT_EQ(0, memcmp(msg.param, seen.msg.param, sizeof(msg.param)));
	ASSERT_EQ(1, seen.msg.num_fds);
	EXPECT_EQ(1, write(seen.msg.fds[0], "x", 1));
	EXPECT_EQ(1, read(fds[0], &byte, 1));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, doc_the_return_value_says_whether_sending_succeeded)
{
	struct rte_mp_msg msg = make_msg("x", "");

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, rte_mp_sendmsg(&msg));
	msg.num_fds = 1;
	msg.fds[0] = -1;
	EXPECT_EQ(-1, rte_mp_sendmsg(&msg));
}

/* Sending requests */

TEST_F(rte, doc_a_request_waits_until_its_timeout)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child child;
	__u64 start;

	start_secondary(self->prefix, &child, "x", keep);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	start = now_ns();
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &short_time));
	EXPECT_LE(short_time.tv_nsec, now_ns() - start);
	child_kill(&child);
}

TEST_F(rte, doc_nb_sent_is_how_many_were_active_and_nb_received_how_many_replied)
{
	struct rte_mp_reply reply;
	struct child children[3];
	int i;

	for (i = 0; i < 3; i++)
		start_secondary(self->prefix, &children[i], "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 3));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(3, reply.nb_sent);
	EXPECT_EQ(3, reply.nb_received);
	free(reply.msgs);
	child_kill(&children[0]);
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(2, reply.nb_sent);
	EXPECT_EQ(2, reply.nb_received);
	free(reply.msgs);
	kill_all(children + 1, 2);
}

static int reply_with_pid(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg out = make_msg(msg->name, "");

	out.len_param = sprintf((char *)out.param, "%d", (int)getpid());
	return rte_mp_reply(&out, peer);
}

TEST_F(rte, doc_msgs_has_each_response_in_any_order)
{
	struct rte_mp_reply reply;
	struct child children[3];
	int i, j, found = 0;

	for (i = 0; i < 3; i++)
		start_secondary(self->prefix, &children[i], "x", reply_with_pid);
	ASSERT_EQ(0, start_primary(self->prefix, children, 3));
	ASSERT_EQ(0, ask("x", "", &reply));
	ASSERT_EQ(3, reply.nb_received);
	for (i = 0; i < 3; i++)
		for (j = 0; j < 3; j++)
			found += atoi((char *)reply.msgs[j].param) == children[i].pid;
	EXPECT_EQ(3, found);
	free(reply.msgs);
	kill_all(children, 3);
}

static struct rte_mp_reply numbers;
static struct rte_mp_msg request;
static char response[8];

static int call_back(const struct rte_mp_msg *req, const struct rte_mp_reply *reply)
{
	request = *req;
	numbers = *reply;
	if (reply->nb_received)
		strcpy(response, (char *)reply->msgs[0].param);
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, doc_the_callback_comes_when_all_have_responded_with_request_and_responses)
{
	struct rte_mp_msg msg = make_msg("x", "mine");
	struct child children[2];
	int i;

	for (i = 0; i < 2; i++)
		start_secondary(self->prefix, &children[i], "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 2));
	ASSERT_EQ(0, rte_mp_request_async(&msg, &a_minute, call_back));
	wait_for(&seen.came);
	EXPECT_STREQ("x", request.name);
	EXPECT_STREQ("mine", (char *)request.param);
	EXPECT_STREQ("mine", response);
	EXPECT_EQ(2, numbers.nb_sent);
	EXPECT_EQ(2, numbers.nb_received);
	kill_all(children, 2);
}

TEST_F(rte, doc_the_callback_comes_when_the_request_has_timed_out)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct child child;

	start_secondary(self->prefix, &child, "x", keep);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, rte_mp_request_async(&msg, &short_time, call_back));
	wait_for(&seen.came);
	EXPECT_EQ(1, numbers.nb_sent);
	EXPECT_EQ(0, numbers.nb_received);
	child_kill(&child);
}

/* Receiving and responding */

TEST_F(rte, doc_a_message_of_another_name_does_not_call_the_callback)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("y", "") && !say("xx", "") && !say("x", ""));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(1, seen.count);
}

TEST_F(rte, doc_a_response_reaches_the_one_who_asked)
{
	struct child children[4];
	int i, j;

	ASSERT_EQ(0, rte_mp_action_register("x", echo));
	for (i = 0; i < 4; i++) {
		if (!fork_child(&children[i])) {
			struct rte_mp_reply reply;
			char own[16];

			CHECK(start_eal("secondary", self->prefix) >= 0);
			snprintf(own, sizeof(own), "%d", (int)getpid());
			for (j = 0; j < 20; j++) {
				CHECK(!ask("x", own, &reply));
				CHECK(!strcmp((char *)reply.msgs[0].param, own));
				free(reply.msgs);
			}
			_exit(0);
		}
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, child_wait(&children[i]));
}

/* Misc considerations */

static int send_while_processing(const struct rte_mp_msg *msg, const void *peer)
{
	CHECK(!say("report", ""));
	return echo(msg, peer);
}

TEST_F(rte, doc_sending_messages_while_processing_is_supported)
{
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "x", send_while_processing);
	ASSERT_EQ(0, rte_mp_action_register("report", keep));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, ask("x", "", &reply));
	free(reply.msgs);
	EXPECT_EQ(1, seen.count);
	child_kill(&child);
}

static int request_while_processing(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_reply reply;

	CHECK(!ask("echo", "", &reply));
	free(reply.msgs);
	return echo(msg, peer);
}

TEST_F(rte, d_doc_sending_requests_while_processing_is_supported_too)
{
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "x", request_while_processing);
	ASSERT_EQ(0, rte_mp_action_register("echo", echo));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, ask("x", "", &reply));
	free(reply.msgs);
	child_kill(&child);
}

static int take_long(const struct rte_mp_msg *msg, const void *peer)
{
	const struct timespec long_time = { .tv_nsec = 200000000 };

	nanosleep(&long_time, NULL);
	return echo(msg, peer);
}

TEST_F(rte, doc_if_processing_takes_long_the_requestor_may_time_out)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "x", take_long);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &short_time));
	/* With the right timeout the request does not fail. */
	EXPECT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
	free(reply.msgs);
	child_kill(&child);
}

TEST_F(rte, doc_partial_timeouts_are_no_error_for_asynchronous_requests)
{
	const struct timespec half_a_second = { .tv_nsec = 500000000 };
	struct rte_mp_msg msg = make_msg("x", "");
	struct child children[2];

	start_secondary(self->prefix, &children[0], "x", keep);
	start_secondary(self->prefix, &children[1], "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 2));
	EXPECT_EQ(0, rte_mp_request_async(&msg, &half_a_second, call_back));
	wait_for(&seen.came);
	EXPECT_EQ(2, numbers.nb_sent);
	EXPECT_EQ(1, numbers.nb_received);
	kill_all(children, 2);
}

FIXTURE(init)
{
	struct child child;
	struct mpipc_record attach;
	int fd;
};

/* A secondary is in its initialisation, because its primary has not replied. */
FIXTURE_SETUP(init)
{
	char prefix[MPIPC_GROUP_MAX], group[MPIPC_GROUP_MAX];

	group_name(prefix, _metadata->name);
	snprintf(group, sizeof(group), "rte/%.100s", prefix);
	self->fd = open_primary(group);
	ASSERT_LE(0, self->fd);
	if (!fork_child(&self->child)) {
		own_line = &self->child;
		CHECK(!rte_mp_action_register("early", report));
		start_eal("secondary", prefix);
		stay();
	}
	ASSERT_EQ(0, recv_wait(self->fd, &self->attach, NULL, 0));
}

FIXTURE_TEARDOWN(init)
{
	child_kill(&self->child);
	close(self->fd);
}

TEST_F(init, doc_a_registered_callback_is_called_during_initialisation)
{
	char wire[264] = { 0 };

	ASSERT_EQ(0, send_msg(self->fd, MPIPC_TO_ALL, "early", wire, sizeof(wire)));
	EXPECT_EQ(0, child_hear(&self->child, NULL));
}

TEST_F(init, doc_without_a_callback_it_does_not_exist_during_initialisation)
{
	char wire[264] = { 0 };
	struct mpipc_record result = { 0 };
	struct mpipc_call_args call = call_arg(MPIPC_TO_ALL, "late", wire, sizeof(wire), &result,
					       1);

	ASSERT_EQ(0, do_ioctl(self->fd, MPIPC_CALL, &call));
	EXPECT_EQ(-EINPROGRESS, result.status);
}

TEST_HARNESS_MAIN
