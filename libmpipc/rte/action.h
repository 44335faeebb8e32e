/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_ACTION_H
#define MPIPC_RTE_ACTION_H

#include <rte_mp.h>

/**
 * DOC: actions
 *
 * Programs register a function for each name. The table is that of both
 * interfaces, rte_mp and the first one, so the kind of an action is part of its key.
 *
 * A process that has just joined gets messages before it can have registered the actions
 * for them. Until its first registration or request, or until three seconds have passed,
 * the process is not settled, and the dispatcher waits when it finds no action. While
 * rte_eal_init() is still running the dispatcher does not wait, and a requester is asked
 * to ignore the process instead.
 */

enum rte_kind { RTE_KIND_MP, RTE_KIND_FIRST };
typedef void (*rte_function_t)(void);

int mpipc__rte_add_action(const char *name, enum rte_kind kind, rte_function_t function);
int mpipc__rte_remove_action(const char *name, enum rte_kind kind);
rte_function_t mpipc__rte_find_action(const char *name, enum rte_kind kind, int *status);
void mpipc__rte_give_actions(int (*register_action)(const char *name, rte_mp_t action));
void mpipc__rte_settle(void);
void mpipc__rte_unsettle(void);
void mpipc__rte_complete(void);
void mpipc__rte_forget_actions(void);

#endif /* MPIPC_RTE_ACTION_H */
