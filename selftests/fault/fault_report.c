// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of looking at members and groups, when each thing fails in turn.
 *
 * Promise: P1
 */
#include "device.h"
#include "fault.h"
#include "harness.h"

/* Listings */

TEST_FAULT(info_reports_all_or_nothing)
{
	struct mpipc_info plain, info;

	ASSERT_EQ(0, get_info(self->primary, &plain));
	FOR_EACH_FAULT(fault) {
		int ret = WITH_FAULT(fault, get_info(self->primary, &info));

		expect_clean(_metadata, &fault, ret);
		if (!ret)
			EXPECT_EQ(0, memcmp(&plain, &info, sizeof(info)));
	}
}

#define MANY 100

/* Open so many members that their listings take several pages. */
static void open_many(struct __test_metadata *_metadata, const char *group, int *members)
{
	for (int i = 0; i < MANY; i++) {
		members[i] = open_secondary(group);
		ASSERT_LE(0, members[i]);
	}
}

static void close_many(const int *members)
{
	for (int i = 0; i < MANY; i++)
		close(members[i]);
}

TEST_FAULT(peers_are_all_listed_or_none)
{
	struct mpipc_peer plain[MANY + SECONDARIES + 1] = { }, list[ARRAY_SIZE(plain)];
	struct mpipc_peers_args peers = {
		.peers = to_u64(plain),
		.max_peers = ARRAY_SIZE(plain),
		.peer_size = sizeof(*plain),
	};
	int members[MANY];

	open_many(_metadata, self->group, members);
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_PEERS, &peers));
	ASSERT_EQ(ARRAY_SIZE(plain), peers.n_peers);
	peers.peers = to_u64(list);
	FOR_EACH_FAULT(fault) {
		int ret;

		memset(list, 0, sizeof(list));
		ret = WITH_FAULT(fault, do_ioctl(self->primary, MPIPC_PEERS, &peers));
		expect_clean(_metadata, &fault, ret);
		EXPECT_TRUE(ret || !memcmp(plain, list, sizeof(list)));
	}
	close_many(members);
	expect_all_talk(_metadata, self);
}

/* Read the whole file. Return its size or a negative error number. */
static int read_whole(int fd, char *text, size_t size)
{
	int ret, done = 0;

	do {
		ret = do_read(fd, text + done, size - done);
		done += ret;
	} while (ret > 0);
	return ret ?: done;
}

static void try_look(struct __test_metadata *_metadata, const char *path)
{
	static char plain[1 << 16], text[1 << 16];

	FOR_EACH_FAULT(fault) {
		int len, ret, fd = do_open(path, O_RDONLY);

		/* The bystanders have done something since the last fault. */
		len = read_whole(fd, plain, sizeof(plain));
		ASSERT_LT(0, len);
		close(fd);
		fd = do_open(path, O_RDONLY);
		ret = WITH_FAULT(fault, read_whole(fd, text, sizeof(text)));
		close(fd);
		if (ret < 0) {
			expect_clean(_metadata, &fault, ret);
			continue;
		}
		EXPECT_EQ(len, ret);
		EXPECT_EQ(0, memcmp(plain, text, len));
	}
}

TEST_FAULT(listing_is_complete_or_fails)
{
	int members[MANY];

	open_many(_metadata, self->group, members);
	try_look(_metadata, "/proc/net/mpipc");
	close_many(members);
	expect_all_talk(_metadata, self);
}

TEST_FAULT(fdinfo_is_complete_or_fails)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->primary);
	try_look(_metadata, path);
}

TEST_HARNESS_MAIN
