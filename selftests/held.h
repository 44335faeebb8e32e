/* SPDX-License-Identifier: GPL-2.0-only */
/* Look up in the listing which groups there are, and what users hold. */
#ifndef MPIPC_SELFTESTS_HELD_H
#define MPIPC_SELFTESTS_HELD_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define LISTING "/proc/net/mpipc"

/*
 * Read the lines of the listing that start so, as far as there is space, without allocating
 * memory. Return their size.
 */
static inline size_t read_lines(const char *start, char *lines, size_t size)
{
	static char text[1 << 16];
	int file = open(LISTING, O_RDONLY | O_CLOEXEC);
	size_t len = 0, used = 0;
	ssize_t more;
	char *next;

	while ((more = read(file, text + len, sizeof(text) - 1 - len)) > 0)
		len += more;
	close(file);
	text[len] = '\0';
	for (char *line = text; *line; line = next) {
		next = strchrnul(line, '\n');
		next += *next == '\n';
		if (strncmp(line, start, strlen(start)) || used + (next - line) >= size)
			continue;
		memcpy(lines + used, line, next - line);
		used += next - line;
	}
	lines[used] = '\0';
	return used;
}

/* These numbers are those of a user in the listing, or -1 if it has no such user. */
struct held {
	long endpoints, groups, bytes, files, abroad, files_abroad;
};

/* Find a user in lines that were read. */
static inline struct held find_user_in(const char *lines, uid_t uid)
{
	struct held held = { -1, -1, -1, -1, -1, -1 };
	char start[32];

	snprintf(start, sizeof(start), "user %u ", uid);
	lines = strstr(lines, start);
	if (lines && sscanf(lines, "user %*u %ld %ld %ld %ld %ld %ld", &held.endpoints,
			    &held.groups, &held.bytes, &held.files, &held.abroad,
			    &held.files_abroad) != 6)
		held.endpoints = -2;
	return held;
}

static inline struct held find_user(uid_t uid)
{
	char lines[4096];

	read_lines("user ", lines, sizeof(lines));
	return find_user_in(lines, uid);
}

#endif /* MPIPC_SELFTESTS_HELD_H */
