// SPDX-License-Identifier: BSD-3-Clause
/**
 * DOC: opening without waiting
 *
 * The join waits for a primary in the kernel. An opening is a thread that waits there, so that
 * the program can do something else, and a descriptor that becomes readable when the thread has
 * the result. The thread does nothing but that one system call, in which it can be cancelled.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device.h"
#include "export.h"
#include "fds.h"
#include "handle.h"

struct mpipc_opening {
	/* Constant after mpipc_opening_start(). */
	pid_t pid;
	int event_fd;
	pthread_t thread;

	/* Written by the thread until @event_fd is readable. */
	struct mpipc__open open;
	int err;
};

/*
 * Join. The thread can be cancelled while it waits, so it calls the kernel itself, and nothing on
 * its stack has an address, because AddressSanitizer does not notice the end of such a thread.
 */
static void *join_thread(void *arg)
{
	static const uint64_t done = 1;
	struct mpipc_opening *self = arg;
	int err;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	err = syscall(SYS_ioctl, self->open.handle->fd, MPIPC_JOIN, &self->open.join) < 0 ?
	      -errno : 0;
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
	self->err = err;
	/* This cannot fail: the counter is 0. */
	return write(self->event_fd, &done, sizeof(done)) < 0 ? self : NULL;
}

/* Make a descriptor that the thread makes readable, with a high number as that of the device. */
static int make_event_fd(void)
{
	int low = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), fd;

	if (low < 0)
		return -errno;
	fd = mpipc__dup_high(low);
	mpipc__close_fd(low);
	return fd;
}

/* Start the thread, which takes no signals, because it has no code of the program. */
static int start_thread(struct mpipc_opening *self)
{
	sigset_t all, old;
	int err;

	self->event_fd = make_event_fd();
	if (self->event_fd < 0)
		return self->event_fd;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&self->thread, NULL, join_thread, self);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		mpipc__close_fd(self->event_fd);
	return -err;
}

mpipc__export int mpipc_opening_start(struct mpipc_opening **out, const char *group,
				      enum mpipc_role role,
				      const struct mpipc_open_options *options)
{
	struct mpipc_opening *self;
	struct mpipc *none;
	int err;

	if (!out)
		return -EINVAL;
	*out = NULL;
	self = malloc(sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->pid = getpid();
	err = mpipc__open_begin(&self->open, group, role, options);
	if (!err) {
		err = start_thread(self);
		if (err)
			mpipc__open_end(&self->open, err, &none);
	}
	if (err) {
		free(self);
		return err;
	}
	*out = self;
	return 0;
}

mpipc__export int mpipc_opening_fd(const struct mpipc_opening *self)
{
	return self->event_fd;
}

/* Wait for the end of the thread. pthread_join() is a cancellation point. */
static void join(pthread_t thread)
{
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_join(thread, NULL);
	pthread_setcancelstate(cancel, NULL);
}

mpipc__export int mpipc_opening_finish(struct mpipc_opening *self, struct mpipc **out)
{
	uint64_t done;
	int err;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (self->pid != getpid())
		return -EPERM;
	if (syscall(SYS_read, self->event_fd, &done, sizeof(done)) < 0)
		return -errno;
	join(self->thread);
	mpipc__close_fd(self->event_fd);
	err = mpipc__open_end(&self->open, self->err, out);
	free(self);
	return err;
}

mpipc__export void mpipc_opening_cancel(struct mpipc_opening *self)
{
	struct mpipc *none;

	if (!self)
		return;
	/* A forked child has no such thread. */
	if (self->pid == getpid()) {
		pthread_cancel(self->thread);
		join(self->thread);
	}
	mpipc__close_fd(self->event_fd);
	mpipc__open_end(&self->open, -ECANCELED, &none);
	free(self);
}
