// SPDX-License-Identifier: BSD-3-Clause
#include <time.h>

#include "dispatcher.h"
#include "handle.h"
#include "order.h"

/* Wake the callers in mpipc__wait_for_order(), so that they look again. */
void mpipc__wake_waiters(struct mpipc *handle)
{
	if (!atomic_load(&handle->waiters))
		return;
	pthread_mutex_lock(&handle->order_lock);
	pthread_cond_broadcast(&handle->order_changed);
	pthread_mutex_unlock(&handle->order_lock);
}

/* Return the number of the last record that had come in before any of these results. */
static uint64_t last_before(const struct mpipc_record *results, unsigned int n_results)
{
	uint64_t seq = 0;
	unsigned int i;

	for (i = 0; i < n_results; i++)
		if (results[i].seq > seq)
			seq = results[i].seq;
	return seq;
}

/*
 * Wait until the handlers of all that came in before @results have returned, or until the
 * deadline. The thread of mpipc_start() runs the handlers. Without it there is no wait.
 */
void mpipc__wait_for_order(struct mpipc *handle, const struct mpipc_record *results,
			   unsigned int n_results, uint64_t deadline)
{
	const uint64_t seq = last_before(results, n_results);
	struct timespec end = {
		.tv_sec = deadline / 1000000000,
		.tv_nsec = deadline % 1000000000,
	};
	int cancel;

	if (atomic_load(&handle->handled) >= seq)
		return;
	if (!handle->has_thread || mpipc__is_dispatcher(handle))
		return;
	/* A thread that is cancelled while it waits for the condition would keep the lock. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&handle->order_lock);
	atomic_fetch_add(&handle->waiters, 1);
	while (atomic_load(&handle->handled) < seq && !atomic_load(&handle->left))
		if (pthread_cond_timedwait(&handle->order_changed, &handle->order_lock, &end))
			break;
	atomic_fetch_sub(&handle->waiters, 1);
	pthread_mutex_unlock(&handle->order_lock);
	pthread_setcancelstate(cancel, NULL);
}

/* Note that the handler of record @seq has returned. */
void mpipc__count_handled(struct mpipc *handle, uint64_t seq)
{
	if (seq > handle->last_seq)
		handle->last_seq = seq;
	/*
	 * An outer handler or a deferred message has a lower number and is not done. On a
	 * closed handle nobody may be waiting.
	 */
	if (handle->depth || handle->deferred || handle->closed)
		return;
	atomic_store(&handle->handled, handle->last_seq);
	mpipc__wake_waiters(handle);
}
