// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of anchored groups: which group a join at a file finds, from which namespaces, how long the
 * group lasts, and how its members are listed.
 */
#include "anchor_dir.h"
#include "module.h"
#include "user.h"

#include <sys/sysmacros.h>

static void nothing(void *arg)
{
	(void)arg;
}

/* Send a message from the secondary and expect that the primary receives it. */
static void expect_linked(struct __test_metadata *_metadata, int primary, int secondary)
{
	struct mpipc_record record;

	ASSERT_LE(0, primary);
	ASSERT_LE(0, secondary);
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(0, recv_msg(primary, &record, NULL, 0));
	EXPECT_EQ(endpoint_id(secondary), record.peer);
}

/* Which group */

TEST_F(anchor, directory_and_name_are_a_group)
{
	int primary = open_at(self->dir, "g", MPIPC_PRIMARY);
	int secondary = open_at(self->dir, "g", MPIPC_SECONDARY);

	expect_linked(_metadata, primary, secondary);
	EXPECT_EQ(-EADDRINUSE, open_at(self->dir, "g", MPIPC_PRIMARY));
	EXPECT_EQ(-ENOENT, open_at(self->dir, "h", MPIPC_SECONDARY));
	EXPECT_LE(0, open_at(self->dir, "h", MPIPC_PRIMARY));
}

TEST_F(anchor, file_and_name_are_a_group)
{
	int file = make_file_at(self->dir, "file", 0600);
	int other = make_file_at(self->dir, "other", 0600);
	int primary;

	ASSERT_LE(0, file);
	ASSERT_LE(0, other);
	primary = open_at(file, "g", MPIPC_PRIMARY);
	expect_linked(_metadata, primary, open_at(file, "g", MPIPC_SECONDARY));
	EXPECT_EQ(-ENOENT, open_at(other, "g", MPIPC_SECONDARY));
	EXPECT_EQ(-ENOENT, open_at(self->dir, "g", MPIPC_SECONDARY));
}

TEST_F(anchor, every_descriptor_and_path_of_the_file_leads_to_the_group)
{
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR, O_PATH };
	int primary;

	ASSERT_LE(0, make_file_at(self->dir, "file", 0600));
	ASSERT_EQ(0, linkat(self->dir, "file", self->dir, "link", 0));
	ASSERT_EQ(0, symlinkat("file", self->dir, "symlink"));
	primary = open_at(openat(self->dir, "file", O_PATH | O_CLOEXEC), "g", MPIPC_PRIMARY);
	ASSERT_LE(0, primary);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		static const char *const names[] = { "file", "link", "symlink" };

		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			int fd = openat(self->dir, names[k], flags[i] | O_CLOEXEC);

			expect_linked(_metadata, primary, open_at(fd, "g", MPIPC_SECONDARY));
		}
	}
}

TEST_F(anchor, group_is_not_the_named_one)
{
	char name[MPIPC_GROUP_MAX];
	int named, anchored;

	group_name(name, _metadata->name);
	named = open_primary(name);
	EXPECT_EQ(-ENOENT, open_at(self->dir, name, MPIPC_SECONDARY));
	anchored = open_at(self->dir, name, MPIPC_PRIMARY);
	expect_linked(_metadata, named, open_secondary(name));
	expect_linked(_metadata, anchored, open_at(self->dir, name, MPIPC_SECONDARY));
	EXPECT_EQ(0, leave(named));
	EXPECT_EQ(-ECONNREFUSED, open_secondary(name));
	expect_linked(_metadata, anchored, open_at(self->dir, name, MPIPC_SECONDARY));
}

/* Promise: P2 */
TEST_F(anchor, mode_and_descriptor_are_refused_where_they_mean_nothing)
{
	struct mpipc_join_args join = anchor_arg(self->dir, "g", MPIPC_PRIMARY);
	int fd = open_dev();

	join.mode = 0600;
	EXPECT_EQ(-EINVAL, do_ioctl(fd, MPIPC_JOIN, &join));
	join.mode = 0;
	join.flags = 0;
	EXPECT_EQ(-EINVAL, do_ioctl(fd, MPIPC_JOIN, &join));
	join.flags = MPIPC_JOIN_ANCHOR;
	EXPECT_EQ(0, do_ioctl(fd, MPIPC_JOIN, &join));
}

TEST(module_says_that_it_has_anchored_groups)
{
	struct mpipc_info info;

	ASSERT_EQ(0, get_info(open_dev(), &info));
	EXPECT_EQ(MPIPC_FEATURE_ANCHOR, info.features & MPIPC_FEATURE_ANCHOR);
}

/* Namespaces */

#define OTHER_NAMESPACES (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)

/* Promise: P20 */
TEST_F(anchor, members_of_other_namespaces_meet)
{
	int primary = open_at(self->dir, "g", MPIPC_PRIMARY);
	struct mpipc_record record;
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int fd;

		ASSERT_EQ(0, unshare(OTHER_NAMESPACES));
		/* The process of the new pid namespace is a child of this one. */
		if (fork()) {
			int status;

			wait(&status);
			_exit(status != 0);
		}
		fd = open_at_path(self->path, "g", MPIPC_SECONDARY);
		EXPECT_LE(0, fd);
		EXPECT_EQ(0, send_msg(fd, MPIPC_TO_PRIMARY, "m", NULL, 0));
		EXPECT_EQ(0, recv_wait(fd, &record, NULL, 0));
		/* The primary is out of sight. */
		EXPECT_EQ(0U, record.pid);
		_exit(!test_passed(_metadata));
	}
	ASSERT_EQ(0, recv_wait(primary, &record, NULL, 0));
	EXPECT_LT((__u32)child.pid, record.pid);
	EXPECT_EQ(0, send_msg(primary, record.peer, "m", NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

/* Promise: P6 */
TEST_F(anchor, users_are_those_in_the_receivers_namespace)
{
	struct mpipc_record record;
	int primary, fd = open_dev();
	struct child child;
	pid_t pid;

	ASSERT_EQ(0, fchmod(self->dir, 0777));
	primary = open_at(self->dir, "g", MPIPC_PRIMARY);
	pid = fork_in_user_ns(&child, CLONE_NEWNET, nothing, NULL);
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(0, join_at(fd, self->dir, "g", MPIPC_SECONDARY));
		EXPECT_EQ(0, send_msg(fd, MPIPC_TO_PRIMARY, "m", NULL, 0));
		EXPECT_EQ(0, recv_wait(fd, &record, NULL, 0));
		/* Root outside has no number inside. */
		EXPECT_EQ(65534U, record.uid);
		_exit(!test_passed(_metadata));
	}
	ASSERT_EQ(0, recv_wait(primary, &record, NULL, 0));
	EXPECT_EQ(USER_NS_ROOT, record.uid);
	EXPECT_EQ(0, send_msg(primary, record.peer, "m", NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(anchor, path_of_another_mount_leads_to_the_group)
{
	int primary = open_at(self->dir, "g", MPIPC_PRIMARY);
	struct child child;
	char again[96];

	snprintf(again, sizeof(again), "%s/again", self->path);
	ASSERT_EQ(0, mkdir(again, 0700));
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		ASSERT_EQ(0, unshare(CLONE_NEWNS));
		ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		ASSERT_EQ(0, mount(self->path, again, NULL, MS_BIND, NULL));
		EXPECT_LE(0, open_at_path(again, "g", MPIPC_SECONDARY));
		primary = open_at_path(again, "h", MPIPC_PRIMARY);
		expect_linked(_metadata, primary, open_at(self->dir, "h", MPIPC_SECONDARY));
		_exit(!test_passed(_metadata));
	}
	ASSERT_LE(0, primary);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(anchor, path_below_another_root_leads_to_the_group)
{
	int primary = open_at(self->dir, "g", MPIPC_PRIMARY), fd = open_dev();
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		ASSERT_EQ(0, chroot(self->path));
		ASSERT_EQ(0, chdir("/"));
		EXPECT_EQ(0, join_at(fd, open("/", O_PATH | O_CLOEXEC), "g", MPIPC_SECONDARY));
		_exit(!test_passed(_metadata));
	}
	ASSERT_LE(0, primary);
	EXPECT_EQ(0, child_wait(&child));
}

/* The wait for a primary */

/* Join in a child with a network of its own, and wait for a primary without end. */
static void fork_waiter(struct __test_metadata *_metadata, struct child *child, int anchor)
{
	struct mpipc_join_args join = anchor_arg(anchor, "g", MPIPC_SECONDARY);

	join.deadline = MPIPC_FOREVER;
	ASSERT_LE(0, child_fork(child));
	if (!child->pid) {
		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		child_send(child, 0);
		_exit(-do_ioctl(open_dev(), MPIPC_JOIN, &join));
	}
	ASSERT_EQ(0, child_hear(child, NULL));
	ASSERT_EQ(0, wait_asleep(child->pid));
}

TEST_F(anchor, waiter_in_another_namespace_is_woken_by_a_primary)
{
	struct child child;

	fork_waiter(_metadata, &child, self->dir);
	ASSERT_LE(0, open_at(self->dir, "g", MPIPC_PRIMARY));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(anchor, waiter_is_not_woken_for_another_file_or_another_name)
{
	int file = make_file_at(self->dir, "file", 0600);
	struct child child;
	long before;

	fork_waiter(_metadata, &child, self->dir);
	before = voluntary_switches(child.pid);
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, close(open_at(file, "g", MPIPC_PRIMARY)));
		ASSERT_EQ(0, close(open_at(self->dir, "h", MPIPC_PRIMARY)));
		ASSERT_EQ(0, close(open_primary("g")));
		ASSERT_EQ(0, wait_asleep(child.pid));
	}
	/* A thread that is seen to fall asleep may not have been counted yet. */
	EXPECT_GE(before + 1, voluntary_switches(child.pid));
	ASSERT_LE(0, open_at(self->dir, "g", MPIPC_PRIMARY));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(anchor, wait_for_a_primary_ends_at_its_deadline)
{
	struct mpipc_join_args join = anchor_arg(self->dir, "g", MPIPC_SECONDARY);
	int fd = open_dev();

	join.deadline = in_ms(20);
	EXPECT_EQ(-ETIMEDOUT, do_ioctl(fd, MPIPC_JOIN, &join));
	EXPECT_LE(join.deadline, now_ns());
	/* The wait has left nothing behind. */
	EXPECT_EQ(0, join_at(fd, self->dir, "g", MPIPC_PRIMARY));
}

/* Joining at the same time */

#define ROUNDS 200

/* Join again and again, in a network of this process, and leave when the parent says so. */
static void join_often(struct child *child, int anchor, enum mpipc_role role)
{
	struct mpipc_join_args join = anchor_arg(anchor, "g", role);
	int err = unshare(CLONE_NEWNET) ? -errno : 0;

	join.deadline = role == MPIPC_SECONDARY ? MPIPC_FOREVER : 0;
	for (int i = 0; i < ROUNDS && !err; i++) {
		int fd = open_dev();

		err = do_ioctl(fd, MPIPC_JOIN, &join);
		err = err ?: child_send(child, join.primary) ?: child_hear(child, NULL);
		close(fd);
		if (role == MPIPC_PRIMARY)
			err = err ?: child_send(child, 0) ?: child_hear(child, NULL);
	}
	_exit(-err);
}

TEST_F(anchor, primary_and_secondaries_of_several_namespaces_join_at_the_same_time)
{
	struct child children[4];
	__u64 primary, seen;

	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		ASSERT_LE(0, child_fork(&children[i]));
		if (!children[i].pid)
			join_often(&children[i], self->dir, i ? MPIPC_SECONDARY : MPIPC_PRIMARY);
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
			ASSERT_EQ(0, child_hear(&children[i], &seen));
			if (!i)
				primary = seen;
			EXPECT_EQ(primary, seen);
		}
		/* The primary leaves first, so that nobody joins the same one again. */
		ASSERT_EQ(0, child_send(&children[0], 0));
		ASSERT_EQ(0, child_hear(&children[0], NULL));
		for (size_t i = 0; i < ARRAY_SIZE(children); i++)
			ASSERT_EQ(0, child_send(&children[i], 0));
	}
	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		EXPECT_EQ(0, child_wait(&children[i]));
}

/* Charges */

/* The limits do not stop the administrator of the host. */
static int be_limited(void)
{
	return keep_capabilities(~(1ULL << CAP_SYS_RESOURCE));
}

/* Promise: P14 */
TEST_F(anchor, groups_of_a_user_are_counted_wherever_they_are)
{
	long long usual = get_param("user_groups");
	int named;

	ASSERT_EQ(0, be_limited());
	ASSERT_EQ(0, set_param("user_groups", 2));
	named = open_primary("named");
	EXPECT_LE(0, named);
	EXPECT_LE(0, open_at(self->dir, "g", MPIPC_PRIMARY));
	EXPECT_EQ(-EDQUOT, open_at(self->dir, "h", MPIPC_PRIMARY));
	EXPECT_EQ(0, leave(named));
	EXPECT_LE(0, open_at(self->dir, "h", MPIPC_PRIMARY));
	EXPECT_EQ(0, set_param("user_groups", usual));
}

/* Promise: P14 */
TEST_F(anchor, what_a_killed_member_held_is_given_back)
{
	long long usual = get_param("user_groups");
	struct child child;

	ASSERT_EQ(0, be_limited());
	ASSERT_EQ(0, set_param("user_groups", 1));
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_send(&child, open_at(self->dir, "g", MPIPC_PRIMARY) < 0);
		child_hear(&child, NULL);
		_exit(1);
	}
	EXPECT_EQ(0, child_hear(&child, NULL));
	EXPECT_EQ(-EDQUOT, open_at(self->dir, "h", MPIPC_PRIMARY));
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	EXPECT_LE(0, open_at(self->dir, "h", MPIPC_PRIMARY));
	EXPECT_EQ(0, set_param("user_groups", usual));
}

/* Listing */

#define LISTING "/proc/net/mpipc"

/* Describe the directory as the listing does. */
static const char *describe(int anchor)
{
	static char text[64];
	struct stat stat;

	fstat(anchor, &stat);
	snprintf(text, sizeof(text), "%u:%u:%llu", major(stat.st_dev), minor(stat.st_dev),
		 (unsigned long long)stat.st_ino);
	return text;
}

/* Count the lines of this group in the listing, with so many members. */
static int count_listed(const char *name, int members, int anchor)
{
	FILE *file = fopen(LISTING, "re");
	char expected[256], line[512];
	int n = 0;

	snprintf(expected, sizeof(expected), "group %s 1 0 0 0000 %d %s\n", name, members,
		 describe(anchor));
	while (file && fgets(line, sizeof(line), file))
		n += !strcmp(line, expected);
	if (file)
		fclose(file);
	return n;
}

/* Count the endpoints with this id in the listing. */
static int count_endpoints(__u64 id)
{
	FILE *file = fopen(LISTING, "re");
	unsigned long long listed;
	char line[512];
	int n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += sscanf(line, "endpoint %llu ", &listed) == 1 && listed == id;
	if (file)
		fclose(file);
	return n;
}

TEST_F(anchor, group_is_listed_with_its_anchor_while_it_exists)
{
	char group[MPIPC_GROUP_MAX];
	int primary, secondary;

	group_name(group, "listed");
	primary = open_at(self->dir, group, MPIPC_PRIMARY);
	secondary = open_at(self->dir, group, MPIPC_SECONDARY);
	EXPECT_EQ(1, count_listed(group, 2, self->dir));
	EXPECT_EQ(1, count_endpoints(endpoint_id(primary)));
	EXPECT_EQ(1, count_endpoints(endpoint_id(secondary)));
	EXPECT_EQ(0, leave(primary));
	EXPECT_EQ(1, count_listed(group, 1, self->dir));
	EXPECT_EQ(0, leave(secondary));
	EXPECT_EQ(0, count_listed(group, 0, self->dir));
}

/* Promise: P5 */
TEST_F(anchor, group_is_listed_where_members_opened_the_device_and_in_the_first_network)
{
	int primary, outside = open_dev();
	char group[MPIPC_GROUP_MAX];
	struct child child;
	__u64 id;

	group_name(group, "listed");
	primary = open_at(self->dir, group, MPIPC_PRIMARY);
	ASSERT_LE(0, primary);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int fd;

		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		EXPECT_EQ(0, count_listed(group, 1, self->dir));
		/* The network in which the device was opened counts. */
		EXPECT_EQ(0, join_at(outside, self->dir, group, MPIPC_SECONDARY));
		EXPECT_EQ(0, count_listed(group, 2, self->dir));
		fd = open_at(self->dir, group, MPIPC_SECONDARY);
		EXPECT_EQ(1, count_listed(group, 3, self->dir));
		EXPECT_EQ(1, count_endpoints(endpoint_id(primary)));
		EXPECT_EQ(1, count_endpoints(endpoint_id(fd)));
		child_send(&child, endpoint_id(fd));
		child_hear(&child, NULL);
		EXPECT_EQ(0, leave(fd));
		EXPECT_EQ(0, count_listed(group, 2, self->dir));
		_exit(!test_passed(_metadata));
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	EXPECT_EQ(1, count_listed(group, 3, self->dir));
	EXPECT_EQ(1, count_endpoints(id));
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

/* Find the value of a key in fdinfo. */
static bool fdinfo_is(int fd, const char *key, const char *value)
{
	char path[64], line[256], expected[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(expected, sizeof(expected), "%s:\t%s\n", key, value);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		found |= !strcmp(line, expected);
	if (file)
		fclose(file);
	return found;
}

TEST_F(anchor, fdinfo_names_the_anchor)
{
	int named = open_primary("named");
	int anchored = open_at(self->dir, "g", MPIPC_PRIMARY);

	EXPECT_TRUE(fdinfo_is(named, "mpipc-anchor", "-"));
	EXPECT_TRUE(fdinfo_is(anchored, "mpipc-anchor", describe(self->dir)));
	EXPECT_EQ(0, leave(anchored));
	EXPECT_TRUE(fdinfo_is(anchored, "mpipc-anchor", describe(self->dir)));
}

/* The end of the module */

/* Promise: P17 */
TEST_F(anchor, module_that_had_a_group_can_be_unloaded_and_leaves_the_mount)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_module *file = module_file(ctx), *loaded;
	char options[1024];

	if (!file)
		SKIP(return, "set MPIPC_MODULE to the path of mpipc.ko");
	ASSERT_EQ(0, kmod_module_new_from_name(ctx, MODULE, &loaded));
	if (kmod_module_get_refcnt(loaded))
		SKIP(return, "somebody uses the module");
	describe_parameters(options, sizeof(options));
	ASSERT_EQ(0, close(open_at(self->dir, "g", MPIPC_PRIMARY)));
	ASSERT_EQ(0, kmod_module_remove_module(loaded, 0));
	close(self->dir);
	EXPECT_EQ(0, umount(self->path));
	ASSERT_EQ(0, kmod_module_insert_module(file, 0, options));
	/* The fixture unmounts it again. */
	ASSERT_EQ(0, mount("anchor", self->path, "tmpfs", 0, NULL));
	self->dir = open(self->path, O_PATH | O_CLOEXEC);
	EXPECT_LE(0, open_at(self->dir, "g", MPIPC_PRIMARY));
	kmod_module_unref(file);
	kmod_module_unref(loaded);
	kmod_unref(ctx);
}

TEST_HARNESS_MAIN
