/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stress program, and what its parts share.
 *
 * A run is a row of rounds. In a round worker processes of a few threads each do what a seed
 * says (worker.c and worker_*.c). They write down, in memory that all share, what they are
 * about to do, the result, and what they received. When all workers are gone, the supervisor
 * (main.c) has the whole story, whoever was killed. The model (model.c and model_*.c, on top
 * of ledger.c) knows what is possible and what is not. Users with small quotas live next to the
 * workers, one of them hostile, and have to notice nothing of each other (neighbour.c).
 *
 * A round ends in phases, so that something is known about what is left at its end:
 *
 *	RUN	anything goes
 *	QUIET	nobody sends, joins or leaves; each process waits until its
 *		asynchronous calls have ended, and then reports that
 *	DRAIN	when all have reported: each empties its mailboxes, looks at the
 *		counters, and reports that
 *	OVER	when all have reported: exit
 */
#ifndef MPIPC_SELFTESTS_STRESS_H
#define MPIPC_SELFTESTS_STRESS_H

#include "wait.h"

#include <linux/futex.h>
#include <linux/mpipc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

#define SLOTS		6	/* worker processes at a time */
#define THREADS		3	/* in each */
#define PLACES		4	/* endpoints of a process */
#define N_GROUPS	3
#define ANCHORED	2	/* the group that belongs to a directory */
#define CANARIES	8	/* files of which none may be left after a round */
#define N_USERS		3	/* workers' */
#define FIRST_USER	1000000	/* the others than root */

#define MAX_MEMBERS	32768
#define MAX_PROCS	4096
#define MAX_IMAGES	8192
#define MAX_LOGS	(MAX_IMAGES * 4)
#define CHUNK		64
#define MAX_CHUNKS	4096
#define MAX_ENTRIES	(MAX_CHUNKS * CHUNK)
#define NONE		(~0U)

/* Descriptors are here in every worker, also after an exec. */
#define LEDGER_FD	90
#define ANCHOR_FD	91	/* directory of the group that belongs to it */
#define CANARY_FD	100
#define FIRST_FD	1000	/* endpoints, for which no number is used twice */

/* These operations are counted. Operations before OP_ENTRIES are entries of the ledger, too. */
#define OPS(X) \
	X(OP_NOTHING, "-") \
	X(OP_SEND, "send") \
	X(OP_WRITE, "write") \
	X(OP_SEND_ALL, "send to all") \
	X(OP_RECEIVE, "receive") \
	X(OP_READ, "read") \
	X(OP_CALL, "call") \
	X(OP_CALL_ALL, "call to all") \
	X(OP_CALL_ASYNC, "asynchronous call") \
	X(OP_CALL_ASYNC_ALL, "asynchronous call to all") \
	X(OP_RESULT, "result of a synchronous call") \
	X(OP_REPLY, "reply") \
	X(OP_CANCEL, "cancel") \
	X(OP_LIST, "list of peers") \
	X(OP_PEER, "peer in a list") \
	X(OP_ENTRIES, "-") \
	X(OP_JOIN_PRIMARY, "join as primary") \
	X(OP_JOIN_SECONDARY, "join as secondary") \
	X(OP_JOIN_FOLLOW, "join as follower") \
	X(OP_JOIN_ANCHOR, "join at a directory") \
	X(OP_NOT_OWNER, "primary that does not own the directory") \
	X(OP_LEAVE, "leave") \
	X(OP_CLOSE, "close") \
	X(OP_CLOSE_RANGE, "close_range") \
	X(OP_DUP2, "dup2 over an endpoint") \
	X(OP_DUP, "dup") \
	X(OP_REPLY_RECEIVE, "reply and receive") \
	X(OP_REPLY_TWICE, "reply twice") \
	X(OP_REPLY_BIG, "reply that is too large") \
	X(OP_RESUME, "resumed call") \
	X(OP_ABANDON, "abandoned call") \
	X(OP_POLL, "poll") \
	X(OP_EPOLL, "epoll_wait") \
	X(OP_INFO, "info") \
	X(OP_FAULT, "receive to a bad pointer") \
	X(OP_NO_SPACE, "receive without space") \
	X(OP_DROP_FDS, "receive without descriptors") \
	X(OP_SIGNAL, "signal") \
	X(OP_INTERRUPTED, "interrupted system call") \
	X(OP_FORK, "fork") \
	X(OP_FORK_EXEC, "fork and exec") \
	X(OP_SCM, "endpoint in a socket") \
	X(OP_URING_FILE, "endpoint in an io_uring") \
	X(OP_UNSHARE_FILES, "unshare(CLONE_FILES)") \
	X(OP_UNSHARE_NET, "unshare(CLONE_NEWNET)") \
	X(OP_EXEC, "exec") \
	X(OP_EXEC_KEEP, "exec that keeps an endpoint") \
	X(OP_EXIT, "exit") \
	X(OP_KILL_SELF, "kill -9 by itself") \
	X(OP_KILL, "kill -9 by another") \
	X(OP_STOP, "stop and continue") \
	X(OP_PASS_PIPE, "pass a pipe") \
	X(OP_PASS_SOCKET, "pass an AF_UNIX socket") \
	X(OP_PASS_EVENTFD, "pass an eventfd") \
	X(OP_PASS_MEMFD, "pass a memfd") \
	X(OP_PASS_EPOLL, "pass an epoll") \
	X(OP_PASS_PATH, "pass an O_PATH file") \
	X(OP_PASS_MPIPC, "pass an mpipc file") \
	X(OP_PASS_URING, "io_uring refused") \
	X(OP_PASS_ON, "pass on what was received") \
	X(OP_PASS_MANY, "pass 253 files") \
	X(OP_GOT_JOINED, "notified that a peer joined") \
	X(OP_GOT_LEFT, "notified that a peer left") \
	X(OP_GOT_LOST, "notified of lost messages") \
	X(OP_GOT_FULL, "mailbox was full") \
	X(OP_GOT_REPLY, "call with a reply") \
	X(OP_GOT_RESET, "call reset by a death") \
	X(OP_GOT_TIMEOUT, "call timed out") \
	X(OP_GOT_CANCELED, "call cancelled")

#define OP_NAME(name, text) name,
enum op { OPS(OP_NAME) N_OPS };

/* Each property that has to hold is a test. */
#define PROPERTIES(X) \
	X(P_ORDER, "messages of a sender arrive in order") \
	X(P_DUPLICATE, "nothing arrives twice") \
	X(P_LOSS, "nothing is lost that was not reported lost") \
	X(P_CONTENT, "everything arrives as it was sent, at whom it was sent to") \
	X(P_IDENTITY, "everybody is who they are said to be") \
	X(P_EVENTS, "events report who came and went, around what they sent") \
	X(P_CALLS, "each destination of a call has one result, and a true one") \
	X(P_FILES, "passed files are the ones that were sent") \
	X(P_ERRORS, "what fails has a reason to") \
	X(P_NEIGHBOURS, "a user does not notice what another user does") \
	X(P_BACK, "everything is given back")

#define PROPERTY_NAME(name, text) name,
enum property { PROPERTIES(PROPERTY_NAME) N_PROPERTIES };

enum phase { RUN, QUIET, DRAIN, OVER };

/**
 * struct proc - a forked worker
 * @slot: its place; its seed is that of the round, this, and @nth
 * @nth: how many were there before
 * @pid: process
 * @image: program that runs in it, the newest
 * @phase: &enum phase that it has been through
 * @dying: when somebody began to end it
 * @dead: when that was certain
 */
struct proc {
	__u32 slot;
	__u32 nth;
	pid_t pid;
	__u32 image;
	__u32 phase;
	__u64 dying;
	__u64 dead;
};

/* A worker has this program; an exec makes a new one, and ends the endpoints of the old. */
struct image {
	__u32 proc;
	__u32 nth;
	__u64 dying;
	__u64 dead;
};

/**
 * struct member - an endpoint that joined, or tried to
 * @join: result of the join; @id is 0 if the member was killed before
 * @image: program that it belongs to
 * @pid: process
 * @uid: user
 * @gid: group
 * @moved: its descriptor has changed or been closed
 * @passed: its file was passed to somebody
 * @nonblock: O_NONBLOCK
 * @inherited: kept by an exec
 * @join_begin: when
 * @join_end: 0: it did not join, or was killed meanwhile
 * @leave_begin: when somebody began to end it, other than with its program
 * @leave_end: when it had left
 * @empty_at: the last time that its mailbox was certainly empty
 * @async_open: asynchronous calls of which the last result has not come
 * @faults_begun: receives to bad pointers
 * @faults_ended: receives to bad pointers that are over
 * @drained: @info is of the end of the round
 * @info: counters
 */
struct member {
	struct mpipc_join_args join;
	__u32 group;
	__u32 image;
	__u32 pid;
	__u32 uid;
	__u32 gid;
	__u32 moved;
	__u32 passed;
	__u32 nonblock;
	__u32 inherited;
	__u64 join_begin;
	__u64 join_end;
	__u64 leave_begin;
	__u64 leave_end;
	__u64 empty_at;
	__s32 async_open;
	__u32 faults_begun;
	__u32 faults_ended;
	__u32 drained;
	struct mpipc_info info;
};

/**
 * struct entry - something that a thread did
 * @op: &enum op
 * @log: the thread
 * @member: the endpoint that it did it with
 * @of: received message or reply: its entry; result: the call; reply: the request
 * @begin: when
 * @end: when; 0: never got there
 * @ret: result of the operation
 * @sent: how many got it; calls: how many destinations
 * @full: how many had no space
 * @may_fail: error that was meant to happen
 * @flags: of the call
 * @rec: received: the record. Otherwise what was passed: @peer the destination, @call,
 *	@deadline, @size, @n_fds, @status, @reply_size, @reply_fds.
 */
struct entry {
	__u16 op;
	__u16 flags;
	__u32 log;
	__u32 member;
	__u32 of;
	__u64 begin;
	__u64 end;
	__s32 ret;
	__s32 may_fail;
	__u32 sent;
	__u32 full;
	struct mpipc_record rec;
};

struct chunk {
	__u32 used;
	__u32 next; /* chunk of the same thread */
	struct entry entries[CHUNK];
};

/**
 * struct violation - what cannot be
 * @property: &enum property
 * @a: member that it happened to, or NONE
 * @b: the other of the pair, or NONE
 * @text: the expected and the real state
 */
struct violation {
	__u32 property;
	__u32 a;
	__u32 b;
	char text[256];
};

struct ledger {
	__u64 seed;		/* of the round */
	pid_t supervisor;
	__u32 phase;
	__u64 drain_begin;
	char groups[N_GROUPS][MPIPC_GROUP_MAX];
	__u64 canary[CANARIES];	/* inode numbers */
	__u64 done[N_OPS];
	__u32 n_violations;
	struct violation violations[8];
	__u32 n_procs;
	__u32 n_images;
	__u32 n_logs;
	__u32 n_members;
	__u32 n_chunks;
	struct proc procs[MAX_PROCS];
	struct image images[MAX_IMAGES];
	__u32 log_image[MAX_LOGS];
	__u32 log_chunk[MAX_LOGS];
	struct member members[MAX_MEMBERS];
	struct chunk chunks[MAX_CHUNKS];
};

extern struct ledger *ledger;

static inline struct entry *entry_at(__u32 index)
{
	return &ledger->chunks[index / CHUNK].entries[index % CHUNK];
}

static inline __u32 entry_index(const struct entry *e)
{
	size_t chunk = ((char *)e - (char *)ledger->chunks) / sizeof(struct chunk);

	return chunk * CHUNK + (e - ledger->chunks[chunk].entries);
}

static inline void done(enum op op)
{
	__atomic_fetch_add(&ledger->done[op], 1, __ATOMIC_RELAXED);
}

static inline __u64 mix(__u64 x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* Mark a time once; return true if it was not there yet. */
static inline bool mark(__u64 *time)
{
	__u64 never = 0;

	return __atomic_compare_exchange_n(time, &never, now_ns(), false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline void set_phase(enum phase from, enum phase to)
{
	__u32 old = from;

	if (__atomic_compare_exchange_n(&ledger->phase, &old, to, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &ledger->phase, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static inline enum phase phase(void)
{
	return __atomic_load_n(&ledger->phase, __ATOMIC_SEQ_CST);
}

/* Report a violation. The first few are kept, because what follows is often caused by them. */
static inline void __attribute__((format(printf, 4, 5)))
violation(enum property property, __u32 a, __u32 b, const char *fmt, ...)
{
	__u32 n = __atomic_fetch_add(&ledger->n_violations, 1, __ATOMIC_SEQ_CST);
	struct violation *v = &ledger->violations[n];
	va_list ap;

	if (n >= ARRAY_SIZE(ledger->violations))
		return;
	v->property = property;
	v->a = a;
	v->b = b;
	va_start(ap, fmt);
	vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
}

/* worker.c */
void worker_start(__u32 proc);
int worker_exec(char **args);

/* neighbour.c */
int neighbours_set_up(void);
void neighbours_start(__u64 seed, long long bytes);

/* model.c */
void model_check(void);
void model_print_history(const struct violation *v);

#endif /* MPIPC_SELFTESTS_STRESS_H */
