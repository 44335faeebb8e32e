// SPDX-License-Identifier: BSD-3-Clause
/* mpipc list: print the endpoints or the groups of this network namespace. */
#include "listing.h"
#include "tool.h"

static void keep_wanted(struct listing *listing, char **names)
{
	size_t i, n = 0;

	for (i = 0; i < listing->n_endpoints; i++)
		if (listing_wants(listing->endpoints[i].group, names))
			listing->endpoints[n++] = listing->endpoints[i];
	listing->n_endpoints = n;
	for (i = n = 0; i < listing->n_groups; i++)
		if (listing_wants(listing->groups[i].name, names))
			listing->groups[n++] = listing->groups[i];
	listing->n_groups = n;
}

#define GROUP_DEFAULTS "GROUP,MEMBERS,GENERATION,UID,GID,MODE,ANCHOR,QUEUED,SENT,RECEIVED,LOST"

static int list(int argc, char **argv)
{
	struct listing listing;
	struct output output;
	bool groups = false;
	char **names;
	int status;

	output_init(&output, command->columns, command->defaults);
	while (next_option(argc, argv, &output) != -1) {
		groups = true;
		output.columns = group_columns;
		output.defaults = GROUP_DEFAULTS;
	}
	names = arguments(argc, argv, 0, -1);
	listing_read(&listing);
	status = listing_complain(&listing, names);
	keep_wanted(&listing, names);
	if (groups) {
		output_all(&output, "groups", listing.groups, listing.n_groups,
			   sizeof(*listing.groups));
		return status;
	}
	listing_look(&listing, &output);
	output_all(&output, "endpoints", listing.endpoints, listing.n_endpoints,
		   sizeof(*listing.endpoints));
	return status;
}

const struct command list_command = {
	.name = "list",
	.synopsis = "[-g] [GROUP...]",
	.summary = "list endpoints and their counters",
	.options = "  -g, --groups          list groups and the sums of their endpoints' counters\n",
	.letters = "g",
	.columns = endpoint_columns,
	.defaults = "GROUP,ID,ROLE,PID,PROCESS,QUEUED,PENDING,OLDEST,CALLS,SENT,RECEIVED,LOST",
	.run = list,
};
