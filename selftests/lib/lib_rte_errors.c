// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of rte_mp: each way in which a function fails, with its error number.
 * lib_rte_delivery.c says what the names mean.
 *
 * Some of DPDK's errors have no cause here: those of its directory and its lock (opendir,
 * flock, ENAMETOOLONG), of the clock, of EAL alarms, and EEXIST for requests.
 */
#include "child.h"
#include "device.h"
#include "lib_rte.h"
#include "parameter.h"
#include "user.h"
#include "wait.h"

#include <pthread.h>
#include <sys/resource.h>

static int ignore(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	(void)request;
	(void)reply;
	seen.count++;
	return 0;
}

static int sends(struct rte_mp_msg *msg)
{
	return rte_mp_sendmsg(msg);
}

static int asks(struct rte_mp_msg *msg)
{
	struct rte_mp_reply reply = { .nb_sent = 5, .nb_received = 5, .msgs = (void *)1 };
	int ret = rte_mp_request_sync(msg, &reply, &a_minute);

	/* Whatever is wrong, there is nothing to free. */
	if (ret && (reply.msgs || reply.nb_received || reply.nb_sent))
		return -2;
	return ret;
}

static int asks_async(struct rte_mp_msg *msg)
{
	return rte_mp_request_async(msg, &a_minute, ignore);
}

static int replies(struct rte_mp_msg *msg)
{
	return rte_mp_reply(msg, "mpipc:1:2:3:x");
}

FIXTURE(check)
{
};

FIXTURE_VARIANT(check)
{
	int (*call)(struct rte_mp_msg *msg);
};

FIXTURE_VARIANT_ADD(check, sendmsg) { .call = sends };
FIXTURE_VARIANT_ADD(check, request_sync) { .call = asks };
FIXTURE_VARIANT_ADD(check, request_async) { .call = asks_async };
FIXTURE_VARIANT_ADD(check, reply) { .call = replies };

FIXTURE_SETUP(check)
{
	char prefix[MPIPC_GROUP_MAX];

	group_name(prefix, _metadata->name);
	ASSERT_EQ(0, start_primary(prefix, NULL, 0));
}

FIXTURE_TEARDOWN(check)
{
	rte_eal_cleanup();
	EXPECT_EQ(0, seen.count);
}

TEST_F(check, e_no_message_is_einval)
{
	EXPECT_FAIL(EINVAL, variant->call(NULL));
}

TEST_F(check, e_no_name_is_einval_and_a_long_one_e2big)
{
	struct rte_mp_msg msg = make_msg("", "");

	EXPECT_FAIL(EINVAL, variant->call(&msg));
	memset(msg.name, 'x', sizeof(msg.name));
	EXPECT_FAIL(E2BIG, variant->call(&msg));
}

TEST_F(check, e_negative_numbers_are_einval)
{
	struct rte_mp_msg msg = make_msg("x", "");

	msg.len_param = -1;
	EXPECT_FAIL(EINVAL, variant->call(&msg));
	msg.len_param = 0;
	msg.num_fds = -1;
	EXPECT_FAIL(EINVAL, variant->call(&msg));
}

TEST_F(check, e_too_many_parameters_or_descriptors_are_e2big)
{
	struct rte_mp_msg msg = make_msg("x", "");

	msg.len_param = RTE_MP_MAX_PARAM_LEN + 1;
	EXPECT_FAIL(E2BIG, variant->call(&msg));
	msg.len_param = 0;
	msg.num_fds = RTE_MP_MAX_FD_NUM + 1;
	EXPECT_FAIL(E2BIG, variant->call(&msg));
}

TEST_F(check, e_errors_are_found_in_the_order_of_dpdk)
{
	struct rte_mp_msg msg = make_msg("", "");

	msg.len_param = -1;
	msg.num_fds = RTE_MP_MAX_FD_NUM + 1;
	memset(msg.name, 'x', sizeof(msg.name));
	EXPECT_FAIL(E2BIG, variant->call(&msg));	/* the name */
	msg.name[1] = 0;
	EXPECT_FAIL(EINVAL, variant->call(&msg));	/* the length */
	msg.len_param = RTE_MP_MAX_PARAM_LEN + 1;
	msg.num_fds = -1;
	EXPECT_FAIL(EINVAL, variant->call(&msg));	/* negative before too large */
}

TEST_F(check, e_a_descriptor_that_is_not_open_is_ebadf)
{
	struct rte_mp_msg msg = make_msg("x", "");

	msg.num_fds = 2;
	msg.fds[0] = 0;
	msg.fds[1] = 1000000;
	EXPECT_FAIL(EBADF, variant->call(&msg));
}

TEST_F(check, e_an_mpipc_file_cannot_be_sent)
{
	struct rte_mp_msg msg = make_msg("x", "");

	msg.num_fds = 1;
	msg.fds[0] = open_dev();
	EXPECT_FAIL(EOPNOTSUPP, variant->call(&msg));
	close(msg.fds[0]);
}

TEST_F(check, e_too_many_descriptors_in_flight_are_etoomanyrefs)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rlimit limit = { .rlim_cur = 70, .rlim_max = 70 };

	msg.num_fds = 80;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(0, keep_capabilities(0));
	/* The descriptors of a reply are the caller's, and this one has no caller any more. */
	if (variant->call == replies) {
		EXPECT_EQ(0, variant->call(&msg));
		return;
	}
	EXPECT_FAIL(ETOOMANYREFS, variant->call(&msg));
}

/* Errors that look like success to a child have tests of their own. */

TEST_F(rte, e_reply_without_a_peer_is_einval)
{
	struct rte_mp_msg msg = make_msg("x", "");

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_FAIL(EINVAL, rte_mp_reply(&msg, NULL));
	EXPECT_FAIL(EINVAL, rte_mp_reply(&msg, ""));
	EXPECT_FAIL(EINVAL, rte_mp_reply(&msg, "/var/run/dpdk/rte/mp_socket"));
	EXPECT_FAIL(EINVAL, rte_mp_reply(&msg, "mpipc:zz"));
}

TEST_F(rte, e_reply_of_a_primary_to_the_dead_succeeds)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		struct rte_mp_reply reply;

		CHECK(start_eal("secondary", self->prefix) >= 0);
		ask("x", "", &reply);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	child_kill(&child);
	EXPECT_EQ(0, send_reply("x", "", seen.peer));
	EXPECT_EQ(0, send_reply("x", "", seen.peer));
}

TEST_F(rte, e_request_async_needs_a_callback_and_a_time)
{
	struct rte_mp_msg msg = make_msg("x", "");

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_FAIL(EINVAL, rte_mp_request_async(&msg, &a_minute, NULL));
	EXPECT_FAIL(EINVAL, rte_mp_request_async(&msg, NULL, ignore));
	EXPECT_EQ(0, seen.count);
}

TEST_F(rte, e_too_many_asynchronous_requests_are_emfile)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct child child;
	int i;

	start_secondary(self->prefix, &child, "x", keep);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	kill(child.pid, SIGSTOP);
	ASSERT_EQ(child.pid, waitpid(child.pid, NULL, WUNTRACED));
	for (i = 0; i < get_param("endpoint_calls"); i++)
		ASSERT_EQ(0, asks_async(&msg));
	EXPECT_FAIL(EMFILE, asks_async(&msg));
	/* All requests end with the process that was asked. */
	child_kill(&child);
	EXPECT_EQ(0, rte_eal_cleanup());
	EXPECT_EQ(get_param("endpoint_calls"), seen.count);
}

TEST_F(rte, e_without_a_primary_everything_is_econnrefused)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct child primary, child;

	if (!fork_child(&primary)) {
		CHECK(start_eal("primary", self->prefix) >= 0);
		child_send(&primary, 0);
		stay();
	}
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&child, 0);
		child_hear(&child, NULL);
		CHECK(sends(&msg) == -1 && rte_errno == ECONNREFUSED);
		CHECK(asks(&msg) == -1 && rte_errno == ECONNREFUSED);
		CHECK(asks_async(&msg) == -1 && rte_errno == ECONNREFUSED);
		_exit(0);
	}
	child_hear(&child, NULL);
	child_kill(&primary);
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

static int stop(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	child_send(own_line, 0);
	kill(getpid(), SIGSTOP);
	return 0;
}

TEST_F(rte, e_a_full_mailbox_is_eagain_for_messages)
{
	struct child child;
	int i, ret = 0;

	start_secondary(self->prefix, &child, "x", stop);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(0, say("x", ""));
	child_hear(&child, NULL);
	for (i = 0; i < 4000 && !ret; i++)
		ret = say("x", "");
	EXPECT_EQ(-1, ret);
	EXPECT_EQ(EAGAIN, rte_errno);
	child_kill(&child);
}

static void *fill_and_ask(void *arg)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	const struct timespec half_a_second = { .tv_nsec = 500000000 };

	*(int *)arg = rte_mp_request_sync(&msg, &reply, &half_a_second) ? rte_errno : 0;
	return NULL;
}

TEST_F(rte, e_a_full_mailbox_is_etimedout_for_requests)
{
	struct child child;
	int i, error = 0;
	pthread_t thread;

	start_secondary(self->prefix, &child, "x", stop);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(0, say("x", ""));
	child_hear(&child, NULL);
	for (i = 0; i < 4000 && !say("x", ""); i++)
		;
	ASSERT_EQ(0, pthread_create(&thread, NULL, fill_and_ask, &error));
	pthread_join(thread, NULL);
	EXPECT_EQ(ETIMEDOUT, error);
	child_kill(&child);
}

/* Without memory */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

static void *last_of_it;

/* Use up the address space, down to the smallest block. */
static void use_up_memory(void)
{
	struct rlimit limit = { 0 };
	size_t size;
	void **block;

	setrlimit(RLIMIT_AS, &limit);
	for (size = 1 << 20; size >= 16; size /= 2) {
		while ((block = malloc(size))) {
			*block = last_of_it;
			last_of_it = block;
		}
	}
}

TEST(e_register_without_memory_is_enomem)
{
	use_up_memory();
	rte_errno = 0;
	if (rte_mp_action_register("x", keep) != -1 || rte_errno != ENOMEM)
		_exit(KSFT_FAIL);
	_exit(KSFT_PASS);
}

TEST_F(rte, e_requests_without_memory_are_enomem_and_ask_nobody)
{
	struct rte_mp_msg msg = make_msg("report", "");
	struct rte_mp_reply reply = { .msgs = (void *)1 };
	struct child child;
	bool right;

	start_secondary(self->prefix, &child, "report", report);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	use_up_memory();
	right = rte_mp_request_sync(&msg, &reply, &a_minute) == -1 && rte_errno == ENOMEM &&
		!reply.msgs;
	rte_errno = 0;
	right = right && rte_mp_request_async(&msg, &a_minute, ignore) == -1 &&
		rte_errno == ENOMEM;
	/* Messages need no memory. */
	right = right && !rte_mp_sendmsg(&msg) && !child_hear(&child, NULL) &&
		!poll_for(child.line, POLLIN, 0);
	kill(child.pid, SIGKILL);
	_exit(right ? KSFT_PASS : KSFT_FAIL);
}

#endif

TEST_HARNESS_MAIN
