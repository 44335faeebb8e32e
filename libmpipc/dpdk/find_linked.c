// SPDX-License-Identifier: BSD-3-Clause
#include "find.h"

/*
 * Only the linker knows these functions by DPDK's names. With this visibility a call from here ends
 * in the DPDK that this file is linked with, even if it is part of a shared object and another
 * one has the same functions. The linker refuses to link the file without such a DPDK.
 */
#define OF_DPDK(name)	__asm__(#name) __attribute__((visibility("protected")))

int linked_register_action(const char *name, rte_mp_t action)
	OF_DPDK(__real_rte_mp_action_register);
void linked_unregister_action(const char *name) OF_DPDK(__real_rte_mp_action_unregister);
int linked_send_message(struct rte_mp_msg *msg) OF_DPDK(__real_rte_mp_sendmsg);
int linked_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts) OF_DPDK(__real_rte_mp_request_sync);
int linked_request_async(struct rte_mp_msg *req, const struct timespec *ts,
			 rte_mp_async_reply_t callback) OF_DPDK(__real_rte_mp_request_async);
int linked_reply_message(struct rte_mp_msg *msg, const char *peer) OF_DPDK(__real_rte_mp_reply);
int linked_init_eal(int argc, char **argv) OF_DPDK(__real_rte_eal_init);
int linked_clean_up_eal(void) OF_DPDK(__real_rte_eal_cleanup);
int linked_process_type(void) OF_DPDK(rte_eal_process_type);
const char *linked_runtime_dir(void) OF_DPDK(rte_eal_get_runtime_dir);
const char *linked_version(void) OF_DPDK(rte_version);
extern __thread int linked_errno OF_DPDK(per_lcore__rte_errno);

/* Name all functions of DPDK. */
bool mpipc__dpdk_find(struct dpdk *dpdk)
{
	*dpdk = (struct dpdk){
		.action_register = linked_register_action,
		.action_unregister = linked_unregister_action,
		.sendmsg = linked_send_message,
		.request_sync = linked_request_sync,
		.request_async = linked_request_async,
		.reply = linked_reply_message,
		.init = linked_init_eal,
		.cleanup = linked_clean_up_eal,
		.process_type = linked_process_type,
		.get_runtime_dir = linked_runtime_dir,
		.version = linked_version,
	};
	return true;
}

/* Return the address of this thread's rte_errno. */
int *mpipc__dpdk_find_errno(const struct dpdk *dpdk)
{
	(void)dpdk;
	return &linked_errno;
}
