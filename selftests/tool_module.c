// SPDX-License-Identifier: GPL-2.0-only
/*
 * mpipc load, unload, doctor: the module, and what mends an installation. Files of the
 * system are replaced in a mount namespace only.
 */
#include "tool.h"

#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

TEST_F(tool, a_module_that_is_used_is_not_unloaded)
{
	EXPECT_EQ(1, run(&self->result, 1, "mpipc unload"));
	EXPECT_TRUE(complains(&self->result, "in use"));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc load"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc load mailbox_messages=1"));
	EXPECT_TRUE(complains(&self->result, "/sys/module/mpipc/parameters"));
}

TEST_F(tool, the_module_is_for_root_to_load_and_unload)
{
	const struct how how = { .uid = NOBODY };

	if (!may_unload(self))
		SKIP(return, "somebody uses the module");
	EXPECT_EQ(1, run_with(&self->result, &how, "mpipc unload"));
	EXPECT_TRUE(complains(&self->result, "only root"));
}

TEST_F_TIMEOUT(tool, without_the_module_every_command_says_what_to_do, 120)
{
	static const char *const lines[] = {
		"list", "stat a", "top -n 1", "monitor", "send a b c", "request a b c", "listen a",
	};
	char parameters[1024];

	if (!may_unload(self))
		SKIP(return, "somebody uses the module");
	describe_parameters(parameters, sizeof(parameters));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc unload"));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		EXPECT_EQ(1, run(&self->result, 1, "mpipc %s", lines[i]));
		EXPECT_TRUE(complains(&self->result, "is not loaded; as root: mpipc load"));
	}
	EXPECT_EQ(1, run(&self->result, 1, "mpipc unload"));
	EXPECT_TRUE(complains(&self->result, "not loaded"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc load mailbox_messages=x"));
	EXPECT_TRUE(complains(&self->result, "parameter"));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc load %s", parameters));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list"));
}

/* What doctor says of one thing. */
static int examine(FIXTURE_DATA(tool) *self, const struct how *how, const char *check,
		   char status[16], char command[256])
{
	const char *found = "";
	json_object *checks;
	int ret = run_with(&self->result, how, "mpipc doctor -J");

	status[0] = command[0] = '\0';
	checks = parse(self->result.out);
	for (size_t i = 0; i < json_object_array_length(member(checks, "checks")); i++) {
		json_object *one = row(checks, "checks", i);

		if (strcmp(text_of(one, "check"), check))
			continue;
		snprintf(status, 16, "%s", text_of(one, "status"));
		snprintf(command, 256, "%s", text_of(one, "command"));
		found = check;
	}
	json_object_put(checks);
	return *found ? ret : -ENOENT;
}

/* A file of the system that is another one, for this test and what it runs. */
static int __attribute__((format(printf, 3, 4))) replace(FIXTURE_DATA(tool) *self,
							 const char *path, const char *format, ...)
{
	static unsigned int count;
	char other[128];
	va_list args;
	FILE *file;

	if (!count++ && (unshare(CLONE_NEWNS) ||
			 mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)))
		return -errno;
	snprintf(other, sizeof(other), "%s/replaced.%u", self->dir, count);
	file = fopen(other, "w");
	if (!file)
		return -errno;
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	fclose(file);
	chmod(other, 0755);
	/* One on top of another could not be removed. */
	umount2(path, MNT_DETACH);
	return mount(other, path, NULL, MS_BIND, NULL) ? -errno : 0;
}

TEST_F(tool, doctor_is_content_with_a_good_installation)
{
	const struct how root = { 0 };
	char status[16], command[256];
	static const char *const checks[] = {
		"kernel", "installed", "signature", "loaded", "device", "access", "interface",
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		EXPECT_EQ(0, examine(self, &root, checks[i], status, command));
		EXPECT_STREQ("ok", status) TH_LOG("%s", checks[i]);
		EXPECT_STREQ("", command);
	}
	EXPECT_EQ(0, run(&self->result, 0, "mpipc doctor | grep '^ok  *loaded'"));
}

TEST_F_TIMEOUT(tool, doctor_leads_to_access_for_a_user, 120)
{
	const struct how stranger = { .uid = 1234, .gid = 1234 };
	const struct how member = { .uid = 1234, .gid = 777 };
	const struct how root = { 0 };
	char status[16], command[256];

	ASSERT_EQ(0, make_node(self->dir, 0, 0600));
	ASSERT_EQ(0, replace(self, "/etc/group", "root:x:0:\n"));
	ASSERT_EQ(0, replace(self, "/etc/passwd", "root:x:0:0::/:/bin/sh\nu:x:1234:1234::/:\n"));
	EXPECT_EQ(1, examine(self, &stranger, "access", status, command));
	EXPECT_STREQ("error", status);
	EXPECT_TRUE(has(command, "groupadd --system mpipc && chgrp mpipc "));

	ASSERT_EQ(0, replace(self, "/etc/group", "root:x:0:\nmpipc:x:777:\n"));
	EXPECT_EQ(1, examine(self, &stranger, "permission", status, command));
	EXPECT_STREQ("warning", status);
	EXPECT_EQ(0, run(&self->result, 0, "%s", command));
	EXPECT_EQ(1, examine(self, &stranger, "permission", status, command));
	EXPECT_STREQ("ok", status);
	EXPECT_EQ(1, examine(self, &stranger, "access", status, command));
	EXPECT_STREQ("usermod -aG mpipc u", command);

	/* That does this; the login is older. */
	ASSERT_EQ(0, replace(self, "/etc/group", "root:x:0:\nmpipc:x:777:u\n"));
	EXPECT_EQ(1, examine(self, &stranger, "access", status, command));
	EXPECT_STREQ("newgrp mpipc", command);
	EXPECT_EQ(0, examine(self, &member, "access", status, command));
	EXPECT_STREQ("ok", status);
	EXPECT_EQ(0, examine(self, &root, "access", status, command));
}

TEST_F(tool, doctor_leads_to_a_device)
{
	const struct how root = { 0 };
	char status[16], command[256];

	ASSERT_EQ(0, make_node(self->dir, 0, 0600));
	ASSERT_EQ(0, unlink(getenv("MPIPC_DEVICE")));
	EXPECT_EQ(1, examine(self, &root, "device", status, command));
	EXPECT_STREQ("error", status);
	EXPECT_EQ(0, run(&self->result, 0, "%s", command));
	EXPECT_EQ(0, examine(self, &root, "device", status, command));
	EXPECT_STREQ("ok", status);
	EXPECT_EQ(0, run(&self->result, 0, "rm $MPIPC_DEVICE; mknod $MPIPC_DEVICE c 1 3"));
	EXPECT_EQ(1, examine(self, &root, "device", status, command));
	EXPECT_EQ(0, run(&self->result, 0, "%s", command));
	EXPECT_EQ(0, examine(self, &root, "device", status, command));
}

TEST_F(tool, doctor_leads_to_a_loaded_module)
{
	const struct how root = { 0 };
	char status[16], command[256], parameters[1024];

	if (!may_unload(self))
		SKIP(return, "somebody uses the module");
	describe_parameters(parameters, sizeof(parameters));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc unload"));
	EXPECT_EQ(1, examine(self, &root, "loaded", status, command));
	EXPECT_STREQ("error", status);
	EXPECT_EQ(0, run(&self->result, 0, "%s %s", command, parameters));
	EXPECT_EQ(0, examine(self, &root, "loaded", status, command));
	EXPECT_STREQ("ok", status);
}

TEST_F(tool, doctor_compares_what_is_loaded_with_what_is_installed)
{
	const struct how root = { 0 };
	char status[16], command[256];

	ASSERT_EQ(0, replace(self, "/sys/module/mpipc/srcversion", "0123456789\n"));
	EXPECT_EQ(0, examine(self, &root, "loaded", status, command));
	EXPECT_STREQ("warning", status);
	EXPECT_STREQ("mpipc unload && mpipc load", command);
}

TEST_F(tool, doctor_says_when_modules_have_to_be_signed)
{
	const struct how root = { 0 };
	char status[16], command[256];

	if (access("/sys/module/module/parameters/sig_enforce", F_OK))
		ASSERT_EQ(0, run(&self->result, 0, "mount -t tmpfs t /sys/module/module && "
				 "mkdir -p /sys/module/module/parameters && "
				 ">/sys/module/module/parameters/sig_enforce"));
	ASSERT_EQ(0, replace(self, "/sys/module/module/parameters/sig_enforce", "Y\n"));
	EXPECT_EQ(0, examine(self, &root, "signature", status, command));
	EXPECT_STREQ("ok", status);
	EXPECT_TRUE(has(self->result.out, "sig_enforce is on, and the kernel took"));
}

/* DKMS is a script here, which says what it is told. */
static bool dkms_says(FIXTURE_DATA(tool) *self, const char *text)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s:%s", self->dir, getenv("PATH"));
	setenv("PATH", path, 1);
	return !run(&self->result, 0, "{ echo '#!/bin/sh'; echo \"echo '%s'\"; } >%s/dkms; "
		    "chmod +x %s/dkms", text, self->dir, self->dir);
}

TEST_F(tool, doctor_asks_dkms)
{
	const struct how root = { 0 };
	char status[16], command[256], line[256];
	struct utsname kernel;

	uname(&kernel);
	EXPECT_EQ(0, examine(self, &root, "dkms", status, command));
	EXPECT_STREQ("ok", status);
	snprintf(line, sizeof(line), "mpipc/0.1.0, %s, x86_64: installed", kernel.release);
	ASSERT_TRUE(dkms_says(self, line));
	EXPECT_EQ(0, examine(self, &root, "dkms", status, command));
	EXPECT_STREQ("ok", status);
	EXPECT_TRUE(has(self->result.out, "installed for "));
	ASSERT_TRUE(dkms_says(self, "mpipc/0.1.0, 1.2.3, x86_64: installed"));
	EXPECT_EQ(0, examine(self, &root, "dkms", status, command));
	EXPECT_STREQ("warning", status);
	EXPECT_TRUE(has(command, "dkms install mpipc/"));
	EXPECT_TRUE(has(command, kernel.release));
	ASSERT_TRUE(dkms_says(self, "mpipc/0.1.0: added"));
	EXPECT_EQ(0, examine(self, &root, "dkms", status, command));
	EXPECT_STREQ("warning", status);
}

TEST_HARNESS_MAIN
