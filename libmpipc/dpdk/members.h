/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_DPDK_MEMBERS_H
#define MPIPC_DPDK_MEMBERS_H

#include <pthread.h>
#include <stdbool.h>

#include "socket.h"

/**
 * DOC: native members
 *
 * A native member is a secondary that is not on mpipc. Its socket has a name in the runtime
 * directory, and a primary on mpipc knows it by that name. DPDK reads the directory for each
 * message. Here inotify notes what changes, and mpipc__has_members() asks the kernel whether there
 * are events. The kernel queues an event before bind() returns in the secondary. Messages and
 * requests that follow each other closely do not ask each time, because the thread that serves
 * waits for events, too, and mostly needs less time to get one than a secondary to begin. Where
 * there is no inotify, the directory is read.
 *
 * A secondary on mpipc has no name there, so nobody is reached in two ways.
 *
 * A program keeps the path of a member to reply later, maybe after the member has gone. So
 * the memory of a member is kept, and it is used for another one only when many others have gone
 * since.
 *
 * Lock: mpipc__lock_members() guards the members and the socket. It is the innermost lock, and
 * nothing blocks under it. A thread that holds the lock cannot be cancelled.
 */

struct member {
	struct member *next;
	bool gone;		/* its name was removed */
	bool full;		/* somebody has waited for space in vain */
	bool seen;		/* when the directory is read */
	unsigned int uses;	/* by threads that do not hold the lock */
	char path[SOCKET_PATH_SIZE];
};

void mpipc__lock_members(void);
void mpipc__unlock_members(void);
void mpipc__members_sleep_locked(pthread_cond_t *changed, uint64_t deadline);

int mpipc__members_start(const char *dir);
void mpipc__members_stop(void);
void mpipc__members_forget(void);
void mpipc__members_wake(void);
void mpipc__members_update(void);
bool mpipc__members_poll(uint64_t deadline);
bool mpipc__has_members(void);
struct member *mpipc__members_locked(void);
struct member *mpipc__find_member_locked(const char *path);
int mpipc__send_member_locked(struct member *member, enum dpdk_type type,
			      const struct rte_mp_msg *msg);
int mpipc__wait_for_space(const struct member *member, uint64_t deadline);
int mpipc__send_member(struct member *member, enum dpdk_type type, const struct rte_mp_msg *msg,
		       bool *sent);
int mpipc__send_members(const struct rte_mp_msg *msg);
int mpipc__reply_member(const char *path, enum dpdk_type type, const struct rte_mp_msg *msg);
int mpipc__members_receive(struct datagram *datagram);

#endif /* MPIPC_DPDK_MEMBERS_H */
