/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_REPLY_H
#define MPIPC_REPLY_H

#include "endpoint.h"

/**
 * DOC: Replies
 *
 * A reply is imported before its request is looked for, in the replier's own mailbox. It goes
 * straight into the reply slot that the call has for the replier, where the caller finds it.
 */

int mpipc_reply(struct mpipc_endpoint *ep, const struct mpipc_reply_args *arg, bool sync);

#endif /* MPIPC_REPLY_H */
