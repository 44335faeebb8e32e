// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rte.h"

/*
 * A process that has just joined gets messages before it can have registered what
 * they are for. Until its first registration, or request, or three seconds have passed, it
 * is not settled: what it does not know waits.
 */
#define SETTLE_SECONDS	3

struct action {
	struct action *next;
	enum rte_kind kind;
	rte_function_t run;
	char name[RTE_MP_MAX_NAME_LEN];
};

static struct {
	pthread_mutex_t lock;
	struct action *list;
	atomic_uint version;	/* of the list; written under the lock */
	atomic_bool settled;	/* likewise */
	pthread_cond_t now_settled;
	struct timespec settle_by;
	bool complete;		/* initialisation; until then requesters need not wait */
} actions = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.now_settled = PTHREAD_COND_INITIALIZER,
	.settled = true,
};

/* What this thread found last, which is true as long as the list is the same. */
static __thread struct action found;
static __thread unsigned int found_in;

/* The link to the action; where a new one would be linked, if there is none. */
static struct action **find(const char *name, enum rte_kind kind)
{
	struct action **pos;

	for (pos = &actions.list; *pos; pos = &(*pos)->next)
		if ((*pos)->kind == kind && !strcmp((*pos)->name, name))
			break;
	return pos;
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
	if (atomic_load(&actions.settled))
		return;
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

int mpipc__rte_add_action(const char *name, enum rte_kind kind, rte_function_t run)
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
	*new = (struct action){ .kind = kind, .run = run };
	strcpy(new->name, name);
	pthread_mutex_lock(&actions.lock);
	pos = find(name, kind);
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

int mpipc__rte_remove_action(const char *name, enum rte_kind kind)
{
	struct action **pos, *action;
	int err;

	err = mpipc__rte_check_name(name);
	if (err)
		return err;
	pthread_mutex_lock(&actions.lock);
	pos = find(name, kind);
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

/* What to run for a name; NULL with the status to answer a request with. */
rte_function_t mpipc__rte_find_action(const char *name, enum rte_kind kind, int *status)
{
	struct action *action;
	rte_function_t run;

	if (found.run && found_in == atomic_load(&actions.version) && found.kind == kind &&
	    !strcmp(found.name, name))
		return found.run;
	pthread_mutex_lock(&actions.lock);
	while (!(action = *find(name, kind)) && actions.complete && !actions.settled)
		if (pthread_cond_timedwait(&actions.now_settled, &actions.lock, &actions.settle_by))
			actions.settled = true;
	run = action ? action->run : NULL;
	if (action) {
		found = *action;
		found_in = actions.version;
	}
	*status = actions.complete ? -ENOENT : RTE_WIRE_IGNORE;
	pthread_mutex_unlock(&actions.lock);
	return run;
}

static void refuse(struct mpipc *handle, const struct mpipc_record *record, int status)
{
	if (record->type == MPIPC_REQUEST)
		mpipc_reply(handle, record->call, status, NULL, 0, NULL);
}

static void handle_other(struct mpipc *handle, const struct mpipc_message *message)
{
	const struct mpipc_record *record = message->record;

	if (record->type == MPIPC_MESSAGE && record->size == sizeof(struct rte_first_wire))
		mpipc__rte_handle_first(message);
	else if (record->type == MPIPC_REQUEST && !record->size && !record->name[0])
		mpipc__rte_answer_attach(handle, record);
	else
		refuse(handle, record, -EBADMSG);
}

/* What is not taken out of @message is closed when this returns. */
void mpipc__rte_handle(struct mpipc *handle, const struct mpipc_message *message, void *arg)
{
	const struct mpipc_record *record = message->record;
	alignas(8) struct rte_mp_msg msg;
	int status;
	rte_mp_t run;

	(void)arg;
	mpipc__rte_enter(handle);
	if (!mpipc__rte_valid(record, message->data)) {
		handle_other(handle, message);
		return;
	}
	run = (rte_mp_t)mpipc__rte_find_action(record->name, RTE_KIND_MP, &status);
	if (!run) {
		refuse(handle, record, status);
		return;
	}
	mpipc__rte_fill(&msg, record, message->data, mpipc__fd_slots(message));
	run(&msg, mpipc__rte_peer(record));
}
