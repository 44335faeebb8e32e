// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <string.h>

#include <rte_errno.h>

#include "../export.h"

mpipc__export __thread int per_lcore__rte_errno;

mpipc__export const char *rte_strerror(int errnum)
{
	static __thread char text[128];

	return strerror_r(errnum, text, sizeof(text));
}
