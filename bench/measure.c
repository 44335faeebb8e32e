// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define WARM_UP_RUNS	20
#define WARM_UP_NS	5000000
#define MIN_RUNS	20
#define MAX_RUNS	100000
#define LONE_RUNS	300
#define COUNTED_RUNS	50

/* A measurement spans many clock ticks of 4 ms, so that their number hardly varies. */
#define INSTRUCTIONS	20000000
#define NANOSECONDS	400000000

/* Within this time, all processes of a lone work fall asleep again. */
#define THINK_NS	1000000

enum { SWITCHES, SYSCALLS, WAKEUPS, N_COUNTS };

static const char *const tracepoints[N_COUNTS] = {
	[SWITCHES] = "sched/sched_switch",
	[SYSCALLS] = "raw_syscalls/sys_enter",
	[WAKEUPS] = "sched/sched_wakeup",
};

/* Hold the cost of one repetition; @time is instructions. */
struct cost {
	double time;
	double counts[N_COUNTS];
};

static clockid_t *clocks;
static unsigned int n_clocks;

void bench_die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static unsigned int number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value > 1000000)
		bench_die("%s: not a number", text);
	return value;
}

void bench_parse(struct bench *bench, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "w:t:p:b:f:d:c:i")) != -1) {
		switch (option) {
		case 'w': bench->work = optarg; break;
		case 't': bench->transport = optarg; break;
		case 'p': bench->peers = number(optarg); break;
		case 'b': bench->bytes = number(optarg); break;
		case 'f': bench->fds = number(optarg); break;
		case 'd': bench->delay_ms = number(optarg); break;
		case 'c': bench->cpus = optarg; break;
		case 'i': bench->instructions = true; break;
		default: exit(2);
		}
	}
	if (optind < argc)
		bench_die("%s: not an option", argv[optind]);

	/* Reset getopt(), because rte_eal_init() parses its options with it. */
	optind = 1;
	/* Be in the same state from the start, as measure.h says. */
	if (bench->instructions &&
	    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 }))
		bench_die("SCHED_BATCH: %s", strerror(errno));
	/* Avoid huge pages, which a thread's stack gets or does not get by chance. */
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		bench_die("prctl: %s", strerror(errno));
}

const char *bench_cpus(const struct bench *bench, enum bench_side side)
{
	if (!strcmp(bench->cpus, "any"))
		return "0,1";
	if (!strcmp(bench->cpus, "other"))
		return side == BENCH_MEASURES ? "0" : "1";
	if (!strcmp(bench->cpus, "same"))
		return "0";
	bench_die("%s: not one of same, other, any", bench->cpus);
}

void bench_pin(const struct bench *bench, enum bench_side side)
{
	const char *cpus = bench_cpus(bench, side);
	cpu_set_t set;

	if (strchr(cpus, ','))
		return;
	CPU_ZERO(&set);
	CPU_SET(number(cpus), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die("CPU %s: %s", cpus, strerror(errno));
}

int64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

int64_t bench_median(int64_t *times, unsigned int n)
{
	qsort(times, n, sizeof(*times), compare);
	return times[n / 2];
}

bool bench_is_lone(const struct bench *bench)
{
	return !strncmp(bench->work, "lone_", strlen("lone_"));
}

void bench_add_process(pid_t pid)
{
	clocks = realloc(clocks, (n_clocks + 1) * sizeof(*clocks));
	if (!clocks || clock_getcpuclockid(pid, &clocks[n_clocks]))
		bench_die("the CPU time of process %d is not known", pid);
	n_clocks++;
}

/* Return the CPU time of all processes. */
static int64_t busy(void)
{
	struct timespec ts;
	int64_t sum;
	unsigned int i;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	sum = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
	for (i = 0; i < n_clocks; i++) {
		if (clock_gettime(clocks[i], &ts))
			bench_die("the CPU time of a process: %s", strerror(errno));
		sum += ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
	}
	return sum;
}

static void think(void)
{
	const struct timespec ts = { .tv_nsec = THINK_NS };

	nanosleep(&ts, NULL);
}

/* Return how often the work can be done in the time that the measurement is to take. */
static unsigned int warm_up(const struct bench *bench, void (*once)(void *arg), void *arg)
{
	int64_t total = bench->instructions ? INSTRUCTIONS : NANOSECONDS;
	int64_t start = bench_now(), took;
	unsigned int runs = 0;

	do {
		once(arg);
		if (bench_is_lone(bench))
			think();
		runs++;
		took = bench_now() - start;
	} while (runs < WARM_UP_RUNS || took < WARM_UP_NS);
	if (bench_is_lone(bench))
		return LONE_RUNS;
	total = total * runs / took;
	if (total < MIN_RUNS)
		return MIN_RUNS;
	return total < MAX_RUNS ? total : MAX_RUNS;
}

static void print_start(const struct bench *bench)
{
	printf("{\"work\": \"%s\", \"transport\": \"%s\", \"peers\": %u, \"bytes\": %u, "
	       "\"fds\": %u, \"delay_ms\": %u, \"cpus\": \"%s\", ", bench->work, bench->transport,
	       bench->peers, bench->bytes, bench->fds, bench->delay_ms, bench->cpus);
	if (bench->result)
		printf("\"result\": \"%s\", ", bench->result);
	if (bench->marked)
		printf("\"marked\": %u, ", bench->marked);
}

void bench_print(const struct bench *bench, double value, const char *unit)
{
	print_start(bench);
	printf("\"value\": %.1f, \"unit\": \"%s\"}\n", value, unit);
	fflush(stdout);
}

void bench_mark_start(void)
{
#ifdef __x86_64__
	asm volatile("nopl 0x43504d31(%%rax)" : : : "memory");
#endif
}

void bench_mark_end(void)
{
#ifdef __x86_64__
	asm volatile("nopl 0x43504d32(%%rax)" : : : "memory");
#endif
}

static void repeat(const struct bench *bench, void (*once)(void *arg), void *arg,
		   unsigned int runs)
{
	unsigned int i;

	for (i = 0; i < runs; i++) {
		if (once)
			once(arg);
		if (bench_is_lone(bench))
			think();
	}
}

static double take_time(const struct bench *bench, void (*once)(void *arg), void *arg,
			unsigned int runs)
{
	int64_t start;

	if (bench_is_lone(bench)) {
		start = busy();
		repeat(bench, once, arg, runs);
		return busy() - start;
	}
	bench_mark_start();
	start = bench_now();
	repeat(bench, once, arg, runs);
	start = bench_now() - start;
	bench_mark_end();
	return start;
}

static int open_count(const char *tracepoint, int group)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr),
		.read_format = PERF_FORMAT_GROUP,
		.disabled = group < 0,
	};
	char path[96];
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id", tracepoint);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%llu", &attr.config) != 1)
		bench_die("%s: not to be read", path);
	fclose(file);
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, group, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		bench_die("perf_event_open, %s: %s", tracepoint, strerror(errno));
	return fd;
}

/* Count what happens on the one CPU. */
static void count(const struct bench *bench, void (*once)(void *arg), void *arg,
		  unsigned int runs, double *counts)
{
	uint64_t values[1 + N_COUNTS];
	int fds[N_COUNTS];
	unsigned int i;

	for (i = 0; i < N_COUNTS; i++)
		fds[i] = open_count(tracepoints[i], i ? fds[0] : -1);
	if (ioctl(fds[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP))
		bench_die("PERF_EVENT_IOC_ENABLE: %s", strerror(errno));
	repeat(bench, once, arg, runs);
	if (ioctl(fds[0], PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP) ||
	    read(fds[0], values, sizeof(values)) != sizeof(values))
		bench_die("the counts of the kernel: %s", strerror(errno));
	for (i = 0; i < N_COUNTS; i++) {
		counts[i] = values[1 + i];
		close(fds[i]);
	}
}

static struct cost take_cost(const struct bench *bench, void (*once)(void *arg), void *arg,
			     unsigned int runs)
{
	unsigned int i, counted = runs < COUNTED_RUNS ? runs : COUNTED_RUNS;
	struct cost cost;

	cost.time = take_time(bench, once, arg, runs) / runs;
	count(bench, once, arg, counted, cost.counts);
	for (i = 0; i < N_COUNTS; i++)
		cost.counts[i] /= counted;
	return cost;
}

static void measure_all(const struct bench *bench, void (*once)(void *arg), void *arg,
			unsigned int runs, unsigned int per_run)
{
	struct cost cost = take_cost(bench, once, arg, runs), sleep = { 0 };

	if (bench_is_lone(bench))
		sleep = take_cost(bench, NULL, NULL, runs);
	print_start(bench);
	printf("\"value\": %.1f, \"unit\": \"instructions\"", (cost.time - sleep.time) / per_run);
	printf(", \"switches\": %.2f, \"syscalls\": %.2f, \"wakeups\": %.2f",
	       (cost.counts[SWITCHES] - sleep.counts[SWITCHES]) / per_run,
	       (cost.counts[SYSCALLS] - sleep.counts[SYSCALLS]) / per_run,
	       (cost.counts[WAKEUPS] - sleep.counts[WAKEUPS]) / per_run);
	if (!bench_is_lone(bench))
		printf(", \"marked\": %u", runs * per_run);
	printf("}\n");
	fflush(stdout);
}

static void measure_each(const struct bench *bench, void (*once)(void *arg), void *arg,
			 unsigned int runs, unsigned int per_run)
{
	static int64_t times[MAX_RUNS];
	unsigned int i;

	for (i = 0; i < runs; i++) {
		int64_t start = bench_now();

		once(arg);
		times[i] = bench_now() - start;
	}
	bench_print(bench, (double)bench_median(times, runs) / per_run, "ns");
}

void bench_measure(const struct bench *bench, void (*once)(void *arg), void *arg,
		   unsigned int per_run)
{
	unsigned int runs;

	if (bench_is_lone(bench) && !bench->instructions)
		bench_die("a lone work needs a clock that counts instructions");
	runs = warm_up(bench, once, arg);
	if (bench->instructions)
		measure_all(bench, once, arg, runs, per_run);
	else
		measure_each(bench, once, arg, runs, per_run);
}
