/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RECEIVE_H
#define MPIPC_RECEIVE_H

#include <mpipc.h>

/**
 * DOC: receiving
 *
 * Records come in batches by read(), which never takes descriptors, or one by one by
 * MPIPC_RECV, which takes those with descriptors, too.
 */

/* The largest record fits. Memory that is not used is never touched. */
#define MPIPC__BATCH_SIZE	(sizeof(struct mpipc_record) + MPIPC_SIZE_MAX)

int mpipc__receive(struct mpipc *handle, struct mpipc_recv_args *recv, void *data, int *fds,
		   uint64_t deadline);
int mpipc__receive_batch(struct mpipc *handle);

#endif /* MPIPC_RECEIVE_H */
