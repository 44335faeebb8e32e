/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_LIMITS_H
#define MPIPC_LIMITS_H

#include <linux/atomic.h>
#include <linux/kernel.h>

/**
 * DOC: Limits
 *
 * Every bound of the module, but those that are part of the interface
 * (MPIPC_SIZE_MAX, MPIPC_FDS_MAX and the names), is a module parameter that root
 * may change at any time. The two of a mailbox are fixed when its endpoint
 * joins, the others are looked at whenever something is charged. Files in
 * flight have no parameter: their bound is the sender's RLIMIT_NOFILE.
 *
 * A counter that would pass its limit is left as it was, so concurrent charges
 * can fail a little early but never go over.
 */

/* Messages and requests that wait in one mailbox. */
extern unsigned int mpipc_mailbox_messages;
/* Payload bytes of those. */
extern unsigned int mpipc_mailbox_bytes;
/* Endpoints in one group. */
extern unsigned int mpipc_group_endpoints;
/* Endpoints of one user, in all groups. */
extern unsigned int mpipc_user_endpoints;
/* Groups that one user created and that exist. */
extern unsigned int mpipc_user_groups;
/* Kernel memory that one user's messages and calls hold, in bytes. */
extern unsigned long mpipc_user_bytes;
/* Calls that one endpoint has open. */
extern unsigned int mpipc_endpoint_calls;

/**
 * mpipc_charge - count @n against a limit
 * @count: the counter
 * @n: how many
 * @limit: what the counter may reach
 *
 * Return: whether it fits; if not, nothing was counted.
 */
static inline bool mpipc_charge(atomic_long_t *count, long n, unsigned long limit)
{
	if (atomic_long_add_return(n, count) <= (long)min_t(unsigned long, limit, LONG_MAX))
		return true;
	atomic_long_sub(n, count);
	return false;
}

#endif /* MPIPC_LIMITS_H */
