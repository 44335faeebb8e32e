// SPDX-License-Identifier: GPL-2.0-only
/* Do operations on the process, and list all operations. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "../parameter.h"
#include "../user.h"
#include "fuzz.h"
#include "op.h"

/* Operations on the process */

static void op_params(struct actor *me, const uint8_t *a)
{
	static const char *const names[] = {
		"mailbox_messages", "mailbox_bytes", "group_endpoints", "user_endpoints",
		"user_groups", "user_bytes", "endpoint_calls",
	};
	static const long long values[] = { 0, 1, 2, 3, 4, 1000, 100000, 4294967295 };

	set_param(names[a[0] % ARRAY_SIZE(names)], values[a[1] % 8]);
}

static void op_nofile(struct actor *me, const uint8_t *a)
{
	struct rlimit limit = { .rlim_cur = count_of(a[0]) % 4096, .rlim_max = 1 << 16 };

	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Change the user of this thread only, hence by system calls; it can always go back. */
static void op_user(struct actor *me, const uint8_t *a)
{
	uid_t uid = a[0] & 1 ? 1000 : 0;

	if (a[0] & 4)
		syscall(SYS_setresuid, uid, 0, 0);
	else if (a[0] & 2)
		setfsuid(uid);
	else
		syscall(SYS_setresuid, -1, uid, 0);
	if (a[0] & 8)
		keep_capabilities(1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_SETUID);
}

static void op_unshare(struct actor *me, const uint8_t *a)
{
	static const int flags[] = {
		CLONE_FILES, CLONE_FILES, CLONE_NEWNET, CLONE_NEWPID,
	};

	if (unshare(flags[a[0] % ARRAY_SIZE(flags)]) || a[0] % ARRAY_SIZE(flags) > 1)
		return;
	me->unshared = true;
	copy_slots(me);
}

static void op_signal(struct actor *me, const uint8_t *a)
{
	static const struct itimerval soon = { .it_value.tv_usec = 500 };
	struct actor *to = &shared->actors[a[0] % N_ACTORS];

	if (to == me)
		setitimer(ITIMER_REAL, &soon, NULL);
	else if (to->index == CHILD && child)
		kill(child, a[1] & 1 ? SIGUSR1 : SIGUSR2);
	else if (to->tid)
		syscall(SYS_tgkill, getpid(), to->tid, a[1] & 1 ? SIGUSR1 : SIGUSR2);
}

static void op_fail(struct actor *me, const uint8_t *a)
{
	me->fail_nth = 1 + a[0] % 16;
}

static void op_nap(struct actor *me, const uint8_t *a)
{
	const struct timespec time = { .tv_nsec = 1000000 * (1 + a[0] % 4) };

	nanosleep(&time, NULL);
}

/* Only one process of a program can talk to the bystanders, who have one line to it. */
static void op_others(struct actor *me, const uint8_t *a)
{
	if (me->index == MAIN)
		visit_bystanders();
}

void reap_child(void)
{
	struct actor *actor = &shared->actors[CHILD];

	uid_t uid = geteuid();

	if (!child)
		return;
	syscall(SYS_setresuid, -1, 0, -1);
	kill(child, SIGKILL);
	syscall(SYS_setresuid, -1, uid, -1);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	child = 0;
	if (actor->blocked_id)
		shared->dead_id = actor->blocked_id;
	reset_actor(actor);
}

static void op_kill(struct actor *me, const uint8_t *a)
{
	if (me->index == MAIN)
		reap_child();
}

static void op_exit(struct actor *me, const uint8_t *a)
{
	static const char *const argv[] = { "fuzz", "--pause", NULL };

	if (me->index != CHILD)
		return;
	if (a[0] & 1)
		execve("/proc/self/exe", (char *const *)argv, NULL);
	_exit(0);
}

const struct kind kinds[] = {
	{ "open", "sf", op_open, 6 },
	{ "dup", "ssf", op_dup, 3 },
	{ "close", "s", op_close, 4 },
	{ "file", "sv", op_file, 4 },
	{ "nonblock", "sv", op_nonblock, 1 },
	{ "scm", "ssf", op_scm, 2 },
	{ "poll", "ssf", op_poll, 2 },
	{ "epoll", "ssf", op_epoll, 2 },
	{ "look", "sf", op_look, 1 },
	{ "join", "srgfvdoxx", op_join, 10 },
	{ "anchor", "srgfvdoxx", op_anchor, 5 },
	{ "leave", "soxx", op_leave, 2 },
	{ "info", "soxx", op_info, 2 },
	{ "peers", "scoxx", op_peers, 2 },
	{ "send", "stfzndoxx", op_send, 12 },
	{ "recv", "sfzcdoxx", op_recv, 12 },
	{ "call", "stfznzcdoxx", op_call, 12 },
	{ "reply", "swfznoxx", op_reply, 8 },
	{ "replyrecv", "swfznzcdoxx", op_reply_recv, 6 },
	{ "cancel", "swoxx", op_cancel, 4 },
	{ "ioctl", "sxxx", op_ioctl, 1 },
	{ "read", "szf", op_read, 5 },
	{ "write", "stzdfoxx", op_write, 5 },
	{ "params", "vv", op_params, 2 },
	{ "nofile", "c", op_nofile, 1 },
	{ "user", "f", op_user, 3 },
	{ "unshare", "v", op_unshare, 1 },
	{ "signal", "vv", op_signal, 2 },
	{ "fail", "v", op_fail, 3 },
	{ "nap", "v", op_nap, 1 },
	{ "others", "", op_others, 2 },
	{ "kill", "", op_kill, 2 },
	{ "exit", "v", op_exit, 1 },
};

const unsigned int n_kinds = ARRAY_SIZE(kinds);
