// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

/* The name of a program is cut to this length, because it can be as long as an argument. */
#define MOST_OF_NAME	64

/*
 * Write a line to stderr, at once, so that lines of several processes do not mix. A thread that is
 * cancelled meanwhile goes on, because its caller may hold locks.
 */
void mpipc__dpdk_say(const char *format, ...)
{
	char line[1024];
	va_list args;
	int len, cancel;

	len = snprintf(line, sizeof(line), "mpipc: %.*s[%d]: ", MOST_OF_NAME,
		       program_invocation_short_name, (int)getpid());
	va_start(args, format);
	len += vsnprintf(line + len, sizeof(line) - len, format, args);
	va_end(args);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	line[len++] = '\n';
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (write(STDERR_FILENO, line, len) < 0)
		len = 0;	/* nobody wants to know */
	pthread_setcancelstate(cancel, NULL);
}

/* Find out the name of a process, "" if that fails. */
static void read_name(char name[16], unsigned int pid)
{
	char path[32];
	FILE *file;
	int cancel;

	name[0] = 0;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	file = fopen(path, "re");
	if (file && fscanf(file, "%15[^\n]", name) != 1)
		name[0] = 0;
	if (file)
		fclose(file);
	pthread_setcancelstate(cancel, NULL);
}

/* Say that a process has not replied in time. Its pid is 0 if it is not visible from here. */
void mpipc__dpdk_say_timeout(const char *request, unsigned int pid)
{
	char name[16];

	if (!pid) {
		mpipc__dpdk_say("no reply in time to %s from a process in another pid namespace",
				request);
		return;
	}
	read_name(name, pid);
	mpipc__dpdk_say("no reply in time to %s from process %u (%s)", request, pid, name);
}

/* Check whether a variable of the environment has this value. */
bool mpipc__dpdk_is_set(const char *variable, const char *value)
{
	const char *is = secure_getenv(variable);

	return is && !strcmp(is, value);
}
