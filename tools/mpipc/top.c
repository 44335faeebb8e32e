// SPDX-License-Identifier: BSD-3-Clause
/* mpipc top: print the endpoints and what they do in a second, again and again. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "listing.h"
#include "tool.h"

#define CLEAR		"\033[H\033[J"
#define CURSOR_OFF	"\033[?25l"
#define CURSOR_ON	"\033[?25h"

/* The terminal's settings before this program changed them. */
static struct termios terminal;
static bool has_keys, is_screen;

/*
 * Rates since the last look
 */

static int compare_ids(const void *a, const void *b)
{
	const struct endpoint *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

/* Order the busiest first, and equally busy ones by id so that they keep their places. */
static int compare_rates(const void *a, const void *b)
{
	const struct endpoint *left = a, *right = b;
	uint64_t left_rate = left->sent_rate + left->received_rate;
	uint64_t right_rate = right->sent_rate + right->received_rate;

	if (left_rate != right_rate)
		return left_rate < right_rate ? 1 : -1;
	return compare_ids(a, b);
}

static uint64_t rate(uint64_t after, uint64_t before, double seconds)
{
	return (after - before) / seconds + 0.5;
}

/* Compare two listings, sorted by id. An endpoint that joined meanwhile started from 0. */
static void set_rates(struct listing *listing, const struct listing *before, double seconds)
{
	static const struct endpoint nothing;
	size_t i;

	for (i = 0; i < listing->n_endpoints; i++) {
		struct endpoint *endpoint = &listing->endpoints[i];
		const struct endpoint *old = NULL;

		if (before->n_endpoints)
			old = bsearch(endpoint, before->endpoints, before->n_endpoints,
				      sizeof(*old), compare_ids);
		if (!old)
			old = &nothing;
		endpoint->sent_rate = rate(endpoint->sent, old->sent, seconds);
		endpoint->received_rate = rate(endpoint->received, old->received, seconds);
		endpoint->lost_rate = rate(endpoint->lost, old->lost, seconds);
	}
}

static void sort(struct endpoint *endpoints, size_t n, int (*compare)(const void *, const void *))
{
	if (n)
		qsort(endpoints, n, sizeof(*endpoints), compare);
}

static void read_sorted(struct listing *listing)
{
	listing_read(listing);
	sort(listing->endpoints, listing->n_endpoints, compare_ids);
}

/*
 * The screen
 */

static void restore_terminal(void)
{
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
	if (is_screen) {
		fputs(CURSOR_ON, stdout);
		fflush(stdout);
	}
}

/* Read keys one by one, without an echo; Ctrl-C still interrupts. */
static void set_terminal(void)
{
	struct termios keys = terminal;

	if (has_keys) {
		keys.c_lflag &= ~(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &keys);
	}
	if (is_screen)
		fputs(CURSOR_OFF, stdout);
}

static void begin_screen(void)
{
	is_screen = isatty(STDOUT_FILENO);
	has_keys = is_screen && !tcgetattr(STDIN_FILENO, &terminal);
	atexit(restore_terminal);
	set_terminal();
}

static struct winsize screen_size(void)
{
	struct winsize size = { 0 };

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		return size;
	return (struct winsize){ .ws_row = 24, .ws_col = 80 };
}

/* Cut off what does not fit, because a wrapped line would push other lines off the screen. */
static void print_on_screen(const char *text, const struct winsize *size)
{
	int rows = size->ws_row;

	fputs(CLEAR, stdout);
	while (*text && --rows > 0) {
		size_t len = strcspn(text, "\n");

		printf("%.*s\n", len < size->ws_col ? (int)len : size->ws_col, text);
		text += len + (text[len] == '\n');
	}
}

static void print(struct output *output, struct listing *listing)
{
	struct winsize screen = screen_size();
	char *text = NULL;
	size_t size = 0;

	/* Limit the width of names, so that a long one does not hide the numbers of all. */
	output->widest = is_screen ? screen.ws_col / 4 + 1 : 0;
	listing_look(listing, output);
	sort(listing->endpoints, listing->n_endpoints, compare_rates);
	output->file = open_memstream(&text, &size);
	if (!output->file)
		die("out of memory");
	output_all(output, "endpoints", listing->endpoints, listing->n_endpoints,
		   sizeof(*listing->endpoints));
	if (ferror(output->file) | fclose(output->file))
		die("out of memory");
	if (is_screen && !output->json)
		print_on_screen(text, &screen);
	else
		fputs(text, stdout);
	free(text);
	flush_output();
	sort(listing->endpoints, listing->n_endpoints, compare_ids);
}

/*
 * Waiting
 */

static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		die("signalfd: %s", strerror(errno));
	return fd;
}

/* Handle a signal; return false if the program is to end. */
static bool handle_signal(int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return true;
	switch (info.ssi_signo) {
	case SIGTSTP:
		restore_terminal();
		raise(SIGSTOP);
		return true;
	case SIGCONT:
		/* Set the terminal again, because a shell has changed it meanwhile. */
		set_terminal();
		return true;
	case SIGWINCH:
		return true;
	}
	return false;
}

/* Handle a key; return false if the program is to end or the terminal is gone. */
static bool handle_key(void)
{
	char key;

	return read(STDIN_FILENO, &key, 1) == 1 && key != 'q';
}

/* Wait for the time; return false if the program is to end before. */
static bool wait_until(uint64_t when, int signals)
{
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN },
	};
	uint64_t time;

	while ((time = now()) < when) {
		struct timespec left = {
			.tv_sec = (when - time) / NSEC_PER_SEC,
			.tv_nsec = (when - time) % NSEC_PER_SEC,
		};

		if (ppoll(fds, 2, &left, NULL) <= 0)
			continue;
		if (fds[0].revents && !handle_signal(signals))
			return false;
		if (fds[1].revents && !handle_key())
			return false;
	}
	return true;
}

static int top(int argc, char **argv)
{
	uint64_t delay = NSEC_PER_SEC, count = 0, before_time, time;
	struct listing before, listing;
	struct output output;
	int option, signals;

	output_init(&output, command->columns, command->defaults);
	while ((option = next_option(argc, argv, &output)) != -1) {
		if (option == 'd')
			delay = parse_seconds(optarg);
		else
			count = parse_number(optarg, UINT32_MAX);
	}
	arguments(argc, argv, 0, 0);
	if (delay < NSEC_PER_SEC / 100)
		usage_error("the delay is less than 0.01 seconds");
	if (!isatty(STDOUT_FILENO) && !count)
		usage_error("the output is not a terminal: say with -n how many times to look");

	signals = open_signals();
	time = now();
	read_sorted(&before);
	begin_screen();
	if (is_screen && !output.json)
		print(&output, &before);
	while (wait_until(time + delay, signals)) {
		before_time = time;
		time = now();
		read_sorted(&listing);
		set_rates(&listing, &before, (double)(time - before_time) / NSEC_PER_SEC);
		listing_free(&before);
		before = listing;
		print(&output, &before);
		if (count && !--count)
			break;
	}
	return 0;
}

const struct command top_command = {
	.name = "top",
	.synopsis = "[-d SECONDS] [-n COUNT]",
	.summary = "show what endpoints do, again and again; q ends it",
	.options = "  -d, --delay SECONDS   time between two looks; the default is 1\n"
		   "  -n, --count COUNT     end after COUNT looks; needed if the output is not a\n"
		   "                        terminal\n",
	.letters = "d:n:",
	.columns = endpoint_columns,
	.defaults = "GROUP,ID,ROLE,PID,PROCESS,QUEUED,PENDING,OLDEST,SENT/S,RECEIVED/S,LOST/S,LOST",
	.run = top,
};
