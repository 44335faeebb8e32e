/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_INIT_H
#define MPIPC_RTE_INIT_H

#include <stdint.h>

#include <mpipc.h>

/**
 * DOC: joining and leaving
 *
 * mpipc__rte_open() joins a group and makes the endpoint that of the process.
 * mpipc__rte_start() starts its thread, after which actions run. mpipc__rte_close() leaves the
 * group, which ends what actions wait for. Then it calls a function that ends other threads which
 * run actions, and ends its own. The child of a fork has no endpoint but may open its own one.
 */

int mpipc__rte_open(const char *group, const char *at, enum mpipc_role role, int64_t timeout_ns);
int mpipc__rte_start(void);
void mpipc__rte_close(void (*stop)(void));

#endif /* MPIPC_RTE_INIT_H */
