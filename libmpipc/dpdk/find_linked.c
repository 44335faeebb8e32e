// SPDX-License-Identifier: BSD-3-Clause
#include "find.h"
#include "find_linked.h"

/*
 * The linker takes calls of functions with this visibility into a shared object, but not their
 * addresses. So the addresses are those of functions here.
 */
static int register_action(const char *name, rte_mp_t action)
{
	return __real_rte_mp_action_register(name, action);
}

static void unregister_action(const char *name)
{
	__real_rte_mp_action_unregister(name);
}

static int send_message(struct rte_mp_msg *msg)
{
	return __real_rte_mp_sendmsg(msg);
}

static int request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts)
{
	return __real_rte_mp_request_sync(req, reply, ts);
}

static int request_async(struct rte_mp_msg *req, const struct timespec *ts,
			 rte_mp_async_reply_t callback)
{
	return __real_rte_mp_request_async(req, ts, callback);
}

static int reply_message(struct rte_mp_msg *msg, const char *peer)
{
	return __real_rte_mp_reply(msg, peer);
}

static int init_eal(int argc, char **argv)
{
	return __real_rte_eal_init(argc, argv);
}

static int clean_up_eal(void)
{
	return __real_rte_eal_cleanup();
}

static int process_type(void)
{
	return rte_eal_process_type();
}

static const char *runtime_dir(void)
{
	return rte_eal_get_runtime_dir();
}

static const char *version(void)
{
	return rte_version();
}

/* Name all functions of DPDK. */
bool mpipc__dpdk_find(struct dpdk *dpdk)
{
	*dpdk = (struct dpdk){
		.action_register = register_action,
		.action_unregister = unregister_action,
		.sendmsg = send_message,
		.request_sync = request_sync,
		.request_async = request_async,
		.reply = reply_message,
		.init = init_eal,
		.cleanup = clean_up_eal,
		.process_type = process_type,
		.get_runtime_dir = runtime_dir,
		.version = version,
	};
	return true;
}

/* Return the address of this thread's rte_errno. */
int *mpipc__dpdk_find_errno(const struct dpdk *dpdk)
{
	(void)dpdk;
	return &per_lcore__rte_errno;
}
