/* SPDX-License-Identifier: GPL-2.0-only */
/* Look at the sockets of DPDK. */
#ifndef MPIPC_SELFTESTS_DPDK_SOCKETS_H
#define MPIPC_SELFTESTS_DPDK_SOCKETS_H

#include <glob.h>
#include <stdio.h>
#include <string.h>

/* Count the names of sockets of secondaries. */
static inline int count_sockets(void)
{
	glob_t found;
	int n = glob("/var/run/dpdk/rte/mp_socket_*", 0, NULL, &found) ? 0 : found.gl_pathc;

	if (n)
		globfree(&found);
	return n;
}

#endif /* MPIPC_SELFTESTS_DPDK_SOCKETS_H */
