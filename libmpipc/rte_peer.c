// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "rte.h"

/*
 * A peer is the string "mpipc:<endpoint>:<call>:<slot>:<action>", numbers in hexadecimal:
 * all that rte_mp_reply() has to know, in a form that programs can copy. Those that
 * keep the pointer instead need it to stay what it is for as long as the answer
 * matters, which is until it was given or the request times out.
 *
 * So strings are written to a ring of slots, oldest first, but not over one that still
 * matters. Only when all of them do the oldest one has to go. A pointer into the ring
 * always points to some string.
 *
 * Only the dispatching thread writes strings. Whoever answers says that a slot is free.
 */
#define N_PEERS		4096

#define PREFIX		"mpipc:"

static struct slot {
	_Atomic uint64_t call;		/* the request that is not answered, or 0 */
	uint64_t deadline;
	unsigned int name;		/* where it begins in @text */
	char text[RTE_PEER_SIZE];
} ring[N_PEERS];

static unsigned int next_slot;
static const struct slot *last_slot;
static uint64_t last_peer;

static_assert(sizeof(PREFIX) + 16 + 1 + 16 + 1 + 3 + 1 + RTE_MP_MAX_NAME_LEN - 1 <= RTE_PEER_SIZE,
	      "fits");

static char *put_hex(char *pos, uint64_t value)
{
	int shift = value ? (63 - __builtin_clzll(value)) & ~3 : 0;

	for (; shift >= 0; shift -= 4)
		*pos++ = "0123456789abcdef"[(value >> shift) & 15];
	*pos++ = ':';
	return pos;
}

static struct slot *new_slot(uint64_t now)
{
	unsigned int i;
	struct slot *slot;

	for (i = 0; i < N_PEERS; i++) {
		slot = &ring[next_slot++ % N_PEERS];
		if (!atomic_load_explicit(&slot->call, memory_order_relaxed) ||
		    slot->deadline <= now)
			return slot;
	}
	return &ring[next_slot++ % N_PEERS];
}

const char *mpipc__rte_peer(const struct mpipc_record *record)
{
	struct slot *slot;
	char *pos;

	/* Nobody answers a message: one string does for all from a peer. */
	if (!record->call && last_slot && last_peer == record->peer)
		return last_slot->text;
	slot = new_slot(record->stamp);
	slot->deadline = record->deadline;
	atomic_store_explicit(&slot->call, record->call, memory_order_relaxed);
	pos = put_hex(mempcpy(slot->text, PREFIX, sizeof(PREFIX) - 1), record->peer);
	pos = put_hex(pos, record->call);
	pos = put_hex(pos, slot - ring);
	slot->name = pos - slot->text;
	memcpy(pos, record->call ? record->name : "", record->call ? strlen(record->name) + 1 : 1);
	last_slot = record->call ? NULL : slot;
	last_peer = record->peer;
	return slot->text;
}

/* The slot that a string is still in, where programs mostly leave it. */
static struct slot *slot_of(const char *peer)
{
	size_t at = (uintptr_t)peer - (uintptr_t)ring;
	struct slot *slot = &ring[at / sizeof(*ring) % N_PEERS];

	return at < sizeof(ring) && peer == slot->text ? slot : NULL;
}

bool mpipc__rte_parse_peer(const char *peer, struct rte_peer *parsed)
{
	struct slot *slot = slot_of(peer);
	char *end;

	if (slot) {
		parsed->call = atomic_load_explicit(&slot->call, memory_order_relaxed);
		parsed->slot = slot - ring;
		parsed->name = peer + slot->name;
		return true;
	}
	if (strncmp(peer, PREFIX, sizeof(PREFIX) - 1))
		return false;
	strtoull(peer + sizeof(PREFIX) - 1, &end, 16);
	if (*end != ':')
		return false;
	parsed->call = strtoull(end + 1, &end, 16);
	if (*end != ':')
		return false;
	parsed->slot = strtoul(end + 1, &end, 16);
	if (*end != ':' || parsed->slot >= N_PEERS)
		return false;
	parsed->name = end + 1;
	return true;
}

/* The request was answered, or nobody waits for it any more. */
void mpipc__rte_forget_peer(const struct rte_peer *parsed)
{
	uint64_t call = parsed->call;

	/* Unless it is another one's by now. */
	atomic_compare_exchange_strong(&ring[parsed->slot].call, &call, 0);
}
