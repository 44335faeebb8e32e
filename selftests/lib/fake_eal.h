/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_SELFTESTS_FAKE_EAL_H
#define MPIPC_SELFTESTS_FAKE_EAL_H

#include <stdbool.h>
#include <time.h>

#include "dpdk_msg.h"

extern __thread int per_lcore__rte_errno;

int rte_mp_action_register(const char *name, rte_mp_t action);
void rte_mp_action_unregister(const char *name);

/**
 * struct fake_calls - how often the functions of the fake itself were called
 */
extern struct fake_calls {
	unsigned int action_register;
	unsigned int action_unregister;
	unsigned int sendmsg;
	unsigned int request_sync;
	unsigned int request_async;
	unsigned int reply;
	unsigned int disable;
} fake_calls;

/* There is no IPC, as with --no-shconf. */
extern bool fake_no_shconf;

/* rte_eal_init() calls this before its end, and rte_eal_cleanup() when memory is gone. */
extern void (*fake_during_init)(void);
extern void (*fake_without_memory)(void);

/* rte_eal_init() itself registers this action. */
#define FAKE_FIRST_ACTION	"fake_eal"

#endif /* MPIPC_SELFTESTS_FAKE_EAL_H */
