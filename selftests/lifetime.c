// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests that no cycle outlives its processes: files refer to each other in every way in which
 * a mailbox can take part, and when the processes that made it so are gone, all of it is gone.
 *
 * An mpipc file M refers to what is in its mailbox. These refer to M:
 * - a mailbox, its own or another one, directly or as part of a call or its reply;
 * - an AF_UNIX socket that M was sent to, even if the socket is not accepted yet;
 * - an io_uring, by its table of fixed files or a request that is pending;
 * - a message that a blocked thread has still, or already, in its hands;
 * - memory that has such a ring mapped, and to which a file can refer.
 * epoll does not refer to what it watches, which the tests check, too. Other kinds of files
 * that could take part (binder, vhost, what a file system is mounted with) need devices or
 * root. They make no difference, because all of this rests on one rule: a mailbox has files
 * only as long as its owner's table has a descriptor for it.
 *
 * Each mailbox, socket and ring that is part of a cycle holds a canary. The tests wait for
 * the canary to die, and for the module to have as many users as before.
 *
 * Promise: P10
 */
#include "device.h"
#include "fd.h"
#include "harness.h"
#include "lifetime.h"
#include "memory.h"
#include "message.h"
#include "parameter.h"
#include "thread.h"

#include <linux/io_uring.h>
#include <sys/epoll.h>
#include <sys/un.h>

/* How a process goes */

FIXTURE(released)
{
	char group[MPIPC_GROUP_MAX];
};

FIXTURE_VARIANT(released)
{
	build_fn build;
};

FIXTURE_SETUP(released)
{
	group_name(self->group, "lifetime-released");
}

FIXTURE_TEARDOWN(released)
{
}

/*
 * Each builder opens what it needs and leaves it open, because the end of the process
 * closes it.
 */

static int build_queue(const char *group, int canary, int line)
{
	struct pair pair;

	(void)line;
	return pair_open(&pair, group) ?:
	       send_fds(pair.primary, pair.id, "", NULL, 0, &canary, 1);
}

FIXTURE_VARIANT_ADD(released, a_queue)
{
	.build = build_queue,
};

/* Mailboxes */

/* The mailbox holds its own file. */
static int build_self_cycle(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, canary };

	(void)line;
	return ret ?: send_passing_mpipc(pair.secondary, MPIPC_TO_PRIMARY, fds, 2);
}

FIXTURE_VARIANT_ADD(released, a_mailbox_in_itself)
{
	.build = build_self_cycle,
};

/* Each mailbox holds the file of the next mailbox, and the last one the file of the first. */
static int build_cycle_of(const char *group, int canary, int n)
{
	int member[50];
	int ret = 0;

	for (int i = 0; i < n; i++) {
		member[i] = i ? open_secondary(group) : open_primary(group);
		if (member[i] < 0)
			return member[i];
	}
	for (int i = 0; i < n && !ret; i++) {
		int fds[] = { member[(i + 1) % n], canary };

		ret = send_passing_mpipc(member[!i], i ? endpoint_id(member[i]) :
					 MPIPC_TO_PRIMARY, fds, 2);
	}
	return ret;
}

static int build_cycle_of_2(const char *group, int canary, int line)
{
	(void)line;
	return build_cycle_of(group, canary, 2);
}

FIXTURE_VARIANT_ADD(released, mailboxes_in_each_other)
{
	.build = build_cycle_of_2,
};

static int build_cycle_of_5(const char *group, int canary, int line)
{
	(void)line;
	return build_cycle_of(group, canary, 5);
}

FIXTURE_VARIANT_ADD(released, a_cycle_of_five_mailboxes)
{
	.build = build_cycle_of_5,
};

static int build_cycle_of_50(const char *group, int canary, int line)
{
	(void)line;
	return build_cycle_of(group, canary, 50);
}

FIXTURE_VARIANT_ADD(released, a_cycle_of_fifty_mailboxes)
{
	.build = build_cycle_of_50,
};

/* Calls */

static struct mpipc_call_args call_passing(__u64 to, __u32 flags, const int *fds, unsigned int n)
{
	struct mpipc_call_args call = {
		.to = to,
		.flags = flags | MPIPC_PASS_MPIPC,
		.reply_fds = n,
		.max_results = 2,
		.deadline = MPIPC_FOREVER,
		.body = make_body("", NULL, 0, fds, n),
	};

	return call;
}

static int reply_passing(int fd, __u64 call, const int *fds, unsigned int n)
{
	struct mpipc_reply_args reply = {
		.call = call,
		.flags = MPIPC_PASS_MPIPC,
		.body = make_body("", NULL, 0, fds, n),
	};

	return do_ioctl(fd, MPIPC_REPLY, &reply);
}

/* A request that nobody has taken holds the files of both mailboxes. */
static int build_request_cycle(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, pair.secondary, canary };
	struct mpipc_call_args call = call_passing(pair.id, MPIPC_CALL_ASYNC, fds, 3);

	(void)line;
	return ret ?: do_ioctl(pair.primary, MPIPC_CALL, &call);
}

FIXTURE_VARIANT_ADD(released, mailboxes_in_a_request_that_nobody_took)
{
	.build = build_request_cycle,
};

/* A request is replied to with the same files, so that both are in a mailbox. */
static int build_call_cycle(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, pair.secondary, canary };
	struct mpipc_call_args call = call_passing(pair.id, MPIPC_CALL_ASYNC, fds, 3);

	(void)line;
	ret = ret ?: do_ioctl(pair.primary, MPIPC_CALL, &call);
	return ret ?: reply_passing(pair.secondary, call.id, fds, 3);
}

FIXTURE_VARIANT_ADD(released, mailboxes_in_a_request_and_its_reply)
{
	.build = build_call_cycle,
};

/* A reply to a synchronous call is there, but its caller could not collect it. */
static int build_reply_cycle(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, pair.secondary, canary };
	struct mpipc_call_args call = call_passing(pair.id, 0, NULL, 0);
	struct mpipc_record request;
	struct ioctl_thread thread;

	(void)line;
	call.reply_fds = 3;
	call.results = to_u64(bad_pointer());
	ret = ret ?: ioctl_thread_start(&thread, pair.primary, MPIPC_CALL, &call) ?:
	      recv_wait(pair.secondary, &request, NULL, 0) ?:
	      reply_passing(pair.secondary, request.call, fds, 3);
	if (ret)
		return ret;
	ret = ioctl_thread_join(&thread);
	return ret == -EFAULT ? 0 : ret ?: -EINVAL;
}

FIXTURE_VARIANT_ADD(released, mailboxes_in_a_reply_that_nobody_collected)
{
	.build = build_reply_cycle,
};

/* A blocked thread waits for space in one mailbox; another mailbox has the request. */
static int build_blocked_cycle(const char *group, int canary, int line)
{
	static struct ioctl_thread thread;
	static struct mpipc_record results[2];
	static struct mpipc_call_args call;
	static int fds[3];
	struct pair pair;
	int ret = pair_open(&pair, group);
	int full = ret ?: open_small(group, MPIPC_SECONDARY, 0, 1);

	(void)line;
	if (full < 0)
		return full;
	fds[0] = pair.primary;
	fds[1] = full;
	fds[2] = canary;
	call = call_passing(MPIPC_TO_ALL, MPIPC_CALL_WAIT_SPACE, fds, 3);
	call.results = to_u64(results);
	call.reply_fds = 0;
	return send_msg(pair.primary, endpoint_id(full), "", NULL, 0) ?:
	       ioctl_thread_start(&thread, pair.primary, MPIPC_CALL, &call) ?:
	       ioctl_thread_asleep(&thread);
}

FIXTURE_VARIANT_ADD(released, mailboxes_in_what_a_blocked_thread_sends)
{
	.build = build_blocked_cycle,
};

/* Sockets */

/* The mailbox holds both ends of a connection that has its file in flight. */
static int build_socket_cycle(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, canary };
	int ends[2];

	(void)line;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	return ret ?: send_scm(ends[0], fds, 2) ?:
	       send_fds(pair.secondary, MPIPC_TO_PRIMARY, "", NULL, 0, ends, 2);
}

FIXTURE_VARIANT_ADD(released, a_mailbox_in_a_socket_in_it)
{
	.build = build_socket_cycle,
};

/* Two mailboxes hold one end each of a connection that has both files in flight. */
static int build_socket_pair_cycle(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, pair.secondary, canary };
	int ends[2];

	(void)line;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	return ret ?: send_scm(ends[0], fds, 3) ?: send_scm(ends[1], fds, 3) ?:
	       send_fds(pair.secondary, MPIPC_TO_PRIMARY, "", NULL, 0, &ends[0], 1) ?:
	       send_fds(pair.primary, pair.id, "", NULL, 0, &ends[1], 1);
}

FIXTURE_VARIANT_ADD(released, mailboxes_in_sockets_in_each_other)
{
	.build = build_socket_pair_cycle,
};

/* The connection is a cycle of its own, which AF_UNIX cannot see before the mailbox is gone. */
static int build_socket_in_itself(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, canary, -1, -1 };
	int *ends = &fds[2];

	(void)line;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	return ret ?: send_scm(ends[0], fds, 4) ?:
	       send_fds(pair.secondary, MPIPC_TO_PRIMARY, "", NULL, 0, ends, 2);
}

FIXTURE_VARIANT_ADD(released, a_mailbox_in_a_socket_in_itself)
{
	.build = build_socket_in_itself,
};

/* Listen to a name that the kernel chooses, and connect to it. */
static int connect_unaccepted(int *listener, int *client)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct sockaddr *name = (struct sockaddr *)&address;
	socklen_t len = sizeof(sa_family_t);

	*listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(*listener, name, len) || listen(*listener, 1))
		return -errno;
	len = sizeof(address);
	if (getsockname(*listener, name, &len) || connect(*client, name, len))
		return -errno;
	return 0;
}

/* The mailbox holds a listener with a connection that has its file in flight. */
static int build_listener_cycle(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, canary };
	int listener, client;

	(void)line;
	return ret ?: connect_unaccepted(&listener, &client) ?:
	       send_scm(client, fds, 2) ?:
	       send_fds(pair.secondary, MPIPC_TO_PRIMARY, "", NULL, 0, &listener, 1);
}

FIXTURE_VARIANT_ADD(released, a_mailbox_in_an_unaccepted_connection)
{
	.build = build_listener_cycle,
};

/* io_uring */

/* A ring has both files, each of which has the other in its mailbox. */
static int build_fixed_files(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, pair.secondary, canary };
	struct ring ring;

	(void)line;
	return ret ?: send_passing_mpipc(pair.secondary, MPIPC_TO_PRIMARY, fds, 3) ?:
	       send_passing_mpipc(pair.primary, pair.id, fds, 3) ?:
	       ring_open(&ring, fds, 3) ?: ring_unmap(&ring);
}

FIXTURE_VARIANT_ADD(released, mailboxes_among_the_files_of_a_ring)
{
	.build = build_fixed_files,
};

/* A file of the device was never in a table of descriptors. */
static int build_direct_file(const char *group, int canary, int line)
{
	struct io_uring_sqe sqe = open_direct(MPIPC_DEVICE, 1);
	struct ring ring;

	(void)group;
	(void)line;
	return ring_open(&ring, &canary, 1) ?: ring_do(&ring, &sqe) ?: ring_unmap(&ring);
}

FIXTURE_VARIANT_ADD(released, a_file_that_only_a_ring_had)
{
	.build = build_direct_file,
};

/*
 * Send the file 0 of a ring's table to another ring. The headers of a system that are older than
 * its kernel lack these names.
 */
enum { RING_MSG = 40, RING_SEND_FD = 1 };

/* Return 0 if the kernel has an operation of io_uring. */
static int ring_knows(const struct ring *ring, __u8 opcode)
{
	static struct {
		struct io_uring_probe probe;
		struct io_uring_probe_op ops[256];
	} known;

	if (syscall(__NR_io_uring_register, ring->fd, IORING_REGISTER_PROBE, &known, 256))
		return -errno;
	return known.ops[opcode].flags & IO_URING_OP_SUPPORTED ? 0 : -EOPNOTSUPP;
}

/* A member's file goes from the table of one ring to that of another. */
static int build_file_sent_to_ring(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, canary };
	struct io_uring_sqe sqe = {
		.opcode = RING_MSG,
		.addr = RING_SEND_FD,
		.file_index = 1 + 1,
	};
	struct ring from, to;

	(void)line;
	ret = ret ?: send_passing_mpipc(pair.secondary, MPIPC_TO_PRIMARY, fds, 2) ?:
	      ring_open(&from, fds, 1) ?: ring_knows(&from, RING_MSG) ?:
	      ring_open(&to, &canary, 1);
	sqe.fd = to.fd;
	return ret ?: ring_do(&from, &sqe) ?: close(from.fd) ?: ring_unmap(&from) ?:
	       ring_unmap(&to);
}

FIXTURE_VARIANT_ADD(released, a_mailbox_sent_to_a_ring)
{
	.build = build_file_sent_to_ring,
};

/* Requests wait for two files: one has something to read, the other never will. */
static int build_pending_requests(const char *group, int canary, int line)
{
	static struct mpipc_record record;
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, pair.secondary, canary };
	struct io_uring_sqe read = {
		.opcode = IORING_OP_READ,
		.fd = pair.secondary,
		.addr = to_u64(&record),
		.len = sizeof(record),
	};
	struct io_uring_sqe poll = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = pair.primary,
		.poll32_events = POLLPRI,
	};
	struct ring ring;

	(void)line;
	return ret ?: send_passing_mpipc(pair.secondary, MPIPC_TO_PRIMARY, fds, 3) ?:
	       ring_open(&ring, &canary, 1) ?: ring_submit(&ring, &read) ?:
	       ring_submit(&ring, &poll) ?: ring_unmap(&ring);
}

FIXTURE_VARIANT_ADD(released, mailboxes_that_requests_of_a_ring_wait_for)
{
	.build = build_pending_requests,
};

/* Others */

/* The mailbox holds what watches it, and what watches the watcher. */
static int build_epoll(const char *group, int canary, int line)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { epoll_create1(EPOLL_CLOEXEC), epoll_create1(EPOLL_CLOEXEC), canary };

	(void)line;
	if (!ret && (epoll_ctl(fds[0], EPOLL_CTL_ADD, pair.primary, &event) ||
		     epoll_ctl(fds[0], EPOLL_CTL_ADD, pair.secondary, &event) ||
		     epoll_ctl(fds[1], EPOLL_CTL_ADD, fds[0], &event)))
		return -errno;
	return ret ?: send_fds(pair.secondary, MPIPC_TO_PRIMARY, "", NULL, 0, fds, 3) ?:
	       send_fds(pair.primary, pair.id, "", NULL, 0, fds, 3);
}

FIXTURE_VARIANT_ADD(released, mailboxes_with_what_watches_them)
{
	.build = build_epoll,
};

/* A process that lives as long as the test has the file of a cycle. */
static int build_inherited_cycle(const char *group, int canary, int line)
{
	int ret = build_self_cycle(group, canary, line);
	pid_t pid = ret ? -1 : fork();

	if (pid)
		return ret ?: pid < 0 ? -errno : 0;
	close(canary);
	hold(line);
	return 0;
}

FIXTURE_VARIANT_ADD(released, a_mailbox_in_itself_that_another_process_holds)
{
	.build = build_inherited_cycle,
};

static int hold_memory(void *arg)
{
	const int *line = arg;

	close_range(STDERR_FILENO + 1, *line - 1, 0);
	close_range(*line + 1, ~0U, 0);
	hold(*line);
	return 0;
}

/*
 * The mailbox holds a file that refers to this memory. The memory has a ring mapped, and
 * the ring has the mailbox's file. Somebody who has no descriptors uses the memory as long
 * as the test.
 */
static int build_mapped_ring(const char *group, int canary, int line)
{
	static char stack[16384] __attribute__((aligned(16)));
	static int holder_line;
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, pair.secondary, open("/proc/self/mem", O_RDWR | O_CLOEXEC),
		      canary };
	struct ring ring;

	ret = ret ?: ring_open(&ring, fds, 3) ?:
	      send_passing_mpipc(pair.secondary, MPIPC_TO_PRIMARY, fds, 4);
	holder_line = line;
	if (!ret && clone(hold_memory, stack + sizeof(stack), CLONE_VM | SIGCHLD,
			  &holder_line) < 0)
		ret = -errno;
	return ret;
}

FIXTURE_VARIANT_ADD(released, a_mailbox_of_a_ring_in_memory_that_stays)
{
	.build = build_mapped_ring,
};

/* A mailbox takes part in each of the cycles above. */
static int build_all_kinds(const char *group, int canary, int line)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	int ends[2], listener, client;
	struct ring ring;
	struct pair pair;
	int ret = pair_open(&pair, group);

	(void)line;
	if (ret || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return ret ?: -errno;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, pair.primary, &event))
		return -errno;
	ret = connect_unaccepted(&listener, &client);
	if (!ret) {
		int in_socket[] = { pair.primary, ends[0], ends[1], canary };
		int in_listener[] = { pair.primary, pair.secondary, ends[0], canary };
		int in_ring[] = { pair.primary, pair.secondary, canary };
		int in_mailbox[] = {
			pair.primary, pair.secondary, ends[0], ends[1], listener, epoll,
			memory, canary,
		};
		struct mpipc_call_args call = call_passing(pair.id, MPIPC_CALL_ASYNC, in_mailbox,
							   ARRAY_SIZE(in_mailbox));

		ret = send_scm(ends[0], in_socket, 4) ?: send_scm(client, in_listener, 4) ?:
		      ring_open(&ring, in_ring, 3) ?: ring_unmap(&ring) ?:
		      send_passing_mpipc(pair.secondary, MPIPC_TO_PRIMARY, in_mailbox,
					 ARRAY_SIZE(in_mailbox)) ?:
		      do_ioctl(pair.primary, MPIPC_CALL, &call) ?:
		      reply_passing(pair.secondary, call.id, in_mailbox,
				    ARRAY_SIZE(in_mailbox));
	}
	return ret;
}

FIXTURE_VARIANT_ADD(released, mailboxes_in_all_of_these_at_once)
{
	.build = build_all_kinds,
};

TEST_F(released, when_its_process_closes_all)
{
	expect_released(_metadata, self->group, variant->build, END_CLOSE);
}

TEST_F(released, when_its_process_exits)
{
	expect_released(_metadata, self->group, variant->build, END_EXIT);
}

TEST_F(released, when_its_process_executes)
{
	expect_released(_metadata, self->group, variant->build, END_EXEC);
}

TEST_F(released, when_its_process_is_killed)
{
	expect_released(_metadata, self->group, variant->build, END_KILL);
}

TEST_F(released, when_its_process_is_stopped_and_killed)
{
	expect_released(_metadata, self->group, variant->build, END_STOP);
}

TEST_HARNESS_MAIN
