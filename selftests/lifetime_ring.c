// SPDX-License-Identifier: GPL-2.0-only
/* Tests of files and members that a ring, a blocked thread or a race might keep. */
#include "child.h"
#include "device.h"
#include "fd.h"
#include "harness.h"
#include "lifetime.h"
#include "message.h"
#include "module.h"
#include "thread.h"
#include "wait.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

/* io_uring */

static void ring_close(struct ring *ring)
{
	ring_unmap(ring);
	close(ring->fd);
}

/* Without a table of descriptors */

FIXTURE(lifetime)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	long users;
};

FIXTURE_SETUP(lifetime)
{
	self->users = users();
	group_name(self->group, "lifetime");
	self->primary = open_primary(self->group);
	ASSERT_LE(0, self->primary);
}

FIXTURE_TEARDOWN(lifetime)
{
	close(self->primary);
	EXPECT_TRUE(users_become(self->users));
}

static struct io_uring_sqe read_fixed(unsigned int place, struct mpipc_record *record)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_READ,
		.flags = IOSQE_FIXED_FILE,
		.fd = place,
		.addr = to_u64(record),
		.len = sizeof(*record),
	};

	return sqe;
}

/* Promise: P8 */
TEST_F(lifetime, file_that_only_a_ring_has_is_no_member)
{
	struct io_uring_sqe open = open_direct(MPIPC_DEVICE, 0);
	struct mpipc_record record;
	struct io_uring_sqe read = read_fixed(0, &record);
	struct ring ring;

	ASSERT_EQ(0, ring_open(&ring, NULL, 0));
	ASSERT_EQ(0, ring_do(&ring, &open));
	EXPECT_EQ(-ENOTCONN, ring_do(&ring, &read));
	EXPECT_EQ(self->users + 2, users());
	ring_close(&ring);
}

/* Promise: P8 */
TEST_F(lifetime, ring_does_not_keep_a_member)
{
	int secondary = open_secondary(self->group);
	struct mpipc_record record;
	struct io_uring_sqe read = read_fixed(0, &record);
	__u64 id = endpoint_id(secondary);
	struct canary canary;
	struct ring ring;

	ASSERT_EQ(0, canary_make(&canary));
	ASSERT_EQ(0, ring_open(&ring, &secondary, 1));
	ASSERT_EQ(0, send_msg(self->primary, id, "", NULL, 0));
	EXPECT_EQ((int)sizeof(record), ring_do(&ring, &read));
	ASSERT_EQ(0, send_fds(self->primary, id, "", NULL, 0, &canary.write_end, 1));
	canary_let_go(&canary);
	ASSERT_EQ(0, close(secondary));
	EXPECT_TRUE(canary_dies(&canary));
	EXPECT_EQ(-ESRCH, send_msg(self->primary, id, "", NULL, 0));
	EXPECT_EQ(-ESHUTDOWN, ring_do(&ring, &read));
	EXPECT_EQ(self->users + 2, users());
	ring_close(&ring);
}

TEST_F(lifetime, close_by_a_ring_counts_as_closing)
{
	int secondary = open_secondary(self->group), second = dup(secondary);
	struct io_uring_sqe close_it = { .opcode = IORING_OP_CLOSE, .fd = secondary };
	__u64 id = endpoint_id(secondary);
	struct ring ring;

	ASSERT_EQ(0, ring_open(&ring, NULL, 0));
	ASSERT_EQ(0, ring_do(&ring, &close_it));
	EXPECT_EQ(0, send_msg(self->primary, id, "", NULL, 0));
	close_it.fd = second;
	ASSERT_EQ(0, ring_do(&ring, &close_it));
	EXPECT_EQ(-ESRCH, send_msg(self->primary, id, "", NULL, 0));
	ring_close(&ring);
}

TEST_F(lifetime, request_of_a_ring_that_waits_for_a_member_ends_with_it)
{
	int secondary = open_secondary(self->group);
	struct mpipc_record record;
	struct io_uring_sqe read = read_fixed(0, &record);
	struct ring ring;

	ASSERT_EQ(0, ring_open(&ring, &secondary, 1));
	ASSERT_EQ(0, ring_submit(&ring, &read));
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(-ESHUTDOWN, ring_result(&ring));
	ring_close(&ring);
}

/* Count the threads that do what a ring could not do at once. */
static int count_workers(void)
{
	struct dirent *task;
	char path[300], name[32];
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	while (dir && (task = readdir(dir))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
		file = fopen(path, "re");
		if (file && fgets(name, sizeof(name), file))
			n += !strncmp(name, "iou-wrk", 7);
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
	return n;
}

TEST_F(lifetime, ring_waits_for_a_record_without_a_thread)
{
	int secondary = open_secondary(self->group);
	struct mpipc_record record;
	struct io_uring_sqe read = read_fixed(0, &record);
	struct ring ring;

	ASSERT_EQ(0, ring_open(&ring, &secondary, 1));
	ASSERT_EQ(0, ring_submit(&ring, &read));
	EXPECT_EQ(0, count_workers());
	ASSERT_EQ(0, send_msg(self->primary, endpoint_id(secondary), "m", NULL, 0));
	EXPECT_EQ((int)sizeof(record), ring_result(&ring));
	EXPECT_STREQ("m", record.name);
	ring_close(&ring);
	close(secondary);
}

TEST_F(lifetime, ring_that_waits_for_space_loses_nothing)
{
	struct mpipc_record message = {
		.type = MPIPC_MESSAGE,
		.peer = MPIPC_TO_PRIMARY,
		.deadline = MPIPC_FOREVER,
		.name = "waited",
	}, record;
	int secondary = open_secondary(self->group), n = 0;
	struct io_uring_sqe write = read_fixed(0, &message);
	struct mpipc_info info;
	struct ring ring;

	write.opcode = IORING_OP_WRITE;
	ASSERT_EQ(0, ring_open(&ring, &secondary, 1));
	while (!send_msg(secondary, MPIPC_TO_PRIMARY, "fill", NULL, 0))
		n++;
	ASSERT_EQ(0, ring_submit(&ring, &write));
	ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
	EXPECT_EQ((int)sizeof(message), ring_result(&ring));
	while (n--)
		ASSERT_EQ(0, recv_msg(self->primary, &record, NULL, 0));
	EXPECT_STREQ("waited", record.name);
	/* Only the message that found the mailbox full was lost. */
	ASSERT_EQ(0, get_info(self->primary, &info));
	EXPECT_EQ(1, info.lost);
	ring_close(&ring);
	close(secondary);
}

TEST_F(lifetime, ring_that_watches_alone_learns_that_the_primary_is_gone)
{
	struct mpipc_recv_args recv = { .deadline = MPIPC_FOREVER };
	int secondary = open_secondary(self->group);
	struct io_uring_sqe watch = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = secondary,
		/* Among exclusive waiters, the kernel may wake only the first for an event. */
		.poll32_events = EPOLLRDHUP | EPOLLEXCLUSIVE,
	};
	struct ioctl_thread reader;
	struct ring ring;

	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, ring_open(&ring, NULL, 0));
	ASSERT_EQ(0, ioctl_thread_start(&reader, secondary, MPIPC_RECV, &recv));
	ASSERT_EQ(0, ioctl_thread_asleep(&reader));
	ASSERT_EQ(0, ring_submit(&ring, &watch));
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(EPOLLRDHUP, ring_result(&ring));
	ring_close(&ring);
	ASSERT_EQ(0, leave(secondary));
	EXPECT_EQ(-ESHUTDOWN, ioctl_thread_join(&reader));
	close(secondary);
}

/* Promise: P10 */
TEST_F(lifetime, what_watches_a_member_sees_its_end_and_does_not_keep_it)
{
	struct epoll_event event = { .events = EPOLLIN };
	int secondary = open_secondary(self->group), copy = dup(secondary);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct child child = {};

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, secondary, &event));
	/* The child still has the open file, without which epoll would forget it. */
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid)
		hold(child.line);
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	ASSERT_EQ(0, close(copy));
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, -1));
	EXPECT_TRUE(event.events & EPOLLHUP);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_TRUE(users_become(self->users + 1));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
}

/* In the hands of a thread */

/* Map one page that is not there until somebody says what is in it. */
static int absent_page(void **page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	range.range.len = sysconf(_SC_PAGESIZE);
	*page = mmap(NULL, range.range.len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = to_u64(*page);
	if (fd < 0 || *page == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &range))
		return -errno;
	return fd;
}

/* A thread has taken a message out, and waits for the memory that the message goes to. */
static int build_taken(const char *group, int canary, int line)
{
	static struct ioctl_thread thread;
	static struct mpipc_recv_args recv;
	struct pair pair;
	int ret = pair_open(&pair, group);
	int fds[] = { pair.primary, pair.secondary, canary };
	void *page;
	int absent = absent_page(&page);

	(void)line;
	if (absent < 0)
		return absent;
	recv.max_fds = 3;
	recv.fds = to_u64(page);
	ret = ret ?: send_passing_mpipc(pair.primary, pair.id, fds, 3) ?:
	      ioctl_thread_start(&thread, pair.secondary, MPIPC_RECV, &recv);
	if (ret)
		return ret;
	return poll_for(absent, POLLIN, -1) == POLLIN ? 0 : -EINVAL;
}

/*
 * The end of its process is the case to test: when the endpoint closes, the thread still
 * has the message, and a thread that waits for memory cannot be stopped.
 */
/* Promise: P10 */
TEST_F(lifetime, what_was_taken_but_not_delivered_goes_with_its_process)
{
	group_name(self->group, "lifetime-taken");
	for (enum end end = END_EXIT; end <= END_KILL; end++)
		expect_released(_metadata, self->group, build_taken, end);
}

/* Races */

/* This thread sends a canary again and again until its receiver is gone. */
struct poster {
	int from;
	__u64 to;
	int canary;
	unsigned int sent;
	int ret;
};

static void *poster_main(void *arg)
{
	struct poster *poster = arg;
	int ret;

	do {
		ret = send_fds(poster->from, poster->to, "", NULL, 0, &poster->canary, 1);
		if (!ret)
			__atomic_add_fetch(&poster->sent, 1, __ATOMIC_RELEASE);
	} while (!ret || ret == -EAGAIN);
	poster->ret = ret;
	return NULL;
}

/* Promise: P10 */
TEST_F(lifetime, owner_killed_while_files_are_sent_to_it_keeps_none)
{
	for (int round = 0; round < 20; round++) {
		struct poster poster = { .from = self->primary };
		struct child child = {};
		struct canary canary;
		pthread_t thread;

		ASSERT_LE(0, child_fork(&child));
		if (!child.pid) {
			child_send(&child, endpoint_id(open_secondary(self->group)));
			hold(child.line);
		}
		ASSERT_EQ(0, child_hear(&child, &poster.to));
		ASSERT_EQ(0, canary_make(&canary));
		poster.canary = canary.write_end;
		ASSERT_EQ(0, pthread_create(&thread, NULL, poster_main, &poster));
		while (!__atomic_load_n(&poster.sent, __ATOMIC_ACQUIRE))
			sched_yield();
		EXPECT_EQ(128 + SIGKILL, child_kill(&child));
		pthread_join(thread, NULL);
		EXPECT_TRUE(poster.ret == -ESRCH || poster.ret == -ECONNRESET);
		canary_let_go(&canary);
		EXPECT_TRUE(canary_dies(&canary));
		close(canary.read_end);
	}
}

/* Promise: P10 */
TEST_F(lifetime, file_that_is_received_while_the_endpoint_closes_is_there_or_released)
{
	for (int round = 0; round < 50; round++) {
		int secondary = open_secondary(self->group), got = -1;
		struct mpipc_recv_args recv = {
			.max_fds = 1,
			.fds = to_u64(&got),
			.deadline = MPIPC_FOREVER,
		};
		struct ioctl_thread thread;
		struct canary canary;
		int ret;

		ASSERT_EQ(0, canary_make(&canary));
		ASSERT_EQ(0, ioctl_thread_start(&thread, secondary, MPIPC_RECV, &recv));
		ASSERT_EQ(0, ioctl_thread_asleep(&thread));
		ASSERT_EQ(0, send_fds(self->primary, endpoint_id(secondary), "", NULL, 0,
				      &canary.write_end, 1));
		canary_let_go(&canary);
		ASSERT_EQ(0, close(secondary));
		ret = ioctl_thread_join(&thread);
		if (ret) {
			EXPECT_EQ(-ESHUTDOWN, ret);
		} else {
			EXPECT_EQ(1, write(got, "x", 1));
			EXPECT_EQ(0, close(got));
		}
		EXPECT_TRUE(canary_dies(&canary));
		close(canary.read_end);
	}
}

/* Files that take their time */

static int loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret = ioctl(fd, SIOCSIFFLAGS, &request) ? -errno : 0;

	close(fd);
	return ret;
}

/* Make a connection with so much unread data that closing it waits for @peer. */
static int lingering_socket(int *peer)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 1000 };
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct sockaddr *name = (struct sockaddr *)&address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(address);
	static char data[65536];

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, name, len) || listen(listener, 1) ||
	    getsockname(listener, name, &len) || connect(fd, name, len))
		return -errno;
	*peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	if (*peer < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		return -errno;
	while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	return errno == EAGAIN ? fd : -errno;
}

/* Promise: P13 */
TEST_F(lifetime, file_that_does_not_want_to_close_holds_up_its_owner_alone)
{
	char group[MPIPC_GROUP_MAX];
	int primary, other, peer = -1, socket;
	struct mpipc_record record;
	struct child child = {};
	__u64 id;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	group_name(group, "lifetime-slow");
	primary = open_joined(group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		int secondary = open_secondary(group);

		child_send(&child, endpoint_id(secondary));
		child_hear(&child, NULL);
		close(secondary);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	ASSERT_EQ(0, recv_wait(primary, &record, NULL, 0));
	ASSERT_EQ(MPIPC_JOINED, record.type);
	socket = lingering_socket(&peer);
	ASSERT_LE(0, socket);
	ASSERT_EQ(0, send_fds(primary, id, "", NULL, 0, &socket, 1));
	close(socket);
	ASSERT_EQ(0, child_send(&child, 0));

	ASSERT_EQ(0, recv_wait(primary, &record, NULL, 0));
	EXPECT_EQ(MPIPC_LEFT, record.type);
	EXPECT_EQ(id, record.peer);
	ASSERT_EQ(0, wait_asleep(child.pid));
	other = open_secondary(group);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, send_msg(other, MPIPC_TO_PRIMARY, "", NULL, 0));
	EXPECT_EQ(0, send_msg(primary, endpoint_id(other), "", NULL, 0));
	EXPECT_EQ(0, close(other));
	EXPECT_EQ('S', task_state(child.pid));
	close(peer);
	EXPECT_EQ(0, child_wait(&child));
	close(primary);
}

/* This test comes last, because the module could not go if the others left something behind. */
/* Promise: P10, P17 */
TEST(in_the_end_the_module_can_go_and_come_back)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_module *loaded = NULL, *file = module_file(ctx);
	char options[1024], group[MPIPC_GROUP_MAX];

	if (!file)
		SKIP(return, "set MPIPC_MODULE to the path of mpipc.ko");
	if (users_at_start)
		SKIP(return, "somebody uses the module");
	ASSERT_EQ(0, kmod_module_new_from_name(ctx, MODULE, &loaded));
	describe_parameters(options, sizeof(options));
	EXPECT_TRUE(users_become(0));
	ASSERT_EQ(0, kmod_module_remove_module(loaded, 0));
	ASSERT_EQ(0, kmod_module_insert_module(file, 0, options));
	group_name(group, "lifetime");
	EXPECT_LE(0, open_primary(group));
	kmod_module_unref(file);
	kmod_module_unref(loaded);
	kmod_unref(ctx);
}

TEST_HARNESS_MAIN
