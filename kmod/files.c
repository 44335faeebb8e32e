// SPDX-License-Identifier: GPL-2.0-only
#include <linux/magic.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "files.h"

/*
 * Say whether a file is an io_uring. The kernel has no function for this that modules may call,
 * but only kernel code names anonymous inodes, and this name is as old as io_uring.
 */
static bool mpipc_file_is_io_uring(const struct file *file)
{
	return file_inode(file)->i_sb->s_magic == ANON_INODE_FS_MAGIC &&
	       !strcmp(file->f_path.dentry->d_name.name, "[io_uring]");
}

/**
 * mpipc_files_import - take references to the files behind descriptors
 * @files: where the references are stored
 * @fds: the caller's descriptors
 * @n: number of descriptors
 * @pass_mpipc: files of this device are allowed
 *
 * Return: 0, or -EFAULT, -EBADF or -EOPNOTSUPP, after which no reference is held.
 */
int mpipc_files_import(struct file **files, const s32 __user *fds, u32 n, bool pass_mpipc)
{
	int err;
	u32 i;

	for (i = 0; i < n; i++) {
		s32 fd;

		err = -EFAULT;
		if (get_user(fd, &fds[i]))
			goto undo;
		err = -EBADF;
		files[i] = fget_raw(fd);
		if (!files[i])
			goto undo;
		err = -EOPNOTSUPP;
		if (mpipc_file_is_io_uring(files[i]) ||
		    (files[i]->f_op == &mpipc_fops && !pass_mpipc)) {
			fput(files[i]);
			goto undo;
		}
	}
	return 0;

undo:
	mpipc_files_put(files, i);
	return err;
}

/**
 * mpipc_files_prepare - check that the places for descriptors can be written
 * @slots: where the receiver wants its descriptors
 * @n: number of descriptors
 *
 * Return: 0 or -EFAULT.
 */
int mpipc_files_prepare(s32 __user *slots, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (put_user(-EBADF, &slots[i]))
			return -EFAULT;
	return 0;
}

/**
 * mpipc_files_install - give the calling process descriptors for files
 * @files: the files, whose references stay with the caller
 * @slots: where the numbers, or negative errors, are written
 * @n: number of files
 *
 * Nothing that can fail may come after this, because installed descriptors are not taken back.
 */
void mpipc_files_install(struct file **files, s32 __user *slots, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		int err = mpipc_receive_fd(files[i], &slots[i]);

		if (err)
			put_user(err, &slots[i]);
	}
}

/**
 * mpipc_files_put - drop references to files
 * @files: the files
 * @n: number of files
 */
void mpipc_files_put(struct file **files, u32 n)
{
	while (n--)
		fput(files[n]);
}
