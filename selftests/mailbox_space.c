// SPDX-License-Identifier: GPL-2.0-only
/* Tests of senders that wait for space in a mailbox. */
#include "device.h"
#include "harness.h"
#include "mailbox.h"
#include "message.h"
#include "thread.h"
#include "wait.h"

/* Waiting for space */

TEST_F(mailbox, wait_for_space_ends_at_the_deadline)
{
	struct mpipc_send_args send;
	struct mpipc_info info;

	ASSERT_EQ(0, fill_up(self->secondary));
	send = send_until(MPIPC_TO_PRIMARY, in_ms(30));
	EXPECT_EQ(-ETIMEDOUT, do_ioctl(self->secondary, MPIPC_SEND, &send));
	EXPECT_LE(send.deadline, now_ns());
	ASSERT_EQ(0, get_info(self->primary, &info));
	EXPECT_EQ(1, info.lost);
	EXPECT_EQ(SPACE, info.queued);
}

TEST_F(mailbox, deadline_that_has_passed_is_no_wait)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_PRIMARY, 1);

	EXPECT_EQ(0, do_ioctl(self->secondary, MPIPC_SEND, &send));
	ASSERT_EQ(0, drain(self->primary, 1));
	ASSERT_EQ(0, fill_up(self->secondary));
	EXPECT_EQ(-ETIMEDOUT, do_ioctl(self->secondary, MPIPC_SEND, &send));
}

TEST_F(mailbox, sender_that_waits_gets_the_next_space)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_PRIMARY, MPIPC_FOREVER);
	struct ioctl_thread sender;

	ASSERT_EQ(0, fill_up(self->secondary));
	ASSERT_EQ(0, ioctl_thread_start(&sender, self->secondary, MPIPC_SEND, &send));
	ASSERT_EQ(0, ioctl_thread_asleep(&sender));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(0, ioctl_thread_join(&sender));
	EXPECT_EQ(1, send.sent);
	EXPECT_EQ(0, send.full);
	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_STREQ("waited", self->record.name);
	EXPECT_EQ(0, self->record.lost);
}

TEST_F(mailbox, each_space_lets_one_of_the_waiting_senders_go)
{
	struct mpipc_send_args send[3];
	struct ioctl_thread sender[3];

	ASSERT_EQ(0, fill_up(self->secondary));
	for (int i = 0; i < 3; i++) {
		send[i] = send_until(MPIPC_TO_PRIMARY, MPIPC_FOREVER);
		ASSERT_EQ(0, ioctl_thread_start(&sender[i], self->secondary,
						MPIPC_SEND, &send[i]));
	}
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, ioctl_thread_asleep(&sender[i]));
	/* As many messages arrive as were sent, each of them once. */
	for (int i = 0; i < SPACE + 3; i++)
		ASSERT_EQ(0, recv_wait(self->primary, &self->record, NULL, 0));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, ioctl_thread_join(&sender[i]));
	EXPECT_EQ(0, drain(self->primary, 0));
}

#define SENDERS 200
#define TAKES 10

/*
 * Return how often the senders went to sleep that are asleep now, and in @left how many
 * there are.
 */
static long count_sleeps(struct ioctl_thread *sender, int *left)
{
	long n = 0;

	*left = 0;
	for (int i = 0; i < SENDERS; i++) {
		if (ioctl_thread_asleep(&sender[i]))
			continue;
		n += voluntary_switches(sender[i].tid);
		(*left)++;
	}
	return n;
}

/* Promise: P13 */
TEST_F(mailbox, space_for_one_does_not_wake_all_who_wait_for_it)
{
	struct mpipc_send_args send[SENDERS];
	struct ioctl_thread sender[SENDERS];
	int left, returned = 0;
	struct mpipc_info info;
	long before, slept;

	ASSERT_EQ(0, fill_up(self->secondary));
	for (int i = 0; i < SENDERS; i++) {
		send[i] = send_until(MPIPC_TO_PRIMARY, MPIPC_FOREVER);
		ASSERT_EQ(0, ioctl_thread_start(&sender[i], self->secondary,
						MPIPC_SEND, &send[i]));
	}
	before = count_sleeps(sender, &left);
	ASSERT_EQ(SENDERS, left);
	for (int i = 1; i <= TAKES; i++) {
		ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
		/* The sender that gets the space looks asleep until it has looked for space. */
		do {
			slept = count_sleeps(sender, &left);
		} while (left > SENDERS - i);
		ASSERT_EQ(SENDERS - i, left);
		ASSERT_EQ(0, get_info(self->primary, &info));
		EXPECT_EQ(SPACE, info.queued);
	}
	/* A sender that is seen to fall asleep may not have been counted yet. */
	EXPECT_GT(SENDERS + 10 * TAKES, slept - before);
	ASSERT_EQ(0, leave(self->secondary));
	for (int i = 0; i < SENDERS; i++) {
		int ret = ioctl_thread_join(&sender[i]);

		EXPECT_TRUE(!ret || ret == -ESHUTDOWN);
		returned += !ret;
	}
	EXPECT_EQ(TAKES, returned);
	EXPECT_EQ(0, drain(self->primary, SPACE));
}

TEST_F(mailbox, sender_that_waits_learns_that_the_receiver_is_gone)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_PRIMARY, MPIPC_FOREVER);
	struct ioctl_thread sender;

	ASSERT_EQ(0, fill_up(self->secondary));
	ASSERT_EQ(0, ioctl_thread_start(&sender, self->secondary, MPIPC_SEND, &send));
	ASSERT_EQ(0, ioctl_thread_asleep(&sender));
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(-ECONNRESET, ioctl_thread_join(&sender));
}

TEST_F(mailbox, sender_that_waits_returns_when_it_leaves)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_PRIMARY, MPIPC_FOREVER);
	struct ioctl_thread sender;

	ASSERT_EQ(0, fill_up(self->secondary));
	ASSERT_EQ(0, ioctl_thread_start(&sender, self->secondary, MPIPC_SEND, &send));
	ASSERT_EQ(0, ioctl_thread_asleep(&sender));
	ASSERT_EQ(0, leave(self->secondary));
	EXPECT_EQ(-ESHUTDOWN, ioctl_thread_join(&sender));
	EXPECT_EQ(0, drain(self->primary, SPACE));
}

TEST_F(mailbox, signal_interrupts_the_wait_for_space)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_PRIMARY, MPIPC_FOREVER);
	struct sigaction action = { .sa_handler = nothing };
	struct ioctl_thread sender;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, fill_up(self->secondary));
	ASSERT_EQ(0, ioctl_thread_start(&sender, self->secondary, MPIPC_SEND, &send));
	ASSERT_EQ(0, ioctl_thread_asleep(&sender));
	ASSERT_EQ(0, pthread_kill(sender.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, ioctl_thread_join(&sender));
	EXPECT_EQ(0, drain(self->primary, SPACE));
}

TEST_HARNESS_MAIN
