// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of a program on libmpipc-rte.so that has libmpipc-dpdk.so preloaded, because it was
 * started by a program of DPDK.
 */
#include "lib_rte.h"

TEST_F(rte, requests_get_replies)
{
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, ask("x", "question", &reply));
	ASSERT_EQ(1, reply.nb_received);
	EXPECT_STREQ("question", (char *)reply.msgs[0].param);
	free(reply.msgs);
	EXPECT_EQ(0, say("x", "message"));
	child_kill(&child);
}

static int note(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	(void)request;
	seen.count += reply->nb_received;
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, asynchronous_requests_get_replies)
{
	struct rte_mp_msg msg = make_msg("x", "question");
	struct child child;

	start_secondary(self->prefix, &child, "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, rte_mp_request_async(&msg, &a_minute, note));
	wait_for(&seen.came);
	EXPECT_EQ(1, seen.count);
	child_kill(&child);
}

TEST_F(rte, errors_are_where_the_program_looks_for_them)
{
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_FAIL(EINVAL, rte_mp_sendmsg(NULL));
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	EXPECT_FAIL(EEXIST, rte_mp_action_register("x", keep));
	rte_mp_action_unregister("x");
	EXPECT_EQ(0, rte_mp_action_register("x", keep));
}

TEST_F(rte, actions_may_be_registered_before_init)
{
	struct child child;

	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", "message"));
		_exit(0);
	}
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, it_is_no_process_of_dpdk_that_has_to_be_on_mpipc)
{
	int out[2], old = dup(STDERR_FILENO);
	char text[2];

	setenv("MPIPC_DPDK", "require", 1);
	ASSERT_EQ(0, pipe(out));
	dup2(out[1], STDERR_FILENO);
	EXPECT_EQ(0, start_primary(self->prefix, NULL, 0));
	dup2(old, STDERR_FILENO);
	close(out[1]);
	/* It has nothing to say, either. */
	EXPECT_EQ(0, read(out[0], text, sizeof(text)));
	EXPECT_EQ(0, rte_eal_cleanup());
}

TEST_HARNESS_MAIN
