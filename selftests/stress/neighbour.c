// SPDX-License-Identifier: GPL-2.0-only
/*
 * Neighbours: processes of users that do not take part in the story of the workers. Mallory, in the
 * group of Alice, does all that Alice may suffer from, and Trudy tries to hold more than she may.
 * Alice and Bob go about their business, all of which has to succeed.
 */
#include "child.h"
#include "device.h"
#include "message.h"
#include "stress.h"
#include "user.h"
#include "wait.h"

#include <pthread.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { ALICE, MALLORY, TRUDY, BOB, N_NEIGHBOURS };

#define FIRST_NEIGHBOUR (FIRST_USER + 100)
#define FILES		64	/* RLIMIT_NOFILE of a neighbour */
#define TRUDYS_FILES	256	/* RLIMIT_NOFILE of Trudy */
#define MAILBOXES	40	/* Mallory has these, and does not read them */
#define PINNED		4096	/* endpoints that Trudy tries to have in vain */
#define ENDPOINT	512	/* the least memory of an endpoint */
#define SIZE		32768
#define SMALL		1024
#define CGROUPS		"/tmp/mpipc-stress-cgroup"

static pid_t neighbours[N_NEIGHBOURS];
static __u64 state;
static char data[SIZE];
static int fds[FILES];

static __u64 rnd(__u64 below)
{
	state = mix(state);
	return state % below;
}

static void unexpected(const char *who, const char *what, int ret)
{
	violation(P_NEIGHBOURS, NONE, NONE, "%s: %s: %s", who, what,
		  strerror(ret < 0 ? -ret : ret));
}

/* Cgroups */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* Move this process to a memory cgroup of its own. */
static void enter_cgroup(unsigned int who)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUPS "/%u/cgroup.procs", who);
	if (write_file(path, "0"))
		unexpected("a neighbour", "enter a memory cgroup", errno);
}

/* Return the bytes that the memory cgroup of Alice pays for. */
static long long alice_pays(void)
{
	FILE *file = fopen(CGROUPS "/0/memory.current", "re");
	long long bytes = 0;

	if (!file || fscanf(file, "%lld", &bytes) != 1)
		unexpected("Alice", "look at her memory", errno);
	if (file)
		fclose(file);
	return bytes;
}

/* Become one of the neighbours. */
static void become(unsigned int who, __u64 seed)
{
	const rlim_t n_files = who == TRUDY ? TRUDYS_FILES : FILES;
	struct rlimit files = { n_files, n_files };

	state = seed + who;
	memset(data, 'x', sizeof(data));
	for (int i = 0; i < FILES; i++)
		fds[i] = STDIN_FILENO;
	enter_cgroup(who);
	become_user(FIRST_NEIGHBOUR + who, FIRST_NEIGHBOUR + who);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_NOFILE, &files);
}

static void name(char group[MPIPC_GROUP_MAX], const char *what)
{
	snprintf(group, MPIPC_GROUP_MAX, "stress %s.%d", what, (int)ledger->supervisor);
}

static int open_for_all(const char *group)
{
	struct mpipc_join_args join = join_arg(group, MPIPC_PRIMARY);
	int fd = open_dev(), err;

	join.mode = 0666;
	err = do_ioctl(fd, MPIPC_JOIN, &join);
	return err ?: fd;
}

static void close_all(const int *list, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(list[i]);
}

/* Take a message with its files. */
static int take(int fd, struct mpipc_record *record)
{
	int got[8], ret = recv_fds(fd, record, data, sizeof(data), got, ARRAY_SIZE(got), 0);

	if (!ret)
		close_all(got, record->n_fds);
	return ret;
}

/* Send something from one endpoint of a user to another, and take it there. */
static void talk(const char *who, int from, __u64 to, int at)
{
	struct mpipc_record record;
	int ret;

	ret = send_fds(from, to, "talk", data, rnd(SIZE / 2), fds, rnd(5));
	if (ret) {
		unexpected(who, "send among the own processes", ret);
		return;
	}
	ret = take(at, &record);
	if (ret)
		unexpected(who, "receive what was sent", ret);
}

/**
 * struct alice - the endpoints of Alice
 * @primary: primary of the group in which Mallory is
 * @own: her own secondary there
 * @home: primary of a group of her own
 * @homes: secondary there
 */
struct alice {
	int primary;
	int own;
	int home;
	int homes;
};

/* Send to all in the group. Alice's own secondary reads, and so has to get it. */
static void send_to_all(struct alice *self)
{
	struct mpipc_send_args send = {
		.to = MPIPC_TO_ALL,
		.body = make_body("all", data, rnd(SIZE / 2), fds, rnd(9)),
	};
	struct mpipc_record record;
	int ret = do_ioctl(self->primary, MPIPC_SEND, &send);

	if (!ret)
		ret = take(self->own, &record);
	if (ret)
		unexpected("Alice", "send to all in her group", ret);
}

/*
 * Send to each in the group by itself, as long as there is space. Either many bytes or many files
 * are in the way of the next message.
 */
static void send_to_each(struct alice *self)
{
	const unsigned int n_fds = 8 * rnd(2);
	struct mpipc_peer peers[MAILBOXES + 2];
	struct mpipc_peers_args arg = {
		.peers = to_u64(peers),
		.max_peers = ARRAY_SIZE(peers),
		.peer_size = sizeof(*peers),
	};
	const __u64 own = endpoint_id(self->own);

	if (do_ioctl(self->primary, MPIPC_PEERS, &arg))
		return;
	for (__u32 i = 0; i < arg.n_peers && i < arg.max_peers; i++)
		while (peers[i].role == MPIPC_SECONDARY && peers[i].id != own &&
		       !send_fds(self->primary, peers[i].id, "each", data, n_fds ? 0 : SIZE, fds,
				 n_fds))
			;
}

/* Reply to all that Mallory asks. None of that is to be charged to Alice. */
static void serve(struct alice *self)
{
	struct mpipc_reply_args reply = { .body = make_body("", data, SIZE, fds, 8 * rnd(2)) };
	long long before = alice_pays(), replied = 0, more;
	struct mpipc_record record;

	while (!take(self->primary, &record)) {
		int ret;

		if (record.type != MPIPC_REQUEST)
			continue;
		reply.call = record.call;
		ret = do_ioctl(self->primary, MPIPC_REPLY, &reply);
		/* Mallory may be gone, or have as many files in flight as she may. */
		if (ret && ret != -ESRCH && ret != -ETOOMANYREFS)
			unexpected("Alice", "reply", ret);
		replied += ret ? 0 : SIZE;
	}
	more = alice_pays() - before;
	/* The kernel charges by some pages at a time, and for each processor. */
	if (replied >= 12 * SIZE && more > replied * 3 / 4)
		violation(P_NEIGHBOURS, NONE, NONE, "Alice pays %lld bytes for %lld of replies",
			  more, replied);
}

static void alice_main(void)
{
	char group[MPIPC_GROUP_MAX], home[MPIPC_GROUP_MAX];
	struct alice self;

	name(group, "alice");
	name(home, "home");
	self.primary = open_for_all(group);
	self.own = open_secondary(group);
	self.home = open_primary(home);
	self.homes = open_secondary(home);
	if (self.primary < 0 || self.own < 0 || self.home < 0 || self.homes < 0)
		unexpected("Alice", "join", EIO);
	while (phase() == RUN && !ledger->n_violations) {
		switch (rnd(5)) {
		case 0:
			send_to_all(&self);
			break;
		case 1:
			send_to_each(&self);
			break;
		case 2:
			serve(&self);
			break;
		case 3:
			talk("Alice", self.homes, MPIPC_TO_PRIMARY, self.home);
			break;
		case 4:
			talk("Alice", self.home, MPIPC_TO_ALL, self.homes);
		}
	}
}

/* Make as many calls as possible, whose results nobody reads. */
static void call_often(int fd)
{
	struct mpipc_call_args call = call_arg(MPIPC_TO_PRIMARY, "call", NULL, 0, NULL, 0);

	call.flags = MPIPC_CALL_ASYNC;
	call.reply_size = SIZE;
	call.reply_fds = 8;
	call.deadline = in_ms(2000);
	while (!do_ioctl(fd, MPIPC_CALL, &call))
		call.id = 0;
}

/* Fill the mailbox of Alice. */
static void flood(int fd)
{
	while (!send_fds(fd, MPIPC_TO_PRIMARY, "flood", data, rnd(SIZE), fds, rnd(9)))
		;
}

/* Have as many endpoints as possible that left, and that unread messages still refer to. */
static void pin_endpoints(long long bytes)
{
	int primaries[TRUDYS_FILES / 2], n_primaries = 0, n = 0, fd;
	char group[MPIPC_GROUP_MAX];
	bool full = true;

	while (n < PINNED) {
		if (full) {
			if (n_primaries == TRUDYS_FILES / 2)
				break;
			snprintf(group, sizeof(group), "stress pin %d.%d", n_primaries,
				 (int)getpid());
			primaries[n_primaries] = open_primary(group);
			if (primaries[n_primaries] < 0)
				break;
			n_primaries++;
		}
		fd = open_secondary(group);
		full = send_msg(fd, MPIPC_TO_PRIMARY, "pin", NULL, 0);
		close(fd);
		n += !full;
	}
	close_all(primaries, n_primaries);
	if (bytes < (long long)n * ENDPOINT)
		violation(P_NEIGHBOURS, NONE, NONE, "Trudy has %d endpoints in %lld bytes", n,
			  bytes);
}

static void trudy_main(long long bytes)
{
	while (phase() == RUN && !ledger->n_violations) {
		pin_endpoints(bytes);
		/* Leave the processor to others, because this takes long. */
		poll_for(STDIN_FILENO, 0, 100);
	}
}

/* Begin anew with endpoints that hold nothing, and make all calls that the user may have open. */
static void start_over(const char *group, int own[MAILBOXES])
{
	for (int i = 0; i < MAILBOXES; i++)
		if (own[i] >= 0)
			close(own[i]);
	for (int i = 0; i < MAILBOXES; i++)
		own[i] = open_secondary(group);
	for (int i = 0; i < MAILBOXES; i++)
		call_often(own[i]);
}

static void mallory_main(void)
{
	char group[MPIPC_GROUP_MAX];
	int own[MAILBOXES];

	name(group, "alice");
	for (int i = 0; i < MAILBOXES; i++)
		own[i] = -1;
	while (phase() == RUN && !ledger->n_violations) {
		int *fd = &own[rnd(MAILBOXES)];

		switch (rnd(7)) {
		case 0:
			if (*fd >= 0)
				close(*fd);
			*fd = open_secondary(group);
			break;
		case 1:
			/* Most replies stay unread for long. */
			if (!rnd(32))
				start_over(group, own);
			break;
		case 2:
		case 3:
			flood(*fd);
			break;
		default:
			call_often(*fd);
		}
	}
}

/**
 * struct waiter - a message that waits because of what its user holds
 * @fd: the sender
 * @send: argument of the send
 * @ret: result of the send
 * @tid: the thread that sends, 0 until it is about to
 */
struct waiter {
	int fd;
	struct mpipc_send_args send;
	int ret;
	pid_t tid;
};

static void *waiter_main(void *arg)
{
	struct waiter *self = arg;

	__atomic_store_n(&self->tid, (pid_t)gettid(), __ATOMIC_RELEASE);
	self->ret = do_ioctl(self->fd, MPIPC_SEND, &self->send);
	return NULL;
}

#define PATIENCE_MS 20000
#define OTHERS 24

/* Check if the mailbox has space for a small message, so that only the user can hold too much. */
static bool has_space(int fd)
{
	struct mpipc_info info;

	return !get_info(fd, &info) && info.queued < info.max_messages &&
	       info.queued_bytes + SMALL <= info.max_bytes;
}

static void empty(int fd)
{
	struct mpipc_record record;

	while (!take(fd, &record))
		;
}

/* Wait for memory of the own that is in the mailboxes of others, who then read. */
static void wait_for_own_memory(int primary, const int *others, int first)
{
	struct waiter waiter = {
		.fd = primary,
		.send = {
			.to = endpoint_id(first),
			.deadline = in_ms(PATIENCE_MS),
			.body = make_body("waits", data, SMALL, NULL, 0),
		},
	};
	pthread_t thread;

	for (int i = 0; i < OTHERS; i++)
		while (!send_msg(primary, endpoint_id(others[i]), "fill", data, SIZE))
			;
	/* The large messages leave something, of which this mailbox can have half. */
	while (!send_msg(primary, endpoint_id(first), "fill", data, SMALL))
		;
	if (has_space(first) &&
	    !pthread_create(&thread, NULL, waiter_main, &waiter)) {
		while (!__atomic_load_n(&waiter.tid, __ATOMIC_ACQUIRE))
			sched_yield();
		wait_asleep(waiter.tid);
		for (int i = 0; i < OTHERS; i++)
			empty(others[i]);
		pthread_join(thread, NULL);
		/* Where all of his memory is in use, he does not come as far as to wait. */
		if (now_ns() >= waiter.send.deadline)
			unexpected("Bob", "wait for memory of his own", ETIME);
		else if (waiter.ret && waiter.ret != -EDQUOT)
			unexpected("Bob", "wait for memory of his own", waiter.ret);
	}
	for (int i = 0; i < OTHERS; i++)
		empty(others[i]);
	empty(first);
}

static void bob_main(void)
{
	char group[MPIPC_GROUP_MAX];
	int primary, first, others[OTHERS];

	name(group, "bob");
	primary = open_primary(group);
	first = open_secondary(group);
	for (int i = 0; i < OTHERS; i++)
		others[i] = open_secondary(group);
	while (phase() == RUN && !ledger->n_violations) {
		if (rnd(4))
			talk("Bob", first, MPIPC_TO_PRIMARY, primary);
		else
			wait_for_own_memory(primary, others, first);
	}
}

/* The supervisor's side */

/**
 * neighbours_set_up - prepare the memory cgroups of the neighbours
 *
 * Return: 0 or a negative error number.
 */
int neighbours_set_up(void)
{
	char path[128];

	if ((mkdir(CGROUPS, 0755) && errno != EEXIST) ||
	    mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) ||
	    write_file(CGROUPS "/cgroup.subtree_control", "+memory"))
		return -errno;
	for (int i = 0; i < N_NEIGHBOURS; i++) {
		snprintf(path, sizeof(path), CGROUPS "/%d", i);
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/**
 * neighbours_start - start the neighbours of a round
 * @seed: of the round
 * @bytes: parameter user_bytes
 */
void neighbours_start(__u64 seed, long long bytes)
{
	for (int i = 0; i < N_NEIGHBOURS; i++) {
		neighbours[i] = fork();
		if (neighbours[i])
			continue;
		become(i, seed);
		if (i == ALICE)
			alice_main();
		else if (i == MALLORY)
			mallory_main();
		else if (i == TRUDY)
			trudy_main(bytes);
		else
			bob_main();
		_exit(0);
	}
}
