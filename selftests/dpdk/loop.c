// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests that secondaries can start and end at any time. ROUNDS in the environment says how often.
 */
#include "harness.h"

#include "member.h"

#include <signal.h>

#define DEFAULT_ROUNDS	6

/* A round that hangs is noticed after PATIENCE_MS. There may be many rounds. */
#define TIMEOUT_SECONDS	(24 * 60 * 60)

FIXTURE(loop)
{
};

FIXTURE_SETUP(loop)
{
	begin();
}

FIXTURE_TEARDOWN(loop)
{
	kill_processes();
}

static unsigned int rounds(void)
{
	const char *text = getenv("ROUNDS");

	return text && text[0] ? strtoul(text, NULL, 10) : DEFAULT_ROUNDS;
}

/* Run dpdk-proc-info, which has to end by itself. */
static int run_proc_info(struct process **tool)
{
	const char *const argv[] = {
		"dpdk-proc-info", "--no-pci", "--no-telemetry", "--", "--stats", NULL
	};

	*tool = start(secondary_library, argv);
	return end(*tool);
}

/*
 * Run dpdk-pdump, which asks the primary for memory, and interrupt it when it captures. Without
 * an option it wants memory for 65535 packets, which takes three times as long.
 */
static int run_pdump(struct process **tool)
{
	const char *const argv[] = {
		"dpdk-pdump", "--no-pci", "--no-telemetry", "--", "--pdump",
		"port=0,queue=*,rx-dev=/tmp/capture,total-num-mbufs=2048", NULL
	};

	*tool = start(secondary_library, argv);
	expect(*tool, "capture for (1) tuples");
	kill((*tool)->pid, SIGINT);
	return end(*tool);
}

/* Start a primary whose memory changes all the time. */
static struct process *start_churning(void)
{
	struct process *primary = start_member(true, 0);

	return primary && does(primary, "start", "= started") &&
	       does(primary, "churn", "= churning 0") ? primary : NULL;
}

/* Check whether a tool says that DPDK did not wait any longer for the primary. */
static bool has_given_up(const struct process *tool)
{
	return strstr(tool->log, "Request timed out") || strstr(tool->log, "no reply in time") ||
	       strstr(tool->log, "Fail to recv reply");
}

/*
 * Note how a tool has ended. DPDK gives up after 5 s, and a tool fails then, because the machine is
 * slow. It may also die or hang then, natively, too (see doc/decisions.md). Otherwise it must not.
 */
static bool note(struct process *tool, unsigned int round, int status, __u64 begin)
{
	fprintf(stderr, "# round %u ended with %d after %llu ms\n", round, status,
		(now_ns() - begin) / NSEC_PER_MSEC);
	if (!status)
		return true;
	fprintf(stderr, "#    ");
	show_log(tool);
	return status == EXIT_FAILURE || has_given_up(tool);
}

TEST_F_TIMEOUT(loop, secondaries_start_and_end_while_memory_comes_and_goes, TIMEOUT_SECONDS)
{
	unsigned int n = rounds(), i, n_failed = 0, n_died = 0, n_allocated = 0, n_refused = 0;
	struct process *primary = start_churning(), *tool;
	__u64 begin_ns;
	int status;

	ASSERT_NE(NULL, primary);
	for (i = 0; i < n; i++) {
		begin_ns = now_ns();
		status = i % 2 ? run_pdump(&tool) : run_proc_info(&tool);
		EXPECT_TRUE(note(tool, i, status, begin_ns));
		if (!status)
			continue;
		n_failed++;
		n_died += status != EXIT_FAILURE;
		/* Such a tool may have damaged the heap, which the group shares. */
		kill_processes();
		begin();
		primary = start_churning();
		ASSERT_NE(NULL, primary);
	}
	ASSERT_TRUE(does(primary, "calm", "= allocated "));
	sscanf(primary->log + primary->seen, "%u, failed %u", &n_allocated, &n_refused);
	fprintf(stderr, "# %u of %u tools failed, %u of them died or hung\n", n_failed, n, n_died);
	fprintf(stderr, "# %u of %u allocations failed\n", n_refused, n_allocated + n_refused);
	EXPECT_LT(0, n_allocated);
	EXPECT_EQ(0, run_proc_info(&tool));
	EXPECT_EQ(0, run_pdump(&tool));
}

TEST_HARNESS_MAIN
