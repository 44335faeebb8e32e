/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fuzzer of /dev/mpipc.
 *
 * The fuzzer runs programs, which are short lists of operations on a few open files, done by
 * four actors. It makes programs by chance and by changing those that reached places in the
 * module that no other program had reached. main.c has this loop, program.c the programs,
 * run.c the actors, op_*.c the operations, argument.c and issue.c their arguments and ioctls,
 * check.c what has to hold during a program and after it, and bystander.c other users, who must
 * not notice anything. Complaints of the kernel are findings, and so are blocked threads that
 * nothing excuses.
 */
#ifndef MPIPC_FUZZ_H
#define MPIPC_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/mpipc.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Programs */

#define N_SLOTS 8
#define MAX_OPS 20
#define MAX_ARGS 11
/* A text of this length is still one line of the kernel's log, with "fuzz: " before it. */
#define MAX_TEXT 940

/* These actors do operations. */
enum {
	MAIN,		/* never blocks for more than a few milliseconds */
	THREAD_1,
	THREAD_2,
	CHILD,		/* a process, forked when it has something to do */
	N_ACTORS,
};

/**
 * struct op - an operation
 * @kind: index in @kinds
 * @actor: the actor that does it
 * @race: do not wait for it to end or block before the next one
 * @args: arguments, which the kind gives a meaning
 */
struct op {
	uint8_t kind;
	uint8_t actor;
	uint8_t race;
	uint8_t args[MAX_ARGS];
};

struct program {
	unsigned int n;
	struct op ops[MAX_OPS];
};

struct actor;

/**
 * struct kind - a kind of operation
 * @name: in the text of a program
 * @args: a letter for each argument: what it is (see program.c)
 * @run: does it
 * @weight: how often it is chosen
 */
struct kind {
	const char *name;
	const char *args;
	void (*run)(struct actor *me, const uint8_t *args);
	unsigned int weight;
};

extern const struct kind kinds[];
extern const unsigned int n_kinds;

uint64_t random_below(uint64_t n);
void random_seed(uint64_t seed);
void program_print(const struct program *program, char text[MAX_TEXT]);
bool program_parse(struct program *program, const char *text);
void program_mutate(struct program *program, const struct program *other);
void program_remove(struct program *program, unsigned int op);
bool program_uses(const struct program *program, const char *kind);

/* Running one */

/**
 * struct slot - an open file that operations name by number
 * @fd: or -1
 * @id: of its endpoint; 0 if it is none, as far as is known
 * @device: whether it is an mpipc file
 */
struct slot {
	int fd;
	__u64 id;
	bool device;
};

/* An actor may be blocked in one of these. */
enum blocked {
	NOT_BLOCKED,
	RECEIVING,
	SENDING,	/* or calling */
	OTHERWISE,
};

/**
 * struct actor - an actor that runs a program, in memory that all share
 * @index: which
 * @todo: how many operations it was given; a futex
 * @done: how many it has done; likewise
 * @op: the newest one
 * @tid: thread, or 0: has not been started
 * @blocked: enum blocked
 * @blocked_id: in an ioctl on which endpoint
 * @slots: the process's, or @own_slots
 * @own_slots: if it has a table of descriptors of its own
 * @unshared: a thread that has a table of descriptors of its own
 * @fail_nth: which allocation or user copy of the next system call is to fail, or 0
 * @failed: whether a failure was to be injected in the newest one
 * @ticks: whether the newest one is to be ended by signals
 * @call_id: id of its newest call
 * @calling: where the kernel puts that
 * @arg: memory for arguments of ioctls, as all below followed by memory without access
 * @data: for payloads to be received
 * @fds: for descriptors
 * @records: for records
 * @stack: of its thread
 */
struct actor {
	unsigned int index;
	uint32_t todo;
	uint32_t done;
	unsigned int op;
	pid_t tid;
	int blocked;
	__u64 blocked_id;
	struct slot *slots;
	struct slot own_slots[N_SLOTS];
	bool unshared;
	unsigned int fail_nth;
	bool failed;
	bool ticks;
	__u64 call_id;
	__u64 *calling;
	char *arg;
	char *data;
	char *fds;
	char *records;
	char *stack;
};

#define ARG_SIZE (5 * 4096)
#define DATA_SIZE (65 * 4096)
#define FDS_SIZE (2 * 4096)
#define RECORDS_SIZE 4096
#define STACK_SIZE (64 << 10)

#define MAX_RESULTS 4
#define N_REQUESTS 8

/**
 * struct shared - what actors and the fuzzer share
 * @finding: description of an error, or empty
 * @dead_id: id of an endpoint that left
 * @requests: calls that were received, to be replied to
 * @n_requests: how many there were
 * @actors: all of them
 */
struct shared {
	char finding[256];
	__u64 dead_id;
	__u64 requests[N_REQUESTS];
	unsigned int n_requests;
	struct actor actors[N_ACTORS];
};

/* A KCOV buffer has so many words. */
#define KCOV_SIZE (1 << 13)

/**
 * struct kcov - what an actor reaches in the module
 * @fd: to be enabled by the actor
 * @area: how many words follow, then addresses, with 0 before each operation
 */
struct kcov {
	int fd;
	unsigned long *area;
};

#define N_ANCHORS 2

extern struct shared *shared;
extern int canary;
/* A directory and a file that groups can belong to. */
extern int anchors[N_ANCHORS];

void run_init(void);
void run_reset(void);
pid_t run_start(const struct program *program, const struct kcov kcov[N_ACTORS]);

/* Checks */

#define CANARY 0xc5

char pattern(size_t at);
void found(const char *format, ...) __attribute__((format(printf, 1, 2)));
void stop_if_found(void);
void check_record(const struct mpipc_record *record);
void check_result(const struct mpipc_record *record, __u64 call);
void check_info(const struct mpipc_info *info);
void check_peer(const struct mpipc_peer *peer);
void check_data(const char *data, size_t size);
void check_untouched(const void *memory, size_t size);

void bystanders_start(void);
void bystanders_wake(bool checks);

void world_init(void);
void world_reset(const struct program *program);
const char *world_check(const struct program *program);

#endif /* MPIPC_FUZZ_H */
