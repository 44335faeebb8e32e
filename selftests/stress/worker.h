/* SPDX-License-Identifier: GPL-2.0-only */
/* Declare what the parts of a worker share. */
#ifndef MPIPC_SELFTESTS_STRESS_WORKER_H
#define MPIPC_SELFTESTS_STRESS_WORKER_H

#include <pthread.h>

#include "stress.h"

#define MAX_RESULTS	64
#define REPLY_SIZE	512
#define REPLY_FDS	2

#define MAX_FILES	4

#define MAX_QUESTIONS	16

/* A place is empty, busy (somebody joins, leaves or moves it), or has an endpoint. */
#define EMPTY		0ULL
#define BUSY		1ULL

/**
 * struct payload - how a payload begins, if there is any
 * @seed: of the round
 * @entry: the sender's entry in the ledger
 * @size: bytes, all in all
 * @n_fds: how many descriptors; up to %MAX_FILES are described
 * @sum: of everything, with this as 0
 * @files: description of the files
 */
struct payload {
	__u64 seed;
	__u32 entry;
	__u32 size;
	__u64 n_fds;
	__u64 sum;
	struct {
		__u64 kind;
		__u64 token;
	} files[MAX_FILES];
};

/**
 * struct passed - an open file to be passed, or that was
 * @kind: OP_PASS_*; 0: none
 * @fd: its descriptor
 * @borrowed: the descriptor is not to be closed
 * @token: distinguishes the file from others of its kind
 */
struct passed {
	enum op kind;
	int fd;
	bool borrowed;
	__u64 token;
};

/**
 * struct question - a request that is to be replied to
 * @place: endpoint that was asked
 * @call: its id
 * @of: its entry
 * @max_size: how large the reply may be
 * @max_fds: how many descriptors it may have
 */
struct question {
	__u64 place;
	__u64 call;
	__u32 of;
	__u32 max_size;
	__u32 max_fds;
};

/**
 * struct thread - a thread and its memory
 * @id: thread
 * @index: in the process
 * @log: in the ledger
 * @chunk: of the ledger, being filled
 * @spare: member that did not join, or NONE
 * @own_table: its descriptors are not those of the others
 * @random: state of this step
 * @step: number of this step
 * @call: synchronous call that it waits for, for others to cancel
 * @call_place: its endpoint
 */
struct thread {
	pthread_t id;
	__u32 index;
	__u32 log;
	__u32 chunk;
	__u32 spare;
	bool own_table;
	__u64 random;
	__u64 step;
	struct mpipc_call_args *call;
	__u64 call_place;
	int fds[MPIPC_FDS_MAX];
	int reply_fds[MAX_RESULTS * REPLY_FDS];
	struct mpipc_record results[MAX_RESULTS];
	__u64 replies[MAX_RESULTS * REPLY_SIZE / 8];
	__u64 data[MPIPC_SIZE_MAX / 8];
	__u64 out[MPIPC_SIZE_MAX / 8];
};

/**
 * struct outgoing - a message or a reply
 * @e: its entry
 * @body: name, payload and descriptors
 * @pass_mpipc: whether there are mpipc files
 * @n_files: different files
 * @files: these
 */
struct outgoing {
	struct entry *e;
	struct mpipc_body body;
	bool pass_mpipc;
	unsigned int n_files;
	struct passed files[MAX_FILES];
};

extern struct thread threads[THREADS];
extern __thread struct thread *self;
extern __u32 my_proc, my_image;
extern __u64 places[PLACES];
extern int path_fd;
extern void *nowhere;
/* The threads share the following. The lock is taken for no longer than a copy. */
extern pthread_mutex_t shared;
extern struct question questions[MAX_QUESTIONS];

/* worker.c */
__u64 rnd(__u64 below);
bool chance(unsigned int percent);
struct entry *entry_begin(enum op op, __u32 member);
void entry_end(struct entry *e, int ret);
void entry_undo(void);
__u64 place_of(int fd, __u32 member);
int place_fd(__u64 place);
__u32 place_member(__u64 place);
struct member *member_of(__u64 place);
__u64 any_place(void);
bool change_place(__u64 *at, __u64 from, __u64 to);
__u64 *seize_place(__u64 *place);
int new_fd(void);

/* worker_file.c */
__u64 identify(enum op kind, int fd);
int open_uring(void);
void hold(enum op kind, int fd, __u64 token);
struct passed open_file(__u64 place);

/* worker_message.c */
__u64 checksum(const void *data, size_t size);
struct outgoing outgoing(enum op op, __u64 place, size_t max_size,
			 unsigned int max_fds);
void sent_out(struct outgoing *out, int ret);
__u64 any_destination(struct member *from);
__u64 any_patience(void);
void do_send(__u64 place);
void ask_later(struct question *list, const struct question *question);
struct question take_question(struct question *list);
struct outgoing prepare_reply(const struct question *q, struct mpipc_reply_args *reply,
			      size_t max_size, unsigned int max_fds);
void do_reply(const struct question *q);

/* worker_receive.c */
__u32 check_content(struct mpipc_record *record, void *data, const int *fds,
		    bool drop_fds, __u32 member);
void count_result(const struct mpipc_record *record);
int receive(__u64 place, __u64 deadline, bool drop_fds, struct question *question);
void do_receive(__u64 place);
void do_reply_receive(__u64 place);
void do_read(__u64 place);
void do_fault(__u64 place);
void do_no_space(__u64 place);

/* worker_call.c */
void do_call(__u64 place);
void do_cancel(void);

/* worker_member.c */
void do_look(__u64 place);
void do_epoll(__u64 place);
__u64 join(int fd);
int open_high(void);
void do_join(void);
void do_leave(void);
void do_dup(void);

/* worker_process.c */
void do_fork(__u64 place);
void do_unshare_net(void);
void do_unshare_files(void);
void do_uring(__u64 place);
void do_signal(void);
void wait_for_end(void) __attribute__((noreturn));
void do_end(void);

#endif /* MPIPC_SELFTESTS_STRESS_WORKER_H */
