// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

#include "rte.h"

static_assert(sizeof(struct rte_mp_msg) == 1344, "layout of DPDK 25.11");

/* What of the command line concerns IPC. */
struct eal_args {
	enum rte_proc_type_t type;
	const char *prefix;
	bool no_shconf;
	int used;
};

static enum rte_proc_type_t process_type = RTE_PROC_PRIMARY;

/* DPDK's options that have a value, which may be the next argument. */
static const char *const valued[] = {
	"--allow", "--base-virtaddr", "--block", "--file-prefix", "--force-max-simd-bitwidth",
	"--huge-dir", "--iova-mode", "--lcores", "--log-level", "--main-lcore",
	"--mbuf-pool-ops-name", "--proc-type", "--socket-limit", "--socket-mem", "--syslog",
	"--trace", "--trace-bufsz", "--trace-dir", "--trace-mode", "--vdev", "--vfio-intr",
	"--vfio-vf-token",
};

#define VALUED_LETTERS	"abcdlmnrsSw"

static bool takes_value(const char *option)
{
	size_t i;

	if (option[1] != '-')
		return !option[2] && strchr(VALUED_LETTERS, option[1]);
	for (i = 0; i < sizeof(valued) / sizeof(valued[0]); i++)
		if (!strcmp(option, valued[i]))
			return true;
	return false;
}

static int set_type(struct eal_args *args, const char *value)
{
	if (!strcmp(value, "primary"))
		args->type = RTE_PROC_PRIMARY;
	else if (!strcmp(value, "secondary"))
		args->type = RTE_PROC_SECONDARY;
	else if (!strcmp(value, "auto"))
		args->type = RTE_PROC_AUTO;
	else
		return -EINVAL;
	return 0;
}

static int set_option(struct eal_args *args, const char *option, size_t len, const char *value)
{
	if (len == strlen("--proc-type") && !memcmp(option, "--proc-type", len))
		return set_type(args, value);
	if (len == strlen("--file-prefix") && !memcmp(option, "--file-prefix", len))
		args->prefix = value;
	else if (!strcmp(option, "--no-shconf") || !strcmp(option, "--in-memory"))
		args->no_shconf = true;
	return 0;
}

/* One option and its value; returns how many arguments that were. */
static int parse_option(struct eal_args *args, int argc, char **argv)
{
	const char *option = argv[0];
	const char *equals = strchr(option, '=');
	int err;

	if (option[1] == '-' && equals) {
		err = set_option(args, option, equals - option, equals + 1);
		return err ? err : 1;
	}
	if (!takes_value(option)) {
		err = set_option(args, option, 0, NULL);
		return err ? err : 1;
	}
	if (argc < 2)
		return -EINVAL;
	err = set_option(args, option, strlen(option), argv[1]);
	return err ? err : 2;
}

static int parse(struct eal_args *args, int argc, char **argv)
{
	int i = 1, ret;

	while (i < argc && argv[i][0] == '-' && argv[i][1]) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		ret = parse_option(args, argc - i, argv + i);
		if (ret < 0)
			return ret;
		i += ret;
	}
	args->used = i - 1;
	return 0;
}

static int64_t secondary_timeout(void)
{
	const char *seconds = secure_getenv("MPIPC_WAIT");

	return seconds ? strtoul(seconds, NULL, 10) % INT32_MAX * 1000000000 : 0;
}

static int join_secondary(const char *group)
{
	int err;

	process_type = RTE_PROC_SECONDARY;
	err = mpipc__rte_open(group, MPIPC_SECONDARY, secondary_timeout());
	if (!err)
		err = mpipc__rte_start();
	if (err)
		return err;
	err = mpipc__rte_attach();
	if (err)
		mpipc__rte_close();
	return err;
}

static int join(struct eal_args *args, const char *group)
{
	int err;

	if (args->type != RTE_PROC_SECONDARY) {
		process_type = RTE_PROC_PRIMARY;
		err = mpipc__rte_open(group, MPIPC_PRIMARY, 0);
		if (!err)
			err = mpipc__rte_start();
		if (args->type == RTE_PROC_PRIMARY || err != -EADDRINUSE)
			return err;
	}
	return join_secondary(group);
}

static const char *hint(int err)
{
	if (err == RTE_ATTACH_REFUSED)
		return "its primary has called rte_mp_disable()";
	if (err == -ETIMEDOUT)
		return "its primary did not come, or does not answer";
	return mpipc_open_hint(err);
}

static int start(struct eal_args *args)
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
		fprintf(stderr, "rte_eal_init: group %s: %s\n", group, hint(err));
		return err == -ENOENT ? -ECONNREFUSED : err;
	}
	mpipc__rte_complete();
	return 0;
}

mpipc__export int rte_eal_init(int argc, char **argv)
{
	struct eal_args args = { .type = RTE_PROC_PRIMARY, .prefix = "rte" };
	struct mpipc *handle;
	int err;

	handle = mpipc__rte_get();
	if (handle) {
		mpipc__rte_put(handle);
		return mpipc__rte_fail(-EALREADY);
	}
	err = parse(&args, argc, argv);
	if (err) {
		fprintf(stderr, "rte_eal_init: bad option, or one without its value\n");
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
	mpipc__rte_close();
	mpipc__rte_reset_attach();
	return 0;
}

mpipc__export enum rte_proc_type_t rte_eal_process_type(void)
{
	return process_type;
}
