// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stand-in for DPDK's librte_eal.so, for tests of what is preloaded: it begins and ends
 * in the order of DPDK, takes its lock, and has an IPC that counts who called it.
 */
#define _GNU_SOURCE
#include "fake_eal.h"
#include "fake_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

__thread int per_lcore__rte_errno;
bool fake_no_shconf;
void (*fake_during_init)(void);
void (*fake_without_memory)(void);

static char runtime_dir[256];
static bool secondary, fails;
static int config = -1;
static int *complete;	/* shared by primary and secondaries */

const char *rte_strerror(int errnum)
{
	return strerror(errnum);
}

/* The last release of a year has the number of the next one in the version of the interface. */
const char *rte_version(void)
{
	static char text[32];

	sprintf(text, "DPDK %d.11.3-fake", DPDK_VERSION - 1);
	return text;
}

int rte_eal_process_type(void)
{
	return secondary;
}

const char *rte_eal_get_runtime_dir(void)
{
	return runtime_dir;
}

static void parse(int argc, char **argv)
{
	int i;

	secondary = fake_no_shconf = fails = false;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--proc-type=secondary"))
			secondary = true;
		else if (!strcmp(argv[i], "--no-shconf"))
			fake_no_shconf = true;
		else if (!strcmp(argv[i], "--fail"))
			fails = true;
		else if (!strncmp(argv[i], "--file-prefix=", 14))
			snprintf(runtime_dir, sizeof(runtime_dir), "/tmp/%s", argv[i] + 14);
	}
}

static void open_in_dir(const char *name, int *fd)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", runtime_dir, name);
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0)
		abort();
}

static void open_config(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 8, .l_len = 64 };

	mkdir(runtime_dir, 0700);
	open_in_dir("config", &config);
	if (ftruncate(config, 4096) || (!secondary && fcntl(config, F_SETLK, &lock)))
		abort();
	complete = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, config, 0);
}

/* Let a secondary go no further before its primary has got to the end. */
static void wait_for_primary(void)
{
	while (!__atomic_load_n(complete, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, complete, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void set_complete(void)
{
	__atomic_store_n(complete, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, complete, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
}

static void close_config(void)
{
	if (config >= 0)
		close(config);
	config = -1;
}

static int unexpected(const struct rte_mp_msg *msg, const void *peer)
{
	(void)msg;
	(void)peer;
	abort();
}

int rte_eal_init(int argc, char **argv)
{
	parse(argc, argv);
	open_config();
	if (secondary)
		wait_for_primary();
	if (!fake_no_shconf)
		fake_socket_open(runtime_dir, secondary);
	/* The linker resolves this call as it does DPDK's own. */
	rte_mp_action_register(FAKE_FIRST_ACTION, unexpected);
	if (fake_during_init)
		fake_during_init();
	if (fails) {
		fake_socket_close();
		close_config();
		per_lcore__rte_errno = EPROTO;
		return -1;
	}
	fake_socket_complete();
	if (!secondary)
		set_complete();
	return argc - 1;
}

int rte_eal_cleanup(void)
{
	/* DPDK ends its own IPC, and frees the memory that actions use soon after this. */
	rte_mp_action_unregister(secondary ? "eal_dev_mp_request" : "eal_vfio_mp_sync");
	fake_socket_close();
	if (fake_without_memory)
		fake_without_memory();
	rte_mp_action_unregister("mp_malloc_sync");
	close_config();
	return 0;
}
