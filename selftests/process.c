// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests that an endpoint belongs to the file descriptor table that joined: it lives as long
 * as that table has a descriptor for it, whoever else holds the open file.
 *
 * Promise: P8
 */
#include "child.h"
#include "device.h"
#include "harness.h"
#include "message.h"
#include "process.h"
#include "thread.h"
#include "wait.h"

#include <sys/swap.h>

/* Children */

TEST_F(process, child_can_ask_and_nothing_else)
{
	struct child child = {};
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid)
		_exit(!only_info_works(fd, -EPERM));
	EXPECT_EQ(0, child_wait(&child));
	expect_there(_metadata, self->primary, id);
	EXPECT_EQ(0, send_msg(fd, MPIPC_TO_PRIMARY, "", NULL, 0));
}

/* Promise: P7 */
TEST_F(process, child_reads_writes_and_polls_the_open_file)
{
	struct mpipc_record record = { .type = MPIPC_MESSAGE, .name = "child's" };
	struct child child = {};
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		if (write(fd, &record, sizeof(record)) != sizeof(record))
			_exit(1);
		if (poll_for(fd, POLLIN, -1) != POLLIN)
			_exit(2);
		if (read(fd, &record, sizeof(record)) != sizeof(record))
			_exit(3);
		_exit(strcmp(record.name, "parent's"));
	}
	record = take(_metadata, self->primary, MPIPC_MESSAGE);
	EXPECT_EQ(id, record.peer);
	EXPECT_STREQ("child's", record.name);
	EXPECT_EQ(0, send_msg(self->primary, id, "parent's", NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(process, child_that_closes_or_exits_disturbs_nobody)
{
	struct child child = {};
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		close(fd);
		close(self->primary);
		child_send(&child, 0);
		child_hear(&child, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(0, child_send(&child, 0));
	EXPECT_EQ(0, child_wait(&child));
	expect_there(_metadata, self->primary, id);

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid)
		_exit(0);
	EXPECT_EQ(0, child_wait(&child));
	expect_there(_metadata, self->primary, id);
}

TEST_F(process, child_that_executes_disturbs_nobody)
{
	struct child child = {};
	__u64 id;

	open_member(_metadata, self->group, self->primary, &id);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		execl("/bin/sh", "sh", "-c", ":", NULL);
		_exit(1);
	}
	EXPECT_EQ(0, child_wait(&child));
	expect_there(_metadata, self->primary, id);
}

TEST_F(process, child_joins_for_itself)
{
	struct child child = {};
	int fd = open_dev();
	__u64 id;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		if (join_secondary(fd, self->group))
			_exit(1);
		child_send(&child, endpoint_id(fd));
		child_hear(&child, NULL);
		_exit(!!send_msg(fd, MPIPC_TO_PRIMARY, "", NULL, 0));
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	expect_joined(_metadata, self->primary, id);
	EXPECT_TRUE(only_info_works(fd, -EPERM));
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(0, child_send(&child, 0));
	EXPECT_EQ(0, child_wait(&child));
	take(_metadata, self->primary, MPIPC_MESSAGE);
	expect_left(_metadata, self->primary, id);
}

/* Letting go of descriptors */

/* Join, have a child of this process hold the file, report the id, and wait. */
static void join_and_be_held(const struct child *line, const char *group,
			     enum mpipc_role role)
{
	int fd = open_joined(group, role, 0);

	if (fd < 0)
		_exit(1);
	if (!fork())
		hold(line);
	child_send(line, endpoint_id(fd));
	for (;;)
		pause();
}

/* Promise: P16 */
TEST_F(process, death_of_the_owner_is_news_although_its_child_holds_the_file)
{
	bool left = false, reset = false;
	struct child child = {};
	__u64 id, call;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid)
		join_and_be_held(&child, self->group, MPIPC_SECONDARY);
	ASSERT_EQ(0, child_hear(&child, &id));
	expect_joined(_metadata, self->primary, id);
	ASSERT_EQ(0, call_async(self->primary, id, "", 0, MPIPC_FOREVER, &call));
	ASSERT_EQ(0, kill(child.pid, SIGKILL));
	while (!left || !reset) {
		struct mpipc_record record;

		ASSERT_EQ(0, recv_wait(self->primary, &record, NULL, 0));
		EXPECT_EQ(id, record.peer);
		left |= record.type == MPIPC_LEFT;
		reset |= record.type == MPIPC_REPLY_TO && record.status == -ECONNRESET;
	}
	EXPECT_EQ(-ESRCH, send_msg(self->primary, id, "", NULL, 0));
	EXPECT_EQ(1U, count_peers(self->primary));
	EXPECT_EQ(128 + SIGKILL, child_wait(&child));
}

/* Promise: P16 */
TEST_F(process, death_of_a_primary_is_news_although_its_child_holds_the_file)
{
	struct child child = {};
	int secondary, next;

	group_name(self->group, "process-orphan");
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid)
		join_and_be_held(&child, self->group, MPIPC_PRIMARY);
	ASSERT_EQ(0, child_hear(&child, NULL));
	secondary = open_secondary(self->group);
	ASSERT_LE(0, secondary);
	EXPECT_EQ(0, poll_for(secondary, POLLRDHUP, 0));
	ASSERT_EQ(0, kill(child.pid, SIGKILL));
	EXPECT_EQ(POLLRDHUP, poll_for(secondary, POLLRDHUP, -1) & POLLRDHUP);
	EXPECT_EQ(-ECONNREFUSED, send_msg(secondary, MPIPC_TO_PRIMARY, "", NULL, 0));
	next = open_primary(self->group);
	EXPECT_LE(0, next);
	EXPECT_EQ(128 + SIGKILL, child_wait(&child));
}

TEST_F(process, closing_one_of_two_descriptors_keeps_it)
{
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);
	int second = dup(fd);

	ASSERT_LE(0, second);
	ASSERT_EQ(0, close(fd));
	expect_there(_metadata, self->primary, id);
	EXPECT_EQ(0, send_msg(second, MPIPC_TO_PRIMARY, "", NULL, 0));
	take(_metadata, self->primary, MPIPC_MESSAGE);
	ASSERT_EQ(0, close(second));
	expect_left(_metadata, self->primary, id);
}

TEST_F(process, dup2_over_it_counts_as_closing)
{
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);
	int second = dup(fd);

	ASSERT_EQ(fd, dup2(fd, fd));
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(second, dup2(fd, second));
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(fd, dup2(second, fd));
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(fd, dup2(STDERR_FILENO, fd));
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(second, dup2(STDERR_FILENO, second));
	expect_left(_metadata, self->primary, id);
}

TEST_F(process, moving_its_descriptor_keeps_it)
{
	static const int places[] = { 100, 300, 20, 900, 50 };
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		ASSERT_EQ(places[i], dup3(fd, places[i], O_CLOEXEC));
		ASSERT_EQ(0, close(fd));
		fd = places[i];
		expect_there(_metadata, self->primary, id);
	}
	ASSERT_EQ(0, close(fd));
	expect_left(_metadata, self->primary, id);
}

TEST_F(process, close_range_counts_as_closing)
{
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);

	ASSERT_EQ(0, close_range(fd, fd, CLOSE_RANGE_CLOEXEC));
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(0, close_range(fd, fd, 0));
	expect_left(_metadata, self->primary, id);
}

TEST_F(process, opening_its_file_again_is_another_endpoint)
{
	char path[32];
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);
	int second;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	second = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, second);
	EXPECT_EQ(0U, endpoint_id(second));
	ASSERT_EQ(0, close(fd));
	expect_left(_metadata, self->primary, id);
	EXPECT_EQ(0, join_secondary(second, self->group));
}

/* A changer waits for a go, then closes one descriptor, or duplicates another one over it. */
struct changer {
	const int *go;
	int fd;
	int over_by;	/* -1: close the descriptor */
};

static void *changer_main(void *arg)
{
	const struct changer *changer = arg;

	while (!__atomic_load_n(changer->go, __ATOMIC_ACQUIRE))
		;
	if (changer->over_by < 0)
		close(changer->fd);
	else
		dup2(changer->over_by, changer->fd);
	return NULL;
}

/* Have two threads change their descriptors at once. */
static void change_both(struct __test_metadata *_metadata, struct changer changer[2])
{
	pthread_t thread[2];
	int go = 0;

	for (int i = 0; i < 2; i++) {
		changer[i].go = &go;
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, changer_main, &changer[i]));
	}
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

TEST_F(process, two_threads_closing_the_last_two_descriptors_end_it_once)
{
	for (int round = 0; round < 40; round++) {
		struct changer changer[2] = { { .over_by = -1 }, { .over_by = -1 } };
		__u64 id;

		changer[0].fd = open_member(_metadata, self->group, self->primary, &id);
		changer[1].fd = dup(changer[0].fd);
		change_both(_metadata, changer);
		expect_left(_metadata, self->primary, id);
		ASSERT_EQ(0, poll_for(self->primary, POLLIN, 0));
	}
}

TEST_F(process, two_threads_duplicating_the_last_two_descriptors_over_each_other_keep_it)
{
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);
	int second = dup(fd);

	for (int round = 0; round < 40; round++) {
		struct changer changer[2] = {
			{ .fd = fd, .over_by = second },
			{ .fd = second, .over_by = fd },
		};

		change_both(_metadata, changer);
		ASSERT_EQ(0, poll_for(self->primary, POLLIN, 0));
	}
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(0, close(fd));
	expect_there(_metadata, self->primary, id);
	ASSERT_EQ(0, close(second));
	expect_left(_metadata, self->primary, id);
}

/* The endpoint is kept if the copy was made before the original was closed, and gone if not. */
TEST_F(process, descriptor_that_is_duplicated_while_it_is_closed_is_kept_or_gone)
{
	for (int round = 0; round < 40; round++) {
		struct changer changer[2] = { { .over_by = -1 } };
		struct mpipc_info info;
		int place = dup(STDERR_FILENO);
		__u64 id;

		changer[0].fd = open_member(_metadata, self->group, self->primary, &id);
		changer[1].fd = place;
		changer[1].over_by = changer[0].fd;
		change_both(_metadata, changer);
		if (!get_info(place, &info)) {
			EXPECT_EQ(MPIPC_SECONDARY, (int)info.role);
			expect_there(_metadata, self->primary, id);
		}
		close(place);
		expect_left(_metadata, self->primary, id);
	}
}

/* The kernel opens without a table, which is not the table of a file that has not joined. */
TEST_F(process, kernel_may_open_and_close_the_device)
{
	__u64 id;

	EXPECT_EQ(-1, acct(MPIPC_DEVICE));
	EXPECT_EQ(-1, swapon(MPIPC_DEVICE, 0));
	open_member(_metadata, self->group, self->primary, &id);
	expect_there(_metadata, self->primary, id);
}

/* Blocked threads */

static void fill_mailbox(struct __test_metadata *_metadata, int from, __u64 to)
{
	int ret;

	while (!(ret = send_msg(from, to, "filler", NULL, 0)))
		;
	ASSERT_EQ(-EAGAIN, ret);
}

/*
 * Block threads in each command that blocks, on one endpoint. Return when they do, and
 * expect that they return with an error once @end has run.
 */
static void expect_wakes_all(struct __test_metadata *_metadata, int primary, int fd,
			     int (*end)(int fd))
{
	struct mpipc_send_args send = { .deadline = MPIPC_FOREVER };
	struct mpipc_recv_args recv = { .deadline = MPIPC_FOREVER };
	struct mpipc_reply_recv_args reply_recv = { .recv = recv };
	struct mpipc_record result[2];
	struct mpipc_call_args call = call_arg(MPIPC_TO_PRIMARY, "", NULL, 0, &result[0], 1);
	struct mpipc_call_args space = call_arg(MPIPC_TO_PRIMARY, "", NULL, 0, &result[1], 1);
	struct ioctl_thread thread[5];

	space.flags = MPIPC_CALL_WAIT_SPACE;
	ASSERT_EQ(0, ioctl_thread_start(&thread[0], fd, MPIPC_CALL, &call));
	take(_metadata, primary, MPIPC_REQUEST);
	fill_mailbox(_metadata, fd, MPIPC_TO_PRIMARY);
	ASSERT_EQ(0, ioctl_thread_start(&thread[1], fd, MPIPC_CALL, &space));
	ASSERT_EQ(0, ioctl_thread_start(&thread[2], fd, MPIPC_SEND, &send));
	ASSERT_EQ(0, ioctl_thread_start(&thread[3], fd, MPIPC_RECV, &recv));
	ASSERT_EQ(0, ioctl_thread_start(&thread[4], fd, MPIPC_REPLY_RECV, &reply_recv));
	for (size_t i = 0; i < ARRAY_SIZE(thread); i++) {
		ASSERT_EQ(0, ioctl_thread_asleep(&thread[i]));
	}
	ASSERT_EQ(0, end(fd));
	for (size_t i = 0; i < ARRAY_SIZE(thread); i++) {
		EXPECT_EQ(-ESHUTDOWN, ioctl_thread_join(&thread[i]));
	}
}

TEST_F(process, close_wakes_whoever_is_blocked)
{
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);

	expect_wakes_all(_metadata, self->primary, fd, close);
}

TEST_F(process, leave_wakes_whoever_is_blocked)
{
	__u64 id;
	int fd = open_member(_metadata, self->group, self->primary, &id);

	expect_wakes_all(_metadata, self->primary, fd, leave);
	EXPECT_TRUE(only_info_works(fd, -ESHUTDOWN));
}

TEST_F(process, closed_while_it_waits_to_join_does_not_join)
{
	struct mpipc_join_args join = join_arg("", MPIPC_SECONDARY);
	struct ioctl_thread thread;
	int fd = open_dev(), primary;

	group_name(join.group, "process-wait");
	join.deadline = MPIPC_FOREVER;
	ASSERT_EQ(0, ioctl_thread_start(&thread, fd, MPIPC_JOIN, &join));
	ASSERT_EQ(0, ioctl_thread_asleep(&thread));
	ASSERT_EQ(0, close(fd));
	primary = open_primary(join.group);
	EXPECT_EQ(-EBADF, ioctl_thread_join(&thread));
	EXPECT_EQ(1U, count_peers(primary));
}

TEST_F(process, killed_while_it_receives)
{
	struct child child = {};
	__u64 id;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		struct mpipc_record record;
		int fd = open_secondary(self->group);

		child_send(&child, endpoint_id(fd));
		recv_wait(fd, &record, NULL, 0);
		_exit(1);
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	expect_joined(_metadata, self->primary, id);
	ASSERT_EQ(0, wait_asleep(child.pid));
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	expect_left(_metadata, self->primary, id);
}

TEST_F(process, killed_while_it_calls)
{
	struct mpipc_record request;
	struct child child = {};

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		struct mpipc_record result;
		struct mpipc_call_args call = call_arg(MPIPC_TO_PRIMARY, "", NULL, 0, &result, 1);

		do_ioctl(open_secondary(self->group), MPIPC_CALL, &call);
		_exit(1);
	}
	take(_metadata, self->primary, MPIPC_JOINED);
	request = take(_metadata, self->primary, MPIPC_REQUEST);
	ASSERT_EQ(0, wait_asleep(child.pid));
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	EXPECT_EQ(-ESRCH, reply_msg(self->primary, request.call, 0, NULL, 0));
	expect_left(_metadata, self->primary, request.peer);
}

/* Execution */

/* Join, wait for the parent's word, and execute the shell in this thread or in another one. */
static void join_and_execute(struct child *line, const char *group, bool keep, bool thread)
{
	int fd = open_secondary(group);
	pthread_t id;

	if (fd < 0)
		_exit(1);
	if (keep)
		fcntl(fd, F_SETFD, 0);
	child_send(line, endpoint_id(fd));
	child_hear(line, NULL);
	if (!thread)
		execute_main(line);
	pthread_create(&id, NULL, execute_main, line);
	for (;;)
		pause();
}

static __u64 start_shell(struct __test_metadata *_metadata, struct child *child,
			 const char *group, int primary, bool keep, bool thread)
{
	char byte;
	__u64 id;

	ASSERT_LE(0, child_fork(child));
	if (!child->pid)
		join_and_execute(child, group, keep, thread);
	ASSERT_EQ(0, child_hear(child, &id));
	expect_joined(_metadata, primary, id);
	ASSERT_EQ(0, child_send(child, 0));
	ASSERT_EQ(1, read(child->line, &byte, 1));
	return id;
}

TEST_F(process, execution_closes_it)
{
	for (int thread = 0; thread < 2; thread++) {
		struct child child = {};
		__u64 id = start_shell(_metadata, &child, self->group, self->primary, false,
				       thread);

		expect_left(_metadata, self->primary, id);
		EXPECT_LE(0, child_wait(&child));
	}
}

TEST_F(process, execution_keeps_what_is_not_close_on_exec)
{
	for (int thread = 0; thread < 2; thread++) {
		struct child child = {};
		__u64 id = start_shell(_metadata, &child, self->group, self->primary, true,
				       thread);

		expect_there(_metadata, self->primary, id);
		EXPECT_LE(0, child_wait(&child));
		expect_left(_metadata, self->primary, id);
	}
}

TEST_HARNESS_MAIN
