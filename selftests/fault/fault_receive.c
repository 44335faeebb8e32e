// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of receiving, when each thing fails in turn.
 *
 * Promise: P1
 */
#include "child.h"
#include "device.h"
#include "fault.h"
#include "harness.h"
#include "message.h"
#include "wait.h"

/* Receiving */

static void try_receive(struct __test_metadata *_metadata, int from, int to, struct load load,
			__u32 flags)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_send_args send = { .to = MPIPC_TO_PRIMARY };
		struct mpipc_recv_args recv = recv_arg();
		struct load carried = load;
		struct mpipc_record record;
		struct cargo cargo;
		int ret;

		cargo_make(_metadata, &cargo, load);
		send.body = cargo_body(&cargo);
		ASSERT_EQ(0, do_ioctl(from, MPIPC_SEND, &send));
		cargo_let_go(&cargo);
		recv.flags = flags;
		ret = WITH_FAULT(fault, do_ioctl(to, MPIPC_RECV, &recv));
		expect_clean(_metadata, &fault, ret);
		/* The record lacks descriptors only if it was received that way. */
		record = recv.record;
		if (ret)
			ASSERT_EQ(0, receive(to, &record));
		if (flags & MPIPC_RECV_DROP_FDS && !ret)
			carried.n_fds = 0;
		expect_load(_metadata, &fault, &record, carried);
		expect_empty(_metadata, to);
		expect_cargo_gone(_metadata, &cargo);
	}
}

TEST_FAULT(receive_takes_the_message_or_leaves_it)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		try_receive(_metadata, self->secondary[0], self->primary, loads[i], 0);
		try_receive(_metadata, self->secondary[0], self->primary, loads[i],
			    MPIPC_RECV_DROP_FDS);
	}
	expect_all_talk(_metadata, self);
}

TEST_FAULT(receive_of_what_does_not_fit_leaves_it)
{
	struct mpipc_record record;

	ASSERT_EQ(0, send_msg(self->secondary[0], MPIPC_TO_PRIMARY, "cargo", payload, 100));
	FOR_EACH_FAULT(fault) {
		int ret = WITH_FAULT(fault, recv_msg(self->primary, &record, NULL, 0));

		EXPECT_TRUE(ret == -EMSGSIZE || (fault.fired && ret == -EFAULT));
	}
	ASSERT_EQ(0, receive(self->primary, &record));
	EXPECT_EQ(1, record.seq);
	expect_all_talk(_metadata, self);
}

/*
 * Fill the slots of a table. A table of descriptors grows when its 65th is needed, so that
 * this one may fail, and the next one not. A child does this, because no table shrinks.
 */
static int fill_slots(const struct child *child, const char *group, struct fault *fault)
{
	int fds[3], fd, last, ret;
	struct mpipc_record record;

	/* The files that are open belong to the parent's thread. */
	close(fail_nth);
	close(make_it_fail);
	if (set_up_faults())
		return -ENODEV;
	fd = open_secondary(group);
	do
		last = dup(STDERR_FILENO);
	while (last >= 0 && last < 62);
	if (fd < 0 || last != 62 || child_send(child, endpoint_id(fd)) || child_hear(child, NULL))
		return -EINVAL;
	ret = WITH_FAULT(*fault, recv_fds(fd, &record, NULL, 0, fds, 3, 0));
	if (ret)
		ret = recv_fds(fd, &record, NULL, 0, fds, 3, 0);
	if (ret || record.n_fds != 3 || fds[0] != 63)
		return -EBADMSG;
	/* No slot is skipped, and none is filled twice. */
	if (fds[1] == 64)
		return fds[2] == 65 ? 0 : -ERANGE;
	return fds[1] == -ENOMEM && fds[2] == 64 ? 1 : -ENOMSG;
}

TEST_FAULT(descriptor_that_cannot_be_made_says_so_in_its_slot)
{
	unsigned int holes = 0;

	FOR_EACH_FAULT(fault) {
		struct fault *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		struct cargo cargo;
		struct child child;
		__u64 id;
		int ret;

		*shared = fault;
		ASSERT_LE(0, child_fork(&child));
		if (!child.pid)
			_exit(fill_slots(&child, self->group, shared));
		ASSERT_EQ(0, child_hear(&child, &id));
		cargo_make(_metadata, &cargo, (struct load){ .n_fds = 3 });
		ASSERT_EQ(0, send_fds(self->primary, id, "", NULL, 0, cargo.fds, 3));
		cargo_let_go(&cargo);
		ASSERT_EQ(0, child_send(&child, 0));
		ret = child_wait(&child);
		ASSERT_TRUE(ret == 0 || ret == 1) TH_LOG("fault %u: %d", fault.nth, ret);
		holes += ret;
		expect_cargo_gone(_metadata, &cargo);
		fault = *shared;
		munmap(shared, sizeof(*shared));
	}
	EXPECT_LT(0, holes);
	expect_all_talk(_metadata, self);
}

TEST_FAULT(read_takes_whole_records_and_leaves_the_others)
{
	static const unsigned int sizes[] = { 1, 5000, 100, MOST_SIZE };
	const size_t n = ARRAY_SIZE(sizes), size = n * sizeof(struct mpipc_record) + 2 * MOST_SIZE;
	__u64 seq = 0;
	char *data = calloc(1, size);

	ASSERT_NE(NULL, data);
	FOR_EACH_FAULT(fault) {
		int ret, done = 0;

		for (size_t i = 0; i < n; i++)
			ASSERT_EQ(0, send_msg(self->secondary[0], MPIPC_TO_PRIMARY, "", payload,
					      sizes[i]));
		ret = WITH_FAULT(fault, do_read(self->primary, data, size));
		expect_clean(_metadata, &fault, ret > 0 ? 0 : ret);
		if (ret > 0)
			done = ret;
		if (!fault.fired)
			EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &(struct mpipc_record){ }, NULL,
						    0));
		/* Together with the rest, each record is there once, in order and whole. */
		if (poll_for(self->primary, POLLIN, 0) & POLLIN)
			done += do_read(self->primary, data + done, size - done);
		for (size_t i = 0, at = 0; i < n; i++) {
			struct mpipc_record *record = (void *)(data + at);

			ASSERT_GE(done, at + sizeof(*record) + sizes[i]);
			EXPECT_EQ(++seq, record->seq);
			ASSERT_EQ(sizes[i], record->size);
			EXPECT_EQ(0, memcmp(payload, record + 1, sizes[i]));
			at += record->len;
		}
		expect_empty(_metadata, self->primary);
	}
	free(data);
}

TEST_HARNESS_MAIN
