// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of calls from the side of those who reply, and of calls within and next to each
 * other.
 */
#include "call.h"
#include "device.h"
#include "harness.h"
#include "message.h"
#include "thread.h"

/* Replies */

/* Promise: P9 */
TEST_F(call, only_the_first_reply_counts)
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
	EXPECT_STREQ("first", sync_reply(_metadata, &sync, self->id[0]));
	EXPECT_EQ(-ESRCH, reply_msg(self->peer[0], call, 0, "third", 6));
}

/* Promise: P9 */
TEST_F(call, stranger_cannot_reply)
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
	EXPECT_STREQ("true", sync.replies[0]);
}

/* Promise: P9 */
TEST_F(call, reply_from_another_group_is_refused)
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
	EXPECT_STREQ("true", sync.replies[0]);
}

/* Promise: P2 */
TEST_F(call, bad_replies_change_nothing)
{
	static const char large[REPLY_SIZE + 1];
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
	expect_replied(_metadata, &sync, self->id[0], 0);
	EXPECT_STREQ("good", sync.replies[0]);
}

TEST_F(call, any_thread_may_reply_when_it_likes)
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
		EXPECT_STREQ("done", sync[i].replies[0]);
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

/* Reply to so many requests, the last one included, with what they say. */
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
		expect_replied(_metadata, &sync[i], self->primary_id, 0);
	}
	EXPECT_TRUE(mailbox_empty(self->primary));
}

TEST_F(call, reply_recv_receives_although_the_reply_fails)
{
	static const char large[REPLY_SIZE + 1];
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

TEST_F(call, reply_recv_that_cannot_receive_does_not_reply)
{
	struct mpipc_reply_recv_args arg = server_arg(NULL, 0, 0);
	struct sync sync;
	__u64 call;

	ASSERT_EQ(0, sync_start(&sync, self->peer[0], MPIPC_TO_PRIMARY, MPIPC_FOREVER));
	call = take_request(_metadata, self->primary);
	arg.reply.call = call;
	arg.recv.flags = 0x80;
	EXPECT_EQ(-EINVAL, do_ioctl(self->primary, MPIPC_REPLY_RECV, &arg));
	arg.recv.flags = 0;
	arg.recv.reserved = 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->primary, MPIPC_REPLY_RECV, &arg));
	EXPECT_EQ(call, arg.reply.call);
	EXPECT_EQ(0, reply_msg(self->primary, call, 0, NULL, 0));
	ASSERT_EQ(0, sync_end(&sync));
}

TEST_F(call, reply_recv_that_a_signal_restarts_replies_once)
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
	EXPECT_STREQ("inner", down.replies[0]);
	ASSERT_EQ(0, reply_msg(self->primary, request, 0, "outer", 6));
	ASSERT_EQ(0, sync_end(&up));
	EXPECT_STREQ("outer", up.replies[0]);
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
		char reply[REPLY_SIZE];

		snprintf(reply, sizeof(reply), "reply %zu", i);
		ASSERT_EQ(0, reply_msg(self->primary, call[i], 0, reply, sizeof(reply)));
		ASSERT_EQ(0, sync_end(&sync[i]));
		EXPECT_STREQ(reply, sync[i].replies[0]);
	}
}

TEST_HARNESS_MAIN
