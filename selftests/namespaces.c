// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces: a group is in one network namespace, and who is who is told in the
 * terms of the one who asks.
 */
#include "kselftest_harness.h"
#include "util.h"

#define OUTER 3000	/* user outside that is root in the user namespaces here */
#define NEIGHBOUR 3001	/* user outside that is user 1 there */
#define OVERFLOW_ID 65534 /* of who has no number there */

FIXTURE(namespaces)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	struct mpipc_record record;
};

FIXTURE_SETUP(namespaces)
{
	struct mpipc_join join;

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

TEST_F(namespaces, group_is_not_there_in_another_network_namespace)
{
	struct mpipc_peers peers = { };
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		struct mpipc_join join = join_arg(self->group, MPIPC_PRIMARY);

		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		EXPECT_EQ(-ENOENT, open_secondary(self->group));
		/* One of the same name is another one. */
		EXPECT_EQ(0, do_ioctl(open_dev(), MPIPC_JOIN, &join));
		EXPECT_EQ(1, join.generation);
		EXPECT_LE(0, open_secondary(self->group));
		child_tell(&child, 0);
		child_hear(&child, NULL);
		_exit(!_metadata->passed);
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	/* Nobody in there is a member out here. */
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_PEERS, &peers));
	EXPECT_EQ(1, peers.n_peers);
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(-ENOENT, open_secondary(self->group));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(namespaces, opener_of_the_device_decides_on_the_namespace)
{
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int fd = open_dev();

		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		EXPECT_EQ(0, join_secondary(fd, self->group));
		EXPECT_EQ(0, send_msg(fd, MPIPC_TO_PRIMARY, "m", NULL, 0));
		_exit(!_metadata->passed);
	}
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
}

TEST_F(namespaces, waiter_is_not_woken_from_another_network_namespace)
{
	struct mpipc_join join = join_arg(self->group, MPIPC_SECONDARY);
	struct child child;

	ASSERT_EQ(0, leave(self->primary));
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		join.deadline = in_ms(50);
		child_tell(&child, 0);
		_exit(-do_ioctl(open_dev(), MPIPC_JOIN, &join));
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(ETIMEDOUT, child_wait(&child));
}

/* Process namespaces */

/* What the first process of a process namespace does, as told by its parent. */
static void first_process(struct child *child, const char *group, int result[2])
{
	struct mpipc_peer peers[4] = { };
	struct mpipc_peers arg = { .peers = to_u64(peers), .max_peers = 4 };
	struct mpipc_record record = { .pid = 77 };
	int fd = open_secondary(group);
	int err = send_msg(fd, MPIPC_TO_PRIMARY, "m", NULL, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	child_tell(child, endpoint_id(fd));
	err = err ?: recv_wait(fd, &record, NULL, 0);
	err = err ?: do_ioctl(fd, MPIPC_PEERS, &arg);
	/* The primary is out of sight; it itself is process 1. */
	for (__u32 i = 0; i < arg.n_peers; i++)
		if (peers[i].pid != (peers[i].role == MPIPC_PRIMARY ? 0 : 1))
			err = -ERANGE;
	if (getpid() != 1 || record.pid != 0)
		err = -ERANGE;
	if (write(result[1], &err, sizeof(err)) < 0)
		_exit(1);
	_exit(0);
}

TEST_F(namespaces, pid_is_that_in_the_receivers_namespace)
{
	struct child child;
	int result[2], err;
	__u64 id, pid;

	ASSERT_EQ(0, pipe2(result, O_CLOEXEC));
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		pid_t first;

		/* Its children are in the new namespace, itself is not. */
		if (unshare(CLONE_NEWPID))
			_exit(1);
		first = fork();
		if (!first)
			first_process(&child, self->group, result);
		child_hear(&child, NULL);
		child_tell(&child, first);
		waitpid(first, NULL, 0);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	child_tell(&child, 0);
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

static int write_map(pid_t pid, const char *file)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = dprintf(fd, "0 %d 1\n1 %d 1\n", OUTER, NEIGHBOUR) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/**
 * struct inside - files of a child in a new user namespace
 * @old: opened before it went there
 * @new: opened after that
 */
struct inside {
	int old;
	int new[3];
};

/*
 * Like fork(), but the child is root in a new user namespace. In the parent
 * -EINVAL if the kernel has none, and -ENOSPC if it may not have more.
 */
static pid_t fork_in_user_ns(struct child *child, int flags, struct inside *in)
{
	__u64 err;

	if (child_fork(child) < 0)
		return -errno;
	if (!child->pid) {
		in->old = open_dev();
		err = unshare(CLONE_NEWUSER | flags) ? errno : 0;
		/* It is still the user that owns the node. */
		for (size_t i = 0; i < ARRAY_SIZE(in->new); i++)
			in->new[i] = open_dev();
		child_tell(child, err);
		if (child_hear(child, &err) || err ||
		    setresgid(0, 0, 0) || setresuid(0, 0, 0))
			_exit(1);
		return 0;
	}
	if (child_hear(child, &err))
		return -ECHILD;
	if (!err)
		err = -(write_map(child->pid, "uid_map") ?:
			write_map(child->pid, "gid_map"));
	child_tell(child, err);
	if (!err)
		return child->pid;
	child_wait(child);
	return -(pid_t)err;
}

#define SKIP_WITHOUT_USER_NS(pid) do {					\
	if ((pid) == -EINVAL || (pid) == -ENOSPC)			\
		SKIP(return, "no user namespaces on this machine");	\
	ASSERT_LE(0, pid);						\
} while (0)

TEST_F(namespaces, uid_is_that_in_the_receivers_namespace)
{
	union {
		struct mpipc_record record;
		char raw[1024];
	} buf;
	struct child child;
	struct inside in;
	__u64 id;
	pid_t pid = fork_in_user_ns(&child, 0, &in);

	if (!pid) {
		EXPECT_EQ(0, join_secondary(in.old, self->group));
		EXPECT_EQ(0, send_msg(in.old, MPIPC_TO_PRIMARY, "m", NULL, 0));
		child_tell(&child, endpoint_id(in.old));
		/* Root out there has no number in here. */
		EXPECT_EQ(0, recv_wait(in.old, &self->record, NULL, 0));
		EXPECT_EQ(OVERFLOW_ID, self->record.uid);
		EXPECT_EQ(OVERFLOW_ID, self->record.gid);
		EXPECT_EQ(sizeof(self->record), read(in.old, &buf, sizeof(buf)));
		EXPECT_EQ(OVERFLOW_ID, buf.record.uid);
		_exit(!_metadata->passed);
	}
	SKIP_WITHOUT_USER_NS(pid);
	ASSERT_EQ(0, child_hear(&child, &id));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(OUTER, self->record.uid);
	EXPECT_EQ(OUTER, self->record.gid);
	ASSERT_EQ(0, send_msg(self->primary, id, "m", NULL, 0));
	ASSERT_EQ(0, send_msg(self->primary, id, "m", NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(namespaces, peers_are_told_in_the_callers_terms)
{
	struct mpipc_peer peers[4] = { };
	struct mpipc_peers arg = { .peers = to_u64(peers), .max_peers = 4 };
	struct child child;
	struct inside in;
	pid_t pid = fork_in_user_ns(&child, 0, &in);

	if (!pid) {
		EXPECT_EQ(0, join_secondary(in.old, self->group));
		EXPECT_EQ(0, do_ioctl(in.old, MPIPC_PEERS, &arg));
		EXPECT_EQ(2, arg.n_peers);
		for (int i = 0; i < 2; i++)
			EXPECT_EQ(peers[i].role == MPIPC_PRIMARY ? OVERFLOW_ID : 0,
				  peers[i].uid);
		_exit(!_metadata->passed);
	}
	SKIP_WITHOUT_USER_NS(pid);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(namespaces, root_of_a_user_namespace_is_nobody_in_a_network_it_does_not_own)
{
	char private[MPIPC_GROUP_MAX];
	struct child child;
	struct inside in;
	pid_t pid;

	group_name(private, "private");
	ASSERT_LE(0, open_primary(private));
	pid = fork_in_user_ns(&child, 0, &in);
	if (!pid) {
		/* It has CAP_IPC_OWNER, but not over this. */
		EXPECT_EQ(-EACCES, join_secondary(in.old, private));
		EXPECT_EQ(-EACCES, join_secondary(in.new[0], private));
		/* Its own user may what that may out there. */
		EXPECT_EQ(0, join_secondary(in.old, self->group));
		_exit(!_metadata->passed);
	}
	SKIP_WITHOUT_USER_NS(pid);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(namespaces, new_network_does_not_help_with_the_old_one)
{
	char private[MPIPC_GROUP_MAX];
	struct child child;
	struct inside in;
	pid_t pid;

	group_name(private, "private");
	ASSERT_LE(0, open_primary(private));
	pid = fork_in_user_ns(&child, CLONE_NEWNET, &in);
	if (!pid) {
		EXPECT_EQ(-EACCES, join_secondary(in.old, private));
		EXPECT_EQ(-ENOENT, join_secondary(in.new[0], private));
		_exit(!_metadata->passed);
	}
	SKIP_WITHOUT_USER_NS(pid);
	EXPECT_EQ(0, child_wait(&child));
}

/* As user 1 of the namespace: a group for itself, for as long as @line lives. */
static void keep_private_group(const struct child *line, int fd, const char *group)
{
	if (setresgid(1, 1, 1) || setresuid(1, 1, 1))
		_exit(1);
	child_tell(line, join_primary(fd, group));
	child_hear(line, NULL);
	_exit(0);
}

TEST_F(namespaces, root_of_a_user_namespace_may_join_all_groups_in_its_network)
{
	struct child child, neighbour;
	struct inside in;
	__u64 ret;
	pid_t pid = fork_in_user_ns(&child, CLONE_NEWNET, &in);

	if (!pid) {
		ASSERT_LE(0, child_fork(&neighbour));
		if (!neighbour.pid)
			keep_private_group(&neighbour, in.new[0], self->group);
		ASSERT_EQ(0, child_hear(&neighbour, &ret));
		ASSERT_EQ(0, (int)ret);
		EXPECT_EQ(0, join_secondary(in.new[1], self->group));
		/* By its capability, not by its number. */
		ASSERT_EQ(0, keep_capabilities(0));
		EXPECT_EQ(-EACCES, join_secondary(in.new[2], self->group));
		_exit(!_metadata->passed);
	}
	SKIP_WITHOUT_USER_NS(pid);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_HARNESS_MAIN
