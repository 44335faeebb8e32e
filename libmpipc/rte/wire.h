/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_WIRE_H
#define MPIPC_RTE_WIRE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpipc.h>
#include <rte_eal_mp.h>
#include <rte_mp.h>

/**
 * DOC: rte_mp as messages of mpipc
 *
 * The name of a message is the name of the action. Its payload is the middle of
 * &struct rte_mp_msg as it stands in memory, so that nothing has to be put together to
 * send it. The first 328 bytes of that structure are the same in all versions of DPDK.
 *
 * The size of a payload says which format it has. Messages of the first interface have
 * a size of their own. Whatever has another size, or a wrong length in it, is dropped
 * with its descriptors; the reply to such a request is -EBADMSG.
 *
 * A reply without a payload has a status: -ENOENT if there is no such action,
 * %RTE_WIRE_IGNORE if the caller is not to count on this process yet.
 *
 * The rte layer is compiled twice: for libmpipc-rte.so with <rte_mp.h>, and for
 * libmpipc-dpdk.so with dpdk/rte_mp.h, where the size of a message and the number of its
 * descriptors are those of the DPDK that is loaded.
 */

/* The size of the program's struct rte_mp_msg, and how many descriptors fit in it. */
#ifndef RTE_MSG_SIZE
#define RTE_MSG_SIZE	sizeof(struct rte_mp_msg)
#define RTE_MSG_FDS	RTE_MP_MAX_FD_NUM
#endif

/* This is the payload of rte_mp. */
struct rte_wire {
	int len_param;
	int num_fds;	/* ignored, because the record has the number */
	uint8_t param[RTE_MP_MAX_PARAM_LEN];
};

/* A process that is not ready replies with this status. */
#define RTE_WIRE_IGNORE		(-EINPROGRESS)

/* This is the payload of the first interface. */
struct rte_first_wire {
	int len_params;
	int fds_num;	/* ignored, too */
	char params[RTE_EAL_MP_MAX_PARAMS];
};

static_assert(sizeof(struct rte_wire) == 264, "wire format");
static_assert(sizeof(struct rte_first_wire) + RTE_MP_MAX_NAME_LEN == 1024, "1 KiB in all");
static_assert(offsetof(struct rte_mp_msg, len_param) == 64, "layout of DPDK");
static_assert(offsetof(struct rte_mp_msg, param) == 72, "layout of DPDK");
static_assert(offsetof(struct rte_mp_msg, fds) == 328, "layout of DPDK");
static_assert(RTE_MP_MAX_NAME_LEN == MPIPC_NAME_MAX, "names are as long");
static_assert(RTE_MP_MAX_FD_NUM == MPIPC_FDS_MAX, "descriptors are as many");

int mpipc__rte_check_name(const char *name);
int mpipc__rte_check(const struct rte_mp_msg *msg);
void mpipc__rte_body(struct mpipc_body *body, const struct rte_mp_msg *msg);
uint64_t mpipc__rte_deadline(const struct timespec *ts);
bool mpipc__rte_valid(const struct mpipc_record *record, const struct rte_wire *wire);
void mpipc__rte_fill(struct rte_mp_msg *msg, const struct mpipc_record *record,
		     const struct rte_wire *wire, int *fds);

#endif /* MPIPC_RTE_WIRE_H */
