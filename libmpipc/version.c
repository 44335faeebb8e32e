// SPDX-License-Identifier: BSD-3-Clause
#include <mpipc.h>

#include "export.h"

mpipc__export unsigned int mpipc_version(void)
{
	return MPIPC_VERSION;
}
