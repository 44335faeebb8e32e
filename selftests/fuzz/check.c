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
#include <sys/syscall.h>

#include <linux/capability.h>

#include "../device.h"
#include "../message.h"
#include "../parameter.h"
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
 * that its users are charged for, no complaint of the kernel. The kernel forgets what users
 * are charged for with the last of their endpoints. Therefore the fuzzer has some endpoints
 * of its own, the keepers, and checks the charges by limits that leave space for one more.
 */

#define GONE_MS 10000

/* The limits are small, so that programs meet them. The share of the keepers is added. */
enum { ENDPOINTS, GROUPS, BYTES };

static struct {
	const char *name;
	long long value;
	int file;
} params[] = {
	[ENDPOINTS] = { "user_endpoints", 12 },
	[GROUPS] = { "user_groups", 4 },
	[BYTES] = { "user_bytes", 1 << 20 },
	{ "mailbox_messages", 6 },
	{ "mailbox_bytes", 128 << 10 },
	{ "group_endpoints", 6 },
	{ "endpoint_calls", 4 },
};

static const uid_t users[] = { 0, 1000 };
static int primary, keepers[ARRAY_SIZE(users)];
static int refcount_file, groups_file, log_file;
/* A message with a descriptor is charged so much. */
static long long message_bytes;
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

static void set_real_uid(uid_t uid)
{
	if (setresuid(uid, -1, -1))
		die("setresuid");
}

static void set(size_t param, long long value)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%lld", value);

	if (pwrite(params[param].file, text, len, 0) < 0)
		die(params[param].name);
}

static void set_params(size_t n)
{
	for (size_t i = 0; i < n; i++)
		set(i, params[i].value);
}

static void set_effective(bool on)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	for (int i = 0; i < 2; i++)
		data[i].effective = on ? data[i].permitted : 0;
	syscall(SYS_capset, &header, data);
}

/* Send as somebody who may have one file in flight. */
static int send_one(int keeper)
{
	const struct rlimit one = { 1, 1 << 16 }, usual = { 1 << 10, 1 << 16 };
	struct mpipc_record record;
	int ret;

	setrlimit(RLIMIT_NOFILE, &one);
	set_effective(false);
	ret = send_fds(keeper, MPIPC_TO_PRIMARY, "", NULL, 0, &log_file, 1);
	set_effective(true);
	setrlimit(RLIMIT_NOFILE, &usual);
	if (!ret) {
		struct mpipc_recv_args recv = { .flags = MPIPC_RECV_DROP_FDS };

		ret = do_ioctl(primary, MPIPC_RECV, &recv);
		record = recv.record;
		if (!ret && record.type != MPIPC_MESSAGE)
			ret = -EPROTO;
	}
	return ret;
}

/*
 * Find out what a message costs. The module was just loaded, so that this is the least
 * limit that suffices.
 */
static void learn_message_bytes(void)
{
	long long low = 0, high = 1 << 16;

	while (high - low > 1) {
		long long middle = (low + high) / 2;

		set(BYTES, middle);
		if (send_one(keepers[0]))
			low = middle;
		else
			high = middle;
	}
	message_bytes = high;
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

/* Prepare once, before the first program. */
void world_init(void)
{
	struct mpipc_join_args join = join_arg("keepers", MPIPC_PRIMARY);

	set_up_failures();
	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		char path[128];

		snprintf(path, sizeof(path), PARAMETERS "%s", params[i].name);
		params[i].file = must_open(path, O_WRONLY);
	}
	set_params(ARRAY_SIZE(params));
	join.mode = 0666;
	primary = open_dev();
	if (primary < 0 || do_ioctl(primary, MPIPC_JOIN, &join))
		die("a primary");
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		set_real_uid(users[i]);
		keepers[i] = open_secondary("keepers");
		if (keepers[i] < 0)
			die("a secondary");
	}
	set_real_uid(0);
	refcount_file = must_open("/sys/module/mpipc/refcnt", O_RDONLY);
	groups_file = must_open("/proc/net/mpipc", O_RDONLY);
	log_file = must_open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	lseek(log_file, 0, SEEK_END);
	learn_message_bytes();
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

	/* Reset the parameters that the checks after the last program changed. */
	set_params(BYTES + 1);
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

static bool no_files(void)
{
	char text[32] = "";

	return pread(refcount_file, text, sizeof(text) - 1, 0) > 0 &&
	       atoi(text) == 1 + ARRAY_SIZE(users);
}

static bool no_groups(void)
{
	char text[4096];
	ssize_t len = pread(groups_file, text, sizeof(text) - 1, 0);
	char *group;

	if (len < 0)
		return false;
	text[len] = '\0';
	group = strstr(text, "\ngroup ");
	return group && !strncmp(group, "\ngroup keepers 1 ", 17) &&
	       !strstr(group + 1, "\ngroup ");
}

static bool pipe_is_closed(void)
{
	return !uses_pipe || poll_for(pipe_end, 0, 0) & POLLHUP;
}

static bool mount_is_free(void)
{
	return !uses_anchors || !umount(ANCHORS);
}

static bool has_no_endpoints(size_t user)
{
	int fd, ret;

	set(ENDPOINTS, user ? 2 : 3);
	set(GROUPS, user ? 1 : 2);
	set_real_uid(users[user]);
	fd = open_dev();
	ret = join_primary(fd, "probe");
	close(fd);
	set_real_uid(0);
	return !ret;
}

static bool root_has_no_endpoints(void)
{
	return has_no_endpoints(0);
}

static bool user_has_no_endpoints(void)
{
	return has_no_endpoints(1);
}

static bool root_has_no_messages(void)
{
	set(BYTES, message_bytes);
	return !send_one(keepers[0]);
}

static bool user_has_no_messages(void)
{
	return !send_one(keepers[1]);
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
		bool of_user;
		const char *otherwise;
	} checks[] = {
		{ pipe_is_closed, false, "a file is still referred to" },
		{ no_files, false, "a file of the device is still open" },
		{ no_groups, false, "a group is still there" },
		{ mount_is_free, false, "a mount is still busy" },
		{ root_has_no_messages, false, "root is charged for messages" },
		{ user_has_no_messages, true, "a user is charged for messages" },
		{ root_has_no_endpoints, false, "root is charged for endpoints or groups" },
		{ user_has_no_endpoints, true, "a user is charged for endpoints or groups" },
	};
	const char *said;

	if (uses_pipe)
		close(canary);
	canary = -1;
	for (int i = 0; i < N_ANCHORS && uses_anchors; i++)
		close(anchors[i]);
	said = complaint();
	if (said)
		return said;
	/* Leave out checks that the program is in the way of. */
	if (program_uses(program, "params"))
		set_params(ARRAY_SIZE(params));
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if ((!checks[i].of_user || program_uses(program, "user")) &&
		    !is_gone(checks[i].check))
			return checks[i].otherwise;
	if (uses_pipe)
		close(pipe_end);
	return NULL;
}
