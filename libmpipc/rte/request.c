// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>

#include "context.h"
#include "request.h"

bool mpipc__rte_replied(const struct mpipc_record *record, const struct rte_wire *wire)
{
	return !record->status && mpipc__rte_valid(record, wire);
}

/* Peers that are gone, or not ready, are as if they had never been there. */
bool mpipc__rte_counts(const struct mpipc_record *record)
{
	if (record->flags & MPIPC_REC_REPLIED)
		return record->status != RTE_WIRE_IGNORE;
	return record->status != -ECONNRESET || !mpipc__rte_is_primary();
}
