/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_MIXED_H
#define MPIPC_DPDK_MIXED_H

#include <time.h>

#include <rte_mp.h>

/**
 * DOC: mixed groups
 *
 * The functions of rte_mp in a process on mpipc. If the process is the primary, its messages and
 * requests also go to native members, all at once: the request to native members is on its way
 * while that to the others is made. Both have the same deadline, and the replies to both are one
 * result. A peer whose name is a path is a native member, so that a reply goes back the way that
 * the request came.
 */

int mpipc__mixed_send(struct rte_mp_msg *msg);
int mpipc__mixed_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			      const struct timespec *ts);
int mpipc__mixed_request_async(struct rte_mp_msg *req, const struct timespec *ts,
			       rte_mp_async_reply_t callback);
int mpipc__mixed_reply(struct rte_mp_msg *msg, const char *peer);

#endif /* MPIPC_DPDK_MIXED_H */
