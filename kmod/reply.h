/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_REPLY_H
#define MPIPC_REPLY_H

#include "endpoint.h"

/**
 * DOC: Replies
 *
 * A reply is imported before the request that it belongs to is looked for. It goes straight into
 * the reply slot of its destination, where the caller finds it.
 */

int mpipc_reply(struct mpipc_endpoint *ep, const struct mpipc_reply_args *arg, bool sync);

#endif /* MPIPC_REPLY_H */
