/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_ERRNO_H
#define MPIPC_RTE_ERRNO_H

#ifdef __cplusplus
extern "C" {
#endif

/** rte_errno - error number of this thread, as DPDK names and stores it. */
extern __thread int per_lcore__rte_errno;
#define rte_errno	per_lcore__rte_errno

/**
 * rte_strerror() - text of an error number
 * @errnum: the number, positive
 *
 * Return: the text, until this thread's next call.
 */
const char *rte_strerror(int errnum);

#ifdef __cplusplus
}
#endif

#endif /* MPIPC_RTE_ERRNO_H */
