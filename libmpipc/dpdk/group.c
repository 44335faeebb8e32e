// SPDX-License-Identifier: BSD-3-Clause
#include "../rte/init.h"
#include "../rte/request.h"
#include "../rte/turn.h"
#include "group.h"
#include "processors.h"
#include "say.h"
#include "serve.h"
#include "socket.h"

/* This is the name of the group at a runtime directory. */
#define GROUP	"dpdk"

/* Start the threads of a primary: for native members, and for those on mpipc. */
static int start_both(void)
{
	int err = mpipc__serve_start();

	return err ? err : mpipc__rte_start();
}

/* Put a socket in the place of DPDK's, and begin to serve all members. */
static int start_primary(const char *dir)
{
	int err = mpipc__serve_open(dir);

	if (err)
		return err;
	err = mpipc__dpdk_start(start_both);
	if (err)
		mpipc__socket_restore(dir);
	else
		mpipc__socket_replace(dir);
	return err;
}

/* Begin to receive, and let nobody send by DPDK's socket any more. */
static int start_secondary(const char *dir)
{
	int err = mpipc__dpdk_start(mpipc__rte_start);

	if (!err)
		mpipc__socket_remove_own(dir);
	return err;
}

/* Leave the group, and serve native members no more. Others have their turn meanwhile. */
void mpipc__dpdk_group_leave(void)
{
	unsigned int turn = mpipc__rte_suspend_turn();

	mpipc__rte_close(mpipc__serve_stop);
	/* Another thread may have left, or the start failed. */
	mpipc__serve_stop();
	mpipc__rte_resume_turn(turn);
}

/* Join the group of a runtime directory. Returns an error if the process has to stay native. */
int mpipc__dpdk_group_join(const char *dir, bool secondary)
{
	int err;

	mpipc__rte_on_timeout = mpipc__dpdk_say_timeout;
	err = mpipc__rte_open(GROUP, dir, secondary ? MPIPC_SECONDARY : MPIPC_PRIMARY, 0);
	if (err)
		return err;
	err = secondary ? start_secondary(dir) : start_primary(dir);
	if (err)
		mpipc__dpdk_group_leave();
	return err;
}
