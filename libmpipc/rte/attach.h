/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_ATTACH_H
#define MPIPC_RTE_ATTACH_H

#include <mpipc.h>

/**
 * DOC: attaching
 *
 * rte_mp_disable() refuses secondaries, unless one has attached already. Whoever comes
 * first decides this once and for all. A secondary that has joined asks its primary by a
 * request with neither name nor payload; the reply is a status.
 */

/* The primary replies with this status after rte_mp_disable(). */
#define RTE_ATTACH_REFUSED	(-EPERM)

int mpipc__rte_attach(void);
void mpipc__rte_reply_attach(struct mpipc *handle, const struct mpipc_record *record);
void mpipc__rte_reset_attach(void);

#endif /* MPIPC_RTE_ATTACH_H */
