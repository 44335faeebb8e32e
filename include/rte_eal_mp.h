/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_EAL_MP_H
#define MPIPC_RTE_EAL_MP_H

/**
 * DOC: rte_eal_mp
 *
 * The first interface that was proposed for messages between DPDK's processes. It has no
 * requests, and more space for parameters. It was to be part of <rte_eal.h>, and the stand-in
 * for <rte_eal.h> includes it. A program with DPDK's own headers includes it by name.
 *
 * It may be used next to rte_mp in one process. The actions of the two interfaces are
 * separate, even if they have the same name. Other than in the proposal, there is no limit of
 * 8 secondaries, names match as a whole, and no process exits because another one did.
 *
 * Errors are returned as negative numbers. Each function can return -EBADF (IPC is not
 * initialised), -ENOTSUP (there is no shared configuration) and -EINVAL (there is no name, a
 * number is negative, or a pointer is NULL).
 */

#ifdef __cplusplus
extern "C" {
#endif

/** RTE_EAL_MP_MAX_MSG - size of a message with its header, in bytes. Since: 0.1 */
#define RTE_EAL_MP_MAX_MSG	1024
/** RTE_EAL_MP_MAX_PARAMS - size of the parameters without the header. Since: 0.1 */
#define RTE_EAL_MP_MAX_PARAMS	952

/**
 * typedef rte_eal_mp_t - an action, for messages of a name
 * @params: parameters, aligned to 8 bytes; valid until the action returns
 * @len: size of the parameters, in bytes
 * @fds: descriptors, which the action owns and has to close. A negative number is the error
 *	for which a descriptor was not received (-EMFILE).
 * @fds_num: number of descriptors
 *
 * The return value does not matter.
 *
 * Threads: it runs where the actions of rte_mp do.
 *
 * Since: 0.1
 */
typedef int (*rte_eal_mp_t)(const void *params, int len, int fds[], int fds_num);

/**
 * rte_eal_mp_action_register() - register an action for a name
 * @action_name: name, 1..63 bytes, which is copied
 * @action: function to run for messages of that name
 *
 * Return: 0; -EEXIST: there is an action of that name; -E2BIG: the name is too long; -ENOMEM.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
int rte_eal_mp_action_register(const char *action_name, rte_eal_mp_t action);

/**
 * rte_eal_mp_action_unregister() - unregister an action
 * @name: name, as registered
 *
 * It does not wait for the action if that is running.
 *
 * Threads: any thread may call it, also in an action.
 *
 * Since: 0.1
 */
void rte_eal_mp_action_unregister(const char *name);

/**
 * rte_eal_mp_sendmsg() - send a message
 * @action_name: name of the action that it is for, 1..63 bytes
 * @params: parameters, which are copied; may be NULL if there are none
 * @len_params: size of the parameters, 0..952 bytes
 * @fds: descriptors, which the sender keeps; may be NULL if there are none
 * @fds_num: number of descriptors, 0..253
 *
 * A message goes from a secondary to the primary, and from the primary to all secondaries.
 *
 * Return: size of the message in bytes, with its header of 72, even if there is no secondary;
 * -E2BIG: there are too many descriptors, or the name is too long;
 * -ENOMEM: there are too many parameters, or there is no memory;
 * and the errors of rte_mp_sendmsg().
 *
 * Threads: any thread may call it, also in an action.
 *
 * Since: 0.1
 */
int rte_eal_mp_sendmsg(const char *action_name, const void *params, int len_params, int fds[],
		       int fds_num);

#ifdef __cplusplus
}
#endif

#endif /* MPIPC_RTE_EAL_MP_H */
