// SPDX-License-Identifier: BSD-3-Clause
/**
 * DOC: libmpipc-dpdk.so
 *
 * To be preloaded into programs that use DPDK (22.11 to 25.11) as a shared library:
 *
 *	LD_PRELOAD=libmpipc-dpdk.so dpdk-testpmd ...
 *
 * Their rte_mp_*() calls, and those of DPDK's own libraries and drivers, then go by
 * mpipc, without anything to configure. All processes of a group have to be preloaded.
 *
 * When: DPDK's native IPC remains in use where the kernel module is absent or may not be
 * used, with --no-shconf and --in-memory, in the secondary of a primary that is not on
 * mpipc, and in programs that are linked with DPDK statically or with a version that is
 * not known here. A secondary without this library whose primary is on mpipc, or that is
 * in another network namespace, finds no socket: its requests fail at once.
 *
 * Which group: processes of DPDK meet in a directory, <runtime directory>/dpdk/<file
 * prefix>, so its device and inode are the group's name: "dpdk:<device>:<inode>". Anyone
 * could make a group of that name; a secondary believes in a primary only if that process
 * has the lock on the file "config" there, by which DPDK itself knows its primary.
 *
 * When it is decided: at the first call after DPDK has parsed its arguments and set up its
 * own channel, which is during rte_eal_init(). What is registered before that, DPDK gets,
 * too. The thread and the socket of DPDK exist all the same and have nothing to do; our
 * thread runs on the same processors, and the primary removes the name of its socket.
 *
 * End: the last that DPDK does before it gives up its memory is to unregister the action
 * for hot-plugging. No action may run after that.
 *
 * Whoever has LD_PRELOAD in its environment gets this library, also a shell: nothing is
 * done before the first call, and DPDK is looked up then, not linked. rte_mp_disable() is
 * left to DPDK: its state is in the shared memory of the group and also what native
 * secondaries look at.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rte.h"

static const struct dpdk_layout layouts[] = {
	{ .version = 23, .size = 360, .max_fds = 8 },		/* 22.11 */
	{ .version = 24, .size = 360, .max_fds = 8 },		/* 23.11 */
	{ .version = 25, .size = 1340, .max_fds = 253 },	/* 24.11 */
	{ .version = 26, .size = 1344, .max_fds = 253 },	/* 25.11 */
	{ .version = 27, .size = 1344, .max_fds = 253 },
};

#define N_LAYOUTS	(sizeof(layouts) / sizeof(layouts[0]))

static_assert(sizeof(struct rte_mp_msg) == 1344, "as large as the largest");

/* Until DPDK is found, any does. */
const struct dpdk_layout *mpipc__dpdk_layout = &layouts[N_LAYOUTS - 1];

/* DPDK's own functions, and its layout, NULL for a version that is not known. */
struct dpdk {
	void *handle;
	const struct dpdk_layout *layout;
	int (*action_register)(const char *name, rte_mp_t action);
	void (*action_unregister)(const char *name);
	int (*sendmsg)(struct rte_mp_msg *msg);
	int (*request_sync)(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			    const struct timespec *ts);
	int (*request_async)(struct rte_mp_msg *req, const struct timespec *ts,
			     rte_mp_async_reply_t callback);
	int (*reply)(struct rte_mp_msg *msg, const char *peer);
	int (*init)(int argc, char **argv);
	int (*cleanup)(void);
	int (*process_type)(void);
	const char *(*get_runtime_dir)(void);
};

enum route { UNDECIDED, NATIVE, MPIPC };

static struct {
	pthread_mutex_t lock;
	struct dpdk dpdk;
	atomic_bool found;
	_Atomic enum route route;
	atomic_bool initialised;	/* rte_eal_init() has succeeded */
	atomic_bool ending;		/* in rte_eal_cleanup() */
} preload = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* DPDK's enum rte_proc_type_t. */
#define PROC_SECONDARY	1

/* DPDK's name for the action that it unregisters last before its memory goes. */
#define HOTPLUG_ACTION	"eal_dev_mp_request"

/* Nobody registers that: it shows whether there is IPC. */
#define PROBE_ACTION	"mpipc:probe"

/*
 * DPDK
 */

static void open_dpdk(struct dpdk *dpdk)
{
	char name[32];
	size_t i;

	for (i = 0; i < N_LAYOUTS; i++) {
		snprintf(name, sizeof(name), "librte_eal.so.%u", layouts[i].version);
		dpdk->handle = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
		dpdk->layout = &layouts[i];
		if (dpdk->handle)
			return;
	}
	dpdk->handle = RTLD_NEXT;
	dpdk->layout = NULL;
}

static bool find_dpdk(struct dpdk *dpdk)
{
	const struct {
		const char *name;
		void *function;
	} wanted[] = {
		{ "rte_mp_action_register", &dpdk->action_register },
		{ "rte_mp_action_unregister", &dpdk->action_unregister },
		{ "rte_mp_sendmsg", &dpdk->sendmsg },
		{ "rte_mp_request_sync", &dpdk->request_sync },
		{ "rte_mp_request_async", &dpdk->request_async },
		{ "rte_mp_reply", &dpdk->reply },
		{ "rte_eal_init", &dpdk->init },
		{ "rte_eal_cleanup", &dpdk->cleanup },
		{ "rte_eal_process_type", &dpdk->process_type },
		{ "rte_eal_get_runtime_dir", &dpdk->get_runtime_dir },
	};
	void *symbol;
	size_t i;

	open_dpdk(dpdk);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		symbol = dlsym(dpdk->handle, wanted[i].name);
		if (!symbol)
			return false;
		memcpy(wanted[i].function, &symbol, sizeof(symbol));
	}
	return true;
}

/*
 * NULL if there is none. No lock is held while it is looked for: the dynamic linker has
 * one of its own, and may be running a constructor that calls us.
 */
static const struct dpdk *get_dpdk(void)
{
	struct dpdk found;

	if (preload.found)
		return &preload.dpdk;
	if (!find_dpdk(&found))
		return NULL;
	pthread_mutex_lock(&preload.lock);
	if (!preload.found) {
		preload.dpdk = found;
		if (found.layout)
			mpipc__dpdk_layout = found.layout;
		preload.found = true;
	}
	pthread_mutex_unlock(&preload.lock);
	return &preload.dpdk;
}

int *mpipc__dpdk_errno(void)
{
	static __thread int *address;
	static __thread int substitute;
	const struct dpdk *dpdk;

	if (address)
		return address;
	dpdk = get_dpdk();
	address = dpdk ? dlsym(dpdk->handle, "per_lcore__rte_errno") : NULL;
	return address ? address : &substitute;
}

/*
 * Which way
 */

static bool has_ipc(const struct dpdk *dpdk)
{
	if (dpdk->action_register(PROBE_ACTION, NULL))
		return false;
	dpdk->action_unregister(PROBE_ACTION);
	return true;
}

/*
 * Who has DPDK's lock on the configuration of the group, -1 if nobody. Only a secondary may
 * look: a primary would lose the lock by closing the file.
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

/* -1 if that cannot be told. */
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

static bool is_primary_of_dpdk(const char *dir)
{
	pid_t pid = primary_of_group();

	return pid != -1 && pid == lock_owner(dir);
}

static void remove_socket(const char *dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/mp_socket", dir) < (int)sizeof(path))
		unlink(path);
}

/* Is this DPDK's thread for messages? It was named differently before 23.11. */
static bool is_thread_of_dpdk(const char *tid)
{
	char path[64], name[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/comm", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%15s", name) != 1)
		name[0] = 0;
	fclose(file);
	return !strcmp(name, "dpdk-mp-msg") || !strcmp(name, "rte_mp_handle");
}

/* The processors that DPDK leaves to such threads. */
static bool get_processors(cpu_set_t *set)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	bool found = false;

	if (!tasks)
		return false;
	while (!found && (task = readdir(tasks)))
		found = is_thread_of_dpdk(task->d_name) &&
			!sched_getaffinity(strtol(task->d_name, NULL, 10), sizeof(*set), set);
	closedir(tasks);
	return found;
}

/* The thread that this starts inherits on which processors it may run. */
static int start(void)
{
	cpu_set_t own, wanted;
	int err;

	if (sched_getaffinity(0, sizeof(own), &own) || !get_processors(&wanted))
		return mpipc__rte_start();
	sched_setaffinity(0, sizeof(wanted), &wanted);
	err = mpipc__rte_start();
	sched_setaffinity(0, sizeof(own), &own);
	return err;
}

static enum route join(const char *dir, bool secondary)
{
	char group[MPIPC_GROUP_MAX];
	struct stat st;

	if (stat(dir, &st))
		return NATIVE;
	snprintf(group, sizeof(group), "dpdk:%jx:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	if (mpipc__rte_open(group, secondary ? MPIPC_SECONDARY : MPIPC_PRIMARY, 0))
		return NATIVE;
	if (secondary && !is_primary_of_dpdk(dir)) {
		mpipc__rte_close();
		return NATIVE;
	}
	if (start())
		return NATIVE;
	if (!secondary)
		remove_socket(dir);
	return MPIPC;
}

static enum route choose(const struct dpdk *dpdk)
{
	const char *dir = dpdk->get_runtime_dir();

	if (!dir || !dir[0])
		return UNDECIDED;
	if (!dpdk->layout || !has_ipc(dpdk))
		return NATIVE;
	return join(dir, dpdk->process_type() == PROC_SECONDARY);
}

static enum route decide(const struct dpdk *dpdk)
{
	enum route route;

	pthread_mutex_lock(&preload.lock);
	route = preload.route;
	if (route == UNDECIDED) {
		route = choose(dpdk);
		preload.route = route;
	}
	pthread_mutex_unlock(&preload.lock);
	return route;
}

/* DPDK, if the call is to go there, or NULL: it goes by mpipc, or nowhere. */
static const struct dpdk *native(void)
{
	const struct dpdk *dpdk;

	if (atomic_load_explicit(&preload.route, memory_order_acquire) == MPIPC)
		return NULL;
	dpdk = get_dpdk();
	return dpdk && decide(dpdk) != MPIPC ? dpdk : NULL;
}

/*
 * What programs call, and DPDK itself
 */

#define PRELOADED(name)	__asm__(#name) mpipc__export

int register_action(const char *name, rte_mp_t action) PRELOADED(rte_mp_action_register);
void unregister_action(const char *name) PRELOADED(rte_mp_action_unregister);
int send_message(struct rte_mp_msg *msg) PRELOADED(rte_mp_sendmsg);
int request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
		 const struct timespec *ts) PRELOADED(rte_mp_request_sync);
int request_async(struct rte_mp_msg *req, const struct timespec *ts,
		  rte_mp_async_reply_t callback) PRELOADED(rte_mp_request_async);
int reply_message(struct rte_mp_msg *msg, const char *peer) PRELOADED(rte_mp_reply);
int init_eal(int argc, char **argv) PRELOADED(rte_eal_init);
int clean_up_eal(void) PRELOADED(rte_eal_cleanup);

static void leave(void)
{
	if (preload.route == MPIPC)
		mpipc__rte_close();
}

int register_action(const char *name, rte_mp_t action)
{
	const struct dpdk *dpdk = native();
	int ret;

	if (!dpdk)
		return rte_mp_action_register(name, action);
	ret = dpdk->action_register(name, action);
	/* Not decided yet, or by another thread just now. */
	if (!ret && preload.route != NATIVE)
		ret = rte_mp_action_register(name, action);
	return ret;
}

void unregister_action(const char *name)
{
	const struct dpdk *dpdk = get_dpdk();

	rte_mp_action_unregister(name);
	if (dpdk)
		dpdk->action_unregister(name);
	if (preload.ending && name && !strcmp(name, HOTPLUG_ACTION))
		leave();
}

int send_message(struct rte_mp_msg *msg)
{
	const struct dpdk *dpdk = native();

	return dpdk ? dpdk->sendmsg(msg) : rte_mp_sendmsg(msg);
}

int request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply, const struct timespec *ts)
{
	const struct dpdk *dpdk = native();

	return dpdk ? dpdk->request_sync(req, reply, ts) : rte_mp_request_sync(req, reply, ts);
}

int request_async(struct rte_mp_msg *req, const struct timespec *ts, rte_mp_async_reply_t callback)
{
	const struct dpdk *dpdk = native();

	return dpdk ? dpdk->request_async(req, ts, callback) :
		      rte_mp_request_async(req, ts, callback);
}

int reply_message(struct rte_mp_msg *msg, const char *peer)
{
	const struct dpdk *dpdk = native();

	return dpdk ? dpdk->reply(msg, peer) : rte_mp_reply(msg, peer);
}

int init_eal(int argc, char **argv)
{
	const struct dpdk *dpdk = get_dpdk();
	int ret;

	if (!dpdk)
		return mpipc__rte_fail(-ENOTSUP);
	ret = dpdk->init(argc, argv);
	if (ret >= 0) {
		preload.initialised = true;
		mpipc__rte_complete();
	} else if (!preload.initialised) {
		/* It may be tried again, with other arguments. */
		leave();
		preload.route = UNDECIDED;
	}
	return ret;
}

int clean_up_eal(void)
{
	const struct dpdk *dpdk = get_dpdk();
	int ret;

	if (!dpdk)
		return mpipc__rte_fail(-ENOTSUP);
	preload.ending = true;
	ret = dpdk->cleanup();
	leave();
	return ret;
}
