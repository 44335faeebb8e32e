// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of a program of 64 bits and one of 32 bits (mixed_peer.c) in one group: each does
 * everything with the other.
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "message.h"

FIXTURE(mixed)
{
	char group[MPIPC_GROUP_MAX];
	struct child peer;
	int fd;			/* endpoint */
	__u64 to;		/* the peer */
	int canary[2];
	struct mpipc_record record;
	char *data;		/* payload to send */
	char *got;
	int got_fd;
};

FIXTURE_VARIANT(mixed)
{
	enum mpipc_role role;	/* of the peer */
};

FIXTURE_VARIANT_ADD(mixed, secondary_of_32_bits)
{
	.role = MPIPC_SECONDARY,
};

FIXTURE_VARIANT_ADD(mixed, primary_of_32_bits)
{
	.role = MPIPC_PRIMARY,
};

/* Start the program that is next to this one. */
static int start_peer(struct child *peer, const char *group, enum mpipc_role role)
{
	char path[512], number[8], ready;
	int err = 0;
	ssize_t len;

	len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (len < 0)
		return -errno;
	path[len] = '\0';
	snprintf(strrchr(path, '/'), 32, "/mixed_peer");
	snprintf(number, sizeof(number), "%d", role);
	if (child_fork(peer) < 0)
		return -errno;
	if (!peer->pid) {
		dup2(peer->line, STDOUT_FILENO);
		execl(path, path, group, number, NULL);
		fprintf(stderr, "# %s: %s\n", path, strerror(errno));
		_exit(127);
	}
	if (read(peer->line, &ready, 1) != 1)
		err = -ENOEXEC;
	return err;
}

/* Take records up to one of a type and name. Return -ECONNRESET if the peer is gone. */
static int take(FIXTURE_DATA(mixed) *self, enum mpipc_type type, const char *name)
{
	int err;

	do {
		err = recv_fds(self->fd, &self->record, self->got, MPIPC_SIZE_MAX,
			       &self->got_fd, 1, MPIPC_FOREVER);
		if (!err && self->record.type == MPIPC_LEFT)
			err = -ECONNRESET;
	} while (!err && (self->record.type != type || strcmp(self->record.name, name)));
	return err;
}

FIXTURE_SETUP(mixed)
{
	const bool primary = variant->role == MPIPC_SECONDARY;

	group_name(self->group, _metadata->name);
	self->data = malloc(MPIPC_SIZE_MAX);
	self->got = calloc(1, MPIPC_SIZE_MAX);
	ASSERT_NE(NULL, self->data);
	ASSERT_NE(NULL, self->got);
	for (int i = 0; i < MPIPC_SIZE_MAX; i++)
		self->data[i] = i * 7 + i / 256;
	ASSERT_EQ(0, pipe2(self->canary, O_CLOEXEC));
	if (primary)
		self->fd = open_joined(self->group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_EQ(0, start_peer(&self->peer, self->group, variant->role))
		TH_LOG("this takes a kernel that runs programs of 32 bits");
	if (!primary)
		self->fd = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, take(self, MPIPC_JOINED, ""));
	self->to = self->record.peer;
	EXPECT_EQ(variant->role, self->record.role);
	EXPECT_EQ(self->peer.pid, self->record.pid);
}

FIXTURE_TEARDOWN(mixed)
{
	EXPECT_EQ(128 + SIGKILL, child_kill(&self->peer));
	close(self->fd);
	free(self->data);
	free(self->got);
}

/* Send the peer an order, in a message that has everything that a message can have. */
static int order(FIXTURE_DATA(mixed) *self, const char *name, unsigned int n_fds)
{
	return send_fds(self->fd, self->to, name, self->data, MPIPC_SIZE_MAX,
			&self->canary[1], n_fds);
}

static int order_plain(FIXTURE_DATA(mixed) *self, const char *name)
{
	return send_msg(self->fd, self->to, name, NULL, 0);
}

/* Expect that what came is what was sent, and that the descriptor is that of the pipe. */
static void expect_whole(struct __test_metadata *_metadata, FIXTURE_DATA(mixed) *self,
			 const struct mpipc_record *record)
{
	char byte = 0;

	EXPECT_EQ(self->to, record->peer);
	EXPECT_EQ(MPIPC_SIZE_MAX, record->size);
	EXPECT_EQ(0, memcmp(self->data, self->got, MPIPC_SIZE_MAX));
	if (!record->n_fds)
		return;
	EXPECT_EQ(1, write(self->got_fd, "x", 1));
	EXPECT_EQ(1, read(self->canary[0], &byte, 1));
	EXPECT_EQ('x', byte);
	close(self->got_fd);
}

TEST_F(mixed, messages_and_descriptors_pass_both_ways)
{
	ASSERT_EQ(0, order(self, "send", 1));
	ASSERT_EQ(0, take(self, MPIPC_MESSAGE, "sent"));
	EXPECT_EQ(1, self->record.n_fds);
	expect_whole(_metadata, self, &self->record);
}

TEST_F(mixed, what_one_writes_the_other_receives)
{
	ASSERT_EQ(0, order(self, "write", 0));
	ASSERT_EQ(0, take(self, MPIPC_MESSAGE, "written"));
	expect_whole(_metadata, self, &self->record);
}

TEST_F(mixed, what_one_sends_the_other_reads)
{
	const struct mpipc_record *read = (const struct mpipc_record *)self->got;
	static const char text[] = "thirteen more";

	ASSERT_EQ(0, order_plain(self, "read"));
	ASSERT_EQ(0, send_msg(self->fd, self->to, "x", text, sizeof(text)));
	ASSERT_EQ(0, take(self, MPIPC_MESSAGE, "read"));
	ASSERT_EQ((sizeof(*read) + sizeof(text) + 7) / 8 * 8, self->record.size);
	EXPECT_EQ(self->record.size, read->len);
	EXPECT_EQ(MPIPC_MESSAGE, read->type);
	EXPECT_EQ(endpoint_id(self->fd), read->peer);
	EXPECT_EQ(sizeof(text), read->size);
	EXPECT_EQ((__u32)getpid(), read->pid);
	EXPECT_STREQ("x", read->name);
	EXPECT_STREQ(text, (const char *)(read + 1));
}

TEST_F(mixed, request_gets_a_reply_of_the_peer)
{
	struct mpipc_record result = { };
	struct mpipc_call_args call = call_arg(self->to, "c", self->data, MPIPC_SIZE_MAX,
					       &result, 1);

	call.body.fds = to_u64(&self->canary[1]);
	call.body.n_fds = 1;
	call.reply_size = MPIPC_SIZE_MAX;
	call.reply_fds = 1;
	call.reply_data = to_u64(self->got);
	call.reply_fd_list = to_u64(&self->got_fd);
	ASSERT_EQ(0, do_ioctl(self->fd, MPIPC_CALL, &call));
	EXPECT_EQ(-EXDEV, result.status);
	EXPECT_EQ(MPIPC_REC_REPLIED | MPIPC_REC_LAST, result.flags);
	EXPECT_STREQ("replied", result.name);
	EXPECT_EQ(1, result.n_fds);
	expect_whole(_metadata, self, &result);
}

/* Reply to the request of the peer with its own content. */
static void reply_peer(struct __test_metadata *_metadata, FIXTURE_DATA(mixed) *self)
{
	struct mpipc_reply_args reply = { .status = -EXDEV };

	ASSERT_EQ(0, take(self, MPIPC_REQUEST, "called"));
	EXPECT_EQ(1, self->record.n_fds);
	reply.call = self->record.call;
	reply.body = make_body("", self->got, MPIPC_SIZE_MAX, &self->got_fd, 1);
	EXPECT_EQ(0, do_ioctl(self->fd, MPIPC_REPLY, &reply));
	close(self->got_fd);
	memset(self->got, 0, MPIPC_SIZE_MAX);
}

TEST_F(mixed, peer_calls_and_gets_the_reply)
{
	ASSERT_EQ(0, order(self, "call", 1));
	reply_peer(_metadata, self);
	ASSERT_EQ(0, take(self, MPIPC_MESSAGE, "replied"));
	EXPECT_EQ(1, self->record.n_fds);
	expect_whole(_metadata, self, &self->record);
}

TEST_F(mixed, peer_gets_the_result_of_its_asynchronous_call)
{
	ASSERT_EQ(0, order(self, "call async", 1));
	reply_peer(_metadata, self);
	ASSERT_EQ(0, take(self, MPIPC_MESSAGE, "result"));
	EXPECT_EQ(1, self->record.n_fds);
	expect_whole(_metadata, self, &self->record);
}

TEST_F(mixed, peer_is_notified_of_who_joined)
{
	const struct mpipc_record *event = (const struct mpipc_record *)self->got;

	ASSERT_EQ(0, take(self, MPIPC_MESSAGE, "event"));
	ASSERT_EQ(sizeof(*event), self->record.size);
	EXPECT_EQ(MPIPC_JOINED, event->type);
	EXPECT_EQ(endpoint_id(self->fd), event->peer);
	EXPECT_EQ((__u32)getpid(), event->pid);
}

TEST_F(mixed, both_see_the_same_of_themselves_and_their_group)
{
	struct mpipc_peer own[2] = { }, *peers = (struct mpipc_peer *)self->got;
	struct mpipc_peers_args arg = {
		.peers = to_u64(own),
		.max_peers = 2,
		.peer_size = sizeof(*own),
	};
	struct mpipc_info *info = (struct mpipc_info *)self->got, mine;

	ASSERT_EQ(0, get_info(self->fd, &mine));
	ASSERT_EQ(0, order_plain(self, "info"));
	ASSERT_EQ(0, take(self, MPIPC_MESSAGE, "info"));
	ASSERT_EQ(sizeof(*info), self->record.size);
	EXPECT_EQ(self->to, info->id);
	EXPECT_EQ(variant->role, info->role);
	EXPECT_EQ(mine.primary, info->primary);
	EXPECT_EQ(mine.generation, info->generation);
	EXPECT_EQ(mine.max_messages, info->max_messages);
	EXPECT_EQ(mine.max_user_bytes, info->max_user_bytes);
	EXPECT_STREQ(self->group, info->group);

	ASSERT_EQ(0, order_plain(self, "peers"));
	ASSERT_EQ(0, take(self, MPIPC_MESSAGE, "peers"));
	ASSERT_EQ(sizeof(own), self->record.size);
	ASSERT_EQ(0, do_ioctl(self->fd, MPIPC_PEERS, &arg));
	for (int i = 0; i < 2; i++) {
		const struct mpipc_peer *same = &peers[peers[0].id != own[i].id];

		EXPECT_EQ(own[i].id, same->id);
		EXPECT_EQ(own[i].pid, same->pid);
		EXPECT_EQ(own[i].role, same->role);
		EXPECT_EQ(own[i].generation, same->generation);
	}
}

TEST_HARNESS_MAIN
