/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This header holds what the tests of calls share: a group with its members, and
 * synchronous calls that threads make.
 */
#ifndef MPIPC_SELFTESTS_CALL_H
#define MPIPC_SELFTESTS_CALL_H

#include "device.h"
#include "harness.h"
#include "message.h"
#include "thread.h"
#include "wait.h"

#define PEERS 3
#define REPLY_SIZE 32

/* A test waits out the short time and never gets to the end of the long one. */
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
 * @results: results of its destinations
 * @replies: payloads of the results
 * @thread: the thread that makes the call
 */
struct sync {
	struct mpipc_call_args arg;
	struct mpipc_record results[PEERS];
	char replies[PEERS][REPLY_SIZE];
	struct ioctl_thread thread;
};

static inline void sync_prepare(struct sync *sync, __u64 to)
{
	memset(sync, 0, sizeof(*sync));
	sync->arg = call_arg(to, "question", "why?", 5, sync->results, PEERS);
	sync->arg.reply_size = REPLY_SIZE;
	sync->arg.reply_data = to_u64(sync->replies);
}

static inline int sync_run(struct sync *sync, int fd)
{
	return ioctl_thread_start(&sync->thread, fd, MPIPC_CALL, &sync->arg);
}

static inline int sync_start(struct sync *sync, int fd, __u64 to, __u64 deadline)
{
	sync_prepare(sync, to);
	sync->arg.deadline = deadline;
	return sync_run(sync, fd);
}

static inline int sync_end(struct sync *sync)
{
	return ioctl_thread_join(&sync->thread);
}

/* Find the result of a destination, and expect that the call has exactly one. */
static inline const struct mpipc_record *
sync_result(struct __test_metadata *_metadata, const struct sync *sync, __u64 peer)
{
	const struct mpipc_record *found = NULL;

	for (unsigned int i = 0; i < sync->arg.n_results; i++) {
		if (sync->results[i].peer != peer)
			continue;
		ASSERT_EQ(NULL, found) TH_LOG("two results for one destination");
		found = &sync->results[i];
	}
	ASSERT_NE(NULL, found) TH_LOG("no result for a destination");
	return found;
}

static inline const char *sync_reply(struct __test_metadata *_metadata,
				     const struct sync *sync, __u64 peer)
{
	return sync->replies[sync_result(_metadata, sync, peer) - sync->results];
}

static inline bool is_replied(const struct mpipc_record *record)
{
	return record->flags & MPIPC_REC_REPLIED;
}

static inline bool is_last(const struct mpipc_record *record)
{
	return record->flags & MPIPC_REC_LAST;
}

static inline void expect_replied(struct __test_metadata *_metadata,
				  const struct sync *sync, __u64 peer, __s32 status)
{
	const struct mpipc_record *result = sync_result(_metadata, sync, peer);

	EXPECT_EQ(status, result->status);
	EXPECT_TRUE(is_replied(result));
}

static inline void expect_unreplied(struct __test_metadata *_metadata,
				    const struct sync *sync, __u64 peer, __s32 status)
{
	const struct mpipc_record *result = sync_result(_metadata, sync, peer);

	EXPECT_EQ(status, result->status);
	EXPECT_FALSE(is_replied(result));
	EXPECT_EQ(0U, result->stamp);
	EXPECT_EQ(0U, result->size);
}

/* Take a request out of a mailbox once there is one, and return the id of its call. */
static inline __u64 take_request(struct __test_metadata *_metadata, int fd)
{
	struct mpipc_record record;
	char data[64];

	ASSERT_EQ(0, recv_wait(fd, &record, data, sizeof(data)));
	ASSERT_EQ(MPIPC_REQUEST, record.type);
	ASSERT_NE(0U, record.call);
	return record.call;
}

/* Take a result of an asynchronous call out of the caller's mailbox. */
static inline struct mpipc_record take_result(struct __test_metadata *_metadata, int fd,
					      __u64 call)
{
	struct mpipc_record record;
	char data[REPLY_SIZE];

	ASSERT_EQ(0, recv_wait(fd, &record, data, sizeof(data)));
	ASSERT_EQ(MPIPC_REPLY_TO, record.type);
	ASSERT_EQ(call, record.call);
	return record;
}

static inline bool mailbox_empty(int fd)
{
	return !(poll_for(fd, POLLIN, 0) & POLLIN);
}

static inline int cancel(int fd, __u64 call)
{
	struct mpipc_cancel_args arg = { .call = call };

	return do_ioctl(fd, MPIPC_CANCEL, &arg);
}

/* Leave no space in a mailbox, and return how many messages that took. */
static inline unsigned int fill_mailbox(struct __test_metadata *_metadata, int from, __u64 to)
{
	unsigned int n = 0;
	int ret;

	while (!(ret = send_msg(from, to, "filler", NULL, 0)))
		n++;
	ASSERT_EQ(-EAGAIN, ret);
	ASSERT_LT(0U, n);
	return n;
}

/* Map two pages, the second of which cannot be accessed, and return where the second begins. */
static inline char *guard_page(struct __test_metadata *_metadata)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, area);
	ASSERT_EQ(0, mprotect(area + page, page, PROT_NONE));
	return area + page;
}

static int signals;

static inline void count_signal(int sig)
{
	(void)sig;
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELEASE);
}

static inline void catch_signal(struct __test_metadata *_metadata, int flags)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
}

/* Interrupt a blocked thread, and return once its handler has run. */
static inline void interrupt(struct __test_metadata *_metadata, struct ioctl_thread *thread)
{
	int before = __atomic_load_n(&signals, __ATOMIC_ACQUIRE);

	ASSERT_EQ(0, ioctl_thread_asleep(thread));
	ASSERT_EQ(0, pthread_kill(thread->thread, SIGUSR1));
	while (__atomic_load_n(&signals, __ATOMIC_ACQUIRE) == before)
		sched_yield();
}

#endif /* MPIPC_SELFTESTS_CALL_H */
