// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "args.h"
#include "defer.h"
#include "dispatch.h"
#include "fds.h"
#include "handle.h"
#include "order.h"
#include "receive.h"
#include "results.h"

/* mpipc_dispatch() returns after this many messages, because an event loop has more to do. */
#define MOST_AT_ONCE	64

static void call_handler(struct mpipc *handle, const struct mpipc_message *message)
{
	if (message->record->type == MPIPC_REPLY_TO)
		mpipc__async_result(handle, message);
	else if (handle->handler)
		handle->handler(handle, message, handle->arg);
	else if (message->record->type == MPIPC_REQUEST)
		mpipc_reply(handle, message->record->call, -EOPNOTSUPP, NULL, 0, NULL);
}

/*
 * Run the handler of @message, then close the descriptors that it has left there. No handler
 * starts after mpipc_leave(), because the program may have freed what handlers use.
 */
static void run_handler(struct mpipc *handle, const struct mpipc_message *message)
{
	if (!atomic_load(&handle->left))
		call_handler(handle, message);
	mpipc__close_fds(mpipc__fd_slots(message), message->record->n_fds);
	mpipc__count_handled(handle, message->record->seq);
}

/* Handle the oldest deferred message. Returns false if there is none. */
static bool handle_deferred(struct mpipc *handle)
{
	struct mpipc__deferred *deferred = mpipc__take_deferred(handle);

	if (!deferred)
		return false;
	run_handler(handle, mpipc__deferred_message(deferred));
	free(deferred);
	return true;
}

/* Handle all deferred messages, unless a handler waits. */
void mpipc__handle_deferred(struct mpipc *handle)
{
	while (!handle->depth && !handle->closed && !atomic_load(&handle->left) &&
	       handle_deferred(handle))
		;
}

/* Handle or defer @message. When no handler waits, handle all deferred messages, too. */
static void handle_message(struct mpipc *handle, const struct mpipc_message *message)
{
	if (handle->depth > MPIPC__IN_ORDER && mpipc__defer(handle, message))
		return;
	run_handler(handle, message);
	mpipc__handle_deferred(handle);
}

/* Receive one record with its descriptors and handle it. */
static int handle_one(struct mpipc *handle, void *data, int *fds, uint64_t deadline)
{
	struct mpipc_message message;
	struct mpipc_recv_args recv;
	int err;

	err = mpipc__receive(handle, &recv, data, fds, deadline);
	if (err)
		return err;
	message.record = &recv.record;
	message.data = data;
	message.fds = fds;
	handle_message(handle, &message);
	return 0;
}

/* Do the same with the memory of the batch, in which no record may be left. */
static int handle_alone(struct mpipc *handle, uint64_t deadline)
{
	handle->batch_pos = MPIPC__BATCH_SIZE;
	handle->batch_len = MPIPC__BATCH_SIZE;
	return handle_one(handle, handle->batch, handle->fds, deadline);
}

/*
 * Handle the next record of the batch, which never has descriptors. Returns false if there
 * is none, or if the endpoint has left, which drops the rest.
 */
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

/* Wait for records and handle those that came at once. Returns their number. */
static int handle_batch(struct mpipc *handle)
{
	int err, count = 0;

	err = mpipc__receive_batch(handle);
	if (err)
		return err;
	while (!handle->closed && handle_batched(handle))
		count++;
	return count;
}

/* Wait for records and handle at least one of them. Returns their number. */
int mpipc__handle_or_wait(struct mpipc *handle)
{
	int ret = handle_batch(handle);

	if (ret != -EOPNOTSUPP)
		return ret;
	/* read() stops before a record with descriptors. */
	ret = handle_alone(handle, 0);
	return ret ? ret : 1;
}

/* Wait up to @timeout_ns for records and handle some of them. Returns their number. */
int mpipc__handle_some(struct mpipc *handle, int64_t timeout_ns)
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

/* Sleep a little after -ENOMEM, so that others can run and free some memory. */
void mpipc__wait_for_memory(void)
{
	poll(NULL, 0, 10);
}

/*
 * Handle one message in a handler: a deferred one, one of the batch, or the next one that
 * comes in, for which @data and @fds are the buffers.
 */
int mpipc__dispatch_nested(struct mpipc *handle, void *data, int *fds)
{
	int err;

	if (handle->closed || atomic_load(&handle->left))
		return -ESHUTDOWN;
	if (handle->depth <= MPIPC__IN_ORDER && handle_deferred(handle))
		return 0;
	if (handle_batched(handle))
		return 0;
	err = handle_one(handle, data, fds, MPIPC_FOREVER);
	if (err == -ENOMEM)
		mpipc__wait_for_memory();
	return err == -ENOMEM || err == -EINTR ? 0 : err;
}
