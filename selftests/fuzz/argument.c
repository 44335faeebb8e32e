// SPDX-License-Identifier: GPL-2.0-only
/* Give the arguments of an operation their meaning. */
#include <string.h>
#include <unistd.h>

#include "../device.h"
#include "../wait.h"
#include "fuzz.h"
#include "op.h"

static const size_t sizes[] = {
	0, 1, 7, 8, 24, 100, 256, 1000, 4096, MPIPC_SIZE_MAX, MPIPC_SIZE_MAX + 1, 0xffffffff,
};

static const unsigned int counts[] = {
	0, 1, 2, 3, 4, 8, 16, MPIPC_FDS_MAX, MPIPC_FDS_MAX + 1, 0xffff, 0x10000, 0xffffffff,
};

/* Slots */

struct slot *slot_of(struct actor *me, uint8_t number)
{
	return &me->slots[number % N_SLOTS];
}

int fd_of(struct actor *me, uint8_t number)
{
	return __atomic_load_n(&slot_of(me, number)->fd, __ATOMIC_RELAXED);
}

/* Copy the slots for an actor that has got a table of descriptors of its own. */
void copy_slots(struct actor *actor)
{
	memmove(actor->own_slots, actor->slots, sizeof(actor->own_slots));
	actor->slots = actor->own_slots;
}

void look_at_slot(struct slot *slot)
{
	struct mpipc_info info;

	slot->device = !get_info(slot->fd, &info);
	slot->id = slot->device ? info.id : 0;
}

/*
 * Put a descriptor into a slot. Threads may do the same at once, and nobody closes a number
 * that is not its own.
 */
void set_slot(struct slot *slot, int fd)
{
	int old = __atomic_exchange_n(&slot->fd, fd, __ATOMIC_RELAXED);

	slot->id = 0;
	slot->device = false;
	if (old >= 0)
		close(old);
	if (fd >= 0)
		look_at_slot(slot);
}

/* Put a descriptor into a slot that is empty, if there is one. */
void keep_fd(struct actor *me, int fd)
{
	for (int i = 0; i < N_SLOTS; i++) {
		int empty = -1;

		if (__atomic_compare_exchange_n(&me->slots[i].fd, &empty, fd, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			look_at_slot(&me->slots[i]);
			return;
		}
	}
	close(fd);
}

/* Arguments */

size_t size_of(uint8_t index)
{
	return sizes[index % ARRAY_SIZE(sizes)];
}

unsigned int count_of(uint8_t index)
{
	return counts[index % ARRAY_SIZE(counts)];
}

static bool may_block(struct actor *me)
{
	return me->index != MAIN;
}

__u64 deadline_of(struct actor *me, uint8_t index)
{
	switch (index % 6) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return in_ms(1);
	case 3:
		return in_ms(4);
	}
	if (!may_block(me))
		return in_ms(2);
	return index % 6 == 4 ? MPIPC_FOREVER : INT64_MAX - 1;
}

__u64 to_of(struct actor *me, uint8_t index)
{
	index %= 2 * N_SLOTS;
	switch (index) {
	case 0:
		return MPIPC_TO_PRIMARY;
	case 1:
		return MPIPC_TO_ALL;
	case 14:
		return shared->dead_id;
	case 15:
		return slots[0].id + (1 << 20);
	}
	if (index < 2 + N_SLOTS)
		return slot_of(me, index - 2)->id;
	return slot_of(&shared->actors[CHILD], index - 2)->id;
}

__u64 own_call(const struct actor *actor)
{
	__u64 *calling = __atomic_load_n(&actor->calling, __ATOMIC_ACQUIRE);

	return calling ? __atomic_load_n(calling, __ATOMIC_RELAXED) : actor->call_id;
}

/*
 * Return a call to cancel: 0 to 3 are the actors', and the others are those to be replied
 * to.
 */
__u64 call_of(uint8_t index)
{
	if (index % 16 < N_ACTORS)
		return own_call(&shared->actors[index % 16]);
	if (index % 16 == 15)
		return 1ULL << 40;
	return shared->requests[index % N_REQUESTS];
}

/* Return a request to reply to: 0 is the newest one. */
__u64 request_of(uint8_t index)
{
	if (index % 16 >= N_REQUESTS)
		return call_of(index);
	return shared->requests[(shared->n_requests - 1 - index % 16) % N_REQUESTS];
}

void note_request(__u64 call)
{
	unsigned int n = __atomic_fetch_add(&shared->n_requests, 1, __ATOMIC_RELAXED);

	shared->requests[n % N_REQUESTS] = call;
}

void fill_name(char *name, uint8_t index)
{
	static const size_t lengths[] = { 0, 1, 7, MPIPC_NAME_MAX - 1 };

	memset(name, 'n', lengths[index % ARRAY_SIZE(lengths)]);
}
