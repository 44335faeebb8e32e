/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stdatomic.h>

#include "measure.h"

/**
 * DOC: other processes
 *
 * Peers are forked before anything is opened. A peer waits for a signal to begin, reports when
 * it is ready, and lives until it is killed: by SIGTERM at the end, or because the measuring
 * process is gone.
 *
 * A burst is a number of messages that are handled together. The measuring process sends them
 * and sleeps until the last handler has run, which wakes it. The system call of either side
 * for this and the change of process are part of the figure, divided by the messages of the
 * burst. A burst to one process fits into the queue of a unix datagram socket. A burst to many is
 * a single message, so that it wakes each of them.
 */

typedef void (*peer_main_t)(const struct bench *bench);

/* Start bench->peers of them. */
void peers_fork(const struct bench *bench, peer_main_t peer);
/* Let the peers begin, and wait until all of them are ready. */
void peers_begin(const struct bench *bench);
/* Report that this peer is ready. */
void peers_ready(void);
/* End the peers. */
void peers_end(void);

/* Return the number of messages in a burst. */
unsigned int burst_size(const struct bench *bench);
/* Begin a burst, after which @handlers handlers run. */
void burst_start(unsigned int handlers);
/* Count a handler that has run. */
void burst_handled(void);
/* Sleep until all handlers of the burst have run. */
void burst_wait(void);

/* Begin a lone message, after which @handlers handlers run, and check those of the last one. */
void lone_start(unsigned int handlers);

#endif /* BENCH_PEERS_H */
