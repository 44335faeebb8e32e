/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_REPORT_H
#define MPIPC_REPORT_H

#include "endpoint.h"

struct seq_file;

/**
 * DOC: Reports
 *
 * There are four ways to look at endpoints: MPIPC_INFO for the endpoint's own process, MPIPC_PEERS
 * for the members of its group, fdinfo for whoever may look at its process, and /proc/net/mpipc
 * for all groups of a network namespace. The last is a table for programs, of two kinds of lines::
 *
 *	group NAME generation uid gid mode members anchor
 *	endpoint id role generation pid uid gid queued bytes sent received lost
 *
 * The table begins with a line for each kind, which starts with # and names the columns. An
 * endpoint belongs to the group above it. Characters of a name that are not printable ASCII,
 * spaces and backslashes are written in octal.
 *
 * The anchor of a named group is "-". An anchored group has the device number of the file system
 * there, as in /proc/self/mountinfo, and the number of the inode. An anchored group is listed,
 * with all its members, in the initial network namespace, and in each network namespace in which
 * one of its members opened the device.
 */

extern struct pernet_operations mpipc_report_net_ops;

void mpipc_report_info(struct mpipc_endpoint *ep, struct mpipc_info *info);
void mpipc_report_fdinfo(struct seq_file *m, struct file *file);
int mpipc_report_peers(struct mpipc_endpoint *ep, struct mpipc_peers_args *arg);

#endif /* MPIPC_REPORT_H */
