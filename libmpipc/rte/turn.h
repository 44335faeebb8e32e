/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_TURN_H
#define MPIPC_RTE_TURN_H

#include <stdbool.h>

/**
 * DOC: turns
 *
 * DPDK runs one action at a time. So does mpipc, because the dispatcher runs them. In a
 * process that serves other members by another thread, both threads run actions and
 * callbacks, and each takes a turn for that. The turn is free unless such a thread exists.
 *
 * A thread that has the turn may take it again, because an action that makes a request runs
 * other actions meanwhile. While it waits for a request of its own it gives up the turn
 * altogether, so that the other thread can go on: it may be the one that gets the reply.
 * For the same reason it does not wait for the handlers of earlier messages (order.h).
 */

void mpipc__rte_share_turn(bool shared);
void mpipc__rte_take_turn(void);
void mpipc__rte_end_turn(void);
unsigned int mpipc__rte_suspend_turn(void);
void mpipc__rte_resume_turn(unsigned int had);
bool mpipc__rte_is_suspended(void);
void mpipc__rte_drop_turn(void);
void mpipc__rte_forget_turn(void);

#endif /* MPIPC_RTE_TURN_H */
