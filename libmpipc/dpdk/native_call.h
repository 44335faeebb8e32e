/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_NATIVE_CALL_H
#define MPIPC_DPDK_NATIVE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "members.h"

/**
 * DOC: calls to native members
 *
 * A call is a request to all native members at once, with one deadline and a result for each.
 * It is on a list until all results are there. A reply belongs to the oldest call of its name to
 * its sender, since a datagram has no number.
 *
 * A member that goes away, or that is not ready, has a result that does not count. A member
 * whose socket is full gets a synchronous request as soon as there is space. An asynchronous
 * request waits for that as a message does, and then the result is -EAGAIN.
 *
 * The thread that serves native members takes asynchronous calls off the list when they are
 * over. The caller of a synchronous one waits, and does so itself.
 *
 * Lock: mpipc__lock_members() guards the list and the calls on it.
 */

/*
 * The status of a result is one of these, or the error for which there is no reply. A result of
 * RESULT_NONE is not there yet.
 */
#define RESULT_REPLY		0
#define RESULT_NONE		1
#define RESULT_UNCOUNTED	(-ECONNRESET)	/* the member is gone or not ready */

struct native_result {
	struct member *member;
	struct rte_mp_msg *reply;
	int status;
	bool sent;
	bool leaving;		/* the member is gone, but a reply may still be on its way */
};

struct native_call {
	struct native_call *next;
	uint64_t deadline;
	const struct rte_mp_msg *req;		/* valid while the call is on the list */
	void (*done)(struct native_call *call);	/* NULL for a synchronous request */
	void *arg;
	char name[RTE_MP_MAX_NAME_LEN];
	bool starting;				/* a thread still sends the request */
	unsigned int n_open;			/* results that are not there yet */
	unsigned int n_results;
	struct native_result results[];
};

struct native_call *mpipc__native_call_start(const struct rte_mp_msg *req, uint64_t deadline,
					     void (*done)(struct native_call *call), void *arg);
void mpipc__native_call_finish(struct native_call *call);
int mpipc__native_call_collect(struct native_call *call, struct rte_mp_reply *reply, bool all);
void mpipc__native_call_free(struct native_call *call);

struct member *mpipc__native_call_send_locked(struct native_call *call);
bool mpipc__native_call_send_again(void);
void mpipc__native_call_sleep_locked(uint64_t deadline);

void mpipc__native_call_wake(void);
void mpipc__native_call_reply(struct datagram *datagram);
void mpipc__native_call_note_gone(void);
void mpipc__native_call_drop_gone(void);
uint64_t mpipc__native_call_next_deadline(void);
struct native_call *mpipc__native_call_take_done(uint64_t now);
void mpipc__native_call_forget(void);

#endif /* MPIPC_DPDK_NATIVE_CALL_H */
