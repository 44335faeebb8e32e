// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 of the test VM: loads mpipc, runs one command, unloads mpipc, looks
 * for anything the kernel complained about, and says how it went.
 *
 * Four serial ports: ttyS0 is the kernel console, where that is one of them, ttyS1 is the command's
 * terminal, ttyS2 takes the verdict, and ttyS3, if there is a file /coverage, a tar
 * of what gcov counted. The verdict is a line "up", lines of "fail: why", if any, and
 * then, as the very last thing, "exit N" with the exit status of the command. Whoever
 * does not find that last line knows that the kernel died.
 *
 * /command holds, each ended by a NUL byte: "tty" or "null" (the command's
 * standard input), its working directory, its arguments.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <libkmod.h>

#include "complaint.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MODULE "mpipc"
#define KMEMLEAK "/sys/kernel/debug/kmemleak"
#define TRACE_OPTIONS "/sys/kernel/tracing/trace_options"

struct command {
	bool tty;
	const char *dir;
	char *argv[1024];
};

static FILE *verdict;
static int kernel_log;

static void __attribute__((format(printf, 1, 2))) fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("fail: ", verdict);
	vfprintf(verdict, fmt, ap);
	fputc('\n', verdict);
	va_end(ap);
}

static void mount_all(void)
{
	static const struct {
		const char *type, *dir, *options;
	} mounts[] = {
		{ "proc", "/proc", NULL },
		{ "sysfs", "/sys", NULL },
		{ "devtmpfs", "/dev", NULL },
		{ "devpts", "/dev/pts", "mode=620,ptmxmode=666" },
		{ "tmpfs", "/dev/shm", NULL },
		{ "debugfs", "/sys/kernel/debug", NULL },
		{ "tracefs", "/sys/kernel/tracing", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].dir, 0755);
		/* Some kernels have no debugfs or tracefs. */
		mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0,
		      mounts[i].options);
	}
	symlink("/proc/self/fd", "/dev/fd");
	symlink("fd/0", "/dev/stdin");
	symlink("fd/1", "/dev/stdout");
	symlink("fd/2", "/dev/stderr");
}

/* The initramfs has no device nodes, so the kernel gave us no open files. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	for (int std = STDIN_FILENO; std <= STDERR_FILENO; std++)
		if (fd != std)
			dup2(fd, std);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("%s: %s", path, strerror(errno));
	close(fd);
}

/* A serial line that passes every byte on as it is. */
static int open_serial(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	if (fd < 0 || tcgetattr(fd, &t))
		return fd;
	cfmakeraw(&t);
	t.c_cflag |= CLOCAL;
	tcsetattr(fd, TCSANOW, &t);
	return fd;
}

static void set_up_system(void)
{
	struct rlimit nofile = { 65536, 1048576 };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (ioctl(sock, SIOCSIFFLAGS, &lo))
		fail("lo: %s", strerror(errno));
	close(sock);
	if (setrlimit(RLIMIT_NOFILE, &nofile))
		fail("RLIMIT_NOFILE: %s", strerror(errno));
	sethostname(MODULE, strlen(MODULE));
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	/* Debug messages, too. */
	write_file("/proc/sys/kernel/printk", "8");
	/*
	 * Else switching on any event changes the code of the scheduler, for the names of
	 * processes; and what QEMU runs on one CPU stays as it was, now and then, when
	 * another one changes it at that moment.
	 */
	if (!access(TRACE_OPTIONS, F_OK))
		write_file(TRACE_OPTIONS, "norecord-cmd");
}

static bool load_module(struct kmod_ctx *kmod)
{
	struct kmod_list *found = NULL, *at;
	int err = kmod_module_new_from_lookup(kmod, MODULE, &found);

	if (!err && !found)
		err = -ENOENT;
	kmod_list_foreach(at, found) {
		struct kmod_module *module = kmod_module_get_module(at);

		if (!err)
			err = kmod_module_probe_insert_module(module, 0, NULL, NULL,
							      NULL, NULL);
		kmod_module_unref(module);
	}
	kmod_module_unref_list(found);
	if (err)
		fail("cannot load the module: %s", strerror(abs(err)));
	return !err;
}

/*
 * Try again after a short nap while the module is in use, because a kernel worker (of io_uring
 * or of AF_UNIX's garbage collection) may hold the last reference to a file, and no event says
 * when it drops the reference.
 */
static void unload_module(struct kmod_ctx *kmod)
{
	const struct timespec nap = { .tv_nsec = 10 * 1000 * 1000 };
	struct kmod_module *module;
	int err = kmod_module_new_from_name(kmod, MODULE, &module);

	if (err) {
		fail("%s: %s", MODULE, strerror(-err));
		return;
	}
	for (int tries = 0; tries < 300; tries++) {
		err = kmod_module_remove_module(module, KMOD_REMOVE_NOWAIT);
		if (err != -EAGAIN)
			break;
		nanosleep(&nap, NULL);
	}
	/* The command may have unloaded it. */
	if (err && err != -ENOENT)
		fail("cannot unload the module: %s (used %d times)", strerror(-err),
		     kmod_module_get_refcnt(module));
	kmod_module_unref(module);
}

static bool read_command(struct command *command)
{
	static char text[1 << 17];
	int fd = open("/command", O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, text, sizeof(text) - 1);
	char *words[ARRAY_SIZE(command->argv) + 2] = { NULL };
	size_t n = 0;

	close(fd);
	for (char *at = text; at < text + len && n < ARRAY_SIZE(words) - 1;
	     at += strlen(at) + 1)
		words[n++] = at;
	if (n < 3) {
		fail("no command");
		return false;
	}
	command->tty = !strcmp(words[0], "tty");
	command->dir = words[1];
	memcpy(command->argv, words + 2, sizeof(command->argv));
	return true;
}

static void __attribute__((noreturn)) exec_command(struct command *command, int serial)
{
	int in = serial;

	setsid();
	if (command->tty)
		ioctl(serial, TIOCSCTTY, 0);
	else
		in = open("/dev/null", O_RDONLY);
	dup2(in, STDIN_FILENO);
	dup2(serial, STDOUT_FILENO);
	dup2(serial, STDERR_FILENO);
	if (in > STDERR_FILENO)
		close(in);
	signal(SIGPIPE, SIG_DFL);
	if (chdir(command->dir)) {
		fprintf(stderr, "%s: %s\n", command->dir, strerror(errno));
		_exit(126);
	}
	execvp(command->argv[0], command->argv);
	fprintf(stderr, "%s: %s (does it need --with?)\n", command->argv[0],
		strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Looks through what the kernel has said since the last time. */
static void scan_log(void)
{
	static bool oom, done;
	char record[8192];
	ssize_t len;

	while (!done) {
		len = read(kernel_log, record, sizeof(record) - 1);
		if (len < 0) {
			if (errno == EAGAIN)
				return;
			fail("kernel log: %s", strerror(errno));
			done = true;
			return;
		}
		record[len] = '\0';
		/* The OOM killer of a memory cgroup prints a trace, but is no complaint. */
		if (strstr(record, "invoked oom-killer")) {
			oom = true;
			continue;
		}
		if (oom && strstr(record, "Call Trace")) {
			oom = false;
			continue;
		}
		if (is_complaint(record)) {
			fail("kernel log: %s", record_text(record));
			done = true;
		}
	}
}

static void on_child(int signal)
{
	(void)signal;
}

/*
 * Waits for a process, and reads what the kernel says meanwhile, which would not keep
 * all of it.
 */
static pid_t wait_for(pid_t pid, int *status)
{
	const struct sigaction action = { .sa_handler = on_child };
	struct pollfd log = { .fd = kernel_log, .events = POLLIN };
	sigset_t child, none;
	pid_t dead;

	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	sigaction(SIGCHLD, &action, NULL);
	for (;;) {
		scan_log();
		dead = waitpid(-1, status, WNOHANG);
		if (dead == pid || (dead < 0 && errno == ECHILD))
			break;
		if (!dead)
			ppoll(&log, 1, NULL, &none);
	}
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &child, NULL);
	return dead;
}

/* Runs the command and returns its exit status as a shell would give it. */
static int run_command(struct command *command)
{
	int serial = open_serial("/dev/ttyS1");
	pid_t pid, dead;
	int status;

	if (serial >= 0 && command->tty) {
		struct termios t;

		tcgetattr(serial, &t);
		t.c_iflag |= ICRNL;
		t.c_lflag |= ISIG | ICANON | ECHO | ECHOE | ECHOK;
		tcsetattr(serial, TCSANOW, &t);
	}
	pid = fork();
	if (pid == 0)
		exec_command(command, serial);
	dead = wait_for(pid, &status);

	/* Kill the processes that outlive the command, so that none outlives the test. */
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	tcdrain(serial);
	close(serial);
	if (dead < 0) {
		fail("cannot run the command");
		return 126;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Leaks count once they are older than kmemleak's minimum age of 5 seconds. */
static void scan_leaks(const char *when)
{
	const struct timespec age = { .tv_sec = 6 };
	static char report[1 << 16];
	ssize_t len;
	int fd;

	if (access(KMEMLEAK, W_OK))
		return;
	nanosleep(&age, NULL);
	/* The first scan takes checksums, the second finds what did not change. */
	write_file(KMEMLEAK, "scan");
	write_file(KMEMLEAK, "scan");
	fd = open(KMEMLEAK, O_RDONLY | O_CLOEXEC);
	len = read(fd, report, sizeof(report) - 1);
	close(fd);
	if (len <= 0)
		return;
	report[len] = '\0';
	fail("memory leaked, found %s", when);
	fputs(report, stderr);
}

/*
 * Nothing but the module is built for gcov, and what it counted is kept when it is
 * unloaded. tar believes that the files are empty, as their size says, hence the copies.
 */
static void send_coverage(void)
{
	static const char script[] =
		"mkdir /tmp/coverage && cd /sys/kernel/debug/gcov && "
		"for file in $(find . -name '*.gcda'); do"
		"	cat $file >/tmp/coverage/${file##*/} || exit;"
		"done && cd /tmp/coverage && tar -cf - *.gcda";
	int serial, status;
	pid_t pid;

	if (access("/coverage", F_OK))
		return;
	serial = open_serial("/dev/ttyS3");
	pid = fork();
	if (pid == 0) {
		dup2(serial, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status || tcdrain(serial))
		fail("cannot send the counts of gcov");
	close(serial);
}

int main(void)
{
	static struct command command;
	struct kmod_ctx *kmod;
	int status = 126;

	mount_all();
	open_console();
	verdict = fdopen(open_serial("/dev/ttyS2"), "w");
	if (!verdict)
		reboot(RB_AUTOBOOT);
	fputs("up\n", verdict);
	fflush(verdict);

	kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(kernel_log, 0, SEEK_END);
	set_up_system();
	if (!access(KMEMLEAK, W_OK))
		write_file(KMEMLEAK, "clear");

	kmod = kmod_new(NULL, NULL);
	if (read_command(&command) && load_module(kmod)) {
		status = run_command(&command);
		scan_leaks("with the module loaded");
		unload_module(kmod);
		scan_leaks("after the module was unloaded");
		send_coverage();
	}
	scan_log();

	fprintf(verdict, "exit %d\n", status);
	fflush(verdict);
	tcdrain(fileno(verdict));
	reboot(RB_AUTOBOOT);
}
