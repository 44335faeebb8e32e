/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_LINK_H
#define MPIPC_LINK_H

#include "mailbox.h"
#include "user.h"

struct mpipc_endpoint;

/**
 * DOC: Links
 *
 * A link is the memory that a primary and a secondary need between them: the events of
 * either about the other, and what the secondary's user may have in the primary's
 * mailbox. The one that joins second allocates it, before any lock is taken, and
 * only if one of the two wants events or their users differ. The secondary has it until
 * its primary leaves, or until its own memory is freed, since its messages can wait in the
 * primary's mailbox for longer than it is a member.
 */

/**
 * struct mpipc_quota - how much one user has in a primary's mailbox that is another's
 * @node: in the mailbox's quotas, while @endpoints or @messages is not 0
 * @user: the user, with a reference; constant once it is in use
 * @endpoints: secondaries of the user that belong to the primary
 * @messages: messages of the user in the mailbox, also from secondaries that left
 * @bytes: their payload
 *
 * All are protected by the lock of the mailbox. A closed mailbox does not look at its
 * quotas any more.
 */
struct mpipc_quota {
	struct list_head node;
	struct mpipc_user *user;
	u32 endpoints;
	u32 messages;
	u32 bytes;
};

/**
 * struct mpipc_link_end - the events of one endpoint about the other
 * @link: the link this is part of
 * @about: the other; each of the two events has a reference while it is in a mailbox
 * @joined: the event that the other is there
 * @left: the event that the other is gone
 * @last: number of the newest entry in the mailbox when the other sent something last
 * @unseen: @joined is in the mailbox
 *
 * @last and @unseen are under the lock of the mailbox that the events go to.
 */
struct mpipc_link_end {
	struct mpipc_link *link;
	struct mpipc_endpoint *about;
	struct mpipc_qnode joined;
	struct mpipc_qnode left;
	u64 last;
	bool unseen;
};

/**
 * struct mpipc_link - a primary and a secondary
 * @ref: the secondary's, one for each event in a mailbox, and one for each link whose
 *	@quota is here
 * @next: the next of those that are ready for a join
 * @quota: that of the secondary's user, in this or another link; NULL: the users of the two
 *	are the same. Under the lock of the primary's mailbox.
 * @own_quota: room for it, if this is the first link of that user
 * @to_primary: the primary's events about the secondary
 * @to_secondary: the secondary's events about the primary
 */
struct mpipc_link {
	refcount_t ref;
	struct mpipc_link *next;
	struct mpipc_quota *quota;
	struct mpipc_quota own_quota;
	struct mpipc_link_end to_primary;
	struct mpipc_link_end to_secondary;
};

static inline void mpipc_link_get(struct mpipc_link *link)
{
	refcount_inc(&link->ref);
}

struct mpipc_link *mpipc_link_new(void);
void mpipc_link_put(struct mpipc_link *link);

#endif /* MPIPC_LINK_H */
