/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_MP_H
#define MPIPC_RTE_MP_H

/**
 * DOC: rte_mp
 *
 * The interface of DPDK (25.11) for messages between its processes, over the kernel module
 * mpipc. Names, types, limits, return values and error numbers are those of DPDK. These
 * differences are deliberate:
 *
 * - A request to all secondaries goes to all at once. It takes as long as the slowest one,
 *   not as long as all of them in turn.
 * - Requests of the same name may be under way at the same time (no EEXIST).
 * - A request for which the other side has no action fails at once with ENOENT.
 * - A secondary that dies before it replies is not counted in @nb_sent. A request to a dead
 *   primary fails at once with ECONNREFUSED or ECONNRESET.
 * - A request may be made in an action, see rte_mp_request_sync().
 * - A full mailbox holds up a sender for a second at most. Then the sender fails with EAGAIN.
 * - Received descriptors are close-on-exec.
 *
 * Functions that return int return 0, or -1 with rte_errno set.
 *
 * Threads: any thread may call any of these functions at any time after rte_eal_init(), also
 * in an action.
 *
 * fork: the child is not initialised (EBADF), and the first function that fails for that
 * reason prints one line to stderr. The child may call rte_eal_init() for itself.
 *
 * A program that uses DPDK's own headers includes those first. This header then declares
 * nothing.
 */
#ifndef RTE_MP_MAX_FD_NUM

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* In C90, <time.h> does not declare this structure. */
struct timespec;

#ifdef __cplusplus
extern "C" {
#endif

/** RTE_MP_MAX_FD_NUM - most descriptors in a message. Since: 0.1 */
#define RTE_MP_MAX_FD_NUM	253
/** RTE_MP_MAX_NAME_LEN - size of a name with its final NUL, in bytes. Since: 0.1 */
#define RTE_MP_MAX_NAME_LEN	64
/** RTE_MP_MAX_PARAM_LEN - size of the parameters, in bytes. Since: 0.1 */
#define RTE_MP_MAX_PARAM_LEN	256

/**
 * struct rte_mp_msg - a message, a request or a reply
 * @name: name of the action that it is for, 1..63 bytes
 * @len_param: number of bytes of @param that matter, 0..256; all 256 are carried
 * @num_fds: number of descriptors in @fds, 0..253
 * @param: parameters
 * @fds: descriptors. The sender keeps its own ones. The receiver owns those that it gets and
 *	has to close them. A negative number is the error for which a descriptor was not
 *	received (-EMFILE).
 *
 * Since: 0.1
 */
struct rte_mp_msg {
	char name[RTE_MP_MAX_NAME_LEN];
	int len_param;
	int num_fds;
	uint8_t param[RTE_MP_MAX_PARAM_LEN] __attribute__((aligned(8)));
	int fds[RTE_MP_MAX_FD_NUM];
};

/**
 * struct rte_mp_reply - the replies to a request
 * @nb_sent: number of processes that got the request
 * @nb_received: number of processes that have replied
 * @msgs: @nb_received replies, in no particular order; the caller has to free() the array
 *
 * Since: 0.1
 */
struct rte_mp_reply {
	int nb_sent;
	int nb_received;
	struct rte_mp_msg *msgs;
};

/**
 * typedef rte_mp_t - an action, for messages and requests of a name
 * @msg: the message, valid until the action returns
 * @peer: a string that stands for the sender, for rte_mp_reply()
 *
 * The return value does not matter.
 *
 * @peer can be read as long as the process lives. It stands for this request until the
 * request has timed out and 4,000 more have come in. An action that may reply even later
 * needs a copy of the string, but nobody waits for such a reply.
 *
 * Threads: actions run one at a time, on a thread of the library that has all signals blocked
 * except those of its own faults, such as SIGBUS. Others can run while an action waits in
 * rte_mp_request_sync().
 *
 * Since: 0.1
 */
typedef int (*rte_mp_t)(const struct rte_mp_msg *msg, const void *peer);

/**
 * rte_mp_action_register() - register an action for a name
 * @name: name, 1..63 bytes, which is copied
 * @action: function to run for messages and requests of that name
 *
 * It may be called before rte_eal_init(), too.
 *
 * Return: 0, or -1 with rte_errno set:
 * EINVAL: there is no name; E2BIG: the name is too long; EEXIST: there is an action of that
 * name; ENOMEM; ENOTSUP: there is no shared configuration (--no-shconf, --in-memory).
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
int rte_mp_action_register(const char *name, rte_mp_t action);

/**
 * rte_mp_action_unregister() - unregister an action
 * @name: name, as registered
 *
 * It does not wait for the action if that is running.
 *
 * Threads: any thread may call it, also in an action.
 *
 * Since: 0.1
 */
void rte_mp_action_unregister(const char *name);

/**
 * rte_mp_sendmsg() - send a message
 * @msg: message, which the caller keeps
 *
 * A message goes from a secondary to the primary, and from the primary to all secondaries.
 *
 * Return: 0, even if there is no secondary, or -1 with rte_errno set:
 * EINVAL, E2BIG: the message is bad;
 * EBADF: a descriptor is not open, or IPC is not initialised;
 * ECONNREFUSED: there is no primary;
 * EAGAIN: a mailbox was full; the others have got the message;
 * ETOOMANYREFS, EDQUOT: too much is in flight;
 * ENOTSUP, ENOMEM.
 *
 * Threads: any thread may call it, also in an action.
 *
 * Since: 0.1
 */
int rte_mp_sendmsg(struct rte_mp_msg *msg);

/**
 * rte_mp_request_sync() - send a request and wait for the replies
 * @req: request, which the caller keeps; it goes where rte_mp_sendmsg() sends
 * @reply: out: replies; the caller has to free() @reply->msgs and to close the descriptors
 * @ts: how long to wait for all replies together, in seconds and nanoseconds
 *
 * It returns when the actions for all that had come in before the replies have run. In an
 * action it runs these actions itself, and those for what comes in until it has its replies.
 * So two processes can ask each other at the same time, and an action must not make a request
 * with a lock held that other actions take.
 *
 * When more than 16 requests wait in each other's actions, only requests are still handled
 * and messages wait. When 64 wait, another one fails (EDEADLK). In an action a full mailbox
 * fails a request at once (EAGAIN).
 *
 * Return: 0, even if there is no secondary, or -1 with rte_errno set and no replies:
 * EINVAL, E2BIG: the request is bad; ETIMEDOUT: a process has not replied in time;
 * ENOENT: a process has no such action; ECONNREFUSED, ECONNRESET: the primary is gone;
 * and other errors of rte_mp_sendmsg().
 *
 * Threads: any thread may call it, also in an action.
 *
 * Since: 0.1
 */
int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts);

/**
 * typedef rte_mp_async_reply_t - handle the replies to a request
 * @request: copy of the request, valid until the callback returns
 * @reply: replies, as of rte_mp_request_sync(). The library frees @msgs when the callback
 *	returns; the callback has to close the descriptors in them.
 *
 * The return value does not matter.
 *
 * Threads: it runs where actions do, after the actions for all that had come in before the
 * last reply. If IPC ends first, rte_eal_cleanup() runs it.
 *
 * Since: 0.1
 */
typedef int (*rte_mp_async_reply_t)(const struct rte_mp_msg *request,
				    const struct rte_mp_reply *reply);

/**
 * rte_mp_request_async() - send a request and have the replies handled
 * @req: request, which the caller keeps; it goes where rte_mp_sendmsg() sends
 * @ts: how long to wait for all replies together, in seconds and nanoseconds; a microsecond
 *	or more
 * @callback: function that is called once, when all processes have replied or are gone, or
 *	when the time is over. It never runs inside rte_mp_request_async().
 *
 * It never waits. In the callback @nb_received is less than @nb_sent if some processes have
 * not replied. If there is no secondary, both are 0.
 *
 * Return: 0, or -1 with rte_errno set, in which case @callback is not called:
 * EINVAL, E2BIG: the request is bad, or the timeout is too short;
 * ECONNREFUSED: there is no primary; EMFILE: more than 1024 requests are open;
 * and other errors of rte_mp_sendmsg().
 *
 * Threads: any thread may call it, also in an action.
 *
 * Since: 0.1
 */
int rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts,
			 rte_mp_async_reply_t callback);

/**
 * rte_mp_reply() - reply to a request
 * @msg: reply, which the caller keeps, with the name of the request; a reply with another
 *	name is dropped
 * @peer: string that the action was given, or a copy of it
 *
 * A process replies once, in the action or at any time later. It need not have registered an
 * action itself.
 *
 * Return: 0, even if nobody waits for the reply any more, or -1 with rte_errno set:
 * EINVAL, E2BIG: the message or the peer is bad;
 * ECONNREFUSED: the primary that made the request is gone;
 * and other errors of rte_mp_sendmsg().
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
int rte_mp_reply(struct rte_mp_msg *msg, const char *peer);

/**
 * rte_mp_disable() - refuse secondaries from now on
 *
 * Return: true; false if a secondary has attached already, even if it is gone, or if this
 * process is a secondary.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
bool rte_mp_disable(void);

#ifdef __cplusplus
}
#endif

#endif /* RTE_MP_MAX_FD_NUM */

#endif /* MPIPC_RTE_MP_H */
