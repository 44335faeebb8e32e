/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_COLUMNS_H
#define MPIPC_TOOL_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * DOC: Rows of columns
 *
 * A row is a structure, and a column is one of its members, found by its offset. A table
 * shows the columns that -o names, in that order, each as wide as its widest cell. -J makes
 * objects with the same members; their keys are the names in small letters, and numbers are
 * numbers. A value that is not known is "-" in a table and null in JSON.
 *
 * output_rows() prints rows that are known all at once. output_row() prints a row as soon as
 * it is known: in JSON as one object a line, in a table at least as wide as the column says.
 */

/**
 * enum column_type - the type of the member
 * @NUMBER: uint64_t
 * @SIGNED: int64_t
 * @SECONDS: uint64_t in nanoseconds, shown as seconds
 * @ADDRESS: uint64_t, an endpoint id, or MPIPC_TO_PRIMARY or MPIPC_TO_ALL
 * @TEXT: const char *, of any bytes
 * @BYTES: struct bytes
 */
enum column_type {
	NUMBER,
	SIGNED,
	SECONDS,
	ADDRESS,
	TEXT,
	BYTES,
};

struct bytes {
	const void *data;
	size_t size;
};

/* Values of members that are not known; a TEXT, or the data of BYTES, is NULL instead. */
#define NO_NUMBER	(UINT64_MAX - 1)
#define NO_SIGNED	INT64_MIN

/**
 * struct column - a column that can be shown
 * @name: name in capitals; NULL ends an array of columns
 * @type: type of the member
 * @offset: offset of the member in its row
 * @width: least width in rows that are printed one by one
 * @help: line of help on the column
 */
struct column {
	const char *name;
	enum column_type type;
	size_t offset;
	int width;
	const char *help;
};

#define COLUMNS_MAX	24

/**
 * struct output - how to print rows
 * @file: where to print; NULL while widths are measured
 * @columns: all columns that the rows have
 * @defaults: names of the columns that are shown unless -o names others
 * @names: names of the columns that -o asked for, or NULL
 * @shown: columns that are shown, ended by NULL; set once all options are known
 * @width: width of each column in @shown
 * @widest: greatest width of a text that is not in the last column, 0 if there is none; "~"
 *	stands for the rest of a longer text
 * @json: print objects instead of a table
 * @no_headings: leave out the line with the names of the columns
 */
struct output {
	FILE *file;
	const struct column *columns;
	const char *defaults;
	const char *names;
	const struct column *shown[COLUMNS_MAX + 1];
	int width[COLUMNS_MAX];
	int widest;
	bool json;
	bool no_headings;
};

void output_init(struct output *output, const struct column *columns, const char *defaults);

/* Find the columns that are to be shown, or end the program if one is not known. */
void output_select(struct output *output);

bool output_shows(const struct output *output, const char *name);

/* Print a table, or the member @key of an object that the caller prints. */
void output_rows(struct output *output, const char *key, const void *rows, size_t n, size_t size);

/* Print a table, or an object with the version and the member @key. */
void output_all(struct output *output, const char *key, const void *rows, size_t n, size_t size);

/* Print the members of one object. */
void output_members(struct output *output, const void *row);

void output_headings(struct output *output);
void output_row(struct output *output, const void *row);

#endif /* MPIPC_TOOL_COLUMNS_H */
