// SPDX-License-Identifier: BSD-3-Clause
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dpdk.h"
#include "module.h"
#include "tool.h"

#define LIBRARY	"libmpipc-dpdk.so"
#define DEVICE	"/dev/mpipc"

const struct column dpdk_columns[] = {
	{ "PID", NUMBER, offsetof(struct dpdk_member, pid), 0, "process" },
	{ "PROCESS", TEXT, offsetof(struct dpdk_member, process), 0, "name of the process" },
	{ "ROLE", TEXT, offsetof(struct dpdk_member, role), 0, "primary or secondary" },
	{ "IPC", TEXT, offsetof(struct dpdk_member, ipc), 0, "mpipc, or native" },
	{ "REASON", TEXT, offsetof(struct dpdk_member, reason), 0,
	  "why it is not on mpipc, and what helps" },
	{ NULL }
};

/* The runtime directory and the file in it that all members have mapped. */
static struct {
	struct stat dir, config;
	pid_t owner;		/* of DPDK's lock on the file, 0 if it is not known */
} group;

static const char *runtime_root(void)
{
	const char *root = getenv("RUNTIME_DIRECTORY");

	if (root)
		return root;
	if (!getuid())
		return "/var/run";
	root = getenv("XDG_RUNTIME_DIR");
	return root ? root : "/tmp";
}

char *dpdk_directory(const char *prefix)
{
	if (strchr(prefix, '/'))
		return copy_string(prefix);
	return format_string("%s/dpdk/%s", runtime_root(), prefix);
}

/* Ask who has the lock by which DPDK knows its primary. */
static pid_t lock_owner(const char *config)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(config, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
		lock.l_pid = 0;
	close(fd);
	return lock.l_pid > 0 ? lock.l_pid : 0;
}

static void find_group(const char *dir)
{
	char *config = format_string("%s/config", dir);

	if (stat(dir, &group.dir) || stat(config, &group.config))
		die("there is no group of DPDK in %s: %s", dir, strerror(errno));
	group.owner = lock_owner(config);
	free(config);
}

static FILE *open_proc(uint64_t pid, const char *name)
{
	char *path = format_string("/proc/%" PRIu64 "/%s", pid, name);
	FILE *file = fopen(path, "re");

	free(path);
	return file;
}

/* Find a line of a file of a process that fits. */
static bool has_line(uint64_t pid, const char *name, bool (*fits)(const char *line))
{
	FILE *file = open_proc(pid, name);
	size_t size = 0;
	char *line = NULL;
	bool found = false;

	while (file && !found && getline(&line, &size, file) >= 0)
		found = fits(line);
	free(line);
	if (file)
		fclose(file);
	return found;
}

static bool maps_config(const char *line)
{
	unsigned int major, minor;
	unsigned long long inode;

	return sscanf(line, "%*s %*s %*s %x:%x %llu", &major, &minor, &inode) == 3 &&
	       inode == group.config.st_ino && makedev(major, minor) == group.config.st_dev;
}

static bool maps_library(const char *line)
{
	return strstr(line, LIBRARY);
}

/* Fits the anchor of an endpoint that is in the group. */
static bool is_anchor(const char *line)
{
	unsigned int major, minor;
	unsigned long long inode;

	return sscanf(line, "mpipc-anchor: %u:%u:%llu", &major, &minor, &inode) == 3 &&
	       inode == group.dir.st_ino && makedev(major, minor) == group.dir.st_dev;
}

static bool is_on_mpipc(uint64_t pid)
{
	char *path = format_string("/proc/%" PRIu64 "/fdinfo", pid), *name;
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	free(path);
	while (dir && !found && (entry = readdir(dir))) {
		name = format_string("fdinfo/%s", entry->d_name);
		found = has_line(pid, name, is_anchor);
		free(name);
	}
	if (dir)
		closedir(dir);
	return found;
}

static char *process_name(uint64_t pid)
{
	FILE *file = open_proc(pid, "comm");
	char name[32] = "";

	if (file && !fgets(name, sizeof(name), file))
		name[0] = 0;
	if (file)
		fclose(file);
	name[strcspn(name, "\n")] = 0;
	return name[0] ? copy_string(name) : NULL;
}

/* Say why a preloaded process is not on mpipc, from how it sees the device. */
static const char *look_at_device(uint64_t pid)
{
	char *path = format_string("/proc/%" PRIu64 "/root" DEVICE, pid);
	const char *reason = "see what it said on stderr when it started, then start it again";
	struct stat st, process;

	if (stat(path, &st))
		reason = module_minor() < 0 ? "the module is not loaded" :
			 "it has no " DEVICE ": give the container or the service the device; see "
			 "mpipc-containers(7)";
	free(path);
	path = format_string("/proc/%" PRIu64, pid);
	if (!stat(path, &process) && process.st_uid && process.st_uid != st.st_uid &&
	    !(st.st_mode & 0002))
		reason = "its user may have no permission for " DEVICE ": put the user into the "
			 "group of the device";
	free(path);
	return reason;
}

static const char *find_reason(const struct dpdk_member *member, bool primary_on_mpipc)
{
	if (!has_line(member->pid, "maps", maps_library))
		return LIBRARY " is not preloaded";
	if (strcmp(member->role, "primary") && !primary_on_mpipc)
		return "its primary is not on mpipc";
	return look_at_device(member->pid);
}

/* Put the primary first, and the secondaries in the order of their pids behind it. */
static int compare(const void *a, const void *b)
{
	const struct dpdk_member *first = a, *second = b;
	int order = strcmp(first->role, second->role);

	return order ? order : first->pid < second->pid ? -1 : first->pid > second->pid;
}

static void add_member(struct dpdk_member **members, size_t *n, uint64_t pid)
{
	struct dpdk_member *member;

	*members = resize(*members, *n + 1, sizeof(**members));
	member = &(*members)[(*n)++];
	*member = (struct dpdk_member) {
		.pid = pid,
		.process = process_name(pid),
		.role = pid == (uint64_t)group.owner ? "primary" : "secondary",
		.ipc = is_on_mpipc(pid) ? "mpipc" : "native",
	};
}

struct dpdk_member *dpdk_members(const char *dir, size_t *n)
{
	DIR *proc = opendir("/proc");
	struct dpdk_member *members = NULL;
	struct dirent *entry;
	uint64_t pid;
	size_t i;

	find_group(dir);
	*n = 0;
	while (proc && (entry = readdir(proc))) {
		pid = strtoull(entry->d_name, NULL, 10);
		if (pid && has_line(pid, "maps", maps_config))
			add_member(&members, n, pid);
	}
	if (proc)
		closedir(proc);
	if (*n)
		qsort(members, *n, sizeof(*members), compare);
	for (i = 0; i < *n; i++)
		if (strcmp(members[i].ipc, "mpipc"))
			members[i].reason = find_reason(&members[i],
							!strcmp(members[0].ipc, "mpipc"));
	return members;
}

void dpdk_members_free(struct dpdk_member *members, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(members[i].process);
	free(members);
}
