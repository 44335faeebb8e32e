/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Find the module that is loaded, so that it can be taken away and brought back.
 *
 * MPIPC_MODULE is the path of mpipc.ko, if it is not where modprobe looks.
 */
#ifndef MPIPC_SELFTESTS_MODULE_H
#define MPIPC_SELFTESTS_MODULE_H

#include "parameter.h"

#include <dirent.h>
#include <libkmod.h>

#define MODULE "mpipc"

/* Find the file that the module was loaded from, or NULL if that is not known. */
static inline struct kmod_module *module_file(struct kmod_ctx *ctx)
{
	const char *path = getenv("MPIPC_MODULE");
	struct kmod_module *module = NULL;
	struct kmod_list *list = NULL;

	if (path) {
		kmod_module_new_from_path(ctx, path, &module);
		return module;
	}
	if (kmod_module_new_from_lookup(ctx, MODULE, &list) < 0 || !list)
		return NULL;
	module = kmod_module_get_module(list);
	kmod_module_unref_list(list);
	if (module && kmod_module_get_path(module))
		return module;
	kmod_module_unref(module);
	return NULL;
}

/* Describe the module's parameters in the form in which a load takes them. */
static inline void describe_parameters(char *options, size_t size)
{
	DIR *dir = opendir(PARAMETERS);
	struct dirent *dirent;
	size_t used = 0;

	options[0] = '\0';
	while (dir && (dirent = readdir(dir))) {
		char name[64];
		long long value;

		snprintf(name, sizeof(name), "%.63s", dirent->d_name);
		value = get_param(name);
		if (name[0] != '.' && value >= 0 && used < size)
			used += snprintf(options + used, size - used, "%s=%lld ", name,
					 value);
	}
	if (dir)
		closedir(dir);
}

#endif /* MPIPC_SELFTESTS_MODULE_H */
