// SPDX-License-Identifier: BSD-3-Clause
/*
 * mpipc send, request: send one message from a shell. A secondary sends to the primary. A
 * primary first waits for its secondaries.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "message.h"
#include "tool.h"

/**
 * struct letter - a message, with its destination and options
 * @output: how to print replies
 * @raw: print nothing but the payload of replies
 * @role: role in the group
 * @to: destination
 * @timeout: time for everything, once the payload was read
 * @deadline: when to give up
 * @wanted: number of secondaries that a primary waits for
 * @came: number of secondaries that have joined; with -T only that one counts
 * @group: name of the group
 * @at: path of the file that the group belongs to, or NULL
 * @name: name of the message
 * @data: payload
 * @size: bytes of @data
 * @fds: descriptors to send
 * @n_fds: number of @fds
 */
struct letter {
	struct output output;
	bool raw;
	enum mpipc_role role;
	uint64_t to;
	uint64_t timeout;
	uint64_t deadline;
	uint64_t wanted;
	uint64_t came;
	const char *group;
	const char *at;
	const char *name;
	const char *data;
	size_t size;
	int fds[MPIPC_FDS_MAX];
	unsigned int n_fds;
};

/* Read one byte more than a payload may have, so that a longer one is refused, not cut off. */
static void read_payload(struct letter *letter)
{
	char *data = allocate(MPIPC_SIZE_MAX + 1);
	size_t size = 0;
	ssize_t n;

	do {
		n = read(STDIN_FILENO, data + size, MPIPC_SIZE_MAX + 1 - size);
		if (n < 0 && errno != EINTR)
			die("cannot read standard input: %s", strerror(errno));
		size += n > 0 ? n : 0;
	} while (n && size <= MPIPC_SIZE_MAX);
	letter->data = data;
	letter->size = size;
}

static void add_file(struct letter *letter, const char *path)
{
	int fd;

	if (letter->n_fds == MPIPC_FDS_MAX)
		usage_error("a message carries at most %d files", MPIPC_FDS_MAX);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	letter->fds[letter->n_fds++] = fd;
}

static void read_options(struct letter *letter, int argc, char **argv)
{
	bool has_address = false;
	int option;

	output_init(&letter->output, command->columns, command->defaults);
	letter->role = MPIPC_SECONDARY;
	letter->to = MPIPC_TO_PRIMARY;
	letter->timeout = 5 * NSEC_PER_SEC;
	letter->wanted = 1;
	while ((option = next_option(argc, argv, &letter->output)) != -1) {
		switch (option) {
		case 'A':
			letter->at = optarg;
			break;
		case 'f':
			add_file(letter, optarg);
			break;
		case 'n':
			letter->wanted = parse_number(optarg, UINT32_MAX);
			break;
		case 'p':
			letter->role = MPIPC_PRIMARY;
			break;
		case 'r':
			letter->raw = true;
			break;
		case 't':
			letter->timeout = parse_seconds(optarg);
			break;
		case 'T':
			letter->to = parse_number(optarg, MPIPC_TO_ALL - 1);
			has_address = true;
		}
	}
	if ((has_address || letter->wanted != 1) && letter->role != MPIPC_PRIMARY)
		usage_error("-T and -n are for a primary (-p): a secondary sends to its primary");
	if (has_address)
		letter->wanted = 1;
	if (letter->role == MPIPC_PRIMARY && !has_address)
		letter->to = MPIPC_TO_ALL;
}

static void read_arguments(struct letter *letter, int argc, char **argv)
{
	char **words = arguments(argc, argv, 2, 3);

	letter->group = words[0];
	letter->name = words[1];
	if (strlen(letter->name) >= MPIPC_NAME_MAX)
		die("the name of a message has at most %d bytes", MPIPC_NAME_MAX - 1);
	if (words[2]) {
		letter->data = words[2];
		letter->size = strlen(words[2]);
	} else {
		read_payload(letter);
	}
	if (letter->size > MPIPC_SIZE_MAX)
		die("the payload of a message has at most %d bytes", MPIPC_SIZE_MAX);
}

/* Return how much time joining, sending and waiting may still take. */
static int64_t time_left(const struct letter *letter)
{
	uint64_t time = now();

	return time < letter->deadline ? letter->deadline - time : 0;
}

static void count_secondary(struct mpipc *self, const struct mpipc_message *message, void *arg)
{
	struct letter *letter = arg;

	(void)self;
	if (message->record->type == MPIPC_JOINED &&
	    (letter->to == MPIPC_TO_ALL || letter->to == message->record->peer))
		letter->came++;
}

static struct mpipc *join(struct letter *letter)
{
	struct mpipc_open_options options = { .size = sizeof(options), .at = letter->at };
	struct mpipc *self;

	letter->deadline = now() + letter->timeout;
	if (letter->role == MPIPC_SECONDARY) {
		options.timeout_ns = time_left(letter);
		return device_join(letter->group, letter->role, &options);
	}
	options.flags = MPIPC_JOIN_EVENTS;
	options.handler = count_secondary;
	options.arg = letter;
	self = device_join(letter->group, letter->role, &options);
	while (letter->came < letter->wanted) {
		int64_t left = time_left(letter);
		int ret = mpipc_dispatch(self, left);

		if (ret < 0 && ret != -EINTR)
			die("group \"%s\": %s", letter->group, strerror(-ret));
		/* Check the time even after a message, because messages may come all the time. */
		if (!ret || (!left && letter->came < letter->wanted))
			die("group \"%s\": %" PRIu64 " of %" PRIu64 " secondaries came in time",
			    letter->group, letter->came, letter->wanted);
	}
	return self;
}

static const char *reason(int err)
{
	switch (-err) {
	case ECONNREFUSED:
		return "there is nobody to receive the message";
	case ESRCH:
		return "there is no endpoint with this id";
	case EAGAIN:
	case ETIMEDOUT:
		return "the receiver's mailbox is full";
	}
	return strerror(-err);
}

static void check_sent(const struct letter *letter, int n)
{
	if (n < 0)
		die("group \"%s\": %s", letter->group, reason(n));
	if (!n)
		die("group \"%s\": %s", letter->group, reason(-ECONNREFUSED));
}

static int run_send(int argc, char **argv)
{
	struct letter letter = { 0 };
	struct mpipc_send_options options = { .size = sizeof(options) };
	struct mpipc *self;
	unsigned int full = 0;

	read_options(&letter, argc, argv);
	read_arguments(&letter, argc, argv);
	self = join(&letter);
	options.fds = letter.fds;
	options.n_fds = letter.n_fds;
	options.timeout_ns = time_left(&letter);
	options.full = &full;
	check_sent(&letter, mpipc_send(self, letter.to, letter.name, letter.data, letter.size,
				       &options));
	mpipc_close(self);
	if (full)
		die("group \"%s\": %u mailboxes were full", letter.group, full);
	return 0;
}

static void print_reply(struct letter *letter, const struct mpipc_message *reply)
{
	struct message_row row;

	message_fill(&row, reply);
	if (!letter->raw)
		output_row(&letter->output, &row);
	else
		fwrite(row.data.data, 1, row.data.size, stdout);
	if (!row.status)
		return;
	/* Flush first, so that output and errors keep their order in one file. */
	flush_output();
	complain("endpoint %" PRIu64 ": %s", row.peer, row.error);
}

static int run_request(int argc, char **argv)
{
	struct letter letter = { 0 };
	struct mpipc_call_options options = {
		.size = sizeof(options),
		.reply_size = MPIPC_SIZE_MAX,
		.reply_fds = MPIPC_FDS_MAX,
	};
	struct mpipc_replies *replies;
	int status = 0, n, i;
	struct mpipc *self;

	read_options(&letter, argc, argv);
	read_arguments(&letter, argc, argv);
	self = join(&letter);
	options.fds = letter.fds;
	options.n_fds = letter.n_fds;
	n = mpipc_call(self, letter.to, letter.name, letter.data, letter.size,
		       time_left(&letter), &options, &replies);
	check_sent(&letter, n);
	if (!letter.raw)
		output_headings(&letter.output);
	for (i = 0; i < n; i++) {
		const struct mpipc_message *reply = mpipc_replies_get(replies, i);

		print_reply(&letter, reply);
		if (reply->record->status)
			status = EXIT_FAILED;
	}
	mpipc_replies_free(replies);
	mpipc_close(self);
	return status;
}

#define SEND_OPTIONS \
	"  -A, --at PATH         join the group that belongs to the file or directory PATH\n" \
	"  -t, --timeout SECONDS give up after SECONDS, counted from when the payload was\n" \
	"                        read; the default is 5\n" \
	"  -f, --file FILE       open FILE and send its descriptor, too; may be repeated\n" \
	"  -p, --primary         join as the primary and send to all secondaries\n" \
	"  -n, --count COUNT     as the primary, wait for COUNT secondaries; the default is 1\n" \
	"  -T, --to ID           as the primary, wait for the endpoint ID and send only to it\n"

const struct command send_command = {
	.name = "send",
	.synopsis = "[OPTION...] GROUP NAME [DATA]",
	.summary = "send a message with DATA or standard input",
	.options = SEND_OPTIONS,
	.letters = "A:f:n:pt:T:",
	.run = run_send,
};

const struct command request_command = {
	.name = "request",
	.synopsis = "[OPTION...] GROUP NAME [DATA]",
	.summary = "send a request and print the replies",
	.options = SEND_OPTIONS
		"  -r, --raw             print the payload of the replies only, byte by byte\n",
	.letters = "A:f:n:prt:T:",
	.columns = message_columns,
	.defaults = "PEER,PID,STATUS,SIZE,FDS,NAME,DATA",
	.run = run_request,
};
