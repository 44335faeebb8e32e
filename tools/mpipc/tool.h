/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_H
#define MPIPC_TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "columns.h"

/**
 * DOC: mpipc, the command-line tool
 *
 * Each command is a file with a &struct command, which main.c finds by its name. A
 * command prints rows (columns.h). The rows come from the kernel's listing (listing.h),
 * its tracepoints (monitor.c), or the library (message.c, listen.c).
 *
 * Standard output carries data only. An error is one line on standard error that begins
 * with "mpipc: " and says what to do. The exit status is 0, or 1 if something failed, or
 * 2 if the command line is wrong. Every failure ends in exit(), so that atexit() can
 * restore the terminal and remove the tracing instance.
 *
 * Names are arbitrary bytes that others chose. They are printed by text_write() only.
 */

#define EXIT_FAILED	1
#define EXIT_USAGE	2

#define NSEC_PER_SEC	1000000000ULL

/**
 * struct command - one command of the tool
 * @name: name on the command line
 * @synopsis: options and arguments behind the name
 * @summary: half a line that says what the command does
 * @options: lines of help on its options, without those that all rows have
 * @letters: option letters for getopt_long()
 * @columns: columns of its rows; NULL if the command prints no rows
 * @defaults: columns that are shown unless -o names others
 * @run: run the command and return the exit status
 */
struct command {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *options;
	const char *letters;
	const struct column *columns;
	const char *defaults;
	int (*run)(int argc, char **argv);
};

extern const struct command list_command, stat_command, top_command, calls_command, users_command,
	monitor_command, send_command, request_command, listen_command, load_command,
	unload_command, doctor_command;

/* The command that runs; NULL before it is known. */
extern const struct command *command;

/* main.c */

/* Return the next option, or -1 after the last one; options for rows go into @output. */
int next_option(int argc, char **argv, struct output *output);

/* Check how many arguments are left and return the first of them. */
char **arguments(int argc, char **argv, int min, int max);

/* error.c */

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void usage_error(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *allocate(size_t size);
void *resize(void *memory, size_t n, size_t size);
char *copy_string(const char *string);
char *format_string(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Write out what was printed, or end the program if that fails. */
void flush_output(void);

/* number.c */

/* Parse a number up to @max, or a time in seconds, which is returned in nanoseconds. */
uint64_t parse_number(const char *text, uint64_t max);
uint64_t parse_seconds(const char *text);

/* Return the time of CLOCK_MONOTONIC in nanoseconds. */
uint64_t now(void);

#endif /* MPIPC_TOOL_H */
