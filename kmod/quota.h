/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_QUOTA_H
#define MPIPC_QUOTA_H

#include "message.h"

/**
 * DOC: Quotas
 *
 * A message is taken if the mailbox stays within its bounds, and if its sender's user does not
 * use up what others need. In the mailbox of a primary, where many users meet, a user other than
 * the primary's own has at most half of what the other users leave, so that no user can fill it
 * for all. A primary pays for what it sends to all its secondaries. So in the mailbox of a
 * secondary a user has at most half of what its messages elsewhere leave of its memory:
 * secondaries that do not read cannot use up all of it, and the others are reached. The empty
 * mailbox of a secondary takes any message.
 */

void mpipc_quota_join(struct mpipc_link *link);
void mpipc_quota_leave(struct mpipc_link *link);
struct mpipc_quota *mpipc_quota_of(struct mpipc_endpoint *to, struct mpipc_msg *msg);
int mpipc_quota_check_space(struct mpipc_endpoint *to, struct mpipc_msg *msg);
void mpipc_quota_count(struct mpipc_endpoint *ep, struct mpipc_msg *msg, int sign);

#endif /* MPIPC_QUOTA_H */
