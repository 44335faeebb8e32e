/* SPDX-License-Identifier: GPL-2.0-only */
/* Declare what operations and actors share. */
#ifndef MPIPC_FUZZ_OP_H
#define MPIPC_FUZZ_OP_H

#include <stddef.h>

#include "fuzz.h"

#define SOURCE_SIZE (18 * 4096)

/* Something is odd about an ioctl, as the last three arguments of an operation say. */
struct odd {
	enum {
		NOTHING,
		SIZE,		/* in the command number */
		TAIL,		/* after the structure, which is not zero */
		ARG_PLACE,
		DATA_PLACE,
		FDS_PLACE,
		RECORDS_PLACE,
		POKE,		/* a byte of the structure */
		POKE_HIGH,	/* likewise, further behind */
		N_ODDITIES
	} what;
	uint8_t x;
	uint8_t y;
};

#define MAX_MUST_BE_ZERO 4

/**
 * struct ioctl - a command
 * @cmd: the command
 * @blocked: the place where it may block
 * @zero: bits of u32 members that have to be 0, or it is refused
 * @least: size of the first version of the structure, if it has grown since
 */
struct ioctl {
	unsigned long cmd;
	enum blocked blocked;
	struct {
		size_t at;
		__u32 bits;
	} zero[MAX_MUST_BE_ZERO];
	size_t least;
};

#define ZERO(type, member, bits) { offsetof(struct type, member), bits }

extern struct slot slots[N_SLOTS];
extern pid_t child;
/* Payloads are copied from here, which is read-only and followed by memory without access. */
extern char *source;
extern const struct ioctl info_cmd;
extern const struct ioctl call_cmd;

/* run.c */
void reset_actor(struct actor *actor);
void visit_bystanders(void);

/* argument.c */
struct slot *slot_of(struct actor *me, uint8_t number);
int fd_of(struct actor *me, uint8_t number);
void copy_slots(struct actor *actor);
void look_at_slot(struct slot *slot);
void set_slot(struct slot *slot, int fd);
void keep_fd(struct actor *me, int fd);
size_t size_of(uint8_t index);
unsigned int count_of(uint8_t index);
__u64 deadline_of(struct actor *me, uint8_t index);
__u64 to_of(struct actor *me, uint8_t index);
__u64 own_call(const struct actor *actor);
__u64 call_of(uint8_t index);
__u64 request_of(uint8_t index);
void note_request(__u64 call);
void fill_name(char *name, uint8_t index);

/* issue.c */
long raw_call(long number, int fd, unsigned long a, unsigned long b);
struct odd odd_of(const uint8_t *args);
void *place(char *memory, size_t memory_size, size_t size, uint8_t how);
void *place_if(const struct odd *odd, int what, char *memory, size_t memory_size,
	       size_t size);
void fail_nth(unsigned int nth);
void begin_call(struct actor *me, enum blocked blocked, __u64 id, bool endless);
void end_call(struct actor *me);
int issue(struct actor *me, const struct slot *slot, const struct ioctl *ioctl,
	  void *arg, const struct odd *odd);
bool is_plain(const struct actor *me, const struct odd *odd);

/* op_file.c */
void op_open(struct actor *me, const uint8_t *a);
void op_dup(struct actor *me, const uint8_t *a);
void op_close(struct actor *me, const uint8_t *a);
void op_file(struct actor *me, const uint8_t *a);
void op_nonblock(struct actor *me, const uint8_t *a);
void op_scm(struct actor *me, const uint8_t *a);
void op_poll(struct actor *me, const uint8_t *a);
void op_epoll(struct actor *me, const uint8_t *a);
void op_look(struct actor *me, const uint8_t *a);

/* op_ioctl.c */
void op_join(struct actor *me, const uint8_t *a);
void op_anchor(struct actor *me, const uint8_t *a);
void op_leave(struct actor *me, const uint8_t *a);
void op_info(struct actor *me, const uint8_t *a);
void op_peers(struct actor *me, const uint8_t *a);
void op_send(struct actor *me, const uint8_t *a);
void op_recv(struct actor *me, const uint8_t *a);
void op_reply(struct actor *me, const uint8_t *a);
void op_reply_recv(struct actor *me, const uint8_t *a);
void op_call(struct actor *me, const uint8_t *a);
void op_cancel(struct actor *me, const uint8_t *a);
void op_ioctl(struct actor *me, const uint8_t *a);
void op_read(struct actor *me, const uint8_t *a);
void op_write(struct actor *me, const uint8_t *a);

/* op_process.c */
void reap_child(void);

#endif /* MPIPC_FUZZ_OP_H */
