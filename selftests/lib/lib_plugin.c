// SPDX-License-Identifier: GPL-2.0-only
/* Tests of libmpipc in a plugin, which is loaded and unloaded while the program runs. */
#include "harness.h"
#include "device.h"

#include <dlfcn.h>
#include <linux/limits.h>
#include <sched.h>
#include <semaphore.h>

#include <mpipc.h>

/* The functions of the plugin's library. */
static struct {
	__typeof__(mpipc_open) *open;
	__typeof__(mpipc_start) *start;
	__typeof__(mpipc_send) *send;
	__typeof__(mpipc_close) *close;
} lib;

/* plugin.so is next to this program. */
static void *load_plugin(void)
{
	const struct {
		const char *name;
		void *function;
	} wanted[] = {
		{ "mpipc_open", &lib.open }, { "mpipc_start", &lib.start },
		{ "mpipc_send", &lib.send }, { "mpipc_close", &lib.close },
	};
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("plugin.so"));
	void *plugin, *symbol;
	size_t i;

	if (len < 0)
		return NULL;
	path[len] = '\0';
	strcpy(strrchr(path, '/') + 1, "plugin.so");
	plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	for (i = 0; plugin && i < ARRAY_SIZE(wanted); i++) {
		symbol = dlsym(plugin, wanted[i].name);
		memcpy(wanted[i].function, &symbol, sizeof(symbol));
	}
	return plugin;
}

/**
 * struct closing - a handler that closes its handle and goes on
 * @thread: the thread that runs it, by its number
 * @closed: posted when the handle is closed
 * @unloaded: then waited for
 */
struct closing {
	pid_t thread;
	sem_t closed;
	sem_t unloaded;
};

static void close_here(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	struct closing *closing = arg;

	(void)message;
	closing->thread = gettid();
	lib.close(handle);
	sem_post(&closing->closed);
	sem_wait(&closing->unloaded);
}

/* Check that a thread of this process has not ended. */
static bool has_thread(pid_t thread)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d", thread);
	return !access(path, F_OK);
}

TEST(a_plugin_may_be_unloaded_when_its_handles_are_closed)
{
	struct closing closing;
	struct mpipc_open_options options = {
		.size = sizeof(options), .handler = close_here, .arg = &closing,
	};
	struct mpipc *primary, *secondary;
	void *plugin = load_plugin();
	char group[MPIPC_GROUP_MAX];

	ASSERT_NE(NULL, plugin);
	sem_init(&closing.closed, 0, 0);
	sem_init(&closing.unloaded, 0, 0);
	group_name(group, "plugin");
	ASSERT_EQ(0, lib.open(&primary, group, MPIPC_PRIMARY, &options));
	ASSERT_EQ(0, lib.start(primary, NULL));
	ASSERT_EQ(0, lib.open(&secondary, group, MPIPC_SECONDARY, NULL));
	ASSERT_EQ(1, lib.send(secondary, MPIPC_TO_PRIMARY, "x", NULL, 0, NULL));
	sem_wait(&closing.closed);
	lib.close(secondary);
	EXPECT_EQ(0, dlclose(plugin));
	sem_post(&closing.unloaded);
	/* The thread returns into the library. */
	while (has_thread(closing.thread))
		sched_yield();
}

TEST_HARNESS_MAIN
