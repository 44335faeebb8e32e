/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_ARRIVAL_H
#define MPIPC_ARRIVAL_H

#include "group.h"

/**
 * DOC: Arrivals
 *
 * A secondary that waits for a primary is woken only when one arrives in the group that it waits
 * for. So primaries of other groups, of which any user can make many, do not disturb it.
 */

int mpipc_arrival_wait(const struct mpipc_place *place, int seen, u64 deadline);
void mpipc_arrival_announce(struct mpipc_place *place);

#endif /* MPIPC_ARRIVAL_H */
