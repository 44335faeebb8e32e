// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of anchored groups: which group a join at a file finds, from which namespaces, how long the
 * group lasts, and how its members are listed.
 */
#include "anchor.h"
#include "fd.h"
#include "user.h"

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

TEST_HARNESS_MAIN
