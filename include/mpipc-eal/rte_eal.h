/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_EAL_H
#define MPIPC_RTE_EAL_H

/**
 * DOC: a stand-in for DPDK's EAL
 *
 * What a program needs that uses DPDK's IPC and nothing else of it. It has its own
 * folder, so that programs with real DPDK headers cannot get it by accident:
 * `pkg-config --cflags mpipc` names it after the system's folders.
 */
#include <rte_eal_mp.h>
#include <rte_mp.h>

#ifdef __cplusplus
extern "C" {
#endif

/** enum rte_proc_type_t - what a process is in its group */
enum rte_proc_type_t {
	RTE_PROC_AUTO = -1,
	RTE_PROC_PRIMARY = 0,
	RTE_PROC_SECONDARY,
	RTE_PROC_INVALID
};

/**
 * rte_eal_init() - join the group that the options name
 * @argc: of main()
 * @argv: of main()
 *
 * --proc-type primary|secondary|auto (default primary; auto: secondary if there is
 * a primary), --file-prefix NAME (default rte), --no-shconf and --in-memory (no
 * IPC). The group is "rte/NAME". Other options of DPDK have no effect. Options
 * end at "--", or at the first argument that is none.
 *
 * A secondary does not wait for a primary, unless the environment variable
 * MPIPC_WAIT says for how many seconds. Once the function has returned, what it gets
 * for an action that it does not know is kept for three seconds at most, or until it
 * registers its first action: a peer may be faster than this process.
 *
 * Return: number of arguments that were used, after which argv[] goes on with the
 * name of the program in place of the last of them. Or -1 with rte_errno set, after one
 * line to stderr: EALREADY, EINVAL (options), E2BIG (prefix), ENODEV (no kernel module),
 * EACCES, EADDRINUSE (there is a primary), ECONNREFUSED (there is none), EPERM (it has
 * called rte_mp_disable()), ETIMEDOUT (it does not answer), and others of mpipc_open().
 */
int rte_eal_init(int argc, char **argv);

/**
 * rte_eal_cleanup() - leave the group
 *
 * Waits for the action that is running, unless that called this. The process may
 * call rte_eal_init() again.
 *
 * Return: 0.
 */
int rte_eal_cleanup(void);

/** rte_eal_process_type() - RTE_PROC_PRIMARY or RTE_PROC_SECONDARY */
enum rte_proc_type_t rte_eal_process_type(void);

#ifdef __cplusplus
}
#endif

#endif /* MPIPC_RTE_EAL_H */
