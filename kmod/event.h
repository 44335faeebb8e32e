/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_EVENT_H
#define MPIPC_EVENT_H

#include "endpoint.h"

/**
 * DOC: Events
 *
 * An endpoint that asked for events is notified of peers that join and leave by queue nodes in its
 * own mailbox, so that events are in order with the messages of those peers. A primary hears of
 * its secondaries, a secondary hears of its primary. The events of both are part of the
 * &struct mpipc_link of the two, so that an event needs no memory when it happens, and no full
 * mailbox can swallow it.
 */

struct mpipc_endpoint *mpipc_event_about(struct mpipc_qnode *event);
void mpipc_event_drop(struct mpipc_qnode *event);
void mpipc_event_seen_locked(struct mpipc_qnode *event);
void mpipc_event_peer_sent_locked(struct mpipc_endpoint *to, struct mpipc_endpoint *from);
void mpipc_event_notify_joined(struct mpipc_endpoint *to, struct mpipc_link *link);
void mpipc_event_notify_left(struct mpipc_endpoint *to, struct mpipc_link *link);

#endif /* MPIPC_EVENT_H */
