// SPDX-License-Identifier: BSD-3-Clause
/*
 * A program of DPDK for the tests in linked.c. It is linked with DPDK as a shared library, or
 * statically, or is a plugin whose main function is entry(). Its arguments are those of EAL. Then
 * it reads commands, and prints "done" and a result for each.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

/* This is more than the primary has got so far, so that all processes have to map new pages. */
#define LARGE	(32 << 20)

static const struct timespec timeout = { .tv_sec = 120 };

/* Reply to a request whether the memory at the address in it has what grow() wrote there. */
static int check_memory(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply = *msg;
	const unsigned char *memory;
	bool good = true;
	uint64_t address;
	int i;

	memcpy(&address, msg->param, sizeof(address));
	memory = (const unsigned char *)(uintptr_t)address;
	for (i = 0; i < LARGE; i += 4096)
		good = good && memory[i] == 'x';
	reply.param[0] = good;
	return rte_mp_reply(&reply, peer);
}

static int echo(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply = *msg;

	return rte_mp_reply(&reply, peer);
}

/* Return how many have replied to a request, and whose first byte is @wanted. */
static int ask(struct rte_mp_msg *msg, unsigned char wanted)
{
	struct rte_mp_reply reply;
	int i, n = 0;

	if (rte_mp_request_sync(msg, &reply, &timeout))
		return -rte_errno;
	for (i = 0; i < reply.nb_received; i++)
		n += reply.msgs[i].param[0] == wanted;
	free(reply.msgs);
	return n;
}

/* Add memory to all processes, and return how many of them see what is in it. */
static int grow(void)
{
	struct rte_mp_msg msg = { .name = "memory", .len_param = sizeof(uint64_t) };
	void *memory = rte_malloc(NULL, LARGE, 0);
	uint64_t address = (uintptr_t)memory;

	if (!memory)
		return -rte_errno;
	memset(memory, 'x', LARGE);
	memcpy(msg.param, &address, sizeof(address));
	return ask(&msg, true);
}

static int run(const char *command)
{
	struct rte_mp_msg msg = { .name = "ask", .param = "a", .len_param = 1 };

	if (!strncmp(command, "attach ", 7))
		return rte_dev_probe(command + 7);
	if (!strcmp(command, "grow"))
		return grow();
	if (!strcmp(command, "ask"))
		return ask(&msg, 'a');
	if (!strcmp(command, "ports"))
		return rte_eth_dev_count_avail();
	return -EINVAL;
}

int main(int argc, char **argv)
{
	char line[128];

	if (rte_eal_init(argc, argv) < 0) {
		printf("failed: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	if (rte_mp_action_register("memory", check_memory) || rte_mp_action_register("ask", echo))
		return 1;
	puts("ready");
	while (fflush(stdout), fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, "quit"))
			break;
		printf("done %d\n", run(line));
	}
	return rte_eal_cleanup();
}
