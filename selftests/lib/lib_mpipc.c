// SPDX-License-Identifier: GPL-2.0-only
/*
 * libmpipc: opening and its hints, handlers in an event loop and in the library's
 * thread, messages, calls, answers, descriptors, closing.
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "fd.h"
#include "parameter.h"
#include "thread.h"
#include "user.h"
#include "wait.h"

#include <semaphore.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <mpipc.h>

#define SECOND 1000000000LL

/* In a child: says what is wrong and ends it. */
#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "# child: %s:%d: %s\n", __FILE__, __LINE__, #what); \
			_exit(EXIT_FAILURE); \
		} \
	} while (0)

/* As child_fork(), without which there is nothing to test. */
static pid_t fork_child(struct child *child)
{
	pid_t pid = child_fork(child);

	if (pid < 0)
		abort();
	return pid;
}

/**
 * struct log - what a handler has seen last, and what it is to do
 * @count: how many came
 * @record: the last one
 * @data: its payload
 * @fd: the first of its descriptors, taken
 * @fds: all of them, as they were
 * @handler_ret: what a function returned that was called in the handler
 * @reply_with: status to answer requests with at once
 * @keep: do not answer
 * @entered: posted when the handler begins
 * @go_on: if @waits, waited for before it ends
 * @waits: see @go_on
 */
struct log {
	unsigned int count;
	struct mpipc_record record;
	char data[64];
	int fd;
	int fds[MPIPC_FDS_MAX];
	int handler_ret;
	int reply_with;
	bool keep;
	sem_t entered;
	sem_t go_on;
	bool waits;
};

static void record(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	struct log *log = arg;

	log->count++;
	log->record = *message->record;
	memcpy(log->data, message->data, message->record->size < sizeof(log->data) ?
	       message->record->size : sizeof(log->data));
	if (message->record->n_fds) {
		memcpy(log->fds, message->fds, message->record->n_fds * sizeof(int));
		log->fd = mpipc_message_take_fd(message, 0);
	}
	if (message->record->type == MPIPC_REQUEST && !log->keep)
		mpipc_reply(self, message->record->call, log->reply_with, message->data,
			    message->record->size, NULL);
	sem_post(&log->entered);
	if (log->waits)
		sem_wait(&log->go_on);
}

static int open_with(struct mpipc **self, const char *group, enum mpipc_role role,
		     unsigned int flags, mpipc_handler_t handler, void *arg)
{
	struct mpipc_open_options options = {
		.size = sizeof(options),
		.flags = flags,
		.timeout_ns = 10 * SECOND,
		.handler = handler,
		.arg = arg,
	};

	return mpipc_open(self, group, role, &options);
}

/* For a child: a secondary that answers requests until it is killed. */
static void serve(const char *group, struct child *child, mpipc_handler_t handler, void *arg)
{
	struct mpipc *self;

	CHECK(!open_with(&self, group, MPIPC_SECONDARY, 0, handler, arg));
	child_tell(child, mpipc_id(self));
	while (mpipc_dispatch(self, MPIPC_WAIT_FOREVER) >= 0)
		;
	_exit(0);
}

/* Starts one; returns its endpoint. */
static __u64 start_server(const char *group, struct child *child, mpipc_handler_t handler,
			  void *arg)
{
	__u64 id = 0;

	if (!fork_child(child))
		serve(group, child, handler, arg);
	child_hear(child, &id);
	return id;
}

static int result_status(const struct mpipc_replies *replies, unsigned int i)
{
	return mpipc_replies_get(replies, i)->record->status;
}

FIXTURE(lib)
{
	char group[MPIPC_GROUP_MAX];
	struct log log;
	struct mpipc *primary;
};

FIXTURE_SETUP(lib)
{
	group_name(self->group, _metadata->name);
	sem_init(&self->log.entered, 0, 0);
	sem_init(&self->log.go_on, 0, 0);
	ASSERT_EQ(0, open_with(&self->primary, self->group, MPIPC_PRIMARY, 0, record,
			       &self->log)) {
		TH_LOG("load the module (modprobe mpipc), or run this in selftests/vm/run");
	}
}

FIXTURE_TEARDOWN(lib)
{
	mpipc_close(self->primary);
}

/* Opening */

TEST(without_the_module_the_hint_says_to_load_it)
{
	struct mpipc *handle = (void *)1;

	setenv("MPIPC_DEVICE", "/nonexistent", 1);
	EXPECT_EQ(-ENODEV, mpipc_open(&handle, "x", MPIPC_PRIMARY, NULL));
	EXPECT_EQ(NULL, handle);
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-ENODEV), "modprobe mpipc"));
}

TEST(a_device_of_another_kind_is_told_apart)
{
	struct mpipc *handle;

	setenv("MPIPC_DEVICE", "/dev/null", 1);
	EXPECT_EQ(-ENOTTY, mpipc_open(&handle, "x", MPIPC_PRIMARY, NULL));
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-ENOTTY), "MPIPC_DEVICE"));
}

/* Joins as another user. */
static int try_to_join(void *group)
{
	struct mpipc *handle;

	become_user(1000, 1000);
	return mpipc_open(&handle, group, MPIPC_SECONDARY, NULL);
}

/* Likewise; -ENOMSG unless the hint is about the group. */
static int try_for_group_hint(void *group)
{
	int err = try_to_join(group);

	return strstr(mpipc_open_hint(err), "permission for the group") ? err : -ENOMSG;
}

/* The same for a node that only root may open. */
static int try_for_device_hint(void *group)
{
	struct mpipc *handle;
	int err;

	become_user(1000, 1000);
	keep_capabilities(0);
	err = mpipc_open(&handle, group, MPIPC_SECONDARY, NULL);
	return strstr(mpipc_open_hint(err), "permission to open /dev/mpipc") ? err : -ENOMSG;
}

TEST_F(lib, without_permission_for_the_device_the_hint_says_so)
{
	static const char node[] = "/dev/mpipc-selftest";
	struct stat device;

	unlink(node);
	ASSERT_EQ(0, stat(MPIPC_DEVICE, &device));
	ASSERT_EQ(0, mknod(node, S_IFCHR | 0600, device.st_rdev));
	setenv("MPIPC_DEVICE", node, 1);
	EXPECT_EQ(-EACCES, run_child(try_for_device_hint, self->group));
	unlink(node);
}

TEST_F(lib, without_permission_for_the_group_the_hint_says_so)
{
	EXPECT_EQ(-EACCES, run_child(try_for_group_hint, self->group));
}

TEST_F(lib, a_group_opened_by_its_mode_lets_others_in)
{
	struct mpipc_open_options options = { .size = sizeof(options), .mode = 0666 };
	struct mpipc *handle;

	strcat(self->group, ".open");
	ASSERT_EQ(0, mpipc_open(&handle, self->group, MPIPC_PRIMARY, &options));
	EXPECT_EQ(0, run_child(try_to_join, self->group));
	mpipc_close(handle);
}

TEST_F(lib, a_second_primary_is_refused_until_the_first_is_gone)
{
	struct mpipc *second;

	EXPECT_EQ(-EADDRINUSE, mpipc_open(&second, self->group, MPIPC_PRIMARY, NULL));
	mpipc_close(self->primary);
	self->primary = NULL;
	ASSERT_EQ(0, mpipc_open(&second, self->group, MPIPC_PRIMARY, NULL));
	mpipc_close(second);
}

TEST(a_secondary_alone_fails_at_once_or_at_its_timeout)
{
	struct mpipc_open_options options = { .size = sizeof(options), .timeout_ns = 1000 };
	struct mpipc *handle;

	EXPECT_EQ(-ENOENT, mpipc_open(&handle, "nobody.is.there", MPIPC_SECONDARY, NULL));
	EXPECT_NE(NULL, strstr(mpipc_open_hint(-ENOENT), "no primary"));
	EXPECT_EQ(-ETIMEDOUT, mpipc_open(&handle, "nobody.is.there", MPIPC_SECONDARY, &options));
}

TEST_F(lib, a_secondary_can_wait_for_its_primary)
{
	struct child child;
	struct mpipc *handle;

	strcat(self->group, ".late");
	if (!fork_child(&child)) {
		child_tell(&child, 0);
		CHECK(!open_with(&handle, self->group, MPIPC_SECONDARY, 0, NULL, NULL));
		_exit(0);
	}
	child_hear(&child, NULL);
	ASSERT_EQ(0, wait_asleep(child.pid));
	ASSERT_EQ(0, mpipc_open(&handle, self->group, MPIPC_PRIMARY, NULL));
	EXPECT_EQ(0, child_wait(&child));
	mpipc_close(handle);
}

TEST(bad_arguments_are_refused)
{
	char name[MPIPC_GROUP_MAX + 1];
	struct mpipc *handle;

	memset(name, 'x', MPIPC_GROUP_MAX);
	name[MPIPC_GROUP_MAX] = 0;
	EXPECT_EQ(-EINVAL, mpipc_open(NULL, "x", MPIPC_PRIMARY, NULL));
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, NULL, MPIPC_PRIMARY, NULL));
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, "", MPIPC_PRIMARY, NULL));
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, name, MPIPC_PRIMARY, NULL));
	EXPECT_EQ(-EINVAL, mpipc_open(&handle, "x", MPIPC_NO_ROLE, NULL));
	mpipc_close(NULL);
	mpipc_replies_free(NULL);
	EXPECT_EQ(NULL, mpipc_replies_get(NULL, 0));
}

TEST_F(lib, bad_messages_are_refused)
{
	char name[MPIPC_NAME_MAX + 1];
	struct mpipc_replies *replies;

	memset(name, 'x', MPIPC_NAME_MAX);
	name[MPIPC_NAME_MAX] = 0;
	EXPECT_EQ(-EINVAL, mpipc_send(self->primary, MPIPC_TO_ALL, NULL, NULL, 0, NULL));
	EXPECT_EQ(-EINVAL, mpipc_send(self->primary, MPIPC_TO_ALL, name, NULL, 0, NULL));
	EXPECT_EQ(-EINVAL, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 1, NULL));
	EXPECT_EQ(-EMSGSIZE, mpipc_send(self->primary, MPIPC_TO_ALL, "x", name,
					MPIPC_SIZE_MAX + 1, NULL));
	EXPECT_EQ(-ESRCH, mpipc_send(self->primary, 12345678, "x", NULL, 0, NULL));
	EXPECT_EQ(-EINVAL, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, 0, NULL, NULL));
	EXPECT_EQ(-EINVAL, mpipc_call(self->primary, MPIPC_TO_ALL, NULL, NULL, 0, 0, NULL,
				      &replies));
	EXPECT_EQ(NULL, replies);
	EXPECT_EQ(-EINVAL, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0, 0, NULL,
					    NULL, NULL, NULL));
	EXPECT_EQ(-ESRCH, mpipc_reply(self->primary, 12345678, 0, NULL, 0, NULL));
	EXPECT_EQ(-ESRCH, mpipc_cancel(self->primary, 12345678));
	EXPECT_EQ(-EINVAL, mpipc_peers_get(self->primary, NULL, 1));
	EXPECT_EQ(-EINVAL, mpipc_info_get(self->primary, NULL, sizeof(struct mpipc_info)));
}

TEST_F(lib, options_may_be_of_another_version)
{
	struct {
		struct mpipc_send_options known;
		long unknown;
	} options = { .known.size = sizeof(options) };

	EXPECT_EQ(0, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, &options.known));
	options.unknown = 1;
	EXPECT_EQ(-E2BIG, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, &options.known));
	options.known.size = sizeof(size_t);
	EXPECT_EQ(-EINVAL, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, &options.known));
}

TEST_F(lib, low_descriptors_are_left_to_the_program)
{
	struct mpipc *handle;
	int before = dup(0), after;

	ASSERT_LE(0, before);
	close(before);
	ASSERT_EQ(0, mpipc_open(&handle, self->group, MPIPC_SECONDARY, NULL));
	after = dup(0);
	EXPECT_EQ(before, after);
	EXPECT_LE(64, mpipc_fd(handle));
	EXPECT_EQ(FD_CLOEXEC, fcntl(mpipc_fd(handle), F_GETFD));
	close(after);
	mpipc_close(handle);
}

TEST_F(lib, a_low_limit_of_open_files_is_no_obstacle)
{
	struct rlimit limit = { .rlim_cur = 32, .rlim_max = 32 };
	struct mpipc *handle;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(0, mpipc_open(&handle, self->group, MPIPC_SECONDARY, NULL));
	EXPECT_LT(2, mpipc_fd(handle));
	EXPECT_GT(32, mpipc_fd(handle));
	mpipc_close(handle);
}

/* Messages, event loop */

TEST_F(lib, messages_go_up_and_down_with_who_sent_them)
{
	struct log log = { 0 };
	struct mpipc *secondary;
	struct child child;
	__u64 id;

	if (!fork_child(&child)) {
		CHECK(!open_with(&secondary, self->group, MPIPC_SECONDARY, 0, record, &log));
		child_tell(&child, mpipc_id(secondary));
		CHECK(mpipc_send(secondary, MPIPC_TO_PRIMARY, "up", "hello", 6, NULL) == 1);
		CHECK(mpipc_dispatch(secondary, MPIPC_WAIT_FOREVER) == 1);
		CHECK(!strcmp(log.record.name, "down"));
		CHECK(!strcmp(log.data, "to you"));
		CHECK(log.record.pid == getppid());
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(MPIPC_MESSAGE, self->log.record.type);
	EXPECT_STREQ("up", self->log.record.name);
	EXPECT_STREQ("hello", self->log.data);
	EXPECT_EQ(id, self->log.record.peer);
	EXPECT_EQ(child.pid, self->log.record.pid);
	EXPECT_EQ(geteuid(), self->log.record.uid);
	EXPECT_EQ(MPIPC_SECONDARY, self->log.record.role);
	EXPECT_EQ(1, mpipc_send(self->primary, id, "down", "to you", 7, NULL));
	EXPECT_EQ(0, child_wait(&child));
}

/* Hands on what it got to the parent. */
static void tell_data(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	(void)handle;
	child_tell(*(struct child **)arg, *(const __u64 *)message->data);
}

TEST_F(lib, a_message_to_all_reaches_each_secondary)
{
	struct child children[3], *line;
	__u64 number = 42, heard;
	int i;

	for (i = 0; i < 3; i++) {
		line = &children[i];
		ASSERT_NE(0, start_server(self->group, &children[i], tell_data, &line));
	}
	EXPECT_EQ(3, mpipc_send(self->primary, MPIPC_TO_ALL, "n", &number, sizeof(number), NULL));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, child_hear(&children[i], &heard));
		EXPECT_EQ(42, heard);
		child_kill(&children[i]);
	}
	EXPECT_EQ(0, mpipc_send(self->primary, MPIPC_TO_ALL, "n", NULL, 0, NULL));
}

TEST_F(lib, an_event_loop_dispatches_when_it_is_readable)
{
	struct mpipc *secondary;
	int i;

	EXPECT_EQ(0, mpipc_dispatch(self->primary, 0));
	EXPECT_EQ(0, poll_for(mpipc_fd(self->primary), POLLIN, 0));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	}
	EXPECT_EQ(POLLIN, poll_for(mpipc_fd(self->primary), POLLIN, -1));
	EXPECT_EQ(3, mpipc_dispatch(self->primary, 0));
	EXPECT_EQ(0, poll_for(mpipc_fd(self->primary), POLLIN, 0));
	EXPECT_EQ(3, self->log.count);
	EXPECT_EQ(0, mpipc_dispatch(self->primary, 1000));
	mpipc_close(secondary);
}

static void dispatch_again(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct log *log = arg;

	(void)message;
	log->handler_ret = mpipc_dispatch(handle, 0);
}

TEST_F(lib, dispatching_in_a_handler_is_refused)
{
	struct log log = { 0 };
	struct mpipc *secondary;

	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, dispatch_again, &log));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL));
	EXPECT_EQ(1, mpipc_dispatch(secondary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(-EBUSY, log.handler_ret);
	mpipc_close(secondary);
}

static void ignore_signal(int signal)
{
	(void)signal;
}

static void *dispatch_thread(void *arg)
{
	struct ioctl_thread *self = arg;

	__atomic_store_n(&self->tid, (pid_t)gettid(), __ATOMIC_RELEASE);
	self->ret = mpipc_dispatch(self->arg, MPIPC_WAIT_FOREVER);
	return NULL;
}

static int start_dispatch_thread(struct ioctl_thread *self, struct mpipc *handle)
{
	*self = (struct ioctl_thread){ .arg = handle };
	if (pthread_create(&self->thread, NULL, dispatch_thread, self))
		return -EAGAIN;
	return ioctl_thread_asleep(self);
}

TEST_F(lib, a_signal_interrupts_a_waiting_dispatch)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct ioctl_thread thread;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, start_dispatch_thread(&thread, self->primary));
	pthread_kill(thread.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, ioctl_thread_join(&thread));
}

TEST_F(lib, leaving_calls_a_waiting_dispatch_back)
{
	struct ioctl_thread thread;
	struct mpipc_info info;

	ASSERT_EQ(0, start_dispatch_thread(&thread, self->primary));
	EXPECT_EQ(0, mpipc_leave(self->primary));
	EXPECT_EQ(-ESHUTDOWN, ioctl_thread_join(&thread));
	EXPECT_EQ(-ESHUTDOWN, mpipc_leave(self->primary));
	EXPECT_EQ(-ESHUTDOWN, mpipc_dispatch(self->primary, 0));
	EXPECT_EQ(-ESHUTDOWN, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL));
	EXPECT_EQ(0, mpipc_info_get(self->primary, &info, sizeof(info)));
	EXPECT_EQ(MPIPC_NO_ROLE, info.role);
}

TEST_F(lib, a_full_mailbox_is_told_and_waited_for_if_asked)
{
	unsigned int full = 99;
	struct mpipc_send_options options = { .size = sizeof(options), .full = &full };
	long long usual = get_param("mailbox_messages");
	struct mpipc *secondary;

	ASSERT_EQ(0, set_param("mailbox_messages", 2));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(0, set_param("mailbox_messages", usual));
	EXPECT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "1", NULL, 0, &options));
	EXPECT_EQ(0, full);
	EXPECT_EQ(1, mpipc_send(self->primary, mpipc_id(secondary), "2", NULL, 0, NULL));
	EXPECT_EQ(0, mpipc_send(self->primary, MPIPC_TO_ALL, "3", NULL, 0, &options));
	EXPECT_EQ(1, full);
	EXPECT_EQ(-EAGAIN, mpipc_send(self->primary, mpipc_id(secondary), "4", NULL, 0, NULL));
	options.timeout_ns = 1000;
	EXPECT_EQ(-ETIMEDOUT,
		  mpipc_send(self->primary, mpipc_id(secondary), "5", NULL, 0, &options));
	mpipc_close(secondary);
}

/* Events, peers */

TEST_F(lib, a_primary_hears_who_comes_and_goes)
{
	struct mpipc *primary;
	struct child child;
	__u64 id;

	strcat(self->group, ".events");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS, record,
			       &self->log));
	id = start_server(self->group, &child, NULL, NULL);
	ASSERT_EQ(1, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(MPIPC_JOINED, self->log.record.type);
	EXPECT_EQ(id, self->log.record.peer);
	EXPECT_EQ(child.pid, self->log.record.pid);
	child_kill(&child);
	ASSERT_EQ(1, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(MPIPC_LEFT, self->log.record.type);
	EXPECT_EQ(id, self->log.record.peer);
	mpipc_close(primary);
}

TEST_F(lib, peers_are_listed_with_credentials)
{
	struct mpipc_peer peers[2];
	struct child child;
	__u64 id = start_server(self->group, &child, NULL, NULL);
	int other;

	EXPECT_EQ(2, mpipc_peers_get(self->primary, NULL, 0));
	ASSERT_EQ(2, mpipc_peers_get(self->primary, peers, 2));
	other = peers[0].id == mpipc_id(self->primary);
	EXPECT_EQ(id, peers[other].id);
	EXPECT_EQ(child.pid, peers[other].pid);
	EXPECT_EQ(geteuid(), peers[other].uid);
	EXPECT_EQ(MPIPC_SECONDARY, peers[other].role);
	child_kill(&child);
}

/* Descriptors */

TEST_F(lib, descriptors_are_taken_or_closed_with_the_message)
{
	struct mpipc_send_options options = { .size = sizeof(options) };
	struct mpipc *secondary;
	unsigned int before;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	before = count_fds();
	options.fds = fds;
	options.n_fds = 2;
	ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "fds", NULL, 0, &options));
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(before + 1, count_fds());
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->log.fd, F_GETFD));
	EXPECT_EQ(1, write(fds[1], "x", 1));
	EXPECT_EQ(1, read(self->log.fd, self->log.data, 1));
	close(self->log.fd);
	EXPECT_EQ(before, count_fds());
	mpipc_close(secondary);
}

static void take_twice(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	int *fds = arg;

	(void)handle;
	fds[0] = mpipc_message_take_fd(message, 0);
	fds[1] = mpipc_message_take_fd(message, 0);
	fds[2] = mpipc_message_take_fd(message, 1);
}

TEST_F(lib, a_descriptor_is_taken_once)
{
	int stdin_fd = 0, taken[3];
	struct mpipc_send_options options = {
		.size = sizeof(options), .fds = &stdin_fd, .n_fds = 1,
	};
	struct mpipc *secondary;

	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, take_twice, taken));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "fd", NULL, 0, &options));
	ASSERT_EQ(1, mpipc_dispatch(secondary, MPIPC_WAIT_FOREVER));
	EXPECT_LT(2, taken[0]);
	EXPECT_EQ(-EBADF, taken[1]);
	EXPECT_EQ(-EINVAL, taken[2]);
	close(taken[0]);
	mpipc_close(secondary);
}

TEST_F(lib, descriptors_that_cannot_be_received_are_errors_in_their_slots)
{
	struct rlimit old, limit;
	int fds[4] = { 0, 0, 0, 0 };
	struct mpipc_send_options options = {
		.size = sizeof(options), .fds = fds, .n_fds = 4,
	};
	struct mpipc *secondary;
	int next;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "fds", "x", 1, &options));
	next = dup(0);
	close(next);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit = old;
	limit.rlim_cur = next + 2;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(4, self->log.record.n_fds);
	EXPECT_EQ(next, self->log.fds[0]);
	EXPECT_EQ(next + 1, self->log.fds[1]);
	EXPECT_EQ(-EMFILE, self->log.fds[2]);
	EXPECT_EQ(-EMFILE, self->log.fds[3]);
	close(self->log.fd);
	mpipc_close(secondary);
}

/* Calls */

TEST_F(lib, a_call_brings_the_answer_of_its_addressee)
{
	const struct mpipc_message *reply;
	struct mpipc_replies *replies;
	struct child child;
	__u64 id = start_server(self->group, &child, record, &self->log);

	ASSERT_EQ(1, mpipc_call(self->primary, id, "echo", "abc", 4, MPIPC_WAIT_FOREVER, NULL,
				&replies));
	reply = mpipc_replies_get(replies, 0);
	EXPECT_EQ(NULL, mpipc_replies_get(replies, 1));
	EXPECT_EQ(0, reply->record->status);
	EXPECT_EQ(MPIPC_REC_REPLIED, reply->record->flags & MPIPC_REC_REPLIED);
	EXPECT_EQ(id, reply->record->peer);
	EXPECT_EQ(4, reply->record->size);
	EXPECT_STREQ("abc", reply->data);
	mpipc_replies_free(replies);
	child_kill(&child);
}

static void refuse(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	(void)arg;
	mpipc_reply(handle, message->record->call, -EDOM, NULL, 0, NULL);
}

TEST_F(lib, the_status_of_an_answer_is_that_of_the_one_who_gave_it)
{
	struct mpipc_replies *replies;
	struct child child;

	start_server(self->group, &child, refuse, NULL);
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				NULL, &replies));
	EXPECT_EQ(-EDOM, result_status(replies, 0));
	mpipc_replies_free(replies);
	child_kill(&child);
}

TEST_F(lib, without_a_handler_requests_are_refused_at_once)
{
	struct mpipc_replies *replies;
	struct child child;

	start_server(self->group, &child, NULL, NULL);
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				NULL, &replies));
	EXPECT_EQ(-EOPNOTSUPP, result_status(replies, 0));
	mpipc_replies_free(replies);
	child_kill(&child);
}

static void die(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	(void)handle;
	(void)message;
	(void)arg;
	kill(getpid(), SIGKILL);
}

TEST_F(lib, a_call_to_all_has_results_of_the_living_and_the_dead)
{
	struct mpipc_replies *replies;
	struct child children[12];
	__u64 dead = 0, id;
	int i, answered = 0;

	/* More than there is room for at the first try. */
	for (i = 0; i < 12; i++) {
		id = start_server(self->group, &children[i], i == 5 ? die : record, &self->log);
		if (i == 5)
			dead = id;
	}
	ASSERT_EQ(12, mpipc_call(self->primary, MPIPC_TO_ALL, "x", "y", 2, MPIPC_WAIT_FOREVER,
				 NULL, &replies));
	for (i = 0; i < 12; i++) {
		if (mpipc_replies_get(replies, i)->record->peer == dead) {
			EXPECT_EQ(-ECONNRESET, result_status(replies, i));
		} else {
			answered += !result_status(replies, i);
		}
	}
	EXPECT_EQ(11, answered);
	mpipc_replies_free(replies);
	for (i = 0; i < 12; i++)
		child_kill(&children[i]);
}

TEST_F(lib, a_call_to_nobody_has_no_results)
{
	struct mpipc_replies *replies;

	EXPECT_EQ(0, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				NULL, &replies));
	EXPECT_NE(NULL, replies);
	mpipc_replies_free(replies);
}

TEST_F(lib, a_call_ends_at_its_timeout)
{
	struct mpipc_replies *replies;
	struct mpipc *secondary;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, 1000000, NULL,
				&replies));
	EXPECT_EQ(-ETIMEDOUT, result_status(replies, 0));
	mpipc_replies_free(replies);
	mpipc_close(secondary);
}

TEST_F(lib, a_call_to_a_dead_primary_is_refused)
{
	struct mpipc_replies *replies;
	struct mpipc *secondary;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	mpipc_close(self->primary);
	self->primary = NULL;
	EXPECT_EQ(-ECONNREFUSED, mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0,
					    MPIPC_WAIT_FOREVER, NULL, &replies));
	EXPECT_EQ(NULL, replies);
	mpipc_close(secondary);
}

/* Answers with the two ends of a pipe of its own. */
static void reply_pipe(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	int fds[2];
	struct mpipc_reply_options options = {
		.size = sizeof(options), .fds = fds, .n_fds = 2, .name = "pipe",
	};

	(void)arg;
	CHECK(!pipe(fds));
	CHECK(!mpipc_reply(handle, message->record->call, 0, NULL, 0, &options));
	close(fds[0]);
	close(fds[1]);
}

TEST_F(lib, descriptors_of_answers_are_taken_or_closed_with_them)
{
	struct mpipc_call_options options = { .size = sizeof(options), .reply_fds = 2 };
	struct mpipc_replies *replies;
	struct child child;
	unsigned int before;
	char byte;
	int fd;

	start_server(self->group, &child, reply_pipe, NULL);
	before = count_fds();
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				&options, &replies));
	ASSERT_EQ(0, result_status(replies, 0));
	EXPECT_STREQ("pipe", mpipc_replies_get(replies, 0)->record->name);
	EXPECT_EQ(before + 2, count_fds());
	fd = mpipc_message_take_fd(mpipc_replies_get(replies, 0), 0);
	ASSERT_LE(0, fd);
	mpipc_replies_free(replies);
	EXPECT_EQ(before + 1, count_fds());
	EXPECT_EQ(0, read(fd, &byte, 1));
	close(fd);
	child_kill(&child);
}

/* In a thread of its own, once the handler has returned. */
static void *reply_later(void *arg)
{
	struct log *log = arg;

	CHECK(!sem_wait(&log->go_on));
	log->handler_ret = mpipc_reply((void *)(uintptr_t)log->record.stamp, log->record.call, 0,
				       "later", 6, NULL);
	return NULL;
}

TEST_F(lib, an_answer_may_come_from_another_thread_later)
{
	struct mpipc_replies *replies;
	struct mpipc *secondary;
	struct child child;
	pthread_t thread;

	self->log.keep = true;
	if (!fork_child(&child)) {
		CHECK(!open_with(&secondary, self->group, MPIPC_SECONDARY, 0, NULL, NULL));
		CHECK(mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				 NULL, &replies) == 1);
		CHECK(!result_status(replies, 0));
		CHECK(!strcmp(mpipc_replies_get(replies, 0)->data, "later"));
		_exit(0);
	}
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	self->log.record.stamp = (uintptr_t)self->primary;
	ASSERT_EQ(0, pthread_create(&thread, NULL, reply_later, &self->log));
	sem_post(&self->log.go_on);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, self->log.handler_ret);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(-ESRCH, mpipc_reply(self->primary, self->log.record.call, 0, NULL, 0, NULL));
}

TEST_F(lib, a_signal_does_not_end_a_call)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct mpipc_replies *replies;
	struct mpipc *secondary;
	struct child child;
	int i;

	self->log.keep = true;
	if (!fork_child(&child)) {
		CHECK(!sigaction(SIGUSR1, &action, NULL));
		CHECK(!open_with(&secondary, self->group, MPIPC_SECONDARY, 0, NULL, NULL));
		CHECK(mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, MPIPC_WAIT_FOREVER,
				 NULL, &replies) == 1);
		CHECK(!result_status(replies, 0));
		_exit(0);
	}
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, wait_asleep(child.pid));
		kill(child.pid, SIGUSR1);
	}
	ASSERT_EQ(0, wait_asleep(child.pid));
	EXPECT_EQ(0, mpipc_dispatch(self->primary, 0));
	EXPECT_EQ(0, mpipc_reply(self->primary, self->log.record.call, 0, NULL, 0, NULL));
	EXPECT_EQ(0, child_wait(&child));
}

struct caller {
	pthread_t thread;
	struct mpipc *handle;
	int bad;
};

static void *call_many(void *arg)
{
	struct caller *caller = arg;
	struct mpipc_replies *replies;
	int i;

	for (i = 0; i < 100; i++) {
		if (mpipc_call(caller->handle, MPIPC_TO_ALL, "same", &i, sizeof(i),
			       MPIPC_WAIT_FOREVER, NULL, &replies) != 2 ||
		    result_status(replies, 0) || result_status(replies, 1) ||
		    *(int *)mpipc_replies_get(replies, 1)->data != i)
			caller->bad++;
		mpipc_replies_free(replies);
	}
	return NULL;
}

TEST_F(lib, calls_of_many_threads_do_not_mix)
{
	struct caller callers[8];
	struct child children[2];
	int i;

	for (i = 0; i < 2; i++)
		start_server(self->group, &children[i], record, &self->log);
	for (i = 0; i < 8; i++) {
		callers[i] = (struct caller){ .handle = self->primary };
		ASSERT_EQ(0, pthread_create(&callers[i].thread, NULL, call_many, &callers[i]));
	}
	for (i = 0; i < 8; i++) {
		pthread_join(callers[i].thread, NULL);
		EXPECT_EQ(0, callers[i].bad);
	}
	for (i = 0; i < 2; i++)
		child_kill(&children[i]);
}

/* Asynchronous calls */

/**
 * struct results - what a callback has seen
 * @count: results
 * @last: how many of them were said to be the last
 * @status: of the last one
 * @peer: of the last one
 */
struct results {
	int count;
	int last;
	int status;
	__u64 peer;
};

static void count_results(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct results *results = arg;

	(void)handle;
	results->count++;
	results->last += !!(message->record->flags & MPIPC_REC_LAST);
	results->status = message->record->status;
	results->peer = message->record->peer;
}

TEST_F(lib, an_asynchronous_call_calls_back_for_each_addressee)
{
	struct results results = { 0 };
	struct child children[3];
	uint64_t call;
	int i;

	for (i = 0; i < 3; i++)
		start_server(self->group, &children[i], record, &self->log);
	ASSERT_EQ(3, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", "y", 2,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &results, &call));
	EXPECT_EQ(0, results.count);
	while (!results.last) {
		ASSERT_LT(0, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	}
	EXPECT_EQ(3, results.count);
	EXPECT_EQ(1, results.last);
	EXPECT_EQ(0, results.status);
	EXPECT_EQ(0, self->log.count);
	EXPECT_EQ(-ESRCH, mpipc_cancel(self->primary, call));
	for (i = 0; i < 3; i++)
		child_kill(&children[i]);
}

TEST_F(lib, an_asynchronous_call_to_nobody_calls_back_once)
{
	struct results results = { .peer = 1 };

	ASSERT_EQ(0, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &results, NULL));
	EXPECT_EQ(0, results.count);
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(1, results.last);
	EXPECT_EQ(0, results.peer);
}

TEST_F(lib, an_asynchronous_call_times_out_by_itself)
{
	struct results results = { 0 };
	struct mpipc *secondary;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0, 1000000, NULL,
				      count_results, &results, NULL));
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(1, results.last);
	EXPECT_EQ(-ETIMEDOUT, results.status);
	mpipc_close(secondary);
}

TEST_F(lib, a_cancelled_call_calls_back_at_once)
{
	struct results results = { 0 };
	struct mpipc *secondary;
	uint64_t call;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &results, &call));
	EXPECT_EQ(0, mpipc_cancel(self->primary, call));
	ASSERT_EQ(1, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(1, results.last);
	EXPECT_EQ(-ECANCELED, results.status);
	mpipc_close(secondary);
}

TEST_F(lib, closing_calls_back_what_is_open)
{
	struct results results = { 0 };
	struct mpipc *secondary;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_call_async(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &results, NULL));
	mpipc_close(secondary);
	EXPECT_EQ(1, results.count);
	EXPECT_EQ(1, results.last);
	EXPECT_EQ(-ESHUTDOWN, results.status);
}

/* The library's thread */

static void look_around(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct log *log = arg;
	sigset_t blocked;

	(void)handle;
	(void)message;
	pthread_getname_np(pthread_self(), log->data, sizeof(log->data));
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	log->handler_ret = sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGUSR1);
	sem_post(&log->entered);
}

TEST_F(lib, the_thread_has_a_name_and_takes_no_signals)
{
	struct mpipc *secondary;

	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, look_around,
			       &self->log));
	ASSERT_EQ(0, mpipc_start(secondary));
	EXPECT_EQ(-EALREADY, mpipc_start(secondary));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL));
	sem_wait(&self->log.entered);
	EXPECT_STREQ("mpipc-msg", self->log.data);
	EXPECT_EQ(1, self->log.handler_ret);
	mpipc_close(secondary);
}

TEST_F(lib, the_thread_gets_batches_and_descriptors_in_order)
{
	int stdin_fd = 0, i;
	struct mpipc_send_options with_fd = {
		.size = sizeof(with_fd), .fds = &stdin_fd, .n_fds = 1,
	};
	struct mpipc *secondary;
	unsigned int before;

	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	before = count_fds();
	for (i = 0; i < 60; i++) {
		ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", &i, sizeof(i),
					i % 7 ? NULL : &with_fd));
	}
	ASSERT_EQ(0, mpipc_start(self->primary));
	for (i = 0; i < 60; i++)
		sem_wait(&self->log.entered);
	mpipc_close(self->primary);
	self->primary = NULL;
	EXPECT_EQ(60, self->log.count);
	EXPECT_EQ(59, *(int *)self->log.data);
	EXPECT_EQ(60, self->log.record.seq);
	/* The handler takes the first one of each message. */
	EXPECT_EQ(before - 1 + 9, count_fds());
	mpipc_close(secondary);
}

TEST_F(lib, closing_waits_for_the_handler_that_runs)
{
	struct mpipc *secondary;
	pthread_t thread;

	self->log.waits = true;
	ASSERT_EQ(0, mpipc_start(self->primary));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	sem_wait(&self->log.entered);
	ASSERT_EQ(0, pthread_create(&thread, NULL, (void *(*)(void *))mpipc_close, self->primary));
	/* It has left, but not come back. */
	while (poll_for(mpipc_fd(secondary), POLLRDHUP, -1) != POLLRDHUP)
		;
	EXPECT_EQ(EBUSY, pthread_tryjoin_np(thread, NULL));
	sem_post(&self->log.go_on);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	self->primary = NULL;
	mpipc_close(secondary);
}

static void close_here(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct log *log = arg;

	mpipc_close(handle);
	/* Still there until this returns. */
	log->count += message->record->size;
	log->handler_ret = mpipc_send(handle, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL);
	sem_post(&log->entered);
}

TEST_F(lib, a_handler_may_close_its_handle_in_an_event_loop)
{
	struct mpipc *secondary;
	unsigned int before = count_fds();

	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, close_here,
			       &self->log));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", "y", 2, NULL));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", "y", 2, NULL));
	EXPECT_EQ(-ESHUTDOWN, mpipc_dispatch(secondary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(2, self->log.count);
	EXPECT_EQ(-ESHUTDOWN, self->log.handler_ret);
	EXPECT_EQ(before, count_fds());
}

TEST_F(lib, a_handler_may_close_its_handle_on_its_thread)
{
	struct mpipc *secondary;

	ASSERT_EQ(0, open_with(&secondary, self->group, MPIPC_SECONDARY, 0, close_here,
			       &self->log));
	ASSERT_EQ(0, mpipc_start(secondary));
	ASSERT_EQ(1, mpipc_send(self->primary, MPIPC_TO_ALL, "x", "y", 2, NULL));
	sem_wait(&self->log.entered);
	EXPECT_EQ(-ESHUTDOWN, self->log.handler_ret);
	EXPECT_EQ(1, mpipc_peers_get(self->primary, NULL, 0));
}

/* Counts, as this is looked at while more may come. */
static void count_messages(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	(void)handle;
	(void)message;
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED);
}

/* Sends messages and then answers. */
static void send_then_reply(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	int i;

	(void)arg;
	for (i = 1; i <= 20; i++)
		CHECK(mpipc_send(handle, MPIPC_TO_PRIMARY, "before", &i, sizeof(i), NULL) == 1);
	CHECK(!mpipc_reply(handle, message->record->call, 0, NULL, 0, NULL));
}

TEST_F(lib, an_ordered_call_returns_after_the_handlers_of_what_came_before)
{
	struct mpipc_call_options options = {
		.size = sizeof(options), .flags = MPIPC_CALL_ORDERED,
	};
	struct mpipc_replies *replies;
	struct mpipc *primary;
	struct child child;
	int round, count = 0;

	strcat(self->group, ".count");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, 0, count_messages, &count));
	start_server(self->group, &child, send_then_reply, NULL);
	ASSERT_EQ(0, mpipc_start(primary));
	for (round = 1; round <= 50; round++) {
		ASSERT_EQ(1, mpipc_call(primary, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER,
					&options, &replies));
		EXPECT_EQ(20 * round, __atomic_load_n(&count, __ATOMIC_RELAXED));
		mpipc_replies_free(replies);
	}
	child_kill(&child);
	mpipc_close(primary);
}

/* Makes a call to who called, and answers with what it brought. */
static void call_back(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct mpipc_replies *replies;

	(void)arg;
	CHECK(mpipc_call(handle, MPIPC_TO_PRIMARY, "inner", "abc", 4, MPIPC_WAIT_FOREVER, NULL,
			 &replies) == 1);
	CHECK(!mpipc_reply(handle, message->record->call, result_status(replies, 0),
			   mpipc_replies_get(replies, 0)->data, 4, NULL));
	mpipc_replies_free(replies);
}

TEST_F(lib, a_handler_may_call)
{
	struct mpipc_replies *replies;
	struct child child;

	start_server(self->group, &child, call_back, NULL);
	ASSERT_EQ(0, mpipc_start(self->primary));
	ASSERT_EQ(1, mpipc_call(self->primary, MPIPC_TO_ALL, "outer", NULL, 0,
				MPIPC_WAIT_FOREVER, NULL, &replies));
	EXPECT_EQ(0, result_status(replies, 0));
	EXPECT_STREQ("abc", mpipc_replies_get(replies, 0)->data);
	sem_wait(&self->log.entered);
	EXPECT_EQ(1, self->log.count);
	mpipc_replies_free(replies);
	child_kill(&child);
}

/**
 * struct ahead - for requests that are answered while the next ones wait
 * @count: how many were handled, each of which has to be the next
 * @taken: how often one was taken out of the mailbox with an answer
 * @peer: who is called between two answers, or 0
 * @entered: posted in the first handler
 * @all_there: then waited for
 * @done: posted after each handler
 */
struct ahead {
	__u32 count;
	unsigned int taken;
	__u64 peer;
	sem_t entered;
	sem_t all_there;
	sem_t done;
};

#define AHEAD	300

static __u64 queued(struct mpipc *handle)
{
	struct mpipc_info info;

	CHECK(!mpipc_info_get(handle, &info, sizeof(info)));
	return info.queued;
}

static void answer_ahead(struct mpipc *handle, const struct mpipc_message *message,
			 struct ahead *ahead)
{
	const __u32 *numbers = message->data;
	const __u32 size = message->record->size, number = ahead->count++;
	const __u64 call = message->record->call;
	struct mpipc_replies *replies;
	__u64 before;
	__u32 i;

	if (!number) {
		sem_post(&ahead->entered);
		sem_wait(&ahead->all_there);
	}
	before = queued(handle);
	CHECK(!mpipc_reply(handle, call, 0, &number, sizeof(number), NULL));
	ahead->taken += queued(handle) < before;
	/* All of it is what it was. */
	CHECK(message->record->call == call && message->record->size == size);
	for (i = 0; i < size / sizeof(*numbers); i++)
		CHECK(numbers[i] == number);
	if (!ahead->peer || number % 10)
		return;
	/* Handles those that follow, up to the result. */
	CHECK(mpipc_call(handle, ahead->peer, "x", NULL, 0, MPIPC_WAIT_FOREVER, NULL,
			 &replies) == 1);
	CHECK(!result_status(replies, 0));
	mpipc_replies_free(replies);
	CHECK(mpipc_reply(handle, call, 0, NULL, 0, NULL) == -ESRCH);
	CHECK(message->record->call == call && numbers[0] == number);
}

static void handle_ahead(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct ahead *ahead = arg;

	answer_ahead(handle, message, ahead);
	sem_post(&ahead->done);
}

/* Each result has the number of its request. */
static void check_number(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	(void)handle;
	CHECK(!message->record->status);
	CHECK(*(const __u32 *)message->data == (uintptr_t)arg);
}

/* Makes a call that does not wait; among them are all sizes and kinds. */
static void call_ahead(struct mpipc *caller, __u32 number)
{
	static __u32 numbers[MPIPC_SIZE_MAX / sizeof(__u32)];
	int fd = 0;
	struct mpipc_call_options options = {
		.size = sizeof(options), .fds = &fd, .n_fds = number % 37 == 9,
	};
	size_t size = number % 41 == 11 ? sizeof(numbers) :
		      number % 11 == 7 ? 4000 : 4 + number % 50 * 4;
	size_t i;

	for (i = 0; i < size / sizeof(number); i++)
		numbers[i] = number;
	CHECK(mpipc_call_async(caller, MPIPC_TO_PRIMARY, "x", numbers, size, MPIPC_WAIT_FOREVER,
			       &options, check_number, (void *)(uintptr_t)number, NULL) == 1);
}

static void test_ahead(struct __test_metadata *_metadata, const char *group, struct ahead *ahead)
{
	struct mpipc *primary, *caller;
	struct child server;
	char name[64];
	int left = AHEAD, handled;
	__u32 number;

	snprintf(name, sizeof(name), "%s.ahead", group);
	sem_init(&ahead->entered, 0, 0);
	sem_init(&ahead->all_there, 0, 0);
	sem_init(&ahead->done, 0, 0);
	ASSERT_EQ(0, open_with(&primary, name, MPIPC_PRIMARY, 0, handle_ahead, ahead));
	if (ahead->peer)
		ahead->peer = start_server(name, &server, record, &(struct log){ 0 });
	ASSERT_EQ(0, mpipc_start(primary));
	ASSERT_EQ(0, mpipc_open(&caller, name, MPIPC_SECONDARY, NULL));
	call_ahead(caller, 0);
	sem_wait(&ahead->entered);
	for (number = 1; number < AHEAD; number++)
		call_ahead(caller, number);
	sem_post(&ahead->all_there);
	for (; left > 0; left -= handled) {
		handled = mpipc_dispatch(caller, MPIPC_WAIT_FOREVER);
		ASSERT_LT(0, handled);
	}
	mpipc_close(caller);
	for (number = 0; number < AHEAD; number++)
		sem_wait(&ahead->done);
	mpipc_close(primary);
	EXPECT_EQ(AHEAD, ahead->count);
	/* Inside a call none is, else all up to the first with a descriptor, at least. */
	EXPECT_LE(ahead->peer ? 1 : 8, ahead->taken);
	if (ahead->peer)
		child_kill(&server);
}

TEST_F(lib, the_thread_answers_and_takes_the_next_request_in_order)
{
	struct ahead ahead = { 0 };

	test_ahead(_metadata, self->group, &ahead);
}

TEST_F(lib, a_call_between_two_answers_finds_what_the_first_has_taken)
{
	struct ahead ahead = { .peer = 1 };

	test_ahead(_metadata, self->group, &ahead);
}

static void answer_and_close(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct ahead *ahead = arg;
	__u64 before;

	ahead->count++;
	sem_post(&ahead->entered);
	sem_wait(&ahead->all_there);
	before = queued(handle);
	CHECK(!mpipc_reply(handle, message->record->call, 0, NULL, 0, NULL));
	ahead->taken += queued(handle) < before;
	mpipc_close(handle);
	sem_post(&ahead->done);
}

TEST_F(lib, a_request_taken_with_an_answer_is_reset_when_the_handler_closes)
{
	struct results answered = { 0 }, reset = { 0 };
	struct ahead ahead = { 0 };
	struct mpipc *server;

	sem_init(&ahead.entered, 0, 0);
	sem_init(&ahead.all_there, 0, 0);
	sem_init(&ahead.done, 0, 0);
	ASSERT_EQ(0, open_with(&server, self->group, MPIPC_SECONDARY, 0, answer_and_close,
			       &ahead));
	ASSERT_EQ(0, mpipc_start(server));
	ASSERT_EQ(1, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &answered, NULL));
	sem_wait(&ahead.entered);
	ASSERT_EQ(1, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0,
				      MPIPC_WAIT_FOREVER, NULL, count_results, &reset, NULL));
	sem_post(&ahead.all_there);
	while (!answered.last || !reset.last) {
		ASSERT_LT(0, mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER));
	}
	sem_wait(&ahead.done);
	EXPECT_EQ(0, answered.status);
	EXPECT_EQ(-ECONNRESET, reset.status);
	EXPECT_EQ(1, ahead.count);
	EXPECT_EQ(1, ahead.taken);
}

/**
 * struct eager - for answers to what is no request
 * @secondary: sends what is to be taken
 * @count: what has come
 * @status: what mpipc_reply() returned to the first
 */
struct eager {
	struct mpipc *secondary;
	unsigned int count;
	int status;
};

static void answer_everything(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct eager *eager = arg;

	if (eager->count++)
		return;
	CHECK(mpipc_send(eager->secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL) == 1);
	eager->status = mpipc_reply(handle, message->record->call, 0, NULL, 0, NULL);
}

TEST_F(lib, an_answer_to_no_request_is_refused_and_takes_nothing)
{
	struct eager eager = { 0 };
	struct mpipc *primary;

	strcat(self->group, ".eager");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, 0, answer_everything, &eager));
	ASSERT_EQ(0, mpipc_open(&eager.secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_send(eager.secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	EXPECT_EQ(1, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(-ESRCH, eager.status);
	EXPECT_EQ(1, mpipc_dispatch(primary, 0));
	EXPECT_EQ(2, eager.count);
	mpipc_close(eager.secondary);
	mpipc_close(primary);
}

static void count_and_leave(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	unsigned int *count = arg;

	(void)message;
	++*count;
	CHECK(!mpipc_leave(handle));
}

TEST_F(lib, leaving_drops_what_was_taken_but_not_handled)
{
	struct mpipc *primary, *secondary;
	unsigned int count = 0;
	int i;

	strcat(self->group, ".leave");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, 0, count_and_leave, &count));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	EXPECT_EQ(1, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(-ESHUTDOWN, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(1, count);
	mpipc_close(secondary);
	mpipc_close(primary);
}

/* Calls who sent the message. */
static void ask_sender(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct mpipc_replies *replies;
	int *n = arg;

	*n = mpipc_call(handle, message->record->peer, "y", "abc", 4, MPIPC_WAIT_FOREVER, NULL,
			&replies);
	if (*n == 1)
		mpipc_replies_free(replies);
}

/* In a child: sends a message, and answers what is asked then, until it is killed. */
static void send_and_answer(const char *group, struct log *log)
{
	struct mpipc *self;

	CHECK(!open_with(&self, group, MPIPC_SECONDARY, 0, record, log));
	CHECK(mpipc_send(self, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL) == 1);
	while (mpipc_dispatch(self, MPIPC_WAIT_FOREVER) >= 0)
		;
	_exit(0);
}

/* As some event loops make whatever they wait for. */
TEST_F(lib, a_descriptor_made_nonblocking_changes_nothing)
{
	struct mpipc *primary;
	struct child child;
	__u64 start;
	int n = 0;

	strcat(self->group, ".loop");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, 0, ask_sender, &n));
	ASSERT_EQ(0, fcntl(mpipc_fd(primary), F_SETFL, O_NONBLOCK));
	start = now_ns();
	EXPECT_EQ(0, mpipc_dispatch(primary, 50000000));
	EXPECT_LE(50000000, now_ns() - start);
	if (!fork_child(&child))
		send_and_answer(self->group, &self->log);
	EXPECT_EQ(1, mpipc_dispatch(primary, MPIPC_WAIT_FOREVER));
	EXPECT_EQ(1, n);
	child_kill(&child);
	mpipc_close(primary);
}

/**
 * struct known - for the id of a call that a callback compares
 * @id: where mpipc_call_async() stores it
 * @right: the callback found it there
 * @done: posted by the callback
 */
struct known {
	uint64_t id;
	bool right;
	sem_t done;
};

static void compare_id(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct known *known = arg;

	(void)handle;
	known->right = message->record->call == known->id;
	sem_post(&known->done);
}

TEST_F(lib, the_id_of_a_call_is_there_before_its_callback_is_called)
{
	struct known known = { 0 };
	struct child child;
	int i;

	sem_init(&known.done, 0, 0);
	start_server(self->group, &child, record, &self->log);
	ASSERT_EQ(0, mpipc_start(self->primary));
	for (i = 0; i < 500; i++) {
		ASSERT_EQ(1, mpipc_call_async(self->primary, MPIPC_TO_ALL, "x", NULL, 0,
					      MPIPC_WAIT_FOREVER, NULL, compare_id, &known,
					      &known.id));
		sem_wait(&known.done);
		ASSERT_TRUE(known.right);
	}
	child_kill(&child);
}

/**
 * struct ordered - a thread that makes an ordered call
 * @handle: what it calls by
 * @tid: of the thread
 */
struct ordered {
	struct mpipc *handle;
	pid_t tid;
	sem_t begun;
};

static void *call_in_order(void *arg)
{
	struct mpipc_call_options options = {
		.size = sizeof(options), .flags = MPIPC_CALL_ORDERED,
	};
	struct ordered *ordered = arg;
	struct mpipc_replies *replies;

	ordered->tid = gettid();
	sem_post(&ordered->begun);
	if (mpipc_call(ordered->handle, MPIPC_TO_ALL, "x", NULL, 0, MPIPC_WAIT_FOREVER, &options,
		       &replies) == 1)
		mpipc_replies_free(replies);
	return NULL;
}

/* Waits until the thread waits for a condition: nothing tells that, hence the loop. */
static void wait_in_futex(pid_t tid)
{
	char path[32], line[32];
	long call = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	while (call != SYS_futex) {
		file = fopen(path, "re");
		if (fgets(line, sizeof(line), file))
			call = strtol(line, NULL, 10);
		fclose(file);
		sched_yield();
	}
}

/* What came before waits in its handler, and the call for that. */
TEST_F(lib, a_cancelled_ordered_call_does_not_stop_the_handlers)
{
	struct ordered ordered;
	struct child child;
	pthread_t thread;
	int i;

	sem_init(&ordered.begun, 0, 0);
	ordered.handle = self->primary;
	self->log.waits = true;
	start_server(self->group, &child, send_then_reply, NULL);
	ASSERT_EQ(0, mpipc_start(self->primary));
	ASSERT_EQ(0, pthread_create(&thread, NULL, call_in_order, &ordered));
	sem_wait(&ordered.begun);
	sem_wait(&self->log.entered);
	wait_in_futex(ordered.tid);
	pthread_cancel(thread);
	for (i = 1; i < 20; i++) {
		sem_post(&self->log.go_on);
		sem_wait(&self->log.entered);
	}
	sem_post(&self->log.go_on);
	pthread_join(thread, NULL);
	EXPECT_EQ(20, self->log.count);
	child_kill(&child);
}

/* fork */

static void fork_and_close(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct child *child = arg;

	(void)message;
	if (!fork_child(child))
		mpipc_close(handle);
}

TEST_F(lib, a_child_of_a_handler_closes_its_copy_and_returns)
{
	struct mpipc *primary, *secondary;
	struct child child;

	strcat(self->group, ".fork");
	ASSERT_EQ(0, open_with(&primary, self->group, MPIPC_PRIMARY, 0, fork_and_close, &child));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	if (mpipc_dispatch(primary, MPIPC_WAIT_FOREVER) != 1)
		_exit(child.pid ? 1 : 0);
	ASSERT_LT(0, child.pid);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(1, mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	mpipc_close(secondary);
	mpipc_close(primary);
}

TEST_F(lib, a_forked_child_has_no_use_of_a_handle_and_does_no_harm)
{
	struct mpipc_replies *replies;
	struct mpipc *secondary;
	struct child child;
	int fd = mpipc_fd(self->primary);

	ASSERT_EQ(0, mpipc_start(self->primary));
	if (!fork_child(&child)) {
		CHECK(mpipc_send(self->primary, MPIPC_TO_ALL, "x", NULL, 0, NULL) == -EPERM);
		CHECK(mpipc_leave(self->primary) == -EPERM);
		CHECK(mpipc_dispatch(self->primary, MPIPC_WAIT_FOREVER) == -EPERM);
		CHECK(mpipc_start(self->primary) == -EPERM);
		mpipc_close(self->primary);
		CHECK(fcntl(fd, F_GETFD) < 0);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(&child));
	ASSERT_EQ(0, mpipc_open(&secondary, self->group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, mpipc_call(secondary, MPIPC_TO_PRIMARY, "x", "abc", 4, MPIPC_WAIT_FOREVER,
				NULL, &replies));
	EXPECT_EQ(0, result_status(replies, 0));
	mpipc_replies_free(replies);
	mpipc_close(secondary);
}

TEST_HARNESS_MAIN
