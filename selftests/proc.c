// SPDX-License-Identifier: GPL-2.0-only
/* Tests of what can be looked at: the listing in /proc/net/mpipc, fdinfo, and tracepoints. */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "fd.h"
#include "held.h"
#include "message.h"
#include "parameter.h"
#include "user.h"

#include <sched.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define USER 1000

FIXTURE(proc)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	int secondary;
	__u64 primary_id;
	__u64 secondary_id;
	char line[512];
};

FIXTURE_SETUP(proc)
{
	struct mpipc_join_args join;

	group_name(self->group, _metadata->name);
	join = join_arg(self->group, MPIPC_PRIMARY);
	join.mode = 0640;
	self->primary = open_dev();
	ASSERT_LE(0, self->primary);
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_JOIN, &join));
	self->secondary = open_secondary(self->group);
	ASSERT_LE(0, self->secondary);
	self->primary_id = endpoint_id(self->primary);
	self->secondary_id = endpoint_id(self->secondary);
}

FIXTURE_TEARDOWN(proc)
{
	close(self->secondary);
	close(self->primary);
}

/*
 * Find the first line of a file that starts so, without its end; return false if there is
 * none.
 */
static bool find_line(const char *path, const char *start, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, size, file))
		found = !strncmp(line, start, strlen(start));
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return found;
}

static bool find_group(const char *name, char *line, size_t size)
{
	char start[3 * MPIPC_GROUP_MAX];

	snprintf(start, sizeof(start), "group %s ", name);
	return find_line(LISTING, start, line, size);
}

/* Return the number of members in the line of a group. */
static int listed_members(const char *line)
{
	int n;

	return sscanf(line, "group %*s %*u %*u %*u %*o %d ", &n) == 1 ? n : -1;
}

static bool find_endpoint(__u64 id, char *line, size_t size)
{
	char start[64];

	snprintf(start, sizeof(start), "endpoint %llu ", (unsigned long long)id);
	return find_line(LISTING, start, line, size);
}

/* The listing */

TEST_F(proc, listing_says_what_its_columns_are)
{
	EXPECT_TRUE(find_line(LISTING, "# group ", self->line, sizeof(self->line)));
	EXPECT_STREQ("# group NAME generation uid gid mode members anchor", self->line);
	EXPECT_TRUE(find_line(LISTING, "# endpoint ", self->line, sizeof(self->line)));
	EXPECT_STREQ("# endpoint id role generation pid uid gid queued bytes sent received lost "
		     "pending since calls", self->line);
	EXPECT_TRUE(find_line(LISTING, "# request ", self->line, sizeof(self->line)));
	EXPECT_STREQ("# request call caller state since deadline", self->line);
	EXPECT_TRUE(find_line(LISTING, "# user ", self->line, sizeof(self->line)));
	EXPECT_STREQ("# user uid endpoints groups bytes files abroad files-abroad", self->line);
}

/* Have a group as USER, and a message with a descriptor in it. */
static void be_user(const struct child *child, const char *group)
{
	int primary, secondary, fd = STDIN_FILENO;

	if (become_with(USER, USER, 0, 0))
		_exit(1);
	primary = open_primary(group);
	secondary = open_secondary(group);
	if (primary < 0 || secondary < 0 ||
	    send_fds(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0, &fd, 1))
		_exit(2);
	child_send(child, 0);
	child_hear(child, NULL);
	_exit(0);
}

TEST_F(proc, users_are_listed_with_what_they_hold)
{
	struct child child;
	struct held held;
	char group[MPIPC_GROUP_MAX];

	ASSERT_EQ(0, chmod(MPIPC_DEVICE, 0666));
	EXPECT_EQ(-1, find_user(USER).endpoints);
	snprintf(group, sizeof(group), "%.100s.user", self->group);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid)
		be_user(&child, group);
	EXPECT_EQ(0, child_hear(&child, NULL));
	held = find_user(USER);
	EXPECT_EQ(2, held.endpoints);
	EXPECT_EQ(1, held.groups);
	EXPECT_LT(0, held.bytes);
	EXPECT_EQ(1, held.files);
	EXPECT_EQ(0, held.abroad);
	EXPECT_EQ(0, held.files_abroad);
	/* The users are those of the machine, and its administrator sees them. */
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_EQ(-1, find_user(USER).endpoints);
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(0, chmod(MPIPC_DEVICE, 0600));
}

TEST_F(proc, group_is_listed_while_it_exists)
{
	char expected[512];

	ASSERT_TRUE(find_group(self->group, self->line, sizeof(self->line)));
	snprintf(expected, sizeof(expected), "group %s 1 %d %d 0640 2 -", self->group,
		 (int)geteuid(), (int)getegid());
	EXPECT_STREQ(expected, self->line);

	ASSERT_EQ(0, leave(self->primary));
	ASSERT_TRUE(find_group(self->group, self->line, sizeof(self->line)));
	snprintf(expected, sizeof(expected), "group %s 1 %d %d 0640 1 -", self->group,
		 (int)geteuid(), (int)getegid());
	EXPECT_STREQ(expected, self->line);

	ASSERT_EQ(0, leave(self->secondary));
	EXPECT_FALSE(find_group(self->group, self->line, sizeof(self->line)));
}

TEST_F(proc, endpoints_are_listed_with_their_counters)
{
	struct mpipc_record record;
	char expected[512], data[8];

	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "12345", 5));
	ASSERT_EQ(0, recv_msg(self->primary, &record, data, sizeof(data)));

	ASSERT_TRUE(find_endpoint(self->primary_id, self->line, sizeof(self->line)));
	snprintf(expected, sizeof(expected), "endpoint %llu primary 1 %d %d %d 2 10 0 1 0 0 0 0",
		 (unsigned long long)self->primary_id, (int)getpid(), (int)geteuid(),
		 (int)getegid());
	EXPECT_STREQ(expected, self->line);
	ASSERT_TRUE(find_endpoint(self->secondary_id, self->line, sizeof(self->line)));
	snprintf(expected, sizeof(expected), "endpoint %llu secondary 1 %d %d %d 0 0 3 0 0 0 0 0",
		 (unsigned long long)self->secondary_id, (int)getpid(), (int)geteuid(),
		 (int)getegid());
	EXPECT_STREQ(expected, self->line);

	ASSERT_EQ(0, close(self->secondary));
	EXPECT_FALSE(find_endpoint(self->secondary_id, self->line, sizeof(self->line)));
	EXPECT_TRUE(find_endpoint(self->primary_id, self->line, sizeof(self->line)));
}

/* Promise: P15 */
TEST_F(proc, lost_messages_are_listed)
{
	char group[MPIPC_GROUP_MAX];
	int primary, secondary, lost;

	group_name(group, "small");
	primary = open_small(group, MPIPC_PRIMARY, 0, 1);
	secondary = open_secondary(group);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_EQ(-EAGAIN, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_TRUE(find_endpoint(endpoint_id(primary), self->line, sizeof(self->line)));
	ASSERT_EQ(1, sscanf(self->line, "endpoint %*u %*s %*u %*u %*u %*u %*u %*u %*u %*u %d",
			    &lost));
	EXPECT_EQ(1, lost);
}

/* Find the line of a request below the line of an endpoint, or return false. */
static bool find_request(__u64 endpoint, __u64 call, char *line, size_t size)
{
	FILE *file = fopen(LISTING, "re");
	unsigned long long id = 0, found = 0;

	while (file && (id != endpoint || found != call) && fgets(line, size, file)) {
		if (sscanf(line, "endpoint %llu", &id) != 1)
			sscanf(line, "request %llu", &found);
	}
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return id == endpoint && found == call;
}

TEST_F(proc, who_hangs_differs_from_who_is_idle)
{
	unsigned long long pending, since, calls;
	struct mpipc_record record;
	char expected[512];
	__u64 first, second;

	ASSERT_EQ(0, call_async(self->secondary, MPIPC_TO_PRIMARY, "a", 0, MPIPC_FOREVER, &first));
	ASSERT_EQ(0, call_async(self->secondary, MPIPC_TO_PRIMARY, "b", 0, MPIPC_FOREVER - 1,
				&second));
	ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));

	ASSERT_TRUE(find_endpoint(self->primary_id, self->line, sizeof(self->line)));
	ASSERT_EQ(3, sscanf(self->line, "endpoint %*u %*s %*u %*u %*u %*u 1 %*u %*u %*u %*u "
			    "%llu %llu %llu", &pending, &since, &calls));
	EXPECT_EQ(1, pending);
	EXPECT_EQ(record.stamp, since);
	EXPECT_EQ(0, calls);
	ASSERT_TRUE(find_endpoint(self->secondary_id, self->line, sizeof(self->line)));
	ASSERT_EQ(3, sscanf(self->line, "endpoint %*u %*s %*u %*u %*u %*u %*u %*u %*u %*u %*u "
			    "%llu %llu %llu", &pending, &since, &calls));
	EXPECT_EQ(0, pending);
	EXPECT_EQ(0, since);
	EXPECT_EQ(2, calls);

	ASSERT_TRUE(find_request(self->primary_id, first, self->line, sizeof(self->line)));
	snprintf(expected, sizeof(expected), "request %llu %llu taken %llu %llu",
		 (unsigned long long)first, (unsigned long long)self->secondary_id,
		 (unsigned long long)record.stamp, MPIPC_FOREVER);
	EXPECT_STREQ(expected, self->line);
	ASSERT_TRUE(find_request(self->primary_id, second, self->line, sizeof(self->line)));
	EXPECT_NE(NULL, strstr(self->line, " queued "));

	ASSERT_EQ(0, reply_msg(self->primary, first, 0, NULL, 0));
	EXPECT_FALSE(find_request(self->primary_id, first, self->line, sizeof(self->line)));
	ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
	ASSERT_TRUE(find_request(self->primary_id, second, self->line, sizeof(self->line)));
	EXPECT_NE(NULL, strstr(self->line, " taken "));
}

TEST_F(proc, all_requests_are_listed_while_others_are_replied_to)
{
	enum { CALLS = 600 };
	struct mpipc_record record;
	FILE *file = fopen(LISTING, "re");
	__u64 calls[CALLS];
	int fd = -1, n = 0;

	/* An endpoint may have as many requests that all lines take many pages of text. */
	for (int i = 0; i < CALLS; i++) {
		ASSERT_EQ(0, call_async(self->secondary, MPIPC_TO_PRIMARY, "a", 0, MPIPC_FOREVER,
					&calls[i]));
		ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
	}
	ASSERT_NE(NULL, file);
	while (fgets(self->line, sizeof(self->line), file)) {
		unsigned long long id, from;

		if (sscanf(self->line, "request %llu %llu ", &id, &from) != 2 ||
		    from != self->secondary_id)
			continue;
		/* Every other request is replied to before its page is read, or after. */
		while (n < CALLS && calls[n] < id) {
			EXPECT_EQ(1, n % 2);
			n++;
		}
		EXPECT_EQ(calls[n], id);
		n++;
		for (int i = 1; fd < 0 && i < CALLS; i += 2)
			ASSERT_EQ(0, reply_msg(self->primary, calls[i], 0, NULL, 0));
		fd = 0;
	}
	fclose(file);
	EXPECT_LE(CALLS - 1, n);
}

TEST_F(proc, listing_can_be_read_again_and_from_any_place)
{
	char first[2048], again[2048];
	int fd = open(LISTING, O_RDONLY | O_CLOEXEC), n;

	ASSERT_LE(0, fd);
	n = pread(fd, first, sizeof(first), 0);
	ASSERT_LT(64, n);
	for (int at = 0; at < n; at += 7) {
		ASSERT_EQ(n - at, pread(fd, again, n - at, at));
		ASSERT_EQ(0, memcmp(first + at, again, n - at));
	}
	while (read(fd, again, sizeof(again)) > 0)
		;
	EXPECT_EQ(0, read(fd, again, sizeof(again)));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(n, read(fd, again, n));
	EXPECT_EQ(0, memcmp(first, again, n));
	close(fd);
}

TEST_F(proc, endpoints_follow_the_group_they_are_in)
{
	char group[MPIPC_GROUP_MAX] = "", *line = self->line;
	FILE *file = fopen(LISTING, "re");
	unsigned long long id;
	int found = 0;

	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(self->line), file)) {
		if (sscanf(line, "group %127s", group) == 1)
			continue;
		if (sscanf(line, "endpoint %llu", &id) != 1)
			continue;
		if (id != self->primary_id && id != self->secondary_id)
			continue;
		EXPECT_STREQ(self->group, group);
		found++;
	}
	fclose(file);
	EXPECT_EQ(2, found);
}

TEST_F(proc, listing_of_many_endpoints_is_complete)
{
	char *line = self->line;
	int before = count_fds(), n = 0;
	FILE *file;

	/* This many endpoints do not fit into one page of text. */
	for (int i = 0; i < 200; i++)
		ASSERT_LE(0, open_secondary(self->group));
	ASSERT_EQ(before + 200, count_fds());
	ASSERT_TRUE(find_group(self->group, line, sizeof(self->line)));
	EXPECT_EQ(202, listed_members(line));
	file = fopen(LISTING, "re");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(self->line), file))
		n += !strncmp(line, "endpoint ", 9);
	fclose(file);
	EXPECT_LE(202, n);
}

/* Read the first page of the listing. Return the least time on a processor that this took. */
static long long cost_of_first_page(void)
{
	long long least = INT64_MAX;

	for (int i = 0; i < 20; i++) {
		struct timespec before, after;
		char page[4096];
		long long took;
		int fd, n;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
		fd = open(LISTING, O_RDONLY | O_CLOEXEC);
		n = read(fd, page, sizeof(page));
		close(fd);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
		/* A page ends with a whole line. */
		if (n < (int)sizeof(page) - 256)
			return -1;
		took = (after.tv_sec - before.tv_sec) * 1000000000LL +
		       after.tv_nsec - before.tv_nsec;
		least = took < least ? took : least;
	}
	return least;
}

/* Promise: P13 */
TEST_F(proc, listing_is_made_as_far_as_it_is_read)
{
	struct rlimit files = { 2048, 2048 };
	long long few, many;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	for (int i = 0; i < 150; i++)
		ASSERT_LE(0, open_secondary(self->group));
	few = cost_of_first_page();
	ASSERT_LT(0, few);
	for (int i = 0; i < 1500; i++)
		ASSERT_LE(0, open_secondary(self->group));
	many = cost_of_first_page();
	EXPECT_LT(0, many);
	EXPECT_GT(3 * few, many);
}

/* Count the endpoints of this process in the listing. */
static int count_own(void)
{
	FILE *file = fopen(LISTING, "re");
	char line[512];
	int n = 0, pid;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "endpoint %*u %*s %*u %d", &pid) == 1)
			n += pid == getpid();
	if (file)
		fclose(file);
	return n;
}

TEST_F(proc, who_stays_is_listed_once_while_others_come_and_go)
{
	struct child child;
	__u64 rounds = 0, before;
	int fd;

	/* This many endpoints do not fit into one page of text. */
	for (int i = 0; i < 200; i++)
		ASSERT_LE(0, open_secondary(self->group));
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		char other[MPIPC_GROUP_MAX];

		group_name(other, "other");
		for (rounds = 1; (fd = open_secondary(self->group)) >= 0; rounds++) {
			if (join_and_close(other, 1) || close(fd) || child_send(&child, rounds))
				break;
		}
		_exit(1);
	}
	/* At least one member comes or goes during each look. */
	for (int i = 0; i < 50; i++) {
		before = rounds;
		do {
			ASSERT_EQ(202, count_own());
			ASSERT_EQ(0, child_hear(&child, &rounds));
		} while (rounds == before);
	}
	EXPECT_EQ(128 + SIGKILL, child_kill(&child));
}

TEST_F(proc, name_cannot_forge_the_listing)
{
	char name[MPIPC_GROUP_MAX], escaped[2 * MPIPC_GROUP_MAX];

	snprintf(name, sizeof(name), "%.50s a\tb\nendpoint 1\\\x1b", self->group);
	snprintf(escaped, sizeof(escaped), "%.50s\\040a\\011b\\012endpoint\\0401\\134\\033",
		 self->group);
	ASSERT_LE(0, open_primary(name));
	EXPECT_TRUE(find_group(escaped, self->line, sizeof(self->line)));
	EXPECT_FALSE(find_line(LISTING, "endpoint 1\\", self->line, sizeof(self->line)));
}

TEST_F(proc, anybody_may_read_but_not_write_the_listing)
{
	struct stat listing;
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		become_user(USER, USER);
		_exit(!find_group(self->group, self->line, sizeof(self->line)));
	}
	EXPECT_EQ(0, child_wait(&child));
	ASSERT_EQ(0, stat(LISTING, &listing));
	EXPECT_EQ(0444, listing.st_mode & 07777);
}

/* Promise: P5 */
TEST_F(proc, listing_is_of_the_readers_network_namespace)
{
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		EXPECT_TRUE(find_line(LISTING, "# group", self->line, sizeof(self->line)));
		EXPECT_FALSE(find_line(LISTING, "group ", self->line, sizeof(self->line)));
		ASSERT_LE(0, open_primary(self->group));
		EXPECT_TRUE(find_group(self->group, self->line, sizeof(self->line)));
		EXPECT_EQ(1, listed_members(self->line));
		_exit(!test_passed(_metadata));
	}
	EXPECT_EQ(0, child_wait(&child));
	ASSERT_TRUE(find_group(self->group, self->line, sizeof(self->line)));
	EXPECT_EQ(2, listed_members(self->line));
}

/* fdinfo */

/* Return what fdinfo of a process says under "mpipc-@key", or "" if it does not. */
static const char *fdinfo(pid_t pid, int fd, const char *key)
{
	static char line[512];
	char path[64], start[64];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	snprintf(start, sizeof(start), "mpipc-%s:\t", key);
	return find_line(path, start, line, sizeof(line)) ? line + strlen(start) : "";
}

static __u64 fdinfo_number(int fd, const char *key)
{
	const char *text = fdinfo(getpid(), fd, key);

	return *text ? strtoull(text, NULL, 10) : ~0ULL;
}

TEST_F(proc, fdinfo_of_a_file_that_has_not_joined)
{
	int fd = open_dev();

	EXPECT_STREQ("none", fdinfo(getpid(), fd, "role"));
	EXPECT_STREQ("", fdinfo(getpid(), fd, "group"));
}

TEST_F(proc, fdinfo_shows_what_info_shows)
{
	struct mpipc_record record;
	struct mpipc_info info;
	char data[8];
	__u64 call;

	ASSERT_EQ(0, call_async(self->secondary, MPIPC_TO_PRIMARY, "a", 0, MPIPC_FOREVER, &call));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "12345", 5));
	ASSERT_EQ(0, recv_msg(self->primary, &record, data, sizeof(data)));
	for (int i = 0; i < 2; i++) {
		int fd = i ? self->primary : self->secondary;

		ASSERT_EQ(0, get_info(fd, &info));
		EXPECT_STREQ(i ? "primary" : "secondary", fdinfo(getpid(), fd, "role"));
		EXPECT_STREQ(self->group, fdinfo(getpid(), fd, "group"));
		EXPECT_EQ(info.id, fdinfo_number(fd, "id"));
		EXPECT_EQ(info.generation, fdinfo_number(fd, "generation"));
		EXPECT_EQ(self->primary_id, fdinfo_number(fd, "primary"));
		EXPECT_EQ(info.queued, fdinfo_number(fd, "queued"));
		EXPECT_EQ(info.queued_bytes, fdinfo_number(fd, "queued-bytes"));
		EXPECT_EQ(info.sent, fdinfo_number(fd, "sent"));
		EXPECT_EQ(info.received, fdinfo_number(fd, "received"));
		EXPECT_EQ(info.lost, fdinfo_number(fd, "lost"));
		EXPECT_EQ(info.dropped_fds, fdinfo_number(fd, "dropped-fds"));
		EXPECT_EQ(info.pending, fdinfo_number(fd, "pending"));
		EXPECT_EQ(info.pending_since, fdinfo_number(fd, "pending-since"));
		EXPECT_EQ(info.calls, fdinfo_number(fd, "calls"));
	}
	EXPECT_EQ(3, fdinfo_number(self->secondary, "sent"));
	EXPECT_EQ(2, fdinfo_number(self->primary, "queued"));
	EXPECT_EQ(10, fdinfo_number(self->primary, "queued-bytes"));
	EXPECT_EQ(1, fdinfo_number(self->primary, "pending"));
	EXPECT_EQ(record.stamp, fdinfo_number(self->primary, "pending-since"));
	EXPECT_EQ(1, fdinfo_number(self->secondary, "calls"));
}

TEST_F(proc, fdinfo_can_be_read_by_others)
{
	struct child child;
	__u64 fd;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_send(&child, open_secondary(self->group));
		child_hear(&child, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&child, &fd));
	EXPECT_STREQ("secondary", fdinfo(child.pid, fd, "role"));
	EXPECT_STREQ(self->group, fdinfo(child.pid, fd, "group"));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(proc, fdinfo_after_the_leave)
{
	ASSERT_EQ(0, leave(self->secondary));
	EXPECT_STREQ("none", fdinfo(getpid(), self->secondary, "role"));
	EXPECT_EQ(self->secondary_id, fdinfo_number(self->secondary, "id"));
}

TEST_F(proc, fdinfo_escapes_the_name_of_the_group)
{
	char name[MPIPC_GROUP_MAX], escaped[2 * MPIPC_GROUP_MAX];
	int fd;

	snprintf(name, sizeof(name), "%.50s a\nmpipc-id:\t1", self->group);
	snprintf(escaped, sizeof(escaped), "%.50s\\040a\\012mpipc-id:\\0111", self->group);
	fd = open_primary(name);
	ASSERT_LE(0, fd);
	EXPECT_STREQ(escaped, fdinfo(getpid(), fd, "group"));
	EXPECT_EQ(endpoint_id(fd), fdinfo_number(fd, "id"));
}

/* Tracepoints */

#define TRACING "/sys/kernel/tracing/instances/mpipc_selftest"

static int trace(const char *enable)
{
	int fd = open(TRACING "/events/mpipc/enable", O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 || write(fd, enable, 1) != 1 ? -errno : 0;

	close(fd);
	return ret;
}

/* Check that a line of the trace ends so. */
static bool is_traced(const char *end)
{
	FILE *file = fopen(TRACING "/trace", "re");
	bool found = false;
	char line[512];

	while (file && !found && fgets(line, sizeof(line), file)) {
		size_t len = strcspn(line, "\n");

		line[len] = '\0';
		found = len >= strlen(end) && !strcmp(line + len - strlen(end), end);
	}
	if (file)
		fclose(file);
	return found;
}

static void expect_traced(struct __test_metadata *_metadata, const char *format, ...)
{
	char end[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(end, sizeof(end), format, ap);
	va_end(ap);
	EXPECT_TRUE(is_traced(end))
		TH_LOG("%s", end);
}

/* Do one of each operation that is traced, and return the id of the call. */
static __u64 do_all(FIXTURE_DATA(proc) *self, int small, __u64 small_id)
{
	struct mpipc_record record;
	__u64 call = 0;

	send_fds(self->secondary, MPIPC_TO_PRIMARY, "hello", "data", 4, (int[]){ 0 }, 1);
	recv_fds(self->primary, &record, self->line, 4, &(int){ 0 }, 1, 0);
	call_async(self->secondary, MPIPC_TO_PRIMARY, "ask", 0, MPIPC_FOREVER, &call);
	recv_msg(self->primary, &record, NULL, 0);
	reply_msg(self->primary, call, -EXDEV, NULL, 0);
	recv_msg(self->secondary, &record, NULL, 0);
	send_msg(self->primary, small_id, "first", NULL, 0);
	send_msg(self->primary, small_id, "second", "more", 4);
	leave(small);
	return call;
}

TEST_F(proc, tracepoints_show_what_happens)
{
	unsigned long long primary = self->primary_id, secondary = self->secondary_id;
	unsigned long long small_id, call;
	int small;

	ASSERT_TRUE(!mkdir(TRACING, 0700) || errno == EEXIST);
	EXPECT_EQ(0, trace("1"));
	small = open_small(self->group, MPIPC_SECONDARY, 0, 1);
	small_id = endpoint_id(small);
	call = do_all(self, small, small_id);
	EXPECT_EQ(0, trace("0"));

	expect_traced(_metadata, " mpipc_join: group=%s id=%llu role=2 generation=1",
		      self->group, small_id);
	expect_traced(_metadata, " mpipc_send: from=%llu to=0 destinations=1 name=hello size=4 fds=1",
		      secondary);
	expect_traced(_metadata, " mpipc_receive: id=%llu peer=%llu seq=1 type=1 call=0 size=4 fds=1",
		      primary, secondary);
	expect_traced(_metadata, " mpipc_call: from=%llu call=%llu destinations=1 name=ask size=0 fds=0 deadline=%llu",
		      secondary, call, MPIPC_FOREVER);
	expect_traced(_metadata, " mpipc_reply: from=%llu call=%llu status=%d size=0 fds=0",
		      primary, call, -EXDEV);
	expect_traced(_metadata, " mpipc_drop: from=%llu to=%llu destinations=1 name=second size=4 fds=0",
		      primary, small_id);
	expect_traced(_metadata, " mpipc_leave: group=%s id=%llu role=2 generation=1",
		      self->group, small_id);
	EXPECT_EQ(0, rmdir(TRACING));
}

TEST_HARNESS_MAIN
