// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include <mpipc.h>

#include "device.h"
#include "export.h"

/* Find out which permission was missing: for the device, or for the group. */
static bool device_opens(void)
{
	int fd = mpipc__open_device();

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

mpipc__export const char *mpipc_open_hint(int error)
{
	switch (error) {
	case 0:
		return "no error";
	case -ENODEV:
		return "there is no /dev/mpipc: load the kernel module (modprobe mpipc); "
		       "if that fails, install it for this kernel";
	case -ENOTTY:
		return "the device that MPIPC_DEVICE names is not one of the module mpipc";
	case -EACCES:
	case -EPERM:
		if (!device_opens())
			return "no permission to open /dev/mpipc: as root, give this user "
			       "access to the node (its group, or chmod)";
		return "no permission for the group: it belongs to the user who started "
		       "its primary, who can open it by a mode such as 0660";
	case -EADDRINUSE:
		return "the group already has a primary";
	case -ENOENT:
	case -ECONNREFUSED:
		return "the group has no primary: start that first, or wait for it";
	case -ETIMEDOUT:
		return "no primary came to the group in time";
	case -EINVAL:
		return "bad argument: a group name has 1 to 127 bytes, a mode no more "
		       "than 0666";
	case -EMFILE:
	case -ENFILE:
		return "too many open files (ulimit -n)";
	case -ENOSPC:
		return "the group has as many members as the module allows";
	case -EDQUOT:
		return "this user has as many endpoints or groups as the module allows";
	case -ENOMEM:
		return "out of memory";
	default:
		return "unexpected error: see errno(3) for its number";
	}
}
