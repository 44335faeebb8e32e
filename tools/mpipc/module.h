/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_MODULE_H
#define MPIPC_TOOL_MODULE_H

#include <stdbool.h>

/**
 * DOC: The kernel module
 *
 * What modprobe would load, and what is loaded, which need not be the same after an
 * update.
 */

/**
 * struct module - a module, in its file or in the kernel; NULL is what is not known
 * @path: of its file
 * @version: as in dkms.conf
 * @srcversion: a hash of its source
 * @signer: whose key it is signed with, NULL if it is not
 * @is_builtin: part of the kernel's image, for which there is no file
 */
struct module {
	char *path;
	char *version;
	char *srcversion;
	char *signer;
	bool is_builtin;
};

/* What would be loaded; false: nothing. */
bool module_installed(struct module *module);

/* What is loaded; false: nothing. */
bool module_loaded(struct module *module);

/* The first line of a file, to be freed; NULL if it cannot be read. */
char *read_line(const char *path);

#endif /* MPIPC_TOOL_MODULE_H */
