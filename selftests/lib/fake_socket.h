/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IPC of the stand-in for DPDK: what goes over its sockets is what DPDK would send. It is
 * for secondaries of a primary on mpipc, and has no asynchronous requests.
 */
#ifndef MPIPC_SELFTESTS_FAKE_SOCKET_H
#define MPIPC_SELFTESTS_FAKE_SOCKET_H

#include <stdbool.h>
#include <time.h>

#include "dpdk_msg.h"

void fake_socket_open(const char *dir, bool secondary);
void fake_socket_close(void);
void fake_socket_complete(void);
int fake_socket_register(const char *name, rte_mp_t action);
void fake_socket_unregister(const char *name);
int fake_socket_send(const struct rte_mp_msg *msg);
int fake_socket_request(const struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts);
int fake_socket_reply(const struct rte_mp_msg *msg, const char *peer);

#endif /* MPIPC_SELFTESTS_FAKE_SOCKET_H */
