// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rte.h"

/*
 * A process that has just joined gets messages before it can have registered what
 * they are for. Until its first registration, or request, or a second has passed, it
 * is not settled: what it does not know waits.
 */
#define SETTLE_SECONDS	1

struct action {
	struct action *next;
	rte_mp_t run;
	char name[RTE_MP_MAX_NAME_LEN];
};

static struct {
	pthread_mutex_t lock;
	struct action *list;
	bool settled;
	pthread_cond_t now_settled;
	struct timespec settle_by;
	bool complete;		/* initialisation; until then requesters need not wait */
} actions = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.now_settled = PTHREAD_COND_INITIALIZER,
	.settled = true,
};

static struct action *find(const char *name)
{
	struct action *action;

	for (action = actions.list; action; action = action->next)
		if (!strcmp(action->name, name))
			break;
	return action;
}

static void settle_locked(void)
{
	if (actions.settled)
		return;
	actions.settled = true;
	pthread_cond_broadcast(&actions.now_settled);
}

void mpipc__rte_settle(void)
{
	pthread_mutex_lock(&actions.lock);
	settle_locked();
	pthread_mutex_unlock(&actions.lock);
}

/* Nobody dispatches yet. */
void mpipc__rte_unsettle(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_lock(&actions.lock);
	pthread_cond_init(&actions.now_settled, &attr);
	clock_gettime(CLOCK_MONOTONIC, &actions.settle_by);
	actions.settle_by.tv_sec += SETTLE_SECONDS;
	actions.settled = actions.list;
	actions.complete = false;
	pthread_mutex_unlock(&actions.lock);
	pthread_condattr_destroy(&attr);
}

void mpipc__rte_complete(void)
{
	pthread_mutex_lock(&actions.lock);
	actions.complete = true;
	pthread_mutex_unlock(&actions.lock);
}

/* In the child of a fork: another thread may have held the lock. */
void mpipc__rte_forget_actions(void)
{
	pthread_mutex_init(&actions.lock, NULL);
}

mpipc__export int rte_mp_action_register(const char *name, rte_mp_t action)
{
	struct action *new;
	int err;

	err = mpipc__rte_check_name(name);
	if (!err && mpipc__rte_disabled())
		err = -ENOTSUP;
	if (err)
		return mpipc__rte_fail(err);
	new = malloc(sizeof(*new));
	if (!new)
		return mpipc__rte_fail(-ENOMEM);
	strcpy(new->name, name);
	new->run = action;
	pthread_mutex_lock(&actions.lock);
	if (find(name)) {
		pthread_mutex_unlock(&actions.lock);
		free(new);
		return mpipc__rte_fail(-EEXIST);
	}
	new->next = actions.list;
	actions.list = new;
	settle_locked();
	pthread_mutex_unlock(&actions.lock);
	return 0;
}

mpipc__export void rte_mp_action_unregister(const char *name)
{
	struct action **pos, *action;
	int err;

	err = mpipc__rte_check_name(name);
	if (err) {
		mpipc__rte_fail(err);
		return;
	}
	pthread_mutex_lock(&actions.lock);
	for (pos = &actions.list; (action = *pos); pos = &action->next)
		if (!strcmp(action->name, name))
			break;
	if (action)
		*pos = action->next;
	pthread_mutex_unlock(&actions.lock);
	free(action);
}

/* What to run for a name; NULL with the status to answer a request with. */
static rte_mp_t look_up(const char *name, int *status)
{
	struct action *action;
	rte_mp_t run = NULL;

	pthread_mutex_lock(&actions.lock);
	while (!(action = find(name)) && actions.complete && !actions.settled)
		if (pthread_cond_timedwait(&actions.now_settled, &actions.lock, &actions.settle_by))
			actions.settled = true;
	if (action)
		run = action->run;
	*status = actions.complete ? -ENOENT : RTE_WIRE_IGNORE;
	pthread_mutex_unlock(&actions.lock);
	return run;
}

static void refuse(struct mpipc *handle, const struct mpipc_record *record, int status)
{
	if (record->type == MPIPC_REQUEST)
		mpipc_reply(handle, record->call, status, NULL, 0, NULL);
}

/* What is not taken out of @message is closed when this returns. */
void mpipc__rte_handle(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	const struct mpipc_record *record = message->record;
	struct rte_mp_msg msg;
	int status;
	rte_mp_t run;

	(void)arg;
	if (!mpipc__rte_valid(record, message->data)) {
		refuse(handle, record, -EBADMSG);
		return;
	}
	run = look_up(record->name, &status);
	if (!run) {
		refuse(handle, record, status);
		return;
	}
	mpipc__rte_fill(&msg, record, message->data, mpipc__fd_slots(message));
	run(&msg, mpipc__rte_peer(record));
}
