// SPDX-License-Identifier: BSD-3-Clause
/*
 * DOC: works that must not cost more where there is more
 *
 * join: a secondary joins and leaves a group that has so many other members.
 *
 * receive: the primary takes a message, while so many threads of another process wait for space
 * in its full mailbox. The figure is the CPU time of the primary alone, which wakes the
 * threads. Each of them sends a message and waits again.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <mpipc.h>

#include "peers.h"

#define MESSAGES	1000

static struct bench bench = { .transport = "mpipc_native", .cpus = "same" };
static char group[32];
static unsigned int more, handled;
static _Atomic unsigned int *begun;

static struct mpipc *join(enum mpipc_role role, mpipc_handler_t handler)
{
	struct mpipc_open_options options = { .size = sizeof(options), .handler = handler };
	struct mpipc *handle;
	int err = mpipc_open(&handle, group, role, &options);

	if (err)
		bench_die("%s", mpipc_open_hint(err));
	return handle;
}

static void join_and_leave(void *unused)
{
	(void)unused;
	mpipc_close(join(MPIPC_SECONDARY, NULL));
}

static void __attribute__((noreturn)) live(void)
{
	peers_ready();
	for (;;)
		pause();
}

/* Be all the members, with descriptors that the measuring process need not have. */
static void run_members(const struct bench *unused)
{
	struct rlimit limit;
	unsigned int i;

	(void)unused;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		bench_die("getrlimit: %s", strerror(errno));
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		bench_die("setrlimit: %s", strerror(errno));
	join(MPIPC_PRIMARY, NULL);
	for (i = 1; i < more; i++)
		join(MPIPC_SECONDARY, NULL);
	live();
}

static void measure_join(void)
{
	bench_measure(&bench, join_and_leave, NULL, 1);
	peers_end();
}

static void *send_for_ever(void *handle)
{
	const struct mpipc_send_options options = {
		.size = sizeof(options), .timeout_ns = MPIPC_WAIT_FOREVER,
	};

	(*begun)++;
	while (mpipc_send(handle, MPIPC_TO_PRIMARY, "", NULL, 0, &options) == 1)
		continue;
	bench_die("mpipc_send failed");
}

/* Fill the mailbox, and have threads wait for space in it. */
static void run_senders(const struct bench *unused)
{
	struct mpipc *handle = join(MPIPC_SECONDARY, NULL);
	pthread_attr_t attr;
	pthread_t thread;
	unsigned int i;

	(void)unused;
	while (mpipc_send(handle, MPIPC_TO_PRIMARY, "", NULL, 0, NULL) == 1)
		continue;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN + 16384);
	for (i = 0; i < more; i++)
		if (pthread_create(&thread, &attr, send_for_ever, handle))
			bench_die("pthread_create: %s", strerror(errno));
	live();
}

static void handle(struct mpipc *self, const struct mpipc_message *m, void *arg)
{
	(void)self;
	(void)m;
	(void)arg;
	handled++;
}

/* Sleep until all threads wait: until they have begun, and this process gets the CPU again. */
static void wait_for_threads(void)
{
	const struct timespec ts = { .tv_nsec = 100000000 };

	do {
		nanosleep(&ts, NULL);
	} while (*begun < more);
	nanosleep(&ts, NULL);
}

static int64_t cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void measure_receive(struct mpipc *primary)
{
	int64_t start;
	int ret;

	wait_for_threads();
	start = cpu_time();
	do {
		ret = mpipc_dispatch(primary, 0);
	} while (ret > 0 && handled < MESSAGES);
	if (ret < 0 || !handled)
		bench_die("mpipc_dispatch: %s after %u messages", strerror(-ret), handled);
	bench_print(&bench, (double)(cpu_time() - start) / handled, "instructions");
	peers_end();
}

int main(int argc, char **argv)
{
	struct mpipc *primary;
	bool joins;

	bench_parse(&bench, argc, argv);
	snprintf(group, sizeof(group), "bench-%d", getpid());
	joins = !strcmp(bench.work, "join");
	begun = mmap(NULL, sizeof(*begun), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (begun == MAP_FAILED)
		bench_die("mmap: %s", strerror(errno));
	/* There is one other process, however many members or threads it has. */
	more = bench.peers;
	bench.peers = 1;
	peers_fork(&bench, joins ? run_members : run_senders);
	if (!joins)
		primary = join(MPIPC_PRIMARY, handle);
	peers_begin(&bench);
	bench.peers = more;
	if (joins)
		measure_join();
	else
		measure_receive(primary);
	return 0;
}
