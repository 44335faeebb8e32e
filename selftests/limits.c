// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of limits: each limit is exact, is shared as promised, and is given back when whoever
 * held something is killed. The columns name the tests.
 *
 * limit                 error         exact                    after kill -9
 * payload               EMSGSIZE      payload_of_65536_bytes_  (holds nothing)
 * name of a message     EINVAL        name_of_63_bytes_        (holds nothing)
 * files of a message    EMSGSIZE      message_carries_253_     (holds nothing)
 * mailbox_messages      EAGAIN        mailbox_holds_           mailbox_is_given_back_
 * mailbox_bytes         EAGAIN        mailbox_holds_           mailbox_is_given_back_
 * group_endpoints       ENOSPC        group_has_               group_has_
 * user_endpoints        EDQUOT        user_has_                user_has_
 * user_groups           EDQUOT        user_has_                user_has_
 * user_bytes, messages  EDQUOT        bytes_of_messages_are_   bytes_are_given_back_
 * user_bytes, one box   EAGAIN        who_does_not_read_       (see messages)
 * user_bytes, replies   EDQUOT        bytes_of_replies_are_    bytes_of_replies_are_
 * files in flight       ETOOMANYREFS  user_has_                files_are_given_back_
 * endpoint_calls        EMFILE        endpoint_has_            calls_are_given_back_
 *
 * Tests of a group's name are in join.c, and tests of memory cgroups in memcg.c.
 *
 * Promise: P14
 */
#include "child.h"
#include "device.h"
#include "harness.h"
#include "limits.h"
#include "message.h"
#include "parameter.h"

/* Of one message */

TEST_F(limits, payload_of_65536_bytes_passes_whole)
{
	int primary = open_primary(self->group);
	int secondary = open_secondary(self->group);
	char *copy = calloc(1, MPIPC_SIZE_MAX);

	ASSERT_LE(0, secondary);
	for (__u32 i = 0; i < MPIPC_SIZE_MAX; i++)
		self->data[i] = i * 7 + i / 256;
	EXPECT_EQ(-EMSGSIZE, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data,
				      MPIPC_SIZE_MAX + 1));
	ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data,
			      MPIPC_SIZE_MAX));
	ASSERT_EQ(0, recv_msg(primary, &self->record, copy, MPIPC_SIZE_MAX));
	EXPECT_EQ(MPIPC_SIZE_MAX, self->record.size);
	EXPECT_EQ(0, memcmp(self->data, copy, MPIPC_SIZE_MAX));
	free(copy);
}

TEST_F(limits, name_of_63_bytes_passes_whole)
{
	int primary = open_primary(self->group);
	int secondary = open_secondary(self->group);
	struct mpipc_send_args send = { .to = MPIPC_TO_PRIMARY };

	ASSERT_LE(0, secondary);
	memset(send.body.name, 'n', MPIPC_NAME_MAX);
	EXPECT_EQ(-EINVAL, do_ioctl(secondary, MPIPC_SEND, &send));
	send.body.name[MPIPC_NAME_MAX - 1] = '\0';
	EXPECT_EQ(0, do_ioctl(secondary, MPIPC_SEND, &send));
	ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	EXPECT_STREQ(send.body.name, self->record.name);
	EXPECT_EQ(-EAGAIN, recv_msg(primary, &self->record, NULL, 0));
}

TEST_F(limits, message_carries_253_descriptors)
{
	int primary = open_primary(self->group);
	int secondary = open_secondary(self->group);
	int fds[MPIPC_FDS_MAX + 1] = { }, got[MPIPC_FDS_MAX];

	ASSERT_LE(0, secondary);
	EXPECT_EQ(-EMSGSIZE, send_fds(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0, fds,
				      MPIPC_FDS_MAX + 1));
	ASSERT_EQ(0, send_fds(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0, fds,
			      MPIPC_FDS_MAX));
	ASSERT_EQ(0, recv_fds(primary, &self->record, NULL, 0, got, MPIPC_FDS_MAX, 0));
	EXPECT_EQ(MPIPC_FDS_MAX, self->record.n_fds);
	for (int i = 0; i < MPIPC_FDS_MAX; i++)
		ASSERT_EQ(0, close(got[i]));
}

/* Of one mailbox */

TEST_F(limits, mailbox_holds_so_many_messages)
{
	int primary = open_small(self->group, MPIPC_PRIMARY, 0, 5);
	int secondary = open_secondary(self->group);
	struct mpipc_info info;

	ASSERT_LE(0, secondary);
	/*
	 * The size of a mailbox is fixed at the join; a later change in either direction
	 * has no effect.
	 */
	ASSERT_EQ(0, set_param("mailbox_messages", 2));
	ASSERT_EQ(0, get_info(primary, &info));
	EXPECT_EQ(5, info.max_messages);
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(-EAGAIN, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(-EAGAIN, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
}

TEST_F(limits, mailbox_holds_so_many_bytes)
{
	int primary, secondary = -1;
	struct mpipc_info info;

	ASSERT_EQ(0, set_param("mailbox_bytes", 100000));
	primary = open_primary(self->group);
	secondary = open_secondary(self->group);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, get_info(primary, &info));
	EXPECT_EQ(100000, info.max_bytes);
	ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 60000));
	EXPECT_EQ(-EAGAIN, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 40001));
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 40000));
	EXPECT_EQ(-EAGAIN, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 1));
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_EQ(0, recv_msg(primary, &self->record, self->data, 60000));
	EXPECT_EQ(-EAGAIN, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 60001));
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 60000));
}

TEST_F(limits, message_that_never_fits_is_not_waited_for)
{
	struct mpipc_send_args send = { .to = MPIPC_TO_ALL, .deadline = MPIPC_FOREVER };
	int primary, secondary = -1;

	ASSERT_EQ(0, set_param("mailbox_bytes", 1000));
	primary = open_primary(self->group);
	secondary = open_secondary(self->group);
	ASSERT_LE(0, secondary);
	send.body = make_body("m", self->data, 1001, NULL, 0);
	EXPECT_EQ(0, do_ioctl(primary, MPIPC_SEND, &send));
	EXPECT_EQ(0, send.sent);
	EXPECT_EQ(1, send.full);
	send.to = MPIPC_TO_PRIMARY;
	EXPECT_EQ(-EMSGSIZE, do_ioctl(secondary, MPIPC_SEND, &send));
	send.body.size = 1000;
	EXPECT_EQ(0, do_ioctl(secondary, MPIPC_SEND, &send));
	ASSERT_EQ(0, recv_msg(primary, &self->record, self->data, 1000));
	EXPECT_EQ(1, self->record.lost);
	ASSERT_EQ(0, send_msg(primary, MPIPC_TO_ALL, "m", NULL, 0));
	ASSERT_EQ(0, recv_msg(secondary, &self->record, NULL, 0));
	EXPECT_EQ(1, self->record.lost);
}

/* Promise: P13 */
TEST_F(limits, no_user_but_the_owner_fills_a_primary)
{
	struct child alice, bob;
	struct order order;
	int primary, own;

	ASSERT_EQ(0, set_param("mailbox_messages", 16));
	primary = open_public(self->group);
	own = open_secondary(self->group);
	ASSERT_LE(0, own);
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	ASSERT_EQ(0, start_sender(&bob, self->bob, self->group, 0));

	/* A user gets half of what the others leave. */
	order = send_all(&alice, 0, 0);
	EXPECT_EQ(-EAGAIN, order.err);
	EXPECT_EQ(8, order.done);
	order = send_all(&bob, 0, 0);
	EXPECT_EQ(-EAGAIN, order.err);
	EXPECT_EQ(4, order.done);
	EXPECT_EQ(0, send_all(&alice, 0, 0).done);
	/* The owner takes all of the mailbox. */
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, send_msg(own, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(-EAGAIN, send_msg(own, MPIPC_TO_PRIMARY, "m", NULL, 0));

	/* Messages that are taken out are given back to the users, even after they died. */
	EXPECT_EQ(128 + SIGKILL, child_kill(&alice));
	for (int i = 0; i < 16; i++)
		ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	EXPECT_EQ(8, send_all(&bob, 0, 0).done);
}

TEST_F(limits, share_is_the_users_however_many_endpoints)
{
	struct child first, second, third, fourth;
	int primary;

	ASSERT_EQ(0, set_param("mailbox_messages", 16));
	primary = open_public(self->group);
	ASSERT_LE(0, primary);
	ASSERT_EQ(0, start_sender(&first, self->alice, self->group, 0));
	ASSERT_EQ(0, start_sender(&second, self->alice, self->group, 0));
	EXPECT_EQ(8, send_all(&first, 0, 0).done);
	EXPECT_EQ(0, send_all(&second, 0, 0).done);
	/* Messages that are still in the mailbox count for endpoints that come later. */
	EXPECT_EQ(128 + SIGKILL, child_kill(&first));
	EXPECT_EQ(128 + SIGKILL, child_kill(&second));
	ASSERT_EQ(0, start_sender(&third, self->alice, self->group, 0));
	EXPECT_EQ(0, send_all(&third, 0, 0).done);
	for (int i = 0; i < 8; i++)
		ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	ASSERT_EQ(0, start_sender(&fourth, self->alice, self->group, 0));
	EXPECT_EQ(8, send_all(&third, 0, 0).done);
	EXPECT_EQ(0, send_all(&fourth, 0, 0).done);
}

TEST_F(limits, share_of_a_user_counts_bytes_too)
{
	struct child alice, bob;
	int own;

	ASSERT_EQ(0, set_param("mailbox_bytes", 64000));
	ASSERT_LE(0, open_public(self->group));
	own = open_secondary(self->group);
	ASSERT_LE(0, own);
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	ASSERT_EQ(0, start_sender(&bob, self->bob, self->group, 0));
	EXPECT_EQ(32, send_all(&alice, 1000, 0).done);
	EXPECT_EQ(16, send_all(&bob, 1000, 0).done);
	EXPECT_EQ(0, send_msg(own, MPIPC_TO_PRIMARY, "m", self->data, 16000));
	EXPECT_EQ(-EAGAIN, send_msg(own, MPIPC_TO_PRIMARY, "m", self->data, 1));
}

TEST_F(limits, mailbox_is_given_back_when_its_owner_is_killed)
{
	struct child alice, receiver;

	ASSERT_EQ(0, set_param("mailbox_messages", 16));
	ASSERT_EQ(0, set_param("mailbox_bytes", 64000));
	ASSERT_LE(0, start_holder(&receiver, 0, open_public, self->group));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	EXPECT_EQ(8, send_all(&alice, 1000, 0).done);
	EXPECT_EQ(0, send_all(&alice, 0, 0).done);
	/* Alice's share of the next mailbox is not what is left of this one. */
	EXPECT_EQ(128 + SIGKILL, child_kill(&receiver));
	ASSERT_LE(0, start_holder(&receiver, 0, open_primary, self->group));
	EXPECT_EQ(4, send_all(&alice, 8000, 0).done);
	EXPECT_EQ(4, send_all(&alice, 0, 0).done);
	EXPECT_EQ(128 + SIGKILL, child_kill(&receiver));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(8, send_all(&alice, 1000, 0).done);
}

/* Endpoints and groups */

static int hold_one_secondary(const char *group)
{
	return open_secondary(group);
}

TEST_F(limits, group_has_so_many_endpoints)
{
	struct mpipc_info info;
	struct child holder;
	int primary;

	ASSERT_EQ(0, set_param("group_endpoints", 3));
	primary = open_primary(self->group);
	ASSERT_LE(0, primary);
	ASSERT_LE(0, open_secondary(self->group));
	ASSERT_LE(0, start_holder(&holder, 0, hold_one_secondary, self->group));
	EXPECT_EQ(-ENOSPC, open_secondary(self->group));
	ASSERT_EQ(0, get_info(primary, &info));
	EXPECT_EQ(3, info.max_endpoints);
	/* The limit is for one group. */
	EXPECT_LE(0, open_primary(self->other));
	EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
	EXPECT_LE(0, open_secondary(self->group));
	EXPECT_EQ(-ENOSPC, open_secondary(self->group));
}

TEST_F(limits, place_of_a_dead_primary_can_be_taken)
{
	int primary;

	ASSERT_EQ(0, set_param("group_endpoints", 2));
	primary = open_primary(self->group);
	ASSERT_LE(0, open_secondary(self->group));
	ASSERT_EQ(0, close(primary));
	EXPECT_LE(0, open_primary(self->group));
}

static int hold_primary_and_secondary(const char *group)
{
	int fd = open_public(group);

	return fd < 0 ? fd : open_secondary(group);
}

TEST_F(limits, user_has_so_many_endpoints)
{
	struct child stays, holder;
	char public[MPIPC_GROUP_MAX];

	group_name(public, "public");
	ASSERT_LE(0, open_public(public));
	ASSERT_EQ(0, set_param("user_endpoints", 3));
	/* An endpoint stays, so that the user is never forgotten and begun anew. */
	ASSERT_LE(0, start_holder(&stays, self->alice, open_secondary, public));
	for (int round = 0; round < 2; round++) {
		ASSERT_LE(0, start_holder(&holder, self->alice, hold_primary_and_secondary,
					  self->group));
		EXPECT_EQ(-EDQUOT, attempt(self->alice, open_secondary, self->group));
		EXPECT_EQ(-EDQUOT, attempt(self->alice, open_primary, self->other));
		EXPECT_EQ(0, attempt(self->bob, open_secondary, self->group));
		EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
	}
}

TEST_F(limits, endpoint_that_left_does_not_count)
{
	int primary, secondary;

	ASSERT_EQ(0, set_param("group_endpoints", 2));
	primary = open_primary(self->group);
	secondary = open_secondary(self->group);
	ASSERT_LE(0, primary);
	ASSERT_EQ(0, leave(secondary));
	EXPECT_LE(0, open_secondary(self->group));
}

static int hold_two_groups(const char *group)
{
	char second[MPIPC_GROUP_MAX + 8];
	int fd = open_public(group);

	snprintf(second, sizeof(second), "%s.2", group);
	return fd < 0 ? fd : open_public(second);
}

TEST_F(limits, user_has_so_many_groups)
{
	struct child stays, holder;

	ASSERT_EQ(0, set_param("user_groups", 3));
	ASSERT_LE(0, start_holder(&stays, self->alice, open_public, self->other));
	for (int round = 0; round < 2; round++) {
		char third[MPIPC_GROUP_MAX];

		group_name(third, "third");
		ASSERT_LE(0, start_holder(&holder, self->alice, hold_two_groups, self->group));
		EXPECT_EQ(-EDQUOT, attempt(self->alice, open_primary, third));
		EXPECT_EQ(0, attempt(self->bob, open_primary, third));
		/* A user that joins a group does not have one. */
		EXPECT_EQ(0, attempt(self->alice, open_secondary, self->group));
		EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
	}
}

TEST_F(limits, group_counts_for_the_user_of_its_primary_and_no_longer)
{
	struct child creator, guest;

	ASSERT_EQ(0, set_param("user_groups", 1));
	ASSERT_LE(0, start_holder(&creator, self->alice, open_public, self->group));
	ASSERT_LE(0, start_holder(&guest, self->bob, open_secondary, self->group));
	EXPECT_EQ(-EDQUOT, attempt(self->alice, open_primary, self->other));
	EXPECT_EQ(128 + SIGKILL, child_kill(&creator));
	/* The guest keeps the group, for which nobody pays any more. */
	EXPECT_EQ(0, attempt(self->alice, open_primary, self->other));
	EXPECT_EQ(0, attempt(self->bob, open_primary, self->other));
	ASSERT_LE(0, start_holder(&creator, self->alice, open_public, self->group));
	EXPECT_EQ(-EDQUOT, attempt(self->alice, open_primary, self->other));
	EXPECT_EQ(128 + SIGKILL, child_kill(&creator));
	EXPECT_EQ(128 + SIGKILL, child_kill(&guest));
}

TEST_F(limits, refused_join_costs_nothing)
{
	ASSERT_LE(0, open_public(self->group));
	ASSERT_EQ(0, set_param("user_groups", 1));
	ASSERT_EQ(0, set_param("user_endpoints", 1));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-EADDRINUSE, attempt(0, open_primary, self->group));
		EXPECT_EQ(-EACCES, attempt(self->alice, open_primary, self->group));
		EXPECT_EQ(-EDQUOT, attempt(self->alice, hold_two_groups, self->other));
	}
	EXPECT_EQ(0, attempt(self->alice, open_primary, self->other));
}

TEST_HARNESS_MAIN
