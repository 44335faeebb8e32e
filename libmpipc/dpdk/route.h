/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_ROUTE_H
#define MPIPC_DPDK_ROUTE_H

#include <stdbool.h>

#include "native.h"

/**
 * DOC: by mpipc or natively
 *
 * All calls of a process go the same way. The way is chosen at the first call after DPDK has
 * parsed its arguments and set up its own channel, which DPDK makes in rte_eal_init().
 *
 * DPDK's native IPC remains in use where the kernel module is absent or may not be used,
 * with --no-shconf and --in-memory, in the secondary of a primary that is not on mpipc,
 * and with a version of DPDK that is not known here.
 *
 * It also remains in use where only some calls come by this library. When the program has found
 * rte_eal_init() by the handle of a library, it finds the other functions in the same way, and only
 * DPDK's own calls come here. When DPDK is linked with LTO, its own calls do not come here.
 */

enum route { ROUTE_UNDECIDED, ROUTE_NATIVE, ROUTE_MPIPC };

enum route mpipc__dpdk_route(void);
const struct dpdk *mpipc__dpdk_native(void);
void mpipc__dpdk_begin_init(void);
bool mpipc__dpdk_end_init(void);
void mpipc__dpdk_leave(void);
void mpipc__dpdk_reset(void);

#endif /* MPIPC_DPDK_ROUTE_H */
