/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of mixed groups: the test is the primary and on mpipc. Some of its secondaries are, and
 * others are native members, which have no device.
 */
#include "lib_eal.h"
#include "user.h"
#include "wait.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The first secondaries of a test are native members, the others are on mpipc. */
#define N_NATIVE	2
#define N_MEMBERS	4

static struct child members[N_MEMBERS];

/* Become a secondary which is not on mpipc. */
static void be_native(const char *prefix)
{
	int old = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);

	/* It says that it is not on mpipc. */
	dup2(null, STDERR_FILENO);
	setenv("MPIPC_DEVICE", "/dev/no-such-device", 1);
	if (start_eal("secondary", prefix) < 0)
		abort();
	dup2(old, STDERR_FILENO);
	close(old);
	close(null);
}

/* Start a native member with an action, which reports when it is ready, and then stays. */
static void start_native(const char *prefix, struct child *child, const char *name, rte_mp_t action)
{
	if (fork_child(child))
		return;
	own_line = child;
	be_native(prefix);
	CHECK(!rte_mp_action_register(name, action));
	child_send(child, 0);
	stay();
}

/* Start secondaries of both kinds with the same action, then the primary. */
static int start_mixed(const char *prefix, const char *name, rte_mp_t action)
{
	int i;

	for (i = 0; i < N_NATIVE; i++)
		start_native(prefix, &members[i], name, action);
	for (; i < N_MEMBERS; i++)
		start_secondary(prefix, &members[i], name, action);
	return start_primary(prefix, members, N_MEMBERS);
}

/* Count the names in the runtime directory that begin like this. */
static int count_names(const char *prefix, const char *begin)
{
	char path[256];
	struct dirent *entry;
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/tmp/%s", prefix);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		n += !strncmp(entry->d_name, begin, strlen(begin));
	if (dir)
		closedir(dir);
	return n;
}

static int reply_with_pid(const struct rte_mp_msg *msg, const void *peer)
{
	char pid[16];

	sprintf(pid, "%d", (int)getpid());
	CHECK(!send_reply(msg->name, pid, peer));
	return 0;
}

/* Check that each of the first @n members has replied with its pid, once. */
static bool all_replied(const struct rte_mp_reply *reply, int n)
{
	int i, j, found = 0;

	for (i = 0; i < reply->nb_received; i++)
		for (j = 0; j < n; j++)
			found += members[j].pid == strtol((char *)reply->msgs[i].param, NULL, 10);
	return reply->nb_sent == n && reply->nb_received == n && found == n;
}

TEST_F(rte, a_request_of_the_primary_reaches_both_kinds_and_has_one_result)
{
	struct rte_mp_reply reply;

	ASSERT_EQ(0, start_mixed(self->prefix, "x", reply_with_pid));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_TRUE(all_replied(&reply, N_MEMBERS));
	free(reply.msgs);
	/* Nobody gets it twice, however often it is repeated. */
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_TRUE(all_replied(&reply, N_MEMBERS));
	free(reply.msgs);
	EXPECT_EQ(N_NATIVE, count_names(self->prefix, "mp_socket_"));
	kill_all(members, N_MEMBERS);
}

static struct {
	sem_t came;
	struct rte_mp_reply reply;
	bool all;
	char request[RTE_MP_MAX_PARAM_LEN];
} result;

static int keep_result(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	result.reply = *reply;
	result.all = all_replied(reply, N_MEMBERS);
	memcpy(result.request, request->param, sizeof(result.request));
	sem_post(&result.came);
	return 0;
}

static int ask_async(const char *param, const struct timespec *ts)
{
	struct rte_mp_msg msg = make_msg("x", param);

	return rte_mp_request_async(&msg, ts, keep_result);
}

TEST_F(rte, an_asynchronous_request_does_so_too)
{
	ASSERT_EQ(0, start_mixed(self->prefix, "x", reply_with_pid));
	ASSERT_EQ(0, ask_async("question", &a_minute));
	wait_for(&result.came);
	EXPECT_TRUE(result.all);
	EXPECT_STREQ("question", result.request);
	kill_all(members, N_MEMBERS);
}

/* Report what comes to the test: the first byte of a message. */
static int report_param(const struct rte_mp_msg *msg, const void *peer)
{
	(void)peer;
	child_send(own_line, msg->param[0]);
	return 0;
}

TEST_F(rte, a_message_of_the_primary_reaches_both_kinds_once_and_in_order)
{
	__u64 got;
	int i, j;

	ASSERT_EQ(0, start_mixed(self->prefix, "x", report_param));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, say("x", (char []){ 'A' + i % 26, 0 }));
	for (j = 0; j < N_MEMBERS; j++)
		for (i = 0; i < 100; i++) {
			ASSERT_EQ(0, child_hear(&members[j], &got));
			ASSERT_EQ('A' + i % 26, got);
		}
	kill_all(members, N_MEMBERS);
}

/* Send a message to the primary, ask the primary, and report. */
static void be_native_and_ask(const char *prefix, struct child *child)
{
	struct rte_mp_reply reply;

	be_native(prefix);
	CHECK(!say("notice", "hello"));
	CHECK(!ask("x", "question", &reply));
	CHECK(reply.nb_received == 1 && !strcmp((char *)reply.msgs[0].param, "question"));
	free(reply.msgs);
	child_send(child, 0);
	CHECK(fake_calls.request_sync == 1);
	_exit(0);
}

TEST_F(rte, a_native_member_sends_to_the_primary_and_asks_it_something)
{
	struct child child;

	if (!fork_child(&child))
		be_native_and_ask(self->prefix, &child);
	ASSERT_EQ(0, rte_mp_action_register("x", echo));
	ASSERT_EQ(0, rte_mp_action_register("notice", keep));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	wait_for(&seen.came);
	EXPECT_STREQ("hello", (char *)last_seen().param);
	EXPECT_EQ(0, child_wait(&child));
}

/* Send a pipe with as many descriptors as there can be, and expect the other end back. */
static int reply_with_fds(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply = make_msg(msg->name, "");
	int i;

	CHECK(msg->num_fds == RTE_MP_MAX_FD_NUM);
	for (i = 0; i < msg->num_fds; i++)
		reply.fds[i] = msg->fds[i];
	reply.num_fds = msg->num_fds;
	CHECK(!rte_mp_reply(&reply, peer));
	for (i = 0; i < msg->num_fds; i++)
		close(msg->fds[i]);
	return 0;
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

TEST_F(rte, descriptors_go_both_ways_to_both_kinds)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	int i, j, before;
	struct stat st, own;

	ASSERT_EQ(0, start_mixed(self->prefix, "x", reply_with_fds));
	ASSERT_EQ(0, fstat(STDERR_FILENO, &own));
	msg.num_fds = RTE_MP_MAX_FD_NUM;
	for (i = 0; i < msg.num_fds; i++)
		msg.fds[i] = STDERR_FILENO;
	before = count_fds();
	ASSERT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
	ASSERT_EQ(N_MEMBERS, reply.nb_received);
	for (i = 0; i < reply.nb_received; i++) {
		ASSERT_EQ(RTE_MP_MAX_FD_NUM, reply.msgs[i].num_fds);
		for (j = 0; j < RTE_MP_MAX_FD_NUM; j++) {
			ASSERT_EQ(0, fstat(reply.msgs[i].fds[j], &st));
			ASSERT_EQ(own.st_ino, st.st_ino);
			ASSERT_NE(0, fcntl(reply.msgs[i].fds[j], F_GETFD) & FD_CLOEXEC);
			close(reply.msgs[i].fds[j]);
		}
	}
	free(reply.msgs);
	EXPECT_EQ(before, count_fds());
	kill_all(members, N_MEMBERS);
}

/* The primary keeps who asked, and replies later from another thread. */
static char *asker;

static int ask_for_time(const struct rte_mp_msg *msg, const void *peer)
{
	asker = strdup(peer);
	return keep(msg, peer);
}

static void *reply_later(void *arg)
{
	wait_for(&seen.came);
	rte_mp_action_unregister("x");
	CHECK(!send_reply("x", "question", asker));
	return arg;
}

TEST_F(rte, a_reply_to_a_native_member_may_come_later_and_from_another_thread)
{
	pthread_t thread;
	struct child child;

	if (!fork_child(&child))
		be_native_and_ask(self->prefix, &child);
	ASSERT_EQ(0, rte_mp_action_register("x", ask_for_time));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, reply_later, NULL));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, child_wait(&child));
	free(asker);
}

/* Count how many actions run at once. */
static atomic_int running, most;

static int count_running(const struct rte_mp_msg *msg, const void *peer)
{
	int now = ++running;
	struct timespec a_while = { .tv_nsec = 1000000 };

	if (now > most)
		most = now;
	nanosleep(&a_while, NULL);
	running--;
	return echo(msg, peer);
}

/* Ask the primary a hundred times. */
static void ask_often(void)
{
	struct rte_mp_reply reply;
	int i;

	for (i = 0; i < 100; i++) {
		CHECK(!ask("x", "", &reply));
		CHECK(reply.nb_received == 1);
		free(reply.msgs);
	}
	_exit(0);
}

TEST_F(rte, one_action_of_the_primary_runs_at_a_time)
{
	int i;

	for (i = 0; i < N_MEMBERS; i++) {
		if (fork_child(&members[i]))
			continue;
		if (i < N_NATIVE)
			be_native(self->prefix);
		else
			CHECK(start_eal("secondary", self->prefix) >= 0);
		ask_often();
	}
	ASSERT_EQ(0, rte_mp_action_register("x", count_running));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	for (i = 0; i < N_MEMBERS; i++)
		EXPECT_EQ(0, child_wait(&members[i]));
	EXPECT_EQ(100 * N_MEMBERS, seen.count);
	EXPECT_EQ(1, most);
}

/* Stop a child, and return when all its threads have stopped. */
static void stop(const struct child *child)
{
	kill(child->pid, SIGSTOP);
	while (waitpid(child->pid, NULL, WUNTRACED) != child->pid)
		;
}

static const struct timespec a_moment = { .tv_nsec = 300000000 };

TEST_F(rte, who_waits_for_a_stopped_native_member_gets_a_timeout)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;

	ASSERT_EQ(0, start_mixed(self->prefix, "x", reply_with_pid));
	stop(&members[0]);
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &a_moment));
	EXPECT_EQ(N_MEMBERS, reply.nb_sent);
	EXPECT_EQ(0, reply.nb_received);
	EXPECT_EQ(NULL, reply.msgs);
	ASSERT_EQ(0, ask_async("", &a_moment));
	wait_for(&result.came);
	EXPECT_EQ(N_MEMBERS, result.reply.nb_sent);
	EXPECT_EQ(N_MEMBERS - 1, result.reply.nb_received);
	kill(members[0].pid, SIGCONT);
	kill_all(members, N_MEMBERS);
}

/* Ask the primary each time that the test says so. */
static void ask_on_command(struct child *child, const char *name)
{
	struct rte_mp_reply reply;

	child_send(child, 0);
	while (!child_hear(child, NULL)) {
		CHECK(!ask(name, "", &reply));
		CHECK(reply.nb_received == 1);
		free(reply.msgs);
		child_send(child, 0);
	}
	_exit(0);
}

TEST_F(rte, a_stopped_native_member_holds_up_one_message_and_nobody_else)
{
	struct child stopped, asking, other;
	unsigned int i, failed = 0;
	__u64 begin, got;

	start_native(self->prefix, &stopped, "notice", report_param);
	if (!fork_child(&asking)) {
		be_native(self->prefix);
		ask_on_command(&asking, "x");
	}
	start_secondary(self->prefix, &other, "notice", report_param);
	ASSERT_EQ(0, rte_mp_action_register("x", echo));
	ASSERT_EQ(0, start_primary(self->prefix, (struct child []){ stopped, asking, other }, 3));
	stop(&stopped);
	begin = now_ns();
	/* The member's socket takes 11 of these; then one waits for a second, and no other does. */
	for (i = 0; i < 100; i++) {
		if (say("notice", (char []){ 'A' + i % 26, 0 })) {
			EXPECT_EQ(EAGAIN, rte_errno);
			failed++;
		}
	}
	EXPECT_EQ(100 - 11, failed);
	EXPECT_GT(20 * SECOND, now_ns() - begin);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, child_hear(&other, &got));
		ASSERT_EQ('A' + i % 26, got);
	}
	child_send(&asking, 0);
	EXPECT_EQ(0, child_hear(&asking, NULL));
	kill(stopped.pid, SIGCONT);
	for (i = 0; i < 11; i++)
		EXPECT_EQ(0, child_hear(&stopped, NULL));
	EXPECT_EQ(0, say("notice", "!"));
	ASSERT_EQ(0, child_hear(&stopped, &got));
	EXPECT_EQ('!', got);
	kill_all((struct child []){ stopped, asking, other }, 3);
}

static void *wake_later(void *arg)
{
	nanosleep(&a_moment, NULL);
	kill(*(pid_t *)arg, SIGCONT);
	return NULL;
}

TEST_F(rte, a_request_waits_for_space_in_the_socket_of_a_native_member)
{
	struct rte_mp_msg msg = make_msg("other", "");
	struct rte_mp_reply reply;
	pthread_t thread;
	int i;

	ASSERT_EQ(0, start_mixed(self->prefix, "x", reply_with_pid));
	stop(&members[0]);
	for (i = 0; i < 11; i++)
		ASSERT_EQ(0, rte_mp_sendmsg(&msg));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wake_later, &members[0].pid));
	EXPECT_EQ(0, ask("x", "", &reply));
	EXPECT_TRUE(all_replied(&reply, N_MEMBERS));
	free(reply.msgs);
	pthread_join(thread, NULL);
	kill_all(members, N_MEMBERS);
}

/* Reply when the test says so. */
static int reply_on_command(const struct rte_mp_msg *msg, const void *peer)
{
	CHECK(!child_hear(own_line, NULL));
	return send_reply(msg->name, "", peer);
}

static int report_and_reply(const struct rte_mp_msg *msg, const void *peer)
{
	child_send(own_line, 0);
	return send_reply(msg->name, "", peer);
}

/* When the first of two children reports, let the second one go on. */
static void *pass_on_to(void *arg)
{
	struct child *children = arg;

	CHECK(!child_hear(&children[0], NULL));
	child_send(&children[1], 0);
	return NULL;
}

TEST_F(rte, a_native_member_gets_a_request_once_there_is_space_although_another_is_slow)
{
	struct rte_mp_msg msg = make_msg("other", "");
	struct rte_mp_reply reply;
	pthread_t threads[2];
	int i;

	start_native(self->prefix, &members[0], "x", report_and_reply);
	start_secondary(self->prefix, &members[1], "x", reply_on_command);
	ASSERT_EQ(0, start_primary(self->prefix, members, 2));
	stop(&members[0]);
	for (i = 0; i < 11; i++)
		ASSERT_EQ(0, rte_mp_sendmsg(&msg));
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, wake_later, &members[0].pid));
	/* The slow one replies when the native one has got the request. */
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, pass_on_to, members));
	EXPECT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(2, reply.nb_received);
	free(reply.msgs);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	kill_all(members, 2);
}

/* Let native members that start now have so many unread datagrams, in a network of their own. */
static bool allow_unread(const char *count)
{
	int fd, err;

	if (unshare(CLONE_NEWNET))
		return false;
	fd = open("/proc/sys/net/unix/max_dgram_qlen", O_WRONLY | O_CLOEXEC);
	err = write(fd, count, strlen(count)) < 0;
	close(fd);
	return !err;
}

/* A broadcast may not reach anybody, because the sender has no space of its own. */
static unsigned int count_refused(unsigned int n)
{
	unsigned int refused = 0;

	while (n--)
		if (say("notice", "")) {
			CHECK(rte_errno == EAGAIN);
			refused++;
		}
	return refused;
}

TEST_F(rte, a_primary_whose_socket_is_full_waits_once_and_fails)
{
	__u64 begin = now_ns();
	struct child stopped;
	unsigned int refused;
	int i;

	ASSERT_TRUE(allow_unread("4096"));
	start_native(self->prefix, &stopped, "notice", report_param);
	/* Without this capability, the kernel limits the space of the primary's socket. */
	hide_capabilities(1ULL << CAP_NET_ADMIN);
	ASSERT_EQ(0, start_primary(self->prefix, &stopped, 1));
	stop(&stopped);
	refused = count_refused(2000);
	EXPECT_LT(0, refused);
	EXPECT_GT(2000, refused);
	EXPECT_GT(20 * SECOND, now_ns() - begin);
	EXPECT_EQ(100, count_refused(100));
	kill(stopped.pid, SIGCONT);
	for (i = 2000 - refused; i; i--)
		ASSERT_EQ(0, child_hear(&stopped, NULL));
	EXPECT_EQ(0, count_refused(100));
	child_kill(&stopped);
}

/* Reply late to the first request. */
static int reply_late(const struct rte_mp_msg *msg, const void *peer)
{
	if (seen.count++)
		return send_reply(msg->name, "second", peer);
	nanosleep(&a_moment, NULL);
	return send_reply(msg->name, "first", peer);
}

TEST_F(rte, the_reply_to_a_request_that_failed_is_not_one_to_the_next)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct child native, other;
	struct rte_mp_reply reply;

	start_native(self->prefix, &native, "x", reply_late);
	if (!fork_child(&other)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_action_register("y", echo));
		child_send(&other, 0);
		CHECK(!child_hear(&other, NULL));
		CHECK(!rte_mp_action_register("x", echo));
		child_send(&other, 0);
		stay();
	}
	ASSERT_EQ(0, start_primary(self->prefix, (struct child []){ native, other }, 2));
	EXPECT_FAIL(ENOENT, rte_mp_request_sync(&msg, &reply, &a_minute));
	child_send(&other, 0);
	ASSERT_EQ(0, child_hear(&other, NULL));
	ASSERT_EQ(0, ask("x", "second", &reply));
	ASSERT_EQ(2, reply.nb_received);
	EXPECT_STREQ("second", (char *)reply.msgs[0].param);
	EXPECT_STREQ("second", (char *)reply.msgs[1].param);
	free(reply.msgs);
	kill_all((struct child []){ native, other }, 2);
}

TEST_F(rte, a_native_member_that_was_killed_is_not_counted_and_its_name_goes)
{
	struct rte_mp_reply reply;

	ASSERT_EQ(0, start_mixed(self->prefix, "x", reply_with_pid));
	child_kill(&members[0]);
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(N_MEMBERS - 1, reply.nb_sent);
	EXPECT_EQ(N_MEMBERS - 1, reply.nb_received);
	free(reply.msgs);
	EXPECT_EQ(N_NATIVE - 1, count_names(self->prefix, "mp_socket_"));
	kill_all(members + 1, N_MEMBERS - 1);
}

/* When a child reports, let it go on. */
static void *pass_on(void *arg)
{
	CHECK(!child_hear(arg, NULL));
	child_send(arg, 0);
	return NULL;
}

TEST_F(rte, a_request_is_over_when_a_native_member_ends_in_order)
{
	struct rte_mp_reply reply;
	pthread_t thread;
	struct child child;

	if (!fork_child(&child)) {
		own_line = &child;
		be_native(self->prefix);
		CHECK(!rte_mp_action_register("x", report));
		child_send(&child, 0);
		/* The action reports to the test, which then sends this. */
		CHECK(!child_hear(&child, NULL));
		rte_eal_cleanup();
		stay();
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, pass_on, &child));
	ASSERT_EQ(0, ask("x", "", &reply));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, reply.nb_sent);
	child_kill(&child);
}

TEST_F(rte, secondaries_on_mpipc_leave_no_names_when_they_are_killed)
{
	struct child children[3];
	int i;

	for (i = 0; i < 3; i++)
		start_secondary(self->prefix, &children[i], "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 3));
	EXPECT_EQ(0, count_names(self->prefix, "mp_socket_"));
	EXPECT_EQ(1, count_names(self->prefix, "mp_socket"));
	kill_all(children, 3);
	EXPECT_EQ(0, count_names(self->prefix, "mp_socket_"));
}

static void pause_in_init(void)
{
	child_send(own_line, 0);
	child_hear(own_line, NULL);
}

TEST_F(rte, a_native_member_is_not_counted_before_its_init_is_over)
{
	struct rte_mp_reply reply;
	struct child child;

	if (!fork_child(&child)) {
		own_line = &child;
		fake_during_init = pause_in_init;
		be_native(self->prefix);
		CHECK(!rte_mp_action_register("x", reply_with_pid));
		pause_in_init();
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(0, reply.nb_sent);
	child_send(&child, 0);
	ASSERT_EQ(0, child_hear(&child, NULL));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(1, reply.nb_received);
	free(reply.msgs);
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

/* Send ten messages to the primary that asks, then reply. */
static int notify_and_reply(const struct rte_mp_msg *msg, const void *peer)
{
	int i;

	for (i = 0; i < 10; i++)
		CHECK(!say("notice", (char []){ 'A' + i, 0 }));
	return reply_with_pid(msg, peer);
}

static int keep_slowly(const struct rte_mp_msg *msg, const void *peer)
{
	const struct timespec a_while = { .tv_nsec = 5000000 };

	nanosleep(&a_while, NULL);
	return keep(msg, peer);
}

TEST_F(rte, a_reply_of_a_native_member_does_not_overtake_its_messages)
{
	struct rte_mp_reply reply;
	struct child child;

	start_native(self->prefix, &child, "x", notify_and_reply);
	ASSERT_EQ(0, rte_mp_action_register("notice", keep_slowly));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(10, seen.count);
	free(reply.msgs);
	child_kill(&child);
}

/* Ask all members before replying to one of them. */
static int ask_and_reply(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_reply reply;

	CHECK(!ask("x", "", &reply));
	seen.count += all_replied(&reply, N_MEMBERS);
	free(reply.msgs);
	return send_reply(msg->name, "", peer);
}


TEST_F(rte, an_action_for_either_kind_may_ask_both_kinds)
{
	int i;

	for (i = 0; i < N_MEMBERS; i++) {
		if (fork_child(&members[i]))
			continue;
		if (i < N_NATIVE)
			be_native(self->prefix);
		else
			CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_action_register("x", reply_with_pid));
		ask_on_command(&members[i], "outer");
	}
	ASSERT_EQ(0, rte_mp_action_register("outer", ask_and_reply));
	ASSERT_EQ(0, start_primary(self->prefix, members, N_MEMBERS));
	/* The members ask one after the other, and then all of them ask at once. */
	for (i = 0; i < N_MEMBERS; i++) {
		child_send(&members[i], 0);
		EXPECT_EQ(0, child_hear(&members[i], NULL));
	}
	for (i = 0; i < N_MEMBERS; i++)
		child_send(&members[i], 0);
	for (i = 0; i < N_MEMBERS; i++)
		EXPECT_EQ(0, child_hear(&members[i], NULL));
	EXPECT_EQ(2 * N_MEMBERS, seen.count);
	kill_all(members, N_MEMBERS);
}

TEST_F(rte, the_end_of_the_primary_ends_requests_to_native_members)
{
	struct child child;

	start_native(self->prefix, &child, "x", keep);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, ask_async("", &a_minute));
	EXPECT_EQ(0, rte_eal_cleanup());
	wait_for(&result.came);
	EXPECT_EQ(0, result.reply.nb_received);
	EXPECT_FAIL(EBADF, say("x", ""));
	child_kill(&child);
}

/* AddressSanitizer does not clear what it knows of the stack of a thread that is cancelled. */
#ifndef __SANITIZE_ADDRESS__

/* Ask a member that does not reply. */
static int ask_in_vain(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_reply reply;

	keep(msg, peer);
	CHECK(ask("y", "", &reply));
	return 0;
}

TEST_F(rte, the_primary_ends_although_an_action_for_a_native_member_waits_for_another)
{
	struct child native, other;
	__u64 begin;

	if (!fork_child(&native)) {
		be_native(self->prefix);
		CHECK(!say("x", ""));
		stay();
	}
	start_secondary(self->prefix, &other, "y", keep);
	ASSERT_EQ(0, rte_mp_action_register("x", ask_in_vain));
	ASSERT_EQ(0, start_primary(self->prefix, &other, 1));
	wait_for(&seen.came);
	begin = now_ns();
	EXPECT_EQ(0, rte_eal_cleanup());
	/* The action would wait for a minute. */
	EXPECT_GT(30 * SECOND, now_ns() - begin);
	kill_all((struct child []){ native, other }, 2);
}

/* Block for ever, where DPDK's own thread could be cancelled. */
static int block(const struct rte_mp_msg *msg, const void *peer)
{
	keep(msg, peer);
	stay();
	return 0;
}

TEST_F(rte, the_primary_ends_although_an_action_for_a_native_member_blocks)
{
	struct child child;

	if (!fork_child(&child)) {
		be_native(self->prefix);
		CHECK(!say("x", ""));
		stay();
	}
	ASSERT_EQ(0, rte_mp_action_register("x", block));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_EQ(0, rte_eal_cleanup());
	child_kill(&child);
}

TEST_F(rte, the_primary_ends_although_actions_for_both_kinds_block)
{
	struct child native, other;

	start_native(self->prefix, &native, "y", keep);
	if (!fork_child(&other)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", ""));
		child_send(&other, 0);
		stay();
	}
	ASSERT_EQ(0, rte_mp_action_register("x", block));
	ASSERT_EQ(0, start_primary(self->prefix, (struct child []){ native, other }, 2));
	wait_for(&seen.came);
	/* The callback would have to wait for a turn. */
	ASSERT_EQ(0, ask_async("", &a_moment));
	EXPECT_EQ(0, rte_eal_cleanup());
	kill_all((struct child []){ native, other }, 2);
}

/* Make a request that times out, and end only then, though the thread is cancelled before. */
static void *ask_cancelled(void *arg)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;

	pthread_cancel(pthread_self());
	CHECK(rte_mp_request_sync(&msg, &reply, arg));
	pthread_testcancel();
	return NULL;
}

TEST_F(rte, a_cancelled_thread_whose_request_times_out_leaves_no_lock)
{
	int err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
	struct timespec soon = { .tv_nsec = 10000000 };
	pthread_t thread;
	void *ret;

	start_native(self->prefix, &members[0], "x", keep);
	start_secondary(self->prefix, &members[1], "x", keep);
	ASSERT_EQ(0, start_primary(self->prefix, members, 2));
	dup2(null, STDERR_FILENO);
	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_cancelled, &soon));
	pthread_join(thread, &ret);
	dup2(err, STDERR_FILENO);
	EXPECT_EQ(PTHREAD_CANCELED, ret);
	EXPECT_EQ(0, rte_eal_cleanup());
	kill_all(members, 2);
}

#endif

static void *ask_for_ever(void *arg)
{
	struct rte_mp_reply reply;

	sem_post(&seen.came);
	for (;;) {
		CHECK(!ask("x", "", &reply));
		free(reply.msgs);
		pthread_testcancel();
	}
	return arg;
}

TEST_F(rte, a_thread_that_is_cancelled_in_a_request_leaves_no_lock)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;
	struct child child;
	pthread_t thread;
	int i;

	start_native(self->prefix, &child, "x", reply_with_pid);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, ask_for_ever, NULL));
		wait_for(&seen.came);
		nanosleep(&(struct timespec){ .tv_nsec = i * 100000 }, NULL);
		pthread_cancel(thread);
		pthread_join(thread, NULL);
		ASSERT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
		free(reply.msgs);
	}
	child_kill(&child);
}

TEST_F(rte, a_program_with_a_very_long_name_learns_what_is_wrong)
{
	int lines[2], status;
	static char name[100000];
	char text[1100] = "";
	pid_t child;

	ASSERT_EQ(0, pipe(lines));
	memset(name, 'n', sizeof(name) - 1);
	child = fork();
	if (!child) {
		program_invocation_short_name = name;
		dup2(lines[1], STDERR_FILENO);
		setenv("MPIPC_DEVICE", "/dev/no-such-device", 1);
		_exit(start_eal("primary", self->prefix) < 0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_LT(80, read(lines[0], text, sizeof(text) - 1));
	EXPECT_TRUE(strstr(text, "mpipc: nnnnnnnn") == text);
	EXPECT_NE(NULL, strstr(text, "]: "));
	close(lines[0]);
	close(lines[1]);
}

/* This is the child of a fork in an action, from which both processes return. */
static pid_t forked;

static int fork_and_return(const struct rte_mp_msg *msg, const void *peer)
{
	forked = fork();
	return forked ? keep(msg, peer) : 0;
}

TEST_F(rte, the_child_of_an_action_for_a_native_member_ends_with_the_action)
{
	struct child child;
	struct pollfd end;

	if (!fork_child(&child)) {
		be_native(self->prefix);
		CHECK(!say("x", ""));
		stay();
	}
	ASSERT_EQ(0, rte_mp_action_register("x", fork_and_return));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	end = (struct pollfd){ .fd = syscall(SYS_pidfd_open, forked, 0), .events = POLLIN };
	ASSERT_LE(0, end.fd);
	EXPECT_EQ(1, poll(&end, 1, 20000));
	kill(forked, SIGKILL);
	waitpid(forked, NULL, 0);
	child_kill(&child);
}

TEST_F(rte, doctor_lists_the_members_and_why_some_are_native)
{
	unsigned int primary = 0, native = 0, other = 0;
	char line[512];
	FILE *out;

	ASSERT_EQ(0, start_mixed(self->prefix, "x", keep));
	snprintf(line, sizeof(line), "./mpipc doctor -D /tmp/%s --noheadings", self->prefix);
	out = popen(line, "r");
	ASSERT_NE(NULL, out);
	while (fgets(line, sizeof(line), out)) {
		primary += strstr(line, "primary") && strstr(line, "mpipc  ");
		native += strstr(line, "secondary") && strstr(line, "native") &&
			  strstr(line, "see what it said");
		other += strstr(line, "secondary") && strstr(line, "mpipc  ");
	}
	EXPECT_EQ(0, pclose(out));
	EXPECT_EQ(1, primary);
	EXPECT_EQ(N_NATIVE, native);
	EXPECT_EQ(N_MEMBERS - N_NATIVE, other);
	kill_all(members, N_MEMBERS);
}

TEST_F(rte, a_child_of_the_primary_does_not_keep_its_socket)
{
	struct child member, child;

	if (!fork_child(&member)) {
		be_native(self->prefix);
		child_send(&member, 0);
		CHECK(!child_hear(&member, NULL));
		CHECK(say("x", "") == -1 && rte_errno == ENOENT);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, &member, 1));
	if (!fork_child(&child)) {
		CHECK(say("x", "") == -1 && rte_errno == EBADF);
		child_send(&child, 0);
		stay();
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	EXPECT_EQ(0, rte_eal_cleanup());
	child_send(&member, 0);
	EXPECT_EQ(0, child_wait(&member));
	child_kill(&child);
}

/* Send what no DPDK sends. */
static void send_nonsense(const char *prefix, size_t size)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX }, own = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char bytes[400];

	memset(bytes, 0xff, sizeof(bytes));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/%.80s/mp_socket", prefix);
	snprintf(own.sun_path, sizeof(own.sun_path), "/tmp/%.80s/mp_socket_1_2", prefix);
	bind(fd, (void *)&own, sizeof(own));
	if (sendto(fd, bytes, size, 0, (void *)&addr, sizeof(addr)) < 0)
		abort();
	close(fd);
	unlink(own.sun_path);
}

TEST_F(rte, what_is_no_message_of_dpdk_is_dropped)
{
	struct child child;
	size_t size;

	if (!fork_child(&child)) {
		be_native(self->prefix);
		ask_on_command(&child, "x");
	}
	ASSERT_EQ(0, rte_mp_action_register("x", echo));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (size = 0; size <= 400; size += 4)
		send_nonsense(self->prefix, size);
	child_send(&child, 0);
	EXPECT_EQ(0, child_hear(&child, NULL));
	child_kill(&child);
}

/* Come and go as a member, so often that memory for members is used again. */
TEST_F(rte, members_that_come_and_go_are_followed)
{
	struct rte_mp_reply reply;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int i, fd;

	start_native(self->prefix, &members[0], "x", reply_with_pid);
	ASSERT_EQ(0, start_primary(self->prefix, members, 1));
	for (i = 0; i < 1000; i++) {
		fd = socket(AF_UNIX, SOCK_DGRAM, 0);
		snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/%.80s/mp_socket_0_%d",
			 self->prefix, i);
		ASSERT_EQ(0, bind(fd, (void *)&addr, sizeof(addr)));
		close(fd);
		if (i % 2)
			unlink(addr.sun_path);
		if (i % 100)
			continue;
		/* The primary notices each of them, though maybe not in the same moment. */
		do {
			ASSERT_EQ(0, ask("x", "", &reply));
			ASSERT_TRUE(all_replied(&reply, 1));
			free(reply.msgs);
		} while (count_names(self->prefix, "mp_socket_") > 1);
	}
	child_kill(&members[0]);
}

TEST_HARNESS_MAIN
