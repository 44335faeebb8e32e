// SPDX-License-Identifier: GPL-2.0-only
/* The model of calls and of errors, each of which has a reason. */
#include <errno.h>
#include <string.h>

#include "model.h"
#include "stress.h"

/* Errors */

static bool primary_may_be_gone(const struct entry *e)
{
	const struct member *from = member_at(e->member);
	struct member *primary = find_member(from->join.primary);

	return !primary || may_have_left(primary, end_of(e));
}

static bool peer_may_be_gone(const struct entry *e)
{
	const struct member *from = member_at(e->member);
	struct member *peer = destination(e);

	/*
	 * The request went to whichever primary there was, or somebody who never knew its
	 * id.
	 */
	if (!peer)
		return true;
	/* Followers of a primary belong to the next one as soon as it leaves. */
	if (from->join.role == MPIPC_PRIMARY &&
	    (!does_belong(peer, from) || may_have_left(from, end_of(e))))
		return true;
	return may_have_left(peer, end_of(e));
}

static bool was_cancelled(const struct entry *call, __u64 id, __u64 by)
{
	for (__u32 i = lookup_cancel(id, 0); i < cancels.n; i++) {
		struct entry *e = list_at(&cancels, i);

		if (e->rec.call != id)
			break;
		if (e->member == call->member && (!e->end || !e->ret) && e->begin <= by)
			return true;
	}
	return false;
}

static bool has_reason(const struct entry *e)
{
	const struct member *from = member_at(e->member);

	if (e->may_fail && e->ret == -e->may_fail)
		return true;
	switch (e->ret) {
	case -EINTR:
		return true;
	case -EAGAIN:
	case -EMSGSIZE:
		return !is_call(e) && e->op != OP_REPLY;
	case -ETIMEDOUT:
		return e->op != OP_REPLY && e->rec.deadline && e->end >= e->rec.deadline;
	case -EMFILE:
		return is_call(e);
	case -EDQUOT:
		return e->op != OP_REPLY;
	case -EBADF:
	case -ENOTTY:
		return from->moved;
	case -ESHUTDOWN:
		return may_have_left(from, e->end);
	case -ECONNREFUSED:
	case -ESTALE:
		return from->join.role == MPIPC_SECONDARY && primary_may_be_gone(e);
	case -ESRCH:
		/* The call was interrupted, and then cancelled by another thread. */
		if (is_call(e) && e->rec.call)
			return was_cancelled(e, e->rec.call, e->end);
		/* fallthrough */
	case -ECONNRESET:
		return e->op != OP_REPLY && peer_may_be_gone(e);
	}
	return false;
}

void check_errors(void)
{
	for (__u32 i = 0; i < sends.n; i++) {
		struct entry *e = list_at(&sends, i);
		struct member *to = destination(e);

		if (e->end && e->ret && !has_reason(e))
			violation(P_ERRORS, e->member, to ? member_index(to) : NONE,
				  "entry %#x (%d to %#llx) failed for no reason: %d",
				  entry_index(e), e->op, e->rec.peer, e->ret);
	}
}

/* Calls */

static bool is_reply(const struct entry *result, const struct entry *call)
{
	struct entry *reply = result->of == NONE ? NULL : entry_at(result->of);

	/* Other checks have taken care of the content. */
	return reply && reply->op == OP_REPLY && reply->of == entry_index(call) &&
	       (!reply->end || !reply->ret) && result->rec.stamp <= call->rec.deadline &&
	       result->rec.size <= call->rec.reply_size &&
	       result->rec.n_fds <= call->rec.reply_fds;
}

static bool is_true(const struct entry *result, const struct entry *call,
		    const struct member *peer)
{
	bool arrived = peer && arrival(call, member_index(peer));

	if (replied(result))
		return is_reply(result, call);
	switch (result->rec.status) {
	case -ECONNRESET:
		return !peer || may_have_left(peer, result->end);
	case -ETIMEDOUT:
		return result->end >= call->rec.deadline;
	case -ECANCELED:
		return was_cancelled(call, result->rec.call, result->end);
	case -EAGAIN:
	case -EMSGSIZE:
		return !arrived;
	case -ECONNREFUSED:
		return !result->rec.peer && call->sent == 0 && is_async(call);
	}
	return false;
}

static void check_result(const struct entry *result)
{
	struct entry *call;
	struct member *peer = find_member(result->rec.peer);

	if (call_of(result) == NONE) {
		/* A thread made the call that was killed before it could write that down. */
		if (!calls_in_flight[result->member])
			violation(P_CALLS, result->member, NONE, "a result of call %llu of nobody",
				  result->rec.call);
		return;
	}
	if (result->op == OP_RESULT && !replied(result))
		check_identity(result, peer);
	call = entry_at(call_of(result));
	if (result->member != call->member || (peer && !is_for(call, peer)) ||
	    !is_true(result, call, peer))
		violation(P_CALLS, call->member, peer ? member_index(peer) : NONE,
			  "entry %#x (call %llu, to %#llx) has a result of %#llx that cannot be: flags %u, status %d, entry %#x",
			  entry_index(call), result->rec.call, call->rec.peer, result->rec.peer,
			  result->rec.flags, result->rec.status, result->of);
	/* A result of this kind says that the request was posted. */
	if (peer && call->end && (replied(result) || (result->rec.status == -ETIMEDOUT &&
						      !(call->flags & MPIPC_CALL_WAIT_SPACE))))
		check_arrived(call, peer);
}

/* Check that all results were written down. */
static bool is_complete(const struct entry *call)
{
	__u32 n = is_async(call) && !call->sent ? 1 : call->sent;

	return count_results(entry_index(call)) >= n;
}

/* Check that the thread went on after it had written down the results. */
static bool went_on(const struct entry *call)
{
	const struct entry *e = next_entry(call);

	while (e && e->op == OP_RESULT)
		e = next_entry(e);
	return e;
}

static void check_call(const struct entry *call)
{
	const struct member *from = member_at(call->member);
	__u32 first = lookup_result(entry_index(call), 0);
	__u32 n = count_results(entry_index(call)), n_last = 0;
	bool must, sure = !in_flight[call->member] && !from->inherited;
	__u64 last = 0, newest = 0;

	for (__u32 i = first; i < first + n; i++) {
		struct entry *e = list_at(&results, i);

		if (e->rec.flags & MPIPC_REC_LAST) {
			n_last++;
			last = e->rec.seq;
		}
		if (e->rec.seq > newest)
			newest = e->rec.seq;
	}
	must = is_async(call) ? sure && (from->drained || n_last) : went_on(call);
	if (must && (!is_complete(call) || n_last != (n ? 1 : 0)))
		violation(P_CALLS, call->member, NONE,
			  "entry %#x (call %llu) has %u destinations and %u results, %u of them last",
			  entry_index(call), call->rec.call, call->sent, n, n_last);
	if (n_last > 1 || (is_async(call) && n_last && last != newest))
		violation(P_CALLS, call->member, NONE,
			  "entry %#x (call %llu): the last result is not the last one",
			  entry_index(call), call->rec.call);
}

/* Check that a request could not be replied to any more. */
static bool was_over(const struct entry *reply, const struct entry *call)
{
	struct member *caller = member_at(call->member), *self = member_at(reply->member);
	struct entry *result = result_of(reply->of, self->join.id);

	if (!call->end || call->ret || reply->end > call->rec.deadline ||
	    may_have_left(caller, reply->end) || may_have_left(self, reply->end))
		return true;
	/* A result that is missing was not received, and may be anything. */
	return !result || result->of != entry_index(reply);
}

static void check_reply(const struct entry *reply)
{
	struct member *caller, *self = member_at(reply->member);
	struct entry *call, *result;
	bool must;

	/* A thread that was killed may not have written down what it replied to. */
	if (!reply->end)
		return;
	call = entry_at(reply->of);
	caller = member_at(call->member);
	result = result_of(reply->of, self->join.id);
	if (reply->ret) {
		if (!has_reason(reply) &&
		    !(reply->ret == -ESRCH && was_over(reply, call)))
			violation(P_ERRORS, reply->member, call->member,
				  "entry %#x, a reply to %#x (call %llu), failed for no reason: %d",
				  entry_index(reply), reply->of, reply->rec.call, reply->ret);
		return;
	}
	if (reply->may_fail)
		violation(P_ERRORS, reply->member, call->member,
			  "entry %#x, a reply, should have failed: %d", entry_index(reply),
			  reply->may_fail);
	/* Nothing is known of a call that its thread did not live to write down. */
	if (!call->end || call->ret)
		must = false;
	else if (is_async(call))
		must = reply->end < caller->empty_at && !in_flight[call->member];
	else
		must = is_complete(call);
	if (result ? result->of != entry_index(reply) : must)
		violation(P_CALLS, call->member, reply->member,
			  "entry %#x, a reply to %#x (call %llu), was accepted; the caller has %s (status %d)",
			  entry_index(reply), reply->of, reply->rec.call,
			  result ? "another result" : "none", result ? result->rec.status : 0);
}

void check_calls(void)
{
	for (__u32 i = 0; i < results.n; i++)
		check_result(list_at(&results, i));
	for (__u32 i = 0; i < calls.n; i++) {
		struct entry *call = list_at(&calls, i);

		if (call->end && !call->ret)
			check_call(call);
		if (i && call->rec.call == list_at(&calls, i - 1)->rec.call)
			violation(P_CALLS, call->member, NONE, "two calls have the id %llu",
				  call->rec.call);
	}
	for (__u32 i = 0; i < replies.n; i++) {
		struct entry *a, *b = list_at(&replies, i);

		check_reply(b);
		a = i ? list_at(&replies, i - 1) : NULL;
		if (a && a->of == b->of && a->member == b->member && a->end && !a->ret &&
		    b->end && !b->ret)
			violation(P_CALLS, b->member, entry_at(b->of)->member,
				  "two replies to entry %#x were accepted", b->of);
	}
}
