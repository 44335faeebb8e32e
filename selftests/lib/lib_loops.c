// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the examples of event loops, which are next to this program. */
#include "child.h"
#include "fd.h"
#include "harness.h"
#include "lib_mpipc.h"

#include <libgen.h>
#include <linux/limits.h>

#include <mpipc.h>

FIXTURE(loop)
{
	char group[MPIPC_GROUP_MAX];
	char path[PATH_MAX];
};

FIXTURE_VARIANT(loop)
{
	const char *program;
};

FIXTURE_VARIANT_ADD(loop, epoll)
{
	.program = "loop_epoll",
};

FIXTURE_VARIANT_ADD(loop, uring)
{
	.program = "loop_uring",
};

FIXTURE_VARIANT_ADD(loop, uv)
{
	.program = "loop_uv",
};

FIXTURE_VARIANT_ADD(loop, glib)
{
	.program = "loop_glib",
};

FIXTURE_VARIANT_ADD(loop, sdevent)
{
	.program = "loop_sdevent",
};

FIXTURE_SETUP(loop)
{
	ssize_t len = readlink("/proc/self/exe", self->path, sizeof(self->path) - 32);

	ASSERT_LT(0, len);
	self->path[len] = '\0';
	dirname(self->path);
	strcat(self->path, "/");
	strcat(self->path, variant->program);
	group_name(self->group, variant->program);
}

FIXTURE_TEARDOWN(loop)
{
}

/* More requests than one call of mpipc_dispatch() handles, all at once. */
TEST_F(loop, an_event_loop_replies_to_all_that_comes)
{
	struct results results = { 0 };
	struct mpipc *secondary;
	struct child child;
	int i;

	if (access(self->path, X_OK))
		SKIP(return, "its package was not there when the examples were built");
	if (!fork_child(&child)) {
		execl(self->path, self->path, self->group, NULL);
		_exit(127);
	}
	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, NULL, NULL));
	for (i = 0; i < 200; i++)
		ASSERT_EQ(1, mpipc_call_async(secondary, MPIPC_TO_PRIMARY, "x", "abc", 4,
					      MPIPC_WAIT_FOREVER, NULL, count_results, &results,
					      NULL));
	while (results.last < 200)
		ASSERT_LT(0, mpipc_dispatch(secondary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(0, results.status);
	child_kill(&child);
	mpipc_close(secondary);
}

TEST_HARNESS_MAIN
