// SPDX-License-Identifier: BSD-3-Clause
/* mpipc calls: print the requests that wait for a reply. */
#include <stdlib.h>

#include "listing.h"
#include "tool.h"

#define COLUMN(name, type, member, help) { name, type, offsetof(struct request, member), 0, help }

static const struct column request_columns[] = {
	COLUMN("GROUP", TEXT, group, "name of the group"),
	COLUMN("CALL", NUMBER, call, "id of the call"),
	COLUMN("FROM", NUMBER, from, "endpoint id of the caller, which waits"),
	COLUMN("FROM-PID", NUMBER, from_pid, "process of the caller"),
	COLUMN("FROM-PROCESS", TEXT, from_process, "name of that process"),
	COLUMN("TO", NUMBER, to, "endpoint id of the one that has not replied"),
	COLUMN("TO-PID", NUMBER, to_pid, "process that has not replied"),
	COLUMN("TO-PROCESS", TEXT, to_process, "name of that process"),
	COLUMN("STATE", TEXT, state, "taken, or queued if it is still in the mailbox"),
	COLUMN("AGE", SECONDS, age, "time since the request was sent"),
	COLUMN("LEFT", SECONDS, left, "time until the caller stops waiting"),
	{ NULL }
};

static int compare_ids(const void *a, const void *b)
{
	const struct endpoint *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

/* Order the oldest first, and those of one call by destination. */
static int compare_calls(const void *a, const void *b)
{
	const struct request *left = a, *right = b;

	if (left->call != right->call)
		return left->call < right->call ? -1 : 1;
	return (left->to > right->to) - (left->to < right->to);
}

static const struct endpoint *find(const struct listing *listing, uint64_t id)
{
	const struct endpoint key = { .id = id };

	return bsearch(&key, listing->endpoints, listing->n_endpoints, sizeof(key), compare_ids);
}

/* Say who the endpoints of the requests are. A caller may have left meanwhile. */
static void find_processes(struct listing *listing)
{
	size_t i;

	if (!listing->n_requests)
		return;
	qsort(listing->endpoints, listing->n_endpoints, sizeof(*listing->endpoints), compare_ids);
	for (i = 0; i < listing->n_requests; i++) {
		struct request *request = &listing->requests[i];
		const struct endpoint *from = find(listing, request->from);
		const struct endpoint *to = find(listing, request->to);

		if (from) {
			request->from_pid = from->pid;
			request->from_process = from->process;
		}
		if (to) {
			request->to_pid = to->pid;
			request->to_process = to->process;
		}
	}
	qsort(listing->requests, listing->n_requests, sizeof(*listing->requests), compare_calls);
}

static int calls(int argc, char **argv)
{
	struct listing listing;
	struct output output;
	size_t i, n = 0;
	char **names;
	int status;

	output_init(&output, command->columns, command->defaults);
	while (next_option(argc, argv, &output) != -1)
		;
	names = arguments(argc, argv, 0, -1);
	listing_read(&listing);
	status = listing_complain(&listing, names, false);
	listing_name(&listing);
	find_processes(&listing);
	for (i = 0; i < listing.n_requests; i++)
		if (listing_wants(listing.requests[i].group, names))
			listing.requests[n++] = listing.requests[i];
	output_all(&output, "calls", listing.requests, n, sizeof(*listing.requests));
	return status;
}

const struct command calls_command = {
	.name = "calls",
	.synopsis = "[GROUP...]",
	.summary = "list the requests that wait for a reply, the oldest first",
	.options = "",
	.letters = "",
	.columns = request_columns,
	.defaults = "GROUP,CALL,FROM,FROM-PID,FROM-PROCESS,TO,TO-PID,TO-PROCESS,STATE,AGE,LEFT",
	.run = calls,
};
