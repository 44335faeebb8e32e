/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_RTE_ERRNO_H
#define MPIPC_DPDK_RTE_ERRNO_H

/**
 * DOC: rte_errno of DPDK
 *
 * This header stands for libmpipc's own <rte_errno.h> when the rte layer is compiled for
 * libmpipc-dpdk.so. The variable is that of the DPDK in this process, for this thread.
 */
int *mpipc__dpdk_errno(void);
#define rte_errno	(*mpipc__dpdk_errno())

#endif /* MPIPC_DPDK_RTE_ERRNO_H */
