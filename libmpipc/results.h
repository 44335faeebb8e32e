/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RESULTS_H
#define MPIPC_RESULTS_H

#include <stdbool.h>

#include <mpipc.h>

/**
 * DOC: results that come into the mailbox
 *
 * A synchronous call returns its results from the ioctl. The results of all other
 * calls come into the mailbox, in order with messages, and carry the id of their call.
 * There are two kinds of such calls: those of mpipc_call_async(), whose results go to a
 * callback, and those that a handler makes by mpipc_call(), whose results are stored
 * where the kernel would have stored them.
 *
 * Lock: @async_lock in &struct mpipc guards the list of asynchronous calls. It is held
 * while such a call is made, because its first result may be in the mailbox before the
 * ioctl returns. No callback runs under it. Nested calls belong to the dispatcher.
 */

/*
 * An asynchronous call is on the list until its last result, and freed after that. Its
 * callback does not run before mpipc__async_start() has filled in @id and @n_results.
 */
struct mpipc__async {
	struct mpipc__async *next;
	uint64_t id;
	unsigned int n_results;
	mpipc_handler_t callback;
	void *arg;
};

/* A synchronous call of a handler is on its stack. @n_results have been stored so far. */
struct mpipc__nested {
	struct mpipc__nested *outer;
	struct mpipc_call_args *call;
	unsigned int n_results;
	bool complete;
};

struct mpipc__nested *mpipc__find_nested(const struct mpipc *handle,
					 const struct mpipc_record *record);
int mpipc__async_start(struct mpipc *handle, struct mpipc_call_args *arg,
		       struct mpipc__async *async, uint64_t *id);
void mpipc__async_result(struct mpipc *handle, const struct mpipc_message *result);
void mpipc__async_abort(struct mpipc *handle);

#endif /* MPIPC_RESULTS_H */
