// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions for messages of the stand-in for DPDK. They are in a file of their own, as in
 * DPDK, so that the linker sees the calls from other files.
 */
#include "fake_eal.h"
#include "fake_socket.h"

#include <errno.h>
#include <string.h>

struct fake_calls fake_calls;

static int count(unsigned int *calls)
{
	if (fake_no_shconf) {
		per_lcore__rte_errno = ENOTSUP;
		return -1;
	}
	++*calls;
	return 0;
}

static int fail(int err)
{
	per_lcore__rte_errno = -err;
	return -1;
}

int rte_mp_action_register(const char *name, rte_mp_t action)
{
	/* An argument with a colon in its name only shows that there is IPC. */
	unsigned int ignored = 0;
	int err;

	if (count(strchr(name, ':') ? &ignored : &fake_calls.action_register))
		return -1;
	err = fake_socket_register(name, action);
	return err ? fail(err) : 0;
}

void rte_mp_action_unregister(const char *name)
{
	if (!strchr(name, ':'))
		fake_calls.action_unregister++;
	fake_socket_unregister(name);
}

int rte_mp_sendmsg(struct rte_mp_msg *msg)
{
	int err;

	if (count(&fake_calls.sendmsg))
		return -1;
	err = fake_socket_send(msg);
	return err ? fail(err) : 0;
}

int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts)
{
	int err;

	if (count(&fake_calls.request_sync))
		return -1;
	err = fake_socket_request(req, reply, ts);
	return err ? fail(err) : 0;
}

int rte_mp_request_async(void *req, const void *ts, void *callback)
{
	(void)req;
	(void)ts;
	(void)callback;
	return count(&fake_calls.request_async);
}

int rte_mp_reply(struct rte_mp_msg *msg, const char *peer)
{
	int err = count(&fake_calls.reply) ? 0 : fake_socket_reply(msg, peer);

	return err ? fail(err) : 0;
}

bool rte_mp_disable(void)
{
	fake_calls.disable++;
	return true;
}
