// SPDX-License-Identifier: BSD-3-Clause
/* mpipc stat: print everything about one group. */
#include <string.h>

#include "listing.h"
#include "tool.h"

/* Print a line for each column, because there is only one row. */
static void print_group(const struct group_row *group)
{
	struct output line;
	const struct column *column;

	output_init(&line, group_columns, NULL);
	line.no_headings = true;
	for (column = group_columns; column->name; column++) {
		line.shown[0] = column;
		printf("%-14s ", column->name);
		output_headings(&line);
		output_row(&line, group);
	}
	putchar('\n');
}

static void print_json(struct output *output, const struct group_row *group,
		       const struct endpoint *endpoints)
{
	const struct column *column;
	struct output members;
	size_t n = 0;

	output_init(&members, group_columns, NULL);
	for (column = group_columns; column->name; column++)
		members.shown[n++] = column;
	fputs("{\"version\":\"" VERSION "\",", stdout);
	output_members(&members, group);
	putchar(',');
	output_rows(output, "endpoints", endpoints, group->n_endpoints, sizeof(*endpoints));
	puts("}");
}

static int stat(int argc, char **argv)
{
	const struct endpoint *endpoints;
	const struct group_row *group;
	struct listing listing;
	struct output output;
	char **names;

	output_init(&output, command->columns, command->defaults);
	while (next_option(argc, argv, &output) != -1)
		;
	names = arguments(argc, argv, 1, 1);
	listing_read(&listing);
	group = listing_group(&listing, names[0]);
	if (!group)
		die("there is no group \"%s\" in this network namespace; mpipc list -g shows them",
		    names[0]);
	listing_look(&listing, &output);
	endpoints = listing.endpoints + group->first;
	if (output.json) {
		print_json(&output, group, endpoints);
		return 0;
	}
	if (!output.no_headings)
		print_group(group);
	output_rows(&output, NULL, endpoints, group->n_endpoints, sizeof(*endpoints));
	return 0;
}

const struct command stat_command = {
	.name = "stat",
	.synopsis = "GROUP",
	.summary = "show everything about a group and its endpoints",
	.options = "",
	.letters = "",
	.columns = endpoint_columns,
	.defaults = "ID,ROLE,GENERATION,PRIMARY,PID,PROCESS,FD,UID,GID,QUEUED,QUEUED-BYTES,"
		    "PENDING,OLDEST,CALLS,SENT,RECEIVED,LOST,DROPPED-FDS",
	.run = stat,
};
