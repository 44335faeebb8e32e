/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_LISTING_H
#define MPIPC_TOOL_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "columns.h"

/**
 * DOC: The kernel's listing
 *
 * /proc/net/mpipc is read in one go, so that each endpoint is listed below its group. More
 * about an endpoint is in /proc/PID of its process. The process may be gone by then, or
 * belong to another user; its members are then not known.
 */

/**
 * struct endpoint - a member of a group, and a row
 * @group: name of its group
 * @role: "primary" or "secondary"
 * @id: endpoint id
 * @generation: generation of its primary
 * @pid: process that joined
 * @uid: user of that process
 * @gid: group of users of that process
 * @queued: records in its mailbox
 * @queued_bytes: bytes of payload in its mailbox
 * @sent: messages, requests and replies that it sent
 * @received: records that it took out of its mailbox
 * @lost: messages that its mailbox had no space for
 * @pending: requests that it took and has not replied to
 * @oldest: age of the oldest of these
 * @netns: inode of the network namespace of its group, if that is a named group
 * @calls: calls that it has open
 *
 * Set by listing_look():
 * @fd: its descriptor
 * @primary: id of the primary it belongs to, 0 if the primary is gone
 * @dropped_fds: descriptors that its receiver dropped
 * @process: name of its process
 *
 * Set by top:
 * @sent_rate: sent in a second
 * @received_rate: received in a second
 * @lost_rate: lost in a second
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
	uint64_t pending;
	uint64_t oldest;
	uint64_t calls;
	uint64_t netns;
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
 * @name: name of the group
 * @generation: number of primaries it has had
 * @uid: owner
 * @gid: owning group of users
 * @mode: permissions
 * @anchor: device and inode of the file that the group belongs to, or NULL
 * @members: number of endpoints, as the kernel counts them
 * @queued: sum over its endpoints in the listing, as are the four below
 * @queued_bytes: sum
 * @sent: sum
 * @received: sum
 * @lost: sum
 * @netns: inode of its network namespace, if it is a named group
 * @first: index of the first of its endpoints, which follow each other in the listing
 * @n_endpoints: number of its endpoints in the listing
 */
struct group_row {
	const char *name;
	uint64_t generation;
	uint64_t uid;
	uint64_t gid;
	const char *mode;
	const char *anchor;
	uint64_t members;
	uint64_t queued;
	uint64_t queued_bytes;
	uint64_t sent;
	uint64_t received;
	uint64_t lost;
	uint64_t netns;
	size_t first;
	size_t n_endpoints;
};

/**
 * struct request - a request that waits for a reply, and a row
 * @group: name of the group
 * @call: id of the call
 * @from: endpoint id of the caller
 * @to: endpoint id of the one that has to reply
 * @state: "taken", or "queued" if it is still in the mailbox of @to
 * @age: time since it was sent
 * @left: time until its deadline
 *
 * Set by mpipc calls, if the endpoints are in the listing:
 * @from_pid: process of the caller
 * @from_process: name of that process
 * @to_pid: process that has to reply
 * @to_process: name of that process
 */
struct request {
	const char *group;
	uint64_t call;
	uint64_t from;
	uint64_t to;
	const char *state;
	uint64_t age;
	uint64_t left;
	uint64_t from_pid;
	const char *from_process;
	uint64_t to_pid;
	const char *to_process;
};

/**
 * struct user - what a user holds, and a row
 * @uid: number of the user
 * @endpoints: endpoints that are in a group
 * @groups: groups that the user has created
 * @bytes: memory of messages and calls
 * @files: files in flight
 * @abroad: the part of @bytes that is in mailboxes of others
 * @files_abroad: the part of @files that is in mailboxes of others
 *
 * Set by mpipc users:
 * @max_endpoints: limit
 * @max_groups: limit
 * @max_bytes: limit
 */
struct user {
	uint64_t uid;
	uint64_t endpoints;
	uint64_t groups;
	uint64_t bytes;
	uint64_t files;
	uint64_t abroad;
	uint64_t files_abroad;
	uint64_t max_endpoints;
	uint64_t max_groups;
	uint64_t max_bytes;
};

struct listing {
	struct group_row *groups;
	size_t n_groups;
	struct endpoint *endpoints;
	size_t n_endpoints;
	struct request *requests;
	size_t n_requests;
	struct user *users;
	size_t n_users;
};

extern const struct column endpoint_columns[], group_columns[];

/* Read the listing, or end the program with a message that says what to do. */
void listing_read(struct listing *listing);

/* Do so in all network namespaces that processes are in, as far as this user may see that. */
void listing_read_all(struct listing *listing);

void listing_free(struct listing *listing);

/* Return the first group with this name, or NULL. Named groups precede anchored ones. */
const struct group_row *listing_group(const struct listing *listing, const char *name);

/* Say whether a group is one of those that @names wants. No name wants all groups. */
bool listing_wants(const char *group, char **names);

/* Complain of each name that no group has. Return the exit status. */
int listing_complain(const struct listing *listing, char **names, bool all);

/* Look up the names of the processes of the endpoints. */
void listing_name(struct listing *listing);

/* Look into the processes of the endpoints, as far as the columns in @output need that. */
void listing_look(struct listing *listing, const struct output *output);

#endif /* MPIPC_TOOL_LISTING_H */
