// SPDX-License-Identifier: BSD-3-Clause
#include "dispatcher.h"
#include "handle.h"

uintptr_t mpipc__this_thread(void)
{
	static __thread char address;

	return (uintptr_t)&address;
}

bool mpipc__is_dispatcher(const struct mpipc *handle)
{
	return atomic_load(&handle->dispatcher) == mpipc__this_thread();
}
