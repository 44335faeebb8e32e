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
 * for all.
 *
 * A user has bounds for its memory and for its files in flight. A mailbox that is not read must not
 * use them up. So in the mailbox of a secondary a user has at most half of what its messages
 * elsewhere leave of its memory, and in any mailbox at most half of what they leave of its files.
 * Where it has nothing yet, it may have any message.
 *
 * Other users can have any number of mailboxes. So a user has at most half of what it may have in
 * the mailboxes of all of them together. A message counts there from when it first gets to another
 * user until it is freed.
 */

void mpipc_quota_join(struct mpipc_link *link);
void mpipc_quota_leave(struct mpipc_link *link);
struct mpipc_quota *mpipc_quota_of(struct mpipc_endpoint *to, struct mpipc_msg *msg);
int mpipc_quota_check_space(struct mpipc_endpoint *to, struct mpipc_msg *msg);
void mpipc_quota_send_abroad(struct mpipc_msg *msg);
void mpipc_quota_count(struct mpipc_endpoint *ep, struct mpipc_msg *msg, int sign);

#endif /* MPIPC_QUOTA_H */
