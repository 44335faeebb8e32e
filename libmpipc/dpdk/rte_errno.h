/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_RTE_ERRNO_H
#define MPIPC_DPDK_RTE_ERRNO_H

/* This stands for libmpipc's own <rte_errno.h> when the rte layer is compiled for DPDK. */
int *mpipc__dpdk_errno(void);
#define rte_errno	(*mpipc__dpdk_errno())

#endif /* MPIPC_DPDK_RTE_ERRNO_H */
