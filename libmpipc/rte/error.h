/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_ERROR_H
#define MPIPC_RTE_ERROR_H

/**
 * DOC: errors of rte_mp
 *
 * Functions of DPDK return -1 and set rte_errno. This is a macro of <rte_errno.h>:
 * libmpipc-rte.so has its own variable, and libmpipc-dpdk.so finds the one of DPDK.
 */

int mpipc__rte_fail(int err);

#endif /* MPIPC_RTE_ERROR_H */
