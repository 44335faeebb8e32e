/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_EAL_MP_H
#define MPIPC_RTE_EAL_MP_H

/**
 * DOC: rte_eal_mp
 *
 * The first interface that was proposed for messages between DPDK's processes: without
 * requests, and with more room for parameters. It was to be part of <rte_eal.h>, whose
 * stand-in includes this; a program with DPDK's own includes it by name.
 *
 * It may be used next to rte_mp in one process. The actions of the two know nothing of
 * each other, even if they have the same name. There is no limit of 8 secondaries, names
 * match as a whole, and nobody exits because somebody else did.
 *
 * Errors are returned as negative numbers. Besides those below: -EBADF (not
 * initialised), -ENOTSUP (no shared configuration), -EINVAL (no name, a negative number,
 * or NULL for something).
 */

#ifdef __cplusplus
extern "C" {
#endif

/** RTE_EAL_MP_MAX_MSG - size of a message with its header. */
#define RTE_EAL_MP_MAX_MSG	1024
/** RTE_EAL_MP_MAX_PARAMS - size of its parameters: what the header leaves. */
#define RTE_EAL_MP_MAX_PARAMS	952

/**
 * typedef rte_eal_mp_t - what is done with messages of a name
 * @params: parameters, aligned to 8 bytes; valid until the action returns
 * @len: their size
 * @fds: descriptors, to be closed by the action; a negative one is the error that kept
 *	it from being received (-EMFILE)
 * @fds_num: how many
 *
 * Runs where the actions of rte_mp do. What it returns does not matter.
 */
typedef int (*rte_eal_mp_t)(const void *params, int len, int fds[], int fds_num);

/**
 * rte_eal_mp_action_register() - have an action run for a name
 * @action_name: 1..63 bytes
 * @action: what to do
 *
 * Return: 0, -EEXIST, -ENOMEM, -E2BIG (name).
 */
int rte_eal_mp_action_register(const char *action_name, rte_eal_mp_t action);

/**
 * rte_eal_mp_action_unregister() - have it run no more
 * @name: as registered
 */
void rte_eal_mp_action_unregister(const char *name);

/**
 * rte_eal_mp_sendmsg() - send a message
 * @action_name: which action it is for
 * @params: parameters; may be NULL if there are none
 * @len_params: 0..952
 * @fds: descriptors, which the sender keeps; may be NULL if there are none
 * @fds_num: 0..253
 *
 * From a secondary to the primary, from the primary to all secondaries.
 *
 * Return: bytes in the message, with its header of 72, also with nobody there;
 * -E2BIG (too many descriptors, or a long name), -ENOMEM (too many parameters, or no
 * memory), and the errors of rte_mp_sendmsg().
 */
int rte_eal_mp_sendmsg(const char *action_name, const void *params, int len_params, int fds[],
		       int fds_num);

#ifdef __cplusplus
}
#endif

#endif /* MPIPC_RTE_EAL_MP_H */
