// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of DPDK's own programs as they are installed, and, if this is built with ON_MPIPC,
 * with the library that MPIPC_PRELOAD names. The same is asked of both. The tests at the
 * end are of what only mpipc can do, or show that it is at work.
 */
#include "harness.h"

#include "process.h"
#include "wait.h"

#include <glob.h>
#include <sys/stat.h>

#define CAPTURE	"/tmp/capture"
#define TRACE	"/tmp/trace"

/* The next program is started with this library preloaded, or with none if NULL. */
static const char *preload;

/* strace writes to this file which messages to sockets there are, if that is wanted. */
static const char *trace;

static struct process *start_traced(const char *const argv[])
{
	const char *traced[80] = {
		"strace", "-f", "-qq", "-s", "256", "-e", "trace=sendmsg,sendmmsg,sendto",
		"-o", trace,
	};
	unsigned int i, n = 9;

	if (!trace)
		return start(preload, argv);
	for (i = 0; argv[i]; i++)
		traced[n++] = argv[i];
	return start(preload, traced);
}

static struct process *start_testpmd(const char *type, const char *id, unsigned int n_devices)
{
	static char devices[32][32];
	const char *argv[64] = { "dpdk-testpmd", "-l", "0,1", "--no-pci", "--no-telemetry", type };
	const char *const options[] = {
		"--", "--interactive", "--num-procs=2", id, "--rxq=2", "--txq=2",
		"--total-num-mbufs=4096", "--disable-device-start",
	};
	unsigned int i, n = 6;

	for (i = 0; i < n_devices; i++) {
		sprintf(devices[i], "--vdev=net_null%u", i);
		argv[n++] = devices[i];
	}
	memcpy(argv + n, options, sizeof(options));
	return start_traced(argv);
}

static bool is_ready(struct process *self)
{
	return expect(self, "testpmd> ");
}

static struct process *start_primary(unsigned int n_devices)
{
	struct process *self = start_testpmd("--proc-type=primary", "--proc-id=0", n_devices);

	return is_ready(self) ? self : NULL;
}

static struct process *start_secondary(void)
{
	struct process *self = start_testpmd("--proc-type=secondary", "--proc-id=1", 0);

	return is_ready(self) ? self : NULL;
}

static bool has_ports(struct process *self, unsigned int n)
{
	char text[64];

	sprintf(text, "Number of available ports: %u", n);
	type(self, "show port summary all");
	return expect(self, text);
}

static bool attach(struct process *self, const char *device, unsigned int port)
{
	char line[64];

	sprintf(line, "port attach %s", device);
	type(self, line);
	sprintf(line, "Port %u is attached", port);
	return expect(self, line) && expect(self, "Done");
}

/* A port of net_null keeps a packet for each queue: with a large one, memory has to grow. */
#define LARGE_DEVICE	"net_null9,size=8388608"

static bool start_port(struct process *self, unsigned int port)
{
	char line[32];

	sprintf(line, "port start %u", port);
	type(self, line);
	return expect(self, "Checking link statuses") && expect(self, "Done");
}

/*
 * Check that a secondary ended after its primary asked it to. A secondary that is slow may
 * notice meanwhile that there is no primary any more, and then fails.
 */
static bool ends_by_itself(struct process *self)
{
	int status = end(self);

	if (status == EXIT_SUCCESS || status == EXIT_FAILURE)
		return true;
	fprintf(stderr, "# ended with %d\n", status);
	return false;
}

/* Count the pages of DPDK's memory that this process has. */
static unsigned int count_pages(const struct process *self)
{
	char path[32], line[512];
	unsigned int n = 0;
	FILE *maps;

	sprintf(path, "/proc/%d/maps", (int)self->pid);
	maps = fopen(path, "r");
	while (maps && fgets(line, sizeof(line), maps))
		n += !!strstr(line, "rtemap_");
	if (maps)
		fclose(maps);
	return n;
}

static bool have_same_pages(const struct process *a, const struct process *b)
{
	unsigned int n = count_pages(a), m = count_pages(b);

	if (n != m || !n)
		fprintf(stderr, "# %u pages and %u\n", n, m);
	return n && n == m;
}

static struct process *start_tool(const char *name, const char *option)
{
	const char *const argv[] = { name, "--no-pci", "--no-telemetry", "--", option, NULL };

	return start(preload, argv);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_size;
}

/* Wait until there is more in the file than a header. */
static bool wait_for_packets(const char *path)
{
	__u64 deadline = in_ms(PATIENCE_MS);

	while (size_of(path) < 1000)
		if (now_ns() >= deadline || !listen_until(in_ms(50)))
			return false;
	return true;
}

static void clean_up(void)
{
	if (system("rm -rf /var/run/dpdk/rte /dev/hugepages/* " CAPTURE " " TRACE "*"))
		abort();
}

FIXTURE(dpdk)
{
	const char *library;
};

FIXTURE_SETUP(dpdk)
{
	clean_up();
#ifdef ON_MPIPC
	self->library = getenv("MPIPC_PRELOAD");
	ASSERT_NE(NULL, self->library);
#endif
	preload = self->library;
}

FIXTURE_TEARDOWN(dpdk)
{
	kill_processes();
	clean_up();
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
}

/* Check that pdump writes packets of the primary to a file. */
static bool captures(struct process *primary)
{
	const char *const argv[] = {
		"dpdk-pdump", "--no-pci", "--no-telemetry", "--", "--pdump",
		"port=0,queue=*,rx-dev=" CAPTURE, NULL
	};
	struct process *tool;
	bool found;
	int status;

	type(primary, "port start all");
	if (!expect(primary, "Done"))
		return false;
	type(primary, "start");
	tool = start(preload, argv);
	found = wait_for_packets(CAPTURE);
	kill(tool->pid, SIGINT);
	status = end(tool);
	if (!found || status) {
		fprintf(stderr, "# %s, ended with %d:\n#    ", found ? "packets" : "no packets",
			status);
		show_log(tool);
		return false;
	}
	type(primary, "stop");
	return expect(primary, "Accumulated forward statistics");
}

TEST_F(dpdk, pdump_captures_to_a_file)
{
	struct process *primary = start_primary(2);

	ASSERT_NE(NULL, primary);
	EXPECT_TRUE(captures(primary));
}

TEST_F(dpdk, dumpcap_captures_packets)
{
	const char *const argv[] = { "dpdk-dumpcap", "-i", "0", "-c", "20", "-w", CAPTURE, NULL };
	struct process *primary = start_primary(2), *tool;

	ASSERT_NE(NULL, primary);
	type(primary, "port start all");
	ASSERT_TRUE(expect(primary, "Done"));
	type(primary, "start");
	tool = start(preload, argv);
	EXPECT_EQ(0, end(tool));
	EXPECT_LE(1000, size_of(CAPTURE));
	type(primary, "stop");
	EXPECT_TRUE(expect(primary, "Accumulated forward statistics"));
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

/* Count the endpoints that have both sent and received something. */
static unsigned int count_endpoints(void)
{
	unsigned long long sent, received;
	unsigned int n = 0;
	char line[256];
	FILE *file = fopen("/proc/net/mpipc", "r");

	while (file && fgets(line, sizeof(line), file))
		n += sscanf(line, "endpoint %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu", &sent,
			    &received) == 2 && sent && received;
	if (file)
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

#ifndef ON_MPIPC

TEST_F(dpdk, all_that_by_sockets)
{
	unsigned int n_endpoints;

	ASSERT_TRUE(run_traced(&n_endpoints));
	EXPECT_EQ(0, n_endpoints);
	EXPECT_LT(0, count_socket_messages(TRACE "1"));
	EXPECT_LT(0, count_socket_messages(TRACE "2"));
}

#else

TEST_F(dpdk, all_that_by_mpipc_and_nothing_by_sockets)
{
	unsigned int n_endpoints;

	ASSERT_TRUE(run_traced(&n_endpoints));
	EXPECT_EQ(2, n_endpoints);
	EXPECT_EQ(0, count_socket_messages(TRACE "1"));
	EXPECT_EQ(0, count_socket_messages(TRACE "2"));
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

TEST_F(dpdk, the_threads_of_mpipc_run_where_that_of_dpdk_does)
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

TEST_F(dpdk, a_stopped_secondary_does_not_keep_another_from_its_32_devices)
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

TEST_F(dpdk, a_stopped_secondary_holds_up_the_memory_of_others_until_it_times_out)
{
	struct process *primary = start_primary(2), *secondary;
	__u64 begin;

	ASSERT_NE(NULL, primary);
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	ASSERT_TRUE(attach(primary, LARGE_DEVICE, 2));
	kill(secondary->pid, SIGSTOP);
	/* DPDK lets nobody use memory that one process does not have. */
	begin = now_ns();
	type(primary, "port start 2");
	EXPECT_TRUE(expect(primary, "Fail to configure port 2 tx queues"));
	EXPECT_GT(30 * 1000 * NSEC_PER_MSEC, now_ns() - begin);
	kill(secondary->pid, SIGCONT);
	EXPECT_TRUE(has_ports(secondary, 3));
	EXPECT_TRUE(start_port(primary, 2));
	EXPECT_TRUE(have_same_pages(primary, secondary));
}

TEST_F(dpdk, a_preloaded_secondary_of_a_native_primary_is_native)
{
	struct process *primary, *secondary;

	preload = NULL;
	primary = start_primary(2);
	ASSERT_NE(NULL, primary);
	preload = self->library;
	secondary = start_secondary();
	ASSERT_NE(NULL, secondary);
	EXPECT_TRUE(has_ports(secondary, 2));
	EXPECT_TRUE(attach(secondary, "net_null6", 2));
	EXPECT_EQ(0, count_endpoints());
}

/* Count the names of sockets of secondaries. */
static int count_sockets(void)
{
	glob_t found;
	int n = glob("/var/run/dpdk/rte/mp_socket_*", 0, NULL, &found) ? 0 : found.gl_pathc;

	if (n)
		globfree(&found);
	return n;
}

/* Start a secondary that is not preloaded. */
static struct process *start_native(void)
{
	const char *library = preload;
	struct process *self;

	preload = NULL;
	self = start_secondary();
	preload = library;
	return self;
}

TEST_F(dpdk, proc_info_need_not_be_preloaded)
{
	struct process *tool;

	ASSERT_NE(NULL, start_primary(2));
	preload = NULL;
	tool = start_tool("dpdk-proc-info", "--stats");
	EXPECT_TRUE(expect(tool, "NIC statistics for port 1"));
	EXPECT_EQ(0, end(tool));
	EXPECT_EQ(0, count_sockets());
}

TEST_F(dpdk, pdump_need_not_be_preloaded)
{
	struct process *primary = start_primary(2);

	ASSERT_NE(NULL, primary);
	preload = NULL;
	EXPECT_TRUE(captures(primary));
}

TEST_F(dpdk, members_of_both_kinds_have_the_same_devices_and_memory)
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

TEST_F(dpdk, a_secondary_in_a_network_namespace_of_its_own_is_on_mpipc)
{
	struct process *primary = start_primary(2), *secondary;

	ASSERT_NE(NULL, primary);
	new_namespaces = CLONE_NEWNET;
	secondary = start_secondary();
	new_namespaces = 0;
	ASSERT_NE(NULL, secondary);
	EXPECT_EQ(2, count_endpoints());
	EXPECT_TRUE(attach(primary, LARGE_DEVICE, 2));
	EXPECT_TRUE(start_port(primary, 2));
	EXPECT_TRUE(has_ports(secondary, 3));
	EXPECT_TRUE(have_same_pages(primary, secondary));
}

TEST_F(dpdk, a_native_secondary_in_a_network_namespace_of_its_own_is_served)
{
	struct process *primary = start_primary(2), *secondary;

	ASSERT_NE(NULL, primary);
	new_namespaces = CLONE_NEWNET;
	secondary = start_native();
	new_namespaces = 0;
	ASSERT_NE(NULL, secondary);
	EXPECT_TRUE(attach(primary, LARGE_DEVICE, 2));
	EXPECT_TRUE(start_port(primary, 2));
	EXPECT_TRUE(has_ports(secondary, 3));
	EXPECT_TRUE(have_same_pages(primary, secondary));
}

TEST_F(dpdk, without_the_device_all_are_native)
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
}

#endif

TEST_HARNESS_MAIN
