/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_SAY_H
#define MPIPC_DPDK_SAY_H

#include <stdbool.h>

/**
 * DOC: lines on stderr
 *
 * A process that could be on mpipc, and is not, says so in one line on stderr. It does not use
 * the log of DPDK, which a program may have turned down, and which does not exist before
 * rte_eal_init(). With MPIPC_LOG=1 every process says how its messages go.
 */

void mpipc__dpdk_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void mpipc__dpdk_say_timeout(const char *request, unsigned int pid);
bool mpipc__dpdk_is_set(const char *variable, const char *value);

#endif /* MPIPC_DPDK_SAY_H */
