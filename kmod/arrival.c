// SPDX-License-Identifier: GPL-2.0-only
#include "arrival.h"
#include "deadline.h"

/**
 * struct mpipc_arrival - a secondary that waits for a primary
 * @wait: in &mpipc_groups.arrival
 * @place: where the group is found
 */
struct mpipc_arrival {
	struct wait_queue_entry wait;
	const struct mpipc_place *place;
};

/* Wake a waiting secondary only if the primary that arrived is one of its group. */
static int mpipc_arrival_wake(struct wait_queue_entry *wait, unsigned int mode, int flags,
			      void *place)
{
	struct mpipc_arrival *arrival = container_of(wait, struct mpipc_arrival, wait);

	if (!mpipc_place_equal(arrival->place, place))
		return 0;
	return autoremove_wake_function(wait, mode, flags, place);
}

/**
 * mpipc_arrival_wait - wait for a primary of a group
 * @place: where the group is found
 * @seen: &mpipc_groups.arrivals before the last look at the group
 * @deadline: how long to wait
 *
 * Return: 0, or an error to return if another look at the group finds no primary either.
 */
int mpipc_arrival_wait(const struct mpipc_place *place, int seen, u64 deadline)
{
	struct mpipc_arrival arrival = { .place = place };
	struct mpipc_groups *groups = place->groups;
	int err = 0;

	init_wait(&arrival.wait);
	arrival.wait.func = mpipc_arrival_wake;
	for (;;) {
		prepare_to_wait(&groups->arrival, &arrival.wait, TASK_INTERRUPTIBLE);
		if (signal_pending(current))
			err = -ERESTARTSYS;
		else if (ktime_get_ns() >= deadline)
			err = -ETIMEDOUT;
		if (err || atomic_read(&groups->arrivals) != seen)
			break;
		mpipc_sleep_until(deadline);
	}
	finish_wait(&groups->arrival, &arrival.wait);
	return err;
}

/**
 * mpipc_arrival_announce - wake the secondaries that wait for a primary of a group
 * @place: where the group is found
 */
void mpipc_arrival_announce(struct mpipc_place *place)
{
	atomic_inc_return_release(&place->groups->arrivals);
	__wake_up(&place->groups->arrival, TASK_NORMAL, 0, place);
}
