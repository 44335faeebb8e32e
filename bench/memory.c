// SPDX-License-Identifier: BSD-3-Clause
/*
 * DOC: kernel memory
 *
 * endpoint: the memory of a secondary with an empty mailbox, with its open file. This process
 * opens as many secondaries as there are to be peers.
 * queued_message: the memory of a message in a mailbox. A thousand messages are queued, or
 * as many as fit into 2 MiB.
 *
 * The program puts itself into a memory cgroup of its own and measures by how much the slabs
 * of that cgroup grow. The figure is the growth divided by the number of objects. It includes
 * the rounding of allocations and 8 bytes of the cgroup for each. The kernel counts whole pages
 * only, which is an error of up to 4 bytes for each object.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mpipc.h>

#include "measure.h"

#define MESSAGES	1000
#define BYTES		(2 << 20)

static struct bench bench = { .transport = "mpipc_native", .cpus = "same" };
static char group[32];
static char cgroups[] = "/tmp/mpipc-bench.XXXXXX";
static char cgroup[64];
static struct mpipc *primary, *secondary;

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		bench_die("%s: %s", path, strerror(errno));
	close(fd);
}

/* Mount the file system of cgroups where only this process sees it. */
static void enter_cgroup(void)
{
	char path[96];

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    !mkdtemp(cgroups) || mount("cgroup2", cgroups, "cgroup2", 0, NULL))
		bench_die("cgroup2: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", cgroups);
	write_file(path, "+memory");
	snprintf(cgroup, sizeof(cgroup), "%s/mpipc-bench-%d", cgroups, getpid());
	if (mkdir(cgroup, 0755))
		bench_die("%s: %s", cgroup, strerror(errno));
	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	write_file(path, "0");
}

static void leave_cgroup(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroups);
	write_file(path, "0");
	if (rmdir(cgroup) || umount2(cgroups, MNT_DETACH) || rmdir(cgroups))
		bench_die("%s: %s", cgroups, strerror(errno));
}

static long long kernel_memory(void)
{
	long long value, total = 0;
	char path[96], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/memory.stat", cgroup);
	file = fopen(path, "re");
	if (!file)
		bench_die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "slab %lld", &value) == 1 ||
		    sscanf(line, "vmalloc %lld", &value) == 1)
			total += value;
	fclose(file);
	return total;
}

static struct mpipc *join(enum mpipc_role role)
{
	struct mpipc *handle;
	int err = mpipc_open(&handle, group, role, NULL);

	if (err)
		bench_die("%s", mpipc_open_hint(err));
	return handle;
}

static void join_many(void)
{
	unsigned int i;

	for (i = 0; i < bench.peers; i++)
		join(MPIPC_SECONDARY);
}

static unsigned int messages(void)
{
	return bench.bytes * MESSAGES < BYTES ? MESSAGES : BYTES / bench.bytes;
}

static void send_many(void)
{
	static char data[MPIPC_SIZE_MAX];
	unsigned int i;
	int ret;

	for (i = 0; i < messages(); i++) {
		ret = mpipc_send(secondary, MPIPC_TO_PRIMARY, "", data, bench.bytes, NULL);
		if (ret != 1)
			bench_die("mpipc_send: %d", ret);
	}
}

/* Grow the table of descriptors before the measurement, because it does not shrink again. */
static void enlarge_table(void)
{
	struct rlimit limit;
	int last = bench.peers + 1000;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		bench_die("getrlimit: %s", strerror(errno));
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) || dup2(STDERR_FILENO, last) != last)
		bench_die("RLIMIT_NOFILE: %s", strerror(errno));
	close(last);
}

static void print_growth(void (*grow)(void), unsigned int by)
{
	long long before = kernel_memory();

	grow();
	bench_print(&bench, (double)(kernel_memory() - before) / by, "bytes");
}

int main(int argc, char **argv)
{
	bench_parse(&bench, argc, argv);
	snprintf(group, sizeof(group), "bench-%d", getpid());
	enter_cgroup();
	enlarge_table();
	primary = join(MPIPC_PRIMARY);
	secondary = join(MPIPC_SECONDARY);
	if (!strcmp(bench.work, "endpoint"))
		print_growth(join_many, bench.peers);
	else
		print_growth(send_many, messages());
	leave_cgroup();
	return 0;
}
