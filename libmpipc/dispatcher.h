/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DISPATCHER_H
#define MPIPC_DISPATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include <mpipc.h>

/**
 * DOC: the dispatcher
 *
 * One thread at a time receives for a handle and runs its handlers: the one that is in
 * mpipc_dispatch(), or the library's own. It owns the batch and the descriptor slots
 * and needs no lock for them. @dispatcher in &struct mpipc names the thread by an
 * address that differs from thread to thread; 0 stands for nobody.
 */

uintptr_t mpipc__this_thread(void);
bool mpipc__is_dispatcher(const struct mpipc *handle);

#endif /* MPIPC_DISPATCHER_H */
