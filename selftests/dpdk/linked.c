// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of DPDK programs that LD_PRELOAD does not reach, or reaches in part: those that are linked
 * with DPDK statically, and those that load DPDK while they run. They meet with a program that is
 * preloaded, and with one that is native. MPIPC_PRELOAD names the library.
 */
#include "harness.h"

#include "process.h"

/* The programs, and how they are linked with DPDK. */
#define STATIC	"linked_static"
#define SHARED	"linked_shared"
#define HOST	"linked_host"

/* Start a program with @plugin, which may be NULL, as its first argument. */
static struct process *start_app(const char *preload, const char *name, const char *plugin,
				 const char *type)
{
	const char *argv[16] = { name };
	const char *const options[] = {
		"-l", "0", "--no-pci", "--no-telemetry", "--log-level=3", type,
		"--file-prefix=linked", NULL,
	};

	if (plugin)
		argv[1] = plugin;
	memcpy(argv + 1 + !!plugin, options, sizeof(options));
	return start(preload, argv);
}

static const char *const route_names[] = {
	[0] = "is on mpipc, as the primary",
	[1] = "is on mpipc, as a secondary",
};

/* Wait until the program is ready, and on mpipc. */
static bool is_on_mpipc(struct process *self, bool secondary)
{
	return expect(self, route_names[secondary]) && expect(self, "ready");
}

static bool returns(struct process *self, const char *command, int result)
{
	char text[32];

	type(self, command);
	sprintf(text, "done %d\r", result);
	return expect(self, text);
}

/* Have devices and memory of each side appear on the other, whose processes are @n secondaries. */
static bool work_together(struct process *primary, struct process *secondary, int n)
{
	return returns(secondary, "ask", 1) && returns(primary, "ask", n) &&
	       returns(primary, "attach net_null0", 0) && returns(secondary, "ports", 1) &&
	       returns(secondary, "attach net_null1", 0) && returns(primary, "ports", 2) &&
	       returns(primary, "grow", n) && returns(secondary, "grow", 1);
}

static bool quits(struct process *self)
{
	type(self, "quit");
	return !end(self);
}

FIXTURE(linked)
{
	const char *library;
};

FIXTURE_SETUP(linked)
{
	if (system("rm -rf /var/run/dpdk/linked /dev/hugepages/*"))
		abort();
	self->library = getenv("MPIPC_PRELOAD");
	ASSERT_NE(NULL, self->library);
	setenv("MPIPC_LOG", "1", 1);
}

FIXTURE_TEARDOWN(linked)
{
	kill_processes();
}

TEST_F(linked, a_static_primary_and_a_preloaded_secondary_work_together)
{
	struct process *primary, *secondary;

	primary = start_app(NULL, STATIC, NULL, "--proc-type=primary");
	ASSERT_TRUE(is_on_mpipc(primary, false));
	secondary = start_app(self->library, SHARED, NULL, "--proc-type=secondary");
	ASSERT_TRUE(is_on_mpipc(secondary, true));
	EXPECT_TRUE(work_together(primary, secondary, 1));
	EXPECT_TRUE(quits(secondary));
	EXPECT_TRUE(quits(primary));
}

TEST_F(linked, a_preloaded_primary_and_a_static_secondary_work_together)
{
	struct process *primary, *secondary;

	primary = start_app(self->library, SHARED, NULL, "--proc-type=primary");
	ASSERT_TRUE(is_on_mpipc(primary, false));
	secondary = start_app(NULL, STATIC, NULL, "--proc-type=secondary");
	ASSERT_TRUE(is_on_mpipc(secondary, true));
	EXPECT_TRUE(work_together(primary, secondary, 1));
	EXPECT_TRUE(quits(secondary));
	EXPECT_TRUE(quits(primary));
}

TEST_F(linked, a_static_primary_serves_native_members)
{
	struct process *primary, *native, *secondary;

	primary = start_app(NULL, STATIC, NULL, "--proc-type=primary");
	ASSERT_TRUE(is_on_mpipc(primary, false));
	native = start_app(NULL, SHARED, NULL, "--proc-type=secondary");
	ASSERT_TRUE(expect(native, "ready"));
	secondary = start_app(NULL, STATIC, NULL, "--proc-type=secondary");
	ASSERT_TRUE(is_on_mpipc(secondary, true));
	EXPECT_TRUE(work_together(primary, native, 2));
	EXPECT_TRUE(returns(secondary, "ports", 2));
}

TEST_F(linked, static_processes_are_native_without_the_device)
{
	struct process *primary, *secondary;

	setenv("MPIPC_DEVICE", "/dev/no-such-device", 1);
	primary = start_app(NULL, STATIC, NULL, "--proc-type=primary");
	ASSERT_TRUE(expect(primary, "uses DPDK's own IPC"));
	ASSERT_TRUE(expect(primary, "ready"));
	secondary = start_app(NULL, STATIC, NULL, "--proc-type=secondary");
	ASSERT_TRUE(expect(secondary, "uses DPDK's own IPC"));
	ASSERT_TRUE(expect(secondary, "ready"));
	EXPECT_TRUE(work_together(primary, secondary, 1));
}

TEST_F(linked, plugins_with_dpdk_are_on_mpipc_however_it_is_linked)
{
	struct process *primary, *secondary;

	/* The preloaded library does not come between a DPDK and its static library. */
	primary = start_app(self->library, HOST, "linked_static.so", "--proc-type=primary");
	ASSERT_TRUE(is_on_mpipc(primary, false));
	secondary = start_app(self->library, HOST, "linked_shared.so", "--proc-type=secondary");
	ASSERT_TRUE(is_on_mpipc(secondary, true));
	EXPECT_TRUE(work_together(primary, secondary, 1));
	EXPECT_TRUE(quits(secondary));
	EXPECT_TRUE(quits(primary));
}

TEST_F(linked, a_program_that_looks_functions_up_by_a_handle_is_native_and_gets_replies)
{
	struct process *primary, *secondary;

	primary = start_app(self->library, SHARED, NULL, "--proc-type=primary");
	ASSERT_TRUE(is_on_mpipc(primary, false));
	secondary = start_app(self->library, HOST, "librte_eal.so.23", "--proc-type=secondary");
	EXPECT_TRUE(expect(secondary, "uses DPDK's own IPC"));
	EXPECT_TRUE(expect(secondary, "RTLD_DEFAULT"));
	EXPECT_TRUE(expect(secondary, "done 1"));
	EXPECT_EQ(0, end(secondary));
}

TEST_HARNESS_MAIN
