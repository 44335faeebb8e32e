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
 * - a file that in turn is referred to by memory which it is mapped to.
 * No file refers to what epoll watches, which is seen here, too. Other kinds that could
 * take part (binder, vhost, file systems that are given descriptors) need devices or
 * root. They make no difference: what all of this rests on is that a mailbox has files
 * only as long as its owner's table has a descriptor for it.
 *
 * The proof is a canary in each mailbox, socket and ring that is part of it, and that
 * the module then has as many users as before.
 */
#include "module.h"

#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/un.h>

#include "kselftest_harness.h"

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
		/* fall through */
	case END_KILL:
		ASSERT_EQ(0, kill(child->pid, SIGKILL));
		ASSERT_EQ(128 + SIGKILL, child_reap(child));
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
	if (end == END_CLOSE || end == END_EXEC) {
		kill(child.pid, SIGKILL);
		child_reap(&child);
	}
	EXPECT_TRUE(users_become(before));
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

static int build_cycle_of_5(const char *group, int canary, int line)
{
	(void)line;
	return build_cycle_of(group, canary, 5);
}

static int build_cycle_of_50(const char *group, int canary, int line)
{
	(void)line;
	return build_cycle_of(group, canary, 50);
}

/* Calls */

static struct mpipc_call call_passing(__u64 to, __u32 flags, const int *fds, unsigned int n)
{
	struct mpipc_call call = {
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
	struct mpipc_reply reply = {
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
	struct mpipc_call call = call_passing(pair.id, MPIPC_CALL_ASYNC, fds, 3);

	(void)line;
	return ret ?: do_ioctl(pair.primary, MPIPC_CALL, &call);
}

/* The request is answered likewise: both are in a mailbox. */
static int build_call_cycle(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, pair.secondary, canary };
	struct mpipc_call call = call_passing(pair.id, MPIPC_CALL_ASYNC, fds, 3);

	(void)line;
	ret = ret ?: do_ioctl(pair.primary, MPIPC_CALL, &call);
	return ret ?: reply_passing(pair.secondary, call.id, fds, 3);
}

/* A synchronous call was answered, but its caller could not collect the answer. */
static int build_answer_cycle(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, pair.secondary, canary };
	struct mpipc_call call = call_passing(pair.id, 0, NULL, 0);
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

/* A blocked thread waits for room in one mailbox; another one has the request. */
static int build_blocked_cycle(const char *group, int canary, int line)
{
	static struct ioctl_thread thread;
	static struct mpipc_record results[2];
	static struct mpipc_call call;
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
	call = call_passing(MPIPC_TO_ALL, MPIPC_CALL_WAIT_ROOM, fds, 3);
	call.results = to_u64(results);
	call.reply_fds = 0;
	return send_msg(pair.primary, endpoint_id(full), "", NULL, 0) ?:
	       ioctl_thread_start(&thread, pair.primary, MPIPC_CALL, &call) ?:
	       ioctl_thread_asleep(&thread);
}

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

/* The same, with the listener in its own connection. */
static int build_listener_in_itself(const char *group, int canary, int line)
{
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, canary, -1 };
	int client;

	(void)line;
	return ret ?: connect_unaccepted(&fds[2], &client) ?:
	       send_scm(client, fds, 3) ?:
	       send_fds(pair.secondary, MPIPC_TO_PRIMARY, "", NULL, 0, &fds[2], 1);
}

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

static struct io_uring_sqe open_direct(const char *path, unsigned int place)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_OPENAT,
		.fd = AT_FDCWD,
		.addr = to_u64(path),
		.open_flags = O_RDWR,
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
		int in_socket[] = { pair.primary, pair.secondary, listener, canary };
		int in_listener[] = { pair.primary, ends[0], ends[1], canary };
		int in_ring[] = { pair.primary, pair.secondary, canary };
		int in_mailbox[] = {
			pair.primary, pair.secondary, ends[0], ends[1], listener, epoll,
			memory, canary,
		};
		struct mpipc_call call = call_passing(pair.id, MPIPC_CALL_ASYNC, in_mailbox,
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

FIXTURE(ends)
{
	char group[MPIPC_GROUP_MAX];
};

FIXTURE_VARIANT(ends)
{
	enum end end;
};

FIXTURE_VARIANT_ADD(ends, close) { .end = END_CLOSE };
FIXTURE_VARIANT_ADD(ends, exit) { .end = END_EXIT };
FIXTURE_VARIANT_ADD(ends, exec) { .end = END_EXEC };
FIXTURE_VARIANT_ADD(ends, kill) { .end = END_KILL };
FIXTURE_VARIANT_ADD(ends, stop_and_kill) { .end = END_STOP };

FIXTURE_SETUP(ends)
{
	group_name(self->group, "lifetime-ends");
}

FIXTURE_TEARDOWN(ends)
{
}

#define TEST_RELEASE(name, build)							\
	TEST_F(ends, name)								\
	{										\
		expect_released(_metadata, self->group, build, variant->end);		\
	}

TEST_RELEASE(release_a_queue, build_queue)
TEST_RELEASE(release_a_mailbox_in_itself, build_self_cycle)
TEST_RELEASE(release_mailboxes_in_each_other, build_cycle_of_2)
TEST_RELEASE(release_a_cycle_of_five_mailboxes, build_cycle_of_5)
TEST_RELEASE(release_a_cycle_of_fifty_mailboxes, build_cycle_of_50)
TEST_RELEASE(release_mailboxes_in_a_request_that_nobody_took, build_request_cycle)
TEST_RELEASE(release_mailboxes_in_a_request_and_its_answer, build_call_cycle)
TEST_RELEASE(release_mailboxes_in_an_answer_that_nobody_collected, build_answer_cycle)
TEST_RELEASE(release_mailboxes_in_what_a_blocked_thread_sends, build_blocked_cycle)
TEST_RELEASE(release_a_mailbox_in_a_socket_in_it, build_socket_cycle)
TEST_RELEASE(release_mailboxes_in_sockets_in_each_other, build_socket_pair_cycle)
TEST_RELEASE(release_a_mailbox_in_a_socket_in_itself, build_socket_in_itself)
TEST_RELEASE(release_a_mailbox_in_an_unaccepted_connection, build_listener_cycle)
TEST_RELEASE(release_a_mailbox_in_a_listener_in_itself, build_listener_in_itself)
TEST_RELEASE(release_mailboxes_among_the_files_of_a_ring, build_fixed_files)
TEST_RELEASE(release_a_file_that_only_a_ring_had, build_direct_file)
TEST_RELEASE(release_a_mailbox_sent_to_a_ring, build_file_sent_to_ring)
TEST_RELEASE(release_mailboxes_that_requests_of_a_ring_wait_for, build_pending_requests)
TEST_RELEASE(release_mailboxes_with_what_watches_them, build_epoll)
TEST_RELEASE(release_a_mailbox_in_itself_that_another_process_holds, build_inherited_cycle)
TEST_RELEASE(release_a_mailbox_of_a_ring_in_memory_that_stays, build_mapped_ring)
TEST_RELEASE(release_mailboxes_in_all_of_these_at_once, build_all_kinds)

TEST_HARNESS_MAIN
