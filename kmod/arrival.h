/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_ARRIVAL_H
#define MPIPC_ARRIVAL_H

#include "group.h"

/**
 * DOC: Arrivals
 *
 * A secondary that waits for a primary is woken only when one arrives in the group that it waits
 * for. So primaries of other groups, of which any user can make many, do not disturb it. The
 * secondaries wait in many queues, and a primary looks only at the one of its place. So those that
 * wait for other groups hardly cost it anything, however many they are.
 */

void mpipc_arrival_init(void);
int mpipc_arrival_count(const struct mpipc_place *place);
int mpipc_arrival_wait(const struct mpipc_place *place, int seen, u64 deadline);
void mpipc_arrival_announce(struct mpipc_place *place);

#endif /* MPIPC_ARRIVAL_H */
