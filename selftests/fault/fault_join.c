// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of opening, joining and leaving, when each thing fails in turn.
 *
 * Promise: P1
 */
#include "device.h"
#include "fault.h"
#include "harness.h"
#include "message.h"

#include <sys/mount.h>

#define OTHER_USER 1000

/* Files and members */

TEST_FAULT(open_gives_a_file_that_can_join_or_none)
{
	FOR_EACH_FAULT(fault) {
		int fd = WITH_FAULT(fault, do_open(MPIPC_DEVICE, O_RDWR));

		expect_clean(_metadata, &fault, fd < 0 ? fd : 0);
		if (fd < 0)
			continue;
		EXPECT_EQ(0, join_secondary(fd, self->group));
		expect_talk(_metadata, self->primary, fd);
		close(fd);
	}
	expect_all_talk(_metadata, self);
}

/* Open and join as another user, who may do what root may. */
static int open_as_other(const char *group, enum mpipc_role role, __u32 flags)
{
	int fd;

	if (setresuid(OTHER_USER, -1, -1))
		return -errno;
	fd = open_joined(group, role, flags);
	return setresuid(0, -1, -1) ? -errno : fd;
}

/* Open and join, at once or after that failed cleanly. */
static int join_despite(struct __test_metadata *_metadata, struct fault *fault,
			const char *group, enum mpipc_role role, __u32 flags)
{
	int fd = open_dev();
	int ret = WITH_FAULT(*fault, join_flags(fd, group, role, flags));

	expect_clean(_metadata, fault, ret);
	if (!ret)
		return fd;
	/* The endpoint has left again if its id could not be written. */
	if (ret == -EFAULT && leave(fd) == -ESHUTDOWN) {
		close(fd);
		return open_joined(group, role, flags);
	}
	EXPECT_EQ(0, join_flags(fd, group, role, flags));
	return fd;
}

/* Expect that there is nothing but so many events of that kind. */
static void expect_events(struct __test_metadata *_metadata, int fd, int type, int n)
{
	while (n--)
		expect_record(_metadata, fd, type, 0);
	expect_empty(_metadata, fd);
}

/* The tests below use one fault, and then no more memory from there on. */
static const struct fault ways_to_fail[] = {
	{ .fired = true },
	{ .fired = true, .lasting = true },
};

static void try_first_primary(struct __test_metadata *_metadata, const char *group,
			      struct fault fault)
{
	while (next_fault(_metadata, &fault)) {
		int primary = join_despite(_metadata, &fault, group, MPIPC_PRIMARY, 0);
		int secondary = open_secondary(group);

		ASSERT_LE(0, secondary);
		expect_talk(_metadata, primary, secondary);
		close(secondary);
		close(primary);
		EXPECT_EQ(-ENOENT, open_secondary(group));
	}
}

TEST_FAULT(first_primary_makes_the_group_or_leaves_no_trace)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways_to_fail); i++)
		try_first_primary(_metadata, self->other, ways_to_fail[i]);
}

static void try_secondary(struct __test_metadata *_metadata, const char *group, int primary,
			  uid_t uid, struct fault fault)
{
	while (next_fault(_metadata, &fault)) {
		int secondary;

		ASSERT_EQ(0, setresuid(uid, -1, -1));
		secondary = join_despite(_metadata, &fault, group, MPIPC_SECONDARY,
					 MPIPC_JOIN_EVENTS);
		ASSERT_EQ(0, setresuid(0, -1, -1));
		expect_events(_metadata, primary, MPIPC_JOINED, 1);
		expect_events(_metadata, secondary, MPIPC_JOINED, 1);
		expect_talk(_metadata, primary, secondary);
		close(secondary);
		expect_events(_metadata, primary, MPIPC_LEFT, 1);
	}
}

TEST_FAULT(secondary_joins_and_is_reported_once)
{
	int primary = open_joined(self->other, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);

	ASSERT_LE(0, primary);
	for (size_t i = 0; i < ARRAY_SIZE(ways_to_fail); i++) {
		try_secondary(_metadata, self->other, primary, 0, ways_to_fail[i]);
		try_secondary(_metadata, self->other, primary, OTHER_USER, ways_to_fail[i]);
	}
	close(primary);
}

TEST_FAULT(member_keeps_the_mount_that_it_joined_by_and_nobody_else_does)
{
	char path[] = "/tmp/mpipc-fault.XXXXXX";

	ASSERT_NE(NULL, mkdtemp(path));
	FOR_EACH_FAULT(fault) {
		struct mpipc_join_args join = join_arg(self->other, MPIPC_PRIMARY);
		int fd = open_dev(), ret;

		ASSERT_EQ(0, mount("fault", path, "tmpfs", 0, NULL));
		join.flags = MPIPC_JOIN_ANCHOR;
		join.anchor = open(path, O_PATH | O_CLOEXEC);
		ret = WITH_FAULT(fault, do_ioctl(fd, MPIPC_JOIN, &join));
		expect_clean(_metadata, &fault, ret);
		close(join.anchor);
		EXPECT_EQ(ret ? 0 : -1, umount(path));
		close(fd);
		if (!ret)
			EXPECT_EQ(0, umount(path));
	}
	EXPECT_EQ(0, rmdir(path));
	expect_all_talk(_metadata, self);
}

/* Only the first two of the followers asked for events. */
static void try_next_primary(struct __test_metadata *_metadata, const char *group,
			     const int *followers, int n, struct fault fault)
{
	while (next_fault(_metadata, &fault)) {
		int primary = join_despite(_metadata, &fault, group, MPIPC_PRIMARY,
					   MPIPC_JOIN_EVENTS);

		expect_events(_metadata, primary, MPIPC_JOINED, n);
		for (int i = 0; i < 2; i++)
			expect_events(_metadata, followers[i], MPIPC_JOINED, 1);
		for (int i = 0; i < n; i++)
			expect_talk(_metadata, primary, followers[i]);
		close(primary);
		for (int i = 0; i < 2; i++)
			expect_events(_metadata, followers[i], MPIPC_LEFT, 1);
	}
}

TEST_FAULT(primary_joins_with_all_its_followers)
{
	const __u32 events = MPIPC_JOIN_EVENTS, follow = MPIPC_JOIN_FOLLOW;
	int primary = open_primary(self->other);
	int followers[] = {
		open_joined(self->other, MPIPC_SECONDARY, follow | events),
		open_as_other(self->other, MPIPC_SECONDARY, follow | events),
		open_as_other(self->other, MPIPC_SECONDARY, follow),
	};
	const int n = ARRAY_SIZE(followers);

	/* Take these events, because the kernel retracts events that nobody has read. */
	for (int i = 0; i < 2; i++)
		expect_events(_metadata, followers[i], MPIPC_JOINED, 1);
	close(primary);
	for (int i = 0; i < 2; i++)
		expect_events(_metadata, followers[i], MPIPC_LEFT, 1);
	for (size_t i = 0; i < ARRAY_SIZE(ways_to_fail); i++)
		try_next_primary(_metadata, self->other, followers, n, ways_to_fail[i]);
	for (int i = 0; i < n; i++)
		close(followers[i]);
}

/*
 * Two endpoints hold all sorts of things for each other: messages with files, requests that
 * nobody replied to, results that nobody took.
 */
struct couple {
	int primary;
	int secondary;
	struct cargo down;
	struct cargo up;
};

static void couple_make(struct __test_metadata *_metadata, struct couple *couple,
			const char *group)
{
	__u64 id;

	couple->primary = open_joined(group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, couple->primary);
	couple->secondary = open_joined(group, MPIPC_SECONDARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, couple->secondary);
	id = endpoint_id(couple->secondary);
	expect_events(_metadata, couple->primary, MPIPC_JOINED, 1);
	expect_events(_metadata, couple->secondary, MPIPC_JOINED, 1);

	/* Each endpoint was asked before and has replied, and the rest stays. */
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, call_async(couple->primary, id, "", 0, MPIPC_FOREVER, NULL));
		ASSERT_EQ(0, call_async(couple->secondary, MPIPC_TO_PRIMARY, "", 0,
					MPIPC_FOREVER, NULL));
		if (i)
			break;
		send_reply(_metadata, couple->primary, (struct load){ });
		send_reply(_metadata, couple->secondary, (struct load){ });
	}
	cargo_make(_metadata, &couple->down, loads[1]);
	cargo_make(_metadata, &couple->up, loads[1]);
	ASSERT_EQ(0, send_fds(couple->primary, id, "", NULL, 0, couple->down.fds, MOST_FDS));
	ASSERT_EQ(0, send_fds(couple->secondary, MPIPC_TO_PRIMARY, "", NULL, 0, couple->up.fds,
			      MOST_FDS));
	cargo_let_go(&couple->down);
	cargo_let_go(&couple->up);
}

/* Expect what one endpoint has of another one that is gone. */
static void expect_parted(struct __test_metadata *_metadata, const struct fault *fault, int fd,
			  const struct cargo *dropped, const struct cargo *arrived)
{
	struct mpipc_record record;

	expect_cargo_gone(_metadata, dropped);
	expect_record(_metadata, fd, MPIPC_REPLY_TO, 0);
	ASSERT_EQ(0, receive(fd, &record));
	EXPECT_EQ(MPIPC_REQUEST, record.type);
	EXPECT_EQ(-ESRCH, reply_msg(fd, record.call, 0, NULL, 0));
	ASSERT_EQ(0, receive(fd, &record));
	EXPECT_EQ(MPIPC_MESSAGE, record.type);
	EXPECT_EQ(MOST_FDS, record.n_fds);
	expect_fds(_metadata, fault, received_fds[0], MOST_FDS);
	expect_cargo_gone(_metadata, arrived);
	expect_record(_metadata, fd, MPIPC_REPLY_TO, -ECONNRESET);
	expect_events(_metadata, fd, MPIPC_LEFT, 1);
}

/*
 * Try to leave or close, in which nothing should be able to fail but in the kernel around
 * it.
 */
static void try_part(struct __test_metadata *_metadata, const char *group, bool primary_goes,
		     int (*part)(int fd))
{
	struct fault fault = { .fired = true, .optional = true };

	while (next_fault(_metadata, &fault)) {
		struct couple couple;

		couple_make(_metadata, &couple, group);
		if (primary_goes) {
			EXPECT_EQ(0, WITH_FAULT(fault, part(couple.primary)));
			expect_parted(_metadata, &fault, couple.secondary, &couple.up,
				      &couple.down);
		} else {
			EXPECT_EQ(0, WITH_FAULT(fault, part(couple.secondary)));
			expect_parted(_metadata, &fault, couple.primary, &couple.down,
				      &couple.up);
		}
		close(couple.primary);
		close(couple.secondary);
	}
}

TEST_FAULT(close_always_ends_the_membership)
{
	try_part(_metadata, self->other, true, close);
	try_part(_metadata, self->other, false, close);
}

TEST_FAULT(leaving_always_ends_the_membership)
{
	try_part(_metadata, self->other, true, leave);
	try_part(_metadata, self->other, false, leave);
}

TEST_HARNESS_MAIN
