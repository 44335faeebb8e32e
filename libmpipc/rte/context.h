/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_CONTEXT_H
#define MPIPC_RTE_CONTEXT_H

#include <stdbool.h>

#include <mpipc.h>

/**
 * DOC: the endpoint of the process
 *
 * rte_mp has no handle: the process has one endpoint, which the context holds. Its lock
 * is held for reading while a thread uses the endpoint, so that rte_eal_cleanup() can
 * leave the group, which ends all that waits, and then wait for those threads. From
 * mpipc__rte_end() on no thread takes the lock for reading any more, so that threads which
 * send without end do not keep the lock from rte_eal_cleanup().
 *
 * The dispatcher takes no lock, because the endpoint outlives it, and because actions can
 * be inside each other, so that the same thread would lock twice.
 */

void mpipc__rte_set_endpoint(struct mpipc *handle, bool primary);
bool mpipc__rte_clear_endpoint(struct mpipc *handle);
struct mpipc *mpipc__rte_forget_endpoint(void);
struct mpipc *mpipc__rte_find(void);
struct mpipc *mpipc__rte_get(void);
void mpipc__rte_put(struct mpipc *handle);
void mpipc__rte_end(void);
void mpipc__rte_enter(struct mpipc *handle);
bool mpipc__rte_is_primary(void);

/* The process has no IPC at all, by --no-shconf. */
void mpipc__rte_disable(void);
bool mpipc__rte_disabled(void);

#endif /* MPIPC_RTE_CONTEXT_H */
