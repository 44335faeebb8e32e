// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "eal_args.h"

/* An option without a value, one whose value may be the next argument, one with "=" at most. */
enum value { NONE, NEEDED, OPTIONAL };

/* These are the options of DPDK 22.11 to 25.11. */
static const struct option {
	const char *name;
	enum value value;
} eal_options[] = {
	{ "allow", NEEDED }, { "base-virtaddr", NEEDED }, { "block", NEEDED },
	{ "coremask", NEEDED }, { "create-uio-dev", NONE }, { "driver-path", NEEDED },
	{ "file-prefix", NEEDED }, { "force-max-simd-bitwidth", NEEDED }, { "help", NONE },
	{ "huge-dir", NEEDED }, { "huge-unlink", OPTIONAL }, { "huge-worker-stack", OPTIONAL },
	{ "in-memory", NONE }, { "iova-mode", NEEDED }, { "lcores", NEEDED },
	{ "legacy-mem", NONE }, { "log-color", OPTIONAL }, { "log-level", NEEDED },
	{ "log-timestamp", OPTIONAL }, { "main-lcore", NEEDED }, { "match-allocations", NONE },
	{ "mbuf-pool-ops-name", NEEDED }, { "memory-channels", NEEDED },
	{ "memory-ranks", NEEDED }, { "memory-size", NEEDED }, { "no-hpet", NONE },
	{ "no-huge", NONE }, { "no-pci", NONE }, { "no-shconf", NONE }, { "no-telemetry", NONE },
	{ "numa-limit", NEEDED }, { "numa-mem", NEEDED }, { "proc-type", NEEDED },
	{ "remap-lcore-ids", OPTIONAL }, { "service-corelist", NEEDED },
	{ "service-coremask", NEEDED }, { "single-file-segments", NONE },
	{ "socket-limit", NEEDED }, { "socket-mem", NEEDED }, { "syslog", NEEDED },
	{ "telemetry", NONE }, { "trace", NEEDED }, { "trace-bufsz", NEEDED },
	{ "trace-dir", NEEDED }, { "trace-mode", NEEDED }, { "vdev", NEEDED },
	{ "version", NONE }, { "vfio-intr", NEEDED }, { "vfio-vf-token", NEEDED },
	{ "vmware-tsc-map", NONE },
};

#define N_OPTIONS	(sizeof(eal_options) / sizeof(eal_options[0]))

#define VALUED_LETTERS	"abcdlmnrsSw"
#define OTHER_LETTERS	"hRv"

/* Find the option of this name, or the only one that begins with it, or return NULL. */
static const struct option *find_option(const char *name, size_t len)
{
	const struct option *found = NULL;
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < N_OPTIONS; i++) {
		if (strncmp(eal_options[i].name, name, len))
			continue;
		if (!eal_options[i].name[len])
			return &eal_options[i];
		found = &eal_options[i];
		n++;
	}
	return n == 1 ? found : NULL;
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

static int set_option(struct rte_eal_args *args, const char *name, const char *value)
{
	if (!strcmp(name, "proc-type"))
		return set_type(args, value);
	if (!strcmp(name, "file-prefix"))
		args->prefix = value;
	else if (!strcmp(name, "no-shconf") || !strcmp(name, "in-memory"))
		args->no_shconf = true;
	return 0;
}

/* Parse an option that is a word. Returns how many arguments it is with its value. */
static int parse_word(struct rte_eal_args *args, int argc, char **argv)
{
	const char *name = argv[0] + 2;
	const char *value = strchr(name, '=');
	const struct option *option;
	int err, used = 1;

	option = find_option(name, value ? (size_t)(value - name) : strlen(name));
	if (!option || (value && option->value == NONE))
		return -EINVAL;
	if (value) {
		value++;
	} else if (option->value == NEEDED) {
		if (argc < 2)
			return -EINVAL;
		value = argv[used++];
	}
	err = set_option(args, option->name, value);
	return err ? err : used;
}

/* Parse an option that is a letter. None of these concerns IPC. */
static int parse_letter(int argc, char **argv)
{
	const char letter = argv[0][1], *rest = argv[0] + 2;

	if (strchr(OTHER_LETTERS, letter))
		return *rest ? -EINVAL : 1;
	if (!strchr(VALUED_LETTERS, letter))
		return -EINVAL;
	if (*rest)
		return 1;
	return argc < 2 ? -EINVAL : 2;
}

static int parse_option(struct rte_eal_args *args, int argc, char **argv)
{
	return argv[0][1] == '-' ? parse_word(args, argc, argv) : parse_letter(argc, argv);
}

/*
 * Parse the options of EAL. They end at "--" or at the first argument that is no option. If one
 * is bad, @args->used is its place.
 */
int mpipc__rte_parse(struct rte_eal_args *args, int argc, char **argv)
{
	int i = 1, ret;

	while (i < argc && argv[i][0] == '-' && argv[i][1]) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		ret = parse_option(args, argc - i, argv + i);
		if (ret < 0) {
			args->used = i;
			return ret;
		}
		i += ret;
	}
	args->used = i - 1;
	return 0;
}
