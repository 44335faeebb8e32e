// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>

#include <rte_errno.h>

#include "error.h"

/* Set rte_errno to the error that users of rte_mp know instead of @err. Returns -1. */
int mpipc__rte_fail(int err)
{
	switch (err) {
	case -ESHUTDOWN:
		rte_errno = EBADF;
		break;
	case -ESTALE:
		rte_errno = ECONNREFUSED;
		break;
	default:
		rte_errno = -err;
	}
	return -1;
}
