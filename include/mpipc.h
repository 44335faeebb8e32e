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
 * Messages, calls and file descriptors between the processes of a group, over the kernel
 * module mpipc. A handle is one endpoint of one group: its primary, or one of its
 * secondaries. <linux/mpipc.h> says what a group, an endpoint and a call are, and describes
 * &struct mpipc_record, &struct mpipc_info and &struct mpipc_peer, which this library hands
 * through as they are.
 *
 * The following holds where a function does not say otherwise.
 *
 * Errors: a function returns a negative error number or the result that it promises. errno
 * is not part of the interface. Nothing is printed. The error is -ESHUTDOWN if the handle
 * has left its group, and -EPERM if the handle was opened by another process.
 *
 * NULL: the handle must not be NULL, except for mpipc_close(). Any other pointer that must
 * not be NULL gives -EINVAL. Options may always be NULL.
 *
 * Times: a timeout is in nanoseconds from now. With 0 a function does not wait, and with a
 * negative timeout (%MPIPC_WAIT_FOREVER) it waits without end. When a signal handler
 * interrupts a function, mpipc_open() and mpipc_dispatch() return -EINTR and all others go on
 * waiting. The kernel restarts mpipc_open() after a signal handler with SA_RESTART.
 *
 * Threads: any number of threads may use a handle at once. Only one of them can be in
 * mpipc_dispatch(). Handlers run one at a time, except that others can run while a handler
 * waits in mpipc_call(). mpipc_close() must be the last call on a handle, and may be made
 * in a handler.
 *
 * Handlers have to return. When a handler is left by longjmp(), by a C++ exception or by
 * pthread_exit(), its handle counts the thread as inside the handler: nobody can dispatch any
 * more, and mpipc_close() does not free the handle.
 *
 * Cancellation: no function is a cancellation point of pthread_cancel(), except
 * mpipc_dispatch() and mpipc_call() with %MPIPC_CALL_DISPATCH. A thread in a handler or in one
 * of these must not be cancelled; mpipc_leave() makes them return.
 *
 * Descriptors: the caller keeps those that it sends. Received descriptors are
 * close-on-exec. They belong to the message or to the replies in which they came, and are
 * closed with these unless mpipc_message_take_fd() has taken them out.
 *
 * fork: a child cannot use the handles of its parent (-EPERM) and does not disturb them, but
 * may open handles of its own.
 * It may mpipc_close() them, which only frees its own copy. It has to do so before it
 * returns from a handler in which it was forked. exec closes the handles.
 *
 * dlclose: libmpipc.so stays loaded until the process ends. A plugin that contains libmpipc.a
 * has to be linked with -Wl,-z,nodelete, because the thread of a handle that is closed in a
 * handler ends after mpipc_close() has returned.
 *
 * Option structures begin with their size and may grow at their end. Zero the whole
 * structure, set @size to its sizeof, then set what is needed. The error is -EINVAL if
 * the structure is shorter than in the first version, and -E2BIG if it asks for something
 * that this version of the library does not know.
 */

/** MPIPC_VERSION_MAJOR - first number of the version of this header. Since: 0.2 */
#define MPIPC_VERSION_MAJOR	0
/** MPIPC_VERSION_MINOR - second number of the version of this header. Since: 0.2 */
#define MPIPC_VERSION_MINOR	2
/** MPIPC_VERSION_PATCH - third number of the version of this header. Since: 0.2 */
#define MPIPC_VERSION_PATCH	0
/** MPIPC_VERSION - version of this header as a number, to compare it. Since: 0.2 */
#define MPIPC_VERSION \
	(MPIPC_VERSION_MAJOR << 16 | MPIPC_VERSION_MINOR << 8 | MPIPC_VERSION_PATCH)

/** MPIPC_WAIT_FOREVER - a timeout that never comes. Since: 0.1 */
#define MPIPC_WAIT_FOREVER	((int64_t)-1)

struct mpipc;
struct mpipc_opening;
struct mpipc_replies;

/**
 * struct mpipc_message - a received message, request, result or event
 * @record: type, name, size, time, sender and credentials of the message
 * @data: payload of @record->size bytes, aligned to 8 bytes in a handler
 * @fds: @record->n_fds descriptors, in the order of the sender. A negative number is the
 *	error for which a descriptor was not received (-EMFILE), or -EBADF after it was taken.
 *	The array is read only; use mpipc_message_take_fd().
 *
 * The library owns all three. They are valid until the handler returns or the replies are
 * freed.
 *
 * Since: 0.1
 */
struct mpipc_message {
	const struct mpipc_record *record;
	const void *data;
	const int *fds;
};

/**
 * typedef mpipc_handler_t - handle a message
 * @handle: the endpoint that received the message
 * @message: the message, valid until the handler returns
 * @arg: the argument that was given with the handler
 *
 * @message->record->type is %MPIPC_MESSAGE, %MPIPC_REQUEST, or, for a handle that was opened
 * with %MPIPC_JOIN_EVENTS, %MPIPC_JOINED or %MPIPC_LEFT. A request waits for mpipc_reply(),
 * now or later. The results of mpipc_call_async() have the type %MPIPC_REPLY_TO.
 *
 * Threads: handlers run on the thread that is in mpipc_dispatch(), or on that of
 * mpipc_start().
 *
 * Since: 0.1
 */
typedef void (*mpipc_handler_t)(struct mpipc *handle, const struct mpipc_message *message,
				void *arg);

/**
 * MPIPC_OPEN_FD - a flag of mpipc_open(): the program has the device open already. It has got the
 * descriptor from a process that may open the device, such as a service manager. Since: 0.2
 */
#define MPIPC_OPEN_FD		(1U << 16)

/**
 * struct mpipc_open_options - options of mpipc_open()
 * @size: sizeof(struct mpipc_open_options)
 * @flags: %MPIPC_JOIN_FOLLOW, %MPIPC_JOIN_EVENTS, %MPIPC_JOIN_ANCHOR, %MPIPC_OPEN_FD
 * @mode: permission bits that the owner gives the group as its primary; 0: 0600 if it is new, and
 *	right for a group that belongs to a file
 * @timeout_ns: how long a secondary waits for a primary, in nanoseconds
 * @handler: function for all that comes in. Without a handler, messages are dropped, and the
 *	reply to each request is the status -EOPNOTSUPP.
 * @arg: argument for @handler
 * @at: path of the regular file or directory that the group belongs to; NULL for a group of
 *	the network namespace, or of @at_fd
 * @at_fd: with %MPIPC_JOIN_ANCHOR in @flags and without @at: a descriptor of that file, which
 *	may be one of O_PATH and stays the caller's; else 0
 * @device_fd: with %MPIPC_OPEN_FD in @flags: a descriptor of the device, open for reading and
 *	writing, whose open file has not joined a group. The library duplicates it, so that the
 *	caller keeps the descriptor and may close it. Else 0
 * @device: path of the device in place of /dev/mpipc and of what MPIPC_DEVICE names; NULL for
 *	these
 *
 * Since: 0.1; @at and what follows it: 0.2
 */
struct mpipc_open_options {
	size_t size;
	unsigned int flags;
	unsigned int mode;
	int64_t timeout_ns;
	mpipc_handler_t handler;
	void *arg;
	const char *at;
	int at_fd;
	int device_fd;
	const char *device;
};

/**
 * struct mpipc_send_options - options of mpipc_send()
 * @size: sizeof(struct mpipc_send_options)
 * @flags: %MPIPC_PASS_MPIPC
 * @n_fds: number of descriptors to send
 * @fds: descriptors to send, which the caller keeps
 * @timeout_ns: how long to wait for space in a full mailbox, in nanoseconds
 * @full: out: how many mailboxes had no space; may be NULL
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
 * MPIPC_CALL_ORDERED - a flag of mpipc_call(): return only when the handlers of all that had
 * come in before the replies have returned, or when the timeout has passed. The flag has an
 * effect only for a handle with mpipc_start(), and only outside of its handlers. Since: 0.1
 */
#define MPIPC_CALL_ORDERED	(1U << 16)

/**
 * MPIPC_CALL_DISPATCH - a flag of mpipc_call(): run the handlers for what comes in while the call
 * waits, as a call in a handler does, unless another thread dispatches. Without the flag two
 * programs whose event loops call each other at the same time wait until their timeouts. If a
 * handler closes the handle, the call fails with -ESHUTDOWN. %MPIPC_CALL_WAIT_SPACE has no effect
 * then. Since: 0.2
 */
#define MPIPC_CALL_DISPATCH	(1U << 17)

/** MPIPC_REPLY_SIZE - largest reply, in bytes, if the options do not say. Since: 0.1 */
#define MPIPC_REPLY_SIZE	4096

/**
 * struct mpipc_call_options - options of mpipc_call() and mpipc_call_async()
 * @size: sizeof(struct mpipc_call_options)
 * @flags: %MPIPC_PASS_MPIPC, %MPIPC_CALL_WAIT_SPACE, %MPIPC_CALL_ORDERED, %MPIPC_CALL_DISPATCH
 * @n_fds: number of descriptors to send
 * @fds: descriptors to send, which the caller keeps
 * @reply_size: largest reply, in bytes; 0 means %MPIPC_REPLY_SIZE. Memory for a reply of this
 *	size is reserved for each destination.
 * @reply_fds: most descriptors in a reply
 * @call: out: id of the call, by which another thread can mpipc_cancel() it while mpipc_call()
 *	waits; may be NULL. The library stores the id atomically, before it sends the request.
 *	mpipc_call_async() refuses this member, because it has an argument for that.
 *
 * A larger reply is an error for the process that replies, not for the caller.
 *
 * Since: 0.1; @call: 0.2
 */
struct mpipc_call_options {
	size_t size;
	unsigned int flags;
	unsigned int n_fds;
	const int *fds;
	unsigned int reply_size;
	unsigned int reply_fds;
	uint64_t *call;
};

/**
 * struct mpipc_reply_options - options of mpipc_reply()
 * @size: sizeof(struct mpipc_reply_options)
 * @flags: %MPIPC_PASS_MPIPC
 * @n_fds: number of descriptors to send
 * @fds: descriptors to send, which the caller keeps
 * @name: name of the reply, 0..63 bytes; may be NULL
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

/** MPIPC_START_POLICY - a flag of mpipc_start(): set @policy and @priority. Since: 0.2 */
#define MPIPC_START_POLICY	(1U << 0)

/**
 * struct mpipc_start_options - options of mpipc_start()
 * @size: sizeof(struct mpipc_start_options)
 * @flags: %MPIPC_START_POLICY
 * @policy: scheduling policy, as of sched_setscheduler(), such as SCHED_BATCH or SCHED_FIFO
 * @priority: priority in that policy; 0 where the policy has none
 * @cpus_size: size of the set that @cpus points to, in bytes
 * @cpus: processors that the thread may run on, a cpu_set_t; may be NULL
 * @stack_size: size of the stack, in bytes; 0 means the default of threads. Handlers run on it.
 *
 * The thread inherits all else from the one that calls mpipc_start().
 *
 * With SCHED_BATCH the thread does not preempt the one that sends to it, so that messages pile
 * up and are received together. On one processor a burst of 50 messages then costs a third
 * less, and a request a tenth more.
 *
 * Since: 0.2
 */
struct mpipc_start_options {
	size_t size;
	unsigned int flags;
	int policy;
	int priority;
	unsigned int cpus_size;
	const void *cpus;
	size_t stack_size;
};

/**
 * mpipc_version() - version of the library
 *
 * A program that is linked with the shared library can run with a later one than that of the
 * header that it was compiled with. The candidate of a release has the number of the release.
 *
 * Return: the version of the library, a number as %MPIPC_VERSION.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.2
 */
unsigned int mpipc_version(void);

/**
 * mpipc_open() - open the device and join a group
 * @handle: out: the handle, which the caller has to mpipc_close(); NULL on failure
 * @group: name of the group, 1..127 bytes
 * @role: %MPIPC_PRIMARY or %MPIPC_SECONDARY
 * @options: options; may be NULL
 *
 * The device is /dev/mpipc, or the one that @options or the environment variable MPIPC_DEVICE
 * name. A set-user-id program ignores the variable. The descriptor of the device is 64 or higher
 * where the limits of the process allow that.
 *
 * With @options->at, or a descriptor, the group belongs to that file. Processes that use the
 * same file and name meet in the group, whatever their namespaces are. Whoever may write to
 * the file may be a secondary, and whoever owns it may be the primary. The path is looked up
 * in the mount namespace of the caller and may be a symbolic link.
 *
 * Return: 0, or
 * -ENODEV: there is no device, because the kernel module is not loaded;
 * -EACCES: the process has no permission for the device or for the group;
 * -EPERM: the process does not own the file that its group belongs to, or, like -EACCES;
 * -EROFS, -EBADF, -EOPNOTSUPP: the file is on a read-only mount, or @options->at_fd is not open,
 * or no group can belong to a file of this kind;
 * -ENOSYS: the kernel module is older and has no groups that belong to files;
 * -ENOTTY: the device is not one of mpipc; -EISCONN: @options->device_fd has joined a group;
 * -EADDRINUSE: the group has a primary already;
 * -ENOENT, -ECONNREFUSED, -ETIMEDOUT: there was no primary to join, now or until the timeout;
 * -EINTR: a signal handler has run while the function waited for a primary;
 * and other errors of MPIPC_JOIN in <linux/mpipc.h>, and of open() for @options->at, such as
 * -ENOENT.
 * mpipc_open_hint() has a sentence for each of them.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
int mpipc_open(struct mpipc **handle, const char *group, enum mpipc_role role,
	       const struct mpipc_open_options *options);

/**
 * mpipc_opening_start() - open the device and join a group, without waiting
 * @opening: out: the opening, which mpipc_opening_finish() or mpipc_opening_cancel() frees; NULL
 *	on failure
 * @group: as for mpipc_open()
 * @role: as for mpipc_open()
 * @options: as for mpipc_open(); @timeout_ns is counted from now
 *
 * A thread of the library waits for the primary. A secondary whose event loop must not stop
 * polls the descriptor of mpipc_opening_fd() instead.
 *
 * Return: 0; -EAGAIN: the process may not have more threads; or an error of mpipc_open() that is
 * known at once.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.2
 */
int mpipc_opening_start(struct mpipc_opening **opening, const char *group, enum mpipc_role role,
			const struct mpipc_open_options *options);

/**
 * mpipc_opening_fd() - descriptor to poll
 * @opening: the opening
 *
 * Return: a descriptor that is readable when mpipc_opening_finish() has a result. It belongs to
 * the opening and must not be closed, read or written.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.2
 */
int mpipc_opening_fd(const struct mpipc_opening *opening);

/**
 * mpipc_opening_finish() - get the result of an opening
 * @opening: the opening, which is freed unless there is no result yet
 * @handle: out: the handle, as of mpipc_open(); NULL on failure
 *
 * Return: 0 or an error of mpipc_open(); -EAGAIN: there is no result yet; -EPERM: this is a
 * forked child.
 *
 * Threads: no other thread may use the opening any more.
 *
 * Since: 0.2
 */
int mpipc_opening_finish(struct mpipc_opening *opening, struct mpipc **handle);

/**
 * mpipc_opening_cancel() - give up an opening
 * @opening: the opening, which is freed; NULL does nothing
 *
 * If the opening has joined, it leaves again. A forked child may call it, too, which only frees
 * its copy.
 *
 * Threads: no other thread may use the opening any more.
 *
 * Since: 0.2
 */
void mpipc_opening_cancel(struct mpipc_opening *opening);

/**
 * mpipc_open_hint() - say what an error of mpipc_open() means and what helps
 * @error: return value of mpipc_open()
 *
 * The function looks at the device again, because an error can have several causes.
 *
 * Return: a sentence without a newline. It is static and must not be freed.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
const char *mpipc_open_hint(int error);

/**
 * mpipc_close() - leave the group and free the handle
 * @handle: the handle; NULL does nothing
 *
 * The function waits for the handler that the library's own thread may be running, and ends
 * that thread. In a handler it returns at once, and the handle is freed when that handler
 * returns. Before the handle is freed, the callback of each open asynchronous call gets a
 * last result with the status -ESHUTDOWN.
 *
 * Threads: no other thread may use the handle any more. mpipc_leave() makes other threads
 * return first. It may be called in a handler.
 *
 * Since: 0.1
 */
void mpipc_close(struct mpipc *handle);

/**
 * mpipc_leave() - leave the group and keep the handle
 * @handle: the handle, which still has to be closed by mpipc_close()
 *
 * All threads that wait in a function on this handle return with -ESHUTDOWN. So do all later
 * calls except mpipc_info_get(). The messages in the mailbox are dropped, and when this
 * function has returned, no handler starts any more. A handler that runs already goes on, and
 * mpipc_close() waits for it.
 *
 * Return: 0, or -ESHUTDOWN if the handle has left already.
 *
 * Threads: any thread may call it, also in a handler.
 *
 * Since: 0.1
 */
int mpipc_leave(struct mpipc *handle);

/**
 * mpipc_fd() - descriptor to poll
 * @handle: the handle
 *
 * When the descriptor is readable, mpipc_dispatch() has something to do. EPOLLRDHUP means
 * that there is no primary, EPOLLHUP that the handle has left its group.
 *
 * Return: the descriptor. It belongs to the handle and must not be closed, read or written.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
int mpipc_fd(const struct mpipc *handle);

/**
 * mpipc_id() - id of this endpoint
 * @handle: the handle
 *
 * Return: the id, by which the primary can address this endpoint. No other endpoint gets the
 * same id while the module is loaded.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
uint64_t mpipc_id(const struct mpipc *handle);

/**
 * mpipc_dispatch() - run the handlers for what has come in
 * @handle: the handle
 * @timeout_ns: how long to wait for the first message, in nanoseconds
 *
 * The event loop of a program calls it with a timeout of 0 when mpipc_fd() is readable. It
 * handles a limited number of messages, so the event loop has to poll again afterwards; one
 * that is edge-triggered (EPOLLET) has to call it again until it returns 0 or an error. A
 * program without an event loop calls it with %MPIPC_WAIT_FOREVER in a loop.
 *
 * Return: number of messages that were handled, which is 0 if none came until the timeout;
 * -EINTR: a signal handler has run;
 * -EBUSY: this is a handler, or another thread dispatches, such as that of mpipc_start();
 * -ESHUTDOWN: the handle has left, or a handler has closed it;
 * -ENOMEM: there is no memory for a message, which stays in the mailbox;
 * -EPERM: this is a forked child.
 *
 * Threads: one thread at a time.
 *
 * Since: 0.1
 */
int mpipc_dispatch(struct mpipc *handle, int64_t timeout_ns);

/**
 * mpipc_start() - have a thread of the library run the handlers
 * @handle: the handle
 * @options: options; may be NULL
 *
 * The thread is named "mpipc-msg". It has all signals blocked except those of its own faults:
 * SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP and SIGSYS. It runs until mpipc_leave() or
 * mpipc_close().
 *
 * Return: 0; -EALREADY: there is a thread already; -EBUSY: another thread dispatches;
 * -EAGAIN: the process may not have more threads; -EPERM: this is a forked child, or the
 * process may not have the policy or the priority; -EINVAL: an option is bad, such as a stack
 * that is too small or processors that there are not.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1; @options: 0.2. A program that was linked with version 0.1 has none.
 */
int mpipc_start(struct mpipc *handle, const struct mpipc_start_options *options);

/**
 * mpipc_message_take_fd() - take a descriptor out of a message
 * @message: message of a handler, or of mpipc_replies_get()
 * @index: 0..@message->record->n_fds - 1
 *
 * Return: the descriptor, which the caller then owns and has to close; or the error for which
 * it was not received; -EBADF: it was taken before; -EINVAL: the message has no such
 * descriptor.
 *
 * Threads: one thread at a time for each message.
 *
 * Since: 0.1
 */
int mpipc_message_take_fd(const struct mpipc_message *message, unsigned int index);

/**
 * mpipc_send() - send a message that has no reply
 * @handle: the handle
 * @to: %MPIPC_TO_PRIMARY from a secondary; %MPIPC_TO_ALL or the id of a secondary from the
 *	primary
 * @name: name of the message, 0..63 bytes
 * @data: payload, which is copied; may be NULL if @size is 0
 * @size: bytes of payload, 0..%MPIPC_SIZE_MAX
 * @options: options; may be NULL
 *
 * Return: number of mailboxes that the message was put in, which may be 0 for %MPIPC_TO_ALL;
 * -EAGAIN: the mailbox is full; -ETIMEDOUT: the mailbox was still full at the timeout;
 * -ECONNREFUSED: there is no primary; -ESRCH: there is no such endpoint;
 * -EINVAL, -EMSGSIZE: a bad argument; and other errors of MPIPC_SEND in <linux/mpipc.h>.
 *
 * Threads: any thread may call it, also in a handler.
 *
 * Since: 0.1
 */
int mpipc_send(struct mpipc *handle, uint64_t to, const char *name, const void *data, size_t size,
	       const struct mpipc_send_options *options);

/**
 * mpipc_call() - send a request and wait for the replies
 * @handle: the handle
 * @to: destination, as for mpipc_send()
 * @name: name of the request, 0..63 bytes
 * @data: payload, which is copied; may be NULL if @size is 0
 * @size: bytes of payload, 0..%MPIPC_SIZE_MAX
 * @timeout_ns: how long to wait for all replies together, in nanoseconds
 * @options: options; may be NULL
 * @replies: out: one result for each destination, which the caller has to free by
 *	mpipc_replies_free(); NULL on failure
 *
 * All destinations get the request at once. A dead destination does not hold up the call.
 * The result of a destination says whether it has replied, see mpipc_replies_get(). A reply
 * comes straight to this thread. It may overtake messages that were sent before it and wait
 * for a handler; see %MPIPC_CALL_ORDERED.
 *
 * In a handler the function dispatches until it has its results, so that two processes can
 * call each other at the same time. So a handler must not call with a lock held that other
 * handlers take. When more than 16 calls wait in each other's handlers, only requests are
 * still handled and other messages wait; when 64 calls wait, another one fails (-EDEADLK).
 * %MPIPC_CALL_WAIT_SPACE has no effect in a handler.
 *
 * Return: number of results, which may be 0 for %MPIPC_TO_ALL, or an error if the request was
 * not sent. The errors are those of mpipc_send(), except that a full mailbox is a result;
 * -ENOMEM, -EDQUOT: the replies may become too large for all destinations together.
 *
 * Threads: any thread may call it, also in a handler.
 *
 * Since: 0.1
 */
int mpipc_call(struct mpipc *handle, uint64_t to, const char *name, const void *data, size_t size,
	       int64_t timeout_ns, const struct mpipc_call_options *options,
	       struct mpipc_replies **replies);

/**
 * mpipc_replies_get() - look at one result of a call
 * @replies: results of mpipc_call()
 * @index: 0..return value of mpipc_call() - 1
 *
 * @record->status is 0 if the destination @record->peer has replied. If it is not 0, and
 * @record->flags has %MPIPC_REC_REPLIED, it is the status that the destination chose. Without
 * that flag it says why there is no reply: -ETIMEDOUT, -ECONNRESET (the destination is gone),
 * -EAGAIN (its mailbox was full), -EMSGSIZE (its mailbox could never hold the request),
 * -ECANCELED, and for the only result of an asynchronous call without destinations
 * -ECONNREFUSED.
 *
 * Return: the result, or NULL if there is no such one. It belongs to @replies and is valid
 * until mpipc_replies_free().
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
const struct mpipc_message *mpipc_replies_get(const struct mpipc_replies *replies,
					      unsigned int index);

/**
 * mpipc_replies_free() - free the results of a call and close their descriptors
 * @replies: results of mpipc_call(); NULL does nothing
 *
 * Threads: no other thread may use @replies any more.
 *
 * Since: 0.1
 */
void mpipc_replies_free(struct mpipc_replies *replies);

/**
 * mpipc_call_async() - send a request and have the replies handled as they come
 * @handle: the handle
 * @to: destination, as for mpipc_send()
 * @name: name of the request, 0..63 bytes
 * @data: payload, which is copied; may be NULL if @size is 0
 * @size: bytes of payload, 0..%MPIPC_SIZE_MAX
 * @timeout_ns: how long to wait for all replies together, in nanoseconds
 * @options: options; may be NULL. %MPIPC_CALL_WAIT_SPACE, %MPIPC_CALL_ORDERED and
 *	%MPIPC_CALL_DISPATCH are refused: this function never waits, and its results always
 *	come in order.
 * @callback: function that gets one result for each destination, as described for
 *	mpipc_replies_get(). The last result has %MPIPC_REC_LAST in @record->flags. Without a
 *	destination there is one result, with @record->peer 0.
 * @arg: argument for @callback
 * @call: out: id of the call, for mpipc_cancel(); may be NULL
 *
 * The callback runs where handlers do, so somebody has to dispatch. It never runs inside this
 * function. It is called with %MPIPC_REC_LAST exactly once.
 *
 * Return: number of destinations, or an error, in which case the callback is not called. The
 * errors are those of mpipc_call(); -EMFILE: the endpoint has too many open calls.
 *
 * Threads: any thread may call it, also in a handler.
 *
 * Since: 0.1
 */
int mpipc_call_async(struct mpipc *handle, uint64_t to, const char *name, const void *data,
		     size_t size, int64_t timeout_ns, const struct mpipc_call_options *options,
		     mpipc_handler_t callback, void *arg, uint64_t *call);

/**
 * mpipc_cancel() - end a call early
 * @handle: the handle
 * @call: id of the call, from mpipc_call_async() or &struct mpipc_call_options
 *
 * The result of each destination that has not replied becomes -ECANCELED. The callback, or the
 * thread that waits in mpipc_call(), gets these results as it would have got the replies.
 *
 * Return: 0; -ESRCH: there is no such call, or it has ended.
 *
 * Threads: any thread may call it, also in a handler.
 *
 * Since: 0.1
 */
int mpipc_cancel(struct mpipc *handle, uint64_t call);

/**
 * mpipc_reply() - reply to a request
 * @handle: the handle
 * @call: @record->call of the request
 * @status: 0, or a negative error number for the caller to see
 * @data: payload, which is copied; may be NULL if @size is 0
 * @size: bytes of payload
 * @options: options; may be NULL
 *
 * Return: 0;
 * -ESRCH: nobody waits for this reply, because it was given before, or the caller has given
 * up or is gone;
 * -EMSGSIZE: the reply is larger than the caller allows, and the caller still waits for one;
 * -EINVAL: @status is not an error number, or another argument is bad;
 * and other errors of MPIPC_REPLY in <linux/mpipc.h>.
 *
 * Threads: any thread may call it at any time, not only in the handler.
 *
 * Since: 0.1
 */
int mpipc_reply(struct mpipc *handle, uint64_t call, int status, const void *data, size_t size,
		const struct mpipc_reply_options *options);

/**
 * mpipc_peers_get() - list the members of the group
 * @handle: the handle
 * @peers: out: array for the members; may be NULL if @max is 0
 * @max: number of elements of @peers
 *
 * Return: number of members, this endpoint included. If it is more than @max, the first @max
 * members were stored, in no particular order. -EINVAL: a bad argument.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1; @pending of &struct mpipc_peer and what follows it: 0.2. A program that was linked
 * with version 0.1 gets structures that end before it.
 */
int mpipc_peers_get(struct mpipc *handle, struct mpipc_peer *peers, unsigned int max);

/**
 * mpipc_info_get() - state, counters and limits of this endpoint
 * @handle: the handle
 * @info: out: the information
 * @size: sizeof(struct mpipc_info), in bytes
 *
 * The function works after mpipc_leave() and in a forked child, too.
 *
 * Return: 0; -EINVAL: a bad argument.
 *
 * Threads: any thread may call it.
 *
 * Since: 0.1
 */
int mpipc_info_get(const struct mpipc *handle, struct mpipc_info *info, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* MPIPC_H */
