// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of file descriptors in messages: which open files arrive, in which order, and that
 * every reference is given back, whatever becomes of the message.
 */
#include "child.h"
#include "device.h"
#include "fd.h"
#include "memory.h"
#include "message.h"
#include "thread.h"
#include "wait.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "harness.h"

FIXTURE(fds)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	int secondary;
	__u64 id;
};

FIXTURE_SETUP(fds)
{
	group_name(self->group, "fds");
	self->primary = open_primary(self->group);
	ASSERT_LE(0, self->primary);
	self->secondary = open_secondary(self->group);
	ASSERT_LE(0, self->secondary);
	self->id = endpoint_id(self->secondary);
}

FIXTURE_TEARDOWN(fds)
{
	close(self->primary);
	close(self->secondary);
}

/* Messages */

/* Queue a canary in a mailbox. */
static void queue_canary(struct __test_metadata *_metadata, int from, __u64 to,
			 struct canary *canary)
{
	ASSERT_EQ(0, canary_make(canary));
	ASSERT_EQ(0, send_fds(from, to, "canary", NULL, 0, &canary->write_end, 1));
	canary_let_go(canary);
	ASSERT_TRUE(canary_alive(canary));
}

static bool mailbox_empty(int fd)
{
	return !(poll_for(fd, POLLIN, 0) & POLLIN);
}

/* Check that both are the same open file, which is so if they share its position. */
static bool same_file(int a, int b)
{
	off_t place = lseek(a, 0, SEEK_CUR) + 1;

	return lseek(a, place, SEEK_SET) == place && lseek(b, 0, SEEK_CUR) == place;
}

static void make_files(struct __test_metadata *_metadata, int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		fds[i] = memfd_create("mpipc", MFD_CLOEXEC);
		ASSERT_LE(0, fds[i]);
	}
}

/* Allow so many descriptors more than there are, and return what the limit was. */
static struct rlimit leave_space_for(struct __test_metadata *_metadata, unsigned int n)
{
	struct rlimit limit, old;
	int fds[8];

	ASSERT_GE(ARRAY_SIZE(fds), n);
	ASSERT_LT(0U, n);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	for (unsigned int i = 0; i < n; i++) {
		fds[i] = dup(STDERR_FILENO);
		ASSERT_LE(0, fds[i]);
	}
	limit = old;
	limit.rlim_cur = fds[n - 1] + 1;
	for (unsigned int i = 0; i < n; i++)
		close(fds[i]);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	return old;
}

/* Map two pages, the second of which cannot be accessed, and return where the second begins. */
static char *guard_page(struct __test_metadata *_metadata)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, area);
	ASSERT_EQ(0, mprotect(area + page, page, PROT_NONE));
	return area + page;
}

/* Arrival */

static void expect_files_arrive(struct __test_metadata *_metadata, int from, __u64 to,
				int at, unsigned int n)
{
	int sent[MPIPC_FDS_MAX], got[MPIPC_FDS_MAX];
	struct mpipc_record record;
	unsigned int before;
	char data[8];

	make_files(_metadata, sent, n);
	ASSERT_EQ(0, send_fds(from, to, "fds", "data", 5, sent, n));
	before = count_fds();
	ASSERT_EQ(0, recv_fds(at, &record, data, sizeof(data), got, n, 0));
	EXPECT_EQ(n, record.n_fds);
	EXPECT_STREQ("data", data);
	EXPECT_EQ(before + n, count_fds());
	for (unsigned int i = 0; i < n; i++) {
		ASSERT_LE(0, got[i]);
		EXPECT_NE(sent[i], got[i]);
		EXPECT_TRUE(same_file(sent[i], got[i]));
		EXPECT_EQ(FD_CLOEXEC, fcntl(got[i], F_GETFD));
		close(got[i]);
		close(sent[i]);
	}
}

/* Promise: P11 */
TEST_F(fds, arrive_in_order_as_the_same_open_files)
{
	static const unsigned int counts[] = { 0, 1, 8, MPIPC_FDS_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		expect_files_arrive(_metadata, self->primary, self->id,
				    self->secondary, counts[i]);
		expect_files_arrive(_metadata, self->secondary, MPIPC_TO_PRIMARY,
				    self->primary, counts[i]);
	}
}

TEST_F(fds, same_file_twice_arrives_twice)
{
	int sent[2], got[2], file;
	struct mpipc_record record;

	make_files(_metadata, &file, 1);
	sent[0] = file;
	sent[1] = file;
	ASSERT_EQ(0, send_fds(self->primary, self->id, "", NULL, 0, sent, 2));
	ASSERT_EQ(0, recv_fds(self->secondary, &record, NULL, 0, got, 2, 0));
	EXPECT_NE(got[0], got[1]);
	EXPECT_TRUE(same_file(file, got[0]));
	EXPECT_TRUE(same_file(file, got[1]));
}

/* Promise: P11 */
TEST_F(fds, sender_keeps_its_descriptor_and_the_receiver_its_own)
{
	struct mpipc_record record;
	struct canary canary;
	int got;

	queue_canary(_metadata, self->primary, self->id, &canary);
	ASSERT_EQ(0, recv_fds(self->secondary, &record, NULL, 0, &got, 1, 0));
	ASSERT_EQ(0, close(self->primary));
	ASSERT_EQ(0, close(self->secondary));
	EXPECT_TRUE(canary_alive(&canary));
	EXPECT_EQ(1, write(got, "x", 1));
	close(got);
	EXPECT_TRUE(canary_dies(&canary));
}

TEST_F(fds, path_only_files_stay_path_only)
{
	int path = open("/", O_PATH | O_CLOEXEC), got = -1;
	struct stat sent_stat, got_stat;
	struct mpipc_record record;

	ASSERT_LE(0, path);
	ASSERT_EQ(0, send_fds(self->primary, self->id, "", NULL, 0, &path, 1));
	ASSERT_EQ(0, recv_fds(self->secondary, &record, NULL, 0, &got, 1, 0));
	ASSERT_LE(0, got);
	EXPECT_EQ(O_PATH, fcntl(got, F_GETFL) & O_PATH);
	ASSERT_EQ(0, fstat(path, &sent_stat));
	ASSERT_EQ(0, fstat(got, &got_stat));
	EXPECT_EQ(sent_stat.st_ino, got_stat.st_ino);
}

TEST_F(fds, broadcast_gives_them_to_everybody)
{
	int secondary[3] = { self->secondary };
	struct mpipc_record record;
	struct canary canary;
	int file;

	for (int i = 1; i < 3; i++)
		secondary[i] = open_secondary(self->group);
	make_files(_metadata, &file, 1);
	ASSERT_EQ(0, send_fds(self->primary, MPIPC_TO_ALL, "", NULL, 0, &file, 1));
	queue_canary(_metadata, self->primary, MPIPC_TO_ALL, &canary);
	for (int i = 0; i < 3; i++) {
		int got = -1;

		EXPECT_TRUE(canary_alive(&canary));
		ASSERT_EQ(0, recv_fds(secondary[i], &record, NULL, 0, &got, 1, 0));
		EXPECT_TRUE(same_file(file, got));
		ASSERT_EQ(0, recv_fds(secondary[i], &record, NULL, 0, &got, 1, 0));
		close(got);
	}
	EXPECT_TRUE(canary_dies(&canary));
}

TEST_F(fds, broadcast_to_nobody_keeps_none)
{
	struct canary canary;

	ASSERT_EQ(0, leave(self->secondary));
	ASSERT_EQ(0, canary_make(&canary));
	ASSERT_EQ(0, send_fds(self->primary, MPIPC_TO_ALL, "", NULL, 0, &canary.write_end, 1));
	canary_let_go(&canary);
	EXPECT_TRUE(canary_dies(&canary));
}

/* Promise: P10 */
TEST_F(fds, are_dropped_if_the_receiver_leaves_and_cannot_store_them)
{
	struct mpipc_recv_args recv = { .max_fds = 1 };
	struct ioctl_thread thread;
	struct canary canary;
	void *slots;
	int trap = trap_page(&slots);

	ASSERT_LE(0, trap);
	queue_canary(_metadata, self->primary, self->id, &canary);
	recv.fds = to_u64(slots);
	ASSERT_EQ(0, ioctl_thread_start(&thread, self->secondary, MPIPC_RECV, &recv));
	ASSERT_EQ(POLLIN, poll_for(trap, POLLIN, -1));
	ASSERT_EQ(0, leave(self->secondary));
	EXPECT_TRUE(canary_alive(&canary));
	/* The thread goes on, and finds that it cannot touch its memory. */
	ASSERT_EQ(0, mprotect(slots, 1, PROT_NONE));
	close(trap);
	EXPECT_EQ(-EFAULT, ioctl_thread_join(&thread));
	EXPECT_TRUE(canary_dies(&canary));
}

/* Promise: P11 */
TEST_F(fds, slots_beyond_the_limit_say_so_and_the_others_hold)
{
	struct mpipc_record record;
	struct canary canary;
	struct rlimit old;
	int sent[4], got[4];
	char data[8];

	make_files(_metadata, sent, 2);
	ASSERT_EQ(0, canary_make(&canary));
	sent[2] = canary.write_end;
	sent[3] = sent[0];
	ASSERT_EQ(0, send_fds(self->primary, self->id, "", "data", 5, sent, 4));
	canary_let_go(&canary);
	old = leave_space_for(_metadata, 2);
	EXPECT_EQ(0, recv_fds(self->secondary, &record, data, sizeof(data), got, 4, 0));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(4U, record.n_fds);
	EXPECT_STREQ("data", data);
	EXPECT_TRUE(same_file(sent[0], got[0]));
	EXPECT_TRUE(same_file(sent[1], got[1]));
	EXPECT_EQ(-EMFILE, got[2]);
	EXPECT_EQ(-EMFILE, got[3]);
	EXPECT_TRUE(mailbox_empty(self->secondary));
	EXPECT_TRUE(canary_dies(&canary));
}

/* Promise: P11 */
TEST_F(fds, slots_of_a_reply_beyond_the_limit_say_so)
{
	struct mpipc_record request, result;
	struct ioctl_thread thread;
	struct canary canary;
	struct rlimit old;
	int sent[3], got[3];
	struct mpipc_call_args call = call_arg(self->id, "", NULL, 0, &result, 1);
	struct mpipc_reply_args reply = { .body = make_body("", NULL, 0, sent, 3) };

	call.reply_fds = 3;
	call.reply_fd_list = to_u64(got);
	make_files(_metadata, sent, 2);
	ASSERT_EQ(0, canary_make(&canary));
	sent[2] = canary.write_end;
	ASSERT_EQ(0, ioctl_thread_start(&thread, self->primary, MPIPC_CALL, &call));
	ASSERT_EQ(0, recv_wait(self->secondary, &request, NULL, 0));
	EXPECT_EQ(3U, request.reply_fds);
	reply.call = request.call;
	old = leave_space_for(_metadata, 1);
	EXPECT_EQ(0, do_ioctl(self->secondary, MPIPC_REPLY, &reply));
	EXPECT_EQ(0, ioctl_thread_join(&thread));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	canary_let_go(&canary);
	EXPECT_EQ(3U, result.n_fds);
	EXPECT_TRUE(same_file(sent[0], got[0]));
	EXPECT_EQ(-EMFILE, got[1]);
	EXPECT_EQ(-EMFILE, got[2]);
	EXPECT_TRUE(canary_dies(&canary));
}

TEST_F(fds, too_small_an_array_keeps_the_record)
{
	struct mpipc_record record;
	int sent[3], got[3];
	unsigned int before;

	make_files(_metadata, sent, 3);
	ASSERT_EQ(0, send_fds(self->primary, self->id, "", NULL, 0, sent, 3));
	before = count_fds();
	EXPECT_EQ(-EMSGSIZE, recv_fds(self->secondary, &record, NULL, 0, got, 2, 0));
	EXPECT_EQ(3U, record.n_fds);
	EXPECT_EQ(before, count_fds());
	ASSERT_EQ(0, recv_fds(self->secondary, &record, NULL, 0, got, 3, 0));
	for (int i = 0; i < 3; i++) {
		EXPECT_TRUE(same_file(sent[i], got[i]));
	}
}

/* Promise: P11 */
TEST_F(fds, fault_in_the_received_array_keeps_the_record)
{
	int *got = (int *)guard_page(_metadata) - 2;
	struct mpipc_record record;
	unsigned int before;
	int sent[4];

	make_files(_metadata, sent, 4);
	ASSERT_EQ(0, send_fds(self->primary, self->id, "", NULL, 0, sent, 4));
	before = count_fds();
	EXPECT_EQ(-EFAULT, recv_fds(self->secondary, &record, NULL, 0, got, 4, 0));
	EXPECT_EQ(before, count_fds());
	ASSERT_EQ(0, mprotect(got + 2, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, recv_fds(self->secondary, &record, NULL, 0, got, 4, 0));
	EXPECT_EQ(before + 4, count_fds());
	for (int i = 0; i < 4; i++) {
		EXPECT_TRUE(same_file(sent[i], got[i]));
	}
}

TEST_F(fds, fault_in_the_received_data_keeps_them)
{
	char *guard = guard_page(_metadata);
	struct mpipc_record record;
	unsigned int before;
	int sent, got = -1;

	make_files(_metadata, &sent, 1);
	ASSERT_EQ(0, send_fds(self->primary, self->id, "", "data", 5, &sent, 1));
	before = count_fds();
	EXPECT_EQ(-EFAULT, recv_fds(self->secondary, &record, guard - 2, 5, &got, 1, 0));
	EXPECT_EQ(before, count_fds());
	ASSERT_EQ(0, recv_fds(self->secondary, &record, guard - 5, 5, &got, 1, 0));
	EXPECT_TRUE(same_file(sent, got));
}

TEST_F(fds, drop_fds_counts_and_releases_them)
{
	struct mpipc_recv_args recv = { .flags = MPIPC_RECV_DROP_FDS, .max_size = 8 };
	struct mpipc_info info;
	struct canary canary;
	unsigned int before;
	int sent[3];
	char data[8];

	ASSERT_EQ(0, canary_make(&canary));
	make_files(_metadata, sent, 2);
	sent[2] = canary.write_end;
	ASSERT_EQ(0, send_fds(self->primary, self->id, "drop", "data", 5, sent, 3));
	canary_let_go(&canary);
	before = count_fds();
	recv.data = to_u64(data);
	ASSERT_EQ(0, do_ioctl(self->secondary, MPIPC_RECV, &recv));
	EXPECT_STREQ("drop", recv.record.name);
	EXPECT_EQ(0U, recv.record.n_fds);
	EXPECT_STREQ("data", data);
	EXPECT_EQ(before, count_fds());
	EXPECT_TRUE(canary_dies(&canary));
	ASSERT_EQ(0, get_info(self->secondary, &info));
	EXPECT_EQ(3U, info.dropped_fds);
}

/* Refusal */

/*
 * Expect that a message is refused for one of its three descriptors, that nobody got any of
 * them, and that no reference is left.
 */
static void expect_refused(struct __test_metadata *_metadata, int from, __u64 to, int at,
			   int bad, int error)
{
	for (int place = 0; place < 3; place++) {
		struct canary canary;
		int fds[3];

		ASSERT_EQ(0, canary_make(&canary));
		for (int i = 0; i < 3; i++)
			fds[i] = i == place ? bad : canary.write_end;
		EXPECT_EQ(error, send_fds(from, to, "", NULL, 0, fds, 3));
		EXPECT_TRUE(mailbox_empty(at));
		canary_let_go(&canary);
		EXPECT_TRUE(canary_dies(&canary));
		close(canary.read_end);
	}
}

/* Promise: P2 */
TEST_F(fds, bad_descriptors_change_nothing_wherever_they_are)
{
	int bad[] = { -1, -100, INT32_MIN, INT32_MAX, 0 };

	/* This number was open once, and is too high to be used again here. */
	bad[4] = fcntl(STDERR_FILENO, F_DUPFD, 500);
	ASSERT_LE(500, bad[4]);
	close(bad[4]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		expect_refused(_metadata, self->primary, self->id, self->secondary,
			       bad[i], -EBADF);
		expect_refused(_metadata, self->secondary, MPIPC_TO_PRIMARY,
			       self->primary, bad[i], -EBADF);
	}
}

/* Promise: P2 */
TEST_F(fds, fault_in_the_sent_array_changes_nothing)
{
	int *fds = (int *)guard_page(_metadata) - 2;
	struct canary canary;

	ASSERT_EQ(0, canary_make(&canary));
	fds[0] = canary.write_end;
	fds[1] = canary.write_end;
	EXPECT_EQ(-EFAULT, send_fds(self->primary, self->id, "", NULL, 0, fds, 4));
	EXPECT_EQ(-EFAULT, send_fds(self->primary, self->id, "", NULL, 0, fds + 2, 1));
	EXPECT_EQ(-EFAULT, send_fds(self->primary, self->id, "", NULL, 0, NULL, 1));
	EXPECT_TRUE(mailbox_empty(self->secondary));
	canary_let_go(&canary);
	EXPECT_TRUE(canary_dies(&canary));
}

/* Promise: P2 */
TEST_F(fds, too_many_change_nothing)
{
	int fds[MPIPC_FDS_MAX + 1];
	struct canary canary;

	ASSERT_EQ(0, canary_make(&canary));
	for (int i = 0; i <= MPIPC_FDS_MAX; i++)
		fds[i] = canary.write_end;
	EXPECT_EQ(-EMSGSIZE, send_fds(self->primary, self->id, "", NULL, 0, fds,
				      MPIPC_FDS_MAX + 1));
	EXPECT_EQ(-EMSGSIZE, send_fds(self->primary, self->id, "", NULL, 0, fds,
				      UINT32_MAX));
	EXPECT_TRUE(mailbox_empty(self->secondary));
	canary_let_go(&canary);
	EXPECT_TRUE(canary_dies(&canary));
}

/* Promise: P12 */
TEST_F(fds, io_uring_files_are_refused)
{
	struct io_uring_params params = { 0 };
	int ring = syscall(__NR_io_uring_setup, 1, &params);

	ASSERT_LE(0, ring);
	expect_refused(_metadata, self->primary, self->id, self->secondary, ring,
		       -EOPNOTSUPP);
	EXPECT_EQ(-EOPNOTSUPP, send_passing_mpipc(self->primary, self->id, &ring, 1));
}

/* Promise: P12 */
TEST_F(fds, mpipc_files_need_the_flag)
{
	int sent[2] = { self->secondary, open_dev() };
	struct mpipc_record record;
	struct mpipc_info info;
	int got[2];

	for (int i = 0; i < 2; i++)
		expect_refused(_metadata, self->primary, self->id, self->secondary,
			       sent[i], -EOPNOTSUPP);
	ASSERT_EQ(0, send_passing_mpipc(self->primary, self->id, sent, 2));
	ASSERT_EQ(0, recv_fds(self->secondary, &record, NULL, 0, got, 2, 0));
	ASSERT_EQ(0, get_info(got[0], &info));
	EXPECT_EQ(self->id, info.id);
	ASSERT_EQ(0, get_info(got[1], &info));
	EXPECT_EQ(0U, info.id);
}

/* Promise: P12 */
TEST_F(fds, mpipc_files_need_the_flag_in_calls_and_replies)
{
	int file = open_dev(), got = -1;
	struct mpipc_record record, result;
	struct ioctl_thread thread;
	struct mpipc_call_args call = call_arg(self->id, "", NULL, 0, &result, 1);
	struct mpipc_reply_args reply = { .body = make_body("", NULL, 0, &file, 1) };

	call.body = make_body("", NULL, 0, &file, 1);
	call.reply_fds = 1;
	call.reply_fd_list = to_u64(&got);
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(self->primary, MPIPC_CALL, &call));
	call.flags = MPIPC_PASS_MPIPC;
	ASSERT_EQ(0, ioctl_thread_start(&thread, self->primary, MPIPC_CALL, &call));
	ASSERT_EQ(0, recv_fds(self->secondary, &record, NULL, 0, &got, 1, MPIPC_FOREVER));
	EXPECT_EQ(0U, endpoint_id(got));
	reply.call = record.call;
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(self->secondary, MPIPC_REPLY, &reply));
	reply.flags = MPIPC_PASS_MPIPC;
	ASSERT_EQ(0, do_ioctl(self->secondary, MPIPC_REPLY, &reply));
	ASSERT_EQ(0, ioctl_thread_join(&thread));
	EXPECT_EQ(1U, result.n_fds);
	EXPECT_LE(0, got);
}

TEST_F(fds, full_mailbox_keeps_none)
{
	struct canary canary;
	int ret;

	while (!(ret = send_msg(self->primary, self->id, "", NULL, 0)))
		;
	ASSERT_EQ(-EAGAIN, ret);
	ASSERT_EQ(0, canary_make(&canary));
	EXPECT_EQ(-EAGAIN, send_fds(self->primary, self->id, "", NULL, 0,
				    &canary.write_end, 1));
	EXPECT_EQ(0, send_fds(self->primary, MPIPC_TO_ALL, "", NULL, 0,
			      &canary.write_end, 1));
	canary_let_go(&canary);
	EXPECT_TRUE(canary_dies(&canary));
}

/* Replies */

static int reply_fds(int fd, __u64 call, const int *fds, unsigned int n)
{
	struct mpipc_reply_args reply = {
		.call = call,
		.body = make_body("", NULL, 0, fds, n),
	};

	return do_ioctl(fd, MPIPC_REPLY, &reply);
}

/* Make an asynchronous call that takes a descriptor in its reply. */
static __u64 call_for_fd(struct __test_metadata *_metadata, int from, __u64 to,
			 __u64 deadline)
{
	struct mpipc_call_args call = call_arg(to, "", NULL, 0, NULL, 0);

	call.flags = MPIPC_CALL_ASYNC;
	call.reply_fds = 1;
	call.deadline = deadline;
	ASSERT_EQ(0, do_ioctl(from, MPIPC_CALL, &call));
	return call.id;
}

TEST_F(fds, request_and_sync_reply_carry_them)
{
	struct mpipc_record request, results[2];
	struct mpipc_call_args call = call_arg(MPIPC_TO_ALL, "", NULL, 0, results, 2);
	int secondary[2] = { self->secondary, open_secondary(self->group) };
	int sent[3], taken[3], reply[2], got[2][2];
	struct ioctl_thread thread;

	make_files(_metadata, sent, 3);
	make_files(_metadata, reply, 2);
	call.body = make_body("", NULL, 0, sent, 3);
	call.reply_fds = 2;
	call.reply_fd_list = to_u64(got);
	ASSERT_EQ(0, ioctl_thread_start(&thread, self->primary, MPIPC_CALL, &call));
	for (int i = 1; i >= 0; i--) {
		ASSERT_EQ(0, recv_fds(secondary[i], &request, NULL, 0, taken, 3,
				      MPIPC_FOREVER));
		for (int j = 0; j < 3; j++) {
			EXPECT_TRUE(same_file(sent[j], taken[j]));
		}
		ASSERT_EQ(0, reply_fds(secondary[i], request.call, reply, 1 + i));
	}
	ASSERT_EQ(0, ioctl_thread_join(&thread));
	ASSERT_EQ(2U, call.n_results);
	for (int i = 0; i < 2; i++) {
		unsigned int n = 1 + (results[i].peer != self->id);

		ASSERT_EQ(n, results[i].n_fds);
		for (unsigned int j = 0; j < n; j++) {
			EXPECT_TRUE(same_file(reply[j], got[i][j]));
			EXPECT_EQ(FD_CLOEXEC, fcntl(got[i][j], F_GETFD));
		}
	}
}

TEST_F(fds, async_reply_carries_them)
{
	__u64 call = call_for_fd(_metadata, self->primary, self->id, MPIPC_FOREVER);
	struct mpipc_record record;
	int sent, got = -1;

	make_files(_metadata, &sent, 1);
	ASSERT_EQ(0, recv_msg(self->secondary, &record, NULL, 0));
	ASSERT_EQ(0, reply_fds(self->secondary, call, &sent, 1));
	EXPECT_EQ(-EMSGSIZE, recv_msg(self->primary, &record, NULL, 0));
	ASSERT_EQ(0, recv_fds(self->primary, &record, NULL, 0, &got, 1, 0));
	EXPECT_EQ(MPIPC_REPLY_TO, record.type);
	EXPECT_EQ(1U, record.n_fds);
	EXPECT_TRUE(same_file(sent, got));
}

TEST_F(fds, reply_recv_carries_them_both_ways)
{
	__u64 call = call_for_fd(_metadata, self->primary, self->id, MPIPC_FOREVER);
	struct mpipc_record record;
	int sent[2], got[2] = { -1, -1 };
	struct mpipc_reply_recv_args arg = {
		.reply = {
			.call = call,
			.body = make_body("", NULL, 0, &sent[0], 1),
		},
		.recv = {
			.max_fds = 1,
			.fds = to_u64(&got[1]),
		},
	};

	make_files(_metadata, sent, 2);
	ASSERT_EQ(0, recv_msg(self->secondary, &record, NULL, 0));
	ASSERT_EQ(0, send_fds(self->primary, self->id, "", NULL, 0, &sent[1], 1));
	ASSERT_EQ(0, do_ioctl(self->secondary, MPIPC_REPLY_RECV, &arg));
	EXPECT_EQ(0, arg.reply_error);
	EXPECT_TRUE(same_file(sent[1], got[1]));
	ASSERT_EQ(0, recv_fds(self->primary, &record, NULL, 0, &got[0], 1, 0));
	EXPECT_TRUE(same_file(sent[0], got[0]));
}

TEST_F(fds, late_and_refused_replies_keep_none)
{
	__u64 late = call_for_fd(_metadata, self->primary, self->id, 0);
	__u64 call = call_for_fd(_metadata, self->primary, self->id, MPIPC_FOREVER);
	struct mpipc_record record;
	struct canary canary;
	int two[2];

	ASSERT_EQ(0, recv_wait(self->primary, &record, NULL, 0));
	ASSERT_EQ(-ETIMEDOUT, record.status);
	ASSERT_EQ(0, canary_make(&canary));
	two[0] = canary.write_end;
	two[1] = canary.write_end;
	EXPECT_EQ(-ESRCH, reply_fds(self->secondary, late, two, 1));
	EXPECT_EQ(-EMSGSIZE, reply_fds(self->secondary, call, two, 2));
	two[1] = -1;
	EXPECT_EQ(-EBADF, reply_fds(self->secondary, call, two, 2));
	canary_let_go(&canary);
	EXPECT_TRUE(canary_dies(&canary));
	EXPECT_EQ(0, reply_fds(self->secondary, call, two, 0));
}

/* Promise: P10 */
TEST_F(fds, replies_that_nobody_takes_are_released_with_the_caller)
{
	__u64 call = call_for_fd(_metadata, self->primary, self->id, MPIPC_FOREVER);
	struct canary canary;

	ASSERT_EQ(0, canary_make(&canary));
	ASSERT_EQ(0, reply_fds(self->secondary, call, &canary.write_end, 1));
	canary_let_go(&canary);
	EXPECT_TRUE(canary_alive(&canary));
	ASSERT_EQ(0, close(self->primary));
	EXPECT_TRUE(canary_dies(&canary));
}

static void ignore_signal(int sig)
{
	(void)sig;
}

/* Make a call that is interrupted, and meanwhile gets a canary as its reply. */
static __u64 stored_reply(struct __test_metadata *_metadata, int primary, int secondary,
			  struct canary *canary)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct mpipc_record request, result;
	struct mpipc_call_args call = call_arg(endpoint_id(secondary), "", NULL, 0, &result, 1);
	struct ioctl_thread thread;

	call.reply_fds = 1;
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, ioctl_thread_start(&thread, primary, MPIPC_CALL, &call));
	ASSERT_EQ(0, recv_wait(secondary, &request, NULL, 0));
	ASSERT_EQ(0, ioctl_thread_asleep(&thread));
	ASSERT_EQ(0, pthread_kill(thread.thread, SIGUSR1));
	ASSERT_EQ(-EINTR, ioctl_thread_join(&thread));
	ASSERT_EQ(0, canary_make(canary));
	ASSERT_EQ(0, reply_fds(secondary, request.call, &canary->write_end, 1));
	canary_let_go(canary);
	EXPECT_TRUE(canary_alive(canary));
	return request.call;
}

TEST_F(fds, reply_to_an_interrupted_call_is_released_by_cancel)
{
	struct mpipc_cancel_args cancel;
	struct canary canary;

	cancel.call = stored_reply(_metadata, self->primary, self->secondary, &canary);
	/* The call may have ended with its last reply, and then nothing is left to cancel. */
	do_ioctl(self->primary, MPIPC_CANCEL, &cancel);
	EXPECT_TRUE(canary_dies(&canary));
}

TEST_F(fds, reply_to_an_interrupted_call_is_released_with_the_caller)
{
	struct canary canary;

	stored_reply(_metadata, self->primary, self->secondary, &canary);
	ASSERT_EQ(0, close(self->primary));
	EXPECT_TRUE(canary_dies(&canary));
}

TEST_F(fds, fault_in_the_list_of_a_reply_loses_none)
{
	int *got = (int *)guard_page(_metadata) - 1;
	struct mpipc_record request, result;
	struct mpipc_call_args call = call_arg(self->id, "", NULL, 0, &result, 1);
	struct ioctl_thread thread;
	unsigned int before;
	int sent[3];

	make_files(_metadata, sent, 3);
	call.reply_fds = 3;
	call.reply_fd_list = to_u64(got);
	ASSERT_EQ(0, ioctl_thread_start(&thread, self->primary, MPIPC_CALL, &call));
	ASSERT_EQ(0, recv_wait(self->secondary, &request, NULL, 0));
	before = count_fds();
	ASSERT_EQ(0, reply_fds(self->secondary, request.call, sent, 3));
	ASSERT_EQ(-EFAULT, ioctl_thread_join(&thread));
	ASSERT_EQ(request.call, call.id);
	ASSERT_EQ(0, mprotect(got + 1, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_CALL, &call));
	EXPECT_EQ(before + 3, count_fds());
	for (int i = 0; i < 3; i++) {
		EXPECT_TRUE(same_file(sent[i], got[i]));
	}
}

/* Queued descriptors */

/* Promise: P10 */
TEST_F(fds, queued_are_released_when_the_receiver_leaves)
{
	struct canary canary;

	queue_canary(_metadata, self->primary, self->id, &canary);
	ASSERT_EQ(0, leave(self->secondary));
	EXPECT_TRUE(canary_dies(&canary));
}

/* Promise: P10 */
TEST_F(fds, queued_are_released_when_the_receiver_closes)
{
	struct canary canary;

	queue_canary(_metadata, self->primary, self->id, &canary);
	ASSERT_EQ(0, close(self->secondary));
	EXPECT_TRUE(canary_dies(&canary));
}

TEST_F(fds, queued_are_kept_when_the_sender_goes)
{
	struct mpipc_record record;
	struct canary canary;
	int got = -1;

	queue_canary(_metadata, self->primary, self->id, &canary);
	ASSERT_EQ(0, close(self->primary));
	EXPECT_TRUE(canary_alive(&canary));
	ASSERT_EQ(0, recv_fds(self->secondary, &record, NULL, 0, &got, 1, 0));
	EXPECT_EQ(1, write(got, "x", 1));
}

/* Promise: P10 */
TEST_F(fds, queued_are_released_although_a_child_holds_the_file)
{
	struct canary canary;
	struct child child = {};

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_hear(&child, NULL);
		_exit(0);
	}
	queue_canary(_metadata, self->primary, self->id, &canary);
	ASSERT_EQ(0, close(self->secondary));
	EXPECT_TRUE(canary_dies(&canary));
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

/* Promise: P10 */
TEST_F(fds, queued_are_released_although_the_file_is_in_flight)
{
	struct canary canary;
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	ASSERT_EQ(0, send_scm(pair[0], &self->secondary, 1));
	queue_canary(_metadata, self->primary, self->id, &canary);
	ASSERT_EQ(0, close(self->secondary));
	EXPECT_TRUE(canary_dies(&canary));
}

/* Several threads */

#define RACED 200

/**
 * struct reader - takes messages until there is one without a descriptor
 * @fd: endpoint
 * @seen: how often each number was received, by all readers
 * @bad: messages that were received otherwise than they were sent
 */
struct reader {
	int fd;
	unsigned int *seen;
	unsigned int bad;
};

static void *reader_main(void *arg)
{
	struct reader *reader = arg;

	for (;;) {
		struct mpipc_record record;
		unsigned int number = 0;
		int got = -1;

		if (recv_fds(reader->fd, &record, &number, sizeof(number), &got, 1,
			     MPIPC_FOREVER))
			return NULL;
		if (!record.n_fds)
			return NULL;
		if (number < RACED)
			__atomic_add_fetch(&reader->seen[number], 1, __ATOMIC_RELAXED);
		/* Nobody else may have closed the descriptor. */
		if (number >= RACED || close(got))
			reader->bad++;
	}
}

/* Promise: P11 */
TEST_F(fds, threads_that_read_at_once_get_each_descriptor_once)
{
	unsigned int seen[RACED] = { 0 };
	struct mpipc_send_args send = { .to = self->id, .deadline = MPIPC_FOREVER };
	struct reader reader[3];
	struct canary canary;
	pthread_t thread[3];

	ASSERT_EQ(0, canary_make(&canary));
	for (int i = 0; i < 3; i++) {
		reader[i] = (struct reader){ .fd = self->secondary, .seen = seen };
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, reader_main, &reader[i]));
	}
	for (unsigned int i = 0; i < RACED; i++) {
		send.body = make_body("", &i, sizeof(i), &canary.write_end, 1);
		ASSERT_EQ(0, do_ioctl(self->primary, MPIPC_SEND, &send));
	}
	canary_let_go(&canary);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, send_msg(self->primary, self->id, "", NULL, 0));
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0U, reader[i].bad);
	}
	for (unsigned int i = 0; i < RACED; i++) {
		EXPECT_EQ(1U, seen[i]);
	}
	EXPECT_TRUE(canary_dies(&canary));
}

struct flicker {
	void *page;
	bool stop;
};

/* Take memory away and give it back, again and again. */
static void *flicker_main(void *arg)
{
	struct flicker *flicker = arg;
	size_t size = sysconf(_SC_PAGESIZE);

	while (!__atomic_load_n(&flicker->stop, __ATOMIC_ACQUIRE)) {
		mprotect(flicker->page, size, PROT_NONE);
		mprotect(flicker->page, size, PROT_READ | PROT_WRITE);
		sched_yield();
	}
	return NULL;
}

/*
 * If the array goes away when some descriptors are installed already, then these stay, and
 * the record was delivered. If the array goes away before, then no descriptor is installed,
 * and the record stays.
 */
/* Promise: P11 */
TEST_F(fds, array_that_is_taken_away_meanwhile_rolls_nothing_back)
{
	struct flicker flicker = { .page = guard_page(_metadata) };
	struct mpipc_record record;
	struct canary canary;
	int sent[64], file, *got = flicker.page;
	unsigned int before;
	pthread_t thread;

	ASSERT_EQ(0, canary_make(&canary));
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		sent[i] = canary.write_end;
	ASSERT_EQ(0, pthread_create(&thread, NULL, flicker_main, &flicker));
	file = dup(STDERR_FILENO);
	before = count_fds();
	for (int round = 0; round < 50; round++) {
		int ret;

		ASSERT_EQ(0, send_fds(self->primary, self->id, "", NULL, 0, sent,
				      ARRAY_SIZE(sent)));
		while ((ret = recv_fds(self->secondary, &record, NULL, 0, got,
				       ARRAY_SIZE(sent), 0)) == -EFAULT) {
			ASSERT_EQ(before, count_fds());
		}
		ASSERT_EQ(0, ret);
		EXPECT_EQ(ARRAY_SIZE(sent), record.n_fds);
		EXPECT_TRUE(mailbox_empty(self->secondary));
		EXPECT_GE(before + ARRAY_SIZE(sent), count_fds());
		close_range(file + 1, ~0U, 0);
		ASSERT_EQ(before, count_fds());
	}
	__atomic_store_n(&flicker.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	canary_let_go(&canary);
	EXPECT_TRUE(canary_dies(&canary));
}

TEST_HARNESS_MAIN
