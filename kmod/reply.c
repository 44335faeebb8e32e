// SPDX-License-Identifier: GPL-2.0-only
#include "compat.h"
#include "limits.h"
#include "pending.h"
#include "reply.h"
#include "trace.h"

/* Charge the caller for the files of a reply, so that one who does not read costs only itself. */
static bool mpipc_reply_charge(struct mpipc_msg *reply, struct mpipc_call *call)
{
	struct mpipc_user *user = call->caller->user;

	if (!reply->n_files)
		return true;
	if (!mpipc_charge(&user->files, reply->n_files, call->max_files, call->caller->exempt))
		return false;
	mpipc_msg_flight(reply)->user = user;
	return true;
}

/*
 * Find the memory cgroup that pays for a reply. Return it with a reference, or NULL if it is that
 * of the replier, which then uses its own memory as for messages.
 */
static noinline struct mem_cgroup *mpipc_reply_memcg(struct mpipc_endpoint *ep, u64 call)
{
	struct mem_cgroup *memcg = NULL;
	struct mpipc_reply_slot *slot;

	spin_lock(&ep->box.lock);
	slot = mpipc_pending_find_locked(ep, call);
	/* The slot refers to the caller, and the caller to its memory cgroup. */
	if (slot && slot->call->caller->memcg != ep->memcg) {
		memcg = slot->call->caller->memcg;
		mpipc_memcg_get(memcg);
	}
	spin_unlock(&ep->box.lock);
	return memcg;
}

/**
 * mpipc_reply - reply to a request
 * @ep: the endpoint that replies
 * @arg: the reply
 * @sync: the calling thread is about to sleep
 *
 * Return: 0 or an error as &struct mpipc_reply_args says.
 */
int mpipc_reply(struct mpipc_endpoint *ep, const struct mpipc_reply_args *arg, bool sync)
{
	struct mpipc_outcome outcome = { .status = arg->status, .sync = sync };
	struct mpipc_call *call = NULL;
	struct mpipc_reply_slot *slot;
	struct mem_cgroup *memcg = NULL;
	int err = 0;

	if (arg->flags & ~MPIPC_PASS_MPIPC || arg->status > 0 || arg->status < -MAX_ERRNO)
		return -EINVAL;
	if (unlikely(READ_ONCE(ep->mixed)))
		memcg = mpipc_reply_memcg(ep, arg->call);
	outcome.reply = mpipc_msg_import(ep, &arg->body, NULL, arg->flags & MPIPC_PASS_MPIPC, 0,
					 MPIPC_CALLER_PAID, memcg);
	if (memcg)
		mem_cgroup_put(memcg);
	if (IS_ERR(outcome.reply))
		return PTR_ERR(outcome.reply);

	spin_lock(&ep->box.lock);
	slot = mpipc_pending_find_locked(ep, arg->call);
	if (slot)
		call = mpipc_call_get(slot->call);
	spin_unlock(&ep->box.lock);
	trace_mpipc_reply(outcome.reply, arg->call, arg->status);
	if (!call || outcome.reply->stamp > call->deadline) {
		/* The deadline counts even if the timer has not seen it come. */
		err = -ESRCH;
	} else if (outcome.reply->size > call->reply_size ||
		   outcome.reply->n_files > call->reply_fds) {
		err = -EMSGSIZE;
	} else if (!mpipc_reply_charge(outcome.reply, call)) {
		err = -ETOOMANYREFS;
	} else if (!mpipc_reply_slot_complete(slot, &outcome)) {
		err = -ESRCH;
	} else {
		atomic64_inc(&ep->sent);
		mpipc_reply_slot_forget(slot);
	}
	if (err)
		mpipc_msg_put(outcome.reply);
	if (call)
		mpipc_call_put(call);
	return err;
}
