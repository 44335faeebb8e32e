/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_NESTED_H
#define MPIPC_NESTED_H

#include <mpipc.h>

/**
 * DOC: calls of a handler
 *
 * A handler keeps the dispatcher busy. If it made a call and slept until the reply, two
 * processes whose handlers call each other would wait until their timeouts. So its call
 * is an asynchronous one for the kernel, and the handler dispatches until the last
 * result has come. Handlers can be inside each other then; see defer.h for how deep.
 */

/* Points @arg to space for @max results, in place of the space that there was. */
typedef int (*mpipc__make_space_t)(struct mpipc_call_args *arg, unsigned int max);

int mpipc__call_nested(struct mpipc *handle, struct mpipc_call_args *call,
		       mpipc__make_space_t make_space);

#endif /* MPIPC_NESTED_H */
