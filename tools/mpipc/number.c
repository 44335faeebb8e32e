// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool.h"

uint64_t parse_number(const char *text, uint64_t max)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number > max)
		usage_error("\"%s\" is not a number from 0 to %llu", text, (unsigned long long)max);
	return number;
}

uint64_t parse_seconds(const char *text)
{
	double seconds;
	char *end;

	seconds = strtod(text, &end);
	if (*text < '0' || *text > '9' || text[strspn(text, "0123456789.e+-")] || *end ||
	    !(seconds <= 1e9))
		usage_error("\"%s\" is not a number of seconds from 0 to 1e9", text);
	return seconds * NSEC_PER_SEC;
}

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}
