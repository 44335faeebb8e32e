/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Get and set parameters of the module, which reads them when an endpoint joins, sends or
 * calls.
 */
#ifndef MPIPC_SELFTESTS_PARAMETER_H
#define MPIPC_SELFTESTS_PARAMETER_H

#include "device.h"

#define PARAMETERS "/sys/module/mpipc/parameters/"

static inline long long get_param(const char *name)
{
	char path[128];
	long long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (fscanf(file, "%lld", &value) != 1)
		value = -EIO;
	fclose(file);
	return value;
}

/*
 * Set a parameter without allocating memory, because threads that the C library does not
 * know call this, too.
 */
static inline int set_param(const char *name, long long value)
{
	char path[128], text[32];
	int fd, ret, len;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	len = snprintf(text, sizeof(text), "%lld", value);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, len) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/*
 * Open and join with a mailbox that holds @messages messages. The join fixes the bounds of
 * a mailbox, so that the parameter is put back at once.
 */
static inline int open_small(const char *group, enum mpipc_role role, __u32 flags,
			     unsigned int messages)
{
	long long usual = get_param("mailbox_messages");
	int err = set_param("mailbox_messages", messages);
	int fd;

	if (err)
		return err;
	fd = open_joined(group, role, flags);
	set_param("mailbox_messages", usual);
	return fd;
}

#endif /* MPIPC_SELFTESTS_PARAMETER_H */
