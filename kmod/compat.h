/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_COMPAT_H
#define MPIPC_COMPAT_H

#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/uaccess.h>

/**
 * DOC: Differences between kernels
 *
 * All differences between the supported kernels are bridged here. Kbuild distinguishes them by what
 * it finds in the kernel's headers, not by version.
 */

/**
 * mpipc_receive_fd - give the calling process a descriptor for a file
 * @file: the file; the caller keeps its reference
 * @slot: where the number is written; known to be writable
 *
 * Return: 0, or a negative error, which is not written to @slot.
 */
static inline int mpipc_receive_fd(struct file *file, int __user *slot)
{
	int fd;

#ifdef MPIPC_RECEIVE_FD_TO_USER
	fd = receive_fd(file, slot, O_CLOEXEC);
#else
	fd = receive_fd(file, O_CLOEXEC);
	/*
	 * A descriptor that is installed is not taken back, because another thread may have closed
	 * its number and got it anew.
	 */
	if (fd >= 0)
		put_user(fd, slot);
#endif
	return fd < 0 ? fd : 0;
}

/**
 * mpipc_file_is_own - ask whether the calling process owns a file, or may act as its owner
 * @file: the file
 *
 * Newer kernels have a function for this, which is not in all stable releases of the same version.
 */
static inline bool mpipc_file_is_own(struct file *file)
{
#ifdef MPIPC_FILE_MNT_IDMAP
	return inode_owner_or_capable(file_mnt_idmap(file), file_inode(file));
#else
	return inode_owner_or_capable(file_mnt_user_ns(file), file_inode(file));
#endif
}

/**
 * mpipc_memcg_get - take another reference to a memory cgroup
 * @memcg: the memory cgroup, or NULL
 *
 * mem_cgroup_put() gives the reference back. A kernel without memory cgroups has neither.
 */
static inline void mpipc_memcg_get(struct mem_cgroup *memcg)
{
#ifdef CONFIG_MEMCG
	if (memcg)
		css_get(&memcg->css);
#endif
}

#endif /* MPIPC_COMPAT_H */
