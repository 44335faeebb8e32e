// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_errno.h>

#include "../dispatcher.h"
#include "context.h"

static struct {
	pthread_rwlock_t lock;
	struct mpipc *handle;
	bool primary;
	atomic_bool disabled;
	atomic_bool ending;	/* nobody may begin to use the endpoint any more */
	atomic_bool forked;	/* the parent had the endpoint, which was not said yet */
} context = { .lock = PTHREAD_RWLOCK_INITIALIZER };

/* This thread dispatches for this endpoint, until rte_eal_cleanup(). */
static __thread struct mpipc *dispatched;

/* Make @handle the endpoint of this process. */
void mpipc__rte_set_endpoint(struct mpipc *handle, bool primary)
{
	pthread_rwlock_wrlock(&context.lock);
	context.handle = handle;
	context.primary = primary;
	context.disabled = false;
	context.ending = false;
	context.forked = false;
	pthread_rwlock_unlock(&context.lock);
}

/*
 * Take the endpoint away from this process, when the threads that use it are done. Returns
 * false if another thread has done so.
 */
bool mpipc__rte_clear_endpoint(struct mpipc *handle)
{
	bool is_set;

	dispatched = NULL;
	pthread_rwlock_wrlock(&context.lock);
	is_set = context.handle == handle;
	if (is_set)
		context.handle = NULL;
	pthread_rwlock_unlock(&context.lock);
	return is_set;
}

/*
 * Take the endpoint away in the child of a fork, and make a new lock, because another thread
 * may have held the old one.
 */
struct mpipc *mpipc__rte_forget_endpoint(void)
{
	struct mpipc *handle = context.handle;

	context.handle = NULL;
	if (handle)
		context.forked = true;
	dispatched = NULL;
	pthread_rwlock_init(&context.lock, NULL);
	return handle;
}

/* Use the endpoint until mpipc__rte_put(). Returns NULL if there is none. */
struct mpipc *mpipc__rte_find(void)
{
	if (dispatched)
		return dispatched;
	/* A thread that waits for the lock would not get it while others come and go. */
	if (context.ending)
		return NULL;
	pthread_rwlock_rdlock(&context.lock);
	if (context.handle)
		return context.handle;
	pthread_rwlock_unlock(&context.lock);
	return NULL;
}

/* Say why there is no endpoint, because DPDK's own IPC may send in the child of a fork. */
static void explain_fork(void)
{
	if (atomic_exchange(&context.forked, false))
		fprintf(stderr, "mpipc: process %d was forked after rte_eal_init() and has no rte_mp; "
			"call daemon() or fork() before rte_eal_init()\n", (int)getpid());
}

/* Do the same. If there is no endpoint, rte_errno says why. */
struct mpipc *mpipc__rte_get(void)
{
	struct mpipc *handle = mpipc__rte_find();

	if (handle)
		return handle;
	explain_fork();
	rte_errno = context.disabled ? ENOTSUP : EBADF;
	return NULL;
}

/* Let no thread begin to use the endpoint any more. Threads that use the endpoint go on. */
void mpipc__rte_end(void)
{
	context.ending = true;
}

/* Stop using the endpoint. */
void mpipc__rte_put(struct mpipc *handle)
{
	if (!mpipc__is_dispatcher(handle))
		pthread_rwlock_unlock(&context.lock);
}

/* Note that this thread dispatches for @handle, before an action or a callback runs. */
void mpipc__rte_enter(struct mpipc *handle)
{
	dispatched = handle;
}

bool mpipc__rte_is_primary(void)
{
	return context.primary;
}

void mpipc__rte_disable(void)
{
	context.disabled = true;
}

bool mpipc__rte_disabled(void)
{
	return context.disabled;
}
