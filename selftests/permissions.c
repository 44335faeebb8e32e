// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of who may join which group: whoever may open a file of the same owner, group and
 * mode for reading and writing. Only the owner may be primary. CAP_IPC_OWNER over the
 * network namespace overrides both.
 *
 * The tests have a group of each mode there is, and a file to compare it with.
 *
 * Promise: P4
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "user.h"

#include <sys/stat.h>

#define OWNER USER_NS_OTHER
#define OWNER_GROUP USER_NS_OTHER
#define STRANGER USER_NS_ROOT
#define OTHER_GROUP USER_NS_ROOT
#define ROOT 0
#define MODES 64

/* Return a mode that allows reading and writing to some of the three classes. */
static unsigned int mode_number(unsigned int i)
{
	return (i >> 4 & 3) << 7 | (i >> 2 & 3) << 4 | (i & 3) << 1;
}

/* There are two groups of each mode: one has a primary, the other has none. */
enum { SERVED, VACANT, KINDS };

static const enum mpipc_role role_in[KINDS] = { MPIPC_SECONDARY, MPIPC_PRIMARY };

/**
 * struct files - open files of the device, none of which has joined yet
 * @fd: a descriptor for each group
 */
struct files {
	int fd[KINDS][MODES];
};

FIXTURE(permissions)
{
	char group[MPIPC_GROUP_MAX];
	char dir[32];
	struct child owner;
	struct files owners;
	struct files keepers;
};

static void open_files(struct files *files)
{
	for (int kind = 0; kind < KINDS; kind++)
		for (int i = 0; i < MODES; i++)
			files->fd[kind][i] = open_dev();
}

static void close_files(struct files *files)
{
	for (int kind = 0; kind < KINDS; kind++)
		for (int i = 0; i < MODES; i++)
			close(files->fd[kind][i]);
}

static struct mpipc_join_args join_of(FIXTURE_DATA(permissions) *self, int kind, int i,
				      enum mpipc_role role)
{
	struct mpipc_join_args join = join_arg("", role);

	snprintf(join.group, sizeof(join.group), "%.64s.%d.%d", self->group, kind, i);
	return join;
}

/* Make files, about whose permissions the kernel itself decides. */
static int make_files(FIXTURE_DATA(permissions) *self)
{
	char path[64];

	for (int i = 0; i < MODES; i++) {
		/* A group without a mode has the usual one. */
		unsigned int mode = mode_number(i) ?: 0600;
		int fd;

		snprintf(path, sizeof(path), "%s/%d", self->dir, i);
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0 || fchown(fd, OWNER, OWNER_GROUP) || fchmod(fd, mode))
			return -errno;
		close(fd);
	}
	return 0;
}

static int open_file(FIXTURE_DATA(permissions) *self, int i)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%d", self->dir, i);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Make the groups as the owner, and keep those that are SERVED. */
static void owner_main(FIXTURE_DATA(permissions) *self)
{
	int err = 0;

	for (int kind = 0; kind < KINDS; kind++) {
		for (int i = 0; i < MODES && !err; i++) {
			struct mpipc_join_args join = join_of(self, kind, i, MPIPC_PRIMARY);

			join.mode = mode_number(i);
			err = do_ioctl(self->owners.fd[kind][i], MPIPC_JOIN, &join);
		}
	}
	child_send(&self->owner, err);
	child_hear(&self->owner, NULL);
	for (int i = 0; i < MODES && !err; i++)
		err = leave(self->owners.fd[VACANT][i]);
	child_send(&self->owner, err);
	child_hear(&self->owner, NULL);
	_exit(0);
}

/* Keep the VACANT groups as somebody who may join all of them. */
static int keep_groups(FIXTURE_DATA(permissions) *self)
{
	__u64 err;

	if (child_hear(&self->owner, &err) || err)
		return -ECHILD;
	for (int i = 0; i < MODES; i++) {
		struct mpipc_join_args join = join_of(self, VACANT, i, MPIPC_SECONDARY);

		if (do_ioctl(self->keepers.fd[VACANT][i], MPIPC_JOIN, &join))
			return -errno;
	}
	if (child_send(&self->owner, 0) || child_hear(&self->owner, &err) || err)
		return -ECHILD;
	return 0;
}

FIXTURE_SETUP(permissions)
{
	group_name(self->group, _metadata->name);
	snprintf(self->dir, sizeof(self->dir), "/tmp/mpipc-modes.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, chmod(self->dir, 0755));
	ASSERT_EQ(0, make_files(self));
}

FIXTURE_TEARDOWN(permissions)
{
	char path[64];

	for (int i = 0; i < MODES; i++) {
		snprintf(path, sizeof(path), "%s/%d", self->dir, i);
		EXPECT_EQ(0, unlink(path));
	}
	EXPECT_EQ(0, rmdir(self->dir));
}

/**
 * struct who - somebody who tries
 * @name: for the log
 * @uid: user, in the user namespace that it is in
 * @gid: group
 * @extra: supplementary group, or 0
 * @capabilities: its capabilities
 * @owns: it is the owner
 * @overrides: by CAP_IPC_OWNER over the network namespace
 */
struct who {
	const char *name;
	uid_t uid;
	gid_t gid;
	gid_t extra;
	__u64 capabilities;
	bool owns;
	bool overrides;
};

static int become(const struct who *who)
{
	return become_with(who->uid, who->gid, who->extra, who->capabilities);
}

static int expected(FIXTURE_DATA(permissions) *self, const struct who *who, int kind, int i)
{
	if (who->overrides)
		return 0;
	if (role_in[kind] == MPIPC_PRIMARY && !who->owns)
		return -EACCES;
	return open_file(self, i);
}

/* Try all groups, each in the role that is free. */
static void try_all(struct __test_metadata *_metadata, FIXTURE_DATA(permissions) *self,
		    const struct who *who, struct files *files)
{
	for (int kind = 0; kind < KINDS; kind++) {
		for (int i = 0; i < MODES; i++) {
			struct mpipc_join_args join = join_of(self, kind, i, role_in[kind]);
			int fd = files->fd[kind][i];

			EXPECT_EQ(expected(self, who, kind, i),
				  do_ioctl(fd, MPIPC_JOIN, &join))
				TH_LOG("%s as %s, mode %#o", who->name,
				       kind == VACANT ? "primary" : "secondary",
				       mode_number(i));
		}
	}
}

/* Have a child become somebody and try. */
static void try_as(struct __test_metadata *_metadata, FIXTURE_DATA(permissions) *self,
		   const struct who *who)
{
	struct files files;
	struct child child;

	open_files(&files);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		EXPECT_EQ(0, become(who)) TH_LOG("%s", who->name);
		try_all(_metadata, self, who, &files);
		_exit(!test_passed(_metadata));
	}
	EXPECT_EQ(0, child_wait(&child));
	close_files(&files);
}

/* Make the groups in the network namespace of this process. */
static void make_groups(struct __test_metadata *_metadata, FIXTURE_DATA(permissions) *self)
{
	const struct who owner = { .uid = OWNER, .gid = OWNER_GROUP };

	open_files(&self->owners);
	open_files(&self->keepers);
	ASSERT_LE(0, child_fork(&self->owner));
	if (!self->owner.pid) {
		EXPECT_EQ(0, become(&owner));
		owner_main(self);
	}
	ASSERT_EQ(0, keep_groups(self));
}

TEST_F(permissions, join_as_a_file_is_opened_for_reading_and_writing)
{
	static const struct who people[] = {
		{ .name = "owner", .uid = OWNER, .gid = OTHER_GROUP, .owns = true },
		{ .name = "owner in the group", .uid = OWNER, .gid = OWNER_GROUP,
		  .owns = true },
		{ .name = "member", .uid = STRANGER, .gid = OWNER_GROUP },
		{ .name = "supplementary member", .uid = STRANGER, .gid = OTHER_GROUP,
		  .extra = OWNER_GROUP },
		{ .name = "stranger", .uid = STRANGER, .gid = OTHER_GROUP },
		{ .name = "root without capabilities", .uid = ROOT, .gid = ROOT },
		{ .name = "stranger with CAP_IPC_OWNER", .uid = STRANGER, .gid = OTHER_GROUP,
		  .capabilities = 1ULL << CAP_IPC_OWNER, .overrides = true },
		/*
		 * None of these capabilities is for IPC, and files do not look at them
		 * either.
		 */
		{ .name = "stranger with other capabilities", .uid = STRANGER,
		  .gid = OTHER_GROUP, .capabilities = 1ULL << CAP_SYS_ADMIN |
		  1ULL << CAP_NET_ADMIN | 1ULL << CAP_SYS_RESOURCE },
	};

	make_groups(_metadata, self);
	for (size_t i = 0; i < ARRAY_SIZE(people); i++)
		try_as(_metadata, self, &people[i]);
	EXPECT_EQ(0, child_wait(&self->owner));
}

static void open_files_inside(void *files)
{
	open_files(files);
}

TEST_F(permissions, root_of_a_user_namespace_is_an_ordinary_user_outside)
{
	static const struct who people[] = {
		{ .name = "stranger that is root there", .uid = 0, .gid = 0,
		  .capabilities = 1ULL << CAP_IPC_OWNER },
		{ .name = "owner in there", .uid = 1, .gid = 0, .owns = true },
		{ .name = "owner in there with CAP_IPC_OWNER", .uid = 1, .gid = 1,
		  .capabilities = 1ULL << CAP_IPC_OWNER, .owns = true },
		{ .name = "member in there", .uid = 0, .gid = 1 },
		{ .name = "supplementary member in there", .uid = 0, .gid = 0, .extra = 1,
		  .capabilities = 1ULL << CAP_IPC_OWNER },
	};

	make_groups(_metadata, self);
	/* A child opens the device from the network outside, or was given the file. */
	for (size_t i = 0; i < 2 * ARRAY_SIZE(people); i++) {
		const struct who *who = &people[i / 2];
		struct files outside, inside;
		struct child child;
		pid_t pid;

		open_files(&outside);
		pid = fork_in_user_ns(&child, i % 2 ? CLONE_NEWNET : 0, open_files_inside,
				      &inside);
		ASSERT_LE(0, pid);
		if (!pid) {
			EXPECT_EQ(0, become(who)) TH_LOG("%s", who->name);
			try_all(_metadata, self, who, i % 2 ? &outside : &inside);
			_exit(!test_passed(_metadata));
		}
		EXPECT_EQ(0, child_wait(&child));
		close_files(&outside);
	}
	EXPECT_EQ(0, child_wait(&self->owner));
}

/* Run the groups, and those who try, in a user namespace. */
static void be_inside(struct __test_metadata *_metadata, FIXTURE_DATA(permissions) *self,
		      struct files *files, struct child *line)
{
	const struct who owner = { .uid = 1, .gid = 1 };
	static const struct who people[] = {
		{ .name = "root there", .capabilities = 1ULL << CAP_IPC_OWNER,
		  .overrides = true },
		{ .name = "root there without capabilities" },
		{ .name = "member there", .gid = 1 },
		{ .name = "owner there", .uid = 1, .owns = true },
	};
	struct child child;

	ASSERT_LE(0, child_fork(&self->owner));
	if (!self->owner.pid) {
		EXPECT_EQ(0, become(&owner));
		owner_main(self);
	}
	ASSERT_EQ(0, keep_groups(self));
	for (size_t i = 0; i < ARRAY_SIZE(people); i++) {
		ASSERT_LE(0, child_fork(&child));
		if (!child.pid) {
			EXPECT_EQ(0, become(&people[i])) TH_LOG("%s", people[i].name);
			try_all(_metadata, self, &people[i], &files[i]);
			_exit(!test_passed(_metadata));
		}
		EXPECT_EQ(0, child_wait(&child));
	}
	child_send(line, test_passed(_metadata));
	child_hear(line, NULL);
}

/**
 * struct world - what is opened in the network of a user namespace
 * @self: the test, with the files of its groups
 * @files: files of the processes that try there
 */
struct world {
	FIXTURE_DATA(permissions) *self;
	struct files files[4];
};

static void open_world(void *arg)
{
	struct world *world = arg;

	open_files(&world->self->owners);
	open_files(&world->self->keepers);
	for (size_t i = 0; i < ARRAY_SIZE(world->files); i++)
		open_files(&world->files[i]);
}

TEST_F(permissions, capability_is_over_the_network_namespace)
{
	static const struct who people[] = {
		{ .name = "root outside", .capabilities = 1ULL << CAP_IPC_OWNER,
		  .overrides = true },
		/*
		 * Root outside made the user namespace, and therefore has all capabilities
		 * in it.
		 */
		{ .name = "root outside without capabilities", .overrides = true },
		{ .name = "stranger outside", .uid = STRANGER, .gid = OTHER_GROUP },
		{ .name = "member outside", .uid = STRANGER, .gid = OWNER_GROUP },
		{ .name = "owner outside", .uid = OWNER, .gid = OTHER_GROUP, .owns = true },
		{ .name = "stranger outside with CAP_IPC_OWNER", .uid = STRANGER,
		  .gid = OTHER_GROUP, .capabilities = 1ULL << CAP_IPC_OWNER,
		  .overrides = true },
	};
	struct world world = { .self = self };
	struct child inside;
	char path[64];
	__u64 passed;
	pid_t pid;
	int net;

	pid = fork_in_user_ns(&inside, CLONE_NEWNET, open_world, &world);
	ASSERT_LE(0, pid);
	if (!pid) {
		be_inside(_metadata, self, world.files, &inside);
		_exit(!test_passed(_metadata));
	}
	ASSERT_EQ(0, child_hear(&inside, &passed));
	EXPECT_EQ(1, passed);

	/* Try from outside, too, with files that were opened in that network. */
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)inside.pid);
	net = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, net);
	ASSERT_EQ(0, setns(net, CLONE_NEWNET));
	for (size_t i = 0; i < ARRAY_SIZE(people); i++)
		try_as(_metadata, self, &people[i]);
	EXPECT_EQ(0, child_wait(&inside));
}

/* Promise: P5 */
TEST_F(permissions, group_cannot_be_joined_from_another_network_namespace)
{
	struct files files;

	make_groups(_metadata, self);
	/* This process has all capabilities that there are. */
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	open_files(&files);
	for (int i = 0; i < MODES; i++) {
		struct mpipc_join_args join = join_of(self, SERVED, i, MPIPC_SECONDARY);

		EXPECT_EQ(-ENOENT, do_ioctl(files.fd[SERVED][i], MPIPC_JOIN, &join));
		/* A group of that name is another group. */
		join.role = MPIPC_PRIMARY;
		EXPECT_EQ(0, do_ioctl(files.fd[SERVED][i], MPIPC_JOIN, &join));
		EXPECT_EQ(1, join.generation);
	}
	EXPECT_EQ(0, child_wait(&self->owner));
}

static int join_as_stranger(void *group)
{
	int fd;

	become_user(STRANGER, OTHER_GROUP);
	fd = open_secondary(group);
	return fd < 0 ? fd : 0;
}

TEST(owner_can_set_another_mode_when_it_is_the_next_primary)
{
	static const unsigned int modes[] = { 0666, 0600, 0606, 0 };
	static const unsigned int in_force[] = { 0666, 0600, 0606, 0606 };
	char group[MPIPC_GROUP_MAX];
	struct mpipc_join_args join;
	struct mpipc_peers_args peers = { };
	int member = -1, primary;

	group_name(group, "mode");
	join = join_arg(group, MPIPC_PRIMARY);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		primary = open_dev();
		join.mode = modes[i];
		ASSERT_EQ(0, do_ioctl(primary, MPIPC_JOIN, &join));
		EXPECT_EQ(i + 1, join.generation);
		if (!i)
			member = open_joined(group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
		EXPECT_EQ(in_force[i], join.mode);
		EXPECT_EQ(in_force[i] & 06 ? 0 : -EACCES, run_child(join_as_stranger, group));
		/* The member stays one. */
		ASSERT_EQ(0, do_ioctl(member, MPIPC_PEERS, &peers));
		EXPECT_EQ(2, peers.n_peers);
		ASSERT_EQ(0, close(primary));
	}
	close(member);
}

TEST_HARNESS_MAIN
