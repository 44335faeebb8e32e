// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "../rte/init.h"
#include "group.h"
#include "route.h"

/* DPDK's enum rte_proc_type_t. */
#define PROC_SECONDARY	1

/* Nobody registers that: it shows whether there is IPC. */
#define PROBE_ACTION	"mpipc:probe"

static struct {
	pthread_mutex_t lock;
	_Atomic enum route route;
} choice = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool has_ipc(const struct dpdk *dpdk)
{
	if (dpdk->action_register(PROBE_ACTION, NULL))
		return false;
	dpdk->action_unregister(PROBE_ACTION);
	return true;
}

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

/* DPDK, if the call is to go there, or NULL: it goes by mpipc, or nowhere. */
const struct dpdk *mpipc__dpdk_native(void)
{
	const struct dpdk *dpdk;

	if (atomic_load_explicit(&choice.route, memory_order_acquire) == ROUTE_MPIPC)
		return NULL;
	dpdk = mpipc__dpdk_get();
	return dpdk && decide(dpdk) != ROUTE_MPIPC ? dpdk : NULL;
}

enum route mpipc__dpdk_route(void)
{
	return choice.route;
}

void mpipc__dpdk_leave(void)
{
	if (choice.route == ROUTE_MPIPC)
		mpipc__rte_close();
}

/* It may be tried again, with other arguments. */
void mpipc__dpdk_reset(void)
{
	mpipc__dpdk_leave();
	choice.route = ROUTE_UNDECIDED;
}
