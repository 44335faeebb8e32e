/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_CANCEL_H
#define MPIPC_CANCEL_H

#include <stdint.h>

#include <mpipc.h>

/**
 * DOC: cancelling calls
 *
 * mpipc_cancel() takes the id of a call. The id of an asynchronous call is that of the kernel.
 * A synchronous call gets its id of the kernel in the ioctl, in which its thread then sleeps;
 * so the library gives such a call an id of its own before the ioctl, with a bit that the
 * kernel's ids do not have, and finds the kernel's id by it.
 *
 * The kernel writes its id before the request is sent. A thread that cancels the call even
 * earlier waits for that.
 */

/* A call that can be cancelled. It is on the stack of its thread. */
struct mpipc__cancellable {
	struct mpipc__cancellable *next;
	uint64_t id;
	const __u64 *kernel_id;		/* written by the kernel, 0 before */
};

int mpipc__allow_cancel(struct mpipc *handle, struct mpipc__cancellable *self,
			const struct mpipc_call_args *arg, uint64_t *id);
void mpipc__forbid_cancel(struct mpipc *handle, struct mpipc__cancellable *self);

#endif /* MPIPC_CANCEL_H */
