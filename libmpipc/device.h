/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DEVICE_H
#define MPIPC_DEVICE_H

/**
 * DOC: the device
 *
 * The library opens the device file that the environment variable MPIPC_DEVICE names,
 * or /dev/mpipc. Its descriptor is moved up, because some programs rely on which number
 * they get next.
 */

int mpipc__open_device(void);

#endif /* MPIPC_DEVICE_H */
