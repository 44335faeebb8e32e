/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_H
#define MPIPC_H

#include <stddef.h>
#include <stdint.h>

#include <linux/mpipc.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * DOC: libmpipc
 *
 * Messages, calls and file descriptors between the processes of a group, over
 * the kernel module mpipc. A handle is one endpoint of one group: its primary,
 * or one of its secondaries. <linux/mpipc.h> says what a group, an endpoint and
 * a call are, and describes &struct mpipc_record, &struct mpipc_info and &struct
 * mpipc_peer, which this library hands through as they are.
 *
 * Conventions, where a function does not say otherwise:
 *
 * Errors: a function returns a negative error number or what it promises. errno
 * is not part of the interface. Nothing is printed. -ESHUTDOWN: the handle has
 * left its group. -EPERM: the handle was opened by another process.
 *
 * NULL: the handle must not be NULL, except for mpipc_close(). Any other pointer
 * that must not be NULL gives -EINVAL. Options may always be NULL.
 *
 * Times: a timeout is in nanoseconds from now; 0 does not wait, and a negative
 * one (%MPIPC_WAIT_FOREVER) waits without end. Interrupted by a signal handler,
 * mpipc_dispatch() returns -EINTR; everything else goes on waiting.
 *
 * Threads: any number of threads may use a handle at once. Only one of them can
 * be in mpipc_dispatch(), and handlers run one at a time; others only while one of
 * them waits in mpipc_call(). mpipc_close() must be the last call on a handle; it may
 * be made in a handler. A thread in a handler or in mpipc_dispatch() must not be
 * cancelled by pthread_cancel().
 *
 * Descriptors: the caller keeps those that it sends. Received ones are
 * close-on-exec and belong to the message or to the replies in which they came,
 * and are closed with them, unless mpipc_message_take_fd() took them out.
 *
 * fork: a child has no use of the handles of its parent (-EPERM), and does not
 * disturb them. It may mpipc_close() them, which only frees its own copy, and has to
 * before it returns from a handler in which it was forked. exec closes them.
 *
 * Option structures begin with their size, which must be set, and may grow at
 * their end: zero the whole, set @size to sizeof, then what is needed. -EINVAL:
 * shorter than in the first version; -E2BIG: has something that this version of
 * the library does not know.
 */

/** MPIPC_WAIT_FOREVER - a timeout that never comes. */
#define MPIPC_WAIT_FOREVER	((int64_t)-1)

struct mpipc;
struct mpipc_replies;

/**
 * struct mpipc_message - a received message, request, result or event
 * @record: who sent what, and when: type, name, size, sender and credentials
 * @data: @record->size bytes of payload, aligned to 8 bytes in a handler
 * @fds: @record->n_fds descriptors, in the order of the sender. A negative one
 *	is the error that kept it from being received (-EMFILE), or -EBADF once
 *	it was taken. Read only; use mpipc_message_take_fd().
 *
 * Since: 0.1
 */
struct mpipc_message {
	const struct mpipc_record *record;
	const void *data;
	const int *fds;
};

/**
 * typedef mpipc_handler_t - is called with what comes in
 * @handle: the endpoint
 * @message: what came; valid until the handler returns
 * @arg: as given with the handler
 *
 * @message->record->type is one of %MPIPC_MESSAGE, %MPIPC_REQUEST (to be
 * answered by mpipc_reply(), now or later), and, if asked for with
 * %MPIPC_JOIN_EVENTS, %MPIPC_JOINED and %MPIPC_LEFT. It is %MPIPC_REPLY_TO for
 * the results of mpipc_call_async().
 *
 * Since: 0.1
 */
typedef void (*mpipc_handler_t)(struct mpipc *handle, const struct mpipc_message *message,
				void *arg);

/**
 * struct mpipc_open_options - options of mpipc_open()
 * @size: sizeof(struct mpipc_open_options)
 * @flags: %MPIPC_JOIN_FOLLOW, %MPIPC_JOIN_EVENTS
 * @mode: permission bits of the group if this creates it; 0 means 0600
 * @timeout_ns: how long a secondary waits for a primary
 * @handler: gets what comes in. Without one, messages are dropped and requests
 *	are answered with the status -EOPNOTSUPP.
 * @arg: passed to @handler
 *
 * Since: 0.1
 */
struct mpipc_open_options {
	size_t size;
	unsigned int flags;
	unsigned int mode;
	int64_t timeout_ns;
	mpipc_handler_t handler;
	void *arg;
};

/**
 * struct mpipc_send_options - options of mpipc_send()
 * @size: sizeof(struct mpipc_send_options)
 * @flags: %MPIPC_PASS_MPIPC
 * @n_fds: number of descriptors to send
 * @fds: the descriptors
 * @timeout_ns: how long to wait for room in a full mailbox
 * @full: where to store how many mailboxes had no room, or NULL
 *
 * Since: 0.1
 */
struct mpipc_send_options {
	size_t size;
	unsigned int flags;
	unsigned int n_fds;
	const int *fds;
	int64_t timeout_ns;
	unsigned int *full;
};

/**
 * MPIPC_CALL_ORDERED - a flag of mpipc_call(): return only when the handlers of
 * all that had come in before the answers have run, or the call has timed out.
 * This counts only for a handle with mpipc_start(), outside of its handlers.
 */
#define MPIPC_CALL_ORDERED	(1U << 16)

/** MPIPC_REPLY_SIZE - bytes that are taken of each answer unless told otherwise. */
#define MPIPC_REPLY_SIZE	4096

/**
 * struct mpipc_call_options - options of mpipc_call() and mpipc_call_async()
 * @size: sizeof(struct mpipc_call_options)
 * @flags: %MPIPC_PASS_MPIPC, %MPIPC_CALL_WAIT_SPACE, %MPIPC_CALL_ORDERED
 * @n_fds: number of descriptors to send
 * @fds: the descriptors
 * @reply_size: largest answer, in bytes; 0 means %MPIPC_REPLY_SIZE. Memory for
 *	an answer of this size is reserved for each addressee.
 * @reply_fds: most descriptors in an answer
 *
 * An answer that is larger is refused on the side of the one who answers.
 *
 * Since: 0.1
 */
struct mpipc_call_options {
	size_t size;
	unsigned int flags;
	unsigned int n_fds;
	const int *fds;
	unsigned int reply_size;
	unsigned int reply_fds;
};

/**
 * struct mpipc_reply_options - options of mpipc_reply()
 * @size: sizeof(struct mpipc_reply_options)
 * @flags: %MPIPC_PASS_MPIPC
 * @n_fds: number of descriptors to send
 * @fds: the descriptors
 * @name: name of the answer, or NULL for none
 *
 * Since: 0.1
 */
struct mpipc_reply_options {
	size_t size;
	unsigned int flags;
	unsigned int n_fds;
	const int *fds;
	const char *name;
};

/**
 * mpipc_open() - open the device and join a group
 * @handle: out: the handle, to be closed by mpipc_close(); NULL on failure
 * @group: name of the group, 1..127 bytes
 * @role: %MPIPC_PRIMARY or %MPIPC_SECONDARY
 * @options: or NULL
 *
 * The device is the one that the environment variable MPIPC_DEVICE names (unless
 * the program is set-user-id), else /dev/mpipc. Its descriptor is 64 or higher
 * where the limits of the process allow that.
 *
 * Return: 0, or
 * -ENODEV: there is no device: the kernel module is not loaded;
 * -EACCES: no permission, for the device or for the group;
 * -ENOTTY: the device is no mpipc device;
 * -EADDRINUSE: the group has a primary;
 * -ENOENT, -ECONNREFUSED, -ETIMEDOUT: there is no primary to join, now or until
 * the timeout; and others of MPIPC_JOIN in <linux/mpipc.h>.
 * mpipc_open_hint() has a sentence for each of them.
 *
 * Threads: any. Since: 0.1
 */
int mpipc_open(struct mpipc **handle, const char *group, enum mpipc_role role,
	       const struct mpipc_open_options *options);

/**
 * mpipc_open_hint() - say what a failed mpipc_open() means and what helps
 * @error: what it returned
 *
 * Looks at the device again to tell the causes of an error apart.
 *
 * Return: a sentence without a newline. It must not be freed.
 *
 * Threads: any. Since: 0.1
 */
const char *mpipc_open_hint(int error);

/**
 * mpipc_close() - leave the group and free the handle
 * @handle: or NULL, which does nothing
 *
 * Waits for the handler that the library's own thread may be running, and ends
 * that thread. In a handler it returns at once and the handle is freed when that
 * handler returns. The callback of each asynchronous call that is open gets a
 * last result with the status -ESHUTDOWN before this is done.
 *
 * Threads: no other thread may use the handle any more; mpipc_leave() calls them
 * back first. Since: 0.1
 */
void mpipc_close(struct mpipc *handle);

/**
 * mpipc_leave() - leave the group, keep the handle
 *
 * Everything that waits in a function on this handle returns -ESHUTDOWN, and so
 * does all that is called later, but mpipc_info_get(). What is in the mailbox is
 * dropped. mpipc_close() is still to be called.
 *
 * Return: 0, or -ESHUTDOWN if it had left already.
 *
 * Threads: any, also in a handler. Since: 0.1
 */
int mpipc_leave(struct mpipc *handle);

/**
 * mpipc_fd() - descriptor to poll
 *
 * Readable: mpipc_dispatch() has something to do. EPOLLRDHUP: there is no primary.
 * EPOLLHUP: the handle has left its group.
 *
 * Return: the descriptor. It belongs to the handle and must not be closed, read
 * or written.
 *
 * Threads: any. Since: 0.1
 */
int mpipc_fd(const struct mpipc *handle);

/**
 * mpipc_id() - id of this endpoint
 *
 * Return: the id, by which the primary can address it and which no other
 * endpoint ever gets while the module is loaded.
 *
 * Threads: any. Since: 0.1
 */
uint64_t mpipc_id(const struct mpipc *handle);

/**
 * mpipc_dispatch() - run the handlers of what has come in
 * @timeout_ns: how long to wait for the first one
 *
 * For the event loop of a program: call it when mpipc_fd() is readable, with 0.
 * It handles what is there, but not without end: poll again afterwards. A
 * program without an event loop calls it with %MPIPC_WAIT_FOREVER in a loop.
 *
 * Return: how many were handled; 0: none until the timeout; -EINTR; -EBUSY: in a
 * handler, or another thread is dispatching, such as that of mpipc_start(); -EPERM:
 * in a forked child.
 *
 * Threads: one at a time. Since: 0.1
 */
int mpipc_dispatch(struct mpipc *handle, int64_t timeout_ns);

/**
 * mpipc_start() - have a thread of the library run the handlers
 *
 * The thread is named "mpipc-msg", has all signals blocked, and runs until
 * mpipc_leave() or mpipc_close().
 *
 * Return: 0; -EALREADY; -EAGAIN (no more threads); -EPERM: in a forked child.
 *
 * Threads: any. Since: 0.1
 */
int mpipc_start(struct mpipc *handle);

/**
 * mpipc_message_take_fd() - take a descriptor out of a message
 * @message: as given to a handler, or by mpipc_replies_get()
 * @index: 0..@message->record->n_fds - 1
 *
 * Return: the descriptor, which the caller has to close; the error that kept it
 * from being received; -EBADF: taken before; -EINVAL: the message has no such
 * descriptor.
 *
 * Threads: one at a time for a message. Since: 0.1
 */
int mpipc_message_take_fd(const struct mpipc_message *message, unsigned int index);

/**
 * mpipc_send() - send a message that expects no answer
 * @to: %MPIPC_TO_PRIMARY from a secondary; from the primary %MPIPC_TO_ALL or the
 *	id of a secondary
 * @name: 0..63 bytes
 * @data: payload, may be NULL if @size is 0
 * @size: bytes of payload, 0..%MPIPC_SIZE_MAX
 * @options: or NULL
 *
 * Return: how many mailboxes took it, which for %MPIPC_TO_ALL may be 0;
 * -EAGAIN: the mailbox is full; -ETIMEDOUT: still full at the timeout;
 * -ECONNREFUSED: no primary; -ESRCH: no such endpoint; and others of MPIPC_SEND
 * in <linux/mpipc.h>.
 *
 * Threads: any, also in a handler. Since: 0.1
 */
int mpipc_send(struct mpipc *handle, uint64_t to, const char *name, const void *data, size_t size,
	       const struct mpipc_send_options *options);

/**
 * mpipc_call() - send a request and wait for the answers
 * @to: as for mpipc_send()
 * @name: likewise
 * @data: likewise
 * @size: likewise
 * @timeout_ns: one for all addressees
 * @options: or NULL
 * @replies: out: one result for each addressee, to be freed by
 *	mpipc_replies_free(); NULL on failure
 *
 * All addressees get the request at once. A dead one does not hold up the call.
 * Whether an addressee answered is in its result, see mpipc_replies_get(). An
 * answer comes straight to this thread: it may overtake messages that were sent
 * before it and wait for a handler (see %MPIPC_CALL_ORDERED).
 *
 * In a handler it dispatches until it has its results, so that two processes can
 * call each other at the same time: a handler must not call with a lock held that
 * other handlers take. With more than 16 calls waiting in each other's handlers, only
 * requests are still handled and all else waits; with 64 one more fails (-EDEADLK).
 * %MPIPC_CALL_WAIT_SPACE has no effect in a handler.
 *
 * Return: how many results there are, which for %MPIPC_TO_ALL may be 0, or an
 * error if the request was not made: as for mpipc_send(), but a full mailbox is
 * a result; -ENOMEM, -EDQUOT: @reply_size for all addressees is too much.
 *
 * Threads: any, also in a handler. Since: 0.1
 */
int mpipc_call(struct mpipc *handle, uint64_t to, const char *name, const void *data, size_t size,
	       int64_t timeout_ns, const struct mpipc_call_options *options,
	       struct mpipc_replies **replies);

/**
 * mpipc_replies_get() - look at one result of a call
 * @replies: from mpipc_call()
 * @index: 0..what mpipc_call() returned - 1
 *
 * @record->status is 0 if the addressee @record->peer answered; else it is what
 * it chose to say, if %MPIPC_REC_REPLIED is in @record->flags, or why there is
 * no answer: -ETIMEDOUT, -ECONNRESET (it is gone), -EAGAIN (its mailbox was full),
 * -ECANCELED.
 *
 * Return: the result, NULL if there is no such one. It is valid until
 * mpipc_replies_free() and must not be freed.
 *
 * Threads: any. Since: 0.1
 */
const struct mpipc_message *mpipc_replies_get(const struct mpipc_replies *replies,
					      unsigned int index);

/**
 * mpipc_replies_free() - free the results of a call and their descriptors
 * @replies: or NULL, which does nothing
 *
 * Threads: one. Since: 0.1
 */
void mpipc_replies_free(struct mpipc_replies *replies);

/**
 * mpipc_call_async() - send a request, have the answers handled as they come
 * @to: as for mpipc_send()
 * @name: likewise
 * @data: likewise
 * @size: likewise
 * @timeout_ns: one for all addressees
 * @options: or NULL; no %MPIPC_CALL_WAIT_SPACE, and no %MPIPC_CALL_ORDERED, since
 *	the results come in order
 * @callback: gets one result for each addressee, as in mpipc_replies_get(), the
 *	last of them with %MPIPC_REC_LAST in @record->flags. Without an addressee
 *	there is one, with @record->peer 0.
 * @arg: passed to @callback
 * @call: out: id of the call for mpipc_cancel(), or NULL
 *
 * The callback runs where handlers do, so somebody has to dispatch; never inside
 * this function. It is called with %MPIPC_REC_LAST exactly once.
 *
 * Return: the number of addressees, or an error, as mpipc_call(), in which case
 * the callback is not called. -EMFILE: too many calls are open.
 *
 * Threads: any, also in a handler. Since: 0.1
 */
int mpipc_call_async(struct mpipc *handle, uint64_t to, const char *name, const void *data,
		     size_t size, int64_t timeout_ns, const struct mpipc_call_options *options,
		     mpipc_handler_t callback, void *arg, uint64_t *call);

/**
 * mpipc_cancel() - end an asynchronous call
 * @call: its id
 *
 * Addressees that have not answered get the status -ECANCELED. The callback gets
 * these results as it would have got the answers.
 *
 * Return: 0; -ESRCH: no such call, or it has ended.
 *
 * Threads: any, also in a handler. Since: 0.1
 */
int mpipc_cancel(struct mpipc *handle, uint64_t call);

/**
 * mpipc_reply() - answer a request
 * @call: @record->call of the request
 * @status: 0, or a negative error number for the caller to see
 * @data: payload, may be NULL if @size is 0
 * @size: bytes of payload
 * @options: or NULL
 *
 * Return: 0; -ESRCH: nobody waits for this answer: it was given, the caller has
 * given up or is gone; -EMSGSIZE: more than the caller takes (it is still waiting
 * for an answer); -EINVAL: @status is no error number; and others of MPIPC_REPLY
 * in <linux/mpipc.h>.
 *
 * Threads: any, at any time, not only in the handler. Since: 0.1
 */
int mpipc_reply(struct mpipc *handle, uint64_t call, int status, const void *data, size_t size,
		const struct mpipc_reply_options *options);

/**
 * mpipc_peers_get() - list the members of the group
 * @peers: out: array for them; may be NULL if @max is 0
 * @max: how many it has room for
 *
 * Return: how many members there are, this one included. If that is more than
 * @max, the first @max of them were stored, in no particular order.
 *
 * Threads: any. Since: 0.1
 */
int mpipc_peers_get(struct mpipc *handle, struct mpipc_peer *peers, unsigned int max);

/**
 * mpipc_info_get() - state, counters and limits of this endpoint
 * @info: out
 * @size: sizeof(struct mpipc_info)
 *
 * Return: 0. It works also after mpipc_leave(), and in a forked child.
 *
 * Threads: any. Since: 0.1
 */
int mpipc_info_get(const struct mpipc *handle, struct mpipc_info *info, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* MPIPC_H */
