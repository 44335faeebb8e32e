/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_FDS_H
#define MPIPC_FDS_H

#include <mpipc.h>

/**
 * DOC: descriptors of a message
 *
 * A message that was received owns the descriptors in its slots. Whoever takes one
 * leaves -EBADF in its slot. Descriptors that are still there after the handler are closed,
 * so that a handler that ignores them does not leak them.
 *
 * No function of the library is a point at which pthread_cancel() ends its thread, except
 * those that dispatch. A thread that uses the endpoint of rte_mp would keep the lock for that,
 * and others would keep memory.
 */

void mpipc__close_fd(int fd);
void mpipc__take_fds(int *fds, int *slots, unsigned int n_fds);
void mpipc__close_fds(int *fds, unsigned int n_fds);

static inline int *mpipc__fd_slots(const struct mpipc_message *message)
{
	/* @fds is const for programs only; the library owns the slots. */
	return (int *)message->fds;
}

#endif /* MPIPC_FDS_H */
