/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stdatomic.h>

#include "measure.h"

/**
 * DOC: other processes
 *
 * They are forked before anything is opened. Each waits to be told to begin, says when
 * it is ready, and lives until it is killed: by a SIGTERM at the end, or because the
 * one that measures is gone.
 *
 * A burst is a number of messages that somebody handles. The one that measures sends
 * them and sleeps until the last handler has run; who ran that wakes it. This one
 * system call of each side, and the change of process, are in the figure, divided by the
 * messages of the burst. A burst fits into the queue of a unix datagram socket.
 */

/* net.unix.max_dgram_qlen is 10. */
#define BURST	10

typedef void (*peer_main_t)(const struct bench *bench);

/* Start bench->peers of them. */
void peers_fork(const struct bench *bench, peer_main_t peer);
/* Tell them to begin, and wait until all are ready. */
void peers_begin(const struct bench *bench);
/* A peer says that it is ready. */
void peers_ready(void);
/* End them. */
void peers_end(void);

/* @handlers are to run. */
void burst_start(unsigned int handlers);
/* One has run. */
void burst_handled(void);
/* Sleep until all have run. */
void burst_wait(void);

#endif /* BENCH_PEERS_H */
