/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_RECORD_H
#define MPIPC_RECORD_H

#include "message.h"

/**
 * DOC: Records
 *
 * A receiver gets each queue node of its mailbox as a &struct mpipc_record. A synchronous caller
 * gets the same structure as the result of each destination.
 */

void mpipc_qnode_drop(struct mpipc_qnode *qnode);
struct mpipc_msg *mpipc_qnode_msg(struct mpipc_qnode *qnode);
void mpipc_record_fill(struct mpipc_qnode *qnode, struct mpipc_endpoint *viewer,
		       struct mpipc_record *record);

#endif /* MPIPC_RECORD_H */
