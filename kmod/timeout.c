// SPDX-License-Identifier: GPL-2.0-only
#include <linux/jiffies.h>
#include <linux/ktime.h>

#include "timeout.h"

static struct workqueue_struct *timers;

/*
 * One tick for what is rounded off. A timer that is far off can be late by an eighth of
 * that, so it comes early by as much, to be set again.
 */
static unsigned long ticks_until(u64 deadline)
{
	u64 ticks, now = ktime_get_ns();

	if (deadline <= now)
		return 0;
	ticks = nsecs_to_jiffies64(deadline - now) + 1;
	if (ticks >= 64)
		ticks -= ticks / 8;
	return min_t(u64, ticks, MAX_JIFFY_OFFSET);
}

/* Sees to it that the timer comes by then. */
static void set_timer(struct mpipc_mailbox *box, u64 deadline)
{
	lockdep_assert_held(&box->lock);
	if (deadline >= box->timer_at || box->closed)
		return;
	box->timer_at = deadline;
	mod_delayed_work(timers, &box->timer, ticks_until(deadline));
}

void start_timer(struct mpipc_open_call *call)
{
	struct mpipc_mailbox *box = &call->caller->box;

	spin_lock(&box->lock);
	call->timed = true;
	set_timer(box, call->deadline);
	spin_unlock(&box->lock);
}

/* A call whose deadline has come, with a reference; or NULL, and the timer is set. */
static struct mpipc_open_call *find_expired(struct mpipc_mailbox *box)
{
	u64 next = KTIME_MAX, now = ktime_get_ns();
	struct mpipc_open_call *call;

	lockdep_assert_held(&box->lock);
	list_for_each_entry(call, &box->calls, link) {
		if (!call->open && call->async)
			break;
		if (!call->timed || !call->open)
			continue;
		if (call->deadline <= now)
			return call_get(call);
		next = min(next, call->deadline);
	}
	box->timer_at = KTIME_MAX;
	set_timer(box, next);
	return NULL;
}

/* Ends the calls of a mailbox whose deadline has come. */
static void calls_expire(struct work_struct *work)
{
	struct mpipc_mailbox *box =
		container_of(to_delayed_work(work), struct mpipc_mailbox, timer);
	struct mpipc_open_call *call;

	do {
		spin_lock(&box->lock);
		call = find_expired(box);
		spin_unlock(&box->lock);
		if (call) {
			end_call(call, -ETIMEDOUT);
			call_put(call);
		}
	} while (call);
}

/**
 * mpipc_calls_setup - prepare a mailbox for calls
 * @box: the mailbox, of an endpoint that has not joined
 */
void mpipc_calls_setup(struct mpipc_mailbox *box)
{
	INIT_DELAYED_WORK(&box->timer, calls_expire);
	box->timer_at = KTIME_MAX;
}

/**
 * mpipc_calls_init - prepare for calls
 *
 * Return: 0 or -ENOMEM.
 */
int mpipc_calls_init(void)
{
	/* Who waits for a deadline does so while memory is short, too. */
	timers = alloc_workqueue("mpipc", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	return timers ? 0 : -ENOMEM;
}

/**
 * mpipc_calls_exit - undo mpipc_calls_init(); there are no calls any more
 */
void mpipc_calls_exit(void)
{
	destroy_workqueue(timers);
}
