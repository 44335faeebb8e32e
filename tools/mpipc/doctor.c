// SPDX-License-Identifier: BSD-3-Clause
/*
 * mpipc doctor: check what has to be true so that mpipc can be used, and print the command
 * that mends what is wrong. The checks are in the order in which they have to be mended.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "device.h"
#include "dpdk.h"
#include "module.h"
#include "text.h"
#include "tool.h"

/**
 * struct check - a check and its result, which is a row
 * @name: subject of the check
 * @status: "ok", "warning", or "error" if it keeps mpipc from being used
 * @message: finding
 * @command: command that mends it; NULL if nothing is wrong or no command mends it
 */
struct check {
	const char *name;
	const char *status;
	char *message;
	char *command;
};

static const struct column check_columns[] = {
	{ "CHECK", TEXT, offsetof(struct check, name), 0, "subject of the check" },
	{ "STATUS", TEXT, offsetof(struct check, status), 0,
	  "ok, warning, or error if mpipc cannot be used" },
	{ "MESSAGE", TEXT, offsetof(struct check, message), 0, "finding" },
	{ "COMMAND", TEXT, offsetof(struct check, command), 0, "command that mends it" },
	{ NULL }
};

/* State that several checks look at. */
static struct utsname kernel;
static struct module installed, loaded;
static bool is_installed, is_loaded, contained;

/**
 * struct dkms - what DKMS says about mpipc
 * @version: version that DKMS has; NULL if it has none
 * @state: state of that version for this kernel, such as "installed"; NULL if there is none
 */
static struct dkms {
	char *version;
	char *state;
} dkms;

static void ok(struct check *check, char *message)
{
	check->status = "ok";
	check->message = message;
}

static void bad(struct check *check, const char *status, char *message, char *command)
{
	check->status = status;
	check->message = message;
	check->command = command;
}

/* A container has no module of its own, so that nothing has to be mended in it. */
static void of_host(struct check *check)
{
	ok(check, copy_string("the host's, since this is a container"));
}

/*
 * The kernel and what belongs to it
 */

static int compare_releases(const char *a, const char *b)
{
	unsigned int a_major = 0, a_minor = 0, b_major = 0, b_minor = 0;

	sscanf(a, "%u.%u", &a_major, &a_minor);
	sscanf(b, "%u.%u", &b_major, &b_minor);
	if (a_major != b_major)
		return a_major < b_major ? -1 : 1;
	return (a_minor > b_minor) - (a_minor < b_minor);
}

static bool is_ubuntu(void)
{
	FILE *file = fopen("/etc/os-release", "re");
	bool found = false;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		found |= !strcmp(line, "ID=ubuntu\n");
	if (file)
		fclose(file);
	return found;
}

static void check_kernel(struct check *check)
{
	if (compare_releases(kernel.release, FIRST_KERNEL) < 0)
		bad(check, "error", format_string("Linux %s is older than " FIRST_KERNEL,
						  kernel.release),
		    contained ? NULL : copy_string(is_ubuntu() ?
				"apt-get install linux-image-generic-hwe-$(lsb_release -rs)" :
				"apt-get install linux-image-$(dpkg --print-architecture)"));
	else if (compare_releases(kernel.release, LAST_KERNEL) > 0)
		bad(check, "warning", format_string("Linux %s is newer than " LAST_KERNEL
						    ", the last kernel that was tested",
						    kernel.release), NULL);
	else
		ok(check, format_string("Linux %s is between " FIRST_KERNEL " and " LAST_KERNEL,
					kernel.release));
}

static void check_headers(struct check *check)
{
	char *path = format_string("/lib/modules/%s/build", kernel.release);

	if (contained)
		of_host(check);
	else if (!access(path, F_OK))
		ok(check, format_string("the headers of %s are in %s", kernel.release, path));
	else
		/* An installed module works without headers, but no other can be built. */
		bad(check, is_installed ? "warning" : "error",
		    format_string("the headers of %s, which building the module needs, are missing",
				  kernel.release),
		    format_string("apt-get install linux-headers-%s", kernel.release));
	free(path);
}

/*
 * Read a line of dkms, such as "mpipc/0.1.0, 6.1.0-13-amd64, x86_64: installed". Some versions
 * of dkms print ", " for the "/". A module that is only "added" has no kernel.
 */
static void read_dkms_line(char *line)
{
	char *version, *release, *state = strrchr(line, ':');

	if (!state || strncmp(line, "mpipc", strlen("mpipc")))
		return;
	*state++ = '\0';
	version = strtok(line + strlen("mpipc"), "/, ");
	release = strtok(NULL, ", ");
	if (!version || dkms.state)
		return;
	free(dkms.version);
	dkms.version = copy_string(version);
	if (release && !strcmp(release, kernel.release))
		dkms.state = copy_string(state + strspn(state, " "));
}

static void ask_dkms(void)
{
	FILE *output = popen("PATH=$PATH:/usr/sbin dkms status mpipc 2>/dev/null", "re");
	char *line = NULL;
	size_t size = 0;

	while (output && getline(&line, &size, output) > 0) {
		line[strcspn(line, "\n")] = '\0';
		read_dkms_line(line);
	}
	free(line);
	if (output)
		pclose(output);
}

static char *dkms_install(const char *version)
{
	return format_string("dkms install mpipc/%s -k %s", version, kernel.release);
}

static void check_dkms(struct check *check)
{
	if (contained)
		of_host(check);
	else if (!dkms.version)
		ok(check, copy_string("DKMS is not used for mpipc"));
	else if (dkms.state && !strncmp(dkms.state, "installed", strlen("installed")))
		ok(check, format_string("%s for %s", dkms.state, kernel.release));
	else
		bad(check, is_installed ? "warning" : "error",
		    format_string("%s for %s", dkms.state ? dkms.state : "not built",
				  kernel.release), dkms_install(dkms.version));
}

/* Return the command that installs the module of this tool's version. */
static char *install_command(void)
{
	if (!access("/usr/src/mpipc-" VERSION "/dkms.conf", F_OK))
		return dkms_install(VERSION);
	if (!access("/usr/share/doc/mpipc-tools", F_OK))
		return copy_string("apt-get install ./mpipc-dkms_" VERSION "_all.deb");
	return copy_string("make install-dkms");
}

/* Return the command that loads the module of this tool's version. */
static char *reload_command(void)
{
	if (is_installed && installed.version && !strcmp(installed.version, VERSION))
		return copy_string("mpipc unload && mpipc load");
	return install_command();
}

static void check_installed(struct check *check)
{
	if (contained)
		of_host(check);
	else if (loaded.is_builtin)
		ok(check, copy_string("built into the kernel"));
	else if (!is_installed)
		bad(check, is_loaded ? "warning" : "error",
		    format_string("there is no module for %s", kernel.release),
		    dkms.version ? dkms_install(dkms.version) : install_command());
	else if (!installed.version || strcmp(installed.version, VERSION))
		bad(check, "warning", format_string("%s is version %s, this is mpipc " VERSION,
						    installed.path, installed.version ?
						    installed.version : "unknown"),
		    install_command());
	else
		ok(check, format_string("%s, version %s", installed.path, installed.version));
}

/*
 * Signature
 */

static bool secure_boot(void)
{
	static const char variable[] = "/sys/firmware/efi/efivars/SecureBoot-"
				       "8be4df61-93ca-11d2-aa0d-00e098032b8c";
	unsigned char value[5] = { 0 };
	FILE *file = fopen(variable, "re");

	/* Four bytes of attributes come first. */
	if (file && fread(value, 1, sizeof(value), file) != sizeof(value))
		value[4] = 0;
	if (file)
		fclose(file);
	return value[4] == 1;
}

/* Return why modules have to be signed here, or NULL if they need not be. */
static const char *signature_demand(void)
{
	char *enforced = read_line("/sys/module/module/parameters/sig_enforce");
	char *lockdown = read_line("/sys/kernel/security/lockdown");
	const char *why = NULL;

	if (secure_boot())
		why = "Secure Boot is on";
	else if (enforced && *enforced == 'Y')
		why = "module.sig_enforce is on";
	else if (lockdown && !strstr(lockdown, "[none]"))
		why = "the kernel is locked down";
	free(enforced);
	free(lockdown);
	return why;
}

/* Ubuntu's DKMS signs with the key of the machine, which this program makes and enrolls. */
#define UBUNTU_POLICY	"/usr/sbin/update-secureboot-policy"
#define UBUNTU_KEY	"/var/lib/shim-signed/mok/MOK.der"

static bool has_ubuntu_policy(void)
{
	return !access(UBUNTU_POLICY, X_OK);
}

/* DKMS signs a module when it builds it, so it has to build an unsigned one again. */
static char *sign_command(void)
{
	bool lacks_key = has_ubuntu_policy() && access(UBUNTU_KEY, F_OK);

	if (!dkms.version)
		return copy_string("make uninstall-module && make install-dkms");
	return format_string("%sdkms build --force mpipc/%s -k %s && "
			     "dkms install --force mpipc/%s -k %s",
			     lacks_key ? UBUNTU_POLICY " --new-key && " : "", dkms.version,
			     kernel.release, dkms.version, kernel.release);
}

static char *enroll_command(void)
{
	return copy_string(has_ubuntu_policy() ? UBUNTU_POLICY " --enroll-key" :
			   "mokutil --import /var/lib/dkms/mok.pub");
}

static void check_signature(struct check *check)
{
	const char *demand = signature_demand();
	const char *signer = installed.signer ? installed.signer : "nobody";

	if (contained)
		of_host(check);
	else if (!demand)
		ok(check, copy_string("none is needed: Secure Boot is off, and nothing else "
				      "demands a signature"));
	else if (is_loaded)
		ok(check, format_string("%s, and the kernel took the module, signed by %s",
					demand, signer));
	else if (!is_installed)
		bad(check, "warning",
		    format_string("%s, and there is no module yet to sign", demand),
		    NULL);
	else if (!installed.signer)
		bad(check, "error", format_string("%s, and the module is not signed", demand),
		    sign_command());
	else
		bad(check, "warning",
		    format_string("%s; the module is signed by %s, whose key has to be enrolled",
				  demand, signer),
		    enroll_command());
}

/*
 * The loaded module and its device
 */

static const char *version_of(const struct module *module)
{
	return module->version ? module->version : "unknown";
}

static void check_loaded(struct check *check)
{
	if (!is_loaded && contained)
		bad(check, "error", copy_string("the module is not loaded; as root of the host: "
						"mpipc load"), NULL);
	else if (!is_loaded)
		bad(check, "error", copy_string("the module is not loaded"),
		    copy_string("mpipc load"));
	else if (is_installed && installed.srcversion && loaded.srcversion &&
		 strcmp(installed.srcversion, loaded.srcversion))
		bad(check, "warning",
		    format_string("version %s (%s) is loaded, %s (%s) is installed",
				  version_of(&loaded), loaded.srcversion,
				  version_of(&installed),
				  installed.srcversion),
		    copy_string("mpipc unload && mpipc load"));
	else if (loaded.version && strcmp(loaded.version, VERSION))
		bad(check, "warning", format_string("version %s is loaded, this is mpipc " VERSION,
						    loaded.version),
		    contained ? NULL : install_command());
	else if (contained)
		ok(check, format_string("version %s, by the host", version_of(&loaded)));
	else
		ok(check, format_string("version %s, %s", version_of(&loaded),
					loaded.is_builtin ? "built into the kernel" :
					is_installed ? "the same as the installed file" :
					"with no installed file"));
}

static void check_device(struct check *check)
{
	int expected = module_minor();
	struct stat info;

	if (!is_loaded) {
		bad(check, "error", copy_string("there is no device without the module"), NULL);
	} else if (contained && stat(device_path(), &info)) {
		bad(check, "error", format_string("%s: %s: " GIVE_DEVICE, device_path(),
						  strerror(errno)), NULL);
	} else if (contained && (!S_ISCHR(info.st_mode) || major(info.st_rdev) != 10 ||
				 (int)minor(info.st_rdev) != expected)) {
		bad(check, "error",
		    format_string("%s is not the device of the module, whose number may have "
				  "changed when it was loaded again: start the container anew",
				  device_path()), NULL);
	} else if (stat(device_path(), &info)) {
		bad(check, "error", format_string("%s: %s", device_path(), strerror(errno)),
		    format_string("mknod -m 0600 %s c 10 %d", device_path(), expected));
	} else if (!S_ISCHR(info.st_mode) || major(info.st_rdev) != 10 ||
		   (int)minor(info.st_rdev) != expected) {
		bad(check, "error", format_string("%s is not the device of the module",
						  device_path()),
		    format_string("rm %s; mknod -m 0600 %s c 10 %d", device_path(),
				  device_path(), expected));
	} else {
		ok(check, copy_string(device_path()));
	}
}

static void check_permission(struct check *check)
{
	const struct group *group = getgrnam(DEVICE_GROUP);
	struct stat info;
	char *found;

	if (!is_loaded || stat(device_path(), &info)) {
		bad(check, "error", copy_string("there is no device"), NULL);
		return;
	}
	found = group_name(info.st_gid);
	if (contained)
		ok(check, format_string("%s is for user %u and group %u (mode %04o), by their "
					"numbers in this container", device_path(), info.st_uid,
					info.st_gid, info.st_mode & 07777));
	else if (!group)
		bad(check, "warning", copy_string("there is no group " DEVICE_GROUP
						  ", whose members use the device"),
		    access_command(&info));
	else if (info.st_gid != group->gr_gid || (info.st_mode & 0666) != 0660)
		bad(check, "warning",
		    format_string("%s is for group %s (mode %04o), not for group " DEVICE_GROUP
				  " (mode 0660)", device_path(), found, info.st_mode & 07777),
		    format_string("chgrp " DEVICE_GROUP " %s && chmod 0660 %s", device_path(),
				  device_path()));
	else
		ok(check, format_string("%s is for the members of group %s", device_path(),
					found));
	free(found);
}

static void check_access(struct check *check)
{
	char *user = user_name(geteuid());
	struct stat info;

	if (!is_loaded || stat(device_path(), &info))
		bad(check, "error", copy_string("there is no device"), NULL);
	else if (eaccess(device_path(), R_OK | W_OK) && errno == EPERM)
		bad(check, "error", format_string("%s: " NOT_GIVEN, device_path()), NULL);
	else if (contained && eaccess(device_path(), R_OK | W_OK))
		bad(check, "error", format_string("%s may not use %s: %s; see mpipc-containers(7)",
						  user, device_path(), container_advice(&info)),
		    NULL);
	else if (!eaccess(device_path(), R_OK | W_OK))
		ok(check, format_string("%s may use %s", user, device_path()));
	else
		bad(check, "error", format_string("%s may not use %s (group %s, mode %04o)", user,
						  device_path(), group_name(info.st_gid),
						  info.st_mode & 07777),
		    access_command(&info));
	free(user);
}

/* Compare the interface of the module with the interface that this tool was built for. */
static void check_interface(struct check *check)
{
	struct mpipc_info info;
	int fd = open(device_path(), O_RDWR | O_CLOEXEC);
	int err = fd < 0 || ioctl(fd, MPIPC_INFO, &info) ? errno : 0;

	if (fd >= 0)
		close(fd);
	if ((err == EPERM || err == EACCES) && !eaccess(device_path(), R_OK | W_OK))
		bad(check, "error", format_string("cannot open %s: " NOT_GIVEN, device_path()),
		    NULL);
	else if (err)
		bad(check, "error", format_string("cannot query %s: %s", device_path(),
						  strerror(err)), NULL);
	else if (info.abi != MPIPC_ABI || (info.features & MPIPC_FEATURES) != MPIPC_FEATURES)
		bad(check, "error", format_string("the module has version %u with features %llx, "
						  "but this tool needs %u with %llx", info.abi,
						  info.features, MPIPC_ABI, MPIPC_FEATURES),
		    contained ? NULL : reload_command());
	else
		ok(check, format_string("version %u", info.abi));
}

static const struct {
	const char *name;
	void (*run)(struct check *check);
} checks[] = {
	{ "kernel", check_kernel },
	{ "headers", check_headers },
	{ "dkms", check_dkms },
	{ "installed", check_installed },
	{ "signature", check_signature },
	{ "loaded", check_loaded },
	{ "device", check_device },
	{ "permission", check_permission },
	{ "access", check_access },
	{ "interface", check_interface },
};

#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))

static void print_text(const char *text)
{
	text_write(stdout, text, strlen(text), TEXT_PLAIN);
	putchar('\n');
}

static void print_result(const struct check *check)
{
	printf("%-8s %-11s ", check->status, check->name);
	print_text(check->message);
	if (!check->command)
		return;
	printf("%22s", is_for_root(check->command) ? "# " : "$ ");
	print_text(check->command);
}

/* Print the members of a group of DPDK. It is an error if the primary is not on mpipc. */
static int look_at_dpdk(const char *prefix, struct output *output)
{
	char *dir = dpdk_directory(prefix ? prefix : "rte");
	struct dpdk_member *members;
	bool on_mpipc;
	size_t n;

	members = dpdk_members(dir, &n);
	if (!n)
		complain("no process that is visible from here uses %s", dir);
	output_all(output, "members", members, n, sizeof(*members));
	on_mpipc = n && !strcmp(members[0].ipc, "mpipc");
	dpdk_members_free(members, n);
	free(dir);
	return on_mpipc ? 0 : EXIT_FAILED;
}

#define DPDK_DEFAULTS "PID,PROCESS,ROLE,IPC,REASON"

static int doctor(int argc, char **argv)
{
	struct check results[N_CHECKS] = { 0 };
	struct output output;
	bool dpdk = false;
	char **prefix;
	int status = 0;
	size_t i;

	output_init(&output, command->columns, command->defaults);
	while (next_option(argc, argv, &output) != -1) {
		dpdk = true;
		output.columns = dpdk_columns;
		output.defaults = DPDK_DEFAULTS;
	}
	prefix = arguments(argc, argv, 0, dpdk ? 1 : 0);
	if (dpdk)
		return look_at_dpdk(*prefix, &output);
	uname(&kernel);
	is_installed = module_installed(&installed);
	is_loaded = module_loaded(&loaded);
	contained = is_contained();
	ask_dkms();
	for (i = 0; i < N_CHECKS; i++) {
		results[i].name = checks[i].name;
		checks[i].run(&results[i]);
		if (!strcmp(results[i].status, "error"))
			status = EXIT_FAILED;
	}
	if (output.json || output.names) {
		output_all(&output, "checks", results, N_CHECKS, sizeof(*results));
		return status;
	}
	for (i = 0; i < N_CHECKS; i++)
		print_result(&results[i]);
	return status;
}

const struct command doctor_command = {
	.name = "doctor",
	.synopsis = "[-D [PREFIX]]",
	.summary = "say what is wrong with the installation, and what mends it",
	.options = "  -D, --dpdk            list the members of a group of DPDK, and why some are\n"
		   "                        native; PREFIX is DPDK's (rte), or a directory\n",
	.letters = "D",
	.columns = check_columns,
	.defaults = "CHECK,STATUS,MESSAGE,COMMAND",
	.run = doctor,
};
