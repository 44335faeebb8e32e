// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of groups of which one process is stopped, or is killed while others wait for it.
 *
 * DPDK attaches a device, and adds memory, only in all processes or in none. It waits 5 s for the
 * replies of all, and then as long for their replies that they have undone it.
 */
#include "harness.h"

#include "member.h"

#include <sys/mount.h>
#include <sys/stat.h>

/* DPDK waits for so long, and a slow machine takes so much longer. */
#define DPDK_TIMEOUT_MS	5000
#define SLOW_MS		25000

FIXTURE(trouble)
{
	struct process *primary, *secondary, *other;
};

/* These are what all processes are waited for. */
static const struct {
	const char *command, *done, *failed, *undo, *undone;
} works[] = {
	{ "attach net_null5", "= attached 0", "= attached -", "detach net_null5", "= detached 0" },
	{ "grow", "= at 0x", "= at (nil)", "shrink", "= free" },
};

FIXTURE_SETUP(trouble)
{
	begin();
	self->primary = start_member(true, 0);
	ASSERT_NE(NULL, self->primary);
	self->secondary = start_member(false, 0);
	ASSERT_NE(NULL, self->secondary);
	self->other = start_member(false, 0);
	ASSERT_NE(NULL, self->other);
}

FIXTURE_TEARDOWN(trouble)
{
	kill_processes();
}

/* Do something, and return the milliseconds until this text. -1 means that it did not come. */
static int take(struct process *self, const char *command, const char *text)
{
	__u64 begin = now_ns();

	return does(self, command, text) ? (int)((now_ns() - begin) / NSEC_PER_MSEC) : -1;
}

/*
 * Repeat work until it succeeds. A process that was stopped still has to do, and to undo, what was
 * asked of it before, and nothing says when it has.
 */
static bool succeeds_at_last(struct process *self, unsigned int work)
{
	__u64 deadline = in_ms(PATIENCE_MS);
	const char *done = works[work].done;
	size_t begin;

	do {
		if (!does(self, works[work].command, "= at"))
			return false;
		begin = self->seen - strlen("= at");
		if (!expect(self, "\n"))
			return false;
		if (!strncmp(self->log + begin, done, strlen(done)))
			return does(self, works[work].undo, works[work].undone);
	} while (listen_until(in_ms(50)) && now_ns() < deadline);
	return false;
}

TEST_F(trouble, what_a_stopped_secondary_has_to_do_fails_after_twice_5_seconds_and_works_later)
{
	unsigned int i;
	int ms;

	for (i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		kill(self->secondary->pid, SIGSTOP);
		ms = take(self->primary, works[i].command, works[i].failed);
		EXPECT_LE(2 * DPDK_TIMEOUT_MS, ms);
		EXPECT_GT(2 * DPDK_TIMEOUT_MS + SLOW_MS, ms);
		kill(self->secondary->pid, SIGCONT);
		ASSERT_TRUE(does(self->secondary, "request", "= returned 0, 1 replies of 1"));
		ASSERT_TRUE(succeeds_at_last(self->primary, i));
	}
}

TEST_F(trouble, others_do_without_a_stopped_secondary_what_it_has_no_part_in)
{
	kill(self->secondary->pid, SIGSTOP);
	EXPECT_TRUE(does(self->other, "request", "= returned 0, 1 replies of 1"));
	EXPECT_NE(NULL, start_member(false, 0));
}

TEST_F(trouble, a_secondary_that_was_killed_before_is_not_waited_for)
{
	unsigned int i;
	int ms;

	kill_process(self->secondary);
	/* DPDK's own IPC fails once, because it finds the socket of that process gone. */
	if (!primary_library[0]) {
		ASSERT_TRUE(does(self->primary, "attach net_null5", "= attached "));
		ASSERT_TRUE(does(self->primary, "detach net_null5", "= detached "));
	}
	for (i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		ms = take(self->primary, works[i].command, works[i].done);
		ASSERT_LE(0, ms);
		EXPECT_GT(DPDK_TIMEOUT_MS, ms);
		ASSERT_TRUE(does(self->primary, works[i].undo, works[i].undone));
	}
}

TEST_F(trouble, a_secondary_that_is_killed_meanwhile_is_not_waited_for_on_mpipc)
{
	bool on_mpipc = count_on_mpipc() == 2;
	int ms;

	ASSERT_TRUE(does(self->secondary, "die", "= dying 0"));
	ms = take(self->primary, "grow", on_mpipc ? "= at 0x" : "= at (nil)");
	ASSERT_LE(on_mpipc ? 0 : DPDK_TIMEOUT_MS, ms);
	EXPECT_GT(on_mpipc ? DPDK_TIMEOUT_MS : DPDK_TIMEOUT_MS + SLOW_MS, ms);
	EXPECT_EQ(128 + SIGKILL, end(self->secondary));
	/* Then it is not there any more, for anybody. */
	EXPECT_TRUE(does(self->primary, "shrink", "= free"));
	EXPECT_TRUE(shares_memory(self->primary, self->other));
}

#define CGROUPS "/tmp/hugetlb"

static bool write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	bool ok = file && fputs(text, file) >= 0;

	return file && !fclose(file) && ok;
}

/* Make a control group whose processes get no huge pages. */
static bool make_cgroup(void)
{
	mkdir(CGROUPS, 0755);
	if (mount("none", CGROUPS, "cgroup", 0, "hugetlb"))
		return false;
	return !mkdir(CGROUPS "/poor", 0755) &&
	       write_file(CGROUPS "/poor/hugetlb.2MB.limit_in_bytes", "0");
}

static void remove_cgroup(void)
{
	rmdir(CGROUPS "/poor");
	umount(CGROUPS);
}

/* DPDK takes a page by a look at it. If there is none, it recovers from the SIGBUS. */
TEST_F(trouble, a_primary_that_gets_no_memory_for_a_secondary_says_so_and_goes_on)
{
	char pid[16];
	bool made = make_cgroup();

	if (!made && (errno == EINVAL || errno == ENODEV || errno == EBUSY))
		SKIP(return, "this kernel has no control groups of huge pages");
	ASSERT_TRUE(made);
	sprintf(pid, "%d", (int)self->primary->pid);
	ASSERT_TRUE(write_file(CGROUPS "/poor/cgroup.procs", pid));
	EXPECT_TRUE(does(self->secondary, "grow", "= at (nil)"));
	EXPECT_TRUE(does(self->primary, "ports", "= 2 ports"));
	ASSERT_TRUE(write_file(CGROUPS "/cgroup.procs", pid));
	EXPECT_TRUE(shares_memory(self->secondary, self->primary));
	remove_cgroup();
}

TEST_HARNESS_MAIN
