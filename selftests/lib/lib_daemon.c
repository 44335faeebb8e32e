// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the daemon and the applications of examples/, each a process of its own, on
 * rte_mp (daemon.c, app.c) and on mpipc itself (events.c): registration and its refusal,
 * devices with notify descriptors, and the end of either side.
 */
#include "harness.h"
#include "child.h"
#include "device.h"

#include <dirent.h>
#include <libgen.h>
#include <stdarg.h>

/* The applications have these exit statuses. */
#define REFUSED		1
#define DAEMON_GONE	3

/*
 * Read the next line that a program prints, without its end; the line is empty when the
 * program has ended.
 */
static void read_line(const struct child *program, char *line, size_t size)
{
	size_t n = 0;

	while (n < size - 1 && recv(program->line, &line[n], 1, 0) == 1 && line[n] != '\n')
		n++;
	line[n] = 0;
}

/* Check that this is the next line of the program. */
static bool __attribute__((format(printf, 2, 3))) says(const struct child *program,
						       const char *format, ...)
{
	char expected[256], line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	read_line(program, line, sizeof(line));
	if (!strcmp(expected, line))
		return true;
	fprintf(stderr, "# expected '%s', got '%s'\n", expected, line);
	return false;
}

/* Wait until the program ends without another word, and return its exit status. */
static int end_of(struct child *program)
{
	char line[256];

	read_line(program, line, sizeof(line));
	if (line[0])
		fprintf(stderr, "# expected nothing, got '%s'\n", line);
	return line[0] ? -EBADMSG : child_wait(program);
}

static void send_line(const struct child *program, const char *line)
{
	send(program->line, line, strlen(line), MSG_NOSIGNAL);
}

/* Start the program that is next to this one, with its line as standard input and output. */
static void start(struct child *program, char **argv)
{
	char path[4096] = { 0 };
	pid_t pid = child_fork(program);

	if (pid < 0)
		abort();
	if (pid)
		return;
	dup2(program->line, 0);
	dup2(program->line, 1);
	dup2(program->line, 2);
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) > 0 && !chdir(dirname(path)))
		execv(argv[0], argv);
	dprintf(1, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static unsigned int fds_of(const struct child *program)
{
	char path[32];
	unsigned int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)program->pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

FIXTURE(daemon)
{
	char group[MPIPC_GROUP_MAX];
	char prefix[MPIPC_GROUP_MAX + 20];
	struct child daemon;
	bool ended;
};

FIXTURE_VARIANT(daemon)
{
	bool events;
};

FIXTURE_VARIANT_ADD(daemon, on_rte_mp)
{
	.events = false,
};

FIXTURE_VARIANT_ADD(daemon, on_mpipc)
{
	.events = true,
};

FIXTURE_SETUP(daemon)
{
	char *on_rte_mp[] = { "./daemon", self->prefix, "--", "lan", "wan", NULL };
	char *on_mpipc[] = { "./events", "daemon", self->group, "lan", "wan", NULL };

	group_name(self->group, _metadata->name);
	snprintf(self->prefix, sizeof(self->prefix), "--file-prefix=%s", self->group);
	start(&self->daemon, variant->events ? on_mpipc : on_rte_mp);
	ASSERT_TRUE(says(&self->daemon, "ready"));
}

FIXTURE_TEARDOWN(daemon)
{
	if (!self->ended)
		child_kill(&self->daemon);
}

static void start_app(struct child *app, FIXTURE_DATA(daemon) *self,
		      const FIXTURE_VARIANT(daemon) *variant, char *name, char *device,
		      char *queues)
{
	char *on_rte_mp[] = { "./app", "--proc-type=secondary", self->prefix, "--", name, device,
			      queues, NULL };
	char *on_mpipc[] = { "./events", "app", self->group, name, device, queues, NULL };

	start(app, variant->events ? on_mpipc : on_rte_mp);
}

/*
 * Start an application that opens the device lan with 2 queues. Return true if both sides
 * say so.
 */
static bool start_good_app(struct child *app, FIXTURE_DATA(daemon) *self,
			   const FIXTURE_VARIANT(daemon) *variant, char *name)
{
	start_app(app, self, variant, name, "lan", "2");
	return says(app, "opened lan with 2 queues") &&
	       says(&self->daemon, "%s (process %d) registered", name, (int)app->pid) &&
	       says(&self->daemon, "%s opened lan with 2 queues", name);
}

TEST_F(daemon, an_application_registers_and_its_queues_wake_its_epoll)
{
	struct child app;

	ASSERT_TRUE(start_good_app(&app, self, variant, "one"));
	send_line(&self->daemon, "notify lan 1\n");
	EXPECT_TRUE(says(&app, "queue 1 was notified"));
	send_line(&self->daemon, "notify lan 0\n");
	EXPECT_TRUE(says(&app, "queue 0 was notified"));
	child_kill(&app);
}

TEST_F(daemon, only_those_who_have_opened_a_device_are_notified)
{
	struct child lan, wan;

	ASSERT_TRUE(start_good_app(&lan, self, variant, "one"));
	start_app(&wan, self, variant, "two", "wan", "64");
	ASSERT_TRUE(says(&wan, "opened wan with 64 queues"));
	send_line(&self->daemon, "notify lan 1\nnotify wan 63\nnotify wan 1\nnotify lan 0\n");
	EXPECT_TRUE(says(&lan, "queue 1 was notified"));
	EXPECT_TRUE(says(&lan, "queue 0 was notified"));
	EXPECT_TRUE(says(&wan, "queue 63 was notified"));
	EXPECT_TRUE(says(&wan, "queue 1 was notified"));
	child_kill(&lan);
	child_kill(&wan);
}

TEST_F(daemon, a_name_that_is_taken_is_refused_with_a_text)
{
	struct child first, second;

	ASSERT_TRUE(start_good_app(&first, self, variant, "one"));
	start_app(&second, self, variant, "one", "lan", "2");
	EXPECT_TRUE(says(&second, "app_register: process %d has registered as one (File exists)",
			 (int)first.pid));
	EXPECT_EQ(REFUSED, end_of(&second));
	send_line(&self->daemon, "notify lan 1\n");
	EXPECT_TRUE(says(&first, "queue 1 was notified"));
	child_kill(&first);
}

TEST_F(daemon, a_device_that_is_not_there_is_refused_with_a_text)
{
	struct child app;

	start_app(&app, self, variant, "one", "dmz", "2");
	EXPECT_TRUE(says(&app, "device_open: there is no device dmz (No such device)"));
	EXPECT_EQ(REFUSED, end_of(&app));
	EXPECT_TRUE(says(&self->daemon, "one (process %d) registered", (int)app.pid));
	EXPECT_TRUE(says(&self->daemon, "one (process %d) is gone", (int)app.pid));
}

TEST_F(daemon, more_queues_than_there_are_is_refused_with_a_text)
{
	struct child app;

	start_app(&app, self, variant, "one", "lan", "65");
	EXPECT_TRUE(says(&app, "device_open: lan has 1 to 64 queues (Invalid argument)"));
	EXPECT_EQ(REFUSED, end_of(&app));
}

TEST_F(daemon, an_application_that_is_killed_is_noticed_and_its_place_is_free)
{
	unsigned int before = fds_of(&self->daemon);
	struct child app;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(start_good_app(&app, self, variant, "one"));
		EXPECT_LT(before, fds_of(&self->daemon));
		EXPECT_EQ(128 + SIGKILL, child_kill(&app));
		EXPECT_TRUE(says(&self->daemon, "one (process %d) is gone", (int)app.pid));
		EXPECT_EQ(before, fds_of(&self->daemon));
	}
}

TEST_F(daemon, a_daemon_that_is_killed_is_noticed_by_all)
{
	struct child apps[2];
	int i;

	ASSERT_TRUE(start_good_app(&apps[0], self, variant, "one"));
	ASSERT_TRUE(start_good_app(&apps[1], self, variant, "two"));
	kill(self->daemon.pid, SIGKILL);
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(says(&apps[i], "the daemon is gone"));
		EXPECT_EQ(DAEMON_GONE, end_of(&apps[i]));
	}
}

TEST_F(daemon, a_daemon_that_ends_is_noticed_too)
{
	struct child app;

	ASSERT_TRUE(start_good_app(&app, self, variant, "one"));
	shutdown(self->daemon.line, SHUT_WR);
	EXPECT_TRUE(says(&app, "the daemon is gone"));
	EXPECT_EQ(DAEMON_GONE, end_of(&app));
	EXPECT_EQ(0, end_of(&self->daemon));
	self->ended = true;
}

TEST_F(daemon, an_application_alone_says_that_there_is_no_daemon)
{
	char line[256];
	struct child app;

	child_kill(&self->daemon);
	self->ended = true;
	start_app(&app, self, variant, "one", "lan", "2");
	read_line(&app, line, sizeof(line));
	EXPECT_NE(NULL, strstr(line, "no primary"));
	EXPECT_EQ(REFUSED, end_of(&app));
}

TEST_HARNESS_MAIN
