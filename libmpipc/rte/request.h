/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_REQUEST_H
#define MPIPC_RTE_REQUEST_H

#include <stdbool.h>

#include "wire.h"

/**
 * DOC: results of requests
 *
 * mpipc has a result for each process that got a request. rte_mp has messages, and two
 * numbers: how many processes got it and how many replied. Processes that are gone or
 * not ready yet are in neither number, as if they had never been there.
 */

/* Return reply number @i. It is not @reply->msgs[i], because DPDK decides on the size. */
static inline struct rte_mp_msg *mpipc__rte_reply_at(const struct rte_mp_reply *reply, size_t i)
{
	return (void *)((char *)reply->msgs + i * RTE_MSG_SIZE);
}

/* This gets the replies. It may keep @reply->msgs, and then sets the pointer to NULL. */
typedef void (*rte_done_t)(const struct rte_mp_msg *request, struct rte_mp_reply *reply, void *arg);

/* If this is set, it is called for each process that does not reply to a request in time. */
extern void (*mpipc__rte_on_timeout)(const char *request, unsigned int pid);

struct mpipc *mpipc__rte_prepare(struct mpipc_call_args *arg, const struct rte_mp_msg *req,
				 const struct timespec *ts);
bool mpipc__rte_replied(const struct mpipc_record *record, const struct rte_wire *wire);
bool mpipc__rte_counts(const struct mpipc_record *record);
void mpipc__rte_free_spare(void);
void mpipc__rte_note_missing(const struct mpipc_record *record, const char *request);
int mpipc__rte_check_async(const struct rte_mp_msg *req, const struct timespec *ts);
int mpipc__rte_request_async(const struct rte_mp_msg *req, const struct timespec *ts,
			     rte_done_t done, void *arg);

#endif /* MPIPC_RTE_REQUEST_H */
