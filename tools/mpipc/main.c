// SPDX-License-Identifier: BSD-3-Clause
/* Finds the command, and what is the same for all of them: options, help, the end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static const struct command *const commands[] = {
	&list_command, &stat_command, &top_command, &monitor_command, &send_command,
	&request_command, &listen_command, &load_command, &unload_command, &doctor_command,
};

const struct command *command;

/* Those that have no letter. */
#define NO_HEADINGS	256

/* Every long option of every command; which of them one has, its letters say. */
static const struct option long_options[] = {
	{ "answer", required_argument, NULL, 'a' },
	{ "count", required_argument, NULL, 'n' },
	{ "delay", required_argument, NULL, 'd' },
	{ "events", no_argument, NULL, 'e' },
	{ "file", required_argument, NULL, 'f' },
	{ "groups", no_argument, NULL, 'g' },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'J' },
	{ "mode", required_argument, NULL, 'm' },
	{ "noheadings", no_argument, NULL, NO_HEADINGS },
	{ "output", required_argument, NULL, 'o' },
	{ "primary", no_argument, NULL, 'p' },
	{ "raw", no_argument, NULL, 'r' },
	{ "secondary", no_argument, NULL, 's' },
	{ "timeout", required_argument, NULL, 't' },
	{ "to", required_argument, NULL, 'T' },
	{ NULL, 0, NULL, 0 },
};

static void print_columns(const struct column *columns)
{
	puts("Columns:");
	for (; columns->name; columns++)
		printf("  %-14s %s\n", columns->name, columns->help);
}

static void help_on_command(const struct output *output)
{
	printf("usage: mpipc %s %s\n\nmpipc %s: %s.\n\nOptions:\n%s", command->name,
	       command->synopsis, command->name, command->summary, command->options);
	if (command->columns)
		puts("  -o, --output COLUMNS  show these, separated by commas\n"
		     "      --noheadings      no first line with their names\n"
		     "  -J, --json            print JSON");
	puts("  -h, --help            print this");
	if (!command->columns)
		return;
	printf("\nDefault columns: %s\n", output->defaults);
	print_columns(output->columns);
}

static void help(void)
{
	size_t i;

	puts("usage: mpipc COMMAND [OPTION...] [ARGUMENT...]\n\n"
	     "Shows what happens on /dev/mpipc, and takes part in it.\n\nCommands:");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
	puts("\nmpipc COMMAND --help tells more, and so does mpipc(1). mpipc --version prints\n"
	     "the version. Exit status: 0, 1 if something failed, 2 if it was used wrongly.");
}

static bool has_letter(int letter)
{
	return letter < NO_HEADINGS && strchr(command->letters, letter);
}

static void __attribute__((noreturn)) unknown_option(const char *dashes, const char *word)
{
	usage_error("%s%s: no such option here, or its value is missing or too much", dashes,
		    word);
}

/* The letter that is wrong need not be the last one of its word. */
static void __attribute__((noreturn)) bad_option(char **argv, const char *letters)
{
	const char letter[] = { optopt, '\0' };

	if (optopt >= '0' && optopt <= '9')
		usage_error("-%s: no such option here; behind -- it is an argument", letter);
	if (optopt && optopt < NO_HEADINGS && !strchr(letters, optopt))
		unknown_option("-", letter);
	unknown_option("", argv[optind - 1]);
}

static bool is_for_rows(struct output *output, int option)
{
	switch (option) {
	case 'J':
		output->json = true;
		return true;
	case 'o':
		output->names = optarg;
		return true;
	case NO_HEADINGS:
		output->no_headings = true;
		return true;
	}
	return false;
}

int next_option(int argc, char **argv, struct output *output)
{
	char letters[64];
	int option, index = -1;

	snprintf(letters, sizeof(letters), "%s%sh", command->letters,
		 command->columns ? "Jo:" : "");
	opterr = 0;
	option = getopt_long(argc, argv, letters, long_options, &index);
	switch (option) {
	case -1:
		if (command->columns)
			output_select(output);
		return -1;
	case 'h':
		help_on_command(output);
		flush_output();
		exit(0);
	case '?':
		bad_option(argv, letters);
	}
	if (has_letter(option))
		return option;
	/* It is a long one: there are no other letters. */
	if (!command->columns || !is_for_rows(output, option))
		unknown_option("--", long_options[index].name);
	return next_option(argc, argv, output);
}

char **arguments(int argc, char **argv, int min, int max)
{
	int n = argc - optind;

	if (n < min)
		usage_error("too few arguments: mpipc %s %s", command->name, command->synopsis);
	if (max >= 0 && n > max)
		usage_error("%s: one argument too many", argv[optind + max]);
	return argv + optind;
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static bool is_any(const char *word, const char *a, const char *b, const char *c)
{
	return !strcmp(word, a) || !strcmp(word, b) || !strcmp(word, c);
}

/*
 * Whoever started it without these would have its files taken for them. They cannot be
 * written to: what is printed is not to be lost in silence.
 */
static void open_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	int status;

	open_standard_files();
	/* Writing says so, too, and leaves time to put things back. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		usage_error("no command");
	if (is_any(argv[1], "--help", "-h", "help")) {
		help();
	} else if (is_any(argv[1], "--version", "-V", "version")) {
		puts("mpipc " VERSION);
	} else {
		const struct command *found = find_command(argv[1]);

		if (!found)
			usage_error("no command \"%s\"", argv[1]);
		command = found;
		status = command->run(argc - 1, argv + 1);
		flush_output();
		return status;
	}
	flush_output();
	return 0;
}
