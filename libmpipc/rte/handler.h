/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_HANDLER_H
#define MPIPC_RTE_HANDLER_H

#include <mpipc.h>

/**
 * DOC: the handler of the process
 *
 * The endpoint of the process has one handler, which finds out what a message is and
 * runs the action for it.
 */

void mpipc__rte_handle(struct mpipc *handle, const struct mpipc_message *message, void *arg);

#endif /* MPIPC_RTE_HANDLER_H */
