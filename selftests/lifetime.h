/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This header holds what the tests of lifetime share: how a process ends, how many files of
 * the device are open, and io_uring.
 */
#ifndef MPIPC_SELFTESTS_LIFETIME_H
#define MPIPC_SELFTESTS_LIFETIME_H

#include "child.h"
#include "device.h"
#include "fd.h"
#include "harness.h"
#include "module.h"
#include "wait.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>

/* Return how many files of the device are open. */
static inline long users(void)
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

/* Count once, before the first test is forked off. */
static void __attribute__((constructor)) look_for_users(void)
{
	users_at_start = users();
}

/*
 * Wait until there are no more users than before, because io_uring and AF_UNIX let go of
 * files whenever their kernel threads get to it. Nothing reports that, hence the loop.
 */
static inline bool users_become(long before)
{
	__u64 deadline = in_ms(20000);

	while (users() != before) {
		if (now_ns() > deadline)
			return false;
		sched_yield();
	}
	return true;
}

/* Close a socket, because AF_UNIX looks for cycles of its own then. */
static inline void collect_sockets(void)
{
	close(socket(AF_UNIX, SOCK_STREAM, 0));
}

/* How a process goes */

enum end {
	END_CLOSE,	/* the process closes all that it has, but stays */
	END_EXIT,
	END_EXEC,	/* all that the process has is close-on-exec */
	END_KILL,
	END_STOP,	/* the process is stopped before it is killed */
};

typedef int (*build_fn)(const char *group, int canary, int line);

static inline void execute_shell(int line)
{
	dup2(line, STDIN_FILENO);
	dup2(line, STDOUT_FILENO);
	/* The shell writes a line to report that it runs, and lives as long as the line. */
	execl("/bin/sh", "sh", "-c", "echo; read line", NULL);
	_exit(EXIT_FAILURE);
}

static inline void run_builder(const struct child *line, const char *group, build_fn build,
			       int canary)
{
	int error = build(group, canary, line->line);
	__u64 end;

	close(canary);
	if (child_send(line, -error) || child_hear(line, &end))
		_exit(EXIT_FAILURE);
	if (end == END_EXIT)
		_exit(0);
	if (end == END_EXEC)
		execute_shell(line->line);
	close_range(STDERR_FILENO + 1, line->line - 1, 0);
	close_range(line->line + 1, ~0U, 0);
	child_send(line, 0);
	for (;;)
		pause();
}

static inline int kill_and_reap(const struct child *child)
{
	kill(child->pid, SIGKILL);
	return child_reap(child);
}

/* End the process as @end says, and return when that has happened. */
static inline void bring_about(struct __test_metadata *_metadata, const struct child *child,
			       enum end end)
{
	char byte;

	switch (end) {
	case END_CLOSE:
		ASSERT_EQ(0, child_send(child, end));
		ASSERT_EQ(0, child_hear(child, NULL));
		break;
	case END_EXIT:
		ASSERT_EQ(0, child_send(child, end));
		ASSERT_EQ(0, child_reap(child));
		break;
	case END_EXEC:
		ASSERT_EQ(0, child_send(child, end));
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
 * Have a child build something that holds the write end of a canary and then end. Expect
 * that nothing is left behind.
 */
static inline void expect_released(struct __test_metadata *_metadata, const char *group,
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
	if (error == EOPNOTSUPP) {
		close(child.line);
		kill_and_reap(&child);
		EXPECT_TRUE(users_become(before));
		SKIP(return, "this kernel has no such operation of io_uring");
	}
	ASSERT_EQ(0U, error);
	EXPECT_TRUE(canary_alive(&canary));
	EXPECT_LT(before, users());
	bring_about(_metadata, &child, end);
	collect_sockets();
	EXPECT_TRUE(canary_dies(&canary));
	/* Now end those processes, too, that only have the open file. */
	close(child.line);
	if (end == END_CLOSE || end == END_EXEC)
		kill_and_reap(&child);
	EXPECT_TRUE(users_become(before));
}

/*
 * Each builder opens what it needs and leaves it open, because the end of the process
 * closes it.
 */

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

static inline int pair_open(struct pair *pair, const char *group)
{
	*pair = (struct pair){ .secondary = -1 };
	pair->primary = open_primary(group);
	if (pair->primary < 0)
		return pair->primary;
	pair->secondary = open_secondary(group);
	if (pair->secondary < 0)
		return pair->secondary;
	pair->id = endpoint_id(pair->secondary);
	return 0;
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

static inline unsigned int *ring_word(struct ring *ring, __u32 offset)
{
	return (unsigned int *)(ring->area + offset);
}

/* Open a ring with a table of fixed files: @n that are open now, and an empty place. */
static inline int ring_open(struct ring *ring, const int *fds, unsigned int n)
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

static inline int ring_submit(struct ring *ring, const struct io_uring_sqe *sqe)
{
	unsigned int *tail = ring_word(ring, ring->params.sq_off.tail);
	unsigned int i = *tail & *ring_word(ring, ring->params.sq_off.ring_mask);

	ring->sqes[i] = *sqe;
	ring_word(ring, ring->params.sq_off.array)[i] = i;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0) == 1 ? 0 : -errno;
}

/* Wait for the result of a request. */
static inline int ring_result(struct ring *ring)
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

static inline int ring_do(struct ring *ring, const struct io_uring_sqe *sqe)
{
	return ring_submit(ring, sqe) ?: ring_result(ring);
}

/* Unmap the ring, so that only its descriptor refers to it. */
static inline int ring_unmap(struct ring *ring)
{
	munmap(ring->area, ring->area_size);
	munmap(ring->sqes, ring->params.sq_entries * sizeof(*ring->sqes));
	return 0;
}

static inline struct io_uring_sqe open_direct(const char *path, unsigned int place)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_OPENAT,
		.fd = AT_FDCWD,
		.addr = to_u64(path),
		/* Without O_NONBLOCK, a read would wait until poll reports something. */
		.open_flags = O_RDWR | O_NONBLOCK,
		.file_index = place + 1,
	};

	return sqe;
}

/* Others */

/* Wait until the test ends. */
static inline void hold(int line)
{
	poll_for(line, 0, -1);
	_exit(0);
}

#endif /* MPIPC_SELFTESTS_LIFETIME_H */
