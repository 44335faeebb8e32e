// SPDX-License-Identifier: GPL-2.0-only
/*
 * No cycle outlives its processes: files refer to each other in every way in which a
 * mailbox can take part, and when the processes that made it so are gone, all of it is.
 *
 * An mpipc file M refers to what is in its mailbox. M is referred to by
 * - a mailbox, its own or another one; directly or as part of a call or its answer;
 * - an AF_UNIX socket that it was sent to, also one that is not accepted yet;
 * - an io_uring: by its table of fixed files or a request that is pending;
 * - a message that a blocked thread has still, or already, in its hands;
 * - memory that has such a ring mapped, and can itself be referred to by a file.
 * What epoll watches it does not refer to, which is seen here, too. Other kinds of files
 * that could take part (binder, vhost, what a file system is mounted with) need devices or
 * root. They make no difference: what all of this rests on is that a mailbox has files
 * only as long as its owner's table has a descriptor for it.
 *
 * The proof is a canary in each mailbox, socket and ring that is part of it, and that
 * the module then has as many users as before.
 */
#include "child.h"
#include "device.h"
#include "fd.h"
#include "memory.h"
#include "message.h"
#include "module.h"
#include "parameter.h"
#include "thread.h"
#include "wait.h"

#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/un.h>

#include "harness.h"

/* How many files of the device there are. */
static long users(void)
{
	FILE *file = fopen("/sys/module/" MODULE "/refcnt", "re");
	long n = -1;

	if (file && fscanf(file, "%ld", &n) != 1)
		n = -1;
	if (file)
		fclose(file);
	return n;
}

static long users_at_start;

/* Once, before the first test is forked off. */
static void __attribute__((constructor)) look_for_users(void)
{
	users_at_start = users();
}

/*
 * Waits until there are no more than before: io_uring and AF_UNIX let go of files
 * whenever their kernel threads get to it. Nothing tells that, hence the loop.
 */
static bool users_become(long before)
{
	__u64 deadline = in_ms(20000);

	while (users() != before) {
		if (now_ns() > deadline)
			return false;
		sched_yield();
	}
	return true;
}

/* AF_UNIX looks for cycles of its own when a socket is closed. */
static void collect_sockets(void)
{
	close(socket(AF_UNIX, SOCK_STREAM, 0));
}

/* How a process goes */

enum end {
	END_CLOSE,	/* it closes all that it has, but stays */
	END_EXIT,
	END_EXEC,	/* all that it has is close-on-exec */
	END_KILL,
	END_STOP,	/* it is stopped before it is killed */
};

typedef int (*build_fn)(const char *group, int canary, int line);

static void execute_shell(int line)
{
	dup2(line, STDIN_FILENO);
	dup2(line, STDOUT_FILENO);
	/* Says so, and lives as long as the line. */
	execl("/bin/sh", "sh", "-c", "echo; read line", NULL);
	_exit(EXIT_FAILURE);
}

static void run_builder(const struct child *line, const char *group, build_fn build,
			int canary)
{
	int error = build(group, canary, line->line);
	__u64 end;

	close(canary);
	if (child_tell(line, -error) || child_hear(line, &end))
		_exit(EXIT_FAILURE);
	if (end == END_EXIT)
		_exit(0);
	if (end == END_EXEC)
		execute_shell(line->line);
	close_range(STDERR_FILENO + 1, line->line - 1, 0);
	close_range(line->line + 1, ~0U, 0);
	child_tell(line, 0);
	for (;;)
		pause();
}

static int kill_and_reap(const struct child *child)
{
	kill(child->pid, SIGKILL);
	return child_reap(child);
}

/* Returns when it has gone, as far as it does. */
static void bring_about(struct __test_metadata *_metadata, const struct child *child,
			enum end end)
{
	char byte;

	switch (end) {
	case END_CLOSE:
		ASSERT_EQ(0, child_tell(child, end));
		ASSERT_EQ(0, child_hear(child, NULL));
		break;
	case END_EXIT:
		ASSERT_EQ(0, child_tell(child, end));
		ASSERT_EQ(0, child_reap(child));
		break;
	case END_EXEC:
		ASSERT_EQ(0, child_tell(child, end));
		ASSERT_EQ(1, read(child->line, &byte, 1));
		break;
	case END_STOP:
		ASSERT_EQ(0, kill(child->pid, SIGSTOP));
		ASSERT_EQ(child->pid, waitpid(child->pid, NULL, WUNTRACED));
		ASSERT_EQ(128 + SIGKILL, kill_and_reap(child));
		break;
	case END_KILL:
		ASSERT_EQ(128 + SIGKILL, kill_and_reap(child));
	}
}

/*
 * A child builds something that holds the write end of a canary, then goes. It must
 * not leave anything behind.
 */
static void expect_released(struct __test_metadata *_metadata, const char *group,
			    build_fn build, enum end end)
{
	struct canary canary;
	struct child child = {};
	long before = users();
	__u64 error;

	ASSERT_EQ(0, canary_make(&canary));
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		close(canary.read_end);
		run_builder(&child, group, build, canary.write_end);
	}
	canary_let_go(&canary);
	ASSERT_EQ(0, child_hear(&child, &error));
	ASSERT_EQ(0U, error);
	EXPECT_TRUE(canary_alive(&canary));
	EXPECT_LT(before, users());
	bring_about(_metadata, &child, end);
	collect_sockets();
	EXPECT_TRUE(canary_dies(&canary));
	/* Now also those go who only have the open file. */
	close(child.line);
	if (end == END_CLOSE || end == END_EXEC)
		kill_and_reap(&child);
	EXPECT_TRUE(users_become(before));
}

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

/* Each builder opens what it needs and leaves it open: the end closes it. */

/**
 * struct pair - two endpoints of a group
 * @primary: one
 * @secondary: the other
 * @id: id of the other
 */
struct pair {
	int primary;
	int secondary;
	__u64 id;
};

static int pair_open(struct pair *pair, const char *group)
{
	pair->primary = open_primary(group);
	if (pair->primary < 0)
		return pair->primary;
	pair->secondary = open_secondary(group);
	if (pair->secondary < 0)
		return pair->secondary;
	pair->id = endpoint_id(pair->secondary);
	return 0;
}

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

/* Each mailbox holds the file of the next one, and the last that of the first. */
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

/* The request is answered likewise: both are in a mailbox. */
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

FIXTURE_VARIANT_ADD(released, mailboxes_in_a_request_and_its_answer)
{
	.build = build_call_cycle,
};

/* A synchronous call was answered, but its caller could not collect the answer. */
static int build_answer_cycle(const char *group, int canary, int line)
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

FIXTURE_VARIANT_ADD(released, mailboxes_in_an_answer_that_nobody_collected)
{
	.build = build_answer_cycle,
};

/* A blocked thread waits for room in one mailbox; another one has the request. */
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

/* The connection is a cycle of its own, which AF_UNIX cannot see before. */
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

/* Listens to a name that the kernel chooses, and connects to it. */
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

#define RING_SIZE 8

/**
 * struct ring - an io_uring, with which one request at a time is made
 * @fd: its descriptor
 * @params: where things are in @area
 * @area: queue heads and results
 * @area_size: its size
 * @sqes: requests
 */
struct ring {
	int fd;
	struct io_uring_params params;
	char *area;
	size_t area_size;
	struct io_uring_sqe *sqes;
};

static unsigned int *ring_word(struct ring *ring, __u32 offset)
{
	return (unsigned int *)(ring->area + offset);
}

/* With a table of fixed files: @n that are open now, and an empty place. */
static int ring_open(struct ring *ring, const int *fds, unsigned int n)
{
	struct io_uring_params *params = &ring->params;
	int files[RING_SIZE];

	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(SYS_io_uring_setup, RING_SIZE, params);
	if (ring->fd < 0)
		return -errno;
	ring->area_size = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
	ring->area = mmap(NULL, ring->area_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			  IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, params->sq_entries * sizeof(*ring->sqes),
			  PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (ring->area == MAP_FAILED || ring->sqes == MAP_FAILED)
		return -errno;
	memcpy(files, fds, n * sizeof(*fds));
	files[n] = -1;
	return syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_FILES, files, n + 1) ?
	       -errno : 0;
}

static int ring_submit(struct ring *ring, const struct io_uring_sqe *sqe)
{
	unsigned int *tail = ring_word(ring, ring->params.sq_off.tail);
	unsigned int i = *tail & *ring_word(ring, ring->params.sq_off.ring_mask);

	ring->sqes[i] = *sqe;
	ring_word(ring, ring->params.sq_off.array)[i] = i;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0) == 1 ? 0 : -errno;
}

/* Waits for the result of a request. */
static int ring_result(struct ring *ring)
{
	unsigned int *head = ring_word(ring, ring->params.cq_off.head);
	unsigned int i = *head & *ring_word(ring, ring->params.cq_off.ring_mask);
	int result;

	if (syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	result = ((struct io_uring_cqe *)(ring->area + ring->params.cq_off.cqes))[i].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

static int ring_do(struct ring *ring, const struct io_uring_sqe *sqe)
{
	return ring_submit(ring, sqe) ?: ring_result(ring);
}

/* From here on only its descriptor refers to it. */
static int ring_unmap(struct ring *ring)
{
	munmap(ring->area, ring->area_size);
	munmap(ring->sqes, ring->params.sq_entries * sizeof(*ring->sqes));
	return 0;
}

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

static void ring_close(struct ring *ring)
{
	ring_unmap(ring);
	close(ring->fd);
}

static struct io_uring_sqe open_direct(const char *path, unsigned int place)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_OPENAT,
		.fd = AT_FDCWD,
		.addr = to_u64(path),
		/* Otherwise a read waits until poll says something. */
		.open_flags = O_RDWR | O_NONBLOCK,
		.file_index = place + 1,
	};

	return sqe;
}

/* A file of the device that never was in a table of descriptors. */
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

/* A member's file goes from the table of one ring to that of another. */
static int build_file_sent_to_ring(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, canary };
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_MSG_RING,
		.addr = IORING_MSG_SEND_FD,
		.addr3 = 0,
		.file_index = 1 + 1,
	};
	struct ring from, to;

	(void)line;
	ret = ret ?: send_passing_mpipc(pair.secondary, MPIPC_TO_PRIMARY, fds, 2) ?:
	      ring_open(&from, fds, 1) ?: ring_open(&to, &canary, 1);
	sqe.fd = to.fd;
	return ret ?: ring_do(&from, &sqe) ?: close(from.fd) ?: ring_unmap(&from) ?:
	       ring_unmap(&to);
}

FIXTURE_VARIANT_ADD(released, a_mailbox_sent_to_a_ring)
{
	.build = build_file_sent_to_ring,
};

/* Requests wait for two files: one for something to read, one for what never comes. */
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

/* The mailbox holds what watches it, and what watches that. */
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

/* Runs until the test ends. */
static void hold(int line)
{
	poll_for(line, 0, -1);
	_exit(0);
}

/* A cycle, the file of which a process has that lives as long as the test. */
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
 * The mailbox holds a file that refers to this memory, which has a ring mapped, which
 * has the mailbox's file; and the memory is used as long as the test by somebody
 * who has no descriptors.
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

/* Each of the above in one. */
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

/* Without a table of descriptors */

FIXTURE(lifetime)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	long users;
};

FIXTURE_SETUP(lifetime)
{
	self->users = users();
	group_name(self->group, "lifetime");
	self->primary = open_primary(self->group);
	ASSERT_LE(0, self->primary);
}

FIXTURE_TEARDOWN(lifetime)
{
	close(self->primary);
	EXPECT_TRUE(users_become(self->users));
}

static struct io_uring_sqe read_fixed(unsigned int place, struct mpipc_record *record)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_READ,
		.flags = IOSQE_FIXED_FILE,
		.fd = place,
		.addr = to_u64(record),
		.len = sizeof(*record),
	};

	return sqe;
}

TEST_F(lifetime, file_that_only_a_ring_has_is_no_member)
{
	struct io_uring_sqe open = open_direct(MPIPC_DEVICE, 0);
	struct mpipc_record record;
	struct io_uring_sqe read = read_fixed(0, &record);
	struct ring ring;

	ASSERT_EQ(0, ring_open(&ring, NULL, 0));
	ASSERT_EQ(0, ring_do(&ring, &open));
	EXPECT_EQ(-ENOTCONN, ring_do(&ring, &read));
	EXPECT_EQ(self->users + 2, users());
	ring_close(&ring);
}

TEST_F(lifetime, ring_does_not_keep_a_member)
{
	int secondary = open_secondary(self->group);
	struct mpipc_record record;
	struct io_uring_sqe read = read_fixed(0, &record);
	__u64 id = endpoint_id(secondary);
	struct canary canary;
	struct ring ring;

	ASSERT_EQ(0, canary_make(&canary));
	ASSERT_EQ(0, ring_open(&ring, &secondary, 1));
	ASSERT_EQ(0, send_msg(self->primary, id, "", NULL, 0));
	EXPECT_EQ((int)sizeof(record), ring_do(&ring, &read));
	ASSERT_EQ(0, send_fds(self->primary, id, "", NULL, 0, &canary.write_end, 1));
	canary_let_go(&canary);
	ASSERT_EQ(0, close(secondary));
	EXPECT_TRUE(canary_dies(&canary));
	EXPECT_EQ(-ESRCH, send_msg(self->primary, id, "", NULL, 0));
	EXPECT_EQ(-ESHUTDOWN, ring_do(&ring, &read));
	EXPECT_EQ(self->users + 2, users());
	ring_close(&ring);
}

TEST_F(lifetime, close_by_a_ring_counts_as_closing)
{
	int secondary = open_secondary(self->group), second = dup(secondary);
	struct io_uring_sqe close_it = { .opcode = IORING_OP_CLOSE, .fd = secondary };
	__u64 id = endpoint_id(secondary);
	struct ring ring;

	ASSERT_EQ(0, ring_open(&ring, NULL, 0));
	ASSERT_EQ(0, ring_do(&ring, &close_it));
	EXPECT_EQ(0, send_msg(self->primary, id, "", NULL, 0));
	close_it.fd = second;
	ASSERT_EQ(0, ring_do(&ring, &close_it));
	EXPECT_EQ(-ESRCH, send_msg(self->primary, id, "", NULL, 0));
	ring_close(&ring);
}

TEST_F(lifetime, request_of_a_ring_that_waits_for_a_member_ends_with_it)
{
	int secondary = open_secondary(self->group);
	struct mpipc_record record;
	struct io_uring_sqe read = read_fixed(0, &record);
	struct ring ring;

	ASSERT_EQ(0, ring_open(&ring, &secondary, 1));
	ASSERT_EQ(0, ring_submit(&ring, &read));
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(-ESHUTDOWN, ring_result(&ring));
	ring_close(&ring);
}

TEST_F(lifetime, ring_that_watches_alone_learns_that_the_primary_is_gone)
{
	struct mpipc_recv_args recv = { .deadline = MPIPC_FOREVER };
	int secondary = open_secondary(self->group);
	struct io_uring_sqe watch = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = secondary,
		/* Of those who ask so, an event may be told to the first only. */
		.poll32_events = EPOLLRDHUP | EPOLLEXCLUSIVE,
	};
	struct ioctl_thread reader;
	struct ring ring;

	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, ring_open(&ring, NULL, 0));
	ASSERT_EQ(0, ioctl_thread_start(&reader, secondary, MPIPC_RECV, &recv));
	ASSERT_EQ(0, ioctl_thread_asleep(&reader));
	ASSERT_EQ(0, ring_submit(&ring, &watch));
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(EPOLLRDHUP, ring_result(&ring));
	ring_close(&ring);
	ASSERT_EQ(0, leave(secondary));
	EXPECT_EQ(-ESHUTDOWN, ioctl_thread_join(&reader));
	close(secondary);
}

TEST_F(lifetime, what_watches_a_member_sees_its_end_and_does_not_keep_it)
{
	struct epoll_event event = { .events = EPOLLIN };
	int secondary = open_secondary(self->group), copy = dup(secondary);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct child child = {};

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, secondary, &event));
	/* The child has the open file still, without which epoll would forget it. */
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid)
		hold(child.line);
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	ASSERT_EQ(0, close(copy));
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, -1));
	EXPECT_TRUE(event.events & EPOLLHUP);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_TRUE(users_become(self->users + 1));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
}

/* In the hands of a thread */

/* Memory of one page that is not there until somebody says what is in it. */
static int absent_page(void **page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	range.range.len = sysconf(_SC_PAGESIZE);
	*page = mmap(NULL, range.range.len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = to_u64(*page);
	if (fd < 0 || *page == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &range))
		return -errno;
	return fd;
}

/* A message was taken out for a thread, which waits for the memory it goes to. */
static int build_taken(const char *group, int canary, int line)
{
	static struct ioctl_thread thread;
	static struct mpipc_recv_args recv;
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, pair.secondary, canary };
	void *page;
	int absent = absent_page(&page);

	(void)line;
	if (absent < 0)
		return absent;
	recv.max_fds = 3;
	recv.fds = to_u64(page);
	ret = ret ?: send_passing_mpipc(pair.primary, pair.id, fds, 3) ?:
	      ioctl_thread_start(&thread, pair.secondary, MPIPC_RECV, &recv);
	if (ret)
		return ret;
	return poll_for(absent, POLLIN, -1) == POLLIN ? 0 : -EINVAL;
}

/*
 * Not when it closes, since its thread has the message still; nor when it is stopped,
 * which a thread that waits for memory cannot be.
 */
TEST_F(lifetime, what_was_taken_but_not_delivered_goes_with_its_process)
{
	group_name(self->group, "lifetime-taken");
	for (enum end end = END_EXIT; end <= END_KILL; end++)
		expect_released(_metadata, self->group, build_taken, end);
}

/* Races */

/* Sends a canary again and again until its receiver is gone. */
struct poster {
	int from;
	__u64 to;
	int canary;
	unsigned int sent;
	int ret;
};

static void *poster_main(void *arg)
{
	struct poster *poster = arg;
	int ret;

	do {
		ret = send_fds(poster->from, poster->to, "", NULL, 0, &poster->canary, 1);
		if (!ret)
			__atomic_add_fetch(&poster->sent, 1, __ATOMIC_RELEASE);
	} while (!ret || ret == -EAGAIN);
	poster->ret = ret;
	return NULL;
}

TEST_F(lifetime, owner_killed_while_files_are_sent_to_it_keeps_none)
{
	for (int round = 0; round < 20; round++) {
		struct poster poster = { .from = self->primary };
		struct child child = {};
		struct canary canary;
		pthread_t thread;

		ASSERT_LE(0, child_fork(&child));
		if (!child.pid) {
			child_tell(&child, endpoint_id(open_secondary(self->group)));
			hold(child.line);
		}
		ASSERT_EQ(0, child_hear(&child, &poster.to));
		ASSERT_EQ(0, canary_make(&canary));
		poster.canary = canary.write_end;
		ASSERT_EQ(0, pthread_create(&thread, NULL, poster_main, &poster));
		while (!__atomic_load_n(&poster.sent, __ATOMIC_ACQUIRE))
			sched_yield();
		EXPECT_EQ(128 + SIGKILL, child_kill(&child));
		pthread_join(thread, NULL);
		EXPECT_TRUE(poster.ret == -ESRCH || poster.ret == -ECONNRESET);
		canary_let_go(&canary);
		EXPECT_TRUE(canary_dies(&canary));
		close(canary.read_end);
	}
}

TEST_F(lifetime, file_that_is_received_while_the_endpoint_closes_is_there_or_released)
{
	for (int round = 0; round < 50; round++) {
		int secondary = open_secondary(self->group), got = -1;
		struct mpipc_recv_args recv = {
			.max_fds = 1,
			.fds = to_u64(&got),
			.deadline = MPIPC_FOREVER,
		};
		struct ioctl_thread thread;
		struct canary canary;
		int ret;

		ASSERT_EQ(0, canary_make(&canary));
		ASSERT_EQ(0, ioctl_thread_start(&thread, secondary, MPIPC_RECV, &recv));
		ASSERT_EQ(0, ioctl_thread_asleep(&thread));
		ASSERT_EQ(0, send_fds(self->primary, endpoint_id(secondary), "", NULL, 0,
				      &canary.write_end, 1));
		canary_let_go(&canary);
		ASSERT_EQ(0, close(secondary));
		ret = ioctl_thread_join(&thread);
		if (ret) {
			EXPECT_EQ(-ESHUTDOWN, ret);
		} else {
			EXPECT_EQ(1, write(got, "x", 1));
			EXPECT_EQ(0, close(got));
		}
		EXPECT_TRUE(canary_dies(&canary));
		close(canary.read_end);
	}
}

/* Files that take their time */

static int loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret = ioctl(fd, SIOCSIFFLAGS, &request) ? -errno : 0;

	close(fd);
	return ret;
}

/* A connection with so much that was not read that closing it waits for @peer. */
static int lingering_socket(int *peer)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 1000 };
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct sockaddr *name = (struct sockaddr *)&address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(address);
	static char data[65536];

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, name, len) || listen(listener, 1) ||
	    getsockname(listener, name, &len) || connect(fd, name, len))
		return -errno;
	*peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	if (*peer < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		return -errno;
	while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	return errno == EAGAIN ? fd : -errno;
}

TEST_F(lifetime, file_that_does_not_want_to_close_holds_up_its_owner_alone)
{
	char group[MPIPC_GROUP_MAX];
	int primary, other, peer = -1, socket;
	struct mpipc_record record;
	struct child child = {};
	__u64 id;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	group_name(group, "lifetime-slow");
	primary = open_joined(group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int secondary = open_secondary(group);

		child_tell(&child, endpoint_id(secondary));
		child_hear(&child, NULL);
		close(secondary);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	ASSERT_EQ(0, recv_wait(primary, &record, NULL, 0));
	ASSERT_EQ(MPIPC_JOINED, record.type);
	socket = lingering_socket(&peer);
	ASSERT_LE(0, socket);
	ASSERT_EQ(0, send_fds(primary, id, "", NULL, 0, &socket, 1));
	close(socket);
	ASSERT_EQ(0, child_tell(&child, 0));

	ASSERT_EQ(0, recv_wait(primary, &record, NULL, 0));
	EXPECT_EQ(MPIPC_LEFT, record.type);
	EXPECT_EQ(id, record.peer);
	ASSERT_EQ(0, wait_asleep(child.pid));
	other = open_secondary(group);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, send_msg(other, MPIPC_TO_PRIMARY, "", NULL, 0));
	EXPECT_EQ(0, send_msg(primary, endpoint_id(other), "", NULL, 0));
	EXPECT_EQ(0, close(other));
	EXPECT_EQ('S', task_state(child.pid));
	close(peer);
	EXPECT_EQ(0, child_wait(&child));
	close(primary);
}

/* The last one: what the others left behind, it could not go with. */
TEST(in_the_end_the_module_can_go_and_come_back)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_module *loaded = NULL, *file = module_file(ctx);
	char options[1024], group[MPIPC_GROUP_MAX];

	if (!file)
		SKIP(return, "set MPIPC_MODULE to the path of mpipc.ko");
	if (users_at_start)
		SKIP(return, "somebody uses the module");
	ASSERT_EQ(0, kmod_module_new_from_name(ctx, MODULE, &loaded));
	describe_parameters(options, sizeof(options));
	EXPECT_TRUE(users_become(0));
	ASSERT_EQ(0, kmod_module_remove_module(loaded, 0));
	ASSERT_EQ(0, kmod_module_insert_module(file, 0, options));
	group_name(group, "lifetime");
	EXPECT_LE(0, open_primary(group));
	kmod_module_unref(file);
	kmod_module_unref(loaded);
	kmod_unref(ctx);
}

TEST_HARNESS_MAIN
