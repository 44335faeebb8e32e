// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "handle.h"
#include "receive.h"

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
