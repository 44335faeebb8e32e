// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests that nobody is held up by somebody else: while a process is stuck in a system call,
 * in memory that does not come, is stopped, or gets no processor, all others go on.
 *
 * Promise: P13
 */
#include "child.h"
#include "device.h"
#include "harness.h"
#include "isolation.h"
#include "message.h"

/* The system calls */

static int send_slow_payload(struct actor *actor)
{
	return send_msg(actor->fd, actor->to, "slow",
			page_fill(&actor->page, TEXT, sizeof(TEXT)), sizeof(TEXT));
}

static int send_slow_fds(struct actor *actor)
{
	return send_fds(actor->fd, actor->to, "slow", TEXT, sizeof(TEXT),
			page_fill(&actor->page, &actor->done, sizeof(int)), 1);
}

/* Use an argument that is missing when it is read, or protected when counts are written. */
static int send_slow_argument(struct actor *actor)
{
	struct mpipc_send_args send = {
		.to = actor->to,
		.body = make_body("slow", TEXT, sizeof(TEXT), NULL, 0),
	};

	return do_ioctl(actor->fd, MPIPC_SEND,
			page_fill(&actor->page, &send, sizeof(send)));
}

static int write_slow_record(struct actor *actor)
{
	struct {
		struct mpipc_record record;
		char text[sizeof(TEXT)];
	} all = {
		.record = {
			.type = MPIPC_MESSAGE,
			.peer = actor->to,
			.size = sizeof(TEXT),
			.name = "slow",
		},
		.text = TEXT,
	};
	size_t size = sizeof(all.record) + sizeof(TEXT);
	void *page = page_fill(&actor->page, &all, size);
	ssize_t ret = write(actor->fd, page, size);

	return ret < 0 ? -errno : ret == (ssize_t)size ? 0 : -EIO;
}

static int receive_slow_data(struct actor *actor)
{
	char *page = page_fill(&actor->page, "", 1);
	struct mpipc_record record;
	int fd, err;

	err = recv_fds(actor->fd, &record, page, 64, &fd, 1, 0);
	return err ?: is_text(page, &record) ? 0 : -EBADMSG;
}

static int receive_slow_fds(struct actor *actor)
{
	int *page = page_fill(&actor->page, "", 1);
	struct mpipc_record record;
	char data[64];
	int err;

	err = recv_fds(actor->fd, &record, data, sizeof(data), page, 1, 0);
	return err ?: is_text(data, &record) && fcntl(*page, F_GETFD) >= 0 ? 0 : -EBADMSG;
}

static int receive_slow_record(struct actor *actor)
{
	char data[64];
	int fd, err;
	struct mpipc_recv_args *page, recv = {
		.max_size = sizeof(data),
		.max_fds = 1,
		.data = to_u64(data),
		.fds = to_u64(&fd),
	};

	page = page_fill(&actor->page, &recv, sizeof(recv));
	err = do_ioctl(actor->fd, MPIPC_RECV, page);
	return err ?: is_text(data, &page->record) ? 0 : -EBADMSG;
}

static int call_slow_payload(struct actor *actor)
{
	struct mpipc_record results[2];
	void *page = page_fill(&actor->page, TEXT, sizeof(TEXT));
	struct mpipc_call_args call = call_arg(actor->to, "slow", page, sizeof(TEXT), results, 2);

	call.flags = MPIPC_CALL_ASYNC;
	return do_ioctl(actor->fd, MPIPC_CALL, &call);
}

/* Use an argument to which the id is written when the call is open already. */
static int call_slow_argument(struct actor *actor)
{
	struct mpipc_record results[2];
	struct mpipc_call_args call = call_arg(actor->to, "slow", TEXT, sizeof(TEXT), results, 2);

	call.flags = MPIPC_CALL_ASYNC;
	return do_ioctl(actor->fd, MPIPC_CALL,
			page_fill(&actor->page, &call, sizeof(call)));
}

static int call_slow_results(struct actor *actor)
{
	struct mpipc_call_args call;

	return call_with_slow(actor, &call.results, &call);
}

static int call_slow_reply(struct actor *actor)
{
	struct mpipc_call_args call;

	return call_with_slow(actor, &call.reply_data, &call);
}

static int call_slow_replied_fds(struct actor *actor)
{
	struct mpipc_call_args call;

	return call_with_slow(actor, &call.reply_fd_list, &call);
}

static int cancel_slow_argument(struct actor *actor)
{
	struct mpipc_cancel_args cancel;
	int err;

	err = call_async(actor->fd, actor->to, "c", 0, MPIPC_FOREVER, (__u64 *)&cancel.call);
	return err ?: do_ioctl(actor->fd, MPIPC_CANCEL,
			       page_fill(&actor->page, &cancel, sizeof(cancel)));
}

/* Take the request that is in the mailbox. */
static __u64 take_request(struct actor *actor)
{
	struct mpipc_record record = { };

	return recv_msg(actor->fd, &record, NULL, 0) ? 0 : record.call;
}

static int reply_slow_payload(struct actor *actor)
{
	return reply_msg(actor->fd, take_request(actor), 0,
			 page_fill(&actor->page, TEXT, sizeof(TEXT)), sizeof(TEXT));
}

static int reply_slow_fds(struct actor *actor)
{
	struct mpipc_reply_args reply = {
		.call = take_request(actor),
		.body = make_body("", TEXT, sizeof(TEXT),
				  page_fill(&actor->page, &actor->done, sizeof(int)), 1),
	};

	return do_ioctl(actor->fd, MPIPC_REPLY, &reply);
}

static int reply_recv_slow_argument(struct actor *actor)
{
	struct mpipc_reply_recv_args *page, both = {
		.reply = {
			.call = take_request(actor),
			.body = make_body("", TEXT, sizeof(TEXT), NULL, 0),
		},
	};
	int err;

	page = page_fill(&actor->page, &both, sizeof(both));
	err = do_ioctl(actor->fd, MPIPC_REPLY_RECV, page);
	return err ?: page->reply_error;
}

/* Join with another open file. */
static int join_slow_argument(struct actor *actor)
{
	struct mpipc_join_args join = join_arg(actor->group, MPIPC_SECONDARY);

	return do_ioctl(open_dev(), MPIPC_JOIN,
			page_fill(&actor->page, &join, sizeof(join)));
}

static int info_slow(struct actor *actor)
{
	struct mpipc_info *page = page_fill(&actor->page, "", 1);
	int err = do_ioctl(actor->fd, MPIPC_INFO, page);

	return err ?: strcmp(page->group, actor->group) ? -EBADMSG : 0;
}

static int peers_slow(struct actor *actor)
{
	struct mpipc_peer *page = page_fill(&actor->page, "", 1);
	struct mpipc_peers_args peers = { .peers = to_u64(page), .max_peers = 8 };
	int err = do_ioctl(actor->fd, MPIPC_PEERS, &peers);

	return err ?: peers.n_peers >= 3 && page->id ? 0 : -EBADMSG;
}

static int list_slow(struct actor *actor)
{
	char *page = page_fill(&actor->page, "", 1);
	int fd = open(LISTING, O_RDONLY | O_CLOEXEC);
	ssize_t ret = read(fd, page, actor->page.size);

	return ret < 0 ? -errno : page[0] == '#' ? 0 : -EBADMSG;
}

/* Members that go on */

#define STUCK_IN(name, ...) FIXTURE_VARIANT_ADD(stuck, name) {	\
	.role = MPIPC_SECONDARY, __VA_ARGS__ }

STUCK_IN(payload_of_a_send, .act = send_slow_payload, .effect = MPIPC_MESSAGE);
STUCK_IN(descriptors_of_a_send, .act = send_slow_fds, .effect = MPIPC_MESSAGE);
STUCK_IN(argument_of_a_send, .act = send_slow_argument, .effect = MPIPC_MESSAGE);
STUCK_IN(counts_of_a_send, .act = send_slow_argument, .protected = true,
	 .effect = MPIPC_MESSAGE);
STUCK_IN(record_written, .act = write_slow_record, .effect = MPIPC_MESSAGE);
STUCK_IN(payload_of_a_broadcast, .role = MPIPC_PRIMARY, .act = send_slow_payload,
	 .effect = MPIPC_MESSAGE);
STUCK_IN(descriptors_of_a_broadcast, .role = MPIPC_PRIMARY, .act = send_slow_fds,
	 .effect = MPIPC_MESSAGE);
STUCK_IN(broadcast_written, .role = MPIPC_PRIMARY, .act = write_slow_record,
	 .effect = MPIPC_MESSAGE);

STUCK_IN(data_received, .act = receive_slow_data, .finds = MPIPC_MESSAGE);
STUCK_IN(descriptors_received, .act = receive_slow_fds, .finds = MPIPC_MESSAGE);
STUCK_IN(record_received, .act = receive_slow_record, .protected = true,
	 .finds = MPIPC_MESSAGE);
STUCK_IN(records_read, .act = read_slow_records, .finds = MPIPC_MESSAGE);
STUCK_IN(data_received_by_the_primary, .role = MPIPC_PRIMARY, .act = receive_slow_data,
	 .finds = MPIPC_MESSAGE);
STUCK_IN(descriptors_received_by_the_primary, .role = MPIPC_PRIMARY,
	 .act = receive_slow_fds, .finds = MPIPC_MESSAGE);
STUCK_IN(records_read_by_the_primary, .role = MPIPC_PRIMARY, .act = read_slow_records,
	 .finds = MPIPC_MESSAGE);

STUCK_IN(payload_of_a_request, .act = call_slow_payload, .effect = MPIPC_REQUEST);
STUCK_IN(id_of_a_call, .act = call_slow_argument, .protected = true,
	 .effect = MPIPC_REQUEST);
STUCK_IN(results_of_a_call, .act = call_slow_results, .is_replied = true);
STUCK_IN(reply_to_a_call, .act = call_slow_reply, .is_replied = true);
STUCK_IN(descriptors_of_a_result, .act = call_slow_replied_fds, .is_replied = true);
STUCK_IN(id_of_a_call_to_all, .role = MPIPC_PRIMARY, .act = call_slow_argument,
	 .protected = true, .effect = MPIPC_REQUEST);
STUCK_IN(results_of_a_call_to_all, .role = MPIPC_PRIMARY, .act = call_slow_results,
	 .is_replied = true);
STUCK_IN(replies_to_a_call_to_all, .role = MPIPC_PRIMARY, .act = call_slow_reply,
	 .is_replied = true);
STUCK_IN(argument_of_a_cancel, .act = cancel_slow_argument);

STUCK_IN(payload_of_a_reply, .act = reply_slow_payload, .finds = MPIPC_REQUEST,
	 .effect = MPIPC_REPLY_TO);
STUCK_IN(descriptors_of_a_reply, .act = reply_slow_fds, .finds = MPIPC_REQUEST,
	 .effect = MPIPC_REPLY_TO);
STUCK_IN(argument_of_a_reply_recv, .act = reply_recv_slow_argument, .protected = true,
	 .finds = MPIPC_REQUEST, .effect = MPIPC_REPLY_TO);
STUCK_IN(payload_of_the_primary_s_reply, .role = MPIPC_PRIMARY, .act = reply_slow_payload,
	 .finds = MPIPC_REQUEST, .effect = MPIPC_REPLY_TO);

STUCK_IN(argument_of_a_join, .act = join_slow_argument);
STUCK_IN(result_of_a_join, .act = join_slow_argument, .protected = true);
STUCK_IN(info, .act = info_slow);
STUCK_IN(list_of_peers, .act = peers_slow);
STUCK_IN(listing, .act = list_slow);

FIXTURE_SETUP(stuck)
{
	self->first = -1;
	self->second = -1;
	/* The test itself is skipped. */
	if (!page_is_possible(variant->protected))
		return;
	set_up(_metadata, self, variant);
	ASSERT_EQ(0, give(self, variant));
	ASSERT_LT(0, order_actor(&self->actor, ACT));
	if (variant->is_replied)
		reply_actor(_metadata, self, variant->role);
	ASSERT_EQ(1, order_actor(&self->actor, WAIT));
}

FIXTURE_TEARDOWN(stuck)
{
	close(self->first);
	close(self->second);
}

/*
 * Expect that two secondaries go on while a thread of their primary is stuck and another
 * thread is not.
 */
static void secondaries_go_on(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self)
{
	ASSERT_EQ(0, send_msg(self->first, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_EQ(0, order_actor(&self->actor, BROADCAST));
	ASSERT_EQ(0, take(self, self->first, MPIPC_MESSAGE));
	EXPECT_STREQ("all", self->record.name);
	ASSERT_EQ(0, take(self, self->second, MPIPC_MESSAGE));
	EXPECT_STREQ("all", self->record.name);
}

static void others_go_on(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self,
			 const FIXTURE_VARIANT(stuck) *variant)
{
	if (variant->role == MPIPC_PRIMARY)
		secondaries_go_on(_metadata, self);
	else
		primary_goes_on(_metadata, self);
	caller_goes_on(_metadata, self, variant->role);
	others_come_and_go(_metadata, self);
	EXPECT_EQ(1, order_actor(&self->actor, IS_STUCK));
}

/* Check that what the actor sent is complete. */
static void expect_effect(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self,
			  const FIXTURE_VARIANT(stuck) *variant)
{
	ASSERT_EQ(0, take(self, self->first, variant->effect));
	EXPECT_TRUE(is_text(self->data, &self->record));
	EXPECT_EQ(0, self->record.status);
	if (variant->effect != MPIPC_REPLY_TO) {
		EXPECT_STREQ("slow", self->record.name);
	} else {
		EXPECT_EQ(self->call, self->record.call);
	}
}

TEST_F(stuck, delays_nobody_and_ends_when_its_memory_comes)
{
	if (!page_is_possible(variant->protected))
		SKIP(return, "this kernel has no userfaultfd that protects memory");
	others_go_on(_metadata, self, variant);
	EXPECT_EQ(0, order_actor(&self->actor, RELEASE));
	if (variant->effect)
		expect_effect(_metadata, self, variant);
	EXPECT_EQ(0, child_wait(&self->actor.child));
}

TEST_F(stuck, delays_nobody_and_can_be_killed)
{
	if (!page_is_possible(variant->protected))
		SKIP(return, "this kernel has no userfaultfd that protects memory");
	others_go_on(_metadata, self, variant);
	EXPECT_EQ(128 + SIGKILL, child_kill(&self->actor.child));
	EXPECT_EQ(2, count_members(self->first));
	EXPECT_EQ(variant->role == MPIPC_PRIMARY ? -ECONNREFUSED : -ESRCH,
		  send_msg(self->first, self->to_actor, "m", NULL, 0));
	if (self->call) {
		ASSERT_EQ(0, take(self, self->first, MPIPC_REPLY_TO));
		EXPECT_EQ(self->call, self->record.call);
		EXPECT_EQ(-ECONNRESET, self->record.status);
	}
	if (variant->role == MPIPC_PRIMARY) {
		EXPECT_LE(0, open_primary(self->group));
	} else {
		caller_goes_on(_metadata, self, variant->role);
	}
}

TEST_HARNESS_MAIN
