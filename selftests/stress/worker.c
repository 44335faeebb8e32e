// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stress program's workers: what a process and its threads do in a round.
 *
 * What a thread does in a step depends on the seed, the worker's place and life,
 * the thread and the number of the step, not on what came of the steps before.
 */
#include "device.h"
#include "fd.h"
#include "memory.h"
#include "stress.h"
#include "user.h"
#include "wait.h"

#include <linux/io_uring.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define MAX_RESULTS	64
#define ANSWER_SIZE	512
#define ANSWER_FDS	2
#define READ_SIZE	8192
#define MAX_FILES	4
#define MAX_HELD	16
#define MAX_QUESTIONS	16

/* A place is empty, busy (somebody joins, leaves or moves it), or has an endpoint. */
#define EMPTY		0ULL
#define BUSY		1ULL

/**
 * struct payload - how a payload begins, if there is any
 * @seed: of the round
 * @entry: what the sender wrote down about it
 * @size: bytes, all in all
 * @n_fds: how many descriptors; up to %MAX_FILES are described
 * @sum: of everything, with this as 0
 * @files: what they are
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
 * @token: tells it from others of its kind
 */
struct passed {
	enum op kind;
	int fd;
	bool borrowed;
	__u64 token;
};

/**
 * struct question - a request that is to be answered
 * @place: endpoint that was asked
 * @call: its id
 * @of: its entry
 * @max_size: how large the answer may be
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
	int answer_fds[MAX_RESULTS * ANSWER_FDS];
	struct mpipc_record results[MAX_RESULTS];
	__u64 answers[MAX_RESULTS * ANSWER_SIZE / 8];
	__u64 data[MPIPC_SIZE_MAX / 8];
	__u64 out[MPIPC_SIZE_MAX / 8];
};

static struct thread threads[THREADS];
static __thread struct thread *self;
static __u32 my_proc, my_image;
static __u64 places[PLACES];
static int next_fd;
static int path_fd;		/* an O_PATH file */
static void *nowhere;		/* memory that nobody may touch */
static pthread_barrier_t started;
static __u32 n_quiet;

/* What the threads share; taken for no longer than a copy. */
static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;
static struct passed held[MAX_HELD];
static struct question questions[MAX_QUESTIONS];
static struct question async_calls[MAX_QUESTIONS];

/* Decisions */

static __u64 rnd(__u64 below)
{
	self->random = mix(self->random);
	return self->random % below;
}

static bool chance(unsigned int percent)
{
	return rnd(100) < percent;
}

static void seed_step(void)
{
	struct image *image = &ledger->images[my_image];
	struct proc *proc = &ledger->procs[my_proc];

	self->random = mix(ledger->seed ^ mix(proc->slot) ^ mix(proc->nth << 8) ^
			   mix((__u64)image->nth << 32) ^ mix((__u64)self->index << 48) ^
			   mix(self->step << 52 ^ self->step));
	self->step++;
}

/* The ledger */

static __u32 new_chunk(void)
{
	__u32 n = __atomic_fetch_add(&ledger->n_chunks, 1, __ATOMIC_SEQ_CST);

	/* The rest is for the end of the round. */
	if (n >= MAX_CHUNKS / 4 * 3)
		set_phase(RUN, QUIET);
	if (n >= MAX_CHUNKS) {
		violation(P_CONTENT, NONE, NONE, "the ledger is too small");
		_exit(EXIT_FAILURE);
	}
	ledger->chunks[n].next = NONE;
	return n;
}

static void new_log(struct thread *thread)
{
	__u32 n = __atomic_fetch_add(&ledger->n_logs, 1, __ATOMIC_SEQ_CST);

	thread->log = n;
	thread->chunk = new_chunk();
	ledger->log_image[n] = my_image;
	__atomic_store_n(&ledger->log_chunk[n], thread->chunk, __ATOMIC_RELEASE);
}

static struct entry *entry_begin(enum op op, __u32 member)
{
	struct chunk *chunk = &ledger->chunks[self->chunk];
	struct entry *e;

	if (chunk->used == CHUNK) {
		self->chunk = new_chunk();
		chunk->next = self->chunk;
		chunk = &ledger->chunks[self->chunk];
	}
	e = &chunk->entries[chunk->used];
	memset(e, 0, sizeof(*e));
	e->op = op;
	e->log = self->log;
	e->member = member;
	e->of = NONE;
	e->begin = now_ns();
	__atomic_store_n(&chunk->used, chunk->used + 1, __ATOMIC_RELEASE);
	return e;
}

static void entry_end(struct entry *e, int ret)
{
	e->ret = ret;
	__atomic_store_n(&e->end, now_ns(), __ATOMIC_RELEASE);
}

/* Nothing happened; the entry is the last of its thread. */
static void entry_undo(void)
{
	ledger->chunks[self->chunk].used--;
}

/* Places */

static __u64 place_of(int fd, __u32 member)
{
	return (__u64)member << 32 | fd;
}

static int place_fd(__u64 place)
{
	return place & INT32_MAX;
}

static __u32 place_member(__u64 place)
{
	return place >> 32;
}

static struct member *member_of(__u64 place)
{
	return &ledger->members[place_member(place)];
}

/* An endpoint, if there is one where it looks. */
static __u64 any_place(void)
{
	unsigned int first = rnd(PLACES);

	for (unsigned int i = 0; i < PLACES; i++) {
		__u64 place = __atomic_load_n(&places[(first + i) % PLACES], __ATOMIC_SEQ_CST);

		if (place != EMPTY && place != BUSY)
			return place;
	}
	return EMPTY;
}

static bool change_place(__u64 *at, __u64 from, __u64 to)
{
	return __atomic_compare_exchange_n(at, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* Takes an endpoint away from the other threads. */
static __u64 *seize_place(__u64 *place)
{
	__u64 *at = &places[rnd(PLACES)];

	*place = __atomic_load_n(at, __ATOMIC_SEQ_CST);
	if (*place == EMPTY || *place == BUSY || !change_place(at, *place, BUSY))
		return NULL;
	return at;
}

static int new_fd(void)
{
	return __atomic_fetch_add(&next_fd, 1, __ATOMIC_SEQ_CST);
}

/* Open files */

static __u64 fdinfo(int fd, const char *key, int base)
{
	char path[64], text[1024];
	char *found;
	ssize_t n;
	int info;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	n = read(info, text, sizeof(text) - 1);
	close(info);
	text[n < 0 ? 0 : n] = '\0';
	found = strstr(text, key);
	return found ? strtoull(found + strlen(key), NULL, base) : 0;
}

static __u64 inode(int fd, mode_t type)
{
	struct stat st;

	return !fstat(fd, &st) && (st.st_mode & S_IFMT) == type ? st.st_ino : 0;
}

/* What tells it from others; 0 if it is not of that kind at all. */
static __u64 identify(enum op kind, int fd)
{
	struct mpipc_info info;

	switch (kind) {
	case OP_PASS_PIPE:
		return inode(fd, S_IFIFO);
	case OP_PASS_SOCKET:
		return inode(fd, S_IFSOCK);
	case OP_PASS_MEMFD:
		return inode(fd, S_IFREG);
	case OP_PASS_PATH:
		return fcntl(fd, F_GETFL) & O_PATH ? inode(fd, S_IFDIR) : 0;
	case OP_PASS_EVENTFD:
		return fdinfo(fd, "eventfd-count:", 16);
	case OP_PASS_EPOLL:
		return fdinfo(fd, "data:", 16);
	case OP_PASS_MPIPC:
		return get_info(fd, &info) ? 0 : info.id;
	default:
		return 0;
	}
}

static int open_epoll(__u64 token)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = token };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	/* It has to be among what it watches for to be told from others. */
	epoll_ctl(epoll, EPOLL_CTL_ADD, CANARY_FD + CANARIES / 2, &event);
	return epoll;
}

/* A socket that has an endpoint in its queue. */
static int open_socket_with(int fd)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	if (!send_scm(pair[0], &fd, 1))
		done(OP_SCM);
	close(pair[0]);
	return pair[1];
}

static int open_uring(void)
{
	struct io_uring_params params = { 0 };

	return syscall(SYS_io_uring_setup, 1, &params);
}

static struct passed take_held(void)
{
	struct passed file = { 0 };
	unsigned int i = rnd(MAX_HELD);

	pthread_mutex_lock(&shared);
	if (held[i].kind) {
		file = held[i];
		held[i].kind = 0;
	}
	pthread_mutex_unlock(&shared);
	return file;
}

/* Keeps a received file, or closes it. */
static void hold(enum op kind, int fd, __u64 token)
{
	struct passed file = { .kind = kind, .fd = fd, .token = token };
	unsigned int i = rnd(MAX_HELD);

	if (chance(30) && !self->own_table) {
		struct passed old;

		pthread_mutex_lock(&shared);
		old = held[i];
		held[i] = file;
		pthread_mutex_unlock(&shared);
		file = old;
	}
	if (file.kind)
		close(file.fd);
}

/* A file to pass, if it can be had. */
static struct passed open_file(__u64 place)
{
	static const enum op kinds[] = {
		OP_PASS_PIPE, OP_PASS_PIPE, OP_PASS_SOCKET, OP_PASS_SOCKET, OP_PASS_EVENTFD,
		OP_PASS_MEMFD, OP_PASS_EPOLL, OP_PASS_PATH, OP_PASS_MPIPC, OP_PASS_MPIPC,
	};
	__u64 token = 1 + rnd(INT32_MAX);
	struct passed file = { .kind = kinds[rnd(ARRAY_SIZE(kinds))] };

	if (chance(2))
		file.kind = OP_PASS_URING;
	if (chance(20) && !self->own_table) {
		struct passed old = take_held();

		if (old.kind) {
			done(OP_PASS_ON);
			return old;
		}
	}
	switch (file.kind) {
	case OP_PASS_PIPE:
		file.borrowed = true;
		file.fd = CANARY_FD + rnd(CANARIES / 2);
		break;
	case OP_PASS_SOCKET:
		file.borrowed = chance(60);
		file.fd = file.borrowed ? (int)(CANARY_FD + CANARIES / 2 + rnd(CANARIES / 2)) :
					  open_socket_with(place_fd(place));
		break;
	case OP_PASS_EVENTFD:
		file.fd = eventfd(token, EFD_CLOEXEC);
		break;
	case OP_PASS_MEMFD:
		file.fd = memfd_create("stress", MFD_CLOEXEC);
		break;
	case OP_PASS_EPOLL:
		file.fd = open_epoll(token);
		break;
	case OP_PASS_PATH:
		file.fd = path_fd;
		file.borrowed = true;
		break;
	case OP_PASS_MPIPC:
		/* From here on its own process may come to have more descriptors of it. */
		member_of(place)->passed = 1;
		file.fd = place_fd(place);
		file.borrowed = true;
		break;
	default:
		file.fd = open_uring();
	}
	file.token = identify(file.kind, file.fd);
	if (file.fd < 0 || (!file.token && file.kind != OP_PASS_URING)) {
		if (file.fd >= 0 && !file.borrowed)
			close(file.fd);
		file.kind = 0;
	}
	return file;
}

/* Messages */

static __u64 checksum(const void *data, size_t size)
{
	const __u64 *words = data;
	__u64 sum = size, tail = 0;

	for (size_t i = 0; i < size / 8; i++)
		sum = (sum ^ words[i]) * 0x100000001b3ULL;
	memcpy(&tail, (const char *)data + size / 8 * 8, size % 8);
	return (sum ^ tail) * 0x100000001b3ULL;
}

/**
 * struct outgoing - a message or an answer
 * @e: its entry
 * @body: what it is made of
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

static size_t any_size(size_t max)
{
	size_t size = sizeof(struct payload);

	switch (rnd(20)) {
	case 0:
		size += rnd(MPIPC_SIZE_MAX - size + 1);
		break;
	case 1 ... 4:
		return 0;
	case 5 ... 7:
		size += rnd(4096);
		break;
	default:
		size += rnd(200);
	}
	return size < max ? size : max;
}

static void add_files(struct outgoing *out, __u64 place, unsigned int max)
{
	unsigned int n = 1 + rnd(MAX_FILES);

	if (max >= MPIPC_FDS_MAX && chance(3)) {
		out->files[0] = (struct passed){ OP_PASS_PIPE, CANARY_FD, true,
						 ledger->canary[0] };
		out->n_files = 1;
		out->body.n_fds = MPIPC_FDS_MAX;
	} else {
		while (out->n_files < n && out->n_files < max) {
			out->files[out->n_files] = open_file(place);
			if (!out->files[out->n_files].kind)
				break;
			out->n_files++;
		}
		out->body.n_fds = out->n_files;
	}
	for (unsigned int i = 0; i < out->body.n_fds; i++) {
		struct passed *file = &out->files[i < out->n_files ? i : 0];

		self->fds[i] = file->fd;
		if (file->kind == OP_PASS_URING)
			out->e->may_fail = EOPNOTSUPP;
		if (file->kind == OP_PASS_MPIPC)
			out->pass_mpipc = true;
	}
	if (out->pass_mpipc && chance(10)) {
		out->pass_mpipc = false;
		out->e->may_fail = EOPNOTSUPP;
	}
}

/* What the receiver finds everything by is the name: the number of the entry. */
static void fill_body(struct outgoing *out, size_t size)
{
	struct payload *payload = (struct payload *)self->out;
	__u64 word = mix(ledger->seed ^ entry_index(out->e));

	snprintf(out->body.name, sizeof(out->body.name), "%x", entry_index(out->e));
	if (out->body.n_fds && size < sizeof(*payload))
		size = sizeof(*payload);
	for (size_t i = 0; i <= size / 8 && i < ARRAY_SIZE(self->out); i++)
		self->out[i] = word = word * 6364136223846793005ULL + 1442695040888963407ULL;
	out->body.data = to_u64(self->out);
	out->body.fds = to_u64(self->fds);
	out->body.size = size;
	out->e->rec.size = size;
	out->e->rec.n_fds = out->body.n_fds;
	memcpy(out->e->rec.name, out->body.name, sizeof(out->e->rec.name));
	if (size < sizeof(*payload))
		return;
	payload->seed = ledger->seed;
	payload->entry = entry_index(out->e);
	payload->size = size;
	payload->n_fds = out->body.n_fds;
	payload->sum = 0;
	for (unsigned int i = 0; i < out->n_files; i++) {
		payload->files[i].kind = out->files[i].kind;
		payload->files[i].token = out->files[i].token;
	}
	payload->sum = checksum(payload, size);
}

static struct outgoing outgoing(enum op op, __u64 place, size_t max_size,
				unsigned int max_fds)
{
	struct outgoing out = { .e = entry_begin(op, place_member(place)) };
	size_t size = any_size(max_size);

	if (max_fds && max_size >= sizeof(struct payload) && chance(15))
		add_files(&out, place, max_fds);
	fill_body(&out, size);
	return out;
}

/* What came of it. */
static void sent_out(struct outgoing *out, int ret)
{
	entry_end(out->e, ret);
	for (unsigned int i = 0; i < out->n_files; i++) {
		struct passed *file = &out->files[i];

		if (!ret)
			done(file->kind);
		else if (ret == -EOPNOTSUPP && file->kind == OP_PASS_URING)
			done(OP_PASS_URING);
		if (!file->borrowed)
			close(file->fd);
	}
	if (!ret && out->body.n_fds == MPIPC_FDS_MAX)
		done(OP_PASS_MANY);
	if (ret == -EINTR)
		done(OP_INTERRUPTED);
	if (ret == -EAGAIN || ret == -ETIMEDOUT)
		done(OP_GOT_FULL);
}

/* Where an endpoint can send to: one of the last secondaries, be it gone or not. */
static __u64 any_secondary(struct member *from)
{
	__u32 n = __atomic_load_n(&ledger->n_members, __ATOMIC_SEQ_CST);
	__u32 range = n < 40 ? n : 40, first = rnd(range + 1);

	for (__u32 i = 0; i < range; i++) {
		struct member *m = &ledger->members[n - 1 - (first + i) % range];

		if (m->group == from->group && m->join.role == MPIPC_SECONDARY && m->join_end &&
		    (!m->leave_begin || rnd(8) == 0))
			return m->join.id;
	}
	return MPIPC_TO_ALL;
}

static __u64 any_destination(struct member *from)
{
	unsigned int luck = rnd(100);

	if (from->join.role == MPIPC_PRIMARY)
		return luck < 25 ? MPIPC_TO_ALL : any_secondary(from);
	if (luck < 50 || from->join.flags & MPIPC_JOIN_FOLLOW)
		return MPIPC_TO_PRIMARY;
	return from->join.primary;
}

static __u64 any_patience(void)
{
	static const unsigned int ms[] = { 0, 0, 0, 1, 3, 20 };
	unsigned int wait = ms[rnd(ARRAY_SIZE(ms))];

	return wait ? in_ms(wait) : 0;
}

static void write_message(__u64 place, struct outgoing *out)
{
	static __thread struct {
		struct mpipc_record record;
		char data[MPIPC_SIZE_MAX];
	} message;
	size_t len = sizeof(message.record) + out->body.size;
	ssize_t n;

	message.record = (struct mpipc_record){
		.type = MPIPC_MESSAGE,
		.peer = out->e->rec.peer,
		.deadline = out->e->rec.deadline,
		.size = out->body.size,
	};
	memcpy(message.record.name, out->body.name, sizeof(out->body.name));
	memcpy(message.data, self->out, out->body.size);
	out->e->op = OP_WRITE;
	n = write(place_fd(place), &message, len);
	sent_out(out, n < 0 ? -errno : n == (ssize_t)len ? 0 : -EIO);
	if (n >= 0)
		done(OP_WRITE);
}

static void do_send(__u64 place)
{
	struct member *from = member_of(place);
	__u64 to = any_destination(from), deadline = any_patience();
	struct outgoing out = outgoing(OP_SEND, place, MPIPC_SIZE_MAX, MPIPC_FDS_MAX);
	struct mpipc_send_args send;
	int ret;

	if (to == MPIPC_TO_ALL)
		out.e->op = OP_SEND_ALL;
	out.e->rec.peer = to;
	out.e->rec.deadline = deadline;
	if (!out.n_files && to != MPIPC_TO_ALL && chance(30)) {
		if (from->nonblock)
			out.e->rec.deadline = 0;
		write_message(place, &out);
		return;
	}
	send = (struct mpipc_send_args){
		.to = to,
		.flags = out.pass_mpipc ? MPIPC_PASS_MPIPC : 0,
		.deadline = deadline,
		.body = out.body,
	};
	ret = do_ioctl(place_fd(place), MPIPC_SEND, &send);
	out.e->sent = send.sent;
	out.e->full = send.full;
	sent_out(&out, ret);
	if (!ret)
		done(out.e->op);
}

/* Answers */

static void ask_later(struct question *list, const struct question *question)
{
	unsigned int i = rnd(MAX_QUESTIONS);

	pthread_mutex_lock(&shared);
	list[i] = *question;
	pthread_mutex_unlock(&shared);
}

static struct question take_question(struct question *list)
{
	unsigned int first = rnd(MAX_QUESTIONS);
	struct question question = { 0 };

	pthread_mutex_lock(&shared);
	for (unsigned int i = 0; i < MAX_QUESTIONS && !question.call; i++) {
		question = list[(first + i) % MAX_QUESTIONS];
		list[(first + i) % MAX_QUESTIONS].call = 0;
	}
	pthread_mutex_unlock(&shared);
	return question;
}

static struct outgoing answer(const struct question *q, struct mpipc_reply_args *reply,
			      size_t max_size, unsigned int max_fds)
{
	struct outgoing out = outgoing(OP_REPLY, q->place, max_size, max_fds);

	/* No more than the caller takes, unless that is meant. */
	if (!out.e->may_fail &&
	    (out.body.size > q->max_size || out.body.n_fds > q->max_fds))
		out.e->may_fail = EMSGSIZE;
	out.e->of = q->of;
	out.e->rec.call = q->call;
	out.e->rec.status = chance(10) ? -(int)(1 + rnd(100)) : 0;
	*reply = (struct mpipc_reply_args){
		.call = q->call,
		.flags = out.pass_mpipc ? MPIPC_PASS_MPIPC : 0,
		.status = out.e->rec.status,
		.body = out.body,
	};
	return out;
}

static int reply_once(const struct question *q, size_t max_size, unsigned int max_fds)
{
	struct mpipc_reply_args reply;
	struct outgoing out = answer(q, &reply, max_size, max_fds);
	int ret = do_ioctl(place_fd(q->place), MPIPC_REPLY, &reply);

	sent_out(&out, ret);
	if (!ret)
		done(OP_REPLY);
	return ret;
}

static void do_reply(const struct question *q)
{
	bool twice = chance(20);

	if (chance(15) && reply_once(q, MPIPC_SIZE_MAX, MPIPC_FDS_MAX) == -EMSGSIZE)
		done(OP_REPLY_BIG);
	if (!reply_once(q, q->max_size, q->max_fds) && twice) {
		reply_once(q, q->max_size, q->max_fds);
		done(OP_REPLY_TWICE);
	}
}

/* Receiving */

/* Whether the files are those that the payload, which is intact, tells of. */
static void check_files(const struct mpipc_record *record, const struct payload *payload,
			const int *fds, __u32 member)
{
	for (__u32 i = 0; i < record->n_fds; i++) {
		__u32 n = payload->n_fds > MAX_FILES ? 0 : i;
		enum op kind = payload->files[n].kind;
		__u64 token = payload->files[n].token;
		__u64 found = 0;

		if (fds[i] >= 0)
			found = identify(kind, fds[i]);
		if (found != token)
			violation(P_FILES, member, entry_at(payload->entry)->member,
				  "entry %#x: file %u of %u should be %d:%#llx, is %#llx (%d)",
				  payload->entry, i, record->n_fds, kind, token, found, fds[i]);
		if (fds[i] < 0)
			continue;
		if (n == i)
			hold(kind, fds[i], token);
		else
			close(fds[i]);
	}
}

/* Returns the entry of the sender; NONE: this is none of its. */
static __u32 check_content(struct mpipc_record *record, void *data, const int *fds,
			   bool drop_fds, __u32 member)
{
	struct payload *payload = data;
	char *end;
	__u32 of = strtoul(record->name, &end, 16);
	const char *wrong = NULL;
	struct entry *sent;
	__u64 sum;

	if (*end || end == record->name || of >= ledger->n_chunks * CHUNK) {
		violation(P_CONTENT, member, NONE, "a message of the name \"%s\"", record->name);
		return NONE;
	}
	sent = entry_at(of);
	if (record->size != sent->rec.size)
		wrong = "size";
	else if (record->n_fds != (drop_fds ? 0 : sent->rec.n_fds))
		wrong = "number of files";
	if (!wrong && record->size) {
		sum = payload->sum;
		payload->sum = 0;
		if (payload->seed != ledger->seed || payload->entry != of ||
		    payload->size != record->size || checksum(data, record->size) != sum)
			wrong = "payload";
	}
	if (wrong) {
		violation(P_CONTENT, member, sent->member,
			  "entry %#x: wrong %s: sent %u bytes, %u files; got %u and %u", of, wrong,
			  sent->rec.size, sent->rec.n_fds, record->size, record->n_fds);
		for (__u32 i = 0; i < record->n_fds; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		return of;
	}
	check_files(record, payload, fds, member);
	return of;
}

static void count_result(const struct mpipc_record *record)
{
	if (record->flags & MPIPC_REC_REPLIED)
		done(OP_GOT_ANSWER);
	else if (record->status == -ECONNRESET)
		done(OP_GOT_RESET);
	else if (record->status == -ETIMEDOUT)
		done(OP_GOT_TIMEOUT);
	else if (record->status == -ECANCELED)
		done(OP_GOT_CANCELED);
	else if (record->status == -EAGAIN)
		done(OP_GOT_FULL);
}

static void count_record(const struct mpipc_record *record)
{
	if (record->type == MPIPC_JOINED)
		done(OP_GOT_JOINED);
	if (record->type == MPIPC_LEFT)
		done(OP_GOT_LEFT);
	if (record->type == MPIPC_REPLY_TO)
		count_result(record);
	if (record->lost)
		done(OP_GOT_LOST);
}

/* Completes the entry of a record, and may leave a question. */
static void received(__u64 place, struct entry *e, const struct mpipc_record *record,
		     void *data, const int *fds, bool drop_fds, struct question *question)
{
	struct member *m = member_of(place);

	e->rec = *record;
	question->call = 0;
	if (record->type == MPIPC_MESSAGE || record->type == MPIPC_REQUEST ||
	    record->flags & MPIPC_REC_REPLIED)
		e->of = check_content(&e->rec, data, fds, drop_fds, e->member);
	entry_end(e, 0);
	done(OP_RECEIVE);
	count_record(record);
	if (record->type == MPIPC_REPLY_TO && record->flags & MPIPC_REC_LAST)
		__atomic_fetch_sub(&m->async_open, 1, __ATOMIC_SEQ_CST);
	if (record->type == MPIPC_REQUEST && e->of != NONE)
		*question = (struct question){ place, record->call, e->of, record->reply_size,
					       record->reply_fds };
}

static void consider(const struct question *question)
{
	unsigned int luck = rnd(100);

	if (!question->call)
		return;
	if (luck < 60)
		do_reply(question);
	else if (luck < 90)
		ask_later(questions, question);
}

/* There was nothing there, unless a record was about to be put back. */
static void note_empty(struct member *m, __u64 begin, __u32 faults_ended, __u32 faults_begun)
{
	__u64 old = m->empty_at;

	if (faults_begun != faults_ended || m->faults_begun != faults_begun)
		return;
	while (old < begin &&
	       !__atomic_compare_exchange_n(&m->empty_at, &old, begin, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST))
		;
}

struct look {
	__u64 begin;
	__u32 faults_ended;
	__u32 faults_begun;
};

static struct look look(struct member *m)
{
	struct look look;

	look.begin = now_ns();
	look.faults_ended = __atomic_load_n(&m->faults_ended, __ATOMIC_SEQ_CST);
	look.faults_begun = __atomic_load_n(&m->faults_begun, __ATOMIC_SEQ_CST);
	return look;
}

/* What is not there, or is gone, needs no entry. */
static void not_received(struct member *m, const struct look *look, int ret)
{
	entry_undo();
	switch (ret) {
	case -EAGAIN:
	case -ETIMEDOUT:
		note_empty(m, look->begin, look->faults_ended, look->faults_begun);
		break;
	case -EINTR:
		done(OP_INTERRUPTED);
		break;
	case -EMSGSIZE:
	case -EFAULT:
		break;
	case -ENOTTY:
	case -EBADF:
		if (m->moved)
			break;
		/* fallthrough */
	case -ESHUTDOWN:
		if (m->leave_begin || ledger->procs[my_proc].dying ||
		    ledger->images[my_image].dying)
			break;
		/* fallthrough */
	default:
		violation(P_ERRORS, m - ledger->members, NONE, "receive failed: %s",
			  strerror(-ret));
	}
}

/* Returns 0 or an error; a question may come of it. */
static int receive(__u64 place, __u64 deadline, bool drop_fds, struct question *question)
{
	struct member *m = member_of(place);
	struct look before = look(m);
	struct entry *e = entry_begin(OP_RECEIVE, place_member(place));
	struct mpipc_recv_args recv = {
		.flags = drop_fds ? MPIPC_RECV_DROP_FDS : 0,
		.max_fds = MPIPC_FDS_MAX,
		.max_size = MPIPC_SIZE_MAX,
		.data = to_u64(self->data),
		.fds = to_u64(self->fds),
		.deadline = deadline,
	};
	int ret = do_ioctl(place_fd(place), MPIPC_RECV, &recv);

	question->call = 0;
	if (ret)
		not_received(m, &before, ret);
	else
		received(place, e, &recv.record, self->data, self->fds, drop_fds, question);
	return ret;
}

static void do_receive(__u64 place)
{
	bool drop_fds = chance(3);
	struct question question;
	__u64 deadline = any_patience();

	for (unsigned int n = 1 + rnd(8); n; n--) {
		if (receive(place, deadline, drop_fds, &question))
			return;
		if (drop_fds)
			done(OP_DROP_FDS);
		consider(&question);
	}
}

static void do_reply_receive(__u64 place)
{
	struct question question = take_question(questions);
	struct member *m = member_of(place);
	struct mpipc_reply_recv_args arg = { .reply_error = 1 };
	struct outgoing out;
	struct look before;
	struct entry *e;
	int ret;

	if (!question.call)
		return;
	/* It is answered with the endpoint that was asked, so that one receives. */
	place = question.place;
	m = member_of(place);
	out = answer(&question, &arg.reply, question.max_size, question.max_fds);
	before = look(m);
	e = entry_begin(OP_RECEIVE, place_member(place));
	arg.recv = (struct mpipc_recv_args){
		.max_fds = MPIPC_FDS_MAX,
		.max_size = MPIPC_SIZE_MAX,
		.data = to_u64(self->data),
		.fds = to_u64(self->fds),
		.deadline = any_patience(),
	};
	/* The answer's descriptors were read before the record's are written. */
	ret = do_ioctl(place_fd(place), MPIPC_REPLY_RECV, &arg);
	question.call = 0;
	if (ret)
		not_received(m, &before, ret);
	else
		received(place, e, &arg.recv.record, self->data, self->fds, false, &question);
	sent_out(&out, arg.reply_error == 1 ? ret : arg.reply_error);
	if (arg.reply_error != 1)
		done(OP_REPLY_RECEIVE);
	consider(&question);
}

static void do_read(__u64 place)
{
	struct member *m = member_of(place);
	struct question asked[READ_SIZE / sizeof(struct mpipc_record)];
	struct look before = look(m);
	unsigned int n_asked = 0;
	struct entry *whole;
	char *at = (char *)self->data;
	ssize_t n;

	/* Nothing else tells when to stop waiting. */
	if (!m->nonblock)
		return;
	whole = entry_begin(OP_READ, place_member(place));
	n = read(place_fd(place), at, READ_SIZE);
	if (n < 0 && errno == EOPNOTSUPP) {
		entry_undo();
		return;
	}
	if (n < 0) {
		not_received(m, &before, -errno);
		return;
	}
	for (char *end = at + n; at < end; at += ((struct mpipc_record *)at)->len) {
		struct mpipc_record *record = (struct mpipc_record *)at;

		received(place, entry_begin(OP_RECEIVE, place_member(place)), record, record + 1,
			 NULL, false, &asked[n_asked]);
		n_asked += !!asked[n_asked].call;
	}
	entry_end(whole, n);
	done(OP_READ);
	while (n_asked--)
		consider(&asked[n_asked]);
}

/* To memory that is not there: the record stays. */
static void do_fault(__u64 place)
{
	struct member *m = member_of(place);
	struct mpipc_recv_args recv = {
		.max_fds = MPIPC_FDS_MAX,
		.max_size = MPIPC_SIZE_MAX,
		.data = to_u64(nowhere),
		.fds = to_u64(nowhere),
	};
	struct entry *e = entry_begin(OP_RECEIVE, place_member(place));
	struct question question;
	int ret;

	__atomic_fetch_add(&m->faults_begun, 1, __ATOMIC_SEQ_CST);
	ret = do_ioctl(place_fd(place), MPIPC_RECV, &recv);
	__atomic_fetch_add(&m->faults_ended, 1, __ATOMIC_SEQ_CST);
	if (!ret) {
		/* It had neither payload nor files. */
		received(place, e, &recv.record, self->data, self->fds, false, &question);
		consider(&question);
		return;
	}
	if (ret == -EFAULT)
		done(OP_FAULT);
	/* What it put back after another thread had left is gone: it counts as in flight. */
	if (ret != -EFAULT || !__atomic_load_n(&m->leave_begin, __ATOMIC_SEQ_CST))
		entry_undo();
}

static void do_no_room(__u64 place)
{
	struct mpipc_recv_args recv = { 0 };
	struct entry *e = entry_begin(OP_RECEIVE, place_member(place));
	struct question question;
	int ret = do_ioctl(place_fd(place), MPIPC_RECV, &recv);

	if (!ret) {
		received(place, e, &recv.record, self->data, self->fds, false, &question);
		consider(&question);
		return;
	}
	entry_undo();
	if (ret == -EMSGSIZE)
		done(OP_NO_ROOM);
}

/* Calls */

static void set_call(struct mpipc_call_args *call, __u64 place)
{
	pthread_mutex_lock(&shared);
	self->call = call;
	self->call_place = place;
	pthread_mutex_unlock(&shared);
}

static int cancel(__u64 place, __u64 call)
{
	struct entry *e = entry_begin(OP_CANCEL, place_member(place));
	struct mpipc_cancel_args arg = { .call = call };
	int ret;

	e->rec.call = call;
	ret = do_ioctl(place_fd(place), MPIPC_CANCEL, &arg);
	entry_end(e, ret);
	if (!ret)
		done(OP_CANCEL);
	return ret;
}

static void write_results(struct entry *call, const struct mpipc_call_args *arg)
{
	for (__u32 i = 0; i < arg->n_results && i < MAX_RESULTS; i++) {
		struct entry *e = entry_begin(OP_RESULT, call->member);
		struct mpipc_record *record = &self->results[i];

		e->rec = *record;
		if (record->flags & MPIPC_REC_REPLIED)
			e->of = check_content(&e->rec,
					      (char *)self->answers + i * arg->reply_size,
					      &self->answer_fds[i * arg->reply_fds], false,
					      call->member);
		/* What it belongs to is the entry before. */
		entry_end(e, 0);
		done(OP_RESULT);
		count_result(record);
	}
}

/* Goes on with an interrupted call, or gives it up. */
static int see_through(__u64 place, struct mpipc_call_args *arg)
{
	int ret = do_ioctl(place_fd(place), MPIPC_CALL, arg);

	while (ret == -EINTR && arg->id) {
		done(OP_INTERRUPTED);
		if (chance(50)) {
			/* Another thread may have been faster. */
			cancel(place, arg->id);
			done(OP_ABANDON);
			return -EINTR;
		}
		done(OP_RESUME);
		ret = do_ioctl(place_fd(place), MPIPC_CALL, arg);
	}
	return ret;
}

static void do_call(__u64 place)
{
	static const unsigned int ms[] = { 1, 5, 20, 50, 200 };
	struct member *from = member_of(place);
	__u64 to = any_destination(from);
	bool async = chance(40), patient = chance(30);
	struct outgoing out = outgoing(OP_CALL, place, MPIPC_SIZE_MAX, MPIPC_FDS_MAX);
	struct mpipc_call_args call = {
		.to = to,
		.max_results = MAX_RESULTS,
		.reply_size = chance(80) ? ANSWER_SIZE : 0,
		.reply_fds = chance(50) ? ANSWER_FDS : 0,
		.deadline = in_ms(ms[rnd(ARRAY_SIZE(ms))]),
		.results = to_u64(self->results),
		.reply_data = to_u64(self->answers),
		.reply_fd_list = to_u64(self->answer_fds),
		.body = out.body,
	};
	int ret;

	if (out.pass_mpipc)
		call.flags |= MPIPC_PASS_MPIPC;
	if (patient)
		call.flags |= MPIPC_CALL_WAIT_SPACE;
	if (async)
		call.flags |= MPIPC_CALL_ASYNC;
	out.e->flags = call.flags;
	out.e->op = OP_CALL + (async ? OP_CALL_ASYNC - OP_CALL : 0) + (to == MPIPC_TO_ALL);
	out.e->rec.peer = to;
	out.e->rec.deadline = call.deadline;
	out.e->rec.reply_size = call.reply_size;
	out.e->rec.reply_fds = call.reply_fds;
	if (async) {
		/* It may be over before this is. */
		__atomic_fetch_add(&from->async_open, 1, __ATOMIC_SEQ_CST);
		ret = do_ioctl(place_fd(place), MPIPC_CALL, &call);
		if (ret)
			__atomic_fetch_sub(&from->async_open, 1, __ATOMIC_SEQ_CST);
	} else {
		set_call(&call, place);
		ret = see_through(place, &call);
		set_call(NULL, 0);
	}
	out.e->rec.call = call.id;
	out.e->sent = call.n_results;
	sent_out(&out, ret);
	if (ret)
		return;
	done(out.e->op);
	if (async)
		ask_later(async_calls, &(struct question){ .place = place, .call = call.id });
	else
		write_results(out.e, &call);
}

static void do_cancel(void)
{
	struct question question = { 0 };
	struct thread *other = &threads[rnd(THREADS)];

	pthread_mutex_lock(&shared);
	if (other->call) {
		question.place = other->call_place;
		question.call = __atomic_load_n(&other->call->id, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&shared);
	if (!question.call)
		question = take_question(async_calls);
	if (question.call)
		cancel(question.place, question.call);
}

/* Looking */

static void do_look(__u64 place)
{
	struct mpipc_peer list[MAX_RESULTS];
	struct mpipc_peers_args peers = { .peers = to_u64(list), .max_peers = MAX_RESULTS };
	struct member *m = member_of(place);
	struct mpipc_info info;
	struct entry *e;
	int ret;

	switch (rnd(3)) {
	case 0:
		ret = poll_for(place_fd(place), POLLIN | POLLRDHUP, 0);
		if (ret >= 0)
			done(OP_POLL);
		break;
	case 1:
		ret = get_info(place_fd(place), &info);
		if (ret)
			break;
		done(OP_INFO);
		if (info.id != m->join.id || info.generation < m->join.generation)
			violation(P_IDENTITY, place_member(place), NONE,
				  "info says id %#llx, generation %llu", info.id, info.generation);
		break;
	default:
		e = entry_begin(OP_LIST, place_member(place));
		ret = do_ioctl(place_fd(place), MPIPC_PEERS, &peers);
		e->sent = peers.n_peers;
		entry_end(e, ret);
		if (ret)
			break;
		done(OP_LIST);
		for (__u32 i = 0; i < peers.n_peers && i < MAX_RESULTS; i++) {
			struct entry *peer = entry_begin(OP_PEER, place_member(place));

			peer->of = entry_index(e);
			peer->rec.peer = list[i].id;
			peer->rec.pid = list[i].pid;
			peer->rec.uid = list[i].uid;
			peer->rec.gid = list[i].gid;
			peer->rec.role = list[i].role;
			peer->rec.generation = list[i].generation;
			entry_end(peer, 0);
			done(OP_PEER);
		}
	}
}

static void do_epoll(__u64 place)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (!epoll_ctl(epoll, EPOLL_CTL_ADD, place_fd(place), &event) &&
	    epoll_wait(epoll, &event, 1, rnd(4)) >= 0)
		done(OP_EPOLL);
	close(epoll);
}

/* Joining and leaving */

static __u32 new_member(void)
{
	__u32 n = self->spare;

	self->spare = NONE;
	if (n != NONE)
		return n;
	n = __atomic_fetch_add(&ledger->n_members, 1, __ATOMIC_SEQ_CST);
	if (n < MAX_MEMBERS)
		return n;
	__atomic_fetch_sub(&ledger->n_members, 1, __ATOMIC_SEQ_CST);
	set_phase(RUN, QUIET);
	return NONE;
}

static bool is_refusal(int err)
{
	switch (err) {
	case -EADDRINUSE:
	case -ENOENT:
	case -ECONNREFUSED:
	case -ETIMEDOUT:
	case -EACCES:
	case -EINTR:
		return true;
	}
	return false;
}

/* Makes an endpoint of a new descriptor; returns its place or EMPTY. */
static __u64 join(int fd)
{
	unsigned int luck = rnd(100);
	__u32 n = new_member();
	struct member *m;
	enum op op;
	int ret;

	if (n == NONE)
		return EMPTY;
	m = &ledger->members[n];
	memset(m, 0, sizeof(*m));
	m->group = rnd(N_GROUPS);
	m->join = join_arg(ledger->groups[m->group],
			   luck < 20 ? MPIPC_PRIMARY : MPIPC_SECONDARY);
	m->image = my_image;
	m->pid = getpid();
	m->uid = geteuid();
	m->gid = getegid();
	if (chance(60))
		m->join.flags |= MPIPC_JOIN_EVENTS;
	op = OP_JOIN_PRIMARY;
	if (luck < 20) {
		m->join.mode = 0666;
	} else {
		op = OP_JOIN_SECONDARY;
		if (luck < 50) {
			op = OP_JOIN_FOLLOW;
			m->join.flags |= MPIPC_JOIN_FOLLOW;
		}
		m->join.deadline = chance(30) ? in_ms(10) : 0;
	}
	if (chance(40)) {
		m->nonblock = 1;
		fcntl(fd, F_SETFL, O_NONBLOCK);
	}
	__atomic_store_n(&m->join_begin, now_ns(), __ATOMIC_SEQ_CST);
	ret = do_ioctl(fd, MPIPC_JOIN, &m->join);
	if (!ret) {
		__atomic_store_n(&m->join_end, now_ns(), __ATOMIC_SEQ_CST);
		done(op);
		return place_of(fd, n);
	}
	m->join_begin = 0;
	self->spare = n;
	if (ret == -EINTR)
		done(OP_INTERRUPTED);
	if (!is_refusal(ret))
		violation(P_ERRORS, n, NONE, "join failed: %s", strerror(-ret));
	return EMPTY;
}

static int open_high(void)
{
	int low = open_dev(), fd;

	if (low < 0) {
		violation(P_ERRORS, NONE, NONE, "open failed: %s", strerror(-low));
		return low;
	}
	fd = dup3(low, new_fd(), O_CLOEXEC);
	close(low);
	return fd;
}

static void do_join(void)
{
	__u64 *at = &places[rnd(PLACES)];
	__u64 place;
	int fd;

	if (!change_place(at, EMPTY, BUSY))
		return;
	fd = open_high();
	place = fd < 0 ? EMPTY : join(fd);
	if (place == EMPTY && fd >= 0)
		close(fd);
	__atomic_store_n(at, place, __ATOMIC_SEQ_CST);
}

static void do_leave(void)
{
	enum op op = OP_LEAVE + rnd(4);
	bool open_elsewhere = chance(50);
	struct member *m;
	__u64 place, *at = seize_place(&place);
	int fd = place_fd(place);

	if (!at)
		return;
	m = member_of(place);
	if (m->passed && !open_elsewhere)
		op = OP_LEAVE;
	mark(&m->leave_begin);
	m->moved = 1;
	switch (op) {
	case OP_LEAVE:
		leave(fd);
		m->leave_end = now_ns();
		close(fd);
		break;
	case OP_CLOSE:
		close(fd);
		break;
	case OP_CLOSE_RANGE:
		close_range(fd, fd, 0);
		break;
	default:
		/* By something that no thread that still has the number can use. */
		dup3(path_fd, fd, O_CLOEXEC);
	}
	/* What was passed may have come back, and been the last descriptor or not. */
	if (!m->passed)
		m->leave_end = now_ns();
	if (op == OP_DUP2)
		close(fd);
	done(op);
	__atomic_store_n(at, EMPTY, __ATOMIC_SEQ_CST);
}

static void do_dup(void)
{
	__u64 place, *at = seize_place(&place);
	int fd;

	if (!at)
		return;
	member_of(place)->moved = 1;
	fd = dup3(place_fd(place), new_fd(), O_CLOEXEC);
	close(place_fd(place));
	done(OP_DUP);
	__atomic_store_n(at, place_of(fd, place_member(place)), __ATOMIC_SEQ_CST);
}

/* Other processes and tables */

/* What another table's owner may do with an endpoint: nothing. */
static void expect_refused(__u64 place)
{
	struct mpipc_recv_args recv = { 0 };
	int ret = do_ioctl(place_fd(place), MPIPC_RECV, &recv);

	if (ret != -EPERM && ret != -ESHUTDOWN && ret != -EBADF)
		violation(P_ERRORS, place_member(place), NONE,
			  "receive from another table returned %d", ret);
}

static void do_fork(__u64 place)
{
	char *args[] = { "stress", "--hold", NULL };
	struct timespec nap = { .tv_nsec = rnd(20) * NSEC_PER_MSEC };
	bool exec = chance(40);
	pid_t parent = getpid(), pid;

	pid = fork();
	if (pid) {
		if (pid > 0)
			done(exec ? OP_FORK_EXEC : OP_FORK);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	expect_refused(place);
	if (exec) {
		fcntl(place_fd(place), F_SETFD, 0);
		execv("/proc/self/exe", args);
	}
	nanosleep(&nap, NULL);
	_exit(0);
}

/* In another network namespace there are no groups. */
static void do_unshare_net(void)
{
	pid_t pid = fork();
	int ret;

	if (pid) {
		if (pid > 0)
			done(OP_UNSHARE_NET);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET))
		_exit(0);
	ret = open_secondary(ledger->groups[0]);
	if (ret != -ENOENT)
		violation(P_ERRORS, NONE, NONE, "joined as secondary in a new namespace: %d", ret);
	ret = open_primary(ledger->groups[0]);
	if (ret < 0)
		violation(P_ERRORS, NONE, NONE, "join as primary in a new namespace: %d", ret);
	if (chance(50))
		kill(getpid(), SIGKILL);
	_exit(0);
}

/* It writes in the log of the thread that waits for it. */
static void *with_own_table(void *arg)
{
	struct question question;
	__u64 theirs, place;
	bool closes;
	int fd;

	self = arg;
	theirs = any_place();
	if (unshare(CLONE_FILES))
		return NULL;
	if (theirs != EMPTY)
		expect_refused(theirs);
	fd = open_high();
	place = fd < 0 ? EMPTY : join(fd);
	if (place != EMPTY) {
		do_send(place);
		receive(place, any_patience(), false, &question);
		closes = chance(50);
		mark(&member_of(place)->leave_begin);
		member_of(place)->moved = 1;
		/* When the end of a thread ends its table is not known. */
		if (closes) {
			close(fd);
			if (!member_of(place)->passed)
				member_of(place)->leave_end = now_ns();
		}
	}
	done(OP_UNSHARE_FILES);
	return NULL;
}

static void do_unshare_files(void)
{
	pthread_t thread;

	self->own_table = true;
	if (!pthread_create(&thread, NULL, with_own_table, self))
		pthread_join(thread, NULL);
	self->own_table = false;
}

/* An io_uring that holds the file of an endpoint, and goes some time later. */
static void do_uring(__u64 place)
{
	int fd = place_fd(place), ring = open_uring();

	if (ring < 0)
		return;
	if (!syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd, 1))
		done(OP_URING_FILE);
	if (chance(70))
		close(ring);
}

static void do_signal(void)
{
	pthread_kill(threads[rnd(THREADS)].id, chance(50) ? SIGUSR1 : SIGUSR2);
	done(OP_SIGNAL);
}

/* Ends */

static void __attribute__((noreturn)) wait_for_end(void)
{
	for (;;)
		pause();
}

static void do_exec(void)
{
	__u32 n = __atomic_fetch_add(&ledger->n_images, 1, __ATOMIC_SEQ_CST);
	struct image *image = &ledger->images[my_image];
	char text[5][16] = { "" };
	char *args[] = { "stress", "--image", text[0], text[1], text[2], text[3], text[4], NULL };
	__u64 place, *at = NULL;
	sigset_t all;

	if (n >= MAX_IMAGES - SLOTS) {
		set_phase(RUN, QUIET);
		return;
	}
	if (!mark(&image->dying))
		wait_for_end();
	ledger->images[n].proc = my_proc;
	ledger->images[n].nth = image->nth + 1;
	if (chance(80))
		at = seize_place(&place);
	if (at) {
		/* Whatever kills this, what the member belongs to is known. */
		__atomic_store_n(&member_of(place)->image, n, __ATOMIC_SEQ_CST);
		fcntl(place_fd(place), F_SETFD, 0);
		done(OP_EXEC_KEEP);
	}
	__atomic_store_n(&ledger->procs[my_proc].image, n, __ATOMIC_SEQ_CST);
	snprintf(text[0], sizeof(text[0]), "%u", my_proc);
	snprintf(text[1], sizeof(text[1]), "%u", n);
	snprintf(text[2], sizeof(text[2]), "%u", my_image);
	snprintf(text[3], sizeof(text[3]), "%u", at ? place_member(place) : NONE);
	snprintf(text[4], sizeof(text[4]), "%d", at ? place_fd(place) : 0);
	done(OP_EXEC);
	/* Until there are actions for them again. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	execv("/proc/self/exe", args);
	violation(P_ERRORS, NONE, NONE, "exec failed: %s", strerror(errno));
	_exit(EXIT_FAILURE);
}

static void do_end(void)
{
	unsigned int luck = rnd(3);

	if (!luck) {
		do_exec();
		return;
	}
	if (!mark(&ledger->procs[my_proc].dying))
		wait_for_end();
	if (luck == 1) {
		done(OP_EXIT);
		_exit(0);
	}
	done(OP_KILL_SELF);
	kill(getpid(), SIGKILL);
	wait_for_end();
}

/* A thread's life */

static void step_with(__u64 place, unsigned int luck)
{
	if (luck < 330)
		do_receive(place);
	else if (luck < 400)
		do_read(place);
	else if (luck < 460)
		do_reply_receive(place);
	else if (luck < 730)
		do_send(place);
	else if (luck < 850)
		do_call(place);
	else if (luck < 880)
		do_look(place);
	else if (luck < 888)
		do_epoll(place);
	else if (luck < 896)
		do_fault(place);
	else if (luck < 904)
		do_no_room(place);
	else if (luck < 908)
		do_fork(place);
	else
		do_uring(place);
}

static void step(void)
{
	unsigned int luck = rnd(1000);
	struct question question;
	__u64 place;

	if (luck < 911) {
		place = any_place();
		if (place != EMPTY)
			step_with(place, luck);
		else
			do_join();
	} else if (luck < 934) {
		question = take_question(questions);
		if (question.call)
			do_reply(&question);
	} else if (luck < 949) {
		do_cancel();
	} else if (luck < 966) {
		do_join();
	} else if (luck < 976) {
		do_leave();
	} else if (luck < 980) {
		do_dup();
	} else if (luck < 990) {
		do_signal();
	} else if (luck < 993) {
		do_unshare_files();
	} else if (luck < 995) {
		if (!geteuid())
			do_unshare_net();
	} else {
		do_end();
	}
}

static void receive_all(bool wait)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		struct question question;

		if (places[i] == EMPTY)
			continue;
		while (!receive(places[i], 0, false, &question))
			;
		if (wait && __atomic_load_n(&member_of(places[i])->async_open, __ATOMIC_SEQ_CST))
			receive(places[i], in_ms(5), false, &question);
	}
}

static bool calls_open(void)
{
	for (unsigned int i = 0; i < PLACES; i++)
		if (places[i] != EMPTY &&
		    __atomic_load_n(&member_of(places[i])->async_open, __ATOMIC_SEQ_CST) > 0)
			return true;
	return false;
}

static void await_phase_after(enum phase now)
{
	__atomic_store_n(&ledger->procs[my_proc].phase, now, __ATOMIC_SEQ_CST);
	kill(ledger->supervisor, SIGUSR1);
	while (phase() <= now)
		syscall(SYS_futex, &ledger->phase, FUTEX_WAIT, now, NULL, NULL, 0);
}

/* The last thread of a process sees to the end of the round. */
static void __attribute__((noreturn)) end_round(void)
{
	do
		receive_all(true);
	while (calls_open());
	await_phase_after(QUIET);
	receive_all(false);
	for (unsigned int i = 0; i < PLACES; i++) {
		if (places[i] == EMPTY)
			continue;
		if (get_info(place_fd(places[i]), &member_of(places[i])->info))
			violation(P_ERRORS, place_member(places[i]), NONE, "info failed");
		member_of(places[i])->drained = 1;
	}
	await_phase_after(DRAIN);
	mark(&ledger->procs[my_proc].dying);
	_exit(0);
}

static void *thread_main(void *arg)
{
	self = arg;
	pthread_barrier_wait(&started);
	while (phase() == RUN) {
		seed_step();
		step();
	}
	if (__atomic_add_fetch(&n_quiet, 1, __ATOMIC_SEQ_CST) < THREADS)
		wait_for_end();
	end_round();
}

static void no_action(int signal)
{
	(void)signal;
}

static void run_threads(void)
{
	struct sigaction restart = { .sa_handler = no_action, .sa_flags = SA_RESTART };
	struct sigaction interrupt = { .sa_handler = no_action };
	sigset_t none;

	nowhere = bad_pointer();
	path_fd = open("/proc", O_PATH | O_CLOEXEC);
	sigaction(SIGUSR1, &restart, NULL);
	sigaction(SIGUSR2, &interrupt, NULL);
	/* Nobody waits for the children of workers. */
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	pthread_barrier_init(&started, NULL, THREADS);
	for (__u32 i = 0; i < THREADS; i++) {
		threads[i].index = i;
		threads[i].spare = NONE;
		new_log(&threads[i]);
		if (i)
			pthread_create(&threads[i].id, NULL, thread_main, &threads[i]);
	}
	threads[0].id = pthread_self();
	thread_main(&threads[0]);
}

/* As become_user(), but what is kept is kept by an exec, too. */
static void become(unsigned int user)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	__u32 mask = 1U << CAP_DAC_OVERRIDE;

	if (!user)
		return;
	become_user(FIRST_USER + user, FIRST_USER + user);
	data[0].effective = data[0].permitted = data[0].inheritable = mask;
	if (syscall(SYS_capset, &header, data) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0))
		_exit(EXIT_FAILURE);
}

/**
 * worker_start - be a worker, in a process that was forked for it
 * @proc: which
 */
void worker_start(__u32 proc)
{
	my_proc = proc;
	my_image = ledger->procs[proc].image;
	next_fd = FIRST_FD;
	become(ledger->procs[proc].slot % N_USERS);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != ledger->supervisor)
		_exit(0);
	run_threads();
}

/* The program that this was before is gone, with all endpoints that were not kept. */
static void take_over(__u32 old, __u32 member, int fd)
{
	struct mpipc_info info;

	ledger->images[old].dead = now_ns();
	if (member == NONE)
		return;
	if (get_info(fd, &info) || (info.role == MPIPC_NO_ROLE &&
				    !ledger->members[member].leave_begin))
		violation(P_ERRORS, member, NONE, "an exec ended an endpoint that it kept");
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* What the threads that it killed had counted, and what not, is not known. */
	ledger->members[member].inherited = 1;
	ledger->members[member].async_open = 0;
	next_fd = fd + 1;
	places[0] = place_of(fd, member);
}

/**
 * worker_exec - go on in a program that a worker, or a child of one, executed
 * @args: what it was given
 *
 * Return: nothing useful; a worker does not return.
 */
int worker_exec(char **args)
{
	struct timespec nap = { .tv_nsec = 10 * NSEC_PER_MSEC };

	if (!strcmp(args[1], "--hold"))
		return nanosleep(&nap, NULL);
	my_proc = atoi(args[2]);
	my_image = atoi(args[3]);
	next_fd = FIRST_FD;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	take_over(atoi(args[4]), strtoul(args[5], NULL, 10), atoi(args[6]));
	run_threads();
	return EXIT_FAILURE;
}
