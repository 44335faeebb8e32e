// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_errno.h>

#include "../dispatcher.h"
#include "../export.h"
#include "../fds.h"
#include "../results.h"
#include "context.h"
#include "error.h"
#include "request.h"
#include "turn.h"
#include "wire.h"

/* A request begins with its call and is freed with it. @reply has the replies so far. */
struct request {
	struct mpipc__async call;
	rte_done_t done;
	void *arg;
	unsigned int ignored;
	struct rte_mp_reply reply;
	alignas(8) struct rte_mp_msg msg;	/* a copy, aligned as for DPDK 25.11 */
};

/* Count a result, and store the reply in it. */
static void store_result(struct request *self, const struct mpipc_message *result)
{
	const struct mpipc_record *record = result->record;
	struct rte_mp_reply *reply = &self->reply;

	if (!mpipc__rte_counts(record)) {
		self->ignored++;
		return;
	}
	if (!mpipc__rte_replied(record, result->data)) {
		mpipc__rte_note_missing(record, self->msg.name);
		return;
	}
	if (!reply->msgs)
		reply->msgs = malloc(self->call.n_results * RTE_MSG_SIZE);
	if (!reply->msgs)
		return;	/* the reply is lost, and the program sees that one is missing */
	mpipc__rte_fill(mpipc__rte_reply_at(reply, reply->nb_received++), record, result->data,
			mpipc__fd_slots(result));
}

/* Handle a result. After the last one the program gets its replies. */
static void handle_result(struct mpipc *handle, const struct mpipc_message *result, void *arg)
{
	struct request *self = arg;

	if (mpipc__is_dispatcher(handle))
		mpipc__rte_enter(handle);
	store_result(self, result);
	if (!(result->record->flags & MPIPC_REC_LAST))
		return;
	self->reply.nb_sent = self->call.n_results - self->ignored;
	mpipc__rte_take_turn();
	self->done(&self->msg, &self->reply, self->arg);
	mpipc__rte_end_turn();
	free(self->reply.msgs);
}

static struct request *new_request(const struct rte_mp_msg *msg, rte_done_t done, void *arg)
{
	struct request *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	self->call.callback = handle_result;
	self->call.arg = self;
	self->done = done;
	self->arg = arg;
	memcpy(&self->msg, msg, RTE_MSG_SIZE);
	return self;
}

/* Check the arguments of an asynchronous request. */
int mpipc__rte_check_async(const struct rte_mp_msg *req, const struct timespec *ts)
{
	int err = mpipc__rte_check(req);

	if (err)
		return err;
	/* DPDK refuses a timeout that is no time at all. */
	if (!ts || (ts->tv_sec <= 0 && ts->tv_nsec < 1000))
		return -EINVAL;
	return 0;
}

/*
 * Make a request whose replies @done gets, in its turn. Returns a negative error number if
 * @done is not going to be called.
 */
int mpipc__rte_request_async(const struct rte_mp_msg *req, const struct timespec *ts,
			     rte_done_t done, void *arg)
{
	struct mpipc_call_args call = { .flags = MPIPC_CALL_ASYNC };
	struct request *self;
	struct mpipc *handle;
	int err;

	handle = mpipc__rte_prepare(&call, req, ts);
	if (!handle)
		return -rte_errno;
	self = new_request(req, done, arg);
	err = self ? mpipc__async_start(handle, &call, &self->call, NULL) : -ENOMEM;
	if (err)
		free(self);
	mpipc__rte_put(handle);
	return err;
}

/* Give the replies to the program. */
static void call_program(const struct rte_mp_msg *request, struct rte_mp_reply *reply, void *arg)
{
	rte_mp_async_reply_t callback = (rte_mp_async_reply_t)arg;

	callback(request, reply);
}

mpipc__export int rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts,
				       rte_mp_async_reply_t callback)
{
	int err = mpipc__rte_check_async(req, ts);

	if (!err && !callback)
		err = -EINVAL;
	if (!err)
		err = mpipc__rte_request_async(req, ts, call_program, (void *)callback);
	return err ? mpipc__rte_fail(err) : 0;
}
