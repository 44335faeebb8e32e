// SPDX-License-Identifier: BSD-3-Clause
/* mpipc listen: join a group and print what the endpoint receives. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "message.h"
#include "tool.h"

/**
 * struct listener - what to do with received messages
 * @output: how to print a row
 * @raw: print nothing but the payload
 * @reply: payload of the reply to a request; NULL replies with an error
 * @count: number of messages after which to end; 0 never ends
 * @seen: number of messages so far
 * @deadline: time by which the command has to end
 * @role: role in the group
 * @join: options of the join
 */
struct listener {
	struct output output;
	bool raw;
	const char *reply;
	uint64_t count;
	uint64_t seen;
	uint64_t deadline;
	enum mpipc_role role;
	struct mpipc_open_options join;
};

static void reply(struct mpipc *self, const struct listener *listener,
		  const struct mpipc_message *message)
{
	const char *text = listener->reply ? listener->reply : "";
	int status = listener->reply ? 0 : -EOPNOTSUPP;
	int err = mpipc_reply(self, message->record->call, status, text, strlen(text), NULL);

	/* The caller may have given up. */
	if (err < 0 && err != -ESRCH)
		complain("cannot reply: %s", strerror(-err));
}

static void print(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	struct listener *listener = arg;
	struct message_row row;

	/* mpipc_dispatch() may handle more messages than -n asks for. */
	if (listener->count && listener->seen == listener->count)
		return;
	listener->seen++;
	message_fill(&row, message);
	if (listener->raw)
		fwrite(row.data.data, 1, row.data.size, stdout);
	else
		output_row(&listener->output, &row);
	/* Print before the reply, because the caller may then look at what was printed. */
	flush_output();
	if (message->record->type == MPIPC_REQUEST)
		reply(self, listener, message);
}

static unsigned int parse_mode(const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	/* A mode of 0 would mean the default to the kernel. */
	if (!*text || *end || !mode || mode & ~0666UL)
		usage_error("\"%s\" is not a mode such as 0660", text);
	return mode;
}

static void read_options(struct listener *listener, int argc, char **argv)
{
	bool has_mode = false;
	int option;

	output_init(&listener->output, command->columns, command->defaults);
	while ((option = next_option(argc, argv, &listener->output)) != -1) {
		switch (option) {
		case 'a':
			listener->reply = optarg;
			break;
		case 'A':
			listener->join.at = optarg;
			break;
		case 'e':
			listener->join.flags |= MPIPC_JOIN_EVENTS;
			break;
		case 'm':
			listener->join.mode = parse_mode(optarg);
			has_mode = true;
			break;
		case 'n':
			listener->count = parse_number(optarg, UINT32_MAX);
			break;
		case 'r':
			listener->raw = true;
			break;
		case 's':
			listener->role = MPIPC_SECONDARY;
			listener->join.flags |= MPIPC_JOIN_FOLLOW;
			break;
		case 't':
			listener->deadline = now() + parse_seconds(optarg);
		}
	}
	if (listener->role == MPIPC_SECONDARY && has_mode)
		usage_error("-m is for a primary, because the primary creates the group");
	if (listener->join.at && has_mode)
		usage_error("-m is not for -A, because the mode of the file counts");
}

static int64_t time_left(const struct listener *listener)
{
	uint64_t time = now();

	if (listener->deadline == MPIPC_FOREVER)
		return MPIPC_WAIT_FOREVER;
	return time < listener->deadline ? listener->deadline - time : 0;
}

static int run_listen(int argc, char **argv)
{
	struct listener listener = {
		.join = { .size = sizeof(listener.join), .handler = print, .arg = &listener },
		.role = MPIPC_PRIMARY,
		.deadline = MPIPC_FOREVER,
	};
	struct mpipc *self;
	const char *group;
	int64_t left;
	bool done;
	int ret;

	read_options(&listener, argc, argv);
	group = arguments(argc, argv, 1, 1)[0];
	if (listener.role == MPIPC_SECONDARY)
		listener.join.timeout_ns = time_left(&listener);
	self = device_join(group, listener.role, &listener.join);
	if (!listener.raw)
		output_headings(&listener.output);
	flush_output();
	do {
		left = time_left(&listener);
		ret = mpipc_dispatch(self, left);
		if (ret < 0 && ret != -EINTR)
			die("group \"%s\": %s", group, strerror(-ret));
		done = listener.count && listener.seen >= listener.count;
		/* Check the time even after a message, because messages may come all the time. */
		if (!done && (!ret || !left))
			die("group \"%s\": no more came in time", group);
	} while (!done);
	mpipc_close(self);
	return 0;
}

const struct command listen_command = {
	.name = "listen",
	.synopsis = "[OPTION...] GROUP",
	.summary = "join a group and print messages and requests",
	.options = "  -A, --at PATH         join the group that belongs to the file or directory\n"
		   "                        PATH, in whatever namespaces its members are\n"
		   "  -s, --secondary       join as a secondary, and stay when the primary is\n"
		   "                        replaced; the default is to join as the primary\n"
		   "  -a, --answer TEXT     reply to requests with TEXT; the default is an error\n"
		   "  -n, --count COUNT     end after COUNT messages\n"
		   "  -t, --timeout SECONDS fail if the command has not ended after SECONDS\n"
		   "  -e, --events          also print which endpoints join and leave\n"
		   "  -m, --mode MODE       permissions of the group, like those of a file; the\n"
		   "                        default is 0600\n"
		   "  -r, --raw             print the payload only, byte by byte\n",
	.letters = "a:A:em:n:rst:",
	.columns = message_columns,
	.defaults = "TYPE,PEER,PID,UID,LOST,SIZE,FDS,NAME,DATA",
	.run = run_listen,
};
