// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the files that anchored groups belong to: which kinds can have groups, that no other
 * file is ever mistaken for them, and that a mount is busy as long as a member joined by it.
 */
#include "anchor_dir.h"
#include "fd.h"

#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include <linux/io_uring.h>

/* Kinds of files */

static int open_fifo(void)
{
	mkfifo("kind", 0600);
	return open("kind", O_RDWR | O_CLOEXEC);
}

static int open_path_of_fifo(void)
{
	mkfifo("kind", 0600);
	return open("kind", O_PATH | O_CLOEXEC);
}

static int open_path_of_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "kind" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return open("kind", O_PATH | O_CLOEXEC);
}

static int open_path_of_symlink(void)
{
	if (symlink("/tmp", "kind"))
		return -errno;
	return open("kind", O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static int open_path_of_block_device(void)
{
	if (mknod("kind", S_IFBLK | 0600, makedev(7, 0)))
		return -errno;
	return open("kind", O_PATH | O_CLOEXEC);
}

static int open_character_device(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int open_path_of_device(void)
{
	return open(MPIPC_DEVICE, O_PATH | O_CLOEXEC);
}

static int open_pipe(void)
{
	int ends[2];

	return pipe2(ends, O_CLOEXEC) ? -errno : ends[1];
}

static int open_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int open_eventfd(void)
{
	return eventfd(0, EFD_CLOEXEC);
}

static int open_epoll(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

static int open_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int open_timerfd(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
}

static int open_inotify(void)
{
	return inotify_init1(IN_CLOEXEC);
}

static int open_io_uring(void)
{
	struct io_uring_params params = { 0 };

	return syscall(SYS_io_uring_setup, 1, &params);
}

static int open_pidfd(void)
{
	return syscall(SYS_pidfd_open, getpid(), 0);
}

static int open_member(void)
{
	return open_primary("kind");
}

static int open_memfd(void)
{
	return memfd_create("kind", MFD_CLOEXEC);
}

static int open_namespace(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int open_mounted_namespace(void)
{
	close(open("kind", O_CREAT | O_WRONLY, 0600));
	if (mount("/proc/self/ns/net", "kind", NULL, MS_BIND, NULL))
		return -errno;
	return open("kind", O_PATH | O_CLOEXEC);
}

static int open_proc(void)
{
	return open("/proc", O_RDONLY | O_CLOEXEC);
}

static int open_process(void)
{
	return open("/proc/self/comm", O_RDWR | O_CLOEXEC);
}

static int open_sysctl(void)
{
	return open("/proc/sys/kernel/hostname", O_RDWR | O_CLOEXEC);
}

static int open_sysfs(void)
{
	return open("/sys/module/mpipc/parameters/user_groups", O_RDWR | O_CLOEXEC);
}

static int open_cgroup(void)
{
	if (mkdir("kind", 0700) || mount("cgroup", "kind", "cgroup2", 0, NULL))
		return -errno;
	return open("kind", O_RDONLY | O_CLOEXEC);
}

static int open_mqueue(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 1 };
	mqd_t queue = mq_open("/mpipc-kind", O_RDWR | O_CREAT | O_CLOEXEC, 0600, &attr);

	mq_unlink("/mpipc-kind");
	return queue;
}

/* Promise: P2 */
TEST_F(anchor, other_kinds_of_files_are_refused)
{
	static const struct {
		const char *name;
		int (*open)(void);
	} kinds[] = {
		{ "fifo", open_fifo },
		{ "path of a fifo", open_path_of_fifo },
		{ "path of a socket", open_path_of_socket },
		{ "path of a symbolic link", open_path_of_symlink },
		{ "path of a block device", open_path_of_block_device },
		{ "character device", open_character_device },
		{ "path of this device", open_path_of_device },
		{ "file of this device", open_dev },
		{ "member", open_member },
		{ "pipe", open_pipe },
		{ "socket", open_socket },
		{ "eventfd", open_eventfd },
		{ "epoll", open_epoll },
		{ "signalfd", open_signalfd },
		{ "timerfd", open_timerfd },
		{ "inotify", open_inotify },
		{ "io_uring", open_io_uring },
		{ "pidfd", open_pidfd },
		{ "memory file", open_memfd },
		{ "namespace", open_namespace },
		{ "mounted namespace", open_mounted_namespace },
		{ "proc", open_proc },
		{ "file of a process", open_process },
		{ "sysctl", open_sysctl },
		{ "sysfs", open_sysfs },
		{ "cgroup", open_cgroup },
		{ "message queue", open_mqueue },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char dir[16];
		int fd;

		/* Each kind has a directory of its own. */
		snprintf(dir, sizeof(dir), "%zu", i);
		ASSERT_EQ(0, mkdirat(self->dir, dir, 0700));
		ASSERT_EQ(0, fchdir(self->dir));
		ASSERT_EQ(0, chdir(dir));
		fd = kinds[i].open();
		/* A kernel can be without some of the kinds. */
		if (fd < 0 && (errno == ENOSYS || errno == ENODEV)) {
			TH_LOG("this kernel has no %s", kinds[i].name);
			continue;
		}
		EXPECT_LE(0, fd) TH_LOG("%s: %s", kinds[i].name, strerror(errno));
		EXPECT_EQ(-EOPNOTSUPP, open_at(fd, "g", MPIPC_PRIMARY)) TH_LOG("%s", kinds[i].name);
		EXPECT_EQ(-EOPNOTSUPP, open_at(fd, "g", MPIPC_SECONDARY))
			TH_LOG("%s", kinds[i].name);
		close(fd);
		umount2("kind", MNT_DETACH);
		ASSERT_EQ(0, chdir("/"));
	}
}

/* Promise: P2 */
TEST_F(anchor, number_that_is_no_descriptor_is_refused)
{
	int fd = open_dev(), closed = dup(self->dir);

	close(closed);
	EXPECT_EQ(-EBADF, join_at(fd, closed, "g", MPIPC_PRIMARY));
	EXPECT_EQ(-EBADF, join_at(fd, -1, "g", MPIPC_PRIMARY));
	EXPECT_EQ(-EBADF, join_at(fd, AT_FDCWD, "g", MPIPC_PRIMARY));
	EXPECT_EQ(0, join_at(fd, self->dir, "g", MPIPC_PRIMARY));
}

/* Promise: P14 */
TEST_F(anchor, join_keeps_no_descriptor_and_no_open_file)
{
	int file = make_file_at(self->dir, "file", 0600);
	unsigned int before;
	int primary;

	ASSERT_LE(0, file);
	primary = open_at(file, "g", MPIPC_PRIMARY);
	ASSERT_LE(0, primary);
	before = count_fds();
	close(file);
	EXPECT_EQ(before - 1, count_fds());
	/* A file that somebody has open for writing cannot be executed (ETXTBSY). */
	ASSERT_EQ(0, fchmodat(self->dir, "file", 0700, 0));
	EXPECT_EQ(-1, execveat(self->dir, "file", (char *[]){ "file", NULL }, NULL, 0));
	EXPECT_EQ(ENOEXEC, errno);
}

/* Other files */

/* Promise: P20 */
TEST_F(anchor, renamed_directory_keeps_its_group_and_a_new_one_has_none)
{
	int dir, primary;

	ASSERT_EQ(0, mkdirat(self->dir, "old", 0700));
	dir = openat(self->dir, "old", O_PATH | O_CLOEXEC);
	primary = open_at(dir, "g", MPIPC_PRIMARY);
	ASSERT_LE(0, primary);
	close(dir);
	ASSERT_EQ(0, renameat(self->dir, "old", self->dir, "new"));
	ASSERT_EQ(0, mkdirat(self->dir, "old", 0700));
	dir = openat(self->dir, "new", O_PATH | O_CLOEXEC);
	EXPECT_LE(0, open_at(dir, "g", MPIPC_SECONDARY));
	EXPECT_EQ(-EADDRINUSE, open_at(dir, "g", MPIPC_PRIMARY));
	dir = openat(self->dir, "old", O_PATH | O_CLOEXEC);
	EXPECT_EQ(-ENOENT, open_at(dir, "g", MPIPC_SECONDARY));
	EXPECT_LE(0, open_at(dir, "g", MPIPC_PRIMARY));
}

/* Promise: P20 */
TEST_F(anchor, removed_directory_keeps_its_group_and_a_new_one_has_none)
{
	int before, after, primary;

	ASSERT_EQ(0, mkdirat(self->dir, "d", 0700));
	before = openat(self->dir, "d", O_PATH | O_CLOEXEC);
	primary = open_at(before, "g", MPIPC_PRIMARY);
	ASSERT_LE(0, primary);
	ASSERT_EQ(0, unlinkat(self->dir, "d", AT_REMOVEDIR));
	ASSERT_EQ(0, mkdirat(self->dir, "d", 0700));
	after = openat(self->dir, "d", O_PATH | O_CLOEXEC);
	EXPECT_EQ(-ENOENT, open_at(after, "g", MPIPC_SECONDARY));
	EXPECT_LE(0, open_at(before, "g", MPIPC_SECONDARY));
	EXPECT_LE(0, open_at(after, "g", MPIPC_PRIMARY));
}

/* Make a file, or a directory, that nobody has open any more, and join there. */
static int join_and_remove(int dir, bool is_dir)
{
	int file, fd;

	if (is_dir)
		mkdirat(dir, "gone", 0700);
	file = is_dir ? openat(dir, "gone", O_PATH | O_CLOEXEC) : make_file_at(dir, "gone", 0600);
	fd = open_at(file, "g", MPIPC_PRIMARY);
	close(file);
	unlinkat(dir, "gone", is_dir ? AT_REMOVEDIR : 0);
	return fd;
}

#define FILES 200

/*
 * A file that is gone gives its place in memory to a new one, which has to be another one then.
 *
 * Promise: P20
 */
TEST_F(anchor, no_new_file_gets_the_group_of_one_that_is_gone)
{
	int members[FILES];

	for (int i = 0; i < FILES; i++) {
		int file;

		members[i] = join_and_remove(self->dir, i % 2);
		ASSERT_LE(0, members[i]);
		file = make_file_at(self->dir, "new", 0600);
		ASSERT_LE(0, file);
		EXPECT_EQ(-ENOENT, open_at(file, "g", MPIPC_SECONDARY));
		close(file);
		ASSERT_EQ(0, unlinkat(self->dir, "new", 0));
		/* Half of the groups end, so that there are places in memory. */
		if (i % 4 < 2)
			close(members[i]);
	}
}

/* Promise: P20 */
TEST_F(anchor, secondary_alone_keeps_the_file)
{
	int file = make_file_at(self->dir, "file", 0600);
	int primary = open_at(file, "g", MPIPC_PRIMARY);
	int secondary = open_at(file, "g", MPIPC_SECONDARY);

	ASSERT_LE(0, secondary);
	close(file);
	ASSERT_EQ(0, unlinkat(self->dir, "file", 0));
	EXPECT_EQ(0, leave(primary));
	for (int i = 0; i < FILES; i++) {
		file = make_file_at(self->dir, "file", 0600);
		ASSERT_LE(0, file);
		EXPECT_EQ(-ENOENT, open_at(file, "g", MPIPC_SECONDARY));
		close(file);
		ASSERT_EQ(0, unlinkat(self->dir, "file", 0));
	}
}

/* Mounts */

static int try_umount(const char *path)
{
	return umount(path) ? -errno : 0;
}

/* Mount a file system that the test can unmount. */
static void mount_inner(struct __test_metadata *_metadata, const char *dir, char inner[96])
{
	snprintf(inner, 96, "%s/inner", dir);
	ASSERT_EQ(0, mkdir(inner, 0700));
	ASSERT_EQ(0, mount("inner", inner, "tmpfs", 0, NULL));
}

TEST_F(anchor, mount_is_busy_until_the_last_member_that_joined_by_it_has_left)
{
	int primary, secondary;
	char inner[96];

	mount_inner(_metadata, self->path, inner);
	EXPECT_EQ(-ENOENT, open_at_path(inner, "g", MPIPC_SECONDARY));
	EXPECT_EQ(0, try_umount(inner));
	ASSERT_EQ(0, mount("inner", inner, "tmpfs", 0, NULL));
	primary = open_at_path(inner, "g", MPIPC_PRIMARY);
	secondary = open_at_path(inner, "g", MPIPC_SECONDARY);
	ASSERT_LE(0, secondary);
	EXPECT_EQ(-EBUSY, try_umount(inner));
	EXPECT_EQ(0, leave(primary));
	EXPECT_EQ(-EBUSY, try_umount(inner));
	close(secondary);
	EXPECT_EQ(0, try_umount(inner));
}

TEST_F(anchor, only_the_mount_that_members_joined_by_is_busy)
{
	int primary, secondary;
	char inner[96];

	snprintf(inner, sizeof(inner), "%s/inner", self->path);
	ASSERT_EQ(0, mkdir(inner, 0700));
	ASSERT_EQ(0, mount(self->path, inner, NULL, MS_BIND, NULL));
	primary = open_at_path(inner, "g", MPIPC_PRIMARY);
	secondary = open_at(self->dir, "g", MPIPC_SECONDARY);
	ASSERT_LE(0, secondary);
	EXPECT_EQ(-EBUSY, try_umount(inner));
	/* The group goes on without the primary that made it. */
	EXPECT_EQ(0, leave(primary));
	EXPECT_EQ(0, try_umount(inner));
	ASSERT_LE(0, open_at(self->dir, "g", MPIPC_PRIMARY));
}

TEST_F(anchor, mount_is_free_when_a_member_was_killed)
{
	struct child child;
	char inner[96];

	mount_inner(_metadata, self->path, inner);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_send(&child, open_at_path(inner, "g", MPIPC_PRIMARY) < 0);
		child_hear(&child, NULL);
		_exit(1);
	}
	EXPECT_EQ(0, child_hear(&child, NULL));
	EXPECT_EQ(-EBUSY, try_umount(inner));
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	EXPECT_EQ(0, try_umount(inner));
}

TEST_F(anchor, mount_is_free_although_a_child_holds_the_file_of_a_member_that_left)
{
	struct child child;
	char inner[96];
	int fd;

	mount_inner(_metadata, self->path, inner);
	fd = open_at_path(inner, "g", MPIPC_PRIMARY);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_hear(&child, NULL);
		_exit(0);
	}
	close(fd);
	EXPECT_EQ(0, try_umount(inner));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(anchor, members_outlive_the_mount_that_is_taken_away)
{
	struct mpipc_record record;
	int primary, secondary, anchor;
	char inner[96];

	mount_inner(_metadata, self->path, inner);
	anchor = open(inner, O_PATH | O_CLOEXEC);
	primary = open_at(anchor, "g", MPIPC_PRIMARY);
	ASSERT_EQ(0, umount2(inner, MNT_DETACH));
	/* The path leads elsewhere, the descriptor does not. */
	EXPECT_EQ(-ENOENT, open_at_path(inner, "g", MPIPC_SECONDARY));
	secondary = open_at(anchor, "g", MPIPC_SECONDARY);
	close(anchor);
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(0, recv_msg(primary, &record, NULL, 0));
	EXPECT_EQ(0, leave(primary));
	/* The file system ends with this member. */
	EXPECT_EQ(0, leave(secondary));
}

TEST_F(anchor, members_outlive_the_mount_namespace_that_they_joined_in)
{
	int before = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	struct mpipc_record record;
	int primary, secondary;
	char inner[96];

	snprintf(inner, sizeof(inner), "%s/inner", self->path);
	ASSERT_EQ(0, mkdir(inner, 0700));
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("inner", inner, "tmpfs", 0, NULL));
	primary = open_at_path(inner, "g", MPIPC_PRIMARY);
	secondary = open_at_path(inner, "g", MPIPC_SECONDARY);
	ASSERT_LE(0, secondary);
	/* Nobody is left in the namespace, with which its mounts go. */
	ASSERT_EQ(0, setns(before, CLONE_NEWNS));
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(0, recv_msg(primary, &record, NULL, 0));
	EXPECT_EQ(-ENOENT, open_at_path(inner, "g", MPIPC_SECONDARY));
}

/* Overlays */

/* Mount an overlay of two directories, and return false if the kernel has none. */
static bool mount_overlay(struct __test_metadata *_metadata, const char *path, char merged[96])
{
	static const char *const names[] = { "lower", "upper", "work", "merged" };
	char options[512];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(merged, 96, "%s/%s", path, names[i]);
		ASSERT_EQ(0, mkdir(merged, 0755));
	}
	snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
		 path, path, path);
	if (!mount("overlay", merged, "overlay", 0, options))
		return true;
	EXPECT_EQ(ENODEV, errno);
	return false;
}

TEST_F(anchor, file_of_an_overlay_is_the_same_before_and_after_it_is_changed)
{
	int lower, before, after, primary;
	char merged[96], path[128];

	if (!mount_overlay(_metadata, self->path, merged))
		SKIP(return, "this kernel has no overlays");
	snprintf(path, sizeof(path), "%s/lower/file", self->path);
	lower = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ASSERT_LE(0, lower);
	snprintf(path, sizeof(path), "%s/file", merged);
	before = open(path, O_RDONLY | O_CLOEXEC);
	primary = open_at(before, "g", MPIPC_PRIMARY);
	ASSERT_LE(0, primary);
	EXPECT_LE(0, open_at_path(path, "g", MPIPC_SECONDARY));
	/* The change makes a copy in the upper directory. */
	after = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_EQ(1, write(after, "x", 1));
	EXPECT_LE(0, open_at(after, "g", MPIPC_SECONDARY));
	EXPECT_LE(0, open_at_path(path, "g", MPIPC_SECONDARY));
	EXPECT_LE(0, open_at(before, "g", MPIPC_SECONDARY));
	/* The files below are other files. */
	EXPECT_EQ(-ENOENT, open_at(lower, "g", MPIPC_SECONDARY));
	snprintf(path, sizeof(path), "%s/upper/file", self->path);
	EXPECT_EQ(-ENOENT, open_at_path(path, "g", MPIPC_SECONDARY));
}

TEST_F(anchor, directory_of_an_overlay_is_the_same_for_all)
{
	struct child child;
	char merged[96];
	int primary;

	if (!mount_overlay(_metadata, self->path, merged))
		SKIP(return, "this kernel has no overlays");
	primary = open_at_path(merged, "g", MPIPC_PRIMARY);
	ASSERT_LE(0, primary);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		ASSERT_EQ(0, unshare(CLONE_NEWNS | CLONE_NEWNET));
		EXPECT_LE(0, open_at_path(merged, "g", MPIPC_SECONDARY));
		_exit(!test_passed(_metadata));
	}
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(-EBUSY, try_umount(merged));
	EXPECT_EQ(0, leave(primary));
	EXPECT_EQ(0, try_umount(merged));
}

TEST_HARNESS_MAIN
