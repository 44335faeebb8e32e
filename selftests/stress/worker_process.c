// SPDX-License-Identifier: GPL-2.0-only
/* Workers that fork, execute, share descriptor tables, and end. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/io_uring.h>

#include "device.h"
#include "stress.h"
#include "wait.h"
#include "worker.h"

/* Other processes and tables */

/* Expect that the owner of another table may do nothing with an endpoint. */
static void expect_refused(__u64 place)
{
	struct mpipc_recv_args recv = { 0 };
	int ret = do_ioctl(place_fd(place), MPIPC_RECV, &recv);

	if (ret != -EPERM && ret != -ESHUTDOWN && ret != -EBADF)
		violation(P_ERRORS, place_member(place), NONE,
			  "receive from another table returned %d", ret);
}

void do_fork(__u64 place)
{
	char *args[] = { "stress", "--hold", NULL };
	struct timespec nap = { .tv_nsec = rnd(20) * NSEC_PER_MSEC };
	bool exec = chance(40);
	pid_t parent = getpid(), pid;

	pid = fork();
	if (pid) {
		if (pid > 0)
			done(exec ? OP_FORK_EXEC : OP_FORK);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	expect_refused(place);
	if (exec) {
		fcntl(place_fd(place), F_SETFD, 0);
		execv("/proc/self/exe", args);
	}
	nanosleep(&nap, NULL);
	_exit(0);
}

/* Enter another network namespace, in which there are no groups. */
void do_unshare_net(void)
{
	pid_t pid = fork();
	int ret;

	if (pid) {
		if (pid > 0)
			done(OP_UNSHARE_NET);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET))
		_exit(0);
	ret = open_secondary(ledger->groups[0]);
	if (ret != -ENOENT)
		violation(P_ERRORS, NONE, NONE, "joined as secondary in a new namespace: %d", ret);
	ret = open_primary(ledger->groups[0]);
	if (ret < 0)
		violation(P_ERRORS, NONE, NONE, "join as primary in a new namespace: %d", ret);
	if (chance(50))
		kill(getpid(), SIGKILL);
	_exit(0);
}

/* Write in the log of the thread that waits for this one. */
static void *with_own_table(void *arg)
{
	struct question question;
	__u64 theirs, place;
	bool closes;
	int fd;

	self = arg;
	theirs = any_place();
	if (unshare(CLONE_FILES))
		return NULL;
	if (theirs != EMPTY)
		expect_refused(theirs);
	fd = open_high();
	place = fd < 0 ? EMPTY : join(fd);
	if (place != EMPTY) {
		do_send(place);
		receive(place, any_patience(), false, &question);
		closes = chance(50);
		mark(&member_of(place)->leave_begin);
		member_of(place)->moved = 1;
		/* It is not known when the end of a thread ends its table. */
		if (closes) {
			close(fd);
			if (!member_of(place)->passed)
				member_of(place)->leave_end = now_ns();
		}
	}
	done(OP_UNSHARE_FILES);
	return NULL;
}

void do_unshare_files(void)
{
	pthread_t thread;

	self->own_table = true;
	if (!pthread_create(&thread, NULL, with_own_table, self))
		pthread_join(thread, NULL);
	self->own_table = false;
}

/* Open an io_uring that holds the file of an endpoint, and goes some time later. */
void do_uring(__u64 place)
{
	int fd = place_fd(place), ring = open_uring();

	if (ring < 0)
		return;
	if (!syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd, 1))
		done(OP_URING_FILE);
	if (chance(70))
		close(ring);
}

void do_signal(void)
{
	pthread_kill(threads[rnd(THREADS)].id, chance(50) ? SIGUSR1 : SIGUSR2);
	done(OP_SIGNAL);
}

/* Ends */

void __attribute__((noreturn)) wait_for_end(void)
{
	for (;;)
		pause();
}

static void do_exec(void)
{
	__u32 n = __atomic_fetch_add(&ledger->n_images, 1, __ATOMIC_SEQ_CST);
	struct image *image = &ledger->images[my_image];
	char text[5][16] = { "" };
	char *args[] = { "stress", "--image", text[0], text[1], text[2], text[3], text[4], NULL };
	__u64 place, *at = NULL;
	sigset_t all;

	if (n >= MAX_IMAGES - SLOTS) {
		set_phase(RUN, QUIET);
		return;
	}
	if (!mark(&image->dying))
		wait_for_end();
	ledger->images[n].proc = my_proc;
	ledger->images[n].nth = image->nth + 1;
	if (chance(80))
		at = seize_place(&place);
	if (at) {
		/* Whatever kills this process, it is known what the member belongs to. */
		__atomic_store_n(&member_of(place)->image, n, __ATOMIC_SEQ_CST);
		fcntl(place_fd(place), F_SETFD, 0);
		done(OP_EXEC_KEEP);
	}
	__atomic_store_n(&ledger->procs[my_proc].image, n, __ATOMIC_SEQ_CST);
	snprintf(text[0], sizeof(text[0]), "%u", my_proc);
	snprintf(text[1], sizeof(text[1]), "%u", n);
	snprintf(text[2], sizeof(text[2]), "%u", my_image);
	snprintf(text[3], sizeof(text[3]), "%u", at ? place_member(place) : NONE);
	snprintf(text[4], sizeof(text[4]), "%d", at ? place_fd(place) : 0);
	done(OP_EXEC);
	/* Signals are blocked until there are actions for them again. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	execv("/proc/self/exe", args);
	violation(P_ERRORS, NONE, NONE, "exec failed: %s", strerror(errno));
	_exit(EXIT_FAILURE);
}

void do_end(void)
{
	unsigned int luck = rnd(3);

	if (!luck) {
		do_exec();
		return;
	}
	if (!mark(&ledger->procs[my_proc].dying))
		wait_for_end();
	if (luck == 1) {
		done(OP_EXIT);
		_exit(0);
	}
	done(OP_KILL_SELF);
	kill(getpid(), SIGKILL);
	wait_for_end();
}
