/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_CALL_H
#define MPIPC_CALL_H

#include "endpoint.h"

/**
 * DOC: Making calls
 *
 * A call is made, its request posted, and, if it is synchronous, waited for. See "Calls" for the
 * states in between.
 */

int mpipc_call_make(struct mpipc_endpoint *ep, struct mpipc_call_args *arg, u64 __user *uid);
int mpipc_call_cancel(struct mpipc_endpoint *ep, u64 id);

#endif /* MPIPC_CALL_H */
