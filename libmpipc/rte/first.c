// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <string.h>

#include <rte_errno.h>

#include "../args.h"
#include "../export.h"
#include "../fds.h"
#include "action.h"
#include "context.h"
#include "error.h"
#include "first.h"
#include "send.h"
#include "wire.h"

/* Return an error as this interface does, by its negative number. */
static int failed(int err)
{
	mpipc__rte_fail(err);
	return -rte_errno;
}

mpipc__export int rte_eal_mp_action_register(const char *action_name, rte_eal_mp_t action)
{
	int err = mpipc__rte_add_action(action_name, RTE_KIND_FIRST, (rte_function_t)action);

	return err ? failed(err) : 0;
}

mpipc__export void rte_eal_mp_action_unregister(const char *name)
{
	mpipc__rte_remove_action(name, RTE_KIND_FIRST);
}

/* Run the action for a message of this interface. */
void mpipc__rte_handle_first(const struct mpipc_message *message)
{
	const struct mpipc_record *record = message->record;
	const struct rte_first_wire *wire = message->data;
	int fds[MPIPC_FDS_MAX];
	rte_eal_mp_t action;
	int status;

	if (wire->len_params < 0 || wire->len_params > RTE_EAL_MP_MAX_PARAMS)
		return;
	action = (rte_eal_mp_t)mpipc__rte_find_action(record->name, RTE_KIND_FIRST, &status);
	if (!action)
		return;
	mpipc__take_fds(fds, mpipc__fd_slots(message), record->n_fds);
	action(wire->params, wire->len_params, fds, record->n_fds);
}

static int check_message(const char *action_name, const void *params, int len_params,
			 const int *fds, int fds_num)
{
	int err = mpipc__rte_check_name(action_name);

	if (err)
		return err;
	if (fds_num > RTE_MP_MAX_FD_NUM)
		return -E2BIG;
	if (len_params > RTE_EAL_MP_MAX_PARAMS)
		return -ENOMEM;
	if (len_params < 0 || fds_num < 0 || (len_params && !params) || (fds_num && !fds))
		return -EINVAL;
	return 0;
}

mpipc__export int rte_eal_mp_sendmsg(const char *action_name, const void *params, int len_params,
				     int fds[], int fds_num)
{
	struct rte_first_wire wire = { .len_params = len_params, .fds_num = fds_num };
	struct mpipc_send_args arg;
	struct mpipc *handle;
	int err;

	err = check_message(action_name, params, len_params, fds, fds_num);
	if (err)
		return failed(err);
	handle = mpipc__rte_get();
	if (!handle)
		return -rte_errno;
	if (len_params)
		memcpy(wire.params, params, len_params);
	mpipc__body(&arg.body, action_name, &wire, sizeof(wire), fds, fds_num);
	err = mpipc__rte_send(handle, &arg);
	mpipc__rte_put(handle);
	return err ? failed(err) : RTE_EAL_MP_MAX_MSG - RTE_EAL_MP_MAX_PARAMS + len_params;
}
