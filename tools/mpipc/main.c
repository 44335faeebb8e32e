// SPDX-License-Identifier: BSD-3-Clause
/* Find and run the command; parse options, print help and end for all commands alike. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static const struct command *const commands[] = {
	&list_command, &stat_command, &top_command, &calls_command,
	&users_command, &monitor_command,
	&send_command, &request_command, &listen_command, &load_command, &unload_command,
	&doctor_command,
};

const struct command *command;

/* The value of the one long option that has no letter. */
#define NO_HEADINGS	256

/* The long options of all commands; the letters of a command say which ones it has. */
static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'l' },
	{ "answer", required_argument, NULL, 'a' },
	{ "at", required_argument, NULL, 'A' },
	{ "count", required_argument, NULL, 'n' },
	{ "delay", required_argument, NULL, 'd' },
	{ "dpdk", no_argument, NULL, 'D' },
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

static void print_command_help(const struct output *output)
{
	printf("usage: mpipc %s %s\n\nmpipc %s: %s.\n\nOptions:\n%s", command->name,
	       command->synopsis, command->name, command->summary, command->options);
	if (command->columns)
		puts("  -o, --output COLUMNS  show these columns, separated by commas\n"
		     "      --noheadings      leave out the line with the names of the columns\n"
		     "  -J, --json            print JSON");
	puts("  -h, --help            print this help");
	if (!command->columns)
		return;
	printf("\nDefault columns: %s\n", output->defaults);
	print_columns(output->columns);
}

static void print_help(void)
{
	size_t i;

	puts("usage: mpipc COMMAND [OPTION...] [ARGUMENT...]\n\n"
	     "Shows what happens on /dev/mpipc, and takes part in it.\n\nCommands:");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
	puts("\n\"mpipc help COMMAND\" explains a command, mpipc(1) all of them, and\n"
	     "\"mpipc --version\" prints the version. The exit status is 0, or 1 if something\n"
	     "failed, or 2 if the command line is wrong.");
}

static bool has_letter(int letter)
{
	return letter < NO_HEADINGS && strchr(command->letters, letter);
}

static void __attribute__((noreturn)) unknown_option(const char *dashes, const char *word)
{
	usage_error("%s%s: this command has no such option, or the value is missing, or the option "
		    "takes none", dashes, word);
}

/* Name the wrong letter, which need not be the last one of its word. */
static void __attribute__((noreturn)) bad_option(char **argv, const char *letters)
{
	const char letter[] = { optopt, '\0' };

	if (optopt >= '0' && optopt <= '9')
		usage_error("-%s: this command has no such option; behind -- it is an argument",
			    letter);
	if (optopt && optopt < NO_HEADINGS && !strchr(letters, optopt))
		unknown_option("-", letter);
	unknown_option("", argv[optind - 1]);
}

static bool parse_row_option(struct output *output, int option)
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
		print_command_help(output);
		flush_output();
		exit(0);
	case '?':
		bad_option(argv, letters);
	}
	if (has_letter(option))
		return option;
	/* Only a long option gets here, since getopt_long() refuses other letters. */
	if (!command->columns || !parse_row_option(output, option))
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

static int run_command(const char *name, int argc, char **argv)
{
	command = find_command(name);
	if (!command)
		usage_error("there is no command \"%s\"", name);
	return command->run(argc, argv);
}

/* "help", which explains the command that @argv names: as "COMMAND --help" does. */
static void run_help(int argc, char **argv)
{
	char option[] = "--help";
	char *help[] = { argv[1], option, NULL };

	if (argc > 2)
		usage_error("%s: one argument too many", argv[2]);
	if (argc == 2)
		run_command(argv[1], 2, help);
	else
		print_help();
}

/*
 * Open the standard files that the parent left closed, so that files of this program do not
 * get their numbers. They are opened for reading only, so that output fails visibly.
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
	int status = 0;

	open_standard_files();
	/* A failing write reports the same, and then exit() can restore what it has to. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		usage_error("the command is missing");
	if (is_any(argv[1], "--help", "-h", "help"))
		run_help(argc - 1, argv + 1);
	else if (is_any(argv[1], "--version", "-V", "version"))
		puts("mpipc " VERSION);
	else
		status = run_command(argv[1], argc - 1, argv + 1);
	flush_output();
	return status;
}
