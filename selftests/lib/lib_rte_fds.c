// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of rte_mp: file descriptors. Statements 35 to 37; lib_rte_delivery.c says what the
 * names mean.
 */
#include "child.h"
#include "fd.h"
#include "lib_rte.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define MOST	RTE_MP_MAX_FD_NUM

/* Check that two descriptors are for the same open pipe or file. */
static bool same_file(int a, int b)
{
	struct stat st_a, st_b;

	return !fstat(a, &st_a) && !fstat(b, &st_b) && st_a.st_ino == st_b.st_ino;
}

static void close_fds(const struct rte_mp_msg *msg)
{
	int i;

	for (i = 0; i < msg->num_fds; i++)
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
}

static struct rte_mp_msg msg_with(const char *name, int fd, int n)
{
	struct rte_mp_msg msg = make_msg(name, "");
	int i;

	msg.num_fds = n;
	for (i = 0; i < n; i++)
		msg.fds[i] = fd;
	return msg;
}

/* Start a secondary that waits for a word of the test, sends the message, and exits. */
static void send_on_order(const char *prefix, struct child *child, struct rte_mp_msg *msg)
{
	if (fork_child(child))
		return;
	CHECK(start_eal("secondary", prefix) >= 0);
	child_send(child, 0);
	child_hear(child, NULL);
	CHECK(!rte_mp_sendmsg(msg));
	_exit(0);
}

TEST_F(rte, s35_the_sender_keeps_its_descriptors)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child child;
	unsigned int before;
	int fds[2];

	start_secondary(self->prefix, &child, "x", keep);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, pipe(fds));
	msg = msg_with("x", fds[0], 1);
	before = count_fds();
	EXPECT_EQ(0, rte_mp_sendmsg(&msg));
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &(struct timespec){ 0 }));
	EXPECT_EQ(before, count_fds());
	EXPECT_LE(0, fcntl(fds[0], F_GETFD));
	child_kill(&child);
}

TEST_F(rte, s35_received_descriptors_stay_open_after_the_action)
{
	struct rte_mp_msg msg;
	struct child child;
	int fds[2];
	char byte;

	ASSERT_EQ(0, pipe(fds));
	msg = msg_with("x", fds[1], 1);
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	ASSERT_EQ(0, rte_mp_action_register("y", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_sendmsg(&msg));
		child_hear(&child, NULL);
		CHECK(!say("y", ""));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	msg = last_seen();
	/* When the next message has come, that action has returned long ago. */
	child_send(&child, 0);
	wait_for(&seen.came);
	ASSERT_EQ(1, msg.num_fds);
	EXPECT_EQ(1, write(msg.fds[0], "x", 1));
	EXPECT_EQ(1, read(fds[0], &byte, 1));
	close(msg.fds[0]);
	EXPECT_EQ(0, child_wait(&child));
}

static int reply_with_all(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg out = msg_with(msg->name, 0, MOST);

	close_fds(msg);
	return rte_mp_reply(&out, peer);
}

TEST_F(rte, s37_a_request_and_its_reply_carry_253_descriptors)
{
	struct rte_mp_msg msg = msg_with("x", 1, MOST);
	struct rte_mp_reply reply;
	struct child child;
	unsigned int before;
	int i;

	start_secondary(self->prefix, &child, "x", reply_with_all);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	before = count_fds();
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
		ASSERT_EQ(MOST, reply.msgs[0].num_fds);
		EXPECT_TRUE(same_file(0, reply.msgs[0].fds[MOST - 1]));
		EXPECT_EQ(before + MOST, count_fds());
		close_fds(&reply.msgs[0]);
		free(reply.msgs);
	}
	EXPECT_EQ(before, count_fds());
	child_kill(&child);
}

TEST_F(rte, s37_the_order_of_descriptors_is_kept)
{
	struct rte_mp_msg msg = make_msg("x", "");
	int pipes[MOST][2], i, wrong = 0;
	struct child child;

	msg.num_fds = MOST;
	for (i = 0; i < MOST; i++) {
		ASSERT_EQ(0, pipe(pipes[i]));
		msg.fds[i] = pipes[i][0];
	}
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	send_on_order(self->prefix, &child, &msg);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	child_send(&child, 0);
	wait_for(&seen.came);
	ASSERT_EQ(MOST, seen.msg.num_fds);
	for (i = 0; i < MOST; i++)
		wrong += !same_file(pipes[i][0], seen.msg.fds[i]);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, d_s37_received_descriptors_are_close_on_exec)
{
	struct rte_mp_msg msg = msg_with("x", 0, 1);
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	send_on_order(self->prefix, &child, &msg);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	child_send(&child, 0);
	wait_for(&seen.came);
	EXPECT_EQ(FD_CLOEXEC, fcntl(seen.msg.fds[0], F_GETFD));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, s36_what_cleanup_drops_is_closed)
{
	struct rte_mp_msg msg;
	struct child child;
	int fds[2], i;
	char byte;

	ASSERT_EQ(0, pipe(fds));
	start_secondary(self->prefix, &child, "x", keep);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	msg = msg_with("x", fds[1], 3);
	kill(child.pid, SIGSTOP);
	ASSERT_EQ(child.pid, waitpid(child.pid, NULL, WUNTRACED));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, rte_mp_sendmsg(&msg));
	close(fds[1]);
	child_kill(&child);
	/* Neither the dead process nor the kernel has the file open any more. */
	EXPECT_EQ(0, read(fds[0], &byte, 1));
}

/* Allow no more descriptors than there are, but for so many. */
static void leave_space_for(int n)
{
	struct rlimit limit;
	int fd = fcntl(0, F_DUPFD, 0), i;

	close(fd);
	getrlimit(RLIMIT_NOFILE, &limit);
	/* This is the lowest number that is free; others above it may be in use. */
	for (i = fd; n; i++)
		if (fcntl(i, F_GETFD) < 0)
			n--;
	limit.rlim_cur = i;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void allow_many(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 1024;
	setrlimit(RLIMIT_NOFILE, &limit);
}

TEST_F(rte, without_space_for_descriptors_their_slots_say_so_and_ipc_goes_on)
{
	struct rte_mp_msg got, msg = msg_with("x", 0, 10);
	struct child child;
	int i, installed = 0;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		for (;;) {
			child_send(&child, 0);
			if (child_hear(&child, NULL))
				_exit(0);
			CHECK(!rte_mp_sendmsg(&msg));
		}
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	leave_space_for(4);
	child_send(&child, 0);
	wait_for(&seen.came);
	allow_many();
	got = last_seen();
	ASSERT_EQ(10, got.num_fds);
	for (i = 0; i < 10; i++) {
		if (got.fds[i] >= 0)
			installed++;
		else
			EXPECT_EQ(-EMFILE, got.fds[i]);
	}
	EXPECT_EQ(4, installed);
	close_fds(&got);
	/* The reader has survived the message. */
	child_hear(&child, NULL);
	child_send(&child, 0);
	wait_for(&seen.came);
	got = last_seen();
	for (i = 0; i < 10; i++)
		EXPECT_LE(0, got.fds[i]);
	close_fds(&got);
	shutdown(child.line, SHUT_RDWR);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, without_space_for_descriptors_a_reply_still_comes)
{
	struct rte_mp_reply reply;
	struct child child;
	unsigned int before;

	start_secondary(self->prefix, &child, "x", reply_with_all);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	before = count_fds();
	leave_space_for(2);
	ASSERT_EQ(0, ask("x", "", &reply));
	allow_many();
	ASSERT_EQ(MOST, reply.msgs[0].num_fds);
	EXPECT_LE(0, reply.msgs[0].fds[1]);
	EXPECT_EQ(-EMFILE, reply.msgs[0].fds[2]);
	close_fds(&reply.msgs[0]);
	free(reply.msgs);
	EXPECT_EQ(before, count_fds());
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_LE(0, reply.msgs[0].fds[MOST - 1]);
	close_fds(&reply.msgs[0]);
	free(reply.msgs);
	EXPECT_EQ(before, count_fds());
	child_kill(&child);
}

TEST_F(rte, there_are_as_many_descriptors_after_as_before)
{
	struct rte_mp_reply reply;
	struct child child;
	unsigned int before, i;

	start_secondary(self->prefix, &child, "x", echo);
	before = count_fds();
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, start_primary(self->prefix, &child, !i));
		EXPECT_EQ(before + 1, count_fds());
		EXPECT_EQ(0, say("x", ""));
		EXPECT_EQ(0, ask("x", "", &reply));
		EXPECT_EQ(!i, reply.nb_received);
		free(reply.msgs);
		EXPECT_EQ(0, rte_eal_cleanup());
		EXPECT_EQ(before, count_fds());
	}
	child_kill(&child);
}

TEST_HARNESS_MAIN
