// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "../thread.h"
#include "action.h"
#include "attach.h"
#include "context.h"
#include "handler.h"
#include "init.h"
#include "request.h"
#include "send.h"
#include "turn.h"

/* Make the child of a fork a process that was never initialised. */
static void forget_endpoint(void)
{
	mpipc_close(mpipc__rte_forget_endpoint());
	mpipc__rte_forget_actions();
	mpipc__rte_reset_attach();
	mpipc__rte_forget_turn();
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forget_endpoint);
}

/*
 * Join a group, which belongs to the file @at if that is not NULL. Nothing is received before
 * mpipc__rte_start().
 */
int mpipc__rte_open(const char *group, const char *at, enum mpipc_role role, int64_t timeout_ns)
{
	struct mpipc_open_options options = {
		.size = sizeof(options),
		.timeout_ns = timeout_ns,
		.handler = mpipc__rte_handle,
		.at = at,
	};
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct mpipc *handle;
	int err;

	err = mpipc_open(&handle, group, role, &options);
	if (err)
		return err;
	pthread_once(&once, watch_forks);
	mpipc__rte_unsettle();
	mpipc__rte_hurry(false);
	mpipc__rte_set_endpoint(handle, role == MPIPC_PRIMARY);
	return 0;
}

/* Start the thread on which actions run. */
int mpipc__rte_start(void)
{
	struct mpipc *handle = mpipc__rte_get();
	int err;

	if (!handle)
		return -ESHUTDOWN;
	err = mpipc_start(handle, NULL);
	mpipc__rte_put(handle);
	if (err)
		mpipc__rte_close(NULL);
	return err;
}

/*
 * Leave the group, call @stop if it is not NULL, and wait for all who use the endpoint, and for the
 * action that runs. If the action does not return, it is cancelled, as in DPDK.
 */
void mpipc__rte_close(void (*stop)(void))
{
	struct mpipc *handle = mpipc__rte_find();

	if (!handle)
		return;
	mpipc__rte_end();
	mpipc_leave(handle);	/* ends what other threads wait for */
	mpipc__rte_settle();
	if (stop)
		stop();
	mpipc__rte_put(handle);
	if (!mpipc__rte_clear_endpoint(handle))
		return;
	mpipc__cancel_thread(handle);
	mpipc_close(handle);
	mpipc__rte_free_spare();
}
