// SPDX-License-Identifier: BSD-3-Clause
/**
 * DOC: libmpipc-dpdk
 *
 * libmpipc-dpdk.so is preloaded into programs that use DPDK (22.11 to 25.11) as a shared
 * library::
 *
 *	LD_PRELOAD=libmpipc-dpdk.so dpdk-testpmd ...
 *
 * libmpipc-dpdk.a is linked into programs that have DPDK linked statically::
 *
 *	cc ... $(pkg-config --static --libs mpipc-dpdk libdpdk)
 *
 * Their rte_mp_*() calls, and those of DPDK's own libraries and drivers, then go by mpipc.
 * There is nothing to configure. The difference between the two forms is in find.h.
 *
 * Each function here decides by route.h where a call goes: to DPDK, or to the rte layer,
 * whose functions have other names in this library (see rte_mp.h). Between the two is
 * mixed.h, by which a primary on mpipc also reaches secondaries that are not on mpipc.
 *
 * Actions that are registered before the route is chosen are kept by the rte layer, which
 * gives them to DPDK if the route is DPDK's own IPC.
 *
 * Before DPDK frees what actions use, it unregisters an action: that of VFIO in a primary, that
 * for hot-plugging in a secondary. No action may run after that, so the process leaves its
 * group then. DPDK stops its own thread for messages at the same point.
 *
 * rte_mp_disable() is left to DPDK. Its state is in the shared memory of the group, where
 * native secondaries look at it, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "../export.h"
#include "../rte/action.h"
#include "../rte/error.h"
#include "mixed.h"
#include "native.h"
#include "route.h"
#include "say.h"

static struct {
	atomic_bool initialised;	/* rte_eal_init() has succeeded */
	atomic_bool ending;		/* rte_eal_cleanup() has begun */
} preload;

/* These are the names of DPDK's actions for VFIO, in a primary, and for hot-plugging. */
#define VFIO_ACTION	"eal_vfio_mp_sync"
#define HOTPLUG_ACTION	"eal_dev_mp_request"

/*
 * Only the linker knows a function by DPDK's name, which rte_mp.h uses for others. In
 * libmpipc-dpdk.a it has the name that the linker gives to calls of that function.
 */
#define PRELOADED(name)	__asm__(#name) mpipc__export

int preload_register_action(const char *name, rte_mp_t action) PRELOADED(rte_mp_action_register);
void preload_unregister_action(const char *name) PRELOADED(rte_mp_action_unregister);
int preload_send_message(struct rte_mp_msg *msg) PRELOADED(rte_mp_sendmsg);
int preload_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			 const struct timespec *ts) PRELOADED(rte_mp_request_sync);
int preload_request_async(struct rte_mp_msg *req, const struct timespec *ts,
			  rte_mp_async_reply_t callback) PRELOADED(rte_mp_request_async);
int preload_reply_message(struct rte_mp_msg *msg, const char *peer) PRELOADED(rte_mp_reply);
int preload_init_eal(int argc, char **argv) PRELOADED(rte_eal_init);
int preload_clean_up_eal(void) PRELOADED(rte_eal_cleanup);

int preload_register_action(const char *name, rte_mp_t action)
{
	const struct dpdk *dpdk = mpipc__dpdk_native();
	int ret;

	if (dpdk && mpipc__dpdk_route() == ROUTE_NATIVE)
		return dpdk->action_register(name, action);
	ret = rte_mp_action_register(name, action);
	/* Another thread may have chosen the route just before that. */
	if (!ret && mpipc__dpdk_route() == ROUTE_NATIVE)
		mpipc__rte_give_actions(mpipc__dpdk_get()->action_register);
	return ret;
}

void preload_unregister_action(const char *name)
{
	const struct dpdk *dpdk = mpipc__dpdk_get();

	rte_mp_action_unregister(name);
	if (dpdk)
		dpdk->action_unregister(name);
	if (preload.ending && name && (!strcmp(name, VFIO_ACTION) || !strcmp(name, HOTPLUG_ACTION)))
		mpipc__dpdk_leave();
}

int preload_send_message(struct rte_mp_msg *msg)
{
	const struct dpdk *dpdk = mpipc__dpdk_native();

	return dpdk ? dpdk->sendmsg(msg) : mpipc__mixed_send(msg);
}

int preload_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			 const struct timespec *ts)
{
	const struct dpdk *dpdk = mpipc__dpdk_native();

	return dpdk ? dpdk->request_sync(req, reply, ts) :
		      mpipc__mixed_request_sync(req, reply, ts);
}

int preload_request_async(struct rte_mp_msg *req, const struct timespec *ts,
			  rte_mp_async_reply_t callback)
{
	const struct dpdk *dpdk = mpipc__dpdk_native();

	return dpdk ? dpdk->request_async(req, ts, callback) :
		      mpipc__mixed_request_async(req, ts, callback);
}

int preload_reply_message(struct rte_mp_msg *msg, const char *peer)
{
	const struct dpdk *dpdk = mpipc__dpdk_native();

	return dpdk ? dpdk->reply(msg, peer) : mpipc__mixed_reply(msg, peer);
}

/* Check whether the process must not go on, because it demands mpipc and has another route. */
static bool is_refused(void)
{
	bool demanded = mpipc__dpdk_is_set("MPIPC_DPDK", "require");

	if (mpipc__dpdk_end_init() || !demanded)
		return false;
	mpipc__dpdk_say("rte_eal_init() fails, because MPIPC_DPDK=require demands mpipc");
	return true;
}

int preload_init_eal(int argc, char **argv)
{
	const struct dpdk *dpdk = mpipc__dpdk_get();
	int ret;

	if (!dpdk)
		return mpipc__rte_fail(-ENOTSUP);
	mpipc__dpdk_begin_init();
	ret = dpdk->init(argc, argv);
	if (ret >= 0 && is_refused()) {
		dpdk->cleanup();
		mpipc__dpdk_reset();
		return mpipc__rte_fail(-ENOTSUP);
	}
	if (ret >= 0) {
		preload.initialised = true;
		mpipc__rte_complete();
	} else if (!preload.initialised) {
		mpipc__dpdk_reset();
	}
	return ret;
}

int preload_clean_up_eal(void)
{
	const struct dpdk *dpdk = mpipc__dpdk_get();
	int ret;

	if (!dpdk)
		return mpipc__rte_fail(-ENOTSUP);
	preload.ending = true;
	ret = dpdk->cleanup();
	mpipc__dpdk_leave();
	return ret;
}
