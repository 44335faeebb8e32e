/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_ERROR_H
#define MPIPC_RTE_ERROR_H

/**
 * DOC: errors of rte_mp
 *
 * Functions of DPDK return -1 and set rte_errno. It is a macro that only <rte_errno.h>
 * knows: libmpipc.so has its own variable, and libmpipc-dpdk.so finds that of DPDK.
 */

int mpipc__rte_fail(int err);

#endif /* MPIPC_RTE_ERROR_H */
