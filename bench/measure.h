/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>

/**
 * DOC: measuring
 *
 * A program measures one thing for each run, as its options say, and prints one line
 * of JSON. Something is done again and again: first to warm up, which also tells how
 * often it has to be done, then to be measured.
 *
 * In a virtual machine whose nanoseconds are instructions the value is the mean of
 * all, clock ticks and idle time included; the unit is "instructions". Elsewhere each
 * time is taken by itself; the value is the median, "p99" is there, too, and the unit
 * is "ns".
 *
 * Whatever goes wrong ends the program, with a message and a status of 1: there are no
 * figures of something that did not work.
 */

/**
 * struct bench - what is measured
 * @work: "request", ...
 * @transport: "mpipc", ...
 * @cpus: "same": all processes on one CPU; "other": the one that measures has its own;
 *	"any": the scheduler decides
 * @peers: other processes
 * @bytes: in a message
 * @fds: descriptors in a message
 * @delay_ms: how long each handler takes, besides
 * @instructions: what the clock counts, instead of nanoseconds
 */
struct bench {
	const char *work;
	const char *transport;
	const char *cpus;
	unsigned int peers;
	unsigned int bytes;
	unsigned int fds;
	unsigned int delay_ms;
	bool instructions;
};

/* Options: -w WORK -t TRANSPORT -p PEERS -b BYTES -f FDS -d DELAY_MS -c CPUS -i (instructions) */
void bench_parse(struct bench *bench, int argc, char **argv);

/* Prints what @once costs, if it does @per_run of the works in question. */
void bench_measure(const struct bench *bench, void (*once)(void *arg), void *arg,
		   unsigned int per_run);

/* Prints a figure that was obtained otherwise. */
void bench_print(const struct bench *bench, double value, const char *unit);

/* Where the process that measures runs, and where its peers do. */
enum bench_side {
	BENCH_MEASURES,
	BENCH_PEER,
};

void bench_pin(const struct bench *bench, enum bench_side side);
/* Those CPUs, as a list: "0" or "0,1". */
const char *bench_cpus(const struct bench *bench, enum bench_side side);

void __attribute__((noreturn, format(printf, 1, 2))) bench_die(const char *fmt, ...);

#endif /* BENCH_MEASURE_H */
