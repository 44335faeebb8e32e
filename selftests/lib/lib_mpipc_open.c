// SPDX-License-Identifier: GPL-2.0-only
/* Tests of libmpipc: opening a handle, and what the hint says when that fails. */
#include "child.h"
#include "harness.h"
#include "lib_mpipc.h"
#include "user.h"
#include "wait.h"

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

	become_user(1000, 1000);
	return mpipc_open(&handle, group, MPIPC_SECONDARY, NULL);
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
