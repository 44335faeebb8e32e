/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DEVICE_H
#define MPIPC_DEVICE_H

/**
 * DOC: the device
 *
 * The library opens the device file that the program or the environment variable
 * MPIPC_DEVICE names, or /dev/mpipc, or duplicates a descriptor that the program has. Its own
 * descriptor is moved up, because some programs rely on which number
 * they get next.
 */

int mpipc__open_device(const char *path);
int mpipc__dup_high(int low);

#endif /* MPIPC_DEVICE_H */
