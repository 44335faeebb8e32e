/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_NATIVE_H
#define MPIPC_DPDK_NATIVE_H

#include "find.h"

/**
 * DOC: the DPDK in this process
 *
 * mpipc__dpdk_get() finds DPDK at the first call. The version that DPDK says it has decides
 * which layout its messages have.
 */

const struct dpdk *mpipc__dpdk_get(void);
bool mpipc__dpdk_is_dpdk(const struct dpdk *dpdk);

#endif /* MPIPC_DPDK_NATIVE_H */
