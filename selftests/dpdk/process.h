/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run programs at a terminal of their own, to which the tests talk. The output of all of
 * them is kept at once, so that none has to wait for a reader.
 */
#ifndef MPIPC_SELFTESTS_DPDK_PROCESS_H
#define MPIPC_SELFTESTS_DPDK_PROCESS_H

#include "namespaces.h"
#include "wait.h"

#include <grp.h>
#include <pty.h>

#define MAX_PROCESSES	8
#define LOG_SIZE	(1 << 20)

/* An emulated machine on a busy host is that slow, and DPDK gives up after 5 s each time. */
#define PATIENCE_MS	300000

/**
 * struct process - a program
 * @pid: 0 once it has been reaped
 * @terminal: this side of it, -1 once all have closed theirs
 * @log: its output so far, with a final NUL; after its end, until another one is started
 * @len: length of @log
 * @seen: how much of @log expect() has gone through
 */
struct process {
	pid_t pid;
	int terminal;
	char log[LOG_SIZE + 1];
	size_t len, seen;
};

static struct process processes[MAX_PROCESSES];
static unsigned int n_processes;

/* The next program is started in new namespaces of these kinds. */
static int new_namespaces;

/* The next program is started as this user of this group, unless the group is 0. */
static uid_t next_user;
static gid_t next_group;

/* Be a user whose runtime directory is that of root, and whose sockets are open to the group. */
static inline void become_user(void)
{
	umask(0007);
	must(setgroups(0, NULL), "setgroups");
	must(setgid(next_group), "setgid");
	must(setuid(next_user), "setuid");
	setenv("XDG_RUNTIME_DIR", "/var/run", 1);
}

/* Run a program in the child; DPDK_ROOT is the system that it belongs to, if not this one. */
static inline void __attribute__((noreturn)) run(const char *preload, const char *const argv[])
{
	const char *root = getenv("DPDK_ROOT");

	if (new_namespaces)
		enter_namespaces(new_namespaces);
	if (root)
		must(chroot(root) ?: chdir("/"), root);
	if (next_group)
		become_user();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (preload && preload[0])
		setenv("LD_PRELOAD", preload, 1);
	execvp(argv[0], (char **)argv);
	perror(argv[0]);
	_exit(127);
}

/* Return a place for a process, which may be that of one that has ended. */
static inline struct process *new_process(void)
{
	unsigned int i;

	for (i = 0; i < n_processes; i++)
		if (!processes[i].pid && processes[i].terminal < 0)
			break;
	if (i == MAX_PROCESSES)
		abort();
	if (i == n_processes)
		n_processes++;
	processes[i].len = 0;
	processes[i].seen = 0;
	memset(processes[i].log, 0, LOG_SIZE);
	return &processes[i];
}

/* Start a program; @argv ends with NULL, @preload is the library, or NULL or "". */
static inline struct process *start(const char *preload, const char *const argv[])
{
	struct process *self = new_process();

	self->pid = forkpty(&self->terminal, NULL, NULL, NULL);
	if (self->pid < 0)
		abort();
	if (!self->pid)
		run(preload, argv);
	fcntl(self->terminal, F_SETFD, FD_CLOEXEC);
	return self;
}

static inline void read_terminal(struct process *self)
{
	ssize_t n = read(self->terminal, self->log + self->len, LOG_SIZE - self->len);

	if (n > 0) {
		self->len += n;
		return;
	}
	close(self->terminal);
	self->terminal = -1;
}

/* Read what all programs print, and return false at the deadline. */
static inline bool listen_until(__u64 deadline)
{
	struct pollfd fds[MAX_PROCESSES];
	__u64 now = now_ns();
	unsigned int i;

	if (now >= deadline)
		return false;
	for (i = 0; i < n_processes; i++)
		fds[i] = (struct pollfd){ .fd = processes[i].terminal, .events = POLLIN };
	poll(fds, n_processes, (deadline - now) / NSEC_PER_MSEC + 1);
	for (i = 0; i < n_processes; i++)
		if (processes[i].terminal >= 0 && fds[i].revents)
			read_terminal(&processes[i]);
	return true;
}

/* Print the end of the program's log as comments of TAP. */
static inline void show_log(const struct process *self)
{
	const char *pos = self->log + (self->len > 3000 ? self->len - 3000 : 0);

	for (; *pos; pos++)
		if (*pos != '\r')
			fprintf(stderr, *pos == '\n' ? "\n#    " : "%c", *pos);
	fprintf(stderr, "\n");
}

/* Wait until the program prints this text, and go on from there next time. */
static inline bool expect(struct process *self, const char *text)
{
	__u64 deadline = in_ms(PATIENCE_MS);
	const char *pos;

	while (!(pos = strstr(self->log + self->seen, text))) {
		if (self->terminal < 0 || !listen_until(deadline)) {
			fprintf(stderr, "# no \"%s\" from %d:\n#    ", text, (int)self->pid);
			show_log(self);
			return false;
		}
	}
	self->seen = pos + strlen(text) - self->log;
	return true;
}

static inline void type(const struct process *self, const char *line)
{
	if (write(self->terminal, line, strlen(line)) < 0 || write(self->terminal, "\n", 1) < 0)
		fprintf(stderr, "# cannot type \"%s\"\n", line);
}

/*
 * Wait for the end of the program. Return its exit status, 128 and more for a signal, or
 * -ETIMEDOUT.
 */
static inline int end(struct process *self)
{
	__u64 deadline = in_ms(PATIENCE_MS);
	int status;

	while (self->terminal >= 0)
		if (!listen_until(deadline)) {
			show_log(self);
			return -ETIMEDOUT;
		}
	waitpid(self->pid, &status, 0);
	self->pid = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static inline int kill_process(struct process *self)
{
	kill(self->pid, SIGKILL);
	return end(self);
}

static inline void kill_processes(void)
{
	while (n_processes) {
		struct process *self = &processes[--n_processes];

		if (self->pid) {
			kill(self->pid, SIGKILL);
			waitpid(self->pid, NULL, 0);
		}
		if (self->terminal >= 0)
			close(self->terminal);
		*self = (struct process){ 0 };
	}
}

#endif /* MPIPC_SELFTESTS_DPDK_PROCESS_H */
