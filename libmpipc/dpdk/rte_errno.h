/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_RTE_ERRNO_H
#define MPIPC_DPDK_RTE_ERRNO_H

/* In place of libmpipc's own one: that of the DPDK in this process, of this thread. */
int *mpipc__dpdk_errno(void);
#define rte_errno	(*mpipc__dpdk_errno())

#endif /* MPIPC_DPDK_RTE_ERRNO_H */
