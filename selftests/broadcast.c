// SPDX-License-Identifier: GPL-2.0-only
/* Tests of messages to all secondaries, with and without waiting for space. */
#include "device.h"
#include "harness.h"
#include "mailbox.h"
#include "memory.h"
#include "message.h"
#include "parameter.h"
#include "thread.h"
#include "wait.h"

/* Broadcasts */

TEST_F(mailbox, broadcast_reaches_every_secondary_and_nobody_else)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_ALL, 0);
	int others[3];

	for (int i = 0; i < 3; i++) {
		others[i] = open_secondary(self->group);
		ASSERT_LE(0, others[i]);
	}
	ASSERT_EQ(0, leave(others[2]));
	send.body = make_body("all", "data", 4, NULL, 0);
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_SEND, &send));
	EXPECT_EQ(3, send.sent);
	EXPECT_EQ(0, send.full);
	EXPECT_EQ(0, recv_msg(self->secondary, &self->record, self->data, 4));
	for (int i = 0; i < 2; i++) {
		memset(self->data, 0, 4);
		ASSERT_EQ(0, recv_msg(others[i], &self->record, self->data, 4));
		EXPECT_STREQ("all", self->record.name);
		EXPECT_EQ(0, memcmp("data", self->data, 4));
	}
	EXPECT_EQ(0, drain(self->primary, 0));
}

TEST_F(mailbox, broadcast_reaches_those_that_join_while_it_is_copied)
{
	struct mpipc_send_args send = { .to = MPIPC_TO_ALL };
	struct ioctl_thread thread;
	int secondary[8];
	void *data;
	int trap = trap_page(&data);

	ASSERT_LE(0, trap);
	send.body = make_body("m", data, 1, NULL, 0);
	ASSERT_EQ(0, ioctl_thread_start(&thread, self->primary, MPIPC_SEND, &send));
	ASSERT_EQ(POLLIN, poll_for(trap, POLLIN, -1));
	for (size_t i = 0; i < ARRAY_SIZE(secondary); i++) {
		secondary[i] = open_secondary(self->group);
		ASSERT_LE(0, secondary[i]);
	}
	close(trap);
	EXPECT_EQ(0, ioctl_thread_join(&thread));
	EXPECT_EQ(1 + ARRAY_SIZE(secondary), send.sent);
	EXPECT_EQ(0, recv_msg(self->secondary, &self->record, self->data, 1));
	for (size_t i = 0; i < ARRAY_SIZE(secondary); i++) {
		EXPECT_EQ(0, recv_msg(secondary[i], &self->record, self->data, 1));
		EXPECT_EQ(-EAGAIN, recv_msg(secondary[i], &self->record, self->data, 1));
	}
}

TEST_F(mailbox, broadcast_to_nobody_succeeds)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_ALL, 0);

	ASSERT_EQ(0, leave(self->secondary));
	send.sent = 77;
	send.full = 77;
	EXPECT_EQ(0, do_ioctl(self->primary, MPIPC_SEND, &send));
	EXPECT_EQ(0, send.sent);
	EXPECT_EQ(0, send.full);
}

/* Promise: P13, P15 */
TEST_F(mailbox, broadcast_reports_and_counts_who_had_no_space)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_ALL, 0);
	int other = open_secondary(self->group);
	struct mpipc_info info;

	ASSERT_LE(0, other);
	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(0, send_msg(self->primary, self->id, "fill", NULL, 0));
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_SEND, &send));
	EXPECT_EQ(1, send.sent);
	EXPECT_EQ(1, send.full);
	EXPECT_EQ(0, drain(other, 1));
	ASSERT_EQ(0, get_info(self->secondary, &info));
	EXPECT_EQ(1, info.lost);
	EXPECT_EQ(0, drain(self->secondary, SPACE));
	ASSERT_EQ(0, send_msg(self->primary, self->id, "m", NULL, 0));
	ASSERT_EQ(0, recv_msg(self->secondary, &self->record, NULL, 0));
	EXPECT_EQ(1, self->record.lost);
}

TEST_F(mailbox, broadcast_waits_for_space_until_the_deadline)
{
	struct mpipc_send_args send;
	int other = open_secondary(self->group);

	ASSERT_LE(0, other);
	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(0, send_msg(self->primary, self->id, "fill", NULL, 0));
	send = send_until(MPIPC_TO_ALL, in_ms(30));
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_SEND, &send));
	EXPECT_LE(send.deadline, now_ns());
	EXPECT_EQ(1, send.sent);
	EXPECT_EQ(1, send.full);
	EXPECT_EQ(0, drain(other, 1));
}

TEST_F(mailbox, broadcast_that_waits_goes_on_when_there_is_space)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_ALL, MPIPC_FOREVER);
	int other = open_secondary(self->group);
	struct ioctl_thread sender;

	ASSERT_LE(0, other);
	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(0, send_msg(self->primary, self->id, "fill", NULL, 0));
	ASSERT_EQ(0, ioctl_thread_start(&sender, self->primary, MPIPC_SEND, &send));
	/* The full mailbox does not hold up the secondary that has space. */
	ASSERT_EQ(0, recv_wait(other, &self->record, NULL, 0));
	ASSERT_EQ(0, ioctl_thread_asleep(&sender));
	ASSERT_EQ(0, recv_msg(self->secondary, &self->record, NULL, 0));
	EXPECT_EQ(0, ioctl_thread_join(&sender));
	EXPECT_EQ(2, send.sent);
	EXPECT_EQ(0, send.full);
	EXPECT_EQ(0, drain(self->secondary, SPACE));
	EXPECT_EQ(0, drain(other, 0));
}

TEST_F(mailbox, broadcast_that_waits_takes_space_wherever_it_comes)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_ALL, MPIPC_FOREVER);
	int other = open_small(self->group, MPIPC_SECONDARY, 0, SPACE);
	int both[] = { self->secondary, other };
	struct ioctl_thread sender;

	ASSERT_LE(0, other);
	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "fill", NULL, 0));
	/* The sender waits for space in either mailbox, whichever it tries first. */
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, ioctl_thread_start(&sender, self->primary, MPIPC_SEND, &send));
		ASSERT_EQ(0, ioctl_thread_asleep(&sender));
		for (int n = 0; n < SPACE + 1; n++)
			ASSERT_EQ(0, recv_fds(both[i], &self->record, NULL, 0, NULL, 0,
					      in_ms(2000)));
		EXPECT_STREQ("waited", self->record.name);
		EXPECT_EQ(0, recv_msg(both[!i], &self->record, NULL, 0));
		EXPECT_EQ(0, ioctl_thread_join(&sender));
		EXPECT_EQ(2, send.sent);
		for (int n = 0; n < SPACE; n++)
			ASSERT_EQ(0, send_msg(self->primary, both[i] == other ?
					      endpoint_id(other) : self->id, "fill", NULL, 0));
	}
}

TEST_F(mailbox, broadcast_that_waits_fails_if_its_sender_leaves_before_anybody_got_it)
{
	/* There may be another secondary, which gets the message. */
	for (int others = 0; others < 2; others++) {
		struct mpipc_send_args send = send_until(MPIPC_TO_ALL, MPIPC_FOREVER);
		struct ioctl_thread sender;

		for (int i = 0; i < SPACE; i++)
			ASSERT_EQ(0, send_msg(self->primary, self->id, "fill", NULL, 0));
		if (others)
			ASSERT_LE(0, open_secondary(self->group));
		ASSERT_EQ(0, ioctl_thread_start(&sender, self->primary, MPIPC_SEND, &send));
		ASSERT_EQ(0, ioctl_thread_asleep(&sender));
		ASSERT_EQ(0, leave(self->primary));
		EXPECT_EQ(others ? 0 : -ESHUTDOWN, ioctl_thread_join(&sender));
		EXPECT_EQ(others, send.sent);
		EXPECT_EQ(0, drain(self->secondary, SPACE));

		close(self->primary);
		close(self->secondary);
		self->primary = open_primary(self->group);
		self->secondary = open_small(self->group, MPIPC_SECONDARY, 0, SPACE);
		ASSERT_LE(0, self->secondary);
		self->id = endpoint_id(self->secondary);
	}
}

TEST_F(mailbox, signal_interrupts_a_broadcast_that_nobody_got)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_ALL, MPIPC_FOREVER);
	struct sigaction action = { .sa_handler = nothing };
	struct ioctl_thread sender;
	struct mpipc_info info;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(0, send_msg(self->primary, self->id, "fill", NULL, 0));
	ASSERT_EQ(0, ioctl_thread_start(&sender, self->primary, MPIPC_SEND, &send));
	ASSERT_EQ(0, ioctl_thread_asleep(&sender));
	ASSERT_EQ(0, pthread_kill(sender.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, ioctl_thread_join(&sender));
	ASSERT_EQ(0, get_info(self->secondary, &info));
	EXPECT_EQ(0, info.lost);
}

TEST_F(mailbox, signal_ends_a_broadcast_that_somebody_got)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_ALL, MPIPC_FOREVER);
	struct sigaction action = { .sa_handler = nothing };
	int other = open_secondary(self->group);
	struct ioctl_thread sender;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(0, send_msg(self->primary, self->id, "fill", NULL, 0));
	ASSERT_EQ(0, ioctl_thread_start(&sender, self->primary, MPIPC_SEND, &send));
	ASSERT_EQ(0, ioctl_thread_asleep(&sender));
	ASSERT_EQ(0, pthread_kill(sender.thread, SIGUSR1));
	EXPECT_EQ(0, ioctl_thread_join(&sender));
	EXPECT_EQ(1, send.sent);
	EXPECT_EQ(1, send.full);
}

TEST_HARNESS_MAIN
