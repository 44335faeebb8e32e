// SPDX-License-Identifier: BSD-3-Clause
#include <endian.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "wire.h"

/*
 * A peer is the string "mpipc:<slot>:<endpoint>:<call>:<action>", numbers in hexadecimal:
 * all that rte_mp_reply() has to know, in a form that programs can copy. Those that
 * keep the pointer instead need it to stay what it is until the answer was given, also
 * when that comes after the request has timed out: it is dropped then, but by the string
 * of another request it would reach that.
 *
 * So strings are written to a ring of slots, oldest first, but not over one that was not
 * answered. Where all are such the ring grows. When it is as large as it can be those that have
 * timed out go first, then the oldest one. A pointer into the ring always points to some
 * string.
 *
 * Only the dispatching thread writes strings. Whoever answers says that a slot is free.
 */
#define N_PEERS		4096

/* As many as are enough for those that answer at once, and to tell a second answer. */
#define N_PEERS_AT_FIRST	32

#define PREFIX		"mpipc:"

/* Numbers have all their digits, so that each has its place. */
#define SLOT_AT		(sizeof(PREFIX) - 1)
#define SLOT_DIGITS	3
#define ENDPOINT_AT	(SLOT_AT + SLOT_DIGITS + 1)
#define CALL_AT		(ENDPOINT_AT + 16 + 1)
#define NAME_AT		(CALL_AT + 16 + 1)

static struct slot {
	_Atomic uint64_t call;		/* the request that is not answered, or 0 */
	uint64_t deadline;
	uint64_t peer;			/* whose id is in @text, once there is one */
	char text[RTE_PEER_SIZE];
} ring[N_PEERS];

static unsigned int n_slots = N_PEERS_AT_FIRST;
static unsigned int next_slot;
static const struct slot *last_slot;
static uint64_t last_peer;

static_assert(NAME_AT + RTE_MP_MAX_NAME_LEN <= RTE_PEER_SIZE, "fits");
static_assert(N_PEERS <= 1 << 4 * SLOT_DIGITS, "so does a number");
static_assert(!(N_PEERS & (N_PEERS - 1)) && N_PEERS % N_PEERS_AT_FIRST == 0, "can double");

/* Eight digits, all at once: a byte for each, the first one in the highest. */
static uint64_t digits(uint32_t value)
{
	uint64_t x = value;

	x = (x << 16 | x) & 0x0000ffff0000ffff;
	x = (x << 8 | x) & 0x00ff00ff00ff00ff;
	x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0f;
	/* Those above 9 are letters. */
	return x + 0x3030303030303030 + ((x + 0x0606060606060606) >> 4 & 0x0101010101010101) * 39;
}

static void put_id(char *pos, uint64_t id)
{
	const uint64_t text[2] = { htobe64(digits(id >> 32)), htobe64(digits(id)) };

	memcpy(pos, text, sizeof(text));
}

/* What a slot begins with, always. */
static void put_slot(struct slot *slot)
{
	uint64_t number = htobe64(digits(slot - ring));

	memcpy(slot->text, PREFIX, SLOT_AT);
	memcpy(slot->text + SLOT_AT, (char *)&number + 8 - SLOT_DIGITS, SLOT_DIGITS);
	slot->text[ENDPOINT_AT - 1] = ':';
	slot->text[CALL_AT - 1] = ':';
	slot->text[NAME_AT - 1] = ':';
}

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

const char *mpipc__rte_peer(const struct mpipc_record *record)
{
	struct slot *slot;

	/* Nobody answers a message: one string does for all from a peer. */
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

/* The request was answered, or nobody waits for it any more. */
void mpipc__rte_forget_peer(const struct rte_peer *parsed)
{
	uint64_t call = parsed->call;

	/* Unless it is another one's by now. */
	atomic_compare_exchange_strong(&ring[parsed->slot].call, &call, 0);
}
