// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "dispatcher.h"
#include "handle.h"
#include "receive.h"

/* Records that come with a reply use only this much of the batch, because most are small. */
#define AHEAD_SIZE	16384

/* When records never come with a reply, this many replies in a row do not ask for one. */
#define MOST_MISSES	63

/* Wait for a record by poll(), because a program may have made the descriptor non-blocking. */
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

/* Take one record. A descriptor that is non-blocking fails with -EAGAIN without one. */
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

/* Take one record with its descriptors. Wait for it until @deadline. */
int mpipc__receive(struct mpipc *handle, struct mpipc_recv_args *recv, void *data, int *fds,
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

/*
 * Fill the batch with records, up to one that has descriptors. Wait until there is a record.
 * Fails with -EOPNOTSUPP if the first one has descriptors.
 */
int mpipc__receive_batch(struct mpipc *handle)
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

/* Check that the batch is used up and has space for a record that comes with a reply. */
static bool has_space(const struct mpipc *handle)
{
	return handle->batch_pos == handle->batch_len &&
	       handle->batch_len + sizeof(struct mpipc_reply_recv_args) <= AHEAD_SIZE;
}

/*
 * Reply, and take the next record if it is there already, as it is when the caller asks
 * again at once. The argument of the ioctl lies behind the used part of the batch, so that
 * the record in it becomes the new rest of the batch.
 */
static int reply_and_receive(struct mpipc *handle, const struct mpipc_reply_args *reply)
{
	struct mpipc_reply_recv_args *arg = (void *)(handle->batch + handle->batch_len);
	int err;

	arg->reply = *reply;
	arg->reply_error = 1;	/* the kernel writes 0 or less */
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
		handle->replies_only = handle->misses;
	} else {
		handle->misses = 0;
		handle->batch_pos = (char *)&arg->recv.record - handle->batch;
		handle->batch_len = handle->batch_pos + arg->recv.record.len;
	}
	return arg->reply_error;
}

/* Reply to a request, and try to take the next record if the batch has space for it. */
int mpipc__reply(struct mpipc *handle, struct mpipc_reply_args *arg)
{
	/* A reply to no call fails, and nothing may be taken with it. */
	if (arg->call && mpipc__is_dispatcher(handle) && !handle->depth && has_space(handle)) {
		if (!handle->replies_only)
			return reply_and_receive(handle, arg);
		handle->replies_only--;
	}
	return ioctl(handle->fd, MPIPC_REPLY, arg) < 0 ? -errno : 0;
}
