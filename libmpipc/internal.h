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
 * ones), dispatch.c (receiving, handlers, the thread, order). These know nothing of
 * rte_mp, which is a client of theirs: rte_*.c and eal.c.
 *
 * Names that several files share but no program may use begin with mpipc__.
 *
 * Dispatching: whoever dispatches owns the batch and the descriptor slots. The
 * owner is @dispatcher, an address that differs from thread to thread; 0 means
 * nobody. Records come in batches by read(), which never takes descriptors, or
 * one by one by MPIPC_RECV, which also takes those that have some.
 *
 * Order: @handled is the number of the last record whose handler has returned.
 * The kernel says in each result of a call which record was the last one before
 * it in the mailbox, so that a caller can wait for that one, and mostly finds
 * that it need not. Once the endpoint has left, there is no order to keep.
 */

#define mpipc__export	__attribute__((visibility("default")))

/* The largest record always fits; what is not used is never touched. */
#define MPIPC__BATCH_SIZE	(sizeof(struct mpipc_record) + MPIPC_SIZE_MAX)

struct mpipc__async;

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
	int fds[MPIPC_FDS_MAX];

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

int mpipc__send(struct mpipc *handle, struct mpipc_send *arg);
int mpipc__answer(struct mpipc *handle, struct mpipc_reply *arg);
int mpipc__call(struct mpipc *handle, struct mpipc_call *arg);
void mpipc__wait_handled(struct mpipc *handle, uint64_t seq, uint64_t deadline);
void mpipc__wake_waiters(struct mpipc *handle);
bool mpipc__is_dispatcher(const struct mpipc *handle);

void mpipc__async_result(struct mpipc *handle, const struct mpipc_message *result);
void mpipc__async_abort(struct mpipc *handle);

static inline int *mpipc__fd_slots(const struct mpipc_message *message)
{
	/* Read only for programs; the library knows where the slots are. */
	return (int *)message->fds;
}

#endif /* MPIPC_INTERNAL_H */
