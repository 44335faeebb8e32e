// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mpipc monitor: what it shows, and that it disturbs nobody and leaves nothing
 * behind.
 */
#include "child.h"
#include "device.h"
#include "message.h"
#include "tool.h"
#include "wait.h"

#include <dirent.h>

#define INSTANCES "/sys/kernel/tracing/instances"

/*
 * Find the trace instance. Return true if there is one; if @enabled is not NULL, store what
 * "enable" of its events says.
 */
static bool find_instance(char *enabled)
{
	DIR *dir = opendir(INSTANCES);
	struct dirent *entry;
	bool found = false;
	char path[512];
	int fd;

	while (dir && !found && (entry = readdir(dir)))
		found = !strncmp(entry->d_name, "mpipc-monitor.", strlen("mpipc-monitor."));
	if (found && enabled) {
		snprintf(path, sizeof(path), INSTANCES "/%s/events/mpipc/enable", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		found = fd >= 0 && read(fd, enabled, 1) == 1;
		close(fd);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool has_instance(void)
{
	return find_instance(NULL);
}

static bool has_begun(void)
{
	char enabled;

	return find_instance(&enabled) && enabled == '1';
}

/* Start a monitor, which has begun when it prints its headings. */
static bool start_monitor(struct child *child, const char *arguments)
{
	start(child, "mpipc monitor %s", arguments);
	return waits_for(child->line, "EVENT");
}

TEST_F(tool, monitor_shows_what_happens_to_a_message)
{
	__u64 primary = endpoint_id(self->primary), secondary = endpoint_id(self->secondary);
	struct mpipc_record record;
	struct child monitor;
	char options[256], expected[512];
	char data[16];
	__u64 call;

	snprintf(options, sizeof(options), "-n 7 -o EVENT,FROM,TO,TYPE,CALL,SIZE,FDS,STATUS,"
		 "ROLE,NAME,GROUP %s | tr -s ' '", self->group);
	ASSERT_TRUE(start_monitor(&monitor, options));
	ASSERT_EQ(0, send_fds(self->secondary, MPIPC_TO_PRIMARY, "a b", "12345", 5,
			      &monitor.line, 1));
	ASSERT_EQ(0, recv_fds(self->primary, &record, data, sizeof(data), (int[1]){ 0 }, 1, 0));
	ASSERT_EQ(0, call_async(self->primary, MPIPC_TO_ALL, "ask", 0, in_ms(60000), &call));
	ASSERT_EQ(0, recv_msg(self->secondary, &record, data, sizeof(data)));
	ASSERT_EQ(0, reply_msg(self->secondary, record.call, -EPERM, NULL, 0));
	ASSERT_EQ(0, recv_msg(self->primary, &record, data, sizeof(data)));
	ASSERT_EQ(0, leave(self->secondary));

	snprintf(expected, sizeof(expected), " send %llu primary - - 5 1 - - a\\040b %s",
		 secondary, self->group);
	EXPECT_STREQ(expected + 1, next_line(monitor.line));
	snprintf(expected, sizeof(expected), "receive %llu %llu message - 5 1 - - - %s",
		 secondary, primary, self->group);
	EXPECT_STREQ(expected, next_line(monitor.line));
	snprintf(expected, sizeof(expected), "call %llu all - %llu 0 0 - - ask %s", primary, call,
		 self->group);
	EXPECT_STREQ(expected, next_line(monitor.line));
	snprintf(expected, sizeof(expected), "receive %llu %llu request %llu 0 0 - - - %s",
		 primary, secondary, call, self->group);
	EXPECT_STREQ(expected, next_line(monitor.line));
	snprintf(expected, sizeof(expected), "reply %llu - - %llu 0 0 -1 - - %s", secondary, call,
		 self->group);
	EXPECT_STREQ(expected, next_line(monitor.line));
	snprintf(expected, sizeof(expected), "receive %llu %llu reply %llu 0 0 - - - %s",
		 secondary, primary, call, self->group);
	EXPECT_STREQ(expected, next_line(monitor.line));
	snprintf(expected, sizeof(expected), "leave %llu - - - - - - secondary - %s", secondary,
		 self->group);
	EXPECT_STREQ(expected, next_line(monitor.line));
	EXPECT_EQ(0, child_wait(&monitor));
	EXPECT_FALSE(has_instance());
}

TEST_F(tool, monitor_prints_an_object_a_line)
{
	char name[MPIPC_GROUP_MAX];
	struct child monitor;
	json_object *event;

	snprintf(name, sizeof(name), "%.64s" NASTY, self->group);
	start(&monitor, "mpipc monitor -J -o EVENT,TIME,GROUP,FROM,NAME %s", quoted(name));
	/*
	 * A monitor of this kind prints no headings. Nothing may happen before, because
	 * switching events on changes code, which QEMU may go on to run as it was when
	 * another CPU is at it.
	 */
	while (!has_begun())
		ASSERT_EQ(0, poll_for(monitor.line, POLLIN, 10));
	ASSERT_EQ(0, join_and_close(name, 1));
	event = parse(next_line(monitor.line));
	EXPECT_STREQ("join", text_of(event, "event"));
	EXPECT_TRUE(has(text_of(event, "group"), " \\033[31m\"\\134\\012"));
	EXPECT_LT(0, number_of(event, "from"));
	EXPECT_TRUE(json_object_is_type(member(event, "time"), json_type_double));
	EXPECT_EQ(NULL, member(event, "name"));
	EXPECT_EQ(5, json_object_object_length(event));
	json_object_put(event);
	event = parse(next_line(monitor.line));
	EXPECT_STREQ("leave", text_of(event, "event"));
	json_object_put(event);
	EXPECT_EQ(128 + SIGKILL, child_kill(&monitor));
	/* The next monitor removes what this one left behind. */
	EXPECT_EQ(1, run(&self->result, 1, "mpipc monitor >/dev/full"));
}

TEST_F(tool, monitor_leaves_nothing_behind)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct child monitor;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		ASSERT_TRUE(start_monitor(&monitor, ""));
		EXPECT_TRUE(has_instance());
		kill(monitor.pid, signals[i]);
		EXPECT_EQ(0, child_reap(&monitor));
		EXPECT_FALSE(has_instance());
		close(monitor.line);
	}

	/* Nobody reads the output any more. */
	ASSERT_TRUE(start_monitor(&monitor, ""));
	shutdown(monitor.line, SHUT_RD);
	ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "m", NULL, 0));
	EXPECT_EQ(1, child_reap(&monitor));
	EXPECT_FALSE(has_instance());
	close(monitor.line);

	/*
	 * The monitor had no chance to clean up, so the next one does; a monitor that runs
	 * is left alone.
	 */
	ASSERT_TRUE(start_monitor(&monitor, ""));
	EXPECT_EQ(128 + SIGKILL, child_kill(&monitor));
	EXPECT_TRUE(has_instance());
	ASSERT_TRUE(start_monitor(&monitor, ""));
	EXPECT_EQ(0, run(&self->result, 0, "ls -d " INSTANCES "/mpipc-monitor.* | wc -l"));
	EXPECT_STREQ("1\n", self->result.out);
	EXPECT_EQ(1, run(&self->result, 1, "mpipc monitor >/dev/full"));
	EXPECT_EQ(0, run(&self->result, 0, "ls -d " INSTANCES "/mpipc-monitor.* | wc -l"));
	EXPECT_STREQ("1\n", self->result.out);
	ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "still", NULL, 0));
	EXPECT_TRUE(waits_for(monitor.line, "still"));
	kill(monitor.pid, SIGINT);
	EXPECT_EQ(0, child_wait(&monitor));
	EXPECT_FALSE(has_instance());
}

/*
 * All of this runs on one processor, because switching events off changes code, which QEMU
 * may go on to run as it was when another CPU is at it.
 */
TEST_F(tool, monitor_ends_when_nobody_reads_it_even_if_events_never_end)
{
	char name[MPIPC_GROUP_MAX];
	struct child monitor, busy;
	cpu_set_t cpus;

	group_name(name, "many");
	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	ASSERT_TRUE(start_monitor(&monitor, "-o EVENT"));
	ASSERT_LE(0, child_fork(&busy));
	if (!busy.pid) {
		while (!join_and_close(name, 1000))
			;
		_exit(1);
	}
	ASSERT_TRUE(waits_for(monitor.line, "join"));
	shutdown(monitor.line, SHUT_RD);
	EXPECT_EQ(1, child_wait(&monitor));
	EXPECT_EQ(128 + SIGKILL, child_kill(&busy));
	EXPECT_FALSE(has_instance());
}

TEST_F(tool, monitor_does_not_disturb_other_tracing)
{
	struct child monitor;

	ASSERT_TRUE(start_monitor(&monitor, ""));
	EXPECT_EQ(0, run(&self->result, 0, "cat /sys/kernel/tracing/events/mpipc/enable"));
	EXPECT_STREQ("0\n", self->result.out);
	ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "only", NULL, 0));
	EXPECT_TRUE(waits_for(monitor.line, "only"));
	EXPECT_EQ(0, run(&self->result, 0, "! grep only /sys/kernel/tracing/trace"));
	kill(monitor.pid, SIGINT);
	EXPECT_EQ(0, child_wait(&monitor));
}

TEST_F(tool, monitor_says_how_many_events_it_missed)
{
	char name[MPIPC_GROUP_MAX];
	struct child monitor;

	group_name(name, "many");
	ASSERT_TRUE(start_monitor(&monitor, "none"));
	/* A small buffer on each processor is soon full. */
	ASSERT_EQ(0, run(&self->result, 0, "for file in " INSTANCES
			 "/mpipc-monitor.*/buffer_size_kb; do echo 8 >$file; done"));
	kill(monitor.pid, SIGSTOP);
	ASSERT_EQ(0, join_and_close(name, 200));
	kill(monitor.pid, SIGINT);
	kill(monitor.pid, SIGCONT);
	EXPECT_TRUE(waits_for(monitor.line, "events came too fast and are missing"));
	EXPECT_EQ(0, child_wait(&monitor));
}

TEST_F(tool, monitor_is_for_root)
{
	const struct how how = { .uid = NOBODY };

	EXPECT_EQ(1, run_with(&self->result, &how, "mpipc monitor"));
	EXPECT_TRUE(complains(&self->result, "only root"));
	EXPECT_FALSE(has_instance());
}

TEST_F(tool, monitor_ends_when_the_module_is_unloaded)
{
	char parameters[1024];
	struct child monitor;

	if (!may_unload(self))
		SKIP(return, "somebody uses the module");
	describe_parameters(parameters, sizeof(parameters));
	ASSERT_TRUE(start_monitor(&monitor, ""));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc unload"));
	EXPECT_TRUE(waits_for(monitor.line, "the module was unloaded"));
	EXPECT_EQ(1, child_wait(&monitor));
	EXPECT_FALSE(has_instance());
	EXPECT_EQ(0, run(&self->result, 0, "mpipc load %s", parameters));
}

TEST_HARNESS_MAIN
