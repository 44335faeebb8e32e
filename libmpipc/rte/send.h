/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_SEND_H
#define MPIPC_RTE_SEND_H

#include <stdbool.h>

#include <mpipc.h>

/**
 * DOC: messages and replies of rte_mp
 *
 * A message goes from a secondary to the primary, or from the primary to all. A full
 * mailbox holds up the sender for a second. The next sender does not wait again until
 * the mailboxes have space, so that a stuck process costs a burst of messages one second
 * in all.
 */

int mpipc__rte_send(struct mpipc *handle, struct mpipc_send_args *arg);
void mpipc__rte_hurry(bool hurry);

#endif /* MPIPC_RTE_SEND_H */
