// SPDX-License-Identifier: GPL-2.0-only
/* Workers that make calls, go on with interrupted ones, and cancel them. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "device.h"
#include "stress.h"
#include "wait.h"
#include "worker.h"

static struct question async_calls[MAX_QUESTIONS];

/* Calls */

static void set_call(struct mpipc_call_args *call, __u64 place)
{
	pthread_mutex_lock(&shared);
	self->call = call;
	self->call_place = place;
	pthread_mutex_unlock(&shared);
}

static int cancel(__u64 place, __u64 call)
{
	struct entry *e = entry_begin(OP_CANCEL, place_member(place));
	struct mpipc_cancel_args arg = { .call = call };
	int ret;

	e->rec.call = call;
	ret = do_ioctl(place_fd(place), MPIPC_CANCEL, &arg);
	entry_end(e, ret);
	if (!ret)
		done(OP_CANCEL);
	return ret;
}

static void write_results(struct entry *call, const struct mpipc_call_args *arg)
{
	for (__u32 i = 0; i < arg->n_results && i < MAX_RESULTS; i++) {
		struct entry *e = entry_begin(OP_RESULT, call->member);
		struct mpipc_record *record = &self->results[i];

		e->rec = *record;
		if (record->flags & MPIPC_REC_REPLIED)
			e->of = check_content(&e->rec,
					      (char *)self->replies + i * arg->reply_size,
					      &self->reply_fds[i * arg->reply_fds], false,
					      call->member);
		/* The result belongs to the call of the entry before. */
		entry_end(e, 0);
		done(OP_RESULT);
		count_result(record);
	}
}

/* Go on with an interrupted call, or give it up. */
static int see_through(__u64 place, struct mpipc_call_args *arg)
{
	int ret = do_ioctl(place_fd(place), MPIPC_CALL, arg);

	while (ret == -EINTR && arg->id) {
		done(OP_INTERRUPTED);
		if (chance(50)) {
			/* Another thread may have been faster. */
			cancel(place, arg->id);
			done(OP_ABANDON);
			return -EINTR;
		}
		done(OP_RESUME);
		ret = do_ioctl(place_fd(place), MPIPC_CALL, arg);
	}
	return ret;
}

void do_call(__u64 place)
{
	static const unsigned int ms[] = { 1, 5, 20, 50, 200 };
	struct member *from = member_of(place);
	__u64 to = any_destination(from);
	bool async = chance(40), patient = chance(30);
	struct outgoing out = outgoing(OP_CALL, place, MPIPC_SIZE_MAX, MPIPC_FDS_MAX);
	struct mpipc_call_args call = {
		.to = to,
		.max_results = MAX_RESULTS,
		.reply_size = chance(80) ? REPLY_SIZE : 0,
		.reply_fds = chance(50) ? REPLY_FDS : 0,
		.deadline = in_ms(ms[rnd(ARRAY_SIZE(ms))]),
		.results = to_u64(self->results),
		.reply_data = to_u64(self->replies),
		.reply_fd_list = to_u64(self->reply_fds),
		.body = out.body,
	};
	int ret;

	if (out.pass_mpipc)
		call.flags |= MPIPC_PASS_MPIPC;
	if (patient)
		call.flags |= MPIPC_CALL_WAIT_SPACE;
	if (async)
		call.flags |= MPIPC_CALL_ASYNC;
	out.e->flags = call.flags;
	out.e->op = OP_CALL + (async ? OP_CALL_ASYNC - OP_CALL : 0) + (to == MPIPC_TO_ALL);
	out.e->rec.peer = to;
	out.e->rec.deadline = call.deadline;
	out.e->rec.reply_size = call.reply_size;
	out.e->rec.reply_fds = call.reply_fds;
	if (async) {
		/* The call may be over before this count is made. */
		__atomic_fetch_add(&from->async_open, 1, __ATOMIC_SEQ_CST);
		ret = do_ioctl(place_fd(place), MPIPC_CALL, &call);
		if (ret)
			__atomic_fetch_sub(&from->async_open, 1, __ATOMIC_SEQ_CST);
	} else {
		set_call(&call, place);
		ret = see_through(place, &call);
		set_call(NULL, 0);
	}
	out.e->rec.call = call.id;
	out.e->sent = call.n_results;
	sent_out(&out, ret);
	if (ret)
		return;
	done(out.e->op);
	if (async)
		ask_later(async_calls, &(struct question){ .place = place, .call = call.id });
	else
		write_results(out.e, &call);
}

void do_cancel(void)
{
	struct question question = { 0 };
	struct thread *other = &threads[rnd(THREADS)];

	pthread_mutex_lock(&shared);
	if (other->call) {
		question.place = other->call_place;
		question.call = __atomic_load_n(&other->call->id, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&shared);
	if (!question.call)
		question = take_question(async_calls);
	if (question.call)
		cancel(question.place, question.call);
}
