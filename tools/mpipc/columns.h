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
 * A row is a structure, a column one of its members, by offset. A table shows those
 * that -o names, in that order, as wide as what is in them; -J makes objects with the
 * same members, named in small letters, numbers as numbers. What is not known is "-"
 * in a table and null in JSON.
 *
 * Rows that are known all at once are printed by output_rows(). Others are printed
 * when they come, by output_row(): in JSON as one object a line, in a table at least
 * as wide as the column says.
 */

/**
 * enum column_type - what the member is
 * @NUMBER: uint64_t
 * @SIGNED: int64_t
 * @SECONDS: uint64_t, nanoseconds, shown as seconds
 * @ADDRESS: uint64_t, an endpoint id, or one of the destinations without an id
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

/* What a member is that is not known; a TEXT or the data of BYTES is NULL then. */
#define NO_NUMBER	(UINT64_MAX - 1)
#define NO_SIGNED	INT64_MIN

/**
 * struct column - a column that can be shown
 * @name: in capitals; NULL ends an array of them
 * @type: of the member
 * @offset: of the member
 * @width: of rows that come one by one
 * @help: what it is
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
 * struct output - how rows are to be printed
 * @file: where to; NULL while widths are measured
 * @columns: all that there are
 * @defaults: those that are shown unless others are asked for
 * @names: those that were asked for, or NULL
 * @shown: those that are shown, ended by NULL; not known before all options are
 * @width: of each of these
 * @widest: how wide texts of a table may be but for its last column, 0: as they are; of
 *          those that are longer, "~" stands for the rest
 * @json: objects instead of a table
 * @no_headings: no first line of a table
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

/* Finds the columns that were asked for; ends the program if there is an unknown one. */
void output_select(struct output *output);

bool output_shows(const struct output *output, const char *name);

/* A table, or a member @key of an object that the caller prints. */
void output_rows(struct output *output, const char *key, const void *rows, size_t n, size_t size);

/* The same as all there is to print. */
void output_all(struct output *output, const char *key, const void *rows, size_t n, size_t size);

/* The members of one object. */
void output_members(struct output *output, const void *row);

void output_headings(struct output *output);
void output_row(struct output *output, const void *row);

#endif /* MPIPC_TOOL_COLUMNS_H */
