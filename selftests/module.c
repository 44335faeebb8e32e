// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the module: what is loaded is what was built, it cannot be taken away from under
 * its users, and it leaves nothing behind.
 *
 * Promise: P17
 */
#include "child.h"
#include "device.h"
#include "message.h"
#include "module.h"
#include "parameter.h"
#include "wait.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <syslog.h>

#include "harness.h"

FIXTURE(module)
{
	struct kmod_ctx *ctx;
	struct kmod_module *loaded;
};

FIXTURE_SETUP(module)
{
	self->ctx = kmod_new(NULL, NULL);
	ASSERT_NE(NULL, self->ctx);
	/* libkmod would complain about the failures that the tests ask for. */
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

/* Coming and going under load */

#define USERS 3
#define ROUNDS 10
#define TRIES 10

/**
 * struct load - shared by the users of the module and the process that takes it away
 * @gate: each use is under it for reading
 * @used: readable after somebody has used it
 * @missed: readable after somebody has not found it
 * @stop: they shall end
 */
struct load {
	pthread_rwlock_t gate;
	int used;
	int missed;
	bool stop;
};

static struct load *make_load(void)
{
	struct load *load = mmap(NULL, sizeof(*load), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_rwlockattr_t attr;

	if (load == MAP_FAILED)
		return NULL;
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	/* A reader's lock that goes first would never let the gate close. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&load->gate, &attr);
	load->used = eventfd(0, EFD_CLOEXEC);
	load->missed = eventfd(0, EFD_CLOEXEC);
	return load;
}

/* Join as a secondary, and be killed with a message in a mailbox and a call open. */
static int use_and_die(const char *group)
{
	struct child child;
	__u64 err;

	if (child_fork(&child) < 0)
		return -errno;
	if (!child.pid) {
		int fd = open_secondary(group);

		child_send(&child, send_msg(fd, MPIPC_TO_PRIMARY, "m", NULL, 0) ?:
				   call_async(fd, MPIPC_TO_PRIMARY, "c", 0, in_ms(1), NULL));
		child_hear(&child, NULL);
		_exit(0);
	}
	if (child_hear(&child, &err))
		err = -ECHILD;
	child_kill(&child);
	return (int)err;
}

/* Use the module once, if it is there, which it stays once a file is open. */
static int use_module(const char *group)
{
	struct mpipc_record record;
	int primary = open(MPIPC_DEVICE, O_RDWR | O_CLOEXEC);
	int secondary, err;

	if (primary < 0)
		return -errno;
	err = join_primary(primary, group);
	secondary = open_secondary(group);
	err = err ?: send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0) ?:
		     recv_msg(primary, &record, NULL, 0) ?:
		     call_async(secondary, MPIPC_TO_PRIMARY, "c", 0, in_ms(1), NULL) ?:
		     use_and_die(group) ?:
		     send_msg(primary, MPIPC_TO_ALL, "m", NULL, 0) ?:
		     access("/proc/net/mpipc", R_OK);
	close(primary);
	if (secondary >= 0)
		close(secondary);
	return err;
}

static void user_main(struct load *load)
{
	char group[MPIPC_GROUP_MAX];

	group_name(group, "load");
	while (!__atomic_load_n(&load->stop, __ATOMIC_RELAXED)) {
		int err;

		pthread_rwlock_rdlock(&load->gate);
		err = use_module(group);
		pthread_rwlock_unlock(&load->gate);
		switch (err) {
		case 0:
			eventfd_write(load->used, 1);
			break;
		/* The node of the device is gone, or what the node stands for. */
		case -ENOENT:
		case -ENODEV:
		case -ENXIO:
			eventfd_write(load->missed, 1);
			break;
		default:
			fprintf(stderr, "# using the module: %s\n", strerror(-err));
			_exit(1);
		}
		/* Leave the gate, and the processor, to others for a moment. */
		poll(NULL, 0, 2);
	}
	_exit(0);
}

static bool is_busy(int err)
{
	return err == -EAGAIN || err == -EBUSY;
}

/*
 * Take the module away at a moment when all are about to use it, and in the end before they
 * are allowed to use it.
 */
static int unload(struct load *load, struct kmod_module *module)
{
	int err = -EAGAIN;

	for (int i = 0; i < TRIES && is_busy(err); i++) {
		pthread_rwlock_wrlock(&load->gate);
		pthread_rwlock_unlock(&load->gate);
		err = kmod_module_remove_module(module, 0);
	}
	if (!is_busy(err))
		return err;
	pthread_rwlock_wrlock(&load->gate);
	err = kmod_module_remove_module(module, 0);
	pthread_rwlock_unlock(&load->gate);
	return err;
}

/* Wait for the event to happen from now on. */
static void wait_for(int event)
{
	eventfd_t n;

	if (poll_for(event, POLLIN, 0) == POLLIN)
		eventfd_read(event, &n);
	eventfd_read(event, &n);
}

TEST_F(module, comes_and_goes_under_load)
{
	struct kmod_module *file = module_file(self->ctx);
	struct load *load = make_load();
	struct child users[USERS];
	char options[1024], byte;

	if (!file)
		SKIP(return, "set MPIPC_MODULE to the path of mpipc.ko");
	if (kmod_module_get_refcnt(self->loaded))
		SKIP(return, "somebody uses the module");
	ASSERT_NE(NULL, load);
	describe_parameters(options, sizeof(options));
	for (int i = 0; i < USERS; i++) {
		ASSERT_LE(0, child_fork(&users[i]));
		if (!users[i].pid)
			user_main(load);
	}
	for (int round = 0; round < ROUNDS; round++) {
		int listing;

		wait_for(load->used);
		listing = open("/proc/net/mpipc", O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, listing);
		ASSERT_EQ(0, unload(load, self->loaded));
		wait_for(load->missed);
		EXPECT_EQ(-1, read(listing, &byte, 1));
		EXPECT_EQ(EIO, errno);
		close(listing);
		ASSERT_EQ(0, kmod_module_insert_module(file, 0, options));
	}
	wait_for(load->used);
	__atomic_store_n(&load->stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < USERS; i++)
		EXPECT_EQ(0, child_wait(&users[i]));
	EXPECT_TRUE(is_live(self->loaded));
	kmod_module_unref(file);
}

TEST_HARNESS_MAIN
