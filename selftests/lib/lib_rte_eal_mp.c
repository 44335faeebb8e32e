// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the first interface, rte_eal_mp: registration, messages, limits, and that it
 * gets along with rte_mp.
 */
#include "child.h"
#include "fd.h"
#include "lib_rte.h"

/**
 * struct first - what an action of this interface has seen last
 * @params: parameters
 * @len: their size
 * @fds: descriptors
 * @fds_num: how many
 * @count: how many messages
 */
static struct first {
	char params[RTE_EAL_MP_MAX_PARAMS];
	int len;
	int fds[RTE_MP_MAX_FD_NUM];
	int fds_num;
	unsigned int count;
} first;

static int keep_first(const void *params, int len, int fds[], int fds_num)
{
	pthread_mutex_lock(&seen.lock);
	memcpy(first.params, params, len);
	first.len = len;
	memcpy(first.fds, fds, fds_num * sizeof(*fds));
	first.fds_num = fds_num;
	first.count++;
	pthread_mutex_unlock(&seen.lock);
	sem_post(&seen.came);
	return 0;
}

static int report_first(const void *params, int len, int fds[], int fds_num)
{
	(void)params;
	(void)len;
	(void)fds;
	(void)fds_num;
	child_send(own_line, 0);
	return -1;	/* for which nobody has to exit */
}

static void start_first(const char *prefix, struct child *child)
{
	if (fork_child(child))
		return;
	own_line = child;
	CHECK(!rte_eal_mp_action_register("report", report_first));
	CHECK(start_eal("secondary", prefix) >= 0);
	child_send(child, 0);
	stay();
}

/* Start a secondary that waits for a word of the test, sends a message, and exits. */
static void send_first(const char *prefix, struct child *child, const char *name,
		       const void *params, int len, int *fds, int fds_num)
{
	if (fork_child(child))
		return;
	CHECK(start_eal("secondary", prefix) >= 0);
	child_send(child, 0);
	child_hear(child, NULL);
	CHECK(rte_eal_mp_sendmsg(name, params, len, fds, fds_num) == 72 + len);
	_exit(0);
}

TEST(an_action_is_registered_once)
{
	EXPECT_EQ(0, rte_eal_mp_action_register("x", keep_first));
	EXPECT_EQ(-EEXIST, rte_eal_mp_action_register("x", report_first));
	rte_eal_mp_action_unregister("x");
	rte_eal_mp_action_unregister("x");
	EXPECT_EQ(0, rte_eal_mp_action_register("x", keep_first));
}

TEST(names_have_space_for_63_bytes)
{
	char name[65];

	memset(name, 'x', sizeof(name));
	name[64] = 0;
	EXPECT_EQ(-E2BIG, rte_eal_mp_action_register(name, keep_first));
	name[63] = 0;
	EXPECT_EQ(0, rte_eal_mp_action_register(name, keep_first));
	EXPECT_EQ(-EINVAL, rte_eal_mp_action_register("", keep_first));
	EXPECT_EQ(-EINVAL, rte_eal_mp_action_register(NULL, keep_first));
}

TEST(a_name_that_begins_like_another_is_another)
{
	EXPECT_EQ(0, rte_eal_mp_action_register("virtio_vhost", keep_first));
	EXPECT_EQ(0, rte_eal_mp_action_register("virtio", keep_first));
	rte_eal_mp_action_unregister("virt");
	EXPECT_EQ(-EEXIST, rte_eal_mp_action_register("virtio", keep_first));
}

TEST_F(rte, the_largest_message_arrives_as_it_was_sent)
{
	char params[RTE_EAL_MP_MAX_PARAMS];
	struct child child;

	memset(params, 0x3c, sizeof(params));
	ASSERT_EQ(0, rte_eal_mp_action_register("x", keep_first));
	send_first(self->prefix, &child, "x", params, sizeof(params), NULL, 0);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	child_send(&child, 0);
	wait_for(&seen.came);
	EXPECT_EQ(952, first.len);
	EXPECT_EQ(0, memcmp(params, first.params, sizeof(params)));
	EXPECT_EQ(0, first.fds_num);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, messages_of_every_size_keep_it)
{
	static const int sizes[] = { 0, 1, 7, 255, 256, 264, 951, 952 };
	char params[RTE_EAL_MP_MAX_PARAMS];
	struct child child;
	unsigned int i;
	int len;

	memset(params, 1, sizeof(params));
	ASSERT_EQ(0, rte_eal_mp_action_register("x", keep_first));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			child_hear(&child, NULL);
			CHECK(rte_eal_mp_sendmsg("x", params, sizes[i], NULL, 0) == 72 + sizes[i]);
		}
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		child_send(&child, 0);
		wait_for(&seen.came);
		pthread_mutex_lock(&seen.lock);
		len = first.len;
		pthread_mutex_unlock(&seen.lock);
		EXPECT_EQ(sizes[i], len);
	}
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, its_limits_and_their_errors_are_those_of_the_first_version)
{
	char params[RTE_EAL_MP_MAX_PARAMS + 1] = "";
	int fds[RTE_MP_MAX_FD_NUM + 1] = { 0 };
	int bad = -1;

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(-E2BIG, rte_eal_mp_sendmsg("x", params, 1, fds, 254));
	EXPECT_EQ(-ENOMEM, rte_eal_mp_sendmsg("x", params, 953, NULL, 0));
	EXPECT_EQ(-EINVAL, rte_eal_mp_sendmsg("x", params, -1, NULL, 0));
	EXPECT_EQ(-EINVAL, rte_eal_mp_sendmsg("x", params, 0, fds, -1));
	EXPECT_EQ(-EINVAL, rte_eal_mp_sendmsg("x", NULL, 1, NULL, 0));
	EXPECT_EQ(-EINVAL, rte_eal_mp_sendmsg("x", params, 0, NULL, 1));
	EXPECT_EQ(-EINVAL, rte_eal_mp_sendmsg("", params, 0, NULL, 0));
	EXPECT_EQ(-EBADF, rte_eal_mp_sendmsg("x", params, 0, &bad, 1));
	EXPECT_LE(0, rte_eal_mp_sendmsg("x", NULL, 0, NULL, 0));
}

TEST_F(rte, a_message_carries_253_descriptors_which_the_action_owns)
{
	int fds[RTE_MP_MAX_FD_NUM] = { 0 }, i;
	unsigned int before;
	struct child child;

	ASSERT_EQ(0, rte_eal_mp_action_register("x", keep_first));
	send_first(self->prefix, &child, "x", "", 0, fds, RTE_MP_MAX_FD_NUM);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	before = count_fds();
	child_send(&child, 0);
	wait_for(&seen.came);
	EXPECT_EQ(0, child_wait(&child));
	ASSERT_EQ(253, first.fds_num);
	EXPECT_EQ(before - 1 + 253, count_fds());
	for (i = 0; i < 253; i++)
		close(first.fds[i]);
}

TEST_F(rte, descriptors_for_an_unknown_action_are_closed)
{
	struct child child;
	int fds[2];
	char byte;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, rte_eal_mp_action_register("x", keep_first));
	send_first(self->prefix, &child, "unknown", "", 0, &fds[1], 1);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	close(fds[1]);
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(0, read(fds[0], &byte, 1));
	EXPECT_EQ(0, first.count);
}

TEST_F(rte, a_primary_has_more_than_eight_secondaries)
{
	struct child children[12];
	int i;

	for (i = 0; i < 12; i++)
		start_first(self->prefix, &children[i]);
	ASSERT_EQ(0, start_primary(self->prefix, children, 12));
	EXPECT_EQ(73, rte_eal_mp_sendmsg("report", "x", 1, NULL, 0));
	for (i = 0; i < 12; i++)
		EXPECT_EQ(0, child_hear(&children[i], NULL));
	kill_all(children, 12);
}

TEST_F(rte, an_action_that_fails_and_a_primary_that_goes_end_nobody)
{
	struct child child;

	start_first(self->prefix, &child);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (int i = 0; i < 3; i++) {
		EXPECT_LE(0, rte_eal_mp_sendmsg("report", "", 0, NULL, 0));
		EXPECT_EQ(0, child_hear(&child, NULL));
	}
	EXPECT_EQ(0, rte_eal_cleanup());
	EXPECT_EQ(0, waitpid(child.pid, NULL, WNOHANG));
	child_kill(&child);
}

TEST_F(rte, both_interfaces_work_in_one_process_with_the_same_names)
{
	struct child child;

	ASSERT_EQ(0, rte_eal_mp_action_register("x", keep_first));
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		struct rte_mp_reply reply;

		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(rte_eal_mp_sendmsg("x", "first", 6, NULL, 0) > 0);
		CHECK(!say("x", "second"));
		CHECK(rte_eal_mp_sendmsg("x", "third", 6, NULL, 0) > 0);
		child_hear(&child, NULL);
		/* Only the first interface has this action, and it has no requests. */
		CHECK(ask("y", "", &reply) == -1 && rte_errno == ENOENT);
		_exit(0);
	}
	ASSERT_EQ(0, rte_eal_mp_action_register("y", keep_first));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	wait_for(&seen.came);
	wait_for(&seen.came);
	EXPECT_STREQ("third", first.params);
	EXPECT_EQ(2, first.count);
	EXPECT_STREQ("second", (char *)seen.msg.param);
	EXPECT_EQ(1, seen.count);
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

TEST(without_ipc_it_says_so)
{
	char *argv[] = { "prog", "--no-shconf", NULL };

	EXPECT_EQ(-EBADF, rte_eal_mp_sendmsg("x", "", 0, NULL, 0));
	ASSERT_EQ(1, rte_eal_init(2, argv));
	EXPECT_EQ(-ENOTSUP, rte_eal_mp_action_register("x", keep_first));
	EXPECT_EQ(-ENOTSUP, rte_eal_mp_sendmsg("x", "", 0, NULL, 0));
}

TEST_F(rte, without_a_primary_it_is_refused)
{
	struct child child;

	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&child, 0);
		child_hear(&child, NULL);
		CHECK(rte_eal_mp_sendmsg("x", "", 0, NULL, 0) == -ECONNREFUSED);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(0, rte_eal_cleanup());
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_HARNESS_MAIN
