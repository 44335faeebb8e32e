// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../dispatcher.h"
#include "../export.h"
#include "../fds.h"
#include "../results.h"
#include "context.h"
#include "error.h"
#include "request.h"
#include "wire.h"

/* A request begins with its call and is freed with it. @reply has the replies so far. */
struct request {
	struct mpipc__async call;
	rte_mp_async_reply_t callback;
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
	if (!mpipc__rte_replied(record, result->data))
		return;
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
	self->callback(&self->msg, &self->reply);
	free(self->reply.msgs);
}

static struct request *new_request(const struct rte_mp_msg *msg, rte_mp_async_reply_t callback)
{
	struct request *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	self->call.callback = handle_result;
	self->call.arg = self;
	self->callback = callback;
	memcpy(&self->msg, msg, RTE_MSG_SIZE);
	return self;
}

static int check_request(const struct rte_mp_msg *req, const struct timespec *ts,
			 rte_mp_async_reply_t callback)
{
	int err = mpipc__rte_check(req);

	if (err)
		return err;
	/* DPDK refuses a timeout that is no time at all. */
	if (!ts || !callback || (ts->tv_sec <= 0 && ts->tv_nsec < 1000))
		return -EINVAL;
	return 0;
}

mpipc__export int rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts,
				       rte_mp_async_reply_t callback)
{
	struct mpipc_call_args arg = { .flags = MPIPC_CALL_ASYNC };
	struct request *self;
	struct mpipc *handle;
	int err;

	err = check_request(req, ts, callback);
	if (err)
		return mpipc__rte_fail(err);
	handle = mpipc__rte_prepare(&arg, req, ts);
	if (!handle)
		return -1;
	self = new_request(req, callback);
	err = self ? mpipc__async_start(handle, &arg, &self->call, NULL) : -ENOMEM;
	if (err)
		free(self);
	mpipc__rte_put(handle);
	return err ? mpipc__rte_fail(err) : 0;
}
