// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "../args.h"
#include "../fds.h"
#include "wire.h"

/* Check a name, which has 1 to 63 bytes. */
int mpipc__rte_check_name(const char *name)
{
	size_t len;

	if (!name)
		return -EINVAL;
	len = strnlen(name, RTE_MP_MAX_NAME_LEN);
	if (len == 0)
		return -EINVAL;
	return len == RTE_MP_MAX_NAME_LEN ? -E2BIG : 0;
}

/* Check a message of the program. */
int mpipc__rte_check(const struct rte_mp_msg *msg)
{
	int err;

	if (!msg)
		return -EINVAL;
	err = mpipc__rte_check_name(msg->name);
	if (err)
		return err;
	if (msg->len_param < 0 || msg->num_fds < 0)
		return -EINVAL;
	if (msg->len_param > RTE_MP_MAX_PARAM_LEN || msg->num_fds > (int)RTE_MSG_FDS)
		return -E2BIG;
	return 0;
}

/* Fill in @body from a message that was checked. It points to @msg. */
void mpipc__rte_body(struct mpipc_body *body, const struct rte_mp_msg *msg)
{
	body->data = (uintptr_t)&msg->len_param;
	body->fds = (uintptr_t)msg->fds;
	body->size = sizeof(struct rte_wire);
	body->n_fds = msg->num_fds;
	/* The program may not have set what follows the NUL. The kernel does not send that. */
	memcpy(body->name, msg->name, sizeof(body->name));
}

/* Turn a timeout into a deadline. A negative one has passed. */
uint64_t mpipc__rte_deadline(const struct timespec *ts)
{
	int64_t ns;

	if (ts->tv_sec < 0)
		return 0;
	/* A timeout that does not fit in 64 bits ends in 290 years. */
	if (__builtin_mul_overflow(ts->tv_sec, (int64_t)1000000000, &ns) ||
	    __builtin_add_overflow(ns, ts->tv_nsec, &ns))
		ns = INT64_MAX;
	return ns < 0 ? 0 : mpipc__deadline(ns);
}

/* Check that a record has the format of rte_mp. */
bool mpipc__rte_valid(const struct mpipc_record *record, const struct rte_wire *wire)
{
	return record->size == sizeof(*wire) && record->n_fds <= RTE_MSG_FDS &&
	       wire->len_param >= 0 && wire->len_param <= RTE_MP_MAX_PARAM_LEN;
}

/* Make a message for the program from a record. Its descriptors are taken from @fds. */
void mpipc__rte_fill(struct rte_mp_msg *msg, const struct mpipc_record *record,
		     const struct rte_wire *wire, int *fds)
{
	memcpy(msg->name, record->name, sizeof(msg->name));
	msg->len_param = wire->len_param;
	msg->num_fds = record->n_fds;
	memcpy(msg->param, wire->param, sizeof(msg->param));
	mpipc__take_fds(msg->fds, fds, record->n_fds);
}
