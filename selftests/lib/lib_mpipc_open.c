// SPDX-License-Identifier: GPL-2.0-only
/* Tests of libmpipc: opening a handle, and what the hint says when that fails. */
#include "child.h"
#include "fd.h"
#include "harness.h"
#include "lib_mpipc.h"
#include "user.h"
#include "wait.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <mpipc.h>

/* Opening */

TEST(without_the_module_the_hint_says_to_load_it)
{
	struct mpipc *handle = (void *)1;

	setenv("MPIPC_DEVICE", "/nonexistent", 1);
	EXPECT_EQ(-ENODEV, mpipc_open(&handle, "x", MPIPC_PRIMARY, NULL));
	EXPECT_EQ(NULL, handle);
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-ENODEV), "modprobe mpipc"));
}

TEST(a_device_of_another_kind_is_recognised)
{
	struct mpipc *handle;

	setenv("MPIPC_DEVICE", "/dev/null", 1);
	EXPECT_EQ(-ENOTTY, mpipc_open(&handle, "x", MPIPC_PRIMARY, NULL));
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-ENOTTY), "MPIPC_DEVICE"));
}

/* Join as another user. */
static int try_to_join(void *group)
{
	struct mpipc *handle;
	int err;

	become_user(1000, 1000);
	err = mpipc_open(&handle, group, MPIPC_SECONDARY, NULL);
	if (!err)
		mpipc_close(handle);
	return err;
}

/* Join as another user, and return -ENOMSG unless the hint is about the group. */
static int try_for_group_hint(void *group)
{
	int err = try_to_join(group);

	return strstr(mpipc_open_hint(err), "permission for the group") ? err : -ENOMSG;
}

/*
 * Join as another user by a node that only root may open, and return -ENOMSG unless the
 * hint is about the device.
 */
static int try_for_device_hint(void *group)
{
	struct mpipc *handle;
	int err;

	become_user(1000, 1000);
	keep_capabilities(0);
	err = mpipc_open(&handle, group, MPIPC_SECONDARY, NULL);
	return strstr(mpipc_open_hint(err), "permission to open /dev/mpipc") ? err : -ENOMSG;
}

TEST_F(lib, without_permission_for_the_device_the_hint_says_so)
{
	static const char node[] = "/dev/mpipc-selftest";
	struct stat device;

	unlink(node);
	ASSERT_EQ(0, stat(MPIPC_DEVICE, &device));
	ASSERT_EQ(0, mknod(node, S_IFCHR | 0600, device.st_rdev));
	setenv("MPIPC_DEVICE", node, 1);
	EXPECT_EQ(-EACCES, run_child(try_for_device_hint, self->group));
	unlink(node);
}

TEST_F(lib, without_permission_for_the_group_the_hint_says_so)
{
	EXPECT_EQ(-EACCES, run_child(try_for_group_hint, self->group));
}

TEST_F(lib, a_group_opened_by_its_mode_lets_others_in)
{
	struct mpipc_open_options options = { .size = sizeof(options), .mode = 0666 };
	struct mpipc *handle;

	strcat(self->group, ".open");
	ASSERT_EQ(0, mpipc_open(&handle, self->group, MPIPC_PRIMARY, &options));
	EXPECT_EQ(0, run_child(try_to_join, self->group));
	mpipc_close(handle);
}

TEST_F(lib, a_second_primary_is_refused_until_the_first_is_gone)
{
	struct mpipc *second;

	EXPECT_EQ(-EADDRINUSE, mpipc_open(&second, self->group, MPIPC_PRIMARY, NULL));
	mpipc_close(self->primary);
	self->primary = NULL;
	ASSERT_EQ(0, mpipc_open(&second, self->group, MPIPC_PRIMARY, NULL));
	mpipc_close(second);
}

TEST(a_secondary_alone_fails_at_once_or_at_its_timeout)
{
	struct mpipc_open_options options = { .size = sizeof(options), .timeout_ns = 1000 };
	struct mpipc *handle;

	EXPECT_EQ(-ENOENT, mpipc_open(&handle, "nobody.is.there", MPIPC_SECONDARY, NULL));
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-ENOENT), "no primary"));
	EXPECT_EQ(-ETIMEDOUT, mpipc_open(&handle, "nobody.is.there", MPIPC_SECONDARY, &options));
}

TEST_F(lib, a_secondary_can_wait_for_its_primary)
{
	struct child child;
	struct mpipc *handle;

	strcat(self->group, ".late");
	if (!fork_child(&child)) {
		child_send(&child, 0);
		CHECK(!open_with(&handle, self->group, MPIPC_SECONDARY, 0, NULL, NULL));
		_exit(0);
	}
	child_hear(&child, NULL);
	ASSERT_EQ(0, wait_asleep(child.pid));
	ASSERT_EQ(0, mpipc_open(&handle, self->group, MPIPC_PRIMARY, NULL));
	EXPECT_EQ(0, child_wait(&child));
	mpipc_close(handle);
}

TEST_F(lib, a_signal_ends_the_wait_for_a_primary)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct mpipc_open_options options = {
		.size = sizeof(options), .timeout_ns = MPIPC_WAIT_FOREVER,
	};
	struct mpipc *handle = (void *)1;
	struct child child;

	strcat(self->group, ".never");
	if (!fork_child(&child)) {
		CHECK(!sigaction(SIGTERM, &action, NULL));
		child_send(&child, 0);
		CHECK(mpipc_open(&handle, self->group, MPIPC_SECONDARY, &options) == -EINTR);
		CHECK(!handle);
		_exit(0);
	}
	child_hear(&child, NULL);
	ASSERT_EQ(0, wait_asleep(child.pid));
	kill(child.pid, SIGTERM);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-EINTR), "signal"));
}

/* Groups that belong to a file */

static int open_at(struct mpipc **handle, const char *at, enum mpipc_role role)
{
	struct mpipc_open_options options = { .size = sizeof(options), .at = at };

	return mpipc_open(handle, "g", role, &options);
}

/* Join as a secondary from another network. */
static int try_from_elsewhere(void *at)
{
	struct mpipc *handle;
	int err;

	if (unshare(CLONE_NEWNET))
		return -errno;
	err = open_at(&handle, at, MPIPC_SECONDARY);
	mpipc_close(handle);
	return err;
}

TEST(processes_that_name_the_same_file_meet)
{
	struct mpipc_open_options options = { .size = sizeof(options) };
	char file[] = "/tmp/mpipc-lib.XXXXXX", link[64];
	struct mpipc *by_path, *by_fd;
	int fd = mkstemp(file);

	ASSERT_LE(0, fd);
	snprintf(link, sizeof(link), "%s.link", file);
	ASSERT_EQ(0, symlink(file, link));
	EXPECT_EQ(-ENOENT, run_child(try_from_elsewhere, link));
	ASSERT_EQ(0, open_at(&by_path, file, MPIPC_PRIMARY));
	EXPECT_EQ(0, run_child(try_from_elsewhere, link));
	EXPECT_EQ(-ENOENT, run_child(try_from_elsewhere, "/tmp"));

	options.flags = MPIPC_JOIN_ANCHOR;
	options.at_fd = fd;
	EXPECT_EQ(-EADDRINUSE, mpipc_open(&by_fd, "g", MPIPC_PRIMARY, &options));
	ASSERT_EQ(0, mpipc_open(&by_fd, "g", MPIPC_SECONDARY, &options));
	EXPECT_EQ(1, mpipc_send(by_path, mpipc_id(by_fd), "x", NULL, 0, NULL));
	/* The descriptor stays the caller's. */
	EXPECT_EQ(0, close(fd));
	mpipc_close(by_fd);
	mpipc_close(by_path);
	EXPECT_EQ(0, unlink(link));
	EXPECT_EQ(0, unlink(file));
}

TEST(the_path_of_a_file_costs_no_descriptor)
{
	struct mpipc *handle, *other;
	int before = dup(0), after;

	close(before);
	ASSERT_EQ(0, open_at(&handle, "/tmp", MPIPC_PRIMARY));
	after = dup(0);
	EXPECT_EQ(before, after);
	close(after);
	EXPECT_EQ(-EADDRINUSE, open_at(&other, "/tmp", MPIPC_PRIMARY));
	after = dup(0);
	EXPECT_EQ(before, after);
	close(after);
	mpipc_close(handle);
}

/* Join as a user who has nothing but permission for the node, and look for a word in the hint. */
static int try_for_hint(enum mpipc_role role, const char *word)
{
	struct mpipc *handle;
	int err;

	become_user(1000, 1000);
	keep_capabilities(0);
	err = open_at(&handle, "/tmp/mpipc-lib-file", role);
	return strstr(mpipc_open_hint(err), word) ? err : -ENOMSG;
}

static int try_as_secondary(void *word)
{
	return try_for_hint(MPIPC_SECONDARY, word);
}

static int try_as_primary(void *word)
{
	return try_for_hint(MPIPC_PRIMARY, word);
}

TEST(the_hint_says_what_is_wrong_with_a_file)
{
	static const char node[] = "/dev/mpipc-selftest", file[] = "/tmp/mpipc-lib-file";
	struct mpipc_open_options options = { .size = sizeof(options), .at = "/tmp" };
	struct mpipc *handle;
	struct stat device;

	unlink(node);
	ASSERT_EQ(0, stat(MPIPC_DEVICE, &device));
	ASSERT_EQ(0, mknod(node, S_IFCHR | 0600, device.st_rdev));
	ASSERT_EQ(0, chmod(node, 0666));
	setenv("MPIPC_DEVICE", node, 1);
	close(open(file, O_CREAT | O_WRONLY, 0644));
	EXPECT_EQ(-EACCES, run_child(try_as_secondary, "be able to write to that"));
	ASSERT_EQ(0, chmod(file, 0666));
	EXPECT_EQ(-EPERM, run_child(try_as_primary, "has to own it"));
	EXPECT_EQ(-ENOENT, run_child(try_as_secondary, "no primary"));
	unlink(file);
	EXPECT_EQ(-ENOENT, run_child(try_as_secondary, "see that this file exists"));
	unlink(node);
	unsetenv("MPIPC_DEVICE");

	EXPECT_EQ(-EOPNOTSUPP, open_at(&handle, "/dev/null", MPIPC_PRIMARY));
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-EOPNOTSUPP), "a directory or a regular file"));
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-EROFS), "read-only"));
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-EBADF), "no open descriptor"));
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-ENOSYS), "older"));
	/* A path and a descriptor, a mode, or a descriptor without the flag make no sense. */
	options.flags = MPIPC_JOIN_ANCHOR;
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, "g", MPIPC_PRIMARY, &options));
	options.flags = 0;
	options.mode = 0600;
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, "g", MPIPC_PRIMARY, &options));
	options.mode = 0;
	options.at = NULL;
	options.at_fd = 1;
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, "g", MPIPC_PRIMARY, &options));
}

/* Arguments */

TEST_F(lib, an_opening_is_readable_when_it_has_joined)
{
	struct mpipc_open_options options = {
		.size = sizeof(options), .timeout_ns = MPIPC_WAIT_FOREVER,
	};
	struct mpipc *primary, *secondary = (void *)1;
	struct mpipc_opening *opening;
	unsigned int before = count_fds();

	strcat(self->group, ".later");
	ASSERT_EQ(0, mpipc_opening_start(&opening, self->group, MPIPC_SECONDARY, &options));
	EXPECT_LE(64, mpipc_opening_fd(opening));
	EXPECT_EQ(0, poll_for(mpipc_opening_fd(opening), POLLIN, 0));
	EXPECT_EQ(-EAGAIN, mpipc_opening_finish(opening, &secondary));
	EXPECT_EQ(NULL, secondary);
	ASSERT_EQ(0, mpipc_open(&primary, self->group, MPIPC_PRIMARY, NULL));
	EXPECT_EQ(POLLIN, poll_for(mpipc_opening_fd(opening), POLLIN, -1));
	ASSERT_EQ(0, mpipc_opening_finish(opening, &secondary));
	EXPECT_NE(0, mpipc_id(secondary));
	EXPECT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	mpipc_close(secondary);
	mpipc_close(primary);
	EXPECT_EQ(before, count_fds());
}

TEST_F(lib, an_opening_fails_as_an_open_does)
{
	struct mpipc_open_options options = { .size = sizeof(options), .timeout_ns = 1000000 };
	struct mpipc_opening *opening;
	struct mpipc *handle;
	unsigned int before = count_fds();

	strcat(self->group, ".never");
	ASSERT_EQ(0, mpipc_opening_start(&opening, self->group, MPIPC_SECONDARY, &options));
	EXPECT_EQ(POLLIN, poll_for(mpipc_opening_fd(opening), POLLIN, -1));
	EXPECT_EQ(-ETIMEDOUT, mpipc_opening_finish(opening, &handle));
	EXPECT_EQ(NULL, handle);
	options.device = "/nonexistent";
	EXPECT_EQ(-ENODEV, mpipc_opening_start(&opening, self->group, MPIPC_SECONDARY, &options));
	EXPECT_EQ(NULL, opening);
	EXPECT_EQ(before, count_fds());
}

TEST_F(lib, an_opening_can_be_cancelled_before_and_after_it_has_joined)
{
	struct mpipc_open_options options = {
		.size = sizeof(options), .timeout_ns = MPIPC_WAIT_FOREVER,
	};
	struct mpipc_opening *waiting, *joined;
	struct mpipc *handle;
	unsigned int before = count_fds();
	char never[MPIPC_GROUP_MAX];
	struct child child;

	group_name(never, "never");
	mpipc_opening_cancel(NULL);
	ASSERT_EQ(0, mpipc_opening_start(&waiting, never, MPIPC_SECONDARY, &options));
	ASSERT_EQ(0, mpipc_opening_start(&joined, self->group, MPIPC_SECONDARY, &options));
	EXPECT_EQ(POLLIN, poll_for(mpipc_opening_fd(joined), POLLIN, -1));
	if (!fork_child(&child)) {
		CHECK(mpipc_opening_finish(joined, &handle) == -EPERM);
		mpipc_opening_cancel(waiting);
		mpipc_opening_cancel(joined);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(2, mpipc_peers_get(self->primary, NULL, 0));
	mpipc_opening_cancel(joined);
	EXPECT_EQ(1, mpipc_peers_get(self->primary, NULL, 0));
	mpipc_opening_cancel(waiting);
	EXPECT_EQ(before, count_fds());
}

TEST(bad_arguments_are_refused)
{
	char name[MPIPC_GROUP_MAX + 1];
	struct mpipc *handle;

	memset(name, 'x', MPIPC_GROUP_MAX);
	name[MPIPC_GROUP_MAX] = 0;
	EXPECT_EQ(-EINVAL, mpipc_open(NULL, "x", MPIPC_PRIMARY, NULL));
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, NULL, MPIPC_PRIMARY, NULL));
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, "", MPIPC_PRIMARY, NULL));
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, name, MPIPC_PRIMARY, NULL));
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, "x", MPIPC_NO_ROLE, NULL));
	mpipc_close(NULL);
	mpipc_replies_free(NULL);
	EXPECT_EQ(NULL, mpipc_replies_get(NULL, 0));
}

TEST_F(lib, bad_messages_are_refused)
{
	char name[MPIPC_NAME_MAX + 1];
	struct mpipc_replies *replies;

	memset(name, 'x', MPIPC_NAME_MAX);
	name[MPIPC_NAME_MAX] = 0;
	EXPECT_EQ(-EINVAL, mpipc_send(self->primary, MPIPC_TO_ALL, NULL, NULL, 0, NULL));
	EXPECT_EQ(-EINVAL, mpipc_send(self->primary, MPIPC_TO_ALL, name, NULL, 0, NULL));
	EXPECT_EQ(-EINVAL, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 1, NULL));
	EXPECT_EQ(-EMSGSIZE, mpipc_send(self->primary, MPIPC_TO_ALL, "x", name,
					MPIPC_SIZE_MAX + 1, NULL));
	EXPECT_EQ(-ESRCH, mpipc_send(self->primary, 12345678, "x", NULL, 0, NULL));
	EXPECT_EQ(-EINVAL, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, 0, NULL, NULL));
	EXPECT_EQ(-EINVAL, mpipc_call(self->primary, MPIPC_TO_ALL, NULL, NULL, 0, 0, NULL,
				      &replies));
	EXPECT_EQ(NULL, replies);
	EXPECT_EQ(-EINVAL, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0, 0, NULL,
					    NULL, NULL, NULL));
	EXPECT_EQ(-ESRCH, mpipc_reply(self->primary, 12345678, 0, NULL, 0, NULL));
	EXPECT_EQ(-ESRCH, mpipc_cancel(self->primary, 12345678));
	EXPECT_EQ(-EINVAL, mpipc_peers_get(self->primary, NULL, 1));
	EXPECT_EQ(-EINVAL, mpipc_info_get(self->primary, NULL, sizeof(struct mpipc_info)));
}

TEST_F(lib, info_may_be_of_another_version)
{
	union {
		struct mpipc_info known;
		char raw[2 * sizeof(struct mpipc_info)];
	} info;

	/* The first version has 256 bytes. */
	memset(&info, 0xff, sizeof(info));
	EXPECT_EQ(0, mpipc_info_get(self->primary, &info.known, 256));
	EXPECT_EQ(MPIPC_ABI, info.known.abi);
	EXPECT_EQ((char)0xff, info.raw[256]);
	EXPECT_EQ(-EINVAL, mpipc_info_get(self->primary, &info.known, 255));
	EXPECT_EQ(0, mpipc_info_get(self->primary, &info.known, sizeof(info)));
	EXPECT_EQ(0, info.raw[sizeof(info) - 1]);
}

TEST_F(lib, options_may_be_of_another_version)
{
	struct {
		struct mpipc_send_options known;
		long unknown;
	} options = { .known.size = sizeof(options) };

	EXPECT_EQ(0, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, &options.known));
	options.unknown = 1;
	EXPECT_EQ(-E2BIG, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, &options.known));
	options.known.size = sizeof(size_t);
	EXPECT_EQ(-EINVAL, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, &options.known));
}

TEST_F(lib, options_are_as_short_as_in_the_first_version)
{
	size_t open_size = offsetof(struct mpipc_open_options, at);
	size_t call_size = offsetof(struct mpipc_call_options, call);
	struct mpipc_open_options open = { .size = open_size, .at = "/nonexistent" };
	struct mpipc_call_options call = { .size = call_size, .call = (uint64_t *)1 };
	struct mpipc_replies *replies;
	struct mpipc *handle;

	ASSERT_EQ(0, mpipc_open(&handle, self->group, MPIPC_SECONDARY, &open));
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, 0, &call, &replies));
	mpipc_replies_free(replies);
	mpipc_close(handle);
	open.size = open_size - 1;
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, self->group, MPIPC_SECONDARY, &open));
	call.size = call_size - 1;
	EXPECT_EQ(-EINVAL,
		  mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, 0, &call, &replies));
}

TEST_F(lib, low_descriptors_are_left_to_the_program)
{
	struct mpipc *handle;
	int before = dup(0), after;

	ASSERT_LE(0, before);
	close(before);
	ASSERT_EQ(0, mpipc_open(&handle, self->group, MPIPC_SECONDARY, NULL));
	after = dup(0);
	EXPECT_EQ(before, after);
	EXPECT_LE(64, mpipc_fd(handle));
	EXPECT_EQ(FD_CLOEXEC, fcntl(mpipc_fd(handle), F_GETFD));
	close(after);
	mpipc_close(handle);
}

TEST_F(lib, a_descriptor_of_the_device_is_as_good_as_its_path)
{
	struct mpipc_open_options options = {
		.size = sizeof(options), .flags = MPIPC_OPEN_FD,
	};
	struct mpipc *handle, *other;
	unsigned int before = count_fds();

	options.device_fd = open(MPIPC_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, options.device_fd);
	ASSERT_EQ(0, mpipc_open(&handle, self->group, MPIPC_SECONDARY, &options));
	EXPECT_EQ(-EISCONN, mpipc_open(&other, self->group, MPIPC_SECONDARY, &options));
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-EISCONN), "joined"));
	close(options.device_fd);
	EXPECT_EQ(1, mpipc_send(handle, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	mpipc_close(handle);
	EXPECT_EQ(1, mpipc_peers_get(self->primary, NULL, 0));
	EXPECT_EQ(before, count_fds());
}

/* A process in a sandbox has no device in its file system, and is not permitted to open one. */
TEST_F(lib, a_process_without_the_device_joins_by_a_descriptor_that_it_was_sent)
{
	struct mpipc_open_options options = {
		.size = sizeof(options), .flags = MPIPC_OPEN_FD,
	};
	struct mpipc *handle;
	struct child child;

	if (!fork_child(&child)) {
		options.device_fd = recv_scm(child.line);
		CHECK(options.device_fd >= 0);
		CHECK(!unshare(CLONE_NEWNS));
		CHECK(!mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
		CHECK(!mount("none", "/dev", "tmpfs", 0, NULL));
		CHECK(mpipc_open(&handle, self->group, MPIPC_SECONDARY, NULL) == -ENODEV);
		CHECK(!mpipc_open(&handle, self->group, MPIPC_SECONDARY, &options));
		CHECK(mpipc_send(handle, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL) == 1);
		_exit(0);
	}
	options.device_fd = open(MPIPC_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(0, send_scm(child.line, &options.device_fd, 1));
	close(options.device_fd);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
}

TEST_F(lib, a_bad_descriptor_of_the_device_is_refused)
{
	struct mpipc_open_options options = {
		.size = sizeof(options), .flags = MPIPC_OPEN_FD, .device_fd = -1,
	};
	struct mpipc *handle;

	EXPECT_EQ(-EBADF, mpipc_open(&handle, self->group, MPIPC_SECONDARY, &options));
	options.device_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	EXPECT_EQ(-ENOTTY, mpipc_open(&handle, self->group, MPIPC_SECONDARY, &options));
	options.device = MPIPC_DEVICE;
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, self->group, MPIPC_SECONDARY, &options));
	close(options.device_fd);
}

TEST_F(lib, the_path_of_the_device_can_be_an_option)
{
	struct mpipc_open_options options = { .size = sizeof(options), .device = MPIPC_DEVICE };
	struct mpipc *handle;

	setenv("MPIPC_DEVICE", "/nonexistent", 1);
	ASSERT_EQ(0, mpipc_open(&handle, self->group, MPIPC_SECONDARY, &options));
	mpipc_close(handle);
	options.device = "/nonexistent";
	EXPECT_EQ(-ENODEV, mpipc_open(&handle, self->group, MPIPC_SECONDARY, &options));
}

TEST_F(lib, a_low_limit_of_open_files_is_no_obstacle)
{
	struct rlimit limit = { .rlim_cur = 32, .rlim_max = 32 };
	struct mpipc *handle;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(0, mpipc_open(&handle, self->group, MPIPC_SECONDARY, NULL));
	EXPECT_LT(2, mpipc_fd(handle));
	EXPECT_GT(32, mpipc_fd(handle));
	mpipc_close(handle);
}

TEST_HARNESS_MAIN
