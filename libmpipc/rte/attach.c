// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <rte_mp.h>

#include "../export.h"
#include "attach.h"
#include "context.h"

enum { UNDECIDED, ATTACHED, REFUSED };

static atomic_int attachment = UNDECIDED;

/* A secondary waits this long for the reply of its primary. */
#define ATTACH_TIMEOUT_NS	10000000000

/* Decide, unless that has been done. Returns true if the decision is @decision. */
static bool decide(int decision)
{
	int was = UNDECIDED;

	return atomic_compare_exchange_strong(&attachment, &was, decision) || was == decision;
}

/* Forget the decision, in a process that leaves its group or was forked. */
void mpipc__rte_reset_attach(void)
{
	atomic_store(&attachment, UNDECIDED);
}

mpipc__export bool rte_mp_disable(void)
{
	return decide(REFUSED);
}

/* Reply to a secondary that asks to attach. */
void mpipc__rte_reply_attach(struct mpipc *handle, const struct mpipc_record *record)
{
	mpipc_reply(handle, record->call, decide(ATTACHED) ? 0 : RTE_ATTACH_REFUSED, NULL, 0, NULL);
}

/* Ask the primary, in a secondary that has joined. */
int mpipc__rte_attach(void)
{
	struct mpipc_call_options options = { .size = sizeof(options), .reply_size = 1 };
	struct mpipc *handle = mpipc__rte_get();
	struct mpipc_replies *replies;
	int ret;

	if (!handle)
		return -ESHUTDOWN;
	ret = mpipc_call(handle, MPIPC_TO_PRIMARY, "", NULL, 0, ATTACH_TIMEOUT_NS, &options,
			 &replies);
	mpipc__rte_put(handle);
	if (ret < 0)
		return ret;
	ret = mpipc_replies_get(replies, 0)->record->status;
	mpipc_replies_free(replies);
	if (!ret)
		atomic_store(&attachment, ATTACHED);
	return ret == -ECONNRESET ? -ECONNREFUSED : ret;
}
