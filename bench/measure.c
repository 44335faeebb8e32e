// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define WARM_UP_RUNS	20
#define WARM_UP_NS	5000000
#define MIN_RUNS	20
#define MAX_RUNS	100000

/* A measurement spans many clock ticks of 4 ms, so that their number hardly varies. */
#define INSTRUCTIONS	50000000
#define NANOSECONDS	1000000000

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

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* Return how often the work can be done in the time that the measurement is to take. */
static unsigned int warm_up(const struct bench *bench, void (*once)(void *arg), void *arg)
{
	int64_t total = bench->instructions ? INSTRUCTIONS : NANOSECONDS;
	int64_t start = now(), took;
	unsigned int runs = 0;

	do {
		once(arg);
		runs++;
		took = now() - start;
	} while (runs < WARM_UP_RUNS || took < WARM_UP_NS);
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
}

void bench_print(const struct bench *bench, double value, const char *unit)
{
	print_start(bench);
	printf("\"value\": %.1f, \"unit\": \"%s\"}\n", value, unit);
	fflush(stdout);
}

static void measure_all(const struct bench *bench, void (*once)(void *arg), void *arg,
			unsigned int runs, unsigned int per_run)
{
	int64_t start = now();
	unsigned int i;

	for (i = 0; i < runs; i++)
		once(arg);
	bench_print(bench, (double)(now() - start) / runs / per_run, "instructions");
}

static int compare(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void measure_each(const struct bench *bench, void (*once)(void *arg), void *arg,
			 unsigned int runs, unsigned int per_run)
{
	static int64_t times[MAX_RUNS];
	unsigned int i;

	for (i = 0; i < runs; i++) {
		int64_t start = now();

		once(arg);
		times[i] = now() - start;
	}
	qsort(times, runs, sizeof(*times), compare);
	print_start(bench);
	printf("\"value\": %.1f, \"p99\": %.1f, \"unit\": \"ns\"}\n",
	       (double)times[runs / 2] / per_run, (double)times[runs * 99 / 100] / per_run);
	fflush(stdout);
}

void bench_measure(const struct bench *bench, void (*once)(void *arg), void *arg,
		   unsigned int per_run)
{
	unsigned int runs = warm_up(bench, once, arg);

	if (bench->instructions)
		measure_all(bench, once, arg, runs, per_run);
	else
		measure_each(bench, once, arg, runs, per_run);
}
