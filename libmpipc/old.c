// SPDX-License-Identifier: BSD-3-Clause
#include <stddef.h>

#include <mpipc.h>

#include "export.h"
#include "ioctl.h"

/*
 * Programs that were linked with an earlier version of libmpipc.so.0 find these functions under the
 * names and in the version nodes that they know. New programs never get them. The linker needs the
 * attribute where it optimises the whole program, but not every compiler has the attribute.
 */
#if defined(__has_attribute) && __has_attribute(symver)
#define MPIPC__OLD(function, symbol) \
	extern __typeof__(function) function __attribute__((symver(symbol)))
#else
#define MPIPC__OLD(function, symbol)	__asm__(".symver " #function ", " symbol)
#endif

int mpipc__start_0_1(struct mpipc *handle);
int mpipc__peers_get_0_1(struct mpipc *handle, void *peers, unsigned int max);

MPIPC__OLD(mpipc__start_0_1, "mpipc_start@LIBMPIPC_0.1");
MPIPC__OLD(mpipc__peers_get_0_1, "mpipc_peers_get@LIBMPIPC_0.1");

/* Start the thread as version 0.1 did, which had no options. */
mpipc__export int mpipc__start_0_1(struct mpipc *handle)
{
	return mpipc_start(handle, NULL);
}

/* List the members as version 0.1 did, whose structures end before @pending. */
mpipc__export int mpipc__peers_get_0_1(struct mpipc *handle, void *peers, unsigned int max)
{
	return mpipc__peers(handle, peers, max, offsetof(struct mpipc_peer, pending));
}
