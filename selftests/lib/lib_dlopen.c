// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of libmpipc-dpdk.so, which is preloaded here, with a DPDK that the program loads while it
 * runs: every function of DPDK is on mpipc, or none is.
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "eal_plugin.h"
#include "message.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <pthread.h>
#include <sys/stat.h>

static struct {
	__typeof__(plugin_start) *start;
	__typeof__(plugin_serve) *serve;
	__typeof__(plugin_ask) *ask;
	__typeof__(plugin_call_all) *call_all;
	__typeof__(plugin_count_native) *count_native;
} plugin;

/* Load a file that is next to this program. Nothing else can use what it defines. */
static void *load(const char *name)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 64);
	void *object;

	if (len < 0)
		abort();
	path[len] = '\0';
	strcpy(strrchr(path, '/') + 1, name);
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!object)
		fprintf(stderr, "# %s\n", dlerror());
	return object;
}

static void find(void *object, const char *name, void *function)
{
	void *symbol = dlsym(object, name);

	if (!symbol)
		abort();
	memcpy(function, &symbol, sizeof(symbol));
}

static bool load_plugin(const char *name)
{
	void *object = load(name);

	if (!object)
		return false;
	find(object, "plugin_start", &plugin.start);
	find(object, "plugin_serve", &plugin.serve);
	find(object, "plugin_ask", &plugin.ask);
	find(object, "plugin_call_all", &plugin.call_all);
	find(object, "plugin_count_native", &plugin.count_native);
	return true;
}

/* Check whether the group has a primary on mpipc, by trying to be one. */
static bool has_primary(const char *prefix)
{
	struct mpipc_join_args join = join_arg("dpdk", MPIPC_PRIMARY);
	int fd = open_dev(), err;
	char dir[256];

	snprintf(dir, sizeof(dir), "/tmp/%s", prefix);
	join.flags = MPIPC_JOIN_ANCHOR;
	join.anchor = open(dir, O_PATH | O_CLOEXEC);
	err = do_ioctl(fd, MPIPC_JOIN, &join);
	close(join.anchor);
	close(fd);
	return err == -EADDRINUSE;
}

FIXTURE(dlopen)
{
	char prefix[MPIPC_GROUP_MAX];
};

FIXTURE_SETUP(dlopen)
{
	group_name(self->prefix, _metadata->name);
}

FIXTURE_TEARDOWN(dlopen)
{
}

/* Start a secondary that asks its primary, and ends with 0 if all of it was on mpipc. */
static void start_asking(struct child *child, const char *name, const char *prefix)
{
	if (child_fork(child) < 0)
		abort();
	if (child->pid)
		return;
	if (!load_plugin(name) || plugin.start("secondary", prefix) < 0 || !plugin.ask())
		_exit(1);
	plugin.call_all();
	_exit(plugin.count_native() ? 2 : 0);
}

TEST_F(dlopen, a_plugin_that_is_linked_with_dpdk_is_on_mpipc)
{
	struct child child;

	start_asking(&child, "plugin_26.so", self->prefix);
	ASSERT_TRUE(load_plugin("plugin_26.so"));
	ASSERT_LE(0, plugin.start("primary", self->prefix));
	EXPECT_EQ(0, plugin.serve());
	EXPECT_EQ(0, child_wait(&child));
	plugin.call_all();
	EXPECT_EQ(0, plugin.count_native());
	EXPECT_TRUE(has_primary(self->prefix));
}

TEST_F(dlopen, a_plugin_with_an_unknown_version_of_dpdk_is_native)
{
	ASSERT_TRUE(load_plugin("plugin_99.so"));
	ASSERT_LE(0, plugin.start("primary", self->prefix));
	plugin.call_all();
	EXPECT_EQ(4, plugin.count_native());
	EXPECT_FALSE(has_primary(self->prefix));
}

/* The functions of DPDK as a program finds them that was not linked with it. */
struct functions {
	int (*init)(int argc, char **argv);
	int (*action_register)(const char *name, void *action);
	void (*action_unregister)(const char *name);
	int (*sendmsg)(void *msg);
};

static void find_functions(void *object, struct functions *functions)
{
	find(object, "rte_eal_init", &functions->init);
	find(object, "rte_mp_action_register", &functions->action_register);
	find(object, "rte_mp_action_unregister", &functions->action_unregister);
	find(object, "rte_mp_sendmsg", &functions->sendmsg);
}

/* Call these functions, as a primary. */
static int use(const struct functions *functions, const char *prefix)
{
	char prefix_arg[160], msg[1344] = "x";
	char *argv[] = { "test", "--proc-type=primary", prefix_arg, NULL };

	snprintf(prefix_arg, sizeof(prefix_arg), "--file-prefix=%s", prefix);
	if (functions->init(3, argv) < 0 || functions->action_register("x", abort) ||
	    functions->sendmsg(msg))
		return -1;
	functions->action_unregister("x");
	return 0;
}

/* How often the functions of DPDK itself were called. */
struct calls {
	unsigned int action_register, action_unregister, sendmsg;
};

TEST_F(dlopen, functions_that_are_found_by_the_handle_of_dpdk_are_all_native)
{
	struct functions functions;
	struct calls *calls;
	void *eal = load("librte_eal.so.26");
	char msg[1344] = "x";

	ASSERT_NE(NULL, eal);
	find(eal, "fake_calls", &calls);
	find_functions(eal, &functions);
	ASSERT_EQ(0, use(&functions, self->prefix));
	EXPECT_EQ(1, calls->sendmsg);
	EXPECT_FALSE(has_primary(self->prefix));
	/* So are calls of others in the process, and of DPDK itself, which are preloaded. */
	find_functions(RTLD_DEFAULT, &functions);
	EXPECT_EQ(0, functions.sendmsg(msg));
	EXPECT_EQ(2, calls->sendmsg);
	EXPECT_EQ(2, calls->action_register);
	EXPECT_EQ(0, functions.action_register("y", abort));
	EXPECT_EQ(3, calls->action_register);
}

TEST_F(dlopen, it_says_so)
{
	struct functions functions;
	int out[2], old = dup(STDERR_FILENO);
	char text[512] = "";
	void *eal = load("librte_eal.so.26");

	ASSERT_NE(NULL, eal);
	find_functions(eal, &functions);
	ASSERT_EQ(0, pipe(out));
	dup2(out[1], STDERR_FILENO);
	EXPECT_EQ(0, use(&functions, self->prefix));
	dup2(old, STDERR_FILENO);
	close(out[1]);
	EXPECT_LT(0, read(out[0], text, sizeof(text) - 1));
	EXPECT_NE(NULL, strstr(text, "uses DPDK's own IPC"));
	EXPECT_NE(NULL, strstr(text, "RTLD_DEFAULT"));
	EXPECT_EQ(text + strlen(text) - 1, strchr(text, '\n'));
}

TEST_F(dlopen, functions_that_are_found_in_the_whole_program_are_all_on_mpipc)
{
	struct functions functions;
	struct calls *calls;
	void *eal = load("librte_eal.so.26");

	ASSERT_NE(NULL, eal);
	find(eal, "fake_calls", &calls);
	find_functions(RTLD_DEFAULT, &functions);
	ASSERT_EQ(0, use(&functions, self->prefix));
	EXPECT_EQ(0, calls->sendmsg);
	EXPECT_EQ(0, calls->action_register);
	EXPECT_TRUE(has_primary(self->prefix));
}

TEST_F(dlopen, a_plugin_that_dpdk_is_a_part_of_is_on_mpipc)
{
	struct child child;

	start_asking(&child, "plugin_static.so", self->prefix);
	ASSERT_TRUE(load_plugin("plugin_static.so"));
	ASSERT_LE(0, plugin.start("primary", self->prefix));
	EXPECT_EQ(0, plugin.serve());
	EXPECT_EQ(0, child_wait(&child));
	plugin.call_all();
	EXPECT_EQ(0, plugin.count_native());
	EXPECT_TRUE(has_primary(self->prefix));
}

/* The calls of such a DPDK stay in it, and no option of the linker can change that. */
TEST_F(dlopen, a_plugin_that_dpdk_is_a_part_of_by_lto_is_native_and_says_so)
{
	int out[2], old = dup(STDERR_FILENO);
	char text[512] = "";

	ASSERT_TRUE(load_plugin("plugin_lto.so"));
	ASSERT_EQ(0, pipe(out));
	dup2(out[1], STDERR_FILENO);
	EXPECT_LE(0, plugin.start("primary", self->prefix));
	dup2(old, STDERR_FILENO);
	close(out[1]);
	EXPECT_LT(0, read(out[0], text, sizeof(text) - 1));
	EXPECT_NE(NULL, strstr(text, "build DPDK without LTO"));
	plugin.call_all();
	EXPECT_EQ(4, plugin.count_native());
	EXPECT_FALSE(has_primary(self->prefix));
}

TEST_HARNESS_MAIN
