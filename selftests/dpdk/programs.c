// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of DPDK's own programs as they are installed: natively, on mpipc, and where only the
 * primary or only the secondaries are preloaded. The same is asked of all; see route.h.
 */
#include "harness.h"

#include "capture.h"
#include "sockets.h"
#include "testpmd.h"

#define CAPTURE	"/tmp/capture"
#define TRACE	"/tmp/trace"

FIXTURE(dpdk)
{
};

FIXTURE_SETUP(dpdk)
{
	begin();
}

FIXTURE_TEARDOWN(dpdk)
{
	kill_processes();
}

TEST_F(dpdk, a_secondary_has_the_2_devices_of_its_primary)
{
	struct process *primary = start_primary(2), *secondary;

	ASSERT_NE(NULL, primary);
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	EXPECT_TRUE(has_ports(primary, 2));
	EXPECT_TRUE(has_ports(secondary, 2));
	EXPECT_TRUE(have_same_pages(primary, secondary));
}

TEST_F(dpdk, a_secondary_has_the_32_devices_of_its_primary)
{
	struct process *primary = start_primary(32), *secondary;

	ASSERT_NE(NULL, primary);
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	EXPECT_TRUE(has_ports(primary, 32));
	EXPECT_TRUE(has_ports(secondary, 32));
}

TEST_F(dpdk, proc_info_shows_statistics)
{
	struct process *tool;

	ASSERT_NE(NULL, start_primary(2));
	tool = start_tool("dpdk-proc-info", "--stats");
	EXPECT_TRUE(expect(tool, "NIC statistics for port 0"));
	EXPECT_TRUE(expect(tool, "NIC statistics for port 1"));
	EXPECT_EQ(0, end(tool));
	tool = start_tool("dpdk-proc-info", "--xstats");
	EXPECT_TRUE(expect(tool, "NIC extended statistics for port 0"));
	EXPECT_TRUE(expect(tool, "rx_good_packets"));
	EXPECT_TRUE(expect(tool, "NIC extended statistics for port 1"));
	EXPECT_EQ(0, end(tool));
	EXPECT_EQ(0, count_sockets());
}

/* So many packets are enough. */
#define N_PACKETS	20

/*
 * Check that a tool writes packets of the primary to a file. The primary stops before the tool,
 * because DPDK does not wait until no thread uses what a tool takes away, and the thread may die.
 */
static bool captures(struct process *primary, const char *const argv[])
{
	__u64 deadline = in_ms(PATIENCE_MS);
	struct process *tool;
	bool stopped;
	int status, n;

	type(primary, "port start all");
	if (!expect(primary, "Done"))
		return false;
	type(primary, "start");
	tool = start(secondary_library, argv);
	while (now_ns() < deadline && count_packets(CAPTURE) < N_PACKETS && tool->terminal >= 0)
		listen_until(in_ms(50));
	type(primary, "stop");
	stopped = expect(primary, "Accumulated forward statistics");
	kill(tool->pid, SIGINT);
	status = end(tool);
	n = count_packets(CAPTURE);
	if (n >= N_PACKETS && !status)
		return stopped;
	fprintf(stderr, "# %d packets, ended with %d:\n#    ", n, status);
	show_log(tool);
	return false;
}

TEST_F(dpdk, pdump_captures_to_a_file)
{
	const char *const argv[] = {
		"dpdk-pdump", "--no-pci", "--no-telemetry", "--", "--pdump",
		"port=0,queue=*,rx-dev=" CAPTURE, NULL
	};
	struct process *primary = start_primary(2);

	ASSERT_NE(NULL, primary);
	EXPECT_TRUE(captures(primary, argv));
}

TEST_F(dpdk, dumpcap_captures_packets)
{
	const char *const argv[] = { "dpdk-dumpcap", "-i", "0", "-w", CAPTURE, NULL };
	struct process *primary = start_primary(2);

	ASSERT_NE(NULL, primary);
	EXPECT_TRUE(captures(primary, argv));
}

TEST_F(dpdk, a_port_of_the_primary_is_attached_and_detached_everywhere)
{
	struct process *primary = start_primary(2), *secondary;

	ASSERT_NE(NULL, primary);
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	EXPECT_TRUE(attach(primary, "net_null5", 2));
	type(secondary, "show port info 2");
	EXPECT_TRUE(expect(secondary, "Device name: net_null5"));
	type(primary, "port detach 2");
	EXPECT_TRUE(expect(primary, "Done"));
	EXPECT_TRUE(has_ports(primary, 2));
	EXPECT_TRUE(has_ports(secondary, 2));
}

TEST_F(dpdk, a_port_of_a_secondary_is_attached_everywhere)
{
	struct process *primary = start_primary(2), *secondary;

	ASSERT_NE(NULL, primary);
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	EXPECT_TRUE(attach(secondary, "net_null6", 2));
	type(primary, "show port info 2");
	EXPECT_TRUE(expect(primary, "Device name: net_null6"));
}

TEST_F(dpdk, memory_grows_everywhere)
{
	struct process *primary = start_primary(2), *secondary;
	unsigned int before;

	ASSERT_NE(NULL, primary);
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	ASSERT_TRUE(attach(primary, LARGE_DEVICE, 2));
	before = count_pages(secondary);
	EXPECT_TRUE(start_port(primary, 2));
	EXPECT_LT(before, count_pages(secondary));
	EXPECT_TRUE(have_same_pages(primary, secondary));
}

TEST_F(dpdk, the_primary_ends_in_order_and_so_does_its_secondary)
{
	struct process *primary = start_primary(2), *secondary;

	ASSERT_NE(NULL, primary);
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	type(primary, "quit");
	EXPECT_TRUE(expect(primary, "Bye..."));
	EXPECT_EQ(0, end(primary));
	EXPECT_TRUE(ends_by_itself(secondary));
}

TEST_F(dpdk, a_secondary_that_was_killed_is_not_missed)
{
	struct process *primary = start_primary(2), *secondary;

	ASSERT_NE(NULL, primary);
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	EXPECT_EQ(128 + SIGKILL, kill_process(secondary));
	EXPECT_TRUE(attach(primary, LARGE_DEVICE, 2));
	EXPECT_TRUE(start_port(primary, 2));
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	EXPECT_TRUE(has_ports(secondary, 3));
	EXPECT_TRUE(have_same_pages(primary, secondary));
}

TEST_F(dpdk, a_primary_that_was_killed_takes_its_secondary_with_it_and_has_a_successor)
{
	struct process *primary = start_primary(2), *secondary;

	ASSERT_NE(NULL, primary);
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	EXPECT_EQ(128 + SIGKILL, kill_process(primary));
	EXPECT_TRUE(expect(secondary, "Primary process is no longer active, exiting"));
	EXPECT_EQ(EXIT_FAILURE, end(secondary));
	primary = start_primary(2);
	ASSERT_NE(NULL, primary);
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	EXPECT_TRUE(has_ports(secondary, 2));
}

/* Messages to the sockets of DPDK in a file of strace; -1 without one. */
static int count_socket_messages(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[2048];
	int n = 0;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		n += !!strstr(line, "/mp_socket");
	fclose(file);
	return n;
}

/* Run requests of both sides to an orderly end, and trace all of them. */
static bool run_traced(unsigned int *n_endpoints)
{
	struct process *primary, *secondary;

	trace = TRACE "1";
	primary = start_primary(2);
	trace = TRACE "2";
	secondary = primary ? start_secondary() : NULL;
	trace = NULL;
	if (!secondary || !attach(primary, "net_null5", 2) || !attach(secondary, "net_null6", 3))
		return false;
	*n_endpoints = count_endpoints();
	type(primary, "quit");
	return !end(primary) && ends_by_itself(secondary);
}

TEST_F(dpdk, messages_go_by_mpipc_among_its_members_and_else_by_sockets)
{
	bool on_mpipc = count_on_mpipc() == 2;
	unsigned int n_endpoints;

	ASSERT_TRUE(run_traced(&n_endpoints));
	EXPECT_EQ(on_mpipc ? 2 : 0, n_endpoints);
	EXPECT_EQ(!on_mpipc, count_socket_messages(TRACE "1") > 0);
	EXPECT_EQ(!on_mpipc, count_socket_messages(TRACE "2") > 0);
}

TEST_HARNESS_MAIN
