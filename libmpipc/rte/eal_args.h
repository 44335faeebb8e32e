/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_EAL_ARGS_H
#define MPIPC_RTE_EAL_ARGS_H

#include <stdbool.h>

#include <rte_eal.h>

/**
 * DOC: the command line of EAL
 *
 * rte_eal_init() takes all options of DPDK, so that a program can keep its command line, and
 * refuses all others, so that a typing error does not make a secondary a primary. As in DPDK,
 * an option can be shortened as long as no other one begins alike. Only the options that
 * concern IPC have an effect.
 */

/* @used arguments were options. The other members are the options that concern IPC. */
struct rte_eal_args {
	enum rte_proc_type_t type;
	const char *prefix;
	bool no_shconf;
	int used;
};

int mpipc__rte_parse(struct rte_eal_args *args, int argc, char **argv);

#endif /* MPIPC_RTE_EAL_ARGS_H */
