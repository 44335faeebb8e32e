// SPDX-License-Identifier: BSD-3-Clause
/* mpipc list: print the endpoints or the groups of this network namespace, or of all. */
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

#define DEFAULTS "GROUP,ID,ROLE,PID,PROCESS,QUEUED,PENDING,OLDEST,CALLS,SENT,RECEIVED,LOST"
#define GROUP_DEFAULTS "GROUP,MEMBERS,GENERATION,UID,GID,MODE,ANCHOR,QUEUED,SENT,RECEIVED,LOST"

/* These depend on whether groups are listed, and whether all network namespaces are. */
static const char *const defaults[2][2] = {
	{ DEFAULTS, "NETNS," DEFAULTS }, { GROUP_DEFAULTS, "NETNS," GROUP_DEFAULTS },
};

static int list(int argc, char **argv)
{
	struct listing listing;
	struct output output;
	bool groups = false, all = false;
	char **names;
	int option, status;

	output_init(&output, command->columns, command->defaults);
	while ((option = next_option(argc, argv, &output)) != -1) {
		groups |= option == 'g';
		all |= option == 'l';
		output.columns = groups ? group_columns : endpoint_columns;
		output.defaults = defaults[groups][all];
	}
	names = arguments(argc, argv, 0, -1);
	if (all)
		listing_read_all(&listing);
	else
		listing_read(&listing);
	status = listing_complain(&listing, names, all);
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
	.synopsis = "[-gl] [GROUP...]",
	.summary = "list endpoints and their counters",
	.options = "  -g, --groups          list groups and the sums of their endpoints' counters\n"
		   "  -l, --all             list those of all network namespaces; as root\n",
	.letters = "gl",
	.columns = endpoint_columns,
	.defaults = DEFAULTS,
	.run = list,
};
