// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of rte_mp: many at once, and peers that are stopped, slow or killed.
 * lib_rte_delivery.c says what the names mean.
 */
#include "child.h"
#include "device.h"
#include "lib_rte.h"
#include "message.h"
#include "wait.h"

#include <pthread.h>
#include <sys/mman.h>

#define SENDERS		8
#define EACH		1000

/* These came from each sender; the parameter is two numbers. */
static struct {
	int next[SENDERS];
	int wrong;
	int ended;
} order;

struct numbers {
	int sender, number;
};

static void count_in_order(const struct rte_mp_msg *msg)
{
	struct numbers numbers;

	memcpy(&numbers, msg->param, sizeof(numbers));
	if (numbers.number != order.next[numbers.sender]++)
		order.wrong++;
	if (numbers.number == EACH - 1 && ++order.ended == SENDERS)
		sem_post(&seen.came);
}

static int take_message(const struct rte_mp_msg *msg, const void *peer)
{
	(void)peer;
	count_in_order(msg);
	return 0;
}

static int take_request(const struct rte_mp_msg *msg, const void *peer)
{
	count_in_order(msg);
	return echo(msg, peer);
}

static int async_replied;

static int take_reply(const struct rte_mp_msg *request, const struct rte_mp_reply *reply)
{
	if (reply->nb_received == 1 &&
	    !memcmp(request->param, reply->msgs[0].param, sizeof(struct numbers)))
		async_replied++;
	sem_post(&seen.came);
	return 0;
}

/* Send messages, requests and asynchronous requests, in turn. */
static void send_mixed(int sender)
{
	struct numbers numbers = { .sender = sender };
	struct rte_mp_reply reply;
	struct rte_mp_msg msg;
	int asked = 0;

	for (; numbers.number < EACH; numbers.number++) {
		msg = make_msg(numbers.number % 4 ? "message" : "request", "");
		memcpy(msg.param, &numbers, sizeof(numbers));
		if (numbers.number % 4) {
			CHECK(!rte_mp_sendmsg(&msg));
		} else if (numbers.number % 8) {
			CHECK(!rte_mp_request_async(&msg, &a_minute, take_reply));
			asked++;
		} else {
			CHECK(!rte_mp_request_sync(&msg, &reply, &a_minute));
			CHECK(!memcmp(reply.msgs[0].param, &numbers, sizeof(numbers)));
			free(reply.msgs);
		}
	}
	while (asked--)
		wait_for(&seen.came);
	CHECK(async_replied == EACH / 8);
	_exit(0);
}

TEST_F(rte, s06_a_thousand_mixed_messages_and_requests_of_8_secondaries_come_in_order)
{
	struct child children[SENDERS];
	int i;

	for (i = 0; i < SENDERS; i++) {
		if (!fork_child(&children[i])) {
			CHECK(start_eal("secondary", self->prefix) >= 0);
			child_send(&children[i], 0);
			child_hear(&children[i], NULL);
			send_mixed(i);
		}
	}
	ASSERT_EQ(0, rte_mp_action_register("message", take_message));
	ASSERT_EQ(0, rte_mp_action_register("request", take_request));
	ASSERT_EQ(0, start_primary(self->prefix, children, SENDERS));
	for (i = 0; i < SENDERS; i++)
		child_send(&children[i], 0);
	wait_for(&seen.came);
	for (i = 0; i < SENDERS; i++) {
		EXPECT_EQ(0, child_wait(&children[i]));
		EXPECT_EQ(EACH, order.next[i]);
	}
	EXPECT_EQ(0, order.wrong);
}

struct asking {
	pthread_t thread;
	int bad;
};

static void *ask_some(void *arg)
{
	struct asking *self = arg;
	struct rte_mp_msg msg = make_msg("echo", "");
	struct rte_mp_reply reply;
	int i;

	for (i = 0; i < 20; i++) {
		snprintf((char *)msg.param, sizeof(msg.param), "%p %d", arg, i);
		if (rte_mp_request_sync(&msg, &reply, &a_minute) || reply.nb_received != 1 ||
		    memcmp(reply.msgs[0].param, msg.param, sizeof(msg.param)))
			self->bad++;
		free(reply.msgs);
	}
	return NULL;
}

static void ask_in_threads(int n, int *bad)
{
	struct asking asking[50] = { 0 };
	int i;

	for (i = 0; i < n; i++)
		if (pthread_create(&asking[i].thread, NULL, ask_some, &asking[i]))
			abort();
	for (i = 0; i < n; i++) {
		pthread_join(asking[i].thread, NULL);
		*bad += asking[i].bad;
	}
}

TEST_F(rte, d_s25_fifty_threads_make_requests_of_one_name)
{
	struct child child;
	int bad = 0;

	ASSERT_EQ(0, rte_mp_action_register("echo", echo));
	if (!fork_child(&child)) {
		CHECK(start_eal("secondary", self->prefix) >= 0);
		ask_in_threads(50, &bad);
		CHECK(!bad);
		_exit(0);
	}
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(0, rte_eal_cleanup());
	EXPECT_EQ(1000, seen.count);
}

TEST_F(rte, d_a_secondary_that_is_killed_while_asked_ends_the_request)
{
	struct child children[5];
	struct rte_mp_reply reply;
	int i;

	for (i = 0; i < 4; i++)
		start_secondary(self->prefix, &children[i], "x", die);
	start_secondary(self->prefix, &children[4], "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 5));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(1, reply.nb_sent);
	EXPECT_EQ(1, reply.nb_received);
	free(reply.msgs);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(128 + SIGKILL, child_wait(&children[i]));
	child_kill(&children[4]);
}

/* The primary dies while so many wait for it. */
TEST_F(rte, d_a_primary_that_is_killed_while_asked_ends_all_requests)
{
	struct child primary, children[4];
	int i;

	if (!fork_child(&primary)) {
		own_line = &primary;
		CHECK(!rte_mp_action_register("x", report));
		CHECK(start_eal("primary", self->prefix) >= 0);
		stay();
	}
	for (i = 0; i < 4; i++) {
		if (!fork_child(&children[i])) {
			struct rte_mp_reply reply;
			__u64 start = now_ns();

			CHECK(start_eal("secondary", self->prefix) >= 0);
			CHECK(ask("x", "", &reply) == -1 && rte_errno == ECONNRESET);
			CHECK(now_ns() - start < 9 * SECOND);
			_exit(0);
		}
	}
	for (i = 0; i < 4; i++)
		child_hear(&primary, NULL);
	child_kill(&primary);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, child_wait(&children[i]));
}

#define BROADCASTS	10000
#define AT_ONCE		500	/* fewer than a mailbox holds */

static int count_broadcast(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	if (++seen.count % AT_ONCE == 0)
		child_send(own_line, 0);
	return 0;
}

static int reply_count(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg out = make_msg(msg->name, "");

	memcpy(out.param, &seen.count, sizeof(seen.count));
	return rte_mp_reply(&out, peer);
}

static void start_counting(const char *prefix, struct child *child)
{
	if (fork_child(child))
		return;
	own_line = child;
	CHECK(!rte_mp_action_register("x", count_broadcast));
	CHECK(!rte_mp_action_register("count", reply_count));
	CHECK(start_eal("secondary", prefix) >= 0);
	child_send(child, 0);
	stay();
}

/* Return what the kernel counted as lost for a process. */
static __u64 lost_by(int fd, pid_t pid)
{
	struct mpipc_peer list[8];
	struct mpipc_peers_args peers = {
		.peers = to_u64(list), .max_peers = 8, .peer_size = sizeof(*list)
	};
	unsigned int i;

	if (do_ioctl(fd, MPIPC_PEERS, &peers))
		return -1;
	for (i = 0; i < peers.n_peers; i++)
		if ((pid_t)list[i].pid == pid)
			return list[i].lost;
	return -1;
}

/* Take what came for an endpoint that has no reader. */
static void drain(int fd)
{
	struct mpipc_record record;
	char wire[264];

	while (!recv_msg(fd, &record, wire, sizeof(wire)))
		;
}

TEST_F(rte, d_a_stopped_secondary_costs_its_own_messages_only)
{
	struct child stopped, healthy[2];
	struct rte_mp_reply reply;
	int i, fd, failed = 0, waited = 0;
	unsigned int count;
	__u64 start;

	start_counting(self->prefix, &stopped);
	for (i = 0; i < 2; i++)
		start_counting(self->prefix, &healthy[i]);
	ASSERT_EQ(0, start_primary(self->prefix, NULL, 0));
	child_hear(&stopped, NULL);
	for (i = 0; i < 2; i++)
		child_hear(&healthy[i], NULL);
	fd = open_beside(self->prefix);
	kill(stopped.pid, SIGSTOP);
	ASSERT_EQ(stopped.pid, waitpid(stopped.pid, NULL, WUNTRACED));
	for (i = 1; i <= BROADCASTS; i++) {
		start = now_ns();
		failed += !!say("x", "");
		waited += now_ns() - start > SECOND * 9 / 10;
		drain(fd);
		if (i % AT_ONCE == 0 && (child_hear(&healthy[0], NULL) ||
					 child_hear(&healthy[1], NULL)))
			break;
	}
	EXPECT_EQ(BROADCASTS + 1, i);
	EXPECT_LT(0, failed);
	EXPECT_GE(2, waited);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, lost_by(fd, healthy[i].pid));
	EXPECT_EQ(failed, lost_by(fd, stopped.pid));
	/*
	 * A process that goes on gets what its mailbox has kept, in order, and is a member
	 * like all others again.
	 */
	close(fd);
	kill(stopped.pid, SIGCONT);
	ASSERT_EQ(0, ask("count", "", &reply));
	ASSERT_EQ(3, reply.nb_received);
	for (i = 0; i < 3; i++) {
		memcpy(&count, reply.msgs[i].param, sizeof(count));
		EXPECT_TRUE(count == BROADCASTS || count == BROADCASTS - (unsigned int)failed);
	}
	free(reply.msgs);
	child_kill(&stopped);
	kill_all(healthy, 2);
}

/* So many processes have a request at the same time. */
#define SLEEPERS 16

/* The processes share a count of those that are in their actions, and where they sleep. */
static struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t all_came;
	int n;
} *meeting;

static void set_up_meeting(void)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	meeting = mmap(NULL, sizeof(*meeting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	CHECK(meeting != MAP_FAILED);
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&meeting->lock, &mutex);
	pthread_condattr_init(&cond);
	pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&meeting->all_came, &cond);
}

/* Sleep until the actions of all do. */
static int meet_and_echo(const struct rte_mp_msg *msg, const void *peer)
{
	pthread_mutex_lock(&meeting->lock);
	if (++meeting->n == SLEEPERS)
		pthread_cond_broadcast(&meeting->all_came);
	while (meeting->n < SLEEPERS)
		pthread_cond_wait(&meeting->all_came, &meeting->lock);
	pthread_mutex_unlock(&meeting->lock);
	return echo(msg, peer);
}

TEST_F(rte, d_sixteen_actions_that_sleep_do_so_at_the_same_time)
{
	struct child children[SLEEPERS];
	struct rte_mp_reply reply;
	int i;

	set_up_meeting();
	for (i = 0; i < SLEEPERS; i++)
		start_secondary(self->prefix, &children[i], "x", meet_and_echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, SLEEPERS));
	/* In turn, none would end. */
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(SLEEPERS, reply.nb_received);
	free(reply.msgs);
	kill_all(children, SLEEPERS);
	munmap(meeting, sizeof(*meeting));
}

static int sleep_and_echo(const struct rte_mp_msg *msg, const void *peer)
{
	const struct timespec a_while = { .tv_nsec = 10000000 };

	nanosleep(&a_while, NULL);
	return echo(msg, peer);
}

TEST_F(rte, an_action_that_sleeps_loses_nothing_of_what_comes_meanwhile)
{
	struct rte_mp_reply reply;
	struct child child;
	int i;

	start_secondary(self->prefix, &child, "x", sleep_and_echo);
	ASSERT_EQ(0, start_primary(self->prefix, &child, 1));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, say("x", ""));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(1, reply.nb_received);
	free(reply.msgs);
	child_kill(&child);
}

TEST_F(rte, a_group_of_forty_replies_and_comes_and_goes)
{
	struct child children[40];
	struct rte_mp_reply reply;
	int i;

	for (i = 0; i < 40; i++)
		start_secondary(self->prefix, &children[i], "x", echo);
	ASSERT_EQ(0, start_primary(self->prefix, children, 40));
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(40, reply.nb_received);
	free(reply.msgs);
	kill_all(children, 20);
	ASSERT_EQ(0, ask("x", "", &reply));
	EXPECT_EQ(20, reply.nb_sent);
	EXPECT_EQ(20, reply.nb_received);
	free(reply.msgs);
	kill_all(children + 20, 20);
}

TEST_HARNESS_MAIN
