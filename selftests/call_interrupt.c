// SPDX-License-Identifier: GPL-2.0-only
/* Tests of calls that are cancelled, interrupted by signals, or given bad memory. */
#include "call.h"
#include "device.h"
#include "harness.h"
#include "message.h"
#include "thread.h"
#include "wait.h"

#include <stddef.h>

static void guard_open(char *guard)
{
	mprotect(guard, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE);
}

/* Make a call that a signal interrupts, so that nobody waits for it and it can be resumed. */
static void interrupted_call(struct __test_metadata *_metadata, struct sync *sync,
			     int fd, __u64 to, __u64 deadline)
{
	catch_signal(_metadata, 0);
	ASSERT_EQ(0, sync_start(sync, fd, to, deadline));
	interrupt(_metadata, &sync->thread);
	ASSERT_EQ(-EINTR, sync_end(sync));
	ASSERT_NE(0U, sync->arg.id);
}

/* Cancelling */

TEST_F(call, cancel_from_another_thread_ends_it_with_the_replies_there_are)
{
	struct sync sync;
	__u64 call;

	ASSERT_EQ(0, sync_start(&sync, self->primary, MPIPC_TO_ALL, MPIPC_FOREVER));
	call = take_request(_metadata, self->peer[2]);
	ASSERT_EQ(0, reply_msg(self->peer[2], call, 0, NULL, 0));
	EXPECT_EQ(-ESRCH, cancel(self->peer[0], call));
	EXPECT_EQ(-ESRCH, cancel(self->primary, call + 1000));
	ASSERT_EQ(0, ioctl_thread_asleep(&sync.thread));
	ASSERT_EQ(0, cancel(self->primary, call));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	expect_unreplied(_metadata, &sync, self->id[0], -ECANCELED);
	expect_unreplied(_metadata, &sync, self->id[1], -ECANCELED);
	expect_replied(_metadata, &sync, self->id[2], 0);
	EXPECT_EQ(-ESRCH, cancel(self->primary, call));
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[0], call, 0, NULL, 0));
}

TEST_F(call, cancel_by_the_id_that_is_known_while_it_waits)
{
	struct sync sync;
	__u64 call;

	ASSERT_EQ(0, sync_start(&sync, self->primary, self->id[0], MPIPC_FOREVER));
	call = take_request(_metadata, self->peer[0]);
	EXPECT_EQ(call, __atomic_load_n(&sync.arg.id, __ATOMIC_ACQUIRE));
	ASSERT_EQ(0, cancel(self->primary, call));
	ASSERT_EQ(0, sync_end(&sync));
	expect_unreplied(_metadata, &sync, self->id[0], -ECANCELED);
}

TEST_F(call, cancel_of_an_async_call_gives_the_missing_results)
{
	struct mpipc_record record;
	unsigned int cancelled = 0;
	__u64 call;

	ASSERT_EQ(0, call_async(self->primary, MPIPC_TO_ALL, "", 0, MPIPC_FOREVER, &call));
	take_request(_metadata, self->peer[0]);
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, NULL, 0));
	ASSERT_EQ(0, cancel(self->primary, call));
	record = take_result(_metadata, self->primary, call);
	EXPECT_EQ(self->id[0], record.peer);
	EXPECT_TRUE(is_replied(&record));
	for (int i = 1; i < PEERS; i++) {
		record = take_result(_metadata, self->primary, call);
		cancelled += record.status == -ECANCELED;
		EXPECT_FALSE(is_replied(&record));
		EXPECT_EQ(i == PEERS - 1, is_last(&record));
	}
	EXPECT_EQ(2U, cancelled);
	EXPECT_TRUE(mailbox_empty(self->primary));
	EXPECT_EQ(-ESRCH, cancel(self->primary, call));
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[1], call, 0, NULL, 0));
}

TEST_F(call, cancel_forgets_an_interrupted_call)
{
	struct sync sync;

	interrupted_call(_metadata, &sync, self->primary, self->id[0], MPIPC_FOREVER);
	ASSERT_EQ(0, cancel(self->primary, sync.arg.id));
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[0], sync.arg.id, 0, NULL, 0));
	EXPECT_EQ(-ESRCH, do_ioctl(self->primary, MPIPC_CALL, &sync.arg));
	EXPECT_EQ(-ESRCH, cancel(self->primary, sync.arg.id));
}

/* Signals */

TEST_F(call, restarting_signals_are_not_noticed)
{
	struct sync sync;
	__u64 call;

	catch_signal(_metadata, SA_RESTART);
	ASSERT_EQ(0, sync_start(&sync, self->primary, self->id[0], MPIPC_FOREVER));
	for (int i = 0; i < 5; i++)
		interrupt(_metadata, &sync.thread);
	call = take_request(_metadata, self->peer[0]);
	EXPECT_TRUE(mailbox_empty(self->peer[0]));
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, "calm", 5));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_EQ(call, sync.arg.id);
	ASSERT_EQ(1U, sync.arg.n_results);
	EXPECT_STREQ("calm", sync.replies[0]);
}

TEST_F(call, restarting_signals_do_not_move_the_deadline)
{
	__u64 deadline = in_ms(SHORT_MS);
	struct sync sync;

	catch_signal(_metadata, SA_RESTART);
	ASSERT_EQ(0, sync_start(&sync, self->primary, self->id[0], deadline));
	while (now_ns() < deadline && task_state(sync.thread.tid))
		pthread_kill(sync.thread.thread, SIGUSR1);
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_LE(deadline, now_ns());
	ASSERT_EQ(1U, sync.arg.n_results);
	expect_unreplied(_metadata, &sync, self->id[0], -ETIMEDOUT);
}

TEST_F(call, interrupted_call_goes_on_where_it_was)
{
	struct sync sync;
	__u64 call;

	interrupted_call(_metadata, &sync, self->primary, MPIPC_TO_ALL, MPIPC_FOREVER);
	call = sync.arg.id;
	EXPECT_EQ(call, take_request(_metadata, self->peer[0]));
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, "meanwhile", 10));
	ASSERT_EQ(0, close(self->peer[1]));

	ASSERT_EQ(0, sync_run(&sync, self->primary));
	ASSERT_EQ(0, ioctl_thread_asleep(&sync.thread));
	EXPECT_EQ(call, take_request(_metadata, self->peer[2]));
	EXPECT_TRUE(mailbox_empty(self->peer[0]));
	EXPECT_TRUE(mailbox_empty(self->peer[2]));
	ASSERT_EQ(0, reply_msg(self->peer[2], call, 0, "afterwards", 11));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	EXPECT_STREQ("meanwhile", sync_reply(_metadata, &sync, self->id[0]));
	expect_unreplied(_metadata, &sync, self->id[1], -ECONNRESET);
	EXPECT_STREQ("afterwards", sync_reply(_metadata, &sync, self->id[2]));
	EXPECT_EQ(-ESRCH, do_ioctl(self->primary, MPIPC_CALL, &sync.arg));
}

TEST_F(call, interrupted_call_keeps_its_deadline)
{
	__u64 deadline = in_ms(LONG_MS);
	struct sync sync;

	interrupted_call(_metadata, &sync, self->primary, self->id[0], deadline);
	sync.arg.deadline = MPIPC_FOREVER;
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_CALL, &sync.arg));
	EXPECT_LE(deadline, now_ns());
	expect_unreplied(_metadata, &sync, self->id[0], -ETIMEDOUT);
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[0], sync.arg.id, 0, NULL, 0));
}

TEST_F(call, interrupted_call_takes_no_reply_after_its_deadline)
{
	__u64 deadline = in_ms(LONG_MS);
	struct sync sync;

	interrupted_call(_metadata, &sync, self->primary, self->id[0], deadline);
	while (now_ns() < deadline)
		poll_for(self->primary, POLLIN, 10);
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[0], sync.arg.id, 0, "late", 5));
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_CALL, &sync.arg));
	expect_unreplied(_metadata, &sync, self->id[0], -ETIMEDOUT);
}

TEST_F(call, resuming_what_cannot_be_resumed_is_refused)
{
	struct mpipc_call_args arg;
	struct sync sync;
	__u64 async;

	interrupted_call(_metadata, &sync, self->primary, self->id[0], MPIPC_FOREVER);
	arg = sync.arg;
	arg.id += 1000;
	EXPECT_EQ(-ESRCH, do_ioctl(self->primary, MPIPC_CALL, &arg));
	EXPECT_EQ(-ESRCH, do_ioctl(self->peer[1], MPIPC_CALL, &sync.arg));
	arg = sync.arg;
	arg.flags = MPIPC_CALL_ASYNC;
	EXPECT_EQ(-EINVAL, do_ioctl(self->primary, MPIPC_CALL, &arg));
	arg = sync.arg;
	arg.reply_size--;
	EXPECT_EQ(-EINVAL, do_ioctl(self->primary, MPIPC_CALL, &arg));
	arg = sync.arg;
	arg.reply_fds++;
	EXPECT_EQ(-EINVAL, do_ioctl(self->primary, MPIPC_CALL, &arg));
	arg = sync.arg;
	arg.max_results = 0;
	EXPECT_EQ(-ENOSPC, do_ioctl(self->primary, MPIPC_CALL, &arg));

	ASSERT_EQ(0, call_async(self->primary, self->id[1], "", 0, MPIPC_FOREVER, &async));
	arg = sync.arg;
	arg.id = async;
	arg.reply_size = 0;
	EXPECT_EQ(-ESRCH, do_ioctl(self->primary, MPIPC_CALL, &arg));

	ASSERT_EQ(0, reply_msg(self->peer[0], sync.arg.id, 0, "still", 6));
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_CALL, &sync.arg));
	EXPECT_STREQ("still", sync.replies[0]);
}

TEST_F(call, only_one_thread_waits_for_a_call)
{
	struct mpipc_call_args second;
	struct sync sync;

	ASSERT_EQ(0, sync_start(&sync, self->primary, self->id[0], MPIPC_FOREVER));
	ASSERT_EQ(0, ioctl_thread_asleep(&sync.thread));
	second = sync.arg;
	second.id = take_request(_metadata, self->peer[0]);
	EXPECT_EQ(-EBUSY, do_ioctl(self->primary, MPIPC_CALL, &second));
	ASSERT_EQ(0, reply_msg(self->peer[0], second.id, 0, "x", 2));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_STREQ("x", sync.replies[0]);
}

TEST_F(call, interrupted_call_ends_with_its_endpoint)
{
	struct sync sync;

	interrupted_call(_metadata, &sync, self->primary, self->id[0], MPIPC_FOREVER);
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[0], sync.arg.id, 0, NULL, 0));
	EXPECT_EQ(-ESHUTDOWN, do_ioctl(self->primary, MPIPC_CALL, &sync.arg));
}

/* Bad memory and too little of it */

/* Have everybody reply to a call whose results cannot be stored at first, but later. */
static void fault_and_resume(struct __test_metadata *_metadata, struct sync *sync,
			     int fd, const int peer[PEERS], char *guard)
{
	ASSERT_EQ(0, sync_run(sync, fd));
	for (int i = 0; i < PEERS; i++) {
		ASSERT_EQ(0, reply_msg(peer[i], take_request(_metadata, peer[i]), 0,
				       "kept", 5));
	}
	ASSERT_EQ(-EFAULT, sync_end(sync));
	ASSERT_NE(0U, sync->arg.id);
	guard_open(guard);
	ASSERT_EQ(0, do_ioctl(fd, MPIPC_CALL, &sync->arg));
	ASSERT_EQ((__u32)PEERS, sync->arg.n_results);
	for (int i = 0; i < PEERS; i++) {
		EXPECT_TRUE(mailbox_empty(peer[i]));
	}
}

TEST_F(call, fault_in_the_results_keeps_the_call)
{
	char *guard = guard_page(_metadata);
	struct mpipc_record *results = (void *)(guard - sizeof(*results));
	struct sync sync;

	sync_prepare(&sync, MPIPC_TO_ALL);
	sync.arg.results = to_u64(results);
	fault_and_resume(_metadata, &sync, self->primary, self->peer, guard);
	memcpy(sync.results, results, sizeof(sync.results));
	for (int i = 0; i < PEERS; i++) {
		expect_replied(_metadata, &sync, self->id[i], 0);
		EXPECT_STREQ("kept", sync_reply(_metadata, &sync, self->id[i]));
	}
}

TEST_F(call, fault_in_the_replies_keeps_the_call)
{
	char *guard = guard_page(_metadata);
	char *replies = guard - REPLY_SIZE - 1;
	struct sync sync;

	sync_prepare(&sync, MPIPC_TO_ALL);
	sync.arg.reply_data = to_u64(replies);
	fault_and_resume(_metadata, &sync, self->primary, self->peer, guard);
	memcpy(sync.replies, replies, sizeof(sync.replies));
	for (int i = 0; i < PEERS; i++) {
		expect_replied(_metadata, &sync, self->id[i], 0);
		EXPECT_STREQ("kept", sync_reply(_metadata, &sync, self->id[i]));
	}
}

/* Promise: P2 */
TEST_F(call, argument_that_cannot_be_written_makes_no_call)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct mpipc_call_args *arg = (void *)(guard_page(_metadata) - page);
	struct mpipc_record result;

	*arg = call_arg(MPIPC_TO_PRIMARY, "", NULL, 0, &result, 1);
	ASSERT_EQ(0, mprotect(arg, page, PROT_READ));
	EXPECT_EQ(-EFAULT, do_ioctl(self->peer[0], MPIPC_CALL, arg));
	ASSERT_EQ(0, mprotect(arg, page, PROT_READ | PROT_WRITE));
	arg->flags = MPIPC_CALL_ASYNC;
	ASSERT_EQ(0, mprotect(arg, page, PROT_READ));
	EXPECT_EQ(-EFAULT, do_ioctl(self->peer[0], MPIPC_CALL, arg));
	EXPECT_TRUE(mailbox_empty(self->primary));
	EXPECT_TRUE(mailbox_empty(self->peer[0]));
}

/*
 * Place an argument so that the part from @from on is in memory of its own, which is protected like
 * this, and what comes before in other memory.
 */
static void *split(struct __test_metadata *_metadata, const void *arg, size_t size, size_t from,
		   int before, int behind)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	ASSERT_NE(MAP_FAILED, memory);
	memcpy(memory + page - from, arg, size);
	ASSERT_EQ(0, mprotect(memory, page, before));
	ASSERT_EQ(0, mprotect(memory + page, page, behind));
	return memory + page - from;
}

/* Promise: P2 */
TEST_F(call, argument_that_cannot_be_written_in_part_makes_no_call_and_no_reply)
{
	struct mpipc_reply_recv_args both = { .recv.deadline = 0 };
	struct mpipc_call_args call;
	struct mpipc_record result;
	struct sync sync;
	void *arg;

	call = call_arg(MPIPC_TO_PRIMARY, "", NULL, 0, &result, 1);
	arg = split(_metadata, &call, sizeof(call), offsetof(struct mpipc_call_args, n_results) + 8,
		    PROT_READ, PROT_READ | PROT_WRITE);
	EXPECT_EQ(-EFAULT, do_ioctl(self->peer[0], MPIPC_CALL, arg));
	arg = split(_metadata, &call, sizeof(call), offsetof(struct mpipc_call_args, id),
		    PROT_READ | PROT_WRITE, PROT_READ);
	EXPECT_EQ(-EFAULT, do_ioctl(self->peer[0], MPIPC_CALL, arg));
	EXPECT_TRUE(mailbox_empty(self->primary));

	ASSERT_EQ(0, sync_start(&sync, self->peer[0], MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	both.reply.call = take_request(_metadata, self->primary);
	arg = split(_metadata, &both, sizeof(both),
		    offsetof(struct mpipc_reply_recv_args, reply_error),
		    PROT_READ | PROT_WRITE, PROT_READ);
	EXPECT_EQ(-EFAULT, do_ioctl(self->primary, MPIPC_REPLY_RECV, arg));
	EXPECT_EQ(0, reply_msg(self->primary, both.reply.call, 0, NULL, 0));
	ASSERT_EQ(0, sync_end(&sync));
}

/* Promise: P2 */
TEST_F(call, too_few_results_make_no_call)
{
	struct sync sync;

	sync_prepare(&sync, MPIPC_TO_ALL);
	sync.arg.max_results = PEERS - 1;
	EXPECT_EQ(-ENOSPC, do_ioctl(self->primary, MPIPC_CALL, &sync.arg));
	EXPECT_EQ((__u32)PEERS, sync.arg.n_results);
	EXPECT_EQ(0U, sync.arg.id);
	for (int i = 0; i < PEERS; i++) {
		EXPECT_TRUE(mailbox_empty(self->peer[i]));
	}
}

TEST_HARNESS_MAIN
