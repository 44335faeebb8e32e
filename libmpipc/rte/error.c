// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>

#include <rte_errno.h>

#include "error.h"

/* Turns an error of mpipc into one that users of rte_mp know. */
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
