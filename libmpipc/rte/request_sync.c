// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../call.h"
#include "../export.h"
#include "../fds.h"
#include "../order.h"
#include "context.h"
#include "error.h"
#include "request.h"
#include "turn.h"
#include "wire.h"

/* The stack has space for this many results, which is enough for a secondary. */
#define ON_STACK	2

/* A block of up to this many results, which is 6 MiB, is kept for the next request. */
#define MOST_SPARE	4096

/* A result needs this space at most. */
struct one_result {
	struct mpipc_record record;
	struct rte_wire wire;
	int fds[RTE_MP_MAX_FD_NUM];
};

/*
 * A block for many results. malloc() would give its pages back to the kernel each time, and to
 * get them again costs more than the rest of the request.
 */
struct block {
	unsigned int max;
	struct one_result results[];
};

/* The block that no request uses, or NULL. */
static _Atomic(struct block *) spare;

/*
 * A call begins with its argument, so that make_space() finds the results from @arg. Records,
 * payloads and descriptors are an array each, in one block.
 */
struct results {
	struct mpipc_call_args arg;
	struct mpipc_record *records;
	struct rte_wire *wires;
	int *fds;
	struct one_result *few;		/* the block for a few results, on the stack */
	struct block *more;		/* the block for more results */
	struct rte_mp_msg *msgs;	/* for the caller of rte_mp_request_sync() */
};

/* Take the spare block, or allocate one, for @max results. */
static struct block *get_block(unsigned int max)
{
	struct block *block = atomic_exchange(&spare, NULL);

	if (block && block->max >= max)
		return block;
	free(block);
	block = malloc(sizeof(*block) + max * sizeof(struct one_result));
	if (block)
		block->max = max;
	return block;
}

static void put_block(struct block *block)
{
	if (block && block->max <= MOST_SPARE)
		block = atomic_exchange(&spare, block);
	free(block);
}

/* Free what is kept for the next request. */
void mpipc__rte_free_spare(void)
{
	free(atomic_exchange(&spare, NULL));
}

/* Point @arg to space for @max results, and allocate messages for the program. */
static int make_space(struct mpipc_call_args *arg, unsigned int max)
{
	struct results *results = (struct results *)arg;
	void *block = results->few;

	if (max > ON_STACK) {
		put_block(results->more);
		results->more = get_block(max);
		if (!results->more)
			return -ENOMEM;
		block = results->more->results;
	}
	free(results->msgs);
	/* Never allocate 0 bytes, for which malloc() may return NULL. */
	results->msgs = malloc((max ? max : 1) * RTE_MSG_SIZE);
	if (!results->msgs)
		return -ENOMEM;
	results->records = block;
	results->wires = (void *)(results->records + max);
	results->fds = (void *)(results->wires + max);
	arg->max_results = max;
	arg->results = (uintptr_t)results->records;
	arg->reply_data = (uintptr_t)results->wires;
	arg->reply_fd_list = (uintptr_t)results->fds;
	return 0;
}

static int *fds_of(const struct results *results, unsigned int i)
{
	return results->fds + (size_t)i * results->arg.reply_fds;
}

static bool replied(const struct results *results, unsigned int i)
{
	return mpipc__rte_replied(&results->records[i], &results->wires[i]);
}

/* Count the processes and the replies. Returns the error of the first one that failed. */
static int count_replies(const struct results *results, struct rte_mp_reply *reply)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < results->arg.n_results; i++) {
		if (!mpipc__rte_counts(&results->records[i]))
			continue;
		reply->nb_sent++;
		if (replied(results, i)) {
			reply->nb_received++;
			continue;
		}
		mpipc__rte_note_missing(&results->records[i], results->arg.body.name);
		if (!err)
			err = results->records[i].status ?: -EBADMSG;
	}
	return err;
}

/* Give the replies to the program. */
static void fill_reply(struct results *results, struct rte_mp_reply *reply)
{
	unsigned int i, n = 0;

	if (!reply->nb_received)
		return;
	reply->msgs = results->msgs;
	results->msgs = NULL;
	for (i = 0; i < results->arg.n_results; i++)
		if (replied(results, i))
			mpipc__rte_fill(mpipc__rte_reply_at(reply, n++), &results->records[i],
					&results->wires[i], fds_of(results, i));
}

/* Close the descriptors that did not become part of a reply. */
static void close_unused_fds(const struct results *results)
{
	unsigned int i;

	for (i = 0; i < results->arg.n_results; i++)
		mpipc__close_fds(fds_of(results, i), results->records[i].n_fds);
}

/* Turn the results into all replies, or into an error. */
static int make_reply(struct mpipc *handle, struct results *results, struct rte_mp_reply *reply)
{
	int err;

	if (!mpipc__rte_is_suspended())
		mpipc__wait_for_order(handle, results->records, results->arg.n_results,
				      results->arg.deadline);
	err = count_replies(results, reply);
	if (err)
		reply->nb_received = 0;
	else
		fill_reply(results, reply);
	close_unused_fds(results);
	return err;
}

/* Make the call of a request and turn its results into a reply. */
static int make_request(struct mpipc *handle, struct results *results, struct rte_mp_reply *reply)
{
	struct one_result few[ON_STACK];
	int err;

	results->few = few;
	err = mpipc__call(handle, &results->arg, make_space);
	if (!err)
		err = make_reply(handle, results, reply);
	put_block(results->more);
	free(results->msgs);
	return err;
}

mpipc__export int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
				      const struct timespec *ts)
{
	struct results results = { .arg.flags = MPIPC_CALL_WAIT_SPACE };
	struct mpipc *handle;
	int err;

	if (!reply || !ts)
		return mpipc__rte_fail(-EINVAL);
	memset(reply, 0, sizeof(*reply));
	err = mpipc__rte_check(req);
	if (err)
		return mpipc__rte_fail(err);
	handle = mpipc__rte_prepare(&results.arg, req, ts);
	if (!handle)
		return -1;
	err = make_request(handle, &results, reply);
	mpipc__rte_put(handle);
	return err ? mpipc__rte_fail(err) : 0;
}
