// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options and an exit for test programs that are built with a sanitizer, which
 * tools/check-lib links with --wrap=_exit.
 */
#include <pthread.h>
#include <sanitizer/lsan_interface.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *__asan_default_options(void);
const char *__tsan_default_options(void);
void __real__exit(int status);
void __wrap__exit(int status);

/* Keep little memory for each process, because processes are many and short-lived. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=8";
}

/*
 * Report findings when they happen: tests fork, some of them with threads, and end by
 * _exit(), when it is too late to say that something was found.
 */
const char *__tsan_default_options(void)
{
	return "die_after_fork=0:atexit_sleep_ms=0:halt_on_error=1";
}

#ifdef __SANITIZE_ADDRESS__

/* The child of a process with threads would look for leaks in those threads, without end. */
static bool has_threads, has_lost_threads;

static void before_fork(void)
{
	struct stat tasks;

	has_threads = !stat("/proc/self/task", &tasks) && tasks.st_nlink > 3;
}

static void in_child(void)
{
	has_lost_threads |= has_threads;
}

static void __attribute__((constructor)) look_at_forks(void)
{
	pthread_atfork(before_fork, NULL, in_child);
}

/*
 * Check that the process that the sanitizer makes to stop the threads would find them: it is in the
 * same pid namespace, and /proc has the numbers of this namespace.
 */
static bool is_found(void)
{
	char number[16] = "";
	struct stat own, next;

	return !stat("/proc/self/ns/pid", &own) &&
	       !stat("/proc/self/ns/pid_for_children", &next) && own.st_ino == next.st_ino &&
	       readlink("/proc/self", number, sizeof(number) - 1) > 0 && atoi(number) == getpid();
}

/* Look for leaks, which the sanitizer does at exit(), while a test ends here. */
void __wrap__exit(int status)
{
	if (!status && !has_lost_threads && is_found() && __lsan_do_recoverable_leak_check())
		status = 1;
	__real__exit(status);
}

#else

void __wrap__exit(int status)
{
	__real__exit(status);
}

#endif
