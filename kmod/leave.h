/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_LEAVE_H
#define MPIPC_LEAVE_H

#include "endpoint.h"

/**
 * DOC: Leaving
 *
 * Leaving has two steps. First the mailbox is closed, and the pending replies of the endpoint are
 * completed, which can take long and needs no lock of the group. Then the endpoint is taken out of
 * the group and its peers are notified. Between the two steps the endpoint is still a member, but
 * nobody sends to it or joins it any more.
 */

void mpipc_leave(struct mpipc_endpoint *ep, struct file *file, void *table);

#endif /* MPIPC_LEAVE_H */
