/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_TIMEOUT_H
#define MPIPC_TIMEOUT_H

#include "pending.h"

/**
 * DOC: Timeouts
 *
 * A thread that waits for its synchronous call keeps the deadline itself. All other calls are
 * asynchronous, or were interrupted and have not been resumed. Almost none of them reaches its
 * deadline, so a mailbox has one timer for all of its endpoint. The timer is set when it would
 * otherwise come too late for such a call. It is not cancelled when that call ends. When it comes,
 * it ends the calls whose deadline has come, and is set for the next deadline.
 */

void mpipc_timeout_start(struct mpipc_call *call);
void mpipc_timeout_setup(struct mpipc_mailbox *box);
int mpipc_timeout_init(void);
void mpipc_timeout_exit(void);

#endif /* MPIPC_TIMEOUT_H */
