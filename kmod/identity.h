/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_IDENTITY_H
#define MPIPC_IDENTITY_H

#include "endpoint.h"

/**
 * DOC: Identity
 *
 * Who an endpoint is, was settled when it joined. Each viewer is told in its own
 * namespaces, and by one function, so that records, lists and reports agree.
 */

void mpipc_identity(const struct mpipc_endpoint *ep, struct user_namespace *user_ns,
		    struct pid_namespace *pid_ns, struct mpipc_peer *out);

#endif /* MPIPC_IDENTITY_H */
