/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of faults: whatever fails on the way, memory or access to it, an operation succeeds
 * or says why not, loses and leaks nothing, leaves its peers able to go on, and leaves users with
 * what they were charged for before.
 *
 * Each operation is repeated, the first time with the first thing that can fail in it
 * failing, then the second, and so on, until there is none left to fail. The kernel needs
 * fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC,
 * CONFIG_FAULT_INJECTION_USERCOPY, CONFIG_FAULT_INJECTION_DEBUG_FS), and CONFIG_KCOV for
 * the module alone.
 */
#ifndef MPIPC_SELFTESTS_FAULT_H
#define MPIPC_SELFTESTS_FAULT_H

#include "child.h"
#include "device.h"
#include "fd.h"
#include "harness.h"
#include "held.h"
#include "message.h"
#include "parameter.h"
#include "user.h"
#include "wait.h"

#include <sched.h>

#define MOST_FAULTS 20000	/* an operation with more faults never ends */
#define SECONDARIES 3

/* Faults */

/* Files of this thread in /proc. */
static int fail_nth = -1;
static int make_it_fail = -1;

static inline int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static inline int set_fault(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", name);
	return write_text(path, value);
}

/* Make everything fail that can, quietly, once a thread asks for it. */
static inline int set_up_faults(void)
{
	static const char *const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "failslab/task-filter", "Y" },
		{ "failslab/probability", "100" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		int err = set_fault(settings[i][0], settings[i][1]);

		if (err) {
			fprintf(stderr, "# %s: %s\n", settings[i][0], strerror(-err));
			return err;
		}
	}
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	make_it_fail = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
	return fail_nth < 0 || make_it_fail < 0 ? -errno : 0;
}

/**
 * struct fault - the fault of one repetition
 * @nth: which of the things that can fail does
 * @fired: whether it did: then there may be more
 * @optional: there may be none at all
 * @lasting: it is memory that comes to an end, after more bytes each time
 * @keeps: a repetition leaves something that users are charged for
 */
struct fault {
	unsigned int nth;
	bool fired;
	bool optional;
	bool lasting;
	bool keeps;
};

static inline void arm_nth(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (write(fail_nth, text, len) != len)
		abort();
}

/* Memory may lack so often, which is more often than it is asked for. */
#define MOST_TIMES "1000000"

static inline void arm_lasting(unsigned int bytes)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", bytes);
	if (set_fault("failslab/space", text) || set_fault("failslab/times", MOST_TIMES) ||
	    write(make_it_fail, "1", 1) != 1)
		abort();
}

static inline void arm(const struct fault *fault)
{
	if (fault->lasting)
		arm_lasting((fault->nth - 1) * 32);
	else
		arm_nth(fault->nth);
}

/*
 * Return how much was left of the number. Reading and writing the file copies memory, which
 * may take the fault if it is near.
 */
static inline unsigned int disarm_nth(void)
{
	char text[16] = "";
	bool read = pread(fail_nth, text, sizeof(text) - 1, 0) > 0;

	while (pwrite(fail_nth, "0", 1, 0) != 1)
		;
	return read ? strtoul(text, NULL, 10) : 1;
}

static inline bool disarm_lasting(void)
{
	char text[16] = "";
	int fd;

	if (write(make_it_fail, "0", 1) != 1)
		abort();
	fd = open("/sys/kernel/debug/failslab/times", O_RDONLY | O_CLOEXEC);
	if (read(fd, text, sizeof(text) - 1) < 0)
		abort();
	close(fd);
	return atoi(text) < atoi(MOST_TIMES);
}

static inline void disarm(struct fault *fault)
{
	fault->fired = fault->lasting ? disarm_lasting() : !disarm_nth();
}

/* Evaluate the call with the fault, or with none if the fault is not reached. */
#define WITH_FAULT(fault, call) ({		\
	__typeof__(call) _ret;			\
						\
	arm(&(fault));				\
	_ret = (call);				\
	disarm(&(fault));			\
	_ret;					\
})

/* Expect an error that any operation may return, and only if there was a fault. */
static inline void expect_clean(struct __test_metadata *_metadata,
				const struct fault *fault, int ret)
{
	if (!ret)
		return;
	EXPECT_TRUE(fault->fired && (ret == -ENOMEM || ret == -EFAULT))
		TH_LOG("fault %u: %d", fault->nth, ret);
}

static inline int do_read(int fd, void *data, size_t size)
{
	ssize_t ret = read(fd, data, size);

	return ret < 0 ? -errno : (int)ret;
}

static inline int do_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Charges */

#define CHARGES_SIZE 1024

/* Read what all users are charged for. */
static inline void read_charges(char charges[CHARGES_SIZE])
{
	read_lines("user ", charges, CHARGES_SIZE);
}

/* Expect that users are charged for just that, once a kernel thread has freed what it has to. */
static inline void expect_charges(struct __test_metadata *_metadata,
				  const char charges[CHARGES_SIZE])
{
	__u64 give_up = in_ms(60 * 1000);
	char now[CHARGES_SIZE];

	for (read_charges(now); strcmp(charges, now) && now_ns() < give_up; read_charges(now))
		sched_yield();
	EXPECT_STREQ(charges, now);
}

/* Check that no group is left in this network namespace, and no user. */
static inline bool listing_empty(void)
{
	FILE *file = fopen("/proc/net/mpipc", "re");
	bool empty = file;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		empty &= line[0] == '#';
	if (file)
		fclose(file);
	return empty;
}

/* Loads */

#define MOST_FDS 8
#define MOST_SIZE MPIPC_SIZE_MAX

static char payload[MOST_SIZE];

static inline void make_payload(void)
{
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = i * 7 + i / 256;
}

/**
 * struct load - what a message or a reply carries
 * @size: bytes
 * @n_fds: write ends of a pipe whose read end shows when all of them are gone
 */
struct load {
	unsigned int size;
	unsigned int n_fds;
};

/*
 * The loads are small, have files, or are too large for the slab, so that pages are mapped
 * for them.
 */
static const struct load loads[] = { { 100, 0 }, { 10, MOST_FDS }, { MOST_SIZE, 1 } };

/**
 * struct cargo - a load, ready to be sent
 * @load: its size and number of files
 * @read_end: of the pipe
 * @fds: write ends, all the same
 */
struct cargo {
	struct load load;
	int read_end;
	int fds[MOST_FDS];
};

static inline void cargo_make(struct __test_metadata *_metadata, struct cargo *cargo,
			      struct load load)
{
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	cargo->load = load;
	cargo->read_end = ends[0];
	for (int i = 0; i < MOST_FDS; i++)
		cargo->fds[i] = ends[1];
}

static inline struct mpipc_body cargo_body(const struct cargo *cargo)
{
	return make_body("cargo", payload, cargo->load.size, cargo->fds, cargo->load.n_fds);
}

/* Close the write end here, so that only references in flight keep it. */
static inline void cargo_let_go(const struct cargo *cargo)
{
	close(cargo->fds[0]);
}

/* Expect that all references are gone. A kernel thread may drop the last one. */
static inline void expect_cargo_gone(struct __test_metadata *_metadata, const struct cargo *cargo)
{
	EXPECT_EQ(POLLHUP, poll_for(cargo->read_end, POLLIN, 60 * 1000));
	close(cargo->read_end);
}

/* Messages are received here. */
static char received[SECONDARIES][MOST_SIZE];
static int received_fds[SECONDARIES][MOST_FDS];

/* Close what was received, and expect that each slot has a descriptor or says why not. */
static inline void expect_fds(struct __test_metadata *_metadata, const struct fault *fault,
			      const int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (fds[i] < 0)
			expect_clean(_metadata, fault, fds[i]);
		else
			close(fds[i]);
	}
}

/* Expect that a record that carries the load was received to the first place. */
static inline void expect_load(struct __test_metadata *_metadata, const struct fault *fault,
			       const struct mpipc_record *record, struct load load)
{
	EXPECT_EQ(load.size, record->size);
	EXPECT_EQ(load.n_fds, record->n_fds);
	EXPECT_STREQ("cargo", record->name);
	EXPECT_EQ(0, memcmp(payload, received[0], load.size));
	expect_fds(_metadata, fault, received_fds[0], load.n_fds);
}

static inline struct mpipc_recv_args recv_arg(void)
{
	struct mpipc_recv_args recv = {
		.max_size = MOST_SIZE,
		.max_fds = MOST_FDS,
		.data = to_u64(received[0]),
		.fds = to_u64(received_fds[0]),
	};

	return recv;
}

static inline int receive(int fd, struct mpipc_record *record)
{
	return recv_fds(fd, record, received[0], MOST_SIZE, received_fds[0], MOST_FDS, 0);
}

static inline void expect_empty(struct __test_metadata *_metadata, int fd)
{
	struct mpipc_record record;
	struct mpipc_info info;

	EXPECT_EQ(-EAGAIN, receive(fd, &record));
	ASSERT_EQ(0, get_info(fd, &info));
	EXPECT_EQ(0, info.queued);
	EXPECT_EQ(0, info.queued_bytes);
}

/* Expect one record of that type and status. */
static inline void expect_record(struct __test_metadata *_metadata, int fd, int type, int status)
{
	struct mpipc_record record;

	ASSERT_EQ(0, receive(fd, &record));
	EXPECT_EQ(type, record.type);
	EXPECT_EQ(status, record.status);
}

/*
 * Root has the primary, and these users one secondary each. The last one of them has a group of
 * its own, too, with a neighbour in it. These two are the bystanders.
 */
static const uid_t users[SECONDARIES] = { 1000, 1001, 1002 };

#define NEIGHBOUR 1003

static int bystanders[2] = { -1, -1 };

/* Open and join as a user whom limits stop. */
static inline int open_user(uid_t uid, const char *group, enum mpipc_role role)
{
	struct mpipc_join_args join = join_arg(group, role);

	return open_as(uid, &join);
}

/* The fixture, which a program that includes this header need not use. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
FIXTURE(fault)
{
	char group[MPIPC_GROUP_MAX];
	char other[MPIPC_GROUP_MAX];
	char charges[CHARGES_SIZE];
	unsigned int fds;
	int primary;
	int secondary[SECONDARIES];
	__u64 id[SECONDARIES];
};

FIXTURE_SETUP(fault)
{
	char bystand[MPIPC_GROUP_MAX];

	ASSERT_EQ(0, set_up_faults());
	make_payload();
	group_name(self->group, "fault");
	group_name(self->other, "other");
	group_name(bystand, "bystand");
	self->fds = count_fds();
	self->primary = open_user(0, self->group, MPIPC_PRIMARY);
	ASSERT_LE(0, self->primary);
	for (int i = 0; i < SECONDARIES; i++) {
		self->secondary[i] = open_user(users[i], self->group, MPIPC_SECONDARY);
		ASSERT_LE(0, self->secondary[i]);
		self->id[i] = endpoint_id(self->secondary[i]);
	}
	bystanders[0] = open_user(users[SECONDARIES - 1], bystand, MPIPC_PRIMARY);
	ASSERT_LE(0, bystanders[0]);
	bystanders[1] = open_user(NEIGHBOUR, bystand, MPIPC_SECONDARY);
	ASSERT_LE(0, bystanders[1]);
	read_charges(self->charges);
}

FIXTURE_TEARDOWN(fault)
{
	expect_charges(_metadata, self->charges);
	for (int i = 0; i < 2; i++)
		close(bystanders[i]);
	close(self->primary);
	for (int i = 0; i < SECONDARIES; i++)
		close(self->secondary[i]);
	EXPECT_EQ(self->fds, count_fds());
	EXPECT_TRUE(listing_empty());
}

#pragma GCC diagnostic pop

#define TEST_FAULT(name) TEST_F(fault, name)

/* Expect that a primary and a secondary with empty mailboxes can do everything. */
static inline void expect_talk(struct __test_metadata *_metadata, int primary, int secondary)
{
	struct mpipc_record record;

	expect_empty(_metadata, primary);
	expect_empty(_metadata, secondary);
	ASSERT_EQ(0, send_msg(primary, endpoint_id(secondary), "down", NULL, 0));
	ASSERT_EQ(0, receive(secondary, &record));
	EXPECT_STREQ("down", record.name);
	ASSERT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "ask", 0, MPIPC_FOREVER, NULL));
	ASSERT_EQ(0, receive(primary, &record));
	EXPECT_STREQ("ask", record.name);
	ASSERT_EQ(0, reply_msg(primary, record.call, -EXDEV, NULL, 0));
	expect_record(_metadata, secondary, MPIPC_REPLY_TO, -EXDEV);
	expect_empty(_metadata, primary);
	expect_empty(_metadata, secondary);
}

static inline void expect_all_talk(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	for (int i = 0; i < SECONDARIES; i++)
		expect_talk(_metadata, self->primary, self->secondary[i]);
}

/* Repetitions */

/*
 * Go to the next fault. Expect that the last one left no user with a charge or without, and that
 * the bystanders have not noticed it.
 */
static inline bool next_fault(struct __test_metadata *_metadata, struct fault *fault)
{
	static char charges[CHARGES_SIZE];

	if (!fault->nth)
		read_charges(charges);
	else if (!fault->keeps)
		expect_charges(_metadata, charges);
	if (bystanders[0] >= 0)
		expect_talk(_metadata, bystanders[0], bystanders[1]);
	if (!fault->fired) {
		/* An operation in which nothing can fail shows nothing. */
		EXPECT_TRUE(fault->optional || fault->nth > 1);
		return false;
	}
	fault->fired = false;
	fault->nth++;
	ASSERT_GT(MOST_FAULTS, fault->nth);
	return true;
}

#define FOR_EACH_FAULT(fault) \
	for (struct fault fault = { .fired = true }; next_fault(_metadata, &(fault)); )

/* Sending */

/* Expect that the endpoints @to got the load if it was @sent, and that its files are gone. */
static inline void expect_arrival(struct __test_metadata *_metadata, const struct fault *fault,
				  const int *to, int n, const struct cargo *cargo, bool sent)
{
	struct mpipc_record record;

	for (int i = 0; i < n && sent; i++) {
		ASSERT_EQ(0, receive(to[i], &record));
		expect_load(_metadata, fault, &record, cargo->load);
	}
	expect_cargo_gone(_metadata, cargo);
}

/* Calls */

/* Take the request, and reply to it with the load. */
static inline void send_reply(struct __test_metadata *_metadata, int fd, struct load load)
{
	struct mpipc_reply_args reply = { };
	struct mpipc_record record;
	struct cargo cargo;

	ASSERT_EQ(0, receive(fd, &record));
	EXPECT_EQ(MPIPC_REQUEST, record.type);
	cargo_make(_metadata, &cargo, load);
	reply.call = record.call;
	reply.body = cargo_body(&cargo);
	EXPECT_EQ(0, do_ioctl(fd, MPIPC_REPLY, &reply));
	cargo_let_go(&cargo);
	close(cargo.read_end);
}

static inline void ignore(int signal)
{
}

/* Make a request to the primary, and return its id and, in @load, what the reply may carry. */
static inline __u64 ask(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
			struct load load)
{
	struct mpipc_call_args call = call_arg(MPIPC_TO_PRIMARY, "", NULL, 0, NULL, 0);
	struct mpipc_record record;

	call.flags = MPIPC_CALL_ASYNC;
	call.reply_size = load.size;
	call.reply_fds = load.n_fds;
	EXPECT_EQ(0, do_ioctl(self->secondary[0], MPIPC_CALL, &call));
	ASSERT_EQ(0, receive(self->primary, &record));
	EXPECT_EQ(call.id, record.call);
	return call.id;
}

#endif /* MPIPC_SELFTESTS_FAULT_H */
