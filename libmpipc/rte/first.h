/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_FIRST_H
#define MPIPC_RTE_FIRST_H

#include <mpipc.h>

/**
 * DOC: the first interface
 *
 * rte_eal_mp_*() is older than rte_mp_*() and has messages only. They have a payload of a
 * size of its own, and their own actions, so that the two do not meet.
 */

void mpipc__rte_handle_first(const struct mpipc_message *message);

#endif /* MPIPC_RTE_FIRST_H */
