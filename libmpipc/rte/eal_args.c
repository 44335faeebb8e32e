// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "eal_args.h"

/* These options of DPDK have a value, which may be the next argument. */
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

static int set_type(struct rte_eal_args *args, const char *value)
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

static int set_option(struct rte_eal_args *args, const char *option, size_t len, const char *value)
{
	if (len == strlen("--proc-type") && !memcmp(option, "--proc-type", len))
		return set_type(args, value);
	if (len == strlen("--file-prefix") && !memcmp(option, "--file-prefix", len))
		args->prefix = value;
	else if (!strcmp(option, "--no-shconf") || !strcmp(option, "--in-memory"))
		args->no_shconf = true;
	return 0;
}

/* Parse one option with its value. Returns how many arguments these were. */
static int parse_option(struct rte_eal_args *args, int argc, char **argv)
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

/* Parse the options of EAL. They end at "--" or at the first argument that is no option. */
int mpipc__rte_parse(struct rte_eal_args *args, int argc, char **argv)
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
