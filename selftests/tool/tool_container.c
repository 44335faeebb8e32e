// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mpipc in containers: what the tool advises there, where the module is the host's, and
 * what it lists of other network namespaces.
 */
#include "tool.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "anchor.h"

/* Make this process one of a container, as podman marks it, with a /dev that has nothing in it. */
static int enter_container(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	mkdir("/run", 0755);
	if (mount("none", "/run", "tmpfs", 0, NULL) ||
	    close(open("/run/.containerenv", O_CREAT | O_WRONLY, 0644)) ||
	    mount("none", "/dev", "tmpfs", 0, NULL))
		return -errno;
	return close(open("/dev/null", O_CREAT | O_RDWR, 0666)) ? -errno : 0;
}

/* Make the node of the device in that /dev. */
static int give_device(dev_t dev, gid_t gid)
{
	return mknod(MPIPC_DEVICE, S_IFCHR | 0660, dev) || chown(MPIPC_DEVICE, 0, gid) ||
	       chmod(MPIPC_DEVICE, 0660) ? -errno : 0;
}

static dev_t device_number(void)
{
	struct stat info;

	if (stat(MPIPC_DEVICE, &info))
		abort();
	return info.st_rdev;
}

/* Check what doctor says of one thing, and that it names no command. */
static bool says(FIXTURE_DATA(tool) *self, const char *check, const char *status,
		 const char *message)
{
	json_object *checks = parse(self->result.out);
	bool good = false;

	for (size_t i = 0; i < json_object_array_length(member(checks, "checks")); i++) {
		json_object *one = row(checks, "checks", i);

		if (!strcmp(text_of(one, "check"), check))
			good = !strcmp(text_of(one, "status"), status) &&
			       has(text_of(one, "message"), message) &&
			       !strcmp(text_of(one, "command"), "");
	}
	json_object_put(checks);
	return good;
}

/* Run doctor as this user, and return its exit status. */
static int doctor(FIXTURE_DATA(tool) *self, uid_t uid)
{
	const struct how how = { .uid = uid };

	return run_with(&self->result, &how, "mpipc doctor -J");
}

TEST_F(tool, a_container_with_the_device_has_nothing_to_mend)
{
	dev_t dev = device_number();

	ASSERT_EQ(0, enter_container());
	ASSERT_EQ(0, give_device(dev, 1234));
	EXPECT_EQ(0, doctor(self, 0));
	EXPECT_TRUE(says(self, "headers", "ok", "the host's"));
	EXPECT_TRUE(says(self, "dkms", "ok", "the host's"));
	EXPECT_TRUE(says(self, "installed", "ok", "the host's"));
	EXPECT_TRUE(says(self, "signature", "ok", "the host's"));
	EXPECT_TRUE(says(self, "loaded", "ok", "by the host"));
	EXPECT_TRUE(says(self, "permission", "ok", "group 1234"));
	EXPECT_TRUE(says(self, "interface", "ok", "version"));
	/* The module is loaded, so there is nothing to do. */
	EXPECT_EQ(0, run(&self->result, 0, "mpipc load"));
}

TEST_F(tool, a_container_without_the_device_has_to_be_given_it)
{
	ASSERT_EQ(0, enter_container());
	EXPECT_EQ(1, doctor(self, 0));
	EXPECT_TRUE(says(self, "device", "error", "give the container or the service the device"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc request group name x"));
	EXPECT_TRUE(complains(&self->result, "give the container or the service the device"));
}

TEST_F(tool, a_container_with_an_old_number_of_the_device_has_to_be_started_anew)
{
	dev_t dev = device_number();

	ASSERT_EQ(0, enter_container());
	ASSERT_EQ(0, give_device(makedev(major(dev), minor(dev) ^ 1), 0));
	EXPECT_EQ(1, doctor(self, 0));
	EXPECT_TRUE(says(self, "device", "error", "start the container anew"));
}

TEST_F(tool, a_user_in_a_container_needs_the_group_by_its_number)
{
	dev_t dev = device_number();

	ASSERT_EQ(0, enter_container());
	ASSERT_EQ(0, give_device(dev, 777));
	EXPECT_EQ(1, doctor(self, 1234));
	EXPECT_TRUE(says(self, "access", "error", "start the container with group 777"));
	EXPECT_EQ(1, run_with(&self->result, &(struct how){ .uid = 1234 },
			      "mpipc request group name x"));
	EXPECT_TRUE(complains(&self->result, "group 777"));
}

TEST_F(tool, a_container_that_may_not_use_its_device_says_so)
{
	dev_t dev = device_number();

	ASSERT_EQ(0, enter_container());
	ASSERT_EQ(0, give_device(dev, 0));
	ASSERT_EQ(0, mount("none", "/dev", NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL));
	EXPECT_EQ(1, doctor(self, 0));
	EXPECT_TRUE(says(self, "interface", "error", "not permitted to use the device"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc request group name x"));
	EXPECT_TRUE(complains(&self->result, "not permitted to use the device"));
}

/* systemd-nspawn hides /sys/module from containers with a network namespace of their own. */
TEST_F(tool, a_container_that_does_not_see_modules_has_nothing_to_mend_either)
{
	dev_t dev = device_number();

	ASSERT_EQ(0, enter_container());
	ASSERT_EQ(0, give_device(dev, 0));
	ASSERT_EQ(0, mount("none", "/sys/module", "tmpfs", 0, NULL));
	EXPECT_EQ(0, doctor(self, 0));
	EXPECT_TRUE(says(self, "loaded", "ok", "by the host"));
	ASSERT_EQ(0, unlink(MPIPC_DEVICE));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc request group name x"));
	EXPECT_TRUE(complains(&self->result, "give the container or the service the device"));
}

TEST_F(tool, a_user_whose_group_is_not_mapped_in_the_container_has_to_keep_it)
{
	dev_t dev = device_number();

	ASSERT_EQ(0, enter_container());
	ASSERT_EQ(0, give_device(dev, 65534));
	EXPECT_EQ(1, doctor(self, 1234));
	EXPECT_TRUE(says(self, "access", "error", "keeps the groups of its user"));
}

TEST_F(tool, processes_and_users_of_its_own_are_a_container_too)
{
	EXPECT_EQ(0, run(&self->result, 0, "mpipc doctor | grep '^ok  *headers .*the host'; "
			 "test $? -eq 1"));
	EXPECT_EQ(0, run(&self->result, 0, "unshare -p -f mpipc doctor | "
			 "grep '^ok  *headers .*the host'"));
	EXPECT_EQ(0, run(&self->result, 0, "unshare -U -r mpipc doctor | "
			 "grep '^ok  *headers .*the host'"));
}

TEST_F(tool, the_module_is_for_the_host_to_load)
{
	char parameters[1024];

	if (!may_unload(self))
		SKIP(return, "somebody uses the module");
	describe_parameters(parameters, sizeof(parameters));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc unload"));
	EXPECT_EQ(0, run(&self->result, 0, "unshare -p -f mpipc doctor | "
			 "grep 'loaded .*as root of the host: mpipc load'"));
	EXPECT_EQ(1, run(&self->result, 1, "unshare -p -f mpipc request group name x"));
	EXPECT_TRUE(complains(&self->result, "as root of the host: mpipc load"));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc load %s", parameters));
}

/* Be a secondary of an anchored group and the primary of a named one, in another namespace. */
static void be_elsewhere(const struct child *child, const char *group, const char *dir)
{
	if (unshare(CLONE_NEWNET) || open_primary(group) < 0 ||
	    open_at_path(dir, group, MPIPC_SECONDARY) < 0)
		_exit(1);
	child_send(child, 0);
	child_hear(child, NULL);
	_exit(0);
}

TEST_F(tool, lists_the_groups_of_all_network_namespaces)
{
	struct child child;
	int primary;

	primary = open_at_path(self->dir, self->group, MPIPC_PRIMARY);
	ASSERT_LE(0, primary);
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid)
		be_elsewhere(&child, self->group, self->dir);
	ASSERT_EQ(0, child_hear(&child, NULL));
	/* Its named group is not in this namespace. */
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list -g --noheadings -o members %s",
			 self->group));
	EXPECT_STREQ("2\n2\n", self->result.out);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list -l -g --noheadings -o members %s | sort",
			 self->group));
	/* The anchored group has members in both, and is listed once. */
	EXPECT_STREQ("1\n2\n2\n", self->result.out);
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list --all --noheadings -o netns,pid %s | "
			 "grep -c \"^$(stat -Lc %%i /proc/%d/ns/net)  *%d$\"", self->group,
			 child.pid, child.pid));
	EXPECT_STREQ("1\n", self->result.out);
	child_send(&child, 0);
	EXPECT_EQ(0, child_wait(&child));
}

TEST_HARNESS_MAIN
