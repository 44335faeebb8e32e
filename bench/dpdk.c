// SPDX-License-Identifier: BSD-3-Clause
/*
 * DOC: works for which users of DPDK wait
 *
 * This is a program of DPDK that knows nothing of mpipc. It is measured as it is, and with
 * libmpipc-dpdk.so preloaded. With the work "grow", the primary starts secondaries and measures
 * at 0, 1, 4, 8 and 32 of them; with the work "all", only at the number of peers that it is given:
 *
 * start: a secondary, from fork() until rte_eal_init() has returned in it
 * attach, detach: a virtual device, in all processes
 * malloc, free: rte_malloc() of more memory than there is, which all processes have to map,
 * and rte_free() that gives it back
 * tool: dpdk-proc-info, from fork() until it has printed the statistics of a device
 *
 * With the work "stopped", "killed" or "slow", one of four secondaries is not well, and each row
 * says how the work ended. The secondary is stopped by SIGSTOP; or it is killed in the middle
 * of a work, when it has taken the request and not replied; or it is slow and takes 10 ms for its
 * part.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "measure.h"

#define PEERS_MAX	32
#define RUNS		5
#define SIZE		(4 << 20)
#define TROUBLED	4

static struct bench bench = { .work = "grow", .transport = "dpdk", .cpus = "same", .peers = 32 };
static char prefix[32];
static char *program;
static pid_t pids[PEERS_MAX];
static unsigned int n_pids;

static void init(const char *type)
{
	char *argv[] = {
		program, "-l", "0", "--no-pci", "--no-telemetry", "--log-level", "critical",
		"--file-prefix", prefix, "--proc-type", (char *)type, "--vdev=net_null0", NULL,
	};
	int argc = sizeof(argv) / sizeof(argv[0]) - 1;

	/* A secondary gets the devices of its primary. */
	if (!strcmp(type, "secondary"))
		argv[--argc] = NULL;
	if (rte_eal_init(argc, argv) < 0)
		bench_die("rte_eal_init as %s: %s", type, rte_strerror(rte_errno));
}

static void be_slow(void)
{
	const struct timespec delay = { .tv_nsec = 10000000 };

	nanosleep(&delay, NULL);
}

static void be_killed(void)
{
	kill(getpid(), SIGKILL);
}

static void (*trouble)(void);

static int on_device(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)port;
	(void)type;
	(void)arg;
	(void)ret;
	trouble();
	return 0;
}

static void on_memory(enum rte_mem_event type, const void *address, size_t size, void *arg)
{
	(void)type;
	(void)address;
	(void)size;
	(void)arg;
	trouble();
}

/* Live until the primary kills this process. */
static void __attribute__((noreturn)) run_secondary(int ready, const char *kind)
{
	init("secondary");
	if (!strcmp(kind, "slow"))
		trouble = be_slow;
	else if (!strcmp(kind, "killed"))
		trouble = be_killed;
	if (trouble && (rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, on_device,
						      NULL) ||
			rte_mem_event_callback_register("trouble", on_memory, NULL)))
		bench_die("the callbacks of events: %s", rte_strerror(rte_errno));
	if (write(ready, "", 1) != 1)
		bench_die("nobody waits for a secondary");
	for (;;)
		pause();
}

/* Start a secondary and return the time that it took. */
static int64_t start(const char *kind)
{
	int64_t begin = bench_now();
	int ready[2];
	char fd[16], byte;
	pid_t pid;

	if (n_pids == PEERS_MAX || pipe(ready))
		bench_die("one secondary too many, or %s", strerror(errno));
	pid = fork();
	if (!pid) {
		close(ready[0]);
		snprintf(fd, sizeof(fd), "%d", ready[1]);
		execl(program, program, "secondary", prefix, fd, kind, NULL);
		_exit(1);
	}
	close(ready[1]);
	if (pid < 0 || read(ready[0], &byte, 1) != 1)
		bench_die("secondary %u did not start", n_pids);
	close(ready[0]);
	pids[n_pids++] = pid;
	return bench_now() - begin;
}

static void end_all(void)
{
	while (n_pids > 0) {
		kill(pids[--n_pids], SIGKILL);
		waitpid(pids[n_pids], NULL, 0);
	}
}

static void *memory;

static int attach(void)
{
	return rte_dev_probe("net_null1");
}

static int detach(void)
{
	return rte_eal_hotplug_remove("vdev", "net_null1");
}

static int allocate(void)
{
	memory = rte_malloc(NULL, SIZE, 0);
	return memory ? 0 : -ENOMEM;
}

static int release(void)
{
	rte_free(memory);
	memory = NULL;
	return 0;
}

static int run_tool(void)
{
	int status, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid = fork();

	if (!pid) {
		dup2(null, STDOUT_FILENO);
		execlp("dpdk-proc-info", "dpdk-proc-info", "--no-pci", "--no-telemetry",
		       "--log-level", "critical", "--file-prefix", prefix, "--", "-p", "1",
		       "--stats", NULL);
		_exit(127);
	}
	close(null);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		bench_die("dpdk-proc-info: %s", strerror(errno));
	return status;
}

static int64_t take(int (*work)(void), int *ret)
{
	int64_t begin = bench_now();

	*ret = work();
	return bench_now() - begin;
}

static void print_median(const char *work, int64_t *times, unsigned int n, bool marked)
{
	bench.work = work;
	bench.marked = marked && bench.instructions;
	bench_print(&bench, bench_median(times, n), bench.instructions ? "instructions" : "ns");
}

static int64_t take_marked(int (*work)(void), int *ret)
{
	int64_t time;

	bench_mark_start();
	time = take(work, ret);
	bench_mark_end();
	return time;
}

/*
 * Measure two works that undo each other, or one alone. The first run warms up, and the last one is
 * marked.
 */
static void measure_pair(const char *name, int (*work)(void), const char *undo_name,
			 int (*undo)(void), unsigned int runs)
{
	int64_t times[RUNS + 1], undo_times[RUNS + 1];
	unsigned int i;
	int ret;

	for (i = 0; i <= runs; i++) {
		times[i] = i == runs ? take_marked(work, &ret) : take(work, &ret);
		if (ret)
			bench_die("%s with %u secondaries: %d", name, n_pids, ret);
		if (!undo)
			continue;
		undo_times[i] = i == runs ? take_marked(undo, &ret) : take(undo, &ret);
		if (ret)
			bench_die("%s with %u secondaries: %d", undo_name, n_pids, ret);
	}
	print_median(name, times + 1, runs, true);
	if (undo)
		print_median(undo_name, undo_times + 1, runs, true);
}

static void measure_at(unsigned int peers)
{
	int64_t times[PEERS_MAX];
	unsigned int n = 0;

	bench.peers = peers;
	while (n_pids < peers)
		times[n++] = start("well");
	if (n)
		print_median("start", times, n, false);
	measure_pair("attach", attach, "detach", detach, RUNS);
	measure_pair("malloc", allocate, "free", release, RUNS);
	measure_pair("tool", run_tool, NULL, NULL, 1);
}

static void grow(void)
{
	static const unsigned int sizes[] = { 0, 1, 4, 8, 32 };
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		measure_at(sizes[i]);
}

static void print_trouble(const char *kind, const char *work, int64_t time, int ret)
{
	char name[32];

	snprintf(name, sizeof(name), "%s_%s", work, kind);
	bench.work = name;
	bench.result = ret ? "failed" : "done";
	bench_print(&bench, time, "ns");
}

static void be_troubled(const char *kind)
{
	static const struct {
		const char *name;
		int (*work)(void);
		int (*undo)(void);
	} works[] = {
		{ "attach", attach, detach },
		{ "malloc", allocate, release },
	};
	unsigned int i;
	int64_t time;
	int ret, status;

	bench.peers = TROUBLED;
	for (i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		while (n_pids < TROUBLED - 1)
			start("well");
		start(kind);
		/* A thread of the process may still run until all of them have stopped. */
		if (!strcmp(kind, "stopped") &&
		    (kill(pids[n_pids - 1], SIGSTOP) ||
		     waitpid(pids[n_pids - 1], &status, WUNTRACED) < 0))
			bench_die("SIGSTOP: %s", strerror(errno));
		time = take(works[i].work, &ret);
		print_trouble(kind, works[i].name, time, ret);
		kill(pids[n_pids - 1], SIGCONT);
		if (!ret)
			take(works[i].undo, &status);
		kill(pids[--n_pids], SIGKILL);
		waitpid(pids[n_pids], NULL, 0);
	}
}

int main(int argc, char **argv)
{
	program = argv[0];
	if (argc == 5 && !strcmp(argv[1], "secondary")) {
		snprintf(prefix, sizeof(prefix), "%s", argv[2]);
		run_secondary(atoi(argv[3]), argv[4]);
	}
	bench_parse(&bench, argc, argv);
	snprintf(prefix, sizeof(prefix), "bench-%d", getpid());
	init("primary");
	if (!strcmp(bench.work, "grow"))
		grow();
	else if (!strcmp(bench.work, "all"))
		measure_at(bench.peers);
	else
		be_troubled(bench.work);
	end_all();
	rte_eal_cleanup();
	return 0;
}
