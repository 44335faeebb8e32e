/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Read records of /dev/kmsg: "facility and level,number,time,flags;text", then lines that
 * do not matter here. Facility 0 is the kernel itself.
 */
#ifndef MPIPC_VM_COMPLAINT_H
#define MPIPC_VM_COMPLAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Return the text of a record, and cut off the next one. */
static inline const char *record_text(char *record)
{
	char *text = strchr(record, ';');

	record[strcspn(record, "\n")] = '\0';
	return text ? text + 1 : record;
}

/* Functions of the kernel have these words in their names, and so do lines of a stack. */
static inline bool is_stack_frame(const char *text)
{
	text += strspn(text, " ?");
	return text[strcspn(text, " +")] == '+';
}

static inline bool is_complaint(char *record)
{
	static const char *const complaints[] = {
		"BUG", "WARNING", "Oops", "INFO: ", "UBSAN", "KASAN", "KCSAN",
		"KFENCE", "kmemleak: ", "refcount_t", "Kernel panic",
		"general protection fault", "unable to handle",
		"inconsistent lock state", "suspicious RCU usage", "stall",
		"lockdep", "lockup", "blocked for more than", "corruption",
		"ODEBUG", "Bad page", "Out of memory", "Call Trace",
	};
	const char *text = record_text(record);

	if (atoi(record) >= 8 || is_stack_frame(text))
		return false;
	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++)
		if (strstr(text, complaints[i]))
			return true;
	return false;
}

#endif /* MPIPC_VM_COMPLAINT_H */
