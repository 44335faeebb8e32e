/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which processes are preloaded. PRIMARY_LIBRARY and SECONDARY_LIBRARY in the environment name the
 * library, or are empty; so the same tests run natively, on mpipc, and in groups of both kinds.
 */
#ifndef MPIPC_SELFTESTS_DPDK_ROUTE_H
#define MPIPC_SELFTESTS_DPDK_ROUTE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* These are preloaded into the next primary and the next secondary, unless they are empty. */
static const char *primary_library, *secondary_library;

static inline const char *library_of(const char *variable)
{
	const char *library = getenv(variable);

	return library ? library : "";
}

/* Remove what earlier processes have left, and take the route of the environment. */
static inline void begin(void)
{
	if (system("rm -rf /var/run/dpdk/rte /dev/hugepages/* /tmp/capture /tmp/trace*"))
		abort();
	primary_library = library_of("PRIMARY_LIBRARY");
	secondary_library = library_of("SECONDARY_LIBRARY");
}

/* Return how many of a primary and its secondary are on mpipc: of both kinds, if at all. */
static inline unsigned int count_on_mpipc(void)
{
	return !primary_library[0] ? 0 : !secondary_library[0] ? 1 : 2;
}

/* Count the endpoints that have both sent and received something. */
static inline unsigned int count_endpoints(void)
{
	unsigned long long sent, received;
	unsigned int n = 0;
	char line[256];
	FILE *file = fopen("/proc/net/mpipc", "r");

	while (file && fgets(line, sizeof(line), file))
		n += sscanf(line, "endpoint %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu", &sent,
			    &received) == 2 && sent && received;
	if (file)
		fclose(file);
	return n;
}

#endif /* MPIPC_SELFTESTS_DPDK_ROUTE_H */
