// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "dispatch.h"
#include "dispatcher.h"
#include "export.h"
#include "handle.h"
#include "thread.h"

/* When a thread has to end, its handler has this long to return. */
#define PATIENCE_SECONDS	1

mpipc__export int mpipc_dispatch(struct mpipc *handle, int64_t timeout_ns)
{
	int ret;

	if (handle->pid != getpid())
		return -EPERM;
	if (!mpipc__start_dispatching(handle))
		return -EBUSY;
	if (timeout_ns < 0)
		ret = mpipc__handle_or_wait(handle);
	else
		ret = mpipc__handle_some(handle, timeout_ns);
	return mpipc__stop_dispatching(handle) ? -ESHUTDOWN : ret;
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
	if (!mpipc__stop_dispatching(handle))
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

/**
 * struct start - a thread that is to get a scheduling policy before it dispatches
 * @handle: the handle that it dispatches for
 * @options: have the policy
 * @err: the error of the policy, or 0
 * @decided: posted when @err is set, after which the structure is gone
 */
struct start {
	struct mpipc *handle;
	const struct mpipc_start_options *options;
	int err;
	sem_t decided;
};

/* Set the policy, which can be one that pthread_attr_setschedpolicy() does not know. */
static void *thread_with_policy(void *arg)
{
	struct start *start = arg;
	const struct sched_param param = { .sched_priority = start->options->priority };
	struct mpipc *handle = start->handle;
	int err;

	err = pthread_setschedparam(pthread_self(), start->options->policy, &param);
	start->err = err;
	sem_post(&start->decided);
	return err ? NULL : thread_main(handle);
}

static int create_thread_with_policy(struct mpipc *handle, const pthread_attr_t *attr,
				     const struct mpipc_start_options *options)
{
	struct start start = { .handle = handle, .options = options };
	int err;

	sem_init(&start.decided, 0, 0);
	err = pthread_create(&handle->thread, attr, thread_with_policy, &start);
	if (!err) {
		while (sem_wait(&start.decided))
			;
		err = start.err;
		if (err)
			pthread_join(handle->thread, NULL);
	}
	sem_destroy(&start.decided);
	return err;
}

/* Create the thread with the signals blocked that it is to have blocked. */
static int create_blocked(struct mpipc *handle, const pthread_attr_t *attr,
			  const struct mpipc_start_options *options)
{
	sigset_t blocked, old;
	int err;

	fill_blocked(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &old);
	if (options->flags & MPIPC_START_POLICY)
		err = create_thread_with_policy(handle, attr, options);
	else
		err = pthread_create(&handle->thread, attr, thread_main, handle);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

static int create_thread(struct mpipc *handle, const struct mpipc_start_options *options)
{
	pthread_attr_t attr;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	if (options->stack_size)
		err = pthread_attr_setstacksize(&attr, options->stack_size);
	if (!err && options->cpus)
		err = pthread_attr_setaffinity_np(&attr, options->cpus_size, options->cpus);
	if (!err)
		err = create_blocked(handle, &attr, options);
	pthread_attr_destroy(&attr);
	return err;
}

mpipc__export int mpipc_start(struct mpipc *handle, const struct mpipc_start_options *options)
{
	struct mpipc_start_options opts;
	uintptr_t nobody = 0;
	int err;

	err = mpipc__options(&opts, sizeof(opts), options, sizeof(opts));
	if (err)
		return err;
	if (opts.flags & ~MPIPC_START_POLICY || !opts.cpus != !opts.cpus_size)
		return -EINVAL;
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
	err = create_thread(handle, &opts);
	if (err) {
		handle->has_thread = false;
		atomic_store(&handle->dispatcher, 0);
		return -err;
	}
	return 0;
}
