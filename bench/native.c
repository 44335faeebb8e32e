// SPDX-License-Identifier: BSD-3-Clause
/*
 * DOC: the API of <mpipc.h>
 *
 * The works are those of rte.c, with data of any size in the request and in the reply. A peer
 * has no threads: it is in mpipc_dispatch() all the time.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <mpipc.h>

#include "peers.h"

#define TIMEOUT_NS	(30 * INT64_C(1000000000))

static struct bench bench = { .transport = "mpipc_native", .cpus = "same", .peers = 1,
			      .bytes = 256 };
static char group[32];
static struct mpipc *self;
static uint64_t to;
static char data[MPIPC_SIZE_MAX];
static int fds[MPIPC_FDS_MAX];

static void handle(struct mpipc *handle, const struct mpipc_message *m, void *arg)
{
	const struct timespec delay = { .tv_nsec = bench.delay_ms * 1000000 };
	int err;

	(void)arg;
	if (bench.delay_ms)
		nanosleep(&delay, NULL);
	if (m->record->type == MPIPC_MESSAGE) {
		burst_handled();
		return;
	}
	err = mpipc_reply(handle, m->record->call, 0, m->data, m->record->size, NULL);
	if (err)
		bench_die("mpipc_reply: %s", strerror(-err));
}

static void join(enum mpipc_role role)
{
	struct mpipc_open_options options = { .size = sizeof(options), .handler = handle };
	int err = mpipc_open(&self, group, role, &options);

	if (err)
		bench_die("%s", mpipc_open_hint(err));
}

static void run_peer(enum mpipc_role role)
{
	int err;

	join(role);
	peers_ready();
	do {
		err = mpipc_dispatch(self, MPIPC_WAIT_FOREVER);
	} while (err >= 0);
	bench_die("mpipc_dispatch: %s", strerror(-err));
}

static void primary_peer(const struct bench *unused)
{
	(void)unused;
	run_peer(MPIPC_PRIMARY);
}

static void secondary_peer(const struct bench *unused)
{
	(void)unused;
	run_peer(MPIPC_SECONDARY);
}

static void request(void *unused)
{
	const struct mpipc_call_options options = {
		.size = sizeof(options), .n_fds = bench.fds, .fds = fds,
		.reply_size = bench.bytes ? bench.bytes : 1,
	};
	struct mpipc_replies *replies;
	unsigned int i;
	int ret;

	(void)unused;
	ret = mpipc_call(self, to, "request", data, bench.bytes, TIMEOUT_NS, &options, &replies);
	if (ret != (int)bench.peers)
		bench_die("mpipc_call: %d", ret);
	for (i = 0; i < bench.peers; i++) {
		const struct mpipc_record *record = mpipc_replies_get(replies, i)->record;

		if (record->status || record->size != bench.bytes)
			bench_die("a reply of %u bytes: %s", record->size,
				  strerror(-record->status));
	}
	mpipc_replies_free(replies);
}

static void message(void)
{
	const struct mpipc_send_options options = {
		.size = sizeof(options), .n_fds = bench.fds, .fds = fds,
	};
	int ret = mpipc_send(self, to, "message", data, bench.bytes, &options);

	if (ret != (int)bench.peers)
		bench_die("mpipc_send: %d", ret);
}

static void burst(void *unused)
{
	unsigned int i, n = burst_size(&bench);

	(void)unused;
	burst_start(n * bench.peers);
	for (i = 0; i < n; i++)
		message();
	burst_wait();
}

static void lone_message(void *unused)
{
	(void)unused;
	lone_start(bench.peers);
	message();
}

static void open_fds(void)
{
	unsigned int i;

	if (bench.fds > MPIPC_FDS_MAX || bench.bytes > MPIPC_SIZE_MAX)
		bench_die("that is too much for a message");
	for (i = 0; i < bench.fds; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC);
		if (fds[i] < 0)
			bench_die("eventfd: %s", strerror(errno));
	}
}

int main(int argc, char **argv)
{
	bool primary;

	bench_parse(&bench, argc, argv);
	snprintf(group, sizeof(group), "bench-%d", getpid());
	primary = !strncmp(bench.work, "broadcast_", strlen("broadcast_"));
	if (!primary && bench.peers != 1)
		bench_die("there is one primary");
	peers_fork(&bench, primary ? secondary_peer : primary_peer);
	open_fds();
	if (primary) {
		join(MPIPC_PRIMARY);
		to = MPIPC_TO_ALL;
		peers_begin(&bench);
	} else {
		peers_begin(&bench);
		to = MPIPC_TO_PRIMARY;
		join(MPIPC_SECONDARY);
	}
	if (strstr(bench.work, "request"))
		bench_measure(&bench, request, NULL, 1);
	else if (bench_is_lone(&bench))
		bench_measure(&bench, lone_message, NULL, 1);
	else
		bench_measure(&bench, burst, NULL, burst_size(&bench));
	peers_end();
	mpipc_close(self);
	return 0;
}
