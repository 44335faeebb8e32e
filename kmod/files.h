/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_FILES_H
#define MPIPC_FILES_H

#include <linux/fs.h>

/**
 * DOC: File descriptors in messages
 *
 * A message refers to open files, not to descriptor numbers. The references are
 * taken when the sender's arguments are imported, and become descriptors only
 * in the receiver's own ioctl, one by one, after all that can fault has been
 * copied. A slot that cannot be filled holds its error, so count and order are
 * kept, and nothing is ever rolled back by number.
 *
 * A file reference in a mailbox must not be able to keep that mailbox alive.
 * Mailboxes see to it themselves (see "Whose an endpoint is" in endpoint.h).
 * Two kinds of files are refused besides: io_uring, as AF_UNIX does, and mpipc
 * files, unless the sender asks for it.
 */

extern const struct file_operations mpipc_fops;

int mpipc_files_import(struct file **files, const s32 __user *fds, u32 n, bool pass_mpipc);
int mpipc_files_prepare(s32 __user *slots, u32 n);
void mpipc_files_install(struct file **files, s32 __user *slots, u32 n);
void mpipc_files_put(struct file **files, u32 n);

#endif /* MPIPC_FILES_H */
