/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The examples of event loops (loop_*.c) share this primary, which replies to each request with
 * its payload. Each example is for one kind of event loop. To try one, run each line in a terminal:
 *
 *	loop_epoll GROUP
 *	mpipc request -r GROUP hello world
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdio.h>
#include <stdlib.h>

#include <mpipc.h>

static inline void reply(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	const struct mpipc_record *record = message->record;

	(void)arg;
	if (record->type == MPIPC_REQUEST)
		mpipc_reply(self, record->call, 0, message->data, record->size, NULL);
}

/* Join the group that the first argument names, or end the program. */
static inline struct mpipc *join(int argc, char **argv)
{
	struct mpipc_open_options options = { .size = sizeof(options), .handler = reply };
	struct mpipc *self;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: %s GROUP\n", argv[0]);
		exit(2);
	}
	err = mpipc_open(&self, argv[1], MPIPC_PRIMARY, &options);
	if (err) {
		fprintf(stderr, "%s: %s\n", argv[0], mpipc_open_hint(err));
		exit(1);
	}
	return self;
}

#endif /* LOOP_H */
