// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of memory cgroups: messages count for the cgroup of the process that sent them, for
 * as long as they exist. At the limit of the cgroup the sender fails, and nobody else.
 *
 * Promise: P14
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "message.h"
#include "user.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>

/* Cgroups, which are mounted for this test only */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/**
 * struct cgroup - a cgroup with a memory controller
 * @path: its directory
 */
struct cgroup {
	char path[128];
};

static int mount_cgroups(char *top, size_t size)
{
	char path[128];

	snprintf(top, size, "/tmp/mpipc-memcg.XXXXXX");
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    !mkdtemp(top) || mount("cgroup2", top, "cgroup2", 0, NULL))
		return -errno;
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", top);
	return write_file(path, "+memory");
}

static int cgroup_make(struct cgroup *cgroup, const char *top, const char *name)
{
	snprintf(cgroup->path, sizeof(cgroup->path), "%s/mpipc-%s-%d", top, name,
		 (int)getpid());
	return mkdir(cgroup->path, 0755) ? -errno : 0;
}

static int cgroup_set(struct cgroup *cgroup, const char *file, const char *text)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", cgroup->path, file);
	return write_file(path, text);
}

/* Move this process to the cgroup. */
static int cgroup_enter(struct cgroup *cgroup)
{
	return cgroup_set(cgroup, "cgroup.procs", "0");
}

/* Return the number after @key in a file, or the only number if there is no key. */
static long long cgroup_get(struct cgroup *cgroup, const char *file, const char *key)
{
	char path[192], format[64], line[128];
	long long value = -1;
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", cgroup->path, file);
	snprintf(format, sizeof(format), *key ? "%s %%lld" : "%s%%lld", key);
	stream = fopen(path, "re");
	while (stream && fgets(line, sizeof(line), stream))
		if (sscanf(line, format, &value) == 1)
			break;
	if (stream)
		fclose(stream);
	return value;
}

static long long memory_of(struct cgroup *cgroup)
{
	return cgroup_get(cgroup, "memory.current", "");
}

FIXTURE(memcg)
{
	char top[64];
	struct cgroup own;	/* of this process, which receives */
	struct cgroup senders;
	struct child sender;
	int receiver;
	char group[MPIPC_GROUP_MAX];
	char *data;
};

/*
 * Send as many of the largest messages as each order says, up to the first failure, and report
 * how many were sent.
 */
static void sender_main(FIXTURE_DATA(memcg) *self)
{
	int err = cgroup_enter(&self->senders);
	int fd = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
	__u64 wanted, sent;

	child_send(&self->sender, err ?: fd);
	while (!child_hear(&self->sender, &wanted)) {
		for (sent = 0; sent < wanted; sent++)
			if (send_msg(fd, MPIPC_TO_PRIMARY, "m", self->data, MPIPC_SIZE_MAX))
				break;
		child_send(&self->sender, sent);
	}
	_exit(0);
}

FIXTURE_SETUP(memcg)
{
	__u64 ret;

	group_name(self->group, _metadata->name);
	ASSERT_EQ(0, mount_cgroups(self->top, sizeof(self->top)))
		TH_LOG("this takes a kernel with cgroup2 and its memory controller");
	ASSERT_EQ(0, cgroup_make(&self->own, self->top, "receiver"));
	ASSERT_EQ(0, cgroup_make(&self->senders, self->top, "sender"));
	ASSERT_EQ(0, cgroup_enter(&self->own));
	/* Allocate before anything is measured. */
	self->data = malloc(MPIPC_SIZE_MAX);
	ASSERT_NE(NULL, self->data);
	memset(self->data, 'x', MPIPC_SIZE_MAX);
	self->receiver = open_primary(self->group);
	ASSERT_LE(0, self->receiver);

	ASSERT_LE(0, child_fork(&self->sender));
	if (!self->sender.pid)
		sender_main(self);
	ASSERT_EQ(0, child_hear(&self->sender, &ret));
	ASSERT_LE(0, (int)ret);
}

FIXTURE_TEARDOWN(memcg)
{
	char path[128];

	child_kill(&self->sender);
	EXPECT_EQ(0, rmdir(self->senders.path));
	snprintf(path, sizeof(path), "%s/cgroup.procs", self->top);
	EXPECT_EQ(0, write_file(path, "0"));
	EXPECT_EQ(0, rmdir(self->own.path));
	EXPECT_EQ(0, umount(self->top));
	EXPECT_EQ(0, rmdir(self->top));
}

/* Make as many calls as each order says, and report how many; the results stay unread. */
static void caller_main(FIXTURE_DATA(memcg) *self, const struct child *line)
{
	int err = cgroup_enter(&self->senders);
	int fd = open_secondary(self->group);
	__u64 wanted, made;

	child_send(line, err ?: fd);
	while (!child_hear(line, &wanted)) {
		for (made = 0; made < wanted; made++)
			if (call_async(fd, MPIPC_TO_PRIMARY, "call", MPIPC_SIZE_MAX,
				       MPIPC_FOREVER, NULL))
				break;
		child_send(line, made);
	}
	_exit(0);
}

#define MESSAGES 48
#define PAYLOAD (1LL * MESSAGES * MPIPC_SIZE_MAX)

static long long send_all(FIXTURE_DATA(memcg) *self)
{
	__u64 sent;

	if (child_send(&self->sender, MESSAGES) || child_hear(&self->sender, &sent))
		return -ECHILD;
	return sent;
}

/* Take all messages out of the mailbox, and count them. */
static unsigned int receive_all(FIXTURE_DATA(memcg) *self)
{
	struct mpipc_record record;
	unsigned int n = 0;

	while (!recv_msg(self->receiver, &record, self->data, MPIPC_SIZE_MAX))
		n++;
	return n;
}

/*
 * Expect a charge of about the payload: the kernel counts by pages and rounds each message
 * up, at most to twice its size, and keeps a little of what is given back for later. Before, each
 * processor may have been charged 64 pages ahead, which the messages then use up.
 */
static void expect_about_payload(struct __test_metadata *_metadata, long long bytes)
{
	EXPECT_LT(PAYLOAD * 5 / 8, bytes);
	EXPECT_GT(PAYLOAD * 5 / 2, bytes);
}

static void expect_little(struct __test_metadata *_metadata, long long bytes)
{
	EXPECT_GT(PAYLOAD / 2, bytes);
}

TEST_F(memcg, messages_count_for_the_sender_until_they_are_received)
{
	long long before = memory_of(&self->senders);
	long long own = memory_of(&self->own);

	ASSERT_LT(0, before);
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(MESSAGES, send_all(self));
		expect_about_payload(_metadata, memory_of(&self->senders) - before);
		expect_little(_metadata, memory_of(&self->own) - own);
		ASSERT_EQ(MESSAGES, receive_all(self));
		expect_little(_metadata, memory_of(&self->senders) - before);
	}
}

TEST_F(memcg, messages_count_for_the_sender_until_the_receiver_is_gone)
{
	long long before = memory_of(&self->senders);

	ASSERT_EQ(MESSAGES, send_all(self));
	expect_about_payload(_metadata, memory_of(&self->senders) - before);
	ASSERT_EQ(0, close(self->receiver));
	expect_little(_metadata, memory_of(&self->senders) - before);
}

TEST_F(memcg, messages_count_for_the_sender_after_it_was_killed)
{
	struct cgroup *cgroup = &self->senders;

	ASSERT_EQ(MESSAGES, send_all(self));
	ASSERT_EQ(128 + SIGKILL, child_kill(&self->sender));
	expect_about_payload(_metadata, memory_of(cgroup));
	ASSERT_EQ(MESSAGES, receive_all(self));
	expect_little(_metadata, memory_of(cgroup));
	/* The teardown ends this child. */
	ASSERT_LE(0, child_fork(&self->sender));
	if (!self->sender.pid)
		pause();
}

TEST_F(memcg, sender_fails_at_its_limit_and_nobody_else)
{
	struct mpipc_record record;
	long long sent;
	char limit[32];
	int other;

	snprintf(limit, sizeof(limit), "%lld", memory_of(&self->senders) + PAYLOAD / 2);
	ASSERT_EQ(0, cgroup_set(&self->senders, "memory.max", limit));
	/* The sender gets an error, or is killed, as for any memory of its own. */
	sent = send_all(self);
	EXPECT_GT(MESSAGES, sent);
	EXPECT_LT(0, cgroup_get(&self->senders, "memory.events", "max"));
	EXPECT_EQ(0, cgroup_get(&self->own, "memory.events", "max"));
	EXPECT_EQ(0, cgroup_get(&self->own, "memory.events", "oom_kill"));

	/* Other members go on. */
	other = open_secondary(self->group);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, send_msg(other, MPIPC_TO_PRIMARY, "other", self->data, MPIPC_SIZE_MAX));
	do {
		ASSERT_EQ(0, recv_msg(self->receiver, &record, self->data, MPIPC_SIZE_MAX));
	} while (strcmp(record.name, "other"));
	EXPECT_LT(1, record.seq);
	EXPECT_EQ(-EAGAIN, recv_msg(self->receiver, &record, self->data, MPIPC_SIZE_MAX));
}

/* Replies */

/* Reply to all requests in the mailbox with the largest reply. Return how many there were. */
static int reply_to_all(FIXTURE_DATA(memcg) *self)
{
	struct mpipc_record record;
	int n;

	for (n = 0; !recv_msg(self->receiver, &record, self->data, MPIPC_SIZE_MAX); n++)
		if (reply_msg(self->receiver, record.call, 0, self->data, MPIPC_SIZE_MAX))
			return -1;
	return n;
}

/* Start a process that makes calls, in the cgroup of those that send. */
static void start_caller(struct __test_metadata *_metadata, FIXTURE_DATA(memcg) *self,
			 struct child *caller)
{
	__u64 ret;

	ASSERT_LE(0, child_fork(caller));
	if (!caller->pid)
		caller_main(self, caller);
	ASSERT_EQ(0, child_hear(caller, &ret));
	ASSERT_LE(0, (int)ret);
}

static void make_calls(struct __test_metadata *_metadata, struct child *caller)
{
	__u64 made;

	ASSERT_EQ(0, child_send(caller, MESSAGES));
	ASSERT_EQ(0, child_hear(caller, &made));
	ASSERT_EQ(MESSAGES, made);
}

TEST_F(memcg, replies_count_for_the_caller_until_they_are_read)
{
	long long before, own;
	struct child caller;

	start_caller(_metadata, self, &caller);
	make_calls(_metadata, &caller);
	before = memory_of(&self->senders);
	own = memory_of(&self->own);
	ASSERT_EQ(MESSAGES, reply_to_all(self));
	expect_about_payload(_metadata, memory_of(&self->senders) - before);
	expect_little(_metadata, memory_of(&self->own) - own);
	EXPECT_EQ(128 + SIGKILL, child_kill(&caller));
	expect_little(_metadata, memory_of(&self->senders) - before);
}

TEST_F(memcg, replier_does_not_feel_the_limit_of_the_caller)
{
	struct child caller;
	long long before;
	char limit[32];

	start_caller(_metadata, self, &caller);
	make_calls(_metadata, &caller);
	before = memory_of(&self->senders);
	snprintf(limit, sizeof(limit), "%lld", before + MPIPC_SIZE_MAX);
	ASSERT_EQ(0, cgroup_set(&self->senders, "memory.max", limit));
	ASSERT_EQ(MESSAGES, reply_to_all(self));
	/* The cgroup of the caller has more than it may, and neither fails nor waits for that. */
	expect_about_payload(_metadata, memory_of(&self->senders) - before);
	EXPECT_EQ(0, cgroup_get(&self->senders, "memory.events", "oom_kill"));
	EXPECT_EQ(0, cgroup_get(&self->own, "memory.events", "max"));
	EXPECT_EQ(128 + SIGKILL, child_kill(&caller));
}

/* Memory for a join */

#define FOLLOWERS 2000 /* a join needs several hundred KiB for them */
#define USER 1000

/**
 * struct progress - what a process that joins and leaves is at; shared with it
 * @joining: it is about to join, or joins
 * @joined: how often it has
 */
struct progress {
	int joining;
	int joined;
};

/* Have, as an ordinary user, many followers of a primary that comes and goes at each order. */
static void joiner_main(const struct child *self, struct cgroup *cgroup, const char *group,
			struct progress *progress)
{
	struct rlimit files = { FOLLOWERS + 16, FOLLOWERS + 16 };
	int primary, fd = cgroup_enter(cgroup);

	if (setrlimit(RLIMIT_NOFILE, &files))
		fd = -errno;
	become_user(USER, USER);
	primary = open_primary(group);
	for (int i = 0; i < FOLLOWERS && fd >= 0; i++)
		fd = open_joined(group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW | MPIPC_JOIN_EVENTS);
	close(primary);
	child_send(self, fd);
	child_hear(self, NULL);
	for (;;) {
		primary = open_dev();
		__atomic_store_n(&progress->joining, 1, __ATOMIC_SEQ_CST);
		join_primary(primary, group);
		__atomic_store_n(&progress->joining, 0, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&progress->joined, 1, __ATOMIC_SEQ_CST);
		close(primary);
	}
}

/*
 * Say whether a process waits where it allocates more than its cgroup is to have, and not only
 * at the end of its system call, as it did before Linux 5.18.
 */
static bool waits_inside_of_calls(void)
{
	struct utsname kernel;
	int version, patchlevel;

	return !uname(&kernel) &&
	       sscanf(kernel.release, "%d.%d", &version, &patchlevel) == 2 &&
	       (version > 5 || (version == 5 && patchlevel >= 18));
}

/* Check that the process is about to join, and is no member yet. */
static bool is_joining(const char *group, struct progress *progress)
{
	return __atomic_load_n(&progress->joining, __ATOMIC_SEQ_CST) &&
	       open_secondary(group) == -ECONNREFUSED;
}

/* Promise: P13 */
TEST_F(memcg, join_without_memory_delays_nobody)
{
	char throttled[MPIPC_GROUP_MAX], other[MPIPC_GROUP_MAX];
	struct progress *progress;
	struct child joiner;
	bool joins;
	__u64 ret;
	int before;

	if (!waits_inside_of_calls())
		SKIP(return, "this kernel has no waiting for memory inside of a system call");
	group_name(throttled, "throttled");
	group_name(other, "other");
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, progress);
	ASSERT_LE(0, child_fork(&joiner));
	if (!joiner.pid)
		joiner_main(&joiner, &self->senders, throttled, progress);
	ASSERT_EQ(0, child_hear(&joiner, &ret));
	ASSERT_LE(0, (int)ret);

	/* From now on the process is made to wait for seconds whenever it gets memory. */
	ASSERT_EQ(0, cgroup_set(&self->senders, "memory.high", "256K"));
	ASSERT_EQ(0, child_send(&joiner, 0));
	/*
	 * All of these come and go while the process makes one join, unless they wait for
	 * it.
	 */
	do {
		before = __atomic_load_n(&progress->joined, __ATOMIC_SEQ_CST);
		joins = is_joining(throttled, progress);
		ASSERT_EQ(0, join_and_close(other, 100));
	} while (!joins || !is_joining(throttled, progress) ||
		 before != __atomic_load_n(&progress->joined, __ATOMIC_SEQ_CST));
	EXPECT_EQ(128 + SIGKILL, child_kill(&joiner));
}

TEST_HARNESS_MAIN
