/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of libmpipc-dpdk.so with a librte_eal.so.DPDK_VERSION of our own: one program for
 * each layout of messages, and one for a version that is not known.
 */
#include "lib_eal.h"
#include "user.h"

/* Call each function that is preloaded once. */
static inline void call_all(void)
{
	const struct timespec no_time = { 0 };
	struct rte_mp_msg msg = make_msg("x", "");
	struct rte_mp_reply reply;

	rte_mp_action_register("x", keep);
	rte_mp_sendmsg(&msg);
	rte_mp_request_sync(&msg, &reply, &no_time);
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

TEST_F(rte, without_a_device_it_is_dpdk_itself)
{
	setenv("MPIPC_DEVICE", "/dev/no-such-device", 1);
	ASSERT_LE(0, start_eal("primary", self->prefix));
	call_all();
	EXPECT_TRUE(all_native());
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

TEST_F(rte, dpdk_gets_what_was_registered_before_init_if_there_is_no_device)
{
	setenv("MPIPC_DEVICE", "/dev/no-such-device", 1);
	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	EXPECT_FAIL(EEXIST, rte_mp_action_register("x", keep));
	EXPECT_EQ(0, fake_calls.action_register);
	ASSERT_LE(0, start_eal("primary", self->prefix));
	/* The other one is the action of DPDK itself. */
	EXPECT_EQ(2, fake_calls.action_register);
	EXPECT_FAIL(EEXIST, rte_mp_action_register("x", keep));
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
	struct mpipc_record result;
	struct mpipc_call_args call;

	ASSERT_EQ(0, rte_mp_action_register("x", keep));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	other = join_beside(self->prefix, MPIPC_SECONDARY);
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

TEST_F(rte, on_mpipc_nothing_of_dpdk_is_called)
{
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	call_all();
	EXPECT_EQ(0, fake_calls.action_register);
	EXPECT_EQ(0, fake_calls.sendmsg);
	EXPECT_EQ(0, fake_calls.request_sync);
	EXPECT_EQ(0, fake_calls.request_async);
	EXPECT_EQ(0, fake_calls.reply);
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
	EXPECT_EQ(0, fake_calls.action_register);
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
	char other[MPIPC_GROUP_MAX];
	int fd;

	snprintf(other, sizeof(other), "%.100s.other", self->prefix);
	EXPECT_FAIL(EPROTO, start_with("primary", other, "--fail"));
	fd = join_beside(other, MPIPC_PRIMARY);
	EXPECT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(-EADDRINUSE, join_beside(self->prefix, MPIPC_PRIMARY));
	/* An init that fails because it has been done does no harm. */
	EXPECT_FAIL(EPROTO, start_with("primary", self->prefix, "--fail"));
	EXPECT_EQ(-EADDRINUSE, join_beside(self->prefix, MPIPC_PRIMARY));
}

/* Ask the primary on mpipc something, from this process. */
static void be_secondary_and_ask(const char *prefix)
{
	struct rte_mp_reply reply;

	CHECK(start_eal("secondary", prefix) >= 0);
	CHECK(!ask("x", "question", &reply));
	CHECK(reply.nb_received == 1 && !strcmp((char *)reply.msgs[0].param, "question"));
	CHECK(!fake_calls.request_sync);
	_exit(0);
}

/* Do so in a process with other namespaces, and end with its status. */
static void enter_namespaces_and_ask(const char *prefix, int namespaces)
{
	struct child child = { .line = -1 };

	CHECK(!unshare(namespaces));
	/* A parent in another pid namespace is not one that child_fork() knows. */
	child.pid = fork();
	CHECK(child.pid >= 0);
	if (!child.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_secondary_and_ask(prefix);
	}
	_exit(child_reap(&child));
}

TEST_F(rte, members_in_other_namespaces_are_on_mpipc)
{
	const int namespaces[] = {
		CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWNS, CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS,
	};
	struct child children[ARRAY_SIZE(namespaces)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (!fork_child(&children[i]))
			enter_namespaces_and_ask(self->prefix, namespaces[i]);
	ASSERT_EQ(0, rte_mp_action_register("x", echo));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	for (i = 0; i < ARRAY_SIZE(namespaces); i++)
		EXPECT_EQ(0, child_wait(&children[i]));
	EXPECT_EQ(ARRAY_SIZE(namespaces), seen.count);
}

/* Be somebody who cannot write to the directory, and who was there first. */
static void be_impostor(struct child *child, const char *prefix)
{
	int named = open_primary("dpdk"), fd = open_dev();

	CHECK(named >= 0 && fd >= 0);
	CHECK(!become_with(1000, 1000, 0, 0));
	CHECK(join_with(fd, prefix, MPIPC_PRIMARY) == -EACCES);
	CHECK(join_with(fd, prefix, MPIPC_SECONDARY) == -EACCES);
	child_send(child, 0);
	stay();
}

/* Promise: P18 */
TEST_F(rte, who_was_there_first_but_has_no_right_to_the_directory_is_nobody)
{
	struct child impostor, secondary;
	char dir[300];

	snprintf(dir, sizeof(dir), "/tmp/%s", self->prefix);
	ASSERT_EQ(0, mkdir(dir, 0700));
	if (!fork_child(&impostor))
		be_impostor(&impostor, self->prefix);
	ASSERT_EQ(0, child_hear(&impostor, NULL));
	if (!fork_child(&secondary))
		enter_namespaces_and_ask(self->prefix, CLONE_NEWPID);
	ASSERT_EQ(0, rte_mp_action_register("x", echo));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, child_wait(&secondary));
	child_kill(&impostor);
}

/* Make a directory and a node of the device that all users may use. */
static void permit_all(const char *prefix, char device[300])
{
	char path[300];
	struct stat st;
	int config;

	snprintf(path, sizeof(path), "/tmp/%s", prefix);
	CHECK(!mkdir(path, 0700) && !chmod(path, 0777));
	snprintf(path, sizeof(path), "/tmp/%s/config", prefix);
	config = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(config >= 0 && !fchmod(config, 0666));
	close(config);
	snprintf(device, 300, "/tmp/%s/device", prefix);
	CHECK(!stat(MPIPC_DEVICE, &st) && !mknod(device, S_IFCHR | 0600, st.st_rdev));
	CHECK(!chmod(device, 0666));
}

TEST_F(rte, a_secondary_of_another_user_is_on_mpipc_if_the_directory_permits)
{
	struct child child;
	char device[300];

	permit_all(self->prefix, device);
	if (!fork_child(&child)) {
		setenv("MPIPC_DEVICE", device, 1);
		CHECK(!become_with(1000, 1000, 0, 0));
		be_secondary_and_ask(self->prefix);
	}
	ASSERT_EQ(0, rte_mp_action_register("x", echo));
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
}

/* Read what a child with this environment says on stderr when it starts EAL. */
static int read_stderr(const char *type, const char *prefix, char text[512])
{
	struct child child;
	ssize_t n, len = 0;
	int out[2];

	if (pipe(out))
		abort();
	if (!fork_child(&child)) {
		dup2(out[1], STDERR_FILENO);
		close(out[1]);
		_exit(start_eal(type, prefix) < 0 ? rte_errno : 0);
	}
	close(out[1]);
	while ((n = read(out[0], text + len, 511 - len)) > 0)
		len += n;
	text[len] = 0;
	close(out[0]);
	return child_wait(&child);
}

TEST_F(rte, a_process_without_a_device_says_so_and_what_helps)
{
	char text[512];

	setenv("MPIPC_DEVICE", "/dev/no-such-device", 1);
	EXPECT_EQ(0, read_stderr("primary", self->prefix, text));
	EXPECT_NE(NULL, strstr(text, "uses DPDK's own IPC"));
	EXPECT_NE(NULL, strstr(text, "load the kernel module"));
	EXPECT_EQ(text + strlen(text) - 1, strchr(text, '\n'));
}

TEST_F(rte, a_process_says_nothing_on_mpipc_unless_it_is_asked_to)
{
	char text[512];

	EXPECT_EQ(0, read_stderr("primary", self->prefix, text));
	EXPECT_STREQ("", text);
	setenv("MPIPC_LOG", "1", 1);
	EXPECT_EQ(0, read_stderr("primary", self->prefix, text));
	EXPECT_NE(NULL, strstr(text, "is on mpipc, as the primary"));
}

TEST_F(rte, a_process_that_demands_mpipc_does_not_start_without)
{
	char text[512];

	setenv("MPIPC_DPDK", "require", 1);
	EXPECT_EQ(0, read_stderr("primary", self->prefix, text));
	setenv("MPIPC_DEVICE", "/dev/no-such-device", 1);
	EXPECT_EQ(ENOTSUP, read_stderr("primary", self->prefix, text));
	EXPECT_NE(NULL, strstr(text, "MPIPC_DPDK=require"));
	EXPECT_NE(NULL, strstr(text, "load the kernel module"));
}

TEST_F(rte, a_request_that_times_out_names_the_process_that_has_not_replied)
{
	const struct timespec a_moment = { .tv_nsec = 100000000 };
	struct rte_mp_msg msg = make_msg("x", "");
	int out[2], old = dup(STDERR_FILENO);
	char text[512] = "", expected[64];
	struct rte_mp_reply reply;
	struct child child;

	start_secondary(self->prefix, &child, "x", keep);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	ASSERT_EQ(0, pipe(out));
	dup2(out[1], STDERR_FILENO);
	EXPECT_FAIL(ETIMEDOUT, rte_mp_request_sync(&msg, &reply, &a_moment));
	dup2(old, STDERR_FILENO);
	EXPECT_LT(0, read(out[0], text, sizeof(text) - 1));
	snprintf(expected, sizeof(expected), "reply in time to x from process %d (lib_dpdk",
		 child.pid);
	EXPECT_NE(NULL, strstr(text, expected));
	child_kill(&child);
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
