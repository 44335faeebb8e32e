// SPDX-License-Identifier: GPL-2.0-only
/*
 * selftests/deb/upgrade builds this program with libmpipc 0.1, whose mpipc_start() had one
 * argument, and runs it with the library of today. The program succeeds if the thread runs a
 * handler.
 */
#include <semaphore.h>
#include <time.h>

#include <mpipc.h>

static sem_t handled;

static void handle(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	(void)self;
	(void)message;
	(void)arg;
	sem_post(&handled);
}

int main(void)
{
	struct mpipc_open_options options = { .size = sizeof(options), .handler = handle };
	struct mpipc *primary, *secondary;
	struct timespec deadline;

	sem_init(&handled, 0, 0);
	if (mpipc_open(&primary, "thread", MPIPC_PRIMARY, &options) ||
	    mpipc_open(&secondary, "thread", MPIPC_SECONDARY, NULL) || mpipc_start(primary) ||
	    mpipc_send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL) < 0)
		return 1;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 60;
	return sem_timedwait(&handled, &deadline) ? 1 : 0;
}
