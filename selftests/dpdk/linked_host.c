// SPDX-License-Identifier: BSD-3-Clause
/*
 * A program that is not linked with DPDK, for the tests in linked.c. It loads the plugin
 * linked_host PLUGIN ARGUMENT..., or, as linked_host DPDK ARGUMENT..., the library of DPDK itself,
 * from which it gets functions as ctypes of Python does. Then it makes one request.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>

static void find(void *library, const char *name, void *function)
{
	void *symbol = dlsym(library, name);

	if (symbol)
		memcpy(function, &symbol, sizeof(symbol));
}

int main(int argc, char **argv)
{
	void *library = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW | RTLD_LOCAL);
	__typeof__(rte_mp_request_sync) *request = NULL;
	__typeof__(rte_eal_cleanup) *cleanup = NULL;
	__typeof__(rte_eal_init) *init = NULL;
	const struct timespec timeout = { .tv_sec = 120 };
	struct rte_mp_msg msg = { .name = "ask", .param = "a", .len_param = 1 };
	int (*entry)(int argc, char **argv) = NULL;
	struct rte_mp_reply reply;
	int ret;

	if (!library) {
		puts(dlerror());
		return 1;
	}
	find(library, "entry", &entry);
	if (entry)
		return entry(argc - 1, argv + 1);
	find(library, "rte_eal_init", &init);
	find(library, "rte_mp_request_sync", &request);
	find(library, "rte_eal_cleanup", &cleanup);
	if (!init || !request || !cleanup || init(argc - 1, argv + 1) < 0)
		return 1;
	ret = request(&msg, &reply, &timeout);
	printf("done %d\n", ret ? ret : reply.nb_received);
	fflush(stdout);
	return cleanup();
}
