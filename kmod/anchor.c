// SPDX-License-Identifier: GPL-2.0-only
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/mpipc.h>

#include "anchor.h"
#include "compat.h"

/* Say whether a file can be an anchor, for which it has to keep its inode as long as its name. */
static bool mpipc_anchor_is_file(struct file *file)
{
	const struct dentry_operations *ops = file->f_path.dentry->d_op;
	const struct inode *inode = file_inode(file);

	return (S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode)) && !(ops && ops->d_dname) &&
	       !(inode->i_sb->s_iflags & SB_I_NOEXEC);
}

/**
 * mpipc_anchor_import - take a reference to the file that a group belongs to
 * @fd: the caller's descriptor, which may be one of O_PATH
 *
 * Return: the file, or -EBADF or -EOPNOTSUPP.
 */
struct file *mpipc_anchor_import(s32 fd)
{
	struct file *file = fget_raw(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	if (mpipc_anchor_is_file(file))
		return file;
	fput(file);
	return ERR_PTR(-EOPNOTSUPP);
}

/**
 * mpipc_anchor_permits - ask the file system whether the calling process may join
 * @file: the file that the group belongs to
 * @role: &enum mpipc_role
 *
 * The file system may take its time, so the caller holds no lock.
 *
 * Return: 0, -EROFS, -EACCES, -EPERM, or another error of the file system.
 */
int mpipc_anchor_permits(struct file *file, u32 role)
{
	int mask = MAY_WRITE | MAY_ACCESS;
	int err;

	/* To write to a directory is to make files in it, which also needs permission to search. */
	if (S_ISDIR(file_inode(file)->i_mode))
		mask |= MAY_EXEC;
	if (__mnt_is_readonly(file->f_path.mnt))
		return -EROFS;
	/* Some file systems, FUSE and NFS among them, look closely only for MAY_ACCESS. */
	err = file_permission(file, mask);
	if (err || role != MPIPC_PRIMARY || mpipc_file_is_own(file))
		return err;
	return -EPERM;
}
