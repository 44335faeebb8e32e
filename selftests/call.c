// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of calls: each destination has one result, whatever becomes of the destination, of
 * the caller or of the reply, and nobody waits for somebody who is gone.
 */
#include "call.h"
#include "child.h"
#include "device.h"
#include "harness.h"
#include "message.h"
#include "thread.h"
#include "wait.h"

#include <semaphore.h>
#include <sys/sysinfo.h>

/* Content of calls */

TEST_F(call, request_and_reply_carry_everything)
{
	__u64 deadline = in_ms(60000), before = now_ns();
	const struct mpipc_record *result;
	struct mpipc_record request;
	struct mpipc_reply_args reply;
	struct sync sync;
	char data[64];

	ASSERT_EQ(0, sync_start(&sync, self->peer[0], MPIPC_TO_PRIMARY, deadline));
	ASSERT_EQ(0, recv_wait(self->primary, &request, data, sizeof(data)));
	EXPECT_EQ(MPIPC_REQUEST, request.type);
	EXPECT_STREQ("question", request.name);
	EXPECT_EQ(5U, request.size);
	EXPECT_STREQ("why?", data);
	EXPECT_EQ(self->id[0], request.peer);
	EXPECT_EQ(MPIPC_SECONDARY, (int)request.role);
	EXPECT_EQ(getpid(), (pid_t)request.pid);
	EXPECT_EQ(deadline, request.deadline);
	EXPECT_EQ((__u32)REPLY_SIZE, request.reply_size);
	EXPECT_EQ(0U, request.reply_fds);
	EXPECT_EQ(0, request.status);
	EXPECT_LE(before, request.stamp);

	reply = (struct mpipc_reply_args){
		.call = request.call,
		.body = make_body("because", "42", 3, NULL, 0),
	};
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_REPLY, &reply));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_EQ(request.call, sync.arg.id);
	ASSERT_EQ(1U, sync.arg.n_results);
	expect_replied(_metadata, &sync, self->primary_id, 0);
	result = &sync.results[0];
	EXPECT_EQ(MPIPC_REPLY_TO, result->type);
	EXPECT_STREQ("because", result->name);
	EXPECT_EQ(3U, result->size);
	EXPECT_STREQ("42", sync.replies[0]);
	EXPECT_EQ(request.call, result->call);
	EXPECT_EQ(MPIPC_PRIMARY, (int)result->role);
	EXPECT_EQ(getpid(), (pid_t)result->pid);
	EXPECT_LE(request.stamp, result->stamp);
	EXPECT_GE(now_ns(), result->stamp);
}

TEST_F(call, largest_request_and_reply_fit)
{
	static char question[MPIPC_SIZE_MAX], seen[MPIPC_SIZE_MAX];
	static char reply[MPIPC_SIZE_MAX], got[MPIPC_SIZE_MAX];
	struct mpipc_record request, result;
	struct mpipc_call_args arg = call_arg(MPIPC_TO_PRIMARY, "", question,
					      sizeof(question), &result, 1);
	struct ioctl_thread thread;

	memset(question, 'q', sizeof(question));
	memset(reply, 'a', sizeof(reply));
	arg.reply_size = sizeof(got);
	arg.reply_data = to_u64(got);
	ASSERT_EQ(0, ioctl_thread_start(&thread, self->peer[0], MPIPC_CALL, &arg));
	ASSERT_EQ(0, recv_wait(self->primary, &request, seen, sizeof(seen)));
	EXPECT_EQ(0, memcmp(question, seen, sizeof(seen)));
	ASSERT_EQ(0, reply_msg(self->primary, request.call, 0, reply, sizeof(reply)));
	ASSERT_EQ(0, ioctl_thread_join(&thread));
	EXPECT_EQ((__u32)MPIPC_SIZE_MAX, result.size);
	EXPECT_EQ(0, memcmp(reply, got, sizeof(got)));
}

TEST_F(call, status_is_the_replier_s)
{
	static const __s32 statuses[] = { 0, -1, -ETIMEDOUT, -ECONNRESET, -4095 };

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct sync sync;
		__u64 call;

		ASSERT_EQ(0, sync_start(&sync, self->primary, self->id[0], MPIPC_FOREVER));
		call = take_request(_metadata, self->peer[0]);
		ASSERT_EQ(0, reply_msg(self->peer[0], call, statuses[i], "no", 3));
		ASSERT_EQ(0, sync_end(&sync));
		ASSERT_EQ(1U, sync.arg.n_results);
		expect_replied(_metadata, &sync, self->id[0], statuses[i]);
		EXPECT_STREQ("no", sync.replies[0]);
	}
}

/* Promise: P9 */
TEST_F(call, to_one_reaches_nobody_else)
{
	struct sync sync;
	__u64 call;

	ASSERT_EQ(0, sync_start(&sync, self->primary, self->id[1], MPIPC_FOREVER));
	call = take_request(_metadata, self->peer[1]);
	EXPECT_TRUE(mailbox_empty(self->peer[0]));
	EXPECT_TRUE(mailbox_empty(self->peer[2]));
	ASSERT_EQ(0, reply_msg(self->peer[1], call, 0, NULL, 0));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_EQ(1U, sync.arg.n_results);
}

TEST_F(call, broadcast_reaches_all_before_anybody_replies)
{
	struct sync sync;
	__u64 call = 0;

	ASSERT_EQ(0, sync_start(&sync, self->primary, MPIPC_TO_ALL, MPIPC_FOREVER));
	for (int i = 0; i < PEERS; i++) {
		__u64 seen = take_request(_metadata, self->peer[i]);

		ASSERT_TRUE(!call || call == seen);
		call = seen;
	}
	for (int i = PEERS - 1; i >= 0; i--) {
		char reply[REPLY_SIZE];

		snprintf(reply, sizeof(reply), "from %d", i);
		ASSERT_EQ(0, reply_msg(self->peer[i], call, -i, reply, sizeof(reply)));
	}
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	for (int i = 0; i < PEERS; i++) {
		char reply[REPLY_SIZE];

		snprintf(reply, sizeof(reply), "from %d", i);
		expect_replied(_metadata, &sync, self->id[i], -i);
		EXPECT_STREQ(reply, sync_reply(_metadata, &sync, self->id[i]));
	}
}

/* Promise: P9 */
TEST_F(call, late_joiner_is_no_destination)
{
	struct sync sync;
	int late;

	ASSERT_EQ(0, sync_start(&sync, self->primary, MPIPC_TO_ALL, MPIPC_FOREVER));
	ASSERT_EQ(0, ioctl_thread_asleep(&sync.thread));
	late = open_secondary(self->group);
	ASSERT_LE(0, late);
	for (int i = 0; i < PEERS; i++) {
		ASSERT_EQ(0, reply_msg(self->peer[i],
				       take_request(_metadata, self->peer[i]), 0, NULL, 0));
	}
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_EQ((__u32)PEERS, sync.arg.n_results);
	EXPECT_TRUE(mailbox_empty(late));
}

TEST_F(call, broadcast_to_nobody_ends_at_once)
{
	struct sync sync;

	for (int i = 0; i < PEERS; i++) {
		ASSERT_EQ(0, leave(self->peer[i]));
	}
	ASSERT_EQ(0, sync_start(&sync, self->primary, MPIPC_TO_ALL, MPIPC_FOREVER));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_EQ(0U, sync.arg.n_results);
}

/* Deadlines */

TEST_F(call, one_deadline_ends_it_with_the_replies_there_are)
{
	__u64 deadline = in_ms(LONG_MS);
	struct sync sync;
	__u64 call;

	ASSERT_EQ(0, sync_start(&sync, self->primary, MPIPC_TO_ALL, deadline));
	call = take_request(_metadata, self->peer[1]);
	ASSERT_EQ(0, reply_msg(self->peer[1], call, 0, "here", 5));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_LE(deadline, now_ns());
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	expect_unreplied(_metadata, &sync, self->id[0], -ETIMEDOUT);
	expect_replied(_metadata, &sync, self->id[1], 0);
	expect_unreplied(_metadata, &sync, self->id[2], -ETIMEDOUT);
}

TEST_F(call, deadline_is_not_early)
{
	__u64 deadline = in_ms(SHORT_MS);
	struct sync sync;

	ASSERT_EQ(0, sync_start(&sync, self->peer[0], MPIPC_TO_PRIMARY, deadline));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_LE(deadline, now_ns());
	expect_unreplied(_metadata, &sync, self->primary_id, -ETIMEDOUT);
}

TEST_F(call, passed_deadline_does_not_wait)
{
	static const __u64 deadlines[] = { 0, 1 };

	for (size_t i = 0; i < ARRAY_SIZE(deadlines); i++) {
		struct sync sync;

		ASSERT_EQ(0, sync_start(&sync, self->peer[0], MPIPC_TO_PRIMARY, deadlines[i]));
		ASSERT_EQ(0, sync_end(&sync));
		ASSERT_EQ(1U, sync.arg.n_results);
		expect_unreplied(_metadata, &sync, self->primary_id, -ETIMEDOUT);
	}
}

/* A thread that keeps all of a lower priority from processor 1. */
struct hog {
	sem_t started;
	bool stop;
	int err;
	__u64 deadline;
};

/* End the test if what it needs has failed. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

static void pin(int first, int last)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (int cpu = first; cpu <= last; cpu++)
		CPU_SET(cpu, &cpus);
	must(!sched_setaffinity(0, sizeof(cpus), &cpus));
}

static void become_real_time(int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	must(!sched_setscheduler(0, SCHED_FIFO, &param));
}

static void *hog_processor(void *arg)
{
	struct hog *hog = arg;

	pin(1, 1);
	become_real_time(50);
	sem_post(&hog->started);
	while (!__atomic_load_n(&hog->stop, __ATOMIC_ACQUIRE) && now_ns() < hog->deadline)
		;
	return NULL;
}

/* Exchange the part of each second that real-time threads may have. -1 is all. */
static long long set_real_time_share(long long us)
{
	FILE *file = fopen("/proc/sys/kernel/sched_rt_runtime_us", "r+e");
	long long old;

	must(file && fscanf(file, "%lld", &old) == 1);
	rewind(file);
	must(fprintf(file, "%lld", us) > 0 && !fclose(file));
	return old;
}

/* The call is made on processor 1, whose workers cannot run. The caller itself may run on both. */
TEST_F(call, deadline_is_kept_beside_real_time_threads)
{
	struct hog hog = { .deadline = in_ms(20000) };
	struct mpipc_record results[PEERS];
	struct mpipc_call_args arg = call_arg(MPIPC_TO_ALL, "x", NULL, 0, results, PEERS);
	long long share;
	pthread_t thread;
	__u64 end;
	int ret;

	if (get_nprocs() < 2)
		SKIP(return, "this system has one processor");
	share = set_real_time_share(-1);
	pin(0, 0);
	become_real_time(80);
	sem_init(&hog.started, 0, 0);
	must(!pthread_create(&thread, NULL, hog_processor, &hog));
	sem_wait(&hog.started);
	pin(1, 1);
	pin(0, 1);
	arg.deadline = in_ms(SHORT_MS);
	ret = do_ioctl(self->primary, MPIPC_CALL, &arg);
	end = now_ns();
	__atomic_store_n(&hog.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	set_real_time_share(share);
	EXPECT_EQ(0, ret);
	EXPECT_LT(end, hog.deadline);
	for (int i = 0; i < PEERS; i++)
		EXPECT_EQ(-ETIMEDOUT, results[i].status);
}

/* Promise: P9 */
TEST_F(call, late_reply_is_refused_and_not_taken_for_the_next)
{
	struct sync first, second;
	__u64 call;

	ASSERT_EQ(0, sync_start(&first, self->peer[0], MPIPC_TO_PRIMARY, 0));
	ASSERT_EQ(0, sync_end(&first));
	call = take_request(_metadata, self->primary);
	ASSERT_EQ(0, sync_start(&second, self->peer[0], MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	ASSERT_EQ(0, ioctl_thread_asleep(&second.thread));
	EXPECT_EQ(-ESRCH, reply_msg(self->primary, call, 0, "late", 5));
	call = take_request(_metadata, self->primary);
	EXPECT_NE(first.arg.id, call);
	ASSERT_EQ(0, reply_msg(self->primary, call, 0, "in time", 8));
	ASSERT_EQ(0, sync_end(&second));
	expect_replied(_metadata, &second, self->primary_id, 0);
	EXPECT_STREQ("in time", second.replies[0]);
}

/* Death */

/* Promise: P16 */
TEST_F(call, destinations_that_go_end_it_for_them)
{
	struct sync sync;
	__u64 call;

	ASSERT_EQ(0, sync_start(&sync, self->primary, MPIPC_TO_ALL, MPIPC_FOREVER));
	call = take_request(_metadata, self->peer[0]);
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, "bye", 4));
	ASSERT_EQ(0, close(self->peer[0]));
	take_request(_metadata, self->peer[1]);
	ASSERT_EQ(0, leave(self->peer[1]));
	ASSERT_EQ(0, ioctl_thread_asleep(&sync.thread));
	ASSERT_EQ(0, close(self->peer[2]));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	expect_replied(_metadata, &sync, self->id[0], 0);
	EXPECT_STREQ("bye", sync_reply(_metadata, &sync, self->id[0]));
	expect_unreplied(_metadata, &sync, self->id[1], -ECONNRESET);
	expect_unreplied(_metadata, &sync, self->id[2], -ECONNRESET);
}

/* Fork a process that joins, reports its id, and never replies. */
static void child_silent(struct __test_metadata *_metadata, struct child *child,
			 const char *group, enum mpipc_role role)
{
	int fd;

	ASSERT_LE(0, child_fork(child));
	if (child->pid)
		return;
	fd = open_joined(group, role, 0);
	if (fd < 0)
		_exit(EXIT_FAILURE);
	child_send(child, endpoint_id(fd));
	for (;;)
		pause();
}

/* Promise: P16 */
TEST_F(call, killed_destination_ends_it)
{
	struct child child = {};
	struct sync sync;
	__u64 id;

	child_silent(_metadata, &child, self->group, MPIPC_SECONDARY);
	ASSERT_EQ(0, child_hear(&child, &id));
	ASSERT_EQ(0, sync_start(&sync, self->primary, id, MPIPC_FOREVER));
	ASSERT_EQ(0, ioctl_thread_asleep(&sync.thread));
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	ASSERT_EQ(0, sync_end(&sync));
	expect_unreplied(_metadata, &sync, id, -ECONNRESET);
}

/* Promise: P16 */
TEST_F(call, killed_primary_ends_it_and_the_next_is_refused)
{
	struct child child = {};
	struct sync sync;
	int secondary;
	__u64 id;

	group_name(self->group, "call-orphan");
	child_silent(_metadata, &child, self->group, MPIPC_PRIMARY);
	ASSERT_EQ(0, child_hear(&child, &id));
	secondary = open_secondary(self->group);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, sync_start(&sync, secondary, MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	ASSERT_EQ(0, ioctl_thread_asleep(&sync.thread));
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
	ASSERT_EQ(0, sync_end(&sync));
	expect_unreplied(_metadata, &sync, id, -ECONNRESET);

	ASSERT_EQ(0, sync_start(&sync, secondary, MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	EXPECT_EQ(-ECONNREFUSED, sync_end(&sync));
	ASSERT_LE(0, open_primary(self->group));
	ASSERT_EQ(0, sync_start(&sync, secondary, MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	EXPECT_EQ(-ESTALE, sync_end(&sync));
}

TEST_F(call, reply_to_a_caller_that_is_gone_is_refused)
{
	__u64 call;

	ASSERT_EQ(0, call_async(self->peer[0], MPIPC_TO_PRIMARY, "q", 0, MPIPC_FOREVER, NULL));
	call = take_request(_metadata, self->primary);
	ASSERT_EQ(0, close(self->peer[0]));
	EXPECT_EQ(-ESRCH, reply_msg(self->primary, call, 0, NULL, 0));
}

/* Promise: P13 */
TEST_F(call, stopped_destination_does_not_delay_the_others)
{
	struct mpipc_record record;
	struct child child = {};
	__u64 stopped, call;
	int status;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int fd = open_secondary(self->group);

		child_send(&child, endpoint_id(fd));
		if (recv_wait(fd, &record, NULL, 0))
			_exit(EXIT_FAILURE);
		_exit(!!reply_msg(fd, record.call, 0, NULL, 0));
	}
	ASSERT_EQ(0, child_hear(&child, &stopped));
	ASSERT_EQ(0, kill(child.pid, SIGSTOP));
	ASSERT_EQ(child.pid, waitpid(child.pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));

	ASSERT_EQ(0, call_async(self->primary, MPIPC_TO_ALL, "", 0, MPIPC_FOREVER, &call));
	for (int i = 0; i < PEERS; i++) {
		take_request(_metadata, self->peer[i]);
		ASSERT_EQ(0, reply_msg(self->peer[i], call, 0, NULL, 0));
		record = take_result(_metadata, self->primary, call);
		EXPECT_EQ(self->id[i], record.peer);
		EXPECT_FALSE(is_last(&record));
	}
	EXPECT_TRUE(mailbox_empty(self->primary));

	ASSERT_EQ(0, kill(child.pid, SIGCONT));
	record = take_result(_metadata, self->primary, call);
	EXPECT_EQ(stopped, record.peer);
	EXPECT_TRUE(is_last(&record));
	EXPECT_EQ(0, child_wait(&child));
}

/* Asynchronous calls */

TEST_F(call, async_results_come_as_replies_do)
{
	static const int order[PEERS] = { 2, 0, 1 };
	struct mpipc_call_args arg = call_arg(MPIPC_TO_ALL, "q", NULL, 0, NULL, 0);

	arg.flags = MPIPC_CALL_ASYNC;
	arg.reply_size = REPLY_SIZE;
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_CALL, &arg));
	EXPECT_EQ((__u32)PEERS, arg.n_results);
	EXPECT_TRUE(mailbox_empty(self->primary));
	for (int i = 0; i < PEERS; i++) {
		struct mpipc_record record;
		char data[REPLY_SIZE] = "";
		int peer = order[i];

		ASSERT_EQ(arg.id, take_request(_metadata, self->peer[peer]));
		ASSERT_EQ(0, reply_msg(self->peer[peer], arg.id, -peer, "x", 2));
		EXPECT_EQ(POLLIN, poll_for(self->primary, POLLIN, 0));
		ASSERT_EQ(0, recv_msg(self->primary, &record, data, sizeof(data)));
		EXPECT_EQ(MPIPC_REPLY_TO, record.type);
		EXPECT_EQ(arg.id, record.call);
		EXPECT_EQ(self->id[peer], record.peer);
		EXPECT_EQ(-peer, record.status);
		EXPECT_EQ(2U, record.size);
		EXPECT_STREQ("x", data);
		EXPECT_TRUE(is_replied(&record));
		EXPECT_EQ(i == PEERS - 1, is_last(&record));
	}
	EXPECT_TRUE(mailbox_empty(self->primary));
}

TEST_F(call, async_to_nobody_has_one_last_result)
{
	struct mpipc_call_args arg = call_arg(MPIPC_TO_ALL, "", NULL, 0, NULL, 0);
	struct mpipc_record record;

	for (int i = 0; i < PEERS; i++) {
		ASSERT_EQ(0, leave(self->peer[i]));
	}
	arg.flags = MPIPC_CALL_ASYNC;
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_CALL, &arg));
	EXPECT_EQ(0U, arg.n_results);
	ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
	EXPECT_EQ(MPIPC_REPLY_TO, record.type);
	EXPECT_EQ(arg.id, record.call);
	EXPECT_EQ(0U, record.peer);
	EXPECT_TRUE(is_last(&record));
	EXPECT_FALSE(is_replied(&record));
	EXPECT_TRUE(mailbox_empty(self->primary));
	EXPECT_EQ(-ESRCH, cancel(self->primary, arg.id));
}

TEST_F(call, async_deadline_is_kept_by_the_kernel)
{
	__u64 deadline = in_ms(SHORT_MS), call;
	unsigned int last = 0;

	ASSERT_EQ(0, call_async(self->primary, MPIPC_TO_ALL, "", 0, deadline, &call));
	for (int i = 0; i < PEERS; i++) {
		struct mpipc_record record = take_result(_metadata, self->primary, call);

		EXPECT_EQ(-ETIMEDOUT, record.status);
		EXPECT_FALSE(is_replied(&record));
		EXPECT_EQ(0U, record.stamp);
		last += is_last(&record);
		EXPECT_EQ(i == PEERS - 1, !!last);
	}
	EXPECT_LE(deadline, now_ns());
	EXPECT_EQ(1U, last);
	EXPECT_TRUE(mailbox_empty(self->primary));
	for (int i = 0; i < PEERS; i++) {
		EXPECT_EQ(call, take_request(_metadata, self->peer[i]));
		EXPECT_EQ(-ESRCH, reply_msg(self->peer[i], call, 0, NULL, 0));
	}
}

TEST_F(call, async_calls_with_one_deadline_all_end_at_it)
{
	/* The kernel ends so many in steps, so that those of others have their turn in between. */
	const unsigned int n_calls = 60;
	__u64 deadline = in_ms(SHORT_MS);
	struct mpipc_record record;
	unsigned int last = 0;

	for (unsigned int i = 0; i < n_calls; i++) {
		ASSERT_EQ(0, call_async(self->primary, MPIPC_TO_ALL, "", 0, deadline, NULL));
	}
	for (unsigned int i = 0; i < n_calls * PEERS; i++) {
		ASSERT_EQ(0, recv_wait(self->primary, &record, NULL, 0));
		ASSERT_EQ(MPIPC_REPLY_TO, record.type);
		EXPECT_EQ(-ETIMEDOUT, record.status);
		last += is_last(&record);
	}
	EXPECT_LE(deadline, now_ns());
	EXPECT_EQ(n_calls, last);
	EXPECT_TRUE(mailbox_empty(self->primary));
}

TEST_F(call, async_deadline_that_passed_does_not_wait)
{
	struct mpipc_record record;
	__u64 call;

	ASSERT_EQ(0, call_async(self->peer[0], MPIPC_TO_PRIMARY, "", 0, 0, &call));
	record = take_result(_metadata, self->peer[0], call);
	EXPECT_EQ(-ETIMEDOUT, record.status);
	EXPECT_TRUE(is_last(&record));
}

TEST_F(call, async_of_the_dead_ends_at_once)
{
	struct mpipc_record record;
	__u64 call;

	ASSERT_EQ(0, call_async(self->primary, self->id[0], "", 0, MPIPC_FOREVER, &call));
	ASSERT_EQ(0, close(self->peer[0]));
	ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
	EXPECT_EQ(MPIPC_REPLY_TO, record.type);
	EXPECT_EQ(self->id[0], record.peer);
	EXPECT_EQ(-ECONNRESET, record.status);
	EXPECT_TRUE(is_last(&record));
}

TEST_F(call, async_result_finds_space_in_a_full_mailbox)
{
	struct mpipc_record record;
	unsigned int n;
	__u64 call;

	ASSERT_EQ(0, call_async(self->primary, self->id[0], "", 8, MPIPC_FOREVER, &call));
	n = fill_mailbox(_metadata, self->peer[1], MPIPC_TO_PRIMARY);
	take_request(_metadata, self->peer[0]);
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, "reply", 7));
	while (n--) {
		ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
		ASSERT_EQ(MPIPC_MESSAGE, record.type);
	}
	record = take_result(_metadata, self->primary, call);
	EXPECT_EQ(0, record.status);
	EXPECT_EQ(7U, record.size);
}

TEST_F(call, reply_does_not_overtake_earlier_messages)
{
	struct mpipc_record message, result;
	char data[REPLY_SIZE];
	__u64 call;

	ASSERT_EQ(0, call_async(self->primary, self->id[0], "", 8, MPIPC_FOREVER, &call));
	take_request(_metadata, self->peer[0]);
	ASSERT_EQ(0, send_msg(self->peer[0], MPIPC_TO_PRIMARY, "before", NULL, 0));
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, NULL, 0));
	ASSERT_EQ(0, send_msg(self->peer[0], MPIPC_TO_PRIMARY, "after", NULL, 0));
	ASSERT_EQ(0, recv_msg(self->primary, &message, data, sizeof(data)));
	EXPECT_STREQ("before", message.name);
	result = take_result(_metadata, self->primary, call);
	EXPECT_EQ(message.seq + 1, result.seq);
	ASSERT_EQ(0, recv_msg(self->primary, &message, data, sizeof(data)));
	EXPECT_STREQ("after", message.name);
	EXPECT_EQ(result.seq + 1, message.seq);
}

TEST_F(call, seq_of_a_sync_result_shows_what_came_before_it)
{
	struct mpipc_record before, after;
	struct sync sync;
	__u64 call;

	ASSERT_EQ(0, sync_start(&sync, self->primary, self->id[0], MPIPC_FOREVER));
	call = take_request(_metadata, self->peer[0]);
	ASSERT_EQ(0, send_msg(self->peer[0], MPIPC_TO_PRIMARY, "before", NULL, 0));
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, NULL, 0));
	ASSERT_EQ(0, send_msg(self->peer[0], MPIPC_TO_PRIMARY, "after", NULL, 0));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ(0, recv_msg(self->primary, &before, NULL, 0));
	ASSERT_EQ(0, recv_msg(self->primary, &after, NULL, 0));
	EXPECT_STREQ("before", before.name);
	EXPECT_EQ(before.seq, sync.results[0].seq);
	EXPECT_LT(sync.results[0].seq, after.seq);
}

/* Bad input */

/* Promise: P2 */
TEST_F(call, bad_calls_reach_nobody)
{
	struct mpipc_record result;
	struct mpipc_call_args good = call_arg(MPIPC_TO_ALL, "", NULL, 0, &result, PEERS);
	struct mpipc_call_args bad;

	bad = good;
	bad.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, do_ioctl(self->primary, MPIPC_CALL, &bad));
	bad = good;
	bad.reserved = 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->primary, MPIPC_CALL, &bad));
	bad = good;
	bad.reply_size = MPIPC_SIZE_MAX + 1;
	EXPECT_EQ(-EMSGSIZE, do_ioctl(self->primary, MPIPC_CALL, &bad));
	bad = good;
	bad.reply_fds = MPIPC_FDS_MAX + 1;
	EXPECT_EQ(-EMSGSIZE, do_ioctl(self->primary, MPIPC_CALL, &bad));
	bad = good;
	bad.body.size = MPIPC_SIZE_MAX + 1;
	EXPECT_EQ(-EMSGSIZE, do_ioctl(self->primary, MPIPC_CALL, &bad));
	bad = good;
	bad.body.n_fds = MPIPC_FDS_MAX + 1;
	EXPECT_EQ(-EMSGSIZE, do_ioctl(self->primary, MPIPC_CALL, &bad));
	bad = good;
	memset(bad.body.name, 'n', sizeof(bad.body.name));
	EXPECT_EQ(-EINVAL, do_ioctl(self->primary, MPIPC_CALL, &bad));
	bad = good;
	bad.body.data = to_u64(guard_page(_metadata) - 1);
	bad.body.size = 2;
	EXPECT_EQ(-EFAULT, do_ioctl(self->primary, MPIPC_CALL, &bad));
	for (int i = 0; i < PEERS; i++) {
		EXPECT_TRUE(mailbox_empty(self->peer[i]));
	}
}

/* Promise: P2 */
TEST_F(call, bad_destinations_are_refused)
{
	struct mpipc_record result;
	struct mpipc_call_args arg = call_arg(self->primary_id, "", NULL, 0, &result, 1);
	int fd = open_dev();

	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(self->primary, MPIPC_CALL, &arg));
	arg.to = MPIPC_TO_PRIMARY;
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(self->primary, MPIPC_CALL, &arg));
	arg.to = self->id[2] + 1000;
	EXPECT_EQ(-ESRCH, do_ioctl(self->primary, MPIPC_CALL, &arg));
	arg.to = MPIPC_TO_ALL;
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(self->peer[0], MPIPC_CALL, &arg));
	arg.to = self->id[1];
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(self->peer[0], MPIPC_CALL, &arg));
	EXPECT_EQ(-ENOTCONN, do_ioctl(fd, MPIPC_CALL, &arg));
	EXPECT_TRUE(mailbox_empty(self->primary));
	EXPECT_TRUE(mailbox_empty(self->peer[1]));
}

TEST_HARNESS_MAIN
