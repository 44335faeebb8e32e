/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RECEIVE_H
#define MPIPC_RECEIVE_H

#include <mpipc.h>

/**
 * DOC: receiving
 *
 * Records come in batches by read(), which never takes descriptors, or one by one by
 * MPIPC_RECV, which takes those with descriptors, too.
 *
 * A reply in the handler of the last record of a batch can bring the next record with
 * it. This saves a system call when a caller asks again and again. The
 * library stops trying where no record ever comes this way.
 */

/* The largest record fits. Memory that is not used is never touched. */
#define MPIPC__BATCH_SIZE	(sizeof(struct mpipc_record) + MPIPC_SIZE_MAX)

int mpipc__receive(struct mpipc *handle, struct mpipc_recv_args *recv, void *data, int *fds,
		   uint64_t deadline);
int mpipc__receive_batch(struct mpipc *handle);
int mpipc__reply(struct mpipc *handle, struct mpipc_reply_args *arg);

#endif /* MPIPC_RECEIVE_H */
