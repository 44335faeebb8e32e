// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../fds.h"
#include "../rte/request.h"
#include "native_call.h"
#include "say.h"

static struct {
	struct native_call *list;	/* oldest first */
	pthread_cond_t changed;		/* a result came, or the end of all calls */
	pthread_once_t once;
} calls = { .once = PTHREAD_ONCE_INIT };

static void init_calls(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&calls.changed, &attr);
	pthread_condattr_destroy(&attr);
}

/* Store a result. The caller holds the lock. */
static void set_result(struct native_call *call, struct native_result *result, int status)
{
	result->status = status;
	call->n_open--;
	if (!call->n_open)
		pthread_cond_broadcast(&calls.changed);
}

static struct native_call *new_call(struct member *list)
{
	struct native_call *call;
	struct member *member;
	size_t n = 0;

	for (member = list; member; member = member->next)
		n += !member->gone;
	call = calloc(1, sizeof(*call) + n * sizeof(call->results[0]));
	if (!call)
		return NULL;
	for (member = list; member; member = member->next) {
		if (member->gone)
			continue;
		member->uses++;
		call->results[call->n_results].member = member;
		call->results[call->n_results++].status = RESULT_NONE;
	}
	call->n_open = call->n_results;
	return call;
}

/* Note that the request could not be sent to a member. */
static void set_unsent(struct native_call *call, struct native_result *result, int err)
{
	if (result->status == RESULT_NONE)
		set_result(call, result, err == -ECONNREFUSED ? RESULT_UNCOUNTED : err);
}

/*
 * Send a request to those members that have not got it and have space. Returns one that has no
 * space, or NULL.
 */
struct member *mpipc__native_call_send_locked(struct native_call *call)
{
	struct native_result *result;
	struct member *full = NULL;
	int err;

	for (result = call->results; result < call->results + call->n_results; result++) {
		if (result->sent || result->status != RESULT_NONE)
			continue;
		err = mpipc__send_member_locked(result->member, DPDK_REQUEST, call->req);
		result->sent = !err;
		if (err && err != -EAGAIN)
			set_unsent(call, result, err);
		else if (err && !full)
			full = result->member;
	}
	return full;
}

/* Send a request to those that have no space, and wait for that as long as a message does. */
static void send_to_full(struct native_call *call)
{
	struct native_result *result;
	int err;

	for (result = call->results; result < call->results + call->n_results; result++) {
		if (result->sent || result->status != RESULT_NONE)
			continue;
		err = mpipc__send_member(result->member, DPDK_REQUEST, call->req, &result->sent);
		mpipc__lock_members();
		if (err)
			set_unsent(call, result, err);
		mpipc__unlock_members();
	}
}

/*
 * Send synchronous requests to members that had no space before, whose callers may still wait for
 * others. Returns true if some have no space yet.
 */
bool mpipc__native_call_send_again(void)
{
	struct native_call *call;
	bool full = false;

	mpipc__lock_members();
	for (call = calls.list; call; call = call->next)
		if (!call->done && mpipc__native_call_send_locked(call))
			full = true;
	mpipc__unlock_members();
	return full;
}

/*
 * Send a request to all native members. The caller keeps @req until the call is over, and then
 * frees the call. Returns NULL if there is no memory.
 */
struct native_call *mpipc__native_call_start(const struct rte_mp_msg *req, uint64_t deadline,
					     void (*done)(struct native_call *call), void *arg)
{
	struct native_call *call, **pos;
	struct member *full;

	pthread_once(&calls.once, init_calls);
	mpipc__lock_members();
	call = new_call(mpipc__members_locked());
	if (!call) {
		mpipc__unlock_members();
		return NULL;
	}
	call->deadline = deadline;
	call->req = req;
	memcpy(call->name, req->name, sizeof(call->name));
	call->done = done;
	call->arg = arg;
	call->starting = true;
	for (pos = &calls.list; *pos; pos = &(*pos)->next)
		;
	*pos = call;
	full = mpipc__native_call_send_locked(call);
	mpipc__unlock_members();
	if (full && done)
		send_to_full(call);
	else if (full)
		mpipc__members_wake();
	mpipc__lock_members();
	call->starting = false;
	mpipc__unlock_members();
	return call;
}

static void remove_call(struct native_call *call)
{
	struct native_call **pos;

	for (pos = &calls.list; *pos != call; pos = &(*pos)->next)
		;
	*pos = call->next;
}

/* Give all results that are missing this status. */
static void expire(struct native_call *call, int status)
{
	struct native_result *result;

	for (result = call->results; result < call->results + call->n_results; result++)
		if (result->status == RESULT_NONE)
			set_result(call, result, status);
}

/* Take a synchronous call off the list. Results that are missing have timed out. */
void mpipc__native_call_finish(struct native_call *call)
{
	mpipc__lock_members();
	expire(call, -ETIMEDOUT);
	remove_call(call);
	mpipc__unlock_members();
}

/* Count what counts. Returns the error of the first result that is not a reply. */
static int count_results(const struct native_call *call, int *n_sent, int *n_replies)
{
	const struct native_result *result;
	int err = 0;

	for (result = call->results; result < call->results + call->n_results; result++) {
		if (result->status == RESULT_UNCOUNTED)
			continue;
		++*n_sent;
		if (result->status == RESULT_REPLY)
			++*n_replies;
		else if (!err)
			err = result->status;
		if (result->status == -ETIMEDOUT)
			mpipc__dpdk_say("no reply in time to %s from the process with the socket "
					"%s", call->name, result->member->path);
	}
	return err;
}

/*
 * Add the results of a call that is over to @reply. If @all are needed and one is missing, its
 * error is returned, and only @reply->nb_sent changes.
 */
int mpipc__native_call_collect(struct native_call *call, struct rte_mp_reply *reply, bool all)
{
	struct native_result *result;
	int err, n_replies = 0;
	void *msgs;

	err = count_results(call, &reply->nb_sent, &n_replies);
	if (err && all)
		return err;
	if (!n_replies)
		return 0;
	msgs = realloc(reply->msgs, (reply->nb_received + n_replies) * RTE_MSG_SIZE);
	if (!msgs)
		return -ENOMEM;
	reply->msgs = msgs;
	for (result = call->results; result < call->results + call->n_results; result++) {
		if (result->status != RESULT_REPLY)
			continue;
		memcpy(mpipc__rte_reply_at(reply, reply->nb_received++), result->reply,
		       RTE_MSG_SIZE);
		free(result->reply);
		result->reply = NULL;
	}
	return 0;
}

/* Free a call that is not on the list, and close descriptors that nobody has collected. */
void mpipc__native_call_free(struct native_call *call)
{
	struct native_result *result;

	mpipc__lock_members();
	for (result = call->results; result < call->results + call->n_results; result++)
		result->member->uses--;
	mpipc__unlock_members();
	for (result = call->results; result < call->results + call->n_results; result++) {
		if (result->reply)
			mpipc__close_fds(result->reply->fds, result->reply->num_fds);
		free(result->reply);
	}
	free(call);
}

/* Wait until a call may have changed. */
void mpipc__native_call_sleep_locked(uint64_t deadline)
{
	mpipc__members_sleep_locked(&calls.changed, deadline);
}

/* Have all who wait for a call look again. */
void mpipc__native_call_wake(void)
{
	pthread_once(&calls.once, init_calls);
	mpipc__lock_members();
	pthread_cond_broadcast(&calls.changed);
	mpipc__unlock_members();
}

/* Find the result that a reply is for, or NULL. */
static struct native_result *find_result(const struct datagram *datagram, struct native_call **call)
{
	struct member *member = mpipc__find_member_locked(datagram->sender);
	struct native_result *result;

	for (*call = calls.list; *call; *call = (*call)->next) {
		if (strcmp((*call)->name, datagram->msg.name))
			continue;
		for (result = (*call)->results; result < (*call)->results + (*call)->n_results;
		     result++)
			if (result->member == member && result->sent &&
			    result->status == RESULT_NONE)
				return result;
	}
	return NULL;
}

/* Give a reply to its call. It is dropped, with its descriptors, if nobody waits for it. */
void mpipc__native_call_reply(struct datagram *datagram)
{
	struct rte_mp_msg *reply = malloc(sizeof(*reply));
	struct native_result *result;
	struct native_call *call;

	mpipc__lock_members();
	result = find_result(datagram, &call);
	if (result && datagram->type == DPDK_IGNORE) {
		set_result(call, result, RESULT_UNCOUNTED);
	} else if (result && reply) {
		memcpy(reply, &datagram->msg, sizeof(*reply));
		result->reply = reply;
		reply = NULL;
		datagram->msg.num_fds = 0;
		set_result(call, result, RESULT_REPLY);
	} else if (result) {
		set_result(call, result, -ENOMEM);
	}
	mpipc__unlock_members();
	mpipc__close_fds(datagram->msg.fds, datagram->msg.num_fds);
	free(reply);
}

/* Note which members are gone, before what they may have sent is received. */
void mpipc__native_call_note_gone(void)
{
	struct native_result *result;
	struct native_call *call;

	mpipc__lock_members();
	for (call = calls.list; call; call = call->next)
		for (result = call->results; result < call->results + call->n_results; result++)
			result->leaving = result->member->gone;
	mpipc__unlock_members();
}

/* End calls to the members that were noted, now that all they have sent has been received. */
void mpipc__native_call_drop_gone(void)
{
	struct native_result *result;
	struct native_call *call;

	mpipc__lock_members();
	for (call = calls.list; call; call = call->next)
		for (result = call->results; result < call->results + call->n_results; result++)
			if (result->status == RESULT_NONE && result->leaving)
				set_result(call, result, RESULT_UNCOUNTED);
	mpipc__unlock_members();
}

/* Return the earliest deadline of an asynchronous call, 0 if one is over. */
uint64_t mpipc__native_call_next_deadline(void)
{
	uint64_t deadline = MPIPC_FOREVER;
	struct native_call *call;

	mpipc__lock_members();
	for (call = calls.list; call; call = call->next) {
		if (!call->done || call->starting)
			continue;
		if (!call->n_open)
			deadline = 0;
		if (call->deadline < deadline)
			deadline = call->deadline;
	}
	mpipc__unlock_members();
	return deadline;
}

/*
 * Take an asynchronous call that is over off the list, or return NULL. With %MPIPC_FOREVER all
 * calls are over, because nobody serves native members any more.
 */
struct native_call *mpipc__native_call_take_done(uint64_t now)
{
	struct native_call *call;

	mpipc__lock_members();
	for (call = calls.list; call; call = call->next)
		if (call->done && !call->starting && (!call->n_open || call->deadline <= now))
			break;
	if (call) {
		expire(call, now == MPIPC_FOREVER ? -ESHUTDOWN : -ETIMEDOUT);
		remove_call(call);
	}
	mpipc__unlock_members();
	return call;
}

/* Forget all calls in the child of a fork, where nobody waits for them. */
void mpipc__native_call_forget(void)
{
	calls.list = NULL;
	init_calls();
}
