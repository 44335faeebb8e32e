// SPDX-License-Identifier: BSD-3-Clause
/* mpipc listen: print what comes to an endpoint. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "message.h"
#include "tool.h"

/**
 * struct listener - how to treat what comes
 * @raw: print nothing but the payload
 * @answer: what requests get, NULL if that is an error
 * @count: end after so many, 0: never
 * @seen: how many there were
 * @deadline: when it is to have ended
 * @role: what it is in the group
 * @join: how it joins
 */
struct listener {
	struct output output;
	bool raw;
	const char *answer;
	uint64_t count;
	uint64_t seen;
	uint64_t deadline;
	enum mpipc_role role;
	struct mpipc_open_options join;
};

static void answer(struct mpipc *self, const struct listener *listener,
		   const struct mpipc_message *message)
{
	const char *text = listener->answer ? listener->answer : "";
	int status = listener->answer ? 0 : -EOPNOTSUPP;
	int err = mpipc_reply(self, message->record->call, status, text, strlen(text), NULL);

	/* Who asked may have given up. */
	if (err < 0 && err != -ESRCH)
		complain("cannot answer: %s", strerror(-err));
}

static void print(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	struct listener *listener = arg;
	struct message_row row;

	/* More may be handled at once than were asked for. */
	if (listener->count && listener->seen == listener->count)
		return;
	listener->seen++;
	message_fill(&row, message);
	if (listener->raw)
		fwrite(row.data.data, 1, row.data.size, stdout);
	else
		output_row(&listener->output, &row);
	/* Before the answer: who gets that may look at what was printed. */
	flush_output();
	if (message->record->type == MPIPC_REQUEST)
		answer(self, listener, message);
}

static unsigned int parse_mode(const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	/* 0 would be the default. */
	if (!*text || *end || !mode || mode & ~0666UL)
		usage_error("\"%s\" is no mode, such as 0660", text);
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
			listener->answer = optarg;
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
		usage_error("-m is for a primary, which makes the group");
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
		/* More may come all the time. */
		if (!done && (!ret || !left))
			die("group \"%s\": no more came in time", group);
	} while (!done);
	mpipc_close(self);
	return 0;
}

const struct command listen_command = {
	.name = "listen",
	.synopsis = "[OPTION...] GROUP",
	.summary = "print messages and requests that come",
	.options = "  -s, --secondary       be a secondary, of each primary that comes; otherwise be\n"
		   "                        the primary\n"
		   "  -a, --answer TEXT     answer requests with this; otherwise with an error\n"
		   "  -n, --count COUNT     end after so many\n"
		   "  -t, --timeout SECONDS fail if it has not ended by then\n"
		   "  -e, --events          print who joins and leaves\n"
		   "  -m, --mode MODE       permissions of the group, as of a file; 0600\n"
		   "  -r, --raw             print nothing but the payload, as it is\n",
	.letters = "a:em:n:rst:",
	.columns = message_columns,
	.defaults = "TYPE,PEER,PID,UID,LOST,SIZE,FDS,NAME,DATA",
	.run = run_listen,
};
