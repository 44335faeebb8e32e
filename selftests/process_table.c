// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests that descriptor tables own endpoints: descriptors through sockets, threads, shared
 * tables.
 *
 * Promise: P8
 */
#include "child.h"
#include "device.h"
#include "fd.h"
#include "harness.h"
#include "message.h"
#include "process.h"
#include "wait.h"

#include <pthread.h>
#include <sys/syscall.h>

/* Descriptors that go through a socket */

/* Somebody else gets at the descriptor of a member in one of these ways. */
enum way {
	WAY_PIDFD,
	WAY_SENT,		/* through a socket */
	WAY_SENT_AND_JOINED,	/* the file was in the socket before it was a member */
};

/* Join, report the number of the descriptor, and wait. */
static void run_member(const struct child *line, const char *group, enum way way)
{
	int fd = open_dev();

	if (way == WAY_SENT_AND_JOINED)
		send_scm(line->line, &fd, 1);
	if (join_secondary(fd, group))
		_exit(1);
	if (way == WAY_SENT)
		send_scm(line->line, &fd, 1);
	child_send(line, fd);
	hold(line);
}

static int descriptor_of(const struct child *child, int number)
{
	int pidfd = syscall(SYS_pidfd_open, child->pid, 0);
	int fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);

	close(pidfd);
	return fd;
}

static void expect_of_no_use_to_others(struct __test_metadata *_metadata, const char *group,
				       int primary, enum way way)
{
	struct child child = {};
	struct mpipc_info info;
	__u64 number, id;
	int fd = -1;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid)
		run_member(&child, group, way);
	if (way != WAY_PIDFD)
		fd = recv_scm(child.line);
	ASSERT_EQ(0, child_hear(&child, &number));
	id = take(_metadata, primary, MPIPC_JOINED).peer;
	if (way == WAY_PIDFD)
		fd = descriptor_of(&child, number);
	EXPECT_EQ(id, endpoint_id(fd));
	EXPECT_TRUE(only_info_works(fd, -EPERM));
	expect_there(_metadata, primary, id);

	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	expect_left(_metadata, primary, id);
	ASSERT_EQ(0, get_info(fd, &info));
	EXPECT_EQ(MPIPC_NO_ROLE, (int)info.role);
	EXPECT_EQ(0U, info.queued);
	EXPECT_TRUE(only_info_works(fd, -ESHUTDOWN));
}

TEST_F(process, handed_over_descriptor_cannot_act_nor_keep_it)
{
	expect_of_no_use_to_others(_metadata, self->group, self->primary, WAY_SENT);
}

TEST_F(process, handed_over_before_the_join_and_received_after_it_cannot_act_nor_keep_it)
{
	expect_of_no_use_to_others(_metadata, self->group, self->primary,
				   WAY_SENT_AND_JOINED);
}

TEST_F(process, stolen_descriptor_cannot_act_nor_keep_it)
{
	expect_of_no_use_to_others(_metadata, self->group, self->primary, WAY_PIDFD);
}

TEST_F(process, descriptor_in_flight_does_not_keep_it)
{
	struct child child = {};
	__u64 id;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int fd = open_secondary(self->group);

		child_send(&child, endpoint_id(fd));
		send_scm(child.line, &fd, 1);
		child_hear(&child, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	expect_joined(_metadata, self->primary, id);
	ASSERT_EQ(0, child_send(&child, 0));
	/* The line still has the file, because nobody took it out. */
	expect_left(_metadata, self->primary, id);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(process, handed_over_before_the_join_it_is_of_whoever_joins_first)
{
	struct child child = {};
	__u64 id;
	int fd;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		fd = open_dev();
		send_scm(child.line, &fd, 1);
		child_hear(&child, NULL);
		if (!only_info_works(fd, -EPERM))
			_exit(1);
		close(fd);
		_exit(0);
	}
	fd = recv_scm(child.line);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, join_secondary(fd, self->group));
	id = endpoint_id(fd);
	expect_joined(_metadata, self->primary, id);
	ASSERT_EQ(0, child_send(&child, 0));
	EXPECT_EQ(0, child_wait(&child));
	expect_there(_metadata, self->primary, id);
	EXPECT_EQ(0, send_msg(fd, MPIPC_TO_PRIMARY, "", NULL, 0));
	take(_metadata, self->primary, MPIPC_MESSAGE);
	ASSERT_EQ(0, close(fd));
	expect_left(_metadata, self->primary, id);
}

TEST_F(process, sent_to_oneself_it_is_kept_by_another_descriptor_but_not_in_flight)
{
	int pair[2], fd, got;
	__u64 id;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	fd = open_member(_metadata, self->group, self->primary, &id);
	ASSERT_EQ(0, send_scm(pair[0], &fd, 1));
	got = recv_scm(pair[1]);
	ASSERT_LE(0, got);
	ASSERT_EQ(0, close(fd));
	expect_there(_metadata, self->primary, id);
	EXPECT_EQ(0, send_msg(got, MPIPC_TO_PRIMARY, "", NULL, 0));
	take(_metadata, self->primary, MPIPC_MESSAGE);

	ASSERT_EQ(0, send_scm(pair[0], &got, 1));
	ASSERT_EQ(0, close(got));
	expect_left(_metadata, self->primary, id);
	got = recv_scm(pair[1]);
	ASSERT_LE(0, got);
	EXPECT_TRUE(only_info_works(got, -ESHUTDOWN));
}

TEST_F(process, opening_the_file_of_another_process_is_another_endpoint)
{
	struct child child = {};
	__u64 number, id;
	char path[64];
	int mine;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid)
		run_member(&child, self->group, WAY_PIDFD);
	ASSERT_EQ(0, child_hear(&child, &number));
	id = take(_metadata, self->primary, MPIPC_JOINED).peer;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)child.pid, (int)number);
	mine = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, mine);
	EXPECT_EQ(0U, endpoint_id(mine));
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	expect_left(_metadata, self->primary, id);
	EXPECT_EQ(0, join_secondary(mine, self->group));
}

/* Threads and tables */

static void *join_main(void *arg)
{
	return (void *)(long)open_secondary(arg);
}

TEST_F(process, thread_that_joined_may_end)
{
	pthread_t thread;
	void *fd;

	ASSERT_EQ(0, pthread_create(&thread, NULL, join_main, self->group));
	ASSERT_EQ(0, pthread_join(thread, &fd));
	take(_metadata, self->primary, MPIPC_JOINED);
	expect_there(_metadata, self->primary, endpoint_id((long)fd));
	EXPECT_EQ(0, send_msg((long)fd, MPIPC_TO_PRIMARY, "", NULL, 0));
}

static void *outlive_main(void *arg)
{
	child_hear(arg, NULL);
	_exit(0);
}

TEST_F(process, first_thread_may_end_before_the_others)
{
	struct child child = {};
	__u64 id;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		pthread_t thread;

		child_send(&child, endpoint_id(open_secondary(self->group)));
		pthread_create(&thread, NULL, outlive_main, &child);
		/* This system call ends the thread alone. */
		syscall(SYS_exit, 0);
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	expect_joined(_metadata, self->primary, id);
	while (task_state(child.pid) != 'Z')
		sched_yield();
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(0, child_send(&child, 0));
	EXPECT_EQ(0, child_wait(&child));
	expect_left(_metadata, self->primary, id);
}

static void *unshare_main(void *arg)
{
	int fd = *(int *)arg;

	if (unshare(CLONE_FILES))
		return "unshare";
	if (!only_info_works(fd, -EPERM))
		return "the endpoint is not refused";
	close(fd);
	return NULL;
}

TEST_F(process, thread_with_a_table_of_its_own_cannot_act)
{
	pthread_t thread;
	void *problem;
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);

	ASSERT_EQ(0, pthread_create(&thread, NULL, unshare_main, &fd));
	ASSERT_EQ(0, pthread_join(thread, &problem));
	EXPECT_EQ(NULL, problem) TH_LOG("%s", (char *)problem);
	expect_there(_metadata, self->primary, id);
	EXPECT_EQ(0, send_msg(fd, MPIPC_TO_PRIMARY, "", NULL, 0));
}

static void *unshare_and_hold_main(void *arg)
{
	struct child *line = arg;

	if (!unshare(CLONE_FILES))
		child_send(line, 0);
	hold(line);
	return NULL;
}

TEST_F(process, table_that_its_last_thread_leaves_takes_it_along)
{
	struct child child = {};
	__u64 id;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		pthread_t thread;

		open_secondary(self->group);
		pthread_create(&thread, NULL, unshare_and_hold_main, &child);
		child_hear(&child, NULL);
		/*
		 * This system call ends this thread, and the other one has a table of its
		 * own.
		 */
		syscall(SYS_exit, 0);
	}
	id = take(_metadata, self->primary, MPIPC_JOINED).peer;
	ASSERT_EQ(0, child_hear(&child, NULL));
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(0, child_send(&child, 0));
	expect_left(_metadata, self->primary, id);
	/* The first thread ended alone, and the process does not end with it. */
	while (task_state(child.pid) != 'Z')
		sched_yield();
	EXPECT_EQ(0, waitpid(child.pid, NULL, WNOHANG));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(process, close_range_in_the_only_table_counts_as_closing)
{
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);

	ASSERT_EQ(0, close_range(fd, fd, CLOSE_RANGE_UNSHARE));
	expect_left(_metadata, self->primary, id);
}

static void *close_unshared_main(void *arg)
{
	int fd = *(int *)arg;

	return close_range(fd, fd, CLOSE_RANGE_UNSHARE) ? "close_range" : NULL;
}

TEST_F(process, close_range_in_a_table_of_its_own_keeps_it)
{
	pthread_t thread;
	void *problem;
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);

	ASSERT_EQ(0, pthread_create(&thread, NULL, close_unshared_main, &fd));
	ASSERT_EQ(0, pthread_join(thread, &problem));
	EXPECT_EQ(NULL, problem);
	expect_there(_metadata, self->primary, id);
	EXPECT_EQ(0, send_msg(fd, MPIPC_TO_PRIMARY, "", NULL, 0));
}

/* Fork a process that shares one table with its parent. */
static pid_t fork_sharing_files(void)
{
	return syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
}

TEST_F(process, processes_that_share_a_table_own_it_together)
{
	struct child child = {};
	__u64 id;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int fd = open_secondary(self->group);

		if (!fork_sharing_files()) {
			send_msg(fd, MPIPC_TO_PRIMARY, "both", NULL, 0);
			hold(&child);
		}
		for (;;)
			pause();
	}
	id = take(_metadata, self->primary, MPIPC_JOINED).peer;
	EXPECT_EQ(id, take(_metadata, self->primary, MPIPC_MESSAGE).peer);
	ASSERT_EQ(0, kill(child.pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, child_reap(&child));
	expect_there(_metadata, self->primary, id);
	close(child.line);
	expect_left(_metadata, self->primary, id);
}

TEST_F(process, close_by_one_that_shares_a_table_counts)
{
	struct child child = {};
	__u64 id;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int fd = open_secondary(self->group);
		pid_t sharer;

		child_hear(&child, NULL);
		sharer = fork_sharing_files();
		if (!sharer) {
			close(fd);
			_exit(0);
		}
		waitpid(sharer, NULL, 0);
		child_send(&child, 0);
		hold(&child);
	}
	id = take(_metadata, self->primary, MPIPC_JOINED).peer;
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(0, child_send(&child, 0));
	ASSERT_EQ(0, child_hear(&child, NULL));
	expect_left(_metadata, self->primary, id);
	EXPECT_EQ(0, child_wait(&child));
}

/*
 * A process that executes gets a table of its own, and the other process keeps what they
 * had.
 */
TEST_F(process, execution_leaves_it_to_who_shared_the_table)
{
	for (int joiner = 0; joiner < 2; joiner++) {
		struct child child = {};
		char byte;
		__u64 id;

		ASSERT_LE(0, child_fork(&child));
		if (!child.pid) {
			int fd = open_secondary(self->group);
			pid_t sharer;

			fcntl(fd, F_SETFD, 0);
			sharer = fork_sharing_files();
			if (joiner == !!sharer)
				execute_main(&child);
			hold(&child);
		}
		id = take(_metadata, self->primary, MPIPC_JOINED).peer;
		ASSERT_EQ(1, read(child.line, &byte, 1));
		expect_there(_metadata, self->primary, id);
		EXPECT_LE(0, child_wait(&child));
		expect_left(_metadata, self->primary, id);
	}
}

TEST_F(process, child_that_borrows_memory_disturbs_nobody)
{
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);
	volatile bool refused = false;
	pid_t pid = vfork();

	if (!pid) {
		refused = leave(fd) == -EPERM && !close(fd);
		_exit(0);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(refused);
	expect_there(_metadata, self->primary, id);
	EXPECT_EQ(0, send_msg(fd, MPIPC_TO_PRIMARY, "", NULL, 0));
}

TEST_HARNESS_MAIN
