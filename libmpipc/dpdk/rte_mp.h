/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_RTE_MP_H
#define MPIPC_DPDK_RTE_MP_H

/**
 * DOC: messages of every DPDK
 *
 * This header stands for libmpipc's own <rte_mp.h> when the rte layer is compiled for
 * libmpipc-dpdk.so. Its structures fit the messages of every version of DPDK. Its functions
 * have other names for the linker, because preload.c has those of DPDK.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define RTE_MP_MAX_FD_NUM	253
#define RTE_MP_MAX_NAME_LEN	64
#define RTE_MP_MAX_PARAM_LEN	256

/*
 * This has the most descriptors and the largest size of all versions, because programs copy
 * all of a message that they are shown. It has the smallest alignment, because programs pass
 * messages that have no more.
 */
struct rte_mp_msg {
	char name[RTE_MP_MAX_NAME_LEN];
	int len_param;
	int num_fds;
	uint8_t param[RTE_MP_MAX_PARAM_LEN];
	int fds[RTE_MP_MAX_FD_NUM];
	int padding;
};

struct rte_mp_reply {
	int nb_sent;
	int nb_received;
	struct rte_mp_msg *msgs;
};

typedef int (*rte_mp_t)(const struct rte_mp_msg *msg, const void *peer);
typedef int (*rte_mp_async_reply_t)(const struct rte_mp_msg *request,
				    const struct rte_mp_reply *reply);

/**
 * struct dpdk_layout - the layout of messages in a version of DPDK
 * @version: version of the interface, as in librte_eal.so.@version
 * @size: size of struct rte_mp_msg in bytes
 * @max_fds: how many descriptors fit in it
 * @msg_at: where the message begins in a datagram, after its type
 */
struct dpdk_layout {
	unsigned int version;
	size_t size;
	unsigned int max_fds;
	size_t msg_at;
};

extern const struct dpdk_layout *mpipc__dpdk_layout;

#define RTE_MSG_SIZE	(mpipc__dpdk_layout->size)
#define RTE_MSG_FDS	(mpipc__dpdk_layout->max_fds)

#define MPIPC_RENAMED(name)	__asm__("mpipc__" #name)

int rte_mp_action_register(const char *name, rte_mp_t action)
	MPIPC_RENAMED(rte_mp_action_register);
void rte_mp_action_unregister(const char *name) MPIPC_RENAMED(rte_mp_action_unregister);
bool rte_mp_disable(void) MPIPC_RENAMED(rte_mp_disable);
int rte_mp_sendmsg(struct rte_mp_msg *msg) MPIPC_RENAMED(rte_mp_sendmsg);
int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts) MPIPC_RENAMED(rte_mp_request_sync);
int rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts,
			 rte_mp_async_reply_t callback) MPIPC_RENAMED(rte_mp_request_async);
int rte_mp_reply(struct rte_mp_msg *msg, const char *peer) MPIPC_RENAMED(rte_mp_reply);

#endif /* MPIPC_DPDK_RTE_MP_H */
