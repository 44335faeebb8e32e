/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_RECORD_H
#define MPIPC_RECORD_H

#include "message.h"

/**
 * DOC: Records
 *
 * A receiver gets a queue node of its mailbox as a &struct mpipc_record, which is also what a
 * synchronous caller gets for each destination.
 */

void mpipc_entry_drop(struct mpipc_entry *entry);
struct mpipc_msg *mpipc_entry_msg(struct mpipc_entry *entry);
void mpipc_entry_record(struct mpipc_entry *entry, struct mpipc_endpoint *viewer,
			struct mpipc_record *record);

#endif /* MPIPC_RECORD_H */
