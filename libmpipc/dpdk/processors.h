/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_PROCESSORS_H
#define MPIPC_DPDK_PROCESSORS_H

/**
 * DOC: processors
 *
 * DPDK keeps the thread for its messages away from the processors that poll. The threads
 * of this library run on the same processors.
 */

int mpipc__dpdk_start(int (*start)(void));

#endif /* MPIPC_DPDK_PROCESSORS_H */
