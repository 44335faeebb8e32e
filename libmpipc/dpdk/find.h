/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_FIND_H
#define MPIPC_DPDK_FIND_H

#include <stdbool.h>
#include <time.h>

#include <rte_mp.h>

/**
 * DOC: where DPDK's functions are
 *
 * There are two ways to put this library between a program and DPDK, and each has its own
 * mpipc__dpdk_find():
 *
 * libmpipc-dpdk.so (find_loaded.c) has functions with DPDK's names, which the dynamic linker
 * takes first. The library looks for DPDK among what is loaded, and does not need it, because
 * every program with LD_PRELOAD in its environment gets the library, even a shell.
 *
 * libmpipc-dpdk.a (find_linked.c) is linked with DPDK's own archives, and the linker's option
 * --wrap gives both sides other names: a call of rte_mp_sendmsg() is one of
 * __wrap_rte_mp_sendmsg(), which is here, and __real_rte_mp_sendmsg() is DPDK's.
 */

/*
 * The functions of DPDK. Some are NULL in a library that has the functions for messages and is
 * not DPDK, as libmpipc-rte.so is.
 */
struct dpdk {
	void *handle;		/* of the shared library, if it is one */
	const struct dpdk_layout *layout;	/* NULL for a version that is not known */
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
	/* The last ones can be NULL. */
	int (*process_type)(void);
	const char *(*get_runtime_dir)(void);
	const char *(*version)(void);
};

bool mpipc__dpdk_find(struct dpdk *dpdk);
int *mpipc__dpdk_find_errno(const struct dpdk *dpdk);

#endif /* MPIPC_DPDK_FIND_H */
