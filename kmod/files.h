/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_FILES_H
#define MPIPC_FILES_H

#include <linux/fs.h>

/**
 * DOC: File descriptors in messages
 *
 * A message refers to open files, not to descriptor numbers. The references are taken when the
 * sender's arguments are imported. They become descriptors only in the receiver's own ioctl, one
 * by one, after all that can fault has been copied. A descriptor that cannot be made leaves its
 * error in its place, so that count and order are kept, and nothing is ever taken back by number.
 *
 * A file reference in a mailbox must not be able to keep that mailbox alive. Mailboxes see to
 * this themselves: see "Ownership" in endpoint.h. Two kinds of files are refused in
 * addition: files of io_uring, as AF_UNIX refuses them, and files of this device, unless the sender
 * asks for that.
 */

extern const struct file_operations mpipc_fops;

int mpipc_files_import(struct file **files, const s32 __user *fds, u32 n, bool pass_mpipc);
int mpipc_files_prepare(s32 __user *slots, u32 n);
void mpipc_files_install(struct file **files, s32 __user *slots, u32 n);
void mpipc_files_put(struct file **files, u32 n);

#endif /* MPIPC_FILES_H */
