/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_PEER_H
#define MPIPC_RTE_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include <mpipc.h>

/**
 * DOC: strings that name a peer
 *
 * An action gets a pointer to a string that rte_mp_reply() takes back later. The string
 * is "mpipc:<slot>:<endpoint>:<call>:<action>" with hexadecimal numbers: all that
 * rte_mp_reply() has to know, in a form that programs can copy.
 *
 * Programs that keep the pointer instead need the string to stay what it is until they
 * have replied, even if that is after the request has timed out. The kernel drops such a
 * late reply, but with the string of another request it would reach that one.
 *
 * So strings are written to a ring of slots, oldest first, but not over one whose request
 * has no reply yet. Where there is no other the ring grows. When it is as large as it can
 * be, those that have timed out are overwritten first, then the oldest one. A pointer
 * into the ring always points to some string.
 *
 * Only the dispatcher writes strings. A thread that replies marks the slot as free.
 */
#define RTE_PEER_SIZE	108

struct rte_peer {
	uint64_t call;		/* request to reply to, or 0 */
	const char *name;
	unsigned int slot;
};

const char *mpipc__rte_peer(const struct mpipc_record *record);
bool mpipc__rte_parse_peer(const char *peer, struct rte_peer *parsed);
void mpipc__rte_forget_peer(const struct rte_peer *parsed);

#endif /* MPIPC_RTE_PEER_H */
