/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * DOC: measuring
 *
 * Each run of a program measures one work, which its options name, and prints one line
 * of JSON. The work is repeated: first to warm up, which also shows how often it has to be
 * repeated, then to be measured.
 *
 * In a virtual machine whose nanoseconds are instructions, the value is the mean over all
 * repetitions, clock ticks included, and the unit is "instructions". Elsewhere, each repetition is
 * timed. The value is then the median, and the unit is "ns".
 *
 * A woken process interrupts the one that woke it if it has run for less time before. The cost
 * of a loop would therefore depend on its length: that of a pipe rises by a sixth. So all processes
 * have the policy SCHED_BATCH where the unit is "instructions": none of them interrupts
 * another, and each runs when the one before sleeps.
 *
 * A work that is done in a loop profits from everything that the repetition before has left
 * behind: tasks that still run, state that need not be looked up again. A lone work,
 * whose name begins with "lone_", does not: the measuring process sleeps before each repetition
 * until all other processes sleep, too. Its value is the CPU time of all processes, without
 * that of the same number of sleeps alone.
 *
 * Where the unit is "instructions", the kernel then counts what the work does that does not
 * depend on the machine: "switches" of the processor to another thread, "syscalls" and
 * "wakeups" of sleeping threads. The loop is repeated for this, because counting takes
 * instructions. Two instructions that do nothing mark where count.c begins and ends to count.
 * "marked" is the number of works between them, by which rows.jq divides its count.
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
 * @result: how the work ended, or NULL if there is only one way
 * @marked: number of works that were marked for count.c
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
	const char *result;
	unsigned int marked;
};

/* Parse -w WORK -t TRANSPORT -p PEERS -b BYTES -f FDS -d DELAY_MS -c CPUS -i (instructions). */
void bench_parse(struct bench *bench, int argc, char **argv);

/* Return true if the work is a lone one. */
bool bench_is_lone(const struct bench *bench);
/* Count the CPU time of this process in lone works, besides that of the measuring one. */
void bench_add_process(pid_t pid);

/* Print the cost of one work, where @once does @per_run works. */
void bench_measure(const struct bench *bench, void (*once)(void *arg), void *arg,
		   unsigned int per_run);

/*
 * Have count.c count, which runs in QEMU. A processor does nothing at a mark. Each pair of marks
 * belongs to the next row that has @marked.
 */
void bench_mark_start(void);
void bench_mark_end(void);

/* Print a figure that the caller has measured itself. */
void bench_print(const struct bench *bench, double value, const char *unit);

/* Return the time in ns, and the value in the middle of @n times, which are sorted. */
int64_t bench_now(void);
int64_t bench_median(int64_t *times, unsigned int n);

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
