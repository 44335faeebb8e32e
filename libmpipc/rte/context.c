// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <rte_errno.h>

#include "../dispatcher.h"
#include "context.h"

static struct {
	pthread_rwlock_t lock;
	struct mpipc *handle;
	bool primary;
	atomic_bool disabled;
} context = { .lock = PTHREAD_RWLOCK_INITIALIZER };

/* On a thread that dispatches: what it dispatches for, until rte_eal_cleanup(). */
static __thread struct mpipc *dispatched;

/* Makes @handle the endpoint of this process. */
void mpipc__rte_set_endpoint(struct mpipc *handle, bool primary)
{
	pthread_rwlock_wrlock(&context.lock);
	context.handle = handle;
	context.primary = primary;
	context.disabled = false;
	pthread_rwlock_unlock(&context.lock);
}

/* Waits for those who use the endpoint. False if another thread was faster. */
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

/* In the child of a fork, for which another thread may have held the lock. */
struct mpipc *mpipc__rte_forget_endpoint(void)
{
	struct mpipc *handle = context.handle;

	context.handle = NULL;
	dispatched = NULL;
	pthread_rwlock_init(&context.lock, NULL);
	return handle;
}

/* The endpoint, until mpipc__rte_put(); NULL with rte_errno set if there is none. */
struct mpipc *mpipc__rte_get(void)
{
	if (dispatched)
		return dispatched;
	pthread_rwlock_rdlock(&context.lock);
	if (context.handle)
		return context.handle;
	pthread_rwlock_unlock(&context.lock);
	rte_errno = context.disabled ? ENOTSUP : EBADF;
	return NULL;
}

void mpipc__rte_put(struct mpipc *handle)
{
	if (!mpipc__is_dispatcher(handle))
		pthread_rwlock_unlock(&context.lock);
}

/* Before an action or a callback, on the thread that dispatches. */
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
