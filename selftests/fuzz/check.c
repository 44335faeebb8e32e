// SPDX-License-Identifier: GPL-2.0-only
/*
 * Check what has to hold while a program runs, and after it.
 *
 * Promise: P1, P3
 */

#include <stdarg.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../device.h"
#include "../held.h"
#include "../parameter.h"
#include "../user.h"
#include "../vm/complaint.h"
#include "../wait.h"
#include "fuzz.h"

/* During a program */

/*
 * Return a byte of the pattern; any part of the pattern shows by its first byte how it goes
 * on.
 */
char pattern(size_t at)
{
	return at * 7;
}

/* Report a finding, of which only the first one counts. */
void found(const char *format, ...)
{
	va_list ap;

	if (shared->finding[0])
		return;
	va_start(ap, format);
	vsnprintf(shared->finding, sizeof(shared->finding), format, ap);
	va_end(ap);
}

void stop_if_found(void)
{
	if (shared->finding[0])
		_exit(1);
}

void check_data(const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] != (char)(data[0] + pattern(i)))
			return found("byte %zu of %zu is %#hhx, and the first is %#hhx",
				     i, size, data[i], data[0]);
}

void check_untouched(const void *memory, size_t size)
{
	const unsigned char *bytes = memory;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != CANARY)
			return found("byte %zu behind what is received was written: %#hhx",
				     i, bytes[i]);
}

static void check_name(const char *name, size_t size)
{
	size_t len = strnlen(name, size);

	if (len == size)
		return found("a name without an end");
	while (len < size)
		if (name[len++])
			return found("a name is followed by something");
}

static bool is_user(__u32 id)
{
	return !id || id == 1000 || id == 65534;
}

static void check_identity(__u32 role, __u64 generation, __u32 uid, __u32 gid)
{
	if (role != MPIPC_PRIMARY && role != MPIPC_SECONDARY)
		found("role %u", role);
	if (!generation || generation > 1000)
		found("generation %llu", generation);
	if (!is_user(uid) || !is_user(gid))
		found("uid %u, gid %u", uid, gid);
}

static void check_status(const struct mpipc_record *record)
{
	if (record->flags & ~(MPIPC_REC_REPLIED | MPIPC_REC_LAST))
		found("record flags %#x", record->flags);
	if (record->status > 0 || record->status < -4095)
		found("status %d", record->status);
	if (record->type == MPIPC_REPLY_TO && !(record->flags & MPIPC_REC_REPLIED) &&
	    (record->size || record->n_fds || record->stamp))
		found("a reply that nobody gave");
}

/* Check that the members that only some types have are 0 in the others. */
static void check_type(const struct mpipc_record *record)
{
	bool request = record->type == MPIPC_REQUEST;
	bool result = record->type == MPIPC_REPLY_TO;
	bool message = record->type == MPIPC_MESSAGE;

	if (!request && (record->deadline || record->reply_size || record->reply_fds))
		found("a record of type %u with a deadline or space", record->type);
	if (!result && (record->flags || record->status))
		found("a record of type %u with flags or a status", record->type);
	if ((request || result) != !!record->call)
		found("a record of type %u with call %llu", record->type, record->call);
	if ((message || request) && (!record->stamp || record->stamp > now_ns()))
		found("a record of type %u with stamp %llu", record->type, record->stamp);
	if (record->type >= MPIPC_JOINED &&
	    (record->size || record->n_fds || record->stamp || record->name[0]))
		found("an event with a message");
}

void check_record(const struct mpipc_record *record)
{
	if (record->type < MPIPC_MESSAGE || record->type > MPIPC_LEFT)
		return found("record type %u", record->type);
	if (record->size > MPIPC_SIZE_MAX || record->n_fds > MPIPC_FDS_MAX)
		found("record size %u, %u descriptors", record->size, record->n_fds);
	if (record->len != (sizeof(*record) + record->size + 7) / 8 * 8)
		found("record length %u, size %u", record->len, record->size);
	check_status(record);
	check_type(record);
	check_name(record->name, sizeof(record->name));
	if (record->peer)
		check_identity(record->role, record->generation, record->uid, record->gid);
	else if (record->type != MPIPC_REPLY_TO || record->role || record->generation)
		found("a record of nobody");
}

void check_result(const struct mpipc_record *record, __u64 call)
{
	check_record(record);
	if (record->type != MPIPC_REPLY_TO || record->call != call)
		found("a result of type %u, of call %llu, not %llu", record->type,
		      record->call, call);
}

static void check_pending(__u64 pending, __u64 since)
{
	if (!pending != !since)
		found("%llu pending requests since %llu", pending, since);
}

void check_info(const struct mpipc_info *info)
{
	static const struct mpipc_info nothing;

	if (info->abi != MPIPC_ABI || info->features != MPIPC_FEATURES || info->reserved)
		found("info: abi %u, features %#llx, reserved %#llx", info->abi,
		      info->features, info->reserved);
	check_name(info->group, sizeof(info->group));
	if (info->role > MPIPC_SECONDARY)
		found("role %u", info->role);
	if (!info->id && (info->role || memcmp(info->group, nothing.group,
					       sizeof(info->group)) ||
			  memcmp(&info->id, &nothing.id,
				 offsetof(struct mpipc_info, max_messages) -
				 offsetof(struct mpipc_info, id))))
		found("info about who has not joined");
	check_pending(info->pending, info->pending_since);
	if (!info->id && (info->pending || info->calls))
		found("requests of who has not joined");
}

void check_peer(const struct mpipc_peer *peer)
{
	if (!peer->id)
		found("a peer without an id");
	check_identity(peer->role, peer->generation, peer->uid, peer->gid);
	check_pending(peer->pending, peer->pending_since);
}

/*
 * Checks after a program
 *
 * Nothing of a program may be left: no member of a group, no reference to a file, nothing
 * that a user is charged for, no complaint of the kernel. The kernel forgets what users are
 * charged for with the last of their endpoints. Therefore the users of programs have some
 * endpoints that stay, the keepers.
 */

#define GONE_MS 10000

/* The limits are small, so that programs meet them. The share of the keepers is added. */
static struct {
	const char *name;
	long long value;
	int file;
} params[] = {
	{ "user_endpoints", 8 },
	{ "user_groups", 4 },
	{ "user_bytes", 256 << 10 },
	{ "mailbox_messages", 6 },
	{ "mailbox_bytes", 128 << 10 },
	{ "group_endpoints", 6 },
	{ "endpoint_calls", 4 },
};

static int refcount_file, log_file;
static int pipe_end;
static bool uses_pipe, uses_anchors;
int anchors[N_ANCHORS];

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(2);
}

static int must_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

static void must_write(const char *path, const char *text)
{
	int fd = must_open(path, O_WRONLY);

	if (write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void set_params(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		char text[32];
		int len = snprintf(text, sizeof(text), "%lld", params[i].value);

		if (pwrite(params[i].file, text, len, 0) < 0)
			die(params[i].name);
	}
}

static void set_up_failures(void)
{
	/* Only what programs ask for fails, and quietly. */
	must_write("/sys/kernel/debug/failslab/verbose", "0");
	must_write("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	must_write("/sys/kernel/debug/fail_usercopy/verbose", "0");
	must_write("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	must_write("/sys/kernel/debug/fail_page_alloc/min-order", "10");
}

static void open_keeper(const char *group, uid_t uid)
{
	struct mpipc_join_args join = join_arg(group, MPIPC_PRIMARY);

	if (open_as(uid, &join) < 0)
		die(group);
}

#define WORLD_SIZE 4096

/* This is there before a program and after it: how many open files, which groups and users. */
static char world[WORLD_SIZE];

static void read_world(char now[WORLD_SIZE])
{
	size_t len = snprintf(now, WORLD_SIZE, "open files ");
	ssize_t more = pread(refcount_file, now + len, WORLD_SIZE - len, 0);

	len += more < 0 ? 0 : more;
	len += read_lines("group ", now + len, WORLD_SIZE - len);
	read_lines("user ", now + len, WORLD_SIZE - len);
}

/* Prepare once, before the first program. */
void world_init(void)
{
	const struct rlimit files = { 1 << 10, 1 << 16 };

	set_up_failures();
	setrlimit(RLIMIT_NOFILE, &files);
	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		char path[128];

		snprintf(path, sizeof(path), PARAMETERS "%s", params[i].name);
		params[i].file = must_open(path, O_WRONLY);
	}
	set_params();
	open_keeper("keeper of root", 0);
	open_keeper("keeper of a user", 1000);
	bystanders_start();
	refcount_file = must_open("/sys/module/mpipc/refcnt", O_RDONLY);
	log_file = must_open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	lseek(log_file, 0, SEEK_END);
	read_world(world);
}

#define ANCHORS "/tmp/mpipc-fuzz"

/* Mount a file system for a program to join at. It can be unmounted when nobody uses it. */
static void set_up_anchors(void)
{
	if ((mkdir(ANCHORS, 0700) && errno != EEXIST) ||
	    mount("fuzz", ANCHORS, "tmpfs", 0, "mode=0755"))
		die(ANCHORS);
	anchors[0] = must_open(ANCHORS, O_PATH);
	anchors[1] = open(ANCHORS "/file", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (anchors[1] < 0)
		die(ANCHORS "/file");
}

/* Prepare before each program. */
void world_reset(const struct program *program)
{
	int ends[2];

	uses_anchors = program_uses(program, "anchor");
	if (uses_anchors)
		set_up_anchors();
	uses_pipe = program_uses(program, "file");
	if (!uses_pipe)
		return;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		die("pipe");
	pipe_end = ends[0];
	canary = ends[1];
}

static bool is_gone(bool (*check)(void))
{
	const struct timespec nap = { .tv_nsec = 2 * NSEC_PER_MSEC };
	__u64 give_up = in_ms(GONE_MS);

	/* A kernel worker may have the last reference to something. */
	while (!check()) {
		if (now_ns() > give_up)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

static bool pipe_is_closed(void)
{
	return !uses_pipe || poll_for(pipe_end, 0, 0) & POLLHUP;
}

static bool mount_is_free(void)
{
	return !uses_anchors || !umount(ANCHORS);
}

/* A line of what is left, or was not there before. */
static char left[256];

static bool world_is_as_before(void)
{
	static char now[WORLD_SIZE];
	const char *was = world, *is = now;

	read_world(now);
	if (!strcmp(was, is))
		return true;
	/* Find the first line that differs. */
	while (*is && !strncmp(was, is, strcspn(is, "\n") + 1)) {
		is += strcspn(is, "\n") + 1;
		was += strcspn(was, "\n") + 1;
	}
	snprintf(left, sizeof(left), "left behind: %.*s, not %.*s", (int)strcspn(is, "\n"), is,
		 (int)strcspn(was, "\n"), was);
	return false;
}

/* Return what the kernel has complained about since the last time, or NULL. */
static const char *complaint(void)
{
	static char record[8192];
	ssize_t len;

	for (;;) {
		len = read(log_file, record, sizeof(record) - 1);
		if (len < 0 && errno != EPIPE)
			return NULL;
		record[len < 0 ? 0 : len] = '\0';
		if (is_complaint(record))
			return record_text(record);
	}
}

/* Return what is wrong after a program and all of its processes, or NULL. */
const char *world_check(const struct program *program)
{
	static const struct {
		bool (*check)(void);
		const char *otherwise;
	} checks[] = {
		{ pipe_is_closed, "a file is still referred to" },
		{ mount_is_free, "a mount is still busy" },
		{ world_is_as_before, left },
	};
	bool limits_changed = program_uses(program, "params");
	const char *said;

	if (uses_pipe)
		close(canary);
	canary = -1;
	for (int i = 0; i < N_ANCHORS && uses_anchors; i++)
		close(anchors[i]);
	said = complaint();
	if (said)
		return said;
	if (limits_changed)
		set_params();
	/* They take what is left in their mailbox, and do what they did not do before. */
	bystanders_wake(limits_changed);
	if (shared->finding[0])
		return shared->finding;
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (!is_gone(checks[i].check))
			return checks[i].otherwise;
	if (uses_pipe)
		close(pipe_end);
	return NULL;
}
