// SPDX-License-Identifier: BSD-3-Clause
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listing.h"
#include "text.h"
#include "tool.h"

#define LISTING "/proc/net/mpipc"

#define COLUMN(name, type, member, width, help) \
	{ name, type, offsetof(struct endpoint, member), width, help }

const struct column endpoint_columns[] = {
	COLUMN("GROUP", TEXT, group, 0, "name of the group"),
	COLUMN("ID", NUMBER, id, 0, "endpoint id, which is never used again"),
	COLUMN("ROLE", TEXT, role, 0, "primary or secondary"),
	COLUMN("GENERATION", NUMBER, generation, 0, "generation of its primary"),
	COLUMN("PRIMARY", NUMBER, primary, 0, "id of its primary, 0 if the primary is gone"),
	COLUMN("PID", NUMBER, pid, 0, "process that joined"),
	COLUMN("PROCESS", TEXT, process, 0, "name of that process"),
	COLUMN("FD", NUMBER, fd, 0, "file descriptor in that process"),
	COLUMN("UID", NUMBER, uid, 0, "user of the process when it joined"),
	COLUMN("GID", NUMBER, gid, 0, "group of users of the process when it joined"),
	COLUMN("QUEUED", NUMBER, queued, 0, "records in the mailbox"),
	COLUMN("QUEUED-BYTES", NUMBER, queued_bytes, 0, "bytes of payload in the mailbox"),
	COLUMN("SENT", NUMBER, sent, 0, "messages, requests and replies sent"),
	COLUMN("RECEIVED", NUMBER, received, 0, "records taken out of the mailbox"),
	COLUMN("LOST", NUMBER, lost, 0, "messages that the mailbox had no space for"),
	COLUMN("PENDING", NUMBER, pending, 0, "requests taken that still wait for a reply"),
	COLUMN("OLDEST", SECONDS, oldest, 0, "age of the oldest of these requests"),
	COLUMN("CALLS", NUMBER, calls, 0, "calls that it has open"),
	COLUMN("DROPPED-FDS", NUMBER, dropped_fds, 0, "descriptors that the receiver dropped"),
	COLUMN("NETNS", NUMBER, netns, 0, "inode of the network namespace of a named group"),
	COLUMN("SENT/S", NUMBER, sent_rate, 0, "top: sent in a second"),
	COLUMN("RECEIVED/S", NUMBER, received_rate, 0, "top: received in a second"),
	COLUMN("LOST/S", NUMBER, lost_rate, 0, "top: lost in a second"),
	{ NULL }
};

#undef COLUMN
#define COLUMN(name, type, member, help) { name, type, offsetof(struct group_row, member), 0, help }

const struct column group_columns[] = {
	COLUMN("GROUP", TEXT, name, "name of the group"),
	COLUMN("MEMBERS", NUMBER, members, "number of its endpoints"),
	COLUMN("GENERATION", NUMBER, generation, "number of primaries it has had"),
	COLUMN("UID", NUMBER, uid, "user that owns the group"),
	COLUMN("GID", NUMBER, gid, "group of users that owns the group"),
	COLUMN("MODE", TEXT, mode, "permissions, like those of a file"),
	COLUMN("ANCHOR", TEXT, anchor, "device and inode of the file that the group belongs to"),
	COLUMN("QUEUED", NUMBER, queued, "records in all mailboxes"),
	COLUMN("QUEUED-BYTES", NUMBER, queued_bytes, "bytes of payload in all mailboxes"),
	COLUMN("SENT", NUMBER, sent, "sum of what its endpoints sent"),
	COLUMN("RECEIVED", NUMBER, received, "sum of what its endpoints received"),
	COLUMN("LOST", NUMBER, lost, "sum of what its endpoints lost"),
	COLUMN("NETNS", NUMBER, netns, "inode of the network namespace, if it is a named group"),
	{ NULL }
};

/*
 * The listing itself, in which one space ends each member of a line
 */

static void __attribute__((noreturn)) unknown_format(void)
{
	die(LISTING " has a format that mpipc " VERSION " does not know");
}

static char *next_word(char **line)
{
	char *word = strsep(line, " \n");

	if (!word)
		unknown_format();
	return word;
}

/* Return how long ago a time was, or how far off it is. */
static uint64_t time_between(uint64_t from, uint64_t to)
{
	return from < to ? to - from : 0;
}

static uint64_t next_number(char **line)
{
	return strtoull(next_word(line), NULL, 10);
}

static char *next_text(char **line)
{
	char *text = copy_string(next_word(line));

	text_unescape(text);
	return text;
}

static void add_group(struct listing *listing, char *line, uint64_t netns)
{
	struct group_row *group;
	const char *word;

	listing->groups = resize(listing->groups, listing->n_groups + 1, sizeof(*group));
	group = &listing->groups[listing->n_groups];
	memset(group, 0, sizeof(*group));
	group->first = listing->n_endpoints;
	group->name = next_text(&line);
	group->generation = next_number(&line);
	group->uid = next_number(&line);
	group->gid = next_number(&line);
	group->mode = next_text(&line);
	group->members = next_number(&line);
	word = next_word(&line);
	group->anchor = strcmp(word, "-") ? copy_string(word) : NULL;
	group->netns = group->anchor ? NO_NUMBER : netns;
	listing->n_groups++;
}

static void add_endpoint(struct listing *listing, char *line)
{
	struct endpoint *endpoint;
	struct group_row *group;
	uint64_t since;

	if (!listing->n_groups)
		unknown_format();
	listing->endpoints = resize(listing->endpoints, listing->n_endpoints + 1,
				    sizeof(*endpoint));
	group = &listing->groups[listing->n_groups - 1];
	endpoint = &listing->endpoints[listing->n_endpoints];
	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->group = group->name;
	endpoint->netns = group->netns;
	endpoint->id = next_number(&line);
	endpoint->role = next_text(&line);
	endpoint->generation = next_number(&line);
	endpoint->pid = next_number(&line);
	endpoint->uid = next_number(&line);
	endpoint->gid = next_number(&line);
	endpoint->queued = next_number(&line);
	endpoint->queued_bytes = next_number(&line);
	endpoint->sent = next_number(&line);
	endpoint->received = next_number(&line);
	endpoint->lost = next_number(&line);
	endpoint->pending = next_number(&line);
	since = next_number(&line);
	endpoint->oldest = since ? time_between(since, now()) : NO_NUMBER;
	endpoint->calls = next_number(&line);
	endpoint->fd = NO_NUMBER;
	endpoint->primary = NO_NUMBER;
	endpoint->dropped_fds = NO_NUMBER;
	endpoint->sent_rate = NO_NUMBER;
	endpoint->received_rate = NO_NUMBER;
	endpoint->lost_rate = NO_NUMBER;
	group->queued += endpoint->queued;
	group->queued_bytes += endpoint->queued_bytes;
	group->sent += endpoint->sent;
	group->received += endpoint->received;
	group->lost += endpoint->lost;
	group->n_endpoints++;
	listing->n_endpoints++;
}

static void add_request(struct listing *listing, char *line)
{
	struct request *request;
	uint64_t deadline;

	if (!listing->n_endpoints)
		unknown_format();
	listing->requests = resize(listing->requests, listing->n_requests + 1, sizeof(*request));
	request = &listing->requests[listing->n_requests];
	memset(request, 0, sizeof(*request));
	request->group = listing->endpoints[listing->n_endpoints - 1].group;
	request->to = listing->endpoints[listing->n_endpoints - 1].id;
	request->call = next_number(&line);
	request->from = next_number(&line);
	request->state = next_text(&line);
	request->age = time_between(next_number(&line), now());
	deadline = next_number(&line);
	request->left = deadline < INT64_MAX ? time_between(now(), deadline) : NO_NUMBER;
	request->from_pid = NO_NUMBER;
	request->to_pid = NO_NUMBER;
	listing->n_requests++;
}

static void add_user(struct listing *listing, char *line)
{
	struct user *user;

	listing->users = resize(listing->users, listing->n_users + 1, sizeof(*user));
	user = &listing->users[listing->n_users++];
	memset(user, 0, sizeof(*user));
	user->uid = next_number(&line);
	user->endpoints = next_number(&line);
	user->groups = next_number(&line);
	user->bytes = next_number(&line);
	user->files = next_number(&line);
	user->abroad = next_number(&line);
	user->files_abroad = next_number(&line);
}

static void cannot_read(int err)
{
	if (err == ENOMEM)
		die("out of memory");
	/* EIO means that the module was unloaded while the file was read. */
	if (err == EIO || (err == ENOENT && access("/sys/module/mpipc", F_OK)))
		die("the module mpipc is not loaded; as root: mpipc load");
	die("cannot read " LISTING ": %s; check that /proc is mounted", strerror(err));
}

/* Say whether the last group is listed before, because it has members in several namespaces. */
static bool is_listed_before(const struct listing *listing)
{
	const struct group_row *last = &listing->groups[listing->n_groups - 1], *other;

	for (other = listing->groups; other < last; other++)
		if (last->anchor && other->anchor && !strcmp(other->anchor, last->anchor) &&
		    !strcmp(other->name, last->name))
			return true;
	return false;
}

static void forget_last_group(struct listing *listing)
{
	struct group_row *group = &listing->groups[--listing->n_groups];

	free((char *)group->name);
	free((char *)group->mode);
	free((char *)group->anchor);
}

/* Add what is listed in a network namespace. */
static void add_listing(struct listing *listing, FILE *file, uint64_t netns)
{
	bool skip = false;
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, file) >= 0) {
		char *rest = line;
		const char *word = next_word(&rest);

		if (!strcmp(word, "group")) {
			add_group(listing, rest, netns);
			skip = is_listed_before(listing);
			if (skip)
				forget_last_group(listing);
		} else if (!skip && !strcmp(word, "endpoint")) {
			add_endpoint(listing, rest);
		} else if (!skip && !strcmp(word, "request")) {
			add_request(listing, rest);
		} else if (!strcmp(word, "user")) {
			add_user(listing, rest);
		}
	}
	if (!feof(file))
		cannot_read(errno);
	free(line);
	fclose(file);
}

/* Return the inode of the network namespace of a process, or NO_NUMBER if that may not be seen. */
static uint64_t find_netns(const char *pid)
{
	char *path = format_string("/proc/%s/ns/net", pid);
	struct stat info;
	bool found = !stat(path, &info);

	free(path);
	return found ? info.st_ino : NO_NUMBER;
}

void listing_read(struct listing *listing)
{
	FILE *file = fopen(LISTING, "re");

	memset(listing, 0, sizeof(*listing));
	if (!file)
		cannot_read(errno);
	add_listing(listing, file, find_netns("self"));
}

static bool is_among(const uint64_t *numbers, size_t n, uint64_t number)
{
	while (n--)
		if (numbers[n] == number)
			return true;
	return false;
}

/* Add the listing of the network namespace of a process, which may end meanwhile. */
static bool add_listing_of(struct listing *listing, const char *pid, uint64_t netns)
{
	char *path = format_string("/proc/%s/net/mpipc", pid);
	FILE *file = fopen(path, "re");

	free(path);
	if (file)
		add_listing(listing, file, netns);
	return file;
}

void listing_read_all(struct listing *listing)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint64_t *seen, netns;
	size_t n = 1;

	listing_read(listing);
	seen = resize(NULL, n, sizeof(*seen));
	seen[0] = find_netns("self");
	while (proc && (entry = readdir(proc))) {
		if (!strtoull(entry->d_name, NULL, 10))
			continue;
		netns = find_netns(entry->d_name);
		if (netns == NO_NUMBER || is_among(seen, n, netns) ||
		    !add_listing_of(listing, entry->d_name, netns))
			continue;
		seen = resize(seen, n + 1, sizeof(*seen));
		seen[n++] = netns;
	}
	if (proc)
		closedir(proc);
	free(seen);
}

void listing_free(struct listing *listing)
{
	size_t i;

	for (i = 0; i < listing->n_groups; i++) {
		free((char *)listing->groups[i].name);
		free((char *)listing->groups[i].mode);
		free((char *)listing->groups[i].anchor);
	}
	for (i = 0; i < listing->n_endpoints; i++) {
		free((char *)listing->endpoints[i].role);
		free((char *)listing->endpoints[i].process);
	}
	for (i = 0; i < listing->n_requests; i++)
		free((char *)listing->requests[i].state);
	free(listing->groups);
	free(listing->endpoints);
	free(listing->requests);
	free(listing->users);
}

const struct group_row *listing_group(const struct listing *listing, const char *name)
{
	size_t i;

	for (i = 0; i < listing->n_groups; i++)
		if (!strcmp(listing->groups[i].name, name))
			return &listing->groups[i];
	return NULL;
}

bool listing_wants(const char *group, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, group))
			return true;
	return false;
}

int listing_complain(const struct listing *listing, char **names, bool all)
{
	int status = 0;

	for (; *names; names++) {
		if (listing_group(listing, *names))
			continue;
		complain("there is no group \"%s\" in %s", *names,
			 all ? "any network namespace that is visible from here" :
			       "this network namespace; mpipc list --all looks into all");
		status = EXIT_FAILED;
	}
	return status;
}

/*
 * The processes
 */

static struct endpoint *find_endpoint(struct listing *listing, uint64_t pid, uint64_t id)
{
	size_t i;

	for (i = 0; i < listing->n_endpoints; i++)
		if (listing->endpoints[i].id == id && listing->endpoints[i].pid == pid)
			return &listing->endpoints[i];
	return NULL;
}

/* Look at a descriptor of any kind; only the descriptor of an endpoint has an mpipc-id. */
static void look_at_fd(struct listing *listing, uint64_t pid, const char *fd)
{
	struct endpoint *endpoint = NULL;
	char path[320], line[640];
	uint64_t number;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/fdinfo/%s", pid, fd);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "mpipc-id: %" SCNu64, &number) == 1)
			endpoint = find_endpoint(listing, pid, number);
		if (!endpoint)
			continue;
		if (endpoint->fd == NO_NUMBER)
			endpoint->fd = strtoull(fd, NULL, 10);
		if (sscanf(line, "mpipc-primary: %" SCNu64, &number) == 1)
			endpoint->primary = number;
		if (sscanf(line, "mpipc-dropped-fds: %" SCNu64, &number) == 1)
			endpoint->dropped_fds = number;
	}
	fclose(file);
}

static void look_at_fds(struct listing *listing, uint64_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/fdinfo", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			look_at_fd(listing, pid, entry->d_name);
	closedir(dir);
}

static char *process_name(uint64_t pid)
{
	char path[64], name[64];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	len = fread(name, 1, sizeof(name) - 1, file);
	fclose(file);
	if (!len)
		return NULL;
	/* The kernel ends the name with a newline. */
	name[len - 1] = '\0';
	return copy_string(name);
}

static bool seen_before(const struct listing *listing, size_t end)
{
	size_t i;

	for (i = 0; i < end; i++)
		if (listing->endpoints[i].pid == listing->endpoints[end].pid)
			return true;
	return false;
}

void listing_name(struct listing *listing)
{
	size_t i;

	/* A process that is not visible in this pid namespace has the pid 0. */
	for (i = 0; i < listing->n_endpoints; i++)
		if (listing->endpoints[i].pid)
			listing->endpoints[i].process = process_name(listing->endpoints[i].pid);
}

void listing_look(struct listing *listing, const struct output *output)
{
	bool fds = output_shows(output, "FD") || output_shows(output, "PRIMARY") ||
		   output_shows(output, "DROPPED-FDS");
	size_t i;

	if (output_shows(output, "PROCESS"))
		listing_name(listing);
	for (i = 0; fds && i < listing->n_endpoints; i++)
		if (listing->endpoints[i].pid && !seen_before(listing, i))
			look_at_fds(listing, listing->endpoints[i].pid);
}
