// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "cancel.h"
#include "export.h"
#include "handle.h"
#include "ioctl.h"

/* Ids of synchronous calls have this bit. The kernel counts calls from 1. */
#define SYNCHRONOUS	((uint64_t)1 << 63)

/*
 * Let other threads cancel a synchronous call by the id that is stored in @id, until
 * mpipc__forbid_cancel().
 */
int mpipc__allow_cancel(struct mpipc *handle, struct mpipc__cancellable *self,
			const struct mpipc_call_args *arg, uint64_t *id)
{
	/* A thread that a forked child does not have may hold the lock. */
	if (handle->pid != getpid())
		return -EPERM;
	self->kernel_id = &arg->id;
	pthread_mutex_lock(&handle->cancel_lock);
	self->id = SYNCHRONOUS | ++handle->last_cancellable;
	self->next = handle->cancellable;
	handle->cancellable = self;
	pthread_mutex_unlock(&handle->cancel_lock);
	__atomic_store_n(id, self->id, __ATOMIC_RELEASE);
	return 0;
}

void mpipc__forbid_cancel(struct mpipc *handle, struct mpipc__cancellable *self)
{
	struct mpipc__cancellable **pos;

	pthread_mutex_lock(&handle->cancel_lock);
	for (pos = &handle->cancellable; *pos != self; pos = &(*pos)->next)
		;
	*pos = self->next;
	pthread_mutex_unlock(&handle->cancel_lock);
}

/*
 * Read the kernel's id. ThreadSanitizer takes what the kernel writes for a write of the thread
 * that made the ioctl. A 32-bit processor reads in two steps, hence the loop.
 */
__attribute__((no_sanitize("thread")))
static uint64_t read_id(const struct mpipc__cancellable *call)
{
	const volatile __u64 *pos = call->kernel_id;
	uint64_t id;

	do
		id = *pos;
	while (id != *pos);
	return id;
}

/* Cancel a synchronous call. Fails with -EAGAIN if the kernel does not know the call yet. */
static int cancel_synchronous(struct mpipc *handle, uint64_t id)
{
	struct mpipc__cancellable *call;
	uint64_t kernel_id = 0;
	int err = -ESRCH;

	pthread_mutex_lock(&handle->cancel_lock);
	for (call = handle->cancellable; call; call = call->next)
		if (call->id == id)
			break;
	if (call) {
		kernel_id = read_id(call);
		err = kernel_id ? mpipc__cancel(handle, kernel_id) : -EAGAIN;
	}
	pthread_mutex_unlock(&handle->cancel_lock);
	return err;
}

mpipc__export int mpipc_cancel(struct mpipc *handle, uint64_t call)
{
	int err, cancel;

	if (!(call & SYNCHRONOUS))
		return mpipc__cancel(handle, call);
	if (handle->pid != getpid())
		return -EPERM;
	/* poll() is a cancellation point. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	while ((err = cancel_synchronous(handle, call)) == -EAGAIN)
		poll(NULL, 0, 1);
	pthread_setcancelstate(cancel, NULL);
	return err;
}
