/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_NATIVE_H
#define MPIPC_DPDK_NATIVE_H

#include <time.h>

#include <rte_mp.h>

/**
 * DOC: the DPDK in this process
 *
 * libmpipc-dpdk.so looks DPDK up at the first call instead of linking it, because
 * every program with LD_PRELOAD in its environment gets the library, even a shell.
 */

/* The functions of DPDK. @layout is NULL for a version that is not known. */
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

const struct dpdk *mpipc__dpdk_get(void);

#endif /* MPIPC_DPDK_NATIVE_H */
