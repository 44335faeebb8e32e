// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpipc.h>

#include "device.h"
#include "export.h"
#include "fds.h"

/* Find out which permission was missing: for the device, or for the group. */
static bool device_opens(void)
{
	int fd = mpipc__open_device(NULL);

	if (fd < 0)
		return false;
	mpipc__close_fd(fd);
	return true;
}

/* Check whether the module is loaded. Some containers do not see /sys/module. */
static bool is_loaded(void)
{
	FILE *file = fopen("/proc/misc", "re");
	bool found = false;
	char name[64];

	while (file && !found && fscanf(file, "%*d %63s", name) == 1)
		found = !strcmp(name, "mpipc");
	if (file)
		fclose(file);
	return found;
}

mpipc__export const char *mpipc_open_hint(int error)
{
	switch (error) {
	case 0:
		return "no error";
	case -ENODEV:
		if (!getenv("MPIPC_DEVICE") && is_loaded())
			return "there is no /dev/mpipc here, although the kernel module is loaded: "
			       "give the container or the service the device; see "
			       "mpipc-containers(7)";
		return "there is no /dev/mpipc: load the kernel module (modprobe mpipc); "
		       "if that fails, install it for this kernel";
	case -ENOTTY:
		return "the device that the program or MPIPC_DEVICE names is not one of the "
		       "module mpipc";
	case -EACCES:
	case -EPERM:
		if (!device_opens())
			return "no permission to open /dev/mpipc: as root, give this user "
			       "access to the node (its group, or chmod)";
		return "no permission for the group: it belongs to the user who started "
		       "its primary, who can open it by a mode such as 0660; if it belongs to "
		       "a file, members have to be able to write to that, and the primary has "
		       "to own it";
	case -EROFS:
		return "the file that the group belongs to is mounted read-only";
	case -EBADF:
		return "there is no open descriptor of the file that the group belongs to";
	case -EOPNOTSUPP:
		return "a group can only belong to a directory or a regular file, and not to "
		       "one without a name or in /proc or /sys";
	case -ENOSYS:
		return "the kernel module is older than this library, and has no groups that "
		       "belong to a file: install and load the one of this version";
	case -EADDRINUSE:
		return "the group already has a primary";
	case -ENOENT:
	case -ECONNREFUSED:
		return "the group has no primary: start that first, or wait for it; if the "
		       "group belongs to a file, see that this file exists";
	case -EISCONN:
		return "the descriptor of the device has joined a group already: pass one "
		       "that was only opened";
	case -EINTR:
		return "a signal came while the process waited for a primary";
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
