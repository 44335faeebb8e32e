/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_DEADLINE_H
#define MPIPC_DEADLINE_H

#include <linux/hrtimer.h>
#include <linux/sched/signal.h>

/**
 * mpipc_sleep_until - sleep, in the task state that was set, until woken or until a deadline
 * @deadline: in CLOCK_MONOTONIC, absolute, in ns; beyond what the clock can reach, there is none
 *
 * Return: 0 if woken, -ETIMEDOUT if the deadline has come.
 */
static inline int mpipc_sleep_until(u64 deadline)
{
	ktime_t expires = ns_to_ktime(deadline);

	if (deadline >= KTIME_MAX) {
		schedule();
		return 0;
	}
	return schedule_hrtimeout_range(&expires, current->timer_slack_ns, HRTIMER_MODE_ABS) ?
	       0 : -ETIMEDOUT;
}

#endif /* MPIPC_DEADLINE_H */
