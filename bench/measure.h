/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>

/**
 * DOC: measuring
 *
 * Each run of a program measures one work, which its options name, and prints one line
 * of JSON. The work is repeated: first to warm up, which also shows how often it has to be
 * repeated, then to be measured.
 *
 * In a virtual machine whose nanoseconds are instructions, the value is the mean over all
 * repetitions, clock ticks and idle time included, and the unit is "instructions". Elsewhere,
 * each repetition is timed. The value is then the median, "p99" gives the 99th percentile, and
 * the unit is "ns".
 *
 * Every error ends the program, with a message and the status 1, so that there are no
 * figures of a work that failed.
 */

/**
 * struct bench - options of a measurement
 * @work: work to measure, such as "request"
 * @transport: transport to measure, such as "mpipc"
 * @cpus: "same" puts all processes on one CPU; "other" gives the measuring process a CPU of
 *	its own; "any" leaves the choice to the scheduler
 * @peers: number of other processes
 * @bytes: payload bytes of a message
 * @fds: descriptors of a message
 * @delay_ms: time that each handler sleeps in addition
 * @instructions: the clock counts instructions instead of nanoseconds
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

/* Parse -w WORK -t TRANSPORT -p PEERS -b BYTES -f FDS -d DELAY_MS -c CPUS -i (instructions). */
void bench_parse(struct bench *bench, int argc, char **argv);

/* Print the cost of one work, where @once does @per_run works. */
void bench_measure(const struct bench *bench, void (*once)(void *arg), void *arg,
		   unsigned int per_run);

/* Print a figure that the caller has measured itself. */
void bench_print(const struct bench *bench, double value, const char *unit);

/* Put the measuring process, or a peer, on its CPU. */
enum bench_side {
	BENCH_MEASURES,
	BENCH_PEER,
};

void bench_pin(const struct bench *bench, enum bench_side side);
/* Return the same CPUs as a list: "0" or "0,1". */
const char *bench_cpus(const struct bench *bench, enum bench_side side);

void __attribute__((noreturn, format(printf, 1, 2))) bench_die(const char *fmt, ...);

#endif /* BENCH_MEASURE_H */
