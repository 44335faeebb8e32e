// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bystanders are users that take no part in programs. Bob has a group that all may join, with
 * Alice in it, and one of his own. Whatever a program does, the two can do what their own
 * limits let them do, and are charged for nothing else. They are all in one process.
 *
 * Promise: P14
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "../child.h"
#include "../device.h"
#include "../held.h"
#include "../message.h"
#include "../user.h"
#include "../wait.h"
#include "fuzz.h"
#include "op.h"

#define BOB 2000
#define ALICE 2001
/* Each user can have this in the mailbox of a primary, whatever two others have there. */
#define SIZE 4096
#define SETTLE_MS 10000

enum { COMMON, OWN, ALICES, HOME, HOMES, N_MEMBERS };

/**
 * struct member - an endpoint of a bystander
 * @name: in findings
 * @group: its group
 * @uid: its user
 * @role: its role there
 * @fd: the endpoint
 * @id: its id
 */
static struct member {
	const char *name;
	const char *group;
	uid_t uid;
	enum mpipc_role role;
	int fd;
	__u64 id;
} members[] = {
	[COMMON] = { "Bob", "common", BOB, MPIPC_PRIMARY },
	[OWN] = { "Bob's secondary", "common", BOB, MPIPC_SECONDARY },
	[ALICES] = { "Alice", "common", ALICE, MPIPC_SECONDARY },
	[HOME] = { "Bob at home", "home", BOB, MPIPC_PRIMARY },
	[HOMES] = { "Bob's secondary at home", "home", BOB, MPIPC_SECONDARY },
};

/* This process and the programs have the two ends of a line. */
static struct child process;
static int null;

/* Receiving */

static char payload[SIZE], received[MPIPC_SIZE_MAX];
static int received_fds[MPIPC_FDS_MAX];

static int take(const struct member *me, struct mpipc_record *record)
{
	int ret = recv_fds(me->fd, record, received, sizeof(received), received_fds,
			   MPIPC_FDS_MAX, 0);

	for (unsigned int i = 0; !ret && i < record->n_fds; i++) {
		if (received_fds[i] < 0)
			found("%s: receive a descriptor: %s", me->name,
			      strerror(-received_fds[i]));
		else
			close(received_fds[i]);
	}
	return ret;
}

/*
 * Reply with as much as the caller takes. A caller that is gone, or has too many files in flight,
 * is no matter of the replier.
 */
static void reply(const struct member *me, const struct mpipc_record *request)
{
	struct mpipc_reply_args arg = {
		.call = request->call,
		.body = make_body("reply", payload,
				  request->reply_size < SIZE ? request->reply_size : SIZE,
				  &null, !!request->reply_fds),
	};
	int ret = do_ioctl(me->fd, MPIPC_REPLY, &arg);

	if (ret == -ETOOMANYREFS) {
		arg.body.n_fds = 0;
		ret = do_ioctl(me->fd, MPIPC_REPLY, &arg);
	}
	if (ret && ret != -ESRCH)
		found("%s: reply: %s", me->name, strerror(-ret));
}

/* Take what there is until a record of that type comes from @from, and reply to all requests. */
static void take_from(const struct member *me, const struct member *from, int type)
{
	struct mpipc_record record;
	int ret;

	do {
		ret = take(me, &record);
		if (!ret && record.type == MPIPC_REQUEST)
			reply(me, &record);
	} while (!ret && (record.peer != from->id || record.type != type));
	if (ret)
		found("%s: receive from %s: %s", me->name, from->name, strerror(-ret));
	else if (record.status || !record.n_fds)
		found("%s: status %d, %u descriptors from %s", me->name, record.status,
		      record.n_fds, from->name);
}

/* Take all that there is. */
static void serve(void)
{
	struct mpipc_record record;

	while (!take(&members[COMMON], &record))
		if (record.type == MPIPC_REQUEST)
			reply(&members[COMMON], &record);
}

/* Business */

static void send_to(const struct member *me, __u64 to, const char *name)
{
	int ret = send_fds(me->fd, to, "send", payload, SIZE, &null, 1);

	if (ret)
		found("%s: send to %s: %s", me->name, name, strerror(-ret));
}

static void call(const struct member *me, const struct member *to)
{
	struct mpipc_call_args arg = call_arg(to->id, "call", payload, SIZE, NULL, 0);
	int ret;

	arg.flags = MPIPC_CALL_ASYNC;
	arg.reply_size = SIZE;
	arg.reply_fds = 1;
	arg.body.fds = to_u64(&null);
	arg.body.n_fds = 1;
	ret = do_ioctl(me->fd, MPIPC_CALL, &arg);
	if (ret)
		return found("%s: call %s: %s", me->name, to->name, strerror(-ret));
	take_from(to, me, MPIPC_REQUEST);
	take_from(me, to, MPIPC_REPLY_TO);
}

/* Only what was sent to all can still be with others, who do not read. */
static bool is_own(const struct held *held, long endpoints, long groups)
{
	return held->endpoints == endpoints && held->groups == groups &&
	       held->bytes == held->abroad && held->files == held->files_abroad;
}

static void found_charge(const char *name, const struct held *held)
{
	found("%s is charged for %ld endpoints, %ld groups, %ld bytes (%ld abroad), %ld files (%ld abroad)",
	      name, held->endpoints, held->groups, held->bytes, held->abroad, held->files,
	      held->files_abroad);
}

static void check_charges(void)
{
	__u64 give_up = in_ms(SETTLE_MS);
	struct held bob, alice;
	bool bob_is_right, alice_is_right;
	char lines[4096];

	for (;;) {
		read_lines("user ", lines, sizeof(lines));
		bob = find_user_in(lines, BOB);
		alice = find_user_in(lines, ALICE);
		bob_is_right = is_own(&bob, 4, 2);
		alice_is_right = is_own(&alice, 1, 0);
		/* A thread of the kernel may be about to free what was read. No event says so. */
		if ((bob_is_right && alice_is_right) || now_ns() > give_up)
			break;
		sched_yield();
	}
	if (!bob_is_right)
		found_charge("Bob", &bob);
	if (!alice_is_right)
		found_charge("Alice", &alice);
}

/* Go about their business, all of which has to succeed. */
static void check(void)
{
	/* The mailbox still has what the program put there. */
	send_to(&members[ALICES], MPIPC_TO_PRIMARY, "Bob");
	send_to(&members[OWN], MPIPC_TO_PRIMARY, "Bob");
	take_from(&members[COMMON], &members[ALICES], MPIPC_MESSAGE);
	take_from(&members[COMMON], &members[OWN], MPIPC_MESSAGE);
	for (int i = OWN; i <= ALICES; i++) {
		call(&members[i], &members[COMMON]);
		call(&members[COMMON], &members[i]);
	}
	call(&members[HOMES], &members[HOME]);
	serve();
	send_to(&members[COMMON], MPIPC_TO_ALL, "all");
	take_from(&members[OWN], &members[COMMON], MPIPC_MESSAGE);
	take_from(&members[ALICES], &members[COMMON], MPIPC_MESSAGE);
	check_charges();
}

/* The process */

static void join(struct member *me)
{
	struct mpipc_join_args arg = join_arg(me->group, me->role);

	if (me->role == MPIPC_PRIMARY)
		arg.mode = 0666;
	me->fd = open_as(me->uid, &arg);
	me->id = arg.id;
	if (me->fd < 0) {
		fprintf(stderr, "fuzz: %s: %s\n", me->name, strerror(-me->fd));
		_exit(2);
	}
}

static void __attribute__((noreturn)) bystand(void)
{
	bool checks;

	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < SIZE; i++)
		payload[i] = pattern(i);
	for (int i = 0; i < N_MEMBERS; i++)
		join(&members[i]);
	/* Sending asks for capabilities, too. */
	hide_capabilities(~0ULL);
	child_send(&process, 0);
	while (read(process.line, &checks, 1) == 1) {
		if (checks)
			check();
		else
			serve();
		if (write(process.line, &checks, 1) != 1)
			break;
	}
	_exit(0);
}

/* Start the process, before the first program. */
void bystanders_start(void)
{
	if (child_fork(&process) < 0)
		exit(2);
	if (!process.pid)
		bystand();
	if (child_hear(&process, NULL))
		exit(2);
}

static long repeat(long number, bool *byte)
{
	long ret;

	do
		ret = raw_call(number, process.line, (unsigned long)byte, 1);
	while (ret == -EINTR);
	return ret;
}

/**
 * bystanders_wake - let the bystanders do something while a program waits, and report findings
 * @checks: they send and call; else they only take what is in the mailbox of Bob
 */
void bystanders_wake(bool checks)
{
	if (repeat(SYS_write, &checks) != 1 || repeat(SYS_read, &checks) != 1)
		found("the bystanders are gone");
}
