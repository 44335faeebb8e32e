// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <mpipc.h>

#include "../rte/action.h"
#include "group.h"
#include "route.h"
#include "say.h"

/* This is RTE_PROC_SECONDARY of DPDK. */
#define PROC_SECONDARY	1

/* No program has an action of this name. DPDK registers it only if there is IPC. */
#define PROBE_ACTION	"mpipc:probe"

static struct {
	pthread_mutex_t lock;
	_Atomic enum route route;	/* written under the lock */
	atomic_bool init;		/* rte_eal_init() was called here */
} choice = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Check that DPDK has IPC, which it does not with --no-shconf. */
static bool has_ipc(const struct dpdk *dpdk)
{
	if (dpdk->action_register(PROBE_ACTION, NULL))
		return false;
	dpdk->action_unregister(PROBE_ACTION);
	return true;
}

/* Say why a process cannot join the group, and what helps. */
static const char *explain(int err, bool secondary)
{
	if (secondary && (err == -ENOENT || err == -ECONNREFUSED))
		return "its primary is not on mpipc; see what the primary says, or preload the "
		       "library into the primary, too";
	return mpipc_open_hint(err);
}

/* Choose the route, if DPDK knows its runtime directory by now. */
static enum route choose(const struct dpdk *dpdk)
{
	bool log = mpipc__dpdk_is_set("MPIPC_LOG", "1"), secondary;
	const char *dir;
	int err;

	if (!mpipc__dpdk_is_dpdk(dpdk))
		return ROUTE_NATIVE;
	dir = dpdk->get_runtime_dir();
	if (!dir || !dir[0])
		return ROUTE_UNDECIDED;
	if (!has_ipc(dpdk)) {
		if (log)
			mpipc__dpdk_say("has no IPC, because of --no-shconf or --in-memory");
		return ROUTE_NATIVE;
	}
	if (!choice.init) {
		mpipc__dpdk_say("uses DPDK's own IPC in %s: the program calls rte_eal_init() of DPDK "
				"itself, by the handle of a library; RTLD_DEFAULT finds that of mpipc",
				dir);
		return ROUTE_NATIVE;
	}
	if (!dpdk->layout) {
		mpipc__dpdk_say("uses DPDK's own IPC in %s: this version of DPDK is not known; "
				"22.11 to 25.11 are", dir);
		return ROUTE_NATIVE;
	}
	secondary = dpdk->process_type() == PROC_SECONDARY;
	err = mpipc__dpdk_group_join(dir, secondary);
	if (err)
		mpipc__dpdk_say("uses DPDK's own IPC in %s: %s (error %d)", dir,
				explain(err, secondary), -err);
	else if (log)
		mpipc__dpdk_say("is on mpipc, as %s of the group at %s",
				secondary ? "a secondary" : "the primary", dir);
	return err ? ROUTE_NATIVE : ROUTE_MPIPC;
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
		if (route == ROUTE_NATIVE)
			mpipc__rte_give_actions(dpdk->action_register);
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

/* Note that rte_eal_init() was called here, so that the functions of DPDK are found here. */
void mpipc__dpdk_begin_init(void)
{
	choice.init = true;
}

/*
 * Stay with DPDK's own IPC if rte_eal_init() has succeeded and made no call that came here.
 * Returns false if the process is not on mpipc and could be.
 */
bool mpipc__dpdk_end_init(void)
{
	const struct dpdk *dpdk = mpipc__dpdk_get();
	bool unseen;

	if (!mpipc__dpdk_is_dpdk(dpdk))
		return true;
	pthread_mutex_lock(&choice.lock);
	unseen = choice.route == ROUTE_UNDECIDED;
	if (unseen)
		choice.route = ROUTE_NATIVE;
	pthread_mutex_unlock(&choice.lock);
	if (unseen) {
		mpipc__rte_give_actions(dpdk->action_register);
		mpipc__dpdk_say("uses DPDK's own IPC: the calls of DPDK itself do not come by "
				"mpipc; build DPDK without LTO");
	}
	return choice.route == ROUTE_MPIPC;
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
		mpipc__dpdk_group_leave();
}

/* Forget the route. rte_eal_init() has failed and may be called again. */
void mpipc__dpdk_reset(void)
{
	mpipc__dpdk_leave();
	choice.route = ROUTE_UNDECIDED;
	choice.init = false;
}
