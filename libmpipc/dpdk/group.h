/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_GROUP_H
#define MPIPC_DPDK_GROUP_H

#include <stdbool.h>

/**
 * DOC: the group of a DPDK process
 *
 * Processes of DPDK meet in a directory, <runtime directory>/dpdk/<file prefix>, so its
 * device and inode are the name of their group: "dpdk:<device>:<inode>". Anyone could
 * make a group of that name. A secondary believes in a primary only if that process has
 * the lock on the file "config" there, by which DPDK itself knows its primary.
 *
 * The thread and the socket of DPDK exist all the same and have nothing to do. The
 * primary removes the name of its socket.
 */

bool mpipc__dpdk_join(const char *dir, bool secondary);

#endif /* MPIPC_DPDK_GROUP_H */
