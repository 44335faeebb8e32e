// SPDX-License-Identifier: BSD-3-Clause
/*
 * DOC: waking many, to compare a broadcast with
 *
 * wake_all: this process wakes all peers and sleeps until the last of them, before it sleeps
 * again, wakes this process.
 *
 * futex_all: one system call wakes all, and no data is passed.
 * eventfd, pipe: there is one for each peer, with a system call for each of them. A pipe passes
 * one byte.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "peers.h"

/**
 * struct shared - memory that all processes share
 * @peers: number of peers that have begun
 * @round: number of times that all were woken
 */
struct shared {
	_Atomic unsigned int peers;
	_Atomic unsigned int round;
};

struct transport {
	const char *name;
	void (*wake_all)(void);
	void (*sleep)(unsigned int self);
};

static struct bench bench = { .work = "wake_all", .cpus = "same", .peers = 4 };
static const struct transport *transport;
static struct shared *shared;
/* The descriptors from which each peer reads, and to which this process writes. */
static int (*ends)[2];

static void get(int fd, size_t size)
{
	char data[64];

	if (read(fd, data, size) != (ssize_t)size)
		bench_die("read: %s", strerror(errno));
}

static void put(int fd, size_t size)
{
	const uint64_t one = 1;

	if (write(fd, &one, size) != (ssize_t)size)
		bench_die("write: %s", strerror(errno));
}

static void futex_wake_all(void)
{
	shared->round++;
	if (syscall(SYS_futex, &shared->round, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) < 0)
		bench_die("FUTEX_WAKE: %s", strerror(errno));
}

static void futex_sleep(unsigned int unused)
{
	static unsigned int seen;

	(void)unused;
	while (shared->round == seen)
		syscall(SYS_futex, &shared->round, FUTEX_WAIT, seen, NULL, NULL, 0);
	seen++;
}

static void eventfd_wake_all(void)
{
	unsigned int i;

	for (i = 0; i < bench.peers; i++)
		put(ends[i][1], sizeof(uint64_t));
}

static void eventfd_sleep(unsigned int self)
{
	get(ends[self][0], sizeof(uint64_t));
}

static void pipe_wake_all(void)
{
	unsigned int i;

	for (i = 0; i < bench.peers; i++)
		put(ends[i][1], 1);
}

static void pipe_sleep(unsigned int self)
{
	get(ends[self][0], 1);
}

static const struct transport transports[] = {
	{ "futex_all", futex_wake_all, futex_sleep },
	{ "eventfd", eventfd_wake_all, eventfd_sleep },
	{ "pipe", pipe_wake_all, pipe_sleep },
	{ NULL }
};

static void run_peer(const struct bench *unused)
{
	unsigned int self = shared->peers++;

	(void)unused;
	peers_ready();
	for (;;) {
		transport->sleep(self);
		burst_handled();
	}
}

static void wake_all(void *unused)
{
	(void)unused;
	burst_start(bench.peers);
	transport->wake_all();
	burst_wait();
}

static void open_ends(int pair[2])
{
	if (!strcmp(bench.transport, "pipe")) {
		if (pipe(pair))
			bench_die("pipe: %s", strerror(errno));
		return;
	}
	pair[0] = pair[1] = eventfd(0, 0);
	if (pair[0] < 0)
		bench_die("eventfd: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	unsigned int i;

	bench_parse(&bench, argc, argv);
	if (!bench.transport)
		bench_die("no transport");
	for (transport = transports; strcmp(transport->name, bench.transport); transport++)
		if (!transport[1].name)
			bench_die("%s: unknown", bench.transport);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ends = calloc(bench.peers, sizeof(*ends));
	if (shared == MAP_FAILED || !ends)
		bench_die("%s", strerror(errno));
	for (i = 0; i < bench.peers; i++)
		open_ends(ends[i]);
	peers_fork(&bench, run_peer);
	peers_begin(&bench);
	bench_measure(&bench, wake_all, NULL, 1);
	peers_end();
	return 0;
}
