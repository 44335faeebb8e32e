/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_GROUP_H
#define MPIPC_DPDK_GROUP_H

#include <stdbool.h>

/**
 * DOC: the group of a DPDK process
 *
 * Processes of DPDK meet in a directory, <runtime directory>/dpdk/<file prefix>. Their group
 * belongs to this directory and has the name "dpdk". So the directory decides who may join, as
 * it decides who may use the sockets in it: whoever may write to it may be a secondary, and whoever
 * owns it may be the primary, in whatever namespaces they are.
 *
 * DPDK still has its own thread and socket. The primary puts a socket of its own in the place
 * of that of DPDK, by which it serves native members (serve.h). A secondary removes the name of
 * its socket, after it has joined. Before that it has no actions with DPDK, so that the DPDK
 * of the secondary drops or refuses whatever else comes.
 */

int mpipc__dpdk_group_join(const char *dir, bool secondary);
void mpipc__dpdk_group_leave(void);

#endif /* MPIPC_DPDK_GROUP_H */
