/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_IOCTL_H
#define MPIPC_IOCTL_H

#include <mpipc.h>

/**
 * DOC: system calls on an endpoint
 *
 * These functions make one ioctl each and return a negative error number instead of
 * errno. An ioctl that sleeps is made again when a signal handler has interrupted it, except
 * for the join.
 */

int mpipc__join(struct mpipc *handle, struct mpipc_join_args *arg);
int mpipc__send(struct mpipc *handle, struct mpipc_send_args *arg);
int mpipc__call_ioctl(struct mpipc *handle, struct mpipc_call_args *arg);
int mpipc__reply(struct mpipc *handle, struct mpipc_reply_args *arg);
int mpipc__peers(struct mpipc *handle, void *peers, unsigned int max, size_t size);
int mpipc__cancel(struct mpipc *handle, uint64_t call);

#endif /* MPIPC_IOCTL_H */
