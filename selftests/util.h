/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the mpipc selftests share: thin wrappers around the device, children,
 * and module parameters.
 *
 * Wrappers return a negative error number where the system call sets errno, so
 * that a test names what it expects: EXPECT_EQ(-EAGAIN, send_msg(...)).
 */
#ifndef MPIPC_SELFTESTS_UTIL_H
#define MPIPC_SELFTESTS_UTIL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/mpipc.h>
#include <linux/userfaultfd.h>

#define NSEC_PER_MSEC 1000000ULL

/* Time */

static inline __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* A deadline so many milliseconds from now. */
static inline __u64 in_ms(unsigned int ms)
{
	return now_ns() + ms * NSEC_PER_MSEC;
}

/* The device */

/* Memory that nobody may touch; the compiler warns of NULL. */
static inline void *bad_pointer(void)
{
	return mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static inline __u64 to_u64(const void *p)
{
	return (uintptr_t)p;
}

static inline int do_ioctl(int fd, unsigned long cmd, const void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

/* There is nothing to test without the device: that is a failure, not a skip. */
static inline int open_dev_flags(int flags)
{
	int fd = open(MPIPC_DEVICE, O_RDWR | O_CLOEXEC | flags);
	int err = errno;

	if (fd >= 0)
		return fd;
	fprintf(stderr, "# %s: %s: run this as root with mpipc loaded, or in selftests/vm/run\n",
		MPIPC_DEVICE, strerror(err));
	return -err;
}

static inline int open_dev(void)
{
	return open_dev_flags(0);
}

/* A name that no other test uses. Children inherit it: make it before fork(). */
static inline void group_name(char name[MPIPC_GROUP_MAX], const char *tag)
{
	snprintf(name, MPIPC_GROUP_MAX, "%.64s.%d", tag, (int)getpid());
}

static inline struct mpipc_join_args join_arg(const char *group, enum mpipc_role role)
{
	struct mpipc_join_args join = { .role = role };

	memcpy(join.group, group, strnlen(group, sizeof(join.group) - 1));
	return join;
}

static inline int join_flags(int fd, const char *group, enum mpipc_role role,
			     __u32 flags)
{
	struct mpipc_join_args join = join_arg(group, role);

	join.flags = flags;
	return do_ioctl(fd, MPIPC_JOIN, &join);
}

static inline int join_primary(int fd, const char *group)
{
	return join_flags(fd, group, MPIPC_PRIMARY, 0);
}

static inline int join_secondary(int fd, const char *group)
{
	return join_flags(fd, group, MPIPC_SECONDARY, 0);
}

/* Opens and joins: a file descriptor, or why not. */
static inline int open_joined(const char *group, enum mpipc_role role, __u32 flags)
{
	int fd = open_dev();
	int ret;

	if (fd < 0)
		return fd;
	ret = join_flags(fd, group, role, flags);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static inline int open_primary(const char *group)
{
	return open_joined(group, MPIPC_PRIMARY, 0);
}

static inline int open_secondary(const char *group)
{
	return open_joined(group, MPIPC_SECONDARY, 0);
}

static inline int leave(int fd)
{
	return do_ioctl(fd, MPIPC_LEAVE, NULL);
}

/* Makes a group and ends it, so often. */
static inline int join_and_close(const char *group, unsigned int times)
{
	while (times--) {
		int fd = open_primary(group);

		if (fd < 0)
			return fd;
		close(fd);
	}
	return 0;
}

static inline int get_info(int fd, struct mpipc_info *info)
{
	memset(info, 0, sizeof(*info));
	return do_ioctl(fd, MPIPC_INFO, info);
}

/* 0 if it has not joined. */
static inline __u64 endpoint_id(int fd)
{
	struct mpipc_info info;

	return get_info(fd, &info) ? 0 : info.id;
}

/* Messages */

static inline struct mpipc_body make_body(const char *name, const void *data,
					  size_t size, const int *fds,
					  unsigned int n_fds)
{
	struct mpipc_body body = {
		.data = to_u64(data),
		.fds = to_u64(fds),
		.size = size,
		.n_fds = n_fds,
	};

	memcpy(body.name, name, strnlen(name, sizeof(body.name) - 1));
	return body;
}

static inline int send_fds(int fd, __u64 to, const char *name, const void *data,
			   size_t size, const int *fds, unsigned int n_fds)
{
	struct mpipc_send_args send = {
		.to = to,
		.body = make_body(name, data, size, fds, n_fds),
	};

	return do_ioctl(fd, MPIPC_SEND, &send);
}

static inline int send_msg(int fd, __u64 to, const char *name, const void *data,
			   size_t size)
{
	return send_fds(fd, to, name, data, size, NULL, 0);
}

/* The descriptors may be of this device. */
static inline int send_passing_mpipc(int fd, __u64 to, const int *fds, unsigned int n_fds)
{
	struct mpipc_send_args send = {
		.to = to,
		.flags = MPIPC_PASS_MPIPC,
		.body = make_body("fds", NULL, 0, fds, n_fds),
	};

	return do_ioctl(fd, MPIPC_SEND, &send);
}

static inline int recv_fds(int fd, struct mpipc_record *record, void *data,
			   size_t size, int *fds, unsigned int max_fds,
			   __u64 deadline)
{
	struct mpipc_recv_args recv = {
		.max_fds = max_fds,
		.max_size = size,
		.data = to_u64(data),
		.fds = to_u64(fds),
		.deadline = deadline,
	};
	int ret = do_ioctl(fd, MPIPC_RECV, &recv);

	*record = recv.record;
	return ret;
}

/* Takes a record without file descriptors that is there already. */
static inline int recv_msg(int fd, struct mpipc_record *record, void *data,
			   size_t size)
{
	return recv_fds(fd, record, data, size, NULL, 0, 0);
}

/* The same, but waits for one. */
static inline int recv_wait(int fd, struct mpipc_record *record, void *data,
			    size_t size)
{
	return recv_fds(fd, record, data, size, NULL, 0, MPIPC_FOREVER);
}

/* A synchronous call with room for @max_results results; no file descriptors. */
static inline struct mpipc_call_args call_arg(__u64 to, const char *name,
					      const void *data, size_t size,
					      struct mpipc_record *results,
					      unsigned int max_results)
{
	struct mpipc_call_args call = {
		.to = to,
		.max_results = max_results,
		.deadline = MPIPC_FOREVER,
		.results = to_u64(results),
		.body = make_body(name, data, size, NULL, 0),
	};

	return call;
}

/* An asynchronous call; its id goes to @id. */
static inline int call_async(int fd, __u64 to, const char *name, __u32 reply_size,
			     __u64 deadline, __u64 *id)
{
	struct mpipc_call_args call = call_arg(to, name, NULL, 0, NULL, 0);
	int ret;

	call.flags = MPIPC_CALL_ASYNC;
	call.reply_size = reply_size;
	call.deadline = deadline;
	ret = do_ioctl(fd, MPIPC_CALL, &call);
	if (id)
		*id = call.id;
	return ret;
}

static inline int reply_msg(int fd, __u64 call, __s32 status, const void *data,
			    size_t size)
{
	struct mpipc_reply_args reply = {
		.call = call,
		.status = status,
		.body = make_body("", data, size, NULL, 0),
	};

	return do_ioctl(fd, MPIPC_REPLY, &reply);
}

/* What poll() says; 0 after @timeout_ms (-1: without end) with nothing to say. */
static inline int poll_for(int fd, int events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	if (poll(&pfd, 1, timeout_ms) < 0)
		return -errno;
	return pfd.revents;
}

/* Canaries */

/**
 * struct canary - a pipe that tells when the last reference to a file is gone
 * @read_end: sees the end of file then
 * @write_end: the file
 */
struct canary {
	int read_end;
	int write_end;
};

static inline int canary_make(struct canary *canary)
{
	int ends[2] = { -1, -1 };
	int ret = pipe2(ends, O_CLOEXEC) ? -errno : 0;

	canary->read_end = ends[0];
	canary->write_end = ends[1];
	return ret;
}

/* From here on only references in flight keep it alive. */
static inline void canary_let_go(struct canary *canary)
{
	close(canary->write_end);
}

static inline bool canary_alive(const struct canary *canary)
{
	return !(poll_for(canary->read_end, POLLIN, 0) & POLLHUP);
}

/* The last reference may be dropped by a kernel thread: this waits for it. */
static inline bool canary_dies(const struct canary *canary)
{
	return poll_for(canary->read_end, POLLIN, 20000) & POLLHUP;
}

/* Children */

/**
 * struct child - a forked process and a line to talk to it
 * @pid: in the parent: the child
 * @line: this side's end; dies with the other side
 */
struct child {
	pid_t pid;
	int line;
};

/*
 * As fork(). A child never outlives the test. It has the parent's file
 * descriptors, but endpoints stay the parent's: it must open the device itself.
 */
static inline pid_t child_fork(struct child *child)
{
	pid_t parent = getpid();
	int line[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line))
		return -1;
	child->pid = fork();
	child->line = line[!child->pid];
	close(line[!!child->pid]);
	if (!child->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return child->pid;
}

/* Tells the other side a number, and so that this point is reached. */
static inline int child_tell(const struct child *child, __u64 number)
{
	ssize_t n = send(child->line, &number, sizeof(number), MSG_NOSIGNAL);

	return n == sizeof(number) ? 0 : -EPIPE;
}

/* Waits for the other side to tell; @number may be NULL. */
static inline int child_hear(const struct child *child, __u64 *number)
{
	__u64 ignored;
	ssize_t n = recv(child->line, number ? number : &ignored, sizeof(ignored),
			 MSG_WAITALL);

	return n == sizeof(ignored) ? 0 : -EPIPE;
}

/* Waits for its end: the exit status, or 128 and the signal that killed it. */
static inline int child_reap(const struct child *child)
{
	int status;

	while (waitpid(child->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The same; the child hears that nobody is at the line any more. */
static inline int child_wait(struct child *child)
{
	close(child->line);
	return child_reap(child);
}

static inline int child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	return child_wait(child);
}

/* Drops all capabilities but those in @mask. */
static inline int keep_capabilities(__u64 mask)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = mask, .permitted = mask },
		{ .effective = mask >> 32, .permitted = mask >> 32 },
	};

	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/*
 * Becomes an ordinary user for good, or ends the process. One capability stays:
 * who may open the node of the device is up to the administrator of this machine,
 * and not what is tested.
 */
static inline void become_user(uid_t uid, gid_t gid)
{
	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, NULL) ||
	    setresgid(gid, gid, gid) || setresuid(uid, uid, uid) ||
	    keep_capabilities(1ULL << CAP_DAC_OVERRIDE)) {
		fprintf(stderr, "# cannot become user %d: %s\n", (int)uid,
			strerror(errno));
		_exit(EXIT_FAILURE);
	}
	/* A change of credentials cancels this. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/*
 * Runs a function in a child. It returns 0 or a negative error number, which is
 * handed on.
 */
static inline int run_child(int (*function)(void *arg), void *arg)
{
	struct child child;

	if (child_fork(&child) < 0)
		return -errno;
	if (!child.pid)
		_exit(-function(arg));
	return -child_wait(&child);
}

/* User namespaces */

#define USER_NS_ROOT 3000	/* user and group outside that are 0 in them */
#define USER_NS_OTHER 3001	/* those that are 1 in them */

static inline int write_id_map(pid_t pid, const char *file)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = dprintf(fd, "0 %d 1\n1 %d 1\n", USER_NS_ROOT, USER_NS_OTHER) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/*
 * As child_fork(), but the child is root in a new user namespace. Before that, but in
 * the namespaces that @flags ask for, it is still the user that owns the node of the
 * device, and calls the function.
 */
static inline pid_t fork_in_user_ns(struct child *child, int flags,
				    void (*function)(void *arg), void *arg)
{
	__u64 told;
	int err;

	if (child_fork(child) < 0)
		return -errno;
	if (!child->pid) {
		err = unshare(CLONE_NEWUSER | flags) ? -errno : 0;
		function(arg);
		child_tell(child, err);
		if (child_hear(child, &told) || told ||
		    setresgid(0, 0, 0) || setresuid(0, 0, 0))
			_exit(1);
		/* The change of credentials has cancelled this. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return 0;
	}
	if (child_hear(child, &told))
		return -ECHILD;
	err = (int)told ?: write_id_map(child->pid, "uid_map") ?:
			   write_id_map(child->pid, "gid_map");
	child_tell(child, err);
	if (!err)
		return child->pid;
	child_wait(child);
	return err;
}

/* This process */

static inline unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3; /* ".", ".." and the directory itself */
}

/* Module parameters: read when an endpoint joins, sends or calls. */

#define PARAMETERS "/sys/module/mpipc/parameters/"

static inline long long get_param(const char *name)
{
	char path[128];
	long long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (fscanf(file, "%lld", &value) != 1)
		value = -EIO;
	fclose(file);
	return value;
}

/* Allocates nothing: threads that the C library does not know do this, too. */
static inline int set_param(const char *name, long long value)
{
	char path[128], text[32];
	int fd, ret, len;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	len = snprintf(text, sizeof(text), "%lld", value);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, len) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/*
 * Opens and joins with a mailbox that holds @messages messages. The bounds of a
 * mailbox are fixed by the join, so the parameter is put back at once.
 */
static inline int open_small(const char *group, enum mpipc_role role, __u32 flags,
			     unsigned int messages)
{
	long long usual = get_param("mailbox_messages");
	int err = set_param("mailbox_messages", messages);
	int fd;

	if (err)
		return err;
	fd = open_joined(group, role, flags);
	set_param("mailbox_messages", usual);
	return fd;
}

/* Threads */

/**
 * struct ioctl_thread - an ioctl that a thread of its own makes
 * @thread: the thread
 * @tid: its id; 0 until it is about to make the ioctl
 * @fd: file
 * @cmd: command
 * @arg: argument
 * @ret: what it returned, or a negative error number
 */
struct ioctl_thread {
	pthread_t thread;
	pid_t tid;
	int fd;
	unsigned long cmd;
	void *arg;
	int ret;
};

static inline void *ioctl_thread_main(void *arg)
{
	struct ioctl_thread *self = arg;

	__atomic_store_n(&self->tid, (pid_t)gettid(), __ATOMIC_RELEASE);
	self->ret = do_ioctl(self->fd, self->cmd, self->arg);
	return NULL;
}

static inline int ioctl_thread_start(struct ioctl_thread *self, int fd,
				     unsigned long cmd, void *arg)
{
	*self = (struct ioctl_thread){ .fd = fd, .cmd = cmd, .arg = arg };
	return -pthread_create(&self->thread, NULL, ioctl_thread_main, self);
}

static inline int ioctl_thread_join(struct ioctl_thread *self)
{
	pthread_join(self->thread, NULL);
	return self->ret;
}

/* The state letter of a thread or process; 0: there is none. */
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

/* Waits until it is blocked: nothing tells that, hence the loop. */
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

/* How often a thread or process went to sleep; negative: there is none. */
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

/* Waits until its ioctl is blocked. */
static inline int ioctl_thread_asleep(struct ioctl_thread *self)
{
	pid_t tid;

	while (!(tid = __atomic_load_n(&self->tid, __ATOMIC_ACQUIRE)))
		sched_yield();
	return wait_asleep(tid);
}

/* Memory that makes those wait who touch it */

/*
 * A page that nobody has touched yet. Whoever does waits, which poll sees, until the
 * descriptor that this returns is closed.
 */
static inline int trap_page(void **page)
{
	size_t size = sysconf(_SC_PAGESIZE);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register trap = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	*page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || *page == MAP_FAILED)
		return -errno;
	trap.range.start = to_u64(*page);
	trap.range.len = size;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &trap))
		return -errno;
	return fd;
}

/* File descriptors through a socket, a few at a time */

#define SCM_FDS_MAX 4

static inline int send_scm(int socket, const int *fds, unsigned int n)
{
	char control[CMSG_SPACE(SCM_FDS_MAX * sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
	return sendmsg(socket, &msg, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* Waits for one. */
static inline int recv_scm(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

#endif /* MPIPC_SELFTESTS_UTIL_H */
