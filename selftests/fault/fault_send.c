// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of sending, to one and to all, when each thing fails in turn.
 *
 * Promise: P1
 */
#include "device.h"
#include "fault.h"
#include "harness.h"
#include "message.h"
#include "parameter.h"
#include "wait.h"

#include <pthread.h>

/* Faults */

/* Write a record; return 0 if all of it was taken. */
static int do_write(int fd, const void *data, size_t size)
{
	ssize_t ret = write(fd, data, size);

	return ret < 0 ? -errno : ret == (ssize_t)size ? 0 : -EIO;
}

/* Sending */

static void try_send(struct __test_metadata *_metadata, int from, __u64 to,
		     const int *receivers, int n, struct load load)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_send_args send = { .to = to };
		struct cargo cargo;
		int ret;

		cargo_make(_metadata, &cargo, load);
		send.body = cargo_body(&cargo);
		ret = WITH_FAULT(fault, do_ioctl(from, MPIPC_SEND, &send));
		cargo_let_go(&cargo);
		expect_clean(_metadata, &fault, ret);
		EXPECT_EQ(ret ? 0 : n, send.sent);
		EXPECT_EQ(0, send.full);
		expect_arrival(_metadata, &fault, receivers, n, &cargo, !ret);
	}
}

TEST_FAULT(send_to_one_arrives_once_or_not_at_all)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		try_send(_metadata, self->primary, self->id[0], self->secondary, 1, loads[i]);
		try_send(_metadata, self->secondary[0], MPIPC_TO_PRIMARY, &self->primary, 1,
			 loads[i]);
	}
	expect_all_talk(_metadata, self);
}

TEST_FAULT(send_to_all_arrives_everywhere_once_or_nowhere)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++)
		try_send(_metadata, self->primary, MPIPC_TO_ALL, self->secondary, SECONDARIES,
			 loads[i]);
	expect_all_talk(_metadata, self);
}

static void try_write(struct __test_metadata *_metadata, int from, __u64 to,
		      const int *receivers, int n, unsigned int size)
{
	struct {
		struct mpipc_record record;
		char data[MOST_SIZE];
	} *written = calloc(1, sizeof(*written));

	ASSERT_NE(NULL, written);
	written->record.type = MPIPC_MESSAGE;
	written->record.peer = to;
	written->record.size = size;
	strcpy(written->record.name, "cargo");
	memcpy(written->data, payload, size);
	FOR_EACH_FAULT(fault) {
		struct cargo cargo;
		int ret;

		cargo_make(_metadata, &cargo, (struct load){ .size = size });
		cargo_let_go(&cargo);
		ret = WITH_FAULT(fault, do_write(from, written, sizeof(written->record) + size));
		expect_clean(_metadata, &fault, ret);
		expect_arrival(_metadata, &fault, receivers, n, &cargo, !ret);
	}
	free(written);
}

TEST_FAULT(write_arrives_once_or_not_at_all)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		try_write(_metadata, self->primary, self->id[0], self->secondary, 1,
			  loads[i].size);
		try_write(_metadata, self->primary, MPIPC_TO_ALL, self->secondary, SECONDARIES,
			  loads[i].size);
		try_write(_metadata, self->secondary[0], MPIPC_TO_PRIMARY, &self->primary, 1,
			  loads[i].size);
	}
	expect_all_talk(_metadata, self);
}

/* Waiting for space */

/**
 * struct crowd - a group whose secondaries' mailboxes hold one message, and have it
 * @primary: the sender
 * @secondary: they
 * @sender: the thread that waits for space
 * @done: it does not any more
 */
struct crowd {
	int primary;
	int secondary[SECONDARIES];
	pid_t sender;
	int done;
};

static void crowd_make(struct __test_metadata *_metadata, struct crowd *crowd,
		       const char *group)
{
	crowd->done = 0;
	crowd->sender = gettid();
	crowd->primary = open_primary(group);
	ASSERT_LE(0, crowd->primary);
	for (int i = 0; i < SECONDARIES; i++) {
		crowd->secondary[i] = open_small(group, MPIPC_SECONDARY, 0, 1);
		ASSERT_LE(0, crowd->secondary[i]);
	}
	ASSERT_EQ(0, send_msg(crowd->primary, MPIPC_TO_ALL, "first", NULL, 0));
}

static void crowd_close(struct crowd *crowd)
{
	close(crowd->primary);
	for (int i = 0; i < SECONDARIES; i++)
		close(crowd->secondary[i]);
}

/* Take what is in the mailboxes when the sender sleeps or has come back. */
static void *make_space(void *arg)
{
	struct crowd *crowd = arg;
	struct mpipc_record record;

	while (!__atomic_load_n(&crowd->done, __ATOMIC_ACQUIRE) &&
	       task_state(crowd->sender) != 'S')
		sched_yield();
	for (int i = 0; i < SECONDARIES; i++)
		if (recv_msg(crowd->secondary[i], &record, NULL, 0))
			return arg;
	return NULL;
}

static int ioctl_with_space(struct __test_metadata *_metadata, struct crowd *crowd,
			    struct fault *fault, unsigned long cmd, void *arg)
{
	pthread_t thread;
	void *failed;
	int ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, make_space, crowd));
	ret = WITH_FAULT(*fault, do_ioctl(crowd->primary, cmd, arg));
	__atomic_store_n(&crowd->done, 1, __ATOMIC_RELEASE);
	pthread_join(thread, &failed);
	EXPECT_EQ(NULL, failed);
	expect_clean(_metadata, fault, ret);
	return ret;
}

/* Expect that a destination got the message if @sent says so, and nothing otherwise. */
static void expect_result(struct __test_metadata *_metadata, struct crowd *crowd,
			  int type, const bool *sent)
{
	struct mpipc_record record;

	for (int i = 0; i < SECONDARIES; i++) {
		if (sent[i]) {
			ASSERT_EQ(0, receive(crowd->secondary[i], &record));
			EXPECT_EQ(type, record.type);
			EXPECT_EQ(0, record.lost);
		}
		expect_empty(_metadata, crowd->secondary[i]);
	}
}

TEST_FAULT(send_to_all_that_waits_for_space_says_how_many_got_it)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_send_args send = {
			.to = MPIPC_TO_ALL,
			.deadline = MPIPC_FOREVER,
			.body = make_body("second", NULL, 0, NULL, 0),
		};
		bool sent[SECONDARIES];
		struct crowd crowd;
		int ret;

		crowd_make(_metadata, &crowd, self->other);
		ret = ioctl_with_space(_metadata, &crowd, &fault, MPIPC_SEND, &send);
		EXPECT_EQ(ret ? 0 : SECONDARIES, send.sent + send.full);
		if (!fault.fired)
			EXPECT_EQ(SECONDARIES, send.sent);
		/* The sender waits for all, or for none. */
		EXPECT_TRUE(send.sent == 0 || send.sent == SECONDARIES);
		memset(sent, send.sent ? 1 : 0, sizeof(sent));
		expect_result(_metadata, &crowd, MPIPC_MESSAGE, sent);
		crowd_close(&crowd);
	}
}

TEST_FAULT(call_to_all_that_waits_for_space_has_a_result_for_each)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_call_args call = call_arg(MPIPC_TO_ALL, "second", NULL, 0, NULL, 0);
		bool sent[SECONDARIES];
		struct crowd crowd;
		int ret;

		call.flags = MPIPC_CALL_ASYNC | MPIPC_CALL_WAIT_SPACE;
		crowd_make(_metadata, &crowd, self->other);
		ret = ioctl_with_space(_metadata, &crowd, &fault, MPIPC_CALL, &call);
		memset(sent, !ret, sizeof(sent));
		/* A destination that could not be waited for has a result already. */
		for (int i = 0; i < SECONDARIES; i++) {
			struct mpipc_record record;

			if (receive(crowd.primary, &record))
				break;
			EXPECT_TRUE(fault.fired);
			EXPECT_EQ(-EAGAIN, record.status);
			sent[i] = false;
		}
		expect_result(_metadata, &crowd, MPIPC_REQUEST, sent);
		crowd_close(&crowd);
	}
}

TEST_HARNESS_MAIN
