// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* An event loop has other things to do than one full mailbox. */
#define MOST_AT_ONCE	64

/* How much of the batch is for records that are taken ahead, most of which are small. */
#define AHEAD_SIZE	16384

/* Where nothing ever comes with an answer, one of so many looks for it. */
#define MOST_MISSES	63

static uintptr_t this_thread(void)
{
	static __thread char address;

	return (uintptr_t)&address;
}

bool mpipc__is_dispatcher(const struct mpipc *handle)
{
	return atomic_load(&handle->dispatcher) == this_thread();
}

mpipc__export int mpipc_message_take_fd(const struct mpipc_message *message, unsigned int index)
{
	int fd;

	if (!message || index >= message->record->n_fds)
		return -EINVAL;
	fd = message->fds[index];
	if (fd >= 0)
		mpipc__fd_slots(message)[index] = -EBADF;
	return fd;
}

/* For a descriptor that a program's event loop has made non-blocking. */
static int wait_for_record(struct mpipc *handle, uint64_t deadline)
{
	struct pollfd fd = { .fd = handle->fd, .events = POLLIN };
	struct timespec left;
	uint64_t now;
	int ready;

	now = mpipc__deadline(1);
	deadline = deadline > now ? deadline - now : 0;
	left.tv_sec = deadline / 1000000000;
	left.tv_nsec = deadline % 1000000000;
	ready = ppoll(&fd, 1, &left, NULL);
	if (ready < 0)
		return -errno;
	return ready ? 0 : -ETIMEDOUT;
}

static int receive_once(struct mpipc *handle, struct mpipc_recv_args *recv, void *data, int *fds,
			uint64_t deadline)
{
	recv->flags = 0;
	recv->max_fds = MPIPC_FDS_MAX;
	recv->max_size = MPIPC_SIZE_MAX;
	recv->reserved = 0;
	recv->data = (uintptr_t)data;
	recv->fds = (uintptr_t)fds;
	recv->deadline = deadline;
	return ioctl(handle->fd, MPIPC_RECV, recv) < 0 ? -errno : 0;
}

/* Takes one record, with its descriptors. */
static int receive(struct mpipc *handle, struct mpipc_recv_args *recv, void *data, int *fds,
		   uint64_t deadline)
{
	int err;

	do {
		err = receive_once(handle, recv, data, fds, deadline);
		if (err != -EAGAIN || !deadline)
			return err;
		err = wait_for_record(handle, deadline);
	} while (!err);
	return err;
}

/* Takes what there is, up to a record with descriptors; waits for something. */
static int receive_batch(struct mpipc *handle)
{
	ssize_t len;

	while ((len = read(handle->fd, handle->batch, MPIPC__BATCH_SIZE)) < 0) {
		int err = errno == EAGAIN ? wait_for_record(handle, MPIPC_FOREVER) : -errno;

		if (err)
			return err;
	}
	handle->batch_pos = 0;
	handle->batch_len = len;
	return 0;
}

/* Whether the batch is used up, and there is room in it for a record to be taken ahead. */
static bool has_room(const struct mpipc *handle)
{
	return handle->batch_pos == handle->batch_len &&
	       handle->batch_len + sizeof(struct mpipc_reply_recv_args) <= AHEAD_SIZE;
}

/*
 * Answers, and takes the next record if it is there, which it is when the one who got
 * the answer asks again at once. It becomes the rest of the batch, behind the argument.
 */
static int answer_and_receive(struct mpipc *handle, const struct mpipc_reply_args *reply)
{
	struct mpipc_reply_recv_args *arg = (void *)(handle->batch + handle->batch_len);
	int err;

	arg->reply = *reply;
	arg->reply_error = 1;	/* none yet */
	arg->reserved = 0;
	arg->recv.flags = 0;
	arg->recv.max_fds = 0;
	arg->recv.max_size = AHEAD_SIZE - sizeof(*arg) - handle->batch_len;
	arg->recv.reserved = 0;
	arg->recv.data = (uintptr_t)(arg + 1);
	arg->recv.fds = 0;
	arg->recv.deadline = 0;
	err = ioctl(handle->fd, MPIPC_REPLY_RECV, arg) < 0 ? -errno : 0;
	if (arg->reply_error > 0)
		return err;
	if (err) {
		if (handle->misses < MOST_MISSES)
			handle->misses = 2 * handle->misses + 1;
		handle->answers_only = handle->misses;
	} else {
		handle->misses = 0;
		handle->batch_pos = (char *)&arg->recv.record - handle->batch;
		handle->batch_len = handle->batch_pos + arg->recv.record.len;
	}
	return arg->reply_error;
}

int mpipc__answer(struct mpipc *handle, struct mpipc_reply_args *arg)
{
	/* There is nothing to answer, and so nothing to be taken, without a call. */
	if (arg->call && mpipc__is_dispatcher(handle) && !handle->depth && has_room(handle)) {
		if (!handle->answers_only)
			return answer_and_receive(handle, arg);
		handle->answers_only--;
	}
	return ioctl(handle->fd, MPIPC_REPLY, arg) < 0 ? -errno : 0;
}

void mpipc__wake_waiters(struct mpipc *handle)
{
	if (!atomic_load(&handle->waiters))
		return;
	pthread_mutex_lock(&handle->order_lock);
	pthread_cond_broadcast(&handle->order_changed);
	pthread_mutex_unlock(&handle->order_lock);
}

void mpipc__wait_handled(struct mpipc *handle, uint64_t seq, uint64_t deadline)
{
	struct timespec end = {
		.tv_sec = deadline / 1000000000,
		.tv_nsec = deadline % 1000000000,
	};
	int cancel;

	if (atomic_load(&handle->handled) >= seq)
		return;
	if (!handle->has_thread || mpipc__is_dispatcher(handle))
		return;
	/* To wait for the condition is a point where a thread is cancelled, with the lock. */
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

static void count_handled(struct mpipc *handle, uint64_t seq)
{
	if (seq > handle->last_seq)
		handle->last_seq = seq;
	/* Is one before it not done? Nobody may wait any more if it is closed. */
	if (handle->depth || handle->deferred || handle->closed)
		return;
	atomic_store(&handle->handled, handle->last_seq);
	mpipc__wake_waiters(handle);
}

static void run_handler(struct mpipc *handle, const struct mpipc_message *message)
{
	if (message->record->type == MPIPC_REPLY_TO)
		mpipc__async_result(handle, message);
	else if (handle->handler)
		handle->handler(handle, message, handle->arg);
	else if (message->record->type == MPIPC_REQUEST)
		mpipc_reply(handle, message->record->call, -EOPNOTSUPP, NULL, 0, NULL);
	mpipc__close_fds(mpipc__fd_slots(message), message->record->n_fds);
	count_handled(handle, message->record->seq);
}

static bool handle_deferred(struct mpipc *handle)
{
	struct mpipc__deferred *deferred = mpipc__take_deferred(handle);

	if (!deferred)
		return false;
	run_handler(handle, mpipc__deferred_message(deferred));
	free(deferred);
	return true;
}

static void handle_message(struct mpipc *handle, const struct mpipc_message *message)
{
	if (handle->depth > MPIPC__IN_ORDER && mpipc__defer(handle, message))
		return;
	run_handler(handle, message);
	while (!handle->depth && !handle->closed && !atomic_load(&handle->left) &&
	       handle_deferred(handle))
		;
}

static int handle_one(struct mpipc *handle, void *data, int *fds, uint64_t deadline)
{
	struct mpipc_message message;
	struct mpipc_recv_args recv;
	int err;

	err = receive(handle, &recv, data, fds, deadline);
	if (err)
		return err;
	message.record = &recv.record;
	message.data = data;
	message.fds = fds;
	handle_message(handle, &message);
	return 0;
}

/* A record whose payload has all of the batch. */
static int handle_alone(struct mpipc *handle, uint64_t deadline)
{
	handle->batch_pos = MPIPC__BATCH_SIZE;
	handle->batch_len = MPIPC__BATCH_SIZE;
	return handle_one(handle, handle->batch, handle->fds, deadline);
}

/* The next record of a batch, if there is one; it has no descriptors. Leaving drops it. */
static bool handle_batched(struct mpipc *handle)
{
	struct mpipc_message message = { .fds = handle->fds };

	if (handle->batch_pos >= handle->batch_len || atomic_load(&handle->left))
		return false;
	message.record = (void *)(handle->batch + handle->batch_pos);
	message.data = message.record + 1;
	handle->batch_pos += message.record->len;
	handle_message(handle, &message);
	return true;
}

/* Waits for records and handles all that came at once. */
static int handle_batch(struct mpipc *handle)
{
	int err, count = 0;

	err = receive_batch(handle);
	if (err)
		return err;
	while (!handle->closed && handle_batched(handle))
		count++;
	return count;
}

static int handle_or_wait(struct mpipc *handle)
{
	int ret = handle_batch(handle);

	if (ret != -EOPNOTSUPP)
		return ret;
	/* The next record has descriptors. */
	ret = handle_alone(handle, 0);
	return ret ? ret : 1;
}

static int handle_some(struct mpipc *handle, int64_t timeout_ns)
{
	uint64_t deadline = mpipc__deadline(timeout_ns);
	int err, count;

	for (count = 0; count < MOST_AT_ONCE && !handle->closed; count++) {
		err = handle_alone(handle, deadline);
		if (err == -EAGAIN || err == -ETIMEDOUT)
			break;
		if (err)
			return count ? count : err;
		deadline = 0;
	}
	return count;
}

/* The kernel has no memory for what we ask: let others run and free some. */
static void wait_for_memory(void)
{
	poll(NULL, 0, 10);
}

/* In a handler: waits for the next record and handles it. */
int mpipc__dispatch_nested(struct mpipc *handle, void *data, int *fds)
{
	int err;

	if (handle->closed)
		return -ESHUTDOWN;
	if (handle->depth <= MPIPC__IN_ORDER && handle_deferred(handle))
		return 0;
	if (handle_batched(handle))
		return 0;
	err = handle_one(handle, data, fds, MPIPC_FOREVER);
	if (err == -ENOMEM)
		wait_for_memory();
	return err == -ENOMEM || err == -EINTR ? 0 : err;
}

/* Lets go of dispatching; frees a handle that was closed in a handler. */
static bool release(struct mpipc *handle)
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
	if (!atomic_compare_exchange_strong(&handle->dispatcher, &nobody, this_thread()))
		return -EBUSY;
	if (timeout_ns < 0)
		ret = handle_or_wait(handle);
	else
		ret = handle_some(handle, timeout_ns);
	return release(handle) ? -ESHUTDOWN : ret;
}

static void *thread_main(void *arg)
{
	struct mpipc *handle = arg;
	int ret;

	atomic_store(&handle->dispatcher, this_thread());
	pthread_setname_np(pthread_self(), "mpipc-msg");
	do {
		ret = handle_or_wait(handle);
		if (ret == -ENOMEM)
			wait_for_memory();
	} while (!handle->closed && (ret >= 0 || ret == -EINTR || ret == -ENOMEM));

	/* An endpoint that nobody serves any more must not look alive to others. */
	if (!handle->closed)
		mpipc_leave(handle);
	release(handle);
	return NULL;
}

mpipc__export int mpipc_start(struct mpipc *handle)
{
	uintptr_t nobody = 0;
	sigset_t all, old;
	int err;

	if (handle->pid != getpid())
		return -EPERM;
	if (handle->has_thread)
		return -EALREADY;
	/* Until the thread can say who it is, the handle stands for it. */
	if (!atomic_compare_exchange_strong(&handle->dispatcher, &nobody, (uintptr_t)handle))
		return -EBUSY;
	handle->has_thread = true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&handle->thread, NULL, thread_main, handle);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		handle->has_thread = false;
		atomic_store(&handle->dispatcher, 0);
		return -err;
	}
	return 0;
}
