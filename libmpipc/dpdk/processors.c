// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "processors.h"

/* Check that a thread is the one for DPDK's messages, which got another name in 23.11. */
static bool is_thread_of_dpdk(const char *tid)
{
	char path[64], name[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/comm", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%15s", name) != 1)
		name[0] = 0;
	fclose(file);
	return !strcmp(name, "dpdk-mp-msg") || !strcmp(name, "rte_mp_handle");
}

/* Find the processors on which DPDK runs its thread for messages. */
static bool get_processors(cpu_set_t *set)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	bool found = false;

	if (!tasks)
		return false;
	while (!found && (task = readdir(tasks)))
		found = is_thread_of_dpdk(task->d_name) &&
			!sched_getaffinity(strtol(task->d_name, NULL, 10), sizeof(*set), set);
	closedir(tasks);
	return found;
}

/* Start threads of mpipc. They inherit the processors of the thread that starts them. */
int mpipc__dpdk_start(int (*start)(void))
{
	cpu_set_t own, wanted;
	int err;

	if (sched_getaffinity(0, sizeof(own), &own) || !get_processors(&wanted))
		return start();
	sched_setaffinity(0, sizeof(wanted), &wanted);
	err = start();
	sched_setaffinity(0, sizeof(own), &own);
	return err;
}
