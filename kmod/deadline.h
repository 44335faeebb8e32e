/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_DEADLINE_H
#define MPIPC_DEADLINE_H

#include <linux/hrtimer.h>
#include <linux/sched/signal.h>
#include <linux/time_namespace.h>

/**
 * DOC: Time
 *
 * User space has deadlines and stamps in the CLOCK_MONOTONIC of a time namespace. The module keeps
 * them in that of the host, and converts what comes in and what goes out. A deadline of 0, and one
 * that the clock cannot reach, are the same everywhere.
 */

/**
 * mpipc_time_offset - find out how far the clock of the calling process is ahead of the host's
 *
 * Return: the difference in ns.
 */
static inline s64 mpipc_time_offset(void)
{
	struct timespec64 offset = { };

	timens_add_monotonic(&offset);
	return timespec64_to_ns(&offset);
}

/**
 * mpipc_time_shift - convert a time from one clock to another
 * @time: in ns
 * @offset: how far the clock that @time is converted to is ahead of the other
 *
 * Return: the time. A time before the beginning of the clock is 1, because 0 is no time.
 */
static inline u64 mpipc_time_shift(u64 time, s64 offset)
{
	if (likely(!offset) || !time || time >= KTIME_MAX)
		return time;
	if (offset < 0 && time <= -offset)
		return 1;
	return min_t(u64, time + offset, KTIME_MAX);
}

/**
 * mpipc_sleep_until - sleep, in the task state that was set, until woken or until a deadline
 * @deadline: in the clock of the host, in ns; beyond what the clock can reach, there is none
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
