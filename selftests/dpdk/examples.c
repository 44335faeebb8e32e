// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of DPDK's examples of several processes, built as Debian's package dpdk-doc has them. As
 * in programs.c, the same is asked of every route.
 */
#include "harness.h"

#include "process.h"
#include "route.h"

#define EAL_OPTIONS	"--no-pci", "--no-telemetry"

FIXTURE(examples)
{
};

FIXTURE_SETUP(examples)
{
	begin();
}

FIXTURE_TEARDOWN(examples)
{
	kill_processes();
}

/* Wait until the program prints this text and a number that is not 0 in the same line. */
static bool expect_number(struct process *self, const char *text)
{
	__u64 deadline = in_ms(PATIENCE_MS);
	size_t number;

	while (expect(self, text) && now_ns() < deadline) {
		number = self->seen;
		if (expect(self, "\n") && strtoull(self->log + number, NULL, 10))
			return true;
	}
	return false;
}

static struct process *start_simple(const char *type)
{
	const char *const argv[] = { "simple_mp", "-l", "0,1", EAL_OPTIONS, type, NULL };
	bool primary = !strcmp(type, "--proc-type=primary");
	struct process *self = start(primary ? primary_library : secondary_library, argv);

	/* The prompt is written a character at a time, and a worker prints among them. */
	return expect(self, "Finished Process Init") ? self : NULL;
}

TEST_F(examples, simple_mp_sends_both_ways)
{
	struct process *primary = start_simple("--proc-type=primary"), *secondary;

	ASSERT_NE(NULL, primary);
	secondary = start_simple("--proc-type=secondary");
	ASSERT_NE(NULL, secondary);
	type(primary, "send down");
	EXPECT_TRUE(expect(secondary, "Received 'down'"));
	type(secondary, "send up");
	EXPECT_TRUE(expect(primary, "Received 'up'"));
	type(secondary, "quit");
	EXPECT_EQ(0, end(secondary));
	secondary = start_simple("--proc-type=secondary");
	ASSERT_NE(NULL, secondary);
	type(primary, "send again");
	EXPECT_TRUE(expect(secondary, "Received 'again'"));
	type(secondary, "quit");
	EXPECT_EQ(0, end(secondary));
	type(primary, "quit");
	EXPECT_EQ(0, end(primary));
}

static struct process *start_symmetric(bool primary)
{
	const char *const argv[] = {
		"symmetric_mp", "-l", primary ? "0" : "1", EAL_OPTIONS, "--proc-type=auto",
		primary ? "--vdev=net_null0" : "--log-level=notice",
		primary ? "--vdev=net_null1" : "--log-level=notice",
		"--", "-p", "3", "--num-procs=2", primary ? "--proc-id=0" : "--proc-id=1", NULL
	};
	struct process *self = start(primary ? primary_library : secondary_library, argv);

	return expect(self, "of each port") ? self : NULL;
}

/* Return how many ticks of a processor a process has used. */
static unsigned long ticks_of(const struct process *self)
{
	unsigned long user = 0, kernel = 0;
	char path[32];
	FILE *file;

	sprintf(path, "/proc/%d/stat", (int)self->pid);
	file = fopen(path, "r");
	if (file && fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			   &user, &kernel) != 2)
		user = kernel = 0;
	if (file)
		fclose(file);
	return user + kernel;
}

/* Let a process run, however busy the machine is. It never sleeps, and prints nothing. */
static void let_run(const struct process *self)
{
	unsigned long end = ticks_of(self) + sysconf(_SC_CLK_TCK);
	__u64 deadline = in_ms(PATIENCE_MS);

	while (ticks_of(self) < end && now_ns() < deadline)
		listen_until(in_ms(50));
}

/* Interrupt a process that forwards packets, and check that both of its ports had some. */
static bool has_forwarded(struct process *self)
{
	kill(self->pid, SIGINT);
	return expect_number(self, "Port 0: RX - ") && expect_number(self, "Port 1: RX - ") &&
	       !end(self);
}

TEST_F(examples, symmetric_mp_forwards_in_both_processes)
{
	struct process *primary = start_symmetric(true), *secondary;

	ASSERT_NE(NULL, primary);
	secondary = start_symmetric(false);
	ASSERT_NE(NULL, secondary);
	let_run(secondary);
	EXPECT_TRUE(has_forwarded(secondary));
	EXPECT_TRUE(has_forwarded(primary));
}

static struct process *start_client(void)
{
	const char *const argv[] = {
		"mp_client", "-l", "1", EAL_OPTIONS, "--proc-type=secondary", "--", "-n", "0", NULL
	};
	struct process *self = start(secondary_library, argv);

	return expect(self, "Client process 0 handling packets") ? self : NULL;
}

TEST_F(examples, the_clients_of_client_server_mp_get_packets)
{
	const char *const argv[] = {
		"mp_server", "-l", "0,1", EAL_OPTIONS, "--proc-type=primary", "--vdev=net_null0",
		"--vdev=net_null1", "--", "-p", "3", "-n", "1", NULL
	};
	struct process *server, *client;

	server = start(primary_library, argv);
	ASSERT_TRUE(expect(server, "displaying statistics"));
	client = start_client();
	ASSERT_NE(NULL, client);
	EXPECT_TRUE(expect_number(server, " tx: "));
	EXPECT_EQ(128 + SIGKILL, kill_process(client));
	ASSERT_NE(NULL, start_client());
	EXPECT_TRUE(expect_number(server, " tx: "));
}

static struct process *start_hotplug(const char *type)
{
	const char *const argv[] = { "hotplug_mp", "-l", "0", EAL_OPTIONS, type, NULL };
	bool primary = !strcmp(type, "--proc-type=primary");
	struct process *self = start(primary ? primary_library : secondary_library, argv);

	return expect(self, "example> ") ? self : NULL;
}

static bool does(struct process *self, const char *line, const char *text)
{
	type(self, line);
	return expect(self, text);
}

TEST_F(examples, hotplug_mp_attaches_and_detaches_from_both_sides)
{
	struct process *primary = start_hotplug("--proc-type=primary"), *secondary;

	ASSERT_NE(NULL, primary);
	secondary = start_hotplug("--proc-type=secondary");
	ASSERT_NE(NULL, secondary);
	EXPECT_TRUE(does(primary, "attach net_null1", "attached device net_null1"));
	EXPECT_TRUE(does(secondary, "list", "0\tnet_null1"));
	EXPECT_TRUE(does(secondary, "attach net_null2", "attached device net_null2"));
	EXPECT_TRUE(does(primary, "list", "1\tnet_null2"));
	EXPECT_TRUE(does(secondary, "detach net_null1", "detached device net_null1"));
	EXPECT_TRUE(does(primary, "detach net_null2", "detached device net_null2"));
	/* The name is free again, and nobody waits for a process that is dead. */
	EXPECT_EQ(128 + SIGKILL, kill_process(secondary));
	EXPECT_TRUE(does(primary, "attach net_null1", "attached device net_null1"));
	secondary = start_hotplug("--proc-type=secondary");
	ASSERT_NE(NULL, secondary);
	EXPECT_TRUE(does(secondary, "list", "0\tnet_null1"));
	EXPECT_TRUE(does(secondary, "detach net_null1", "detached device net_null1"));
	type(secondary, "quit");
	EXPECT_EQ(0, end(secondary));
	type(primary, "quit");
	EXPECT_EQ(0, end(primary));
}

TEST_HARNESS_MAIN
