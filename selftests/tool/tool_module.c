// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mpipc load, unload and doctor: the module, and what mends an installation. Files
 * of the system are replaced in a mount namespace only.
 */
#include "tool.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
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

TEST_F(tool, without_the_module_every_command_says_what_to_do)
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
	EXPECT_EQ(2, run(&self->result, 2, "mpipc load mailbox-messages=5 mailbox_mesages=5"));
	EXPECT_TRUE(has(self->result.err, "\"mailbox_mesages=5\" sets no parameter"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc load mailbox_messages=x"));
	EXPECT_TRUE(complains(&self->result, "parameter"));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc load %s", parameters));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc list"));
}

/* Find out what doctor says of one thing. */
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

/* Mount only for this test and what it runs. */
static int own_mounts(void)
{
	static bool done;

	if (done)
		return 0;
	done = true;
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ?
	       -errno : 0;
}

/* Replace a file of the system by another one. */
static int replace_by(FIXTURE_DATA(tool) *self, const char *path, const void *data, size_t size)
{
	static unsigned int count;
	char other[128];
	FILE *file;

	if (own_mounts())
		return -errno;
	snprintf(other, sizeof(other), "%s/replaced.%u", self->dir, count++);
	file = fopen(other, "w");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file))
		return -errno;
	chmod(other, 0755);
	/* A mount on top of another could not be removed. */
	umount2(path, MNT_DETACH);
	return mount(other, path, NULL, MS_BIND, NULL) ? -errno : 0;
}

static int replace(FIXTURE_DATA(tool) *self, const char *path, const char *text)
{
	return replace_by(self, path, text, strlen(text));
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

TEST_F(tool, doctor_leads_to_access_for_a_user)
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

	/* The change of the group mends this; the login is older. */
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
	EXPECT_EQ(1, examine(self, &root, "interface", status, command));
	EXPECT_STREQ("error", status);
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

/* Replace the command dkms by a script that prints @text. */
static bool dkms_says(FIXTURE_DATA(tool) *self, const char *text)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s:%s", self->dir, getenv("PATH"));
	setenv("PATH", path, 1);
	return !run(&self->result, 0, "{ echo '#!/bin/sh'; echo \"echo '%s'\"; } >%s/dkms; "
		    "chmod +x %s/dkms", text, self->dir, self->dir);
}

/* Check that the command installs by DKMS, or in a place where there is none. */
static bool installs(const char *command)
{
	return has(command, "install") && has(command, "dkms");
}

TEST_F(tool, doctor_compares_what_is_loaded_with_what_is_installed)
{
	const struct how root = { 0 };
	char status[16], command[256];

	ASSERT_EQ(0, replace(self, "/sys/module/mpipc/srcversion", "0123456789\n"));
	EXPECT_EQ(0, examine(self, &root, "loaded", status, command));
	EXPECT_STREQ("warning", status);
	EXPECT_STREQ("mpipc unload && mpipc load", command);
	ASSERT_EQ(0, umount2("/sys/module/mpipc/srcversion", MNT_DETACH));
	ASSERT_EQ(0, replace(self, "/sys/module/mpipc/version", "0.0.0\n"));
	EXPECT_EQ(0, examine(self, &root, "loaded", status, command));
	EXPECT_STREQ("warning", status);
	EXPECT_TRUE(has(self->result.out, "version 0.0.0 is loaded, this is mpipc"));
	EXPECT_TRUE(installs(command));
}

/* Replace the file of the module, as if it were of a version with another first digit. */
static int replace_version(FIXTURE_DATA(tool) *self, const char *path)
{
	static const char key[] = "version=";
	const size_t max = 1 << 24;
	char *data = calloc(1, max), *found = data, line[4096];
	size_t size;
	FILE *file;
	int err;

	/* libkmod looks at what is in the file, not at its name. */
	snprintf(line, sizeof(line), "case %s in *.xz) unxz -c ;; *.zst) unzstd -c ;; *) cat ;; esac <%s",
		 path, path);
	file = popen(line, "r");
	size = fread(data, 1, max, file);
	pclose(file);
	do {
		found = memmem(found + 1, data + size - found - 1, key, strlen(key));
		/* The match may also be that of the source. */
	} while (found && found[-1] == 'c');
	if (found)
		found[strlen(key)] = '9';
	err = found ? replace_by(self, path, data, size) : -ENOENT;
	free(data);
	return err;
}

TEST_F(tool, doctor_compares_what_is_installed_with_itself)
{
	const struct how root = { 0 };
	char status[16], command[256];
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_module *module;
	int err;

	unsetenv("MPIPC_MODULE");
	module = module_file(ctx);
	if (!module)
		SKIP(return, "the module is not installed");
	err = replace_version(self, kmod_module_get_path(module));
	kmod_module_unref(module);
	kmod_unref(ctx);
	if (err == -ENOENT)
		SKIP(return, "the module's file cannot be decompressed");
	ASSERT_EQ(0, err);
	EXPECT_EQ(0, examine(self, &root, "installed", status, command));
	EXPECT_STREQ("warning", status);
	EXPECT_TRUE(has(self->result.out, "is version 9."));
	EXPECT_TRUE(installs(command));
}

/*
 * Have the kernel say to this process, and to what it runs, that it is Linux 2.6, for which there
 * are no modules. Return false if no program starts then, as with the C library of some systems.
 */
static bool pretend_old_kernel(FIXTURE_DATA(tool) *self)
{
	return personality(UNAME26) >= 0 && !run(&self->result, 0, "true");
}

TEST_F(tool, doctor_leads_to_a_kernel_its_headers_and_its_module)
{
	const struct how root = { 0 };
	char status[16], command[256], expected[256];
	struct utsname kernel;

	if (!pretend_old_kernel(self))
		SKIP(return, "this system does not start programs on Linux 2.6");
	ASSERT_EQ(0, uname(&kernel));
	EXPECT_EQ(1, examine(self, &root, "kernel", status, command));
	EXPECT_STREQ("error", status);
	EXPECT_TRUE(has(command, "apt-get install linux-image-"));
	EXPECT_EQ(1, examine(self, &root, "headers", status, command));
	EXPECT_STREQ("error", status);
	snprintf(expected, sizeof(expected), "apt-get install linux-headers-%s", kernel.release);
	EXPECT_STREQ(expected, command);
	EXPECT_EQ(1, examine(self, &root, "installed", status, command));
	EXPECT_STREQ("warning", status);
	EXPECT_TRUE(installs(command));

	/* DKMS has another version than this one. */
	ASSERT_TRUE(dkms_says(self, "mpipc/0.0.0: added"));
	snprintf(expected, sizeof(expected), "dkms install mpipc/0.0.0 -k %s", kernel.release);
	EXPECT_EQ(1, examine(self, &root, "dkms", status, command));
	EXPECT_STREQ("error", status);
	EXPECT_STREQ(expected, command);
	EXPECT_EQ(1, examine(self, &root, "installed", status, command));
	EXPECT_STREQ(expected, command);
}

/* Act as if the kernel were started with module.sig_enforce=1. */
static int demand_signatures(FIXTURE_DATA(tool) *self)
{
	if (own_mounts())
		return -errno;
	if (access("/sys/module/module/parameters/sig_enforce", F_OK) &&
	    run(&self->result, 0, "mount -t tmpfs t /sys/module/module && "
		"mkdir -p /sys/module/module/parameters && "
		">/sys/module/module/parameters/sig_enforce"))
		return -EIO;
	return replace(self, "/sys/module/module/parameters/sig_enforce", "Y\n");
}

TEST_F(tool, doctor_says_when_modules_have_to_be_signed)
{
	const struct how root = { 0 };
	char status[16], command[256];

	ASSERT_EQ(0, demand_signatures(self));
	EXPECT_EQ(0, examine(self, &root, "signature", status, command));
	EXPECT_STREQ("ok", status);
	EXPECT_TRUE(has(self->result.out, "sig_enforce is on, and the kernel took"));
}

static bool is_signed(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_module *module = module_file(ctx);
	struct kmod_list *info = NULL, *entry;
	bool found = false;

	kmod_module_get_info(module, &info);
	kmod_list_foreach(entry, info)
		found |= !strcmp(kmod_module_info_get_key(entry), "signer");
	kmod_module_info_free_list(info);
	kmod_module_unref(module);
	kmod_unref(ctx);
	return found;
}

TEST_F(tool, doctor_leads_to_a_module_whose_signature_is_taken)
{
	const struct how root = { 0 };
	char status[16], command[256], parameters[1024];

	if (!may_unload(self))
		SKIP(return, "somebody uses the module");
	describe_parameters(parameters, sizeof(parameters));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc unload"));
	ASSERT_EQ(0, demand_signatures(self));
	EXPECT_EQ(1, examine(self, &root, "signature", status, command));
	if (is_signed()) {
		EXPECT_STREQ("warning", status);
		EXPECT_TRUE(has(command, "mokutil --import "));
	} else {
		EXPECT_STREQ("error", status);
		EXPECT_TRUE(has(command, "make install-dkms"));
		ASSERT_TRUE(dkms_says(self, "mpipc/0.0.0: added"));
		EXPECT_EQ(1, examine(self, &root, "signature", status, command));
		EXPECT_TRUE(has(command, "dkms build --force mpipc/0.0.0 -k "));
	}
	EXPECT_EQ(0, run(&self->result, 0, "mpipc load %s", parameters));
}

/* The kernel reports Linux 2.6, and there is no module in the place for that. */
TEST_F(tool, doctor_says_what_could_be_signed_if_there_is_no_module)
{
	const struct how root = { 0 };
	char status[16], command[256], parameters[1024];

	if (!may_unload(self))
		SKIP(return, "somebody uses the module");
	if (!pretend_old_kernel(self))
		SKIP(return, "this system does not start programs on Linux 2.6");
	describe_parameters(parameters, sizeof(parameters));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc unload"));
	ASSERT_EQ(0, demand_signatures(self));
	EXPECT_EQ(1, examine(self, &root, "signature", status, command));
	EXPECT_STREQ("warning", status);
	EXPECT_STREQ("", command);
	ASSERT_LE(0, personality(PER_LINUX));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc load %s", parameters));
}

TEST_F(tool, a_module_that_is_built_in_is_neither_loaded_nor_unloaded)
{
	const struct how root = { 0 };
	char status[16], command[256];

	/* The module has no state then, and no version if it is of the kernel's own tree. */
	ASSERT_EQ(0, own_mounts());
	ASSERT_EQ(0, mount("none", "/sys/module/mpipc", "tmpfs", 0, NULL));
	EXPECT_EQ(0, run(&self->result, 0, "mpipc load"));
	EXPECT_EQ(1, run(&self->result, 1, "mpipc unload"));
	EXPECT_TRUE(complains(&self->result, "built into the kernel"));
	EXPECT_EQ(0, examine(self, &root, "installed", status, command));
	EXPECT_STREQ("ok", status);
	EXPECT_EQ(0, examine(self, &root, "loaded", status, command));
	EXPECT_STREQ("ok", status);
	EXPECT_TRUE(has(self->result.out, "built into the kernel"));
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
	/* The name of another kernel only begins as this one's. */
	snprintf(line, sizeof(line), "mpipc/0.1.0, %s0, x86_64: installed", kernel.release);
	ASSERT_TRUE(dkms_says(self, line));
	EXPECT_EQ(0, examine(self, &root, "dkms", status, command));
	EXPECT_STREQ("warning", status);
	ASSERT_TRUE(dkms_says(self, "mpipc/0.1.0: added"));
	EXPECT_EQ(0, examine(self, &root, "dkms", status, command));
	EXPECT_STREQ("warning", status);
}

TEST_HARNESS_MAIN
