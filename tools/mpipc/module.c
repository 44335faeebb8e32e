// SPDX-License-Identifier: BSD-3-Clause
/* mpipc load, unload: load and unload the kernel module with libkmod. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <syslog.h>
#include <unistd.h>

#include <libkmod.h>

#include "device.h"
#include "module.h"
#include "tool.h"

#define MODULE "mpipc"

static struct kmod_ctx *open_kmod(void)
{
	struct kmod_ctx *kmod = kmod_new(NULL, NULL);

	if (!kmod)
		die("out of memory");
	/* Keep libkmod silent, because the errors it returns are reported anyway. */
	kmod_set_log_priority(kmod, LOG_CRIT);
	return kmod;
}

/* Return the module that modprobe would load, or NULL if there is none. */
static struct kmod_module *find_module(struct kmod_ctx *kmod)
{
	struct kmod_module *module = NULL;
	struct kmod_list *list = NULL;

	if (kmod_module_new_from_lookup(kmod, MODULE, &list) < 0 || !list)
		return NULL;
	module = kmod_module_get_module(list);
	kmod_module_unref_list(list);
	if (kmod_module_get_path(module))
		return module;
	kmod_module_unref(module);
	return NULL;
}

char *read_line(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	if (getline(&line, &size, file) < 0) {
		free(line);
		line = NULL;
	} else {
		line[strcspn(line, "\n")] = '\0';
	}
	fclose(file);
	return line;
}

int module_minor(void)
{
	FILE *file = fopen("/proc/misc", "re");
	int minor = -1, n;
	char name[64];

	while (file && fscanf(file, "%d %63s", &n, name) == 2)
		if (!strcmp(name, MODULE))
			minor = n;
	if (file)
		fclose(file);
	return minor;
}

bool module_loaded(struct module *module)
{
	memset(module, 0, sizeof(*module));
	module->version = read_line("/sys/module/" MODULE "/version");
	module->srcversion = read_line("/sys/module/" MODULE "/srcversion");
	/* A module built in a kernel tree has no version; a module built into it has no state. */
	if (access("/sys/module/" MODULE, F_OK))
		return module_minor() >= 0;
	module->is_builtin = access("/sys/module/" MODULE "/initstate", F_OK);
	return true;
}

static void set_info(struct module *module, const char *key, const char *value)
{
	if (!strcmp(key, "version"))
		module->version = copy_string(value);
	else if (!strcmp(key, "srcversion"))
		module->srcversion = copy_string(value);
	else if (!strcmp(key, "signer"))
		module->signer = copy_string(value);
}

bool module_installed(struct module *module)
{
	struct kmod_ctx *kmod = open_kmod();
	struct kmod_module *found = find_module(kmod);
	struct kmod_list *info = NULL, *entry;

	memset(module, 0, sizeof(*module));
	if (found) {
		module->path = copy_string(kmod_module_get_path(found));
		kmod_module_get_info(found, &info);
		kmod_list_foreach(entry, info)
			set_info(module, kmod_module_info_get_key(entry),
				 kmod_module_info_get_value(entry));
		kmod_module_info_free_list(info);
		kmod_module_unref(found);
	}
	kmod_unref(kmod);
	return module->path;
}

/*
 * Commands
 */

static char *join_words(char **words)
{
	char *line = copy_string("");

	for (; *words; words++) {
		char *longer = format_string("%s%s%s", line, *line ? " " : "", *words);

		free(line);
		line = longer;
	}
	return line;
}

/* Return whether @word is "NAME=VALUE" with the name in @parm, which is "NAME:DESCRIPTION". */
static bool is_for(const char *parm, const char *word)
{
	size_t len = strcspn(parm, ":"), i;

	if (strcspn(word, "=") != len)
		return false;
	/* The kernel takes "-" for "_". */
	for (i = 0; i < len; i++)
		if (word[i] != parm[i] && !(word[i] == '-' && parm[i] == '_'))
			return false;
	return true;
}

/* Refuse unknown parameters, because the kernel would ignore them. */
static void check_parameters(struct kmod_module *module, char **words)
{
	struct kmod_list *info = NULL, *entry;

	if (kmod_module_get_info(module, &info) < 0)
		return;
	for (; *words; words++) {
		bool known = false;

		kmod_list_foreach(entry, info)
			known |= !strcmp(kmod_module_info_get_key(entry), "parm") &&
				 is_for(kmod_module_info_get_value(entry), *words);
		if (!known)
			usage_error("\"%s\" sets no parameter of the module; modinfo -p %s lists "
				    "the parameters", *words, kmod_module_get_path(module));
	}
	kmod_module_info_free_list(info);
}

static void __attribute__((noreturn)) cannot_load(const char *path, int err)
{
	switch (-err) {
	case EPERM:
	case EACCES:
		die("only root may load the module, and nobody may if the kernel is locked down");
	case EKEYREJECTED:
	case ENOKEY:
		die("the kernel does not trust the signature of %s, as Secure Boot demands; "
		    "enroll the key, then reboot: mokutil --import /var/lib/dkms/mok.pub", path);
	case ENOEXEC:
		die("%s was built for another kernel; mpipc doctor says how to build it", path);
	case EINVAL:
	case ENOENT:
		die("the kernel refuses %s or a parameter; see dmesg and modinfo -p %s", path,
		    path);
	case EADDRINUSE:
	case EBUSY:
		die("another device has the name or number of the module's; see dmesg");
	}
	die("cannot load %s: %s; see dmesg", path, strerror(-err));
}

static int load(int argc, char **argv)
{
	struct kmod_ctx *kmod = open_kmod();
	struct kmod_module *module;
	struct utsname kernel;
	struct module loaded;
	char **words, *parameters;
	bool is_loaded;
	int err;

	while (next_option(argc, argv, NULL) != -1)
		;
	words = arguments(argc, argv, 0, -1);
	is_loaded = module_loaded(&loaded);
	if (is_loaded && *words)
		die("the module is loaded already; change its parameters in "
		    "/sys/module/mpipc/parameters");
	if (loaded.is_builtin)
		return 0;
	module = find_module(kmod);
	if (!module && is_loaded)
		return 0;
	if (!module && is_contained())
		die("the module is for the host to load; as root of the host: mpipc load");
	if (!module) {
		uname(&kernel);
		die("the module is not installed for kernel %s; mpipc doctor says how to install "
		    "it", kernel.release);
	}
	check_parameters(module, words);
	parameters = join_words(words);
	err = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, parameters,
					      NULL, NULL, NULL);
	if (err == KMOD_PROBE_APPLY_BLACKLIST)
		die("the module is blacklisted; find the file with: grep -r 'blacklist mpipc' "
		    "/etc/modprobe.d");
	if (err < 0)
		cannot_load(kmod_module_get_path(module), err);
	kmod_module_unref(module);
	kmod_unref(kmod);
	free(parameters);
	return 0;
}

static int unload(int argc, char **argv)
{
	struct kmod_ctx *kmod = open_kmod();
	struct kmod_module *module;
	struct module loaded;
	int err;

	while (next_option(argc, argv, NULL) != -1)
		;
	arguments(argc, argv, 0, 0);
	if (module_loaded(&loaded) && loaded.is_builtin)
		die("the module is built into the kernel");
	if (kmod_module_new_from_name(kmod, MODULE, &module) < 0)
		die("out of memory");
	err = kmod_module_remove_module(module, 0);
	if (err == -ENOENT)
		die("the module is not loaded");
	if (err == -EPERM)
		die("only root may unload the module");
	if (err == -EAGAIN || err == -EBUSY)
		die("the module is in use by %d open files; mpipc list --all shows those that are "
		    "in a group, and lsof /dev/mpipc all", kmod_module_get_refcnt(module));
	if (err < 0)
		die("cannot unload the module: %s; see dmesg", strerror(-err));
	kmod_module_unref(module);
	kmod_unref(kmod);
	return 0;
}

const struct command load_command = {
	.name = "load",
	.synopsis = "[PARAMETER=VALUE...]",
	.summary = "load the kernel module; root only",
	.options = "",
	.letters = "",
	.run = load,
};

const struct command unload_command = {
	.name = "unload",
	.synopsis = "",
	.summary = "unload the kernel module; root only",
	.options = "",
	.letters = "",
	.run = unload,
};
