/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_SOCKET_H
#define MPIPC_DPDK_SOCKET_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include <rte_mp.h>

/**
 * DOC: datagrams of DPDK
 *
 * DPDK's own IPC has a datagram socket for each process, with a name in the runtime
 * directory: "mp_socket" for the primary and "mp_socket_..." for each secondary. A datagram
 * is a type and the part of &struct rte_mp_msg before its descriptors, which go along as
 * descriptors do on sockets. It has no number, so a reply is known by its sender and name.
 *
 * A primary on mpipc puts a socket of this library in the place of DPDK's. DPDK's own one
 * has no name any more, so that DPDK's thread has nothing to do.
 *
 * The socket never blocks. mpipc__socket_wait() waits for space in that of a native member, or in
 * our own: the kernel limits what one socket has sent to all others and nobody has read.
 */

/* These are DPDK's types. A process that is not ready replies with DPDK_IGNORE. */
enum dpdk_type { DPDK_MESSAGE, DPDK_REQUEST, DPDK_REPLY, DPDK_IGNORE };

/* All names of DPDK's sockets begin with this, and those of secondaries with the second. */
#define SOCKET_NAME		"mp_socket"
#define SECONDARY_PREFIX	"mp_socket_"

/* While a socket has no space, a thread looks again after this time, and whether it is to stop. */
#define LOOK_AGAIN_NS		20000000

/* This is the size of a path with its NUL. */
#define SOCKET_PATH_SIZE	sizeof(((struct sockaddr_un *)0)->sun_path)

/* A datagram that came in. @msg.num_fds descriptors belong to whoever takes it. */
struct datagram {
	enum dpdk_type type;
	alignas(8) struct rte_mp_msg msg;
	char sender[SOCKET_PATH_SIZE];
};

int mpipc__socket_open(const char *dir);
void mpipc__socket_replace(const char *dir);
void mpipc__socket_restore(const char *dir);
int mpipc__socket_send(int fd, const char *path, enum dpdk_type type, const struct rte_mp_msg *msg);
int mpipc__socket_receive(int fd, struct datagram *datagram);
int mpipc__socket_wait(int own, const char *path, uint64_t deadline);
int mpipc__socket_timeout(uint64_t deadline);
uint64_t mpipc__socket_now(void);
void mpipc__socket_remove_own(const char *dir);

#endif /* MPIPC_DPDK_SOCKET_H */
