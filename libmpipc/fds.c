// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "export.h"
#include "fds.h"

/* Close a descriptor. Unlike close(), this is no cancellation point. */
void mpipc__close_fd(int fd)
{
	syscall(SYS_close, fd);
}

mpipc__export int mpipc_message_take_fd(const struct mpipc_message *message, unsigned int index)
{
	int fd;

	if (!message || index >= message->record->n_fds)
		return -EINVAL;
	fd = message->fds[index];
	if (fd >= 0)
		mpipc__fd_slots(message)[index] = -EBADF;
	return fd;
}

/* Move all descriptors of a message, or the errors in their place, from @slots to @fds. */
void mpipc__take_fds(int *fds, int *slots, unsigned int n_fds)
{
	unsigned int i;

	for (i = 0; i < n_fds; i++) {
		fds[i] = slots[i];
		slots[i] = -EBADF;
	}
}

/* Close the descriptors in @fds that are still there. */
void mpipc__close_fds(int *fds, unsigned int n_fds)
{
	unsigned int i;

	for (i = 0; i < n_fds; i++) {
		if (fds[i] >= 0)
			mpipc__close_fd(fds[i]);
		fds[i] = -EBADF;
	}
}
