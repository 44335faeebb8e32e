// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of calls and replies, when each thing fails in turn.
 *
 * Promise: P1
 */
#include "device.h"
#include "fault.h"
#include "harness.h"
#include "message.h"
#include "wait.h"

#include <pthread.h>
#include <sys/time.h>

/* Calls */

static void try_async(struct __test_metadata *_metadata, int from, __u64 to,
		      const int *receivers, int n, struct load load, __u64 deadline)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_call_args call = call_arg(to, "", NULL, 0, NULL, 0);
		struct mpipc_record record;
		struct cargo cargo;
		int ret;

		cargo_make(_metadata, &cargo, load);
		call.flags = MPIPC_CALL_ASYNC;
		call.body = cargo_body(&cargo);
		call.reply_size = load.size;
		call.deadline = deadline;
		ret = WITH_FAULT(fault, do_ioctl(from, MPIPC_CALL, &call));
		cargo_let_go(&cargo);
		expect_clean(_metadata, &fault, ret);
		EXPECT_EQ(!ret, !!call.id);
		if (!ret)
			EXPECT_EQ(n, call.n_results);
		expect_arrival(_metadata, &fault, receivers, n, &cargo, !ret);
		for (int i = 0; i < n && !ret; i++) {
			EXPECT_EQ(0, reply_msg(receivers[i], call.id, 0, payload, load.size));
			ASSERT_EQ(0, receive(from, &record));
			EXPECT_EQ(call.id, record.call);
			EXPECT_EQ(0, record.status);
			EXPECT_EQ(i == n - 1, !!(record.flags & MPIPC_REC_LAST));
		}
		expect_empty(_metadata, from);
	}
}

TEST_FAULT(asynchronous_call_is_made_whole_or_not_at_all)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		try_async(_metadata, self->secondary[0], MPIPC_TO_PRIMARY, &self->primary, 1,
			  loads[i], MPIPC_FOREVER);
		try_async(_metadata, self->primary, MPIPC_TO_ALL, self->secondary, SECONDARIES,
			  loads[i], in_ms(1000 * TEST_TIMEOUT_DEFAULT));
	}
	expect_all_talk(_metadata, self);
}

/* The calls stay open, so that none of them finds memory that another has left. */
TEST_FAULT(call_is_made_or_not_while_others_are_open)
{
	struct fault fault = { .fired = true, .keeps = true };
	char charges[CHARGES_SIZE];
	unsigned int made = 0;

	while (next_fault(_metadata, &fault)) {
		struct mpipc_call_args call = call_arg(MPIPC_TO_PRIMARY, "", NULL, 0, NULL, 0);
		int ret;

		read_charges(charges);
		call.flags = MPIPC_CALL_ASYNC;
		call.deadline = MPIPC_FOREVER;
		ret = WITH_FAULT(fault, do_ioctl(self->secondary[0], MPIPC_CALL, &call));
		expect_clean(_metadata, &fault, ret);
		EXPECT_EQ(!ret, !!call.id);
		if (ret)
			expect_charges(_metadata, charges);
		made += !ret;
	}
	for (; made; made--) {
		struct mpipc_record record;

		ASSERT_EQ(0, receive(self->primary, &record));
		ASSERT_EQ(0, reply_msg(self->primary, record.call, -EXDEV, NULL, 0));
		expect_record(_metadata, self->secondary[0], MPIPC_REPLY_TO, -EXDEV);
	}
	expect_all_talk(_metadata, self);
}

/**
 * struct server - a thread that replies to the requests to one secondary
 * @thread: the thread
 * @fd: the secondary
 * @cargo: load of the next reply, set before the request is sent
 * @served: requests so far
 */
struct server {
	pthread_t thread;
	int fd;
	const struct cargo *cargo;
	unsigned int served;
};

static void *serve(void *arg)
{
	struct mpipc_reply_recv_args both = { .recv.deadline = MPIPC_FOREVER };
	struct server *server = arg;

	while (!do_ioctl(server->fd, MPIPC_REPLY_RECV, &both)) {
		both.reply.call = both.recv.record.call;
		both.reply.body = cargo_body(server->cargo);
		server->served++;
	}
	return NULL;
}

/* The results of a call to all are stored here. */
static struct mpipc_record results[SECONDARIES];

static struct mpipc_call_args sync_call(__u64 to, struct load load)
{
	struct mpipc_call_args call = call_arg(to, "", NULL, 0, results, SECONDARIES);

	call.reply_size = load.size;
	call.reply_fds = load.n_fds;
	call.reply_data = to_u64(received);
	call.reply_fd_list = to_u64(received_fds);
	return call;
}

/* Expect that all have replied with the load. */
static void expect_results(struct __test_metadata *_metadata, const struct fault *fault,
			   const struct mpipc_call_args *call, int n, struct load load)
{
	const char *data = (const char *)received;
	const int *fds = (const int *)received_fds;

	EXPECT_EQ(n, call->n_results);
	for (int i = 0; i < n; i++) {
		EXPECT_EQ(MPIPC_REPLY_TO, results[i].type);
		EXPECT_EQ(0, results[i].status);
		EXPECT_EQ(load.size, results[i].size);
		EXPECT_EQ(load.n_fds, results[i].n_fds);
		EXPECT_EQ(0, memcmp(payload, data + i * load.size, load.size));
		expect_fds(_metadata, fault, fds + i * load.n_fds, load.n_fds);
	}
}

/* Have the primary ask so many servers. */
static void try_sync(struct __test_metadata *_metadata, const char *group, int n,
		     struct load load)
{
	struct server servers[SECONDARIES] = { };
	int primary = open_primary(group);
	unsigned int calls = 0;
	__u64 to;

	ASSERT_LE(0, primary);
	for (int i = 0; i < n; i++) {
		servers[i].fd = open_user(users[i], group, MPIPC_SECONDARY);
		ASSERT_LE(0, servers[i].fd);
	}
	for (int i = 0; i < n; i++)
		ASSERT_EQ(0, pthread_create(&servers[i].thread, NULL, serve, &servers[i]));
	to = n == 1 ? endpoint_id(servers[0].fd) : MPIPC_TO_ALL;
	FOR_EACH_FAULT(fault) {
		struct mpipc_call_args call = sync_call(to, load);
		struct cargo cargo;
		int ret;

		cargo_make(_metadata, &cargo, load);
		for (int i = 0; i < n; i++)
			servers[i].cargo = &cargo;
		ret = WITH_FAULT(fault, do_ioctl(primary, MPIPC_CALL, &call));
		expect_clean(_metadata, &fault, ret);
		/* A call with an id is resumed; one without an id was not made. */
		if (ret)
			ASSERT_EQ(0, do_ioctl(primary, MPIPC_CALL, &call));
		calls++;
		expect_results(_metadata, &fault, &call, n, load);
		cargo_let_go(&cargo);
		expect_cargo_gone(_metadata, &cargo);
		expect_empty(_metadata, primary);
	}
	for (int i = 0; i < n; i++) {
		EXPECT_EQ(0, leave(servers[i].fd));
		pthread_join(servers[i].thread, NULL);
		EXPECT_EQ(calls, servers[i].served);
		close(servers[i].fd);
	}
	close(primary);
}

TEST_FAULT(synchronous_call_has_its_results_now_or_when_it_is_resumed)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		try_sync(_metadata, self->other, 1, loads[i]);
		try_sync(_metadata, self->other, SECONDARIES, loads[i]);
	}
}

/* Make a call that a signal ends. */
static int interrupt(int fd, struct mpipc_call_args *call)
{
	const struct itimerval often = { { 0, 10000 }, { 0, 10000 } }, never = { };
	const struct sigaction action = { .sa_handler = ignore };
	int ret;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	ret = do_ioctl(fd, MPIPC_CALL, call);
	setitimer(ITIMER_REAL, &never, NULL);
	return ret;
}

static void try_resume(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
		       struct load load)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_call_args call = sync_call(MPIPC_TO_ALL, load);
		int ret;

		ASSERT_EQ(-EINTR, interrupt(self->primary, &call));
		ASSERT_NE(0, call.id);
		for (int i = 0; i < SECONDARIES; i++)
			send_reply(_metadata, self->secondary[i], load);
		ret = WITH_FAULT(fault, do_ioctl(self->primary, MPIPC_CALL, &call));
		expect_clean(_metadata, &fault, ret);
		if (ret)
			ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_CALL, &call));
		expect_results(_metadata, &fault, &call, SECONDARIES, load);
		EXPECT_EQ(-ESRCH, do_ioctl(self->primary, MPIPC_CALL, &call));
	}
}

TEST_FAULT(interrupted_call_keeps_its_results_until_they_are_taken)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++)
		try_resume(_metadata, self, loads[i]);
	expect_all_talk(_metadata, self);
}

/* Expect that the caller has the reply, once. */
static void expect_reply(struct __test_metadata *_metadata, const struct fault *fault,
			 int fd, const struct cargo *cargo)
{
	struct mpipc_record record;

	cargo_let_go(cargo);
	ASSERT_EQ(0, receive(fd, &record));
	EXPECT_EQ(0, record.status);
	EXPECT_EQ(MPIPC_REC_REPLIED | MPIPC_REC_LAST, record.flags);
	expect_load(_metadata, fault, &record, cargo->load);
	expect_empty(_metadata, fd);
	expect_cargo_gone(_metadata, cargo);
}

TEST_FAULT(request_whose_reply_failed_can_still_be_replied_to)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		FOR_EACH_FAULT(fault) {
			struct mpipc_reply_args reply = {
				.call = ask(_metadata, self, loads[i]),
			};
			struct cargo cargo;
			int ret;

			cargo_make(_metadata, &cargo, loads[i]);
			reply.body = cargo_body(&cargo);
			ret = WITH_FAULT(fault, do_ioctl(self->primary, MPIPC_REPLY, &reply));
			expect_clean(_metadata, &fault, ret);
			EXPECT_EQ(ret ? 0 : -ESRCH,
				  do_ioctl(self->primary, MPIPC_REPLY, &reply));
			expect_reply(_metadata, &fault, self->secondary[0], &cargo);
		}
	}
	expect_all_talk(_metadata, self);
}

TEST_FAULT(reply_and_receive_says_which_of_the_two_failed)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		FOR_EACH_FAULT(fault) {
			struct mpipc_reply_recv_args both = { .recv = recv_arg() };
			struct cargo cargo;
			__u64 call;
			int ret;

			call = ask(_metadata, self, loads[i]);
			ASSERT_EQ(0, send_msg(self->secondary[1], MPIPC_TO_PRIMARY, "next",
					      NULL, 0));
			cargo_make(_metadata, &cargo, loads[i]);
			both.reply.call = call;
			both.reply.body = cargo_body(&cargo);
			ret = WITH_FAULT(fault,
					 do_ioctl(self->primary, MPIPC_REPLY_RECV, &both));
			expect_clean(_metadata, &fault, ret);
			expect_clean(_metadata, &fault, both.reply_error);
			if (ret)
				EXPECT_EQ(0, receive(self->primary, &both.recv.record));
			EXPECT_STREQ("next", both.recv.record.name);
			/*
			 * Either nothing took place, or all but the reply, or all but the
			 * record.
			 */
			if (both.reply.call || both.reply_error) {
				both.reply.call = call;
				EXPECT_EQ(0, do_ioctl(self->primary, MPIPC_REPLY, &both.reply));
			}
			expect_reply(_metadata, &fault, self->secondary[0], &cargo);
		}
	}
	expect_all_talk(_metadata, self);
}

TEST_FAULT(result_of_an_asynchronous_call_is_received_or_stays)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		FOR_EACH_FAULT(fault) {
			struct mpipc_reply_args reply = {
				.call = ask(_metadata, self, loads[i]),
			};
			struct mpipc_recv_args recv = recv_arg();
			struct cargo cargo;
			int ret;

			cargo_make(_metadata, &cargo, loads[i]);
			reply.body = cargo_body(&cargo);
			EXPECT_EQ(0, do_ioctl(self->primary, MPIPC_REPLY, &reply));
			cargo_let_go(&cargo);
			ret = WITH_FAULT(fault, do_ioctl(self->secondary[0], MPIPC_RECV, &recv));
			expect_clean(_metadata, &fault, ret);
			if (ret)
				ASSERT_EQ(0, receive(self->secondary[0], &recv.record));
			expect_load(_metadata, &fault, &recv.record, loads[i]);
			EXPECT_EQ(reply.call, recv.record.call);
			expect_empty(_metadata, self->secondary[0]);
			expect_cargo_gone(_metadata, &cargo);
		}
	}
	expect_all_talk(_metadata, self);
}

TEST_FAULT(call_is_cancelled_or_goes_on)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_cancel_args cancel = { .call = ask(_metadata, self, loads[0]) };
		int ret = WITH_FAULT(fault, do_ioctl(self->secondary[0], MPIPC_CANCEL, &cancel));

		expect_clean(_metadata, &fault, ret);
		EXPECT_EQ(ret ? 0 : -ESRCH,
			  do_ioctl(self->secondary[0], MPIPC_CANCEL, &cancel));
		expect_record(_metadata, self->secondary[0], MPIPC_REPLY_TO, -ECANCELED);
		EXPECT_EQ(-ESRCH, reply_msg(self->primary, cancel.call, 0, NULL, 0));
	}
	expect_all_talk(_metadata, self);
}

TEST_HARNESS_MAIN
