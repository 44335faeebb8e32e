// SPDX-License-Identifier: BSD-3-Clause
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <linux/mpipc.h>

#include "columns.h"
#include "text.h"
#include "tool.h"

void output_init(struct output *output, const struct column *columns, const char *defaults)
{
	memset(output, 0, sizeof(*output));
	output->file = stdout;
	output->columns = columns;
	output->defaults = defaults;
}

static const struct column *find_column(const struct output *output, const char *name, size_t len)
{
	const struct column *column;

	for (column = output->columns; column->name; column++)
		if (strlen(column->name) == len && !strncasecmp(column->name, name, len))
			return column;
	return NULL;
}

static void unknown_column(const struct output *output, const char *name, size_t len)
{
	const struct column *column;
	char known[512] = "";
	size_t used = 0;

	for (column = output->columns; column->name; column++)
		used += snprintf(known + used, sizeof(known) - used, " %s", column->name);
	usage_error("there is no column \"%.*s\"; there are%s", (int)len, name, known);
}

void output_select(struct output *output)
{
	const char *names = output->names ? output->names : output->defaults;
	size_t n = 0, len;

	for (;; names += len + 1) {
		const struct column *column;

		len = strcspn(names, ",");
		column = find_column(output, names, len);
		if (!column)
			unknown_column(output, names, len);
		if (n == COLUMNS_MAX)
			usage_error("-o takes at most %d columns", COLUMNS_MAX);
		output->shown[n++] = column;
		if (!names[len])
			break;
	}
	output->shown[n] = NULL;
}

bool output_shows(const struct output *output, const char *name)
{
	size_t i;

	for (i = 0; output->shown[i]; i++)
		if (!strcmp(output->shown[i]->name, name))
			return true;
	return false;
}

static bool is_text(const struct column *column)
{
	return column->type == TEXT || column->type == BYTES;
}

static void write_number(FILE *file, enum column_type type, uint64_t number, bool json)
{
	if (type == SIGNED)
		fprintf(file, "%" PRId64, (int64_t)number);
	else if (type == SECONDS)
		fprintf(file, "%" PRIu64 ".%09" PRIu64, (uint64_t)(number / NSEC_PER_SEC),
			(uint64_t)(number % NSEC_PER_SEC));
	else if (type == ADDRESS && number == MPIPC_TO_ALL)
		fputs(json ? "\"all\"" : "all", file);
	else if (type == ADDRESS && number == MPIPC_TO_PRIMARY)
		fputs(json ? "\"primary\"" : "primary", file);
	else
		fprintf(file, "%" PRIu64, number);
}

static struct bytes text_of(const struct column *column, const void *member)
{
	struct bytes bytes;

	if (column->type == BYTES) {
		memcpy(&bytes, member, sizeof(bytes));
		return bytes;
	}
	memcpy(&bytes.data, member, sizeof(bytes.data));
	bytes.size = bytes.data ? strlen(bytes.data) : 0;
	return bytes;
}

static void write_value(FILE *file, const struct column *column, const void *row,
			enum text_form form)
{
	bool json = form == TEXT_JSON;
	const void *member = (const char *)row + column->offset;
	struct bytes bytes;
	uint64_t number;

	if (is_text(column)) {
		bytes = text_of(column, member);
		if (bytes.data && (json || bytes.size))
			text_write(file, bytes.data, bytes.size, form);
		else
			fputs(json ? "null" : "-", file);
		return;
	}
	memcpy(&number, member, sizeof(number));
	if (number == (column->type == SIGNED ? (uint64_t)NO_SIGNED : NO_NUMBER))
		fputs(json ? "null" : "-", file);
	else
		write_number(file, column->type, number, json);
}

/*
 * A table
 */

/* Write a cell, or measure it if there is no file; return its number of characters. */
static int write_cell(struct output *output, size_t i, const void *row)
{
	const struct column *column = output->shown[i];
	bool is_last = !output->shown[i + 1];
	char *text = NULL;
	size_t size = 0;
	FILE *cell = open_memstream(&text, &size);

	if (!cell)
		die("out of memory");
	if (row)
		write_value(cell, column, row, is_last ? TEXT_LAST_CELL : TEXT_CELL);
	else
		fputs(column->name, cell);
	if (ferror(cell) | fclose(cell))
		die("out of memory");
	if (output->widest && is_text(column) && !is_last && size > (size_t)output->widest) {
		size = output->widest;
		strcpy(text + size - 1, "~");
	}
	if (output->file && is_text(column))
		fprintf(output->file, "%-*s%c", is_last ? 0 : output->width[i], text,
			is_last ? '\n' : ' ');
	else if (output->file)
		fprintf(output->file, "%*s%c", output->width[i], text, is_last ? '\n' : ' ');
	free(text);
	return size;
}

static void write_line(struct output *output, const void *row)
{
	size_t i;

	for (i = 0; output->shown[i]; i++)
		write_cell(output, i, row);
}

static void measure(struct output *output, const void *row)
{
	FILE *file = output->file;
	size_t i;

	output->file = NULL;
	for (i = 0; output->shown[i]; i++) {
		int width = write_cell(output, i, row);

		if (width > output->width[i])
			output->width[i] = width;
	}
	output->file = file;
}

static void write_table(struct output *output, const char *rows, size_t n, size_t size)
{
	size_t i;

	memset(output->width, 0, sizeof(output->width));
	if (!output->no_headings)
		measure(output, NULL);
	for (i = 0; i < n; i++)
		measure(output, rows + i * size);
	if (!output->no_headings)
		write_line(output, NULL);
	for (i = 0; i < n; i++)
		write_line(output, rows + i * size);
}

/*
 * JSON
 */

static void write_key(FILE *file, const char *name)
{
	putc('"', file);
	for (; *name; name++)
		putc(*name == '-' ? '_' : tolower(*name), file);
	fputs("\":", file);
}

void output_members(struct output *output, const void *row)
{
	size_t i;

	for (i = 0; output->shown[i]; i++) {
		if (i)
			putc(',', output->file);
		write_key(output->file, output->shown[i]->name);
		write_value(output->file, output->shown[i], row, TEXT_JSON);
	}
}

static void write_array(struct output *output, const char *key, const char *rows, size_t n,
			size_t size)
{
	size_t i;

	write_key(output->file, key);
	putc('[', output->file);
	for (i = 0; i < n; i++) {
		fputs(i ? ",\n{" : "\n{", output->file);
		output_members(output, rows + i * size);
		putc('}', output->file);
	}
	putc(']', output->file);
}

void output_rows(struct output *output, const char *key, const void *rows, size_t n, size_t size)
{
	if (output->json)
		write_array(output, key, rows, n, size);
	else
		write_table(output, rows, n, size);
}

void output_all(struct output *output, const char *key, const void *rows, size_t n, size_t size)
{
	if (output->json)
		fputs("{\"version\":\"" VERSION "\",", output->file);
	output_rows(output, key, rows, n, size);
	if (output->json)
		fputs("}\n", output->file);
}

/*
 * Rows that are printed one by one
 */

void output_headings(struct output *output)
{
	size_t i;

	for (i = 0; output->shown[i]; i++)
		output->width[i] = output->shown[i]->width;
	if (!output->json && !output->no_headings)
		write_line(output, NULL);
}

void output_row(struct output *output, const void *row)
{
	if (!output->json) {
		write_line(output, row);
		return;
	}
	putc('{', output->file);
	output_members(output, row);
	fputs("}\n", output->file);
}
