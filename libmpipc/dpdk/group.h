/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_GROUP_H
#define MPIPC_DPDK_GROUP_H

#include <stdbool.h>

/**
 * DOC: the group of a DPDK process
 *
 * Processes of DPDK meet in a directory, <runtime directory>/dpdk/<file prefix>. The name
 * of their group is made of its device and inode: "dpdk:<device>:<inode>". Anyone could
 * make a group of that name. So a secondary accepts a primary only if that process has the
 * lock on the file "config" in the directory, by which DPDK itself knows its primary.
 *
 * DPDK still has its own thread and socket, which have nothing to do. The primary removes
 * the name of its socket.
 */

bool mpipc__dpdk_join(const char *dir, bool secondary);

#endif /* MPIPC_DPDK_GROUP_H */
