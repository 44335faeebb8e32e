/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_CALL_H
#define MPIPC_CALL_H

#include "nested.h"

/**
 * DOC: synchronous calls
 *
 * The caller sleeps in the ioctl until all results are there, and the kernel stores them
 * where the argument points to. How many there will be is known afterwards only, so the
 * memory is for as many as last time; if they do not fit, the kernel sends nothing, says
 * how many there are, and the call is made once more.
 *
 * A call that is to dispatch meanwhile becomes the dispatcher and is made like that of a
 * handler.
 */

int mpipc__call(struct mpipc *handle, struct mpipc_call_args *arg, mpipc__make_space_t make_space);

#endif /* MPIPC_CALL_H */
