// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <string.h>
#include <time.h>

#include "rte.h"

static struct {
	pthread_rwlock_t lock;
	struct mpipc *handle;
	bool primary;
	atomic_bool disabled;
	atomic_bool hurried;
} context = { .lock = PTHREAD_RWLOCK_INITIALIZER };

/* On a thread that dispatches: what it dispatches for, until rte_eal_cleanup(). */
static __thread struct mpipc *dispatched;

/* How long a sender waits for room in a full mailbox. */
#define PATIENCE_NS	1000000000

/* The child of a fork has no endpoint, but may rte_eal_init() its own one. */
static void forget(void)
{
	mpipc_close(context.handle);
	context.handle = NULL;
	dispatched = NULL;
	pthread_rwlock_init(&context.lock, NULL);
	mpipc__rte_forget_actions();
	mpipc__rte_reset_attach();
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forget);
}

/* Joins. Nothing is received before mpipc__rte_start(). */
int mpipc__rte_open(const char *group, enum mpipc_role role, int64_t timeout_ns)
{
	struct mpipc_open_options options = {
		.size = sizeof(options),
		.timeout_ns = timeout_ns,
		.handler = mpipc__rte_handle,
	};
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct mpipc *handle;
	int err;

	err = mpipc_open(&handle, group, role, &options);
	if (err)
		return err;
	pthread_once(&once, watch_forks);
	mpipc__rte_unsettle();
	pthread_rwlock_wrlock(&context.lock);
	context.handle = handle;
	context.primary = role == MPIPC_PRIMARY;
	context.hurried = false;
	context.disabled = false;
	pthread_rwlock_unlock(&context.lock);
	return 0;
}

/* From now on actions run. */
int mpipc__rte_start(void)
{
	int err = mpipc_start(context.handle);

	if (err)
		mpipc__rte_close();
	return err;
}

void mpipc__rte_close(void)
{
	struct mpipc *handle = mpipc__rte_get();

	if (!handle)
		return;
	mpipc_leave(handle);	/* calls back whoever uses it */
	mpipc__rte_settle();
	mpipc__rte_put(handle);
	dispatched = NULL;
	pthread_rwlock_wrlock(&context.lock);
	if (context.handle == handle)
		context.handle = NULL;
	else
		handle = NULL;	/* another thread was faster */
	pthread_rwlock_unlock(&context.lock);
	mpipc_close(handle);
}

void mpipc__rte_disable(void)
{
	context.disabled = true;
}

bool mpipc__rte_disabled(void)
{
	return context.disabled;
}

bool mpipc__rte_is_primary(void)
{
	return context.primary;
}

/* The endpoint, until mpipc__rte_put(); NULL with rte_errno set if there is none. */
struct mpipc *mpipc__rte_get(void)
{
	if (dispatched)
		return dispatched;
	pthread_rwlock_rdlock(&context.lock);
	if (context.handle)
		return context.handle;
	pthread_rwlock_unlock(&context.lock);
	rte_errno = context.disabled ? ENOTSUP : EBADF;
	return NULL;
}

void mpipc__rte_put(struct mpipc *handle)
{
	if (!mpipc__is_dispatcher(handle))
		pthread_rwlock_unlock(&context.lock);
}

/* Before an action or a callback, on the thread that dispatches. */
void mpipc__rte_enter(struct mpipc *handle)
{
	dispatched = handle;
}

/* Turns an error of mpipc into one that users of rte_mp know. */
int mpipc__rte_fail(int err)
{
	switch (err) {
	case -ESHUTDOWN:
		rte_errno = EBADF;
		break;
	case -ESTALE:
		rte_errno = ECONNREFUSED;
		break;
	default:
		rte_errno = -err;
	}
	return -1;
}

int mpipc__rte_check_name(const char *name)
{
	size_t len;

	if (!name)
		return -EINVAL;
	len = strnlen(name, RTE_MP_MAX_NAME_LEN);
	if (len == 0)
		return -EINVAL;
	return len == RTE_MP_MAX_NAME_LEN ? -E2BIG : 0;
}

int mpipc__rte_check(const struct rte_mp_msg *msg)
{
	int err;

	if (!msg)
		return -EINVAL;
	err = mpipc__rte_check_name(msg->name);
	if (err)
		return err;
	if (msg->len_param < 0 || msg->num_fds < 0)
		return -EINVAL;
	if (msg->len_param > RTE_MP_MAX_PARAM_LEN || msg->num_fds > (int)RTE_MSG_FDS)
		return -E2BIG;
	return 0;
}

/* For a message that was checked. */
void mpipc__rte_body(struct mpipc_body *body, const struct rte_mp_msg *msg)
{
	body->data = (uintptr_t)&msg->len_param;
	body->fds = (uintptr_t)msg->fds;
	body->size = sizeof(struct rte_wire);
	body->n_fds = msg->num_fds;
	/* What follows the name may never have been set: the kernel does not send it. */
	memcpy(body->name, msg->name, sizeof(body->name));
}

bool mpipc__rte_valid(const struct mpipc_record *record, const struct rte_wire *wire)
{
	return record->size == sizeof(*wire) && record->n_fds <= RTE_MSG_FDS &&
	       wire->len_param >= 0 && wire->len_param <= RTE_MP_MAX_PARAM_LEN;
}

/* Makes a message of one that was received; takes its descriptors. */
void mpipc__rte_fill(struct rte_mp_msg *msg, const struct mpipc_record *record,
		     const struct rte_wire *wire, int *fds)
{
	unsigned int i;

	memcpy(msg->name, record->name, sizeof(msg->name));
	msg->len_param = wire->len_param;
	msg->num_fds = record->n_fds;
	memcpy(msg->param, wire->param, sizeof(msg->param));
	for (i = 0; i < record->n_fds; i++) {
		msg->fds[i] = fds[i];
		fds[i] = -EBADF;
	}
}

static uint64_t patience(void)
{
	struct timespec now;

	/* Whoever kept us waiting in vain does not do so again before it has room. */
	if (atomic_load_explicit(&context.hurried, memory_order_relaxed))
		return 0;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec + PATIENCE_NS;
}

/* Sends @arg->body from a secondary to the primary, from the primary to all. */
int mpipc__rte_send(struct mpipc *handle, struct mpipc_send_args *arg)
{
	bool hurried, full;
	int err;

	arg->to = context.primary ? MPIPC_TO_ALL : MPIPC_TO_PRIMARY;
	arg->flags = 0;
	arg->reserved = 0;
	arg->deadline = patience();
	hurried = !arg->deadline;
	err = mpipc__send(handle, arg);
	full = err == -ETIMEDOUT || err == -EAGAIN || (!err && arg->full);
	if (full != hurried && (full || !err))
		atomic_store_explicit(&context.hurried, full, memory_order_relaxed);
	return full ? -EAGAIN : err;
}

mpipc__export int rte_mp_sendmsg(struct rte_mp_msg *msg)
{
	struct mpipc_send_args arg;
	struct mpipc *handle;
	int err;

	err = mpipc__rte_check(msg);
	if (err)
		return mpipc__rte_fail(err);
	handle = mpipc__rte_get();
	if (!handle)
		return -1;
	mpipc__rte_body(&arg.body, msg);
	err = mpipc__rte_send(handle, &arg);
	mpipc__rte_put(handle);
	return err ? mpipc__rte_fail(err) : 0;
}

/*
 * The kernel knows no more than that nobody waits for this answer. That is no news,
 * unless the one who asked was the primary and is gone.
 */
static int late_answer(struct mpipc *handle)
{
	struct mpipc_info info;

	if (context.primary || mpipc_info_get(handle, &info, sizeof(info)) || info.primary)
		return 0;
	return -ECONNREFUSED;
}

mpipc__export int rte_mp_reply(struct rte_mp_msg *msg, const char *peer)
{
	struct mpipc_reply_args arg;
	struct rte_peer parsed;
	struct mpipc *handle;
	int err;

	err = mpipc__rte_check(msg);
	if (!err && (!peer || !mpipc__rte_parse_peer(peer, &parsed)))
		err = -EINVAL;
	if (err)
		return mpipc__rte_fail(err);
	if (context.disabled)
		return 0;
	/* No request, or not this one: who is asked for it would drop the answer. */
	if (!parsed.call || strcmp(parsed.name, msg->name))
		return 0;
	handle = mpipc__rte_get();
	if (!handle)
		return -1;
	arg.call = parsed.call;
	arg.flags = 0;
	arg.status = 0;
	mpipc__rte_body(&arg.body, msg);
	err = mpipc__answer(handle, &arg);
	if (!err || err == -ESRCH)
		mpipc__rte_forget_peer(&parsed);
	if (err == -ESRCH)
		err = late_answer(handle);
	mpipc__rte_put(handle);
	return err ? mpipc__rte_fail(err) : 0;
}
