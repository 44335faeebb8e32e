/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_ARRIVAL_H
#define MPIPC_ARRIVAL_H

#include "group.h"

/**
 * DOC: Arrivals
 *
 * Secondaries that wait for a primary are woken by the name of its group, so that others, who can
 * make as many groups as they like, do not disturb them.
 */

int mpipc_arrival_wait(struct mpipc_net *mnet, const char *name, int seen, u64 deadline);
void mpipc_arrival_announce(struct mpipc_net *mnet, char *name);

#endif /* MPIPC_ARRIVAL_H */
