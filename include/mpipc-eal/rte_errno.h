/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_ERRNO_H
#define MPIPC_RTE_ERRNO_H

#ifdef __cplusplus
extern "C" {
#endif

/** rte_errno - error number of this thread, as DPDK names and stores it. Since: 0.1 */
extern __thread int per_lcore__rte_errno;
#define rte_errno	per_lcore__rte_errno

/**
 * rte_strerror() - text for an error number
 * @errnum: positive error number
 *
 * Return: the text. It belongs to the calling thread and is valid until its next call.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
const char *rte_strerror(int errnum);

#ifdef __cplusplus
}
#endif

#endif /* MPIPC_RTE_ERRNO_H */
