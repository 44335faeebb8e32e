/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_LISTING_H
#define MPIPC_LISTING_H

#include <net/net_namespace.h>

/**
 * DOC: The listing
 *
 * /proc/net/mpipc is a table for programs, of four kinds of lines::
 *
 *	group NAME generation uid gid mode members anchor
 *	endpoint id role generation pid uid gid queued bytes sent received lost pending since calls
 *	request call caller state since deadline
 *	user uid endpoints groups bytes files abroad files-abroad
 *
 * The table begins with a line for each kind, which starts with # and names the columns. An
 * endpoint belongs to the group above it, and a request waits for a reply of the endpoint above it.
 * Its state is "taken", or "queued" if it is still in the mailbox. Times are those of the reader's
 * CLOCK_MONOTONIC. Characters of a name that are not printable ASCII, spaces and backslashes are
 * written in octal.
 *
 * The anchor of a named group is "-". An anchored group has the device number of the file system
 * there, as in /proc/self/mountinfo, and the number of the inode. An anchored group is listed,
 * with all its members, in the initial network namespace, and in each network namespace in which
 * one of its members opened the device. The users, and what &struct mpipc_user says that they
 * hold, are those of the whole machine, and are listed in the initial network namespace only.
 *
 * Anybody may read the table, however long it is. So each line is found by itself, by the numbers
 * of the one before, and nothing is locked or referenced between two lines. A member that is there
 * all the time is listed once.
 */

extern struct pernet_operations mpipc_listing_net_ops;

#endif /* MPIPC_LISTING_H */
