// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of read() and write(): they move whole records, bytes only, and depend on nothing
 * that belongs to the caller.
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "fd.h"
#include "memory.h"
#include "message.h"
#include "parameter.h"
#include "user.h"
#include "wait.h"

#include <stddef.h>
#include <sys/uio.h>

#define SPACE 4 /* messages that fit into the mailboxes of these tests */
#define RECORD sizeof(struct mpipc_record)
#define USER 1000

FIXTURE(rw)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	int secondary;
	__u64 id;		/* of the secondary */
	struct mpipc_record record;
	union {
		struct mpipc_record first;
		char data[4096];
	} buf;
};

FIXTURE_SETUP(rw)
{
	group_name(self->group, _metadata->name);
	self->primary = open_small(self->group, MPIPC_PRIMARY, 0, SPACE);
	ASSERT_LE(0, self->primary);
	self->secondary = open_small(self->group, MPIPC_SECONDARY, 0, SPACE);
	ASSERT_LE(0, self->secondary);
	self->id = endpoint_id(self->secondary);
	/*
	 * An operation on a destination that is not there is an error, and no reason to
	 * wait.
	 */
	ASSERT_EQ(0, fcntl(self->primary, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, fcntl(self->secondary, F_SETFL, O_NONBLOCK));
}

FIXTURE_TEARDOWN(rw)
{
	close(self->secondary);
	close(self->primary);
}

static ssize_t do_read(int fd, void *buf, size_t size)
{
	ssize_t n = read(fd, buf, size);

	return n < 0 ? -errno : n;
}

static ssize_t do_write(int fd, const void *buf, size_t size)
{
	ssize_t n = write(fd, buf, size);

	return n < 0 ? -errno : n;
}

static struct mpipc_record head(__u64 to, const char *name, __u32 size)
{
	struct mpipc_record record = {
		.type = MPIPC_MESSAGE,
		.peer = to,
		.size = size,
	};

	memcpy(record.name, name, strnlen(name, sizeof(record.name) - 1));
	return record;
}

static ssize_t write_msg(int fd, __u64 to, const char *name, const void *data,
			 __u32 size)
{
	struct mpipc_record record = head(to, name, size);
	struct iovec iov[] = {
		{ &record, sizeof(record) },
		{ (void *)data, size },
	};
	ssize_t n = writev(fd, iov, 2);

	return n < 0 ? -errno : n;
}

/* write() */

TEST_F(rw, write_sends_a_message)
{
	struct mpipc_record *record = &self->record;

	self->buf.first = head(MPIPC_TO_PRIMARY, "name", 4);
	memcpy(self->buf.data + RECORD, "data", 4);
	ASSERT_EQ(RECORD + 4, do_write(self->secondary, &self->buf, RECORD + 4));
	memset(&self->buf, 0, sizeof(self->buf));
	ASSERT_EQ(0, recv_msg(self->primary, record, self->buf.data, 4));
	EXPECT_EQ(MPIPC_MESSAGE, record->type);
	EXPECT_EQ(self->id, record->peer);
	EXPECT_EQ(getpid(), record->pid);
	EXPECT_EQ(4, record->size);
	EXPECT_STREQ("name", record->name);
	EXPECT_EQ(0, memcmp("data", self->buf.data, 4));
}

TEST_F(rw, write_goes_where_a_send_goes)
{
	struct mpipc_record record = head(self->id, "one", 0);
	int other = open_secondary(self->group);

	ASSERT_LE(0, other);
	EXPECT_EQ(RECORD, do_write(self->primary, &record, RECORD));
	record.peer = MPIPC_TO_ALL;
	EXPECT_EQ(RECORD, do_write(self->primary, &record, RECORD));
	EXPECT_EQ(0, recv_msg(self->secondary, &self->record, NULL, 0));
	EXPECT_EQ(0, recv_msg(self->secondary, &self->record, NULL, 0));
	EXPECT_EQ(0, recv_msg(other, &self->record, NULL, 0));
	EXPECT_EQ(-EAGAIN, recv_msg(other, &self->record, NULL, 0));

	record.peer = MPIPC_TO_PRIMARY;
	EXPECT_EQ(-EOPNOTSUPP, do_write(self->primary, &record, RECORD));
	record.peer = 1ULL << 63;
	EXPECT_EQ(-ESRCH, do_write(self->primary, &record, RECORD));
	record.peer = MPIPC_TO_ALL;
	EXPECT_EQ(-EOPNOTSUPP, do_write(self->secondary, &record, RECORD));
}

TEST_F(rw, writev_gathers_the_message)
{
	struct mpipc_record record = head(MPIPC_TO_PRIMARY, "split", 4);
	char *raw = (char *)&record;
	struct iovec iov[] = {
		{ raw, 10 }, { raw + 10, RECORD - 10 }, { "da", 2 }, { NULL, 0 }, { "ta", 2 },
	};

	ASSERT_EQ(RECORD + 4, writev(self->secondary, iov, ARRAY_SIZE(iov)));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, self->buf.data, 4));
	EXPECT_STREQ("split", self->record.name);
	EXPECT_EQ(0, memcmp("data", self->buf.data, 4));
}

TEST_F(rw, write_to_a_dead_primary_fails_as_a_send)
{
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(-ECONNREFUSED, write_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "", 0));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(-ESTALE, write_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "", 0));
}

/* Promise: P15 */
TEST_F(rw, write_to_a_full_mailbox_gets_eagain_and_is_counted)
{
	struct mpipc_info info;

	for (int i = 0; i < SPACE; i++)
		ASSERT_LT(0, write_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "", 0));
	EXPECT_EQ(-EAGAIN, write_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "", 0));
	ASSERT_EQ(0, get_info(self->primary, &info));
	EXPECT_EQ(1, info.lost);
	EXPECT_EQ(SPACE, info.queued);
}

TEST_F(rw, write_to_all_succeeds_if_anybody_had_space)
{
	int other = open_secondary(self->group);

	ASSERT_LE(0, other);
	for (int i = 0; i < SPACE; i++)
		ASSERT_LT(0, write_msg(self->primary, self->id, "m", "", 0));
	EXPECT_LT(0, write_msg(self->primary, MPIPC_TO_ALL, "m", "", 0));
	EXPECT_EQ(0, recv_msg(other, &self->record, NULL, 0));
	ASSERT_EQ(0, leave(other));
	EXPECT_EQ(-EAGAIN, write_msg(self->primary, MPIPC_TO_ALL, "m", "", 0));
}

TEST_F(rw, write_to_all_that_nobody_gets_fails_as_one_to_a_peer_does)
{
	struct mpipc_record record = head(MPIPC_TO_ALL, "m", 0);

	ASSERT_EQ(0, fcntl(self->primary, F_SETFL, 0));
	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(RECORD, do_write(self->primary, &record, RECORD));
	EXPECT_EQ(-EAGAIN, do_write(self->primary, &record, RECORD));
	record.deadline = in_ms(30);
	EXPECT_EQ(-ETIMEDOUT, do_write(self->primary, &record, RECORD));
	EXPECT_LE(record.deadline, now_ns());
}

TEST_F(rw, write_waits_for_space_until_its_deadline)
{
	struct mpipc_record record = head(MPIPC_TO_PRIMARY, "m", 0);

	ASSERT_EQ(0, fcntl(self->secondary, F_SETFL, 0));
	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(RECORD, do_write(self->secondary, &record, RECORD));
	record.deadline = in_ms(30);
	EXPECT_EQ(-ETIMEDOUT, do_write(self->secondary, &record, RECORD));
	EXPECT_LE(record.deadline, now_ns());
}

/*
 * Write until there is no more space. A child then waits for space, and exits with 0 or the
 * error.
 */
static void start_writer(struct __test_metadata *_metadata, struct child *writer, int fd,
			 __u64 to)
{
	struct mpipc_record record = head(to, "m", 0);

	ASSERT_EQ(0, fcntl(fd, F_SETFL, 0));
	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(RECORD, do_write(fd, &record, RECORD));
	ASSERT_LE(0, child_fork(writer));
	if (!writer->pid) {
		ssize_t ret;

		record.deadline = MPIPC_FOREVER;
		child_send(writer, 0);
		ret = do_write(fd, &record, RECORD);
		_exit(ret == RECORD ? 0 : -ret);
	}
	ASSERT_EQ(0, child_hear(writer, NULL));
	ASSERT_EQ(0, wait_asleep(writer->pid));
}

TEST_F(rw, write_that_waits_gets_the_next_space)
{
	struct child writer;

	start_writer(_metadata, &writer, self->secondary, MPIPC_TO_PRIMARY);
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(0, child_wait(&writer));
}

/* Bad headers */

TEST_F(rw, write_to_all_that_waits_fails_if_its_sender_leaves_before_anybody_got_it)
{
	struct child writer;

	start_writer(_metadata, &writer, self->primary, MPIPC_TO_ALL);
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(ESHUTDOWN, child_wait(&writer));
}

/* Promise: P2 */
TEST_F(rw, every_field_that_write_does_not_use_must_be_zero)
{
	static const struct {
		const char *name;
		size_t offset, size;
	} fields[] = {
#define FIELD(f) { #f, offsetof(struct mpipc_record, f), sizeof(self->record.f) }
		FIELD(len), FIELD(flags), FIELD(seq), FIELD(call), FIELD(stamp),
		FIELD(n_fds), FIELD(status), FIELD(lost), FIELD(pid), FIELD(uid),
		FIELD(gid), FIELD(role), FIELD(reply_size), FIELD(reply_fds),
		FIELD(generation),
#undef FIELD
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		/*
		 * The test sets either end of a field, so that a check of half a field is
		 * found.
		 */
		for (size_t end = 0; end < 2; end++) {
			struct mpipc_record record = head(MPIPC_TO_PRIMARY, "m", 0);
			char *raw = (char *)&record + fields[i].offset;

			raw[end * (fields[i].size - 1)] = 1;
			EXPECT_EQ(-EINVAL, do_write(self->secondary, &record, RECORD))
				TH_LOG("%s", fields[i].name);
		}
	}
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
}

TEST_F(rw, length_of_the_record_itself_is_not_accepted)
{
	struct mpipc_record record = head(MPIPC_TO_PRIMARY, "m", 0);

	record.len = RECORD;
	EXPECT_EQ(-EINVAL, do_write(self->secondary, &record, RECORD));
}

/* Promise: P2 */
TEST_F(rw, nothing_but_messages_can_be_written)
{
	static const __u16 types[] = {
		0, MPIPC_REQUEST, MPIPC_REPLY_TO, MPIPC_JOINED, MPIPC_LEFT, 6, 0x101, 0xffff,
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct mpipc_record record = head(MPIPC_TO_PRIMARY, "m", 0);

		record.type = types[i];
		EXPECT_EQ(-EINVAL, do_write(self->secondary, &record, RECORD))
			TH_LOG("type %u", types[i]);
	}
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
}

TEST_F(rw, name_without_nul_is_refused)
{
	struct mpipc_record record = head(MPIPC_TO_PRIMARY, "", 0);

	memset(record.name, 'n', sizeof(record.name));
	EXPECT_EQ(-EINVAL, do_write(self->secondary, &record, RECORD));
}

TEST_F(rw, length_of_the_write_must_be_that_of_the_message)
{
	self->buf.first = head(MPIPC_TO_PRIMARY, "m", 16);
	EXPECT_EQ(-EINVAL, do_write(self->secondary, &self->buf, RECORD - 1));
	EXPECT_EQ(-EINVAL, do_write(self->secondary, &self->buf, 8));
	EXPECT_EQ(-EINVAL, do_write(self->secondary, &self->buf, RECORD));
	EXPECT_EQ(-EINVAL, do_write(self->secondary, &self->buf, RECORD + 15));
	EXPECT_EQ(-EINVAL, do_write(self->secondary, &self->buf, RECORD + 17));
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(RECORD + 16, do_write(self->secondary, &self->buf, RECORD + 16));
}

TEST_F(rw, payload_is_at_most_65536_bytes)
{
	size_t size = RECORD + MPIPC_SIZE_MAX + 1;
	struct mpipc_record *record = calloc(1, size);

	ASSERT_NE(NULL, record);
	*record = head(MPIPC_TO_PRIMARY, "m", MPIPC_SIZE_MAX + 1);
	EXPECT_EQ(-EMSGSIZE, do_write(self->secondary, record, size));
	record->size = MPIPC_SIZE_MAX;
	EXPECT_EQ(size - 1, do_write(self->secondary, record, size - 1));
	EXPECT_EQ(size - 1, do_read(self->primary, record, size));
	EXPECT_EQ(MPIPC_SIZE_MAX, record->size);
	free(record);
}

/* Promise: P2 */
TEST_F(rw, bad_memory_is_not_sent)
{
	struct mpipc_record record = head(MPIPC_TO_PRIMARY, "m", 8);
	struct iovec iov[] = { { &record, RECORD }, { bad_pointer(), 8 } };

	EXPECT_EQ(-EFAULT, do_write(self->secondary, bad_pointer(), RECORD));
	EXPECT_EQ(-1, writev(self->secondary, iov, 2));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
}

/* read() */

TEST_F(rw, read_returns_the_record_and_its_payload)
{
	struct mpipc_record *record = &self->buf.first;
	static const char padding[3];

	memset(&self->buf, 0xff, sizeof(self->buf));
	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "name", "datum", 5));
	ASSERT_EQ(RECORD + 8, do_read(self->primary, &self->buf, sizeof(self->buf)));
	EXPECT_EQ(RECORD + 8, record->len);
	EXPECT_EQ(MPIPC_MESSAGE, record->type);
	EXPECT_EQ(0, record->flags);
	EXPECT_EQ(1, record->seq);
	EXPECT_EQ(self->id, record->peer);
	EXPECT_EQ(0, record->call);
	EXPECT_EQ(0, record->deadline);
	EXPECT_NE(0, record->stamp);
	EXPECT_EQ(5, record->size);
	EXPECT_EQ(0, record->n_fds);
	EXPECT_EQ(getpid(), record->pid);
	EXPECT_EQ(geteuid(), record->uid);
	EXPECT_EQ(MPIPC_SECONDARY, record->role);
	EXPECT_EQ(1, record->generation);
	EXPECT_STREQ("name", record->name);
	EXPECT_EQ(0, memcmp("datum", self->buf.data + RECORD, 5));
	EXPECT_EQ(0, memcmp(padding, self->buf.data + RECORD + 5, 3));
}

TEST_F(rw, read_returns_as_many_records_as_fit)
{
	static const char text[] = "0123456789abcdef";
	static const __u32 sizes[SPACE] = { 0, 1, 8, 13 };
	size_t at = 0;

	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", text,
				      sizes[i]));
	ASSERT_EQ(SPACE * RECORD + 0 + 8 + 8 + 16,
		  do_read(self->primary, &self->buf, sizeof(self->buf)));
	for (int i = 0; i < SPACE; i++) {
		struct mpipc_record *record = (void *)(self->buf.data + at);

		EXPECT_EQ(i + 1, record->seq);
		EXPECT_EQ(sizes[i], record->size);
		EXPECT_EQ(0, memcmp(text, record + 1, sizes[i]));
		EXPECT_EQ(0, record->len % 8);
		at += record->len;
	}
	EXPECT_EQ(-EAGAIN, do_read(self->primary, &self->buf, sizeof(self->buf)));
}

TEST_F(rw, record_that_does_not_fit_any_more_stays)
{
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "12345678", 8));
	/* The buffer is one byte short of three records. */
	ASSERT_EQ(2 * (RECORD + 8),
		  do_read(self->primary, &self->buf, 3 * (RECORD + 8) - 1));
	ASSERT_EQ(RECORD + 8, do_read(self->primary, &self->buf, RECORD + 8));
	EXPECT_EQ(3, self->buf.first.seq);
	EXPECT_EQ(0, memcmp("12345678", self->buf.data + RECORD, 8));
}

TEST_F(rw, first_record_that_does_not_fit_gets_emsgsize_and_stays)
{
	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "12345678", 8));
	EXPECT_EQ(-EMSGSIZE, do_read(self->primary, &self->buf, RECORD + 7));
	EXPECT_EQ(-EMSGSIZE, do_read(self->primary, &self->buf, RECORD));
	EXPECT_EQ(-EMSGSIZE, do_read(self->primary, &self->buf, 1));
	EXPECT_EQ(RECORD + 8, do_read(self->primary, &self->buf, RECORD + 8));
	EXPECT_EQ(1, self->buf.first.seq);
}

TEST_F(rw, readv_scatters)
{
	struct iovec iov[] = {
		{ self->buf.data, 100 }, { self->buf.data + 100, RECORD - 100 },
		{ self->buf.data + 1000, 8 },
	};

	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "12345678", 8));
	ASSERT_EQ(RECORD + 8, readv(self->primary, iov, ARRAY_SIZE(iov)));
	EXPECT_STREQ("m", self->buf.first.name);
	EXPECT_EQ(0, memcmp("12345678", self->buf.data + 1000, 8));
}

TEST_F(rw, empty_mailbox_gets_eagain_when_nonblocking)
{
	EXPECT_EQ(-EAGAIN, do_read(self->primary, &self->buf, sizeof(self->buf)));
}

TEST_F(rw, read_waits_for_a_record)
{
	struct child reader;

	ASSERT_EQ(0, fcntl(self->primary, F_SETFL, 0));
	ASSERT_LE(0, child_fork(&reader));
	if (!reader.pid) {
		child_send(&reader, 0);
		_exit(do_read(self->primary, &self->buf, sizeof(self->buf)) != RECORD);
	}
	ASSERT_EQ(0, child_hear(&reader, NULL));
	ASSERT_EQ(0, wait_asleep(reader.pid));
	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(0, child_wait(&reader));
}

TEST_F(rw, leaving_ends_a_read_that_waits)
{
	struct child reader;

	ASSERT_EQ(0, fcntl(self->primary, F_SETFL, 0));
	ASSERT_LE(0, child_fork(&reader));
	if (!reader.pid) {
		child_send(&reader, 0);
		_exit(-do_read(self->primary, &self->buf, sizeof(self->buf)));
	}
	ASSERT_EQ(0, child_hear(&reader, NULL));
	ASSERT_EQ(0, wait_asleep(reader.pid));
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(ESHUTDOWN, child_wait(&reader));
}

TEST_F(rw, record_stays_when_the_memory_is_bad)
{
	struct mpipc_info info;

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "x", 1));
	EXPECT_EQ(-EFAULT, do_read(self->primary, bad_pointer(), sizeof(self->buf)));
	ASSERT_EQ(0, get_info(self->primary, &info));
	EXPECT_EQ(2, info.queued);
	EXPECT_EQ(2, info.queued_bytes);
	EXPECT_EQ(0, info.received);
	/* The memory is in its place again. */
	EXPECT_EQ(RECORD + 8, do_read(self->primary, &self->buf, RECORD + 8));
	EXPECT_EQ(1, self->buf.first.seq);
}

TEST_F(rw, record_stays_when_the_memory_ends_early)
{
	size_t size = sysconf(_SC_PAGESIZE);
	char *page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + size, size));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "x", 1));
	/* The memory ends after one record and a half. */
	EXPECT_EQ(RECORD + 8, do_read(self->primary, page + size - RECORD * 3 / 2, size));
	EXPECT_EQ(RECORD + 8, do_read(self->primary, &self->buf, sizeof(self->buf)));
	EXPECT_EQ(2, self->buf.first.seq);
}

/* File descriptors */

/* Promise: P7 */
TEST_F(rw, read_does_not_touch_a_record_with_descriptors)
{
	int fd, fds = count_fds(), zero = 0;

	ASSERT_EQ(0, send_fds(self->secondary, MPIPC_TO_PRIMARY, "m", "x", 1, &zero, 1));
	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "next", NULL, 0));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(-EOPNOTSUPP,
			  do_read(self->primary, &self->buf, sizeof(self->buf)));
	EXPECT_EQ(fds, count_fds());
	ASSERT_EQ(0, recv_fds(self->primary, &self->record, self->buf.data, 1, &fd, 1, 0));
	EXPECT_EQ(1, self->record.seq);
	EXPECT_EQ(1, self->record.n_fds);
	EXPECT_LE(0, fd);
	ASSERT_EQ(RECORD, do_read(self->primary, &self->buf, sizeof(self->buf)));
	EXPECT_STREQ("next", self->buf.first.name);
}

/* Promise: P7 */
TEST_F(rw, read_stops_before_a_record_with_descriptors)
{
	int fd, zero = 0;

	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "one", NULL, 0));
	ASSERT_EQ(0, send_fds(self->secondary, MPIPC_TO_PRIMARY, "two", NULL, 0, &zero, 1));
	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "three", NULL, 0));
	ASSERT_EQ(RECORD, do_read(self->primary, &self->buf, sizeof(self->buf)));
	EXPECT_STREQ("one", self->buf.first.name);
	EXPECT_EQ(-EOPNOTSUPP, do_read(self->primary, &self->buf, sizeof(self->buf)));
	ASSERT_EQ(0, recv_fds(self->primary, &self->record, NULL, 0, &fd, 1, 0));
	EXPECT_STREQ("two", self->record.name);
	ASSERT_EQ(RECORD, do_read(self->primary, &self->buf, sizeof(self->buf)));
	EXPECT_STREQ("three", self->buf.first.name);
}

/* Callers */

/* Promise: P7 */
TEST_F(rw, write_of_a_child_is_a_message_of_the_endpoint)
{
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		become_user(USER, USER);
		/* The kernel refuses the ioctl to the child, but not the write. */
		if (send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", NULL, 0) != -EPERM)
			_exit(1);
		_exit(write_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "", 0) < 0);
	}
	ASSERT_EQ(0, child_wait(&child));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(self->id, self->record.peer);
	EXPECT_EQ(getpid(), self->record.pid);
	EXPECT_EQ(geteuid(), self->record.uid);
	EXPECT_EQ(getegid(), self->record.gid);
}

/* Promise: P7 */
TEST_F(rw, read_of_a_child_takes_records_of_the_endpoint)
{
	struct child child;

	ASSERT_EQ(0, send_msg(self->secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		become_user(USER, USER);
		if (recv_msg(self->primary, &self->record, NULL, 0) != -EPERM)
			_exit(1);
		if (do_read(self->primary, &self->buf, sizeof(self->buf)) != RECORD)
			_exit(2);
		/* The record is translated for the endpoint, and not for the child. */
		_exit(self->buf.first.pid != getppid() || self->buf.first.uid != 0);
	}
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(-EAGAIN, do_read(self->primary, &self->buf, sizeof(self->buf)));
}

/* Promise: P7 */
TEST_F(rw, child_cannot_read_or_write_for_a_parent_that_closed)
{
	int secondary = open_secondary(self->group);
	struct child child;

	ASSERT_LE(0, secondary);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_hear(&child, NULL);
		if (write_msg(secondary, MPIPC_TO_PRIMARY, "m", "", 0) != -ESHUTDOWN)
			_exit(1);
		_exit(do_read(secondary, &self->buf, sizeof(self->buf)) != -ESHUTDOWN);
	}
	ASSERT_EQ(0, close(secondary));
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
}

/* Other states and calls */

TEST_F(rw, file_that_has_not_joined_gets_enotconn)
{
	int fd = open_dev();

	EXPECT_EQ(-ENOTCONN, do_read(fd, &self->buf, sizeof(self->buf)));
	EXPECT_EQ(-ENOTCONN, write_msg(fd, MPIPC_TO_PRIMARY, "m", "", 0));
}

TEST_F(rw, endpoint_that_left_gets_eshutdown)
{
	ASSERT_EQ(0, send_msg(self->primary, self->id, "m", NULL, 0));
	ASSERT_EQ(0, leave(self->secondary));
	EXPECT_EQ(-ESHUTDOWN, do_read(self->secondary, &self->buf, sizeof(self->buf)));
	EXPECT_EQ(-ESHUTDOWN, write_msg(self->secondary, MPIPC_TO_PRIMARY, "m", "", 0));
}

/* Rights of the open file, and flags of one system call */

TEST_F(rw, file_has_to_be_open_for_reading_and_writing_to_join)
{
	static const int modes[] = { O_RDONLY, O_WRONLY };
	struct mpipc_info info;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		int fd = open(MPIPC_DEVICE, modes[i] | O_CLOEXEC);

		ASSERT_LE(0, fd);
		EXPECT_EQ(-EBADF, join_secondary(fd, self->group));
		ASSERT_EQ(0, get_info(fd, &info));
		EXPECT_EQ(MPIPC_NO_ROLE, info.role);
		close(fd);
	}
}

static ssize_t read_at_once(int fd, void *buf, size_t size)
{
	struct iovec iov = { buf, size };
	ssize_t n = preadv2(fd, &iov, 1, -1, RWF_NOWAIT);

	return n < 0 ? -errno : n;
}

static ssize_t write_at_once(int fd, struct mpipc_record *record)
{
	struct iovec iov = { record, sizeof(*record) };
	ssize_t n = pwritev2(fd, &iov, 1, -1, RWF_NOWAIT);

	return n < 0 ? -errno : n;
}

TEST_F(rw, nowait_works_for_one_system_call)
{
	struct mpipc_record message = head(MPIPC_TO_PRIMARY, "m", 0);
	struct mpipc_info info;

	ASSERT_EQ(0, fcntl(self->primary, F_SETFL, 0));
	ASSERT_EQ(0, fcntl(self->secondary, F_SETFL, 0));
	message.deadline = MPIPC_FOREVER;
	EXPECT_EQ(-EAGAIN, read_at_once(self->primary, &self->buf, sizeof(self->buf)));
	for (int i = 0; i < SPACE; i++)
		EXPECT_EQ(RECORD, write_at_once(self->secondary, &message));
	EXPECT_EQ(-EAGAIN, write_at_once(self->secondary, &message));
	/* The writer tries again, so that the message is not lost. */
	ASSERT_EQ(0, get_info(self->primary, &info));
	EXPECT_EQ(0, info.lost);
	EXPECT_EQ(RECORD, read_at_once(self->primary, &self->buf, RECORD));
	EXPECT_EQ(RECORD, write_at_once(self->secondary, &message));
}

TEST_F(rw, nowait_to_all_counts_losses_once_anybody_got_the_message)
{
	struct mpipc_record message = head(MPIPC_TO_ALL, "m", 0);
	int other = open_secondary(self->group);
	struct mpipc_info info;

	ASSERT_LE(0, other);
	for (int i = 0; i < SPACE; i++)
		ASSERT_LT(0, write_msg(self->primary, self->id, "m", "", 0));
	EXPECT_EQ(RECORD, write_at_once(self->primary, &message));
	EXPECT_EQ(0, recv_msg(other, &self->record, NULL, 0));
	ASSERT_EQ(0, get_info(self->secondary, &info));
	EXPECT_EQ(1, info.lost);
	ASSERT_EQ(0, leave(other));
	EXPECT_EQ(-EAGAIN, write_at_once(self->primary, &message));
	ASSERT_EQ(0, get_info(self->secondary, &info));
	EXPECT_EQ(1, info.lost);
}

TEST_F(rw, device_has_no_position)
{
	struct mpipc_record record = head(MPIPC_TO_PRIMARY, "m", 0);

	EXPECT_EQ(-1, lseek(self->secondary, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pwrite(self->secondary, &record, RECORD, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->primary, &self->buf, RECORD, 0));
	EXPECT_EQ(ESPIPE, errno);
}

TEST_HARNESS_MAIN
