// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mp.h>

#include "../export.h"
#include "action.h"
#include "attach.h"
#include "context.h"
#include "eal_args.h"
#include "error.h"
#include "init.h"

static_assert(sizeof(struct rte_mp_msg) == 1344, "layout of DPDK 25.11");

static enum rte_proc_type_t process_type = RTE_PROC_PRIMARY;

/* Read how long a secondary waits for a primary to join. */
static int64_t secondary_timeout(void)
{
	const char *seconds = secure_getenv("MPIPC_WAIT");

	return seconds ? strtoul(seconds, NULL, 10) % INT32_MAX * 1000000000 : 0;
}

static int join_secondary(const char *group)
{
	int err;

	process_type = RTE_PROC_SECONDARY;
	err = mpipc__rte_open(group, NULL, MPIPC_SECONDARY, secondary_timeout());
	if (!err)
		err = mpipc__rte_start();
	if (err)
		return err;
	err = mpipc__rte_attach();
	if (err)
		mpipc__rte_close(NULL);
	return err;
}

/* Join in the role that the options ask for. Both are tried for "auto". */
static int join(struct rte_eal_args *args, const char *group)
{
	int err;

	if (args->type != RTE_PROC_SECONDARY) {
		process_type = RTE_PROC_PRIMARY;
		err = mpipc__rte_open(group, NULL, MPIPC_PRIMARY, 0);
		if (!err)
			err = mpipc__rte_start();
		if (args->type == RTE_PROC_PRIMARY || err != -EADDRINUSE)
			return err;
	}
	return join_secondary(group);
}

/* Say what an error means for a program that uses EAL. */
static const char *explain(int err)
{
	if (err == RTE_ATTACH_REFUSED)
		return "its primary has called rte_mp_disable()";
	if (err == -ETIMEDOUT)
		return "its primary did not join in time, or does not reply";
	return mpipc_open_hint(err);
}

static int start(struct rte_eal_args *args)
{
	char group[MPIPC_GROUP_MAX];
	int err;

	if (args->no_shconf) {
		mpipc__rte_disable();
		return 0;
	}
	if (snprintf(group, sizeof(group), "rte/%s", args->prefix) >= (int)sizeof(group))
		return -E2BIG;
	err = join(args, group);
	if (err) {
		fprintf(stderr, "rte_eal_init: group %s: %s\n", group, explain(err));
		return err == -ENOENT ? -ECONNREFUSED : err;
	}
	mpipc__rte_complete();
	return 0;
}

mpipc__export int rte_eal_init(int argc, char **argv)
{
	struct rte_eal_args args = { .type = RTE_PROC_PRIMARY, .prefix = "rte" };
	struct mpipc *handle;
	int err;

	handle = mpipc__rte_find();
	if (handle) {
		mpipc__rte_put(handle);
		return mpipc__rte_fail(-EALREADY);
	}
	err = mpipc__rte_parse(&args, argc, argv);
	if (err) {
		fprintf(stderr, "rte_eal_init: %s: not an option of EAL, or a bad value\n",
			argv[args.used]);
		return mpipc__rte_fail(err);
	}
	err = start(&args);
	if (err)
		return mpipc__rte_fail(err);
	if (args.used > 0)
		argv[args.used] = argv[0];
	return args.used;
}

mpipc__export int rte_eal_cleanup(void)
{
	mpipc__rte_close(NULL);
	mpipc__rte_reset_attach();
	return 0;
}

mpipc__export enum rte_proc_type_t rte_eal_process_type(void)
{
	return process_type;
}
