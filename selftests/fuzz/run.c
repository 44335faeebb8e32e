// SPDX-License-Identifier: GPL-2.0-only
/* Let actors do the operations of a program, and end it. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>
#include <linux/kcov.h>

#include "../device.h"
#include "../user.h"
#include "../wait.h"
#include "fuzz.h"
#include "op.h"

/* An operation is waited for so long, if it is not racing with the next one. */
#define PATIENCE_NS (700 * 1000)
/* Something that has to happen may take so long. */
#define HANG_MS 10000

struct shared *shared;

struct slot slots[N_SLOTS];
static const struct program *program;
static const struct kcov *kcovs;
pid_t child;
/* Payloads are copied from here, which is read-only and followed by memory without access. */
char *source;

#define AREA (16UL << 20)

/*
 * Map memory in an area where there is nothing else, each time in another place of it, so
 * that a pointer with a wrong byte points at nothing.
 */
static void *map(size_t size, int how)
{
	static unsigned int n;
	char *area = mmap(NULL, 2 * AREA, PROT_NONE, how | MAP_ANONYMOUS, -1, 0);
	char *memory;

	memory = (char *)(((uintptr_t)area + AREA - 1) / AREA * AREA) + n++ * (AREA / 32);
	if (area == MAP_FAILED || mprotect(memory, size, PROT_READ | PROT_WRITE)) {
		perror("mmap");
		exit(2);
	}
	return memory;
}

/* Prepare once, before the first program. */
void run_init(void)
{
	/* The bystanders, who have memory of their own, report findings in this one. */
	shared = map((sizeof(*shared) + 4095) / 4096 * 4096, MAP_SHARED);
	source = map(SOURCE_SIZE, MAP_PRIVATE);
	for (size_t i = 0; i < SOURCE_SIZE; i++)
		source[i] = pattern(i);
	mprotect(source, SOURCE_SIZE, PROT_READ);
	for (int i = 0; i < N_ACTORS; i++) {
		struct actor *actor = &shared->actors[i];

		actor->index = i;
		actor->arg = map(ARG_SIZE, MAP_PRIVATE);
		actor->data = map(DATA_SIZE, MAP_PRIVATE);
		actor->fds = map(FDS_SIZE, MAP_PRIVATE);
		actor->records = map(RECORDS_SIZE, MAP_PRIVATE);
		actor->stack = map(STACK_SIZE, MAP_PRIVATE);
	}
}

void reset_actor(struct actor *actor)
{
	actor->todo = 0;
	actor->done = 0;
	actor->tid = 0;
	actor->blocked = NOT_BLOCKED;
	actor->unshared = false;
	actor->slots = slots;
	actor->fail_nth = 0;
	actor->calling = NULL;
}

/* Prepare before each program. */
void run_reset(void)
{
	shared->finding[0] = '\0';
	shared->dead_id = 0;
	shared->n_requests = 0;
	memset(shared->requests, 0, sizeof(shared->requests));
	child = 0;
	for (int i = 0; i < N_SLOTS; i++)
		slots[i] = (struct slot){ .fd = -1 };
	for (int i = 0; i < N_ACTORS; i++) {
		reset_actor(&shared->actors[i]);
		shared->actors[i].call_id = 0;
	}
}

/* Actors */

static void futex_wait(uint32_t *futex, uint32_t value, long ns)
{
	const struct timespec timeout = { .tv_nsec = ns };

	syscall(SYS_futex, futex, FUTEX_WAIT, value, ns ? &timeout : NULL, NULL, 0);
}

static void futex_wake(uint32_t *futex)
{
	syscall(SYS_futex, futex, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static bool is_idle(struct actor *actor)
{
	return __atomic_load_n(&actor->done, __ATOMIC_ACQUIRE) == actor->todo;
}

/* Reset the coverage, because what comes before an operation is not what leads to it. */
static void mark_kcov(const struct actor *me)
{
	unsigned long *area = kcovs[me->index].area;

	if (area[0] + 1 < KCOV_SIZE)
		area[++area[0]] = 0;
}

static void do_op(struct actor *me, const struct op *op)
{
	mark_kcov(me);
	kinds[op->kind].run(me, op->args);
	stop_if_found();
}

static void start_kcov(const struct actor *me)
{
	ioctl(kcovs[me->index].fd, KCOV_ENABLE, KCOV_TRACE_PC);
}

static int __attribute__((noreturn)) actor_main(void *arg)
{
	struct actor *me = arg;

	if (me->index == CHILD)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	start_kcov(me);
	for (;;) {
		while (is_idle(me))
			futex_wait(&me->todo, me->done, 0);
		do_op(me, &program->ops[me->op]);
		__atomic_store_n(&me->done, me->done + 1, __ATOMIC_RELEASE);
		futex_wake(&me->done);
	}
}

/*
 * Start a process. All processes share the fuzzer's memory, because it takes five times as
 * long to make a copy of it.
 */
static pid_t start(int (*function)(void *arg), struct actor *actor, int flags)
{
	return clone(function, actor->stack + STACK_SIZE, CLONE_VM | flags, actor);
}

static void start_actor(struct actor *actor)
{
	const int thread = CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

	if (actor->index == CHILD) {
		copy_slots(actor);
		actor->tid = child = start(actor_main, actor, SIGCHLD);
	} else {
		actor->tid = start(actor_main, actor, thread);
	}
	if (actor->tid > 0)
		return;
	reset_actor(actor);
	child = actor->index == CHILD ? 0 : child;
}

/* Have another actor do an operation, unless the actor is blocked in the one before. */
static void hand_over(struct actor *actor, unsigned int i)
{
	__u64 give_up = now_ns() + PATIENCE_NS;
	bool fresh = !actor->todo;

	if (!is_idle(actor))
		return;
	actor->op = i;
	__atomic_store_n(&actor->todo, actor->todo + 1, __ATOMIC_RELEASE);
	if (fresh)
		start_actor(actor);
	else
		futex_wake(&actor->todo);
	while (!program->ops[i].race && !is_idle(actor) && now_ns() < give_up)
		futex_wait(&actor->done, actor->todo - 1, PATIENCE_NS / 3);
}

/* The end */

static bool is_blocked(struct actor *actor, enum blocked in)
{
	return !is_idle(actor) && __atomic_load_n(&actor->blocked, __ATOMIC_ACQUIRE) == in;
}

/* Check that threads have tables of their own; they cannot be made to leave then. */
static bool is_unshared(void)
{
	for (int i = 0; i < CHILD; i++)
		if (shared->actors[i].unshared)
			return true;
	return false;
}

/* Wait for an operation that has to end. */
static bool wait_idle(struct actor *actor)
{
	__u64 give_up = in_ms(HANG_MS);

	while (!is_idle(actor)) {
		if (now_ns() > give_up)
			return false;
		futex_wait(&actor->done, actor->todo - 1, 50 * NSEC_PER_MSEC);
	}
	return true;
}

/* Check that an actor that waits for a record is woken if there is one. */
static void check_receiver(struct actor *actor)
{
	__u64 give_up = in_ms(HANG_MS);
	struct mpipc_info info;
	struct slot *slot;

	while (is_blocked(actor, RECEIVING) && actor->blocked_id) {
		for (slot = slots; slot < slots + N_SLOTS; slot++)
			if (slot->id == actor->blocked_id && !get_info(slot->fd, &info) &&
			    info.id == slot->id && info.queued)
				break;
		if (slot == slots + N_SLOTS)
			return;
		if (now_ns() > give_up)
			return found("a receiver sleeps although there is a record");
		futex_wait(&actor->done, actor->todo - 1, 20 * NSEC_PER_MSEC);
	}
}

/* Let the bystanders do all that they do, unless the program changes the limits of users. */
void visit_bystanders(void)
{
	bystanders_wake(!program_uses(program, "params"));
}

/* Take all that an endpoint has received, which its user is charged for. */
static void empty(__u64 id)
{
	struct mpipc_recv_args recv = {
		.flags = MPIPC_RECV_DROP_FDS,
		.max_size = MPIPC_SIZE_MAX,
		.data = to_u64(shared->actors[MAIN].data),
	};

	for (int i = 0; i < N_SLOTS; i++)
		while (slots[i].id == id && !do_ioctl(slots[i].fd, MPIPC_RECV, &recv))
			;
}

/*
 * Let all leave but an endpoint that somebody calls or sends with. The call has to end,
 * because nobody is left but bystanders, who reply and make space.
 */
static void check_caller(void)
{
	__u64 give_up = in_ms(HANG_MS);
	struct actor *caller = NULL;

	for (int i = THREAD_1; i <= THREAD_2; i++)
		if (is_blocked(&shared->actors[i], SENDING) && shared->actors[i].blocked_id)
			caller = &shared->actors[i];
	if (!caller)
		return;
	for (int i = 0; i < N_SLOTS; i++)
		if (slots[i].id != caller->blocked_id)
			set_slot(&slots[i], -1);
	while (!is_idle(caller)) {
		if (now_ns() > give_up)
			return found("a caller waits for endpoints that have left");
		bystanders_wake(false);
		empty(caller->blocked_id);
		futex_wait(&caller->done, caller->todo - 1, 20 * NSEC_PER_MSEC);
	}
}

/*
 * End everything that is left, so that what is there afterwards is what the module left
 * behind.
 */
static void finish(void)
{
	bool unshared = is_unshared();

	reap_child();
	if (!unshared) {
		check_receiver(&shared->actors[THREAD_1]);
		check_receiver(&shared->actors[THREAD_2]);
		check_caller();
	}
	for (int i = 0; i < N_SLOTS; i++)
		set_slot(&shared->actors[MAIN].slots[i], -1);
	for (int i = THREAD_1; i <= THREAD_2; i++)
		if (!unshared && !wait_idle(&shared->actors[i]))
			found("a thread is blocked in an operation on a closed file");
	stop_if_found();
}

static void ignore_signal(int signal)
{
}

static void set_up_signals(void)
{
	struct sigaction action = { .sa_handler = ignore_signal };

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR2, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int __attribute__((noreturn)) run_main(void *arg)
{
	struct actor *me = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	set_up_signals();
	/* The limits of users stop this one, until it changes its user and comes back. */
	hide_capabilities(1ULL << CAP_SYS_RESOURCE);
	start_kcov(me);
	for (unsigned int i = 0; i < program->n; i++) {
		struct actor *actor = &shared->actors[program->ops[i].actor];

		if (actor == me)
			do_op(me, &program->ops[i]);
		else
			hand_over(actor, i);
	}
	visit_bystanders();
	stop_if_found();
	finish();
	_exit(0);
}

/* Run a program in a process of its own, which ends with 0 unless there is a finding. */
pid_t run_start(const struct program *what, const struct kcov kcov[N_ACTORS])
{
	program = what;
	kcovs = kcov;
	return start(run_main, &shared->actors[MAIN], SIGCHLD);
}
