// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the interface as such: layouts, numbers, and what every command has to refuse.
 * The file is built for 64 and for 32 bits, and both must see the same.
 *
 * Promise: P1, P2
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "fd.h"
#include "message.h"
#include "wait.h"

#include <stddef.h>
#include <termios.h>

#define NONE -1
#define NO_CALL (1ULL << 62)

/**
 * struct command - a command and how to get it right
 * @name: its name
 * @cmd: its number
 * @plain: return value for a secondary with an empty mailbox and the argument of set_plain()
 * @flags: where its flags are, or NONE
 * @known: the flags that there are
 * @reserved: where a reserved member is, or NONE
 */
struct command {
	const char *name;
	unsigned int cmd;
	int plain;
	int flags;
	__u32 known;
	int reserved;
};

static const struct command commands[] = {
	{ "INFO", MPIPC_INFO, 0, NONE, 0, NONE },
	{ "JOIN", MPIPC_JOIN, 0, offsetof(struct mpipc_join_args, flags),
	  MPIPC_JOIN_FOLLOW | MPIPC_JOIN_EVENTS | MPIPC_JOIN_ANCHOR,
	  offsetof(struct mpipc_join_args, anchor) },
	{ "SEND", MPIPC_SEND, 0, offsetof(struct mpipc_send_args, flags),
	  MPIPC_PASS_MPIPC, offsetof(struct mpipc_send_args, reserved) },
	{ "RECV", MPIPC_RECV, -EAGAIN, offsetof(struct mpipc_recv_args, flags),
	  MPIPC_RECV_DROP_FDS, offsetof(struct mpipc_recv_args, reserved) },
	{ "CALL", MPIPC_CALL, 0, offsetof(struct mpipc_call_args, flags),
	  MPIPC_PASS_MPIPC | MPIPC_CALL_ASYNC | MPIPC_CALL_WAIT_SPACE,
	  offsetof(struct mpipc_call_args, reserved) },
	{ "REPLY", MPIPC_REPLY, -ESRCH, offsetof(struct mpipc_reply_args, flags),
	  MPIPC_PASS_MPIPC, NONE },
	{ "REPLY_RECV", MPIPC_REPLY_RECV, -EAGAIN,
	  offsetof(struct mpipc_reply_recv_args, recv.flags), MPIPC_RECV_DROP_FDS,
	  offsetof(struct mpipc_reply_recv_args, reserved) },
	{ "CANCEL", MPIPC_CANCEL, -ESRCH, NONE, 0, NONE },
	{ "PEERS", MPIPC_PEERS, 0, NONE, 0, NONE },
};

union argument {
	struct mpipc_info info;
	struct mpipc_join_args join;
	struct mpipc_send_args send;
	struct mpipc_recv_args recv;
	struct mpipc_call_args call;
	struct mpipc_reply_args reply;
	struct mpipc_reply_recv_args reply_recv;
	struct mpipc_cancel_args cancel;
	struct mpipc_peers_args peers;
	char raw[1024];
};

FIXTURE(uapi)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	int secondary;
	union argument arg;
	char *end;		/* of a page of memory */
	size_t page;
};

FIXTURE_SETUP(uapi)
{
	self->page = sysconf(_SC_PAGESIZE);
	group_name(self->group, _metadata->name);
	self->primary = open_primary(self->group);
	ASSERT_LE(0, self->primary);
	self->secondary = open_secondary(self->group);
	ASSERT_LE(0, self->secondary);

	self->end = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->end != MAP_FAILED);
	self->end += self->page;
	ASSERT_EQ(0, munmap(self->end, self->page));
}

FIXTURE_TEARDOWN(uapi)
{
	close(self->secondary);
	close(self->primary);
}

/* Make an argument that is right, and does as little as it can. */
static void set_plain(union argument *arg, const struct command *command,
		      const char *group)
{
	memset(arg, 0, sizeof(*arg));
	switch (command->cmd) {
	case MPIPC_JOIN:
		arg->join = join_arg(group, MPIPC_SECONDARY);
		break;
	case MPIPC_CALL:
		arg->call.flags = MPIPC_CALL_ASYNC;
		arg->call.deadline = MPIPC_FOREVER;
		break;
	case MPIPC_REPLY:
		arg->reply.call = NO_CALL;
		break;
	case MPIPC_CANCEL:
		arg->cancel.call = NO_CALL;
		break;
	}
}

/* Issue a command of a secondary, or of a new file if the command is the join. */
static int run(const struct command *command, unsigned int cmd, int secondary,
	       const void *arg)
{
	int ret, fd;

	if (command->cmd != MPIPC_JOIN)
		return do_ioctl(secondary, cmd, arg);
	fd = open_dev();
	ret = do_ioctl(fd, cmd, arg);
	close(fd);
	return ret;
}

/* Return the command as a program calls it whose structure has another size. */
static unsigned int resized(unsigned int cmd, int difference)
{
	return _IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd),
		    _IOC_SIZE(cmd) + difference);
}

/* Layout */

/*
 * Members are named in their order; a member that is not where the last one ends is an
 * error.
 */
#define BEGIN() size_t at = 0
#define NEXT(type, member) do {						\
	EXPECT_EQ(at, offsetof(struct type, member));			\
	at += sizeof(((struct type *)NULL)->member);			\
} while (0)
#define END(type, size) do {						\
	EXPECT_EQ(at, sizeof(struct type));				\
	EXPECT_EQ(size, sizeof(struct type));				\
} while (0)

/* Promise: P3 */
TEST(record_has_its_layout)
{
	BEGIN();
	NEXT(mpipc_record, len);
	NEXT(mpipc_record, type);
	NEXT(mpipc_record, flags);
	NEXT(mpipc_record, seq);
	NEXT(mpipc_record, peer);
	NEXT(mpipc_record, call);
	NEXT(mpipc_record, deadline);
	NEXT(mpipc_record, stamp);
	NEXT(mpipc_record, size);
	NEXT(mpipc_record, n_fds);
	NEXT(mpipc_record, status);
	NEXT(mpipc_record, lost);
	NEXT(mpipc_record, pid);
	NEXT(mpipc_record, uid);
	NEXT(mpipc_record, gid);
	NEXT(mpipc_record, role);
	NEXT(mpipc_record, reply_size);
	NEXT(mpipc_record, reply_fds);
	NEXT(mpipc_record, generation);
	NEXT(mpipc_record, name);
	END(mpipc_record, 160);
}

/* Promise: P3 */
TEST(info_has_its_layout)
{
	BEGIN();
	NEXT(mpipc_info, abi);
	NEXT(mpipc_info, role);
	NEXT(mpipc_info, features);
	NEXT(mpipc_info, id);
	NEXT(mpipc_info, generation);
	NEXT(mpipc_info, primary);
	NEXT(mpipc_info, queued);
	NEXT(mpipc_info, queued_bytes);
	NEXT(mpipc_info, sent);
	NEXT(mpipc_info, received);
	NEXT(mpipc_info, lost);
	NEXT(mpipc_info, dropped_fds);
	NEXT(mpipc_info, max_messages);
	NEXT(mpipc_info, max_bytes);
	NEXT(mpipc_info, max_endpoints);
	NEXT(mpipc_info, max_user_endpoints);
	NEXT(mpipc_info, max_user_groups);
	NEXT(mpipc_info, max_calls);
	NEXT(mpipc_info, max_user_bytes);
	NEXT(mpipc_info, reserved);
	NEXT(mpipc_info, group);
	NEXT(mpipc_info, pending);
	NEXT(mpipc_info, pending_since);
	NEXT(mpipc_info, calls);
	END(mpipc_info, 280);
}

/* Promise: P3 */
TEST(join_and_peers_have_their_layouts)
{
	BEGIN();
	NEXT(mpipc_join_args, role);
	NEXT(mpipc_join_args, flags);
	NEXT(mpipc_join_args, mode);
	NEXT(mpipc_join_args, anchor);
	NEXT(mpipc_join_args, deadline);
	NEXT(mpipc_join_args, id);
	NEXT(mpipc_join_args, generation);
	NEXT(mpipc_join_args, primary);
	NEXT(mpipc_join_args, group);
	END(mpipc_join_args, 176);

	at = 0;
	NEXT(mpipc_peer, id);
	NEXT(mpipc_peer, generation);
	NEXT(mpipc_peer, role);
	NEXT(mpipc_peer, pid);
	NEXT(mpipc_peer, uid);
	NEXT(mpipc_peer, gid);
	NEXT(mpipc_peer, queued);
	NEXT(mpipc_peer, lost);
	NEXT(mpipc_peer, pending);
	NEXT(mpipc_peer, pending_since);
	NEXT(mpipc_peer, calls);
	END(mpipc_peer, 72);

	at = 0;
	NEXT(mpipc_peers_args, peers);
	NEXT(mpipc_peers_args, max_peers);
	NEXT(mpipc_peers_args, n_peers);
	NEXT(mpipc_peers_args, peer_size);
	NEXT(mpipc_peers_args, reserved);
	END(mpipc_peers_args, 24);
}

/* Promise: P3 */
TEST(send_and_receive_have_their_layouts)
{
	BEGIN();
	NEXT(mpipc_body, data);
	NEXT(mpipc_body, fds);
	NEXT(mpipc_body, size);
	NEXT(mpipc_body, n_fds);
	NEXT(mpipc_body, name);
	END(mpipc_body, 88);

	at = 0;
	NEXT(mpipc_send_args, to);
	NEXT(mpipc_send_args, flags);
	NEXT(mpipc_send_args, reserved);
	NEXT(mpipc_send_args, deadline);
	NEXT(mpipc_send_args, sent);
	NEXT(mpipc_send_args, full);
	NEXT(mpipc_send_args, body);
	END(mpipc_send_args, 120);

	at = 0;
	NEXT(mpipc_recv_args, flags);
	NEXT(mpipc_recv_args, max_fds);
	NEXT(mpipc_recv_args, max_size);
	NEXT(mpipc_recv_args, reserved);
	NEXT(mpipc_recv_args, data);
	NEXT(mpipc_recv_args, fds);
	NEXT(mpipc_recv_args, deadline);
	NEXT(mpipc_recv_args, record);
	END(mpipc_recv_args, 200);
}

/* Promise: P3 */
TEST(calls_have_their_layouts)
{
	BEGIN();
	NEXT(mpipc_call_args, to);
	NEXT(mpipc_call_args, flags);
	NEXT(mpipc_call_args, max_results);
	NEXT(mpipc_call_args, n_results);
	NEXT(mpipc_call_args, reply_size);
	NEXT(mpipc_call_args, reply_fds);
	NEXT(mpipc_call_args, reserved);
	NEXT(mpipc_call_args, deadline);
	NEXT(mpipc_call_args, id);
	NEXT(mpipc_call_args, results);
	NEXT(mpipc_call_args, reply_data);
	NEXT(mpipc_call_args, reply_fd_list);
	NEXT(mpipc_call_args, body);
	END(mpipc_call_args, 160);

	at = 0;
	NEXT(mpipc_reply_args, call);
	NEXT(mpipc_reply_args, flags);
	NEXT(mpipc_reply_args, status);
	NEXT(mpipc_reply_args, body);
	END(mpipc_reply_args, 104);

	at = 0;
	NEXT(mpipc_reply_recv_args, reply);
	NEXT(mpipc_reply_recv_args, reply_error);
	NEXT(mpipc_reply_recv_args, reserved);
	NEXT(mpipc_reply_recv_args, recv);
	END(mpipc_reply_recv_args, 312);
	EXPECT_EQ(8, sizeof(struct mpipc_cancel_args));
}

TEST(commands_have_their_numbers)
{
	EXPECT_EQ(0x81184dc0, MPIPC_INFO);
	EXPECT_EQ(0xc0b04dc1, MPIPC_JOIN);
	EXPECT_EQ(0x00004dc2, MPIPC_LEAVE);
	EXPECT_EQ(0xc0784dc3, MPIPC_SEND);
	EXPECT_EQ(0xc0c84dc4, MPIPC_RECV);
	EXPECT_EQ(0xc0a04dc5, MPIPC_CALL);
	EXPECT_EQ(0x40684dc6, MPIPC_REPLY);
	EXPECT_EQ(0xc1384dc7, MPIPC_REPLY_RECV);
	EXPECT_EQ(0x40084dc8, MPIPC_CANCEL);
	EXPECT_EQ(0xc0184dc9, MPIPC_PEERS);
}

TEST(constants_have_their_values)
{
	EXPECT_EQ(128, MPIPC_GROUP_MAX);
	EXPECT_EQ(64, MPIPC_NAME_MAX);
	EXPECT_EQ(65536, MPIPC_SIZE_MAX);
	EXPECT_EQ(253, MPIPC_FDS_MAX);
	EXPECT_EQ(~0ULL, MPIPC_FOREVER);
	EXPECT_EQ(0, MPIPC_TO_PRIMARY);
	EXPECT_EQ(~0ULL, MPIPC_TO_ALL);
	EXPECT_EQ(1, MPIPC_PRIMARY);
	EXPECT_EQ(2, MPIPC_SECONDARY);
	EXPECT_EQ(1, MPIPC_MESSAGE);
	EXPECT_EQ(2, MPIPC_REQUEST);
	EXPECT_EQ(3, MPIPC_REPLY_TO);
	EXPECT_EQ(4, MPIPC_JOINED);
	EXPECT_EQ(5, MPIPC_LEFT);
}

/* Commands */

TEST_F(uapi, plain_arguments_are_accepted)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];

		set_plain(&self->arg, command, self->group);
		EXPECT_EQ(command->plain,
			  run(command, command->cmd, self->secondary, &self->arg))
			TH_LOG("%s", command->name);
	}
}

TEST_F(uapi, unknown_commands_get_enotty)
{
	static const unsigned int unknown[] = {
		_IO('M', 0xbf), _IO('M', 0xca), _IO('M', 0xff), _IO('M', 0),
		_IOWR('M', 0xca, struct mpipc_send_args), _IOWR('N', 0xc3, struct mpipc_send_args),
		_IOWR('m', 0xc3, struct mpipc_send_args), TCGETS, FIONREAD,
	};
	int fd = open_dev();

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(-ENOTTY, do_ioctl(self->secondary, unknown[i], &self->arg))
			TH_LOG("%#x", unknown[i]);
		EXPECT_EQ(-ENOTTY, do_ioctl(fd, unknown[i], &self->arg))
			TH_LOG("%#x", unknown[i]);
	}
}

TEST_F(uapi, unknown_flags_are_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];

		for (int bit = 0; bit < 32 && command->flags != NONE; bit++) {
			if (command->known & 1U << bit)
				continue;
			set_plain(&self->arg, command, self->group);
			*(__u32 *)(self->arg.raw + command->flags) |= 1U << bit;
			EXPECT_EQ(-EINVAL, run(command, command->cmd, self->secondary,
					       &self->arg))
				TH_LOG("%s, bit %d", command->name, bit);
		}
	}
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->arg.recv.record, NULL, 0));
}

TEST_F(uapi, unknown_flags_of_a_reply_are_refused)
{
	struct mpipc_reply_recv_args *arg = &self->arg.reply_recv;

	for (int bit = 1; bit < 32; bit++) {
		*arg = (struct mpipc_reply_recv_args){ };
		arg->reply.call = NO_CALL;
		arg->reply.flags = 1U << bit;
		EXPECT_EQ(-EAGAIN, do_ioctl(self->secondary, MPIPC_REPLY_RECV, arg));
		EXPECT_EQ(-EINVAL, arg->reply_error) TH_LOG("bit %d", bit);
	}
}

TEST_F(uapi, reserved_members_must_be_zero)
{
	static const __u32 values[] = { 1, 1U << 31 };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];

		for (int v = 0; v < 2 && command->reserved != NONE; v++) {
			set_plain(&self->arg, command, self->group);
			*(__u32 *)(self->arg.raw + command->reserved) = values[v];
			EXPECT_EQ(-EINVAL, run(command, command->cmd, self->secondary,
					       &self->arg))
				TH_LOG("%s", command->name);
		}
	}
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->arg.recv.record, NULL, 0));
}

TEST_F(uapi, out_members_may_hold_anything)
{
	union argument *arg = &self->arg;

	arg->join = join_arg(self->group, MPIPC_SECONDARY);
	arg->join.id = ~0ULL;
	arg->join.generation = ~0ULL;
	arg->join.primary = ~0ULL;
	EXPECT_EQ(0, do_ioctl(open_dev(), MPIPC_JOIN, arg));
	EXPECT_EQ(1, arg->join.generation);

	arg->send = (struct mpipc_send_args){ .sent = ~0U, .full = ~0U };
	EXPECT_EQ(0, do_ioctl(self->secondary, MPIPC_SEND, arg));
	EXPECT_EQ(1, arg->send.sent);
	EXPECT_EQ(0, arg->send.full);

	arg->recv = (struct mpipc_recv_args){ };
	memset(&arg->recv.record, 0xff, sizeof(arg->recv.record));
	EXPECT_EQ(0, do_ioctl(self->primary, MPIPC_RECV, arg));
	EXPECT_EQ(MPIPC_MESSAGE, arg->recv.record.type);

	arg->peers = (struct mpipc_peers_args){ .n_peers = ~0U };
	EXPECT_EQ(0, do_ioctl(self->primary, MPIPC_PEERS, arg));
	EXPECT_EQ(3, arg->peers.n_peers);

	memset(arg, 0xff, sizeof(*arg));
	EXPECT_EQ(0, do_ioctl(self->primary, MPIPC_INFO, arg));
	EXPECT_EQ(0, arg->info.reserved);
}

TEST_F(uapi, reply_error_of_no_reply_is_not_written)
{
	struct mpipc_reply_recv_args *arg = &self->arg.reply_recv;

	arg->reply_error = -77;
	EXPECT_EQ(-EAGAIN, do_ioctl(self->secondary, MPIPC_REPLY_RECV, arg));
	EXPECT_EQ(-77, arg->reply_error);
}

/* Sizes of structures */

#define INFO_1 256 /* sizes of first versions */
#define PEERS_1 16
#define PEER_1 48

static int first_size(unsigned int cmd)
{
	return cmd == MPIPC_INFO ? INFO_1 : cmd == MPIPC_PEERS ? PEERS_1 : (int)_IOC_SIZE(cmd);
}

TEST_F(uapi, structures_that_are_too_short_are_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];
		int size = _IOC_SIZE(command->cmd), grown = size - first_size(command->cmd);

		set_plain(&self->arg, command, self->group);
		EXPECT_EQ(-EINVAL, run(command, resized(command->cmd, -grown - 1),
				       self->secondary, &self->arg))
			TH_LOG("%s", command->name);
		EXPECT_EQ(-EINVAL, run(command, resized(command->cmd, -grown - 8),
				       self->secondary, &self->arg))
			TH_LOG("%s", command->name);
		EXPECT_EQ(-EINVAL, run(command, resized(command->cmd, -size),
				       self->secondary, &self->arg))
			TH_LOG("%s", command->name);
	}
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->arg.recv.record, NULL, 0));
}

TEST_F(uapi, longer_structures_with_a_zero_tail_are_accepted)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];

		set_plain(&self->arg, command, self->group);
		EXPECT_EQ(command->plain, run(command, resized(command->cmd, 40),
					      self->secondary, &self->arg))
			TH_LOG("%s", command->name);
	}
}

TEST_F(uapi, longer_structures_with_something_in_the_tail_are_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];
		int size = _IOC_SIZE(command->cmd);

		/* MPIPC_INFO takes nothing from its caller. */
		if (command->cmd == MPIPC_INFO)
			continue;
		for (int at = 0; at < 40; at += 39) {
			set_plain(&self->arg, command, self->group);
			self->arg.raw[size + at] = 1;
			EXPECT_EQ(-E2BIG, run(command, resized(command->cmd, 40),
					      self->secondary, &self->arg))
				TH_LOG("%s, byte %d of the tail", command->name, at);
		}
	}
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->arg.recv.record, NULL, 0));
}

/* Promise: P3 */
TEST_F(uapi, tail_of_a_longer_info_is_cleared)
{
	static const char zeroes[40];

	memset(&self->arg, 0xff, sizeof(self->arg));
	ASSERT_EQ(0, do_ioctl(self->secondary, resized(MPIPC_INFO, 40), &self->arg));
	EXPECT_EQ(MPIPC_ABI, self->arg.info.abi);
	EXPECT_EQ(0, memcmp(zeroes, self->arg.raw + sizeof(struct mpipc_info), 40));
	EXPECT_EQ((char)0xff, self->arg.raw[sizeof(struct mpipc_info) + 40]);
}

TEST_F(uapi, info_gives_an_older_program_what_it_knows)
{
	const int known = INFO_1 - (int)sizeof(struct mpipc_info);

	memset(&self->arg, 0xff, sizeof(self->arg));
	ASSERT_EQ(0, do_ioctl(self->secondary, resized(MPIPC_INFO, known), &self->arg));
	EXPECT_EQ(MPIPC_ABI, self->arg.info.abi);
	EXPECT_STREQ(self->group, self->arg.info.group);
	EXPECT_EQ((char)0xff, self->arg.raw[INFO_1]);
	EXPECT_EQ(-EINVAL,
		  do_ioctl(self->secondary, resized(MPIPC_INFO, known - 1), &self->arg));
}

TEST_F(uapi, peers_gives_an_older_program_what_it_knows)
{
	struct mpipc_peers_args *peers = &self->arg.peers;
	char list[3 * PEER_1];
	const int known = PEERS_1 - (int)sizeof(*peers);

	memset(list, 0xff, sizeof(list));
	*peers = (struct mpipc_peers_args){ .peers = to_u64(list), .max_peers = 3 };
	/* The kernel does not look behind the structure of an older program. */
	peers->peer_size = ~0U;
	ASSERT_EQ(0, do_ioctl(self->secondary, resized(MPIPC_PEERS, known), peers));
	EXPECT_EQ(2, peers->n_peers);
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(getpid(), ((struct mpipc_peer *)(list + i * PEER_1))->pid);
	EXPECT_EQ((char)0xff, list[2 * PEER_1]);
}

/* Promise: P3 */
TEST_F(uapi, tail_of_a_longer_peer_is_cleared)
{
	struct {
		struct mpipc_peer peer;
		char tail[40];
	} list[2];
	struct mpipc_peers_args *peers = &self->arg.peers;
	static const char zeroes[sizeof(list->tail)];

	memset(list, 0xff, sizeof(list));
	*peers = (struct mpipc_peers_args){
		.peers = to_u64(list),
		.max_peers = 2,
		.peer_size = sizeof(*list),
	};
	ASSERT_EQ(0, do_ioctl(self->secondary, MPIPC_PEERS, peers));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(getpid(), list[i].peer.pid);
		EXPECT_EQ(0, list[i].peer.calls);
		EXPECT_EQ(0, memcmp(zeroes, list[i].tail, sizeof(zeroes)));
	}
}

/* Promise: P2 */
TEST_F(uapi, peers_of_a_bad_size_are_refused)
{
	static const __u32 sizes[] = { 1, PEER_1 - 1, 4097, ~0U };
	struct mpipc_peers_args *peers = &self->arg.peers;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		*peers = (struct mpipc_peers_args){ .peer_size = sizes[i] };
		EXPECT_EQ(-EINVAL, do_ioctl(self->secondary, MPIPC_PEERS, peers));
	}
	*peers = (struct mpipc_peers_args){ .peer_size = 4096, .reserved = 1 };
	EXPECT_EQ(-EINVAL, do_ioctl(self->secondary, MPIPC_PEERS, peers));
	peers->reserved = 0;
	EXPECT_EQ(0, do_ioctl(self->secondary, MPIPC_PEERS, peers));
}

/* Pointers */

TEST_F(uapi, bad_argument_pointer_gets_efault)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];
		size_t size = _IOC_SIZE(command->cmd);
		char *short_by_four = self->end - size + 4;

		EXPECT_EQ(-EFAULT, run(command, command->cmd, self->secondary, NULL))
			TH_LOG("%s", command->name);
		EXPECT_EQ(-EFAULT, run(command, command->cmd, self->secondary, self->end))
			TH_LOG("%s", command->name);
		set_plain(&self->arg, command, self->group);
		memcpy(short_by_four, &self->arg, size - 4);
		EXPECT_EQ(-EFAULT, run(command, command->cmd, self->secondary,
				       short_by_four))
			TH_LOG("%s", command->name);
	}
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->arg.recv.record, NULL, 0));
}

TEST_F(uapi, argument_may_end_where_memory_ends)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];
		size_t size = _IOC_SIZE(command->cmd);

		set_plain(&self->arg, command, self->group);
		memcpy(self->end - size, &self->arg, size);
		EXPECT_EQ(command->plain, run(command, command->cmd, self->secondary,
					      self->end - size))
			TH_LOG("%s", command->name);
	}
}

TEST_F(uapi, payload_in_bad_memory_gets_efault)
{
	/* The last address is out of the reach of any program. */
	__u64 bad[] = { 0, to_u64(self->end), to_u64(self->end) - 7, 1ULL << 63 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct mpipc_send_args send = { .body = { .data = bad[i], .size = 8 } };
		struct mpipc_call_args call = call_arg(0, "c", NULL, 8, NULL, 0);

		EXPECT_EQ(-EFAULT, do_ioctl(self->secondary, MPIPC_SEND, &send))
			TH_LOG("case %zu", i);
		call.flags = MPIPC_CALL_ASYNC;
		call.body.data = bad[i];
		EXPECT_EQ(-EFAULT, do_ioctl(self->secondary, MPIPC_CALL, &call))
			TH_LOG("case %zu", i);
	}
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->arg.recv.record, NULL, 0));
}

TEST_F(uapi, descriptors_in_bad_memory_get_efault)
{
	int *fds = (int *)self->end - 2;
	__u64 bad[] = { 0, to_u64(self->end), to_u64(fds), 1ULL << 63 };
	int pipes[2];

	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	fds[0] = pipes[1];
	fds[1] = pipes[1];
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct mpipc_send_args send = { .body = { .fds = bad[i], .n_fds = 3 } };
		struct mpipc_call_args call = call_arg(0, "c", NULL, 0, NULL, 0);

		EXPECT_EQ(-EFAULT, do_ioctl(self->secondary, MPIPC_SEND, &send))
			TH_LOG("case %zu", i);
		call.flags = MPIPC_CALL_ASYNC;
		call.body.fds = bad[i];
		call.body.n_fds = 3;
		EXPECT_EQ(-EFAULT, do_ioctl(self->secondary, MPIPC_CALL, &call))
			TH_LOG("case %zu", i);
	}
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->arg.recv.record, NULL, 0));
	/* The two descriptors that were there are not held. */
	ASSERT_EQ(0, close(pipes[1]));
	EXPECT_EQ(POLLHUP, poll_for(pipes[0], POLLIN, 0));
}

TEST_F(uapi, request_can_be_replied_to_after_a_bad_reply)
{
	struct mpipc_reply_args reply = { };
	struct mpipc_record record;

	ASSERT_EQ(0, call_async(self->secondary, MPIPC_TO_PRIMARY, "c", 8,
				MPIPC_FOREVER, NULL));
	ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
	reply.call = record.call;
	reply.body.size = 8;
	reply.body.data = to_u64(self->end) - 7;
	EXPECT_EQ(-EFAULT, do_ioctl(self->primary, MPIPC_REPLY, &reply));
	reply.body.data--;
	EXPECT_EQ(0, do_ioctl(self->primary, MPIPC_REPLY, &reply));
	EXPECT_EQ(0, recv_msg(self->secondary, &record, self->arg.raw, 8));
}

TEST_F(uapi, record_stays_when_it_cannot_be_delivered)
{
	struct mpipc_record record;
	int fd, fds, zero = 0;

	ASSERT_EQ(0, send_fds(self->secondary, MPIPC_TO_PRIMARY, "m", "12345678", 8,
			      &zero, 1));
	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "next", NULL, 0));
	fds = count_fds();
	EXPECT_EQ(-EFAULT, recv_fds(self->primary, &record, self->end - 7, 8, &fd, 1, 0));
	EXPECT_EQ(-EFAULT, recv_fds(self->primary, &record, NULL, 8, &fd, 1, 0));
	EXPECT_EQ(-EFAULT, recv_fds(self->primary, &record, self->end - 8, 8,
				    (int *)self->end, 1, 0));
	EXPECT_EQ(-EFAULT, recv_fds(self->primary, &record, self->end - 8, 8, NULL, 1, 0));
	EXPECT_EQ(fds, count_fds());
	ASSERT_EQ(0, recv_fds(self->primary, &record, self->end - 8, 8, &fd, 1, 0));
	EXPECT_EQ(1, record.seq);
	EXPECT_EQ(0, memcmp("12345678", self->end - 8, 8));
	EXPECT_LE(0, fd);
	EXPECT_EQ(fds + 1, count_fds());
	ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
	EXPECT_STREQ("next", record.name);
}

TEST_F(uapi, bad_memory_for_peers_gets_efault)
{
	struct mpipc_peers_args *peers = &self->arg.peers;

	peers->max_peers = 2;
	peers->peer_size = sizeof(struct mpipc_peer);
	peers->peers = to_u64(self->end) - sizeof(struct mpipc_peer);
	EXPECT_EQ(-EFAULT, do_ioctl(self->secondary, MPIPC_PEERS, peers));
	peers->peers = 0;
	EXPECT_EQ(-EFAULT, do_ioctl(self->secondary, MPIPC_PEERS, peers));
	/* A pointer that is not used is not looked at. */
	peers->max_peers = 0;
	EXPECT_EQ(0, do_ioctl(self->secondary, MPIPC_PEERS, peers));
	peers->max_peers = ~0U;
	peers->peers = to_u64(self->end) - 2 * sizeof(struct mpipc_peer);
	EXPECT_EQ(0, do_ioctl(self->secondary, MPIPC_PEERS, peers));
	EXPECT_EQ(2, peers->n_peers);
}

TEST_F(uapi, join_that_cannot_report_changes_nothing)
{
	struct mpipc_join_args *join = (void *)(self->end - sizeof(*join));
	struct mpipc_record record;
	int fd = open_dev(), primary;
	char other[MPIPC_GROUP_MAX];

	group_name(other, "other");
	primary = open_joined(other, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, primary);
	*join = join_arg(other, MPIPC_SECONDARY);
	ASSERT_EQ(0, mprotect(self->end - self->page, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, do_ioctl(fd, MPIPC_JOIN, join));
	EXPECT_EQ(-EAGAIN, recv_msg(primary, &record, NULL, 0));
	EXPECT_EQ(0, join_secondary(fd, other));
}

TEST_F(uapi, receive_that_cannot_report_takes_nothing)
{
	struct mpipc_recv_args *recv = (void *)(self->end - sizeof(*recv));

	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	*recv = (struct mpipc_recv_args){ };
	ASSERT_EQ(0, mprotect(self->end - self->page, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, do_ioctl(self->primary, MPIPC_RECV, recv));
	EXPECT_EQ(0, recv_msg(self->primary, &self->arg.recv.record, NULL, 0));
}

/* States */

TEST_F(uapi, nothing_works_before_the_join)
{
	int fd = open_dev();

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];

		if (command->cmd == MPIPC_INFO || command->cmd == MPIPC_JOIN)
			continue;
		set_plain(&self->arg, command, self->group);
		EXPECT_EQ(-ENOTCONN, do_ioctl(fd, command->cmd, &self->arg))
			TH_LOG("%s", command->name);
	}
	EXPECT_EQ(-ENOTCONN, leave(fd));
	EXPECT_EQ(0, do_ioctl(fd, MPIPC_INFO, &self->arg));
	/* The failed commands do no harm. */
	EXPECT_EQ(0, join_secondary(fd, self->group));
}

TEST_F(uapi, nothing_works_after_the_leave)
{
	struct mpipc_info info;
	__u64 id = endpoint_id(self->secondary);

	ASSERT_EQ(0, leave(self->secondary));
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];

		if (command->cmd == MPIPC_INFO)
			continue;
		set_plain(&self->arg, command, self->group);
		EXPECT_EQ(-ESHUTDOWN, do_ioctl(self->secondary, command->cmd, &self->arg))
			TH_LOG("%s", command->name);
	}
	EXPECT_EQ(-ESHUTDOWN, leave(self->secondary));
	ASSERT_EQ(0, get_info(self->secondary, &info));
	EXPECT_EQ(MPIPC_NO_ROLE, info.role);
	EXPECT_EQ(id, info.id);
	EXPECT_STREQ(self->group, info.group);
}

/* Promise: P8 */
TEST_F(uapi, nothing_but_info_works_in_another_process)
{
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
			const struct command *command = &commands[i];

			if (command->cmd == MPIPC_INFO)
				continue;
			set_plain(&self->arg, command, self->group);
			EXPECT_EQ(-EPERM, do_ioctl(self->secondary, command->cmd,
						   &self->arg))
				TH_LOG("%s", command->name);
		}
		EXPECT_EQ(-EPERM, leave(self->secondary));
		EXPECT_EQ(0, do_ioctl(self->secondary, MPIPC_INFO, &self->arg));
		_exit(!test_passed(_metadata));
	}
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
}

TEST_HARNESS_MAIN
