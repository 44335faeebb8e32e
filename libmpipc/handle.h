/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_HANDLE_H
#define MPIPC_HANDLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include <mpipc.h>

/**
 * DOC: a handle
 *
 * A &struct mpipc is one endpoint of one group: an open file of the device that has
 * joined, and what the library remembers about it. mpipc_open() makes it, mpipc_close()
 * leaves the group and frees it.
 *
 * A handler may close the handle that it runs on. @closed then says so, and the function
 * that dispatches frees the handle when the handler has returned. When a handle is freed, the
 * callbacks of its open calls run, and may close the handle as any handler may; @freeing says
 * that this has no effect.
 *
 * The child of a fork has a copy of the handle, but the kernel refuses it the endpoint.
 * The child may only free its copy: locks may be held by threads that it does not have,
 * and callbacks are the parent's.
 */

struct mpipc__async;
struct mpipc__cancellable;
struct mpipc__deferred;
struct mpipc__nested;

struct mpipc {
	/* Constant after mpipc_open(). */
	int fd;
	pid_t pid;			/* process that opened it */
	uint64_t id;
	mpipc_handler_t handler;
	void *arg;

	/* Owned by the dispatcher, see dispatcher.h. */
	atomic_uintptr_t dispatcher;	/* its thread, 0 for nobody */
	bool closed;			/* to be freed when the handler returns */
	bool freeing;			/* callbacks run that the end of the handle ends */
	char *batch;			/* records that were read at once */
	size_t batch_pos, batch_len;
	int fds[MPIPC_FDS_MAX];		/* slots of the message that is handled */
	uint64_t last_seq;		/* number of the last record that was handled */
	struct mpipc__nested *nested;	/* innermost call that a handler waits for */
	unsigned int depth;		/* how many of these there are */
	struct mpipc__deferred *deferred, **deferred_end;
	unsigned int n_deferred;

	/* Written by mpipc_start(). */
	atomic_bool has_thread;
	pthread_t thread;
	bool thread_ended;		/* under order_lock */

	/* Order, see order.h. */
	_Atomic uint64_t handled;	/* written by the dispatcher */
	atomic_bool left;		/* written by mpipc_leave(), never back */
	atomic_uint waiters;		/* changed under order_lock */
	pthread_mutex_t order_lock;
	pthread_cond_t order_changed;	/* waited for with order_lock; also when the thread ends */

	/* Asynchronous calls, see results.h. */
	pthread_mutex_t async_lock;
	struct mpipc__async *async;	/* under async_lock */

	/* Synchronous calls that other threads may cancel, see cancel.h. */
	pthread_mutex_t cancel_lock;
	struct mpipc__cancellable *cancellable;	/* under cancel_lock */
	uint64_t last_cancellable;	/* under cancel_lock */

	/* How many destinations the last call to all had, as a guess for the next one. */
	atomic_uint destinations;
};

/* An open under way: @handle is to @join. @anchor is a descriptor to close, or -1. */
struct mpipc__open {
	struct mpipc *handle;
	struct mpipc_join_args join;
	int anchor;
};

int mpipc__open_begin(struct mpipc__open *open, const char *group, enum mpipc_role role,
		      const struct mpipc_open_options *options);
int mpipc__open_end(struct mpipc__open *open, int err, struct mpipc **out);
bool mpipc__start_dispatching(struct mpipc *handle);
bool mpipc__stop_dispatching(struct mpipc *handle);

#endif /* MPIPC_HANDLE_H */
