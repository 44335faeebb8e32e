/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_ANCHOR_H
#define MPIPC_ANCHOR_H

#include <linux/types.h>

struct file;

/**
 * DOC: Anchors
 *
 * An anchored group belongs to a regular file or a directory, its anchor. Processes that can open
 * the same file meet in the group, whatever their namespaces are, and nobody else can occupy it.
 *
 * The file decides who may join. It is asked at each join, for the process that joins and not for
 * the process that opened the file. No lock is held meanwhile, because a file system may take long
 * to decide. Whoever may write to the file, as access() says, may be a secondary. Whoever owns the
 * file, as chmod() wants it, may be the primary.
 *
 * A group is found by the inode of its anchor. So the inode has to stay in memory while the group
 * can be found, or another file could get its place and the group with it. Each member keeps a
 * reference to the path that it named. As with an open file, the mount of this path is busy until
 * the member leaves.
 *
 * Files without a name in a directory (memory files, namespaces, and others of the kernel's own)
 * are refused. So are those of proc, sysfs and the like, in whose file systems nothing can be
 * executed, because their inodes come and go while the files stay.
 */

struct file *mpipc_anchor_import(s32 fd);
int mpipc_anchor_permits(struct file *file, u32 role);

#endif /* MPIPC_ANCHOR_H */
