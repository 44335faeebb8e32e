/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_RTE_MP_H
#define MPIPC_RTE_MP_H

/**
 * DOC: rte_mp
 *
 * The interface of DPDK (25.11) for messages between its processes, over the
 * kernel module mpipc. Names, types, limits, return values and error numbers are
 * those of DPDK. What differs is on purpose:
 *
 * - A request to all secondaries goes to all at once, and its time is that of the
 *   slowest one, not the sum.
 * - Requests of the same name may be under way at the same time (no EEXIST).
 * - A request for which the other side has no action fails at once with ENOENT.
 * - A secondary that dies before it answers is not counted in @nb_sent. A request
 *   to a dead primary fails at once with ECONNREFUSED or ECONNRESET.
 * - A request may be made in an action, see rte_mp_request_sync().
 * - A full mailbox holds up a sender for a second at most, then fails with EAGAIN.
 * - Received descriptors are close-on-exec.
 *
 * Functions that return int return 0, or -1 with rte_errno set. All of them may be
 * called by any thread at any time after rte_eal_init(), also in an action. The child
 * of a fork is not initialised (EBADF), but may call rte_eal_init() for itself.
 *
 * Programs with DPDK's own headers include those first; this one then declares
 * nothing.
 */
#ifndef RTE_MP_MAX_FD_NUM

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The standard of C90 does not have it in <time.h>. */
struct timespec;

#ifdef __cplusplus
extern "C" {
#endif

/** RTE_MP_MAX_FD_NUM - most descriptors in a message. */
#define RTE_MP_MAX_FD_NUM	253
/** RTE_MP_MAX_NAME_LEN - size of a name with its final NUL. */
#define RTE_MP_MAX_NAME_LEN	64
/** RTE_MP_MAX_PARAM_LEN - size of the parameters. */
#define RTE_MP_MAX_PARAM_LEN	256

/**
 * struct rte_mp_msg - a message, a request or an answer
 * @name: which action it is for, 1..63 bytes
 * @len_param: how many bytes of @param matter, 0..256; all of them are carried
 * @num_fds: descriptors in @fds, 0..253
 * @param: parameters
 * @fds: descriptors. The sender keeps its own; who receives them closes them. A
 *	negative one is the error that kept it from being received (-EMFILE).
 */
struct rte_mp_msg {
	char name[RTE_MP_MAX_NAME_LEN];
	int len_param;
	int num_fds;
	uint8_t param[RTE_MP_MAX_PARAM_LEN] __attribute__((aligned(8)));
	int fds[RTE_MP_MAX_FD_NUM];
};

/**
 * struct rte_mp_reply - the answers to a request
 * @nb_sent: how many processes it went to
 * @nb_received: how many have answered
 * @msgs: @nb_received answers, in no particular order; to be freed by free()
 */
struct rte_mp_reply {
	int nb_sent;
	int nb_received;
	struct rte_mp_msg *msgs;
};

/**
 * typedef rte_mp_t - what is done with messages and requests of a name
 * @msg: valid until the action returns
 * @peer: who sent it, for rte_mp_reply(): a string
 *
 * Actions run one at a time, on a thread of the library with all signals blocked;
 * others only while one of them waits in rte_mp_request_sync(). What they return does
 * not matter. @peer can be read for the life of the process.
 * It stands for this request until that has timed out and 4,000 more have come
 * in; to answer even later, which nobody would wait for, would take a copy.
 */
typedef int (*rte_mp_t)(const struct rte_mp_msg *msg, const void *peer);

/**
 * rte_mp_action_register() - have an action run for a name
 * @name: 1..63 bytes
 * @action: what to do
 *
 * It may be called before rte_eal_init().
 *
 * Return: 0, or -1: EINVAL, E2BIG (name), EEXIST, ENOMEM, ENOTSUP (no shared
 * configuration: --no-shconf, --in-memory).
 */
int rte_mp_action_register(const char *name, rte_mp_t action);

/**
 * rte_mp_action_unregister() - have it run no more
 * @name: as registered
 *
 * Does not wait for the action if that is running.
 */
void rte_mp_action_unregister(const char *name);

/**
 * rte_mp_sendmsg() - send a message
 * @msg: from a secondary to the primary, from the primary to all secondaries
 *
 * Return: 0, also with nobody there, or -1: EINVAL, E2BIG (bad message), EBADF (a
 * descriptor is not open, or IPC is not initialised), ECONNREFUSED (no primary),
 * EAGAIN (a mailbox was full; the others have got it), ENOTSUP, ENOMEM,
 * ETOOMANYREFS, EDQUOT (too much in flight).
 */
int rte_mp_sendmsg(struct rte_mp_msg *msg);

/**
 * rte_mp_request_sync() - send a request and wait for the answers
 * @req: from a secondary to the primary, from the primary to all secondaries
 * @reply: out: the answers
 * @ts: how long to wait, for all of them together
 *
 * It returns when the actions for all that had come in before the answers have
 * run. In an action it runs them itself, and those for what comes in until it has its
 * answers, so that two processes can ask each other at the same time: an action must
 * not make a request with a lock held that other actions take. With more than 16
 * requests waiting in each other's actions, only requests are still answered and
 * messages wait; with 64 one more fails (EDEADLK). In an action a full mailbox fails a
 * request at once (EAGAIN).
 *
 * Return: 0, also with nobody there, or -1, without any answers: EINVAL, E2BIG
 * (bad request), ETIMEDOUT, ENOENT (no such action), ECONNREFUSED, ECONNRESET (the
 * primary is gone), and others of rte_mp_sendmsg().
 */
int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts);

/**
 * typedef rte_mp_async_reply_t - gets the answers to a request
 * @request: a copy of the request
 * @reply: as of rte_mp_request_sync(); @msgs is freed when this returns, the
 *	descriptors in it are to be closed
 *
 * Runs where actions do, after those for all that had come in before the last answer.
 * If IPC ends first, rte_eal_cleanup() runs it. What it returns does not matter.
 */
typedef int (*rte_mp_async_reply_t)(const struct rte_mp_msg *request,
				    const struct rte_mp_reply *reply);

/**
 * rte_mp_request_async() - send a request, have the answers handled
 * @req: as of rte_mp_request_sync()
 * @ts: how long to wait, for all of them together; a microsecond or more
 * @callback: is called once: when all have answered, are gone, or the time is over;
 *	never inside this function
 *
 * It never waits. Processes that have not answered are those by which @nb_received is
 * less than @nb_sent; with nobody there both are 0.
 *
 * Return: 0, or -1, in which case @callback is not called: EINVAL, E2BIG (bad request,
 * no time), ECONNREFUSED (no primary), EMFILE (more than 1024 requests at once), and
 * others of rte_mp_sendmsg().
 */
int rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts,
			 rte_mp_async_reply_t callback);

/**
 * rte_mp_reply() - answer a request
 * @msg: the answer, with the name of the request; with any other it is dropped
 * @peer: as given to the action, or a copy of that string
 *
 * In the action or at any time later, once, with or without a registered action.
 *
 * Return: 0, also if nobody waits for it any more, or -1: EINVAL, E2BIG (bad
 * message or peer), ECONNREFUSED (the primary that asked is gone), and others of
 * rte_mp_sendmsg().
 */
int rte_mp_reply(struct rte_mp_msg *msg, const char *peer);

/**
 * rte_mp_disable() - refuse secondaries from now on
 *
 * Return: true; false if a secondary has attached already, even if it is gone, or if
 * this is one.
 */
bool rte_mp_disable(void);

#ifdef __cplusplus
}
#endif

#endif /* RTE_MP_MAX_FD_NUM */

#endif /* MPIPC_RTE_MP_H */
