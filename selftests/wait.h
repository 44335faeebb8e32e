/* SPDX-License-Identifier: GPL-2.0-only */
/* Read the clock, and wait for files and threads. */
#ifndef MPIPC_SELFTESTS_WAIT_H
#define MPIPC_SELFTESTS_WAIT_H

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include <linux/types.h>

#define NSEC_PER_MSEC 1000000ULL

static inline __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Return a deadline so many milliseconds from now. */
static inline __u64 in_ms(unsigned int ms)
{
	return now_ns() + ms * NSEC_PER_MSEC;
}

/* Return what poll() reports, or 0 after @timeout_ms (-1: without end) without a report. */
static inline int poll_for(int fd, int events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	if (poll(&pfd, 1, timeout_ms) < 0)
		return -errno;
	return pfd.revents;
}

/* Return the state letter of a thread or process, or 0 if there is none. */
static inline char task_state(pid_t tid)
{
	char path[32], line[256];
	char *name_end = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file))
		name_end = strrchr(line, ')');
	fclose(file);
	return name_end ? name_end[2] : 0;
}

/* Wait until a thread is blocked. Nothing reports that, hence the loop. */
static inline int wait_asleep(pid_t tid)
{
	char state;

	while ((state = task_state(tid)) != 'S') {
		if (!state || state == 'Z')
			return -ESRCH;
		sched_yield();
	}
	return 0;
}

/*
 * Return how often a thread or process went to sleep, or a negative error number if there
 * is none.
 */
static inline long voluntary_switches(pid_t tid)
{
	char path[32], line[256];
	long n = -ESRCH;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	file = fopen(path, "re");
	if (!file)
		return n;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
			break;
	fclose(file);
	return n;
}

#endif /* MPIPC_SELFTESTS_WAIT_H */
