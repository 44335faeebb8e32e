/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_TEXT_H
#define MPIPC_TOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * DOC: Bytes as text
 *
 * What others chose, such as a name, is shown as /proc/net/mpipc shows it: printable
 * ASCII as it is, any other byte, and the backslash, as a backslash and three octal
 * digits. Nothing of it moves a cursor, ends a line or breaks JSON, and printf '%b'
 * turns it into what it was.
 */

/**
 * enum text_form - what else has to be escaped
 * @TEXT_PLAIN: nothing
 * @TEXT_CELL: what would end a cell of a table or stand for an empty one
 * @TEXT_LAST_CELL: the same in a last cell, which a space does not end
 * @TEXT_JSON: what JSON escapes in its own way; with the quotes around it
 */
enum text_form {
	TEXT_PLAIN,
	TEXT_CELL,
	TEXT_LAST_CELL,
	TEXT_JSON,
};

void text_write(FILE *file, const void *bytes, size_t size, enum text_form form);

/* Undoes the escapes in place; the string ends where it says so. */
void text_unescape(char *text);

#endif /* MPIPC_TOOL_TEXT_H */
