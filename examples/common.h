/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef COMMON_H
#define COMMON_H

/* The headers and the function that primary.c and secondary.c need besides rte_eal.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Get the file name of this program, without its folder. */
static inline void get_process_name(char *name, size_t size)
{
	snprintf(name, size, "%s", program_invocation_short_name);
}

#endif /* COMMON_H */
