// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailboxes: order, room and its lack, events, poll and epoll, who is there, and
 * what is counted.
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "fd.h"
#include "memory.h"
#include "message.h"
#include "parameter.h"
#include "thread.h"
#include "wait.h"

#include <sys/epoll.h>

#define ROOM 4 /* messages that the mailboxes of these tests hold */
#define USER 1000
#define USER_GROUP 100

FIXTURE(mailbox)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	int secondary;
	__u64 id;		/* of the secondary */
	struct mpipc_record record;
	char data[64];
};

FIXTURE_SETUP(mailbox)
{
	group_name(self->group, _metadata->name);
	self->primary = open_small(self->group, MPIPC_PRIMARY, 0, ROOM);
	ASSERT_LE(0, self->primary);
	self->secondary = open_small(self->group, MPIPC_SECONDARY, 0, ROOM);
	ASSERT_LE(0, self->secondary);
	self->id = endpoint_id(self->secondary);
}

FIXTURE_TEARDOWN(mailbox)
{
	close(self->secondary);
	close(self->primary);
}

static int send_up(int fd, const char *name)
{
	return send_msg(fd, MPIPC_TO_PRIMARY, name, NULL, 0);
}

/* Fills the mailbox of the primary of a secondary. */
static int fill_up(int fd)
{
	for (int i = 0; i < ROOM; i++) {
		int err = send_up(fd, "fill");

		if (err)
			return err;
	}
	return 0;
}

/* Takes records until there are none; -EIO if the number is not @expected. */
static int drain(int fd, int expected)
{
	struct mpipc_record record;
	int n = 0;

	while (!recv_msg(fd, &record, NULL, 0))
		n++;
	return n == expected ? 0 : -EIO;
}

/* What arrives */

TEST_F(mailbox, record_says_all_about_a_message)
{
	static const char zeroes[MPIPC_NAME_MAX];
	struct mpipc_record *record = &self->record;
	__u64 before = now_ns();

	memset(record, 0xff, sizeof(*record));
	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "name", "data", 4));
	ASSERT_EQ(0, recv_msg(self->primary, record, self->data, sizeof(self->data)));
	EXPECT_EQ(MPIPC_MESSAGE, record->type);
	EXPECT_EQ(0, record->flags);
	EXPECT_EQ(1, record->seq);
	EXPECT_EQ(self->id, record->peer);
	EXPECT_EQ(0, record->call);
	EXPECT_EQ(0, record->deadline);
	EXPECT_LE(before, record->stamp);
	EXPECT_GE(now_ns(), record->stamp);
	EXPECT_EQ(4, record->size);
	EXPECT_EQ(0, record->n_fds);
	EXPECT_EQ(0, record->status);
	EXPECT_EQ(0, record->lost);
	EXPECT_EQ(getpid(), record->pid);
	EXPECT_EQ(geteuid(), record->uid);
	EXPECT_EQ(getegid(), record->gid);
	EXPECT_EQ(MPIPC_SECONDARY, record->role);
	EXPECT_EQ(0, record->reply_size);
	EXPECT_EQ(0, record->reply_fds);
	EXPECT_EQ(1, record->generation);
	EXPECT_STREQ("name", record->name);
	EXPECT_EQ(0, memcmp(record->name + 4, zeroes, sizeof(zeroes) - 4));
	EXPECT_EQ(0, memcmp("data", self->data, 4));
}

TEST_F(mailbox, primary_sends_to_one_secondary)
{
	int other = open_secondary(self->group);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, send_msg(self->primary, self->id, "down", "x", 1));
	ASSERT_EQ(0, recv_msg(self->secondary, &self->record, self->data, 1));
	EXPECT_EQ(MPIPC_PRIMARY, self->record.role);
	EXPECT_EQ(endpoint_id(self->primary), self->record.peer);
	EXPECT_EQ(-EAGAIN, recv_msg(other, &self->record, NULL, 0));
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
}

TEST_F(mailbox, secondary_may_name_its_primary_by_id)
{
	ASSERT_EQ(0, send_msg(self->secondary, endpoint_id(self->primary), "m", NULL, 0));
	EXPECT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
}

TEST_F(mailbox, messages_come_in_the_order_of_sending)
{
	int other = open_secondary(self->group);
	__u64 stamp = 0;

	ASSERT_LE(0, other);
	for (__u32 round = 0; round < 5; round++) {
		__u32 sent, got;

		for (sent = 0; sent < ROOM; sent++)
			ASSERT_EQ(0, send_msg(sent % 2 ? self->secondary : other,
					      MPIPC_TO_PRIMARY, "m", &sent, 4));
		for (sent = 0; sent < ROOM; sent++) {
			ASSERT_EQ(0, recv_msg(self->primary, &self->record, &got, 4));
			EXPECT_EQ(sent, got);
			EXPECT_EQ(round * ROOM + sent + 1, self->record.seq);
			EXPECT_LE(stamp, self->record.stamp);
			stamp = self->record.stamp;
		}
	}
}

TEST_F(mailbox, sender_is_as_it_was_when_it_joined)
{
	struct mpipc_join_args join = join_arg(self->group, MPIPC_PRIMARY);
	struct child child;
	__u64 ret;

	close(self->primary);
	self->primary = open_dev();
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int fd = open_dev();

		child_hear(&child, NULL);
		if (setegid(USER_GROUP) || seteuid(USER))
			_exit(1);
		if (join_secondary(fd, self->group))
			_exit(2);
		if (seteuid(0) || setegid(0))
			_exit(3);
		child_tell(&child, send_up(fd, "m"));
		child_hear(&child, NULL);
		_exit(0);
	}
	close(self->secondary);
	join.mode = 0666;
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_JOIN, &join));
	child_tell(&child, 0);
	ASSERT_EQ(0, child_hear(&child, &ret));
	ASSERT_EQ(0, (int)ret);
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(USER, self->record.uid);
	EXPECT_EQ(USER_GROUP, self->record.gid);
	EXPECT_EQ(child.pid, self->record.pid);
	EXPECT_EQ(0, child_wait(&child));
}

/* Where messages may go */

TEST_F(mailbox, secondaries_reach_their_primary_only)
{
	int other = open_secondary(self->group);

	ASSERT_LE(0, other);
	EXPECT_EQ(-EOPNOTSUPP, send_msg(self->secondary, MPIPC_TO_ALL, "m", NULL, 0));
	EXPECT_EQ(-EOPNOTSUPP,
		  send_msg(self->secondary, endpoint_id(other), "m", NULL, 0));
	EXPECT_EQ(-EAGAIN, recv_msg(other, &self->record, NULL, 0));
}

TEST_F(mailbox, primary_does_not_reach_itself)
{
	EXPECT_EQ(-EOPNOTSUPP, send_up(self->primary, "m"));
	EXPECT_EQ(-EOPNOTSUPP,
		  send_msg(self->primary, endpoint_id(self->primary), "m", NULL, 0));
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
}

TEST_F(mailbox, unknown_endpoint_gets_esrch)
{
	EXPECT_EQ(-ESRCH, send_msg(self->primary, self->id + 0x100000, "m", NULL, 0));
	EXPECT_EQ(-ESRCH, send_msg(self->primary, 1ULL << 63, "m", NULL, 0));
	ASSERT_EQ(0, leave(self->secondary));
	EXPECT_EQ(-ESRCH, send_msg(self->primary, self->id, "m", NULL, 0));
}

TEST_F(mailbox, endpoint_of_another_group_gets_esrch)
{
	char other[MPIPC_GROUP_MAX];
	int primary, secondary;

	group_name(other, "other");
	primary = open_primary(other);
	secondary = open_secondary(other);
	ASSERT_LE(0, secondary);
	EXPECT_EQ(-ESRCH, send_msg(self->primary, endpoint_id(secondary), "m", NULL, 0));
	EXPECT_EQ(-ESRCH, send_msg(self->primary, endpoint_id(primary), "m", NULL, 0));
	EXPECT_EQ(-EAGAIN, recv_msg(secondary, &self->record, NULL, 0));
}

/* Full mailboxes */

TEST_F(mailbox, full_mailbox_gets_eagain_and_gives_room_again)
{
	ASSERT_EQ(0, fill_up(self->secondary));
	EXPECT_EQ(-EAGAIN, send_up(self->secondary, "m"));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(0, send_up(self->secondary, "m"));
	EXPECT_EQ(-EAGAIN, send_up(self->secondary, "m"));
	EXPECT_EQ(0, drain(self->primary, ROOM));
}

TEST_F(mailbox, lost_messages_are_told_where_they_are_missing)
{
	static const __u32 lost[] = { 3, 0, 2 };

	ASSERT_EQ(0, fill_up(self->secondary));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(-EAGAIN, send_up(self->secondary, "lost"));
	/* None was lost before the ones that were there already. */
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
		EXPECT_EQ(0, self->record.lost);
	}
	ASSERT_EQ(0, send_up(self->secondary, "after three"));
	ASSERT_EQ(0, send_up(self->secondary, "next"));
	ASSERT_EQ(0, send_up(self->secondary, "next"));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(-EAGAIN, send_up(self->secondary, "lost"));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(lost[0], self->record.lost);
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(lost[1], self->record.lost);
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(0, self->record.lost);
	ASSERT_EQ(0, send_up(self->secondary, "after two"));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(lost[2], self->record.lost);
	/* A lost message has no number. */
	EXPECT_EQ(8, self->record.seq);
}

TEST_F(mailbox, refused_message_leaves_nothing_behind)
{
	int pipes[2], fds;

	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	ASSERT_EQ(0, fill_up(self->secondary));
	fds = count_fds();
	EXPECT_EQ(-EAGAIN, send_fds(self->secondary, MPIPC_TO_PRIMARY, "m", "data", 4,
				    &pipes[1], 1));
	EXPECT_EQ(fds, count_fds());
	/* Nothing holds the file any more: its reader sees the end. */
	ASSERT_EQ(0, close(pipes[1]));
	EXPECT_EQ(POLLHUP, poll_for(pipes[0], POLLIN, 0));
}

/* Waiting for room */

static struct mpipc_send_args send_until(__u64 to, __u64 deadline)
{
	struct mpipc_send_args send = {
		.to = to,
		.deadline = deadline,
		.body = make_body("waited", NULL, 0, NULL, 0),
	};

	return send;
}

TEST_F(mailbox, wait_for_room_ends_at_the_deadline)
{
	struct mpipc_send_args send;
	struct mpipc_info info;

	ASSERT_EQ(0, fill_up(self->secondary));
	send = send_until(MPIPC_TO_PRIMARY, in_ms(30));
	EXPECT_EQ(-ETIMEDOUT, do_ioctl(self->secondary, MPIPC_SEND, &send));
	EXPECT_LE(send.deadline, now_ns());
	ASSERT_EQ(0, get_info(self->primary, &info));
	EXPECT_EQ(1, info.lost);
	EXPECT_EQ(ROOM, info.queued);
}

TEST_F(mailbox, deadline_that_has_passed_is_no_wait)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_PRIMARY, 1);

	EXPECT_EQ(0, do_ioctl(self->secondary, MPIPC_SEND, &send));
	ASSERT_EQ(0, drain(self->primary, 1));
	ASSERT_EQ(0, fill_up(self->secondary));
	EXPECT_EQ(-ETIMEDOUT, do_ioctl(self->secondary, MPIPC_SEND, &send));
}

TEST_F(mailbox, sender_that_waits_gets_the_next_room)
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
	for (int i = 0; i < ROOM; i++)
		ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_STREQ("waited", self->record.name);
	EXPECT_EQ(0, self->record.lost);
}

TEST_F(mailbox, each_room_lets_one_of_the_waiting_senders_go)
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
	/* As many as were sent come, each of them once. */
	for (int i = 0; i < ROOM + 3; i++)
		ASSERT_EQ(0, recv_wait(self->primary, &self->record, NULL, 0));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, ioctl_thread_join(&sender[i]));
	EXPECT_EQ(0, drain(self->primary, 0));
}

#define SENDERS 200
#define TAKES 10

/* So often the senders went to sleep that are asleep now; @left: how many they are. */
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

TEST_F_TIMEOUT(mailbox, room_for_one_does_not_wake_all_who_wait_for_it, 120)
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
		/* The one that goes looks asleep until it has looked for room. */
		do {
			slept = count_sleeps(sender, &left);
		} while (left > SENDERS - i);
		ASSERT_EQ(SENDERS - i, left);
		ASSERT_EQ(0, get_info(self->primary, &info));
		EXPECT_EQ(ROOM, info.queued);
	}
	/* One that is seen to fall asleep may not have been counted yet. */
	EXPECT_GT(SENDERS + 10 * TAKES, slept - before);
	ASSERT_EQ(0, leave(self->secondary));
	for (int i = 0; i < SENDERS; i++) {
		int ret = ioctl_thread_join(&sender[i]);

		EXPECT_TRUE(!ret || ret == -ESHUTDOWN);
		returned += !ret;
	}
	EXPECT_EQ(TAKES, returned);
	EXPECT_EQ(0, drain(self->primary, ROOM));
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
	EXPECT_EQ(0, drain(self->primary, ROOM));
}

static void nothing(int signal)
{
	(void)signal;
}

TEST_F(mailbox, signal_interrupts_the_wait_for_room)
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
	EXPECT_EQ(0, drain(self->primary, ROOM));
}

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

TEST_F(mailbox, broadcast_reports_and_counts_who_had_no_room)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_ALL, 0);
	int other = open_secondary(self->group);
	struct mpipc_info info;

	ASSERT_LE(0, other);
	for (int i = 0; i < ROOM; i++)
		ASSERT_EQ(0, send_msg(self->primary, self->id, "fill", NULL, 0));
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_SEND, &send));
	EXPECT_EQ(1, send.sent);
	EXPECT_EQ(1, send.full);
	EXPECT_EQ(0, drain(other, 1));
	ASSERT_EQ(0, get_info(self->secondary, &info));
	EXPECT_EQ(1, info.lost);
	EXPECT_EQ(0, drain(self->secondary, ROOM));
	ASSERT_EQ(0, send_msg(self->primary, self->id, "m", NULL, 0));
	ASSERT_EQ(0, recv_msg(self->secondary, &self->record, NULL, 0));
	EXPECT_EQ(1, self->record.lost);
}

TEST_F(mailbox, broadcast_waits_for_room_until_the_deadline)
{
	struct mpipc_send_args send;
	int other = open_secondary(self->group);

	ASSERT_LE(0, other);
	for (int i = 0; i < ROOM; i++)
		ASSERT_EQ(0, send_msg(self->primary, self->id, "fill", NULL, 0));
	send = send_until(MPIPC_TO_ALL, in_ms(30));
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_SEND, &send));
	EXPECT_LE(send.deadline, now_ns());
	EXPECT_EQ(1, send.sent);
	EXPECT_EQ(1, send.full);
	EXPECT_EQ(0, drain(other, 1));
}

TEST_F(mailbox, broadcast_that_waits_goes_on_when_there_is_room)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_ALL, MPIPC_FOREVER);
	int other = open_secondary(self->group);
	struct ioctl_thread sender;

	ASSERT_LE(0, other);
	for (int i = 0; i < ROOM; i++)
		ASSERT_EQ(0, send_msg(self->primary, self->id, "fill", NULL, 0));
	ASSERT_EQ(0, ioctl_thread_start(&sender, self->primary, MPIPC_SEND, &send));
	/* Who has room is not held up by who has none. */
	ASSERT_EQ(0, recv_wait(other, &self->record, NULL, 0));
	ASSERT_EQ(0, ioctl_thread_asleep(&sender));
	ASSERT_EQ(0, recv_msg(self->secondary, &self->record, NULL, 0));
	EXPECT_EQ(0, ioctl_thread_join(&sender));
	EXPECT_EQ(2, send.sent);
	EXPECT_EQ(0, send.full);
	EXPECT_EQ(0, drain(self->secondary, ROOM));
	EXPECT_EQ(0, drain(other, 0));
}

TEST_F(mailbox, broadcast_that_waits_takes_room_wherever_it_comes)
{
	struct mpipc_send_args send = send_until(MPIPC_TO_ALL, MPIPC_FOREVER);
	int other = open_small(self->group, MPIPC_SECONDARY, 0, ROOM);
	int both[] = { self->secondary, other };
	struct ioctl_thread sender;

	ASSERT_LE(0, other);
	for (int i = 0; i < ROOM; i++)
		ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "fill", NULL, 0));
	/* Whichever it tries first, the other's room is not waited for. */
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, ioctl_thread_start(&sender, self->primary, MPIPC_SEND, &send));
		ASSERT_EQ(0, ioctl_thread_asleep(&sender));
		for (int n = 0; n < ROOM + 1; n++)
			ASSERT_EQ(0, recv_fds(both[i], &self->record, NULL, 0, NULL, 0,
					      in_ms(2000)));
		EXPECT_STREQ("waited", self->record.name);
		EXPECT_EQ(0, recv_msg(both[!i], &self->record, NULL, 0));
		EXPECT_EQ(0, ioctl_thread_join(&sender));
		EXPECT_EQ(2, send.sent);
		for (int n = 0; n < ROOM; n++)
			ASSERT_EQ(0, send_msg(self->primary, both[i] == other ?
					      endpoint_id(other) : self->id, "fill", NULL, 0));
	}
}

TEST_F(mailbox, broadcast_that_waits_fails_if_its_sender_leaves_before_anybody_got_it)
{
	/* Whether there is somebody else, who gets it. */
	for (int others = 0; others < 2; others++) {
		struct mpipc_send_args send = send_until(MPIPC_TO_ALL, MPIPC_FOREVER);
		struct ioctl_thread sender;

		for (int i = 0; i < ROOM; i++)
			ASSERT_EQ(0, send_msg(self->primary, self->id, "fill", NULL, 0));
		if (others)
			ASSERT_LE(0, open_secondary(self->group));
		ASSERT_EQ(0, ioctl_thread_start(&sender, self->primary, MPIPC_SEND, &send));
		ASSERT_EQ(0, ioctl_thread_asleep(&sender));
		ASSERT_EQ(0, leave(self->primary));
		EXPECT_EQ(others ? 0 : -ESHUTDOWN, ioctl_thread_join(&sender));
		EXPECT_EQ(others, send.sent);
		EXPECT_EQ(0, drain(self->secondary, ROOM));

		close(self->primary);
		close(self->secondary);
		self->primary = open_primary(self->group);
		self->secondary = open_small(self->group, MPIPC_SECONDARY, 0, ROOM);
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
	for (int i = 0; i < ROOM; i++)
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
	for (int i = 0; i < ROOM; i++)
		ASSERT_EQ(0, send_msg(self->primary, self->id, "fill", NULL, 0));
	ASSERT_EQ(0, ioctl_thread_start(&sender, self->primary, MPIPC_SEND, &send));
	ASSERT_EQ(0, ioctl_thread_asleep(&sender));
	ASSERT_EQ(0, pthread_kill(sender.thread, SIGUSR1));
	EXPECT_EQ(0, ioctl_thread_join(&sender));
	EXPECT_EQ(1, send.sent);
	EXPECT_EQ(1, send.full);
}

/* Receiving */

TEST_F(mailbox, empty_mailbox_gets_eagain)
{
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
}

TEST_F(mailbox, wait_for_a_record_ends_at_the_deadline)
{
	__u64 deadline = in_ms(30);

	EXPECT_EQ(-ETIMEDOUT, recv_fds(self->primary, &self->record, NULL, 0, NULL, 0,
				       deadline));
	EXPECT_LE(deadline, now_ns());
}

TEST_F(mailbox, nonblocking_file_does_not_wait_for_a_record)
{
	ASSERT_EQ(0, fcntl(self->primary, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, recv_wait(self->primary, &self->record, NULL, 0));
	ASSERT_EQ(0, send_up(self->secondary, "m"));
	EXPECT_EQ(0, recv_wait(self->primary, &self->record, NULL, 0));
}

TEST_F(mailbox, message_wakes_the_receiver)
{
	struct mpipc_recv_args recv = { .deadline = MPIPC_FOREVER };
	struct ioctl_thread receiver;

	ASSERT_EQ(0, ioctl_thread_start(&receiver, self->primary, MPIPC_RECV, &recv));
	ASSERT_EQ(0, ioctl_thread_asleep(&receiver));
	ASSERT_EQ(0, send_up(self->secondary, "m"));
	EXPECT_EQ(0, ioctl_thread_join(&receiver));
	EXPECT_STREQ("m", recv.record.name);
}

TEST_F(mailbox, each_record_goes_to_one_of_the_receivers)
{
	struct mpipc_recv_args recv[3];
	struct ioctl_thread receiver[3];
	__u64 seqs = 0;

	for (int i = 0; i < 3; i++) {
		recv[i] = (struct mpipc_recv_args){ .deadline = MPIPC_FOREVER };
		ASSERT_EQ(0, ioctl_thread_start(&receiver[i], self->primary,
						MPIPC_RECV, &recv[i]));
	}
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, ioctl_thread_asleep(&receiver[i]));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, send_up(self->secondary, "m"));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, ioctl_thread_join(&receiver[i]));
		seqs |= 1ULL << recv[i].record.seq;
	}
	EXPECT_EQ(1 << 1 | 1 << 2 | 1 << 3, seqs);
}

TEST_F(mailbox, leaving_wakes_the_receiver)
{
	struct mpipc_recv_args recv = { .deadline = MPIPC_FOREVER };
	struct ioctl_thread receiver;

	ASSERT_EQ(0, ioctl_thread_start(&receiver, self->primary, MPIPC_RECV, &recv));
	ASSERT_EQ(0, ioctl_thread_asleep(&receiver));
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(-ESHUTDOWN, ioctl_thread_join(&receiver));
}

TEST_F(mailbox, signal_interrupts_the_receiver)
{
	struct mpipc_recv_args recv = { .deadline = MPIPC_FOREVER };
	struct sigaction action = { .sa_handler = nothing };
	struct ioctl_thread receiver;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, ioctl_thread_start(&receiver, self->primary, MPIPC_RECV, &recv));
	ASSERT_EQ(0, ioctl_thread_asleep(&receiver));
	ASSERT_EQ(0, pthread_kill(receiver.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, ioctl_thread_join(&receiver));
	ASSERT_EQ(0, send_up(self->secondary, "m"));
	EXPECT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
}

TEST_F(mailbox, record_that_does_not_fit_stays_and_tells_its_size)
{
	struct mpipc_info info;

	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "big", "12345678", 8));
	ASSERT_EQ(0, send_up(self->secondary, "second"));
	EXPECT_EQ(-EMSGSIZE, recv_msg(self->primary, &self->record, self->data, 7));
	EXPECT_STREQ("big", self->record.name);
	EXPECT_EQ(8, self->record.size);
	EXPECT_EQ(1, self->record.seq);
	ASSERT_EQ(0, get_info(self->primary, &info));
	EXPECT_EQ(2, info.queued);
	EXPECT_EQ(8, info.queued_bytes);
	EXPECT_EQ(0, info.received);
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, self->data, 8));
	EXPECT_EQ(1, self->record.seq);
	EXPECT_EQ(0, memcmp("12345678", self->data, 8));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_STREQ("second", self->record.name);
}

TEST_F(mailbox, messages_of_a_dead_peer_can_still_be_received)
{
	ASSERT_EQ(0, send_msg(self->primary, self->id, "one", NULL, 0));
	ASSERT_EQ(0, send_msg(self->primary, self->id, "two", NULL, 0));
	ASSERT_EQ(0, leave(self->primary));
	ASSERT_EQ(0, recv_msg(self->secondary, &self->record, NULL, 0));
	EXPECT_STREQ("one", self->record.name);
	EXPECT_EQ(getpid(), self->record.pid);
	EXPECT_EQ(MPIPC_PRIMARY, self->record.role);
	ASSERT_EQ(0, recv_msg(self->secondary, &self->record, NULL, 0));
	EXPECT_STREQ("two", self->record.name);
}

/* poll and epoll */

TEST_F(mailbox, poll_tells_level_of_the_mailbox)
{
	int events = POLLIN | POLLRDNORM;

	EXPECT_EQ(0, poll_for(self->primary, events, 0));
	ASSERT_EQ(0, send_up(self->secondary, "m"));
	ASSERT_EQ(0, send_up(self->secondary, "m"));
	EXPECT_EQ(events, poll_for(self->primary, events, 0));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(events, poll_for(self->primary, events, 0));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(0, poll_for(self->primary, events, 0));
}

TEST_F(mailbox, poll_always_tells_that_one_may_send)
{
	ASSERT_EQ(0, fill_up(self->secondary));
	EXPECT_EQ(POLLOUT | POLLWRNORM,
		  poll_for(self->secondary, POLLIN | POLLOUT | POLLWRNORM, 0));
	EXPECT_EQ(POLLIN | POLLOUT, poll_for(self->primary, POLLIN | POLLOUT, 0));
}

TEST_F(mailbox, poll_tells_nothing_before_the_join_and_wakes_at_it)
{
	int fd = open_dev();
	struct child child;

	EXPECT_EQ(0, poll_for(fd, POLLIN | POLLOUT | POLLRDHUP, 0));
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_tell(&child, 0);
		_exit(poll_for(fd, POLLOUT, -1) != POLLOUT);
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	ASSERT_EQ(0, wait_asleep(child.pid));
	ASSERT_EQ(0, join_secondary(fd, self->group));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(mailbox, poll_wakes_for_a_message)
{
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		/* poll() depends on the open file alone, so a child may. */
		child_tell(&child, 0);
		_exit(poll_for(self->primary, POLLIN, -1) != POLLIN);
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	ASSERT_EQ(0, wait_asleep(child.pid));
	ASSERT_EQ(0, send_up(self->secondary, "m"));
	EXPECT_EQ(0, child_wait(&child));
}

/* The events of one file in an epoll instance now; -1: none. */
static int epoll_now(int epoll)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, 0) == 1 ? (int)event.events : -1;
}

static int epoll_on(int fd, __u32 events)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	return epoll;
}

TEST_F(mailbox, level_triggered_epoll_reports_while_there_are_records)
{
	int epoll = epoll_on(self->primary, EPOLLIN);

	ASSERT_LE(0, epoll);
	EXPECT_EQ(-1, epoll_now(epoll));
	ASSERT_EQ(0, send_up(self->secondary, "m"));
	EXPECT_EQ(EPOLLIN, epoll_now(epoll));
	EXPECT_EQ(EPOLLIN, epoll_now(epoll));
	ASSERT_EQ(0, drain(self->primary, 1));
	EXPECT_EQ(-1, epoll_now(epoll));
}

TEST_F(mailbox, edge_triggered_epoll_reports_each_arrival)
{
	int epoll = epoll_on(self->primary, EPOLLIN | EPOLLET);

	ASSERT_LE(0, epoll);
	for (int i = 0; i < ROOM; i++) {
		ASSERT_EQ(0, send_up(self->secondary, "m"));
		EXPECT_EQ(EPOLLIN, epoll_now(epoll));
		EXPECT_EQ(-1, epoll_now(epoll));
	}
	ASSERT_EQ(0, drain(self->primary, ROOM));
	EXPECT_EQ(-1, epoll_now(epoll));
}

TEST_F(mailbox, poll_tells_a_secondary_that_its_primary_left)
{
	EXPECT_EQ(0, poll_for(self->secondary, POLLIN | POLLRDHUP, 0));
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(POLLRDHUP, poll_for(self->secondary, POLLIN | POLLRDHUP, 0));
}

TEST_F(mailbox, death_of_the_primary_wakes_poll)
{
	struct child primary;
	int epoll;

	ASSERT_EQ(0, leave(self->primary));
	ASSERT_EQ(0, leave(self->secondary));
	ASSERT_LE(0, child_fork(&primary));
	if (!primary.pid) {
		child_tell(&primary, open_primary(self->group));
		child_hear(&primary, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&primary, NULL));
	self->secondary = open_secondary(self->group);
	ASSERT_LE(0, self->secondary);
	epoll = epoll_on(self->secondary, EPOLLRDHUP | EPOLLET);
	EXPECT_EQ(-1, epoll_now(epoll));
	kill(primary.pid, SIGKILL);
	/* The event comes, without a message to carry it. */
	EXPECT_EQ(POLLRDHUP, poll_for(self->secondary, POLLIN | POLLRDHUP, -1));
	EXPECT_EQ(EPOLLRDHUP, epoll_now(epoll));
	EXPECT_EQ(-1, epoll_now(epoll));
	EXPECT_EQ(128 + SIGKILL, child_wait(&primary));
}

TEST_F(mailbox, poll_tells_a_follower_while_there_is_no_primary)
{
	int follower = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);

	ASSERT_LE(0, follower);
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(POLLRDHUP, poll_for(follower, POLLRDHUP, 0));
	EXPECT_EQ(POLLRDHUP, poll_for(self->secondary, POLLRDHUP, 0));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(0, poll_for(follower, POLLRDHUP, 0));
	/* The other one's primary is gone for good. */
	EXPECT_EQ(POLLRDHUP, poll_for(self->secondary, POLLRDHUP, 0));
}

TEST_F(mailbox, primary_sees_no_hangup_when_a_secondary_leaves)
{
	ASSERT_EQ(0, leave(self->secondary));
	EXPECT_EQ(0, poll_for(self->primary, POLLIN | POLLRDHUP, 0));
}

TEST_F(mailbox, poll_tells_that_this_endpoint_left)
{
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_tell(&child, 0);
		_exit(!(poll_for(self->secondary, 0, -1) & POLLHUP));
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	ASSERT_EQ(0, wait_asleep(child.pid));
	ASSERT_EQ(0, leave(self->secondary));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(POLLHUP, poll_for(self->secondary, 0, 0));
}

/* Events */

/* Checks and takes the next record, which must be an event about a peer. */
static int take_event(int fd, enum mpipc_type type, __u64 peer)
{
	struct mpipc_record record;
	int err = recv_msg(fd, &record, NULL, 0);

	if (err)
		return err;
	if (record.type != type || record.peer != peer) {
		fprintf(stderr, "# type %u peer %llx instead of type %u peer %llx\n",
			record.type, (unsigned long long)record.peer, type,
			(unsigned long long)peer);
		return -EPROTO;
	}
	return 0;
}

FIXTURE(events)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	struct mpipc_record record;
};

FIXTURE_SETUP(events)
{
	group_name(self->group, _metadata->name);
	self->primary = open_small(self->group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS, ROOM);
	ASSERT_LE(0, self->primary);
}

FIXTURE_TEARDOWN(events)
{
	close(self->primary);
}

TEST_F(events, primary_is_told_who_comes_and_goes)
{
	struct mpipc_record *record = &self->record;
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary);

	ASSERT_LE(0, secondary);
	EXPECT_EQ(POLLIN, poll_for(self->primary, POLLIN, 0));
	ASSERT_EQ(0, recv_msg(self->primary, record, NULL, 0));
	EXPECT_EQ(MPIPC_JOINED, record->type);
	EXPECT_EQ(id, record->peer);
	EXPECT_EQ(1, record->seq);
	EXPECT_EQ(MPIPC_SECONDARY, record->role);
	EXPECT_EQ(getpid(), record->pid);
	EXPECT_EQ(geteuid(), record->uid);
	EXPECT_EQ(1, record->generation);
	EXPECT_EQ(0, record->size);
	EXPECT_EQ(0, record->call);
	EXPECT_STREQ("", record->name);

	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(POLLIN, poll_for(self->primary, POLLIN, 0));
	ASSERT_EQ(0, recv_msg(self->primary, record, NULL, 0));
	EXPECT_EQ(MPIPC_LEFT, record->type);
	EXPECT_EQ(id, record->peer);
	EXPECT_EQ(2, record->seq);
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, record, NULL, 0));
}

TEST_F(events, killed_secondary_is_told)
{
	struct child child;
	__u64 id;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_tell(&child, endpoint_id(open_secondary(self->group)));
		child_hear(&child, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(child.pid, self->record.pid);
	kill(child.pid, SIGKILL);
	ASSERT_EQ(0, recv_wait(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_LEFT, self->record.type);
	EXPECT_EQ(id, self->record.peer);
	EXPECT_EQ(128 + SIGKILL, child_wait(&child));
}

TEST_F(events, secondary_is_told_of_its_primary)
{
	int secondary = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_EVENTS);
	int other = open_secondary(self->group);
	__u64 id = endpoint_id(self->primary);

	ASSERT_LE(0, secondary);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, take_event(secondary, MPIPC_JOINED, id));
	/* Not of others like it. */
	EXPECT_EQ(-EAGAIN, recv_msg(secondary, &self->record, NULL, 0));
	ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "last", NULL, 0));
	ASSERT_EQ(0, leave(self->primary));
	ASSERT_EQ(0, recv_msg(secondary, &self->record, NULL, 0));
	EXPECT_STREQ("last", self->record.name);
	EXPECT_EQ(0, take_event(secondary, MPIPC_LEFT, id));

	ASSERT_EQ(0, recv_msg(other, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_MESSAGE, self->record.type);
	EXPECT_EQ(-EAGAIN, recv_msg(other, &self->record, NULL, 0));
}

TEST_F(events, follower_is_told_of_each_primary)
{
	int follower = open_joined(self->group, MPIPC_SECONDARY,
				   MPIPC_JOIN_EVENTS | MPIPC_JOIN_FOLLOW);
	int stale = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_EVENTS);
	__u64 old = endpoint_id(self->primary);
	int next;

	ASSERT_LE(0, follower);
	ASSERT_LE(0, stale);
	EXPECT_EQ(0, take_event(follower, MPIPC_JOINED, old));
	EXPECT_EQ(0, take_event(stale, MPIPC_JOINED, old));
	ASSERT_EQ(0, leave(self->primary));
	next = open_joined(self->group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, next);
	EXPECT_EQ(0, take_event(follower, MPIPC_LEFT, old));
	ASSERT_EQ(0, recv_msg(follower, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_JOINED, self->record.type);
	EXPECT_EQ(endpoint_id(next), self->record.peer);
	EXPECT_EQ(2, self->record.generation);
	EXPECT_EQ(0, take_event(stale, MPIPC_LEFT, old));
	EXPECT_EQ(-EAGAIN, recv_msg(stale, &self->record, NULL, 0));

	/* And the new primary of who follows it, before anything else. */
	ASSERT_EQ(0, send_up(follower, "m"));
	EXPECT_EQ(0, take_event(next, MPIPC_JOINED, endpoint_id(follower)));
	ASSERT_EQ(0, recv_msg(next, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_MESSAGE, self->record.type);
	ASSERT_EQ(0, leave(stale));
	EXPECT_EQ(-EAGAIN, recv_msg(next, &self->record, NULL, 0));
	ASSERT_EQ(0, leave(follower));
	ASSERT_EQ(0, recv_msg(next, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_LEFT, self->record.type);
}

TEST_F(events, come_in_order_with_messages)
{
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary);

	ASSERT_EQ(0, send_up(secondary, "one"));
	ASSERT_EQ(0, send_up(secondary, "two"));
	ASSERT_EQ(0, leave(secondary));
	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, id));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_STREQ("one", self->record.name);
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_STREQ("two", self->record.name);
	EXPECT_EQ(0, take_event(self->primary, MPIPC_LEFT, id));
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
}

TEST_F(events, full_mailbox_does_not_lose_them)
{
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary), late;
	int other;

	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, id));
	ASSERT_EQ(0, fill_up(secondary));
	ASSERT_EQ(-EAGAIN, send_up(secondary, "lost"));
	other = open_secondary(self->group);
	late = endpoint_id(other);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, leave(secondary));

	for (int i = 0; i < ROOM; i++) {
		ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
		EXPECT_EQ(MPIPC_MESSAGE, self->record.type);
	}
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_JOINED, self->record.type);
	EXPECT_EQ(late, self->record.peer);
	EXPECT_EQ(1, self->record.lost);
	EXPECT_EQ(0, take_event(self->primary, MPIPC_LEFT, id));
}

TEST_F(events, take_no_room_from_messages)
{
	int secondary = -1;

	for (int i = 0; i < 2 * ROOM; i++) {
		secondary = open_secondary(self->group);
		ASSERT_LE(0, secondary);
	}
	EXPECT_EQ(0, fill_up(secondary));
	EXPECT_EQ(-EAGAIN, send_up(secondary, "m"));
	EXPECT_EQ(0, drain(self->primary, 3 * ROOM));
}

TEST_F(events, peer_that_came_and_went_unseen_is_not_told)
{
	struct mpipc_info info;

	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, close(open_secondary(self->group)));
	EXPECT_EQ(0, poll_for(self->primary, POLLIN, 0));
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
	ASSERT_EQ(0, get_info(self->primary, &info));
	EXPECT_EQ(0, info.queued);
}

TEST_F(events, follower_that_the_next_primary_did_not_see_is_not_told_to_it)
{
	int follower = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
	int next;

	/* What it sent to another does not count. */
	ASSERT_EQ(0, fill_up(follower));
	ASSERT_EQ(0, leave(self->primary));
	next = open_joined(self->group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, next);
	ASSERT_EQ(0, leave(follower));
	EXPECT_EQ(-EAGAIN, recv_msg(next, &self->record, NULL, 0));
}

TEST_F(events, primary_that_came_and_went_unseen_is_not_told)
{
	int follower = open_joined(self->group, MPIPC_SECONDARY,
				   MPIPC_JOIN_EVENTS | MPIPC_JOIN_FOLLOW);
	__u64 first = endpoint_id(self->primary), last;
	int primary;

	ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "m", NULL, 0));
	ASSERT_EQ(0, leave(self->primary));
	ASSERT_EQ(0, close(open_primary(self->group)));
	primary = open_primary(self->group);
	last = endpoint_id(primary);
	ASSERT_EQ(0, send_msg(primary, MPIPC_TO_ALL, "m", NULL, 0));
	ASSERT_EQ(0, close(primary));

	EXPECT_EQ(0, take_event(follower, MPIPC_JOINED, first));
	EXPECT_EQ(0, recv_msg(follower, &self->record, NULL, 0));
	EXPECT_EQ(0, take_event(follower, MPIPC_LEFT, first));
	EXPECT_EQ(0, take_event(follower, MPIPC_JOINED, last));
	EXPECT_EQ(0, recv_msg(follower, &self->record, NULL, 0));
	EXPECT_EQ(0, take_event(follower, MPIPC_LEFT, last));
	EXPECT_EQ(-EAGAIN, recv_msg(follower, &self->record, NULL, 0));
}

TEST_F(events, peer_that_sent_something_is_told_even_if_it_is_gone)
{
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary);

	ASSERT_EQ(0, send_up(secondary, "m"));
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, id));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(id, self->record.peer);
	EXPECT_EQ(0, take_event(self->primary, MPIPC_LEFT, id));
}

TEST_F(events, peer_that_answered_is_told_even_if_it_is_gone)
{
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary), call;

	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, call_async(self->primary, MPIPC_TO_ALL, "c", 0, MPIPC_FOREVER, &call));
	ASSERT_EQ(0, recv_msg(secondary, &self->record, NULL, 0));
	ASSERT_EQ(0, reply_msg(secondary, call, 0, NULL, 0));
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, id));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_REPLY_TO, self->record.type);
	EXPECT_EQ(0, take_event(self->primary, MPIPC_LEFT, id));
}

TEST_F(events, peer_that_answered_a_caller_is_told_even_if_it_is_gone)
{
	struct mpipc_record result;
	struct mpipc_call_args call = call_arg(MPIPC_TO_ALL, "c", NULL, 0, &result, 1);
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary);
	struct ioctl_thread caller;

	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, ioctl_thread_start(&caller, self->primary, MPIPC_CALL, &call));
	ASSERT_EQ(0, recv_wait(secondary, &self->record, NULL, 0));
	ASSERT_EQ(0, reply_msg(secondary, self->record.call, 0, NULL, 0));
	ASSERT_EQ(0, ioctl_thread_join(&caller));
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, id));
	EXPECT_EQ(0, take_event(self->primary, MPIPC_LEFT, id));
}

TEST_F(events, primary_that_answered_is_told_even_if_it_is_gone)
{
	int secondary = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_EVENTS);
	__u64 id = endpoint_id(self->primary), call;

	ASSERT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0, MPIPC_FOREVER, &call));
	ASSERT_EQ(0, take_event(self->primary, MPIPC_JOINED, endpoint_id(secondary)));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	ASSERT_EQ(0, reply_msg(self->primary, call, 0, NULL, 0));
	ASSERT_EQ(0, close(self->primary));
	EXPECT_EQ(0, take_event(secondary, MPIPC_JOINED, id));
	ASSERT_EQ(0, recv_msg(secondary, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_REPLY_TO, self->record.type);
	EXPECT_EQ(0, take_event(secondary, MPIPC_LEFT, id));
}

/*
 * Starts to leave as primary, and takes its place at once with another file. Returns the
 * id there.
 */
static __u64 take_place(struct __test_metadata *_metadata, struct ioctl_thread *leaver,
			int primary, int next, const char *group)
{
	int ret;

	ASSERT_EQ(0, ioctl_thread_start(leaver, primary, MPIPC_LEAVE, NULL));
	do {
		ret = join_flags(next, group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	} while (ret == -EADDRINUSE);
	ASSERT_EQ(0, ret);
	return endpoint_id(next);
}

TEST_F(events, followers_are_told_in_order_of_a_primary_whose_place_is_taken_at_once)
{
	__u64 old = endpoint_id(self->primary), id;
	struct ioctl_thread leaver;
	int follower[3], next;

	for (int i = 0; i < 3; i++) {
		follower[i] = open_joined(self->group, MPIPC_SECONDARY,
					  MPIPC_JOIN_EVENTS | MPIPC_JOIN_FOLLOW);
		ASSERT_LE(0, follower[i]);
		ASSERT_EQ(0, take_event(follower[i], MPIPC_JOINED, old));
	}
	for (int round = 0; round < 100; round++) {
		next = open_dev();
		id = take_place(_metadata, &leaver, self->primary, next, self->group);
		for (int i = 0; i < 3; i++) {
			ASSERT_EQ(0, take_event(follower[i], MPIPC_LEFT, old));
			ASSERT_EQ(0, take_event(follower[i], MPIPC_JOINED, id));
			ASSERT_EQ(0, take_event(next, MPIPC_JOINED, endpoint_id(follower[i])));
		}
		ASSERT_EQ(0, ioctl_thread_join(&leaver));
		close(self->primary);
		self->primary = next;
		old = id;
	}
}

#define OTHERS 16
#define OPEN_CALLS 1000

/*
 * Makes so many calls to all that to end them takes a while, takes the requests out, and
 * returns the last call.
 */
static __u64 make_calls(struct __test_metadata *_metadata, int primary, const int *secondary)
{
	struct mpipc_record record;
	__u64 call;

	for (int i = 0; i < OPEN_CALLS; i++) {
		ASSERT_EQ(0, call_async(primary, MPIPC_TO_ALL, "c", 0, MPIPC_FOREVER, &call));
		for (int to = 0; to <= OTHERS; to++)
			ASSERT_EQ(0, recv_msg(secondary[to], &record, NULL, 0));
	}
	return call;
}

TEST_F_TIMEOUT(events, late_answer_to_who_left_is_refused_and_does_not_confuse_the_next, 120)
{
	int secondary[1 + OTHERS], next;
	struct ioctl_thread leaver;
	__u64 id, call;

	for (int round = 0; round < 3; round++) {
		secondary[0] = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
		for (int i = 1; i <= OTHERS; i++)
			secondary[i] = open_secondary(self->group);
		ASSERT_LE(0, secondary[OTHERS]);
		id = endpoint_id(secondary[0]);
		call = make_calls(_metadata, self->primary, secondary);
		next = open_dev();
		take_place(_metadata, &leaver, self->primary, next, self->group);
		/* It is still about to end its calls. */
		EXPECT_EQ(0, send_up(secondary[0], "m"));
		EXPECT_EQ(-ESRCH, reply_msg(secondary[0], call, 0, NULL, 0));
		for (int i = 0; i <= OTHERS; i++)
			ASSERT_EQ(0, close(secondary[i]));
		EXPECT_EQ(0, take_event(next, MPIPC_JOINED, id));
		EXPECT_EQ(0, take_event(next, MPIPC_MESSAGE, id));
		EXPECT_EQ(0, take_event(next, MPIPC_LEFT, id));
		ASSERT_EQ(0, ioctl_thread_join(&leaver));
		close(self->primary);
		self->primary = next;
	}
}

TEST_F(events, untold_peer_leaves_the_place_of_lost_messages)
{
	int secondary = open_secondary(self->group);
	int brief, other;

	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, endpoint_id(secondary)));
	ASSERT_EQ(0, fill_up(secondary));
	ASSERT_EQ(-EAGAIN, send_up(secondary, "lost"));
	brief = open_secondary(self->group);
	other = open_secondary(self->group);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, leave(brief));

	for (int i = 0; i < ROOM; i++)
		ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	/* The loss was before this record, and is told by it. */
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(endpoint_id(other), self->record.peer);
	EXPECT_EQ(1, self->record.lost);
	ASSERT_EQ(0, send_up(secondary, "m"));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(0, self->record.lost);
}

TEST_F(events, are_only_for_who_asked)
{
	char group[MPIPC_GROUP_MAX];
	int primary, secondary;

	group_name(group, "silent");
	primary = open_primary(group);
	secondary = open_secondary(group);
	ASSERT_LE(0, primary);
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(0, poll_for(primary, POLLIN, 0));
	EXPECT_EQ(-EAGAIN, recv_msg(primary, &self->record, NULL, 0));
}

/* Who is there, and what was counted */

static int list_peers(int fd, struct mpipc_peer *peers, __u32 max, __u32 *n)
{
	struct mpipc_peers_args arg = { .peers = to_u64(peers), .max_peers = max };
	int ret = do_ioctl(fd, MPIPC_PEERS, &arg);

	*n = arg.n_peers;
	return ret;
}

static const struct mpipc_peer *find_peer(const struct mpipc_peer *peers, __u32 n,
					  __u64 id)
{
	for (__u32 i = 0; i < n; i++)
		if (peers[i].id == id)
			return &peers[i];
	return NULL;
}

TEST_F(mailbox, peers_are_all_members)
{
	const struct mpipc_peer *primary, *secondary;
	struct mpipc_peer peers[8];
	__u32 n;

	ASSERT_EQ(0, fill_up(self->secondary));
	ASSERT_EQ(-EAGAIN, send_up(self->secondary, "m"));
	ASSERT_EQ(0, list_peers(self->secondary, peers, ARRAY_SIZE(peers), &n));
	ASSERT_EQ(2, n);
	primary = find_peer(peers, n, endpoint_id(self->primary));
	secondary = find_peer(peers, n, self->id);
	ASSERT_NE(NULL, primary);
	ASSERT_NE(NULL, secondary);
	EXPECT_EQ(MPIPC_PRIMARY, primary->role);
	EXPECT_EQ(1, primary->generation);
	EXPECT_EQ(getpid(), primary->pid);
	EXPECT_EQ(geteuid(), primary->uid);
	EXPECT_EQ(getegid(), primary->gid);
	EXPECT_EQ(ROOM, primary->queued);
	EXPECT_EQ(1, primary->lost);
	EXPECT_EQ(MPIPC_SECONDARY, secondary->role);
	EXPECT_EQ(1, secondary->generation);
	EXPECT_EQ(0, secondary->queued);
	EXPECT_EQ(0, secondary->lost);
}

TEST_F(mailbox, peers_that_do_not_fit_are_counted)
{
	struct mpipc_peer peers[2] = { };
	__u32 n;

	ASSERT_LE(0, open_secondary(self->group));
	ASSERT_EQ(0, list_peers(self->primary, peers, 1, &n));
	EXPECT_EQ(3, n);
	EXPECT_NE(0, peers[0].id);
	EXPECT_EQ(0, peers[1].id);
	ASSERT_EQ(0, list_peers(self->primary, NULL, 0, &n));
	EXPECT_EQ(3, n);
}

TEST_F(mailbox, peers_tell_who_was_left_behind)
{
	int follower = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
	struct mpipc_peer peers[8];
	__u32 n;

	ASSERT_LE(0, follower);
	ASSERT_EQ(0, leave(self->primary));
	ASSERT_LE(0, open_primary(self->group));
	ASSERT_EQ(0, list_peers(follower, peers, ARRAY_SIZE(peers), &n));
	ASSERT_EQ(3, n);
	ASSERT_NE(NULL, find_peer(peers, n, self->id));
	EXPECT_EQ(1, find_peer(peers, n, self->id)->generation);
	ASSERT_NE(NULL, find_peer(peers, n, endpoint_id(follower)));
	EXPECT_EQ(2, find_peer(peers, n, endpoint_id(follower))->generation);
}

TEST_F(mailbox, info_counts_what_goes_in_and_out)
{
	struct mpipc_info up, down;

	for (int i = 0; i < ROOM; i++)
		ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "data", 3));
	ASSERT_EQ(-EAGAIN, send_up(self->secondary, "m"));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, self->data, 3));
	ASSERT_EQ(0, get_info(self->primary, &up));
	ASSERT_EQ(0, get_info(self->secondary, &down));
	EXPECT_EQ(ROOM - 1, up.queued);
	EXPECT_EQ(3 * (ROOM - 1), up.queued_bytes);
	EXPECT_EQ(1, up.received);
	EXPECT_EQ(1, up.lost);
	EXPECT_EQ(0, up.sent);
	EXPECT_EQ(ROOM, up.max_messages);
	EXPECT_EQ(ROOM, down.sent);
	EXPECT_EQ(0, down.lost);
	EXPECT_EQ(0, down.queued);
	EXPECT_EQ(0, down.received);
}

TEST_F(mailbox, broadcast_counts_once_for_each_mailbox)
{
	struct mpipc_info info;

	ASSERT_LE(0, open_secondary(self->group));
	ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "m", NULL, 0));
	ASSERT_EQ(0, get_info(self->primary, &info));
	EXPECT_EQ(2, info.sent);
}

TEST_F(mailbox, info_is_for_any_process)
{
	struct mpipc_info info;
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid)
		_exit(get_info(self->secondary, &info) || info.id != self->id ||
		      info.role != MPIPC_SECONDARY);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_HARNESS_MAIN
