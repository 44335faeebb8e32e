/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run testpmd, DPDK's program for tests, as primary and as secondary, and DPDK's tools.
 */
#ifndef MPIPC_SELFTESTS_DPDK_TESTPMD_H
#define MPIPC_SELFTESTS_DPDK_TESTPMD_H

#include "process.h"
#include "route.h"

/* strace writes to this file which messages to sockets there are, if that is wanted. */
static const char *trace;

static inline struct process *start_traced(const char *preload, const char *const argv[])
{
	const char *traced[80] = {
		"strace", "-f", "--seccomp-bpf", "-qq", "-s", "256",
		"-e", "trace=sendmsg,sendmmsg,sendto", "-o", trace,
	};
	unsigned int i, n = 10;

	if (!trace)
		return start(preload, argv);
	for (i = 0; argv[i]; i++)
		traced[n++] = argv[i];
	return start(preload, traced);
}

static inline struct process *start_testpmd(const char *preload, const char *type, const char *id,
					    unsigned int n_devices)
{
	static char devices[32][32];
	const char *argv[64] = { "dpdk-testpmd", "-l", "0,1", "--no-pci", "--no-telemetry", type };
	const char *const options[] = {
		"--", "--interactive", "--num-procs=2", id, "--rxq=2", "--txq=2",
		"--total-num-mbufs=4096", "--disable-device-start",
	};
	unsigned int i, n = 6;

	for (i = 0; i < n_devices; i++) {
		sprintf(devices[i], "--vdev=net_null%u", i);
		argv[n++] = devices[i];
	}
	memcpy(argv + n, options, sizeof(options));
	return start_traced(preload, argv);
}

static inline bool is_ready(struct process *self)
{
	return expect(self, "testpmd> ");
}

static inline struct process *start_primary(unsigned int n_devices)
{
	struct process *self = start_testpmd(primary_library, "--proc-type=primary",
					     "--proc-id=0", n_devices);

	return is_ready(self) ? self : NULL;
}

static inline struct process *start_secondary(void)
{
	struct process *self = start_testpmd(secondary_library, "--proc-type=secondary",
					     "--proc-id=1", 0);

	return is_ready(self) ? self : NULL;
}

static inline bool has_ports(struct process *self, unsigned int n)
{
	char text[64];

	sprintf(text, "Number of available ports: %u", n);
	type(self, "show port summary all");
	return expect(self, text);
}

static inline bool attach(struct process *self, const char *device, unsigned int port)
{
	char line[64];

	sprintf(line, "port attach %s", device);
	type(self, line);
	sprintf(line, "Port %u is attached", port);
	return expect(self, line) && expect(self, "Done");
}

/* A port of net_null keeps a packet for each queue: with a large one, memory has to grow. */
#define LARGE_DEVICE	"net_null9,size=8388608"

static inline bool start_port(struct process *self, unsigned int port)
{
	char line[32];

	sprintf(line, "port start %u", port);
	type(self, line);
	return expect(self, "Checking link statuses") && expect(self, "Done");
}

/*
 * Check that a secondary ended after its primary asked it to. A secondary that is slow may
 * notice meanwhile that there is no primary any more, and then fails. In DPDK 24.11 and later, a
 * secondary says first that it is done, and cleans up then, while the primary takes away the
 * memory that this uses: on DPDK's own sockets as well, it often ends with SIGSEGV.
 */
static inline bool ends_by_itself(struct process *self)
{
	int status = end(self);

	if (status == EXIT_SUCCESS || status == EXIT_FAILURE)
		return true;
	if (status == 128 + SIGSEGV && strstr(self->log, "Replying 0 to primary"))
		return true;
	fprintf(stderr, "# ended with %d:\n#    ", status);
	show_log(self);
	return false;
}

/* Count the pages of DPDK's memory that this process has. */
static inline unsigned int count_pages(const struct process *self)
{
	char path[32], line[512];
	unsigned int n = 0;
	FILE *maps;

	sprintf(path, "/proc/%d/maps", (int)self->pid);
	maps = fopen(path, "r");
	while (maps && fgets(line, sizeof(line), maps))
		n += !!strstr(line, "rtemap_");
	if (maps)
		fclose(maps);
	return n;
}

static inline bool have_same_pages(const struct process *a, const struct process *b)
{
	unsigned int n = count_pages(a), m = count_pages(b);

	if (n != m || !n)
		fprintf(stderr, "# %u pages and %u\n", n, m);
	return n && n == m;
}

static inline struct process *start_tool(const char *name, const char *option)
{
	const char *const argv[] = { name, "--no-pci", "--no-telemetry", "--", option, NULL };

	return start(secondary_library, argv);
}

#endif /* MPIPC_SELFTESTS_DPDK_TESTPMD_H */
