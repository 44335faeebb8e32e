// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "dispatch.h"
#include "dispatcher.h"
#include "export.h"
#include "handle.h"
#include "thread.h"

/* When a thread has to end, its handler has this long to return. */
#define PATIENCE_SECONDS	1

/* Stop being the dispatcher. Frees a handle that was closed in a handler and returns true. */
static bool stop_dispatching(struct mpipc *handle)
{
	if (handle->closed) {
		if (handle->pid == getpid())
			mpipc__free(handle);
		else
			mpipc__free_copy(handle);
		return true;
	}
	atomic_store(&handle->dispatcher, 0);
	return false;
}

mpipc__export int mpipc_dispatch(struct mpipc *handle, int64_t timeout_ns)
{
	uintptr_t nobody = 0;
	int ret;

	if (handle->pid != getpid())
		return -EPERM;
	if (!atomic_compare_exchange_strong(&handle->dispatcher, &nobody, mpipc__this_thread()))
		return -EBUSY;
	if (timeout_ns < 0)
		ret = mpipc__handle_or_wait(handle);
	else
		ret = mpipc__handle_some(handle, timeout_ns);
	return stop_dispatching(handle) ? -ESHUTDOWN : ret;
}

/* Note that the thread has ended, for mpipc__cancel_thread(). */
static void note_end(struct mpipc *handle)
{
	pthread_mutex_lock(&handle->order_lock);
	handle->thread_ended = true;
	pthread_cond_broadcast(&handle->order_changed);
	pthread_mutex_unlock(&handle->order_lock);
}

/* Dispatch until the endpoint leaves or the handle is closed. */
static void *thread_main(void *arg)
{
	struct mpipc *handle = arg;
	int ret;

	atomic_store(&handle->dispatcher, mpipc__this_thread());
	pthread_setname_np(pthread_self(), "mpipc-msg");
	do {
		ret = mpipc__handle_or_wait(handle);
		if (ret == -ENOMEM)
			mpipc__wait_for_memory();
	} while (!handle->closed && (ret >= 0 || ret == -EINTR || ret == -ENOMEM));

	/* After an error nobody serves this endpoint, so others must not wait for it. */
	if (!handle->closed)
		mpipc_leave(handle);
	if (!stop_dispatching(handle))
		note_end(handle);
	return NULL;
}

/* Wait for the end of the thread. Return false if a handler does not return in time. */
static bool wait_for_end(struct mpipc *handle)
{
	struct timespec end;
	bool ended;
	int cancel;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += PATIENCE_SECONDS;
	/* A thread that is cancelled while it waits for the condition would keep the lock. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&handle->order_lock);
	while (!handle->thread_ended)
		if (pthread_cond_timedwait(&handle->order_changed, &handle->order_lock, &end))
			break;
	ended = handle->thread_ended;
	pthread_mutex_unlock(&handle->order_lock);
	pthread_setcancelstate(cancel, NULL);
	return ended;
}

/*
 * End the thread of a handle that has left, even if a handler blocks. Such a handler is
 * cancelled by pthread_cancel(), and keeps what it holds.
 */
void mpipc__cancel_thread(struct mpipc *handle)
{
	if (handle->has_thread && !mpipc__is_dispatcher(handle) && !wait_for_end(handle))
		pthread_cancel(handle->thread);
}

/*
 * Make the set of signals that the thread blocks: all but those of its own faults. The kernel
 * kills the process instead of running a handler for a fault whose signal is blocked.
 */
static void fill_blocked(sigset_t *set)
{
	sigfillset(set);
	sigdelset(set, SIGBUS);
	sigdelset(set, SIGSEGV);
	sigdelset(set, SIGFPE);
	sigdelset(set, SIGILL);
	sigdelset(set, SIGTRAP);
	sigdelset(set, SIGSYS);
}

mpipc__export int mpipc_start(struct mpipc *handle)
{
	uintptr_t nobody = 0;
	sigset_t blocked, old;
	int err;

	if (handle->pid != getpid())
		return -EPERM;
	if (atomic_load(&handle->left))
		return -ESHUTDOWN;
	if (handle->has_thread)
		return -EALREADY;
	/* The address of the handle stands for the thread until the thread runs. */
	if (!atomic_compare_exchange_strong(&handle->dispatcher, &nobody, (uintptr_t)handle))
		return -EBUSY;
	handle->has_thread = true;
	fill_blocked(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &old);
	err = pthread_create(&handle->thread, NULL, thread_main, handle);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		handle->has_thread = false;
		atomic_store(&handle->dispatcher, 0);
		return -err;
	}
	return 0;
}
