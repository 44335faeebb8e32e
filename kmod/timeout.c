// SPDX-License-Identifier: GPL-2.0-only
#include "timeout.h"

static struct workqueue_struct *mpipc_timers;

/* So many mailboxes have their turn at once, and each ends about so many results in a turn. */
#define MPIPC_TIMERS		4
#define MPIPC_TIMER_STEP	64

/*
 * Convert a deadline to ticks from now. One tick is added because the rest is rounded off. A timer
 * that is far off can be late by an eighth of its time, so it comes early by as much and is then
 * set again.
 */
static unsigned long mpipc_timeout_ticks(u64 deadline)
{
	u64 ticks, now = ktime_get_ns();

	if (deadline <= now)
		return 0;
	ticks = nsecs_to_jiffies64(deadline - now) + 1;
	if (ticks >= 64)
		ticks -= ticks / 8;
	return min_t(u64, ticks, MAX_JIFFY_OFFSET);
}

/* Make sure that the timer comes by @deadline. */
static void mpipc_timeout_set_locked(struct mpipc_mailbox *box, u64 deadline)
{
	lockdep_assert_held(&box->lock);
	if (deadline >= box->timer_at || box->closed)
		return;
	box->timer_at = deadline;
	mod_delayed_work(mpipc_timers, &box->timer, mpipc_timeout_ticks(deadline));
}

/**
 * mpipc_timeout_start - let the timer keep the deadline of a call from now on
 * @call: the call, for which no thread waits
 */
void mpipc_timeout_start(struct mpipc_call *call)
{
	struct mpipc_mailbox *box = &call->caller->box;

	spin_lock(&box->lock);
	call->timed = true;
	mpipc_timeout_set_locked(box, call->deadline);
	spin_unlock(&box->lock);
}

/* Find a call whose deadline has come, and reference it. Set the timer if there is none. */
static struct mpipc_call *mpipc_timeout_find_locked(struct mpipc_mailbox *box)
{
	u64 next = KTIME_MAX, now = ktime_get_ns();
	struct mpipc_call *call;

	lockdep_assert_held(&box->lock);
	list_for_each_entry(call, &box->calls, node) {
		if (!call->open && call->async)
			break;
		if (!call->timed || !call->open)
			continue;
		if (call->deadline <= now)
			return mpipc_call_get(call);
		next = min(next, call->deadline);
	}
	box->timer_at = KTIME_MAX;
	mpipc_timeout_set_locked(box, next);
	return NULL;
}

/*
 * End the calls of a mailbox whose deadline has come. If these are many, let other mailboxes have
 * their turn in between.
 */
static void mpipc_timeout_expire(struct work_struct *work)
{
	struct mpipc_mailbox *box =
		container_of(to_delayed_work(work), struct mpipc_mailbox, timer);
	struct mpipc_call *call;
	u32 done = 0;

	while (done < MPIPC_TIMER_STEP) {
		spin_lock(&box->lock);
		call = mpipc_timeout_find_locked(box);
		spin_unlock(&box->lock);
		if (!call)
			return;
		done += call->n_slots;
		mpipc_call_end(call, -ETIMEDOUT);
		mpipc_call_put(call);
	}
	spin_lock(&box->lock);
	box->timer_at = KTIME_MAX;
	mpipc_timeout_set_locked(box, 0);
	spin_unlock(&box->lock);
}

/**
 * mpipc_timeout_setup - prepare a mailbox for calls
 * @box: the mailbox of an endpoint that has not joined
 */
void mpipc_timeout_setup(struct mpipc_mailbox *box)
{
	INIT_DELAYED_WORK(&box->timer, mpipc_timeout_expire);
	box->timer_at = KTIME_MAX;
}

/**
 * mpipc_timeout_init - prepare the module for calls
 *
 * Return: 0 or -ENOMEM.
 */
int mpipc_timeout_init(void)
{
	/*
	 * Deadlines are kept while memory is short, too. The workers are few and have no priority,
	 * because the time that they take is not that of the callers.
	 */
	mpipc_timers = alloc_workqueue("mpipc", WQ_UNBOUND | WQ_MEM_RECLAIM, MPIPC_TIMERS);
	return mpipc_timers ? 0 : -ENOMEM;
}

/**
 * mpipc_timeout_exit - undo mpipc_timeout_init() when there are no calls any more
 */
void mpipc_timeout_exit(void)
{
	destroy_workqueue(mpipc_timers);
}
