// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of processes of DPDK in all combinations of new network, pid, mount and user namespaces, as
 * containers have them. A secondary gets the devices, is replied to, and reads memory that was
 * there before it and memory that came later, from both sides.
 */
#include "harness.h"

#include "member.h"

static const struct {
	int kind;
	const char *name;
} kinds[] = {
	{ CLONE_NEWNET, "net" },
	{ CLONE_NEWPID, "pid" },
	{ CLONE_NEWNS, "mount" },
	{ CLONE_NEWUSER, "user" },
};

#define N_KINDS		4
#define N_COMBINATIONS	(1 << N_KINDS)

/* Return the flags of a combination, which is a number with a bit for each kind. */
static int flags_of(unsigned int combination)
{
	int flags = 0;
	unsigned int i;

	for (i = 0; i < N_KINDS; i++)
		if (combination & 1 << i)
			flags |= kinds[i].kind;
	return flags;
}

static void print_row(const char *who, unsigned int combination)
{
	unsigned int i;

	fprintf(stderr, "# %s in new namespaces:", who);
	for (i = 0; i < N_KINDS; i++)
		if (combination & 1 << i)
			fprintf(stderr, " %s", kinds[i].name);
	fprintf(stderr, "\n");
}

/* Run a secondary against the primary to its end. */
static bool visits(struct process *primary, unsigned int combination)
{
	struct process *secondary = start_member(false, flags_of(combination));
	bool good = secondary && shares_memory(primary, secondary) &&
		    shares_memory(secondary, primary) && belong_together(primary, secondary);

	if (!good) {
		print_row("failed: a secondary", combination);
		return false;
	}
	/* The memory of one goes back to the other, in one order and in the other. */
	good = does(secondary, "shrink", "= free") && does(primary, "shrink", "= free");
	type(secondary, "quit");
	return !end(secondary) && good;
}

FIXTURE(containers)
{
};

FIXTURE_SETUP(containers)
{
	begin();
}

FIXTURE_TEARDOWN(containers)
{
	kill_processes();
}

TEST_F(containers, a_secondary_in_any_namespaces_belongs_to_its_primary)
{
	struct process *primary = start_member(true, 0);
	unsigned int i;

	ASSERT_NE(NULL, primary);
	for (i = 0; i < N_COMBINATIONS; i++)
		ASSERT_TRUE(visits(primary, i));
}

/* Run a primary and a secondary, each in a combination of its own. */
static bool meet(unsigned int of_primary, unsigned int of_secondary)
{
	struct process *primary = start_member(true, flags_of(of_primary));
	bool good = primary && visits(primary, of_secondary);

	if (!good)
		print_row("failed: its primary", of_primary);
	kill_processes();
	return good;
}

/* The secondary is in new namespaces of exactly the kinds of which the primary is not. */
TEST_F(containers, a_primary_in_any_namespaces_has_its_secondary)
{
	unsigned int i;

	for (i = 1; i < N_COMBINATIONS; i++)
		ASSERT_TRUE(meet(i, ~i));
}

TEST_F(containers, both_in_namespaces_of_their_own_belong_together)
{
	EXPECT_TRUE(meet(N_COMBINATIONS - 1, N_COMBINATIONS - 1));
}

TEST_HARNESS_MAIN
