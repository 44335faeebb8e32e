/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_JOIN_H
#define MPIPC_JOIN_H

#include "endpoint.h"

/**
 * DOC: Joining
 *
 * The memory that a join needs is allocated first, without a lock. If the look at the group shows
 * that there is too little, more is allocated and the join is tried again. A join that can succeed
 * is published in an order in which nobody gets a message of a peer before the event that the peer
 * joined, and everybody can send to a peer whose event was received.
 */

int mpipc_join(struct mpipc_endpoint *ep, struct file *file, struct mpipc_join_args *arg);

#endif /* MPIPC_JOIN_H */
