/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This header holds what the tests of mailboxes share: a primary and a secondary with small
 * mailboxes.
 */
#ifndef MPIPC_SELFTESTS_MAILBOX_H
#define MPIPC_SELFTESTS_MAILBOX_H

#include "device.h"
#include "harness.h"
#include "message.h"
#include "parameter.h"

#define SPACE 4 /* messages that fit into the mailboxes of these tests */

/* A program that includes this header need not use the fixture. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
FIXTURE(mailbox)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	int secondary;
	__u64 id;		/* of the secondary */
	struct mpipc_record record;
	char data[64];
};

FIXTURE_SETUP(mailbox)
{
	group_name(self->group, _metadata->name);
	self->primary = open_small(self->group, MPIPC_PRIMARY, 0, SPACE);
	ASSERT_LE(0, self->primary);
	self->secondary = open_small(self->group, MPIPC_SECONDARY, 0, SPACE);
	ASSERT_LE(0, self->secondary);
	self->id = endpoint_id(self->secondary);
}

FIXTURE_TEARDOWN(mailbox)
{
	close(self->secondary);
	close(self->primary);
}

#pragma GCC diagnostic pop

static inline int send_up(int fd, const char *name)
{
	return send_msg(fd, MPIPC_TO_PRIMARY, name, NULL, 0);
}

/* Fill the mailbox of the primary of a secondary. */
static inline int fill_up(int fd)
{
	for (int i = 0; i < SPACE; i++) {
		int err = send_up(fd, "fill");

		if (err)
			return err;
	}
	return 0;
}

/* Take records until there are none. Return -EIO if their number is not @expected. */
static inline int drain(int fd, int expected)
{
	struct mpipc_record record;
	int n = 0;

	while (!recv_msg(fd, &record, NULL, 0))
		n++;
	return n == expected ? 0 : -EIO;
}

/* Waiting for space */

static inline struct mpipc_send_args send_until(__u64 to, __u64 deadline)
{
	struct mpipc_send_args send = {
		.to = to,
		.deadline = deadline,
		.body = make_body("waited", NULL, 0, NULL, 0),
	};

	return send;
}

static inline void nothing(int signal)
{
	(void)signal;
}

#endif /* MPIPC_SELFTESTS_MAILBOX_H */
