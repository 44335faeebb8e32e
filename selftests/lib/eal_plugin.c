// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "eal_plugin.h"
#include "fake_eal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rte_eal_init(int argc, char **argv);
int rte_mp_sendmsg(struct rte_mp_msg *msg);
int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts);
int rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts,
			 rte_mp_async_reply_t callback);
int rte_mp_reply(struct rte_mp_msg *msg, const char *peer);

int plugin_start(const char *type, const char *prefix)
{
	char type_arg[32], prefix_arg[160];
	char *argv[] = { "plugin", type_arg, prefix_arg, NULL };

	snprintf(type_arg, sizeof(type_arg), "--proc-type=%s", type);
	snprintf(prefix_arg, sizeof(prefix_arg), "--file-prefix=%s", prefix);
	return rte_eal_init(3, argv);
}

static int echo(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply = *msg;

	return rte_mp_reply(&reply, peer);
}

int plugin_serve(void)
{
	return rte_mp_action_register("x", echo);
}

bool plugin_ask(void)
{
	const struct timespec a_minute = { .tv_sec = 60 };
	struct rte_mp_msg msg = { .name = "x", .param = "question", .len_param = 9 };
	struct rte_mp_reply reply;
	bool replied;

	if (rte_mp_request_sync(&msg, &reply, &a_minute))
		return false;
	replied = reply.nb_received == 1 && !strcmp((char *)reply.msgs->param, "question");
	free(reply.msgs);
	return replied;
}

void plugin_call_all(void)
{
	const struct timespec no_time = { .tv_nsec = 1 };
	struct rte_mp_msg msg = { .name = "y" };
	struct rte_mp_reply reply = { .msgs = NULL };

	rte_mp_action_register("y", echo);
	rte_mp_sendmsg(&msg);
	rte_mp_request_sync(&msg, &reply, &no_time);
	free(reply.msgs);
	rte_mp_request_async(&msg, &no_time, NULL);
	rte_mp_reply(&msg, "/somewhere");
	rte_mp_action_unregister("y");
}

/* Registering is not counted, because EAL does it, nor is unregistering, which DPDK always sees. */
unsigned int plugin_count_native(void)
{
	return !!fake_calls.sendmsg + !!fake_calls.request_sync + !!fake_calls.request_async +
	       !!fake_calls.reply;
}
