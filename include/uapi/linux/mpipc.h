/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_MPIPC_H
#define _UAPI_LINUX_MPIPC_H

#include <linux/types.h>
#ifdef __KERNEL__
#include <linux/ioctl.h>
#else
#include <sys/ioctl.h>
#endif

/**
 * DOC: /dev/mpipc
 *
 * A *group* is a named meeting place. It is found in the network namespace of the process that
 * opened the device, or, as an *anchored* group, by a file or directory that it belongs to. An
 * *endpoint* is one open file that joined one group, once, as its *primary* (at most one
 * at a time) or as a *secondary*. Messages go from a secondary to its primary, and from the primary
 * to one secondary or to all of them. Each endpoint has a bounded mailbox. A full mailbox costs a
 * sender that destination, but does not block the sender, unless it asks to wait for space.
 *
 * A message has a name, a payload and file references. A *call* is a message whose destinations
 * owe a reply. The caller gets one result for each of them: the reply, or why there is none. When
 * an endpoint goes away, whatever others wait for from it ends at once.
 *
 * An endpoint belongs to the file descriptor table that joined. Once that table has no descriptor
 * for it, the endpoint leaves its group, even if other processes still hold the open file. Every
 * ioctl but MPIPC_INFO is refused (EPERM) from another table. read(), write() and poll() depend on
 * the open file alone.
 *
 * poll() says EPOLLIN if there is a record, EPOLLRDHUP if the primary of a secondary is gone,
 * EPOLLHUP after the endpoint left, and nothing before it joined. Otherwise it always says
 * EPOLLOUT, because which mailbox has space depends on the destination.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC, in the time namespace in which the process was when it
 * joined. A deadline is an absolute time. 0 means not to wait, and %MPIPC_FOREVER to wait without
 * end. With any other deadline ETIMEDOUT says that it has come, even if it had passed before.
 *
 * Pointers are carried in __u64, and the layout is the same for 32-bit and 64-bit programs.
 * Structures may grow at their end: the size in the ioctl number says how much of a structure the
 * caller knows. A structure that is longer than the kernel knows is accepted if its unknown tail is
 * zero (else E2BIG). A structure that is shorter than the first version is refused (EINVAL), and
 * nothing is written behind the end of a shorter one.
 * Unknown flags, and reserved fields that are not zero, are refused (EINVAL), and so are unknown
 * commands (ENOTTY). A call that fails has changed nothing, unless its description says otherwise.
 *
 * Any command but MPIPC_INFO can return these errors: EFAULT (bad pointer), ENOTCONN (the endpoint
 * has not joined yet), ESHUTDOWN (it has left its group), EPERM (another process joined), ENOMEM.
 * The errors of MPIPC_INFO are EFAULT and EINVAL, the error of open() is ENOMEM.
 */

/** MPIPC_DEVICE - path of the device node. */
#define MPIPC_DEVICE		"/dev/mpipc"

/** MPIPC_ABI - version of this interface, see &struct mpipc_info. */
#define MPIPC_ABI		1

/** MPIPC_GROUP_MAX - size of a group name with its final NUL. */
#define MPIPC_GROUP_MAX		128
/** MPIPC_NAME_MAX - size of a message name with its final NUL. */
#define MPIPC_NAME_MAX		64
/** MPIPC_SIZE_MAX - largest payload of a message, in bytes. */
#define MPIPC_SIZE_MAX		65536
/** MPIPC_FDS_MAX - largest number of file descriptors in a message. */
#define MPIPC_FDS_MAX		253

/** MPIPC_FOREVER - a deadline that never comes. */
#define MPIPC_FOREVER		(~(__u64)0)

/** MPIPC_TO_PRIMARY - as a destination: the primary (for a secondary). */
#define MPIPC_TO_PRIMARY	((__u64)0)
/** MPIPC_TO_ALL - as a destination: every secondary (for the primary). */
#define MPIPC_TO_ALL		(~(__u64)0)

/**
 * enum mpipc_role - role of an endpoint in its group
 * @MPIPC_NO_ROLE: the endpoint has not joined
 * @MPIPC_PRIMARY: the one endpoint that all others of the group talk to
 * @MPIPC_SECONDARY: any other endpoint
 */
enum mpipc_role {
	MPIPC_NO_ROLE = 0,
	MPIPC_PRIMARY = 1,
	MPIPC_SECONDARY = 2
};

/**
 * enum mpipc_type - kinds of records in a mailbox
 * @MPIPC_MESSAGE: a message that expects no reply
 * @MPIPC_REQUEST: a message of a call; MPIPC_REPLY replies to it
 * @MPIPC_REPLY_TO: the result of an asynchronous call for one of its destinations
 * @MPIPC_JOINED: the peer that the record names has joined
 * @MPIPC_LEFT: the peer that the record names has left; nothing that it sent follows
 */
enum mpipc_type {
	MPIPC_MESSAGE = 1,
	MPIPC_REQUEST = 2,
	MPIPC_REPLY_TO = 3,
	MPIPC_JOINED = 4,
	MPIPC_LEFT = 5
};

/* Flags of struct mpipc_record. */
/** MPIPC_REC_REPLIED - @status comes from the peer, not from the kernel. */
#define MPIPC_REC_REPLIED	(1U << 0)
/** MPIPC_REC_LAST - this is the last result of its call. */
#define MPIPC_REC_LAST		(1U << 1)

/**
 * struct mpipc_record - one record of a mailbox, or one result of a call
 * @len: bytes from this record to the next one in what read() returned: this structure, @size
 *	bytes of payload, zeroes up to a multiple of 8
 * @type: &enum mpipc_type; %MPIPC_REPLY_TO in all results
 * @flags: MPIPC_REC_*
 * @seq: number of the record in this mailbox, counted from 1; there is a gap where the event of a
 *	peer that came and went was retracted. In a result of a synchronous call: number of the
 *	last record that was put in the caller's mailbox before this result.
 * @peer: endpoint id of the sender; for results: of the destination; for events: of the endpoint
 *	that came or went. 0 in the only result of an asynchronous call that had no destination.
 * @call: id of the call (requests and results), else 0
 * @deadline: for requests: when the caller stops waiting
 * @stamp: when the message was sent; 0 in results that no peer sent
 * @size: bytes of payload
 * @n_fds: number of file descriptors
 * @status: for results: 0, or why there is no reply: -ECONNRESET (the destination is gone),
 *	-ETIMEDOUT, -ECANCELED, -EAGAIN (its mailbox was full), -EMSGSIZE (its mailbox could never
 *	hold the request), -ECONNREFUSED (there was no destination), or, with
 *	%MPIPC_REC_REPLIED, what the replier chose
 * @lost: number of messages for which this mailbox had no space between the previous record and
 *	this one
 * @pid: the sender's process, as it was when it joined, in the receiver's pid namespace (0 if it
 *	is not visible there)
 * @uid: effective user of that process when it joined, in the receiver's user namespace (the
 *	overflow uid if it is not mapped there)
 * @gid: effective group, like @uid
 * @role: &enum mpipc_role of @peer
 * @reply_size: for requests: size of the largest reply that the caller takes
 * @reply_fds: for requests: the most file descriptors that the caller takes
 * @generation: generation of the primary that @peer belongs to
 * @name: name of the message, NUL-terminated, the rest zero
 *
 * A write() is this structure, then @size bytes of payload. @type is %MPIPC_MESSAGE, @peer the
 * destination (an endpoint id, %MPIPC_TO_PRIMARY or %MPIPC_TO_ALL), @deadline how long to wait for
 * space (as if it were 0 on an O_NONBLOCK file), and @name the name. Every other field is zero. It
 * sends one message, or fails as MPIPC_SEND does. A write() to all succeeds if any mailbox had
 * space.
 *
 * With RWF_NOWAIT, which io_uring uses, both behave as on an O_NONBLOCK file. A write() that nobody
 * got is then expected to be tried again, so that its message is not counted as lost.
 *
 * A read() returns as many whole records as fit. It never takes file descriptors: it stops before a
 * record that has some, and fails with EOPNOTSUPP if that is the first one, which MPIPC_RECV then
 * takes. It fails with EMSGSIZE if the first record does not fit, with EFAULT if that cannot be
 * copied (the record stays), with EAGAIN if there is none and the file is O_NONBLOCK, and with
 * ESHUTDOWN if the endpoint has left its group.
 */
struct mpipc_record {
	__u32 len;
	__u16 type;
	__u16 flags;
	__u64 seq;
	__u64 peer;
	__u64 call;
	__u64 deadline;
	__u64 stamp;
	__u32 size;
	__u32 n_fds;
	__s32 status;
	__u32 lost;
	__u32 pid;
	__u32 uid;
	__u32 gid;
	__u32 role;
	__u32 reply_size;
	__u32 reply_fds;
	__u64 generation;
	char name[MPIPC_NAME_MAX];
};

/* Feature bits of struct mpipc_info. */
/** MPIPC_FEATURE_BASE - the module has what its first version had. */
#define MPIPC_FEATURE_BASE	((__u64)1 << 0)
/** MPIPC_FEATURE_ANCHOR - the module knows %MPIPC_JOIN_ANCHOR. */
#define MPIPC_FEATURE_ANCHOR	((__u64)1 << 1)
/** MPIPC_FEATURES - bits for all that this header describes. */
#define MPIPC_FEATURES		(MPIPC_FEATURE_BASE | MPIPC_FEATURE_ANCHOR)

/**
 * struct mpipc_info - what this kernel offers, and the state of this file
 * @abi: out: %MPIPC_ABI of the module
 * @role: out: &enum mpipc_role; %MPIPC_NO_ROLE before the join and after the endpoint left
 * @features: out: feature bits
 * @id: out: endpoint id, 0 before the join
 * @generation: out: generation of the primary that the endpoint joined or follows
 * @primary: out: endpoint id of that primary, 0 when it is gone
 * @queued: out: number of records in the mailbox
 * @queued_bytes: out: payload bytes of the messages among them
 * @sent: out: number of messages, requests and replies that were put in a mailbox or given to a
 *	caller
 * @received: out: number of records taken out of this mailbox
 * @lost: out: number of messages and requests for which this mailbox had no space
 * @dropped_fds: out: number of file descriptors dropped by %MPIPC_RECV_DROP_FDS
 * @max_messages: out: the most messages and requests that the mailbox holds
 * @max_bytes: out: the most payload bytes that the mailbox holds
 * @max_endpoints: out: the most endpoints in a group
 * @max_user_endpoints: out: the most endpoints of a user
 * @max_user_groups: out: the most groups of a user
 * @max_user_bytes: out: the most kernel memory that a user's messages and calls hold
 * @max_calls: out: the most calls that an endpoint may have open
 * @reserved: out: 0
 * @group: out: name of the group, empty before the join
 * @pending: out: number of requests that were taken out of this mailbox and still wait for a reply
 * @pending_since: out: when the oldest of these was sent, 0 if there is none
 * @calls: out: number of calls that the endpoint has open
 */
struct mpipc_info {
	__u32 abi;
	__u32 role;
	__u64 features;
	__u64 id;
	__u64 generation;
	__u64 primary;
	__u64 queued;
	__u64 queued_bytes;
	__u64 sent;
	__u64 received;
	__u64 lost;
	__u64 dropped_fds;
	__u32 max_messages;
	__u32 max_bytes;
	__u32 max_endpoints;
	__u32 max_user_endpoints;
	__u32 max_user_groups;
	__u32 max_calls;
	__u64 max_user_bytes;
	__u64 reserved;
	char group[MPIPC_GROUP_MAX];
	__u64 pending;
	__u64 pending_since;
	__u64 calls;
};

/* Flags of MPIPC_JOIN. */
/** MPIPC_JOIN_FOLLOW - the secondary stays when a new primary comes. */
#define MPIPC_JOIN_FOLLOW	(1U << 0)
/**
 * MPIPC_JOIN_EVENTS - put %MPIPC_JOINED and %MPIPC_LEFT records in the mailbox: the primary's about
 * its secondaries, a secondary's about its primary. Peers that have joined already come first. A
 * full mailbox does not lose events. There is no event of a peer that came and went unseen, and
 * sent nothing, unless poll() may have reported the first one.
 */
#define MPIPC_JOIN_EVENTS	(1U << 1)
/**
 * MPIPC_JOIN_ANCHOR - the group is the one of this name that belongs to the file or directory
 * @anchor of &struct mpipc_join_args, which is the same for all who can open that file, whatever
 * their namespaces are. The file decides who may join.
 */
#define MPIPC_JOIN_ANCHOR	(1U << 2)

/**
 * struct mpipc_join_args - argument of MPIPC_JOIN
 * @role: in: %MPIPC_PRIMARY or %MPIPC_SECONDARY
 * @flags: in: MPIPC_JOIN_*
 * @mode: in: permission bits (a subset of 0666) that the owner gives the group as its primary; 0
 *	means 0600 for a new group, and no change for another. Members stay members. 0 with
 *	%MPIPC_JOIN_ANCHOR. out: those of the group
 * @anchor: in: with %MPIPC_JOIN_ANCHOR, a descriptor, which may be one of O_PATH, of the regular
 *	file or directory that the group belongs to, else 0
 * @deadline: in: how long a secondary waits for a primary
 * @id: out: endpoint id; never used again while the module is loaded
 * @generation: out: number of primaries that the group has had, the current one included
 * @primary: out: endpoint id of the primary
 * @group: in: name, 1..127 bytes, NUL-terminated
 *
 * The first primary of a name creates the group and owns it by its file system uid and gid.
 * Permission to join is decided as for opening a file for reading and writing. Only the owner may
 * be primary. CAP_IPC_OWNER over the network namespace overrides both. The group exists while it
 * has members.
 *
 * The file of an anchored group is asked at each join, and again after the wait for a primary. The
 * process that joins needs permission to write to it (and to search it, if it is a directory) as
 * access() decides, but by its effective ids, on a mount that is not read-only. The process that
 * opened @anchor, and how it did, do not matter. Only the owner of the file, or a process whose
 * CAP_FOWNER overrides that, may be primary. A file that is moved, or removed while somebody has it
 * open, keeps its groups; a new file in its place has others. The mount through which a member
 * joined is busy until this member leaves.
 *
 * Errors: EINVAL (bad role, mode or name, bad flags or those of the other role), EISCONN (the
 * endpoint is a member), EACCES, EADDRINUSE (there is a primary), ENOENT (there is no such group),
 * ECONNREFUSED (the group has no primary), ETIMEDOUT (no primary came until the deadline), EINTR,
 * EBADF (the file is not open for reading and writing, or the caller's table has no descriptor for
 * it), ENOSPC (the group has its most endpoints), EDQUOT (the user has its most groups or
 * endpoints), EFAULT (if the argument becomes inaccessible during the join, the endpoint has left
 * again).
 *
 * Errors with %MPIPC_JOIN_ANCHOR: EBADF (@anchor is not an open descriptor), EOPNOTSUPP (it is
 * neither a regular file nor a directory, or one without a name in a directory, such as a memory
 * file, or one of a file system of the kernel's own, such as proc), EROFS (its mount or file system
 * is read-only), EPERM (a primary does not own it, or it is immutable), and errors of its file
 * system.
 */
struct mpipc_join_args {
	__u32 role;
	__u32 flags;
	__u32 mode;
	__s32 anchor;
	__u64 deadline;
	__u64 id;
	__u64 generation;
	__u64 primary;
	char group[MPIPC_GROUP_MAX];
};

/**
 * struct mpipc_body - the parts of a message
 * @data: pointer to the payload
 * @fds: pointer to an array of file descriptors (__s32)
 * @size: bytes of payload, 0..%MPIPC_SIZE_MAX
 * @n_fds: number of file descriptors, 0..%MPIPC_FDS_MAX
 * @name: name, 0..63 bytes, NUL-terminated
 *
 * The sender keeps its descriptors; the message refers to the open files.
 *
 * Errors: EMSGSIZE (payload or number of descriptors too large), EINVAL (name without NUL), EBADF
 * (a descriptor is not open), EOPNOTSUPP (an io_uring, or a file of this device without
 * %MPIPC_PASS_MPIPC), ETOOMANYREFS (the user has more files in flight than its RLIMIT_NOFILE;
 * CAP_SYS_RESOURCE and CAP_SYS_ADMIN override this), EDQUOT (its messages hold too much memory,
 * which stops nobody who had CAP_SYS_RESOURCE in the initial user namespace at the join).
 */
struct mpipc_body {
	__u64 data;
	__u64 fds;
	__u32 size;
	__u32 n_fds;
	char name[MPIPC_NAME_MAX];
};

/* Flags of MPIPC_SEND, MPIPC_CALL and MPIPC_REPLY. */
/** MPIPC_PASS_MPIPC - allow open files of this device among the descriptors. */
#define MPIPC_PASS_MPIPC	(1U << 0)

/**
 * struct mpipc_send_args - argument of MPIPC_SEND
 * @to: in: %MPIPC_TO_PRIMARY, %MPIPC_TO_ALL or an endpoint id
 * @flags: in: %MPIPC_PASS_MPIPC
 * @reserved: in: 0
 * @deadline: in: how long to wait for space
 * @sent: out: number of mailboxes that took the message
 * @full: out: number of mailboxes that had no space (each counts the message as lost)
 * @body: in: the message
 *
 * A send to all succeeds whatever @sent and @full are, and whether or not there is anybody.
 *
 * A user other than a primary's own gets at most half of what other users leave in the primary's
 * mailbox. In the mailbox of a secondary, unless that is empty, the messages of a user hold at most
 * half of the memory that its other messages and calls leave of what it may have. In any mailbox,
 * unless it has no files of the user, the same is true of files. The mailboxes of all other users
 * together hold at most half of what a user may have, or one message.
 *
 * Errors: those of &struct mpipc_body; EMSGSIZE (the message is larger than the mailbox could ever
 * hold), EOPNOTSUPP (a secondary sends to all or to another secondary, the primary to itself),
 * ECONNREFUSED (there is no primary), ESTALE (the primary that the endpoint joined is gone, and
 * another one has come), ESRCH (there is no such endpoint), EAGAIN (the mailbox is full), ETIMEDOUT
 * (the mailbox is still full at the deadline), ECONNRESET (the destination went away meanwhile),
 * EINTR (a signal came before any destination got the message).
 */
struct mpipc_send_args {
	__u64 to;
	__u32 flags;
	__u32 reserved;
	__u64 deadline;
	__u32 sent;
	__u32 full;
	struct mpipc_body body;
};

/* Flags of MPIPC_RECV. */
/**
 * MPIPC_RECV_DROP_FDS - drop (and count) the descriptors of the record, whose @n_fds is then 0.
 */
#define MPIPC_RECV_DROP_FDS	(1U << 0)

/**
 * struct mpipc_recv_args - argument of MPIPC_RECV
 * @flags: in: MPIPC_RECV_*
 * @max_fds: in: number of descriptors that @fds has space for
 * @max_size: in: bytes that @data has space for
 * @reserved: in: 0
 * @data: in: pointer to where the payload is written
 * @fds: in: pointer to where the descriptors are written (__s32)
 * @deadline: in: how long to wait for a record; as if it were 0 on an O_NONBLOCK file
 * @record: out: the record. Each of its @n_fds places in @fds holds a descriptor (close-on-exec) or
 *	the negative error that this one met (EMFILE, ENOMEM, or what a security module says). A
 *	record with such errors is delivered, too, and only once.
 *
 * Errors: EAGAIN (there is no record), ETIMEDOUT (no record came until the deadline), EINTR,
 * EMSGSIZE (@max_size or @max_fds is too small: the record stays, and @record says what it needs),
 * EFAULT (the record stays), ESHUTDOWN (this endpoint left).
 */
struct mpipc_recv_args {
	__u32 flags;
	__u32 max_fds;
	__u32 max_size;
	__u32 reserved;
	__u64 data;
	__u64 fds;
	__u64 deadline;
	struct mpipc_record record;
};

/* Flags of MPIPC_CALL besides MPIPC_PASS_MPIPC. */
/** MPIPC_CALL_ASYNC - do not wait: the results go to the mailbox. */
#define MPIPC_CALL_ASYNC	(1U << 1)
/** MPIPC_CALL_WAIT_SPACE - wait for space in full mailboxes, too. */
#define MPIPC_CALL_WAIT_SPACE	(1U << 2)

/**
 * struct mpipc_call_args - argument of MPIPC_CALL
 * @to: in: %MPIPC_TO_PRIMARY, %MPIPC_TO_ALL or an endpoint id
 * @flags: in: %MPIPC_PASS_MPIPC, MPIPC_CALL_*
 * @max_results: in: number of structures that @results has space for
 * @n_results: out: number of destinations, each of which has one result
 * @reply_size: in: size of the largest reply taken from each, 0..%MPIPC_SIZE_MAX
 * @reply_fds: in: the most descriptors taken from each, 0..%MPIPC_FDS_MAX
 * @reserved: in: 0
 * @deadline: in: the deadline for all destinations
 * @id: in: 0, or a call of this endpoint that was interrupted, to wait for it again; out: id of
 *	the call, written before the request is sent, so that another thread can cancel the call
 * @results: in: pointer to an array of &struct mpipc_record
 * @reply_data: in: pointer to @max_results times @reply_size bytes; the payload of result i is at
 *	i * @reply_size
 * @reply_fd_list: in: pointer to @max_results times @reply_fds __s32; the descriptors of result i
 *	are at i * @reply_fds, each place as for &struct mpipc_recv_args
 * @body: in: the request
 *
 * All destinations get the request at once. The call ends when each of them has replied, is gone,
 * or had no space, when the deadline comes (it is kept to a few timer ticks), or when the call is
 * cancelled. It then returns 0, whatever the results say. A call fails only if it was not made, and
 * then reached nobody. A request stays in its mailbox when the call has ended; its @deadline says
 * the receiver whether a reply is still useful.
 *
 * EINTR (a signal) and EFAULT (in @results, @reply_data, @reply_fd_list) leave the call open if @id
 * is set then (with @id 0 it was not made). The same argument again goes on where it was. When @id
 * is given, @flags, @max_results, @reply_size, @reply_fds and the pointers to the results are read,
 * and all else is ignored. @flags must not have %MPIPC_CALL_ASYNC, and @reply_size and @reply_fds
 * must be the same as before.
 *
 * With %MPIPC_CALL_WAIT_SPACE the call waits for full mailboxes before it waits for the results:
 * until the deadline (their result is then -ETIMEDOUT) or a signal, which ends this wait (-EAGAIN),
 * not the call. If no mailbox had space yet, a signal ends the call.
 *
 * An asynchronous call returns as soon as it is made, with @id and @n_results (the number of
 * destinations; @max_results and the three pointers are ignored). Each result is a record of type
 * %MPIPC_REPLY_TO, the last one with %MPIPC_REC_LAST. If there is no destination, there is one
 * result, with @peer 0. The call counts as open until its last result has been received.
 *
 * Memory for the replies is charged to the caller's user when the call is made, and their files
 * when they arrive.
 *
 * Errors: those of MPIPC_SEND but EAGAIN and ETIMEDOUT, which are results here; ENOSPC (there are
 * more destinations than @max_results; @n_results says how many), EMSGSIZE (@reply_size or
 * @reply_fds too large), EDQUOT, EMFILE (the endpoint has its most calls open), ESRCH (there is no
 * such call to resume), EBUSY (another thread waits for that call).
 */
struct mpipc_call_args {
	__u64 to;
	__u32 flags;
	__u32 max_results;
	__u32 n_results;
	__u32 reply_size;
	__u32 reply_fds;
	__u32 reserved;
	__u64 deadline;
	__u64 id;
	__u64 results;
	__u64 reply_data;
	__u64 reply_fd_list;
	struct mpipc_body body;
};

/**
 * struct mpipc_reply_args - argument of MPIPC_REPLY
 * @call: in: @call of the request that is replied to
 * @flags: in: %MPIPC_PASS_MPIPC
 * @status: in: 0, or a negative error number for the caller
 * @body: in: the reply
 *
 * Any thread of the process may reply, at any time, once.
 *
 * Neither the memory nor the files of a reply are charged to its sender. ETOOMANYREFS says that the
 * caller's user has as many files in flight as the caller may have open; the endpoint can still
 * reply.
 *
 * Errors: those of &struct mpipc_body but EDQUOT; EINVAL (@status), ESRCH (no such request waits
 * for this endpoint's reply: it was replied to, timed out or cancelled, or the caller is gone),
 * EMSGSIZE (the reply is larger than the caller takes; the endpoint can still reply).
 */
struct mpipc_reply_args {
	__u64 call;
	__u32 flags;
	__s32 status;
	struct mpipc_body body;
};

/**
 * struct mpipc_reply_recv_args - argument of MPIPC_REPLY_RECV
 * @reply: in: as for MPIPC_REPLY; with @reply.call 0 there is no reply. out: @reply.call is 0, so
 *	that a repeated ioctl does not reply twice.
 * @reply_error: out: 0 or the negative error of the reply; not written if there was no reply
 * @reserved: in: 0
 * @recv: as for MPIPC_RECV
 *
 * This command replies, then receives, so that a server's loop takes one system call for a request.
 * It receives even if the reply fails, for whatever reason. It does not reply if it cannot receive
 * because of @recv.flags or @recv.reserved. Its errors are those of MPIPC_RECV.
 */
struct mpipc_reply_recv_args {
	struct mpipc_reply_args reply;
	__s32 reply_error;
	__u32 reserved;
	struct mpipc_recv_args recv;
};

/**
 * struct mpipc_cancel_args - argument of MPIPC_CANCEL
 * @call: in: id of a call of this endpoint
 *
 * Destinations that have not replied get -ECANCELED as their result. A thread that waits for the
 * call returns with the results there are. An interrupted synchronous call for which no thread
 * waits is forgotten.
 *
 * Errors: ESRCH (there is no such call, or all its results are there and have a receiver).
 */
struct mpipc_cancel_args {
	__u64 call;
};

/**
 * struct mpipc_peer - one member of a group
 * @id: endpoint id
 * @generation: generation of the primary that the member belongs to
 * @role: &enum mpipc_role
 * @pid: as in &struct mpipc_record
 * @uid: as in &struct mpipc_record
 * @gid: as in &struct mpipc_record
 * @queued: number of records in the member's mailbox
 * @lost: number of messages and requests for which that mailbox had no space
 * @pending: number of requests that the member took and has not replied to
 * @pending_since: when the oldest of these was sent, 0 if there is none
 * @calls: number of calls that the member has open
 */
struct mpipc_peer {
	__u64 id;
	__u64 generation;
	__u32 role;
	__u32 pid;
	__u32 uid;
	__u32 gid;
	__u64 queued;
	__u64 lost;
	__u64 pending;
	__u64 pending_since;
	__u64 calls;
};

/**
 * struct mpipc_peers_args - argument of MPIPC_PEERS
 * @peers: in: pointer to an array of &struct mpipc_peer
 * @max_peers: in: number of structures that @peers has space for
 * @n_peers: out: number of members of the group, this one included; the first
 *	min(@max_peers, @n_peers) of them were written
 * @peer_size: in: bytes from one structure in @peers to the next; the kernel writes as much of each
 *	as it knows, and zeroes the rest. 0 means 48, the size of the first version.
 * @reserved: in: 0
 *
 * The order is not defined. A member that joins or leaves meanwhile may or may not be there.
 *
 * Errors: EINVAL (@peer_size is less than 48, or more than 4096).
 */
struct mpipc_peers_args {
	__u64 peers;
	__u32 max_peers;
	__u32 n_peers;
	__u32 peer_size;
	__u32 reserved;
};

#define MPIPC_IOC_MAGIC		'M'

/** MPIPC_INFO - &struct mpipc_info; from any process, also before the join. */
#define MPIPC_INFO		_IOR(MPIPC_IOC_MAGIC, 0xc0, struct mpipc_info)
/** MPIPC_JOIN - &struct mpipc_join_args; once for each open file. */
#define MPIPC_JOIN		_IOWR(MPIPC_IOC_MAGIC, 0xc1, struct mpipc_join_args)
/**
 * MPIPC_LEAVE - no argument. The endpoint leaves the group as if its last descriptor were closed:
 * queued records are dropped, open calls end. Blocked threads return with ESHUTDOWN.
 */
#define MPIPC_LEAVE		_IO(MPIPC_IOC_MAGIC, 0xc2)
/** MPIPC_SEND - &struct mpipc_send_args. */
#define MPIPC_SEND		_IOWR(MPIPC_IOC_MAGIC, 0xc3, struct mpipc_send_args)
/** MPIPC_RECV - &struct mpipc_recv_args. */
#define MPIPC_RECV		_IOWR(MPIPC_IOC_MAGIC, 0xc4, struct mpipc_recv_args)
/** MPIPC_CALL - &struct mpipc_call_args. */
#define MPIPC_CALL		_IOWR(MPIPC_IOC_MAGIC, 0xc5, struct mpipc_call_args)
/** MPIPC_REPLY - &struct mpipc_reply_args. */
#define MPIPC_REPLY		_IOW(MPIPC_IOC_MAGIC, 0xc6, struct mpipc_reply_args)
/** MPIPC_REPLY_RECV - &struct mpipc_reply_recv_args. */
#define MPIPC_REPLY_RECV	_IOWR(MPIPC_IOC_MAGIC, 0xc7, struct mpipc_reply_recv_args)
/** MPIPC_CANCEL - &struct mpipc_cancel_args. */
#define MPIPC_CANCEL		_IOW(MPIPC_IOC_MAGIC, 0xc8, struct mpipc_cancel_args)
/** MPIPC_PEERS - &struct mpipc_peers_args. */
#define MPIPC_PEERS		_IOWR(MPIPC_IOC_MAGIC, 0xc9, struct mpipc_peers_args)

#endif /* _UAPI_LINUX_MPIPC_H */
