// SPDX-License-Identifier: BSD-3-Clause
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include <rte_errno.h>

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

/*
 * Return the version of the interface of DPDK, 0 if that is not known. The last release of each
 * year, the 11th month's, begins the version that has the number of the next year.
 */
static unsigned int get_version(const struct dpdk *dpdk)
{
	unsigned int year, month;

	if (!dpdk->version || sscanf(dpdk->version(), "%*[^0-9]%u.%u", &year, &month) != 2)
		return 0;
	return year + (month >= 11);
}

/* Find the layout of messages. A version that is not known has none. */
static const struct dpdk_layout *find_layout(const struct dpdk *dpdk)
{
	unsigned int version = get_version(dpdk);
	size_t i;

	for (i = 0; i < N_LAYOUTS; i++)
		if (layouts[i].version == version)
			return &layouts[i];
	return NULL;
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
	if (!mpipc__dpdk_find(&found))
		return NULL;
	found.layout = find_layout(&found);
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

/* Check that this is DPDK, and not another library with the same functions for messages. */
bool mpipc__dpdk_is_dpdk(const struct dpdk *dpdk)
{
	return dpdk->process_type && dpdk->get_runtime_dir;
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
	address = dpdk ? mpipc__dpdk_find_errno(dpdk) : NULL;
	return address ? address : &substitute;
}
