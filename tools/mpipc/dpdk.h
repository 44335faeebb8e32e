/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_DPDK_H
#define MPIPC_TOOL_DPDK_H

#include <stddef.h>

#include "columns.h"

/**
 * DOC: The members of a DPDK group
 * A process of DPDK has mapped the file "config" of its runtime directory, and the primary
 * has a lock on it. A process that is on mpipc has an endpoint of the group that belongs to the
 * directory, which /proc/PID/fdinfo shows. If it has none, its maps, its user and its view of the
 * device show why. Processes of other users are only seen by root, and processes of other pid
 * namespaces only from outside.
 */

/**
 * struct dpdk_member - a process of a DPDK group, and a row
 * @pid: the process
 * @process: name of the process
 * @role: "primary" or "secondary"
 * @ipc: "mpipc" or "native"
 * @reason: why the process is not on mpipc and what helps, or NULL
 */
struct dpdk_member {
	uint64_t pid;
	char *process;
	const char *role;
	const char *ipc;
	const char *reason;
};

extern const struct column dpdk_columns[];

/* Return the runtime directory for a file prefix, or for a directory if it has a slash. */
char *dpdk_directory(const char *prefix);

/* Find the members of the group in a directory, the primary first, or end the program. */
struct dpdk_member *dpdk_members(const char *dir, size_t *n);

void dpdk_members_free(struct dpdk_member *members, size_t n);

#endif /* MPIPC_TOOL_DPDK_H */
