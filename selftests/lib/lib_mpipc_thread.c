// SPDX-License-Identifier: GPL-2.0-only
/* Tests of libmpipc: handlers on the thread of the library, in order. */
#include "child.h"
#include "fd.h"
#include "harness.h"
#include "lib_mpipc.h"
#include "wait.h"

#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <mpipc.h>

/* The library's thread */

static void look_around(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct log *log = arg;
	sigset_t blocked;

	(void)handle;
	(void)message;
	pthread_getname_np(pthread_self(), log->data, sizeof(log->data));
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	log->handler_ret = sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGUSR1) &&
			   !sigismember(&blocked, SIGSEGV) && !sigismember(&blocked, SIGFPE) &&
			   !sigismember(&blocked, SIGILL) && !sigismember(&blocked, SIGTRAP) &&
			   !sigismember(&blocked, SIGSYS) && !sigismember(&blocked, SIGBUS);
	sem_post(&log->entered);
}

TEST_F(lib, the_thread_has_a_name_and_takes_no_signals_but_faults)
{
	struct mpipc *secondary;

	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, look_around,
			       &self->log));
	ASSERT_EQ(0, mpipc_start(secondary, NULL));
	EXPECT_EQ(-EALREADY, mpipc_start(secondary, NULL));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL));
	sem_wait(&self->log.entered);
	EXPECT_STREQ("mpipc-msg", self->log.data);
	EXPECT_EQ(1, self->log.handler_ret);
	mpipc_close(secondary);
}

/**
 * struct settings - what the thread of the library has
 * @policy: its scheduling policy
 * @cpus: the processors that it may run on
 * @stack_size: the size of its stack
 * @seen: posted in the handler
 */
struct settings {
	int policy;
	cpu_set_t cpus;
	size_t stack_size;
	sem_t seen;
};

static void look_at_thread(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct settings *settings = arg;
	pthread_attr_t attr;

	(void)handle;
	(void)message;
	settings->policy = sched_getscheduler(0);
	sched_getaffinity(0, sizeof(settings->cpus), &settings->cpus);
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstacksize(&attr, &settings->stack_size);
	pthread_attr_destroy(&attr);
	sem_post(&settings->seen);
}

TEST_F(lib, the_thread_gets_a_policy_processors_and_a_stack)
{
	struct settings settings = { .policy = -1 };
	cpu_set_t cpus;
	struct mpipc_start_options options = {
		.size = sizeof(options), .flags = MPIPC_START_POLICY, .policy = SCHED_BATCH,
		.cpus = &cpus, .cpus_size = sizeof(cpus), .stack_size = 3 << 20,
	};
	struct mpipc *secondary;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sem_init(&settings.seen, 0, 0);
	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, look_at_thread,
			       &settings));
	ASSERT_EQ(0, mpipc_start(secondary, &options));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL));
	sem_wait(&settings.seen);
	EXPECT_EQ(SCHED_BATCH, settings.policy);
	EXPECT_TRUE(CPU_EQUAL(&cpus, &settings.cpus));
	EXPECT_EQ(3 << 20, settings.stack_size);
	EXPECT_EQ(SCHED_OTHER, sched_getscheduler(0));
	mpipc_close(secondary);
}

/* A program of version 0.1 calls mpipc_start() with one argument. The next one is garbage. */
int start_of_0_1(struct mpipc *handle, const void *rest);
__asm__(".symver start_of_0_1, mpipc_start@LIBMPIPC_0.1");

TEST_F(lib, a_program_of_the_first_version_starts_the_thread)
{
	struct settings settings = { .policy = -1 };
	struct mpipc *secondary;

	sem_init(&settings.seen, 0, 0);
	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, look_at_thread,
			       &settings));
	ASSERT_EQ(0, start_of_0_1(secondary, (void *)1));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL));
	sem_wait(&settings.seen);
	EXPECT_EQ(SCHED_OTHER, settings.policy);
	mpipc_close(secondary);
}

TEST_F(lib, a_thread_with_bad_options_does_not_start)
{
	cpu_set_t none;
	struct mpipc_start_options flags = { .size = sizeof(flags), .flags = 1U << 31 };
	struct mpipc_start_options policy = {
		.size = sizeof(policy), .flags = MPIPC_START_POLICY, .policy = SCHED_FIFO,
	};
	struct mpipc_start_options cpus = {
		.size = sizeof(cpus), .cpus = &none, .cpus_size = sizeof(none),
	};
	struct mpipc_start_options stack = { .size = sizeof(stack), .stack_size = 1 };

	CPU_ZERO(&none);
	EXPECT_EQ(-EINVAL, mpipc_start(self->primary, &flags));
	EXPECT_EQ(-EINVAL, mpipc_start(self->primary, &policy));
	EXPECT_EQ(-EINVAL, mpipc_start(self->primary, &cpus));
	EXPECT_EQ(-EINVAL, mpipc_start(self->primary, &stack));
	cpus.cpus_size = 0;
	EXPECT_EQ(-EINVAL, mpipc_start(self->primary, &cpus));
	/* Nothing is left of these attempts. */
	EXPECT_EQ(0, mpipc_dispatch(self->primary, 0));
	EXPECT_EQ(0, mpipc_start(self->primary, NULL));
}

static sigjmp_buf before_fault;

static void recover(int signal)
{
	(void)signal;
	siglongjmp(before_fault, 1);
}

/* Read behind the end of a file, and reply with what came of that. */
static void fault_and_reply(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	volatile int status = -EINPROGRESS;
	volatile char *page = arg;

	if (sigsetjmp(before_fault, 1))
		status = -EFAULT;
	else
		(void)*page;
	CHECK(!mpipc_reply(handle, message->record->call, status, NULL, 0, NULL));
}

/* DPDK's actions do this when they take the last of the huge pages. */
TEST_F(lib, a_handler_can_recover_from_a_fault_on_the_thread)
{
	struct sigaction action = { .sa_handler = recover };
	struct mpipc_replies *replies;
	struct mpipc *secondary;
	void *page;
	int fd;

	fd = memfd_create("empty", MFD_CLOEXEC);
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, sigaction(SIGBUS, &action, NULL));
	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, fault_and_reply,
			       page));
	ASSERT_EQ(0, mpipc_start(secondary, NULL));
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				NULL, &replies));
	EXPECT_EQ(-EFAULT, result_status(replies, 0));
	mpipc_replies_free(replies);
	mpipc_close(secondary);
	munmap(page, 4096);
	close(fd);
}

TEST_F(lib, the_thread_gets_batches_and_descriptors_in_order)
{
	int stdin_fd = 0, i;
	struct mpipc_send_options with_fd = {
		.size = sizeof(with_fd), .fds = &stdin_fd, .n_fds = 1,
	};
	struct mpipc *secondary;
	unsigned int before;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	before = count_fds();
	for (i = 0; i < 60; i++) {
		ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", &i, sizeof(i),
					i % 7 ? NULL : &with_fd));
	}
	ASSERT_EQ(0, mpipc_start(self->primary, NULL));
	for (i = 0; i < 60; i++)
		sem_wait(&self->log.entered);
	mpipc_close(self->primary);
	self->primary = NULL;
	EXPECT_EQ(60, self->log.count);
	EXPECT_EQ(59, *(int *)self->log.data);
	EXPECT_EQ(60, self->log.record.seq);
	/* The handler takes the first descriptor of each message. */
	EXPECT_EQ(before - 1 + 9, count_fds());
	mpipc_close(secondary);
}

/* Count messages atomically, because the test looks at the count while more may come. */
static void count_messages(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	(void)handle;
	(void)message;
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED);
}

/* Send messages and then reply. */
static void send_then_reply(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	int i;

	(void)arg;
	for (i = 1; i <= 20; i++)
		CHECK(mpipc_send(handle, MPIPC_TO_PRIMARY, "before", &i, sizeof(i), NULL) == 1);
	CHECK(!mpipc_reply(handle, message->record->call, 0, NULL, 0, NULL));
}

TEST_F(lib, an_ordered_call_returns_after_the_handlers_of_what_came_before)
{
	struct mpipc_call_options options = {
		.size = sizeof(options), .flags = MPIPC_CALL_ORDERED,
	};
	struct mpipc_replies *replies;
	struct mpipc *primary;
	struct child child;
	int round, count = 0;

	strcat(self->group, ".count");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, 0, count_messages, &count));
	start_server(self->group, &child, send_then_reply, NULL);
	ASSERT_EQ(0, mpipc_start(primary, NULL));
	for (round = 1; round <= 50; round++) {
		ASSERT_EQ(1, mpipc_call(primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
					&options, &replies));
		EXPECT_EQ(20 * round, __atomic_load_n(&count, __ATOMIC_RELAXED));
		mpipc_replies_free(replies);
	}
	child_kill(&child);
	mpipc_close(primary);
}

/* Call the caller, and reply with the result. */
static void call_back(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct mpipc_replies *replies;

	(void)arg;
	CHECK(mpipc_call(handle, MPIPC_TO_PRIMARY, "inner", "abc", 4, MPIPC_WAIT_FOREVER, NULL,
			 &replies) == 1);
	CHECK(!mpipc_reply(handle, message->record->call, result_status(replies, 0),
			   mpipc_replies_get(replies, 0)->data, 4, NULL));
	mpipc_replies_free(replies);
}

TEST_F(lib, a_handler_may_call)
{
	struct mpipc_replies *replies;
	struct child child;

	start_server(self->group, &child, call_back, NULL);
	ASSERT_EQ(0, mpipc_start(self->primary, NULL));
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "outer", NULL, 0,
				MPIPC_WAIT_FOREVER, NULL, &replies));
	EXPECT_EQ(0, result_status(replies, 0));
	EXPECT_STREQ("abc", mpipc_replies_get(replies, 0)->data);
	sem_wait(&self->log.entered);
	EXPECT_EQ(1, self->log.count);
	mpipc_replies_free(replies);
	child_kill(&child);
}

#define BACKLOG	300

static void reply_next(struct mpipc *handle, const struct mpipc_message *message,
		       struct backlog *backlog)
{
	const __u32 *numbers = message->data;
	const __u32 size = message->record->size, number = backlog->count++;
	const __u64 call = message->record->call;
	struct mpipc_replies *replies;
	__u32 i;

	if (!number) {
		sem_post(&backlog->entered);
		sem_wait(&backlog->all_there);
	}
	CHECK(!mpipc_reply(handle, call, 0, &number, sizeof(number), NULL));
	/* The message is unchanged. */
	CHECK(message->record->call == call && message->record->size == size);
	for (i = 0; i < size / sizeof(*numbers); i++)
		CHECK(numbers[i] == number);
	if (!backlog->peer || number % 10)
		return;
	/* The call handles those requests that follow, up to its result. */
	CHECK(mpipc_call(handle, backlog->peer, "x", NULL, 0, MPIPC_WAIT_FOREVER, NULL,
			 &replies) == 1);
	CHECK(!result_status(replies, 0));
	mpipc_replies_free(replies);
	CHECK(mpipc_reply(handle, call, 0, NULL, 0, NULL) == -ESRCH);
	CHECK(message->record->call == call && numbers[0] == number);
}

static void handle_next(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct backlog *backlog = arg;

	reply_next(handle, message, backlog);
	sem_post(&backlog->done);
}

/* Check that each result has the number of its request. */
static void check_number(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	(void)handle;
	CHECK(!message->record->status);
	CHECK(*(const __u32 *)message->data == (uintptr_t)arg);
}

/* Make a call that does not wait; among these calls are all sizes and kinds. */
static void call_one(struct mpipc *caller, __u32 number)
{
	static __u32 numbers[MPIPC_SIZE_MAX / sizeof(__u32)];
	int fd = 0;
	struct mpipc_call_options options = {
		.size = sizeof(options), .fds = &fd, .n_fds = number % 37 == 9,
	};
	size_t size = number % 41 == 11 ? sizeof(numbers) :
		      number % 11 == 7 ? 4000 : 4 + number % 50 * 4;
	size_t i;

	for (i = 0; i < size / sizeof(number); i++)
		numbers[i] = number;
	CHECK(mpipc_call_async(caller, MPIPC_TO_PRIMARY, "x", numbers, size, MPIPC_WAIT_FOREVER,
			       &options, check_number, (void *)(uintptr_t)number, NULL) == 1);
}

static void test_backlog(struct __test_metadata *_metadata, const char *group,
			 struct backlog *backlog)
{
	struct mpipc *primary, *caller;
	struct child server;
	char name[64];
	int left = BACKLOG, handled;
	__u32 number;

	snprintf(name, sizeof(name), "%s.backlog", group);
	sem_init(&backlog->entered, 0, 0);
	sem_init(&backlog->all_there, 0, 0);
	sem_init(&backlog->done, 0, 0);
	ASSERT_EQ(0, open_with(&primary, name, MPIPC_PRIMARY, 0, handle_next, backlog));
	if (backlog->peer)
		backlog->peer = start_server(name, &server, record, &(struct log){ 0 });
	ASSERT_EQ(0, mpipc_start(primary, NULL));
	ASSERT_EQ(0, mpipc_open(&caller, name, MPIPC_SECONDARY, NULL));
	call_one(caller, 0);
	sem_wait(&backlog->entered);
	for (number = 1; number < BACKLOG; number++)
		call_one(caller, number);
	sem_post(&backlog->all_there);
	for (; left > 0; left -= handled) {
		handled = mpipc_dispatch(caller, MPIPC_WAIT_FOREVER);
		ASSERT_LT(0, handled);
	}
	mpipc_close(caller);
	for (number = 0; number < BACKLOG; number++)
		sem_wait(&backlog->done);
	mpipc_close(primary);
	EXPECT_EQ(BACKLOG, backlog->count);
	if (backlog->peer)
		child_kill(&server);
}

TEST_F(lib, the_thread_handles_a_backlog_of_requests_in_order)
{
	struct backlog backlog = { 0 };

	test_backlog(_metadata, self->group, &backlog);
}

TEST_F(lib, a_call_between_two_replies_handles_the_backlog_in_order)
{
	struct backlog backlog = { .peer = 1 };

	test_backlog(_metadata, self->group, &backlog);
}

/**
 * struct eager - for replies to messages that are no requests
 * @secondary: sends the messages
 * @count: messages that have come
 * @status: return value of mpipc_reply() for the first message
 */
struct eager {
	struct mpipc *secondary;
	unsigned int count;
	int status;
};

static void reply_everything(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct eager *eager = arg;

	if (eager->count++)
		return;
	CHECK(mpipc_send(eager->secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL) == 1);
	eager->status = mpipc_reply(handle, message->record->call, 0, NULL, 0, NULL);
}

TEST_F(lib, a_reply_to_no_request_is_refused_and_takes_nothing)
{
	struct eager eager = { 0 };
	struct mpipc *primary;

	strcat(self->group, ".eager");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, 0, reply_everything, &eager));
	ASSERT_EQ(0, mpipc_open(&eager.secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_send(eager.secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	EXPECT_EQ(1, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(-ESRCH, eager.status);
	EXPECT_EQ(1, mpipc_dispatch(primary, 0));
	EXPECT_EQ(2, eager.count);
	mpipc_close(eager.secondary);
	mpipc_close(primary);
}

/* Call the sender of the message. */
static void ask_sender(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct mpipc_replies *replies;
	int *n = arg;

	*n = mpipc_call(handle, message->record->peer, "y", "abc", 4, MPIPC_WAIT_FOREVER, NULL,
			&replies);
	if (*n == 1)
		mpipc_replies_free(replies);
}

/* Send a message in a child, and reply to what is asked then, until the child is killed. */
static void send_and_reply(const char *group, struct log *log)
{
	struct mpipc *self;

	CHECK(!open_with(&self, group, MPIPC_SECONDARY, 0, record, log));
	CHECK(mpipc_send(self, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL) == 1);
	while (mpipc_dispatch(self, MPIPC_WAIT_FOREVER) >= 0)
		;
	_exit(0);
}

/* Some event loops make nonblocking what they wait for. */
TEST_F(lib, a_descriptor_made_nonblocking_changes_nothing)
{
	struct mpipc *primary;
	struct child child;
	__u64 start;
	int n = 0;

	strcat(self->group, ".loop");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, 0, ask_sender, &n));
	ASSERT_EQ(0, fcntl(mpipc_fd(primary), F_SETFL, O_NONBLOCK));
	start = now_ns();
	EXPECT_EQ(0, mpipc_dispatch(primary, 50000000));
	EXPECT_LE(50000000, now_ns() - start);
	if (!fork_child(&child))
		send_and_reply(self->group, &self->log);
	EXPECT_EQ(1, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(1, n);
	child_kill(&child);
	mpipc_close(primary);
}

/**
 * struct ordered - a thread that makes an ordered call
 * @handle: the handle that it calls by
 * @tid: id of the thread
 */
struct ordered {
	struct mpipc *handle;
	pid_t tid;
	sem_t begun;
};

static void *call_in_order(void *arg)
{
	struct mpipc_call_options options = {
		.size = sizeof(options), .flags = MPIPC_CALL_ORDERED,
	};
	struct ordered *ordered = arg;
	struct mpipc_replies *replies;

	ordered->tid = gettid();
	sem_post(&ordered->begun);
	if (mpipc_call(ordered->handle, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER, &options,
		       &replies) == 1)
		mpipc_replies_free(replies);
	return NULL;
}

/* Wait until the thread waits for a condition. Nothing reports that, hence the loop. */
static void wait_in_futex(pid_t tid)
{
	char path[32], line[32];
	long call = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	while (call != SYS_futex) {
		file = fopen(path, "re");
		if (fgets(line, sizeof(line), file))
			call = strtol(line, NULL, 10);
		fclose(file);
		sched_yield();
	}
}

/* An earlier message waits in its handler, and the call waits for that message. */
TEST_F(lib, a_cancelled_ordered_call_does_not_stop_the_handlers)
{
	struct ordered ordered;
	struct child child;
	pthread_t thread;
	int i;

	sem_init(&ordered.begun, 0, 0);
	ordered.handle = self->primary;
	self->log.waits = true;
	start_server(self->group, &child, send_then_reply, NULL);
	ASSERT_EQ(0, mpipc_start(self->primary, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, call_in_order, &ordered));
	sem_wait(&ordered.begun);
	sem_wait(&self->log.entered);
	wait_in_futex(ordered.tid);
	pthread_cancel(thread);
	for (i = 1; i < 20; i++) {
		sem_post(&self->log.go_on);
		sem_wait(&self->log.entered);
	}
	sem_post(&self->log.go_on);
	pthread_join(thread, NULL);
	EXPECT_EQ(20, self->log.count);
	child_kill(&child);
}

TEST_HARNESS_MAIN
