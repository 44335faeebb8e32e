/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_INTERNAL_H
#define MPIPC_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include <mpipc.h>

/**
 * DOC: inside libmpipc
 *
 * One concept a file: handle.c (open, close, what a handle is), message.c (send,
 * reply), call.c (synchronous calls and their results), async.c (asynchronous
 * ones), nested.c (synchronous ones in a handler), dispatch.c (receiving, handlers,
 * the thread, order). These know nothing of rte_mp, which is a client of theirs:
 * rte_*.c and eal.c.
 *
 * Names that several files share but no program may use begin with mpipc__.
 *
 * Dispatching: whoever dispatches owns the batch and the descriptor slots. The
 * owner is @dispatcher, an address that differs from thread to thread; 0 means
 * nobody. Records come in batches by read(), which never takes descriptors, or
 * one by one by MPIPC_RECV, which also takes those that have some. An answer
 * that the handler of a batch's last record gives brings the next one with it, if that
 * is there: one system call less for a caller that asks again and again.
 *
 * Order: @handled is the number of the last record whose handler has returned.
 * The kernel says in each result of a call which record was the last one before
 * it in the mailbox, so that a caller can wait for that one, and mostly finds
 * that it need not. Once the endpoint has left, there is no order to keep.
 *
 * Nesting: a handler that makes a call dispatches until it has its results, which
 * come into the mailbox and so in order. What was read in a batch already is handled
 * first, the rest is received one by one into a buffer of the nested call, so that
 * the message of the outer handler stays what it is.
 *
 * So a handler can be run inside another one, and not only because somebody waits for
 * its answer: there may be any number of messages before the result. When handlers
 * have become as deep as %MPIPC__IN_ORDER, all but requests and results of such calls
 * is put off until they are less deep, with nothing received after it handled before;
 * of thousands, or without memory, the rest is handled at once, out of order.
 * Requests are still handled, or two processes could wait for each other. @handled does
 * not move before the outermost handler has returned and all that was put off is done.
 */

#define mpipc__export	__attribute__((visibility("default")))

/* The largest record always fits; what is not used is never touched. */
#define MPIPC__BATCH_SIZE	(sizeof(struct mpipc_record) + MPIPC_SIZE_MAX)

/* How many calls of handlers may wait on one stack: before order is given up, at all. */
#define MPIPC__IN_ORDER		16
#define MPIPC__MOST_NESTED	64

struct mpipc__nested;
struct mpipc__deferred;

/*
 * An asynchronous call that has not had its last result, after which it is freed.
 * Its callback cannot run before mpipc__async_start() has returned.
 */
struct mpipc__async {
	struct mpipc__async *next;
	uint64_t id;
	unsigned int n_results;
	mpipc_handler_t callback;
	void *arg;
};

struct mpipc {
	/* constant */
	int fd;
	pid_t pid;
	uint64_t id;
	mpipc_handler_t handler;
	void *arg;

	/* of whoever dispatches */
	atomic_uintptr_t dispatcher;
	bool closed;			/* free it when the handler returns */
	char *batch;
	size_t batch_pos, batch_len;
	unsigned int misses;		/* how often nothing came with an answer */
	unsigned int answers_only;	/* so many more, before one that receives, too */
	int fds[MPIPC_FDS_MAX];
	uint64_t last_seq;		/* number of the last record that was handled */
	struct mpipc__nested *nested;	/* the innermost call made in a handler */
	unsigned int depth;		/* how many there are */
	struct mpipc__deferred *deferred, **deferred_end;
	unsigned int n_deferred;

	/* mpipc_start() */
	atomic_bool has_thread;
	pthread_t thread;

	/* order */
	_Atomic uint64_t handled;
	atomic_bool left;
	atomic_uint waiters;		/* changed under order_lock */
	pthread_mutex_t order_lock;
	pthread_cond_t order_changed;

	/* asynchronous calls */
	pthread_mutex_t async_lock;
	struct mpipc__async *async;

	atomic_uint addressees;		/* of the last call to all */
};

int mpipc__options(void *dst, size_t dst_size, const void *src, size_t src_min);
int mpipc__body(struct mpipc_body *body, const char *name, const void *data, size_t size,
		const int *fds, unsigned int n_fds);
uint64_t mpipc__deadline(int64_t timeout_ns);
void mpipc__close_fds(int *fds, unsigned int n_fds);
void mpipc__free(struct mpipc *handle);
void mpipc__free_copy(struct mpipc *handle);

int mpipc__send(struct mpipc *handle, struct mpipc_send_args *arg);
int mpipc__answer(struct mpipc *handle, struct mpipc_reply_args *arg);

/* Makes room for @max results, in place of what there was, and points @arg to it. */
typedef int (*mpipc__room_t)(struct mpipc_call_args *arg, unsigned int max);

int mpipc__call(struct mpipc *handle, struct mpipc_call_args *arg, mpipc__room_t make_room);
int mpipc__call_ioctl(struct mpipc *handle, struct mpipc_call_args *arg);
int mpipc__call_nested(struct mpipc *handle, struct mpipc_call_args *arg, mpipc__room_t make_room);
bool mpipc__nested_result(struct mpipc *handle, const struct mpipc_message *result);
int mpipc__dispatch_nested(struct mpipc *handle, void *data, int *fds);
bool mpipc__defer(struct mpipc *handle, const struct mpipc_message *message);
struct mpipc__deferred *mpipc__take_deferred(struct mpipc *handle);
const struct mpipc_message *mpipc__deferred_message(const struct mpipc__deferred *deferred);
void mpipc__drop_deferred(struct mpipc *handle);
void mpipc__wait_handled(struct mpipc *handle, uint64_t seq, uint64_t deadline);
void mpipc__wake_waiters(struct mpipc *handle);
bool mpipc__is_dispatcher(const struct mpipc *handle);

int mpipc__async_start(struct mpipc *handle, struct mpipc_call_args *arg,
		       struct mpipc__async *async, uint64_t *id);
void mpipc__async_result(struct mpipc *handle, const struct mpipc_message *result);
void mpipc__async_abort(struct mpipc *handle);

static inline int *mpipc__fd_slots(const struct mpipc_message *message)
{
	/* Read only for programs; the library knows where the slots are. */
	return (int *)message->fds;
}

#endif /* MPIPC_INTERNAL_H */
