// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"

/* Every DPDK has this function, and so has this library. */
#define ANY_FUNCTION	"rte_mp_sendmsg"

/* The paths of the shared objects in this process, each with a NUL at its end. */
struct objects {
	char *paths;
	size_t size;
};

/* Note the path of a shared object. The program itself has none. */
static int add_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct objects *objects = arg;
	size_t len = strlen(info->dlpi_name) + 1;
	char *paths;

	(void)size;
	if (len == 1)
		return 0;
	paths = realloc(objects->paths, objects->size + len);
	if (!paths)
		return 1;
	memcpy(paths + objects->size, info->dlpi_name, len);
	objects->paths = paths;
	objects->size += len;
	return 0;
}

/* Return the shared object that has DPDK's functions, if this one or what it needs has them. */
static void *open_through(const char *path)
{
	void *object = dlopen(path, RTLD_LAZY | RTLD_NOLOAD), *dpdk = NULL, *function;
	Dl_info own, info;

	if (!object)
		return NULL;
	function = dlsym(object, ANY_FUNCTION);
	if (function && dladdr(function, &info) && dladdr(mpipc__dpdk_find, &own) &&
	    info.dli_fbase != own.dli_fbase)
		dpdk = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	dlclose(object);
	return dpdk;
}

/*
 * Find the shared object that has DPDK's functions. That is librte_eal.so.VERSION, or whatever
 * a vendor has linked DPDK into. The dynamic linker would not look for it in the scope of a
 * plugin, so all objects are gone through.
 */
static void *open_dpdk(void)
{
	struct objects objects = { .paths = NULL };
	void *dpdk = NULL;
	size_t pos;

	dl_iterate_phdr(add_object, &objects);
	for (pos = 0; !dpdk && pos < objects.size; pos += strlen(objects.paths + pos) + 1)
		dpdk = open_through(objects.paths + pos);
	free(objects.paths);
	return dpdk;
}

/* Look up all functions of DPDK. Returns false if there is no DPDK yet. */
bool mpipc__dpdk_find(struct dpdk *dpdk)
{
	const struct {
		const char *name;
		void *function;
		bool optional;
	} wanted[] = {
		{ "rte_mp_action_register", &dpdk->action_register, false },
		{ "rte_mp_action_unregister", &dpdk->action_unregister, false },
		{ "rte_mp_sendmsg", &dpdk->sendmsg, false },
		{ "rte_mp_request_sync", &dpdk->request_sync, false },
		{ "rte_mp_request_async", &dpdk->request_async, false },
		{ "rte_mp_reply", &dpdk->reply, false },
		{ "rte_eal_init", &dpdk->init, false },
		{ "rte_eal_cleanup", &dpdk->cleanup, false },
		{ "rte_eal_process_type", &dpdk->process_type, true },
		{ "rte_eal_get_runtime_dir", &dpdk->get_runtime_dir, true },
		{ "rte_version", &dpdk->version, true },
	};
	void *symbol;
	size_t i;

	dpdk->handle = open_dpdk();
	if (!dpdk->handle)
		return false;
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		symbol = dlsym(dpdk->handle, wanted[i].name);
		if (!symbol && !wanted[i].optional) {
			dlclose(dpdk->handle);
			return false;
		}
		memcpy(wanted[i].function, &symbol, sizeof(symbol));
	}
	return true;
}

/* Return the address of this thread's rte_errno, or NULL. */
int *mpipc__dpdk_find_errno(const struct dpdk *dpdk)
{
	return dlsym(dpdk->handle, "per_lcore__rte_errno");
}
