/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program that needs every symbol of libmpipc, as C90 and as C++. It tries to open a device
 * that does not exist, and expects the error for it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <mpipc.h>

typedef void (*function)(void);

/* All that the version map lists. */
static const function functions[] = {
#include "functions.h"
};

static int check_mpipc(void)
{
	struct mpipc *handle;
	int err = mpipc_open(&handle, "link", MPIPC_PRIMARY, NULL);

	printf("mpipc_open: %d, %s\n", err, mpipc_open_hint(err));
	return err == -ENODEV && handle == NULL;
}

int main(void)
{
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (functions[i] == NULL)
			return 1;
	return check_mpipc() && mpipc_version() == MPIPC_VERSION ? 0 : 1;
}
