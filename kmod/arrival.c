// SPDX-License-Identifier: GPL-2.0-only
#include "arrival.h"
#include "deadline.h"

/**
 * struct mpipc_arrival - a secondary that waits for a primary
 * @wait: in &mpipc_net.arrival
 * @name: name of the group
 */
struct mpipc_arrival {
	struct wait_queue_entry wait;
	const char *name;
};

/* Wake a waiting secondary only if the primary that arrived is one of its group. */
static int mpipc_arrival_wake(struct wait_queue_entry *wait, unsigned int mode, int flags,
			      void *name)
{
	struct mpipc_arrival *arrival = container_of(wait, struct mpipc_arrival, wait);

	if (strcmp(arrival->name, name))
		return 0;
	return autoremove_wake_function(wait, mode, flags, name);
}

/**
 * mpipc_arrival_wait - wait for a primary of a group
 * @mnet: the namespace of the group
 * @name: name of the group
 * @seen: &mpipc_net.arrivals before the last look at the group
 * @deadline: how long to wait
 *
 * Return: 0, or an error to return if another look at the group finds no primary either.
 */
int mpipc_arrival_wait(struct mpipc_net *mnet, const char *name, int seen, u64 deadline)
{
	struct mpipc_arrival arrival = { .name = name };
	int err = 0;

	init_wait(&arrival.wait);
	arrival.wait.func = mpipc_arrival_wake;
	for (;;) {
		prepare_to_wait(&mnet->arrival, &arrival.wait, TASK_INTERRUPTIBLE);
		if (signal_pending(current))
			err = -ERESTARTSYS;
		else if (ktime_get_ns() >= deadline)
			err = -ETIMEDOUT;
		if (err || atomic_read(&mnet->arrivals) != seen)
			break;
		mpipc_sleep_until(deadline);
	}
	finish_wait(&mnet->arrival, &arrival.wait);
	return err;
}

/**
 * mpipc_arrival_announce - wake the secondaries that wait for a primary of a group
 * @mnet: the namespace of the group
 * @name: name of the group
 */
void mpipc_arrival_announce(struct mpipc_net *mnet, char *name)
{
	atomic_inc_return_release(&mnet->arrivals);
	__wake_up(&mnet->arrival, TASK_NORMAL, 0, name);
}
