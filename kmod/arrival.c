// SPDX-License-Identifier: GPL-2.0-only
#include "arrival.h"
#include "deadline.h"

#define MPIPC_ARRIVAL_BITS 10

/**
 * struct mpipc_arrival_queue - where secondaries wait for the primaries of some places
 * @arrivals: number of these primaries that have joined
 * @wait: the secondaries
 */
static struct mpipc_arrival_queue {
	atomic_t arrivals;
	wait_queue_head_t wait;
} mpipc_arrival_queues[BIT(MPIPC_ARRIVAL_BITS)];

/** mpipc_arrival_init - prepare the module for secondaries that wait */
void mpipc_arrival_init(void)
{
	int i;

	for (i = 0; i < BIT(MPIPC_ARRIVAL_BITS); i++)
		init_waitqueue_head(&mpipc_arrival_queues[i].wait);
}

static struct mpipc_arrival_queue *mpipc_arrival_queue(const struct mpipc_place *place)
{
	u32 hash = mpipc_place_hash(place) + hash32_ptr(place->groups);

	return &mpipc_arrival_queues[hash_32(hash, MPIPC_ARRIVAL_BITS)];
}

/**
 * mpipc_arrival_count - count the primaries that may be of a place
 * @place: where the group is found
 *
 * Return: a number that changes whenever a primary joins there.
 */
int mpipc_arrival_count(const struct mpipc_place *place)
{
	return atomic_read_acquire(&mpipc_arrival_queue(place)->arrivals);
}

/* The most secondaries that are woken with interrupts off. */
#define MPIPC_ARRIVAL_BATCH 64

/**
 * struct mpipc_arrival - a secondary that waits for a primary
 * @wait: in &mpipc_arrival_queue.wait
 * @place: where the group is found
 * @seen: number of primaries that had arrived when the secondary looked
 */
struct mpipc_arrival {
	struct wait_queue_entry wait;
	const struct mpipc_place *place;
	int seen;
};

/**
 * struct mpipc_arrived - a primary that has arrived
 * @place: where its group is found
 * @arrivals: number of the primaries that have arrived, with this one
 * @left: how many secondaries are still to be woken at once
 */
struct mpipc_arrived {
	const struct mpipc_place *place;
	int arrivals;
	int left;
};

/*
 * Wake a waiting secondary only if the primary that arrived is one of its group, and if it has not
 * looked since.
 */
static int mpipc_arrival_wake(struct wait_queue_entry *wait, unsigned int mode, int flags,
			      void *key)
{
	struct mpipc_arrival *arrival = container_of(wait, struct mpipc_arrival, wait);
	struct mpipc_arrived *arrived = key;
	const struct mpipc_place *place = arrived->place;

	if (arrival->place->groups != place->groups || !mpipc_place_equal(arrival->place, place) ||
	    arrival->seen - arrived->arrivals >= 0)
		return 0;
	/* This ends the walk through the queue, which begins anew after a while. */
	if (!arrived->left)
		return -EAGAIN;
	arrived->left--;
	return autoremove_wake_function(wait, mode, flags, key);
}

/**
 * mpipc_arrival_wait - wait for a primary of a group
 * @place: where the group is found
 * @seen: mpipc_arrival_count() before the last look at the group
 * @deadline: how long to wait
 *
 * Return: 0, or an error to return if another look at the group finds no primary either.
 */
int mpipc_arrival_wait(const struct mpipc_place *place, int seen, u64 deadline)
{
	struct mpipc_arrival arrival = { .place = place, .seen = seen };
	struct mpipc_arrival_queue *queue = mpipc_arrival_queue(place);
	int err = 0;

	init_wait(&arrival.wait);
	arrival.wait.func = mpipc_arrival_wake;
	for (;;) {
		prepare_to_wait(&queue->wait, &arrival.wait, TASK_INTERRUPTIBLE);
		if (signal_pending(current))
			err = -ERESTARTSYS;
		else if (ktime_get_ns() >= deadline)
			err = -ETIMEDOUT;
		if (err || atomic_read(&queue->arrivals) != seen)
			break;
		mpipc_sleep_until(deadline);
	}
	finish_wait(&queue->wait, &arrival.wait);
	return err;
}

/**
 * mpipc_arrival_announce - wake the secondaries that wait for a primary of a group
 * @place: where the group is found
 */
void mpipc_arrival_announce(struct mpipc_place *place)
{
	struct mpipc_arrival_queue *queue = mpipc_arrival_queue(place);
	struct mpipc_arrived arrived = { .place = place };

	arrived.arrivals = atomic_inc_return_release(&queue->arrivals);
	do {
		arrived.left = MPIPC_ARRIVAL_BATCH;
		__wake_up(&queue->wait, TASK_NORMAL, 0, &arrived);
		cond_resched();
	} while (!arrived.left);
}
