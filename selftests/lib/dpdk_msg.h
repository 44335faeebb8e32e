/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages and replies as in the headers of the DPDK whose interface has DPDK_VERSION.
 */
#ifndef MPIPC_SELFTESTS_DPDK_MSG_H
#define MPIPC_SELFTESTS_DPDK_MSG_H

#include <assert.h>
#include <stdint.h>

#define RTE_MP_MAX_NAME_LEN	64
#define RTE_MP_MAX_PARAM_LEN	256
#if DPDK_VERSION < 25
#define RTE_MP_MAX_FD_NUM	8
#define MSG_SIZE		360
#define PARAM_ALIGN		1
#elif DPDK_VERSION == 25
#define RTE_MP_MAX_FD_NUM	253
#define MSG_SIZE		1340
#define PARAM_ALIGN		1
#else
#define RTE_MP_MAX_FD_NUM	253
#define MSG_SIZE		1344
#define PARAM_ALIGN		8
#endif

struct rte_mp_msg {
	char name[RTE_MP_MAX_NAME_LEN];
	int len_param;
	int num_fds;
	uint8_t param[RTE_MP_MAX_PARAM_LEN] __attribute__((aligned(PARAM_ALIGN)));
	int fds[RTE_MP_MAX_FD_NUM];
};

static_assert(sizeof(struct rte_mp_msg) == MSG_SIZE, "layout of this version");

struct rte_mp_reply {
	int nb_sent;
	int nb_received;
	struct rte_mp_msg *msgs;
};

typedef int (*rte_mp_t)(const struct rte_mp_msg *msg, const void *peer);
typedef int (*rte_mp_async_reply_t)(const struct rte_mp_msg *request,
				    const struct rte_mp_reply *reply);

#endif /* MPIPC_SELFTESTS_DPDK_MSG_H */
