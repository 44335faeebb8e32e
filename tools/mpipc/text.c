// SPDX-License-Identifier: BSD-3-Clause
#include "text.h"

static bool is_escaped(unsigned char byte, size_t size, enum text_form form)
{
	if (byte < ' ' || byte > '~' || byte == '\\')
		return true;
	if (form == TEXT_CELL && byte == ' ')
		return true;
	/* Escape a text that is "-" only, because "-" stands for an empty cell. */
	return (form == TEXT_CELL || form == TEXT_LAST_CELL) && byte == '-' && size == 1;
}

void text_write(FILE *file, const void *bytes, size_t size, enum text_form form)
{
	const unsigned char *byte = bytes, *end = byte + size;

	if (form == TEXT_JSON)
		putc('"', file);
	for (; byte < end; byte++) {
		if (is_escaped(*byte, size, form))
			fprintf(file, form == TEXT_JSON ? "\\\\%03o" : "\\%03o", *byte);
		else if (form == TEXT_JSON && *byte == '"')
			fputs("\\\"", file);
		else
			putc(*byte, file);
	}
	if (form == TEXT_JSON)
		putc('"', file);
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

void text_unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (*text == '\\' && is_octal(text[1]) && is_octal(text[2]) && is_octal(text[3])) {
			*to++ = (text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0');
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}
