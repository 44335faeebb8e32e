// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "args.h"
#include "call.h"
#include "cancel.h"
#include "dispatch.h"
#include "dispatcher.h"
#include "export.h"
#include "fds.h"
#include "handle.h"
#include "ioctl.h"
#include "nested.h"
#include "order.h"

/* A call to all has space for this many secondaries that have joined since the last call. */
#define SPARE_RESULTS	1

/*
 * The results of a call are one allocation: this structure, then the records, the messages
 * that show the records to the program, the descriptors, and the payloads.
 */
struct mpipc_replies {
	unsigned int count;
	struct mpipc_record *records;
	struct mpipc_message *messages;
	int *fds;
	char *data;
};

/* A call begins with its argument, so that make_space() finds the results from @arg. */
struct call {
	struct mpipc_call_args arg;
	struct mpipc_replies *replies;
};

/*
 * Make a synchronous call. @make_space is called again with a higher number if there turn
 * out to be more destinations than last time.
 */
int mpipc__call(struct mpipc *handle, struct mpipc_call_args *arg, mpipc__make_space_t make_space)
{
	const bool all = arg->to == MPIPC_TO_ALL;
	unsigned int max = all ? atomic_load(&handle->destinations) + SPARE_RESULTS : 1;
	int err;

	if (mpipc__is_dispatcher(handle))
		return mpipc__call_nested(handle, arg, make_space);
	do {
		err = make_space(arg, max);
		if (err)
			return err;
		err = mpipc__call_ioctl(handle, arg);
		max = arg->n_results + SPARE_RESULTS;
	} while (err == -ENOSPC);
	if (!err && all)
		atomic_store(&handle->destinations, arg->n_results);
	return err;
}

/* Allocate space for @max results of the sizes in @arg. */
static struct mpipc_replies *alloc_replies(unsigned int max, const struct mpipc_call_args *arg)
{
	/* These fit in 64 bits: a result has 66 KiB at most, and @max fits in 32 bits. */
	uint64_t fds_size = ((uint64_t)max * arg->reply_fds * sizeof(int) + 7) & ~(uint64_t)7;
	uint64_t size = sizeof(struct mpipc_replies) + fds_size + (uint64_t)max *
		(sizeof(struct mpipc_message) + sizeof(struct mpipc_record) + arg->reply_size);
	struct mpipc_replies *replies;

	replies = size > SIZE_MAX ? NULL : malloc(size);
	if (!replies)
		return NULL;
	replies->count = 0;
	replies->records = (void *)(replies + 1);
	replies->messages = (void *)(replies->records + max);
	replies->fds = (void *)(replies->messages + max);
	replies->data = (char *)replies->fds + fds_size;
	return replies;
}

/* Make the messages that show the records, descriptors and payloads to the program. */
static void set_messages(struct mpipc_replies *replies, const struct mpipc_call_args *arg)
{
	unsigned int i;

	replies->count = arg->n_results;
	for (i = 0; i < replies->count; i++)
		replies->messages[i] = (struct mpipc_message) {
			.record = &replies->records[i],
			.data = replies->data + (size_t)i * arg->reply_size,
			.fds = replies->fds + (size_t)i * arg->reply_fds,
		};
}

/* Point @arg to space for @max results, in place of the space that there was. */
static int make_space(struct mpipc_call_args *arg, unsigned int max)
{
	struct call *call = (struct call *)arg;
	struct mpipc_replies *replies = alloc_replies(max, arg);

	free(call->replies);
	call->replies = replies;
	if (!replies)
		return -ENOMEM;
	arg->max_results = max;
	arg->results = (uintptr_t)replies->records;
	arg->reply_data = (uintptr_t)replies->data;
	arg->reply_fd_list = (uintptr_t)replies->fds;
	return 0;
}

/* Make a call. If @id is not NULL, other threads may cancel the call by the id stored there. */
static int make(struct mpipc *handle, struct mpipc_call_args *arg, uint64_t *id)
{
	struct mpipc__cancellable self;
	int err;

	if (!id)
		return mpipc__call(handle, arg, make_space);
	err = mpipc__allow_cancel(handle, &self, arg, id);
	if (err)
		return err;
	err = mpipc__call(handle, arg, make_space);
	mpipc__forbid_cancel(handle, &self);
	return err;
}

/* Close the descriptors of results. */
static void close_results(struct mpipc_replies *replies)
{
	unsigned int i;

	for (i = 0; i < replies->count; i++)
		mpipc__close_fds(mpipc__fd_slots(&replies->messages[i]),
				 replies->records[i].n_fds);
}

/*
 * Make a call, and dispatch while it waits if no other thread dispatches. If a handler closes the
 * handle, the handle is gone when this returns, and there are no results.
 */
static int make_dispatching(struct mpipc *handle, struct call *call, uint64_t *id)
{
	int err;

	if (!mpipc__start_dispatching(handle))
		return make(handle, &call->arg, id);
	err = make(handle, &call->arg, id);
	mpipc__handle_deferred(handle);
	if (!mpipc__stop_dispatching(handle))
		return err;
	if (!err) {
		set_messages(call->replies, &call->arg);
		close_results(call->replies);
	}
	return -ESHUTDOWN;
}

mpipc__export int mpipc_call(struct mpipc *handle, uint64_t to, const char *name, const void *data,
			     size_t size, int64_t timeout_ns,
			     const struct mpipc_call_options *options, struct mpipc_replies **out)
{
	struct call call = { .replies = NULL };
	struct mpipc_call_args *arg = &call.arg;
	struct mpipc_call_options opts;
	unsigned int flags;
	int err;

	if (!out)
		return -EINVAL;
	*out = NULL;
	err = mpipc__call_args(arg, to, name, data, size, timeout_ns, options, &opts);
	if (err)
		return err;
	flags = arg->flags;
	if (flags & MPIPC_CALL_ASYNC)
		return -EINVAL;
	arg->flags &= ~(MPIPC_CALL_ORDERED | MPIPC_CALL_DISPATCH);
	err = flags & MPIPC_CALL_DISPATCH ? make_dispatching(handle, &call, opts.call) :
					    make(handle, arg, opts.call);
	if (err) {
		free(call.replies);
		return err;
	}
	set_messages(call.replies, arg);
	if (flags & MPIPC_CALL_ORDERED)
		mpipc__wait_for_order(handle, call.replies->records, call.replies->count,
				      arg->deadline);
	*out = call.replies;
	return arg->n_results;
}

mpipc__export const struct mpipc_message *mpipc_replies_get(const struct mpipc_replies *replies,
							    unsigned int index)
{
	return replies && index < replies->count ? &replies->messages[index] : NULL;
}

mpipc__export void mpipc_replies_free(struct mpipc_replies *replies)
{
	if (!replies)
		return;
	close_results(replies);
	free(replies);
}
