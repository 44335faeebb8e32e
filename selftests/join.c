// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of joining: roles, waiting for a primary, generations, the life of a group, and who
 * may join it.
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "message.h"
#include "thread.h"
#include "user.h"
#include "wait.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>

#define OWNER 1000
#define STRANGER 1002
#define OWNER_GROUP 100
#define OTHER_GROUP 101

FIXTURE(join)
{
	char group[MPIPC_GROUP_MAX];
	int fd;
};

FIXTURE_SETUP(join)
{
	group_name(self->group, _metadata->name);
	self->fd = open_dev();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(join)
{
	close(self->fd);
}

/* Roles */

TEST_F(join, primary_creates_the_group)
{
	struct mpipc_join_args join = join_arg(self->group, MPIPC_PRIMARY);
	struct mpipc_info info;

	ASSERT_EQ(0, do_ioctl(self->fd, MPIPC_JOIN, &join));
	EXPECT_NE(0, join.id);
	EXPECT_NE(MPIPC_TO_ALL, join.id);
	EXPECT_EQ(join.id, join.primary);
	EXPECT_EQ(1, join.generation);

	ASSERT_EQ(0, get_info(self->fd, &info));
	EXPECT_EQ(MPIPC_PRIMARY, info.role);
	EXPECT_EQ(join.id, info.id);
	EXPECT_EQ(join.id, info.primary);
	EXPECT_EQ(1, info.generation);
	EXPECT_STREQ(self->group, info.group);
}

TEST_F(join, secondary_learns_its_primary)
{
	struct mpipc_join_args join = join_arg(self->group, MPIPC_SECONDARY);
	struct mpipc_info info;
	int primary = open_primary(self->group);

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, do_ioctl(self->fd, MPIPC_JOIN, &join));
	EXPECT_NE(join.id, join.primary);
	EXPECT_EQ(endpoint_id(primary), join.primary);
	EXPECT_EQ(1, join.generation);

	ASSERT_EQ(0, get_info(self->fd, &info));
	EXPECT_EQ(MPIPC_SECONDARY, info.role);
	EXPECT_EQ(join.id, info.id);
	EXPECT_EQ(join.primary, info.primary);
	EXPECT_EQ(1, info.generation);
	EXPECT_STREQ(self->group, info.group);
}

TEST_F(join, file_that_has_not_joined_has_no_role)
{
	struct mpipc_info info;

	ASSERT_EQ(0, get_info(self->fd, &info));
	EXPECT_EQ(MPIPC_ABI, info.abi);
	EXPECT_EQ(MPIPC_FEATURES, info.features);
	EXPECT_EQ(MPIPC_NO_ROLE, info.role);
	EXPECT_EQ(0, info.id);
	EXPECT_EQ(0, info.generation);
	EXPECT_EQ(0, info.primary);
	EXPECT_STREQ("", info.group);
}

TEST_F(join, leaving_ends_the_role)
{
	struct mpipc_info info;

	ASSERT_EQ(0, join_primary(self->fd, self->group));
	ASSERT_EQ(0, leave(self->fd));
	ASSERT_EQ(0, get_info(self->fd, &info));
	EXPECT_EQ(MPIPC_NO_ROLE, info.role);
	EXPECT_EQ(-ESHUTDOWN, leave(self->fd));
}

TEST_F(join, second_primary_gets_eaddrinuse)
{
	struct mpipc_info info;

	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(-EADDRINUSE, join_primary(self->fd, self->group));
	ASSERT_EQ(0, get_info(self->fd, &info));
	EXPECT_EQ(MPIPC_NO_ROLE, info.role);
	/* The refused join changed nothing, so that the file can still join. */
	EXPECT_EQ(0, join_secondary(self->fd, self->group));
}

TEST_F(join, second_primary_does_not_wait)
{
	struct mpipc_join_args join = join_arg(self->group, MPIPC_PRIMARY);

	ASSERT_LE(0, open_primary(self->group));
	join.deadline = MPIPC_FOREVER;
	EXPECT_EQ(-EADDRINUSE, do_ioctl(self->fd, MPIPC_JOIN, &join));
}

TEST_F(join, second_join_gets_eisconn)
{
	char other[MPIPC_GROUP_MAX];
	struct mpipc_info info;

	group_name(other, "other");
	ASSERT_EQ(0, join_primary(self->fd, self->group));
	EXPECT_EQ(-EISCONN, join_primary(self->fd, self->group));
	EXPECT_EQ(-EISCONN, join_secondary(self->fd, self->group));
	EXPECT_EQ(-EISCONN, join_primary(self->fd, other));
	ASSERT_EQ(0, get_info(self->fd, &info));
	EXPECT_EQ(MPIPC_PRIMARY, info.role);
	EXPECT_STREQ(self->group, info.group);
}

TEST_F(join, groups_with_other_names_are_apart)
{
	char other[MPIPC_GROUP_MAX];

	group_name(other, "other");
	ASSERT_EQ(0, join_primary(self->fd, self->group));
	EXPECT_EQ(-ENOENT, open_secondary(other));
	EXPECT_LE(0, open_primary(other));
}

/* Promise: P6 */
TEST_F(join, ids_are_never_used_again)
{
	__u64 last = 0;

	for (int i = 0; i < 20; i++) {
		int fd = open_primary(self->group);

		ASSERT_LE(0, fd);
		ASSERT_LT(last, endpoint_id(fd));
		last = endpoint_id(fd);
		close(fd);
	}
}

/* Bad arguments */

/* Promise: P2 */
TEST_F(join, bad_role_is_refused)
{
	static const __u32 roles[] = { MPIPC_NO_ROLE, 3, 0x10001, ~0U };

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		struct mpipc_join_args join = join_arg(self->group, roles[i]);

		EXPECT_EQ(-EINVAL, do_ioctl(self->fd, MPIPC_JOIN, &join))
			TH_LOG("role %#x", roles[i]);
	}
	EXPECT_EQ(0, join_primary(self->fd, self->group));
}

/* Promise: P2 */
TEST_F(join, bad_mode_is_refused)
{
	static const __u32 modes[] = { 0700, 0601, 01600, 04600, 1U << 31 };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct mpipc_join_args join = join_arg(self->group, MPIPC_PRIMARY);

		join.mode = modes[i];
		EXPECT_EQ(-EINVAL, do_ioctl(self->fd, MPIPC_JOIN, &join))
			TH_LOG("mode %#o", modes[i]);
	}
	EXPECT_EQ(0, join_primary(self->fd, self->group));
}

/* Promise: P2 */
TEST_F(join, empty_name_is_refused)
{
	EXPECT_EQ(-EINVAL, join_primary(self->fd, ""));
}

/* Promise: P2 */
TEST_F(join, name_without_nul_is_refused)
{
	struct mpipc_join_args join = { .role = MPIPC_PRIMARY };

	memset(join.group, 'n', sizeof(join.group));
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, MPIPC_JOIN, &join));
}

TEST_F(join, name_of_127_bytes_differs_from_its_neighbour)
{
	struct mpipc_info info;
	char name[MPIPC_GROUP_MAX], neighbour[MPIPC_GROUP_MAX];

	memset(name, 'n', sizeof(name));
	memcpy(name, self->group, strlen(self->group));
	name[MPIPC_GROUP_MAX - 1] = '\0';
	memcpy(neighbour, name, sizeof(name));
	neighbour[MPIPC_GROUP_MAX - 2] = 'm';

	ASSERT_EQ(0, join_primary(self->fd, name));
	ASSERT_EQ(0, get_info(self->fd, &info));
	EXPECT_STREQ(name, info.group);
	EXPECT_EQ(-ENOENT, open_secondary(neighbour));
	EXPECT_LE(0, open_secondary(name));
}

TEST_F(join, bytes_after_the_nul_are_not_part_of_the_name)
{
	struct mpipc_join_args join = join_arg(self->group, MPIPC_PRIMARY);
	size_t len = strlen(self->group);

	memset(join.group + len + 1, 'x', sizeof(join.group) - len - 1);
	ASSERT_EQ(0, do_ioctl(self->fd, MPIPC_JOIN, &join));
	EXPECT_LE(0, open_secondary(self->group));
}

TEST_F(join, any_bytes_make_a_name)
{
	char name[MPIPC_GROUP_MAX];

	snprintf(name, sizeof(name), "/..\n \xff\x01%%s%.50s", self->group);
	ASSERT_EQ(0, join_primary(self->fd, name));
	EXPECT_LE(0, open_secondary(name));
}

/* The life of a group and its generations */

TEST_F(join, secondary_without_group_gets_enoent)
{
	struct mpipc_info info;

	EXPECT_EQ(-ENOENT, join_secondary(self->fd, self->group));
	ASSERT_EQ(0, get_info(self->fd, &info));
	EXPECT_EQ(MPIPC_NO_ROLE, info.role);
	EXPECT_EQ(0, join_primary(self->fd, self->group));
}

TEST_F(join, group_without_primary_refuses_secondaries)
{
	int primary = open_primary(self->group);

	ASSERT_LE(0, primary);
	ASSERT_LE(0, open_secondary(self->group));
	ASSERT_EQ(0, leave(primary));
	EXPECT_EQ(-ECONNREFUSED, join_secondary(self->fd, self->group));
}

TEST_F(join, group_ends_with_its_last_member)
{
	struct mpipc_join_args join = join_arg(self->group, MPIPC_PRIMARY);
	int primary = open_primary(self->group);
	int secondary = open_secondary(self->group);

	ASSERT_LE(0, primary);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, close(primary));
	EXPECT_EQ(-ECONNREFUSED, open_secondary(self->group));
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(-ENOENT, open_secondary(self->group));

	/* The next group of this name starts afresh. */
	ASSERT_EQ(0, do_ioctl(self->fd, MPIPC_JOIN, &join));
	EXPECT_EQ(1, join.generation);
}

TEST_F(join, killed_primary_leaves_the_group)
{
	struct child primary;
	__u64 fd;

	ASSERT_LE(0, child_fork(&primary));
	if (!primary.pid) {
		child_send(&primary, open_primary(self->group));
		child_hear(&primary, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&primary, &fd));
	ASSERT_LE(0, (int)fd);
	EXPECT_EQ(-EADDRINUSE, join_primary(self->fd, self->group));
	ASSERT_EQ(128 + SIGKILL, child_kill(&primary));
	EXPECT_EQ(0, join_primary(self->fd, self->group));
}

TEST_F(join, each_new_primary_is_a_generation)
{
	int secondary;

	ASSERT_EQ(0, join_primary(self->fd, self->group));
	secondary = open_secondary(self->group);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, leave(self->fd));

	for (__u64 generation = 2; generation < 5; generation++) {
		struct mpipc_join_args join = join_arg(self->group, MPIPC_PRIMARY);
		struct mpipc_join_args late = join_arg(self->group, MPIPC_SECONDARY);
		int primary = open_dev();
		int fd = open_dev();

		ASSERT_EQ(0, do_ioctl(primary, MPIPC_JOIN, &join));
		EXPECT_EQ(generation, join.generation);
		ASSERT_EQ(0, do_ioctl(fd, MPIPC_JOIN, &late));
		EXPECT_EQ(generation, late.generation);
		EXPECT_EQ(join.id, late.primary);
		close(primary);
		close(fd);
	}
}

TEST_F(join, failed_joins_are_no_generation)
{
	struct mpipc_join_args join = join_arg(self->group, MPIPC_PRIMARY);
	int primary = open_primary(self->group);

	ASSERT_LE(0, primary);
	ASSERT_LE(0, open_secondary(self->group));
	EXPECT_EQ(-EADDRINUSE, join_primary(self->fd, self->group));
	ASSERT_EQ(0, leave(primary));
	ASSERT_EQ(0, do_ioctl(self->fd, MPIPC_JOIN, &join));
	EXPECT_EQ(2, join.generation);
}

TEST_F(join, secondary_is_not_handed_to_the_next_primary)
{
	int old = open_primary(self->group);
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary);
	struct mpipc_info info;

	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, leave(old));
	EXPECT_EQ(-ECONNREFUSED, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_EQ(0, get_info(secondary, &info));
	EXPECT_EQ(0, info.primary);
	EXPECT_EQ(1, info.generation);

	ASSERT_EQ(0, join_primary(self->fd, self->group));
	EXPECT_EQ(-ESTALE, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_EQ(0, get_info(secondary, &info));
	EXPECT_EQ(MPIPC_SECONDARY, info.role);
	EXPECT_EQ(0, info.primary);
	EXPECT_EQ(1, info.generation);
	EXPECT_EQ(id, info.id);
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 0));
}

TEST_F(join, follower_belongs_to_the_next_primary)
{
	int old = open_primary(self->group);
	int follower = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
	struct mpipc_record record;
	struct mpipc_info info;

	ASSERT_LE(0, follower);
	ASSERT_EQ(0, leave(old));
	EXPECT_EQ(-ECONNREFUSED, send_msg(follower, MPIPC_TO_PRIMARY, "m", NULL, 0));

	ASSERT_EQ(0, join_primary(self->fd, self->group));
	ASSERT_EQ(0, get_info(follower, &info));
	EXPECT_EQ(endpoint_id(self->fd), info.primary);
	EXPECT_EQ(2, info.generation);
	EXPECT_EQ(0, send_msg(follower, MPIPC_TO_PRIMARY, "up", NULL, 0));
	ASSERT_EQ(0, recv_msg(self->fd, &record, NULL, 0));
	EXPECT_EQ(endpoint_id(follower), record.peer);
	EXPECT_EQ(2, record.generation);
	EXPECT_EQ(0, send_msg(self->fd, endpoint_id(follower), "down", NULL, 0));
	ASSERT_EQ(0, recv_msg(follower, &record, NULL, 0));
	EXPECT_STREQ("down", record.name);
}

/* Waiting for a primary */

static int join_until(int fd, const char *group, __u64 deadline)
{
	struct mpipc_join_args join = join_arg(group, MPIPC_SECONDARY);

	join.deadline = deadline;
	return do_ioctl(fd, MPIPC_JOIN, &join);
}

/* Send all the time, until the primary is said to be one that the secondary does not follow. */
struct follower {
	int fd;
	bool stop;
	int last;
	unsigned long sent;
};

static void *send_always(void *arg)
{
	struct follower *self = arg;
	int ret = 0;

	while (ret != -ESTALE && !__atomic_load_n(&self->stop, __ATOMIC_ACQUIRE)) {
		ret = send_msg(self->fd, MPIPC_TO_PRIMARY, "m", NULL, 0);
		self->sent += !ret;
	}
	self->last = ret;
	return NULL;
}

#define FOLLOWERS 3

TEST_F(join, follower_that_sends_never_has_the_wrong_primary)
{
	struct follower followers[FOLLOWERS] = { };
	pthread_t threads[FOLLOWERS];

	ASSERT_EQ(0, join_primary(self->fd, self->group));
	for (int i = 0; i < FOLLOWERS; i++) {
		followers[i].fd = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
		ASSERT_LE(0, followers[i].fd);
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, send_always, &followers[i]));
	}
	for (int i = 0; i < 5000; i++) {
		close(self->fd);
		self->fd = open_primary(self->group);
		ASSERT_LE(0, self->fd);
	}
	for (int i = 0; i < FOLLOWERS; i++) {
		__atomic_store_n(&followers[i].stop, true, __ATOMIC_RELEASE);
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_NE(-ESTALE, followers[i].last);
		EXPECT_LT(0, followers[i].sent);
		close(followers[i].fd);
	}
}

TEST_F(join, wait_for_a_group_ends_at_the_deadline)
{
	__u64 deadline = in_ms(30);
	struct mpipc_info info;

	EXPECT_EQ(-ETIMEDOUT, join_until(self->fd, self->group, deadline));
	EXPECT_LE(deadline, now_ns());
	ASSERT_EQ(0, get_info(self->fd, &info));
	EXPECT_EQ(MPIPC_NO_ROLE, info.role);
	EXPECT_EQ(-ENOENT, join_secondary(self->fd, self->group));
}

TEST_F(join, wait_for_the_next_primary_ends_at_the_deadline)
{
	int primary = open_primary(self->group);
	__u64 deadline;

	ASSERT_LE(0, primary);
	ASSERT_LE(0, open_secondary(self->group));
	ASSERT_EQ(0, leave(primary));
	deadline = in_ms(30);
	EXPECT_EQ(-ETIMEDOUT, join_until(self->fd, self->group, deadline));
	EXPECT_LE(deadline, now_ns());
}

TEST_F(join, deadline_that_has_passed_means_not_to_wait)
{
	EXPECT_EQ(-ETIMEDOUT, join_until(self->fd, self->group, 1));
	EXPECT_EQ(-ETIMEDOUT, join_until(self->fd, self->group, now_ns() - 1));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(0, join_until(self->fd, self->group, 1));
}

TEST_F(join, secondary_with_deadline_does_not_wait_for_a_primary_that_is_there)
{
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(0, join_until(self->fd, self->group, MPIPC_FOREVER));
}

/* Start a child that waits for the primary of a group and returns the result. */
static int start_waiter(struct child *waiter, const char *group)
{
	if (child_fork(waiter) < 0)
		return -errno;
	if (!waiter->pid) {
		int fd = open_dev();

		child_send(waiter, fd);
		_exit(-join_until(fd, group, MPIPC_FOREVER));
	}
	if (child_hear(waiter, NULL))
		return -ECHILD;
	return wait_asleep(waiter->pid);
}

TEST_F(join, all_that_wait_join_when_the_first_primary_comes)
{
	struct child waiter[3];

	for (size_t i = 0; i < ARRAY_SIZE(waiter); i++)
		ASSERT_EQ(0, start_waiter(&waiter[i], self->group));
	/* A secondary that waits makes no group. */
	EXPECT_EQ(-ENOENT, open_secondary(self->group));
	ASSERT_EQ(0, join_primary(self->fd, self->group));
	for (size_t i = 0; i < ARRAY_SIZE(waiter); i++)
		EXPECT_EQ(0, child_wait(&waiter[i]));
}

TEST_F(join, waiter_joins_when_the_next_primary_comes)
{
	int old = open_primary(self->group);
	struct child waiter;

	ASSERT_LE(0, old);
	ASSERT_LE(0, open_secondary(self->group));
	ASSERT_EQ(0, leave(old));
	ASSERT_EQ(0, start_waiter(&waiter, self->group));
	ASSERT_EQ(0, join_primary(self->fd, self->group));
	EXPECT_EQ(0, child_wait(&waiter));
}

TEST_F(join, waiter_whose_file_another_thread_joined_elsewhere_gets_eisconn)
{
	struct mpipc_join_args join = join_arg(self->group, MPIPC_SECONDARY);
	struct ioctl_thread waiter;
	char other[MPIPC_GROUP_MAX];

	group_name(other, "other");
	join.deadline = MPIPC_FOREVER;
	ASSERT_EQ(0, ioctl_thread_start(&waiter, self->fd, MPIPC_JOIN, &join));
	ASSERT_EQ(0, ioctl_thread_asleep(&waiter));
	ASSERT_EQ(0, join_primary(self->fd, other));
	/* The thread notices the other join when a primary comes. */
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(-EISCONN, ioctl_thread_join(&waiter));
}

TEST_F(join, waiter_is_not_woken_into_another_group)
{
	char other[MPIPC_GROUP_MAX];
	struct child waiter;

	group_name(other, "other");
	ASSERT_EQ(0, start_waiter(&waiter, self->group));
	ASSERT_LE(0, open_primary(other));
	EXPECT_EQ(0, waitpid(waiter.pid, NULL, WNOHANG));
	ASSERT_EQ(0, join_primary(self->fd, self->group));
	EXPECT_EQ(0, child_wait(&waiter));
}

TEST_F(join, who_waits_is_not_woken_for_other_groups)
{
	char other[MPIPC_GROUP_MAX];
	struct child waiter[3];
	long before[3];

	group_name(other, "other");
	for (size_t i = 0; i < ARRAY_SIZE(waiter); i++) {
		ASSERT_EQ(0, start_waiter(&waiter[i], self->group));
		before[i] = voluntary_switches(waiter[i].pid);
	}
	for (int n = 0; n < 20; n++) {
		ASSERT_EQ(0, join_and_close(other, 1));
		for (size_t i = 0; i < ARRAY_SIZE(waiter); i++)
			ASSERT_EQ(0, wait_asleep(waiter[i].pid));
	}
	/* A thread that is seen to fall asleep may not have been counted yet. */
	for (size_t i = 0; i < ARRAY_SIZE(waiter); i++)
		EXPECT_GE(before[i] + 1, voluntary_switches(waiter[i].pid));
	ASSERT_EQ(0, join_primary(self->fd, self->group));
	for (size_t i = 0; i < ARRAY_SIZE(waiter); i++)
		EXPECT_EQ(0, child_wait(&waiter[i]));
}

static void nothing(int signal)
{
	(void)signal;
}

TEST_F(join, signal_interrupts_the_wait)
{
	struct sigaction action = { .sa_handler = nothing };
	struct child waiter;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, start_waiter(&waiter, self->group));
	ASSERT_EQ(0, kill(waiter.pid, SIGUSR1));
	EXPECT_EQ(EINTR, child_wait(&waiter));
}

TEST_F(join, waiter_can_be_killed)
{
	struct child waiter;

	ASSERT_EQ(0, start_waiter(&waiter, self->group));
	EXPECT_EQ(128 + SIGKILL, child_kill(&waiter));
	/* Nothing that comes later counts the thread, either. */
	ASSERT_EQ(0, join_primary(self->fd, self->group));
	EXPECT_EQ(-EAGAIN, recv_msg(self->fd, &(struct mpipc_record){}, NULL, 0));
}

/* Permissions (permissions.c has more tests of them) */

/**
 * struct attempt - a join of a child
 * @fd: the file, opened by the parent: it is not the node's mode that is tested
 * @group: name of the group
 * @role: role in it
 * @deadline: how long to wait for a primary
 * @uid: user that join_as_user() becomes first
 * @gid: group likewise
 */
struct attempt {
	int fd;
	const char *group;
	enum mpipc_role role;
	__u64 deadline;
	uid_t uid;
	gid_t gid;
};

static int attempt_to_join(void *arg)
{
	struct attempt *attempt = arg;
	struct mpipc_join_args join = join_arg(attempt->group, attempt->role);

	join.deadline = attempt->deadline;
	return do_ioctl(attempt->fd, MPIPC_JOIN, &join);
}

static int join_as_user(void *arg)
{
	struct attempt *attempt = arg;

	become_user(attempt->uid, attempt->gid);
	return attempt_to_join(arg);
}

static int join_as(uid_t uid, gid_t gid, const char *group, enum mpipc_role role)
{
	struct attempt attempt = {
		.fd = open_dev(),
		.group = group,
		.role = role,
		.uid = uid,
		.gid = gid,
	};
	int ret = run_child(join_as_user, &attempt);

	close(attempt.fd);
	return ret;
}

/* Join as root, but for what @function changes about that. */
static int join_by(int (*function)(void *arg), const char *group, enum mpipc_role role)
{
	struct attempt attempt = { .fd = open_dev(), .group = group, .role = role };
	int ret = run_child(function, &attempt);

	close(attempt.fd);
	return ret;
}

/* Start a child of user OWNER that is primary of a group until the test ends the child. */
static int start_owner(struct child *owner, const char *group, __u32 mode)
{
	struct mpipc_join_args join = join_arg(group, MPIPC_PRIMARY);
	__u64 ret;

	join.mode = mode;
	if (child_fork(owner) < 0)
		return -errno;
	if (!owner->pid) {
		become_user(OWNER, OWNER_GROUP);
		child_send(owner, do_ioctl(open_dev(), MPIPC_JOIN, &join));
		child_hear(owner, NULL);
		_exit(0);
	}
	return child_hear(owner, &ret) ? -ECHILD : (int)ret;
}

static int join_without_capabilities(void *arg)
{
	return keep_capabilities(0) ?: attempt_to_join(arg);
}

/*
 * Start a group of OWNER that anybody may join and that has no primary, because @keeper
 * holds it.
 */
static int start_group_without_primary(struct child *keeper, const char *group)
{
	struct child owner;
	__u64 ret;
	int err = start_owner(&owner, group, 0666);

	if (err)
		return err;
	if (child_fork(keeper) < 0)
		return -errno;
	if (!keeper->pid) {
		child_send(keeper, open_secondary(group));
		child_hear(keeper, NULL);
		_exit(0);
	}
	if (child_hear(keeper, &ret))
		return -ECHILD;
	child_kill(&owner);
	return (int)ret < 0 ? (int)ret : 0;
}

/* Promise: P4 */
TEST_F(join, another_primary_than_the_owner_does_not_change_owner_and_mode)
{
	struct mpipc_join_args join = join_arg(self->group, MPIPC_PRIMARY);
	struct child keeper;

	ASSERT_EQ(0, start_group_without_primary(&keeper, self->group));
	join.mode = 0600;
	ASSERT_EQ(0, do_ioctl(self->fd, MPIPC_JOIN, &join));
	EXPECT_EQ(0, join_as(STRANGER, OTHER_GROUP, self->group, MPIPC_SECONDARY));
	ASSERT_EQ(0, leave(self->fd));
	EXPECT_EQ(0, join_as(OWNER, OWNER_GROUP, self->group, MPIPC_PRIMARY));
}

/* Promise: P4 */
TEST_F(join, who_may_not_join_may_not_wait)
{
	int old = open_primary(self->group);
	struct attempt attempt = {
		.fd = self->fd,
		.group = self->group,
		.role = MPIPC_SECONDARY,
		.deadline = MPIPC_FOREVER,
		.uid = STRANGER,
		.gid = OTHER_GROUP,
	};

	ASSERT_LE(0, old);
	ASSERT_LE(0, open_secondary(self->group));
	ASSERT_EQ(0, leave(old));
	EXPECT_EQ(-EACCES, run_child(join_as_user, &attempt));
}

/* Create a group with another file system uid than the effective one. */
static int create_with_fsuid(void *arg)
{
	struct attempt *attempt = arg;

	setfsgid(OWNER_GROUP);
	setfsuid(OWNER);
	if (join_primary(attempt->fd, attempt->group))
		return -EIO;
	setfsuid(0);
	return join_as(OWNER, OTHER_GROUP, attempt->group, MPIPC_SECONDARY);
}

static int join_with_fsuid(void *arg)
{
	setfsuid(OWNER);
	return join_without_capabilities(arg);
}

/* Promise: P4 */
TEST_F(join, file_system_uid_owns_and_joins)
{
	struct child owner;

	EXPECT_EQ(0, join_by(create_with_fsuid, self->group, MPIPC_SECONDARY));
	ASSERT_EQ(0, start_owner(&owner, self->group, 0600));
	EXPECT_EQ(0, join_by(join_with_fsuid, self->group, MPIPC_SECONDARY));
}

TEST_HARNESS_MAIN
