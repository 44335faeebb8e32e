/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This header holds what the tests of processes share: members whose file other processes
 * hold.
 */
#ifndef MPIPC_SELFTESTS_PROCESS_H
#define MPIPC_SELFTESTS_PROCESS_H

#include "child.h"
#include "device.h"
#include "harness.h"
#include "message.h"
#include "wait.h"

FIXTURE(process)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
};

/* The primary asks for events of who comes and goes. */
FIXTURE_SETUP(process)
{
	group_name(self->group, "process");
	self->primary = open_joined(self->group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, self->primary);
}

FIXTURE_TEARDOWN(process)
{
	close(self->primary);
}

static inline struct mpipc_record take(struct __test_metadata *_metadata, int fd, int type)
{
	struct mpipc_record record;
	char data[64];

	ASSERT_EQ(0, recv_wait(fd, &record, data, sizeof(data)));
	ASSERT_EQ(type, record.type);
	return record;
}

static inline void expect_joined(struct __test_metadata *_metadata, int primary, __u64 id)
{
	EXPECT_EQ(id, take(_metadata, primary, MPIPC_JOINED).peer);
}

static inline unsigned int count_peers(int fd)
{
	struct mpipc_peers_args arg = { 0 };

	return do_ioctl(fd, MPIPC_PEERS, &arg) ? 0 : arg.n_peers;
}

/* Expect that a member left, that this was reported, and that nothing can be sent to it. */
static inline void expect_left(struct __test_metadata *_metadata, int primary, __u64 id)
{
	EXPECT_EQ(id, take(_metadata, primary, MPIPC_LEFT).peer);
	EXPECT_EQ(-ESRCH, send_msg(primary, id, "", NULL, 0));
	EXPECT_EQ(1U, count_peers(primary));
}

/* Expect that a member is there, and that nothing said that it left. */
static inline void expect_there(struct __test_metadata *_metadata, int primary, __u64 id)
{
	EXPECT_EQ(0, poll_for(primary, POLLIN | POLLRDHUP, 0));
	EXPECT_EQ(0, send_msg(primary, id, "still there?", NULL, 0));
	EXPECT_EQ(2U, count_peers(primary));
}

/* Open a secondary of this process of which the primary knows. */
static inline int open_member(struct __test_metadata *_metadata, const char *group, int primary,
			      __u64 *id)
{
	int fd = open_secondary(group);

	ASSERT_LE(0, fd);
	*id = endpoint_id(fd);
	expect_joined(_metadata, primary, *id);
	return fd;
}

/* Check that all that acts on an endpoint fails like this, and that asking about it works. */
static inline bool only_info_works(int fd, int error)
{
	static const unsigned long cmds[] = {
		MPIPC_JOIN, MPIPC_LEAVE, MPIPC_SEND, MPIPC_RECV, MPIPC_CALL, MPIPC_REPLY,
		MPIPC_REPLY_RECV, MPIPC_CANCEL, MPIPC_PEERS,
	};
	struct mpipc_record result;
	struct mpipc_info info;
	bool works = true;

	for (size_t i = 0; i < sizeof(cmds) / sizeof(*cmds); i++) {
		union {
			struct mpipc_join_args join;
			struct mpipc_call_args call;
			struct mpipc_reply_recv_args largest;
		} arg = {};
		int ret;

		if (cmds[i] == MPIPC_JOIN)
			arg.join = join_arg("process-nowhere", MPIPC_PRIMARY);
		if (cmds[i] == MPIPC_CALL)
			arg.call = call_arg(MPIPC_TO_PRIMARY, "", NULL, 0, &result, 1);
		ret = do_ioctl(fd, cmds[i], &arg);
		if (ret == error)
			continue;
		fprintf(stderr, "# command %#lx: %d\n", cmds[i], ret);
		works = false;
	}
	return works && !get_info(fd, &info) && info.id;
}

/* Hold, in a child, all that is open until the test ends. */
static inline void hold(const struct child *line)
{
	poll_for(line->line, 0, -1);
	_exit(0);
}

/* Execution */

/* Become a shell that says a byte and lives as long as the line. */
static inline void *execute_main(void *arg)
{
	const struct child *line = arg;

	dup2(line->line, STDIN_FILENO);
	dup2(line->line, STDOUT_FILENO);
	execl("/bin/sh", "sh", "-c", "echo; read line", NULL);
	_exit(1);
}

#endif /* MPIPC_SELFTESTS_PROCESS_H */
