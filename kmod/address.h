/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_ADDRESS_H
#define MPIPC_ADDRESS_H

#include "message.h"

/**
 * DOC: Addressing
 *
 * The destinations of a message are found under RCU, and each of them is referenced. An endpoint
 * that joins later does not get the message.
 */

int mpipc_address_import(struct mpipc_endpoint *ep, const struct mpipc_body *body,
			 const struct iov_iter *from, u32 flags, u64 to, struct mpipc_msg **msg);
void mpipc_address_release(struct mpipc_msg *msg, u32 n);

#endif /* MPIPC_ADDRESS_H */
