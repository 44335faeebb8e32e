// SPDX-License-Identifier: GPL-2.0-only
/* Make ioctls, with something odd about them if an operation asks for it. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz.h"
#include "op.h"

/* Calls of the kernel */

/*
 * Make a system call whose error matters. The threads here have no errno of their own,
 * because they are made without the library knowing.
 */
long raw_call(long number, int fd, unsigned long a, unsigned long b)
{
	long ret;

	asm volatile("syscall" : "=a"(ret) : "a"(number), "D"((long)fd), "S"(a), "d"(b)
		     : "rcx", "r11", "memory");
	return ret;
}

struct odd odd_of(const uint8_t *args)
{
	return (struct odd){ .what = args[0] % N_ODDITIES, .x = args[1], .y = args[2] };
}

/* Return where a structure can be, next to where it should be. */
void *place(char *memory, size_t memory_size, size_t size, uint8_t how)
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

void *place_if(const struct odd *odd, int what, char *memory, size_t memory_size,
	       size_t size)
{
	return odd->what == what ? place(memory, memory_size, size, odd->x) : memory;
}

/* Have an allocation or a user copy in this thread fail. */
void fail_nth(unsigned int nth)
{
	int fd = open("/proc/thread-self/fail-nth", O_WRONLY | O_CLOEXEC);
	char text[16];

	/*
	 * Use no dprintf(), which allocates, because actors must not do this at the same
	 * time.
	 */
	syscall(SYS_write, fd, text, snprintf(text, sizeof(text), "%u", nth));
	close(fd);
}

/* Send signals to the main process, which would block for ever without them. */
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
 * Begin a system call. No failure may be injected while a signal is handled, because that
 * would be the end of the process.
 */
void begin_call(struct actor *me, enum blocked blocked, __u64 id, bool endless)
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

void end_call(struct actor *me)
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

const struct ioctl info_cmd = {
	MPIPC_INFO, OTHERWISE, .least = offsetof(struct mpipc_info, pending),
};

const struct ioctl call_cmd = {
	MPIPC_CALL, SENDING, {
		ZERO(mpipc_call_args, flags, ~7U),
		ZERO(mpipc_call_args, reserved, ~0U),
	}
};

/*
 * Check that the ioctl is refused, and writes nothing, as long as a bit is set that has to be 0.
 * This is the bit @which, or the highest one.
 */
static void check_reserved(struct actor *me, const struct slot *slot, const struct ioctl *ioctl,
			   const void *arg, uint8_t which)
{
	size_t size = _IOC_SIZE(ioctl->cmd);

	for (int i = 0; i < MAX_MUST_BE_ZERO && ioctl->zero[i].bits; i++) {
		__u32 bits = ioctl->zero[i].bits, value;
		char *member = me->arg + ioctl->zero[i].at;

		memcpy(me->arg, arg, size);
		memcpy(&value, member, sizeof(value));
		value |= bits & 1U << which % 32 ?: 1U << 31;
		memcpy(member, &value, sizeof(value));
		if (!raw_call(SYS_ioctl, slot->fd, ioctl->cmd, (unsigned long)me->arg))
			found("ioctl %#lx took what it has to refuse", ioctl->cmd);
		memcpy(member, (const char *)arg + ioctl->zero[i].at, sizeof(value));
		if (memcmp(me->arg, arg, size))
			found("ioctl %#lx wrote what it has to refuse", ioctl->cmd);
	}
}

static bool must_fail(const struct ioctl *ioctl, const char *arg, size_t size)
{
	size_t known = _IOC_SIZE(ioctl->cmd);

	if (size < (ioctl->least ?: known))
		return true;
	/* The kernel only writes the structure of MPIPC_INFO. */
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
 * Make an ioctl with what is odd about it, and return what the kernel returns. The
 * structure is copied out and in.
 */
int issue(struct actor *me, const struct slot *slot, const struct ioctl *ioctl,
	  void *arg, const struct odd *odd)
{
	size_t known = _IOC_SIZE(ioctl->cmd), size = known;
	char *at = me->arg;
	bool readable = true, bad;
	int ret;

	check_reserved(me, slot, ioctl, arg, odd->y);
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
	default:
		break;
	}
	bad = !readable || must_fail(ioctl, at, size);
	if (ioctl == &call_cmd && readable) {
		/* Other actors can cancel the call by this id. */
		__atomic_store_n(&me->calling, &((struct mpipc_call_args *)at)->id,
				 __ATOMIC_RELEASE);
	}
	/* The odd member may be the deadline. */
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

/*
 * Check that the output can be compared with what is right. Programs of an older version, whose
 * structures are smaller, get less.
 */
bool is_plain(const struct actor *me, const struct odd *odd)
{
	if (me->failed)
		return false;
	return odd->what == NOTHING || odd->what == ARG_PLACE;
}
