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
 * for all groups of a network namespace (see "The listing").
 *
 * A report holds up nobody: members are found one by one under RCU, and the lock of a mailbox is
 * held for a few steps at a time.
 */

extern const char *const mpipc_report_roles[];

void mpipc_report_name(struct seq_file *m, const char *name);
void mpipc_report_anchor(struct seq_file *m, const struct mpipc_group *group);
void mpipc_report_info(struct mpipc_endpoint *ep, struct mpipc_info *info);
void mpipc_report_fdinfo(struct seq_file *m, struct file *file);
int mpipc_report_peers(struct mpipc_endpoint *ep, struct mpipc_peers_args *arg);

#endif /* MPIPC_REPORT_H */
