/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_LINK_H
#define MPIPC_LINK_H

#include "mailbox.h"
#include "user.h"

struct mpipc_endpoint;

/**
 * DOC: Links
 *
 * A link is the memory that a primary and a secondary need between them: the events of either
 * about the other, and what the secondary's user may have in the primary's mailbox. The one that
 * joins second allocates it, before any lock is taken, and only if one of the two wants events or
 * their users differ. The secondary keeps the link until its primary leaves, or until its own
 * memory is freed, because its messages can be in the primary's mailbox for longer than it is a
 * member.
 */

/**
 * struct mpipc_quota - what a user has in the mailbox of a primary of another user
 * @node: in the mailbox's quotas, or in its turns if senders wait, while @endpoints or @messages is
 *	not 0
 * @user: the user, with a reference; constant once the quota is in use
 * @endpoints: number of secondaries of the user that belong to the primary
 * @messages: number of messages of the user in the mailbox, also of secondaries that left
 * @bytes: payload of these messages
 * @files: number of files in these messages
 * @waiting: &struct mpipc_delivery of the user's senders that wait for space, the first one first
 *
 * All are protected by the lock of the mailbox. A closed mailbox does not look at its quotas any
 * more.
 */
struct mpipc_quota {
	struct list_head node;
	struct mpipc_user *user;
	u32 endpoints;
	u32 messages;
	u32 bytes;
	u32 files;
	struct list_head waiting;
};

/**
 * struct mpipc_link_end - the events of one endpoint about its peer
 * @link: the link that this end is part of
 * @about: the peer; each of the two events has a reference while it is in a mailbox
 * @joined: the event that the peer has joined
 * @left: the event that the peer has left
 * @last: number of the newest queue node in the mailbox when the peer last sent something
 * @unseen: @joined is in the mailbox
 *
 * @last and @unseen are protected by the lock of the mailbox that the events go to.
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
 * @ref: the secondary's, one for each event in a mailbox, and one for each other link whose
 *	@quota is in this link
 * @next: the next link that is ready for the same join
 * @quota: quota of the secondary's user, in this or another link; NULL if both have the same user.
 *	Protected by the lock of the primary's mailbox.
 * @own_quota: memory of the quota, if this is the first link of that user
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

struct mpipc_link *mpipc_link_new(void);
void mpipc_link_put(struct mpipc_link *link);

#endif /* MPIPC_LINK_H */
