// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../export.h"
#include "action.h"
#include "context.h"
#include "error.h"
#include "wire.h"

/* A process is settled after this time, even without a registration or a request. */
#define SETTLE_SECONDS	3

struct action {
	struct action *next;
	enum rte_kind kind;
	rte_function_t function;
	char name[RTE_MP_MAX_NAME_LEN];
};

static struct {
	pthread_mutex_t lock;
	struct action *list;
	atomic_uint version;	/* of the list; written under the lock */
	atomic_bool settled;	/* written under the lock */
	pthread_cond_t now_settled;
	struct timespec settle_by;
	bool complete;		/* rte_eal_init() is done */
} actions = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.now_settled = PTHREAD_COND_INITIALIZER,
	.settled = true,
};

/* This thread found this action last. It is valid for one version of the list. */
static __thread struct action found;
static __thread unsigned int found_in;

/* Find the pointer to an action, or the one at the end of the list that is NULL. */
static struct action **find_action(const char *name, enum rte_kind kind)
{
	struct action **pos;

	for (pos = &actions.list; *pos; pos = &(*pos)->next)
		if ((*pos)->kind == kind && !strcmp((*pos)->name, name))
			break;
	return pos;
}

/* Wake the dispatcher if it waits for an action. The caller holds the lock. */
static void settle_locked(void)
{
	if (actions.settled)
		return;
	actions.settled = true;
	pthread_cond_broadcast(&actions.now_settled);
}

/* Note that the process has registered what it needs. */
void mpipc__rte_settle(void)
{
	if (atomic_load(&actions.settled))
		return;
	pthread_mutex_lock(&actions.lock);
	settle_locked();
	pthread_mutex_unlock(&actions.lock);
}

/*
 * Note that the process has just joined. It counts as settled if it has registered actions
 * before. This is called before anybody dispatches.
 */
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

/* Note that rte_eal_init() is done, after which requesters wait for actions. */
void mpipc__rte_complete(void)
{
	pthread_mutex_lock(&actions.lock);
	actions.complete = true;
	pthread_mutex_unlock(&actions.lock);
}

/* Make a new lock in the child of a fork, because another thread may have held the old one. */
void mpipc__rte_forget_actions(void)
{
	pthread_mutex_init(&actions.lock, NULL);
}

/* Register an action. Names have to be unique for each @kind. */
int mpipc__rte_add_action(const char *name, enum rte_kind kind, rte_function_t function)
{
	struct action *new, **pos;
	int err;

	err = mpipc__rte_check_name(name);
	if (!err && mpipc__rte_disabled())
		err = -ENOTSUP;
	if (err)
		return err;
	new = malloc(sizeof(*new));
	if (!new)
		return -ENOMEM;
	*new = (struct action){ .kind = kind, .function = function };
	strcpy(new->name, name);
	pthread_mutex_lock(&actions.lock);
	pos = find_action(name, kind);
	if (*pos)
		err = -EEXIST;
	else
		*pos = new;
	atomic_fetch_add(&actions.version, 1);
	settle_locked();
	pthread_mutex_unlock(&actions.lock);
	if (err)
		free(new);
	return err;
}

/* Unregister an action. A name without an action is no error. */
int mpipc__rte_remove_action(const char *name, enum rte_kind kind)
{
	struct action **pos, *action;
	int err;

	err = mpipc__rte_check_name(name);
	if (err)
		return err;
	pthread_mutex_lock(&actions.lock);
	pos = find_action(name, kind);
	action = *pos;
	if (action)
		*pos = action->next;
	atomic_fetch_add(&actions.version, 1);
	pthread_mutex_unlock(&actions.lock);
	free(action);
	return 0;
}

mpipc__export int rte_mp_action_register(const char *name, rte_mp_t action)
{
	int err = mpipc__rte_add_action(name, RTE_KIND_MP, (rte_function_t)action);

	return err ? mpipc__rte_fail(err) : 0;
}

mpipc__export void rte_mp_action_unregister(const char *name)
{
	int err = mpipc__rte_remove_action(name, RTE_KIND_MP);

	if (err)
		mpipc__rte_fail(err);
}

/* Take all actions of rte_mp off the table and register them elsewhere. */
void mpipc__rte_give_actions(int (*register_action)(const char *name, rte_mp_t action))
{
	struct action *list, *action;

	pthread_mutex_lock(&actions.lock);
	list = actions.list;
	actions.list = NULL;
	atomic_fetch_add(&actions.version, 1);
	pthread_mutex_unlock(&actions.lock);
	while ((action = list)) {
		list = action->next;
		if (action->kind == RTE_KIND_MP)
			register_action(action->name, (rte_mp_t)action->function);
		free(action);
	}
}

/* Find the function for a name, or NULL with the status for the reply to a request. */
rte_function_t mpipc__rte_find_action(const char *name, enum rte_kind kind, int *status)
{
	struct action *action;
	rte_function_t function;

	if (found.function && found_in == atomic_load(&actions.version) && found.kind == kind &&
	    !strcmp(found.name, name))
		return found.function;
	pthread_mutex_lock(&actions.lock);
	while (!(action = *find_action(name, kind)) && actions.complete && !actions.settled)
		if (pthread_cond_timedwait(&actions.now_settled, &actions.lock, &actions.settle_by))
			actions.settled = true;
	function = action ? action->function : NULL;
	if (action) {
		found = *action;
		found_in = actions.version;
	}
	*status = actions.complete ? -ENOENT : RTE_WIRE_IGNORE;
	pthread_mutex_unlock(&actions.lock);
	return function;
}
