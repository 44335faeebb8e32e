/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This header holds what the tests of mpipc, the command-line tool, share. The tool is next
 * to its tests, and a shell runs it.
 */
#ifndef MPIPC_SELFTESTS_TOOL_H
#define MPIPC_SELFTESTS_TOOL_H

#include "harness.h"
#include "child.h"
#include "device.h"
#include "module.h"

#include <grp.h>
#include <libgen.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <json-c/json.h>

#define NOBODY		65534
/* This name cannot be read by accident as anything else, nor be printed as it is. */
#define NASTY		" \033[31m\"\\\n\t$(x)\377\303\244,-"
#define OUTPUT_SIZE	(1 << 20)

/**
 * struct result - what a command came to
 * @status: exit status, or 128 and the signal that killed it
 * @out: standard output
 * @err: standard error
 */
struct result {
	int status;
	char out[OUTPUT_SIZE];
	char err[4096];
};

/* Let the shell find the tool. */
static inline void set_path(void)
{
	char self[4096] = { 0 }, path[8192];

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		abort();
	snprintf(path, sizeof(path), "%s:%s", dirname(self), getenv("PATH"));
	setenv("PATH", path, 1);
}

static inline void exec_shell(const char *line)
{
	execl("/bin/sh", "sh", "-c", line, NULL);
	_exit(127);
}

static inline void read_back(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	close(fd);
}

/**
 * struct how - what a command is run with
 * @uid: user, and group, if it is not 0
 * @gid: group, if it is not 0 and not the one that is numbered as the user
 * @out: standard output, if it is not 0 and not to be read
 * @memory: RLIMIT_AS, if it is not 0
 */
struct how {
	uid_t uid;
	gid_t gid;
	int out;
	rlim_t memory;
};

static inline void become(const struct how *how)
{
	struct rlimit limit = { how->memory, how->memory };
	gid_t gid = how->gid ?: how->uid;

	if (how->memory && setrlimit(RLIMIT_AS, &limit))
		_exit(126);
	if (how->uid && (setgroups(0, NULL) || setresgid(gid, gid, gid) ||
			 setresuid(how->uid, how->uid, how->uid)))
		_exit(126);
}

static inline int run_with(struct result *result, const struct how *how, const char *line)
{
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	struct child child;

	if (child_fork(&child) < 0)
		abort();
	if (!child.pid) {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, STDIN_FILENO);
		dup2(how->out ?: out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		become(how);
		exec_shell(line);
	}
	result->status = child_wait(&child);
	read_back(out, result->out, sizeof(result->out));
	read_back(err, result->err, sizeof(result->err));
	return result->status;
}

/*
 * Run a command, and return its exit status. Print its output if the status is not the
 * expected one.
 */
static inline int __attribute__((format(printf, 3, 4)))
run(struct result *result, int expected, const char *format, ...)
{
	const struct how how = { 0 };
	char line[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (run_with(result, &how, line) != expected)
		fprintf(stderr, "# %s: exit status %d\n# %.500s\n# %.500s\n", line,
			result->status, result->out, result->err);
	return result->status;
}

static inline bool has(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	fprintf(stderr, "# no '%s' in '%.1000s'\n", part, text);
	return false;
}

/* Check that the error is one line. */
static inline bool complains(const struct result *result, const char *part)
{
	const char *end = strchr(result->err, '\n');

	return has(result->err, "mpipc: ") && has(result->err, part) && end && !end[1];
}

/* Return a name as the shell has to be given it. */
static inline const char *quoted(const char *text)
{
	static char buffer[1024];
	char *to = buffer;

	*to++ = '\'';
	for (; *text; text++)
		to += sprintf(to, *text == '\'' ? "'\\''" : "%c", *text);
	strcpy(to, "'");
	return buffer;
}

/*
 * Programs that go on running
 */

/* Start a program whose standard input, output and error are its line. */
static inline void __attribute__((format(printf, 2, 3)))
start(struct child *child, const char *format, ...)
{
	char line[4096];
	va_list args;

	va_start(args, format);
	strcpy(line, "exec ");
	vsnprintf(line + 5, sizeof(line) - 5, format, args);
	va_end(args);
	if (child_fork(child) < 0)
		abort();
	if (child->pid)
		return;
	dup2(child->line, STDIN_FILENO);
	dup2(child->line, STDOUT_FILENO);
	dup2(child->line, STDERR_FILENO);
	exec_shell(line);
}

/* Return the next line, which is empty when the program has ended. */
static inline const char *next_line(int fd)
{
	static char line[4096];
	size_t n = 0;

	while (n < sizeof(line) - 1 && read(fd, &line[n], 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	return line;
}

/* Skip lines until one has this in it. */
static inline bool waits_for(int fd, const char *part)
{
	const char *line;

	while (*(line = next_line(fd)))
		if (strstr(line, part))
			return true;
	fprintf(stderr, "# it ended before it said '%s'\n", part);
	return false;
}

/*
 * JSON
 */

/* Parse JSON, and fail for whatever the standard does not allow. */
static inline json_object *parse(const char *text)
{
	json_tokener *tokener = json_tokener_new();
	json_object *object;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, strlen(text));
	if (json_tokener_get_error(tokener) != json_tokener_success)
		fprintf(stderr, "# no JSON: %.1000s\n", text);
	json_tokener_free(tokener);
	return object;
}

static inline json_object *member(json_object *object, const char *name)
{
	json_object *found = NULL;

	json_object_object_get_ex(object, name, &found);
	return found;
}

static inline json_object *row(json_object *object, const char *array, size_t i)
{
	return json_object_array_get_idx(member(object, array), i);
}

static inline const char *text_of(json_object *object, const char *name)
{
	return json_object_get_string(member(object, name)) ?: "";
}

/* Return a number, or -1 if the member is anything else. */
static inline long long number_of(json_object *object, const char *name)
{
	json_object *found = member(object, name);

	return json_object_is_type(found, json_type_int) ? json_object_get_int64(found) : -1;
}

FIXTURE(tool)
{
	struct result result;
	char group[MPIPC_GROUP_MAX];
	char dir[64];
	int primary;
	int secondary;
};

FIXTURE_SETUP(tool)
{
	set_path();
	group_name(self->group, "tool");
	strcpy(self->dir, "/tmp/tool.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, chmod(self->dir, 0755));
	self->primary = open_primary(self->group);
	ASSERT_LE(0, self->primary);
	self->secondary = open_secondary(self->group);
	ASSERT_LE(0, self->secondary);
}

FIXTURE_TEARDOWN(tool)
{
	close(self->primary);
	close(self->secondary);
	run(&self->result, 0, "rm -r %s", self->dir);
}

/* Make a node of the device for this test, whose path is in MPIPC_DEVICE. */
static inline int make_node(const char *dir, gid_t gid, mode_t mode)
{
	char path[128];
	struct stat info;

	snprintf(path, sizeof(path), "%s/mpipc", dir);
	setenv("MPIPC_DEVICE", path, 1);
	return stat(MPIPC_DEVICE, &info) || mknod(path, S_IFCHR | 0600, info.st_rdev) ||
	       chown(path, 0, gid) || chmod(path, mode) ? -errno : 0;
}

/* Check that nobody uses the module, and that modprobe would find it. */
static inline bool may_unload(FIXTURE_DATA(tool) *self)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_module *loaded, *file;
	bool may;

	close(self->primary);
	close(self->secondary);
	unsetenv("MPIPC_MODULE");
	file = module_file(ctx);
	kmod_module_new_from_name(ctx, MODULE, &loaded);
	may = file && !kmod_module_get_refcnt(loaded);
	kmod_module_unref(file);
	kmod_module_unref(loaded);
	kmod_unref(ctx);
	return may;
}

#endif /* MPIPC_SELFTESTS_TOOL_H */
