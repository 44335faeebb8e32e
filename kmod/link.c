// SPDX-License-Identifier: GPL-2.0-only
#include "link.h"

/**
 * mpipc_link_new - allocate a link that connects nobody yet
 *
 * Return: the link with one reference, or NULL if there is no memory.
 */
struct mpipc_link *mpipc_link_new(void)
{
	struct mpipc_link *link = kzalloc(sizeof(*link), GFP_KERNEL_ACCOUNT);

	if (!link)
		return NULL;
	refcount_set(&link->ref, 1);
	INIT_LIST_HEAD(&link->own_quota.waiting);
	link->to_primary.link = link;
	link->to_secondary.link = link;
	return link;
}

/**
 * mpipc_link_put - give a reference to a link back
 * @link: the link, or NULL
 */
void mpipc_link_put(struct mpipc_link *link)
{
	if (!link || !refcount_dec_and_test(&link->ref))
		return;
	if (link->quota && link->quota != &link->own_quota)
		mpipc_link_put(container_of(link->quota, struct mpipc_link, own_quota));
	mpipc_user_put(link->own_quota.user);
	kfree(link);
}
