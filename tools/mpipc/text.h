/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_TOOL_TEXT_H
#define MPIPC_TOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * DOC: Bytes as text
 *
 * Text that others chose, such as a name, is shown as /proc/net/mpipc shows it: printable
 * ASCII stays as it is, any other byte and the backslash become a backslash and three
 * octal digits. So such a text cannot move the cursor, end a line or break JSON, and
 * printf '%b' gives back the original bytes.
 */

/**
 * enum text_form - where a text is printed, which decides what else is escaped
 * @TEXT_PLAIN: in a line; nothing else is escaped
 * @TEXT_CELL: in a cell of a table; a space is escaped, and "-" alone
 * @TEXT_LAST_CELL: in the last cell of a line; "-" alone is escaped, spaces are not
 * @TEXT_JSON: as a JSON string, which includes its quotes
 */
enum text_form {
	TEXT_PLAIN,
	TEXT_CELL,
	TEXT_LAST_CELL,
	TEXT_JSON,
};

void text_write(FILE *file, const void *bytes, size_t size, enum text_form form);

/* Undo the escapes in place; an escaped NUL ends the string. */
void text_unescape(char *text);

#endif /* MPIPC_TOOL_TEXT_H */
