// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of anchored groups in a file system that is a process (FUSE): it is asked for permission at
 * each join, and if it does not reply, only the process that joins has to wait.
 */
#include "anchor.h"

#include <sys/uio.h>

#include <linux/fuse.h>

/* Numbers of the files that the file system has: its root, and what is in it. */
#define ROOT FUSE_ROOT_ID
#define FIRST 2

/*
 * The file system
 */

/**
 * struct server - the file system, in its process
 * @fd: file of /dev/fuse
 * @line: names to the test the file whose permission is asked for, and hears what to reply
 */
struct server {
	int fd;
	const struct child *line;
};

static void reply(const struct server *server, __u64 unique, int error, const void *data,
		  size_t size)
{
	struct fuse_out_header header = {
		.len = sizeof(header) + size,
		.error = error,
		.unique = unique,
	};
	struct iovec parts[] = {
		{ .iov_base = &header, .iov_len = sizeof(header) },
		{ .iov_base = (void *)data, .iov_len = size },
	};

	/* The one who asked may have given up. */
	if (writev(server->fd, parts, 2) < 0 && errno != ENOENT)
		_exit(errno);
}

static struct fuse_attr describe(__u64 node)
{
	return (struct fuse_attr){
		.ino = node,
		.mode = node == ROOT ? S_IFDIR | 0755 : S_IFREG | 0600,
		.nlink = 1,
	};
}

/* A file has the name that its number is. */
static void look_up(const struct server *server, __u64 unique, const char *name)
{
	struct fuse_entry_out entry = {
		.nodeid = strtoull(name, NULL, 10),
		.entry_valid = 1000,
		.attr_valid = 1000,
	};

	entry.attr = describe(entry.nodeid);
	reply(server, unique, 0, &entry, sizeof(entry));
}

/* Ask the test what the permission is. The test may never say. */
static void ask(const struct server *server, __u64 unique, __u64 node)
{
	__u64 error;

	if (child_send(server->line, node) || child_hear(server->line, &error))
		_exit(0);
	reply(server, unique, -(int)error, NULL, 0);
}

static void serve_one(const struct server *server, const struct fuse_in_header *in)
{
	const struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_write = 4096,
	};
	struct fuse_attr_out attr = { .attr_valid = 1000, .attr = describe(in->nodeid) };

	switch (in->opcode) {
	case FUSE_INIT:
		reply(server, in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		look_up(server, in->unique, (const char *)(in + 1));
		break;
	case FUSE_GETATTR:
		reply(server, in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_ACCESS:
		ask(server, in->unique, in->nodeid);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		reply(server, in->unique, -ENOSYS, NULL, 0);
	}
}

/* Serve until the file system is unmounted and gone, which ends the process with ENODEV. */
static void serve(const struct server *server)
{
	static char buf[FUSE_MIN_READ_BUFFER];

	for (;;) {
		if (read(server->fd, buf, sizeof(buf)) > 0)
			serve_one(server, (void *)buf);
		else if (errno != EINTR && errno != ENOENT)
			_exit(errno);
	}
}

FIXTURE(fuse)
{
	char path[64];
	struct child server;
};

/* Open the device of FUSE, whose module the kernel loads when somebody wants to mount. */
static int open_fuse(const char *path)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	mount("anchor", path, "fuse", 0, "");
	return open("/dev/fuse", O_RDWR | O_CLOEXEC);
}

FIXTURE_SETUP(fuse)
{
	char options[128];
	int fd;

	snprintf(self->path, sizeof(self->path), "/tmp/mpipc-fuse.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->path));
	fd = open_fuse(self->path);
	/* A test would go on if it were skipped here. */
	if (fd < 0)
		return;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 fd);
	ASSERT_EQ(0, mount("anchor", self->path, "fuse", 0, options));
	ASSERT_LE(0, child_fork(&self->server));
	if (!self->server.pid) {
		const struct server server = { .fd = fd, .line = &self->server };

		serve(&server);
	}
	/* From now on the file system ends with its process. */
	close(fd);
}

FIXTURE_TEARDOWN(fuse)
{
	umount2(self->path, MNT_DETACH);
	if (self->server.pid)
		child_kill(&self->server);
	EXPECT_EQ(0, rmdir(self->path));
}

static int open_file(FIXTURE_DATA(fuse) *self, int node)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%d", self->path, node);
	return open(path, O_PATH | O_CLOEXEC);
}

/* Fork a process that joins, says what came of it, and leaves when it hears so. */
static void fork_joiner(struct __test_metadata *_metadata, struct child *child, int anchor,
			enum mpipc_role role)
{
	ASSERT_LE(0, child_fork(child));
	if (!child->pid) {
		int fd = open_dev();

		child_send(child, -join_at(fd, anchor, "g", role));
		child_hear(child, NULL);
		_exit(0);
	}
}

/* Wait until the file system was asked about a file. */
static int asked(FIXTURE_DATA(fuse) *self)
{
	__u64 node;

	return child_hear(&self->server, &node) ? -EPIPE : (int)node;
}

/* Join with this reply of the file system. Return what the join says. */
static int join_with_reply(struct __test_metadata *_metadata, FIXTURE_DATA(fuse) *self,
			   struct child *child, int node, int error)
{
	int file = open_file(self, node);
	__u64 ret = ECHILD;

	fork_joiner(_metadata, child, file, MPIPC_PRIMARY);
	close(file);
	EXPECT_EQ(node, asked(self));
	EXPECT_EQ(0, child_send(&self->server, error));
	EXPECT_EQ(0, child_hear(child, &ret));
	return -(int)ret;
}

/* Promise: P20 */
TEST_F(fuse, file_system_is_asked_at_each_join)
{
	struct child child;

	if (!self->server.pid)
		SKIP(return, "this kernel has no FUSE");
	EXPECT_EQ(-EACCES, join_with_reply(_metadata, self, &child, FIRST, EACCES));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(-EIO, join_with_reply(_metadata, self, &child, FIRST, EIO));
	EXPECT_EQ(0, child_wait(&child));
	/* The module has errors of these names for itself, after which it waits or tries again. */
	EXPECT_EQ(-EAGAIN, join_with_reply(_metadata, self, &child, FIRST, EAGAIN));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(-ENOENT, join_with_reply(_metadata, self, &child, FIRST, ENOENT));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(-ECONNREFUSED, join_with_reply(_metadata, self, &child, FIRST, ECONNREFUSED));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(0, join_with_reply(_metadata, self, &child, FIRST, 0));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(-EACCES, join_with_reply(_metadata, self, &child, FIRST, EACCES));
	EXPECT_EQ(0, child_wait(&child));
}

/* Read all of the listing of groups. */
static void read_listing(struct __test_metadata *_metadata)
{
	FILE *file = fopen("/proc/net/mpipc", "re");
	char line[512];

	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file))
		;
	fclose(file);
}

/* Promise: P13, P20 */
TEST_F(fuse, file_system_that_does_not_reply_holds_up_only_the_process_that_joins)
{
	struct child member, stuck;
	struct mpipc_record record;
	int primary, secondary, file;
	__u64 ret;

	if (!self->server.pid)
		SKIP(return, "this kernel has no FUSE");
	/* There is a member at one file, and a process hangs that wants to join there, too. */
	ASSERT_EQ(0, join_with_reply(_metadata, self, &member, FIRST, 0));
	file = open_file(self, FIRST);
	fork_joiner(_metadata, &stuck, file, MPIPC_SECONDARY);
	ASSERT_EQ(FIRST, asked(self));
	close(file);

	/* Named groups, and groups at other files, do not notice. */
	primary = open_primary("g");
	secondary = open_secondary("g");
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(0, recv_msg(primary, &record, NULL, 0));
	primary = open_at_path("/tmp", "g", MPIPC_PRIMARY);
	secondary = open_at_path("/tmp", "g", MPIPC_SECONDARY);
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(0, recv_msg(primary, &record, NULL, 0));
	read_listing(_metadata);
	/* The member can leave. */
	EXPECT_EQ(0, child_send(&member, 0));
	EXPECT_EQ(0, child_wait(&member));

	/* The end of the file system ends the wait. */
	EXPECT_EQ(128 + SIGKILL, child_kill(&self->server));
	self->server.pid = 0;
	EXPECT_EQ(0, child_hear(&stuck, &ret));
	EXPECT_EQ(ECONNABORTED, (int)ret);
	EXPECT_EQ(0, child_wait(&stuck));
}

TEST_F(fuse, file_system_that_was_unmounted_ends_with_the_last_member)
{
	struct child child;

	if (!self->server.pid)
		SKIP(return, "this kernel has no FUSE");
	ASSERT_EQ(0, join_with_reply(_metadata, self, &child, FIRST, 0));
	EXPECT_EQ(-1, umount(self->path));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, umount2(self->path, MNT_DETACH));
	/* The process of the file system would have closed the line. */
	ASSERT_EQ(0, wait_asleep(self->server.pid));
	EXPECT_EQ(0, poll_for(self->server.line, POLLIN, 0));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(ENODEV, child_wait(&self->server));
	self->server.pid = 0;
}

TEST_HARNESS_MAIN
