/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DEFER_H
#define MPIPC_DEFER_H

#include <stdbool.h>

#include <mpipc.h>

/**
 * DOC: deferred messages
 *
 * A handler that waits for a call handles what comes in meanwhile, and those handlers
 * may call again. When handlers are deeper in each other than %MPIPC__IN_ORDER, the
 * dispatcher defers what nobody waits for: messages, events and results of asynchronous
 * calls. It copies them, with their descriptors, to the end of a list and handles them
 * in order when the handlers are less deep. Nothing received later is handled before.
 *
 * Requests and results of nested calls are still handled at once, because otherwise two
 * processes could wait for each other. The rest is handled at once, too, when thousands
 * are deferred already or when there is no memory; then it is out of order.
 *
 * The list belongs to the dispatcher.
 */

struct mpipc__deferred;

bool mpipc__defer(struct mpipc *handle, const struct mpipc_message *message);
struct mpipc__deferred *mpipc__take_deferred(struct mpipc *handle);
const struct mpipc_message *mpipc__deferred_message(const struct mpipc__deferred *deferred);
void mpipc__drop_deferred(struct mpipc *handle);

#endif /* MPIPC_DEFER_H */
