/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_PROCESSORS_H
#define MPIPC_DPDK_PROCESSORS_H

/**
 * DOC: processors
 *
 * DPDK keeps the thread for its messages away from the processors that poll. The thread
 * of this library runs on the same processors.
 */

int mpipc__dpdk_start(void);

#endif /* MPIPC_DPDK_PROCESSORS_H */
