// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stress program's workers: what a process and its threads do in a round.
 *
 * The actions of a thread in a step depend on the seed, the worker's place and life, the
 * thread and the number of the step, and not on the results of the steps before.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/futex.h>

#include "device.h"
#include "memory.h"
#include "stress.h"
#include "user.h"
#include "wait.h"
#include "worker.h"

struct thread threads[THREADS];
__thread struct thread *self;
__u32 my_proc, my_image;
__u64 places[PLACES];
static int next_fd;
int path_fd;		/* an O_PATH file */
void *nowhere;		/* memory that cannot be touched */
static pthread_barrier_t started;
static __u32 n_quiet;

/* The threads share the following. The lock is taken for no longer than a copy. */
pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;

struct question questions[MAX_QUESTIONS];

/* Decisions */

__u64 rnd(__u64 below)
{
	self->random = mix(self->random);
	return self->random % below;
}

bool chance(unsigned int percent)
{
	return rnd(100) < percent;
}

static void seed_step(void)
{
	struct image *image = &ledger->images[my_image];
	struct proc *proc = &ledger->procs[my_proc];

	self->random = mix(ledger->seed ^ mix(proc->slot) ^ mix(proc->nth << 8) ^
			   mix((__u64)image->nth << 32) ^ mix((__u64)self->index << 48) ^
			   mix(self->step << 52 ^ self->step));
	self->step++;
}

/* The ledger */

static __u32 new_chunk(void)
{
	__u32 n = __atomic_fetch_add(&ledger->n_chunks, 1, __ATOMIC_SEQ_CST);

	/* The rest is for the end of the round. */
	if (n >= MAX_CHUNKS / 4 * 3)
		set_phase(RUN, QUIET);
	if (n >= MAX_CHUNKS) {
		violation(P_CONTENT, NONE, NONE, "the ledger is too small");
		_exit(EXIT_FAILURE);
	}
	ledger->chunks[n].next = NONE;
	return n;
}

static void new_log(struct thread *thread)
{
	__u32 n = __atomic_fetch_add(&ledger->n_logs, 1, __ATOMIC_SEQ_CST);

	thread->log = n;
	thread->chunk = new_chunk();
	ledger->log_image[n] = my_image;
	__atomic_store_n(&ledger->log_chunk[n], thread->chunk, __ATOMIC_RELEASE);
}

struct entry *entry_begin(enum op op, __u32 member)
{
	struct chunk *chunk = &ledger->chunks[self->chunk];
	struct entry *e;

	if (chunk->used == CHUNK) {
		self->chunk = new_chunk();
		chunk->next = self->chunk;
		chunk = &ledger->chunks[self->chunk];
	}
	e = &chunk->entries[chunk->used];
	memset(e, 0, sizeof(*e));
	e->op = op;
	e->log = self->log;
	e->member = member;
	e->of = NONE;
	e->begin = now_ns();
	__atomic_store_n(&chunk->used, chunk->used + 1, __ATOMIC_RELEASE);
	return e;
}

void entry_end(struct entry *e, int ret)
{
	e->ret = ret;
	__atomic_store_n(&e->end, now_ns(), __ATOMIC_RELEASE);
}

/* Undo the last entry of a thread, because nothing happened. */
void entry_undo(void)
{
	ledger->chunks[self->chunk].used--;
}

/* Places */

__u64 place_of(int fd, __u32 member)
{
	return (__u64)member << 32 | fd;
}

int place_fd(__u64 place)
{
	return place & INT32_MAX;
}

__u32 place_member(__u64 place)
{
	return place >> 32;
}

struct member *member_of(__u64 place)
{
	return &ledger->members[place_member(place)];
}

/* Return an endpoint, if there is one where this function looks. */
__u64 any_place(void)
{
	unsigned int first = rnd(PLACES);

	for (unsigned int i = 0; i < PLACES; i++) {
		__u64 place = __atomic_load_n(&places[(first + i) % PLACES], __ATOMIC_SEQ_CST);

		if (place != EMPTY && place != BUSY)
			return place;
	}
	return EMPTY;
}

bool change_place(__u64 *at, __u64 from, __u64 to)
{
	return __atomic_compare_exchange_n(at, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* Take an endpoint away from the other threads. */
__u64 *seize_place(__u64 *place)
{
	__u64 *at = &places[rnd(PLACES)];

	*place = __atomic_load_n(at, __ATOMIC_SEQ_CST);
	if (*place == EMPTY || *place == BUSY || !change_place(at, *place, BUSY))
		return NULL;
	return at;
}

int new_fd(void)
{
	return __atomic_fetch_add(&next_fd, 1, __ATOMIC_SEQ_CST);
}

/* A thread's life */

static void step_with(__u64 place, unsigned int luck)
{
	if (luck < 330)
		do_receive(place);
	else if (luck < 400)
		do_read(place);
	else if (luck < 460)
		do_reply_receive(place);
	else if (luck < 730)
		do_send(place);
	else if (luck < 850)
		do_call(place);
	else if (luck < 880)
		do_look(place);
	else if (luck < 888)
		do_epoll(place);
	else if (luck < 896)
		do_fault(place);
	else if (luck < 904)
		do_no_space(place);
	else if (luck < 908)
		do_fork(place);
	else
		do_uring(place);
}

static void step(void)
{
	unsigned int luck = rnd(1000);
	struct question question;
	__u64 place;

	if (luck < 911) {
		place = any_place();
		if (place != EMPTY)
			step_with(place, luck);
		else
			do_join();
	} else if (luck < 934) {
		question = take_question(questions);
		if (question.call)
			do_reply(&question);
	} else if (luck < 949) {
		do_cancel();
	} else if (luck < 966) {
		do_join();
	} else if (luck < 976) {
		do_leave();
	} else if (luck < 980) {
		do_dup();
	} else if (luck < 990) {
		do_signal();
	} else if (luck < 993) {
		do_unshare_files();
	} else if (luck < 995) {
		if (!geteuid())
			do_unshare_net();
	} else {
		do_end();
	}
}

static void receive_all(bool wait)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		struct question question;

		if (places[i] == EMPTY)
			continue;
		while (!receive(places[i], 0, false, &question))
			;
		if (wait && __atomic_load_n(&member_of(places[i])->async_open, __ATOMIC_SEQ_CST))
			receive(places[i], in_ms(5), false, &question);
	}
}

static bool calls_open(void)
{
	for (unsigned int i = 0; i < PLACES; i++)
		if (places[i] != EMPTY &&
		    __atomic_load_n(&member_of(places[i])->async_open, __ATOMIC_SEQ_CST) > 0)
			return true;
	return false;
}

static void await_phase_after(enum phase now)
{
	__atomic_store_n(&ledger->procs[my_proc].phase, now, __ATOMIC_SEQ_CST);
	kill(ledger->supervisor, SIGUSR1);
	while (phase() <= now)
		syscall(SYS_futex, &ledger->phase, FUTEX_WAIT, now, NULL, NULL, 0);
}

/* Let the last thread of a process see to the end of the round. */
static void __attribute__((noreturn)) end_round(void)
{
	do
		receive_all(true);
	while (calls_open());
	await_phase_after(QUIET);
	receive_all(false);
	for (unsigned int i = 0; i < PLACES; i++) {
		if (places[i] == EMPTY)
			continue;
		if (get_info(place_fd(places[i]), &member_of(places[i])->info))
			violation(P_ERRORS, place_member(places[i]), NONE, "info failed");
		member_of(places[i])->drained = 1;
	}
	await_phase_after(DRAIN);
	mark(&ledger->procs[my_proc].dying);
	_exit(0);
}

static void *thread_main(void *arg)
{
	self = arg;
	pthread_barrier_wait(&started);
	while (phase() == RUN) {
		seed_step();
		step();
	}
	if (__atomic_add_fetch(&n_quiet, 1, __ATOMIC_SEQ_CST) < THREADS)
		wait_for_end();
	end_round();
}

static void no_action(int signal)
{
	(void)signal;
}

static void run_threads(void)
{
	struct sigaction restart = { .sa_handler = no_action, .sa_flags = SA_RESTART };
	struct sigaction interrupt = { .sa_handler = no_action };
	sigset_t none;

	nowhere = bad_pointer();
	path_fd = open("/proc", O_PATH | O_CLOEXEC);
	sigaction(SIGUSR1, &restart, NULL);
	sigaction(SIGUSR2, &interrupt, NULL);
	/* Nobody waits for the children of workers. */
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	pthread_barrier_init(&started, NULL, THREADS);
	for (__u32 i = 0; i < THREADS; i++) {
		threads[i].index = i;
		threads[i].spare = NONE;
		new_log(&threads[i]);
		if (i)
			pthread_create(&threads[i].id, NULL, thread_main, &threads[i]);
	}
	threads[0].id = pthread_self();
	thread_main(&threads[0]);
}

/* Become a user as become_user() does, and keep a capability over an exec, too. */
static void become(unsigned int user)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	__u32 mask = 1U << CAP_DAC_OVERRIDE;

	if (!user)
		return;
	become_user(FIRST_USER + user, FIRST_USER + user);
	data[0].effective = data[0].permitted = data[0].inheritable = mask;
	if (syscall(SYS_capset, &header, data) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0))
		_exit(EXIT_FAILURE);
}

/**
 * worker_start - be a worker, in a process that was forked for it
 * @proc: which
 */
void worker_start(__u32 proc)
{
	my_proc = proc;
	my_image = ledger->procs[proc].image;
	next_fd = FIRST_FD;
	become(ledger->procs[proc].slot % N_USERS);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != ledger->supervisor)
		_exit(0);
	run_threads();
}

/* Go on after another program, which is gone, with all endpoints that were not kept. */
static void take_over(__u32 old, __u32 member, int fd)
{
	struct mpipc_info info;

	ledger->images[old].dead = now_ns();
	if (member == NONE)
		return;
	if (get_info(fd, &info) || (info.role == MPIPC_NO_ROLE &&
				    !ledger->members[member].leave_begin))
		violation(P_ERRORS, member, NONE, "an exec ended an endpoint that it kept");
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* It is not known what the threads that the exec killed had counted. */
	ledger->members[member].inherited = 1;
	ledger->members[member].async_open = 0;
	next_fd = fd + 1;
	places[0] = place_of(fd, member);
}

/**
 * worker_exec - go on in a program that a worker, or a child of one, executed
 * @args: its arguments
 *
 * Return: nothing useful; a worker does not return.
 */
int worker_exec(char **args)
{
	struct timespec nap = { .tv_nsec = 10 * NSEC_PER_MSEC };

	if (!strcmp(args[1], "--hold"))
		return nanosleep(&nap, NULL);
	my_proc = atoi(args[2]);
	my_image = atoi(args[3]);
	next_fd = FIRST_FD;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	take_over(atoi(args[4]), strtoul(args[5], NULL, 10), atoi(args[6]));
	run_threads();
	return EXIT_FAILURE;
}
