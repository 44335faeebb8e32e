// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "listing.h"
#include "module.h"
#include "tool.h"

const char *device_path(void)
{
	const char *path = secure_getenv("MPIPC_DEVICE");

	return path && *path ? path : MPIPC_DEVICE;
}

char *user_name(uid_t uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry ? copy_string(entry->pw_name) : format_string("%u", uid);
}

char *group_name(gid_t gid)
{
	const struct group *entry = getgrgid(gid);

	return entry ? copy_string(entry->gr_name) : format_string("%u", gid);
}

/*
 * Look at the groups that this process has. The user may have been added to others since,
 * which the next login grants.
 */
bool is_member(gid_t gid)
{
	int n = getgroups(0, NULL), i;
	gid_t *gids;
	bool found = gid == getegid();

	if (found || n <= 0)
		return found;
	gids = allocate(n * sizeof(*gids));
	n = getgroups(n, gids);
	for (i = 0; i < n; i++)
		found |= gids[i] == gid;
	free(gids);
	return found;
}

/* Look at the machine's files of groups, which the next login uses. */
static bool is_enrolled(const struct group *group, const char *user)
{
	char **member;

	for (member = group->gr_mem; *member; member++)
		if (!strcmp(*member, user))
			return true;
	return false;
}

char *access_command(const struct stat *stat)
{
	const struct group *entry = getgrnam(DEVICE_GROUP);
	char *user, *command;

	if (!entry)
		return format_string("groupadd --system " DEVICE_GROUP " && chgrp " DEVICE_GROUP
				     " %s && chmod 0660 %s", device_path(), device_path());
	if (stat->st_gid != entry->gr_gid || (stat->st_mode & 060) != 060)
		return format_string("chgrp " DEVICE_GROUP " %s && chmod 0660 %s",
				     device_path(), device_path());
	user = user_name(getuid());
	if (is_enrolled(entry, user))
		command = copy_string("newgrp " DEVICE_GROUP);
	else
		command = format_string("usermod -aG " DEVICE_GROUP " %s", user);
	free(user);
	return command;
}

/* Check whether a namespace is the first one of its kind, whose number never changes. */
static bool is_initial(const char *namespace, const char *initial)
{
	char target[64];
	ssize_t len = readlink(namespace, target, sizeof(target) - 1);

	if (len < 0)
		return true;
	target[len] = '\0';
	return !strcmp(target, initial);
}

bool is_contained(void)
{
	/* These are of podman, docker, and all that follow systemd's container interface. */
	return !access("/run/.containerenv", F_OK) || !access("/.dockerenv", F_OK) ||
	       !access("/run/systemd/container", F_OK) ||
	       !is_initial("/proc/self/ns/user", "user:[4026531837]") ||
	       !is_initial("/proc/self/ns/pid", "pid:[4026531836]");
}

/* This is the number of a group that is not mapped in a user namespace. */
#define OVERFLOW_GID	65534

char *container_advice(const struct stat *stat)
{
	if (stat->st_gid == OVERFLOW_GID)
		return copy_string("start the container so that it keeps the groups of its user");
	return format_string("start the container with group %u", stat->st_gid);
}

bool is_for_root(const char *command)
{
	return strncmp(command, "newgrp ", strlen("newgrp "));
}

/*
 * Joining
 */

static void device_denied(const struct stat *stat)
{
	char *command = access_command(stat);

	if (is_contained())
		die("this user may not open %s, which is for user %u and group %u (mode %04o): "
		    "%s; see mpipc-containers(7)", device_path(), stat->st_uid, stat->st_gid,
		    stat->st_mode & 07777, container_advice(stat));
	die("this user may not open %s, which is for user %s and group %s (mode %04o); %s%s",
	    device_path(), user_name(stat->st_uid), group_name(stat->st_gid),
	    stat->st_mode & 07777, is_for_root(command) ? "as root: " : "", command);
}

static void group_denied(const char *name)
{
	const struct group_row *row;
	struct listing listing;

	listing_read(&listing);
	row = listing_group(&listing, name);
	/* The group may be gone by now. */
	if (!row)
		die("group \"%s\": this user may not join it", name);
	die("group \"%s\": this user may not join, it is for user %s and group %s (mode %s)", name,
	    user_name(row->uid), group_name(row->gid), row->mode);
}

static bool can_open(void)
{
	int fd = open(device_path(), O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void denied(const char *name, const char *at)
{
	struct stat info;

	/* The device cgroup refuses with another error than the mode of the node. */
	if (access(device_path(), R_OK | W_OK) && errno != EPERM && !stat(device_path(), &info))
		device_denied(&info);
	if (!can_open())
		die("cannot open %s, whatever its mode is: " NOT_GIVEN,
		    device_path());
	if (!at)
		group_denied(name);
	if (stat(at, &info))
		die("%s: %s", at, strerror(errno));
	die("group \"%s\": this user may not join it, because members have to be able to write to "
	    "%s, and the primary has to own it; that is for user %s and group %s (mode %04o)",
	    name, at, user_name(info.st_uid), group_name(info.st_gid), info.st_mode & 07777);
}

struct mpipc *device_join(const char *group, enum mpipc_role role,
			  const struct mpipc_open_options *options)
{
	struct mpipc *handle;
	int err = mpipc_open(&handle, group, role, options);

	if (!err)
		return handle;
	if (err == -ENODEV && module_minor() >= 0)
		die("there is no %s, although the module is loaded: " GIVE_DEVICE, device_path());
	if (err == -ENODEV)
		die("there is no %s: the module mpipc is not loaded; as root%s: mpipc load",
		    device_path(), is_contained() ? " of the host" : "");
	if (err == -EACCES || err == -EPERM)
		denied(group, options->at);
	if (options->at && access(options->at, F_OK))
		die("%s: %s", options->at, strerror(errno));
	die("group \"%s\": %s", group, mpipc_open_hint(err));
}
