/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Put a process into new namespaces, as containers do. It shares with the others the device,
 * the hugepages and the directory in which the processes of DPDK meet, and nothing else.
 */
#ifndef MPIPC_SELFTESTS_DPDK_NAMESPACES_H
#define MPIPC_SELFTESTS_DPDK_NAMESPACES_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	perror(what);
	_exit(127);
}

static inline void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd, path);
	must(write(fd, text, strlen(text)), path);
	close(fd);
}

/* Be root in the new user namespace, as root outside. */
static inline void map_root(void)
{
	write_text("/proc/self/setgroups", "deny");
	write_text("/proc/self/uid_map", "0 0 1");
	write_text("/proc/self/gid_map", "0 0 1");
}

/*
 * Fork the first process of the new pid namespace, and return in it. Its parent ends as it does,
 * and takes it along when it is killed.
 */
static inline void fork_first(void)
{
	int status;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pid = fork();
	must(pid, "fork");
	if (!pid)
		return;
	waitpid(pid, &status, 0);
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* Hide what containers do not share. The runtime directory comes through by a bind mount. */
static inline void hide_files(bool new_pids)
{
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	mkdir("/var/run/dpdk", 0700);
	mkdir("/mnt", 0700);
	must(mount("/var/run/dpdk", "/mnt", NULL, MS_BIND, NULL), "bind /mnt");
	must(mount("none", "/var/run", "tmpfs", 0, NULL), "tmpfs");
	must(mkdir("/var/run/dpdk", 0700), "/var/run/dpdk");
	must(mount("/mnt", "/var/run/dpdk", NULL, MS_BIND, NULL), "bind /var/run/dpdk");
	must(mount("none", "/tmp", "tmpfs", 0, NULL), "tmpfs");
	if (new_pids)
		must(mount("none", "/proc", "proc", 0, NULL), "proc");
}

/* Go into new namespaces of these kinds, which are flags of unshare(). */
static inline void enter_namespaces(int kinds)
{
	must(unshare(kinds), "unshare");
	if (kinds & CLONE_NEWUSER)
		map_root();
	if (kinds & CLONE_NEWPID)
		fork_first();
	if (kinds & CLONE_NEWNS)
		hide_files(kinds & CLONE_NEWPID);
}

#endif /* MPIPC_SELFTESTS_DPDK_NAMESPACES_H */
