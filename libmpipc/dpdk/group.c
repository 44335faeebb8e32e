// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../rte/context.h"
#include "../rte/init.h"
#include "group.h"
#include "processors.h"

/*
 * Return the process that has DPDK's lock on the configuration of the group, or -1. Only a
 * secondary may look, because a primary would lose its lock when it closes the file.
 */
static pid_t lock_owner(const char *dir)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/config", dir) >= (int)sizeof(path))
		return -1;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
		lock.l_pid = -1;
	close(fd);
	return lock.l_pid;
}

/* Return the process of the primary in the group that was joined, or -1. */
static pid_t primary_of_group(void)
{
	struct mpipc *handle = mpipc__rte_get();
	int i, n, max = mpipc_peers_get(handle, NULL, 0) + 16;
	struct mpipc_peer *peers = malloc(max * sizeof(*peers));
	pid_t pid = -1;

	n = peers ? mpipc_peers_get(handle, peers, max) : 0;
	mpipc__rte_put(handle);
	for (i = 0; i < n && i < max; i++)
		if (peers[i].role == MPIPC_PRIMARY)
			pid = peers[i].pid;
	free(peers);
	return pid;
}

/* Check that the primary of the group that was joined is that of DPDK. */
static bool is_primary_of_dpdk(const char *dir)
{
	pid_t pid = primary_of_group();

	return pid != -1 && pid == lock_owner(dir);
}

/* Remove the socket's name, so that native secondaries fail at once and do not wait. */
static void remove_socket(const char *dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/mp_socket", dir) < (int)sizeof(path))
		unlink(path);
}

/* Join the group for a runtime directory. Returns false if the process has to stay native. */
bool mpipc__dpdk_join(const char *dir, bool secondary)
{
	char group[MPIPC_GROUP_MAX];
	struct stat st;

	if (stat(dir, &st))
		return false;
	snprintf(group, sizeof(group), "dpdk:%jx:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	if (mpipc__rte_open(group, NULL, secondary ? MPIPC_SECONDARY : MPIPC_PRIMARY, 0))
		return false;
	if (secondary && !is_primary_of_dpdk(dir)) {
		mpipc__rte_close();
		return false;
	}
	if (mpipc__dpdk_start())
		return false;
	if (!secondary)
		remove_socket(dir);
	return true;
}
