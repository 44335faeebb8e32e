/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_CALL_H
#define MPIPC_CALL_H

#include "endpoint.h"

/**
 * DOC: Making calls
 *
 * A call is made and listed in the caller's mailbox, its id is written to the caller, and its
 * request is posted. A synchronous caller then waits for the results. See "Calls" in pending.h for
 * the states of a call.
 */

int mpipc_call_make(struct mpipc_endpoint *ep, struct mpipc_call_args *arg, u64 __user *uid);
int mpipc_call_cancel(struct mpipc_endpoint *ep, u64 id);

#endif /* MPIPC_CALL_H */
