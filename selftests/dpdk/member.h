/* SPDX-License-Identifier: GPL-2.0-only */
/* Run the program member.c as primary and as secondary. */
#ifndef MPIPC_SELFTESTS_DPDK_MEMBER_H
#define MPIPC_SELFTESTS_DPDK_MEMBER_H

#include "process.h"
#include "route.h"

/* Start a member, in new namespaces of these kinds. Returns NULL if it does not come up. */
static inline struct process *start_member(bool is_primary, int namespaces)
{
	const char *const primary[] = {
		"member", "-l", "0", "--no-pci", "--no-telemetry", "--proc-type=primary",
		"--vdev=net_null0", "--vdev=net_null1", NULL
	};
	const char *const secondary[] = {
		"member", "-l", "0", "--no-pci", "--no-telemetry", "--proc-type=secondary", NULL
	};
	struct process *self;

	new_namespaces = namespaces;
	self = is_primary ? start(primary_library, primary) : start(secondary_library, secondary);
	new_namespaces = 0;
	return expect(self, "= ready") ? self : NULL;
}

/* Type a command and wait for what it has to print. */
static inline bool does(struct process *self, const char *command, const char *text)
{
	type(self, command);
	return expect(self, text);
}

/* Check that two processes have the same devices, and get replies. */
static inline bool belong_together(struct process *primary, struct process *secondary)
{
	return does(secondary, "ports", "= 2 ports") &&
	       does(secondary, "request", "= returned 0, 1 replies of 1") &&
	       does(primary, "request", "= returned 0, 1 replies of 1") &&
	       does(secondary, "attach net_null7", "= attached 0") &&
	       does(primary, "ports", "= 3 ports") &&
	       does(primary, "detach net_null7", "= detached 0") &&
	       does(secondary, "ports", "= 2 ports");
}

/* Have a member allocate memory, and check that another one can read it. */
static inline bool shares_memory(struct process *self, struct process *other)
{
	char address[32], line[64];

	if (!does(self, "grow", "= at 0x") ||
	    sscanf(self->log + self->seen, "%31[0-9a-f]", address) != 1)
		return false;
	sprintf(line, "read %s", address);
	return does(other, line, "= all pages");
}

#endif /* MPIPC_SELFTESTS_DPDK_MEMBER_H */
