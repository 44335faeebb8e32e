/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_EAL_H
#define MPIPC_RTE_EAL_H

/**
 * DOC: a stand-in for DPDK's EAL
 *
 * This header is for programs that use DPDK's IPC and nothing else of DPDK. It has its own
 * folder, which `pkg-config --cflags mpipc-rte` names after the folders of the system, so that
 * programs with DPDK's real headers do not get it by accident.
 */
#include <rte_eal_mp.h>
#include <rte_mp.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum rte_proc_type_t - role of a process in its group
 * @RTE_PROC_AUTO: secondary if there is a primary, else primary
 * @RTE_PROC_PRIMARY: primary
 * @RTE_PROC_SECONDARY: secondary
 * @RTE_PROC_INVALID: not a role
 *
 * Since: 0.1
 */
enum rte_proc_type_t {
	RTE_PROC_AUTO = -1,
	RTE_PROC_PRIMARY = 0,
	RTE_PROC_SECONDARY,
	RTE_PROC_INVALID
};

/**
 * rte_eal_init() - join the group that the options name
 * @argc: argument count of main()
 * @argv: arguments of main()
 *
 * Options are --proc-type primary|secondary|auto (default primary; auto is a secondary if
 * there is a primary), --file-prefix NAME (default rte), and --no-shconf and --in-memory,
 * which mean that there is no IPC. The name of the group is "rte/NAME". Other options of DPDK
 * have no effect, and what is no option of DPDK is refused. An option may be shortened, as long
 * as no other one begins alike. Options end at "--", or at the first argument that does not
 * begin with "-".
 *
 * A secondary does not wait for a primary, unless the environment variable MPIPC_WAIT says for
 * how many seconds. A peer may be faster than this process: once the function has returned,
 * messages for which there is no action wait until the process registers its first action,
 * for three seconds at most.
 *
 * Return: number of arguments that were used. The last of them is replaced by the name of the
 * program, so that the rest of @argv can be parsed as that of a program of its own. On error
 * -1 with rte_errno set, after one line on stderr:
 * EALREADY: the process is initialised; EINVAL: bad options; E2BIG: the prefix is too long;
 * ENODEV: there is no kernel module; EACCES: the process has no permission;
 * EADDRINUSE: there is a primary already; ECONNREFUSED: there is no primary;
 * EPERM: the primary has called rte_mp_disable(); ETIMEDOUT: the primary does not reply;
 * and other errors of mpipc_open().
 *
 * Threads: one thread, before it calls other functions of rte_eal.
 *
 * Since: 0.1
 */
int rte_eal_init(int argc, char **argv);

/**
 * rte_eal_cleanup() - leave the group
 *
 * It waits for the action that is running, unless it is called by that action. After a second
 * it cancels an action that still runs, by pthread_cancel(), as DPDK does at once, and waits
 * until the action reaches a cancellation point. The process may call rte_eal_init() again.
 *
 * Return: 0.
 *
 * Threads: any thread may call it, also in an action. Other threads that wait in functions of
 * rte_mp return with an error.
 *
 * Since: 0.1
 */
int rte_eal_cleanup(void);

/**
 * rte_eal_process_type() - role of this process
 *
 * Return: RTE_PROC_PRIMARY or RTE_PROC_SECONDARY.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
enum rte_proc_type_t rte_eal_process_type(void);

#ifdef __cplusplus
}
#endif

#endif /* MPIPC_RTE_EAL_H */
