// SPDX-License-Identifier: BSD-3-Clause
/*
 * DOC: groups that do not share anything
 *
 * busy: so many pairs of processes are busy at once, each with requests of its own: in groups of
 * their own, or over pipes of their own. The two processes of a pair share a CPU. With -c same
 * all pairs are on the first CPU; with -c any they are on both CPUs in turn. The figure is the
 * time until all pairs are done, divided by all requests. Pairs that hinder each other gain less
 * by the second CPU.
 */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mpipc.h>

#include "peers.h"

#define REQUESTS	300
#define TIMEOUT_NS	(60 * INT64_C(1000000000))

static struct bench bench = { .work = "busy", .transport = "mpipc_native", .cpus = "same",
			      .peers = 64, .bytes = 256 };
static pid_t parent;
/* The next peer is this one, in memory that all processes share. */
static _Atomic unsigned int *next;
/* Peers that ask wait until the other end of this pipe is closed. */
static int go[2];
/* Two pipes for each pair: there and back. */
static int (*pipes)[2][2];
static char data[65536];

static void name_group(char *group, size_t size, unsigned int pair)
{
	snprintf(group, size, "bench-%d-%u", parent, pair);
}

static void reply(struct mpipc *self, const struct mpipc_message *m, void *arg)
{
	int err = mpipc_reply(self, m->record->call, 0, m->data, m->record->size, NULL);

	(void)arg;
	if (err)
		bench_die("mpipc_reply: %s", strerror(-err));
}

static struct mpipc *join(unsigned int pair, enum mpipc_role role)
{
	struct mpipc_open_options options = {
		.size = sizeof(options), .handler = reply, .timeout_ns = TIMEOUT_NS,
	};
	struct mpipc *handle;
	char group[64];
	int err;

	name_group(group, sizeof(group), pair);
	err = mpipc_open(&handle, group, role, &options);
	if (err)
		bench_die("%s", mpipc_open_hint(err));
	return handle;
}

static void wait_for_go(void)
{
	char byte;

	close(go[1]);
	peers_ready();
	if (read(go[0], &byte, 1))
		bench_die("read: not the end");
}

static void ask_group(unsigned int pair)
{
	const struct mpipc_call_options options = {
		.size = sizeof(options), .reply_size = bench.bytes,
	};
	struct mpipc *handle = join(pair, MPIPC_SECONDARY);
	struct mpipc_replies *replies;
	unsigned int i;

	wait_for_go();
	for (i = 0; i < REQUESTS; i++) {
		if (mpipc_call(handle, MPIPC_TO_PRIMARY, "request", data, bench.bytes, TIMEOUT_NS,
			       &options, &replies) != 1)
			bench_die("mpipc_call failed");
		mpipc_replies_free(replies);
	}
}

static void reply_in_group(unsigned int pair)
{
	struct mpipc *handle = join(pair, MPIPC_PRIMARY);
	int err;

	close(go[1]);
	peers_ready();
	do {
		err = mpipc_dispatch(handle, MPIPC_WAIT_FOREVER);
	} while (err >= 0);
	bench_die("mpipc_dispatch: %s", strerror(-err));
}

/* Move data of at most PIPE_BUF bytes, which a pipe does not split. */
static void move(ssize_t done)
{
	if (done != (ssize_t)bench.bytes)
		bench_die("pipe: %zd bytes", done);
}

static void ask_pipe(unsigned int pair)
{
	unsigned int i;

	wait_for_go();
	for (i = 0; i < REQUESTS; i++) {
		move(write(pipes[pair][0][1], data, bench.bytes));
		move(read(pipes[pair][1][0], data, bench.bytes));
	}
}

static void reply_by_pipe(unsigned int pair)
{
	close(go[1]);
	peers_ready();
	for (;;) {
		move(read(pipes[pair][0][0], data, bench.bytes));
		move(write(pipes[pair][1][1], data, bench.bytes));
	}
}

static void take_cpu(unsigned int pair)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(strcmp(bench.cpus, "any") ? 0 : pair % 2, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die("CPU %u: %s", pair % 2, strerror(errno));
}

/* Peers come in pairs. The first of the two replies. */
static void run_peer(const struct bench *unused)
{
	unsigned int number = (*next)++, pair = number / 2;
	bool replies = number % 2 == 0;

	(void)unused;
	take_cpu(pair);
	if (strcmp(bench.transport, "pipe"))
		(replies ? reply_in_group : ask_group)(pair);
	else
		(replies ? reply_by_pipe : ask_pipe)(pair);
	burst_handled();
	for (;;)
		pause();
}

static void open_pipes(void)
{
	unsigned int i;

	pipes = calloc(bench.peers, sizeof(*pipes));
	if (!pipes)
		bench_die("calloc: %s", strerror(errno));
	for (i = 0; i < 2 * bench.peers; i++)
		if (pipe(pipes[i / 2][i % 2]))
			bench_die("pipe: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	unsigned int pairs;
	int64_t start;

	bench_parse(&bench, argc, argv);
	parent = getpid();
	next = mmap(NULL, sizeof(*next), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (next == MAP_FAILED || pipe(go))
		bench_die("%s", strerror(errno));
	if (!strcmp(bench.transport, "pipe"))
		open_pipes();
	pairs = bench.peers;
	bench.peers = 2 * pairs;
	peers_fork(&bench, run_peer);
	peers_begin(&bench);
	burst_start(pairs);
	start = bench_now();
	close(go[1]);
	burst_wait();
	start = bench_now() - start;
	bench.peers = pairs;
	bench_print(&bench, (double)start / pairs / REQUESTS, "ns");
	peers_end();
	return 0;
}
