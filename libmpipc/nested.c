// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdlib.h>

#include "dispatch.h"
#include "fds.h"
#include "handle.h"
#include "ioctl.h"
#include "nested.h"
#include "results.h"

/* This many calls of handlers may wait on one stack. */
#define MOST_NESTED	64

/* A nested call receives into this memory. */
struct buffer {
	int fds[MPIPC_FDS_MAX];
	uint64_t data[MPIPC_SIZE_MAX / sizeof(uint64_t)];
};

/* Close the descriptors of the first @n results. */
static void close_results(struct mpipc_call_args *call, unsigned int n)
{
	struct mpipc_record *records = (void *)(uintptr_t)call->results;
	int *fds = (int *)(uintptr_t)call->reply_fd_list;
	unsigned int i;

	for (i = 0; i < n; i++)
		mpipc__close_fds(fds + (size_t)i * call->reply_fds, records[i].n_fds);
}

/*
 * Dispatch until all results of @call are stored. If the endpoint leaves, this fails and there
 * are no results.
 */
static int collect_results(struct mpipc *handle, struct mpipc_call_args *call,
			   struct buffer *buffer)
{
	struct mpipc__nested self = {
		.outer = handle->nested,
		.call = call,
	};
	int err = 0;

	handle->nested = &self;
	handle->depth++;
	while (!self.complete && !err)
		err = mpipc__dispatch_nested(handle, buffer->data, buffer->fds);
	handle->depth--;
	handle->nested = self.outer;
	if (err)
		close_results(call, self.n_results);
	return err;
}

/*
 * Make a synchronous call in a handler. It does not wait for space in a full mailbox, because
 * its owner may be waiting for space in ours.
 */
int mpipc__call_nested(struct mpipc *handle, struct mpipc_call_args *call,
		       mpipc__make_space_t make_space)
{
	struct buffer *buffer;
	int err;

	if (handle->depth >= MOST_NESTED)
		return -EDEADLK;
	buffer = malloc(sizeof(*buffer));
	if (!buffer)
		return -ENOMEM;
	call->flags &= ~MPIPC_CALL_WAIT_SPACE;
	call->flags |= MPIPC_CALL_ASYNC;
	err = mpipc__call_ioctl(handle, call);
	if (err) {
		free(buffer);
		return err;
	}
	err = make_space(call, call->n_results);
	if (err)
		mpipc__cancel(handle, call->id);	/* its results will be ignored */
	else
		err = collect_results(handle, call, buffer);
	free(buffer);
	return err;
}
