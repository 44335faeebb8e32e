// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "tool.h"

/* Escape the line, because the message may contain what the user typed. */
static void say(const char *format, va_list ap)
{
	char line[1024];
	int len = vsnprintf(line, sizeof(line), format, ap);

	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	fputs("mpipc: ", stderr);
	text_write(stderr, line, len, TEXT_PLAIN);
	putc('\n', stderr);
}

void complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

void die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	exit(EXIT_FAILED);
}

void usage_error(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	fprintf(stderr, "Try: mpipc %s%s--help\n", command ? command->name : "",
		command ? " " : "");
	exit(EXIT_USAGE);
}

void *resize(void *memory, size_t n, size_t size)
{
	memory = reallocarray(memory, n, size);
	if (!memory && n)
		die("out of memory");
	return memory;
}

void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		die("out of memory");
	return memory;
}

char *copy_string(const char *string)
{
	char *copy = strdup(string);

	if (!copy)
		die("out of memory");
	return copy;
}

char *format_string(const char *format, ...)
{
	char *string;
	va_list ap;
	int len;

	va_start(ap, format);
	len = vasprintf(&string, format, ap);
	va_end(ap);
	if (len < 0)
		die("out of memory");
	return string;
}

void flush_output(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return;
	/* A reader that closed its pipe has seen enough, so that is not an error to report. */
	if (errno != EPIPE)
		complain("cannot write: %s", strerror(errno));
	exit(EXIT_FAILED);
}
