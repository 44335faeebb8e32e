// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults: whatever fails on the way, memory or access to it, an operation succeeds or
 * says why not, loses and leaks nothing, and leaves its peers able to go on.
 *
 * Each operation is repeated, the first time with the first thing that can fail in it
 * failing, then the second, and so on, until there is none left to fail. The kernel
 * needs fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC,
 * CONFIG_FAULT_INJECTION_USERCOPY, CONFIG_FAULT_INJECTION_DEBUG_FS), and CONFIG_KCOV for
 * the module alone.
 */
#include "child.h"
#include "device.h"
#include "fd.h"
#include "message.h"
#include "parameter.h"
#include "user.h"
#include "wait.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <linux/kcov.h>

#include "harness.h"
#include "module.h"

#define TIMEOUT 600		/* seconds for a test */
#define MOST_FAULTS 20000	/* an operation that has more never ends */
#define SECONDARIES 3
#define OTHER_USER 1000

/* Faults */

/* Of this thread. */
static int fail_nth = -1;
static int make_it_fail = -1;

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int set_fault(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", name);
	return write_text(path, value);
}

/* Has everything fail that can, quietly, once a thread asks for it. */
static int set_up_faults(void)
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
 */
struct fault {
	unsigned int nth;
	bool fired;
	bool optional;
	bool lasting;
};

static bool next_fault(struct __test_metadata *_metadata, struct fault *fault)
{
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

static void arm_nth(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (write(fail_nth, text, len) != len)
		abort();
}

/* How often memory may lack: more often than it is asked for. */
#define MOST_TIMES "1000000"

static void arm_lasting(unsigned int bytes)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", bytes);
	if (set_fault("failslab/space", text) || set_fault("failslab/times", MOST_TIMES) ||
	    write(make_it_fail, "1", 1) != 1)
		abort();
}

static void arm(const struct fault *fault)
{
	if (fault->lasting)
		arm_lasting((fault->nth - 1) * 32);
	else
		arm_nth(fault->nth);
}

/*
 * Returns what was left of the number. To read and to write is to copy, which may take
 * the fault if it is near.
 */
static unsigned int disarm_nth(void)
{
	char text[16] = "";
	bool read = pread(fail_nth, text, sizeof(text) - 1, 0) > 0;

	while (pwrite(fail_nth, "0", 1, 0) != 1)
		;
	return read ? strtoul(text, NULL, 10) : 1;
}

static bool disarm_lasting(void)
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

static void disarm(struct fault *fault)
{
	fault->fired = fault->lasting ? disarm_lasting() : !disarm_nth();
}

/* Evaluates the call with the fault, or with none if that is not reached. */
#define WITH_FAULT(fault, call) ({		\
	__typeof__(call) _ret;			\
						\
	arm(&(fault));				\
	_ret = (call);				\
	disarm(&(fault));			\
	_ret;					\
})

/* The errors that any operation may return, and only if there was a fault. */
static void expect_clean(struct __test_metadata *_metadata, const struct fault *fault, int ret)
{
	if (!ret)
		return;
	EXPECT_TRUE(fault->fired && (ret == -ENOMEM || ret == -EFAULT))
		TH_LOG("fault %u: %d", fault->nth, ret);
}

static int do_read(int fd, void *data, size_t size)
{
	ssize_t ret = read(fd, data, size);

	return ret < 0 ? -errno : (int)ret;
}

/* 0 if all was taken. */
static int do_write(int fd, const void *data, size_t size)
{
	ssize_t ret = write(fd, data, size);

	return ret < 0 ? -errno : ret == (ssize_t)size ? 0 : -EIO;
}

static int do_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* What is held */

/*
 * The least user_bytes with which a message passes: its own memory, and what else is
 * charged to the user.
 */
static int least_user_bytes(int from, int to)
{
	struct mpipc_record record;
	int fails = 0, passes = 1 << 16;

	while (passes - fails > 1) {
		int middle = (fails + passes) / 2;
		int err = set_param("user_bytes", middle) ?:
			  send_msg(from, MPIPC_TO_PRIMARY, "", NULL, 0);

		if (err == -EDQUOT) {
			fails = middle;
			continue;
		}
		if (err || recv_msg(to, &record, NULL, 0))
			return -EIO;
		passes = middle;
	}
	return passes;
}

/*
 * Finds that the user holds exactly one group, two endpoints and four files when it
 * has just these, and how much memory: returns that, or a negative error number.
 */
static int measure_charges(const char *group)
{
	const struct rlimit files = { 4, 4 };
	const int fds[5] = { 0, 0, 0, 0, 0 };
	struct mpipc_record record;
	char other[MPIPC_GROUP_MAX];
	int primary, secondary, bytes;

	/* Files in flight are bounded for who has no capabilities. */
	if (set_param("user_groups", 1) || set_param("user_endpoints", 2) ||
	    keep_capabilities(1ULL << CAP_DAC_OVERRIDE))
		return -EPERM;
	group_name(other, "other");
	primary = open_primary(group);
	if (primary < 0 || open_primary(other) != -EDQUOT)
		return -EMLINK;
	secondary = open_secondary(group);
	if (secondary < 0 || open_secondary(group) != -EDQUOT)
		return -EUSERS;
	bytes = least_user_bytes(secondary, primary);
	if (bytes < 0 || set_param("user_bytes", 1 << 16))
		return -EDQUOT;
	if (setrlimit(RLIMIT_NOFILE, &files) ||
	    send_fds(secondary, MPIPC_TO_PRIMARY, "", NULL, 0, fds, 5) != -ETOOMANYREFS ||
	    send_fds(secondary, MPIPC_TO_PRIMARY, "", NULL, 0, fds, 4) ||
	    recv_fds(primary, &record, NULL, 0, NULL, 0, 0) != -EMSGSIZE)
		return -ETOOMANYREFS;
	return bytes;
}

static const char *const params[] = { "user_groups", "user_endpoints", "user_bytes" };

/* The same for all if nothing is held. In a process that has nothing open. */
static int charges(void)
{
	long long usual[ARRAY_SIZE(params)];
	char group[MPIPC_GROUP_MAX];
	struct child child;
	__u64 found = 0;

	group_name(group, "charges");
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		usual[i] = get_param(params[i]);
	if (child_fork(&child) < 0)
		return -errno;
	if (!child.pid) {
		child_tell(&child, measure_charges(group));
		_exit(0);
	}
	if (child_hear(&child, &found) || child_wait(&child))
		return -ECHILD;
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		set_param(params[i], usual[i]);
	return found;
}

/* Whether no group is left in this network namespace. */
static bool listing_empty(void)
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

/* What is in flight */

#define MOST_FDS 8
#define MOST_SIZE MPIPC_SIZE_MAX

static char payload[MOST_SIZE];

static void make_payload(void)
{
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = i * 7 + i / 256;
}

/**
 * struct load - what a message or an answer carries
 * @size: bytes
 * @n_fds: write ends of a pipe whose read end tells when all of them are gone
 */
struct load {
	unsigned int size;
	unsigned int n_fds;
};

/* Small; with files; too large for the slab, so that pages are mapped for it. */
static const struct load loads[] = { { 100, 0 }, { 10, MOST_FDS }, { MOST_SIZE, 1 } };

/**
 * struct cargo - a load, ready to be sent
 * @load: what it is
 * @read_end: of the pipe
 * @fds: write ends, all the same
 */
struct cargo {
	struct load load;
	int read_end;
	int fds[MOST_FDS];
};

static void cargo_make(struct __test_metadata *_metadata, struct cargo *cargo,
		       struct load load)
{
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	cargo->load = load;
	cargo->read_end = ends[0];
	for (int i = 0; i < MOST_FDS; i++)
		cargo->fds[i] = ends[1];
}

static struct mpipc_body cargo_body(const struct cargo *cargo)
{
	return make_body("cargo", payload, cargo->load.size, cargo->fds, cargo->load.n_fds);
}

/* From here on only references in flight keep the pipe's write end. */
static void cargo_let_go(const struct cargo *cargo)
{
	close(cargo->fds[0]);
}

/* All references are gone; the last one may be dropped by a kernel thread. */
static void expect_cargo_gone(struct __test_metadata *_metadata, const struct cargo *cargo)
{
	EXPECT_EQ(POLLHUP, poll_for(cargo->read_end, POLLIN, 60 * 1000));
	close(cargo->read_end);
}

/* Where a message goes to. */
static char received[SECONDARIES][MOST_SIZE];
static int received_fds[SECONDARIES][MOST_FDS];

/* Closes what was received; each slot has a descriptor or says why not. */
static void expect_fds(struct __test_metadata *_metadata, const struct fault *fault,
		       const int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (fds[i] < 0)
			expect_clean(_metadata, fault, fds[i]);
		else
			close(fds[i]);
	}
}

/* A record that carries the load was received to the first place. */
static void expect_load(struct __test_metadata *_metadata, const struct fault *fault,
			const struct mpipc_record *record, struct load load)
{
	EXPECT_EQ(load.size, record->size);
	EXPECT_EQ(load.n_fds, record->n_fds);
	EXPECT_STREQ("cargo", record->name);
	EXPECT_EQ(0, memcmp(payload, received[0], load.size));
	expect_fds(_metadata, fault, received_fds[0], load.n_fds);
}

static struct mpipc_recv_args recv_arg(void)
{
	struct mpipc_recv_args recv = {
		.max_size = MOST_SIZE,
		.max_fds = MOST_FDS,
		.data = to_u64(received[0]),
		.fds = to_u64(received_fds[0]),
	};

	return recv;
}

static int receive(int fd, struct mpipc_record *record)
{
	return recv_fds(fd, record, received[0], MOST_SIZE, received_fds[0], MOST_FDS, 0);
}

static void expect_empty(struct __test_metadata *_metadata, int fd)
{
	struct mpipc_record record;
	struct mpipc_info info;

	EXPECT_EQ(-EAGAIN, receive(fd, &record));
	ASSERT_EQ(0, get_info(fd, &info));
	EXPECT_EQ(0, info.queued);
	EXPECT_EQ(0, info.queued_bytes);
}

/* One record of that type and status is there. */
static void expect_record(struct __test_metadata *_metadata, int fd, int type, int status)
{
	struct mpipc_record record;

	ASSERT_EQ(0, receive(fd, &record));
	EXPECT_EQ(type, record.type);
	EXPECT_EQ(status, record.status);
}

/* The fixture */

FIXTURE(fault)
{
	char group[MPIPC_GROUP_MAX];
	char other[MPIPC_GROUP_MAX];
	int charges;
	unsigned int fds;
	int primary;
	int secondary[SECONDARIES];
	__u64 id[SECONDARIES];
};

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, set_up_faults());
	make_payload();
	group_name(self->group, "fault");
	group_name(self->other, "other");
	self->charges = charges();
	ASSERT_LT(0, self->charges);
	self->fds = count_fds();
	self->primary = open_primary(self->group);
	ASSERT_LE(0, self->primary);
	for (int i = 0; i < SECONDARIES; i++) {
		self->secondary[i] = open_secondary(self->group);
		ASSERT_LE(0, self->secondary[i]);
		self->id[i] = endpoint_id(self->secondary[i]);
	}
}

FIXTURE_TEARDOWN(fault)
{
	close(self->primary);
	for (int i = 0; i < SECONDARIES; i++)
		close(self->secondary[i]);
	EXPECT_EQ(self->fds, count_fds());
	EXPECT_TRUE(listing_empty());
	EXPECT_EQ(self->charges, charges());
}

#define TEST_FAULT(name) TEST_F_TIMEOUT(fault, name, TIMEOUT)

/* A primary and a secondary with empty mailboxes can do all there is. */
static void expect_talk(struct __test_metadata *_metadata, int primary, int secondary)
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

static void expect_all_talk(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self)
{
	for (int i = 0; i < SECONDARIES; i++)
		expect_talk(_metadata, self->primary, self->secondary[i]);
}

/* Sending */

/* Whether each of them got the load, which the sender was told of. */
static void expect_arrival(struct __test_metadata *_metadata, const struct fault *fault,
			   const int *to, int n, const struct cargo *cargo, bool sent)
{
	struct mpipc_record record;

	for (int i = 0; i < n && sent; i++) {
		ASSERT_EQ(0, receive(to[i], &record));
		expect_load(_metadata, fault, &record, cargo->load);
	}
	expect_cargo_gone(_metadata, cargo);
}

static void try_send(struct __test_metadata *_metadata, int from, __u64 to,
		     const int *receivers, int n, struct load load)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_send_args send = { .to = to };
		struct cargo cargo;
		int ret;

		cargo_make(_metadata, &cargo, load);
		send.body = cargo_body(&cargo);
		ret = WITH_FAULT(fault, do_ioctl(from, MPIPC_SEND, &send));
		cargo_let_go(&cargo);
		expect_clean(_metadata, &fault, ret);
		EXPECT_EQ(ret ? 0 : n, send.sent);
		EXPECT_EQ(0, send.full);
		expect_arrival(_metadata, &fault, receivers, n, &cargo, !ret);
	}
}

TEST_FAULT(send_to_one_arrives_once_or_not_at_all)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		try_send(_metadata, self->primary, self->id[0], self->secondary, 1, loads[i]);
		try_send(_metadata, self->secondary[0], MPIPC_TO_PRIMARY, &self->primary, 1,
			 loads[i]);
	}
	expect_all_talk(_metadata, self);
}

TEST_FAULT(send_to_all_arrives_everywhere_once_or_nowhere)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++)
		try_send(_metadata, self->primary, MPIPC_TO_ALL, self->secondary, SECONDARIES,
			 loads[i]);
	expect_all_talk(_metadata, self);
}

static void try_write(struct __test_metadata *_metadata, int from, __u64 to,
		      const int *receivers, int n, unsigned int size)
{
	struct {
		struct mpipc_record record;
		char data[MOST_SIZE];
	} *written = calloc(1, sizeof(*written));

	ASSERT_NE(NULL, written);
	written->record.type = MPIPC_MESSAGE;
	written->record.peer = to;
	written->record.size = size;
	strcpy(written->record.name, "cargo");
	memcpy(written->data, payload, size);
	FOR_EACH_FAULT(fault) {
		struct cargo cargo;
		int ret;

		cargo_make(_metadata, &cargo, (struct load){ .size = size });
		cargo_let_go(&cargo);
		ret = WITH_FAULT(fault, do_write(from, written, sizeof(written->record) + size));
		expect_clean(_metadata, &fault, ret);
		expect_arrival(_metadata, &fault, receivers, n, &cargo, !ret);
	}
	free(written);
}

TEST_FAULT(write_arrives_once_or_not_at_all)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		try_write(_metadata, self->primary, self->id[0], self->secondary, 1,
			  loads[i].size);
		try_write(_metadata, self->primary, MPIPC_TO_ALL, self->secondary, SECONDARIES,
			  loads[i].size);
		try_write(_metadata, self->secondary[0], MPIPC_TO_PRIMARY, &self->primary, 1,
			  loads[i].size);
	}
	expect_all_talk(_metadata, self);
}

/* Waiting for room */

/**
 * struct crowd - a group whose secondaries' mailboxes hold one message, and have it
 * @primary: who sends to them
 * @secondary: they
 * @sender: the thread that waits for room
 * @done: it does not any more
 */
struct crowd {
	int primary;
	int secondary[SECONDARIES];
	pid_t sender;
	int done;
};

static void crowd_make(struct __test_metadata *_metadata, struct crowd *crowd,
		       const char *group)
{
	crowd->done = 0;
	crowd->sender = gettid();
	crowd->primary = open_primary(group);
	ASSERT_LE(0, crowd->primary);
	for (int i = 0; i < SECONDARIES; i++) {
		crowd->secondary[i] = open_small(group, MPIPC_SECONDARY, 0, 1);
		ASSERT_LE(0, crowd->secondary[i]);
	}
	ASSERT_EQ(0, send_msg(crowd->primary, MPIPC_TO_ALL, "first", NULL, 0));
}

static void crowd_close(struct crowd *crowd)
{
	close(crowd->primary);
	for (int i = 0; i < SECONDARIES; i++)
		close(crowd->secondary[i]);
}

/* Takes what is in the mailboxes when the sender sleeps or has come back. */
static void *make_room(void *arg)
{
	struct crowd *crowd = arg;
	struct mpipc_record record;

	while (!__atomic_load_n(&crowd->done, __ATOMIC_ACQUIRE) &&
	       task_state(crowd->sender) != 'S')
		sched_yield();
	for (int i = 0; i < SECONDARIES; i++)
		if (recv_msg(crowd->secondary[i], &record, NULL, 0))
			return arg;
	return NULL;
}

static int ioctl_with_room(struct __test_metadata *_metadata, struct crowd *crowd,
			   struct fault *fault, unsigned long cmd, void *arg)
{
	pthread_t thread;
	void *failed;
	int ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, make_room, crowd));
	ret = WITH_FAULT(*fault, do_ioctl(crowd->primary, cmd, arg));
	__atomic_store_n(&crowd->done, 1, __ATOMIC_RELEASE);
	pthread_join(thread, &failed);
	EXPECT_EQ(NULL, failed);
	expect_clean(_metadata, fault, ret);
	return ret;
}

/* What arrived at each is what the sender was told. */
static void expect_told(struct __test_metadata *_metadata, struct crowd *crowd,
			int type, const bool *sent)
{
	struct mpipc_record record;

	for (int i = 0; i < SECONDARIES; i++) {
		if (sent[i]) {
			ASSERT_EQ(0, receive(crowd->secondary[i], &record));
			EXPECT_EQ(type, record.type);
			EXPECT_EQ(0, record.lost);
		}
		expect_empty(_metadata, crowd->secondary[i]);
	}
}

TEST_FAULT(send_to_all_that_waits_for_room_says_how_many_got_it)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_send_args send = {
			.to = MPIPC_TO_ALL,
			.deadline = MPIPC_FOREVER,
			.body = make_body("second", NULL, 0, NULL, 0),
		};
		bool sent[SECONDARIES];
		struct crowd crowd;
		int ret;

		crowd_make(_metadata, &crowd, self->other);
		ret = ioctl_with_room(_metadata, &crowd, &fault, MPIPC_SEND, &send);
		EXPECT_EQ(ret ? 0 : SECONDARIES, send.sent + send.full);
		if (!fault.fired)
			EXPECT_EQ(SECONDARIES, send.sent);
		/* It waits for all, or for none. */
		EXPECT_TRUE(send.sent == 0 || send.sent == SECONDARIES);
		memset(sent, send.sent ? 1 : 0, sizeof(sent));
		expect_told(_metadata, &crowd, MPIPC_MESSAGE, sent);
		crowd_close(&crowd);
	}
}

TEST_FAULT(call_to_all_that_waits_for_room_has_a_result_for_each)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_call_args call = call_arg(MPIPC_TO_ALL, "second", NULL, 0, NULL, 0);
		bool sent[SECONDARIES];
		struct crowd crowd;
		int ret;

		call.flags = MPIPC_CALL_ASYNC | MPIPC_CALL_WAIT_SPACE;
		crowd_make(_metadata, &crowd, self->other);
		ret = ioctl_with_room(_metadata, &crowd, &fault, MPIPC_CALL, &call);
		memset(sent, !ret, sizeof(sent));
		/* Who could not be waited for has a result already. */
		for (int i = 0; i < SECONDARIES; i++) {
			struct mpipc_record record;

			if (receive(crowd.primary, &record))
				break;
			EXPECT_TRUE(fault.fired);
			EXPECT_EQ(-EAGAIN, record.status);
			sent[i] = false;
		}
		expect_told(_metadata, &crowd, MPIPC_REQUEST, sent);
		crowd_close(&crowd);
	}
}

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
		/* Without descriptors only if it was received that way. */
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
 * A table of descriptors grows when its 65th is needed, so that this one may fail, and
 * the next one not. It is that of a child: no table shrinks.
 */
static int fill_slots(const struct child *child, const char *group, struct fault *fault)
{
	int fds[3], fd, last, ret;
	struct mpipc_record record;

	/* Those which there are belong to the parent's thread. */
	close(fail_nth);
	close(make_it_fail);
	if (set_up_faults())
		return -ENODEV;
	fd = open_secondary(group);
	do
		last = dup(STDERR_FILENO);
	while (last >= 0 && last < 62);
	if (fd < 0 || last != 62 || child_tell(child, endpoint_id(fd)) || child_hear(child, NULL))
		return -EINVAL;
	ret = WITH_FAULT(*fault, recv_fds(fd, &record, NULL, 0, fds, 3, 0));
	if (ret)
		ret = recv_fds(fd, &record, NULL, 0, fds, 3, 0);
	if (ret || record.n_fds != 3 || fds[0] != 63)
		return -EBADMSG;
	/* No slot is skipped, none is filled twice. */
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
		ASSERT_EQ(0, child_tell(&child, 0));
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
		/* Together with the rest, each is there once, in order and whole. */
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

/* Calls */

/* Takes the request, answers it with the load. */
static void answer(struct __test_metadata *_metadata, int fd, struct load load)
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

static void try_async(struct __test_metadata *_metadata, int from, __u64 to,
		      const int *receivers, int n, struct load load, __u64 deadline)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_call_args call = call_arg(to, "", NULL, 0, NULL, 0);
		struct mpipc_record record;
		struct cargo cargo;
		int ret;

		cargo_make(_metadata, &cargo, load);
		call.flags = MPIPC_CALL_ASYNC;
		call.body = cargo_body(&cargo);
		call.reply_size = load.size;
		call.deadline = deadline;
		ret = WITH_FAULT(fault, do_ioctl(from, MPIPC_CALL, &call));
		cargo_let_go(&cargo);
		expect_clean(_metadata, &fault, ret);
		EXPECT_EQ(!ret, !!call.id);
		if (!ret)
			EXPECT_EQ(n, call.n_results);
		expect_arrival(_metadata, &fault, receivers, n, &cargo, !ret);
		for (int i = 0; i < n && !ret; i++) {
			EXPECT_EQ(0, reply_msg(receivers[i], call.id, 0, payload, load.size));
			ASSERT_EQ(0, receive(from, &record));
			EXPECT_EQ(call.id, record.call);
			EXPECT_EQ(0, record.status);
			EXPECT_EQ(i == n - 1, !!(record.flags & MPIPC_REC_LAST));
		}
		expect_empty(_metadata, from);
	}
}

TEST_FAULT(asynchronous_call_is_made_whole_or_not_at_all)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		try_async(_metadata, self->secondary[0], MPIPC_TO_PRIMARY, &self->primary, 1,
			  loads[i], MPIPC_FOREVER);
		try_async(_metadata, self->primary, MPIPC_TO_ALL, self->secondary, SECONDARIES,
			  loads[i], in_ms(1000 * TIMEOUT));
	}
	expect_all_talk(_metadata, self);
}

/**
 * struct server - a thread that answers what one secondary is asked
 * @thread: the thread
 * @fd: the secondary
 * @cargo: what an answer carries, set before it is asked
 * @served: requests so far
 */
struct server {
	pthread_t thread;
	int fd;
	const struct cargo *cargo;
	unsigned int served;
};

static void *serve(void *arg)
{
	struct mpipc_reply_recv_args both = { .recv.deadline = MPIPC_FOREVER };
	struct server *server = arg;

	while (!do_ioctl(server->fd, MPIPC_REPLY_RECV, &both)) {
		both.reply.call = both.recv.record.call;
		both.reply.body = cargo_body(server->cargo);
		server->served++;
	}
	return NULL;
}

/* Where the results of a call to all go. */
static struct mpipc_record results[SECONDARIES];

static struct mpipc_call_args sync_call(__u64 to, struct load load)
{
	struct mpipc_call_args call = call_arg(to, "", NULL, 0, results, SECONDARIES);

	call.reply_size = load.size;
	call.reply_fds = load.n_fds;
	call.reply_data = to_u64(received);
	call.reply_fd_list = to_u64(received_fds);
	return call;
}

/* All have answered with the load. */
static void expect_results(struct __test_metadata *_metadata, const struct fault *fault,
			   const struct mpipc_call_args *call, int n, struct load load)
{
	const char *data = (const char *)received;
	const int *fds = (const int *)received_fds;

	EXPECT_EQ(n, call->n_results);
	for (int i = 0; i < n; i++) {
		EXPECT_EQ(MPIPC_REPLY_TO, results[i].type);
		EXPECT_EQ(0, results[i].status);
		EXPECT_EQ(load.size, results[i].size);
		EXPECT_EQ(load.n_fds, results[i].n_fds);
		EXPECT_EQ(0, memcmp(payload, data + i * load.size, load.size));
		expect_fds(_metadata, fault, fds + i * load.n_fds, load.n_fds);
	}
}

/* Has so many servers asked by their primary. */
static void try_sync(struct __test_metadata *_metadata, const char *group, int n,
		     struct load load)
{
	struct server servers[SECONDARIES] = { };
	int primary = open_primary(group);
	unsigned int calls = 0;
	__u64 to;

	ASSERT_LE(0, primary);
	for (int i = 0; i < n; i++) {
		servers[i].fd = open_secondary(group);
		ASSERT_LE(0, servers[i].fd);
		ASSERT_EQ(0, pthread_create(&servers[i].thread, NULL, serve, &servers[i]));
	}
	to = n == 1 ? endpoint_id(servers[0].fd) : MPIPC_TO_ALL;
	FOR_EACH_FAULT(fault) {
		struct mpipc_call_args call = sync_call(to, load);
		struct cargo cargo;
		int ret;

		cargo_make(_metadata, &cargo, load);
		for (int i = 0; i < n; i++)
			servers[i].cargo = &cargo;
		ret = WITH_FAULT(fault, do_ioctl(primary, MPIPC_CALL, &call));
		expect_clean(_metadata, &fault, ret);
		/* Gone on with if it has an id; otherwise it was not made. */
		if (ret)
			ASSERT_EQ(0, do_ioctl(primary, MPIPC_CALL, &call));
		calls++;
		expect_results(_metadata, &fault, &call, n, load);
		cargo_let_go(&cargo);
		expect_cargo_gone(_metadata, &cargo);
		expect_empty(_metadata, primary);
	}
	for (int i = 0; i < n; i++) {
		EXPECT_EQ(0, leave(servers[i].fd));
		pthread_join(servers[i].thread, NULL);
		EXPECT_EQ(calls, servers[i].served);
		close(servers[i].fd);
	}
	close(primary);
}

TEST_FAULT(synchronous_call_has_its_results_now_or_when_it_is_resumed)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		try_sync(_metadata, self->other, 1, loads[i]);
		try_sync(_metadata, self->other, SECONDARIES, loads[i]);
	}
}

static void ignore(int signal)
{
}

/* Makes a call that a signal ends. */
static int interrupt(int fd, struct mpipc_call_args *call)
{
	const struct itimerval often = { { 0, 10000 }, { 0, 10000 } }, never = { };
	const struct sigaction action = { .sa_handler = ignore };
	int ret;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	ret = do_ioctl(fd, MPIPC_CALL, call);
	setitimer(ITIMER_REAL, &never, NULL);
	return ret;
}

static void try_resume(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
		       struct load load)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_call_args call = sync_call(MPIPC_TO_ALL, load);
		int ret;

		ASSERT_EQ(-EINTR, interrupt(self->primary, &call));
		ASSERT_NE(0, call.id);
		for (int i = 0; i < SECONDARIES; i++)
			answer(_metadata, self->secondary[i], load);
		ret = WITH_FAULT(fault, do_ioctl(self->primary, MPIPC_CALL, &call));
		expect_clean(_metadata, &fault, ret);
		if (ret)
			ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_CALL, &call));
		expect_results(_metadata, &fault, &call, SECONDARIES, load);
		EXPECT_EQ(-ESRCH, do_ioctl(self->primary, MPIPC_CALL, &call));
	}
}

TEST_FAULT(interrupted_call_keeps_its_results_until_they_are_taken)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++)
		try_resume(_metadata, self, loads[i]);
	expect_all_talk(_metadata, self);
}

/* A request is with the primary; its id, and what the answer may carry. */
static __u64 ask(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self,
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

/* The answer is with who asked, once. */
static void expect_answer(struct __test_metadata *_metadata, const struct fault *fault,
			  int fd, const struct cargo *cargo)
{
	struct mpipc_record record;

	cargo_let_go(cargo);
	ASSERT_EQ(0, receive(fd, &record));
	EXPECT_EQ(0, record.status);
	EXPECT_EQ(MPIPC_REC_REPLIED | MPIPC_REC_LAST, record.flags);
	expect_load(_metadata, fault, &record, cargo->load);
	expect_empty(_metadata, fd);
	expect_cargo_gone(_metadata, cargo);
}

TEST_FAULT(request_whose_answer_failed_can_still_be_answered)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		FOR_EACH_FAULT(fault) {
			struct mpipc_reply_args reply = {
				.call = ask(_metadata, self, loads[i]),
			};
			struct cargo cargo;
			int ret;

			cargo_make(_metadata, &cargo, loads[i]);
			reply.body = cargo_body(&cargo);
			ret = WITH_FAULT(fault, do_ioctl(self->primary, MPIPC_REPLY, &reply));
			expect_clean(_metadata, &fault, ret);
			EXPECT_EQ(ret ? 0 : -ESRCH,
				  do_ioctl(self->primary, MPIPC_REPLY, &reply));
			expect_answer(_metadata, &fault, self->secondary[0], &cargo);
		}
	}
	expect_all_talk(_metadata, self);
}

TEST_FAULT(reply_and_receive_says_which_of_the_two_failed)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		FOR_EACH_FAULT(fault) {
			struct mpipc_reply_recv_args both = { .recv = recv_arg() };
			struct cargo cargo;
			__u64 call;
			int ret;

			call = ask(_metadata, self, loads[i]);
			ASSERT_EQ(0, send_msg(self->secondary[1], MPIPC_TO_PRIMARY, "next",
					      NULL, 0));
			cargo_make(_metadata, &cargo, loads[i]);
			both.reply.call = call;
			both.reply.body = cargo_body(&cargo);
			ret = WITH_FAULT(fault,
					 do_ioctl(self->primary, MPIPC_REPLY_RECV, &both));
			expect_clean(_metadata, &fault, ret);
			expect_clean(_metadata, &fault, both.reply_error);
			if (ret)
				EXPECT_EQ(0, receive(self->primary, &both.recv.record));
			EXPECT_STREQ("next", both.recv.record.name);
			/* Nothing of it took place, or all but the answer, or but the record. */
			if (both.reply.call || both.reply_error) {
				both.reply.call = call;
				EXPECT_EQ(0, do_ioctl(self->primary, MPIPC_REPLY, &both.reply));
			}
			expect_answer(_metadata, &fault, self->secondary[0], &cargo);
		}
	}
	expect_all_talk(_metadata, self);
}

TEST_FAULT(result_of_an_asynchronous_call_is_received_or_stays)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		FOR_EACH_FAULT(fault) {
			struct mpipc_reply_args reply = {
				.call = ask(_metadata, self, loads[i]),
			};
			struct mpipc_recv_args recv = recv_arg();
			struct cargo cargo;
			int ret;

			cargo_make(_metadata, &cargo, loads[i]);
			reply.body = cargo_body(&cargo);
			EXPECT_EQ(0, do_ioctl(self->primary, MPIPC_REPLY, &reply));
			cargo_let_go(&cargo);
			ret = WITH_FAULT(fault, do_ioctl(self->secondary[0], MPIPC_RECV, &recv));
			expect_clean(_metadata, &fault, ret);
			if (ret)
				ASSERT_EQ(0, receive(self->secondary[0], &recv.record));
			expect_load(_metadata, &fault, &recv.record, loads[i]);
			EXPECT_EQ(reply.call, recv.record.call);
			expect_empty(_metadata, self->secondary[0]);
			expect_cargo_gone(_metadata, &cargo);
		}
	}
	expect_all_talk(_metadata, self);
}

TEST_FAULT(call_is_cancelled_or_goes_on)
{
	FOR_EACH_FAULT(fault) {
		struct mpipc_cancel_args cancel = { .call = ask(_metadata, self, loads[0]) };
		int ret = WITH_FAULT(fault, do_ioctl(self->secondary[0], MPIPC_CANCEL, &cancel));

		expect_clean(_metadata, &fault, ret);
		EXPECT_EQ(ret ? 0 : -ESRCH,
			  do_ioctl(self->secondary[0], MPIPC_CANCEL, &cancel));
		expect_record(_metadata, self->secondary[0], MPIPC_REPLY_TO, -ECANCELED);
		EXPECT_EQ(-ESRCH, reply_msg(self->primary, cancel.call, 0, NULL, 0));
	}
	expect_all_talk(_metadata, self);
}

/* Files and members */

TEST_FAULT(open_gives_a_file_that_can_join_or_none)
{
	FOR_EACH_FAULT(fault) {
		int fd = WITH_FAULT(fault, do_open(MPIPC_DEVICE, O_RDWR));

		expect_clean(_metadata, &fault, fd < 0 ? fd : 0);
		if (fd < 0)
			continue;
		EXPECT_EQ(0, join_secondary(fd, self->group));
		expect_talk(_metadata, self->primary, fd);
		close(fd);
	}
	expect_all_talk(_metadata, self);
}

/* Opens and joins as another user, who may do what root may. */
static int open_as_other(const char *group, enum mpipc_role role, __u32 flags)
{
	int fd;

	if (setresuid(OTHER_USER, -1, -1))
		return -errno;
	fd = open_joined(group, role, flags);
	return setresuid(0, -1, -1) ? -errno : fd;
}

/* Opens and joins: at once, or when that failed cleanly. */
static int join_despite(struct __test_metadata *_metadata, struct fault *fault,
			const char *group, enum mpipc_role role, __u32 flags)
{
	int fd = open_dev();
	int ret = WITH_FAULT(*fault, join_flags(fd, group, role, flags));

	expect_clean(_metadata, fault, ret);
	if (!ret)
		return fd;
	/* It has left again if it could not be told its id. */
	if (ret == -EFAULT && leave(fd) == -ESHUTDOWN) {
		close(fd);
		return open_joined(group, role, flags);
	}
	EXPECT_EQ(0, join_flags(fd, group, role, flags));
	return fd;
}

/* Nothing is there but so many events of that kind. */
static void expect_events(struct __test_metadata *_metadata, int fd, int type, int n)
{
	while (n--)
		expect_record(_metadata, fd, type, 0);
	expect_empty(_metadata, fd);
}

/* What follows is tried with one fault, and with no more memory from there on. */
static const struct fault ways_to_fail[] = {
	{ .fired = true },
	{ .fired = true, .lasting = true },
};

static void try_first_primary(struct __test_metadata *_metadata, const char *group,
			      struct fault fault)
{
	while (next_fault(_metadata, &fault)) {
		int primary = join_despite(_metadata, &fault, group, MPIPC_PRIMARY, 0);
		int secondary = open_secondary(group);

		ASSERT_LE(0, secondary);
		expect_talk(_metadata, primary, secondary);
		close(secondary);
		close(primary);
		EXPECT_EQ(-ENOENT, open_secondary(group));
	}
}

TEST_FAULT(first_primary_makes_the_group_or_leaves_no_trace)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways_to_fail); i++)
		try_first_primary(_metadata, self->other, ways_to_fail[i]);
}

static void try_secondary(struct __test_metadata *_metadata, const char *group, int primary,
			  uid_t uid, struct fault fault)
{
	while (next_fault(_metadata, &fault)) {
		int secondary;

		ASSERT_EQ(0, setresuid(uid, -1, -1));
		secondary = join_despite(_metadata, &fault, group, MPIPC_SECONDARY,
					 MPIPC_JOIN_EVENTS);
		ASSERT_EQ(0, setresuid(0, -1, -1));
		expect_events(_metadata, primary, MPIPC_JOINED, 1);
		expect_events(_metadata, secondary, MPIPC_JOINED, 1);
		expect_talk(_metadata, primary, secondary);
		close(secondary);
		expect_events(_metadata, primary, MPIPC_LEFT, 1);
	}
}

TEST_FAULT(secondary_joins_and_is_told_of_once)
{
	int primary = open_joined(self->other, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);

	ASSERT_LE(0, primary);
	for (size_t i = 0; i < ARRAY_SIZE(ways_to_fail); i++) {
		try_secondary(_metadata, self->other, primary, 0, ways_to_fail[i]);
		try_secondary(_metadata, self->other, primary, OTHER_USER, ways_to_fail[i]);
	}
	close(primary);
}

/* The first two of the followers asked for events. */
static void try_next_primary(struct __test_metadata *_metadata, const char *group,
			     const int *followers, int n, struct fault fault)
{
	while (next_fault(_metadata, &fault)) {
		int primary = join_despite(_metadata, &fault, group, MPIPC_PRIMARY,
					   MPIPC_JOIN_EVENTS);

		expect_events(_metadata, primary, MPIPC_JOINED, n);
		for (int i = 0; i < 2; i++)
			expect_events(_metadata, followers[i], MPIPC_JOINED, 1);
		for (int i = 0; i < n; i++)
			expect_talk(_metadata, primary, followers[i]);
		close(primary);
		for (int i = 0; i < 2; i++)
			expect_events(_metadata, followers[i], MPIPC_LEFT, 1);
	}
}

TEST_FAULT(primary_joins_with_all_its_followers)
{
	const __u32 events = MPIPC_JOIN_EVENTS, follow = MPIPC_JOIN_FOLLOW;
	int primary = open_primary(self->other);
	int followers[] = {
		open_joined(self->other, MPIPC_SECONDARY, follow | events),
		open_as_other(self->other, MPIPC_SECONDARY, follow | events),
		open_as_other(self->other, MPIPC_SECONDARY, follow),
	};
	const int n = ARRAY_SIZE(followers);

	/* Unread events would be withdrawn. */
	for (int i = 0; i < 2; i++)
		expect_events(_metadata, followers[i], MPIPC_JOINED, 1);
	close(primary);
	for (int i = 0; i < 2; i++)
		expect_events(_metadata, followers[i], MPIPC_LEFT, 1);
	for (size_t i = 0; i < ARRAY_SIZE(ways_to_fail); i++)
		try_next_primary(_metadata, self->other, followers, n, ways_to_fail[i]);
	for (int i = 0; i < n; i++)
		close(followers[i]);
}

/*
 * Two that hold all sorts of things for each other: messages with files, requests that
 * nobody answered, results that nobody took.
 */
struct couple {
	int primary;
	int secondary;
	struct cargo down;
	struct cargo up;
};

static void couple_make(struct __test_metadata *_metadata, struct couple *couple,
			const char *group)
{
	__u64 id;

	couple->primary = open_joined(group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, couple->primary);
	couple->secondary = open_joined(group, MPIPC_SECONDARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, couple->secondary);
	id = endpoint_id(couple->secondary);
	expect_events(_metadata, couple->primary, MPIPC_JOINED, 1);
	expect_events(_metadata, couple->secondary, MPIPC_JOINED, 1);

	/* Each has been asked before and has answered, then the rest stays. */
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, call_async(couple->primary, id, "", 0, MPIPC_FOREVER, NULL));
		ASSERT_EQ(0, call_async(couple->secondary, MPIPC_TO_PRIMARY, "", 0,
					MPIPC_FOREVER, NULL));
		if (i)
			break;
		answer(_metadata, couple->primary, (struct load){ });
		answer(_metadata, couple->secondary, (struct load){ });
	}
	cargo_make(_metadata, &couple->down, loads[1]);
	cargo_make(_metadata, &couple->up, loads[1]);
	ASSERT_EQ(0, send_fds(couple->primary, id, "", NULL, 0, couple->down.fds, MOST_FDS));
	ASSERT_EQ(0, send_fds(couple->secondary, MPIPC_TO_PRIMARY, "", NULL, 0, couple->up.fds,
			      MOST_FDS));
	cargo_let_go(&couple->down);
	cargo_let_go(&couple->up);
}

/* What the other has of one that is gone. */
static void expect_parted(struct __test_metadata *_metadata, const struct fault *fault, int fd,
			  const struct cargo *dropped, const struct cargo *arrived)
{
	struct mpipc_record record;

	expect_cargo_gone(_metadata, dropped);
	expect_record(_metadata, fd, MPIPC_REPLY_TO, 0);
	ASSERT_EQ(0, receive(fd, &record));
	EXPECT_EQ(MPIPC_REQUEST, record.type);
	EXPECT_EQ(-ESRCH, reply_msg(fd, record.call, 0, NULL, 0));
	ASSERT_EQ(0, receive(fd, &record));
	EXPECT_EQ(MPIPC_MESSAGE, record.type);
	EXPECT_EQ(MOST_FDS, record.n_fds);
	expect_fds(_metadata, fault, received_fds[0], MOST_FDS);
	expect_cargo_gone(_metadata, arrived);
	expect_record(_metadata, fd, MPIPC_REPLY_TO, -ECONNRESET);
	expect_events(_metadata, fd, MPIPC_LEFT, 1);
}

/* Nothing in it should be able to fail, but in the kernel around it. */
static void try_part(struct __test_metadata *_metadata, const char *group, bool primary_goes,
		     int (*part)(int fd))
{
	struct fault fault = { .fired = true, .optional = true };

	while (next_fault(_metadata, &fault)) {
		struct couple couple;

		couple_make(_metadata, &couple, group);
		if (primary_goes) {
			EXPECT_EQ(0, WITH_FAULT(fault, part(couple.primary)));
			expect_parted(_metadata, &fault, couple.secondary, &couple.up,
				      &couple.down);
		} else {
			EXPECT_EQ(0, WITH_FAULT(fault, part(couple.secondary)));
			expect_parted(_metadata, &fault, couple.primary, &couple.down,
				      &couple.up);
		}
		close(couple.primary);
		close(couple.secondary);
	}
}

TEST_FAULT(close_always_ends_the_membership)
{
	try_part(_metadata, self->other, true, close);
	try_part(_metadata, self->other, false, close);
}

TEST_FAULT(leaving_always_ends_the_membership)
{
	try_part(_metadata, self->other, true, leave);
	try_part(_metadata, self->other, false, leave);
}

/* What can be looked at */

TEST_FAULT(info_tells_all_or_nothing)
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

/* So many that their listings take several pages. */
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

/* The whole file, or a negative error number. */
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
	int len, fd = do_open(path, O_RDONLY);

	ASSERT_LE(0, fd);
	len = read_whole(fd, plain, sizeof(plain));
	ASSERT_LT(0, len);
	close(fd);
	FOR_EACH_FAULT(fault) {
		int ret;

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

/* The module itself */

static void expect_works(struct __test_metadata *_metadata)
{
	char group[MPIPC_GROUP_MAX];
	int primary, secondary;

	group_name(group, "works");
	primary = open_primary(group);
	ASSERT_LE(0, primary);
	secondary = open_secondary(group);
	ASSERT_LE(0, secondary);
	expect_talk(_metadata, primary, secondary);
	close(primary);
	close(secondary);
	EXPECT_TRUE(listing_empty());
}

/*
 * Before the kernel runs code of the module it does much in which that has no part, and
 * complains, with warnings, if this fails. So here the last fault comes first, until there
 * is one before the module is reached. KCOV tells: nothing else feeds it.
 */
static unsigned long *kcov;

static int kcov_start(void)
{
	const size_t words = 1 << 16;
	int fd = do_open("/sys/kernel/debug/kcov", O_RDWR);

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, words))
		return -errno;
	kcov = mmap(NULL, words * sizeof(*kcov), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (kcov == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		return -errno;
	return 0;
}

/* Whether this thread was in the module since it asked last. */
static bool module_ran(void)
{
	return __atomic_exchange_n(kcov, 0, __ATOMIC_RELAXED);
}

/* The number of the last fault of a call, which is made without any. */
#define LAST_FAULT(call) ({				\
	arm_nth(MOST_FAULTS);				\
	ASSERT_EQ(0, (call));				\
	(struct fault){ .nth = MOST_FAULTS - disarm_nth() };	\
})

FIXTURE(loading)
{
	struct kmod_ctx *ctx;
	struct kmod_module *file;
	int fd;
};

static int load(int fd)
{
	return syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
}

static int unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

static bool is_loaded(void)
{
	return !access("/sys/module/" MODULE "/initstate", F_OK);
}

FIXTURE_SETUP(loading)
{
	ASSERT_EQ(0, set_up_faults());
	self->ctx = kmod_new(NULL, NULL);
	ASSERT_NE(NULL, self->ctx);
	self->file = module_file(self->ctx);
	ASSERT_NE(NULL, self->file);
	self->fd = do_open(kmod_module_get_path(self->file), O_RDONLY);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(loading)
{
	if (!is_loaded())
		EXPECT_EQ(0, load(self->fd));
	expect_works(_metadata);
	close(self->fd);
	kmod_module_unref(self->file);
	kmod_unref(self->ctx);
}

/* That what failed was undone is seen when it is loaded again. */
TEST_F_TIMEOUT(loading, module_is_loaded_or_leaves_no_trace, TIMEOUT)
{
	struct fault fault;
	bool reached;

	ASSERT_EQ(0, kcov_start());
	/* It prepares each, so that what was done for one is undone if another fails. */
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, unload());
	fault = LAST_FAULT(load(self->fd));
	ASSERT_EQ(0, unload());
	do {
		int ret;

		module_ran();
		ret = WITH_FAULT(fault, load(self->fd));
		reached = module_ran();
		expect_clean(_metadata, &fault, ret);
		EXPECT_EQ(!ret, is_loaded());
		EXPECT_EQ(!ret, !access("/proc/net/mpipc", F_OK));
		if (ret) {
			EXPECT_NE(0, access(MPIPC_DEVICE, F_OK));
			continue;
		}
		/* The kernel may fail to make the device's node and not tell. */
		if (!fault.fired || !access(MPIPC_DEVICE, F_OK))
			expect_works(_metadata);
		ASSERT_EQ(0, unload());
	} while (reached && --fault.nth);
	EXPECT_LT(0, fault.nth);
	ASSERT_EQ(0, load(self->fd));
}

TEST_F_TIMEOUT(loading, module_is_unloaded_or_still_works, TIMEOUT)
{
	FOR_EACH_FAULT(fault) {
		int ret = WITH_FAULT(fault, unload());

		expect_clean(_metadata, &fault, ret);
		EXPECT_EQ(!!ret, is_loaded());
		if (!ret)
			ASSERT_EQ(0, load(self->fd));
		expect_works(_metadata);
	}
}

TEST_HARNESS_MAIN
