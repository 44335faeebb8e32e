// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peers.h"

#define SECONDS	60
/* The default of net.unix.max_dgram_qlen is 10. */
#define BURST	10

static pid_t *pids;
static unsigned int n_pids;
static int begin[2], ready[2];
/* State in memory that all processes share. */
static _Atomic unsigned int *left;

static void __attribute__((noreturn)) run_peer(const struct bench *bench, peer_main_t peer)
{
	char byte;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		bench_die("prctl: %s", strerror(errno));
	close(begin[1]);
	close(ready[0]);
	if (read(begin[0], &byte, 1) != 1)
		bench_die("the benchmark ended before it began");
	bench_pin(bench, BENCH_PEER);
	peer(bench);
	bench_die("a peer ended");
}

void peers_fork(const struct bench *bench, peer_main_t peer)
{
	left = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pids = calloc(bench->peers, sizeof(*pids));
	if (left == MAP_FAILED || !pids || pipe(begin) || pipe(ready))
		bench_die("%s", strerror(errno));
	for (; n_pids < bench->peers; n_pids++) {
		pids[n_pids] = fork();
		if (pids[n_pids] < 0)
			bench_die("fork: %s", strerror(errno));
		if (!pids[n_pids])
			run_peer(bench, peer);
		bench_add_process(pids[n_pids]);
	}
	close(begin[0]);
	close(ready[1]);
	bench_pin(bench, BENCH_MEASURES);
}

/* Start the peers one after the other, so that they do not slow down each other's start. */
void peers_begin(const struct bench *bench)
{
	unsigned int i;
	char byte = 0;

	/* Set an alarm, because the other peers keep the pipe open when one of them ends. */
	alarm(SECONDS);
	for (i = 0; i < bench->peers; i++)
		if (write(begin[1], &byte, 1) != 1 || read(ready[0], &byte, 1) != 1)
			bench_die("a peer did not begin");
	alarm(0);
}

void peers_ready(void)
{
	char byte = 0;

	if (write(ready[1], &byte, 1) != 1)
		bench_die("nobody waits for peers");
	close(ready[1]);
	close(begin[0]);
}

/* End the peers one after the other, because those of DPDK spin for a lock when they end. */
void peers_end(void)
{
	unsigned int i;
	int status;

	for (i = 0; i < n_pids; i++) {
		kill(pids[i], SIGTERM);
		if (waitpid(pids[i], &status, 0) != pids[i] ||
		    (status && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM)))
			bench_die("a peer ended with status 0x%x", status);
	}
}

unsigned int burst_size(const struct bench *bench)
{
	return strcmp(bench->work, "message") ? 1 : BURST;
}

void burst_start(unsigned int handlers)
{
	*left = handlers;
}

void lone_start(unsigned int handlers)
{
	if (*left > 1)
		bench_die("%u handlers did not run", *left - 1);
	/* Count one more, so that no handler is the last one, which wakes the sender. */
	*left = handlers + 1;
}

void burst_handled(void)
{
	if (atomic_fetch_sub(left, 1) == 1)
		syscall(SYS_futex, left, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void burst_wait(void)
{
	const struct timespec timeout = { .tv_sec = SECONDS };
	unsigned int value;

	while ((value = *left))
		if (syscall(SYS_futex, left, FUTEX_WAIT, value, &timeout, NULL, 0) &&
		    errno == ETIMEDOUT)
			bench_die("%u handlers did not run", value);
}
