/* SPDX-License-Identifier: GPL-2.0-only */
/* This header holds the fixture of most tests of anchored groups: a directory for the groups. */
#ifndef MPIPC_SELFTESTS_ANCHOR_DIR_H
#define MPIPC_SELFTESTS_ANCHOR_DIR_H

#include <stdlib.h>

#include "anchor.h"

FIXTURE(anchor)
{
	char path[64];
	int dir;
};

/* The directory is in a mount of its own, and goes with it. */
FIXTURE_SETUP(anchor)
{
	snprintf(self->path, sizeof(self->path), "/tmp/mpipc-anchor.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->path));
	ASSERT_EQ(0, mount("anchor", self->path, "tmpfs", 0, "mode=0755"));
	self->dir = open(self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, self->dir);
}

FIXTURE_TEARDOWN(anchor)
{
	close(self->dir);
	EXPECT_EQ(0, umount2(self->path, MNT_DETACH));
	EXPECT_EQ(0, rmdir(self->path));
}

#endif /* MPIPC_SELFTESTS_ANCHOR_DIR_H */
