// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of rte_mp: beginning and end, with and without IPC. Statements 38 to 52;
 * lib_rte_delivery.c says what the names mean.
 */
#include "child.h"
#include "fd.h"
#include "lib_rte.h"

#include <pthread.h>
#include <stdatomic.h>

#include <mpipc.h>

static char action_thread[16];
static sigset_t action_signals;

static int note_thread(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	pthread_getname_np(pthread_self(), action_thread, sizeof(action_thread));
	pthread_sigmask(SIG_SETMASK, NULL, &action_signals);
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, s38_actions_have_a_thread_with_a_name_that_takes_no_signals_but_faults)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", note_thread));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", ""));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_STREQ("mpipc-msg", action_thread);
	EXPECT_TRUE(sigismember(&action_signals, SIGINT));
	EXPECT_TRUE(sigismember(&action_signals, SIGTERM));
	EXPECT_FALSE(sigismember(&action_signals, SIGBUS));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, s40_a_primary_without_its_channel_does_not_start)
{
	struct child child;

	if (!fork_child(&child)) {
		CHECK(start_eal("primary", self->prefix) >= 0);
		child_send(&child, 0);
		stay();
	}
	child_hear(&child, NULL);
	EXPECT_FAIL(EADDRINUSE, start_eal("primary", self->prefix));
	child_kill(&child);
	EXPECT_LE(0, start_eal("primary", self->prefix));
}

TEST_F(rte, s41_a_primary_that_is_alone_can_refuse_secondaries)
{
	struct rte_mp_reply reply;
	struct child child;

	if (!fork_child(&child)) {
		child_hear(&child, NULL);
		CHECK(start_eal("secondary", self->prefix) == -1);
		CHECK(rte_errno == EPERM);
		CHECK(start_eal("auto", self->prefix) == -1);
		CHECK(say("x", "") == -1 && rte_errno == EBADF);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_TRUE(rte_mp_disable());
	EXPECT_TRUE(rte_mp_disable());
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
	/* The process can go on as one that has no secondaries. */
	EXPECT_EQ(0, say("x", ""));
	EXPECT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(0, reply.nb_sent);
}

TEST_F(rte, s42_with_a_secondary_it_is_too_late_to_refuse_any_for_good)
{
	struct child child;

	start_secondary(self->prefix, &child, "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_FALSE(rte_mp_disable());
	child_kill(&child);
	EXPECT_FALSE(rte_mp_disable());
	/* A new primary has not had any secondary. */
	EXPECT_EQ(0, rte_eal_cleanup());
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_TRUE(rte_mp_disable());
}

TEST_F(rte, s42_a_secondary_cannot_refuse_others)
{
	struct child child;

	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_disable());
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, s41_refusing_before_init_counts)
{
	struct child child;

	if (!fork_child(&child)) {
		child_hear(&child, NULL);
		CHECK(start_eal("secondary", self->prefix) == -1);
		CHECK(rte_errno == EPERM);
		_exit(0);
	}
	EXPECT_TRUE(rte_mp_disable());
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

static int call_back(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	(void)request;
	(void)reply;
	seen.count++;
	return 0;
}

static void check_no_ipc(struct __test_metadata *_metadata)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply = { .nb_sent = 1, .msgs = (void *)1 };

	EXPECT_FAIL(ENOTSUP, rte_mp_action_register("x", keep));
	EXPECT_FAIL(EINVAL, rte_mp_action_register("", keep));
	EXPECT_FAIL(ENOTSUP, rte_mp_sendmsg(&msg));
	EXPECT_FAIL(ENOTSUP, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_EQ(NULL, reply.msgs);
	EXPECT_EQ(0, reply.nb_sent);
	EXPECT_FAIL(ENOTSUP, rte_mp_request_async(&msg, &a_minute, call_back));
	EXPECT_EQ(0, seen.count);
	EXPECT_EQ(0, rte_mp_reply(&msg, "mpipc:1:2:3:x"));
	rte_mp_action_unregister("x");
	EXPECT_TRUE(rte_mp_disable());
	EXPECT_EQ(0, rte_eal_cleanup());
}

TEST(s43_no_shconf_is_without_ipc)
{
	char *argv[] = { "prog", "--no-shconf", NULL };

	ASSERT_EQ(1, rte_eal_init(2, argv));
	check_no_ipc(_metadata);
}

TEST(s43_in_memory_is_without_ipc)
{
	char *argv[] = { "prog", "--in-memory", NULL };

	ASSERT_EQ(1, rte_eal_init(2, argv));
	check_no_ipc(_metadata);
}

TEST(s43_what_was_registered_before_is_no_obstacle)
{
	char *argv[] = { "prog", "--no-shconf", NULL };

	ASSERT_EQ(0, rte_mp_action_register("early", keep));
	ASSERT_EQ(1, rte_eal_init(2, argv));
	rte_mp_action_unregister("early");
	check_no_ipc(_metadata);
}

TEST_F(rte, s43_a_process_without_peers_can_do_everything)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, rte_mp_action_register("x", keep));
	EXPECT_EQ(0, rte_mp_sendmsg(&msg));
	EXPECT_EQ(0, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_EQ(0, rte_mp_request_async(&msg, &a_minute, call_back));
	rte_mp_action_unregister("x");
}

TEST_F(rte, s44_what_is_registered_before_init_works_from_the_first_message)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", ""));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, s45_registering_again_says_eexist_and_changes_nothing)
{
	struct rte_mp_reply reply;
	struct child child;

	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!rte_mp_action_register("x", echo));
		CHECK(rte_mp_action_register("x", die) == -1);
		CHECK(rte_errno == EEXIST);
		child_send(&child, 0);
		stay();
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(0, ask("x", "", &reply));
	free(reply.msgs);
	child_kill(&child);
}

TEST_F(rte, s46_after_cleanup_everything_says_ebadf_and_nothing_crashes)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, rte_eal_cleanup());
	EXPECT_FAIL(EBADF, rte_mp_sendmsg(&msg));
	EXPECT_FAIL(EBADF, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_FAIL(EBADF, rte_mp_request_async(&msg, &a_minute, call_back));
	EXPECT_FAIL(EBADF, rte_mp_reply(&msg, "mpipc:1:2:3:x"));
	EXPECT_EQ(0, rte_eal_cleanup());
	rte_mp_action_unregister("x");
	rte_mp_action_unregister("x");
}

static void *ask_silent(void *ret)
{
	struct rte_mp_reply reply;

	*(int *)ret = ask("x", "", &reply) ? rte_errno : 0;
	return NULL;
}

TEST_F(rte, s46_cleanup_calls_back_who_waits_for_a_reply)
{
	struct child child;
	pthread_t thread;
	int error = 0;

	start_secondary(self->prefix, &child, "x", report);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_silent, &error));
	child_hear(&child, NULL);
	EXPECT_EQ(0, rte_eal_cleanup());
	pthread_join(thread, NULL);
	EXPECT_EQ(EBADF, error);
	child_kill(&child);
}

static int clean_up(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	CHECK(!rte_eal_cleanup());
	CHECK(say("x", "") == -1 && rte_errno == EBADF);
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, s46_an_action_may_clean_up)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("end", clean_up));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("end", ""));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_EQ(0, child_wait(&child));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, say("x", ""));
}

/* AddressSanitizer does not notice that the stack of a cancelled thread is not in use any more. */
#ifndef __SANITIZE_ADDRESS__
static int block_for_ever(const struct rte_mp_msg *msg, const void *peer)
{
	char byte;
	int fds[2];

	(void)msg;
	(void)peer;
	CHECK(!pipe(fds));
	sem_post(&seen.came);
	return read(fds[0], &byte, 1);
}

TEST_F(rte, cleanup_ends_an_action_that_blocks)
{
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", block_for_ever));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", ""));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_EQ(0, rte_eal_cleanup());
	EXPECT_EQ(0, child_wait(&child));
	rte_mp_action_unregister("x");
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
}
#endif

#define SENDERS	8

static atomic_bool stop_sending;

static void *send_without_end(void *sent)
{
	while (!stop_sending) {
		say("x", "");
		atomic_fetch_add((atomic_ulong *)sent, 1);
	}
	return NULL;
}

TEST_F(rte, cleanup_ends_while_threads_send_without_end)
{
	pthread_t threads[SENDERS];
	atomic_ulong sent = 0;
	int i;

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	for (i = 0; i < SENDERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, send_without_end, &sent));
	while (sent < 100 * SENDERS)
		sched_yield();
	EXPECT_EQ(0, rte_eal_cleanup());
	EXPECT_FAIL(EBADF, say("x", ""));
	stop_sending = true;
	for (i = 0; i < SENDERS; i++)
		EXPECT_EQ(0, pthread_join(threads[i], NULL));
}

/* Reply to a request with a descriptor, or with the error @arg. */
static void reply_fd_or_error(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	static const char wire[264];
	struct mpipc_reply_options options = {
		.size = sizeof(options), .fds = &(int){ 0 }, .n_fds = 1,
		.name = message->record->name,
	};

	if (arg)
		CHECK(!mpipc_reply(handle, message->record->call, *(int *)arg, NULL, 0, NULL));
	else
		CHECK(!mpipc_reply(handle, message->record->call, 0, wire, sizeof(wire), &options));
}

static void *ask_cancelled(void *arg)
{
	struct rte_mp_reply reply;

	(void)arg;
	/* The first cancellation point ends the thread. */
	pthread_cancel(pthread_self());
	ask("x", "", &reply);
	sem_post(&seen.came);
	pthread_testcancel();
	return NULL;
}

/* The descriptor of the good reply is closed, because the other reply fails the request. */
TEST_F(rte, a_requester_that_is_cancelled_keeps_no_lock)
{
	struct mpipc_open_options options = {
		.size = sizeof(options), .handler = reply_fd_or_error,
	};
	struct mpipc *good, *bad;
	char group[MPIPC_GROUP_MAX];
	int error = -EDOM;
	pthread_t thread;
	void *ret;

	snprintf(group, sizeof(group), "rte/%.100s", self->prefix);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	ASSERT_EQ(0, mpipc_open(&good, group, MPIPC_SECONDARY, &options));
	options.arg = &error;
	ASSERT_EQ(0, mpipc_open(&bad, group, MPIPC_SECONDARY, &options));
	ASSERT_EQ(0, mpipc_start(good, NULL));
	ASSERT_EQ(0, mpipc_start(bad, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_cancelled, NULL));
	EXPECT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(PTHREAD_CANCELED, ret);
	EXPECT_EQ(0, sem_trywait(&seen.came));
	EXPECT_EQ(0, rte_eal_cleanup());
	mpipc_close(good);
	mpipc_close(bad);
}

static sem_t go_on;

static int linger(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	sem_post(&seen.came);
	wait_for(&go_on);
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, s47_unregistering_does_not_wait_for_a_running_action)
{
	struct child child;

	sem_init(&go_on, 0, 0);
	ASSERT_EQ(0, rte_mp_action_register("x", linger));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", ""));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	rte_mp_action_unregister("x");
	EXPECT_EQ(0, rte_mp_action_register("x", keep));
	sem_post(&go_on);
	wait_for(&seen.came);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, d_s48_a_secondary_does_not_talk_to_a_new_primary_unawares)
{
	struct child child;

	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&child, 0);
		child_hear(&child, NULL);
		CHECK(say("x", "") == -1 && rte_errno == ECONNREFUSED);
		CHECK(!rte_eal_cleanup());
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", ""));
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(0, rte_eal_cleanup());
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	child_send(&child, 0);
	wait_for(&seen.came);
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(1, seen.count);
}

TEST_F(rte, s49_without_its_primary_a_secondary_fails_at_once)
{
	struct child child;

	if (!fork_child(&child)) {
		struct rte_mp_msg msg = make_msg("x", "");
		struct rte_mp_reply reply;

		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&child, 0);
		child_hear(&child, NULL);
		CHECK(rte_mp_sendmsg(&msg) == -1 && rte_errno == ECONNREFUSED);
		CHECK(ask("x", "", &reply) == -1 && rte_errno == ECONNREFUSED);
		CHECK(rte_mp_request_async(&msg, &a_minute, call_back) == -1);
		CHECK(rte_errno == ECONNREFUSED);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(0, rte_eal_cleanup());
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

/* Come and go. */
static void come_and_go(const char *prefix)
{
	int i;

	for (i = 0; i < 25; i++) {
		CHECK(start_eal("secondary", prefix) >= 0);
		CHECK(!rte_eal_cleanup());
	}
	_exit(0);
}

TEST_F(rte, d_s50_secondaries_that_leave_meanwhile_are_no_error)
{
	struct rte_mp_reply reply;
	struct child children[3];
	int i, failed = 0;

	for (i = 0; i < 3; i++) {
		if (!fork_child(&children[i])) {
			child_hear(&children[i], NULL);
			come_and_go(self->prefix);
		}
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	for (i = 0; i < 3; i++)
		child_send(&children[i], 0);
	while (waitpid(children[0].pid, NULL, WNOHANG) == 0) {
		failed += !!say("x", "");
		/*
		 * A member that has no such action yet says so; none times out or breaks
		 * the request.
		 */
		if (ask("x", "", &reply) && rte_errno != ENOENT)
			failed++;
		free(reply.msgs);
	}
	EXPECT_EQ(0, failed);
	for (i = 1; i < 3; i++)
		EXPECT_EQ(0, child_wait(&children[i]));
}

TEST_F(rte, s51_descriptor_3_is_never_ours)
{
	unsigned int before = count_fds();

	close(3);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(-1, fcntl(3, F_GETFD));
	EXPECT_GE(before + 1, count_fds());
}

TEST_F(rte, s52_a_child_that_closes_everything_does_not_disturb)
{
	struct rte_mp_reply reply;
	struct child child, closing;

	start_secondary(self->prefix, &child, "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	if (!fork_child(&closing)) {
		CHECK(!close_range(3, ~0U, 0));
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(&closing));
	EXPECT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(1, reply.nb_received);
	free(reply.msgs);
	child_kill(&child);
}

TEST_F(rte, the_child_of_a_fork_is_not_initialised_but_can_be)
{
	struct rte_mp_reply reply;
	struct child child;

	ASSERT_EQ(0, rte_mp_action_register("x", echo));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	if (!fork_child(&child)) {
		CHECK(say("x", "") == -1 && rte_errno == EBADF);
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!ask("x", "", &reply));
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(rte, the_child_of_a_fork_says_once_why_it_has_no_messages)
{
	struct child child;
	char text[1024];
	int fds[2];
	ssize_t len;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	if (!fork_child(&child)) {
		dup2(fds[1], STDERR_FILENO);
		say("x", "");
		say("x", "");
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(&child));
	close(fds[1]);
	len = read(fds[0], text, sizeof(text) - 1);
	ASSERT_LT(0, len);
	text[len] = '\0';
	EXPECT_NE(NULL, strstr(text, "was forked after rte_eal_init()"));
	EXPECT_EQ(text + len - 1, strchr(text, '\n'));
	EXPECT_EQ(0, read(fds[0], text, sizeof(text)));
	close(fds[0]);
}

TEST_HARNESS_MAIN
