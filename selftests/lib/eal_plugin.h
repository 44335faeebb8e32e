/* SPDX-License-Identifier: GPL-2.0-only */
/* A plugin that uses DPDK: its functions, which lib_dlopen looks up by their names. */
#ifndef MPIPC_SELFTESTS_EAL_PLUGIN_H
#define MPIPC_SELFTESTS_EAL_PLUGIN_H

#include <stdbool.h>

/* Start EAL as @type, which is a primary or a secondary. */
int plugin_start(const char *type, const char *prefix);

/* Start to reply to requests, as a primary. */
int plugin_serve(void);

/* Ask the primary, and return whether it has replied. */
bool plugin_ask(void);

/* Call each function for messages once. */
void plugin_call_all(void);

/* Count the functions of DPDK's own IPC that have been called. */
unsigned int plugin_count_native(void);

#endif /* MPIPC_SELFTESTS_EAL_PLUGIN_H */
