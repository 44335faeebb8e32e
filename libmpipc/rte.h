/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_H
#define MPIPC_RTE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include <rte_eal_mp.h>
#include <rte_errno.h>
#include <rte_mp.h>

#include "internal.h"

/**
 * DOC: rte_mp on libmpipc
 *
 * The name of a message is the name of the action. Its payload is the middle of
 * &struct rte_mp_msg as it stands in memory, so that nothing has to be put together
 * to send it, and the first 328 bytes of that structure are the same in all versions
 * of DPDK. The size of the payload says that this is what it is: another format
 * would have another size. What has a wrong size or length is dropped with its
 * descriptors, a request among them answered with -EBADMSG.
 *
 * Answers without a payload have a status: -ENOENT, no such action;
 * %RTE_WIRE_IGNORE, do not count on this process yet.
 *
 * Messages of the first interface have another payload of a size of its own, and
 * their own actions. A request with neither name nor payload asks the primary whether
 * the secondary may attach; its answer is a status.
 *
 * rte_mp has no handle: the process has one endpoint, which the context holds. Its
 * lock is held for reading while the endpoint is used, so that rte_eal_cleanup() can
 * call everybody back and wait for them. The thread that dispatches needs no lock,
 * since the endpoint outlives it, and takes none, so that an action may do so even
 * inside another one's request.
 *
 * rte_errno is a macro that only <rte_errno.h> knows, and <rte_mp.h> may say that the
 * program's messages are not those of this library: for DPDK itself, these files are
 * built once more with the headers in dpdk/ (see dpdk.c).
 */

/* The program's struct rte_mp_msg: how large it is, how many descriptors fit. */
#ifndef RTE_MSG_SIZE
#define RTE_MSG_SIZE	sizeof(struct rte_mp_msg)
#define RTE_MSG_FDS	RTE_MP_MAX_FD_NUM
#endif

struct rte_wire {
	int len_param;
	int num_fds;	/* not used: the record knows better */
	uint8_t param[RTE_MP_MAX_PARAM_LEN];
};

#define RTE_WIRE_IGNORE		(-EINPROGRESS)

/* The primary has called rte_mp_disable(). */
#define RTE_ATTACH_REFUSED	(-EPERM)

struct rte_first_wire {
	int len_params;
	int fds_num;	/* not used, either */
	char params[RTE_EAL_MP_MAX_PARAMS];
};

static_assert(sizeof(struct rte_wire) == 264, "wire format");
static_assert(sizeof(struct rte_first_wire) + RTE_MP_MAX_NAME_LEN == 1024, "1 KiB in all");
static_assert(offsetof(struct rte_mp_msg, len_param) == 64, "layout of DPDK");
static_assert(offsetof(struct rte_mp_msg, param) == 72, "layout of DPDK");
static_assert(offsetof(struct rte_mp_msg, fds) == 328, "layout of DPDK");
static_assert(RTE_MP_MAX_NAME_LEN == MPIPC_NAME_MAX, "a name is a name");
static_assert(RTE_MP_MAX_FD_NUM == MPIPC_FDS_MAX, "so are descriptors");

/* The context. */
int mpipc__rte_open(const char *group, enum mpipc_role role, int64_t timeout_ns);
int mpipc__rte_start(void);
void mpipc__rte_close(void);
void mpipc__rte_disable(void);
bool mpipc__rte_disabled(void);
struct mpipc *mpipc__rte_get(void);
void mpipc__rte_put(struct mpipc *handle);
void mpipc__rte_enter(struct mpipc *handle);
bool mpipc__rte_is_primary(void);
int mpipc__rte_fail(int err);

/* Messages. */
int mpipc__rte_check_name(const char *name);
int mpipc__rte_check(const struct rte_mp_msg *msg);
void mpipc__rte_body(struct mpipc_body *body, const struct rte_mp_msg *msg);
int mpipc__rte_send(struct mpipc *handle, struct mpipc_send_args *arg);
bool mpipc__rte_valid(const struct mpipc_record *record, const struct rte_wire *wire);
void mpipc__rte_fill(struct rte_mp_msg *msg, const struct mpipc_record *record,
		     const struct rte_wire *wire, int *fds);

/* Requests. */
static inline struct rte_mp_msg *mpipc__rte_answer(const struct rte_mp_reply *reply, size_t i)
{
	return (void *)((char *)reply->msgs + i * RTE_MSG_SIZE);
}

uint64_t mpipc__rte_deadline(const struct timespec *ts);
bool mpipc__rte_answered(const struct mpipc_record *record, const struct rte_wire *wire);
bool mpipc__rte_counts(const struct mpipc_record *record);

/* Actions, of one interface and the other. */
enum rte_kind { RTE_KIND_MP, RTE_KIND_FIRST };
typedef void (*rte_function_t)(void);

int mpipc__rte_add_action(const char *name, enum rte_kind kind, rte_function_t run);
int mpipc__rte_remove_action(const char *name, enum rte_kind kind);
rte_function_t mpipc__rte_find_action(const char *name, enum rte_kind kind, int *status);
void mpipc__rte_handle_first(const struct mpipc_message *message);

void mpipc__rte_handle(struct mpipc *handle, const struct mpipc_message *message, void *arg);
void mpipc__rte_settle(void);
void mpipc__rte_unsettle(void);
void mpipc__rte_complete(void);
void mpipc__rte_forget_actions(void);

/* Whether secondaries may attach. */
int mpipc__rte_attach(void);
void mpipc__rte_answer_attach(struct mpipc *handle, const struct mpipc_record *record);
void mpipc__rte_reset_attach(void);

/* Peer strings. */
#define RTE_PEER_SIZE	108

struct rte_peer {
	uint64_t call;		/* to be answered, or 0 */
	const char *name;
	unsigned int slot;
};

const char *mpipc__rte_peer(const struct mpipc_record *record);
bool mpipc__rte_parse_peer(const char *peer, struct rte_peer *parsed);
void mpipc__rte_forget_peer(const struct rte_peer *parsed);

#endif /* MPIPC_RTE_H */
