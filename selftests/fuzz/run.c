// SPDX-License-Identifier: GPL-2.0-only
/* Let actors do the operations of a program, and end it. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>
#include <linux/kcov.h>

#include "../device.h"
#include "../wait.h"
#include "fuzz.h"
#include "op.h"

/* An operation is waited for so long, if it is not racing with the next one. */
#define PATIENCE_NS (700 * 1000)
/* Something that has to happen may take so long. */
#define HANG_MS 10000

struct shared *shared;

struct slot slots[N_SLOTS];
static const struct program *program;
static const struct kcov *kcovs;
pid_t child;
/* Payloads are copied from here, which is read-only and followed by memory without access. */
char *source;

#define AREA (16UL << 20)

/*
 * Map memory in an area where there is nothing else, each time in another place of it, so
 * that a pointer with a wrong byte points at nothing.
 */
static void *map(size_t size)
{
	static unsigned int n;
	char *area = mmap(NULL, 2 * AREA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *memory;

	memory = (char *)(((uintptr_t)area + AREA - 1) / AREA * AREA) + n++ * (AREA / 32);
	if (area == MAP_FAILED || mprotect(memory, size, PROT_READ | PROT_WRITE)) {
		perror("mmap");
		exit(2);
	}
	return memory;
}

/* Prepare once, before the first program. */
void run_init(void)
{
	shared = map((sizeof(*shared) + 4095) / 4096 * 4096);
	source = map(SOURCE_SIZE);
	for (size_t i = 0; i < SOURCE_SIZE; i++)
		source[i] = pattern(i);
	mprotect(source, SOURCE_SIZE, PROT_READ);
	for (int i = 0; i < N_ACTORS; i++) {
		struct actor *actor = &shared->actors[i];

		actor->index = i;
		actor->arg = map(ARG_SIZE);
		actor->data = map(DATA_SIZE);
		actor->fds = map(FDS_SIZE);
		actor->records = map(RECORDS_SIZE);
		actor->stack = map(STACK_SIZE);
	}
}

void reset_actor(struct actor *actor)
{
	actor->todo = 0;
	actor->done = 0;
	actor->tid = 0;
	actor->blocked = NOT_BLOCKED;
	actor->unshared = false;
	actor->slots = slots;
	actor->fail_nth = 0;
	actor->calling = NULL;
}

/* Prepare before each program. */
void run_reset(void)
{
	shared->finding[0] = '\0';
	shared->dead_id = 0;
	shared->n_requests = 0;
	memset(shared->requests, 0, sizeof(shared->requests));
	child = 0;
	for (int i = 0; i < N_SLOTS; i++)
		slots[i] = (struct slot){ .fd = -1 };
	for (int i = 0; i < N_ACTORS; i++) {
		reset_actor(&shared->actors[i]);
		shared->actors[i].call_id = 0;
	}
}

/* Slots */

static struct slot *slot_of(struct actor *me, uint8_t number)
{
	return &me->slots[number % N_SLOTS];
}

static int fd_of(struct actor *me, uint8_t number)
{
	return __atomic_load_n(&slot_of(me, number)->fd, __ATOMIC_RELAXED);
}

/* Of whoever has got a table of descriptors of its own. */
static void copy_slots(struct actor *actor)
{
	memmove(actor->own_slots, actor->slots, sizeof(actor->own_slots));
	actor->slots = actor->own_slots;
}

static void look_at_slot(struct slot *slot)
{
	struct mpipc_info info;

	slot->device = !get_info(slot->fd, &info);
	slot->id = slot->device ? info.id : 0;
}

/* Threads may do the same at once: nobody closes a number that is not its own. */
static void set_slot(struct slot *slot, int fd)
{
	int old = __atomic_exchange_n(&slot->fd, fd, __ATOMIC_RELAXED);

	slot->id = 0;
	slot->device = false;
	if (old >= 0)
		close(old);
	if (fd >= 0)
		look_at_slot(slot);
}

/* Into a slot that is empty, if there is one. */
static void keep_fd(struct actor *me, int fd)
{
	for (int i = 0; i < N_SLOTS; i++) {
		int empty = -1;

		if (__atomic_compare_exchange_n(&me->slots[i].fd, &empty, fd, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			look_at_slot(&me->slots[i]);
			return;
		}
	}
	close(fd);
}

/* What arguments stand for */

static size_t size_of(uint8_t index)
{
	return sizes[index % ARRAY_SIZE(sizes)];
}

static unsigned int count_of(uint8_t index)
{
	return counts[index % ARRAY_SIZE(counts)];
}

static bool may_block(struct actor *me)
{
	return me->index != MAIN;
}

static __u64 deadline_of(struct actor *me, uint8_t index)
{
	switch (index % 6) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return in_ms(1);
	case 3:
		return in_ms(4);
	}
	if (!may_block(me))
		return in_ms(2);
	return index % 6 == 4 ? MPIPC_FOREVER : INT64_MAX - 1;
}

static __u64 to_of(struct actor *me, uint8_t index)
{
	index %= 2 * N_SLOTS;
	switch (index) {
	case 0:
		return MPIPC_TO_PRIMARY;
	case 1:
		return MPIPC_TO_ALL;
	case 14:
		return shared->dead_id;
	case 15:
		return slots[0].id + (1 << 20);
	}
	if (index < 2 + N_SLOTS)
		return slot_of(me, index - 2)->id;
	return slot_of(&shared->actors[CHILD], index - 2)->id;
}

static __u64 own_call(const struct actor *actor)
{
	__u64 *calling = __atomic_load_n(&actor->calling, __ATOMIC_ACQUIRE);

	return calling ? __atomic_load_n(calling, __ATOMIC_RELAXED) : actor->call_id;
}

/* A call to cancel: 0 to 3 are the actors', then there are those to be answered. */
static __u64 call_of(uint8_t index)
{
	if (index % 16 < N_ACTORS)
		return own_call(&shared->actors[index % 16]);
	if (index % 16 == 15)
		return 1ULL << 40;
	return shared->requests[index % N_REQUESTS];
}

/* A request to answer: 0 is the newest one. */
static __u64 request_of(uint8_t index)
{
	if (index % 16 >= N_REQUESTS)
		return call_of(index);
	return shared->requests[(shared->n_requests - 1 - index % 16) % N_REQUESTS];
}

static void note_request(__u64 call)
{
	unsigned int n = __atomic_fetch_add(&shared->n_requests, 1, __ATOMIC_RELAXED);

	shared->requests[n % N_REQUESTS] = call;
}

static void fill_name(char *name, uint8_t index)
{
	static const size_t lengths[] = { 0, 1, 7, MPIPC_NAME_MAX - 1 };

	memset(name, 'n', lengths[index % ARRAY_SIZE(lengths)]);
}

/* Calls of the kernel */

/*
 * Those whose errors matter: the threads here have no errno of their own, since they are
 * made without the library knowing.
 */
static long raw_call(long number, int fd, unsigned long a, unsigned long b)
{
	long ret;

	asm volatile("syscall" : "=a"(ret) : "a"(number), "D"((long)fd), "S"(a), "d"(b)
		     : "rcx", "r11", "memory");
	return ret;
}

/* Something odd about an ioctl; the last three arguments of an operation. */
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
		RESERVED_BIT,	/* one that has to be 0 is not */
		N_ODDITIES
	} what;
	uint8_t x;
	uint8_t y;
};

static struct odd odd_of(const uint8_t *args)
{
	return (struct odd){ .what = args[0] % N_ODDITIES, .x = args[1], .y = args[2] };
}

/* Where things can be, next to where they should be. */
static void *place(char *memory, size_t memory_size, size_t size, uint8_t how)
{
	if (size > memory_size)
		size = memory_size;
	switch (how % 7) {
	case 0:
		return memory + memory_size - size;
	case 1:
		return memory + memory_size - size + 1;
	case 2:
		return memory + memory_size - size / 2;
	case 3:
		return (void *)8;
	case 4:
		return (void *)0xffff888000001000;
	case 5:
		return source;
	}
	return memory + 1;
}

static void *place_if(const struct odd *odd, int what, char *memory, size_t memory_size,
		      size_t size)
{
	return odd->what == what ? place(memory, memory_size, size, odd->x) : memory;
}

/* Has an allocation or a user copy in this thread fail. */
static void fail_nth(unsigned int nth)
{
	int fd = open("/proc/thread-self/fail-nth", O_WRONLY | O_CLOEXEC);
	char text[16];

	/* dprintf() allocates, which actors must not do at the same time. */
	syscall(SYS_write, fd, text, snprintf(text, sizeof(text), "%u", nth));
	close(fd);
}

/* The main process would block for ever, if it were not for a signal. */
static void tick(bool on)
{
	const struct itimerval every = {
		.it_value.tv_usec = 3000 * on, .it_interval.tv_usec = 3000 * on,
	};

	setitimer(ITIMER_REAL, &every, NULL);
}

static void block_signals(bool on)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(on ? SIG_BLOCK : SIG_UNBLOCK, &all, NULL);
}

/*
 * Around a system call. No failure may be injected when a signal is handled: that would
 * be the end of the process.
 */
static void begin_call(struct actor *me, enum blocked blocked, __u64 id, bool endless)
{
	me->ticks = endless && me->index == MAIN;
	me->failed = me->fail_nth && !me->ticks;
	me->blocked_id = id;
	__atomic_store_n(&me->blocked, blocked, __ATOMIC_RELEASE);
	if (me->ticks)
		tick(true);
	if (me->failed) {
		block_signals(true);
		fail_nth(me->fail_nth);
	}
}

static void end_call(struct actor *me)
{
	if (me->failed) {
		fail_nth(0);
		block_signals(false);
	}
	if (me->ticks)
		tick(false);
	me->fail_nth = 0;
	__atomic_store_n(&me->blocked, NOT_BLOCKED, __ATOMIC_RELEASE);
}

#define MAX_MUST_BE_ZERO 4

/**
 * struct ioctl - a command
 * @cmd: the command
 * @blocked: what it may block in
 * @zero: bits of u32 members that have to be 0, or it is refused
 */
struct ioctl {
	unsigned long cmd;
	enum blocked blocked;
	struct {
		size_t at;
		__u32 bits;
	} zero[MAX_MUST_BE_ZERO];
};

#define ZERO(type, member, bits) { offsetof(struct type, member), bits }

static const struct ioctl info_cmd = { MPIPC_INFO, OTHERWISE };
static const struct ioctl leave_cmd = { MPIPC_LEAVE, OTHERWISE };
static const struct ioctl join_cmd = {
	MPIPC_JOIN, OTHERWISE, {
		ZERO(mpipc_join_args, flags, ~3U),
		ZERO(mpipc_join_args, mode, ~0666U),
		ZERO(mpipc_join_args, reserved, ~0U),
	}
};
static const struct ioctl send_cmd = {
	MPIPC_SEND, SENDING, {
		ZERO(mpipc_send_args, flags, ~1U),
		ZERO(mpipc_send_args, reserved, ~0U),
	}
};
static const struct ioctl recv_cmd = {
	MPIPC_RECV, RECEIVING, {
		ZERO(mpipc_recv_args, flags, ~1U),
		ZERO(mpipc_recv_args, reserved, ~0U),
	}
};
static const struct ioctl call_cmd = {
	MPIPC_CALL, SENDING, {
		ZERO(mpipc_call_args, flags, ~7U),
		ZERO(mpipc_call_args, reserved, ~0U),
	}
};
static const struct ioctl reply_cmd = {
	MPIPC_REPLY, OTHERWISE, {
		ZERO(mpipc_reply_args, flags, ~1U),
	}
};
static const struct ioctl reply_recv_cmd = {
	MPIPC_REPLY_RECV, RECEIVING, {
		ZERO(mpipc_reply_recv_args, reserved, ~0U),
		ZERO(mpipc_reply_recv_args, recv.flags, ~1U),
		ZERO(mpipc_reply_recv_args, recv.reserved, ~0U),
	}
};
static const struct ioctl cancel_cmd = { MPIPC_CANCEL, OTHERWISE };
static const struct ioctl peers_cmd = { MPIPC_PEERS, OTHERWISE };

static void set_reserved_bit(const struct ioctl *ioctl, char *arg, const struct odd *odd)
{
	size_t n = 0, at;
	__u32 bits, value;

	while (n < MAX_MUST_BE_ZERO && ioctl->zero[n].bits)
		n++;
	if (!n)
		return;
	at = ioctl->zero[odd->x % n].at;
	bits = ioctl->zero[odd->x % n].bits;
	memcpy(&value, arg + at, sizeof(value));
	/* That one, or the highest. */
	value |= bits & 1U << odd->y % 32 ?: 1U << 31;
	memcpy(arg + at, &value, sizeof(value));
}

static bool must_fail(const struct ioctl *ioctl, const char *arg, size_t size)
{
	size_t known = _IOC_SIZE(ioctl->cmd);

	if (size < known)
		return true;
	/* MPIPC_INFO is only written. */
	for (size_t i = known; ioctl != &info_cmd && i < size; i++)
		if (arg[i])
			return true;
	for (int i = 0; i < MAX_MUST_BE_ZERO && ioctl->zero[i].bits; i++) {
		__u32 value;

		memcpy(&value, arg + ioctl->zero[i].at, sizeof(value));
		if (value & ioctl->zero[i].bits)
			return true;
	}
	return false;
}

static size_t odd_size(size_t known, uint8_t how)
{
	const size_t all[] = {
		0, 1, known - 8, known - 1, known + 1, known + 8, 4096, _IOC_SIZEMASK,
	};

	return all[how % ARRAY_SIZE(all)] & _IOC_SIZEMASK;
}

/*
 * Makes an ioctl with what is odd about it; the structure is copied out and in. Returns
 * what the kernel does.
 */
static int issue(struct actor *me, const struct slot *slot, const struct ioctl *ioctl,
		 void *arg, const struct odd *odd)
{
	size_t known = _IOC_SIZE(ioctl->cmd), size = known;
	char *at = me->arg;
	bool readable = true, bad;
	int ret;

	memcpy(at, arg, known);
	switch (odd->what) {
	case SIZE:
		size = odd_size(known, odd->x);
		memset(at + known, 0, ARG_SIZE - known);
		break;
	case TAIL:
		size = known + 8;
		memset(at + known, 0, 8);
		at[known + odd->x % 8] = odd->y;
		break;
	case ARG_PLACE:
		at = place(me->arg, ARG_SIZE, known, odd->x);
		readable = odd->x % 7 == 0 || odd->x % 7 == 6;
		if (readable)
			memcpy(at, arg, known);
		break;
	case POKE:
		if (odd->x < known)
			at[odd->x] = odd->y;
		break;
	case POKE_HIGH:
		if (odd->x + 128U < known)
			at[odd->x + 128] = odd->y;
		break;
	case RESERVED_BIT:
		set_reserved_bit(ioctl, at, odd);
		break;
	default:
		break;
	}
	bad = !readable || must_fail(ioctl, at, size);
	if (ioctl == &call_cmd && readable) {
		/* So that others can cancel it. */
		__atomic_store_n(&me->calling, &((struct mpipc_call_args *)at)->id,
				 __ATOMIC_RELEASE);
	}
	/* It may be its deadline that is odd. */
	begin_call(me, ioctl->blocked, slot->id, odd->what == POKE || odd->what == POKE_HIGH);
	ret = raw_call(SYS_ioctl, slot->fd,
		       _IOC(_IOC_DIR(ioctl->cmd), _IOC_TYPE(ioctl->cmd),
			    _IOC_NR(ioctl->cmd), size), (unsigned long)at);
	end_call(me);
	if (ret > 0)
		found("ioctl %#lx returned %d", ioctl->cmd, ret);
	if (!ret && bad && known)
		found("ioctl %#lx took what it has to refuse", ioctl->cmd);
	if (readable)
		memcpy(arg, at, known);
	if (ioctl == &call_cmd) {
		me->call_id = ((struct mpipc_call_args *)arg)->id;
		__atomic_store_n(&me->calling, NULL, __ATOMIC_RELEASE);
	}
	return ret;
}

/* Whether what came out can be told to be right. */
static bool is_plain(const struct actor *me, const struct odd *odd)
{
	if (me->failed)
		return false;
	return odd->what == NOTHING || odd->what == ARG_PLACE || odd->what == SIZE;
}

/* Operations: files */

static void op_open(struct actor *me, const uint8_t *a)
{
	static const int flags[] = { 0, O_NONBLOCK, 0, O_NONBLOCK };
	int fd;

	begin_call(me, OTHERWISE, 0, false);
	fd = open(MPIPC_DEVICE, O_RDWR | flags[a[1] % 4] | (a[1] & 2 ? 0 : O_CLOEXEC));
	end_call(me);
	set_slot(slot_of(me, a[0]), fd);
}

static void op_dup(struct actor *me, const uint8_t *a)
{
	int from = fd_of(me, a[0]), to = fd_of(me, a[1]);

	/* In place of the other, or besides it. */
	if (a[2] & 1 && to >= 0 && dup3(from, to, O_CLOEXEC) >= 0)
		look_at_slot(slot_of(me, a[1]));
	else if (from >= 0)
		set_slot(slot_of(me, a[1]), fcntl(from, F_DUPFD_CLOEXEC, 0));
}

static void op_close(struct actor *me, const uint8_t *a)
{
	set_slot(slot_of(me, a[0]), -1);
}

static int open_io_uring(void)
{
	struct io_uring_params params = { };

	return syscall(SYS_io_uring_setup, 1, &params);
}

static int open_pair(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair))
		return -1;
	close(pair[1]);
	return pair[0];
}

/* None of them ever blocks. */
static void op_file(struct actor *me, const uint8_t *a)
{
	int fd = -1;

	switch (a[1] % 8) {
	case 0:
		fd = fcntl(canary, F_DUPFD_CLOEXEC, 0);
		break;
	case 1:
		fd = eventfd(0, EFD_NONBLOCK);
		break;
	case 2:
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		break;
	case 3:
		fd = open("/", O_PATH | O_CLOEXEC);
		break;
	case 4:
		fd = open_io_uring();
		break;
	case 5:
		fd = open_pair();
		break;
	case 6:
		fd = epoll_create1(EPOLL_CLOEXEC);
		break;
	case 7:
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		break;
	}
	set_slot(slot_of(me, a[0]), fd);
}

static void op_nonblock(struct actor *me, const uint8_t *a)
{
	if (slot_of(me, a[0])->device)
		fcntl(fd_of(me, a[0]), F_SETFL, a[1] & 1 ? O_NONBLOCK : 0);
}

/* Through a socket; or into one that is closed with the file in it. */
static void op_scm(struct actor *me, const uint8_t *a)
{
	int fd = fd_of(me, a[0]);
	int pair[2];

	if (fd < 0 || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair))
		return;
	if (!send_scm(pair[0], &fd, 1) && !(a[2] & 1)) {
		if (a[2] & 2)
			set_slot(slot_of(me, a[0]), -1);
		fd = recv_scm(pair[1]);
		if (fd >= 0)
			set_slot(slot_of(me, a[1]), fd);
	}
	close(pair[0]);
	close(pair[1]);
}

static void op_poll(struct actor *me, const uint8_t *a)
{
	struct pollfd pfds[2] = {
		{ .fd = fd_of(me, a[0]), .events = POLLIN | POLLOUT },
		{ .fd = fd_of(me, a[1]), .events = POLLIN },
	};

	poll(pfds, ARRAY_SIZE(pfds), a[2] & 1);
}

/* The slot of the epoll may be any; it stays there with what was added. */
static void op_epoll(struct actor *me, const uint8_t *a)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP };
	int fd = fd_of(me, a[0]);

	if (a[2] & 1)
		event.events |= EPOLLET;
	if (epoll_ctl(fd, EPOLL_CTL_ADD, fd_of(me, a[1]), &event) && errno == EEXIST)
		epoll_ctl(fd, a[2] & 2 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, fd_of(me, a[1]), &event);
	epoll_wait(fd, &event, 1, 0);
}

/* What there is to be read about it. */
static void op_look(struct actor *me, const uint8_t *a)
{
	char path[64], text[512];
	int fd;

	if (a[1] & 1)
		strcpy(path, "/proc/net/mpipc");
	else
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd_of(me, a[0]));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

/* Operations: ioctls */

static void op_join(struct actor *me, const uint8_t *a)
{
	static const char *const groups[] = { "a", "b", "a b\\\001" };
	static const __u32 modes[] = { 0, 0600, 0666, 0060, 0400, 01000 };
	struct slot *slot = slot_of(me, a[0]);
	struct odd odd = odd_of(a + 6);
	struct mpipc_join_args join = {
		.role = a[1] % 4,
		.flags = a[3] % 8,
		.mode = modes[a[4] % ARRAY_SIZE(modes)],
		.deadline = deadline_of(me, a[5] % 4),
	};
	int ret;

	if (a[2] % 4 < ARRAY_SIZE(groups))
		strcpy(join.group, groups[a[2] % 4]);
	else
		memset(join.group, 'g', sizeof(join.group) - 1);
	/* Whoever waits for a primary for ever does so after the file was closed, too. */
	if (odd.what == POKE && odd.x / 8 == offsetof(struct mpipc_join_args, deadline) / 8)
		odd.what = NOTHING;
	ret = issue(me, slot, &join_cmd, &join, &odd);
	if (ret)
		return;
	if (join.id)
		slot->id = join.id;
	if (!join.id || !join.generation || !join.primary)
		found("a join without id, generation or primary");
}

static void op_leave(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 1);
	struct slot *slot = slot_of(me, a[0]);

	if (!issue(me, slot, &leave_cmd, NULL, &odd))
		shared->dead_id = slot->id;
}

static void op_info(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 1);
	struct mpipc_info info;

	memset(&info, CANARY, sizeof(info));
	if (!issue(me, slot_of(me, a[0]), &info_cmd, &info, &odd) && is_plain(me, &odd))
		check_info(&info);
}

static void op_peers(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 2);
	const unsigned int room = RECORDS_SIZE / sizeof(struct mpipc_peer);
	struct mpipc_peers_args peers = { .max_peers = count_of(a[1]) };
	struct mpipc_peer *list;
	unsigned int n;

	list = place_if(&odd, RECORDS_PLACE, me->records, RECORDS_SIZE,
			peers.max_peers * sizeof(*list));
	peers.peers = to_u64(list);
	memset(me->records, CANARY, RECORDS_SIZE);
	if (issue(me, slot_of(me, a[0]), &peers_cmd, &peers, &odd) || !is_plain(me, &odd))
		return;
	n = peers.n_peers < peers.max_peers ? peers.n_peers : peers.max_peers;
	for (unsigned int i = 0; i < n && i < room; i++)
		check_peer(&list[i]);
	if (n < room)
		check_untouched(&list[n], (room - n) * sizeof(*list));
}

/* The high bits of @how are the first slot, the low ones how many. */
static struct mpipc_body body_of(struct actor *me, uint8_t size, uint8_t how,
				 const struct odd *odd)
{
	static const unsigned int numbers[] = {
		0, 1, 2, 3, 4, 8, MPIPC_FDS_MAX, MPIPC_FDS_MAX + 1,
	};
	struct mpipc_body body = {
		.size = size_of(size),
		.n_fds = numbers[how % 8],
	};
	int *fds = (int *)me->fds;

	for (unsigned int i = 0; i < body.n_fds; i++)
		fds[i] = fd_of(me, (how >> 4) + i % 4);
	if (odd->what == FDS_PLACE)
		fds = place(me->fds, FDS_SIZE, body.n_fds * sizeof(*fds), odd->x);
	body.fds = to_u64(fds);
	/* The first byte tells how it goes on. */
	body.data = to_u64(source + how);
	if (odd->what == DATA_PLACE)
		body.data = to_u64(place(source, SOURCE_SIZE, body.size, odd->x));
	fill_name(body.name, size);
	return body;
}

static void op_send(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 6);
	struct mpipc_send_args send = {
		.to = to_of(me, a[1]),
		.flags = a[2] % 4,
		.deadline = deadline_of(me, a[5]),
		.body = body_of(me, a[3], a[4], &odd),
	};

	if (!issue(me, slot_of(me, a[0]), &send_cmd, &send, &odd) && is_plain(me, &odd) &&
	    send.to != MPIPC_TO_ALL && (send.sent != 1 || send.full))
		found("sent %u, full %u", send.sent, send.full);
}

/* Descriptors that were received, one by one; the rest has not been touched. */
static void take_fds(struct actor *me, int *fds, unsigned int n, unsigned int room)
{
	for (unsigned int i = 0; i < n && i < room; i++) {
		if (fds[i] < 0 && fds[i] != -EMFILE)
			found("descriptor %u of %u is %d", i, n, fds[i]);
		if (fds[i] < 0)
			continue;
		if (fcntl(fds[i], F_GETFD) != FD_CLOEXEC)
			found("descriptor %u of %u is not there", i, n);
		keep_fd(me, fds[i]);
	}
	if (n < room)
		check_untouched(fds + n, (room - n) * sizeof(*fds));
}

/* Where a receiver wants what, and how much of that can be checked. */
struct wanted {
	char *data;
	size_t data_room;
	int *fds;
	unsigned int fds_room;
};

static struct mpipc_recv_args recv_of(struct actor *me, const uint8_t *a, __u64 deadline,
				      const struct odd *odd, struct wanted *wanted)
{
	struct mpipc_recv_args recv = {
		.flags = a[0] % 4,
		.max_size = size_of(a[1]),
		.max_fds = count_of(a[2]),
		.deadline = deadline,
	};

	wanted->data_room = recv.max_size < MPIPC_SIZE_MAX ? recv.max_size : MPIPC_SIZE_MAX;
	wanted->data_room += 64;
	wanted->fds_room = recv.max_fds < 2 * MPIPC_FDS_MAX ? recv.max_fds : 2 * MPIPC_FDS_MAX;
	wanted->fds_room += 16;
	wanted->data = place_if(odd, DATA_PLACE, me->data, DATA_SIZE, recv.max_size);
	wanted->fds = place_if(odd, FDS_PLACE, me->fds, FDS_SIZE, recv.max_fds * sizeof(int));
	recv.data = to_u64(wanted->data);
	recv.fds = to_u64(wanted->fds);
	memset(me->data, CANARY, wanted->data_room);
	memset(me->fds, CANARY, wanted->fds_room * sizeof(int));
	memset(&recv.record, CANARY, sizeof(recv.record));
	return recv;
}

static void received(struct actor *me, int ret, const struct mpipc_recv_args *recv,
		     const struct odd *odd, const struct wanted *wanted)
{
	const struct mpipc_record *record = &recv->record;

	if (!is_plain(me, odd))
		return;
	if (ret == -EFAULT)
		return;
	if (!ret || ret == -EMSGSIZE)
		check_record(record);
	else
		check_untouched(record, sizeof(*record));
	if (ret) {
		check_untouched(wanted->data, wanted->data_room);
		check_untouched(wanted->fds, wanted->fds_room * sizeof(int));
		return;
	}
	if (record->size > recv->max_size || record->n_fds > recv->max_fds)
		found("more was received than there is room for");
	check_data(wanted->data, record->size);
	check_untouched(wanted->data + record->size, wanted->data_room - record->size);
	if (record->type == MPIPC_REQUEST)
		note_request(record->call);
	take_fds(me, wanted->fds, record->n_fds, wanted->fds_room);
}

static void op_recv(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 5);
	struct wanted wanted;
	struct mpipc_recv_args recv = recv_of(me, a + 1, deadline_of(me, a[4]), &odd, &wanted);
	int ret = issue(me, slot_of(me, a[0]), &recv_cmd, &recv, &odd);

	received(me, ret, &recv, &odd, &wanted);
}

static struct mpipc_reply_args reply_of(struct actor *me, uint8_t which, uint8_t how,
					uint8_t size, uint8_t fds, const struct odd *odd)
{
	static const int statuses[] = { 0, -1, -ENOENT, -4095, -4096, 1, INT32_MIN, 0 };

	return (struct mpipc_reply_args){
		.call = request_of(which),
		.flags = how % 4,
		.status = statuses[how / 4 % 8],
		.body = body_of(me, size, fds, odd),
	};
}

static void op_reply(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 5);
	struct mpipc_reply_args reply = reply_of(me, a[1], a[2], a[3], a[4], &odd);

	issue(me, slot_of(me, a[0]), &reply_cmd, &reply, &odd);
}

static void op_reply_recv(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 8);
	const uint8_t recv[] = { 0, a[5], a[6] };
	struct mpipc_reply_recv_args both = {
		.reply = reply_of(me, a[1], a[2], a[3], a[4] & 0xf0, &odd),
	};
	struct wanted wanted;
	int ret;

	both.recv = recv_of(me, recv, deadline_of(me, a[7]), &odd, &wanted);
	ret = issue(me, slot_of(me, a[0]), &reply_recv_cmd, &both, &odd);
	if (!ret && both.reply.call && is_plain(me, &odd))
		found("a request can be answered twice");
	received(me, ret, &both.recv, &odd, &wanted);
}

static void check_results(struct actor *me, const struct mpipc_call_args *call, size_t stride,
			  unsigned int fds_stride)
{
	const struct mpipc_record *results = (void *)me->records;
	unsigned int n = call->n_results;

	if (n > call->max_results)
		found("%u results, with room for %u", n, call->max_results);
	for (unsigned int i = 0; i < n && i < MAX_RESULTS; i++) {
		char *data = me->data + i * stride;

		check_result(&results[i], call->id);
		if (results[i].size > stride || results[i].n_fds > fds_stride)
			found("more was answered than there is room for");
		check_data(data, results[i].size);
		check_untouched(data + results[i].size, stride - results[i].size);
		take_fds(me, (int *)me->fds + i * fds_stride, results[i].n_fds, fds_stride);
	}
	check_untouched(&results[n], RECORDS_SIZE - n * sizeof(*results));
	check_untouched(me->data + n * stride, 64);
	check_untouched((int *)me->fds + n * fds_stride, 64);
}

/* The high flags are to go on with the actor's newest call, and room for few results. */
static void op_call(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 8);
	struct mpipc_call_args call = {
		.to = to_of(me, a[1]),
		.flags = a[2] % 16 & 7,
		.max_results = a[2] & 0x10 ? 1 : MAX_RESULTS,
		.reply_size = size_of(a[5]),
		.reply_fds = count_of(a[6]),
		.deadline = deadline_of(me, a[7]),
		.id = a[2] & 8 ? own_call(me) : 0,
		.body = body_of(me, a[3], a[4], &odd),
	};
	size_t stride = call.reply_size;
	unsigned int fds_stride = call.reply_fds;
	int ret;

	/* The rest is not looked at, or refused. */
	if (stride > MPIPC_SIZE_MAX || fds_stride > MPIPC_FDS_MAX)
		stride = fds_stride = 0;
	memset(me->records, CANARY, RECORDS_SIZE);
	memset(me->data, CANARY, MAX_RESULTS * stride + 64);
	if (!call.body.n_fds)
		memset(me->fds, CANARY, MAX_RESULTS * fds_stride * sizeof(int) + 64);
	call.results = to_u64(place_if(&odd, RECORDS_PLACE, me->records, RECORDS_SIZE,
				       MAX_RESULTS * sizeof(struct mpipc_record)));
	call.reply_data = to_u64(place_if(&odd, DATA_PLACE, me->data, DATA_SIZE,
					  MAX_RESULTS * stride));
	call.reply_fd_list = to_u64(place_if(&odd, FDS_PLACE, me->fds, FDS_SIZE,
					     MAX_RESULTS * fds_stride * sizeof(int)));
	ret = issue(me, slot_of(me, a[0]), &call_cmd, &call, &odd);
	/* With descriptors in the request, their memory is that of the answer's. */
	if (!ret && is_plain(me, &odd) && !(call.flags & MPIPC_CALL_ASYNC) && !call.body.n_fds)
		check_results(me, &call, stride, fds_stride);
}

static void op_cancel(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 2);
	struct mpipc_cancel_args cancel = { .call = call_of(a[1]) };

	issue(me, slot_of(me, a[0]), &cancel_cmd, &cancel, &odd);
}

static void op_ioctl(struct actor *me, const uint8_t *a)
{
	unsigned long cmd = _IOC(a[2] % 4, a[1] & 0x80 ? 'M' : a[1], 0xc0 + a[1] % 16, a[3]);

	/* What only reads never blocks. */
	if (a[1] & 0x80 && a[1] % 16 < 10)
		cmd &= ~(unsigned long)IOCSIZE_MASK;
	do_ioctl(fd_of(me, a[0]), cmd, me->arg);
}

/* Operations: bytes */

static void check_read(const char *data, size_t len)
{
	static const char zeroes[8];

	for (size_t at = 0; at < len;) {
		const struct mpipc_record *record = (const void *)(data + at);
		size_t used = sizeof(*record) + record->size;

		if (len - at < sizeof(*record) || record->len % 8 || record->len > len - at ||
		    used > record->len || record->len - used > 7)
			return found("read returned a part of a record");
		check_record(record);
		if (record->n_fds)
			found("read returned descriptors");
		if (record->type == MPIPC_REQUEST)
			note_request(record->call);
		check_data(data + at + sizeof(*record), record->size);
		if (memcmp(data + at + used, zeroes, record->len - used))
			found("read returned more than a record");
		at += record->len;
	}
}

static void op_read(struct actor *me, const uint8_t *a)
{
	size_t size = a[1] % 16 < 12 ? size_of(a[1]) : 160 + 8 * (a[1] % 16 - 12);
	struct slot *slot = slot_of(me, a[0]);
	char *data = me->data;
	bool plain = a[2] % 8 == 0 || a[2] % 8 == 7;
	struct iovec iov[2];
	ssize_t len;

	if (size > MPIPC_SIZE_MAX)
		size = MPIPC_SIZE_MAX + 256;
	memset(me->data, CANARY, size + 64);
	if (!plain)
		data = place(me->data, DATA_SIZE, size, a[2] % 8 - 1);
	iov[0] = (struct iovec){ data, size / 3 };
	iov[1] = (struct iovec){ data + size / 3, size - size / 3 };
	begin_call(me, RECEIVING, slot->id, true);
	if (a[2] % 8 == 7)
		len = raw_call(SYS_readv, slot->fd, (unsigned long)iov, 2);
	else
		len = raw_call(SYS_read, slot->fd, (unsigned long)data, size);
	end_call(me);
	if (!slot->id || !plain || me->failed || len == -EFAULT)
		return;
	if (len > 0)
		check_read(data, len);
	len = len < 0 ? 0 : len;
	check_untouched(data + len, size + 64 - len);
}

static void op_write(struct actor *me, const uint8_t *a)
{
	struct slot *slot = slot_of(me, a[0]);
	size_t size = size_of(a[2]) % (MPIPC_SIZE_MAX + 2);
	struct mpipc_record *record = (void *)me->arg;
	struct iovec iov[2] = {
		{ record, sizeof(*record) },
		{ source + a[4], size },
	};
	ssize_t ret;

	*record = (struct mpipc_record){
		.type = MPIPC_MESSAGE,
		.peer = to_of(me, a[1]),
		.deadline = deadline_of(me, a[3]),
		.size = size,
	};
	fill_name(record->name, a[2]);
	switch (a[5] % 8) {
	case 1:
		((char *)record)[a[6] % sizeof(*record)] = a[7];
		break;
	case 2:
		iov[1].iov_base = place(source, SOURCE_SIZE, size, a[6]);
		break;
	case 3:
		iov[0].iov_base = place(me->arg, ARG_SIZE, sizeof(*record), a[6]);
		break;
	case 4:
		iov[0].iov_len = a[6];
		break;
	case 5:
		iov[1].iov_len = a[6];
		break;
	}
	begin_call(me, SENDING, slot->id, true);
	ret = raw_call(SYS_writev, slot->fd, (unsigned long)iov, 2);
	end_call(me);
	if (slot->id && ret >= 0 && ret != iov[0].iov_len + iov[1].iov_len)
		found("a part of a message was written");
}

/* Operations: the process */

static void op_params(struct actor *me, const uint8_t *a)
{
	static const char *const names[] = {
		"mailbox_messages", "mailbox_bytes", "group_endpoints", "user_endpoints",
		"user_groups", "user_bytes", "endpoint_calls",
	};
	static const long long values[] = { 0, 1, 2, 3, 4, 1000, 100000, 4294967295 };

	set_param(names[a[0] % ARRAY_SIZE(names)], values[a[1] % 8]);
}

static void op_nofile(struct actor *me, const uint8_t *a)
{
	struct rlimit limit = { .rlim_cur = count_of(a[0]) % 4096, .rlim_max = 1 << 16 };

	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Of this thread only, hence by system calls; it can always go back. */
static void op_user(struct actor *me, const uint8_t *a)
{
	uid_t uid = a[0] & 1 ? 1000 : 0;

	if (a[0] & 4)
		syscall(SYS_setresuid, uid, 0, 0);
	else if (a[0] & 2)
		setfsuid(uid);
	else
		syscall(SYS_setresuid, -1, uid, 0);
	if (a[0] & 8)
		keep_capabilities(1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_SETUID);
}

static void op_unshare(struct actor *me, const uint8_t *a)
{
	static const int flags[] = {
		CLONE_FILES, CLONE_FILES, CLONE_NEWNET, CLONE_NEWPID,
	};

	if (unshare(flags[a[0] % ARRAY_SIZE(flags)]) || a[0] % ARRAY_SIZE(flags) > 1)
		return;
	me->unshared = true;
	copy_slots(me);
}

static void op_signal(struct actor *me, const uint8_t *a)
{
	static const struct itimerval soon = { .it_value.tv_usec = 500 };
	struct actor *to = &shared->actors[a[0] % N_ACTORS];

	if (to == me)
		setitimer(ITIMER_REAL, &soon, NULL);
	else if (to->index == CHILD && child)
		kill(child, a[1] & 1 ? SIGUSR1 : SIGUSR2);
	else if (to->tid)
		syscall(SYS_tgkill, getpid(), to->tid, a[1] & 1 ? SIGUSR1 : SIGUSR2);
}

static void op_fail(struct actor *me, const uint8_t *a)
{
	me->fail_nth = 1 + a[0] % 16;
}

static void op_nap(struct actor *me, const uint8_t *a)
{
	const struct timespec time = { .tv_nsec = 1000000 * (1 + a[0] % 4) };

	nanosleep(&time, NULL);
}

static void reap_child(void)
{
	struct actor *actor = &shared->actors[CHILD];

	uid_t uid = geteuid();

	if (!child)
		return;
	syscall(SYS_setresuid, -1, 0, -1);
	kill(child, SIGKILL);
	syscall(SYS_setresuid, -1, uid, -1);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	child = 0;
	if (actor->blocked_id)
		shared->dead_id = actor->blocked_id;
	reset_actor(actor);
}

static void op_kill(struct actor *me, const uint8_t *a)
{
	if (me->index == MAIN)
		reap_child();
}

static void op_exit(struct actor *me, const uint8_t *a)
{
	static const char *const argv[] = { "fuzz", "--pause", NULL };

	if (me->index != CHILD)
		return;
	if (a[0] & 1)
		execve("/proc/self/exe", (char *const *)argv, NULL);
	_exit(0);
}

const struct kind kinds[] = {
	{ "open", "sf", op_open, 6 },
	{ "dup", "ssf", op_dup, 3 },
	{ "close", "s", op_close, 4 },
	{ "file", "sv", op_file, 4 },
	{ "nonblock", "sv", op_nonblock, 1 },
	{ "scm", "ssf", op_scm, 2 },
	{ "poll", "ssf", op_poll, 2 },
	{ "epoll", "ssf", op_epoll, 2 },
	{ "look", "sf", op_look, 1 },
	{ "join", "srgfvdoxx", op_join, 10 },
	{ "leave", "soxx", op_leave, 2 },
	{ "info", "soxx", op_info, 2 },
	{ "peers", "scoxx", op_peers, 2 },
	{ "send", "stfzndoxx", op_send, 12 },
	{ "recv", "sfzcdoxx", op_recv, 12 },
	{ "call", "stfznzcdoxx", op_call, 12 },
	{ "reply", "swfznoxx", op_reply, 8 },
	{ "replyrecv", "swfznzcdoxx", op_reply_recv, 6 },
	{ "cancel", "swoxx", op_cancel, 4 },
	{ "ioctl", "sxxx", op_ioctl, 1 },
	{ "read", "szf", op_read, 5 },
	{ "write", "stzdfoxx", op_write, 5 },
	{ "params", "vv", op_params, 2 },
	{ "nofile", "c", op_nofile, 1 },
	{ "user", "f", op_user, 3 },
	{ "unshare", "v", op_unshare, 1 },
	{ "signal", "vv", op_signal, 2 },
	{ "fail", "v", op_fail, 3 },
	{ "nap", "v", op_nap, 1 },
	{ "kill", "", op_kill, 2 },
	{ "exit", "v", op_exit, 1 },
};

const unsigned int n_kinds = ARRAY_SIZE(kinds);

/* Who does them */

static void futex_wait(uint32_t *futex, uint32_t value, long ns)
{
	const struct timespec timeout = { .tv_nsec = ns };

	syscall(SYS_futex, futex, FUTEX_WAIT, value, ns ? &timeout : NULL, NULL, 0);
}

static void futex_wake(uint32_t *futex)
{
	syscall(SYS_futex, futex, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static bool is_idle(struct actor *actor)
{
	return __atomic_load_n(&actor->done, __ATOMIC_ACQUIRE) == actor->todo;
}

/* Reset the coverage, because what comes before an operation is not what leads to it. */
static void mark_kcov(const struct actor *me)
{
	unsigned long *area = kcovs[me->index].area;

	if (area[0] + 1 < KCOV_SIZE)
		area[++area[0]] = 0;
}

static void do_op(struct actor *me, const struct op *op)
{
	mark_kcov(me);
	kinds[op->kind].run(me, op->args);
	stop_if_found();
}

static void start_kcov(const struct actor *me)
{
	ioctl(kcovs[me->index].fd, KCOV_ENABLE, KCOV_TRACE_PC);
}

static int __attribute__((noreturn)) actor_main(void *arg)
{
	struct actor *me = arg;

	if (me->index == CHILD)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	start_kcov(me);
	for (;;) {
		while (is_idle(me))
			futex_wait(&me->todo, me->done, 0);
		do_op(me, &program->ops[me->op]);
		__atomic_store_n(&me->done, me->done + 1, __ATOMIC_RELEASE);
		futex_wake(&me->done);
	}
}

/*
 * Start a process. All processes share the fuzzer's memory, because it takes five times as
 * long to make a copy of it.
 */
static pid_t start(int (*function)(void *arg), struct actor *actor, int flags)
{
	return clone(function, actor->stack + STACK_SIZE, CLONE_VM | flags, actor);
}

static void start_actor(struct actor *actor)
{
	const int thread = CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

	if (actor->index == CHILD) {
		copy_slots(actor);
		actor->tid = child = start(actor_main, actor, SIGCHLD);
	} else {
		actor->tid = start(actor_main, actor, thread);
	}
	if (actor->tid > 0)
		return;
	reset_actor(actor);
	child = actor->index == CHILD ? 0 : child;
}

/* Have another actor do an operation, unless the actor is blocked in the one before. */
static void hand_over(struct actor *actor, unsigned int i)
{
	__u64 give_up = now_ns() + PATIENCE_NS;
	bool fresh = !actor->todo;

	if (!is_idle(actor))
		return;
	actor->op = i;
	__atomic_store_n(&actor->todo, actor->todo + 1, __ATOMIC_RELEASE);
	if (fresh)
		start_actor(actor);
	else
		futex_wake(&actor->todo);
	while (!program->ops[i].race && !is_idle(actor) && now_ns() < give_up)
		futex_wait(&actor->done, actor->todo - 1, PATIENCE_NS / 3);
}

/* The end */

static bool is_blocked(struct actor *actor, enum blocked in)
{
	return !is_idle(actor) && __atomic_load_n(&actor->blocked, __ATOMIC_ACQUIRE) == in;
}

/* Check that threads have tables of their own; they cannot be made to leave then. */
static bool is_unshared(void)
{
	for (int i = 0; i < CHILD; i++)
		if (shared->actors[i].unshared)
			return true;
	return false;
}

/* Wait for an operation that has to end. */
static bool wait_idle(struct actor *actor)
{
	__u64 give_up = in_ms(HANG_MS);

	while (!is_idle(actor)) {
		if (now_ns() > give_up)
			return false;
		futex_wait(&actor->done, actor->todo - 1, 50 * NSEC_PER_MSEC);
	}
	return true;
}

/* Check that an actor that waits for a record is woken if there is one. */
static void check_receiver(struct actor *actor)
{
	__u64 give_up = in_ms(HANG_MS);
	struct mpipc_info info;
	struct slot *slot;

	while (is_blocked(actor, RECEIVING) && actor->blocked_id) {
		for (slot = slots; slot < slots + N_SLOTS; slot++)
			if (slot->id == actor->blocked_id && !get_info(slot->fd, &info) &&
			    info.id == slot->id && info.queued)
				break;
		if (slot == slots + N_SLOTS)
			return;
		if (now_ns() > give_up)
			return found("a receiver sleeps although there is a record");
		futex_wait(&actor->done, actor->todo - 1, 20 * NSEC_PER_MSEC);
	}
}

/*
 * Let all leave but an endpoint that somebody calls or sends with. The call has to end,
 * because nobody is left who could reply or make space.
 */
static void check_caller(void)
{
	struct actor *caller = NULL;

	for (int i = THREAD_1; i <= THREAD_2; i++)
		if (is_blocked(&shared->actors[i], SENDING) && shared->actors[i].blocked_id)
			caller = &shared->actors[i];
	if (!caller)
		return;
	for (int i = 0; i < N_SLOTS; i++)
		if (slots[i].id != caller->blocked_id)
			set_slot(&slots[i], -1);
	if (!wait_idle(caller))
		found("a caller waits for endpoints that have left");
}

/*
 * End everything that is left, so that what is there afterwards is what the module left
 * behind.
 */
static void finish(void)
{
	bool unshared = is_unshared();

	reap_child();
	if (!unshared) {
		check_receiver(&shared->actors[THREAD_1]);
		check_receiver(&shared->actors[THREAD_2]);
		check_caller();
	}
	for (int i = 0; i < N_SLOTS; i++)
		set_slot(&shared->actors[MAIN].slots[i], -1);
	for (int i = THREAD_1; i <= THREAD_2; i++)
		if (!unshared && !wait_idle(&shared->actors[i]))
			found("a thread is blocked in an operation on a closed file");
	stop_if_found();
}

static void ignore_signal(int signal)
{
}

static void set_up_signals(void)
{
	struct sigaction action = { .sa_handler = ignore_signal };

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR2, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int __attribute__((noreturn)) run_main(void *arg)
{
	struct actor *me = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	set_up_signals();
	start_kcov(me);
	for (unsigned int i = 0; i < program->n; i++) {
		struct actor *actor = &shared->actors[program->ops[i].actor];

		if (actor == me)
			do_op(me, &program->ops[i]);
		else
			hand_over(actor, i);
	}
	finish();
	_exit(0);
}

/* Run a program in a process of its own, which ends with 0 unless there is a finding. */
pid_t run_start(const struct program *what, const struct kcov kcov[N_ACTORS])
{
	program = what;
	kcovs = kcov;
	return start(run_main, &shared->actors[MAIN], SIGCHLD);
}
