// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of processes of DPDK that do not belong to root: the runtime directory, its files, the huge
 * pages and the device are open to a group of users. Files that DPDK makes later are open to their
 * owner only, so that the memory of processes of several users cannot grow on any route.
 */
#include "harness.h"

#include "member.h"

#define ALICE 2000
#define BOB 2001
#define GROUP "2002"

/* Let the members of the group do with these files what their owner may. */
static bool open_to_group(void)
{
	const char *const command =
		"files='/var/run/dpdk /dev/hugepages'; [ ! -e /dev/mpipc ] || files=\"$files /dev/mpipc\"; "
		"chgrp -R " GROUP " $files && chmod -R g=u $files";

	return !system(command);
}

FIXTURE(users)
{
	struct stat device;
	bool has_device;
};

FIXTURE_SETUP(users)
{
	begin();
	self->has_device = !stat("/dev/mpipc", &self->device);
	ASSERT_EQ(0, system("rm -rf /var/run/dpdk && mkdir /var/run/dpdk"));
	ASSERT_TRUE(open_to_group());
}

FIXTURE_TEARDOWN(users)
{
	kill_processes();
	EXPECT_EQ(0, system("rm -rf /var/run/dpdk && chown -R 0:0 /dev/hugepages"));
	if (self->has_device) {
		EXPECT_EQ(0, chown("/dev/mpipc", self->device.st_uid, self->device.st_gid));
		EXPECT_EQ(0, chmod("/dev/mpipc", self->device.st_mode & 07777));
	}
}

static struct process *start_member_of(uid_t user, bool is_primary)
{
	struct process *self;

	next_user = user;
	next_group = strtoul(GROUP, NULL, 10);
	self = start_member(is_primary, 0);
	next_user = 0;
	next_group = 0;
	return self;
}

/* Run a primary of one user and secondaries of another. */
static bool meet(uid_t of_primary, uid_t of_secondary)
{
	struct process *primary = start_member_of(of_primary, true), *secondary;

	if (!primary || !open_to_group())
		return false;
	secondary = start_member_of(of_secondary, false);
	if (!secondary || !belong_together(primary, secondary))
		return false;
	type(secondary, "quit");
	return !end(secondary);
}

TEST_F(users, a_secondary_of_a_user_belongs_to_a_primary_of_root)
{
	EXPECT_TRUE(meet(0, ALICE));
}

TEST_F(users, a_secondary_of_a_user_belongs_to_a_primary_of_another_user)
{
	EXPECT_TRUE(meet(BOB, ALICE));
}

TEST_F(users, a_secondary_of_root_belongs_to_a_primary_of_a_user)
{
	EXPECT_TRUE(meet(BOB, 0));
}

TEST_HARNESS_MAIN
