// SPDX-License-Identifier: GPL-2.0-only
/* Tests of calls to full mailboxes, and of calls that wait for space in them. */
#include "call.h"
#include "device.h"
#include "harness.h"
#include "message.h"
#include "thread.h"
#include "wait.h"

/* Full mailboxes */

/* Promise: P13 */
TEST_F(call, full_mailbox_is_a_result_and_delays_nobody)
{
	struct mpipc_info info;
	struct sync sync;
	__u64 lost;

	fill_mailbox(_metadata, self->primary, self->id[1]);
	ASSERT_EQ(0, get_info(self->peer[1], &info));
	lost = info.lost;
	ASSERT_EQ(0, sync_start(&sync, self->primary, MPIPC_TO_ALL, MPIPC_FOREVER));
	for (int i = 0; i < PEERS; i += 2) {
		ASSERT_EQ(0, reply_msg(self->peer[i],
				       take_request(_metadata, self->peer[i]), 0, NULL, 0));
	}
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	expect_replied(_metadata, &sync, self->id[0], 0);
	expect_unreplied(_metadata, &sync, self->id[1], -EAGAIN);
	expect_replied(_metadata, &sync, self->id[2], 0);
	ASSERT_EQ(0, get_info(self->peer[1], &info));
	EXPECT_EQ(lost + 1, info.lost);
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[1], sync.arg.id, 0, NULL, 0));
}

TEST_F(call, async_to_a_full_mailbox_has_its_result_at_once)
{
	struct mpipc_record record;
	__u64 call;

	fill_mailbox(_metadata, self->primary, self->id[0]);
	ASSERT_EQ(0, call_async(self->primary, self->id[0], "", 0, MPIPC_FOREVER, &call));
	ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
	EXPECT_EQ(MPIPC_REPLY_TO, record.type);
	EXPECT_EQ(call, record.call);
	EXPECT_EQ(self->id[0], record.peer);
	EXPECT_EQ(-EAGAIN, record.status);
	EXPECT_TRUE(is_last(&record));
}

static void drain(struct __test_metadata *_metadata, int fd, unsigned int n)
{
	struct mpipc_record record;

	while (n--) {
		ASSERT_EQ(0, recv_msg(fd, &record, NULL, 0));
		ASSERT_EQ(MPIPC_MESSAGE, record.type);
	}
}

TEST_F(call, wait_space_waits_for_the_full_and_not_with_the_others)
{
	unsigned int n = fill_mailbox(_metadata, self->primary, self->id[1]);
	struct sync sync;
	__u64 call;

	sync_prepare(&sync, MPIPC_TO_ALL);
	sync.arg.flags = MPIPC_CALL_WAIT_SPACE;
	ASSERT_EQ(0, sync_run(&sync, self->primary));
	for (int i = 0; i < PEERS; i += 2) {
		call = take_request(_metadata, self->peer[i]);
		ASSERT_EQ(0, reply_msg(self->peer[i], call, 0, NULL, 0));
	}
	ASSERT_EQ(0, ioctl_thread_asleep(&sync.thread));
	drain(_metadata, self->peer[1], n);
	EXPECT_EQ(call, take_request(_metadata, self->peer[1]));
	ASSERT_EQ(0, reply_msg(self->peer[1], call, 0, "space", 5));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	for (int i = 0; i < PEERS; i++)
		expect_replied(_metadata, &sync, self->id[i], 0);
}

/* Start a call that has to wait for space, and return when it does. */
static void wait_for_space(struct __test_metadata *_metadata, struct sync *sync, int fd,
			   __u64 to)
{
	sync_prepare(sync, to);
	sync->arg.flags = MPIPC_CALL_WAIT_SPACE;
	ASSERT_EQ(0, sync_run(sync, fd));
	ASSERT_EQ(0, ioctl_thread_asleep(&sync->thread));
}

static void reply_after_drain(struct __test_metadata *_metadata, struct sync *sync,
			      int fd, __u64 id, unsigned int n)
{
	__u64 call;

	drain(_metadata, fd, n);
	call = take_request(_metadata, fd);
	EXPECT_TRUE(mailbox_empty(fd));
	ASSERT_EQ(0, reply_msg(fd, call, 0, NULL, 0));
	ASSERT_EQ(0, sync_end(sync));
	ASSERT_EQ(1U, sync->arg.n_results);
	expect_replied(_metadata, sync, id, 0);
}

TEST_F(call, wait_space_is_not_disturbed_by_restarting_signals)
{
	unsigned int n = fill_mailbox(_metadata, self->primary, self->id[0]);
	struct sync sync;

	catch_signal(_metadata, SA_RESTART);
	wait_for_space(_metadata, &sync, self->primary, self->id[0]);
	for (int i = 0; i < 3; i++)
		interrupt(_metadata, &sync.thread);
	reply_after_drain(_metadata, &sync, self->peer[0], self->id[0], n);
}

TEST_F(call, wait_space_that_is_interrupted_made_no_call)
{
	unsigned int n = fill_mailbox(_metadata, self->primary, self->id[0]);
	struct sync sync;

	catch_signal(_metadata, 0);
	wait_for_space(_metadata, &sync, self->primary, self->id[0]);
	interrupt(_metadata, &sync.thread);
	ASSERT_EQ(-EINTR, sync_end(&sync));
	EXPECT_EQ(0U, sync.arg.id);
	ASSERT_EQ(0, sync_run(&sync, self->primary));
	ASSERT_EQ(0, ioctl_thread_asleep(&sync.thread));
	reply_after_drain(_metadata, &sync, self->peer[0], self->id[0], n);
}

TEST_F(call, wait_space_of_some_ends_with_a_signal_and_the_call_goes_on)
{
	struct sync sync;
	__u64 call;

	fill_mailbox(_metadata, self->primary, self->id[1]);
	catch_signal(_metadata, SA_RESTART);
	wait_for_space(_metadata, &sync, self->primary, MPIPC_TO_ALL);
	interrupt(_metadata, &sync.thread);
	for (int i = 0; i < PEERS; i += 2) {
		call = take_request(_metadata, self->peer[i]);
		ASSERT_EQ(0, reply_msg(self->peer[i], call, 0, NULL, 0));
	}
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	expect_replied(_metadata, &sync, self->id[0], 0);
	expect_unreplied(_metadata, &sync, self->id[1], -EAGAIN);
	expect_replied(_metadata, &sync, self->id[2], 0);
}

TEST_F(call, wait_space_that_nobody_had_ends_by_cancel)
{
	unsigned int n = fill_mailbox(_metadata, self->primary, self->id[0]);
	struct sync sync;

	wait_for_space(_metadata, &sync, self->primary, self->id[0]);
	ASSERT_EQ(0, cancel(self->primary, __atomic_load_n(&sync.arg.id, __ATOMIC_ACQUIRE)));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ(1U, sync.arg.n_results);
	expect_unreplied(_metadata, &sync, self->id[0], -ECANCELED);
	drain(_metadata, self->peer[0], n);
	EXPECT_TRUE(mailbox_empty(self->peer[0]));
}

TEST_F(call, wait_space_ends_at_the_deadline)
{
	unsigned int n = fill_mailbox(_metadata, self->primary, self->id[0]);
	struct sync sync;

	sync_prepare(&sync, self->id[0]);
	sync.arg.flags = MPIPC_CALL_WAIT_SPACE;
	sync.arg.deadline = in_ms(SHORT_MS);
	ASSERT_EQ(0, sync_run(&sync, self->primary));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_LE(sync.arg.deadline, now_ns());
	ASSERT_EQ(1U, sync.arg.n_results);
	expect_unreplied(_metadata, &sync, self->id[0], -ETIMEDOUT);
	drain(_metadata, self->peer[0], n);
	EXPECT_TRUE(mailbox_empty(self->peer[0]));
}

TEST_F(call, wait_space_ends_by_cancel)
{
	struct sync sync;
	__u64 call;

	fill_mailbox(_metadata, self->primary, self->id[1]);
	wait_for_space(_metadata, &sync, self->primary, MPIPC_TO_ALL);
	call = take_request(_metadata, self->peer[0]);
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, NULL, 0));
	ASSERT_EQ(0, cancel(self->primary, call));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	expect_replied(_metadata, &sync, self->id[0], 0);
	expect_unreplied(_metadata, &sync, self->id[1], -ECANCELED);
	expect_unreplied(_metadata, &sync, self->id[2], -ECANCELED);
}

TEST_F(call, wait_space_ends_with_its_destination)
{
	struct sync sync;

	fill_mailbox(_metadata, self->primary, self->id[0]);
	wait_for_space(_metadata, &sync, self->primary, self->id[0]);
	ASSERT_EQ(0, close(self->peer[0]));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ(1U, sync.arg.n_results);
	expect_unreplied(_metadata, &sync, self->id[0], -ECONNRESET);
}

TEST_HARNESS_MAIN
