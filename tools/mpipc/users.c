// SPDX-License-Identifier: BSD-3-Clause
/* mpipc users: print what each user holds, and the limits of that. */
#include <stdlib.h>

#include "listing.h"
#include "module.h"
#include "tool.h"

#define COLUMN(name, type, member, help) { name, type, offsetof(struct user, member), 0, help }

static const struct column user_columns[] = {
	COLUMN("UID", NUMBER, uid, "the user that the rest is charged to"),
	COLUMN("ENDPOINTS", NUMBER, endpoints, "endpoints that are in a group"),
	COLUMN("MAX-ENDPOINTS", NUMBER, max_endpoints, "the most that a user may have"),
	COLUMN("GROUPS", NUMBER, groups, "groups that the user has created"),
	COLUMN("MAX-GROUPS", NUMBER, max_groups, "the most that a user may have"),
	COLUMN("BYTES", NUMBER, bytes, "memory of messages and calls"),
	COLUMN("MAX-BYTES", NUMBER, max_bytes, "the most that a user may have"),
	COLUMN("FILES", NUMBER, files, "files in flight, limited by ulimit -n of the sender"),
	COLUMN("ABROAD", NUMBER, abroad, "part of BYTES in mailboxes of others: at most half"),
	COLUMN("FILES-ABROAD", NUMBER, files_abroad, "part of FILES in mailboxes of others"),
	{ NULL }
};

/* Return a limit that is a parameter of the module. */
static uint64_t read_limit(const char *parameter)
{
	char *path = format_string("/sys/module/mpipc/parameters/%s", parameter);
	char *line = read_line(path);
	uint64_t limit = line ? strtoull(line, NULL, 10) : NO_NUMBER;

	free(line);
	free(path);
	return limit;
}

static int users(int argc, char **argv)
{
	struct listing listing;
	struct output output;
	size_t i;

	output_init(&output, command->columns, command->defaults);
	while (next_option(argc, argv, &output) != -1)
		;
	arguments(argc, argv, 0, 0);
	listing_read(&listing);
	for (i = 0; i < listing.n_users; i++) {
		listing.users[i].max_endpoints = read_limit("user_endpoints");
		listing.users[i].max_groups = read_limit("user_groups");
		listing.users[i].max_bytes = read_limit("user_bytes");
	}
	output_all(&output, "users", listing.users, listing.n_users, sizeof(*listing.users));
	return 0;
}

const struct command users_command = {
	.name = "users",
	.synopsis = "",
	.summary = "list what each user holds, and what a user may hold; on the host",
	.options = "",
	.letters = "",
	.columns = user_columns,
	.defaults = "UID,ENDPOINTS,MAX-ENDPOINTS,GROUPS,MAX-GROUPS,BYTES,MAX-BYTES,FILES",
	.run = users,
};
