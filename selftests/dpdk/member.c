// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program of DPDK that knows nothing of mpipc. It is a primary or a secondary, does what is
 * typed, and prints a line that begins with "=" after each command:
 *
 * start: configure and start all ports
 * ports: print how many there are
 * attach NAME, detach NAME: a virtual device
 * grow, shrink: allocate memory, of which there is not enough, and fill it; free it
 * read ADDRESS: print how many pages of that memory are as they were filled
 * request: ask the others for a reply
 * churn, calm: begin and stop to allocate and free memory all the time
 * die: be killed in the middle of the next change of memory
 * quit: end in order
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_pdump.h>

#define SIZE		(16 << 20)
#define CHURN_SIZE	(4 << 20)
#define CHURN_PAUSE_US	20000
#define PAGE		4096
#define N_MBUFS		1024
#define ACTION		"member_test"

static void *memory;

static uint64_t pattern(const char *page)
{
	return (uintptr_t)page * 0x9e3779b97f4a7c15;
}

static void grow(void)
{
	char *page;

	memory = rte_malloc(NULL, SIZE, PAGE);
	for (page = memory; page && page < (char *)memory + SIZE; page += PAGE)
		*(uint64_t *)page = pattern(page);
	printf("= at %p\n", memory);
}

static void shrink(void)
{
	rte_free(memory);
	memory = NULL;
	printf("= free\n");
}

static void read_memory(const char *address)
{
	const char *begin = (const char *)(uintptr_t)strtoull(address, NULL, 16), *page;
	unsigned int n = 0;

	for (page = begin; begin && page < begin + SIZE; page += PAGE)
		n += *(const volatile uint64_t *)page == pattern(page);
	printf("= %s pages\n", n == SIZE / PAGE ? "all" : "not all");
}

static int reply(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg copy = *msg;

	return rte_mp_reply(&copy, peer);
}

static void request(void)
{
	struct rte_mp_msg msg = { .name = ACTION, .len_param = 4, .param = "test" };
	struct rte_mp_reply replies = { 0 };
	const struct timespec timeout = { .tv_sec = 60 };
	int ret = rte_mp_request_sync(&msg, &replies, &timeout);

	printf("= returned %d, %d replies of %d\n", ret, replies.nb_received, replies.nb_sent);
	free(replies.msgs);
}

static void start_port(uint16_t port, struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = { 0 };

	if (rte_eth_dev_configure(port, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(port, 0, 64, SOCKET_ID_ANY, NULL, pool) ||
	    rte_eth_tx_queue_setup(port, 0, 64, SOCKET_ID_ANY, NULL) || rte_eth_dev_start(port))
		printf("= port %u failed\n", port);
}

static void start_ports(void)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create("member", N_MBUFS, 0, 0,
							   RTE_MBUF_DEFAULT_BUF_SIZE,
							   SOCKET_ID_ANY);
	uint16_t port;

	RTE_ETH_FOREACH_DEV(port)
		start_port(port, pool);
	printf("= started\n");
}

static void die(enum rte_mem_event type, const void *address, size_t size, void *arg)
{
	(void)type;
	(void)address;
	(void)size;
	(void)arg;
	kill(getpid(), SIGKILL);
}

static struct {
	pthread_t thread;
	atomic_bool calm;
	unsigned int done, failed;
} churn;

static void *allocate_and_free(void *arg)
{
	void *some;

	do {
		some = rte_malloc(NULL, CHURN_SIZE, 0);
		if (some)
			churn.done++;
		else
			churn.failed++;
		rte_free(some);
		/* The lock of DPDK's memory is not fair, so that others might never get it. */
		usleep(CHURN_PAUSE_US);
	} while (!churn.calm);
	return arg;
}

static void begin_churn(void)
{
	churn.done = 0;
	churn.failed = 0;
	churn.calm = false;
	printf("= churning %d\n", pthread_create(&churn.thread, NULL, allocate_and_free, NULL));
}

static void calm_down(void)
{
	churn.calm = true;
	pthread_join(churn.thread, NULL);
	printf("= allocated %u, failed %u.\n", churn.done, churn.failed);
}

/* Do what a line says. Returns false at the end. */
static bool obey(char *line)
{
	char *command = strtok(line, " \r\n"), *arg = strtok(NULL, " \r\n");

	if (!command)
		return true;
	if (!strcmp(command, "start"))
		start_ports();
	else if (!strcmp(command, "ports"))
		printf("= %u ports\n", rte_eth_dev_count_avail());
	else if (!strcmp(command, "attach"))
		printf("= attached %d\n", rte_eal_hotplug_add("vdev", arg, ""));
	else if (!strcmp(command, "detach"))
		printf("= detached %d\n", rte_eal_hotplug_remove("vdev", arg));
	else if (!strcmp(command, "grow"))
		grow();
	else if (!strcmp(command, "shrink"))
		shrink();
	else if (!strcmp(command, "read"))
		read_memory(arg);
	else if (!strcmp(command, "request"))
		request();
	else if (!strcmp(command, "churn"))
		begin_churn();
	else if (!strcmp(command, "calm"))
		calm_down();
	else if (!strcmp(command, "die"))
		printf("= dying %d\n", rte_mem_event_callback_register("die", die, NULL));
	else
		return strcmp(command, "quit");
	return true;
}

int main(int argc, char **argv)
{
	char line[256];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (rte_eal_init(argc, argv) < 0 || rte_mp_action_register(ACTION, reply)) {
		printf("= no member: %s\n", rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	if (rte_eal_process_type() == RTE_PROC_PRIMARY && rte_pdump_init()) {
		printf("= no capture: %s\n", rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	printf("= ready\n");
	while (fgets(line, sizeof(line), stdin) && obey(line))
		;
	rte_pdump_uninit();
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
