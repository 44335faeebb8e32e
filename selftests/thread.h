/* SPDX-License-Identifier: GPL-2.0-only */
/* Make an ioctl in a thread of its own. */
#ifndef MPIPC_SELFTESTS_THREAD_H
#define MPIPC_SELFTESTS_THREAD_H

#include <pthread.h>

#include "device.h"
#include "wait.h"

/**
 * struct ioctl_thread - an ioctl that a thread of its own makes
 * @thread: the thread
 * @tid: its id; 0 until it is about to make the ioctl
 * @fd: file
 * @cmd: command
 * @arg: argument
 * @ret: return value, or a negative error number
 */
struct ioctl_thread {
	pthread_t thread;
	pid_t tid;
	int fd;
	unsigned long cmd;
	void *arg;
	int ret;
};

static inline void *ioctl_thread_main(void *arg)
{
	struct ioctl_thread *self = arg;

	__atomic_store_n(&self->tid, (pid_t)gettid(), __ATOMIC_RELEASE);
	self->ret = do_ioctl(self->fd, self->cmd, self->arg);
	return NULL;
}

static inline int ioctl_thread_start(struct ioctl_thread *self, int fd,
				     unsigned long cmd, void *arg)
{
	*self = (struct ioctl_thread){ .fd = fd, .cmd = cmd, .arg = arg };
	return -pthread_create(&self->thread, NULL, ioctl_thread_main, self);
}

static inline int ioctl_thread_join(struct ioctl_thread *self)
{
	pthread_join(self->thread, NULL);
	return self->ret;
}

/* Wait until the ioctl is blocked. */
static inline int ioctl_thread_asleep(struct ioctl_thread *self)
{
	pid_t tid;

	while (!(tid = __atomic_load_n(&self->tid, __ATOMIC_ACQUIRE)))
		sched_yield();
	return wait_asleep(tid);
}

#endif /* MPIPC_SELFTESTS_THREAD_H */
