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
 * The device node belongs to root. An installation gives it to the group of users "mpipc",
 * whose members may then use it.
 */

/* Name of the group of users, which a package or the administrator creates. */
#define DEVICE_GROUP	"mpipc"

/* This is what helps if the module is loaded and its device is not here, or not permitted. */
#define GIVE_DEVICE	"give the container or the service the device; see mpipc-containers(7)"
#define NOT_GIVEN	"the container or the service is not permitted to use the device; see " \
			"mpipc-containers(7)"

/* Return the path of the node that the library opens. */
const char *device_path(void);

/* Return the name, or else the number, of a user or group of users; the caller frees it. */
char *user_name(uid_t uid);
char *group_name(gid_t gid);

/* Return whether this process is in a group of users. */
bool is_member(gid_t gid);

/*
 * Return the command that gives this user access to the node, which @stat describes. The
 * caller frees it.
 */
char *access_command(const struct stat *stat);

/*
 * Return whether this process is in a container, whose node and module are for the host to mend:
 * a manager of containers says so, or there are users or processes that are not those of the host.
 */
bool is_contained(void);

/* Return what lets a user of a container open the node; the caller frees it. */
char *container_advice(const struct stat *stat);

/* Return whether root has to run the command, as opposed to the user. */
bool is_for_root(const char *command);

/* Join a group as mpipc_open() does, or end the program with a message that says what to do. */
struct mpipc *device_join(const char *group, enum mpipc_role role,
			  const struct mpipc_open_options *options);

#endif /* MPIPC_TOOL_DEVICE_H */
