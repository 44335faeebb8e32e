// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>

#include "action.h"
#include "context.h"
#include "request.h"

void (*mpipc__rte_on_timeout)(const char *request, unsigned int pid);

/*
 * Fill in @arg for a request, except its flags and where its results go. Returns the
 * endpoint, which is used until mpipc__rte_put(), or NULL with rte_errno set.
 */
struct mpipc *mpipc__rte_prepare(struct mpipc_call_args *arg, const struct rte_mp_msg *req,
				 const struct timespec *ts)
{
	struct mpipc *handle = mpipc__rte_get();

	if (!handle)
		return NULL;
	mpipc__rte_settle();
	mpipc__rte_body(&arg->body, req);
	arg->to = mpipc__rte_is_primary() ? MPIPC_TO_ALL : MPIPC_TO_PRIMARY;
	arg->reply_size = sizeof(struct rte_wire);
	arg->reply_fds = RTE_MSG_FDS;
	arg->deadline = mpipc__rte_deadline(ts);
	return handle;
}

/* Check that a result is a reply, and one of the right format. */
bool mpipc__rte_replied(const struct mpipc_record *record, const struct rte_wire *wire)
{
	return !record->status && mpipc__rte_valid(record, wire);
}

/*
 * Check that a result counts. It does not if the process says that it is not ready yet, or if
 * it is a secondary that is gone.
 */
bool mpipc__rte_counts(const struct mpipc_record *record)
{
	if (record->flags & MPIPC_REC_REPLIED)
		return record->status != RTE_WIRE_IGNORE;
	return record->status != -ECONNRESET || !mpipc__rte_is_primary();
}

/* Note a result that counts and is no reply. */
void mpipc__rte_note_missing(const struct mpipc_record *record, const char *request)
{
	if (record->status == -ETIMEDOUT && mpipc__rte_on_timeout)
		mpipc__rte_on_timeout(request, record->pid);
}
