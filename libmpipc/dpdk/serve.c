// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "../fds.h"
#include "../rte/action.h"
#include "../rte/turn.h"
#include "../rte/wire.h"
#include "serve.h"

/* After so many datagrams the thread looks for calls that are over. */
#define MOST_AT_ONCE	64

/* So many requests of actions may be inside each other. */
#define MOST_NESTED	64

/* When the thread has to end, its action has this long to return. */
#define PATIENCE_SECONDS	1

static struct {
	pthread_t thread;
	atomic_bool has_thread;
	atomic_bool stopping;
} serve;

/* This is the thread that serves, and it waits for so many requests of its actions. */
static __thread bool is_server;
static __thread unsigned int depth;

/* Refuse a request without an action: DPDK ignores a process that is not ready. */
static void refuse(struct datagram *datagram, int status)
{
	struct rte_mp_msg *msg = &datagram->msg;

	mpipc__close_fds(msg->fds, msg->num_fds);
	msg->num_fds = 0;
	if (datagram->type == DPDK_REQUEST && status == RTE_WIRE_IGNORE)
		mpipc__reply_member(datagram->sender, DPDK_IGNORE, msg);
}

/* Return the path of a member in memory that stays. */
static const char *peer_of(const struct datagram *datagram)
{
	struct member *member;

	mpipc__lock_members();
	member = mpipc__find_member_locked(datagram->sender);
	mpipc__unlock_members();
	return member ? member->path : NULL;
}

/* Take a turn, in which the thread can be cancelled, and nowhere else. */
static void begin_turn(void)
{
	if (is_server)
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	mpipc__rte_take_turn();
}

static void end_turn(void)
{
	mpipc__rte_end_turn();
	if (is_server)
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
}

/* Run the action for a message or a request. */
static void run_action(struct datagram *datagram)
{
	const char *peer = peer_of(datagram);
	int status = -ENOENT;
	rte_mp_t action;

	action = peer ? (rte_mp_t)mpipc__rte_find_action(datagram->msg.name, RTE_KIND_MP,
							 &status) : NULL;
	if (!action) {
		refuse(datagram, status);
		return;
	}
	begin_turn();
	if (serve.stopping)
		mpipc__close_fds(datagram->msg.fds, datagram->msg.num_fds);
	else
		action(&datagram->msg, peer);
	end_turn();
}

/* Receive a datagram and handle it. Returns false if there is none. */
static bool handle_datagram(void)
{
	struct datagram datagram;
	int err = mpipc__members_receive(&datagram);

	if (err)
		return err == -EBADMSG || err == -EINTR;
	if (datagram.type == DPDK_MESSAGE || datagram.type == DPDK_REQUEST)
		run_action(&datagram);
	else
		mpipc__native_call_reply(&datagram);
	return true;
}

/* Give the results of asynchronous calls that are over by @now to those who made them. */
static void end_calls(uint64_t now)
{
	struct native_call *call;

	while ((call = mpipc__native_call_take_done(now))) {
		begin_turn();
		call->done(call);
		end_turn();
		mpipc__native_call_free(call);
	}
}

/* Wait for something to do until @deadline, and do some of it. */
static void serve_some(uint64_t deadline)
{
	uint64_t first = mpipc__native_call_next_deadline(), soon;
	unsigned int i;

	if (mpipc__native_call_send_again()) {
		soon = mpipc__socket_now() + LOOK_AGAIN_NS;
		first = soon < first ? soon : first;
	}
	mpipc__members_poll(first < deadline ? first : deadline);
	mpipc__native_call_note_gone();
	for (i = 0; i < MOST_AT_ONCE && !serve.stopping; i++)
		if (!handle_datagram())
			break;
	if (i < MOST_AT_ONCE)
		mpipc__native_call_drop_gone();
	end_calls(mpipc__socket_now());
}

/* End the thread, maybe in an action that was cancelled. */
static void end_thread(void *arg)
{
	(void)arg;
	mpipc__rte_drop_turn();
}

static void *thread_main(void *arg)
{
	is_server = true;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_setname_np(pthread_self(), "mpipc-native");
	pthread_cleanup_push(end_thread, NULL);
	while (!serve.stopping)
		serve_some(MPIPC_FOREVER);
	pthread_cleanup_pop(true);
	return arg;
}

/* Let the child of a fork have nothing of all this. */
static void forget(void)
{
	is_server = false;
	depth = 0;
	serve.has_thread = false;
	/* If the child came from an action, it ends with that action. */
	serve.stopping = true;
	mpipc__members_forget();
	mpipc__native_call_forget();
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forget);
}

/* Take the place of DPDK's socket in @dir. Nothing is received before mpipc__serve_start(). */
int mpipc__serve_open(const char *dir)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int err = mpipc__members_start(dir);

	if (err)
		return err;
	pthread_once(&once, watch_forks);
	serve.stopping = false;
	mpipc__rte_share_turn(true);
	return 0;
}

/* Block all signals in the caller except those of its own faults. */
static void block_signals(sigset_t *old)
{
	const int faults[] = { SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP };
	sigset_t set;
	size_t i;

	sigfillset(&set);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&set, faults[i]);
	pthread_sigmask(SIG_SETMASK, &set, old);
}

/* Start the thread. */
int mpipc__serve_start(void)
{
	sigset_t old;
	int err;

	block_signals(&old);
	err = pthread_create(&serve.thread, NULL, thread_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	serve.has_thread = !err;
	if (err) {
		mpipc__rte_share_turn(false);
		mpipc__members_stop();
	}
	return -err;
}

/*
 * Wait for the end of the thread. If its action does not return in time, the action is cancelled
 * and keeps what it holds, as in DPDK.
 */
static void join_thread(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_SECONDS;
	if (!pthread_timedjoin_np(serve.thread, NULL, &end))
		return;
	pthread_cancel(serve.thread);
	pthread_join(serve.thread, NULL);
}

/*
 * End all that waits for native members, and the thread. If the caller is the thread itself, it
 * ends when its action has returned. No other thread takes turns after this.
 */
void mpipc__serve_stop(void)
{
	int cancel;

	if (!atomic_exchange(&serve.has_thread, false))
		return;
	serve.stopping = true;
	mpipc__members_wake();
	mpipc__native_call_wake();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (is_server)
		pthread_detach(serve.thread);
	else
		join_thread();
	mpipc__rte_share_turn(false);
	end_calls(MPIPC_FOREVER);
	mpipc__members_stop();
	pthread_setcancelstate(cancel, NULL);
}

/* Have the thread look at all calls again, one of which is new. */
void mpipc__serve_wake(void)
{
	mpipc__members_wake();
}

/* Wait until a call may have changed, or until @full has space. */
static void wait_for_change(struct native_call *call, const struct member *full)
{
	uint64_t soon = mpipc__socket_now() + LOOK_AGAIN_NS;
	uint64_t deadline = full && soon < call->deadline ? soon : call->deadline;

	if (is_server) {
		serve_some(deadline);
		return;
	}
	if (full && !mpipc__wait_for_space(full, deadline))
		return;
	mpipc__lock_members();
	if (call->n_open && !serve.stopping)
		mpipc__native_call_sleep_locked(deadline);
	mpipc__unlock_members();
}

/* Wait for the results of a synchronous call. The caller has given up its turn. */
int mpipc__serve_wait(struct native_call *call)
{
	const struct member *full;
	bool over = false;
	int cancel;

	if (is_server && depth >= MOST_NESTED)
		return -EDEADLK;
	depth++;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	while (!over) {
		mpipc__lock_members();
		full = mpipc__native_call_send_locked(call);
		over = !call->n_open || serve.stopping ||
		       mpipc__socket_now() >= call->deadline;
		mpipc__unlock_members();
		if (!over)
			wait_for_change(call, full);
	}
	pthread_setcancelstate(cancel, NULL);
	depth--;
	return serve.stopping ? -ESHUTDOWN : 0;
}
