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
 * Each command is a file with a &struct command, which main.c finds by its name. What
 * it prints are rows (columns.h); where they are from is the kernel's listing
 * (listing.h), its tracepoints (monitor.c), or the library (message.c, listen.c).
 *
 * Standard output is data only. Errors are one line on standard error that begins
 * with "mpipc: " and says what to do. The exit status is 0, 1 if something failed, 2
 * if the command was used wrongly. Whatever fails, exit() is called: what has to be
 * put back (a terminal, a tracing instance) hangs on atexit().
 *
 * Names are arbitrary bytes that others chose. They leave only through text_write().
 */

#define EXIT_FAILED	1
#define EXIT_USAGE	2

#define NSEC_PER_SEC	1000000000ULL

/**
 * struct command - one command of the tool
 * @name: its name
 * @synopsis: what follows the name
 * @summary: what it does, in half a line
 * @options: help on its options, lines of text; those for rows are added
 * @letters: for getopt_long()
 * @columns: of the rows that it prints, NULL if it prints none
 * @defaults: those that are shown unless others are asked for
 * @run: does it; returns the exit status
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

extern const struct command list_command, stat_command, top_command, monitor_command,
	send_command, request_command, listen_command, load_command, unload_command,
	doctor_command;

/* The one that runs. */
extern const struct command *command;

/* main.c */

/* The next option, -1 after the last; those for rows go into @output. */
int next_option(int argc, char **argv, struct output *output);

/* Checks how many arguments are left and returns the first of them. */
char **arguments(int argc, char **argv, int min, int max);

/* error.c */

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void usage_error(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *allocate(size_t size);
void *resize(void *memory, size_t n, size_t size);
char *copy_string(const char *string);
char *format_string(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Hands on what was printed; ends the program if that cannot be. */
void flush_output(void);

/* number.c */

/* An option's number, or a time in seconds as nanoseconds. */
uint64_t parse_number(const char *text, uint64_t max);
uint64_t parse_seconds(const char *text);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t now(void);

#endif /* MPIPC_TOOL_H */
