/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_RECEIVE_H
#define MPIPC_RECEIVE_H

#include "endpoint.h"

/**
 * DOC: Receiving
 *
 * A receiver takes a queue node, copies it, and installs descriptors. The node is taken out of the
 * mailbox under its lock, so that no two receivers get it, and copied without a lock. If copying
 * faults, the node is put back at the front. Descriptors are installed last, when nothing can fail
 * any more.
 */

/**
 * mpipc_receive_check_arg() - check what a receiver asks for
 * @arg: argument of MPIPC_RECV
 *
 * Callers of mpipc_receive() do this before anything else, so that bad input changes nothing.
 *
 * Return: 0 or -EINVAL.
 */
static inline int mpipc_receive_check_arg(const struct mpipc_recv_args *arg)
{
	return arg->flags & ~MPIPC_RECV_DROP_FDS || arg->reserved ? -EINVAL : 0;
}

int mpipc_receive(struct mpipc_endpoint *ep, const struct mpipc_recv_args *arg,
		  struct mpipc_record __user *record, bool nonblock);
ssize_t mpipc_receive_read(struct mpipc_endpoint *ep, struct iov_iter *to, bool nonblock);

#endif /* MPIPC_RECEIVE_H */
