/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_DEVICE_H
#define MPIPC_TOOL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <mpipc.h>

/**
 * DOC: The device, and joining a group
 *
 * The node belongs to root and, installed as it should be, to the group of users
 * "mpipc", whose members may use it.
 */

/* Name of the group of users, which a package or the administrator makes. */
#define DEVICE_GROUP	"mpipc"

/* Path of the node, as the library sees it. */
const char *device_path(void);

/* Names of a user or a group of users, or their numbers; to be freed. */
char *user_name(uid_t uid);
char *group_name(gid_t gid);

/* Whether this process is in a group of users. */
bool is_member(gid_t gid);

/*
 * The command that gives this user access to the node, to be freed; @stat is that of
 * the node.
 */
char *access_command(const struct stat *stat);

/* Whether that is a command of root's, or one of the user's. */
bool is_for_root(const char *command);

/* mpipc_open(), or the end of the program with what to do. */
struct mpipc *device_join(const char *group, enum mpipc_role role,
			  const struct mpipc_open_options *options);

#endif /* MPIPC_TOOL_DEVICE_H */
