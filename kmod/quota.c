// SPDX-License-Identifier: GPL-2.0-only
#include "limits.h"
#include "quota.h"

/* Take a quota out of the mailbox's list if nothing is counted in it any more. */
static void mpipc_quota_forget_unused(struct mpipc_mailbox *box, struct mpipc_quota *quota)
{
	lockdep_assert_held(&box->lock);
	if (!quota->endpoints && !quota->messages)
		list_del_init(&quota->node);
}

static struct mpipc_quota *mpipc_quota_find(struct list_head *quotas, struct mpipc_user *user)
{
	struct mpipc_quota *quota;

	list_for_each_entry(quota, quotas, node)
		if (quota->user == user)
			return quota;
	return NULL;
}

/**
 * mpipc_quota_join - give a secondary its user's quota of its primary's mailbox
 * @link: the link of the two
 */
void mpipc_quota_join(struct mpipc_link *link)
{
	struct mpipc_endpoint *primary = link->to_secondary.about;
	struct mpipc_user *user = link->to_primary.about->user;
	struct mpipc_mailbox *box = &primary->box;
	struct mpipc_quota *quota;

	if (user == primary->user)
		return;
	spin_lock(&box->lock);
	quota = mpipc_quota_find(&box->quotas, user) ?: mpipc_quota_find(&box->turns, user);
	if (!quota) {
		quota = &link->own_quota;
		quota->user = mpipc_user_get(user);
		list_add_tail(&quota->node, &box->quotas);
	} else {
		refcount_inc(&container_of(quota, struct mpipc_link, own_quota)->ref);
	}
	quota->endpoints++;
	link->quota = quota;
	spin_unlock(&box->lock);
}

/**
 * mpipc_quota_leave - note that a secondary leaves its primary
 * @link: the link of the two, which the secondary keeps for its messages in the primary's mailbox
 */
void mpipc_quota_leave(struct mpipc_link *link)
{
	struct mpipc_mailbox *box = &link->to_secondary.about->box;

	if (!link->quota)
		return;
	spin_lock(&box->lock);
	link->quota->endpoints--;
	mpipc_quota_forget_unused(box, link->quota);
	spin_unlock(&box->lock);
}

/**
 * mpipc_quota_of - find the quota that limits the sender of a message in a mailbox
 * @to: the destination, whose mailbox is locked
 * @msg: the message
 *
 * Return: the quota, or NULL if there is none.
 */
struct mpipc_quota *mpipc_quota_of(struct mpipc_endpoint *to, struct mpipc_msg *msg)
{
	struct mpipc_link *link = to->role == MPIPC_PRIMARY ? msg->sender->link : NULL;

	return link ? link->quota : NULL;
}

/*
 * Say whether something may have @n more, which are charged already. It may have at most half of
 * what the rest of @all leaves of @limit. If it has nothing yet, it may have @n in any case.
 */
static bool mpipc_quota_leaves_half(long has, long n, long all, long limit)
{
	return !has || has + n <= (limit - (all - n - has)) / 2;
}

/* Say whether a mailbox leaves enough of what the sender's user may have in memory and files. */
static bool mpipc_quota_leaves_enough(struct mpipc_endpoint *to, struct mpipc_msg *msg, u32 files)
{
	long limit = min_t(unsigned long, READ_ONCE(mpipc_user_bytes), LONG_MAX);
	struct mpipc_user *user = msg->sender->user;

	if (msg->sender->exempt)
		return true;
	if (msg->n_files && mpipc_msg_flight(msg)->max != U32_MAX &&
	    !mpipc_quota_leaves_half(files, msg->n_files, atomic_long_read(&user->files),
				     mpipc_msg_flight(msg)->max))
		return false;
	return to->role == MPIPC_PRIMARY ||
	       mpipc_quota_leaves_half(to->box.held, msg->charge, atomic_long_read(&user->bytes),
				       limit);
}

/* Say whether a user would have too much in the mailboxes of all other users together. */
static bool mpipc_quota_is_too_much_abroad(struct mpipc_msg *msg)
{
	long bytes = atomic_long_read(&msg->sender->user->abroad);
	long files = atomic_long_read(&msg->sender->user->files_abroad);

	if (msg->abroad || msg->sender->exempt)
		return false;
	return (bytes && bytes + msg->charge > (long)(READ_ONCE(mpipc_user_bytes) / 2)) ||
	       (files && msg->n_files && files + msg->n_files > mpipc_msg_flight(msg)->max / 2);
}

/**
 * mpipc_quota_check_space - check whether a mailbox has space for a message
 * @to: the destination, whose mailbox is locked
 * @msg: the message
 *
 * Return: 0, -EAGAIN if there is no space now, -EMSGSIZE if there never will be, or -EDQUOT if
 * there is space, but the sender's user holds too much now.
 */
int mpipc_quota_check_space(struct mpipc_endpoint *to, struct mpipc_msg *msg)
{
	struct mpipc_quota *quota = mpipc_quota_of(to, msg);
	struct mpipc_mailbox *box = &to->box;
	u32 messages = box->max_messages, bytes = box->max_bytes, size = msg->size;

	lockdep_assert_held(&box->lock);
	if (size > (quota ? bytes / 2 : bytes))
		return -EMSGSIZE;
	if (box->messages >= messages || box->bytes > bytes - size)
		return -EAGAIN;
	if (!mpipc_quota_leaves_enough(to, msg, quota ? quota->files : box->files) ||
	    (to->user != msg->sender->user && mpipc_quota_is_too_much_abroad(msg)))
		return -EDQUOT;
	if (!quota)
		return 0;
	messages -= box->messages - quota->messages;
	bytes -= box->bytes - quota->bytes;
	if (quota->messages < max(messages / 2, 1U) && (u64)quota->bytes + size <= bytes / 2)
		return 0;
	return -EAGAIN;
}

/**
 * mpipc_quota_send_abroad - charge a message that another user gets, once
 * @msg: the message, which nobody of another user has yet
 */
void mpipc_quota_send_abroad(struct mpipc_msg *msg)
{
	msg->abroad = true;
	atomic_long_add(msg->charge, &msg->sender->user->abroad);
	atomic_long_add(msg->n_files, &msg->sender->user->files_abroad);
}

/**
 * mpipc_quota_count - count a message that is put in a mailbox or taken out
 * @ep: the endpoint, whose mailbox is locked
 * @msg: the message
 * @sign: 1 or -1
 */
void mpipc_quota_count(struct mpipc_endpoint *ep, struct mpipc_msg *msg, int sign)
{
	struct mpipc_quota *quota = mpipc_quota_of(ep, msg);
	struct mpipc_mailbox *box = &ep->box;

	lockdep_assert_held(&box->lock);
	box->messages += sign;
	box->bytes += sign * msg->size;
	box->held += sign * (long)msg->charge;
	if (sign < 0)
		mpipc_user_freed(msg->sender->user);
	if (!quota) {
		box->files += sign * msg->n_files;
		return;
	}
	quota->files += sign * msg->n_files;
	quota->messages += sign;
	quota->bytes += sign * msg->size;
	mpipc_quota_forget_unused(box, quota);
}
