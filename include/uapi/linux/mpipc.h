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
 * A *group* is a named meeting place in the network namespace of whoever
 * opened the device. An *endpoint* is one open file that joined one group,
 * once, as its *primary* (at most one at a time) or as a *secondary*. Messages
 * go from a secondary to its primary, and from the primary to one secondary or
 * to all of them. Each endpoint has a bounded mailbox; a full mailbox costs a
 * sender that destination, never its thread, unless it asks to wait for room.
 *
 * A message has a name, a payload and file references. A *call* is a message
 * whose receivers owe an answer; the caller gets one result for each of them:
 * the answer, or why there is none. An endpoint that goes away ends what others
 * wait for from it at once.
 *
 * An endpoint belongs to the file descriptor table that joined. Once that
 * table has no descriptor for it, the endpoint leaves its group, whoever else
 * still holds the open file. Every ioctl but MPIPC_INFO is refused (EPERM) from
 * another table. read(), write() and poll() depend on the open file alone.
 *
 * poll() says EPOLLIN if there is a record, EPOLLRDHUP if a secondary's primary is
 * gone, EPOLLHUP after the endpoint left, nothing before it joined, and otherwise
 * always EPOLLOUT: which mailbox has room depends on whom one sends to.
 *
 * Conventions. Times are nanoseconds of CLOCK_MONOTONIC. A deadline is an
 * absolute time; 0 means not to wait and %MPIPC_FOREVER to wait without end. With
 * any other one ETIMEDOUT tells that it has come, also if it had passed before.
 * Pointers are carried in __u64. The layout is the same for 32-bit and 64-bit
 * programs. Structures may grow at their end: the size in the ioctl number says
 * how much of one the caller knows; a longer one than the kernel knows is accepted
 * if its unknown tail is zero (else E2BIG), a shorter one than the first version is
 * refused (EINVAL). Unknown flags and reserved fields that are not zero are refused
 * (EINVAL), unknown commands too (ENOTTY). A call that fails has changed nothing,
 * unless its description says otherwise.
 *
 * Errors that any command but MPIPC_INFO can return: EFAULT (bad pointer),
 * ENOTCONN (not joined yet), ESHUTDOWN (has left its group), EPERM (joined by
 * another process), ENOMEM. Those of MPIPC_INFO are EFAULT and EINVAL, that of
 * open() is ENOMEM.
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

/** MPIPC_FOREVER - as a deadline: none. */
#define MPIPC_FOREVER		(~(__u64)0)

/** MPIPC_TO_PRIMARY - as a destination: the primary (from a secondary). */
#define MPIPC_TO_PRIMARY	((__u64)0)
/** MPIPC_TO_ALL - as a destination: every secondary (from the primary). */
#define MPIPC_TO_ALL		(~(__u64)0)

/**
 * enum mpipc_role - what an endpoint is in its group
 * @MPIPC_NO_ROLE: not joined
 * @MPIPC_PRIMARY: the one that owns the group's conversation
 * @MPIPC_SECONDARY: any other
 */
enum mpipc_role {
	MPIPC_NO_ROLE = 0,
	MPIPC_PRIMARY = 1,
	MPIPC_SECONDARY = 2
};

/**
 * enum mpipc_type - kinds of records in a mailbox
 * @MPIPC_MESSAGE: a message that expects no answer
 * @MPIPC_REQUEST: a message of a call; answer it by MPIPC_REPLY
 * @MPIPC_REPLY_TO: result of an asynchronous call for one of its addressees
 * @MPIPC_JOINED: the peer named in the record is there
 * @MPIPC_LEFT: the peer named in the record is gone; nothing that it sent follows
 */
enum mpipc_type {
	MPIPC_MESSAGE = 1,
	MPIPC_REQUEST = 2,
	MPIPC_REPLY_TO = 3,
	MPIPC_JOINED = 4,
	MPIPC_LEFT = 5
};

/* Flags of struct mpipc_record. */
/** MPIPC_REC_REPLIED - @status is the peer's own, not the kernel's. */
#define MPIPC_REC_REPLIED	(1U << 0)
/** MPIPC_REC_LAST - the last result of its call. */
#define MPIPC_REC_LAST		(1U << 1)

/**
 * struct mpipc_record - one entry of a mailbox, or one result of a call
 * @len: bytes from this record to the next one in what read() returned: this
 *	structure, @size bytes of payload, zeroes up to a multiple of 8
 * @type: &enum mpipc_type; %MPIPC_REPLY_TO in all results
 * @flags: MPIPC_REC_*
 * @seq: number of the record in this mailbox, counted from 1; there is a gap where
 *	the event of a peer that came and went was withdrawn. In a result of a
 *	synchronous call: number of the last record that was put in the caller's
 *	mailbox before this result.
 * @peer: endpoint id of the sender; for results: of the addressee; for events:
 *	of the one that came or went. 0 in the only result of an asynchronous
 *	call that had no addressee.
 * @call: id of the call (requests and results), else 0
 * @deadline: requests: when the caller stops waiting
 * @stamp: when it was sent; 0 in results that no peer sent
 * @size: bytes of payload
 * @n_fds: number of file descriptors
 * @status: results: 0, or why there is no answer: -ECONNRESET (the addressee is
 *	gone), -ETIMEDOUT, -ECANCELED, -EAGAIN (its mailbox was full), -EMSGSIZE (it
 *	could never hold the request), or, with
 *	%MPIPC_REC_REPLIED what the replier chose; -ECONNREFUSED if there was
 *	no addressee
 * @lost: how many messages this mailbox had no room for between the previous
 *	record and this one
 * @pid: the sender's process, as it was when it joined, in the receiver's pid
 *	namespace (0: not visible there)
 * @uid: effective user likewise, in the receiver's user namespace (the overflow
 *	uid: not mapped there)
 * @gid: effective group likewise
 * @role: &enum mpipc_role of @peer
 * @reply_size: requests: the largest answer that the caller takes
 * @reply_fds: requests: the most file descriptors that it takes
 * @generation: generation of the primary that @peer belongs to
 * @name: name of the message, NUL-terminated, the rest zero
 *
 * A write() is this structure, then @size bytes of payload: @type %MPIPC_MESSAGE,
 * @peer the destination (an endpoint id, %MPIPC_TO_PRIMARY or %MPIPC_TO_ALL),
 * @deadline how long to wait for room (as if 0 on an O_NONBLOCK file), @name; every
 * other field zero. It sends one message, or fails as MPIPC_SEND does; to all, it
 * succeeds if anybody had room.
 *
 * A read() returns as many whole records as fit. It never takes file
 * descriptors: it stops before a record that has some, and fails with
 * EOPNOTSUPP if that is the first, which MPIPC_RECV then takes. It fails with
 * EMSGSIZE if the first record does not fit, with EFAULT if it cannot be copied
 * (it stays), and with EAGAIN if there is none and the file is O_NONBLOCK.
 * ESHUTDOWN: the endpoint left its group.
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
/** MPIPC_FEATURES - all that this header describes. */
#define MPIPC_FEATURES		((__u64)1)

/**
 * struct mpipc_info - what this kernel offers and how this file stands
 * @abi: out: %MPIPC_ABI of the module
 * @role: out: &enum mpipc_role; %MPIPC_NO_ROLE before the join and after the
 *	endpoint left
 * @features: out: feature bits
 * @id: out: endpoint id, 0 before the join
 * @generation: out: generation of the primary that it joined or follows
 * @primary: out: endpoint id of that primary, 0 when it is gone
 * @queued: out: records in the mailbox
 * @queued_bytes: out: payload bytes of the messages among them
 * @sent: out: messages, requests and answers that were put in a mailbox or
 *	handed to a caller
 * @received: out: records taken out of this mailbox
 * @lost: out: messages and requests that this mailbox had no room for
 * @dropped_fds: out: file descriptors dropped by %MPIPC_RECV_DROP_FDS
 * @max_messages: out: messages and requests that the mailbox holds
 * @max_bytes: out: payload bytes that it holds
 * @max_endpoints: out: endpoints in a group
 * @max_user_endpoints: out: endpoints of a user
 * @max_user_groups: out: groups of a user
 * @max_user_bytes: out: kernel memory that a user's messages and calls hold
 * @max_calls: out: calls that an endpoint may have open
 * @reserved: out: 0
 * @group: out: name of the group, empty before the join
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
};

/* Flags of MPIPC_JOIN. */
/** MPIPC_JOIN_FOLLOW - a secondary that stays when a new primary comes. */
#define MPIPC_JOIN_FOLLOW	(1U << 0)
/**
 * MPIPC_JOIN_EVENTS - have %MPIPC_JOINED and %MPIPC_LEFT records in the
 * mailbox: the primary about its secondaries, a secondary about its primary.
 * Peers that are there already are told first. A full mailbox does not lose
 * them; a peer that came and went unseen, and sent nothing, is not told at all.
 */
#define MPIPC_JOIN_EVENTS	(1U << 1)

/**
 * struct mpipc_join_args - argument of MPIPC_JOIN
 * @role: in: %MPIPC_PRIMARY or %MPIPC_SECONDARY
 * @flags: in: MPIPC_JOIN_*
 * @mode: in: permission bits (a subset of 0666) of the group if this creates
 *	it; 0 means 0600
 * @reserved: in: 0
 * @deadline: in: a secondary: how long to wait for a primary
 * @id: out: endpoint id; never used again while the module is loaded
 * @generation: out: how many primaries the group has had, with the current one
 * @primary: out: endpoint id of the primary
 * @group: in: name, 1..127 bytes, NUL-terminated
 *
 * The first primary of a name creates the group and owns it by its file system
 * uid and gid. Who else may join is decided as for opening a file for reading
 * and writing; who may be primary: the owner; CAP_IPC_OWNER over the network
 * namespace overrides both. The group exists while it has members.
 *
 * Errors: EINVAL (role, flags, also those of the other role, mode, name), EISCONN
 * (is a member), EACCES, EADDRINUSE (there is a primary), ENOENT (no such group),
 * ECONNREFUSED (the group has no primary), ETIMEDOUT (neither came until the
 * deadline), EINTR, EBADF (the caller's table has no descriptor for this file),
 * ENOSPC (group has its most endpoints), EDQUOT (the user has its most groups or
 * endpoints). If the argument becomes inaccessible while it joins, the endpoint has
 * left again (EFAULT).
 */
struct mpipc_join_args {
	__u32 role;
	__u32 flags;
	__u32 mode;
	__u32 reserved;
	__u64 deadline;
	__u64 id;
	__u64 generation;
	__u64 primary;
	char group[MPIPC_GROUP_MAX];
};

/**
 * struct mpipc_body - what a message is made of
 * @data: pointer to the payload
 * @fds: pointer to an array of file descriptors (__s32)
 * @size: bytes of payload, 0..%MPIPC_SIZE_MAX
 * @n_fds: number of file descriptors, 0..%MPIPC_FDS_MAX
 * @name: name, 0..63 bytes, NUL-terminated
 *
 * The sender keeps its descriptors; the message refers to the open files.
 *
 * Errors: EMSGSIZE (payload or number of descriptors too large), EINVAL (name
 * without NUL), EBADF (a descriptor is not open), EOPNOTSUPP (an io_uring, or an
 * mpipc file without %MPIPC_PASS_MPIPC), ETOOMANYREFS (the user has more files in
 * flight than its RLIMIT_NOFILE; CAP_SYS_RESOURCE and CAP_SYS_ADMIN override),
 * EDQUOT (its messages hold too much memory).
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
 * @deadline: in: how long to wait for room
 * @sent: out: mailboxes that took the message
 * @full: out: mailboxes that had no room (each counts it as lost)
 * @body: in: the message
 *
 * A send to all succeeds whatever @sent and @full are, and whether or not there
 * is anybody. It does not wait if there is no memory to wait with.
 *
 * A user other than a primary's own gets at most half of what other users leave in
 * its mailbox. In the mailbox of a secondary, unless that is empty, the messages of a
 * user hold at most half of the memory that its other messages and calls leave of
 * what it may have.
 *
 * Errors: those of &struct mpipc_body; EMSGSIZE (also: more than this mailbox could
 * ever hold), EOPNOTSUPP (a secondary to all or to another secondary, the primary
 * to itself), ECONNREFUSED (there is no primary), ESTALE (the primary that it joined
 * is gone and another one came), ESRCH (no such endpoint), EAGAIN (its mailbox is
 * full), ETIMEDOUT (still full at the deadline), ECONNRESET (it went away meanwhile),
 * EINTR (before anybody got it).
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
 * MPIPC_RECV_DROP_FDS - drop (and count) what descriptors there are; @n_fds of the
 * record is 0 then.
 */
#define MPIPC_RECV_DROP_FDS	(1U << 0)

/**
 * struct mpipc_recv_args - argument of MPIPC_RECV
 * @flags: in: MPIPC_RECV_*
 * @max_fds: in: descriptors that @fds has room for
 * @max_size: in: bytes that @data has room for
 * @reserved: in: 0
 * @data: in: pointer to where the payload goes
 * @fds: in: pointer to where the descriptors go (__s32)
 * @deadline: in: how long to wait for a record; as if 0 on an O_NONBLOCK file
 * @record: out: the record; its @n_fds slots of @fds each hold a descriptor
 *	(close-on-exec) or the negative error that this one met (EMFILE, ENOMEM, or
 *	what a security module says). A record is delivered once, even so.
 *
 * Errors: EAGAIN (no record), ETIMEDOUT (none until the deadline), EINTR,
 * EMSGSIZE (@max_size or @max_fds too small: the record stays, @record tells
 * what it needs), EFAULT (the record stays), ESHUTDOWN (this endpoint left).
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
/** MPIPC_CALL_ASYNC - do not wait: the results come into the mailbox. */
#define MPIPC_CALL_ASYNC	(1U << 1)
/** MPIPC_CALL_WAIT_SPACE - wait for room in full mailboxes, too. */
#define MPIPC_CALL_WAIT_SPACE	(1U << 2)

/**
 * struct mpipc_call_args - argument of MPIPC_CALL
 * @to: in: %MPIPC_TO_PRIMARY, %MPIPC_TO_ALL or an endpoint id
 * @flags: in: %MPIPC_PASS_MPIPC, MPIPC_CALL_*
 * @max_results: in: structures that @results has room for
 * @n_results: out: addressees, each of which has one result
 * @reply_size: in: largest answer taken from each, 0..%MPIPC_SIZE_MAX
 * @reply_fds: in: most descriptors taken from each, 0..%MPIPC_FDS_MAX
 * @reserved: in: 0
 * @deadline: in: one for all addressees
 * @id: in: 0, or a call of this endpoint that was interrupted, to go on waiting
 *	for it; out: id of the call, written before the request is sent, so that
 *	another thread can cancel it
 * @results: in: pointer to an array of &struct mpipc_record
 * @reply_data: in: pointer to @max_results times @reply_size bytes; the payload
 *	of result i is at i * @reply_size
 * @reply_fd_list: in: pointer to @max_results times @reply_fds __s32; likewise,
 *	each slot as for &struct mpipc_recv_args
 * @body: in: the request
 *
 * All addressees get the request at once. The call ends when each has answered,
 * is gone, or had no room, when the deadline comes (it is kept to a few timer
 * ticks) or when it is cancelled.
 * It then returns 0, whatever the results say. Only a call that reached nobody
 * because it was not made fails. A request stays in its mailbox when the call has
 * ended; its @deadline tells the receiver whether it is worth an answer.
 *
 * EINTR (a signal) and EFAULT (in @results, @reply_data, @reply_fd_list) leave
 * the call open if @id is set then (0: it was not made): the same argument again
 * goes on where it was. When @id is given, @flags, @max_results, @reply_size,
 * @reply_fds and the pointers to the results are read and all else is ignored;
 * @flags must not have %MPIPC_CALL_ASYNC, and @reply_size and @reply_fds must be
 * what they were.
 *
 * With %MPIPC_CALL_WAIT_SPACE full mailboxes are waited for before the results are:
 * until the deadline (-ETIMEDOUT is their result then) or a signal, which ends this
 * wait (-EAGAIN), not the call. If nobody had room yet, a signal ends the call.
 * Several are not waited for if there is no memory to wait with (-EAGAIN).
 *
 * An asynchronous call returns as soon as it is made, with @id and @n_results (as
 * many as there are addressees; @max_results and the three pointers are ignored).
 * Each result is a record of type %MPIPC_REPLY_TO, the last one with
 * %MPIPC_REC_LAST; with no addressee there is one, with @peer 0. The call counts as
 * open until its last result has been received.
 *
 * Memory for answers is charged to the caller's user when the call is made.
 *
 * Errors: those of MPIPC_SEND but EAGAIN and ETIMEDOUT, which are results here;
 * ENOSPC (more addressees than @max_results; @n_results says how many), EMSGSIZE
 * (@reply_size or @reply_fds too large), EDQUOT, EMFILE (endpoint has its most
 * calls open), ESRCH (no such call to resume), EBUSY (another thread waits for
 * that call).
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
 * @call: in: @call of the request that is answered
 * @flags: in: %MPIPC_PASS_MPIPC
 * @status: in: 0, or a negative error number for the caller to see
 * @body: in: the answer
 *
 * Any thread of the process may answer, at any time, once.
 *
 * Errors: those of &struct mpipc_body but EDQUOT; EINVAL (@status), ESRCH (no
 * such request is waiting for this endpoint's answer: answered, timed out,
 * cancelled, or the caller is gone), EMSGSIZE (also: more than the caller takes;
 * the request can still be answered).
 */
struct mpipc_reply_args {
	__u64 call;
	__u32 flags;
	__s32 status;
	struct mpipc_body body;
};

/**
 * struct mpipc_reply_recv_args - argument of MPIPC_REPLY_RECV
 * @reply: in: as for MPIPC_REPLY; @reply.call 0: nothing to answer. out:
 *	@reply.call is 0, so that a repeated ioctl does not answer twice.
 * @reply_error: out: 0 or the negative error of the reply; not written if there was
 *	nothing to answer
 * @reserved: in: 0
 * @recv: as for MPIPC_RECV
 *
 * Answers, then receives: a server's loop in one system call a request. An
 * answer that fails, for whatever reason, does not keep it from receiving. Errors
 * are those of MPIPC_RECV.
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
 * Addressees that have not answered get -ECANCELED as their result; a thread
 * that waits for the call returns with what there is. An interrupted
 * synchronous call that nobody waits for is forgotten.
 *
 * Errors: ESRCH (no such call, or all its results are there and have a receiver).
 */
struct mpipc_cancel_args {
	__u64 call;
};

/**
 * struct mpipc_peer - one member of a group
 * @id: endpoint id
 * @generation: generation of the primary it belongs to
 * @role: &enum mpipc_role
 * @pid: as in &struct mpipc_record
 * @uid: likewise
 * @gid: likewise
 * @queued: records in its mailbox
 * @lost: messages and requests that it had no room for
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
};

/**
 * struct mpipc_peers_args - argument of MPIPC_PEERS
 * @peers: in: pointer to an array of &struct mpipc_peer
 * @max_peers: in: structures that it has room for
 * @n_peers: out: members of the group, this one included; the first
 *	min(@max_peers, @n_peers) of them were written
 *
 * The order is not defined.
 */
struct mpipc_peers_args {
	__u64 peers;
	__u32 max_peers;
	__u32 n_peers;
};

#define MPIPC_IOC_MAGIC		'M'

/** MPIPC_INFO - &struct mpipc_info; from any process, also before the join. */
#define MPIPC_INFO		_IOR(MPIPC_IOC_MAGIC, 0xc0, struct mpipc_info)
/** MPIPC_JOIN - &struct mpipc_join_args; once for each open file. */
#define MPIPC_JOIN		_IOWR(MPIPC_IOC_MAGIC, 0xc1, struct mpipc_join_args)
/**
 * MPIPC_LEAVE - no argument. Leaves the group as closing the last descriptor
 * would: queued records are dropped, open calls end. Blocked threads return
 * with ESHUTDOWN.
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
