// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of DPDK's own programs of what only mpipc can do, and of groups with members of both kinds.
 * All processes are preloaded, unless a test says otherwise.
 */
#include "harness.h"

#include "sockets.h"
#include "testpmd.h"

FIXTURE(mpipc)
{
};

FIXTURE_SETUP(mpipc)
{
	begin();
	ASSERT_EQ(2, count_on_mpipc());
}

FIXTURE_TEARDOWN(mpipc)
{
	kill_processes();
}

/* Find the processors on which the thread of this name runs, as the kernel writes them. */
static void get_processors(const struct process *self, const char *thread, char text[64])
{
	char command[256];
	FILE *file;

	snprintf(command, sizeof(command),
		 "cd /proc/%d/task && cat $(grep -lx %s */comm | sed s/comm/status/) | "
		 "sed -n 's/^Cpus_allowed_list:[[:space:]]*//p'", (int)self->pid, thread);
	file = popen(command, "r");
	if (!file || !fgets(text, 64, file))
		text[0] = 0;
	if (file)
		pclose(file);
}

TEST_F(mpipc, the_threads_of_mpipc_run_where_that_of_dpdk_does)
{
	struct process *primary = start_primary(1);
	char dpdk[64], mpipc[64];

	ASSERT_NE(NULL, primary);
	get_processors(primary, "rte_mp_handle", dpdk);
	get_processors(primary, "mpipc-msg", mpipc);
	/* Processor 1 is for packets only. */
	EXPECT_STREQ("0\n", dpdk);
	EXPECT_STREQ(dpdk, mpipc);
	get_processors(primary, "mpipc-native", mpipc);
	EXPECT_STREQ(dpdk, mpipc);
}

TEST_F(mpipc, a_stopped_secondary_does_not_keep_another_from_its_32_devices)
{
	struct process *primary = start_primary(32), *stopped, *tool;

	ASSERT_NE(NULL, primary);
	stopped = start_secondary();
	ASSERT_NE(NULL, stopped);
	kill(stopped->pid, SIGSTOP);
	tool = start_tool("dpdk-proc-info", "--stats");
	EXPECT_TRUE(expect(tool, "NIC statistics for port 31"));
	EXPECT_EQ(0, end(tool));
	EXPECT_TRUE(has_ports(primary, 32));
	kill(stopped->pid, SIGCONT);
	EXPECT_TRUE(has_ports(stopped, 32));
}

/* Start a secondary that is not preloaded. */
static struct process *start_native(void)
{
	const char *library = secondary_library;
	struct process *self;

	secondary_library = "";
	self = start_secondary();
	secondary_library = library;
	return self;
}

TEST_F(mpipc, members_of_both_kinds_have_the_same_devices_and_memory)
{
	struct process *primary = start_primary(2), *native, *other;

	ASSERT_NE(NULL, primary);
	native = start_native();
	ASSERT_NE(NULL, native);
	other = start_secondary();
	ASSERT_NE(NULL, other);
	EXPECT_EQ(2, count_endpoints());
	EXPECT_EQ(1, count_sockets());
	ASSERT_TRUE(attach(primary, LARGE_DEVICE, 2));
	EXPECT_TRUE(start_port(primary, 2));
	EXPECT_TRUE(attach(native, "net_null6", 3));
	EXPECT_TRUE(attach(other, "net_null7", 4));
	EXPECT_TRUE(has_ports(primary, 5));
	EXPECT_TRUE(has_ports(native, 5));
	EXPECT_TRUE(has_ports(other, 5));
	EXPECT_TRUE(have_same_pages(primary, native));
	EXPECT_TRUE(have_same_pages(primary, other));
	EXPECT_TRUE(attach(primary, "net_null8", 5));
	type(primary, "port detach 5");
	EXPECT_TRUE(expect(primary, "Done"));
	EXPECT_TRUE(has_ports(native, 5));
	EXPECT_TRUE(has_ports(other, 5));
	/* A member that is killed is not missed. */
	EXPECT_EQ(128 + SIGKILL, kill_process(native));
	EXPECT_EQ(128 + SIGKILL, kill_process(other));
	EXPECT_TRUE(attach(primary, "net_null8", 5));
	EXPECT_EQ(0, count_sockets());
}

/* Start a secondary, with a variable of the environment that the others do not have. */
static struct process *start_with(const char *variable, const char *value)
{
	struct process *self;

	setenv(variable, value, 1);
	self = start_testpmd(secondary_library, "--proc-type=secondary", "--proc-id=1", 0);
	unsetenv(variable);
	return self;
}

TEST_F(mpipc, a_secondary_without_the_device_says_so_and_is_served)
{
	struct process *primary = start_primary(2), *secondary;

	ASSERT_NE(NULL, primary);
	secondary = start_with("MPIPC_DEVICE", "/dev/no-such-device");
	EXPECT_TRUE(expect(secondary, "uses DPDK's own IPC in /var/run/dpdk/rte"));
	ASSERT_TRUE(is_ready(secondary));
	EXPECT_TRUE(attach(primary, LARGE_DEVICE, 2));
	EXPECT_TRUE(start_port(primary, 2));
	EXPECT_TRUE(has_ports(secondary, 3));
	EXPECT_TRUE(have_same_pages(primary, secondary));
}

TEST_F(mpipc, a_process_that_demands_mpipc_does_not_start_without_it)
{
	struct process *secondary;

	primary_library = "";
	ASSERT_NE(NULL, start_primary(2));
	secondary = start_with("MPIPC_DPDK", "require");
	EXPECT_TRUE(expect(secondary, "MPIPC_DPDK=require demands mpipc"));
	EXPECT_EQ(EXIT_FAILURE, end(secondary));
}

TEST_F(mpipc, without_the_device_all_are_native)
{
	struct process *primary, *secondary;

	setenv("MPIPC_DEVICE", "/dev/no-such-device", 1);
	primary = start_primary(2);
	ASSERT_NE(NULL, primary);
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	EXPECT_TRUE(has_ports(secondary, 2));
	EXPECT_TRUE(attach(secondary, "net_null6", 2));
	EXPECT_EQ(0, count_endpoints());
	unsetenv("MPIPC_DEVICE");
}

TEST_HARNESS_MAIN
