// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls: one result for each addressee, whatever becomes of the addressee, of
 * the caller or of the answer, and nobody waits for somebody who is gone.
 */
#include "child.h"
#include "device.h"
#include "message.h"
#include "thread.h"
#include "wait.h"

#include <sys/mman.h>

#include "harness.h"

#define PEERS 3
#define ANSWER_SIZE 32

/* A time that a test waits out, and one that it never gets to. */
#define SHORT_MS 30
#define LONG_MS 1000

FIXTURE(call)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	__u64 primary_id;
	int peer[PEERS];
	__u64 id[PEERS];
};

FIXTURE_SETUP(call)
{
	group_name(self->group, "call");
	self->primary = open_primary(self->group);
	ASSERT_LE(0, self->primary);
	self->primary_id = endpoint_id(self->primary);
	for (int i = 0; i < PEERS; i++) {
		self->peer[i] = open_secondary(self->group);
		ASSERT_LE(0, self->peer[i]);
		self->id[i] = endpoint_id(self->peer[i]);
	}
}

FIXTURE_TEARDOWN(call)
{
	close(self->primary);
	for (int i = 0; i < PEERS; i++)
		close(self->peer[i]);
}

/**
 * struct sync - a synchronous call, made by a thread
 * @arg: argument of the call
 * @results: results of its addressees
 * @answers: payloads of the results
 * @thread: who waits for it
 */
struct sync {
	struct mpipc_call_args arg;
	struct mpipc_record results[PEERS];
	char answers[PEERS][ANSWER_SIZE];
	struct ioctl_thread thread;
};

static void sync_prepare(struct sync *sync, __u64 to)
{
	memset(sync, 0, sizeof(*sync));
	sync->arg = call_arg(to, "question", "why?", 5, sync->results, PEERS);
	sync->arg.reply_size = ANSWER_SIZE;
	sync->arg.reply_data = to_u64(sync->answers);
}

static int sync_run(struct sync *sync, int fd)
{
	return ioctl_thread_start(&sync->thread, fd, MPIPC_CALL, &sync->arg);
}

static int sync_start(struct sync *sync, int fd, __u64 to, __u64 deadline)
{
	sync_prepare(sync, to);
	sync->arg.deadline = deadline;
	return sync_run(sync, fd);
}

static int sync_end(struct sync *sync)
{
	return ioctl_thread_join(&sync->thread);
}

/* The result of an addressee; the call has exactly one. */
static const struct mpipc_record *
sync_result(struct __test_metadata *_metadata, const struct sync *sync, __u64 peer)
{
	const struct mpipc_record *found = NULL;

	for (unsigned int i = 0; i < sync->arg.n_results; i++) {
		if (sync->results[i].peer != peer)
			continue;
		ASSERT_EQ(NULL, found) TH_LOG("two results for one addressee");
		found = &sync->results[i];
	}
	ASSERT_NE(NULL, found) TH_LOG("no result for an addressee");
	return found;
}

static const char *sync_answer(struct __test_metadata *_metadata,
			       const struct sync *sync, __u64 peer)
{
	return sync->answers[sync_result(_metadata, sync, peer) - sync->results];
}

static bool is_answered(const struct mpipc_record *record)
{
	return record->flags & MPIPC_REC_REPLIED;
}

static bool is_last(const struct mpipc_record *record)
{
	return record->flags & MPIPC_REC_LAST;
}

static void expect_answered(struct __test_metadata *_metadata,
			    const struct sync *sync, __u64 peer, __s32 status)
{
	const struct mpipc_record *result = sync_result(_metadata, sync, peer);

	EXPECT_EQ(status, result->status);
	EXPECT_TRUE(is_answered(result));
}

static void expect_unanswered(struct __test_metadata *_metadata,
			      const struct sync *sync, __u64 peer, __s32 status)
{
	const struct mpipc_record *result = sync_result(_metadata, sync, peer);

	EXPECT_EQ(status, result->status);
	EXPECT_FALSE(is_answered(result));
	EXPECT_EQ(0U, result->stamp);
	EXPECT_EQ(0U, result->size);
}

/* Takes a request out of a mailbox, once there is one: the id of its call. */
static __u64 take_request(struct __test_metadata *_metadata, int fd)
{
	struct mpipc_record record;
	char data[64];

	ASSERT_EQ(0, recv_wait(fd, &record, data, sizeof(data)));
	ASSERT_EQ(MPIPC_REQUEST, record.type);
	ASSERT_NE(0U, record.call);
	return record.call;
}

/* Takes a result of an asynchronous call out of the caller's mailbox. */
static struct mpipc_record take_result(struct __test_metadata *_metadata, int fd,
				       __u64 call)
{
	struct mpipc_record record;
	char data[ANSWER_SIZE];

	ASSERT_EQ(0, recv_wait(fd, &record, data, sizeof(data)));
	ASSERT_EQ(MPIPC_REPLY_TO, record.type);
	ASSERT_EQ(call, record.call);
	return record;
}

static bool mailbox_empty(int fd)
{
	return !(poll_for(fd, POLLIN, 0) & POLLIN);
}

static int cancel(int fd, __u64 call)
{
	struct mpipc_cancel_args arg = { .call = call };

	return do_ioctl(fd, MPIPC_CANCEL, &arg);
}

/* Leaves no room: how many messages it took. */
static unsigned int fill_mailbox(struct __test_metadata *_metadata, int from, __u64 to)
{
	unsigned int n = 0;
	int ret;

	while (!(ret = send_msg(from, to, "filler", NULL, 0)))
		n++;
	ASSERT_EQ(-EAGAIN, ret);
	ASSERT_LT(0U, n);
	return n;
}

/* Two pages, the second of which cannot be accessed: where that begins. */
static char *guard_page(struct __test_metadata *_metadata)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, area);
	ASSERT_EQ(0, mprotect(area + page, page, PROT_NONE));
	return area + page;
}

static void guard_open(char *guard)
{
	mprotect(guard, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE);
}

static int signals;

static void count_signal(int sig)
{
	(void)sig;
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELEASE);
}

static void catch_signal(struct __test_metadata *_metadata, int flags)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
}

/* Interrupts a blocked thread. Returns once its handler has run. */
static void interrupt(struct __test_metadata *_metadata, struct ioctl_thread *thread)
{
	int before = __atomic_load_n(&signals, __ATOMIC_ACQUIRE);

	ASSERT_EQ(0, ioctl_thread_asleep(thread));
	ASSERT_EQ(0, pthread_kill(thread->thread, SIGUSR1));
	while (__atomic_load_n(&signals, __ATOMIC_ACQUIRE) == before)
		sched_yield();
}

/* A call that a signal interrupted: nobody waits, it can be resumed. */
static void interrupted_call(struct __test_metadata *_metadata, struct sync *sync,
			     int fd, __u64 to, __u64 deadline)
{
	catch_signal(_metadata, 0);
	ASSERT_EQ(0, sync_start(sync, fd, to, deadline));
	interrupt(_metadata, &sync->thread);
	ASSERT_EQ(-EINTR, sync_end(sync));
	ASSERT_NE(0U, sync->arg.id);
}

/* What a call carries */

TEST_F(call, request_and_answer_carry_everything)
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
	EXPECT_EQ((__u32)ANSWER_SIZE, request.reply_size);
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
	expect_answered(_metadata, &sync, self->primary_id, 0);
	result = &sync.results[0];
	EXPECT_EQ(MPIPC_REPLY_TO, result->type);
	EXPECT_STREQ("because", result->name);
	EXPECT_EQ(3U, result->size);
	EXPECT_STREQ("42", sync.answers[0]);
	EXPECT_EQ(request.call, result->call);
	EXPECT_EQ(MPIPC_PRIMARY, (int)result->role);
	EXPECT_EQ(getpid(), (pid_t)result->pid);
	EXPECT_LE(request.stamp, result->stamp);
	EXPECT_GE(now_ns(), result->stamp);
}

TEST_F(call, largest_request_and_answer_fit)
{
	static char question[MPIPC_SIZE_MAX], seen[MPIPC_SIZE_MAX];
	static char answer[MPIPC_SIZE_MAX], got[MPIPC_SIZE_MAX];
	struct mpipc_record request, result;
	struct mpipc_call_args arg = call_arg(MPIPC_TO_PRIMARY, "", question,
					      sizeof(question), &result, 1);
	struct ioctl_thread thread;

	memset(question, 'q', sizeof(question));
	memset(answer, 'a', sizeof(answer));
	arg.reply_size = sizeof(got);
	arg.reply_data = to_u64(got);
	ASSERT_EQ(0, ioctl_thread_start(&thread, self->peer[0], MPIPC_CALL, &arg));
	ASSERT_EQ(0, recv_wait(self->primary, &request, seen, sizeof(seen)));
	EXPECT_EQ(0, memcmp(question, seen, sizeof(seen)));
	ASSERT_EQ(0, reply_msg(self->primary, request.call, 0, answer, sizeof(answer)));
	ASSERT_EQ(0, ioctl_thread_join(&thread));
	EXPECT_EQ((__u32)MPIPC_SIZE_MAX, result.size);
	EXPECT_EQ(0, memcmp(answer, got, sizeof(got)));
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
		expect_answered(_metadata, &sync, self->id[0], statuses[i]);
		EXPECT_STREQ("no", sync.answers[0]);
	}
}

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

TEST_F(call, broadcast_reaches_all_before_anybody_answers)
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
		char answer[ANSWER_SIZE];

		snprintf(answer, sizeof(answer), "from %d", i);
		ASSERT_EQ(0, reply_msg(self->peer[i], call, -i, answer, sizeof(answer)));
	}
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	for (int i = 0; i < PEERS; i++) {
		char answer[ANSWER_SIZE];

		snprintf(answer, sizeof(answer), "from %d", i);
		expect_answered(_metadata, &sync, self->id[i], -i);
		EXPECT_STREQ(answer, sync_answer(_metadata, &sync, self->id[i]));
	}
}

TEST_F(call, late_joiner_is_no_addressee)
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

TEST_F(call, one_deadline_ends_it_with_the_answers_there_are)
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
	expect_unanswered(_metadata, &sync, self->id[0], -ETIMEDOUT);
	expect_answered(_metadata, &sync, self->id[1], 0);
	expect_unanswered(_metadata, &sync, self->id[2], -ETIMEDOUT);
}

TEST_F(call, deadline_is_not_early)
{
	__u64 deadline = in_ms(SHORT_MS);
	struct sync sync;

	ASSERT_EQ(0, sync_start(&sync, self->peer[0], MPIPC_TO_PRIMARY, deadline));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_LE(deadline, now_ns());
	expect_unanswered(_metadata, &sync, self->primary_id, -ETIMEDOUT);
}

TEST_F(call, passed_deadline_does_not_wait)
{
	static const __u64 deadlines[] = { 0, 1 };

	for (size_t i = 0; i < ARRAY_SIZE(deadlines); i++) {
		struct sync sync;

		ASSERT_EQ(0, sync_start(&sync, self->peer[0], MPIPC_TO_PRIMARY, deadlines[i]));
		ASSERT_EQ(0, sync_end(&sync));
		ASSERT_EQ(1U, sync.arg.n_results);
		expect_unanswered(_metadata, &sync, self->primary_id, -ETIMEDOUT);
	}
}

TEST_F(call, late_answer_is_refused_and_not_taken_for_the_next)
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
	expect_answered(_metadata, &second, self->primary_id, 0);
	EXPECT_STREQ("in time", second.answers[0]);
}

/* Death */

TEST_F(call, addressees_that_go_end_it_for_them)
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
	expect_answered(_metadata, &sync, self->id[0], 0);
	EXPECT_STREQ("bye", sync_answer(_metadata, &sync, self->id[0]));
	expect_unanswered(_metadata, &sync, self->id[1], -ECONNRESET);
	expect_unanswered(_metadata, &sync, self->id[2], -ECONNRESET);
}

/* A process that joins, tells its id, and never answers. */
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
	child_tell(child, endpoint_id(fd));
	for (;;)
		pause();
}

TEST_F(call, killed_addressee_ends_it)
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
	expect_unanswered(_metadata, &sync, id, -ECONNRESET);
}

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
	expect_unanswered(_metadata, &sync, id, -ECONNRESET);

	ASSERT_EQ(0, sync_start(&sync, secondary, MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	EXPECT_EQ(-ECONNREFUSED, sync_end(&sync));
	ASSERT_LE(0, open_primary(self->group));
	ASSERT_EQ(0, sync_start(&sync, secondary, MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	EXPECT_EQ(-ESTALE, sync_end(&sync));
}

TEST_F(call, answer_to_a_caller_that_is_gone_is_refused)
{
	__u64 call;

	ASSERT_EQ(0, call_async(self->peer[0], MPIPC_TO_PRIMARY, "q", 0, MPIPC_FOREVER, NULL));
	call = take_request(_metadata, self->primary);
	ASSERT_EQ(0, close(self->peer[0]));
	EXPECT_EQ(-ESRCH, reply_msg(self->primary, call, 0, NULL, 0));
}

TEST_F(call, stopped_addressee_does_not_delay_the_others)
{
	struct mpipc_record record;
	struct child child = {};
	__u64 stopped, call;
	int status;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int fd = open_secondary(self->group);

		child_tell(&child, endpoint_id(fd));
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

TEST_F(call, async_results_come_as_they_are_answered)
{
	static const int order[PEERS] = { 2, 0, 1 };
	struct mpipc_call_args arg = call_arg(MPIPC_TO_ALL, "q", NULL, 0, NULL, 0);

	arg.flags = MPIPC_CALL_ASYNC;
	arg.reply_size = ANSWER_SIZE;
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_CALL, &arg));
	EXPECT_EQ((__u32)PEERS, arg.n_results);
	EXPECT_TRUE(mailbox_empty(self->primary));
	for (int i = 0; i < PEERS; i++) {
		struct mpipc_record record;
		char data[ANSWER_SIZE] = "";
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
		EXPECT_TRUE(is_answered(&record));
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
	EXPECT_FALSE(is_answered(&record));
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
		EXPECT_FALSE(is_answered(&record));
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

TEST_F(call, async_result_finds_room_in_a_full_mailbox)
{
	struct mpipc_record record;
	unsigned int n;
	__u64 call;

	ASSERT_EQ(0, call_async(self->primary, self->id[0], "", 8, MPIPC_FOREVER, &call));
	n = fill_mailbox(_metadata, self->peer[1], MPIPC_TO_PRIMARY);
	take_request(_metadata, self->peer[0]);
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, "answer", 7));
	while (n--) {
		ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
		ASSERT_EQ(MPIPC_MESSAGE, record.type);
	}
	record = take_result(_metadata, self->primary, call);
	EXPECT_EQ(0, record.status);
	EXPECT_EQ(7U, record.size);
}

TEST_F(call, answer_does_not_overtake_earlier_messages)
{
	struct mpipc_record message, result;
	char data[ANSWER_SIZE];
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

TEST_F(call, seq_of_a_sync_result_tells_what_came_before_it)
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

/* Answers */

TEST_F(call, only_the_first_answer_counts)
{
	struct sync sync;
	__u64 call;

	ASSERT_EQ(0, sync_start(&sync, self->primary, MPIPC_TO_ALL, MPIPC_FOREVER));
	call = take_request(_metadata, self->peer[0]);
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, "first", 6));
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[0], call, 0, "second", 7));
	ASSERT_EQ(0, leave(self->peer[1]));
	ASSERT_EQ(0, leave(self->peer[2]));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_STREQ("first", sync_answer(_metadata, &sync, self->id[0]));
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[0], call, 0, "third", 6));
}

TEST_F(call, stranger_cannot_answer)
{
	struct sync sync;
	__u64 call;

	ASSERT_EQ(0, sync_start(&sync, self->primary, self->id[0], MPIPC_FOREVER));
	call = take_request(_metadata, self->peer[0]);
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[1], call, 0, "fake", 5));
	EXPECT_EQ(-ESRCH, reply_msg(self->primary, call, 0, "fake", 5));
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[0], call + 1000, 0, "fake", 5));
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, "true", 5));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_STREQ("true", sync.answers[0]);
}

TEST_F(call, answer_from_another_group_is_refused)
{
	char group[MPIPC_GROUP_MAX];
	struct sync sync;
	int primary;
	__u64 call;

	group_name(group, "call-other");
	primary = open_primary(group);
	ASSERT_LE(0, primary);
	ASSERT_EQ(0, sync_start(&sync, self->peer[0], MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	call = take_request(_metadata, self->primary);
	EXPECT_EQ(-ESRCH, reply_msg(primary, call, 0, "fake", 5));
	EXPECT_EQ(-ESRCH, cancel(primary, call));
	ASSERT_EQ(0, reply_msg(self->primary, call, 0, "true", 5));
	ASSERT_EQ(0, sync_end(&sync));
	EXPECT_STREQ("true", sync.answers[0]);
}

TEST_F(call, bad_answers_change_nothing)
{
	static const char large[ANSWER_SIZE + 1];
	struct mpipc_reply_args good = { .body = make_body("ok", "good", 5, NULL, 0) };
	struct mpipc_reply_args bad;
	struct sync sync;
	int nul;

	ASSERT_EQ(0, sync_start(&sync, self->primary, self->id[0], MPIPC_FOREVER));
	good.call = take_request(_metadata, self->peer[0]);
	nul = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, nul);

	EXPECT_EQ(-EMSGSIZE, reply_msg(self->peer[0], good.call, 0, large, sizeof(large)));
	bad = good;
	bad.body.fds = to_u64(&nul);
	bad.body.n_fds = 1;
	EXPECT_EQ(-EMSGSIZE, do_ioctl(self->peer[0], MPIPC_REPLY, &bad));
	bad = good;
	bad.body.size = MPIPC_SIZE_MAX + 1;
	EXPECT_EQ(-EMSGSIZE, do_ioctl(self->peer[0], MPIPC_REPLY, &bad));
	bad = good;
	bad.status = 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->peer[0], MPIPC_REPLY, &bad));
	bad.status = -4096;
	EXPECT_EQ(-EINVAL, do_ioctl(self->peer[0], MPIPC_REPLY, &bad));
	bad = good;
	bad.flags = ~MPIPC_PASS_MPIPC;
	EXPECT_EQ(-EINVAL, do_ioctl(self->peer[0], MPIPC_REPLY, &bad));
	bad = good;
	memset(bad.body.name, 'n', sizeof(bad.body.name));
	EXPECT_EQ(-EINVAL, do_ioctl(self->peer[0], MPIPC_REPLY, &bad));
	bad = good;
	bad.body.data = to_u64(guard_page(_metadata) - 1);
	EXPECT_EQ(-EFAULT, do_ioctl(self->peer[0], MPIPC_REPLY, &bad));

	ASSERT_EQ(0, do_ioctl(self->peer[0], MPIPC_REPLY, &good));
	ASSERT_EQ(0, sync_end(&sync));
	expect_answered(_metadata, &sync, self->id[0], 0);
	EXPECT_STREQ("good", sync.answers[0]);
}

TEST_F(call, any_thread_may_answer_when_it_likes)
{
	struct mpipc_reply_args reply = { .body = make_body("", "done", 5, NULL, 0) };
	struct ioctl_thread replier;
	struct sync sync[2];
	__u64 call[2];

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, sync_start(&sync[i], self->peer[i], MPIPC_TO_PRIMARY,
					MPIPC_FOREVER));
		call[i] = take_request(_metadata, self->primary);
	}
	for (int i = 1; i >= 0; i--) {
		reply.call = call[i];
		ASSERT_EQ(0, ioctl_thread_start(&replier, self->primary, MPIPC_REPLY, &reply));
		ASSERT_EQ(0, ioctl_thread_join(&replier));
		ASSERT_EQ(0, sync_end(&sync[i]));
		EXPECT_STREQ("done", sync[i].answers[0]);
	}
}

/* Reply, then receive */

static struct mpipc_reply_recv_args server_arg(char *data, size_t size, __u64 deadline)
{
	struct mpipc_reply_recv_args arg = {
		.recv = {
			.max_size = size,
			.data = to_u64(data),
			.deadline = deadline,
		},
	};

	return arg;
}

#define ROUNDS 50

static void *client_main(void *arg)
{
	const int *fd = arg;
	long bad = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct mpipc_record result;
		struct mpipc_call_args call = call_arg(MPIPC_TO_PRIMARY, "", &i, sizeof(i),
						       &result, 1);
		int echo = -1;

		call.reply_size = sizeof(echo);
		call.reply_data = to_u64(&echo);
		if (do_ioctl(*fd, MPIPC_CALL, &call) || result.status || echo != i)
			bad++;
	}
	return (void *)bad;
}

/* Answers so many requests with what they say, the last one included. */
static void serve(struct __test_metadata *_metadata, int fd, int requests)
{
	char data[sizeof(int)];
	struct mpipc_reply_recv_args arg = server_arg(data, sizeof(data), MPIPC_FOREVER);

	while (requests--) {
		ASSERT_EQ(0, do_ioctl(fd, MPIPC_REPLY_RECV, &arg));
		ASSERT_EQ(0, arg.reply_error);
		ASSERT_EQ(0U, arg.reply.call);
		ASSERT_EQ(MPIPC_REQUEST, arg.recv.record.type);
		arg.reply.call = arg.recv.record.call;
		arg.reply.body = make_body("", data, sizeof(data), NULL, 0);
	}
	arg.recv.deadline = 0;
	EXPECT_EQ(-EAGAIN, do_ioctl(fd, MPIPC_REPLY_RECV, &arg));
	EXPECT_EQ(0, arg.reply_error);
	EXPECT_EQ(0U, arg.reply.call);
}

TEST_F(call, reply_recv_is_a_server_s_loop)
{
	pthread_t client;
	void *bad;

	ASSERT_EQ(0, pthread_create(&client, NULL, client_main, &self->peer[0]));
	serve(_metadata, self->primary, ROUNDS);
	pthread_join(client, &bad);
	EXPECT_EQ(NULL, bad);
}

TEST_F(call, threads_of_one_endpoint_call_at_once)
{
	pthread_t clients[6];
	void *bad;

	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		ASSERT_EQ(0, pthread_create(&clients[i], NULL, client_main, &self->peer[0]));
	}
	serve(_metadata, self->primary, ROUNDS * ARRAY_SIZE(clients));
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		pthread_join(clients[i], &bad);
		EXPECT_EQ(NULL, bad);
	}
}

TEST_F(call, threads_of_one_endpoint_serve_at_once)
{
	struct mpipc_reply_recv_args arg[PEERS];
	struct ioctl_thread thread[PEERS];
	struct sync sync[PEERS];
	char data[PEERS][8];

	for (int i = 0; i < PEERS; i++) {
		arg[i] = server_arg(data[i], sizeof(data[i]), MPIPC_FOREVER);
		ASSERT_EQ(0, ioctl_thread_start(&thread[i], self->primary,
						MPIPC_REPLY_RECV, &arg[i]));
		ASSERT_EQ(0, ioctl_thread_asleep(&thread[i]));
	}
	for (int i = 0; i < PEERS; i++) {
		ASSERT_EQ(0, sync_start(&sync[i], self->peer[i], MPIPC_TO_PRIMARY,
					MPIPC_FOREVER));
	}
	for (int i = 0; i < PEERS; i++) {
		ASSERT_EQ(0, ioctl_thread_join(&thread[i]));
		ASSERT_EQ(MPIPC_REQUEST, arg[i].recv.record.type);
		ASSERT_EQ(0, reply_msg(self->primary, arg[i].recv.record.call, 0, NULL, 0));
	}
	for (int i = 0; i < PEERS; i++) {
		ASSERT_EQ(0, sync_end(&sync[i]));
		expect_answered(_metadata, &sync[i], self->primary_id, 0);
	}
	EXPECT_TRUE(mailbox_empty(self->primary));
}

TEST_F(call, reply_recv_receives_although_the_reply_fails)
{
	static const char large[ANSWER_SIZE + 1];
	struct mpipc_reply_recv_args arg = server_arg(NULL, 0, 0);
	struct sync sync;
	__u64 call;

	ASSERT_EQ(0, sync_start(&sync, self->peer[0], MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	call = take_request(_metadata, self->primary);
	ASSERT_EQ(0, send_msg(self->peer[1], MPIPC_TO_PRIMARY, "1", NULL, 0));
	ASSERT_EQ(0, send_msg(self->peer[1], MPIPC_TO_PRIMARY, "2", NULL, 0));

	arg.reply.call = call + 1000;
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_REPLY_RECV, &arg));
	EXPECT_EQ(-ESRCH, arg.reply_error);
	EXPECT_STREQ("1", arg.recv.record.name);

	arg.reply.call = call;
	arg.reply.body = make_body("", large, sizeof(large), NULL, 0);
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_REPLY_RECV, &arg));
	EXPECT_EQ(-EMSGSIZE, arg.reply_error);
	EXPECT_STREQ("2", arg.recv.record.name);

	ASSERT_EQ(0, reply_msg(self->primary, call, 0, NULL, 0));
	ASSERT_EQ(0, sync_end(&sync));

	ASSERT_EQ(0, send_msg(self->peer[1], MPIPC_TO_PRIMARY, "3", NULL, 0));
	arg.reply.call = 0;
	arg.reply_error = 1;
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_REPLY_RECV, &arg));
	EXPECT_EQ(1, arg.reply_error);
	EXPECT_STREQ("3", arg.recv.record.name);
}

TEST_F(call, reply_recv_that_a_signal_restarts_answers_once)
{
	struct mpipc_reply_recv_args arg = server_arg(NULL, 0, MPIPC_FOREVER);
	struct ioctl_thread server;
	struct sync sync;

	catch_signal(_metadata, SA_RESTART);
	ASSERT_EQ(0, sync_start(&sync, self->peer[0], MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	arg.reply.call = take_request(_metadata, self->primary);
	ASSERT_EQ(0, ioctl_thread_start(&server, self->primary, MPIPC_REPLY_RECV, &arg));
	ASSERT_EQ(0, sync_end(&sync));
	interrupt(_metadata, &server);
	ASSERT_EQ(0, send_msg(self->peer[0], MPIPC_TO_PRIMARY, "wake", NULL, 0));
	ASSERT_EQ(0, ioctl_thread_join(&server));
	EXPECT_EQ(0, arg.reply_error);
	EXPECT_STREQ("wake", arg.recv.record.name);
}

/* Many calls */

TEST_F(call, calls_of_both_sides_nest)
{
	struct sync up, down;
	__u64 request;

	ASSERT_EQ(0, sync_start(&up, self->peer[0], MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	request = take_request(_metadata, self->primary);
	ASSERT_EQ(0, sync_start(&down, self->primary, self->id[0], MPIPC_FOREVER));
	ASSERT_EQ(0, reply_msg(self->peer[0], take_request(_metadata, self->peer[0]),
			       0, "inner", 6));
	ASSERT_EQ(0, sync_end(&down));
	EXPECT_STREQ("inner", down.answers[0]);
	ASSERT_EQ(0, reply_msg(self->primary, request, 0, "outer", 6));
	ASSERT_EQ(0, sync_end(&up));
	EXPECT_STREQ("outer", up.answers[0]);
}

TEST_F(call, overlapping_calls_end_in_any_order)
{
	struct sync sync[8];
	__u64 call[8];

	for (size_t i = 0; i < ARRAY_SIZE(sync); i++) {
		ASSERT_EQ(0, sync_start(&sync[i], self->peer[0], MPIPC_TO_PRIMARY,
					MPIPC_FOREVER));
		call[i] = take_request(_metadata, self->primary);
	}
	for (size_t i = ARRAY_SIZE(sync); i-- > 0;) {
		char answer[ANSWER_SIZE];

		snprintf(answer, sizeof(answer), "answer %zu", i);
		ASSERT_EQ(0, reply_msg(self->primary, call[i], 0, answer, sizeof(answer)));
		ASSERT_EQ(0, sync_end(&sync[i]));
		EXPECT_STREQ(answer, sync[i].answers[0]);
	}
}

/* Cancelling */

TEST_F(call, cancel_from_another_thread_ends_it_with_the_answers_there_are)
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
	expect_unanswered(_metadata, &sync, self->id[0], -ECANCELED);
	expect_unanswered(_metadata, &sync, self->id[1], -ECANCELED);
	expect_answered(_metadata, &sync, self->id[2], 0);
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
	expect_unanswered(_metadata, &sync, self->id[0], -ECANCELED);
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
	EXPECT_TRUE(is_answered(&record));
	for (int i = 1; i < PEERS; i++) {
		record = take_result(_metadata, self->primary, call);
		cancelled += record.status == -ECANCELED;
		EXPECT_FALSE(is_answered(&record));
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
	EXPECT_STREQ("calm", sync.answers[0]);
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
	expect_unanswered(_metadata, &sync, self->id[0], -ETIMEDOUT);
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
	EXPECT_STREQ("meanwhile", sync_answer(_metadata, &sync, self->id[0]));
	expect_unanswered(_metadata, &sync, self->id[1], -ECONNRESET);
	EXPECT_STREQ("afterwards", sync_answer(_metadata, &sync, self->id[2]));
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
	expect_unanswered(_metadata, &sync, self->id[0], -ETIMEDOUT);
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[0], sync.arg.id, 0, NULL, 0));
}

TEST_F(call, interrupted_call_takes_no_answer_after_its_deadline)
{
	__u64 deadline = in_ms(LONG_MS);
	struct sync sync;

	interrupted_call(_metadata, &sync, self->primary, self->id[0], deadline);
	while (now_ns() < deadline)
		poll_for(self->primary, POLLIN, 10);
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[0], sync.arg.id, 0, "late", 5));
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_CALL, &sync.arg));
	expect_unanswered(_metadata, &sync, self->id[0], -ETIMEDOUT);
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
	EXPECT_STREQ("still", sync.answers[0]);
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
	EXPECT_STREQ("x", sync.answers[0]);
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

/* Everybody answers a call whose results cannot be stored; then they can. */
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
		expect_answered(_metadata, &sync, self->id[i], 0);
		EXPECT_STREQ("kept", sync_answer(_metadata, &sync, self->id[i]));
	}
}

TEST_F(call, fault_in_the_answers_keeps_the_call)
{
	char *guard = guard_page(_metadata);
	char *answers = guard - ANSWER_SIZE - 1;
	struct sync sync;

	sync_prepare(&sync, MPIPC_TO_ALL);
	sync.arg.reply_data = to_u64(answers);
	fault_and_resume(_metadata, &sync, self->primary, self->peer, guard);
	memcpy(sync.answers, answers, sizeof(sync.answers));
	for (int i = 0; i < PEERS; i++) {
		expect_answered(_metadata, &sync, self->id[i], 0);
		EXPECT_STREQ("kept", sync_answer(_metadata, &sync, self->id[i]));
	}
}

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

/* Full mailboxes */

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
	expect_answered(_metadata, &sync, self->id[0], 0);
	expect_unanswered(_metadata, &sync, self->id[1], -EAGAIN);
	expect_answered(_metadata, &sync, self->id[2], 0);
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

TEST_F(call, wait_room_waits_for_the_full_and_not_with_the_others)
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
	ASSERT_EQ(0, reply_msg(self->peer[1], call, 0, "room", 5));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	for (int i = 0; i < PEERS; i++)
		expect_answered(_metadata, &sync, self->id[i], 0);
}

/* Starts a call that has to wait for room; returns when it does. */
static void wait_for_room(struct __test_metadata *_metadata, struct sync *sync, int fd,
			  __u64 to)
{
	sync_prepare(sync, to);
	sync->arg.flags = MPIPC_CALL_WAIT_SPACE;
	ASSERT_EQ(0, sync_run(sync, fd));
	ASSERT_EQ(0, ioctl_thread_asleep(&sync->thread));
}

static void answer_after_drain(struct __test_metadata *_metadata, struct sync *sync,
			       int fd, __u64 id, unsigned int n)
{
	__u64 call;

	drain(_metadata, fd, n);
	call = take_request(_metadata, fd);
	EXPECT_TRUE(mailbox_empty(fd));
	ASSERT_EQ(0, reply_msg(fd, call, 0, NULL, 0));
	ASSERT_EQ(0, sync_end(sync));
	ASSERT_EQ(1U, sync->arg.n_results);
	expect_answered(_metadata, sync, id, 0);
}

TEST_F(call, wait_room_is_not_disturbed_by_restarting_signals)
{
	unsigned int n = fill_mailbox(_metadata, self->primary, self->id[0]);
	struct sync sync;

	catch_signal(_metadata, SA_RESTART);
	wait_for_room(_metadata, &sync, self->primary, self->id[0]);
	for (int i = 0; i < 3; i++)
		interrupt(_metadata, &sync.thread);
	answer_after_drain(_metadata, &sync, self->peer[0], self->id[0], n);
}

TEST_F(call, wait_room_that_is_interrupted_made_no_call)
{
	unsigned int n = fill_mailbox(_metadata, self->primary, self->id[0]);
	struct sync sync;

	catch_signal(_metadata, 0);
	wait_for_room(_metadata, &sync, self->primary, self->id[0]);
	interrupt(_metadata, &sync.thread);
	ASSERT_EQ(-EINTR, sync_end(&sync));
	EXPECT_EQ(0U, sync.arg.id);
	ASSERT_EQ(0, sync_run(&sync, self->primary));
	ASSERT_EQ(0, ioctl_thread_asleep(&sync.thread));
	answer_after_drain(_metadata, &sync, self->peer[0], self->id[0], n);
}

TEST_F(call, wait_room_of_some_ends_with_a_signal_and_the_call_goes_on)
{
	struct sync sync;
	__u64 call;

	fill_mailbox(_metadata, self->primary, self->id[1]);
	catch_signal(_metadata, SA_RESTART);
	wait_for_room(_metadata, &sync, self->primary, MPIPC_TO_ALL);
	interrupt(_metadata, &sync.thread);
	for (int i = 0; i < PEERS; i += 2) {
		call = take_request(_metadata, self->peer[i]);
		ASSERT_EQ(0, reply_msg(self->peer[i], call, 0, NULL, 0));
	}
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	expect_answered(_metadata, &sync, self->id[0], 0);
	expect_unanswered(_metadata, &sync, self->id[1], -EAGAIN);
	expect_answered(_metadata, &sync, self->id[2], 0);
}

TEST_F(call, wait_room_that_nobody_had_ends_by_cancel)
{
	unsigned int n = fill_mailbox(_metadata, self->primary, self->id[0]);
	struct sync sync;

	wait_for_room(_metadata, &sync, self->primary, self->id[0]);
	ASSERT_EQ(0, cancel(self->primary, __atomic_load_n(&sync.arg.id, __ATOMIC_ACQUIRE)));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ(1U, sync.arg.n_results);
	expect_unanswered(_metadata, &sync, self->id[0], -ECANCELED);
	drain(_metadata, self->peer[0], n);
	EXPECT_TRUE(mailbox_empty(self->peer[0]));
}

TEST_F(call, wait_room_ends_at_the_deadline)
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
	expect_unanswered(_metadata, &sync, self->id[0], -ETIMEDOUT);
	drain(_metadata, self->peer[0], n);
	EXPECT_TRUE(mailbox_empty(self->peer[0]));
}

TEST_F(call, wait_room_ends_by_cancel)
{
	struct sync sync;
	__u64 call;

	fill_mailbox(_metadata, self->primary, self->id[1]);
	wait_for_room(_metadata, &sync, self->primary, MPIPC_TO_ALL);
	call = take_request(_metadata, self->peer[0]);
	ASSERT_EQ(0, reply_msg(self->peer[0], call, 0, NULL, 0));
	ASSERT_EQ(0, cancel(self->primary, call));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ((__u32)PEERS, sync.arg.n_results);
	expect_answered(_metadata, &sync, self->id[0], 0);
	expect_unanswered(_metadata, &sync, self->id[1], -ECANCELED);
	expect_unanswered(_metadata, &sync, self->id[2], -ECANCELED);
}

TEST_F(call, wait_room_ends_with_its_addressee)
{
	struct sync sync;

	fill_mailbox(_metadata, self->primary, self->id[0]);
	wait_for_room(_metadata, &sync, self->primary, self->id[0]);
	ASSERT_EQ(0, close(self->peer[0]));
	ASSERT_EQ(0, sync_end(&sync));
	ASSERT_EQ(1U, sync.arg.n_results);
	expect_unanswered(_metadata, &sync, self->id[0], -ECONNRESET);
}

/* Bad input */

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
