// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests that processes that are stopped, or get no processor, delay nobody.
 *
 * Promise: P13
 */
#include "child.h"
#include "device.h"
#include "harness.h"
#include "isolation.h"
#include "message.h"
#include "parameter.h"
#include "thread.h"
#include "wait.h"

/* Stopped members */

static int receive_and_wait(struct actor *actor)
{
	struct mpipc_record record;

	return recv_wait(actor->fd, &record, NULL, 0);
}

static int read_and_wait(struct actor *actor)
{
	struct mpipc_record record;
	ssize_t ret = read(actor->fd, &record, sizeof(record));

	return ret < 0 ? -errno : ret == sizeof(record) ? 0 : -EIO;
}

static int call_and_wait(struct actor *actor)
{
	__u64 results;
	struct mpipc_call_args call;

	return call_with_slow(actor, &results, &call);
}

static int join_and_wait(struct actor *actor)
{
	struct mpipc_join_args join = join_arg("", MPIPC_SECONDARY);

	snprintf(join.group, sizeof(join.group), "%.100s.late", actor->group);
	join.deadline = MPIPC_FOREVER;
	return do_ioctl(open_dev(), MPIPC_JOIN, &join);
}

/* Stop the actor in what it does. */
static void stop_actor(struct __test_metadata *_metadata, struct actor *actor)
{
	int tid = order_actor(actor, ACT), status;

	ASSERT_LT(0, tid);
	ASSERT_EQ(0, wait_asleep(tid));
	ASSERT_EQ(0, kill(actor->child.pid, SIGSTOP));
	ASSERT_EQ(actor->child.pid, waitpid(actor->child.pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
}

static void continue_actor(struct __test_metadata *_metadata, struct actor *actor)
{
	EXPECT_EQ('T', task_state(actor->child.pid));
	ASSERT_EQ(0, kill(actor->child.pid, SIGCONT));
	/* The event that the actor waited for came long ago. */
	EXPECT_EQ(0, order_actor(actor, WAIT));
	EXPECT_EQ(0, order_actor(actor, RELEASE));
	EXPECT_EQ(0, child_wait(&actor->child));
}

TEST(stopped_secondary_delays_nobody)
{
	static int (*const acts[])(struct actor *actor) = {
		receive_and_wait, read_and_wait, call_and_wait, join_and_wait,
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(acts); i++) {
		FIXTURE_VARIANT(stuck) variant = {
			.role = MPIPC_SECONDARY,
			.act = acts[i / 2],
		};
		FIXTURE_DATA(stuck) self = { };
		char late[MPIPC_GROUP_MAX];

		set_up(_metadata, &self, &variant);
		stop_actor(_metadata, &self.actor);
		if (variant.act == call_and_wait)
			reply_actor(_metadata, &self, variant.role);
		snprintf(late, sizeof(late), "%.100s.late", self.group);
		ASSERT_LE(0, open_primary(late));
		primary_goes_on(_metadata, &self);
		caller_goes_on(_metadata, &self, variant.role);
		others_come_and_go(_metadata, &self);
		if (i % 2) {
			EXPECT_EQ(128 + SIGKILL, child_kill(&self.actor.child));
			EXPECT_EQ(2, count_members(self.first));
		} else {
			continue_actor(_metadata, &self.actor);
		}
		close_range(3, ~0U, 0);
	}
}

TEST(stopped_primary_delays_nobody)
{
	FIXTURE_VARIANT(stuck) variant = { .role = MPIPC_PRIMARY, .act = receive_and_wait };
	FIXTURE_DATA(stuck) self = { };
	struct mpipc_record result = { };
	struct mpipc_call_args call;

	set_up(_metadata, &self, &variant);
	stop_actor(_metadata, &self.actor);
	EXPECT_EQ(0, send_msg(self.first, MPIPC_TO_PRIMARY, "m", NULL, 0));
	call = call_arg(MPIPC_TO_PRIMARY, "c", NULL, 0, &result, 1);
	call.deadline = in_ms(20);
	EXPECT_EQ(0, do_ioctl(self.second, MPIPC_CALL, &call));
	EXPECT_EQ(-ETIMEDOUT, result.status);
	others_come_and_go(_metadata, &self);
	continue_actor(_metadata, &self.actor);
}

/* Members without a processor */

#define CALLS 1000 /* fit into a mailbox */

/* Run on the first processor only. */
static int share_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) ? -errno : 0;
}

/* Join as a primary, take CALLS requests, and leave without a reply at the parent's word. */
static void debtor_main(const struct child *self, const char *group)
{
	int fd = share_cpu() ?: open_primary(group);
	struct mpipc_record record;

	child_send(self, fd);
	for (int i = 0; i < CALLS; i++)
		if (recv_wait(fd, &record, NULL, 0))
			_exit(1);
	child_send(self, 0);
	child_hear(self, NULL);
	_exit(-leave(fd));
}

/*
 * Have a debtor leave while others come and go. Return how many results of the calls there
 * were then: if not all, then the leave was provably not over. The leave makes no headway
 * as long as this process, which has priority on the same processor, does not have to wait.
 */
static int go_on_while_one_leaves(struct __test_metadata *_metadata)
{
	const struct sched_param high = { .sched_priority = 1 }, usual = { };
	char group[MPIPC_GROUP_MAX], other[MPIPC_GROUP_MAX];
	struct mpipc_record record;
	struct mpipc_info info;
	struct child debtor;
	int caller, next;
	__u64 ret;

	group_name(group, "debtor");
	group_name(other, "other");
	ASSERT_LE(0, child_fork(&debtor));
	if (!debtor.pid)
		debtor_main(&debtor, group);
	ASSERT_EQ(0, child_hear(&debtor, &ret));
	ASSERT_LE(0, (int)ret);
	caller = open_secondary(group);
	ASSERT_LE(0, caller);
	for (int i = 0; i < CALLS; i++)
		ASSERT_EQ(0, call_async(caller, MPIPC_TO_PRIMARY, "c", 0, MPIPC_FOREVER, NULL));
	ASSERT_EQ(0, child_hear(&debtor, NULL));

	ASSERT_EQ(0, share_cpu());
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &high));
	ASSERT_EQ(0, child_send(&debtor, 0));
	EXPECT_EQ(POLLIN, poll_for(caller, POLLIN, -1));
	EXPECT_EQ(0, join_and_close(other, 10));
	EXPECT_TRUE(is_listed(group));
	EXPECT_EQ(-ECONNREFUSED, open_secondary(group));
	ASSERT_EQ(0, get_info(caller, &info));
	/* Whoever wants the place of the primary that leaves waits for it, and gets it. */
	next = open_primary(group);
	EXPECT_LE(0, next);
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_OTHER, &usual));

	for (int i = 0; i < CALLS; i++) {
		ASSERT_EQ(0, recv_wait(caller, &record, NULL, 0));
		ASSERT_EQ(-ECONNRESET, record.status);
	}
	EXPECT_EQ(0, child_wait(&debtor));
	close(next);
	close(caller);
	return info.queued;
}

TEST(leave_that_gets_no_cpu_delays_nobody)
{
	/*
	 * The kernel lets nobody have all of a processor for a second. In that case, try
	 * once more.
	 */
	while (go_on_while_one_leaves(_metadata) == CALLS)
		;
}

/* A member that is stuck where a signal takes its call back */

static void nothing(int signal)
{
	(void)signal;
}

TEST(call_that_a_signal_takes_back_cannot_be_cancelled_any_more)
{
	struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	struct mpipc_cancel_args cancel = { };
	struct mpipc_record record, result = { };
	char group[MPIPC_GROUP_MAX];
	struct ioctl_thread caller;
	int primary, secondary;
	struct mpipc_call_args *call;
	struct page page;

	if (!page_is_possible(true))
		SKIP(return, "this kernel has no userfaultfd that protects memory");
	group_name(group, "cancel");
	primary = open_small(group, MPIPC_PRIMARY, 0, 1);
	secondary = open_secondary(group);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "fill", NULL, 0));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, page_make(&page, true));
	call = (struct mpipc_call_args *)page.addr;
	*call = call_arg(MPIPC_TO_PRIMARY, "c", NULL, 0, &result, 1);
	call->flags = MPIPC_CALL_WAIT_SPACE;
	ASSERT_EQ(0, ioctl_thread_start(&caller, secondary, MPIPC_CALL, call));
	ASSERT_EQ(0, ioctl_thread_asleep(&caller));
	cancel.call = call->id;
	ASSERT_NE(0, cancel.call);

	/* The call is taken back, but its id cannot be. */
	ASSERT_EQ(0, page_protect(&page, true));
	ASSERT_EQ(0, pthread_kill(caller.thread, SIGUSR1));
	ASSERT_EQ(POLLIN, poll_for(page.uffd, POLLIN, -1));
	EXPECT_EQ(-ESRCH, do_ioctl(secondary, MPIPC_CANCEL, &cancel));
	ASSERT_EQ(0, page_release(&page));

	/* The caller makes the call anew. */
	ASSERT_EQ(0, recv_msg(primary, &record, NULL, 0));
	ASSERT_EQ(0, recv_wait(primary, &record, NULL, 0));
	EXPECT_NE(cancel.call, record.call);
	EXPECT_EQ(0, reply_msg(primary, record.call, 0, NULL, 0));
	EXPECT_EQ(0, ioctl_thread_join(&caller));
	EXPECT_EQ(0, result.status);
	EXPECT_EQ(record.call, call->id);
}

TEST_HARNESS_MAIN
