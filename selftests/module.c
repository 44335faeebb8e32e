// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module: what is loaded is what was built, it cannot be taken away from
 * under its users, and it leaves nothing behind.
 */
#include "module.h"

#include <syslog.h>

#include "kselftest_harness.h"

FIXTURE(module)
{
	struct kmod_ctx *ctx;
	struct kmod_module *loaded;
};

FIXTURE_SETUP(module)
{
	self->ctx = kmod_new(NULL, NULL);
	ASSERT_NE(NULL, self->ctx);
	/* It would complain about the failures that are asked for. */
	kmod_set_log_priority(self->ctx, LOG_CRIT);
	ASSERT_EQ(0, kmod_module_new_from_name(self->ctx, MODULE, &self->loaded));
}

FIXTURE_TEARDOWN(module)
{
	kmod_module_unref(self->loaded);
	kmod_unref(self->ctx);
}

static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool read = file && fgets(line, size, file);

	if (file)
		fclose(file);
	if (read)
		line[strcspn(line, "\n")] = '\0';
	return read;
}

static int is_live(struct kmod_module *module)
{
	return kmod_module_get_initstate(module) == KMOD_MODULE_LIVE;
}

TEST_F(module, is_live)
{
	EXPECT_TRUE(is_live(self->loaded));
	EXPECT_EQ(0, access(MPIPC_DEVICE, F_OK));
	EXPECT_EQ(0, access("/proc/net/mpipc", R_OK));
}

TEST_F(module, is_of_the_version_of_its_file)
{
	struct kmod_module *file = module_file(self->ctx);
	struct kmod_list *info = NULL, *entry;
	unsigned int seen = 0;

	if (!file)
		SKIP(return, "set MPIPC_MODULE to the path of mpipc.ko");
	ASSERT_LT(0, kmod_module_get_info(file, &info));
	kmod_list_foreach(entry, info) {
		const char *key = kmod_module_info_get_key(entry);
		char path[128], line[128] = "";

		if (strcmp(key, "version") && strcmp(key, "srcversion"))
			continue;
		snprintf(path, sizeof(path), "/sys/module/" MODULE "/%s", key);
		EXPECT_TRUE(read_line(path, line, sizeof(line)));
		EXPECT_STREQ(kmod_module_info_get_value(entry), line);
		seen += !strcmp(key, "version");
	}
	EXPECT_EQ(1U, seen);
	kmod_module_info_free_list(info);
	kmod_module_unref(file);
}

TEST_F(module, describes_the_parameters_it_has)
{
	struct kmod_module *file = module_file(self->ctx);
	struct kmod_list *info = NULL, *entry;
	unsigned int described = 0, present = 0;
	struct dirent *dirent;
	DIR *dir;

	if (!file)
		SKIP(return, "set MPIPC_MODULE to the path of mpipc.ko");
	ASSERT_LT(0, kmod_module_get_info(file, &info));
	kmod_list_foreach(entry, info) {
		const char *value = kmod_module_info_get_value(entry);
		char path[128], line[128];

		if (strcmp(kmod_module_info_get_key(entry), "parm"))
			continue;
		snprintf(path, sizeof(path), PARAMETERS "%.*s",
			 (int)strcspn(value, ":"), value);
		EXPECT_TRUE(read_line(path, line, sizeof(line))) TH_LOG("%s", path);
		described++;
	}
	kmod_module_info_free_list(info);
	kmod_module_unref(file);

	dir = opendir(PARAMETERS);
	ASSERT_NE(NULL, dir);
	while ((dirent = readdir(dir)))
		present += dirent->d_name[0] != '.';
	closedir(dir);
	EXPECT_LT(0U, described);
	EXPECT_EQ(present, described);
}

TEST_F(module, stays_while_a_descriptor_is_open)
{
	int before = kmod_module_get_refcnt(self->loaded);
	struct mpipc_record record;
	char group[MPIPC_GROUP_MAX];
	int primary, secondary, ret;

	group_name(group, "module");
	primary = open_primary(group);
	ASSERT_LE(0, primary);
	secondary = open_secondary(group);
	ASSERT_LE(0, secondary);
	EXPECT_EQ(before + 2, kmod_module_get_refcnt(self->loaded));
	ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "before", NULL, 0));

	ret = kmod_module_remove_module(self->loaded, 0);
	EXPECT_TRUE(ret == -EAGAIN || ret == -EBUSY) TH_LOG("%d", ret);
	EXPECT_TRUE(is_live(self->loaded));
	EXPECT_EQ(0, recv_msg(primary, &record, NULL, 0));
	EXPECT_STREQ("before", record.name);
	EXPECT_EQ(0, send_msg(primary, endpoint_id(secondary), "after", NULL, 0));
	EXPECT_EQ(0, recv_msg(secondary, &record, NULL, 0));

	close(primary);
	ret = kmod_module_remove_module(self->loaded, 0);
	EXPECT_TRUE(ret == -EAGAIN || ret == -EBUSY) TH_LOG("%d", ret);
	close(secondary);
	EXPECT_EQ(before, kmod_module_get_refcnt(self->loaded));
}

TEST_F(module, leaves_nothing_behind_and_comes_back)
{
	struct kmod_module *file = module_file(self->ctx);
	char group[MPIPC_GROUP_MAX], before[1024], after[1024];

	if (!file)
		SKIP(return, "set MPIPC_MODULE to the path of mpipc.ko");
	if (kmod_module_get_refcnt(self->loaded))
		SKIP(return, "somebody uses the module");
	describe_parameters(before, sizeof(before));
	ASSERT_EQ(0, kmod_module_remove_module(self->loaded, 0));
	EXPECT_NE(0, access(MPIPC_DEVICE, F_OK));
	EXPECT_NE(0, access("/proc/net/mpipc", F_OK));
	EXPECT_NE(0, access("/sys/module/" MODULE, F_OK));

	ASSERT_EQ(0, kmod_module_insert_module(file, 0, before));
	EXPECT_TRUE(is_live(self->loaded));
	describe_parameters(after, sizeof(after));
	EXPECT_STREQ(before, after);
	group_name(group, "module");
	EXPECT_LE(0, open_primary(group));
	kmod_module_unref(file);
}

TEST_HARNESS_MAIN
