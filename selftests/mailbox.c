// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mailboxes: what arrives and in which order, where messages may go, full
 * mailboxes, who is there, and what is counted.
 */
#include "child.h"
#include "device.h"
#include "fd.h"
#include "harness.h"
#include "mailbox.h"
#include "message.h"
#include "thread.h"
#include "wait.h"

#define USER 1000
#define USER_GROUP 100

/* Arrival */

/* Promise: P6 */
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

		for (sent = 0; sent < SPACE; sent++)
			ASSERT_EQ(0, send_msg(sent % 2 ? self->secondary : other,
					      MPIPC_TO_PRIMARY, "m", &sent, 4));
		for (sent = 0; sent < SPACE; sent++) {
			ASSERT_EQ(0, recv_msg(self->primary, &self->record, &got, 4));
			EXPECT_EQ(sent, got);
			EXPECT_EQ(round * SPACE + sent + 1, self->record.seq);
			EXPECT_LE(stamp, self->record.stamp);
			stamp = self->record.stamp;
		}
	}
}

/* Promise: P6 */
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
		child_send(&child, send_up(fd, "m"));
		child_hear(&child, NULL);
		_exit(0);
	}
	close(self->secondary);
	join.mode = 0666;
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_JOIN, &join));
	child_send(&child, 0);
	ASSERT_EQ(0, child_hear(&child, &ret));
	ASSERT_EQ(0, (int)ret);
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(USER, self->record.uid);
	EXPECT_EQ(USER_GROUP, self->record.gid);
	EXPECT_EQ(child.pid, self->record.pid);
	EXPECT_EQ(0, child_wait(&child));
}

/* Destinations */

/* Promise: P9 */
TEST_F(mailbox, secondaries_reach_their_primary_only)
{
	int other = open_secondary(self->group);

	ASSERT_LE(0, other);
	EXPECT_EQ(-EOPNOTSUPP, send_msg(self->secondary, MPIPC_TO_ALL, "m", NULL, 0));
	EXPECT_EQ(-EOPNOTSUPP,
		  send_msg(self->secondary, endpoint_id(other), "m", NULL, 0));
	EXPECT_EQ(-EAGAIN, recv_msg(other, &self->record, NULL, 0));
}

/* Promise: P9 */
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

/* Promise: P9 */
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

/* Promise: P13 */
TEST_F(mailbox, full_mailbox_gets_eagain_and_gives_space_again)
{
	ASSERT_EQ(0, fill_up(self->secondary));
	EXPECT_EQ(-EAGAIN, send_up(self->secondary, "m"));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(0, send_up(self->secondary, "m"));
	EXPECT_EQ(-EAGAIN, send_up(self->secondary, "m"));
	EXPECT_EQ(0, drain(self->primary, SPACE));
}

/* Promise: P15 */
TEST_F(mailbox, lost_messages_are_reported_where_they_are_missing)
{
	static const __u32 lost[] = { 3, 0, 2 };

	ASSERT_EQ(0, fill_up(self->secondary));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(-EAGAIN, send_up(self->secondary, "lost"));
	/* None was lost before the messages that were there already. */
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

/* Promise: P2 */
TEST_F(mailbox, refused_message_leaves_nothing_behind)
{
	int pipes[2], fds;

	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	ASSERT_EQ(0, fill_up(self->secondary));
	fds = count_fds();
	EXPECT_EQ(-EAGAIN, send_fds(self->secondary, MPIPC_TO_PRIMARY, "m", "data", 4,
				    &pipes[1], 1));
	EXPECT_EQ(fds, count_fds());
	/* Nothing holds the file any more, so that its reader sees the end. */
	ASSERT_EQ(0, close(pipes[1]));
	EXPECT_EQ(POLLHUP, poll_for(pipes[0], POLLIN, 0));
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

TEST_F(mailbox, record_that_does_not_fit_stays_and_shows_its_size)
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

/* Peers and counters */

static int list_peers(int fd, struct mpipc_peer *peers, __u32 max, __u32 *n)
{
	struct mpipc_peers_args arg = {
		.peers = to_u64(peers),
		.max_peers = max,
		.peer_size = sizeof(*peers),
	};
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
	EXPECT_EQ(SPACE, primary->queued);
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

TEST_F(mailbox, peers_show_who_was_left_behind)
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

/* Send a request without waiting, as call_async() does, and return when that was at the latest. */
static __u64 ask(struct __test_metadata *_metadata, int fd, __u64 *call)
{
	struct timespec time;

	ASSERT_EQ(0, call_async(fd, MPIPC_TO_PRIMARY, "ask", 0, MPIPC_FOREVER, call));
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* Expect what both ways to ask say about the requests that an endpoint has taken. */
static void expect_pending(struct __test_metadata *_metadata, int fd, __u64 pending, __u64 since,
			   __u64 calls)
{
	struct mpipc_peer peers[8];
	const struct mpipc_peer *peer;
	struct mpipc_info info;
	__u32 n;

	ASSERT_EQ(0, get_info(fd, &info));
	EXPECT_EQ(pending, info.pending);
	EXPECT_EQ(since, info.pending_since);
	EXPECT_EQ(calls, info.calls);
	ASSERT_EQ(0, list_peers(fd, peers, ARRAY_SIZE(peers), &n));
	peer = find_peer(peers, n, info.id);
	ASSERT_NE(NULL, peer);
	EXPECT_EQ(pending, peer->pending);
	EXPECT_EQ(since, peer->pending_since);
	EXPECT_EQ(calls, peer->calls);
}

TEST_F(mailbox, requests_that_were_taken_and_not_replied_to_are_counted)
{
	struct mpipc_record first, record;
	__u64 calls[3], asked;

	asked = ask(_metadata, self->secondary, &calls[0]);
	ask(_metadata, self->secondary, &calls[1]);
	ask(_metadata, self->secondary, &calls[2]);
	/* Whoever takes nothing has requests in the mailbox, and owes nothing yet. */
	expect_pending(_metadata, self->primary, 0, 0, 0);
	expect_pending(_metadata, self->secondary, 0, 0, 3);
	ASSERT_EQ(0, recv_msg(self->primary, &first, NULL, 0));
	EXPECT_GE(asked, first.stamp);
	expect_pending(_metadata, self->primary, 1, first.stamp, 0);
	ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
	expect_pending(_metadata, self->primary, 2, first.stamp, 0);
	ASSERT_EQ(0, reply_msg(self->primary, calls[0], 0, NULL, 0));
	expect_pending(_metadata, self->primary, 1, record.stamp, 0);
	ASSERT_EQ(0, reply_msg(self->primary, calls[1], 0, NULL, 0));
	expect_pending(_metadata, self->primary, 0, 0, 0);
	/* A message in the mailbox, or none, does not make it look taken. */
	ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
	expect_pending(_metadata, self->primary, 1, record.stamp, 0);
	ASSERT_EQ(0, leave(self->secondary));
	expect_pending(_metadata, self->primary, 0, 0, 0);
}

TEST_F(mailbox, request_that_could_not_be_copied_was_not_taken)
{
	struct mpipc_recv_args arg = { .max_size = 64, .data = 8 };
	struct mpipc_body body = make_body("ask", "data", 4, NULL, 0);
	struct mpipc_call_args call = {
		.to = MPIPC_TO_PRIMARY,
		.flags = MPIPC_CALL_ASYNC,
		.deadline = MPIPC_FOREVER,
		.body = body,
	};

	ASSERT_EQ(0, do_ioctl(self->secondary, MPIPC_CALL, &call));
	ASSERT_EQ(-EFAULT, do_ioctl(self->primary, MPIPC_RECV, &arg));
	expect_pending(_metadata, self->primary, 0, 0, 0);
}

/* Promise: P15 */
TEST_F(mailbox, info_counts_what_goes_in_and_out)
{
	struct mpipc_info up, down;

	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "data", 3));
	ASSERT_EQ(-EAGAIN, send_up(self->secondary, "m"));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, self->data, 3));
	ASSERT_EQ(0, get_info(self->primary, &up));
	ASSERT_EQ(0, get_info(self->secondary, &down));
	EXPECT_EQ(SPACE - 1, up.queued);
	EXPECT_EQ(3 * (SPACE - 1), up.queued_bytes);
	EXPECT_EQ(1, up.received);
	EXPECT_EQ(1, up.lost);
	EXPECT_EQ(0, up.sent);
	EXPECT_EQ(SPACE, up.max_messages);
	EXPECT_EQ(SPACE, down.sent);
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

/* Promise: P8 */
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
