// SPDX-License-Identifier: BSD-3-Clause
#include "dispatcher.h"
#include "handle.h"

/* Return a number that stands for the calling thread and is never 0. */
uintptr_t mpipc__this_thread(void)
{
	static __thread char address;

	return (uintptr_t)&address;
}

/* Check that the calling thread dispatches for @handle, which it does in a handler. */
bool mpipc__is_dispatcher(const struct mpipc *handle)
{
	return atomic_load(&handle->dispatcher) == mpipc__this_thread();
}
