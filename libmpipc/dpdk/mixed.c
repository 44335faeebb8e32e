// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "../fds.h"
#include "../rte/error.h"
#include "../rte/request.h"
#include "../rte/turn.h"
#include "../rte/wire.h"
#include "mixed.h"
#include "serve.h"

/* Send a message to all, first to those on mpipc. */
int mpipc__mixed_send(struct rte_mp_msg *msg)
{
	int ret, err;

	if (!mpipc__has_members() || mpipc__rte_check(msg))
		return rte_mp_sendmsg(msg);
	ret = rte_mp_sendmsg(msg);
	err = mpipc__send_members(msg);
	if (!ret && err)
		return mpipc__rte_fail(err);
	return ret;
}

/* Free the replies of a request that has failed, and close their descriptors. */
static void drop_replies(struct rte_mp_reply *reply)
{
	struct rte_mp_msg *msg;
	int i;

	for (i = 0; i < reply->nb_received; i++) {
		msg = mpipc__rte_reply_at(reply, i);
		mpipc__close_fds(msg->fds, msg->num_fds);
	}
	free(reply->msgs);
	reply->msgs = NULL;
	reply->nb_received = 0;
}

/* Make a synchronous request of which @call is the part for native members. */
static int request_both(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts, struct native_call *call)
{
	int err = rte_mp_request_sync(req, reply, ts) ? -rte_errno : 0, native;

	/* Even if that failed, wait for replies, which the next request would get otherwise. */
	native = mpipc__serve_wait(call);
	mpipc__native_call_finish(call);
	if (!err)
		err = native;
	if (!err)
		err = mpipc__native_call_collect(call, reply, true);
	mpipc__native_call_free(call);
	if (!err)
		return 0;
	drop_replies(reply);
	return mpipc__rte_fail(err);
}

/* Make a request of all, and wait for all replies. Others have their turn meanwhile. */
int mpipc__mixed_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			      const struct timespec *ts)
{
	unsigned int turn = mpipc__rte_suspend_turn();
	struct native_call *call = NULL;
	bool both = mpipc__has_members() && reply && ts && !mpipc__rte_check(req);
	int ret;

	if (both)
		call = mpipc__native_call_start(req, mpipc__rte_deadline(ts), NULL, NULL);
	if (call) {
		ret = request_both(req, reply, ts, call);
	} else if (both) {
		memset(reply, 0, sizeof(*reply));
		ret = mpipc__rte_fail(-ENOMEM);
	} else {
		ret = rte_mp_request_sync(req, reply, ts);
	}
	mpipc__rte_resume_turn(turn);
	return ret;
}

/* An asynchronous request of both kinds. Each part that is over gives up its reference. */
struct request {
	rte_mp_async_reply_t callback;
	atomic_uint n_parts;
	struct rte_mp_reply reply;	/* of the members on mpipc, then of all */
	struct rte_mp_reply native;
	alignas(8) struct rte_mp_msg msg;
};

/* Add the replies of native members to the others. Without memory for that they are lost. */
static void join_replies(struct rte_mp_reply *reply, struct rte_mp_reply *native)
{
	void *msgs;

	reply->nb_sent += native->nb_sent;
	if (!native->nb_received)
		return;
	msgs = realloc(reply->msgs, (reply->nb_received + native->nb_received) * RTE_MSG_SIZE);
	if (!msgs) {
		drop_replies(native);
		return;
	}
	reply->msgs = msgs;
	memcpy(mpipc__rte_reply_at(reply, reply->nb_received), native->msgs,
	       native->nb_received * RTE_MSG_SIZE);
	reply->nb_received += native->nb_received;
	free(native->msgs);
}

/* End a part of a request. After the last one the program gets its replies. */
static void end_part(struct request *self)
{
	if (atomic_fetch_sub(&self->n_parts, 1) > 1)
		return;
	join_replies(&self->reply, &self->native);
	if (self->callback)
		self->callback(&self->msg, &self->reply);
	else
		drop_replies(&self->reply);
	free(self->reply.msgs);
	free(self);
}

static void end_native_part(struct native_call *call)
{
	struct request *self = call->arg;

	mpipc__native_call_collect(call, &self->native, false);
	end_part(self);
}

static void end_other_part(const struct rte_mp_msg *req, struct rte_mp_reply *reply, void *arg)
{
	struct request *self = arg;

	(void)req;
	self->reply = *reply;
	reply->msgs = NULL;
	end_part(self);
}

/* Make a request of both kinds. The callback is not called if this fails. */
static int request_both_async(const struct rte_mp_msg *req, const struct timespec *ts,
			      rte_mp_async_reply_t callback)
{
	struct request *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->callback = callback;
	self->n_parts = 2;
	memcpy(&self->msg, req, RTE_MSG_SIZE);
	if (!mpipc__native_call_start(&self->msg, mpipc__rte_deadline(ts), end_native_part, self)) {
		free(self);
		return -ENOMEM;
	}
	err = mpipc__rte_request_async(req, ts, end_other_part, self);
	mpipc__serve_wake();
	if (err) {
		self->callback = NULL;
		end_part(self);
	}
	return err;
}

/* Make a request of all, whose replies @callback gets in its turn. */
int mpipc__mixed_request_async(struct rte_mp_msg *req, const struct timespec *ts,
			       rte_mp_async_reply_t callback)
{
	int err;

	if (!mpipc__has_members() || mpipc__rte_check_async(req, ts) || !callback)
		return rte_mp_request_async(req, ts, callback);
	err = request_both_async(req, ts, callback);
	return err ? mpipc__rte_fail(err) : 0;
}

/* Reply to a request, the way that it came. */
int mpipc__mixed_reply(struct rte_mp_msg *msg, const char *peer)
{
	int err = !peer || peer[0] != '/' ? 0 : mpipc__rte_check(msg);

	if (!peer || peer[0] != '/')
		return rte_mp_reply(msg, peer);
	if (!err)
		err = mpipc__reply_member(peer, DPDK_REPLY, msg);
	return err ? mpipc__rte_fail(err) : 0;
}
