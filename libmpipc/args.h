/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_ARGS_H
#define MPIPC_ARGS_H

#include <mpipc.h>

/**
 * DOC: arguments of functions
 *
 * Programs pass options that may be shorter or longer than this library knows them,
 * payloads with descriptors, and timeouts. The kernel takes a &struct mpipc_body and
 * an absolute deadline in nanoseconds of CLOCK_MONOTONIC.
 */

int mpipc__options(void *dst, size_t dst_size, const void *src, size_t src_min);
int mpipc__body(struct mpipc_body *body, const char *name, const void *data, size_t size,
		const int *fds, unsigned int n_fds);
uint64_t mpipc__deadline(int64_t timeout_ns);
int mpipc__call_args(struct mpipc_call_args *arg, uint64_t to, const char *name, const void *data,
		     size_t size, int64_t timeout_ns, const struct mpipc_call_options *options,
		     struct mpipc_call_options *opts);

#endif /* MPIPC_ARGS_H */
