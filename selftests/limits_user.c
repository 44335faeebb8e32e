// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what a user may hold in others' mailboxes: memory, files and calls. See
 * limits.c.
 *
 * Promise: P14
 */
#include "child.h"
#include "device.h"
#include "harness.h"
#include "limits.h"
#include "message.h"
#include "parameter.h"
#include "thread.h"
#include "user.h"
#include "wait.h"

#include <sys/resource.h>
#include <time.h>

/* Memory of a user */

#define SIZE 1000
#define OVERHEAD 192 /* a message costs less than this on top of its payload */
#define BYTES 65536

TEST_F(limits, user_has_so_many_bytes_in_messages)
{
	int primary = open_public(self->group);
	struct child alice;
	struct order order;

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	/* Another user may have half of them in its mailboxes. */
	order = send_all(&alice, SIZE, 0);
	EXPECT_EQ(-EAGAIN, order.err);
	EXPECT_GE(BYTES / 2, order.done * SIZE);
	EXPECT_LT(BYTES / 2, (order.done + 1) * (SIZE + OVERHEAD));
	EXPECT_EQ(-EDQUOT, send_all(&alice, BYTES / 2 + SIZE, 0).err);
	/* Bytes are given back with each message that is received. */
	ASSERT_EQ(0, recv_msg(primary, &self->record, self->data, SIZE));
	order = send_all(&alice, SIZE, 0);
	EXPECT_EQ(-EAGAIN, order.err);
	EXPECT_EQ(1, order.done);
}

/**
 * struct unread - how many messages or calls of a user can be unread under a limit
 * @self: the test
 * @primary: the receiver, which does not read them
 * @sender: of the messages; NULL: they are calls
 */
struct unread {
	FIXTURE_DATA(limits) *self;
	int primary;
	struct child *sender;
};

static int make_calls(const char *group);

static int unread_under(struct unread *unread, long long limit)
{
	FIXTURE_DATA(limits) *self = unread->self;
	struct child caller;
	int n, err = set_param("user_bytes", limit);

	if (err)
		return err;
	if (unread->sender) {
		n = send_all(unread->sender, SIZE, 0).done;
	} else {
		n = start_holder(&caller, self->alice, make_calls, self->group);
		child_kill(&caller);
	}
	for (int i = 0; i < n && !err; i++)
		err = recv_msg(unread->primary, &self->record, self->data, MPIPC_SIZE_MAX);
	return err ?: n;
}

/*
 * Find the lowest limit, somewhere above @low, under which one message or call can be
 * unread.
 */
static long long cost_of_one(struct unread *unread, long long low)
{
	long long high = low + 1024;

	while (high - low > 1) {
		long long middle = (low + high) / 2;

		if (unread_under(unread, middle) > 0)
			high = middle;
		else
			low = middle;
	}
	return high;
}

TEST_F(limits, bytes_of_messages_are_counted_exactly)
{
	struct child alice;
	struct unread unread = {
		.self = self,
		.primary = open_public(self->group),
		.sender = &alice,
	};
	long long cost;

	ASSERT_LE(0, unread.primary);
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	cost = cost_of_one(&unread, SIZE);
	EXPECT_GT(SIZE + OVERHEAD, cost);
	/* Half of the limit is for what other users have in their mailboxes. */
	EXPECT_EQ(7, unread_under(&unread, 2 * 7 * cost));
	EXPECT_EQ(6, unread_under(&unread, 2 * 7 * cost - 2));
	EXPECT_EQ(-EDQUOT, send_all(&alice, 2 * 7 * SIZE, 0).err);
}

TEST_F(limits, bytes_of_replies_are_counted_exactly_and_given_back_with_the_caller)
{
	struct unread unread = { .self = self, .primary = open_public(self->group) };
	long long cost;

	ASSERT_LE(0, unread.primary);
	cost = cost_of_one(&unread, MPIPC_SIZE_MAX);
	EXPECT_GT(MPIPC_SIZE_MAX + 1024, cost);
	EXPECT_EQ(7, unread_under(&unread, 7 * cost));
	EXPECT_EQ(6, unread_under(&unread, 7 * cost - 1));
}

TEST_F(limits, bytes_are_given_back_when_the_receiver_is_killed)
{
	struct child alice, receiver;
	__u32 first;

	ASSERT_LE(0, start_holder(&receiver, 0, open_public, self->group));
	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	first = send_all(&alice, SIZE, 0).done;
	EXPECT_LT(0, first);
	EXPECT_EQ(128 + SIGKILL, child_kill(&receiver));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(first, send_all(&alice, SIZE, 0).done);
}

TEST_F(limits, bytes_count_for_a_dead_sender_until_they_are_received)
{
	int primary = open_public(self->group);
	struct child alice;
	__u32 first;

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	first = send_all(&alice, SIZE, 0).done;
	EXPECT_EQ(128 + SIGKILL, child_kill(&alice));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	EXPECT_EQ(-EAGAIN, send_all(&alice, SIZE, 0).err);
	EXPECT_EQ(0, send_all(&alice, SIZE, 0).done);
	for (__u32 i = 0; i < first; i++)
		ASSERT_EQ(0, recv_msg(primary, &self->record, self->data, SIZE));
	EXPECT_EQ(first, send_all(&alice, SIZE, 0).done);
}

TEST_F(limits, message_without_space_costs_nothing)
{
	int primary, small = 3;
	struct child alice;

	ASSERT_EQ(0, set_param("mailbox_messages", small * 2));
	primary = open_public(self->group);
	ASSERT_LE(0, primary);
	ASSERT_EQ(0, set_param("user_bytes", 8 * (SIZE + OVERHEAD)));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	/* Each round ends with a message that was made, but found no space. */
	for (int round = 0; round < 8; round++) {
		struct order order = send_all(&alice, SIZE, 0);

		EXPECT_EQ(-EAGAIN, order.err);
		EXPECT_EQ(small, order.done);
		for (int i = 0; i < small; i++)
			ASSERT_EQ(0, recv_msg(primary, &self->record, self->data, SIZE));
	}
}

/* Expect, as a user, that a broadcast is charged once, until the last receiver took it. */
static int broadcast_twice(const char *group)
{
	static char data[MPIPC_SIZE_MAX];
	struct mpipc_record record;
	int secondaries[4];
	int primary = open_public(group);

	for (size_t i = 0; i < ARRAY_SIZE(secondaries); i++)
		secondaries[i] = open_secondary(group);
	if (send_msg(primary, MPIPC_TO_ALL, "m", data, sizeof(data)))
		return -EIO;
	for (size_t i = 0; i < ARRAY_SIZE(secondaries); i++) {
		if (send_msg(primary, MPIPC_TO_ALL, "m", data, sizeof(data)) != -EDQUOT)
			return -ERANGE;
		if (recv_msg(secondaries[i], &record, data, sizeof(data)))
			return -EIO;
	}
	return send_msg(primary, MPIPC_TO_ALL, "m", data, sizeof(data));
}

TEST_F(limits, broadcast_costs_one_message)
{
	ASSERT_EQ(0, set_param("user_bytes", 2 * MPIPC_SIZE_MAX));
	EXPECT_EQ(0, attempt(self->alice, broadcast_twice, self->group));
}

/*
 * Fill up, as root of a container that has a network of its own but no users, what uid 0 may
 * have.
 */
static int fill_container(void *group)
{
	static char data[SIZE];
	int primary, err;
	__u64 id;

	if (unshare(CLONE_NEWNET) || keep_capabilities(1ULL << CAP_DAC_OVERRIDE))
		return -errno;
	primary = open_public(group);
	id = endpoint_id(open_secondary(group));
	do {
		err = send_msg(primary, id, "m", data, sizeof(data));
	} while (!err);
	if (err != -EAGAIN)
		return err;
	err = call_async(primary, id, "c", MPIPC_SIZE_MAX, MPIPC_FOREVER, NULL);
	if (err != -EDQUOT || open_primary("another") != -EDQUOT ||
	    open_secondary(group) != -EDQUOT)
		return -ERANGE;
	return 0;
}

/* Promise: P13 */
TEST_F(limits, administrator_is_not_stopped_by_what_its_uid_has_in_a_container)
{
	int primary = open_primary(self->group), secondary = open_secondary(self->group);
	struct child container;
	__u64 err;

	ASSERT_LE(0, secondary);
	ASSERT_LE(0, child_fork(&container));
	if (!container.pid) {
		ASSERT_EQ(0, set_param("user_bytes", BYTES));
		/* The two of this process count, too. */
		ASSERT_EQ(0, set_param("user_endpoints", 4));
		ASSERT_EQ(0, set_param("user_groups", 2));
		child_send(&container, fill_container(self->other));
		child_hear(&container, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&container, &err));
	ASSERT_EQ(0, (int)err);
	for (int i = 0; i < 2 * BYTES / SIZE; i++)
		ASSERT_EQ(0, send_msg(primary, endpoint_id(secondary), "m", self->data, SIZE));
	EXPECT_EQ(0, call_async(primary, endpoint_id(secondary), "c", MPIPC_SIZE_MAX,
				MPIPC_FOREVER, NULL));
	EXPECT_LE(0, open_secondary(self->group));
	group_name(self->other, "third");
	EXPECT_LE(0, open_primary(self->other));
	child_kill(&container);
}

#define HEALTHY 3

/* Run, as a user, secondaries that read and one that never does. */
static int broadcast_past_one_stuck(const char *group)
{
	int primary = open_public(group), stuck = open_secondary(group);
	static char data[SIZE];
	struct mpipc_record record;
	int healthy[HEALTHY], held = 0;

	for (int i = 0; i < HEALTHY; i++)
		healthy[i] = open_secondary(group);
	for (int round = 0; round < 10 * BYTES / SIZE; round++) {
		struct mpipc_send_args send = {
			.to = MPIPC_TO_ALL,
			.body = make_body("m", data, sizeof(data), NULL, 0),
		};
		int err = do_ioctl(primary, MPIPC_SEND, &send);

		if (err)
			return err;
		for (int i = 0; i < HEALTHY && !err; i++)
			err = recv_msg(healthy[i], &record, data, sizeof(data));
		if (err || send.sent + send.full != HEALTHY + 1 || send.full > 1)
			return -EIO;
		/* Once the mailbox is full it stays full. */
		held += !send.full;
		if (!send.full && held <= round)
			return -ERANGE;
	}
	if (held * SIZE > BYTES / 2 || held * SIZE < BYTES / 3)
		return -E2BIG;
	/* The secondary is like any other as soon as it reads. */
	while (held--)
		if (recv_msg(stuck, &record, data, sizeof(data)))
			return -EIO;
	return send_msg(primary, endpoint_id(stuck), "m", data, sizeof(data));
}

TEST_F(limits, who_does_not_read_costs_a_user_half_of_its_bytes)
{
	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	EXPECT_EQ(0, attempt(self->alice, broadcast_past_one_stuck, self->group));
}

#define STUCK 4

/*
 * Run, as a user, secondaries that never read, each with as much as it can get, and one
 * that reads.
 */
static int send_past_some_stuck(const char *group)
{
	static char data[MPIPC_SIZE_MAX];
	struct mpipc_record record;
	int primary = open_public(group), reader, err;
	__u64 id;

	for (int i = 0; i < STUCK; i++) {
		id = endpoint_id(open_secondary(group));
		do {
			err = send_msg(primary, id, "m", data, sizeof(data));
		} while (!err);
		if (err != -EAGAIN)
			return err;
	}
	reader = open_secondary(group);
	id = endpoint_id(reader);
	for (int i = 0; i < 10; i++) {
		err = send_msg(primary, i % 2 ? id : MPIPC_TO_ALL, "m", data, sizeof(data)) ?:
		      recv_msg(reader, &record, data, sizeof(data));
		if (err)
			return err;
	}
	return 0;
}

TEST_F(limits, who_does_not_read_leaves_space_for_others_of_the_same_user)
{
	ASSERT_EQ(0, set_param("user_bytes", (4LL << STUCK) * MPIPC_SIZE_MAX));
	EXPECT_EQ(0, attempt(self->alice, send_past_some_stuck, self->group));
}

/* Join, send one message and leave, as a user, until that fails. Return how often it did not. */
static int come_send_and_go(const char *group)
{
	int fd, n = 0, err = 0;

	while (!err) {
		fd = open_secondary(group);
		err = send_msg(fd, MPIPC_TO_PRIMARY, "", NULL, 0);
		close(fd);
		n += !err;
	}
	return err == -EDQUOT ? n : err;
}

#define ENDPOINT 256 /* an endpoint takes more than this */

TEST_F(limits, endpoints_that_left_are_charged_while_their_messages_are_unread)
{
	int primary = open_public(self->group);
	struct child alice;
	int n;

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	n = start_holder(&alice, self->alice, come_send_and_go, self->group);
	child_kill(&alice);
	EXPECT_LT(1, n);
	EXPECT_GE(BYTES / ENDPOINT, n);
	/* All of it is given back. */
	for (int i = 0; i < n; i++)
		ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	EXPECT_EQ(n, start_holder(&alice, self->alice, come_send_and_go, self->group));
	child_kill(&alice);
}

/**
 * struct held_up - a message that waits because of what its user holds
 * @primary: the sender
 * @first: the secondary that the message is for
 * @second: another secondary of the user
 * @send: argument of the send
 * @thread: the thread that sends
 */
struct held_up {
	int primary;
	int first;
	int second;
	struct mpipc_send_args send;
	struct ioctl_thread thread;
};

/* Send until there is no space for the message anywhere. */
static int send_until_full(int fd, __u64 to)
{
	static char data[SIZE];
	struct mpipc_send_args send = {
		.to = to,
		.body = make_body("m", data, sizeof(data), NULL, 0),
	};
	int err;

	do {
		err = do_ioctl(fd, MPIPC_SEND, &send);
	} while (!err && send.sent);
	return err == -EAGAIN ? 0 : err;
}

/* Send a message that has to wait, in a thread. */
static int hold_up(struct held_up *self, __u64 to)
{
	static char data[SIZE];

	self->send = (struct mpipc_send_args){
		.to = to,
		.deadline = in_ms(20000),
		.body = make_body("waited", data, sizeof(data), NULL, 0),
	};
	return ioctl_thread_start(&self->thread, self->primary, MPIPC_SEND, &self->send) ?:
	       ioctl_thread_asleep(&self->thread);
}

/* Return what came of the send, or -ETIME if it only ended because of its deadline. */
static int held_up_end(struct held_up *self)
{
	int err = ioctl_thread_join(&self->thread);

	return now_ns() < self->send.deadline ? err : -ETIME;
}

/* Expect, as a user, that a sender goes on when another secondary reads. */
static int wait_for_memory_elsewhere(const char *group)
{
	static char data[SIZE];
	struct mpipc_record record;
	struct held_up held = { .primary = open_public(group) };
	int err;

	held.first = open_secondary(group);
	held.second = open_secondary(group);
	err = send_until_full(held.primary, endpoint_id(held.second)) ?:
	      send_until_full(held.primary, endpoint_id(held.first)) ?:
	      hold_up(&held, endpoint_id(held.first));
	while (!err)
		err = recv_msg(held.second, &record, data, sizeof(data));
	return err == -EAGAIN ? held_up_end(&held) : err;
}

/* Promise: P13 */
TEST_F(limits, sender_that_waits_goes_on_when_its_user_holds_less_elsewhere)
{
	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	EXPECT_EQ(0, attempt(self->alice, wait_for_memory_elsewhere, self->group));
}

/*
 * Expect, as a user, that a sender goes on when the secondary itself reads messages that
 * another secondary has, too, so that they are still charged.
 */
static int wait_for_a_broadcast_to_be_read(const char *group)
{
	static char data[SIZE];
	struct mpipc_record record;
	struct held_up held = { .primary = open_public(group) };
	int err;

	held.first = open_secondary(group);
	held.second = open_secondary(group);
	err = send_until_full(held.primary, MPIPC_TO_ALL) ?:
	      hold_up(&held, endpoint_id(held.first));
	while (!err)
		err = recv_msg(held.first, &record, data, sizeof(data));
	return err == -EAGAIN ? held_up_end(&held) : err;
}

/* Promise: P13 */
TEST_F(limits, sender_that_waits_goes_on_when_the_destination_reads_what_others_have_too)
{
	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	EXPECT_EQ(0, attempt(self->alice, wait_for_a_broadcast_to_be_read, self->group));
}

/* Fill the mailboxes of another user, and expect that a sender goes on when one of these leaves. */
static void wait_for_a_destination_that_leaves(struct __test_metadata *_metadata,
					       struct child *child, const char *group)
{
	struct held_up held = { .primary = open_public(group) };
	__u64 first;

	child_send(child, held.primary);
	child_hear(child, &first);
	EXPECT_EQ(0, send_until_full(held.primary, MPIPC_TO_ALL));
	EXPECT_EQ(0, hold_up(&held, first));
	child_send(child, 0);
	EXPECT_EQ(-ECONNRESET, held_up_end(&held));
	_exit(!test_passed(_metadata));
}

/* Promise: P16 */
TEST_F(limits, sender_that_waits_for_its_user_to_hold_less_goes_on_when_the_destination_leaves)
{
	struct child alice, bob;
	__u64 first;

	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	ASSERT_LE(0, child_fork(&alice));
	if (!alice.pid) {
		become_user(self->alice, GROUP);
		wait_for_a_destination_that_leaves(_metadata, &alice, self->group);
	}
	ASSERT_EQ(0, child_hear(&alice, NULL));
	ASSERT_LE(0, child_fork(&bob));
	if (!bob.pid) {
		int fd;

		become_user(self->bob, GROUP);
		fd = open_secondary(self->group);
		open_secondary(self->group);
		child_send(&bob, endpoint_id(fd));
		child_hear(&bob, NULL);
		close(fd);
		child_hear(&bob, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&bob, &first));
	child_send(&alice, first);
	ASSERT_EQ(0, child_hear(&alice, NULL));
	child_send(&bob, 0);
	EXPECT_EQ(0, child_wait(&alice));
	child_kill(&bob);
}

/* Cost of taking a message */

#define WAITING 300
#define TAKES 50

/* Take messages, and return the least time on a processor that one of them took. */
static long long cost_of_taking(int fd)
{
	long long least = INT64_MAX;
	struct mpipc_record record;

	for (int i = 0; i < TAKES; i++) {
		struct timespec before, after;
		long long took;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
		if (recv_msg(fd, &record, NULL, 0))
			return -1;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
		took = (after.tv_sec - before.tv_sec) * 1000000000LL +
		       after.tv_nsec - before.tv_nsec;
		least = took < least ? took : least;
	}
	return least;
}

/* Have many threads wait for space in a mailbox for a large message. */
static int wait_in_many_threads(int fd, __u64 to)
{
	static struct ioctl_thread threads[WAITING];
	static char data[MPIPC_SIZE_MAX];
	static struct mpipc_send_args send;
	int err;

	do {
		err = send_msg(fd, to, "large", data, sizeof(data));
	} while (!err);
	send = (struct mpipc_send_args){
		.to = to,
		.deadline = MPIPC_FOREVER,
		.body = make_body("waits", data, sizeof(data), NULL, 0),
	};
	for (int i = 0; i < WAITING; i++)
		if (ioctl_thread_start(&threads[i], fd, MPIPC_SEND, &send) ||
		    ioctl_thread_asleep(&threads[i]))
			return -EAGAIN;
	return err == -EAGAIN ? 0 : err;
}

static int wait_as_secondary(const char *group)
{
	return wait_in_many_threads(open_secondary(group), MPIPC_TO_PRIMARY);
}

/* Promise: P13 */
TEST_F(limits, taking_costs_the_same_however_many_of_another_user_wait)
{
	int primary = open_public(self->group), secondary = open_secondary(self->group);
	long long alone, with_others;
	struct child alice;

	ASSERT_LE(0, secondary);
	for (int i = 0; i < 2 * TAKES; i++)
		ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	alone = cost_of_taking(primary);
	ASSERT_LT(0, alone);
	ASSERT_EQ(0, start_holder(&alice, self->alice, wait_as_secondary, self->group));
	with_others = cost_of_taking(primary);
	EXPECT_LT(0, with_others);
	EXPECT_GT(4 * alone, with_others);
	child_kill(&alice);
}

/* Promise: P13 */
TEST_F(limits, taking_costs_the_same_however_many_of_the_own_threads_wait_elsewhere)
{
	int primary = open_primary(self->group), secondary = open_secondary(self->group);
	long long alone, with_others;

	ASSERT_LE(0, secondary);
	for (int i = 0; i < 2 * TAKES; i++)
		ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	alone = cost_of_taking(primary);
	ASSERT_LT(0, alone);
	ASSERT_EQ(0, wait_in_many_threads(primary, endpoint_id(secondary)));
	with_others = cost_of_taking(primary);
	EXPECT_LT(0, with_others);
	EXPECT_GT(4 * alone, with_others);
}

/* Cost of joining */

#define ELSEWHERE 2000
#define JOINS 50

/* Join as a primary, and return the least time on a processor that one of the joins took. */
static long long cost_of_joining(const char *group)
{
	long long least = INT64_MAX;

	for (int i = 0; i < JOINS; i++) {
		struct timespec before, after;
		int fd = open_dev(), err;
		long long took;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
		err = join_primary(fd, group);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
		if (err || close(fd))
			return -1;
		took = (after.tv_sec - before.tv_sec) * 1000000000LL +
		       after.tv_nsec - before.tv_nsec;
		least = took < least ? took : least;
	}
	return least;
}

/* Have many threads wait for primaries of many groups. */
static int wait_for_primaries(const char *group)
{
	static struct ioctl_thread threads[ELSEWHERE];
	static struct mpipc_join_args joins[ELSEWHERE];
	struct rlimit files = { ELSEWHERE + 64, ELSEWHERE + 64 };
	struct rlimit stack = { 64 << 10, 64 << 10 };

	if (setrlimit(RLIMIT_NOFILE, &files) || setrlimit(RLIMIT_STACK, &stack))
		return -errno;
	for (int i = 0; i < ELSEWHERE; i++) {
		joins[i] = join_arg("", MPIPC_SECONDARY);
		snprintf(joins[i].group, sizeof(joins[i].group), "%.80s-%d", group, i);
		joins[i].deadline = MPIPC_FOREVER;
		if (ioctl_thread_start(&threads[i], open_dev(), MPIPC_JOIN, &joins[i]))
			return -EAGAIN;
	}
	for (int i = 0; i < ELSEWHERE; i++)
		if (ioctl_thread_asleep(&threads[i]))
			return -EAGAIN;
	return 0;
}

/* Promise: P13 */
TEST_F(limits, joining_costs_the_same_however_many_wait_for_other_primaries)
{
	long long alone, with_others;
	struct child waiter;
	__u64 ret;

	alone = cost_of_joining(self->group);
	ASSERT_LT(0, alone);
	ASSERT_LE(0, child_fork(&waiter));
	if (!waiter.pid) {
		child_send(&waiter, wait_for_primaries(self->group));
		child_hear(&waiter, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&waiter, &ret));
	ASSERT_EQ(0, (int)ret);
	with_others = cost_of_joining(self->group);
	EXPECT_LT(0, with_others);
	/* A join that looks at all of them takes over fifty times as long. */
	EXPECT_GT(10 * alone, with_others);
	EXPECT_EQ(128 + SIGKILL, child_kill(&waiter));
}

/* Promise: P13 */
TEST_F(limits, all_who_wait_for_the_same_primary_are_woken)
{
	static struct ioctl_thread threads[200];
	static struct mpipc_join_args joins[200];

	for (int i = 0; i < 200; i++) {
		joins[i] = join_arg(self->group, MPIPC_SECONDARY);
		joins[i].deadline = in_ms(20000);
		ASSERT_EQ(0, ioctl_thread_start(&threads[i], open_dev(), MPIPC_JOIN, &joins[i]));
	}
	for (int i = 0; i < 200; i++)
		ASSERT_EQ(0, ioctl_thread_asleep(&threads[i]));
	ASSERT_LE(0, open_primary(self->group));
	for (int i = 0; i < 200; i++)
		EXPECT_EQ(0, ioctl_thread_join(&threads[i]));
	/* At their deadlines they would look once more, and find the primary, too. */
	EXPECT_GT(joins[0].deadline, now_ns());
}

/* Turns of users */

#define GIVE_UP 44 /* users */

static void interrupt(int signal)
{
}

/* Wait for space in the mailbox of a primary until a signal comes. */
static void wait_and_give_up(struct child *self, uid_t uid, const char *group)
{
	const struct sigaction action = { .sa_handler = interrupt };
	struct mpipc_send_args send = {
		.to = MPIPC_TO_PRIMARY,
		.deadline = MPIPC_FOREVER,
	};
	int fd;

	sigaction(SIGUSR1, &action, NULL);
	become_user(uid, GROUP);
	fd = open_secondary(group);
	child_send(self, fd < 0);
	child_send(self, -do_ioctl(fd, MPIPC_SEND, &send));
	child_hear(self, NULL);
	_exit(0);
}

/* Promise: P13 */
TEST_F(limits, many_users_that_gave_up_waiting_do_not_keep_another_from_its_turn)
{
	static struct child children[GIVE_UP];
	struct mpipc_send_args send = {
		.to = MPIPC_TO_PRIMARY,
		.deadline = in_ms(20000),
	};
	struct mpipc_join_args join = join_arg(self->group, MPIPC_SECONDARY);
	struct ioctl_thread thread;
	struct child *child;
	int primary, fd;
	__u64 ret;

	ASSERT_EQ(0, set_param("mailbox_messages", 1));
	primary = open_public(self->group);
	ASSERT_LE(0, primary);
	fd = open_as(self->alice, &join);
	ASSERT_EQ(0, send_msg(fd, MPIPC_TO_PRIMARY, "m", NULL, 0));
	for (child = children; child < children + GIVE_UP; child++) {
		ASSERT_LE(0, child_fork(child));
		if (!child->pid)
			wait_and_give_up(child, self->bob + (child - children) * 2 + 100000,
					 self->group);
		ASSERT_EQ(0, child_hear(child, &ret));
		ASSERT_EQ(0U, ret);
		ASSERT_EQ(0, wait_asleep(child->pid));
	}
	for (child = children; child < children + GIVE_UP; child++) {
		ASSERT_EQ(0, kill(child->pid, SIGUSR1));
		ASSERT_EQ(0, child_hear(child, &ret));
		ASSERT_EQ(EINTR, (int)ret);
	}
	ASSERT_EQ(0, ioctl_thread_start(&thread, fd, MPIPC_SEND, &send));
	ASSERT_EQ(0, ioctl_thread_asleep(&thread));
	ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	EXPECT_EQ(0, ioctl_thread_join(&thread));
	EXPECT_GT(send.deadline, now_ns());
	for (child = children; child < children + GIVE_UP; child++)
		child_kill(child);
}

/* Files in flight */

#define FILES 40

TEST_F(limits, user_has_so_many_files_in_flight_and_others_half_of_them)
{
	int primary = open_public(self->group);
	struct child alice, bob;
	struct order order;
	int fd;

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	ASSERT_EQ(0, start_sender(&bob, self->bob, self->group, FILES));
	order = send_all(&alice, 0, 1);
	EXPECT_EQ(-EAGAIN, order.err);
	EXPECT_EQ(FILES / 2, order.done);
	EXPECT_EQ(-ETOOMANYREFS, send_all(&alice, 0, FILES / 2 + 1).err);
	/* Messages without files go on, and other users are not affected. */
	EXPECT_EQ(1, send_all(&bob, 0, FILES).done);
	EXPECT_EQ(-ETOOMANYREFS, send_all(&bob, 0, 1).err);
	ASSERT_EQ(0, recv_fds(primary, &self->record, NULL, 0, &fd, 1, 0));
	EXPECT_EQ(1, send_all(&alice, 0, 1).done);
}

/* Send one file more than the process may have open, with no other capability than this. */
static int exceed_files(const char *group, __u64 capability)
{
	const struct rlimit limit = { 4, 4 };
	const int fds[5] = { 0, 0, 0, 0, 0 };
	int fd = open_secondary(group);

	if (fd < 0)
		return fd;
	if (setrlimit(RLIMIT_NOFILE, &limit) || keep_capabilities(1ULL << capability))
		return -errno;
	return send_fds(fd, MPIPC_TO_PRIMARY, "m", NULL, 0, fds, ARRAY_SIZE(fds));
}

static int exceed_as_owner(void *group)
{
	return exceed_files(group, CAP_CHOWN);
}

static int exceed_by_resource(void *group)
{
	return exceed_files(group, CAP_SYS_RESOURCE);
}

static int exceed_by_admin(void *group)
{
	return exceed_files(group, CAP_SYS_ADMIN);
}

TEST_F(limits, capabilities_override_that_of_files_in_flight)
{
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(-ETOOMANYREFS, run_child(exceed_as_owner, self->group));
	EXPECT_EQ(0, run_child(exceed_by_resource, self->group));
	EXPECT_EQ(0, run_child(exceed_by_admin, self->group));
}

TEST_F(limits, more_files_than_allowed_are_refused_at_once)
{
	struct child alice;

	ASSERT_LE(0, open_public(self->group));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	EXPECT_EQ(-ETOOMANYREFS, send_all(&alice, 0, FILES + 1).err);
	EXPECT_EQ(0, send_all(&alice, 0, FILES + 1).done);
	/* Nothing of that was counted. */
	EXPECT_EQ(1, send_all(&alice, 0, FILES).done);
}

TEST_F(limits, files_that_were_not_sent_are_not_counted)
{
	struct order bad = { .n_fds = FILES, .fd = -1 };
	struct child alice;

	ASSERT_EQ(0, set_param("mailbox_messages", 2));
	ASSERT_LE(0, open_public(self->group));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	for (int round = 0; round < 3; round++)
		EXPECT_EQ(-EBADF, command(&alice, bad).err);
	/* The first mailbox has space, the next one has none. */
	for (int round = 0; round < 3; round++)
		EXPECT_EQ(-EAGAIN, send_all(&alice, 0, FILES / 2).err);
}

TEST_F(limits, files_are_given_back_when_the_receiver_is_killed)
{
	struct child alice, receiver;

	ASSERT_LE(0, start_holder(&receiver, 0, open_public, self->group));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	EXPECT_EQ(FILES / 2, send_all(&alice, 0, 1).done);
	EXPECT_EQ(128 + SIGKILL, child_kill(&receiver));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(FILES / 2, send_all(&alice, 0, 1).done);
}

TEST_F(limits, files_count_for_a_dead_sender_until_they_are_received)
{
	int primary = open_public(self->group);
	struct child alice;
	int fd;

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	EXPECT_EQ(FILES / 2, send_all(&alice, 0, 1).done);
	EXPECT_EQ(128 + SIGKILL, child_kill(&alice));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	EXPECT_EQ(-EAGAIN, send_all(&alice, 0, 1).err);
	for (int i = 0; i < FILES / 2; i++) {
		ASSERT_EQ(0, recv_fds(primary, &self->record, NULL, 0, &fd, 1, 0));
		ASSERT_EQ(0, close(fd));
	}
	EXPECT_EQ(FILES / 2, send_all(&alice, 0, 1).done);
}

TEST_F(limits, files_of_a_reply_count_for_the_caller)
{
	struct rlimit limit = { FILES, FILES };
	int primary, secondary, fds[FILES + 1] = { };
	struct mpipc_call_args call = {
		.to = MPIPC_TO_PRIMARY,
		.flags = MPIPC_CALL_ASYNC,
		.deadline = MPIPC_FOREVER,
		.reply_fds = FILES + 1,
	};
	struct mpipc_reply_args reply = { };

	become_user(self->alice, GROUP);
	primary = open_primary(self->group);
	secondary = open_secondary(self->group);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(0, do_ioctl(secondary, MPIPC_CALL, &call));
	ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	reply.call = self->record.call;
	reply.body = make_body("", NULL, 0, fds, FILES + 1);
	EXPECT_EQ(-ETOOMANYREFS, do_ioctl(primary, MPIPC_REPLY, &reply));
	/* The request can still be replied to. */
	reply.body.n_fds = FILES;
	EXPECT_EQ(0, do_ioctl(primary, MPIPC_REPLY, &reply));
	/* No more files than these may be in flight, in either direction. */
	EXPECT_EQ(-ETOOMANYREFS, send_fds(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0, fds, 1));
}

/* Make, as a user, calls whose replies have one file each. */
static int make_calls_for_files(const char *group)
{
	const struct rlimit limit = { FILES, FILES };
	struct mpipc_call_args call = {
		.to = MPIPC_TO_PRIMARY,
		.flags = MPIPC_CALL_ASYNC,
		.deadline = MPIPC_FOREVER,
		.reply_fds = 1,
	};
	int fd = open_secondary(group), err = setrlimit(RLIMIT_NOFILE, &limit);

	for (int i = 0; i <= FILES && !err; i++) {
		call.id = 0;
		err = do_ioctl(fd, MPIPC_CALL, &call);
	}
	return err;
}

/* Take a request, and reply with a file. */
static int reply_with_file(int fd)
{
	const int file = STDERR_FILENO;
	struct mpipc_record record;
	struct mpipc_reply_args reply = { };
	int err = recv_msg(fd, &record, NULL, 0);

	reply.call = record.call;
	reply.body = make_body("", NULL, 0, &file, 1);
	return err ?: do_ioctl(fd, MPIPC_REPLY, &reply);
}

/* Promise: P13 */
TEST_F(limits, caller_that_reads_no_replies_does_not_use_up_the_files_of_who_replies)
{
	const struct rlimit limit = { FILES, FILES };
	struct mpipc_call_args call = {
		.to = MPIPC_TO_PRIMARY,
		.flags = MPIPC_CALL_ASYNC,
		.deadline = MPIPC_FOREVER,
		.reply_fds = 1,
	};
	struct child alice, server;
	int fd;
	__u64 err;

	ASSERT_LE(0, child_fork(&server));
	if (!server.pid) {
		become_user(self->bob, GROUP);
		setrlimit(RLIMIT_NOFILE, &limit);
		fd = open_public(self->group);
		child_send(&server, fd < 0);
		while (!child_hear(&server, NULL))
			child_send(&server, reply_with_file(fd));
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&server, &err));
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, start_holder(&alice, self->alice, make_calls_for_files, self->group));
	for (int i = 0; i <= FILES; i++) {
		child_send(&server, 0);
		ASSERT_EQ(0, child_hear(&server, &err));
		EXPECT_EQ(i < FILES ? 0 : -ETOOMANYREFS, (int)err);
	}
	fd = open_secondary(self->group);
	ASSERT_EQ(0, do_ioctl(fd, MPIPC_CALL, &call));
	child_send(&server, 0);
	ASSERT_EQ(0, child_hear(&server, &err));
	EXPECT_EQ(0, (int)err);
	child_kill(&alice);
	child_kill(&server);
}

/* Send, as a user, files to a secondary that reads and to one that does not. */
static int send_files_past_one_stuck(const char *group)
{
	const struct rlimit limit = { FILES, FILES };
	const int fds[4] = { 0, 0, 0, 0 };
	struct mpipc_send_args send = {
		.to = MPIPC_TO_ALL,
		.body = make_body("m", NULL, 0, fds, ARRAY_SIZE(fds)),
	};
	int primary = open_public(group), reader = open_secondary(group), held = 0, err;
	struct mpipc_record record;
	int got[ARRAY_SIZE(fds)];

	if (open_secondary(group) < 0 || setrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	for (int round = 0; round < FILES; round++) {
		err = do_ioctl(primary, MPIPC_SEND, &send) ?:
		      recv_fds(reader, &record, NULL, 0, got, ARRAY_SIZE(got), 0);
		if (err)
			return err;
		for (size_t i = 0; i < ARRAY_SIZE(got); i++)
			close(got[i]);
		held += send.sent == 2;
	}
	return held == FILES / 2 / ARRAY_SIZE(fds) ? 0 : -ERANGE;
}

/* Send files in a thread, which has to wait. */
static int hold_up_files(struct ioctl_thread *thread, struct mpipc_send_args *send, int primary,
			 int secondary, __u64 deadline)
{
	static const int fds[4];

	*send = (struct mpipc_send_args){
		.to = endpoint_id(secondary),
		.deadline = deadline,
		.body = make_body("waits", NULL, 0, fds, ARRAY_SIZE(fds)),
	};
	return ioctl_thread_start(thread, primary, MPIPC_SEND, send) ?:
	       ioctl_thread_asleep(thread);
}

/*
 * Expect, as a user, that a sender goes on for which there are enough files again, although another
 * one waits longer, whose destination has become full meanwhile.
 */
static int wait_behind_one_with_a_full_destination(const char *group)
{
	const struct rlimit limit = { FILES, FILES };
	static const int fds[9];
	struct mpipc_recv_args recv = { .flags = MPIPC_RECV_DROP_FDS };
	struct mpipc_send_args all = {
		.to = MPIPC_TO_ALL,
		.body = make_body("m", NULL, 0, fds, ARRAY_SIZE(fds)),
	};
	int primary = open_public(group);
	int first = open_secondary(group), second = open_secondary(group);
	struct ioctl_thread threads[2];
	struct mpipc_send_args sends[2];
	struct mpipc_info info;
	int err;

	if (second < 0 || setrlimit(RLIMIT_NOFILE, &limit) || get_info(first, &info))
		return -errno;
	err = do_ioctl(primary, MPIPC_SEND, &all) ?:
	      do_ioctl(primary, MPIPC_SEND, &all) ?:
	      hold_up_files(&threads[0], &sends[0], primary, first, MPIPC_FOREVER) ?:
	      hold_up_files(&threads[1], &sends[1], primary, second, in_ms(20000));
	/* A message that is refused would wake the one that waits longer. */
	for (unsigned int i = 2; i < info.max_messages && !err; i++)
		err = send_msg(primary, endpoint_id(first), "m", NULL, 0);
	err = err ?: do_ioctl(second, MPIPC_RECV, &recv);
	if (err)
		return err;
	err = ioctl_thread_join(&threads[1]);
	if (leave(first))
		return -EBADF;
	ioctl_thread_join(&threads[0]);
	return now_ns() < sends[1].deadline ? err : -ETIME;
}

/* Promise: P13 */
TEST_F(limits, sender_that_waits_lets_the_next_one_go_on_when_its_destination_is_full)
{
	EXPECT_EQ(0, attempt(self->alice, wait_behind_one_with_a_full_destination, self->group));
}

/* Promise: P13 */
TEST_F(limits, who_does_not_read_costs_a_user_half_of_its_files)
{
	EXPECT_EQ(0, attempt(self->alice, send_files_past_one_stuck, self->group));
}

/* Messages in the mailboxes of other users */

#define STRANGERS 30
#define ABROAD 8

static int open_many_secondaries(const char *group)
{
	int fd = 0;

	for (int i = 0; i < STRANGERS && fd >= 0; i++)
		fd = open_secondary(group);
	return fd;
}

/* Send, as a user, a large message to each member by itself, and return how many took it. */
static int send_to_each(int primary)
{
	static char data[MPIPC_SIZE_MAX];
	struct mpipc_peer peers[STRANGERS + 1] = { };
	struct mpipc_peers_args arg = {
		.peers = to_u64(peers),
		.max_peers = STRANGERS + 1,
		.peer_size = sizeof(*peers),
	};
	int n = 0, err = do_ioctl(primary, MPIPC_PEERS, &arg);

	for (__u32 i = 0; i < arg.n_peers && !err; i++) {
		if (peers[i].role != MPIPC_SECONDARY)
			continue;
		err = send_msg(primary, peers[i].id, "m", data, sizeof(data));
		n += !err;
		err = err == -EAGAIN ? 0 : err;
	}
	return err ?: n;
}

/* Promise: P13 */
TEST_F(limits, many_mailboxes_of_another_user_leave_half_of_the_bytes)
{
	struct child alice, bob;
	__u64 ret;

	ASSERT_EQ(0, set_param("user_bytes", 2LL * ABROAD * (MPIPC_SIZE_MAX + OVERHEAD)));
	ASSERT_LE(0, child_fork(&alice));
	if (!alice.pid) {
		int primary, own;

		become_user(self->alice, GROUP);
		primary = open_public(self->group);
		child_send(&alice, primary);
		child_hear(&alice, NULL);
		EXPECT_EQ(ABROAD, send_to_each(primary));
		/* The user is not stopped among its own processes. */
		own = open_secondary(self->group);
		for (int i = 0; i < 4; i++)
			EXPECT_EQ(0, send_msg(own, MPIPC_TO_PRIMARY, "m", self->data,
					      MPIPC_SIZE_MAX));
		EXPECT_EQ(0, send_msg(primary, endpoint_id(own), "m", self->data,
				      MPIPC_SIZE_MAX));
		_exit(!test_passed(_metadata));
	}
	ASSERT_EQ(0, child_hear(&alice, &ret));
	ASSERT_LE(0, start_holder(&bob, self->bob, open_many_secondaries, self->group));
	child_send(&alice, 0);
	EXPECT_EQ(0, child_wait(&alice));
	child_kill(&bob);
}

TEST_F(limits, administrator_may_have_more_files_in_flight)
{
	static const int capabilities[] = { CAP_SYS_RESOURCE, CAP_SYS_ADMIN };
	struct rlimit limit = { FILES, FILES };
	int fds[FILES + 1] = { };

	ASSERT_LE(0, open_primary(self->group));
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		struct child child;

		ASSERT_LE(0, child_fork(&child));
		if (!child.pid) {
			int fd = open_secondary(self->group);

			setrlimit(RLIMIT_NOFILE, &limit);
			keep_capabilities(1ULL << capabilities[i]);
			EXPECT_EQ(0, send_fds(fd, MPIPC_TO_PRIMARY, "m", NULL, 0, fds,
					      FILES + 1));
			keep_capabilities(0);
			EXPECT_EQ(-ETOOMANYREFS,
				  send_fds(fd, MPIPC_TO_PRIMARY, "m", NULL, 0, fds, 1));
			_exit(!test_passed(_metadata));
		}
		EXPECT_EQ(0, child_wait(&child));
	}
}

/* Calls */

TEST_F(limits, endpoint_has_so_many_calls_open)
{
	int primary = open_primary(self->group);
	int secondary = open_secondary(self->group);
	struct mpipc_record *record = &self->record;
	struct mpipc_info info;
	__u64 id;

	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, set_param("endpoint_calls", 3));
	ASSERT_EQ(0, get_info(secondary, &info));
	EXPECT_EQ(3, info.max_calls);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
					MPIPC_FOREVER, &id));
	EXPECT_EQ(-EMFILE, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
				      MPIPC_FOREVER, NULL));
	/* Messages are not calls, and the limit is the endpoint's. */
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));

	/* A reply makes space for one call, */
	ASSERT_EQ(0, recv_msg(primary, record, NULL, 0));
	ASSERT_EQ(0, reply_msg(primary, record->call, 0, NULL, 0));
	ASSERT_EQ(0, recv_msg(secondary, record, NULL, 0));
	EXPECT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0, MPIPC_FOREVER, NULL));
	EXPECT_EQ(-EMFILE, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
				      MPIPC_FOREVER, NULL));
	/* and a cancel makes space for one. */
	ASSERT_EQ(0, do_ioctl(secondary, MPIPC_CANCEL, &(struct mpipc_cancel_args){ id }));
	ASSERT_EQ(0, recv_msg(secondary, record, NULL, 0));
	EXPECT_EQ(-ECANCELED, record->status);
	EXPECT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0, MPIPC_FOREVER, NULL));
	EXPECT_EQ(-EMFILE, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
				      MPIPC_FOREVER, NULL));
}

TEST_F(limits, calls_are_given_back_when_who_owes_the_replies_is_killed)
{
	struct child server;
	int secondary;

	ASSERT_LE(0, start_holder(&server, 0, open_public, self->group));
	secondary = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, set_param("endpoint_calls", 3));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
					MPIPC_FOREVER, NULL));
	EXPECT_EQ(128 + SIGKILL, child_kill(&server));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, recv_msg(secondary, &self->record, NULL, 0));
		EXPECT_EQ(-ECONNRESET, self->record.status);
	}
	ASSERT_LE(0, open_primary(self->group));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
					MPIPC_FOREVER, NULL));
	EXPECT_EQ(-EMFILE, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
				      MPIPC_FOREVER, NULL));
}

/* Make, as a user, calls that reserve 64 KiB each for replies. */
static int make_calls_from(int fd)
{
	int err, n = 0;

	do {
		err = call_async(fd, MPIPC_TO_PRIMARY, "c", MPIPC_SIZE_MAX,
				 MPIPC_FOREVER, NULL);
	} while (!err && ++n < 100);
	return err == -EDQUOT ? n : err;
}

static int make_calls(const char *group)
{
	return make_calls_from(open_secondary(group));
}

TEST_F(limits, memory_for_replies_is_charged_when_the_call_is_made)
{
	int primary = open_public(self->group);
	struct child alice;

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, set_param("user_bytes", 4 * MPIPC_SIZE_MAX - 1));
	EXPECT_EQ(3, start_holder(&alice, self->alice, make_calls, self->group));
	/* A reply does not fail for want of memory, whatever the limit is now. */
	ASSERT_EQ(0, set_param("user_bytes", 1));
	ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_SIZE_MAX, self->record.reply_size);
	EXPECT_EQ(0, reply_msg(primary, self->record.call, 0, self->data, MPIPC_SIZE_MAX));

	ASSERT_EQ(0, set_param("user_bytes", 4 * MPIPC_SIZE_MAX - 1));
	EXPECT_EQ(128 + SIGKILL, child_kill(&alice));
	EXPECT_EQ(3, start_holder(&alice, self->alice, make_calls, self->group));
	child_kill(&alice);
}

#define CALLS 3000

/* Make calls one after the other, and return how often there was no memory for the next. */
static __u64 call_one_by_one(const char *group)
{
	static char reply[MPIPC_SIZE_MAX];
	struct mpipc_record result;
	struct mpipc_call_args call;
	__u64 refused = 0;
	int fd = open_secondary(group);

	for (int i = 0; i < CALLS; i++)
		do {
			call = call_arg(MPIPC_TO_PRIMARY, "c", NULL, 0, &result, 1);
			call.reply_size = sizeof(reply);
			call.reply_data = to_u64(reply);
		} while (do_ioctl(fd, MPIPC_CALL, &call) == -EDQUOT && ++refused);
	return refused;
}

TEST_F(limits, memory_for_a_reply_is_given_back_when_the_call_returns)
{
	int primary = open_public(self->group);
	struct child alice;
	cpu_set_t one;
	__u64 refused;

	ASSERT_LE(0, primary);
	/* On the same processor, the caller goes on while the replier is still busy. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	ASSERT_EQ(0, set_param("user_bytes", MPIPC_SIZE_MAX + 8192));
	ASSERT_LE(0, child_fork(&alice));
	if (!alice.pid) {
		become_user(self->alice, GROUP);
		child_send(&alice, call_one_by_one(self->group));
		_exit(0);
	}
	for (int i = 0; i < CALLS; i++) {
		ASSERT_EQ(0, recv_wait(primary, &self->record, NULL, 0));
		ASSERT_EQ(0, reply_msg(primary, self->record.call, 0, NULL, 0));
	}
	ASSERT_EQ(0, child_hear(&alice, &refused));
	EXPECT_EQ(0, refused);
	child_wait(&alice);
}

TEST_F(limits, memory_for_replies_is_given_back_when_who_owes_them_is_killed)
{
	struct child server, alice;
	__u64 ret;

	ASSERT_LE(0, start_holder(&server, 0, open_public, self->group));
	ASSERT_EQ(0, set_param("user_bytes", 4 * MPIPC_SIZE_MAX - 1));
	ASSERT_LE(0, child_fork(&alice));
	if (!alice.pid) {
		int fd;

		become_user(self->alice, GROUP);
		fd = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
		child_send(&alice, make_calls_from(fd));
		child_hear(&alice, NULL);
		for (int i = 0; i < 3; i++) {
			EXPECT_EQ(0, recv_msg(fd, &self->record, NULL, 0));
			EXPECT_EQ(-ECONNRESET, self->record.status);
		}
		EXPECT_EQ(3, make_calls_from(fd));
		_exit(!test_passed(_metadata));
	}
	ASSERT_EQ(0, child_hear(&alice, &ret));
	EXPECT_EQ(3, (int)ret);
	EXPECT_EQ(128 + SIGKILL, child_kill(&server));
	ASSERT_LE(0, open_primary(self->group));
	child_send(&alice, 0);
	EXPECT_EQ(0, child_wait(&alice));
}

TEST_F(limits, info_reports_the_limits_in_force)
{
	int fd = open_primary(self->group);
	struct mpipc_info info;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, get_info(fd, &info));
	EXPECT_EQ(get_param("mailbox_messages"), info.max_messages);
	EXPECT_EQ(get_param("mailbox_bytes"), info.max_bytes);
	EXPECT_EQ(get_param("group_endpoints"), info.max_endpoints);
	EXPECT_EQ(get_param("user_endpoints"), info.max_user_endpoints);
	EXPECT_EQ(get_param("user_groups"), info.max_user_groups);
	EXPECT_EQ(get_param("user_bytes"), info.max_user_bytes);
	EXPECT_EQ(get_param("endpoint_calls"), info.max_calls);
	ASSERT_EQ(0, set_param("user_bytes", 12345));
	ASSERT_EQ(0, get_info(fd, &info));
	EXPECT_EQ(12345, info.max_user_bytes);
}

TEST_HARNESS_MAIN
