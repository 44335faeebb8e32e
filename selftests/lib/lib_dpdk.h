/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of libmpipc-dpdk.so with a librte_eal.so.DPDK_VERSION of our own: one program for
 * each layout of messages, and one for a version that is not known.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define RTE_MP_MAX_NAME_LEN	64
#define RTE_MP_MAX_PARAM_LEN	256
#if DPDK_VERSION < 25
#define RTE_MP_MAX_FD_NUM	8
#define MSG_SIZE		360
#define PARAM_ALIGN		1
#elif DPDK_VERSION == 25
#define RTE_MP_MAX_FD_NUM	253
#define MSG_SIZE		1340
#define PARAM_ALIGN		1
#else
#define RTE_MP_MAX_FD_NUM	253
#define MSG_SIZE		1344
#define PARAM_ALIGN		8
#endif

/* The message is laid out as in the headers of that version. */
struct rte_mp_msg {
	char name[RTE_MP_MAX_NAME_LEN];
	int len_param;
	int num_fds;
	uint8_t param[RTE_MP_MAX_PARAM_LEN] __attribute__((aligned(PARAM_ALIGN)));
	int fds[RTE_MP_MAX_FD_NUM];
};

static_assert(sizeof(struct rte_mp_msg) == MSG_SIZE, "layout of this version");

struct rte_mp_reply {
	int nb_sent;
	int nb_received;
	struct rte_mp_msg *msgs;
};

typedef int (*rte_mp_t)(const struct rte_mp_msg *msg, const void *peer);
typedef int (*rte_mp_async_reply_t)(const struct rte_mp_msg *request,
				    const struct rte_mp_reply *reply);
int rte_mp_action_register(const char *name, rte_mp_t action);
void rte_mp_action_unregister(const char *name);
int rte_mp_sendmsg(struct rte_mp_msg *msg);
int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts);
int rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts,
			 rte_mp_async_reply_t callback);
int rte_mp_reply(struct rte_mp_msg *msg, const char *peer);
bool rte_mp_disable(void);

#include "child.h"
#include "device.h"
#include "fake_eal.h"
#include "lib_rte.h"
#include "message.h"

#include <sys/stat.h>

/* Return the group in which secondaries of this file prefix meet. */
static inline void group_of(const char *prefix, char group[MPIPC_GROUP_MAX])
{
	char dir[256];
	struct stat st;

	snprintf(dir, sizeof(dir), "/tmp/%s", prefix);
	mkdir(dir, 0700);
	if (stat(dir, &st))
		abort();
	snprintf(group, MPIPC_GROUP_MAX, "dpdk:%jx:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
}

static inline int start_with(const char *type, const char *prefix, char *option)
{
	char type_arg[32], prefix_arg[160];
	char *argv[] = { "test", type_arg, prefix_arg, option, NULL };

	snprintf(type_arg, sizeof(type_arg), "--proc-type=%s", type);
	snprintf(prefix_arg, sizeof(prefix_arg), "--file-prefix=%s", prefix);
	return rte_eal_init(4, argv);
}

/* Call each function that is preloaded once. */
static inline void call_all(void)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;

	rte_mp_action_register("x", keep);
	rte_mp_sendmsg(&msg);
	rte_mp_request_sync(&msg, &reply, &a_minute);
	rte_mp_request_async(&msg, &a_minute, NULL);
	rte_mp_reply(&msg, "/somewhere");
	rte_mp_action_unregister("x");
}

/* Check that call_all() got to DPDK's own functions. */
static inline bool all_native(void)
{
	return fake_calls.action_register && fake_calls.action_unregister && fake_calls.sendmsg &&
	       fake_calls.request_sync && fake_calls.request_async && fake_calls.reply;
}

static inline bool has_socket(const char *prefix)
{
	char path[256];

	snprintf(path, sizeof(path), "/tmp/%s/mp_socket", prefix);
	return !access(path, F_OK);
}

TEST_F(rte, without_a_device_it_is_dpdk_itself)
{
	setenv("MPIPC_DEVICE", "/dev/no-such-device", 1);
	ASSERT_LE(0, start_eal("primary", self->prefix));
	call_all();
	EXPECT_TRUE(all_native());
	EXPECT_TRUE(has_socket(self->prefix));
}

/* Promise: P18 */
TEST_F(rte, the_secondary_of_a_native_primary_is_native)
{
	struct child child;

	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		call_all();
		CHECK(all_native());
		_exit(0);
	}
	setenv("MPIPC_DEVICE", "/dev/no-such-device", 1);
	ASSERT_LE(0, start_eal("primary", self->prefix));
	EXPECT_EQ(0, child_wait(&child));
}

/* Promise: P18 */
TEST_F(rte, who_makes_the_group_but_does_not_have_the_lock_is_nobody)
{
	struct child primary, secondary;
	char group[MPIPC_GROUP_MAX];
	int other;

	group_of(self->prefix, group);
	other = open_primary(group);
	ASSERT_LE(0, other);
	if (!fork_child(&secondary)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		call_all();
		CHECK(all_native());
		_exit(0);
	}
	if (!fork_child(&primary)) {
		CHECK(start_eal("primary", self->prefix) >= 0);
		call_all();
		CHECK(all_native());
		child_hear(&primary, NULL);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(&secondary));
	EXPECT_EQ(0, child_wait(&primary));
	close(other);
}

TEST_F(rte, without_shared_configuration_dpdk_says_so)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;

	ASSERT_LE(0, start_with("primary", self->prefix, "--no-shconf"));
	EXPECT_FAIL(ENOTSUP, rte_mp_action_register("x", keep));
	EXPECT_FAIL(ENOTSUP, rte_mp_sendmsg(&msg));
	EXPECT_FAIL(ENOTSUP, rte_mp_request_sync(&msg, &reply, &a_minute));
	EXPECT_FAIL(ENOTSUP, rte_mp_request_async(&msg, &a_minute, NULL));
	EXPECT_EQ(0, rte_mp_reply(&msg, "peer"));
}

TEST_F(rte, before_init_it_is_dpdk_itself)
{
	struct rte_mp_msg msg = make_msg("x", "");

	EXPECT_EQ(0, rte_mp_sendmsg(&msg));
	EXPECT_EQ(1, fake_calls.sendmsg);
}

TEST_F(rte, disabling_is_left_to_dpdk)
{
	ASSERT_LE(0, start_eal("primary", self->prefix));
	EXPECT_TRUE(rte_mp_disable());
	EXPECT_EQ(1, fake_calls.disable);
}

#if DPDK_VERSION == 99

TEST_F(rte, a_version_that_is_not_known_is_left_alone)
{
	ASSERT_LE(0, start_eal("primary", self->prefix));
	call_all();
	EXPECT_TRUE(all_native());
}

#else

/* Reply with the pid, from a copy of the request, with its descriptors. */
static int reply_with_pid(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply = make_msg(msg->name, "");
	int i;

	snprintf((char *)reply.param, sizeof(reply.param), "%d", (int)getpid());
	reply.len_param = RTE_MP_MAX_PARAM_LEN;
	reply.num_fds = RTE_MP_MAX_FD_NUM;
	for (i = 0; i < RTE_MP_MAX_FD_NUM; i++)
		reply.fds[i] = STDERR_FILENO;
	CHECK(!rte_mp_reply(&reply, peer));
	for (i = 0; i < msg->num_fds; i++)
		close(msg->fds[i]);
	return 0;
}

/* Check that these are what reply_with_pid() replies in each of these processes. */
static bool are_replies(const struct rte_mp_reply *reply, const struct child *children, int n)
{
	int i, j, k, pid, found = 0;

	for (i = 0; i < reply->nb_received; i++) {
		const struct rte_mp_msg *msg = &reply->msgs[i];

		pid = strtol((const char *)msg->param, NULL, 10);
		if (strcmp(msg->name, "x") || msg->len_param != RTE_MP_MAX_PARAM_LEN ||
		    msg->num_fds != RTE_MP_MAX_FD_NUM)
			return false;
		for (k = 0; k < msg->num_fds; k++)
			if (close(msg->fds[k]))
				return false;
		for (j = 0; j < n; j++)
			found += children[j].pid == pid;
	}
	return reply->nb_sent == n && reply->nb_received == n && found == n;
}

TEST_F(rte, the_replies_of_a_request_lie_where_dpdk_looks_for_them)
{
	struct rte_mp_reply reply;
	struct child children[3];
	int i;

	for (i = 0; i < 3; i++)
		start_secondary(self->prefix, &children[i], "x", reply_with_pid);
	ASSERT_EQ(0, start_primary(self->prefix, children, 3));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_TRUE(are_replies(&reply, children, 3));
	free(reply.msgs);
	kill_all(children, 3);
}

static struct child asked[3];
static bool as_expected;

static int look_at_replies(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	as_expected = !strcmp(request->name, "x") && !strcmp((char *)request->param, "question") &&
		      request->fds[RTE_MP_MAX_FD_NUM - 1] == STDIN_FILENO &&
		      are_replies(reply, asked, 3);
	sem_post(&seen.came);
	return 0;
}

TEST_F(rte, those_of_an_asynchronous_request_do_too)
{
	struct rte_mp_msg msg = make_msg("x", "question");
	int i;

	for (i = 0; i < 3; i++)
		start_secondary(self->prefix, &asked[i], "x", reply_with_pid);
	ASSERT_EQ(0, start_primary(self->prefix, asked, 3));
	msg.fds[RTE_MP_MAX_FD_NUM - 1] = STDIN_FILENO;
	ASSERT_EQ(0, rte_mp_request_async(&msg, &a_minute, look_at_replies));
	wait_for(&seen.came);
	EXPECT_TRUE(as_expected);
	kill_all(asked, 3);
}

TEST_F(rte, a_message_has_as_many_descriptors_as_dpdk_has_space_for)
{
	struct rte_mp_msg msg = make_msg("x", "");
	struct child child;
	int i;

	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		for (i = 0; i < RTE_MP_MAX_FD_NUM; i++)
			msg.fds[i] = STDIN_FILENO;
		msg.num_fds = RTE_MP_MAX_FD_NUM;
		CHECK(!rte_mp_sendmsg(&msg));
		msg.num_fds++;
		CHECK(rte_mp_sendmsg(&msg) == -1 && rte_errno == E2BIG);
		_exit(0);
	}
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_EQ(RTE_MP_MAX_FD_NUM, last_seen().num_fds);
	for (i = 0; i < RTE_MP_MAX_FD_NUM; i++)
		EXPECT_EQ(0, close(last_seen().fds[i]));
	EXPECT_EQ(0, child_wait(&child));
}

#if RTE_MP_MAX_FD_NUM < MPIPC_FDS_MAX
TEST_F(rte, a_message_with_more_descriptors_than_that_is_dropped)
{
	struct {
		int len_param, num_fds;
		uint8_t param[RTE_MP_MAX_PARAM_LEN];
	} wire = { 0 };
	int fds[RTE_MP_MAX_FD_NUM + 1], other, i;
	char group[MPIPC_GROUP_MAX];
	struct mpipc_record result;
	struct mpipc_call_args call;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	group_of(self->prefix, group);
	other = open_secondary(group);
	ASSERT_LE(0, other);
	for (i = 0; i <= RTE_MP_MAX_FD_NUM; i++)
		fds[i] = STDIN_FILENO;
	ASSERT_EQ(0, send_fds(other, MPIPC_TO_PRIMARY, "x", &wire, sizeof(wire), fds,
			      RTE_MP_MAX_FD_NUM + 1));
	call = call_arg(MPIPC_TO_PRIMARY, "x", &wire, sizeof(wire), &result, 1);
	call.body.fds = to_u64(fds);
	call.body.n_fds = RTE_MP_MAX_FD_NUM + 1;
	ASSERT_EQ(0, do_ioctl(other, MPIPC_CALL, &call));
	EXPECT_EQ(-EBADMSG, result.status);
	EXPECT_EQ(0, seen.count);
	close(other);
}
#endif

static void *fail_elsewhere(void *arg)
{
	(void)arg;
	rte_errno = 0;
	rte_mp_sendmsg(NULL);
	return (void *)(intptr_t)rte_errno;
}

TEST_F(rte, errors_are_in_the_errno_of_dpdk_of_each_thread)
{
	struct rte_mp_msg msg = make_msg("x", "");
	pthread_t thread;
	void *error;

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_FAIL(EINVAL, rte_mp_sendmsg(NULL));
	msg.num_fds = RTE_MP_MAX_FD_NUM + 1;
	EXPECT_FAIL(E2BIG, rte_mp_sendmsg(&msg));
	ASSERT_EQ(0, pthread_create(&thread, NULL, fail_elsewhere, NULL));
	pthread_join(thread, &error);
	EXPECT_EQ(EINVAL, (intptr_t)error);
	EXPECT_EQ(E2BIG, rte_errno);
	EXPECT_EQ(0, fake_calls.sendmsg);
}

TEST_F(rte, on_mpipc_nothing_of_dpdk_is_called_and_no_socket_is_left)
{
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	call_all();
	EXPECT_EQ(0, fake_calls.action_register);
	EXPECT_EQ(0, fake_calls.sendmsg);
	EXPECT_EQ(0, fake_calls.request_sync);
	EXPECT_EQ(0, fake_calls.request_async);
	EXPECT_EQ(0, fake_calls.reply);
	EXPECT_FALSE(has_socket(self->prefix));
}

TEST_F(rte, what_was_registered_before_init_is_there)
{
	struct child child;

	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		CHECK(!say("x", "hello"));
		CHECK(!fake_calls.sendmsg);
		_exit(0);
	}
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	/* DPDK may have to do this, because nobody knows yet. */
	EXPECT_EQ(1, fake_calls.action_register);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	wait_for(&seen.came);
	EXPECT_STREQ("hello", (char *)last_seen().param);
	EXPECT_EQ(0, child_wait(&child));
}

static void pause_in_init(void)
{
	child_send(own_line, 0);
	child_hear(own_line, NULL);
}

TEST_F(rte, until_init_is_over_it_is_not_counted)
{
	struct rte_mp_reply reply;
	struct child child;

	if (!fork_child(&child)) {
		own_line = &child;
		fake_during_init = pause_in_init;
		CHECK(start_eal("secondary", self->prefix) >= 0);
		pause_in_init();
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	EXPECT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(0, reply.nb_sent);
	child_send(&child, 0);
	ASSERT_EQ(0, child_hear(&child, NULL));
	EXPECT_FAIL(ENOENT, ask("x", "", &reply));
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

static void no_more_actions(void)
{
	__u64 error = 0;

	child_send(own_line, 0);
	child_hear(own_line, &error);
	seen.count += error != ECONNREFUSED;
}

TEST_F(rte, no_action_runs_when_the_memory_of_dpdk_is_gone)
{
	struct child child;

	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		child_send(&child, 0);
		child_hear(&child, NULL);
		CHECK(say("x", "") == -1);
		child_send(&child, rte_errno);
		_exit(0);
	}
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	own_line = &child;
	fake_without_memory = no_more_actions;
	EXPECT_EQ(0, rte_eal_cleanup());
	fake_without_memory = NULL;
	EXPECT_EQ(0, seen.count);
	EXPECT_EQ(0, child_wait(&child));
	/* Whatever comes later is harmless. */
	rte_mp_action_unregister("x");
	EXPECT_FAIL(EBADF, say("x", ""));
}

TEST_F(rte, an_init_that_failed_can_be_repeated_with_other_arguments)
{
	char group[MPIPC_GROUP_MAX], other[MPIPC_GROUP_MAX];
	int fd;

	snprintf(other, sizeof(other), "%.100s.other", self->prefix);
	EXPECT_FAIL(EPROTO, start_with("primary", other, "--fail"));
	group_of(other, group);
	fd = open_primary(group);
	EXPECT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	group_of(self->prefix, group);
	EXPECT_EQ(-EADDRINUSE, open_primary(group));
	/* An init that fails because it has been done does no harm. */
	EXPECT_FAIL(EPROTO, start_with("primary", self->prefix, "--fail"));
	EXPECT_EQ(-EADDRINUSE, open_primary(group));
}

static int lowest_free(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

TEST_F(rte, low_descriptors_are_left_to_dpdk)
{
	int before = lowest_free();

	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	/* The configuration of the group has this descriptor. */
	EXPECT_EQ(before + 1, lowest_free());
}

#endif

TEST_HARNESS_MAIN
