/* SPDX-License-Identifier: GPL-2.0-only */
/* Start child processes, and talk to each of them over a line. */
#ifndef MPIPC_SELFTESTS_CHILD_H
#define MPIPC_SELFTESTS_CHILD_H

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/types.h>

/**
 * struct child - a forked process and a line to talk to it
 * @pid: in the parent: the child
 * @line: this side's end; dies with the other side
 */
struct child {
	pid_t pid;
	int line;
};

/*
 * Fork a child that never outlives the test. It has the parent's file descriptors, but the
 * endpoints stay the parent's, so that the child must open the device itself.
 */
static inline pid_t child_fork(struct child *child)
{
	pid_t parent = getpid();
	int line[2];

	*child = (struct child){ .line = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line))
		return -1;
	child->pid = fork();
	child->line = line[!child->pid];
	close(line[!!child->pid]);
	if (!child->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return child->pid;
}

/* Send the other side a number, and with it the news that this point is reached. */
static inline int child_send(const struct child *child, __u64 number)
{
	ssize_t n = send(child->line, &number, sizeof(number), MSG_NOSIGNAL);

	return n == sizeof(number) ? 0 : -EPIPE;
}

/* Wait for a number of the other side; @number may be NULL. */
static inline int child_hear(const struct child *child, __u64 *number)
{
	__u64 ignored;
	ssize_t n = recv(child->line, number ? number : &ignored, sizeof(ignored),
			 MSG_WAITALL);

	return n == sizeof(ignored) ? 0 : -EPIPE;
}

/*
 * Wait for the end of a child, and return its exit status, or 128 and the signal that
 * killed it.
 */
static inline int child_reap(const struct child *child)
{
	int status;

	while (waitpid(child->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Do as child_reap() does, and let the child see that nobody is at the line any more. */
static inline int child_wait(struct child *child)
{
	close(child->line);
	return child_reap(child);
}

static inline int child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	return child_wait(child);
}

/*
 * Run a function in a child. Return what the function returns, which is 0 or a negative
 * error number.
 */
static inline int run_child(int (*function)(void *arg), void *arg)
{
	struct child child;

	if (child_fork(&child) < 0)
		return -errno;
	if (!child.pid)
		_exit(-function(arg));
	return -child_wait(&child);
}

#endif /* MPIPC_SELFTESTS_CHILD_H */
