// SPDX-License-Identifier: BSD-3-Clause
/*
 * DOC: the rte_mp API
 *
 * This file is compiled twice: with the headers and librte_eal of DPDK, and with those of
 * mpipc. Its works are a list, because a process of DPDK takes long to start.
 *
 * request: a secondary sends a request to the primary, whose action replies. Both carry all
 * parameters.
 * message: a secondary sends a burst of messages to the primary.
 * lone_request, lone_message: the same one by one, with time to think between them.
 * broadcast_request: the primary sends a request to all secondaries.
 * broadcast_message: the primary sends a message to all secondaries and sleeps until all actions
 * have run.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "peers.h"

#define REQUEST	"bench_request"
#define MESSAGE	"bench_message"

static const struct timespec timeout = { .tv_sec = 30 };
static struct bench bench = { .transport = TRANSPORT, .cpus = "same", .peers = 1, .bytes = 256 };
static char prefix[32];

static void close_fds(const struct rte_mp_msg *msg)
{
	int i;

	for (i = 0; i < msg->num_fds; i++)
		close(msg->fds[i]);
}

static int send_reply(const struct rte_mp_msg *msg, const void *peer)
{
	const struct timespec delay = { .tv_nsec = bench.delay_ms * 1000000 };
	/* To clear it each time would cost more than the rest, and is no part of the work. */
	static struct rte_mp_msg out = { .name = REQUEST };

	close_fds(msg);
	if (bench.delay_ms)
		nanosleep(&delay, NULL);
	out.len_param = msg->len_param;
	memcpy(out.param, msg->param, sizeof(out.param));
	return rte_mp_reply(&out, peer);
}

static int take(const struct rte_mp_msg *msg, const void *peer)
{
	(void)peer;
	close_fds(msg);
	burst_handled();
	return 0;
}

static void init(const char *type, enum bench_side side)
{
	char cpus[32];
	char *argv[] = {
		"bench", "--file-prefix", prefix, "--proc-type", (char *)type, "--lcores", cpus,
		"--no-pci", "--no-telemetry", "--log-level", "error", NULL,
	};

	/* EAL gets one thread, which may run on any CPU of the list. */
	snprintf(cpus, sizeof(cpus), "0@(%s)", bench_cpus(&bench, side));
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv) < 0)
		bench_die("rte_eal_init as %s: %s", type, rte_strerror(rte_errno));
}

static void run_peer(const char *type)
{
	sigset_t end;
	int signo;

	/* Block the signal, so that no thread of DPDK gets it. */
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigprocmask(SIG_BLOCK, &end, NULL);
	init(type, BENCH_PEER);
	if (rte_mp_action_register(REQUEST, send_reply) || rte_mp_action_register(MESSAGE, take))
		bench_die("rte_mp_action_register: %s", rte_strerror(rte_errno));
	peers_ready();
	sigwait(&end, &signo);
	rte_eal_cleanup();
	exit(0);
}

static void primary_peer(const struct bench *unused)
{
	(void)unused;
	run_peer("primary");
}

static void secondary_peer(const struct bench *unused)
{
	(void)unused;
	run_peer("secondary");
}

static void request(void *arg)
{
	struct rte_mp_reply reply;

	if (rte_mp_request_sync(arg, &reply, &timeout))
		bench_die("rte_mp_request_sync: %s", rte_strerror(rte_errno));
	if (reply.nb_received != (int)bench.peers || reply.nb_sent != (int)bench.peers)
		bench_die("%d of %u peers replied", reply.nb_received, bench.peers);
	free(reply.msgs);
}

static void burst(void *arg)
{
	unsigned int i, n = burst_size(&bench);

	burst_start(n * bench.peers);
	for (i = 0; i < n; i++)
		if (rte_mp_sendmsg(arg))
			bench_die("rte_mp_sendmsg: %s", rte_strerror(rte_errno));
	burst_wait();
}

static void lone_message(void *arg)
{
	lone_start(bench.peers);
	if (rte_mp_sendmsg(arg))
		bench_die("rte_mp_sendmsg: %s", rte_strerror(rte_errno));
}

static void fill(struct rte_mp_msg *msg, const char *name)
{
	unsigned int i;

	if (bench.fds > RTE_MP_MAX_FD_NUM || bench.bytes > sizeof(msg->param))
		bench_die("that is too much for a message");
	strcpy(msg->name, name);
	msg->len_param = bench.bytes;
	msg->num_fds = bench.fds;
	for (i = 0; i < bench.fds; i++) {
		msg->fds[i] = eventfd(0, EFD_CLOEXEC);
		if (msg->fds[i] < 0)
			bench_die("eventfd: %s", strerror(errno));
	}
}

static void measure(const char *work)
{
	struct rte_mp_msg msg = { 0 };

	bench.work = work;
	if (strstr(work, "request")) {
		fill(&msg, REQUEST);
		bench_measure(&bench, request, &msg, 1);
	} else {
		fill(&msg, MESSAGE);
		if (bench_is_lone(&bench))
			bench_measure(&bench, lone_message, &msg, 1);
		else
			bench_measure(&bench, burst, &msg, burst_size(&bench));
	}
	close_fds(&msg);
}

int main(int argc, char **argv)
{
	char *works, *work;
	bool primary;

	bench_parse(&bench, argc, argv);
	works = strdup(bench.work);
	snprintf(prefix, sizeof(prefix), "bench-%d", getpid());
	primary = !strncmp(bench.work, "broadcast_", strlen("broadcast_"));
	if (!primary && bench.peers != 1)
		bench_die("there is one primary");
	peers_fork(&bench, primary ? secondary_peer : primary_peer);
	if (primary) {
		init("primary", BENCH_MEASURES);
		peers_begin(&bench);
	} else {
		peers_begin(&bench);
		init("secondary", BENCH_MEASURES);
	}
	while ((work = strsep(&works, ",")))
		measure(work);
	if (primary) {
		peers_end();
		rte_eal_cleanup();
	} else {
		rte_eal_cleanup();
		peers_end();
	}
	return 0;
}
