// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of who may join an anchored group: a secondary has to be able to write to the file or
 * directory, and a primary also has to own it. The kernel's own system calls say who is, and the
 * tests compare.
 *
 * Promise: P20
 */
#include "anchor_dir.h"
#include "user.h"

#include <sys/ioctl.h>
#include <sys/xattr.h>

#include <linux/fs.h>
#include <linux/mount.h>

#define OWNER USER_NS_OTHER
#define OWNER_GROUP USER_NS_OTHER
#define STRANGER USER_NS_ROOT
#define OTHER_GROUP USER_NS_ROOT

#define DAC_OVERRIDE (1ULL << CAP_DAC_OVERRIDE)
#define FOWNER (1ULL << CAP_FOWNER)

/*
 * All modes
 */

enum { DIRECTORY, REGULAR_FILE, KINDS };
enum { SERVED, VACANT, STATES };

#define MODES 64
#define ANCHORS (KINDS * MODES)

static const enum mpipc_role role_in[STATES] = { MPIPC_SECONDARY, MPIPC_PRIMARY };

/**
 * struct files - open files of the device, none of which has joined yet
 * @fd: a descriptor for each anchor and state of its group
 */
struct files {
	int fd[ANCHORS][STATES];
};

static void open_files(struct files *files)
{
	for (int i = 0; i < ANCHORS; i++)
		for (int state = 0; state < STATES; state++)
			files->fd[i][state] = open_dev();
}

static void close_files(struct files *files)
{
	for (int i = 0; i < ANCHORS; i++)
		for (int state = 0; state < STATES; state++)
			close(files->fd[i][state]);
}

/* Return a mode in which each class has some of the permissions to write and to search. */
static mode_t mode_number(int i)
{
	return (i >> 4 & 3) << 6 | (i >> 2 & 3) << 3 | (i & 3);
}

/* Make an anchor of each kind and mode, which the owner has, with a group that has a primary. */
static int make_anchors(int dir, int anchors[ANCHORS])
{
	for (int i = 0; i < ANCHORS; i++) {
		int *fd = &anchors[i];
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		if (i / MODES == REGULAR_FILE) {
			*fd = make_file_at(dir, name, 0600);
		} else {
			mkdirat(dir, name, 0700);
			*fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		}
		if (*fd < 0 || fchown(*fd, OWNER, OWNER_GROUP) ||
		    fchmod(*fd, mode_number(i % MODES)))
			return -errno;
		/* Root is nobody special, but for its capabilities. */
		if (open_at(*fd, "served", MPIPC_PRIMARY) < 0)
			return -ECHILD;
	}
	return 0;
}

/* Say what a join has to return, according to access() and to what only an owner may do. */
static int expected(int anchor, enum mpipc_role role)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct stat stat;

	if (fstat(anchor, &stat))
		return -errno;
	if (faccessat(anchor, "", S_ISDIR(stat.st_mode) ? W_OK | X_OK : W_OK,
		      AT_EACCESS | AT_EMPTY_PATH))
		return -errno;
	if (role == MPIPC_PRIMARY && utimensat(anchor, "", times, AT_EMPTY_PATH))
		return -errno;
	return 0;
}

/* Try all groups, each in the role that is free. Return the number of joins that succeeded. */
static int try_all(struct __test_metadata *_metadata, const int anchors[ANCHORS],
		   const struct files *files, const char *name)
{
	int n = 0;

	for (int i = 0; i < ANCHORS; i++) {
		for (int state = 0; state < STATES; state++) {
			int ret = join_at(files->fd[i][state], anchors[i],
					  state == SERVED ? "served" : "vacant", role_in[state]);

			EXPECT_EQ(expected(anchors[i], role_in[state]), ret)
				TH_LOG("%s as %s, %s of mode %#o", name,
				       state == VACANT ? "primary" : "secondary",
				       i / MODES == DIRECTORY ? "directory" : "file",
				       mode_number(i % MODES));
			n += !ret;
		}
	}
	return n;
}

/**
 * struct who - somebody who tries
 * @name: for the log
 * @uid: user, in the user namespace that it is in
 * @gid: group
 * @extra: supplementary group, or 0
 * @capabilities: its capabilities
 * @joins: number of joins that succeed, so that not everything is refused
 */
struct who {
	const char *name;
	uid_t uid;
	gid_t gid;
	gid_t extra;
	__u64 capabilities;
	int joins;
};

/*
 * In a quarter of the modes a class may write and search, in a half it may write. Half of the
 * joins are as a primary.
 */
#define MAY_WRITE (MODES / 4 + MODES / 2)

static const struct who people[] = {
	{ .name = "owner", .uid = OWNER, .gid = OTHER_GROUP, .joins = 2 * MAY_WRITE },
	{ .name = "owner in the group", .uid = OWNER, .gid = OWNER_GROUP, .joins = 2 * MAY_WRITE },
	{ .name = "member", .uid = STRANGER, .gid = OWNER_GROUP, .joins = MAY_WRITE },
	{ .name = "supplementary member", .uid = STRANGER, .gid = OTHER_GROUP,
	  .extra = OWNER_GROUP, .joins = MAY_WRITE },
	{ .name = "stranger", .uid = STRANGER, .gid = OTHER_GROUP, .joins = MAY_WRITE },
	{ .name = "root without capabilities", .joins = MAY_WRITE },
	{ .name = "stranger that overrides modes", .uid = STRANGER, .gid = OTHER_GROUP,
	  .capabilities = DAC_OVERRIDE, .joins = 2 * MODES },
	{ .name = "stranger that is like an owner", .uid = STRANGER, .gid = OTHER_GROUP,
	  .capabilities = FOWNER, .joins = 2 * MAY_WRITE },
	{ .name = "stranger with both", .uid = STRANGER, .gid = OTHER_GROUP,
	  .capabilities = DAC_OVERRIDE | FOWNER, .joins = 4 * MODES },
	/* These capabilities have nothing to do with files. */
	{ .name = "stranger with other capabilities", .uid = STRANGER, .gid = OTHER_GROUP,
	  .capabilities = 1ULL << CAP_IPC_OWNER | 1ULL << CAP_NET_ADMIN |
			  1ULL << CAP_SYS_RESOURCE, .joins = MAY_WRITE },
};

TEST_F(anchor, join_of_those_who_may_write_to_the_file_and_primary_of_those_who_own_it)
{
	int anchors[ANCHORS];

	ASSERT_EQ(0, make_anchors(self->dir, anchors));
	for (size_t i = 0; i < ARRAY_SIZE(people); i++) {
		const struct who *who = &people[i];
		struct files files;
		struct child child;

		open_files(&files);
		ASSERT_LE(0, child_fork(&child));
		if (!child.pid) {
			ASSERT_EQ(0, become_with(who->uid, who->gid, who->extra,
						 who->capabilities));
			EXPECT_EQ(who->joins, try_all(_metadata, anchors, &files, who->name))
				TH_LOG("%s", who->name);
			_exit(!test_passed(_metadata));
		}
		EXPECT_EQ(0, child_wait(&child));
		close_files(&files);
	}
}

static void nothing(void *arg)
{
	(void)arg;
}

TEST_F(anchor, capabilities_in_a_user_namespace_count_for_files_of_its_users)
{
	/* Owner and group of the anchors are 1 inside. */
	static const struct who inside[] = {
		{ .name = "root there", .capabilities = DAC_OVERRIDE | FOWNER,
		  .joins = 4 * MODES },
		{ .name = "root there without capabilities", .joins = MAY_WRITE },
		{ .name = "owner there", .uid = 1, .joins = 2 * MAY_WRITE },
		{ .name = "member there", .gid = 1, .joins = MAY_WRITE },
	};
	int anchors[ANCHORS];

	ASSERT_EQ(0, make_anchors(self->dir, anchors));
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
		const struct who *who = &inside[i];
		struct files files;
		struct child child;
		pid_t pid;

		open_files(&files);
		pid = fork_in_user_ns(&child, i % 2 ? CLONE_NEWNET : 0, nothing, NULL);
		ASSERT_LE(0, pid);
		if (!pid) {
			ASSERT_EQ(0, become_with(who->uid, who->gid, 0, who->capabilities));
			EXPECT_EQ(who->joins, try_all(_metadata, anchors, &files, who->name))
				TH_LOG("%s", who->name);
			_exit(!test_passed(_metadata));
		}
		EXPECT_EQ(0, child_wait(&child));
		close_files(&files);
	}
}

/* Promise: P5, P20 */
TEST_F(anchor, root_of_another_user_namespace_cannot_occupy_a_group)
{
	struct child child;
	int fd = open_dev(), primary;
	pid_t pid;

	/* The directory belongs to root outside, who is nobody inside. All may write to it. */
	ASSERT_EQ(0, fchmod(self->dir, 0777));
	pid = fork_in_user_ns(&child, CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS, nothing, NULL);
	ASSERT_LE(0, pid);
	if (!pid) {
		EXPECT_EQ(-EPERM, join_at(fd, self->dir, "g", MPIPC_PRIMARY));
		EXPECT_EQ(-ENOENT, join_at(fd, self->dir, "g", MPIPC_SECONDARY));
		child_send(&child, 0);
		child_hear(&child, NULL);
		EXPECT_EQ(-EPERM, join_at(fd, self->dir, "g", MPIPC_PRIMARY));
		EXPECT_EQ(0, join_at(fd, self->dir, "g", MPIPC_SECONDARY));
		_exit(!test_passed(_metadata));
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	primary = open_at(self->dir, "g", MPIPC_PRIMARY);
	EXPECT_LE(0, primary);
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

/* These tests are about one file. */

/**
 * struct attempt - a join in a child
 * @anchor: where
 * @role: as what
 * @uid: user and group
 * @fd: file of the device
 */
struct attempt {
	int anchor;
	enum mpipc_role role;
	uid_t uid;
	int fd;
};

static int attempt_main(void *arg)
{
	const struct attempt *attempt = arg;

	return become_with(attempt->uid, attempt->uid, 0, 0) ?:
	       join_at(attempt->fd, attempt->anchor, "g", attempt->role);
}

/* Try to join as a user who has no capabilities. */
static int try_as(uid_t uid, int anchor, enum mpipc_role role)
{
	struct attempt attempt = { anchor, role, uid, open_dev() };
	int ret = run_child(attempt_main, &attempt);

	close(attempt.fd);
	return ret;
}

TEST_F(anchor, permission_is_asked_at_each_join_and_members_stay)
{
	int file = make_file_at(self->dir, "file", 0666);
	struct mpipc_record record;
	int primary = open_at(file, "g", MPIPC_PRIMARY);
	int secondary = open_at(file, "g", MPIPC_SECONDARY);

	ASSERT_LE(0, primary);
	ASSERT_LE(0, secondary);
	EXPECT_EQ(0, try_as(STRANGER, file, MPIPC_SECONDARY));
	ASSERT_EQ(0, fchmod(file, 0644));
	EXPECT_EQ(-EACCES, try_as(STRANGER, file, MPIPC_SECONDARY));
	EXPECT_EQ(-EACCES, try_as(STRANGER, file, MPIPC_PRIMARY));
	ASSERT_EQ(0, fchown(file, STRANGER, STRANGER));
	EXPECT_EQ(0, try_as(STRANGER, file, MPIPC_SECONDARY));
	EXPECT_EQ(-EADDRINUSE, try_as(STRANGER, file, MPIPC_PRIMARY));
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(0, recv_msg(primary, &record, NULL, 0));
	ASSERT_EQ(0, leave(primary));
	EXPECT_EQ(0, try_as(STRANGER, file, MPIPC_PRIMARY));
}

TEST_F(anchor, permission_is_asked_again_after_the_wait_for_a_primary)
{
	int file = make_file_at(self->dir, "file", 0666);
	struct mpipc_join_args join = anchor_arg(file, "g", MPIPC_SECONDARY);
	int fd = open_dev();
	struct child child;

	ASSERT_LE(0, file);
	join.deadline = MPIPC_FOREVER;
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		ASSERT_EQ(0, become_with(STRANGER, STRANGER, 0, 0));
		child_send(&child, 0);
		_exit(-do_ioctl(fd, MPIPC_JOIN, &join));
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	ASSERT_EQ(0, wait_asleep(child.pid));
	ASSERT_EQ(0, fchmod(file, 0644));
	ASSERT_LE(0, open_at(file, "g", MPIPC_PRIMARY));
	EXPECT_EQ(EACCES, child_wait(&child));
}

/* Nobody finds out which groups there are at a file that is not for them. */
TEST_F(anchor, refusal_does_not_say_whether_there_is_a_group)
{
	int file = make_file_at(self->dir, "file", 0600);

	EXPECT_EQ(-EACCES, try_as(STRANGER, file, MPIPC_SECONDARY));
	ASSERT_LE(0, open_at(file, "g", MPIPC_PRIMARY));
	EXPECT_EQ(-EACCES, try_as(STRANGER, file, MPIPC_SECONDARY));
}

/**
 * struct acl - an access control list of the file system
 * @version: 2
 * @entries: the permissions of each user and group
 */
struct acl {
	__le32 version;
	struct {
		__le16 tag;
		__le16 permissions;
		__le32 id;
	} entries[5];
};

static int set_acl(int fd, uid_t uid, unsigned int permissions, unsigned int mask)
{
	const struct acl acl = {
		.version = 2,
		.entries = {
			{ 0x01, 6, ~0U }, { 0x02, permissions, uid }, { 0x04, 0, ~0U },
			{ 0x10, mask, ~0U }, { 0x20, 0, ~0U },
		},
	};

	return fsetxattr(fd, "system.posix_acl_access", &acl, sizeof(acl), 0) ? -errno : 0;
}

TEST_F(anchor, access_control_list_of_the_file_counts)
{
	int file = make_file_at(self->dir, "file", 0600);
	int ret = set_acl(file, STRANGER, 6, 6);

	if (ret == -EOPNOTSUPP)
		SKIP(return, "this kernel has no access control lists on tmpfs");
	ASSERT_EQ(0, ret);
	ASSERT_LE(0, open_at(file, "g", MPIPC_PRIMARY));
	EXPECT_EQ(0, try_as(STRANGER, file, MPIPC_SECONDARY));
	EXPECT_EQ(-EACCES, try_as(OWNER, file, MPIPC_SECONDARY));
	ASSERT_EQ(0, set_acl(file, STRANGER, 4, 6));
	EXPECT_EQ(-EACCES, try_as(STRANGER, file, MPIPC_SECONDARY));
	ASSERT_EQ(0, set_acl(file, STRANGER, 6, 4));
	EXPECT_EQ(-EACCES, try_as(STRANGER, file, MPIPC_SECONDARY));
}

TEST_F(anchor, immutable_file_refuses_everybody)
{
	int file = make_file_at(self->dir, "file", 0666);
	int flags = FS_IMMUTABLE_FL;

	ASSERT_LE(0, file);
	if (ioctl(file, FS_IOC_SETFLAGS, &flags))
		SKIP(return, "this kernel has no immutable files on tmpfs");
	EXPECT_EQ(-EPERM, open_at(file, "g", MPIPC_PRIMARY));
	flags = 0;
	ASSERT_EQ(0, ioctl(file, FS_IOC_SETFLAGS, &flags));
	EXPECT_LE(0, open_at(file, "g", MPIPC_PRIMARY));
}

/*
 * Mounts
 */

/* Mount the directory of the test once more, below itself. Return a descriptor by that mount. */
static int mount_again(const char *path, char again[96])
{
	snprintf(again, 96, "%s/again", path);
	if ((mkdir(again, 0700) && errno != EEXIST) || mount(path, again, NULL, MS_BIND, NULL))
		return -errno;
	return open(again, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

TEST_F(anchor, mount_that_is_read_only_refuses_everybody)
{
	char again[96];
	int fd = mount_again(self->path, again);

	ASSERT_LE(0, fd);
	ASSERT_LE(0, open_at(self->dir, "g", MPIPC_PRIMARY));
	EXPECT_LE(0, open_at(fd, "g", MPIPC_SECONDARY));
	ASSERT_EQ(0, mount(NULL, again, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
	EXPECT_EQ(-EROFS, open_at(fd, "g", MPIPC_SECONDARY));
	EXPECT_EQ(-EROFS, open_at(fd, "h", MPIPC_PRIMARY));
	/* The file is the same by the other mount. */
	EXPECT_LE(0, open_at(self->dir, "g", MPIPC_SECONDARY));
}

TEST_F(anchor, file_system_that_is_read_only_refuses_everybody)
{
	struct mpipc_record record;
	int primary, secondary;

	primary = open_at(self->dir, "g", MPIPC_PRIMARY);
	secondary = open_at(self->dir, "g", MPIPC_SECONDARY);
	ASSERT_LE(0, secondary);
	/* Members do not write, so they do not keep the file system from this. */
	ASSERT_EQ(0, mount(NULL, self->path, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	EXPECT_EQ(-EROFS, open_at(self->dir, "g", MPIPC_SECONDARY));
	EXPECT_EQ(-EROFS, open_at(self->dir, "h", MPIPC_PRIMARY));
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(0, recv_msg(primary, &record, NULL, 0));
	ASSERT_EQ(0, mount(NULL, self->path, NULL, MS_REMOUNT, NULL));
	EXPECT_LE(0, open_at(self->dir, "g", MPIPC_SECONDARY));
}

/* Say that users 0 and 1 of the file system are those of the user namespace of a process. */
static int map_users(pid_t pid, int mount)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	char path[64];
	int ret, fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	attr.userns_fd = fd;
	ret = syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attr, sizeof(attr));
	ret = ret ? -errno : 0;
	close(fd);
	return ret;
}

TEST_F(anchor, users_of_an_idmapped_mount_count)
{
	struct child child;
	int tree, ret;
	pid_t pid;

	tree = syscall(SYS_open_tree, -EBADF, self->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	ASSERT_LE(0, tree);
	pid = fork_in_user_ns(&child, 0, nothing, NULL);
	if (!pid) {
		child_hear(&child, NULL);
		_exit(0);
	}
	ASSERT_LE(0, pid);
	ret = map_users(pid, tree);
	EXPECT_EQ(0, child_wait(&child));
	if (ret == -EINVAL)
		SKIP(return, "this kernel has no idmapped mounts of tmpfs");
	ASSERT_EQ(0, ret);
	/* The directory belongs to root, who is the stranger by this mount. */
	EXPECT_EQ(-EACCES, try_as(STRANGER, self->dir, MPIPC_PRIMARY));
	EXPECT_EQ(0, try_as(STRANGER, tree, MPIPC_PRIMARY));
	EXPECT_EQ(-EACCES, try_as(OWNER, tree, MPIPC_PRIMARY));
	/* The group is the same by both mounts. */
	ASSERT_LE(0, open_at(self->dir, "g", MPIPC_PRIMARY));
	EXPECT_EQ(0, try_as(STRANGER, tree, MPIPC_SECONDARY));
}

TEST_HARNESS_MAIN
