// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "rte.h"

/*
 * A peer is the string "mpipc:<endpoint>:<call>:<action>", numbers in hexadecimal:
 * all that rte_mp_reply() has to know, in a form that programs can copy. Those that
 * keep the pointer instead need it to stay what it is for as long as the answer
 * matters, which is until the request times out.
 *
 * So strings are written to a ring, oldest first, but not over one whose request has
 * not timed out yet. Only when all of them are in use the oldest one has to go. A
 * pointer into the ring always points to some string.
 *
 * Only the dispatching thread writes.
 */
#define N_PEERS		4096

#define PREFIX		"mpipc:"

static struct slot {
	uint64_t deadline;
	char text[RTE_PEER_SIZE];
} ring[N_PEERS];

static unsigned int next_slot;
static const struct slot *last_slot;
static uint64_t last_peer;

static_assert(sizeof(PREFIX) + 16 + 1 + 16 + 1 + RTE_MP_MAX_NAME_LEN - 1 <= RTE_PEER_SIZE, "fits");

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
		if (slot->deadline <= now)
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
	slot->deadline = record->call ? record->deadline : 0;
	pos = put_hex(mempcpy(slot->text, PREFIX, sizeof(PREFIX) - 1), record->peer);
	pos = put_hex(pos, record->call);
	memcpy(pos, record->call ? record->name : "", record->call ? strlen(record->name) + 1 : 1);
	last_slot = record->call ? NULL : slot;
	last_peer = record->peer;
	return slot->text;
}

bool mpipc__rte_parse_peer(const char *peer, __u64 *call, const char **name)
{
	char *end;

	if (strncmp(peer, PREFIX, sizeof(PREFIX) - 1))
		return false;
	strtoull(peer + sizeof(PREFIX) - 1, &end, 16);
	if (*end != ':')
		return false;
	*call = strtoull(end + 1, &end, 16);
	if (*end != ':')
		return false;
	*name = end + 1;
	return true;
}
