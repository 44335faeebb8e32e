// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mp.h>

#include "native.h"

/* These versions of DPDK are known. */
static const struct dpdk_layout layouts[] = {
	{ .version = 23, .size = 360, .max_fds = 8, .msg_at = 4 },	/* 22.11 */
	{ .version = 24, .size = 360, .max_fds = 8, .msg_at = 4 },	/* 23.11 */
	{ .version = 25, .size = 1340, .max_fds = 253, .msg_at = 4 },	/* 24.11 */
	{ .version = 26, .size = 1344, .max_fds = 253, .msg_at = 8 },	/* 25.11 */
	{ .version = 27, .size = 1344, .max_fds = 253, .msg_at = 8 },
};

#define N_LAYOUTS	(sizeof(layouts) / sizeof(layouts[0]))

static_assert(sizeof(struct rte_mp_msg) == 1344, "as large as the largest");

static struct {
	pthread_mutex_t lock;
	struct dpdk dpdk;	/* constant when @found is true */
	atomic_bool found;	/* written under the lock */
} native = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Nothing uses this before DPDK is found, but it is never NULL. */
const struct dpdk_layout *mpipc__dpdk_layout = &layouts[N_LAYOUTS - 1];

/* Find out which version is loaded. An unknown one has no layout but may have the symbols. */
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

/* Look up all functions of DPDK. Returns false if one is missing. */
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
 * Return the DPDK of this process, or NULL if there is none yet. No lock is held during the
 * search, because the dynamic linker has a lock of its own and may hold it while it runs a
 * constructor that calls us.
 */
const struct dpdk *mpipc__dpdk_get(void)
{
	struct dpdk found;

	if (native.found)
		return &native.dpdk;
	if (!find_dpdk(&found))
		return NULL;
	pthread_mutex_lock(&native.lock);
	if (!native.found) {
		native.dpdk = found;
		if (found.layout)
			mpipc__dpdk_layout = found.layout;
		native.found = true;
	}
	pthread_mutex_unlock(&native.lock);
	return &native.dpdk;
}

/* Return the address of this thread's rte_errno, which is a substitute without DPDK. */
int *mpipc__dpdk_errno(void)
{
	static __thread int *address;
	static __thread int substitute;
	const struct dpdk *dpdk;

	if (address)
		return address;
	dpdk = mpipc__dpdk_get();
	address = dpdk ? dlsym(dpdk->handle, "per_lcore__rte_errno") : NULL;
	return address ? address : &substitute;
}
