/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_MODULE_H
#define MPIPC_TOOL_MODULE_H

#include <stdbool.h>

/**
 * DOC: The kernel module
 *
 * The module that modprobe would load and the module that is loaded need not be the same
 * after an update.
 */

/**
 * struct module - a module in its file or in the kernel; unknown members are NULL
 * @path: path of its file
 * @version: version, as in dkms.conf
 * @srcversion: hash of its source
 * @signer: name of the key that signed it; NULL if it is not signed
 * @is_builtin: it is part of the kernel's image and has no file
 */
struct module {
	char *path;
	char *version;
	char *srcversion;
	char *signer;
	bool is_builtin;
};

/* Describe the module that modprobe would load, or return false if there is none. */
bool module_installed(struct module *module);

/* Describe the loaded module, or return false if there is none. */
bool module_loaded(struct module *module);

/*
 * Return the minor number that the kernel gave the device, or -1 if it gave none. This works in
 * containers that do not see /sys/module.
 */
int module_minor(void);

/* Return the first line of a file, or NULL if it cannot be read; the caller frees it. */
char *read_line(const char *path);

#endif /* MPIPC_TOOL_MODULE_H */
