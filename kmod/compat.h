/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_COMPAT_H
#define MPIPC_COMPAT_H

#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/uaccess.h>

/**
 * DOC: Differences between kernels
 *
 * All of them are here, told apart by what Kbuild finds in the kernel's headers.
 */

/**
 * mpipc_receive_fd - give the calling process a descriptor for a file
 * @file: the file; the caller keeps its reference
 * @slot: where the number goes; known to be writable
 *
 * Return: 0, or a negative error, which is not stored in @slot.
 */
static inline int mpipc_receive_fd(struct file *file, int __user *slot)
{
	int fd;

#ifdef MPIPC_RECEIVE_FD_TO_USER
	fd = receive_fd(file, slot, O_CLOEXEC);
#else
	fd = receive_fd(file, O_CLOEXEC);
	/*
	 * Once it is installed it is not taken back: another thread may have
	 * closed the number and got it anew.
	 */
	if (fd >= 0)
		put_user(fd, slot);
#endif
	return fd < 0 ? fd : 0;
}

#endif /* MPIPC_COMPAT_H */
