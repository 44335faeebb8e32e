/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_FIND_LINKED_H
#define MPIPC_DPDK_FIND_LINKED_H

#include <time.h>

#include <rte_mp.h>

/**
 * DOC: names of DPDK
 *
 * The linker gives these names to DPDK's functions. With this visibility a call from here ends in
 * the DPDK that this file is linked with, even if it is part of a shared object and another one
 * has the same functions. The linker refuses to link the file with a DPDK that is a shared library.
 */
#define OF_DPDK	__attribute__((visibility("protected")))

OF_DPDK int __real_rte_mp_action_register(const char *name, rte_mp_t action);
OF_DPDK void __real_rte_mp_action_unregister(const char *name);
OF_DPDK int __real_rte_mp_sendmsg(struct rte_mp_msg *msg);
OF_DPDK int __real_rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
				       const struct timespec *ts);
OF_DPDK int __real_rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts,
					rte_mp_async_reply_t callback);
OF_DPDK int __real_rte_mp_reply(struct rte_mp_msg *msg, const char *peer);
OF_DPDK int __real_rte_eal_init(int argc, char **argv);
OF_DPDK int __real_rte_eal_cleanup(void);
OF_DPDK int rte_eal_process_type(void);
OF_DPDK const char *rte_eal_get_runtime_dir(void);
OF_DPDK const char *rte_version(void);
OF_DPDK extern __thread int per_lcore__rte_errno;

#endif /* MPIPC_DPDK_FIND_LINKED_H */
