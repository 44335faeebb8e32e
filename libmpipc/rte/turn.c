// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "turn.h"

static struct {
	sem_t free;		/* 1 if nobody has the turn */
	atomic_bool shared;
} turn;

/* This thread has taken the turn so many times, and suspended it so many times in actions. */
static __thread unsigned int depth;
static __thread unsigned int n_suspended;

/* Wait until the turn is free. A thread that is to end can be cancelled here. */
static void wait_for_turn(void)
{
	while (sem_wait(&turn.free) && errno == EINTR)
		;
}

/* Say whether another thread than the dispatcher runs actions, while neither does. */
void mpipc__rte_share_turn(bool shared)
{
	if (shared)
		sem_init(&turn.free, 0, 1);
	atomic_store(&turn.shared, shared);
}

/* Wait for the turn, before an action or a callback runs. */
void mpipc__rte_take_turn(void)
{
	if (!depth) {
		if (!atomic_load_explicit(&turn.shared, memory_order_relaxed))
			return;
		wait_for_turn();
	}
	depth++;
}

/* Let the other thread have the turn, unless an outer action of this thread has it. */
void mpipc__rte_end_turn(void)
{
	if (depth && !--depth)
		sem_post(&turn.free);
}

/* Give the turn up while the caller waits. Returns what mpipc__rte_resume_turn() needs. */
unsigned int mpipc__rte_suspend_turn(void)
{
	unsigned int had = depth;

	if (!had)
		return 0;
	depth = 0;
	n_suspended++;
	sem_post(&turn.free);
	return had;
}

/* Wait for the turn again, unless it is not shared any more. */
void mpipc__rte_resume_turn(unsigned int had)
{
	if (!had)
		return;
	if (atomic_load(&turn.shared)) {
		wait_for_turn();
		depth = had;
	}
	n_suspended--;
}

/* Check that the caller is in an action that has suspended its turn. */
bool mpipc__rte_is_suspended(void)
{
	return n_suspended && !depth;
}

/* Give the turn up for good, in a thread that ends and may have been cancelled in an action. */
void mpipc__rte_drop_turn(void)
{
	mpipc__rte_suspend_turn();
}

/* Make the turn free in the child of a fork, where no other thread runs actions. */
void mpipc__rte_forget_turn(void)
{
	turn.shared = false;
	depth = 0;
	n_suspended = 0;
}
