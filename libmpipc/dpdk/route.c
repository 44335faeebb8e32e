// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "../rte/init.h"
#include "group.h"
#include "route.h"

/* This is RTE_PROC_SECONDARY of DPDK. */
#define PROC_SECONDARY	1

/* No program has an action of this name. DPDK registers it only if there is IPC. */
#define PROBE_ACTION	"mpipc:probe"

static struct {
	pthread_mutex_t lock;
	_Atomic enum route route;	/* written under the lock */
} choice = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Check that DPDK has IPC, which it does not with --no-shconf. */
static bool has_ipc(const struct dpdk *dpdk)
{
	if (dpdk->action_register(PROBE_ACTION, NULL))
		return false;
	dpdk->action_unregister(PROBE_ACTION);
	return true;
}

/* Choose the route, if DPDK knows its runtime directory by now. */
static enum route choose(const struct dpdk *dpdk)
{
	const char *dir = dpdk->get_runtime_dir();

	if (!dir || !dir[0])
		return ROUTE_UNDECIDED;
	if (!dpdk->layout || !has_ipc(dpdk))
		return ROUTE_NATIVE;
	return mpipc__dpdk_join(dir, dpdk->process_type() == PROC_SECONDARY) ? ROUTE_MPIPC :
									       ROUTE_NATIVE;
}

/* Return the route, and choose it first if that has not been done. */
static enum route decide(const struct dpdk *dpdk)
{
	enum route route;

	pthread_mutex_lock(&choice.lock);
	route = choice.route;
	if (route == ROUTE_UNDECIDED) {
		route = choose(dpdk);
		choice.route = route;
	}
	pthread_mutex_unlock(&choice.lock);
	return route;
}

/* Return DPDK if calls go there. NULL means that they go by mpipc, or that there is no DPDK. */
const struct dpdk *mpipc__dpdk_native(void)
{
	const struct dpdk *dpdk;

	if (atomic_load_explicit(&choice.route, memory_order_acquire) == ROUTE_MPIPC)
		return NULL;
	dpdk = mpipc__dpdk_get();
	return dpdk && decide(dpdk) != ROUTE_MPIPC ? dpdk : NULL;
}

/* Return the route without choosing it. */
enum route mpipc__dpdk_route(void)
{
	return choice.route;
}

/* Leave the group, if one was joined. */
void mpipc__dpdk_leave(void)
{
	if (choice.route == ROUTE_MPIPC)
		mpipc__rte_close();
}

/* Forget the route. rte_eal_init() has failed and may be called again. */
void mpipc__dpdk_reset(void)
{
	mpipc__dpdk_leave();
	choice.route = ROUTE_UNDECIDED;
}
