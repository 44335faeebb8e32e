// SPDX-License-Identifier: GPL-2.0-only
/* Tests of a group of a thousand secondaries, in a number of processes. */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "message.h"
#include "parameter.h"
#include "thread.h"

#include <poll.h>
#include <sched.h>
#include <semaphore.h>

#define PROCESSES 20
#define EACH 50
#define MEMBERS (PROCESSES * EACH)
#define KILLED 5 /* processes */

FIXTURE(many)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	struct child member[PROCESSES];
	struct mpipc_record record;
	struct mpipc_record *results;
	__u64 *replies;
};

/*
 * The orders to a process. The process carries out an order with each of its endpoints, and
 * reports with how many of them it succeeded.
 */
enum {
	RECEIVE,	/* a message */
	REPLY_NEXT,	/* a request, with the id of the endpoint */
	KEEP,		/* a request, without a reply */
};

static bool handle(int fd, __u64 order)
{
	const __u64 id = endpoint_id(fd);
	struct mpipc_record record;

	if (recv_wait(fd, &record, NULL, 0))
		return false;
	if (order == RECEIVE)
		return record.type == MPIPC_MESSAGE;
	return record.type == MPIPC_REQUEST &&
	       (order == KEEP || !reply_msg(fd, record.call, 0, &id, sizeof(id)));
}

static void member_main(const struct child *self, const char *group)
{
	__u64 order, done = 0;
	int fds[EACH];

	for (int i = 0; i < EACH; i++) {
		fds[i] = open_secondary(group);
		done += fds[i] >= 0;
	}
	child_send(self, done);
	while (!child_hear(self, &order)) {
		done = 0;
		for (int i = 0; i < EACH; i++)
			done += handle(fds[i], order);
		child_send(self, done);
	}
	_exit(0);
}

/* Give an order to the processes from @first up to @end, without waiting for their reports. */
static void order_members(struct __test_metadata *_metadata, FIXTURE_DATA(many) *self,
			  int first, int end, __u64 order)
{
	for (int i = first; i < end; i++)
		ASSERT_EQ(0, child_send(&self->member[i], order));
}

static void hear_members(struct __test_metadata *_metadata, FIXTURE_DATA(many) *self,
			 int first, int end)
{
	__u64 done;

	for (int i = first; i < end; i++) {
		ASSERT_EQ(0, child_hear(&self->member[i], &done));
		ASSERT_EQ(EACH, done);
	}
}

FIXTURE_SETUP(many)
{
	group_name(self->group, _metadata->name);
	self->results = calloc(MEMBERS, sizeof(*self->results));
	self->replies = calloc(MEMBERS, sizeof(*self->replies));
	ASSERT_NE(NULL, self->results);
	ASSERT_NE(NULL, self->replies);
	self->primary = open_joined(self->group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, self->primary);
	ASSERT_LT(MEMBERS, get_param("group_endpoints"));
	ASSERT_LT(MEMBERS, get_param("user_endpoints"));
	for (int i = 0; i < PROCESSES; i++) {
		ASSERT_LE(0, child_fork(&self->member[i]));
		if (!self->member[i].pid)
			member_main(&self->member[i], self->group);
	}
	hear_members(_metadata, self, 0, PROCESSES);
}

FIXTURE_TEARDOWN(many)
{
	close(self->primary);
	free(self->results);
	free(self->replies);
}

TEST_F(many, broadcast_reaches_all)
{
	struct mpipc_send_args send = { .to = MPIPC_TO_ALL };

	order_members(_metadata, self, 0, PROCESSES, RECEIVE);
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_SEND, &send));
	EXPECT_EQ(MEMBERS, send.sent);
	EXPECT_EQ(0, send.full);
	hear_members(_metadata, self, 0, PROCESSES);
}

/**
 * struct early - a thread of the highest priority that receives a broadcast before others
 * @cpu: the processor of the thread and of the sender
 * @first: descriptor of the endpoint whose message wakes the thread
 * @last: descriptor of an endpoint that gets the message after the first one
 * @waits: posted before the thread sleeps, or when it cannot
 * @was_early: the last one had no message yet when the thread ran
 */
struct early {
	int cpu;
	int first;
	int last;
	sem_t waits;
	bool was_early;
};

static int stay_on(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

static void *early_main(void *arg)
{
	const struct sched_param priority = { .sched_priority = 1 };
	struct mpipc_record record;
	struct early *early = arg;
	struct pollfd last = { .fd = early->last, .events = POLLIN };
	bool ready = !stay_on(early->cpu) && !sched_setscheduler(0, SCHED_FIFO, &priority);

	sem_post(&early->waits);
	if (!ready || recv_wait(early->first, &record, NULL, 0))
		return NULL;
	early->was_early = !poll(&last, 1, 0);
	return early;
}

/*
 * The thread cannot run on the processor of the sender before the sender gives way, and no other
 * thread needs the processor, because nobody else receives.
 *
 * Promise: P13
 */
TEST_F(many, broadcast_lets_others_have_the_processor)
{
	const __u64 place = (1 << 20) - 1; /* the part of an id that says whose turn it is */
	struct early early = { .cpu = sched_getcpu() };
	int one = open_secondary(self->group), other = open_secondary(self->group);
	bool in_order = (endpoint_id(one) & place) < (endpoint_id(other) & place);
	pthread_t thread;
	void *ret;

	early.first = in_order ? one : other;
	early.last = in_order ? other : one;
	ASSERT_EQ(0, stay_on(early.cpu));
	sem_init(&early.waits, 0, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, early_main, &early));
	/* On one processor, this thread goes on when the other one sleeps in its receive. */
	sem_wait(&early.waits);
	ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "m", NULL, 0));
	pthread_join(thread, &ret);
	EXPECT_EQ(&early, ret);
	EXPECT_TRUE(early.was_early);
	close(one);
	close(other);
}

static struct mpipc_call_args call_all(FIXTURE_DATA(many) *self)
{
	struct mpipc_call_args call = call_arg(MPIPC_TO_ALL, "c", NULL, 0, self->results, MEMBERS);

	call.reply_size = sizeof(*self->replies);
	call.reply_data = to_u64(self->replies);
	return call;
}

static int compare_ids(const void *a, const void *b)
{
	const __u64 *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/*
 * Expect that every member has one result: its own reply, or that the member is gone.
 * Return how many replied.
 */
static int count_replies(struct __test_metadata *_metadata, FIXTURE_DATA(many) *self)
{
	__u64 ids[MEMBERS];
	int replied = 0;

	for (int i = 0; i < MEMBERS; i++) {
		ids[i] = self->results[i].peer;
		if (self->results[i].status == -ECONNRESET)
			continue;
		ASSERT_EQ(0, self->results[i].status);
		ASSERT_EQ(sizeof(ids[i]), self->results[i].size);
		ASSERT_EQ(ids[i], self->replies[i]);
		replied++;
	}
	qsort(ids, MEMBERS, sizeof(ids[0]), compare_ids);
	for (int i = 1; i < MEMBERS; i++)
		ASSERT_LT(ids[i - 1], ids[i]);
	return replied;
}

TEST_F(many, call_gets_a_reply_of_all)
{
	struct mpipc_call_args call = call_all(self);

	order_members(_metadata, self, 0, PROCESSES, REPLY_NEXT);
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_CALL, &call));
	EXPECT_EQ(MEMBERS, call.n_results);
	EXPECT_EQ(MEMBERS, count_replies(_metadata, self));
	hear_members(_metadata, self, 0, PROCESSES);
}

/* Promise: P13, P16 */
TEST_F(many, call_ends_for_those_that_are_killed_meanwhile)
{
	struct mpipc_call_args call = call_all(self);
	struct ioctl_thread thread;

	ASSERT_EQ(0, ioctl_thread_start(&thread, self->primary, MPIPC_CALL, &call));
	order_members(_metadata, self, 0, KILLED, KEEP);
	order_members(_metadata, self, KILLED, PROCESSES, REPLY_NEXT);
	hear_members(_metadata, self, 0, PROCESSES);
	/* The call waits for nobody else. */
	for (int i = 0; i < KILLED; i++) {
		ASSERT_EQ(0, ioctl_thread_asleep(&thread));
		ASSERT_EQ(128 + SIGKILL, child_kill(&self->member[i]));
	}
	ASSERT_EQ(0, ioctl_thread_join(&thread));
	EXPECT_EQ(MEMBERS, call.n_results);
	EXPECT_EQ(MEMBERS - KILLED * EACH, count_replies(_metadata, self));
}

/* Count the lines of endpoints that follow the group's line in the listing. */
static int count_listed(const char *group)
{
	FILE *file = fopen("/proc/net/mpipc", "re");
	char line[512], name[MPIPC_GROUP_MAX] = "";
	int n = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "group %127s", name) != 1)
			n += !strcmp(name, group) && !strncmp(line, "endpoint ", 9);
	if (file)
		fclose(file);
	return n;
}

static int count_events(FIXTURE_DATA(many) *self, enum mpipc_type type)
{
	int n = 0;

	while (!recv_msg(self->primary, &self->record, NULL, 0))
		n += self->record.type == type;
	return n;
}

TEST_F(many, all_are_listed_and_reported)
{
	struct mpipc_peers_args peers = {
		.max_peers = MEMBERS + 1,
		.peer_size = sizeof(struct mpipc_peer),
	};
	const int left = MEMBERS - KILLED * EACH;
	struct mpipc_peer *list;

	list = calloc(peers.max_peers, sizeof(*list));
	ASSERT_NE(NULL, list);
	peers.peers = to_u64(list);
	EXPECT_EQ(MEMBERS, count_events(self, MPIPC_JOINED));
	EXPECT_EQ(MEMBERS + 1, count_listed(self->group));
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_PEERS, &peers));
	EXPECT_EQ(MEMBERS + 1, peers.n_peers);
	for (int i = 0; i < KILLED; i++)
		ASSERT_EQ(128 + SIGKILL, child_kill(&self->member[i]));
	EXPECT_EQ(KILLED * EACH, count_events(self, MPIPC_LEFT));
	EXPECT_EQ(left + 1, count_listed(self->group));
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_PEERS, &peers));
	EXPECT_EQ(left + 1, peers.n_peers);
	for (__u32 i = 0; i < peers.n_peers; i++)
		for (int killed = 0; killed < KILLED; killed++)
			ASSERT_NE(self->member[killed].pid, list[i].pid);
	free(list);
}

TEST_HARNESS_MAIN
