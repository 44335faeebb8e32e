// SPDX-License-Identifier: BSD-3-Clause
/*
 * mpipc monitor: print what happens, as it happens, from the tracepoints of the module.
 *
 * Events are read in binary, since a name could be chosen so that it looks like other fields
 * in the kernel's text. The monitor makes a tracing instance of its own, with its own
 * buffers, so that it does not disturb other tracing. It removes the instance at its end; an
 * instance that a killed monitor left behind is removed by the next monitor.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <search.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <event-parse.h>
#include <tracefs.h>

#include <linux/mpipc.h>

#include "listing.h"
#include "text.h"
#include "tool.h"

#define SYSTEM		"mpipc"
#define PREFIX		"mpipc-monitor."

/* An event, and a row; which members are known depends on the event. */
struct event {
	uint64_t time;
	const char *event;
	const char *group;
	uint64_t from;
	uint64_t to;
	uint64_t destinations;
	const char *role;
	uint64_t generation;
	const char *type;
	const char *name;
	uint64_t size;
	uint64_t fds;
	uint64_t call;
	uint64_t seq;
	int64_t status;
	uint64_t deadline;
};

#define COLUMN(name, type, member, width, help) \
	{ name, type, offsetof(struct event, member), width, help }

static const struct column event_columns[] = {
	COLUMN("TIME", SECONDS, time, 16, "time of CLOCK_MONOTONIC in seconds"),
	COLUMN("EVENT", TEXT, event, 7, "join, leave, send, call, reply, receive, drop"),
	COLUMN("GROUP", TEXT, group, 16, "the group, if it is in this network namespace"),
	COLUMN("FROM", NUMBER, from, 8, "endpoint that acts, or that sent the message"),
	COLUMN("TO", ADDRESS, to, 8, "destination, or endpoint that receives or drops"),
	COLUMN("DESTINATIONS", NUMBER, destinations, 12, "send, call: number of destinations"),
	COLUMN("ROLE", TEXT, role, 9, "join, leave: primary or secondary"),
	COLUMN("GENERATION", NUMBER, generation, 10, "join, leave: generation of the primary"),
	COLUMN("TYPE", TEXT, type, 8, "receive: message, request, reply, joined, left"),
	COLUMN("CALL", NUMBER, call, 6, "id of the call"),
	COLUMN("SEQ", NUMBER, seq, 8, "receive: number of the record in the mailbox"),
	COLUMN("SIZE", NUMBER, size, 6, "bytes of payload"),
	COLUMN("FDS", NUMBER, fds, 3, "file descriptors"),
	COLUMN("STATUS", SIGNED, status, 6, "reply: 0 or a negative error number"),
	COLUMN("DEADLINE", SECONDS, deadline, 16, "call: when it ends at the latest"),
	COLUMN("NAME", TEXT, name, 0, "send, call: name of the message"),
	{ NULL }
};

/**
 * struct monitor - state that the callbacks need
 * @output: how to print a row
 * @tep: formats of the events
 * @instance: tracing instance that the events come from
 * @pipe: open file of @instance, which keeps it busy and is readable when there are events
 * @only: name of the only group to show, or NULL
 * @left: number of events still to show; 0 if there is no limit
 * @groups: tree of struct member, one for each known endpoint
 */
struct monitor {
	struct output output;
	struct tep_handle *tep;
	struct tracefs_instance *instance;
	int pipe;
	const char *only;
	uint64_t left;
	void *groups;
};

struct member {
	uint64_t id;
	char group[MPIPC_GROUP_MAX];
};

static struct monitor monitor = { .pipe = -1 };
static volatile sig_atomic_t interrupted;

/*
 * Endpoints and their groups
 */

static int compare_members(const void *a, const void *b)
{
	const struct member *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static void add_member(uint64_t id, const char *group)
{
	struct member *member = allocate(sizeof(*member));
	struct member **known;

	member->id = id;
	snprintf(member->group, sizeof(member->group), "%s", group);
	known = tsearch(member, &monitor.groups, compare_members);
	if (!known)
		die("out of memory");
	if (*known != member)
		free(member);
}

static struct member *find_member(uint64_t id)
{
	struct member key = { .id = id };
	struct member **known = tfind(&key, &monitor.groups, compare_members);

	return known ? *known : NULL;
}

static void remove_member(uint64_t id)
{
	struct member *member = find_member(id);

	if (!member)
		return;
	tdelete(member, &monitor.groups, compare_members);
	free(member);
}

/* Add the endpoints that had joined before the monitor started. */
static void add_listed(void)
{
	struct listing listing;
	size_t i;

	listing_read(&listing);
	for (i = 0; i < listing.n_endpoints; i++)
		add_member(listing.endpoints[i].id, listing.endpoints[i].group);
	listing_free(&listing);
}

/*
 * Events
 */

static uint64_t number(struct tep_event *format, struct tep_record *record, const char *name)
{
	unsigned long long value;

	return tep_get_field_val(NULL, format, name, record, &value, 0) ? NO_NUMBER : value;
}

static const char *text(struct tep_event *format, struct tep_record *record, const char *name,
			char *copy, size_t size)
{
	int len;
	const char *raw = tep_get_field_raw(NULL, format, name, record, &len, 0);

	if (!raw)
		return NULL;
	snprintf(copy, size, "%.*s", len, raw);
	return copy;
}

static const char *role_name(uint64_t role)
{
	switch (role) {
	case MPIPC_PRIMARY:
		return "primary";
	case MPIPC_SECONDARY:
		return "secondary";
	}
	return NULL;
}

static const char *type_name(uint64_t type)
{
	static const char *const names[] = {
		[MPIPC_MESSAGE] = "message",
		[MPIPC_REQUEST] = "request",
		[MPIPC_REPLY_TO] = "reply",
		[MPIPC_JOINED] = "joined",
		[MPIPC_LEFT] = "left",
	};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}

/* Fill in the fields that this kind of event has; the others are not known. */
static void fill_event(struct event *event, struct tep_event *format, struct tep_record *record,
		       char name[MPIPC_NAME_MAX])
{
	uint64_t id = number(format, record, "id");

	event->time = record->ts;
	event->event = format->name + strlen(SYSTEM "_");
	event->from = number(format, record, "from");
	event->to = number(format, record, "to");
	if (!strcmp(event->event, "receive")) {
		event->from = number(format, record, "peer");
		event->to = id;
	} else if (id != NO_NUMBER) {
		event->from = id;
	}
	event->destinations = number(format, record, "n");
	event->role = role_name(number(format, record, "role"));
	event->generation = number(format, record, "generation");
	event->type = type_name(number(format, record, "type"));
	event->name = text(format, record, "name", name, MPIPC_NAME_MAX);
	event->size = number(format, record, "size");
	event->fds = number(format, record, "fds");
	event->call = number(format, record, "call");
	event->seq = number(format, record, "seq");
	event->status = NO_SIGNED;
	if (number(format, record, "status") != NO_NUMBER)
		event->status = (int32_t)number(format, record, "status");
	event->deadline = number(format, record, "deadline");
	/* 0 is not a call, and MPIPC_FOREVER is not a time. */
	if (!event->call)
		event->call = NO_NUMBER;
	if (event->deadline == MPIPC_FOREVER)
		event->deadline = NO_NUMBER;
}

static void find_group(struct event *event, struct tep_event *format, struct tep_record *record)
{
	char group[MPIPC_GROUP_MAX];
	struct member *member;

	if (text(format, record, "group", group, sizeof(group)))
		add_member(event->from, group);
	member = find_member(event->from);
	if (!member)
		member = find_member(event->to);
	event->group = member ? member->group : NULL;
}

static int show_event(struct tep_event *format, struct tep_record *record, int cpu, void *unused)
{
	char name[MPIPC_NAME_MAX];
	struct event event;

	(void)cpu;
	(void)unused;
	if (strcmp(format->system, SYSTEM))
		return 0;
	fill_event(&event, format, record, name);
	find_group(&event, format, record);
	if (!monitor.only || (event.group && !strcmp(event.group, monitor.only))) {
		output_row(&monitor.output, &event);
		/* Stop here, because events that go on and on keep watch() from checking. */
		if (ferror(stdout))
			interrupted = 1;
		if (monitor.left && !--monitor.left)
			interrupted = 1;
	}
	if (!strcmp(event.event, "leave"))
		remove_member(event.from);
	return interrupted;
}

/*
 * Load the formats of the events. The library's own function would load the symbols of the
 * kernel as well, which takes far longer.
 */
static void load_formats(const char *tracing)
{
	char **events = tracefs_system_events(tracing, SYSTEM), **event;
	char *path, *text;
	int size;

	monitor.tep = tep_alloc();
	text = tracefs_instance_file_read(NULL, "events/header_page", &size);
	if (!monitor.tep || !events || !text)
		die("cannot read the formats of the events: %s", strerror(errno));
	tep_parse_header_page(monitor.tep, text, size, sizeof(long));
	free(text);
	for (event = events; *event; event++) {
		path = format_string("events/" SYSTEM "/%s/format", *event);
		text = tracefs_instance_file_read(NULL, path, &size);
		free(path);
		if (!text || tep_parse_event(monitor.tep, text, size, SYSTEM))
			die("cannot read the format of the event %s", *event);
		free(text);
	}
	tracefs_list_free(events);
}

/*
 * The instance
 */

/* Report how many events the kernel had no space for. */
static void report_missed(void)
{
	unsigned long long missed = 0, n;
	char path[64], *stats;
	const char *found;
	int cpu;

	for (cpu = 0;; cpu++) {
		snprintf(path, sizeof(path), "per_cpu/cpu%d/stats", cpu);
		stats = tracefs_instance_file_read(monitor.instance, path, NULL);
		if (!stats)
			break;
		found = strstr(stats, "overrun: ");
		if (found && sscanf(found, "overrun: %llu", &n) == 1)
			missed += n;
		free(stats);
	}
	if (missed)
		complain("%llu events came too fast and are missing", missed);
}

static void remove_instance(void)
{
	if (monitor.pipe >= 0)
		close(monitor.pipe);
	tracefs_event_disable(monitor.instance, SYSTEM, NULL);
	tracefs_instance_destroy(monitor.instance);
	tracefs_instance_free(monitor.instance);
}

/* Remove instances of monitors that were killed; an instance that is read is busy and stays. */
static void remove_left_over(int instances)
{
	DIR *dir = fdopendir(dup(instances));
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			unlinkat(instances, entry->d_name, AT_REMOVEDIR);
	closedir(dir);
}

static void set_instance(const char *file, const char *value)
{
	if (tracefs_instance_file_write(monitor.instance, file, value) < 0)
		die("cannot set %s of a tracing instance: %s", file, strerror(errno));
}

/* Make the instance under a lock, so that no other monitor removes it before it is busy. */
static void make_instance(const char *tracing)
{
	char *path = format_string("%s/instances", tracing);
	/* The time makes the name unique, since another pid namespace may use the same pid. */
	char *name = format_string(PREFIX "%d.%" PRIu64, (int)getpid(), now());
	int instances = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (instances < 0 || flock(instances, LOCK_EX))
		die("%s: %s", path, strerror(errno));
	remove_left_over(instances);
	monitor.instance = tracefs_instance_create(name);
	if (!monitor.instance)
		die("cannot make a tracing instance in %s: %s", path, strerror(errno));
	atexit(remove_instance);
	monitor.pipe = tracefs_instance_file_open(monitor.instance, "trace_pipe", O_RDONLY);
	if (monitor.pipe < 0)
		die("cannot open a tracing instance: %s", strerror(errno));
	close(instances);
	free(path);
	free(name);
}

static void check_access(const char *tracing)
{
	char *path;

	if (geteuid())
		die("only root may look at tracepoints: sudo mpipc monitor");
	if (!tracing)
		die("tracefs is not mounted, or this kernel has none: "
		    "mount -t tracefs tracefs /sys/kernel/tracing");
	if (access("/sys/module/mpipc", F_OK))
		die("the module mpipc is not loaded; as root: mpipc load");
	path = format_string("%s/events/" SYSTEM, tracing);
	if (access(path, F_OK))
		die("%s: %s; the kernel was built without tracepoints", path, strerror(errno));
	free(path);
}

/*
 * Watching
 */

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void catch_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

/*
 * Print events until a signal comes. Nothing notifies the monitor when the module is unloaded
 * and its events go, so look for them every second. The same look notices a signal that came
 * just before poll().
 */
static void watch(const char *tracing)
{
	struct pollfd fd = { .fd = monitor.pipe, .events = POLLIN };
	char *events = format_string("%s/events/" SYSTEM, tracing);

	while (!interrupted) {
		int ready = poll(&fd, 1, 1000);

		if (ready < 0 && errno != EINTR)
			die("cannot wait for events: %s", strerror(errno));
		if (ready == 0 && access(events, F_OK))
			die("the module was unloaded");
		if (ready <= 0)
			continue;
		if (tracefs_iterate_raw_events(monitor.tep, monitor.instance, NULL, 0,
					       show_event, NULL) < 0)
			die("cannot read events: %s", strerror(errno));
		flush_output();
	}
	free(events);
}

static int run_monitor(int argc, char **argv)
{
	const char *tracing;
	char **names;

	output_init(&monitor.output, command->columns, command->defaults);
	while (next_option(argc, argv, &monitor.output) != -1)
		monitor.left = parse_number(optarg, UINT32_MAX);
	names = arguments(argc, argv, 0, 1);
	monitor.only = names[0];
	tracing = geteuid() ? NULL : tracefs_tracing_dir();
	check_access(tracing);
	load_formats(tracing);
	catch_signals();
	make_instance(tracing);
	/* Wake up for every event, not when a buffer is half full. */
	set_instance("buffer_percent", "0");
	set_instance("trace_clock", "mono");
	if (tracefs_event_enable(monitor.instance, SYSTEM, NULL))
		die("cannot enable the events: %s", strerror(errno));
	add_listed();
	output_headings(&monitor.output);
	flush_output();
	watch(tracing);
	report_missed();
	return 0;
}

const struct command monitor_command = {
	.name = "monitor",
	.synopsis = "[-n COUNT] [GROUP]",
	.summary = "show joins and messages as they happen; root only",
	.options = "  -n, --count COUNT     end after COUNT events\n",
	.letters = "n:",
	.columns = event_columns,
	.defaults = "TIME,EVENT,GROUP,FROM,TO,CALL,SIZE,FDS,STATUS,NAME",
	.run = run_monitor,
};
