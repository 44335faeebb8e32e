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
struct fake_calls fake_calls;
void (*fake_during_init)(void);
void (*fake_without_memory)(void);

static char runtime_dir[256];
static bool secondary, no_shconf, fails;
static int config = -1;
static int *complete;	/* shared by primary and secondaries */

int rte_mp_action_register(const char *name, rte_mp_t action);
void rte_mp_action_unregister(const char *name);

static int count(unsigned int *calls)
{
	if (no_shconf) {
		per_lcore__rte_errno = ENOTSUP;
		return -1;
	}
	++*calls;
	return 0;
}

static int fail(int err)
{
	per_lcore__rte_errno = -err;
	return -1;
}

int rte_mp_action_register(const char *name, rte_mp_t action)
{
	/* An argument with a colon in its name only shows that there is IPC. */
	unsigned int ignored = 0;
	int err;

	if (count(strchr(name, ':') ? &ignored : &fake_calls.action_register))
		return -1;
	err = fake_socket_register(name, action);
	return err ? fail(err) : 0;
}

void rte_mp_action_unregister(const char *name)
{
	if (!strchr(name, ':'))
		fake_calls.action_unregister++;
	fake_socket_unregister(name);
}

int rte_mp_sendmsg(struct rte_mp_msg *msg)
{
	int err;

	if (count(&fake_calls.sendmsg))
		return -1;
	err = fake_socket_send(msg);
	return err ? fail(err) : 0;
}

int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts)
{
	int err;

	if (count(&fake_calls.request_sync))
		return -1;
	err = fake_socket_request(req, reply, ts);
	return err ? fail(err) : 0;
}

int rte_mp_request_async(void *req, const void *ts, void *callback)
{
	(void)req;
	(void)ts;
	(void)callback;
	return count(&fake_calls.request_async);
}

int rte_mp_reply(struct rte_mp_msg *msg, const char *peer)
{
	int err = count(&fake_calls.reply) ? 0 : fake_socket_reply(msg, peer);

	return err ? fail(err) : 0;
}

bool rte_mp_disable(void)
{
	fake_calls.disable++;
	return true;
}

const char *rte_strerror(int errnum)
{
	return strerror(errnum);
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

	secondary = no_shconf = fails = false;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--proc-type=secondary"))
			secondary = true;
		else if (!strcmp(argv[i], "--no-shconf"))
			no_shconf = true;
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
	if (!no_shconf)
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
