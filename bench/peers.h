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
 * burst. A burst fits into the queue of a unix datagram socket.
 */

/* The default of net.unix.max_dgram_qlen is 10. */
#define BURST	10

typedef void (*peer_main_t)(const struct bench *bench);

/* Start bench->peers of them. */
void peers_fork(const struct bench *bench, peer_main_t peer);
/* Let the peers begin, and wait until all of them are ready. */
void peers_begin(const struct bench *bench);
/* Report that this peer is ready. */
void peers_ready(void);
/* End the peers. */
void peers_end(void);

/* Begin a burst, after which @handlers handlers run. */
void burst_start(unsigned int handlers);
/* Count a handler that has run. */
void burst_handled(void);
/* Sleep until all handlers of the burst have run. */
void burst_wait(void);

#endif /* BENCH_PEERS_H */
