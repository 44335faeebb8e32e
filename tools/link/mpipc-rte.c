/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program that needs every symbol of libmpipc-rte, as C90 and as C++. It tries to open a device
 * that does not exist, and expects the error for it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_eal_mp.h>
#include <rte_errno.h>
#include <rte_mp.h>

typedef void (*function)(void);

/* All that the version map lists but the one variable, which is used below. */
static const function functions[] = {
#include "functions.h"
};

static int check_rte(char **argv)
{
	int ret = rte_eal_init(1, argv);

	printf("rte_eal_init: %d, %s\n", ret, rte_strerror(rte_errno));
	return ret == -1 && rte_errno == ENODEV;
}

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (functions[i] == NULL)
			return 1;
	return argc == 1 && check_rte(argv) ? 0 : 1;
}
