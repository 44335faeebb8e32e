// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of namespaces: a group is in one network namespace, and ids and times are translated
 * for whoever asks.
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "message.h"
#include "user.h"
#include "wait.h"

/* The C library of some systems has no CLONE_NEWTIME. */
#include <linux/sched.h>

#define OVERFLOW_ID 65534 /* the number of users that have none here */

/*
 * Find an endpoint in /proc/net/mpipc as this process sees it; return false if it is not
 * there.
 */
static bool find_listed(__u64 id, struct mpipc_peer *peer)
{
	FILE *file = fopen("/proc/net/mpipc", "re");
	unsigned long long listed;
	bool found = false;
	char line[512];

	while (!found && file && fgets(line, sizeof(line), file))
		found = sscanf(line, "endpoint %llu %*s %*u %u %u %u", &listed, &peer->pid,
			       &peer->uid, &peer->gid) == 4 && listed == id;
	if (file)
		fclose(file);
	return found;
}

FIXTURE(namespaces)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	struct mpipc_record record;
};

FIXTURE_SETUP(namespaces)
{
	struct mpipc_join_args join;

	group_name(self->group, _metadata->name);
	join = join_arg(self->group, MPIPC_PRIMARY);
	join.mode = 0666;
	self->primary = open_dev();
	ASSERT_LE(0, self->primary);
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_JOIN, &join));
}

FIXTURE_TEARDOWN(namespaces)
{
	close(self->primary);
}

/* Network namespaces */

/* Promise: P5 */
TEST_F(namespaces, group_is_not_there_in_another_network_namespace)
{
	struct mpipc_peers_args peers = { };
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		struct mpipc_join_args join = join_arg(self->group, MPIPC_PRIMARY);

		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		EXPECT_EQ(-ENOENT, open_secondary(self->group));
		/* A group of the same name is another group. */
		EXPECT_EQ(0, do_ioctl(open_dev(), MPIPC_JOIN, &join));
		EXPECT_EQ(1, join.generation);
		EXPECT_LE(0, open_secondary(self->group));
		child_send(&child, 0);
		child_hear(&child, NULL);
		_exit(!test_passed(_metadata));
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	/* Nobody in the namespace is a member outside of it. */
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_PEERS, &peers));
	EXPECT_EQ(1, peers.n_peers);
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(-ENOENT, open_secondary(self->group));
	EXPECT_EQ(0, child_wait(&child));
}

/* Promise: P5 */
TEST_F(namespaces, opener_of_the_device_decides_on_the_namespace)
{
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int fd = open_dev();

		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		EXPECT_EQ(0, join_secondary(fd, self->group));
		EXPECT_EQ(0, send_msg(fd, MPIPC_TO_PRIMARY, "m", NULL, 0));
		_exit(!test_passed(_metadata));
	}
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
}

/* Promise: P5 */
TEST_F(namespaces, waiter_is_not_woken_from_another_network_namespace)
{
	struct mpipc_join_args join = join_arg(self->group, MPIPC_SECONDARY);
	struct child child;

	ASSERT_EQ(0, leave(self->primary));
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		join.deadline = in_ms(50);
		child_send(&child, 0);
		_exit(-do_ioctl(open_dev(), MPIPC_JOIN, &join));
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(ETIMEDOUT, child_wait(&child));
}

/* Process namespaces */

/* Be the first process of a process namespace, which reports to its parent at each step. */
static void first_process(struct child *child, const char *group, int result[2])
{
	struct mpipc_peer peers[4] = { };
	struct mpipc_peers_args arg = {
		.peers = to_u64(peers),
		.max_peers = 4,
		.peer_size = sizeof(*peers),
	};
	struct mpipc_record record = { .pid = 77 };
	int fd = open_secondary(group);
	int err = send_msg(fd, MPIPC_TO_PRIMARY, "m", NULL, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	child_send(child, endpoint_id(fd));
	err = err ?: recv_wait(fd, &record, NULL, 0);
	err = err ?: do_ioctl(fd, MPIPC_PEERS, &arg);
	/* The primary is out of sight, and the secondary itself is process 1. */
	for (__u32 i = 0; i < arg.n_peers; i++) {
		const __u32 expected = peers[i].role == MPIPC_PRIMARY ? 0 : 1;
		struct mpipc_peer listed;

		if (peers[i].pid != expected || !find_listed(peers[i].id, &listed) ||
		    listed.pid != expected)
			err = -ERANGE;
	}
	if (getpid() != 1 || record.pid != 0)
		err = -ERANGE;
	if (write(result[1], &err, sizeof(err)) < 0)
		_exit(1);
	_exit(0);
}

/* Promise: P6 */
TEST_F(namespaces, pid_is_that_in_the_receivers_namespace)
{
	struct child child;
	int result[2], err;
	__u64 id, pid;

	ASSERT_EQ(0, pipe2(result, O_CLOEXEC));
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		pid_t first;

		/* Only the children of this process are in the new namespace. */
		if (unshare(CLONE_NEWPID))
			_exit(1);
		first = fork();
		if (!first)
			first_process(&child, self->group, result);
		child_hear(&child, NULL);
		child_send(&child, first);
		waitpid(first, NULL, 0);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	child_send(&child, 0);
	ASSERT_EQ(0, child_hear(&child, &pid));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(id, self->record.peer);
	EXPECT_LT(1, pid);
	EXPECT_EQ(pid, self->record.pid);
	ASSERT_EQ(0, send_msg(self->primary, id, "m", NULL, 0));
	ASSERT_EQ(sizeof(err), read(result[0], &err, sizeof(err)));
	EXPECT_EQ(0, err);
	EXPECT_EQ(0, child_wait(&child));
}

/* User namespaces */

static void nothing(void *arg)
{
	(void)arg;
}

/* Promise: P6 */
TEST_F(namespaces, uid_is_that_in_the_receivers_namespace)
{
	union {
		struct mpipc_record record;
		char raw[1024];
	} buf;
	struct child child;
	__u64 id;
	int fd = open_dev();
	pid_t pid = fork_in_user_ns(&child, 0, nothing, NULL);

	if (!pid) {
		EXPECT_EQ(0, join_secondary(fd, self->group));
		EXPECT_EQ(0, send_msg(fd, MPIPC_TO_PRIMARY, "m", NULL, 0));
		child_send(&child, endpoint_id(fd));
		/* Root outside has no number in the namespace. */
		EXPECT_EQ(0, recv_wait(fd, &self->record, NULL, 0));
		EXPECT_EQ(OVERFLOW_ID, self->record.uid);
		EXPECT_EQ(OVERFLOW_ID, self->record.gid);
		EXPECT_EQ(sizeof(self->record), read(fd, &buf, sizeof(buf)));
		EXPECT_EQ(OVERFLOW_ID, buf.record.uid);
		_exit(!test_passed(_metadata));
	}
	ASSERT_LE(0, pid);
	ASSERT_EQ(0, child_hear(&child, &id));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(USER_NS_ROOT, self->record.uid);
	EXPECT_EQ(USER_NS_ROOT, self->record.gid);
	ASSERT_EQ(0, send_msg(self->primary, id, "m", NULL, 0));
	ASSERT_EQ(0, send_msg(self->primary, id, "m", NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

/* Promise: P6 */
TEST_F(namespaces, peers_and_listing_are_in_the_callers_terms)
{
	struct mpipc_peer peers[4] = { };
	struct mpipc_peers_args arg = {
		.peers = to_u64(peers),
		.max_peers = 4,
		.peer_size = sizeof(*peers),
	};
	struct child child;
	int fd = open_dev();
	pid_t pid = fork_in_user_ns(&child, 0, nothing, NULL);

	if (!pid) {
		EXPECT_EQ(0, join_secondary(fd, self->group));
		EXPECT_EQ(0, do_ioctl(fd, MPIPC_PEERS, &arg));
		EXPECT_EQ(2, arg.n_peers);
		for (int i = 0; i < 2; i++) {
			const __u32 id = peers[i].role == MPIPC_PRIMARY ? OVERFLOW_ID : 0;
			struct mpipc_peer listed;

			EXPECT_EQ(id, peers[i].uid);
			EXPECT_EQ(id, peers[i].gid);
			ASSERT_TRUE(find_listed(peers[i].id, &listed));
			EXPECT_EQ(id, listed.uid);
			EXPECT_EQ(id, listed.gid);
		}
		_exit(!test_passed(_metadata));
	}
	ASSERT_LE(0, pid);
	EXPECT_EQ(0, child_wait(&child));
}

/* Time namespaces */

#define SEC 1000000000LL

/*
 * Fork a child as child_fork() does, whose clock is so many seconds ahead of this
 * process's.
 */
static pid_t fork_in_time_ns(struct child *child, int seconds)
{
	int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	pid_t pid = -ENOSYS;

	if (fd >= 0 && !unshare(CLONE_NEWTIME) &&
	    dprintf(fd, "monotonic %d 0\n", seconds) > 0)
		pid = child_fork(child);
	close(fd);
	return pid;
}

FIXTURE(time)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	struct child child;
};

FIXTURE_VARIANT(time)
{
	int seconds;		/* the clock of the child is so much ahead */
};

FIXTURE_VARIANT_ADD(time, later)
{
	.seconds = 1000,
};

FIXTURE_VARIANT_ADD(time, earlier)
{
	.seconds = -1,
};

static bool has_time_namespaces(void)
{
	return !access("/proc/self/ns/time", F_OK);
}

FIXTURE_SETUP(time)
{
	/* The test itself is skipped. */
	if (!has_time_namespaces())
		return;
	group_name(self->group, "time");
	self->primary = open_primary(self->group);
	ASSERT_LE(0, self->primary);
	ASSERT_LE(0, fork_in_time_ns(&self->child, variant->seconds));
}

FIXTURE_TEARDOWN(time)
{
	if (!has_time_namespaces())
		return;
	EXPECT_EQ(0, child_wait(&self->child));
	close(self->primary);
}

/* Return what came of waiting, or -ERANGE if that took less time than it had to. */
static int until_deadline(int fd, unsigned long cmd, void *arg, __u64 *deadline)
{
	int err;

	*deadline = in_ms(30);
	err = do_ioctl(fd, cmd, arg);
	return now_ns() < *deadline ? -ERANGE : err;
}

TEST_F(time, deadlines_are_in_the_time_namespace_of_who_waits)
{
	char none[MPIPC_GROUP_MAX];

	if (!has_time_namespaces())
		SKIP(return, "this kernel has no time namespaces");
	group_name(none, "none");
	if (!self->child.pid) {
		struct mpipc_join_args join = join_arg(none, MPIPC_SECONDARY);
		struct mpipc_record result = { };
		struct mpipc_call_args call =
			call_arg(MPIPC_TO_PRIMARY, "c", NULL, 0, &result, 1);
		struct mpipc_recv_args recv = { };
		struct mpipc_send_args send = {
			.to = MPIPC_TO_PRIMARY,
			.body = make_body("m", NULL, 0, NULL, 0),
		};
		int fd = open_secondary(self->group), err;

		EXPECT_EQ(-ETIMEDOUT,
			  until_deadline(open_dev(), MPIPC_JOIN, &join, &join.deadline));
		EXPECT_EQ(-ETIMEDOUT, until_deadline(fd, MPIPC_RECV, &recv, &recv.deadline));
		EXPECT_EQ(0, until_deadline(fd, MPIPC_CALL, &call, &call.deadline));
		EXPECT_EQ(-ETIMEDOUT, result.status);
		do {
			err = do_ioctl(fd, MPIPC_SEND, &send);
		} while (!err);
		EXPECT_EQ(-EAGAIN, err);
		EXPECT_EQ(-ETIMEDOUT, until_deadline(fd, MPIPC_SEND, &send, &send.deadline));
		_exit(!test_passed(_metadata));
	}
}

TEST_F(time, records_are_in_the_time_namespace_of_the_receiver)
{
	const __u64 ahead = variant->seconds * SEC, deadline = in_ms(1000000);
	struct mpipc_record record;
	__u64 id, before, after;

	if (!has_time_namespaces())
		SKIP(return, "this kernel has no time namespaces");
	if (!self->child.pid) {
		int fd = open_secondary(self->group);

		child_send(&self->child, endpoint_id(fd));
		for (int i = 0; i < 2; i++) {
			EXPECT_EQ(0, recv_wait(fd, &record, NULL, 0));
			EXPECT_EQ(MPIPC_REQUEST, record.type);
			child_send(&self->child, record.deadline);
			EXPECT_GE(now_ns(), record.stamp);
			child_send(&self->child, record.stamp);
		}
		_exit(!test_passed(_metadata));
	}
	ASSERT_EQ(0, child_hear(&self->child, &id));
	before = now_ns();
	ASSERT_EQ(0, call_async(self->primary, id, "c", 0, deadline, NULL));
	after = now_ns();
	ASSERT_EQ(0, child_hear(&self->child, &record.deadline));
	EXPECT_EQ(deadline + ahead, record.deadline);
	ASSERT_EQ(0, child_hear(&self->child, &record.stamp));
	EXPECT_LE(before, record.stamp - ahead);
	EXPECT_GE(after, record.stamp - ahead);
	/* A deadline that never comes is the same everywhere. */
	ASSERT_EQ(0, call_async(self->primary, id, "c", 0, MPIPC_FOREVER, NULL));
	ASSERT_EQ(0, child_hear(&self->child, &record.deadline));
	EXPECT_EQ(MPIPC_FOREVER, record.deadline);
	ASSERT_EQ(0, child_hear(&self->child, NULL));
}

TEST_HARNESS_MAIN
