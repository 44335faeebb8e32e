// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "../export.h"
#include "../ioctl.h"
#include "context.h"
#include "error.h"
#include "peer.h"
#include "send.h"
#include "wire.h"

/* A sender waits this long for space in a full mailbox. */
#define SPACE_TIMEOUT_NS	1000000000

/* When a sender has waited in vain, @hurried is set and the next one does not wait. */
static atomic_bool hurried;

/* Say whether the next sender is hurried. */
void mpipc__rte_hurry(bool hurry)
{
	atomic_store_explicit(&hurried, hurry, memory_order_relaxed);
}

/* Return the time until which a sender may wait for space. */
static uint64_t space_deadline(void)
{
	struct timespec now;

	if (atomic_load_explicit(&hurried, memory_order_relaxed))
		return 0;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec + SPACE_TIMEOUT_NS;
}

/* Send @arg->body from a secondary to the primary, or from the primary to all. */
int mpipc__rte_send(struct mpipc *handle, struct mpipc_send_args *arg)
{
	bool in_hurry, full;
	int err;

	arg->to = mpipc__rte_is_primary() ? MPIPC_TO_ALL : MPIPC_TO_PRIMARY;
	arg->flags = 0;
	arg->reserved = 0;
	arg->deadline = space_deadline();
	in_hurry = !arg->deadline;
	err = mpipc__send(handle, arg);
	full = err == -ETIMEDOUT || err == -EAGAIN || (!err && arg->full);
	if (full != in_hurry && (full || !err))
		mpipc__rte_hurry(full);
	return full ? -EAGAIN : err;
}

mpipc__export int rte_mp_sendmsg(struct rte_mp_msg *msg)
{
	struct mpipc_send_args arg;
	struct mpipc *handle;
	int err;

	err = mpipc__rte_check(msg);
	if (err)
		return mpipc__rte_fail(err);
	handle = mpipc__rte_get();
	if (!handle)
		return -1;
	mpipc__rte_body(&arg.body, msg);
	err = mpipc__rte_send(handle, &arg);
	mpipc__rte_put(handle);
	return err ? mpipc__rte_fail(err) : 0;
}

/*
 * Decide what to return for a reply that nobody waits for. It is an error only if the
 * request came from a primary that is gone.
 */
static int late_reply(struct mpipc *handle)
{
	struct mpipc_info info;

	if (mpipc__rte_is_primary() || mpipc_info_get(handle, &info, sizeof(info)) || info.primary)
		return 0;
	return -ECONNREFUSED;
}

mpipc__export int rte_mp_reply(struct rte_mp_msg *msg, const char *peer)
{
	struct mpipc_reply_args arg;
	struct rte_peer parsed;
	struct mpipc *handle;
	int err;

	err = mpipc__rte_check(msg);
	if (!err && (!peer || !mpipc__rte_parse_peer(peer, &parsed)))
		err = -EINVAL;
	if (err)
		return mpipc__rte_fail(err);
	if (mpipc__rte_disabled())
		return 0;
	/* DPDK drops a reply to a message, and one that has another name than the request. */
	if (!parsed.call || strcmp(parsed.name, msg->name))
		return 0;
	handle = mpipc__rte_get();
	if (!handle)
		return -1;
	arg.call = parsed.call;
	arg.flags = 0;
	arg.status = 0;
	mpipc__rte_body(&arg.body, msg);
	err = mpipc__reply(handle, &arg);
	if (!err || err == -ESRCH)
		mpipc__rte_forget_peer(&parsed);
	if (err == -ESRCH)
		err = late_reply(handle);
	mpipc__rte_put(handle);
	return err ? mpipc__rte_fail(err) : 0;
}
