/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_LIMITS_H
#define MPIPC_LIMITS_H

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/user_namespace.h>

/**
 * DOC: Limits
 *
 * Every bound of the module is a module parameter that root may change at any time, except those
 * that are part of the interface (MPIPC_SIZE_MAX, MPIPC_FDS_MAX and the sizes of names). The two
 * bounds of a mailbox are fixed when its endpoint joins. The others are read whenever something is
 * charged. Files in flight have no parameter: their bound is the sender's RLIMIT_NOFILE.
 *
 * A charge that would pass a limit is undone, so that concurrent charges can fail a little early
 * but never pass the limit.
 *
 * The limits of a user are those of a uid, and containers without a user namespace have the uids
 * of the host. So they do not stop a process with CAP_SYS_RESOURCE in the initial user namespace,
 * which its memory cgroup still bounds. An endpoint keeps what held at its join, because a write()
 * must not depend on the process that makes it.
 */

/* Number of messages and requests that wait in one mailbox. */
extern unsigned int mpipc_mailbox_messages;
/* Their payload in bytes. */
extern unsigned int mpipc_mailbox_bytes;
/* Number of endpoints in one group. */
extern unsigned int mpipc_group_endpoints;
/* Number of endpoints of one user, in all groups. */
extern unsigned int mpipc_user_endpoints;
/* Number of groups whose primary belongs to one user. */
extern unsigned int mpipc_user_groups;
/* Kernel memory that the messages and calls of one user hold, in bytes. */
extern unsigned long mpipc_user_bytes;
/* Number of calls that one endpoint has open. */
extern unsigned int mpipc_endpoint_calls;

/* Say whether the limits of a user do not stop the calling process. */
static inline bool mpipc_is_exempt(void)
{
	return ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE);
}

/**
 * mpipc_charge - count @n against a limit
 * @count: the counter
 * @n: number to add
 * @limit: the most that the counter may reach
 * @exempt: count @n in any case
 *
 * Return: true if @n was counted.
 */
static inline bool mpipc_charge(atomic_long_t *count, long n, unsigned long limit, bool exempt)
{
	if (atomic_long_add_return(n, count) <= (long)min_t(unsigned long, limit, LONG_MAX) ||
	    exempt)
		return true;
	atomic_long_sub(n, count);
	return false;
}

#endif /* MPIPC_LIMITS_H */
