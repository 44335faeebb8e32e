// SPDX-License-Identifier: BSD-3-Clause
#include <endian.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "wire.h"

/* The ring grows to this many slots, each of which stands for a request. */
#define N_PEERS		4096

/*
 * The ring begins with this many. They are enough for actions that reply at once, and so many
 * that a second reply still finds the string of its own request and is dropped.
 */
#define N_PEERS_AT_FIRST	32

#define PREFIX		"mpipc:"

/* Each part has its place, because numbers are written with all their digits. */
#define SLOT_AT		(sizeof(PREFIX) - 1)
#define SLOT_DIGITS	3
#define ENDPOINT_AT	(SLOT_AT + SLOT_DIGITS + 1)
#define CALL_AT		(ENDPOINT_AT + 16 + 1)
#define NAME_AT		(CALL_AT + 16 + 1)

static struct slot {
	_Atomic uint64_t call;		/* request without a reply, or 0 if the slot is free */
	uint64_t deadline;		/* of that request */
	uint64_t peer;			/* endpoint whose id is in @text */
	char text[RTE_PEER_SIZE];
} ring[N_PEERS];

/* The dispatcher owns these. @last_slot has the string for messages of @last_peer. */
static unsigned int n_slots = N_PEERS_AT_FIRST;
static unsigned int next_slot;
static const struct slot *last_slot;
static uint64_t last_peer;

static_assert(NAME_AT + RTE_MP_MAX_NAME_LEN <= RTE_PEER_SIZE, "a string fits in its slot");
static_assert(N_PEERS <= 1 << 4 * SLOT_DIGITS, "a number fits in its digits");
static_assert(!(N_PEERS & (N_PEERS - 1)) && N_PEERS % N_PEERS_AT_FIRST == 0, "the ring can double");

/* Write eight hexadecimal digits at once, the first one in the highest byte. */
static uint64_t digits(uint32_t value)
{
	uint64_t x = value;

	x = (x << 16 | x) & 0x0000ffff0000ffff;
	x = (x << 8 | x) & 0x00ff00ff00ff00ff;
	x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0f;
	/* Digits above 9 become letters. */
	return x + 0x3030303030303030 + ((x + 0x0606060606060606) >> 4 & 0x0101010101010101) * 39;
}

/* Write a number with 16 digits. */
static void put_id(char *pos, uint64_t id)
{
	const uint64_t text[2] = { htobe64(digits(id >> 32)), htobe64(digits(id)) };

	memcpy(pos, text, sizeof(text));
}

/* Write the part of a string that is always the same for its slot. */
static void put_slot(struct slot *slot)
{
	uint64_t number = htobe64(digits(slot - ring));

	memcpy(slot->text, PREFIX, SLOT_AT);
	memcpy(slot->text + SLOT_AT, (char *)&number + 8 - SLOT_DIGITS, SLOT_DIGITS);
	slot->text[ENDPOINT_AT - 1] = ':';
	slot->text[CALL_AT - 1] = ':';
	slot->text[NAME_AT - 1] = ':';
}

/* Choose a slot for a string, by the rules in peer.h. */
static struct slot *new_slot(uint64_t now)
{
	unsigned int i;
	struct slot *slot;

	for (i = 0; i < n_slots; i++) {
		slot = &ring[next_slot++ % n_slots];
		if (!atomic_load_explicit(&slot->call, memory_order_relaxed) ||
		    (n_slots == N_PEERS && slot->deadline <= now))
			return slot;
	}
	if (n_slots < N_PEERS) {
		next_slot = n_slots;
		n_slots *= 2;
	}
	return &ring[next_slot++ % n_slots];
}

/* Make the string for the sender of @record. */
const char *mpipc__rte_peer(const struct mpipc_record *record)
{
	struct slot *slot;

	/* A message has no reply, so one string serves all messages of a peer. */
	if (!record->call && last_slot && last_peer == record->peer)
		return last_slot->text;
	slot = new_slot(record->stamp);
	slot->deadline = record->deadline;
	atomic_store_explicit(&slot->call, record->call, memory_order_relaxed);
	if (!slot->text[0])
		put_slot(slot);
	if (slot->peer != record->peer)
		put_id(slot->text + ENDPOINT_AT, record->peer);
	slot->peer = record->peer;
	put_id(slot->text + CALL_AT, record->call);
	if (record->call)
		memcpy(slot->text + NAME_AT, record->name, sizeof(record->name));
	else
		slot->text[NAME_AT] = '\0';
	last_slot = record->call ? NULL : slot;
	last_peer = record->peer;
	return slot->text;
}

/* Return the slot that @peer points to, or NULL if it is a copy. */
static struct slot *slot_of(const char *peer)
{
	size_t at = (uintptr_t)peer - (uintptr_t)ring;
	struct slot *slot = &ring[at / sizeof(*ring) % N_PEERS];

	return at < sizeof(ring) && peer == slot->text ? slot : NULL;
}

/* Read a string again. Returns false if it is not one of ours. */
bool mpipc__rte_parse_peer(const char *peer, struct rte_peer *parsed)
{
	struct slot *slot = slot_of(peer);
	char *end;

	if (slot) {
		parsed->call = atomic_load_explicit(&slot->call, memory_order_relaxed);
		parsed->slot = slot - ring;
		parsed->name = peer + NAME_AT;
		return true;
	}
	if (strncmp(peer, PREFIX, sizeof(PREFIX) - 1))
		return false;
	parsed->slot = strtoul(peer + SLOT_AT, &end, 16);
	if (*end != ':' || parsed->slot >= N_PEERS)
		return false;
	strtoull(end + 1, &end, 16);
	if (*end != ':')
		return false;
	parsed->call = strtoull(end + 1, &end, 16);
	if (*end != ':')
		return false;
	parsed->name = end + 1;
	return true;
}

/* Free the slot of a request that has its reply, or for which nobody waits any more. */
void mpipc__rte_forget_peer(const struct rte_peer *parsed)
{
	uint64_t call = parsed->call;

	/* The slot may belong to another request by now. */
	atomic_compare_exchange_strong(&ring[parsed->slot].call, &call, 0);
}
