// SPDX-License-Identifier: GPL-2.0-only
/* Tests of libmpipc: messages, event loops, events, peers and descriptors. */
#include "child.h"
#include "fd.h"
#include "harness.h"
#include "lib_mpipc.h"
#include "parameter.h"
#include "thread.h"
#include "wait.h"

#include <sys/epoll.h>
#include <sys/resource.h>

#include <mpipc.h>

/* Messages, event loop */

TEST_F(lib, messages_go_up_and_down_with_who_sent_them)
{
	struct log log = { 0 };
	struct mpipc *secondary;
	struct child child;
	__u64 id;

	if (!fork_child(&child)) {
		CHECK(!open_with(&secondary, self->group, MPIPC_SECONDARY, 0, record, &log));
		child_send(&child, mpipc_id(secondary));
		CHECK(mpipc_send(secondary, MPIPC_TO_PRIMARY, "up", "hello", 6, NULL) == 1);
		CHECK(mpipc_dispatch(secondary, MPIPC_WAIT_FOREVER) == 1);
		CHECK(!strcmp(log.record.name, "down"));
		CHECK(!strcmp(log.data, "to you"));
		CHECK(log.record.pid == getppid());
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(MPIPC_MESSAGE, self->log.record.type);
	EXPECT_STREQ("up", self->log.record.name);
	EXPECT_STREQ("hello", self->log.data);
	EXPECT_EQ(id, self->log.record.peer);
	EXPECT_EQ(child.pid, self->log.record.pid);
	EXPECT_EQ(geteuid(), self->log.record.uid);
	EXPECT_EQ(MPIPC_SECONDARY, self->log.record.role);
	EXPECT_EQ(1, mpipc_send(self->primary, id, "down", "to you", 7, NULL));
	EXPECT_EQ(0, child_wait(&child));
}

/* Pass the payload on to the parent. */
static void pass_on_data(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	(void)handle;
	child_send(*(struct child **)arg, *(const __u64 *)message->data);
}

TEST_F(lib, a_message_to_all_reaches_each_secondary)
{
	struct child children[3], *line;
	__u64 number = 42, heard;
	int i;

	for (i = 0; i < 3; i++) {
		line = &children[i];
		ASSERT_NE(0, start_server(self->group, &children[i], pass_on_data, &line));
	}
	EXPECT_EQ(3, mpipc_send(self->primary, MPIPC_TO_ALL, "n", &number, sizeof(number), NULL));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, child_hear(&children[i], &heard));
		EXPECT_EQ(42, heard);
		child_kill(&children[i]);
	}
	EXPECT_EQ(0, mpipc_send(self->primary, MPIPC_TO_ALL, "n", NULL, 0, NULL));
}

TEST_F(lib, an_event_loop_dispatches_when_it_is_readable)
{
	struct mpipc *secondary;
	int i;

	EXPECT_EQ(0, mpipc_dispatch(self->primary, 0));
	EXPECT_EQ(0, poll_for(mpipc_fd(self->primary), POLLIN, 0));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	}
	EXPECT_EQ(POLLIN, poll_for(mpipc_fd(self->primary), POLLIN, -1));
	EXPECT_EQ(3, mpipc_dispatch(self->primary, 0));
	EXPECT_EQ(0, poll_for(mpipc_fd(self->primary), POLLIN, 0));
	EXPECT_EQ(3, self->log.count);
	EXPECT_EQ(0, mpipc_dispatch(self->primary, 1000));
	mpipc_close(secondary);
}

static void dispatch_again(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct log *log = arg;

	(void)message;
	log->handler_ret = mpipc_dispatch(handle, 0);
}

TEST_F(lib, dispatching_in_a_handler_is_refused)
{
	struct log log = { 0 };
	struct mpipc *secondary;

	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, dispatch_again, &log));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL));
	EXPECT_EQ(1, mpipc_dispatch(secondary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(-EBUSY, log.handler_ret);
	mpipc_close(secondary);
}

TEST_F(lib, a_signal_interrupts_a_waiting_dispatch)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct ioctl_thread thread;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, start_dispatch_thread(&thread, self->primary));
	pthread_kill(thread.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, ioctl_thread_join(&thread));
}

TEST_F(lib, a_full_mailbox_is_reported_and_waited_for_if_asked)
{
	unsigned int full = 99;
	struct mpipc_send_options options = { .size = sizeof(options), .full = &full };
	long long usual = get_param("mailbox_messages");
	struct mpipc *secondary;

	ASSERT_EQ(0, set_param("mailbox_messages", 2));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(0, set_param("mailbox_messages", usual));
	EXPECT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "1", NULL, 0, &options));
	EXPECT_EQ(0, full);
	EXPECT_EQ(1, mpipc_send(self->primary, mpipc_id(secondary), "2", NULL, 0, NULL));
	EXPECT_EQ(0, mpipc_send(self->primary, MPIPC_TO_ALL, "3", NULL, 0, &options));
	EXPECT_EQ(1, full);
	EXPECT_EQ(-EAGAIN, mpipc_send(self->primary, mpipc_id(secondary), "4", NULL, 0, NULL));
	options.timeout_ns = 1000;
	EXPECT_EQ(-ETIMEDOUT,
		  mpipc_send(self->primary, mpipc_id(secondary), "5", NULL, 0, &options));
	mpipc_close(secondary);
}

/* Events, peers */

TEST_F(lib, a_primary_hears_who_comes_and_goes)
{
	struct mpipc *primary;
	struct child child;
	__u64 id;

	strcat(self->group, ".events");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS, record,
			       &self->log));
	id = start_server(self->group, &child, NULL, NULL);
	ASSERT_EQ(1, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(MPIPC_JOINED, self->log.record.type);
	EXPECT_EQ(id, self->log.record.peer);
	EXPECT_EQ(child.pid, self->log.record.pid);
	child_kill(&child);
	ASSERT_EQ(1, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(MPIPC_LEFT, self->log.record.type);
	EXPECT_EQ(id, self->log.record.peer);
	mpipc_close(primary);
}

TEST_F(lib, peers_are_listed_with_credentials)
{
	struct mpipc_peer peers[2];
	struct child child;
	__u64 id = start_server(self->group, &child, NULL, NULL);
	int other;

	EXPECT_EQ(2, mpipc_peers_get(self->primary, NULL, 0));
	ASSERT_EQ(2, mpipc_peers_get(self->primary, peers, 2));
	other = peers[0].id == mpipc_id(self->primary);
	EXPECT_EQ(id, peers[other].id);
	EXPECT_EQ(child.pid, peers[other].pid);
	EXPECT_EQ(geteuid(), peers[other].uid);
	EXPECT_EQ(MPIPC_SECONDARY, peers[other].role);
	child_kill(&child);
}

/* A program of version 0.1 has structures of 48 bytes. */
int peers_of_0_1(struct mpipc *handle, void *peers, unsigned int max);
__asm__(".symver peers_of_0_1, mpipc_peers_get@LIBMPIPC_0.1");

TEST_F(lib, a_program_of_the_first_version_lists_the_peers_that_it_knows)
{
	struct child child;
	__u64 id = start_server(self->group, &child, NULL, NULL);
	__u64 peers[3][6] = { [2] = { 5, 5, 5, 5, 5, 5 } };
	int other;

	ASSERT_EQ(2, peers_of_0_1(self->primary, peers, 3));
	other = peers[0][0] == mpipc_id(self->primary);
	EXPECT_EQ(id, peers[other][0]);
	EXPECT_EQ(mpipc_id(self->primary), peers[!other][0]);
	EXPECT_EQ(5, peers[2][0]);
	child_kill(&child);
}

/* Descriptors */

TEST_F(lib, descriptors_are_taken_or_closed_with_the_message)
{
	struct mpipc_send_options options = { .size = sizeof(options) };
	struct mpipc *secondary;
	unsigned int before;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	before = count_fds();
	options.fds = fds;
	options.n_fds = 2;
	ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "fds", NULL, 0, &options));
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(before + 1, count_fds());
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->log.fd, F_GETFD));
	EXPECT_EQ(1, write(fds[1], "x", 1));
	EXPECT_EQ(1, read(self->log.fd, self->log.data, 1));
	close(self->log.fd);
	EXPECT_EQ(before, count_fds());
	mpipc_close(secondary);
}

static void take_twice(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	int *fds = arg;

	(void)handle;
	fds[0] = mpipc_message_take_fd(message, 0);
	fds[1] = mpipc_message_take_fd(message, 0);
	fds[2] = mpipc_message_take_fd(message, 1);
}

TEST_F(lib, a_descriptor_is_taken_once)
{
	int stdin_fd = 0, taken[3];
	struct mpipc_send_options options = {
		.size = sizeof(options), .fds = &stdin_fd, .n_fds = 1,
	};
	struct mpipc *secondary;

	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, take_twice, taken));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "fd", NULL, 0, &options));
	ASSERT_EQ(1, mpipc_dispatch(secondary, MPIPC_WAIT_FOREVER));
	EXPECT_LT(2, taken[0]);
	EXPECT_EQ(-EBADF, taken[1]);
	EXPECT_EQ(-EINVAL, taken[2]);
	close(taken[0]);
	mpipc_close(secondary);
}

TEST_F(lib, descriptors_that_cannot_be_received_are_errors_in_their_slots)
{
	struct rlimit old, limit;
	int fds[4] = { 0, 0, 0, 0 };
	struct mpipc_send_options options = {
		.size = sizeof(options), .fds = fds, .n_fds = 4,
	};
	struct mpipc *secondary;
	int next;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "fds", "x", 1, &options));
	next = dup(0);
	close(next);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit = old;
	limit.rlim_cur = next + 2;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(4, self->log.record.n_fds);
	EXPECT_EQ(next, self->log.fds[0]);
	EXPECT_EQ(next + 1, self->log.fds[1]);
	EXPECT_EQ(-EMFILE, self->log.fds[2]);
	EXPECT_EQ(-EMFILE, self->log.fds[3]);
	close(self->log.fd);
	mpipc_close(secondary);
}

TEST_F(lib, an_edge_triggered_loop_dispatches_until_nothing_is_left)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct mpipc *secondary;
	int epoll = epoll_create1(EPOLL_CLOEXEC), i;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, mpipc_fd(self->primary), &event));
	for (i = 0; i < 200; i++)
		ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	ASSERT_EQ(1, epoll_wait(epoll, &event, 1, -1));
	EXPECT_EQ(64, mpipc_dispatch(self->primary, 0));
	/* There is no further event for these. */
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	while (mpipc_dispatch(self->primary, 0) > 0)
		;
	EXPECT_EQ(200, self->log.count);
	ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, -1));
	EXPECT_EQ(1, mpipc_dispatch(self->primary, 0));
	close(epoll);
	mpipc_close(secondary);
}

TEST_HARNESS_MAIN
