/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_LISTING_H
#define MPIPC_TOOL_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "columns.h"

/**
 * DOC: What the kernel lists
 *
 * /proc/net/mpipc is read in one go, so that groups and their endpoints belong
 * together. What else there is to know of an endpoint is in /proc/PID of its process,
 * which may be gone by then, or belong to somebody else: not known, then.
 */

/**
 * struct endpoint - a member of a group, and a row
 * @fd: its descriptor, of listing_look(), as are
 * @primary: id of the primary it belongs to, 0 if that is gone
 * @dropped_fds: descriptors that its receiver did not want
 * @process: name of the process, likewise
 * @sent_rate: those of top: how many a second
 */
struct endpoint {
	const char *group;
	const char *role;
	uint64_t id;
	uint64_t generation;
	uint64_t pid;
	uint64_t uid;
	uint64_t gid;
	uint64_t queued;
	uint64_t queued_bytes;
	uint64_t sent;
	uint64_t received;
	uint64_t lost;
	uint64_t fd;
	uint64_t primary;
	uint64_t dropped_fds;
	const char *process;
	uint64_t sent_rate;
	uint64_t received_rate;
	uint64_t lost_rate;
};

/**
 * struct group_row - a group, and a row
 * @first: index of the first of its endpoints, which follow each other
 * @n_endpoints: how many there are
 * @members: the same, as the kernel counts
 * @queued: the sum of all that are in the listing, as are @sent, @received, @lost
 */
struct group_row {
	const char *name;
	uint64_t generation;
	uint64_t uid;
	uint64_t gid;
	const char *mode;
	uint64_t members;
	uint64_t queued;
	uint64_t queued_bytes;
	uint64_t sent;
	uint64_t received;
	uint64_t lost;
	size_t first;
	size_t n_endpoints;
};

struct listing {
	struct group_row *groups;
	size_t n_groups;
	struct endpoint *endpoints;
	size_t n_endpoints;
};

extern const struct column endpoint_columns[], group_columns[];

/* Reads the listing; ends the program, with what to do, if there is none. */
void listing_read(struct listing *listing);

void listing_free(struct listing *listing);

/* The group of that name, or NULL. */
const struct group_row *listing_group(const struct listing *listing, const char *name);

/* Looks into the processes of the endpoints, as far as the columns need that. */
void listing_look(struct listing *listing, const struct output *output);

#endif /* MPIPC_TOOL_LISTING_H */
