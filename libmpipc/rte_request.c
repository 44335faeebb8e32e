// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rte.h"

/* Room for secondaries that came since the last request. */
#define SPARE_RESULTS	4

/* What a call has brought: arrays of @max each, in one block. */
struct results {
	struct mpipc_call arg;
	struct mpipc_record *records;
	struct rte_wire *wires;
	int *fds;
};

/* The block for one result, as in all calls of a secondary. */
struct one_result {
	struct mpipc_record record;
	struct rte_wire wire;
	int fds[RTE_MP_MAX_FD_NUM];
};

static void place(struct results *results, void *block, unsigned int max)
{
	results->records = block;
	results->wires = (void *)(results->records + max);
	results->fds = (void *)(results->wires + max);
	results->arg.max_results = max;
	results->arg.results = (uintptr_t)results->records;
	results->arg.reply_data = (uintptr_t)results->wires;
	results->arg.reply_fd_list = (uintptr_t)results->fds;
}

static int *fds_of(const struct results *results, unsigned int i)
{
	return results->fds + (size_t)i * RTE_MP_MAX_FD_NUM;
}

static bool answered(const struct results *results, unsigned int i)
{
	return !results->records[i].status &&
	       mpipc__rte_valid(&results->records[i], &results->wires[i]);
}

/* Peers that are gone, or not ready, are as if they had never been there. */
static bool counts(const struct results *results, unsigned int i)
{
	const struct mpipc_record *record = &results->records[i];

	if (record->flags & MPIPC_REC_ANSWERED)
		return record->status != RTE_WIRE_IGNORE;
	return record->status != -ECONNRESET || !mpipc__rte_is_primary();
}

static int failure(const struct mpipc_record *record)
{
	if (!record->status)
		return -EBADMSG;
	/* There was no room for the request until the deadline. */
	if (record->status == -EAGAIN && !(record->flags & MPIPC_REC_ANSWERED))
		return -ETIMEDOUT;
	return record->status;
}

/* Counts; the first that failed decides. */
static int evaluate(const struct results *results, struct rte_mp_reply *reply)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < results->arg.n_results; i++) {
		if (!counts(results, i))
			continue;
		reply->nb_sent++;
		if (answered(results, i))
			reply->nb_received++;
		else if (!err)
			err = failure(&results->records[i]);
	}
	return err;
}

static int collect(const struct results *results, struct rte_mp_reply *reply)
{
	struct rte_mp_msg *msg;
	unsigned int i;

	if (!reply->nb_received)
		return 0;
	msg = malloc(reply->nb_received * sizeof(*msg));
	if (!msg)
		return -ENOMEM;
	reply->msgs = msg;
	for (i = 0; i < results->arg.n_results; i++)
		if (answered(results, i))
			mpipc__rte_fill(msg++, &results->records[i], &results->wires[i],
					fds_of(results, i));
	return 0;
}

/* Those that did not become part of a reply. */
static void drop_fds(const struct results *results)
{
	unsigned int i;

	for (i = 0; i < results->arg.n_results; i++)
		mpipc__close_fds(fds_of(results, i), results->records[i].n_fds);
}

static void wait_for_order(struct mpipc *handle, const struct results *results)
{
	uint64_t seq = 0;
	unsigned int i;

	for (i = 0; i < results->arg.n_results; i++)
		if (results->records[i].seq > seq)
			seq = results->records[i].seq;
	mpipc__wait_handled(handle, seq, results->arg.deadline);
}

static int finish(struct mpipc *handle, const struct results *results, struct rte_mp_reply *reply)
{
	int err;

	wait_for_order(handle, results);
	err = evaluate(results, reply);
	if (!err)
		err = collect(results, reply);
	if (err)
		reply->nb_received = 0;
	drop_fds(results);
	return err;
}

static int request_primary(struct mpipc *handle, struct results *results,
			   struct rte_mp_reply *reply)
{
	struct one_result one;
	int err;

	results->arg.to = MPIPC_TO_PRIMARY;
	place(results, &one, 1);
	err = mpipc__call(handle, &results->arg);
	return err ? err : finish(handle, results, reply);
}

/* How many secondaries there are is known afterwards; mostly as many as last time. */
static int request_all(struct mpipc *handle, struct results *results, struct rte_mp_reply *reply)
{
	unsigned int max = atomic_load(&handle->addressees) + SPARE_RESULTS;
	void *block;
	int err;

	results->arg.to = MPIPC_TO_ALL;
	for (;;) {
		block = malloc(max * sizeof(struct one_result));
		if (!block)
			return -ENOMEM;
		place(results, block, max);
		err = mpipc__call(handle, &results->arg);
		if (err != -ENOSPC)
			break;
		free(block);
		max = results->arg.n_results + SPARE_RESULTS;
	}
	if (!err) {
		atomic_store(&handle->addressees, results->arg.n_results);
		err = finish(handle, results, reply);
	}
	free(block);
	return err;
}

static uint64_t deadline_after(const struct timespec *ts)
{
	int64_t ns;

	if (ts->tv_sec < 0)
		return 0;
	/* In 290 years at the latest. */
	if (__builtin_mul_overflow(ts->tv_sec, (int64_t)1000000000, &ns) ||
	    __builtin_add_overflow(ns, ts->tv_nsec, &ns))
		ns = INT64_MAX;
	return mpipc__deadline(ns);
}

mpipc__export int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
				      const struct timespec *ts)
{
	struct results results = {
		.arg.flags = MPIPC_CALL_WAIT_ROOM,
		.arg.reply_size = sizeof(struct rte_wire),
		.arg.reply_fds = RTE_MP_MAX_FD_NUM,
	};
	struct mpipc *handle;
	int err;

	if (!reply || !ts)
		return mpipc__rte_fail(-EINVAL);
	memset(reply, 0, sizeof(*reply));
	err = mpipc__rte_check(req);
	if (err)
		return mpipc__rte_fail(err);
	handle = mpipc__rte_get();
	if (!handle)
		return -1;
	mpipc__rte_settle();
	mpipc__rte_body(&results.arg.body, req);
	results.arg.deadline = deadline_after(ts);
	if (mpipc__rte_is_primary())
		err = request_all(handle, &results, reply);
	else
		err = request_primary(handle, &results, reply);
	mpipc__rte_put();
	return err ? mpipc__rte_fail(err) : 0;
}
