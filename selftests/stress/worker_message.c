// SPDX-License-Identifier: GPL-2.0-only
/* Workers that send messages and reply to requests. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "stress.h"
#include "wait.h"
#include "worker.h"

/* Messages */

__u64 checksum(const void *data, size_t size)
{
	const __u64 *words = data;
	__u64 sum = size, tail = 0;

	for (size_t i = 0; i < size / 8; i++)
		sum = (sum ^ words[i]) * 0x100000001b3ULL;
	memcpy(&tail, (const char *)data + size / 8 * 8, size % 8);
	return (sum ^ tail) * 0x100000001b3ULL;
}

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

/* Fill a body. The name is the number of the entry, by which the receiver finds everything. */
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

struct outgoing outgoing(enum op op, __u64 place, size_t max_size,
			 unsigned int max_fds)
{
	struct outgoing out = { .e = entry_begin(op, place_member(place)) };
	size_t size = any_size(max_size);

	if (max_fds && max_size >= sizeof(struct payload) && chance(15))
		add_files(&out, place, max_fds);
	fill_body(&out, size);
	return out;
}

/* Write down the result of sending. */
void sent_out(struct outgoing *out, int ret)
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

/* Return a destination: one of the last secondaries, which may be gone. */
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

__u64 any_destination(struct member *from)
{
	unsigned int luck = rnd(100);

	if (from->join.role == MPIPC_PRIMARY)
		return luck < 25 ? MPIPC_TO_ALL : any_secondary(from);
	if (luck < 50 || from->join.flags & MPIPC_JOIN_FOLLOW)
		return MPIPC_TO_PRIMARY;
	return from->join.primary;
}

__u64 any_patience(void)
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

void do_send(__u64 place)
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

/* Replies */

void ask_later(struct question *list, const struct question *question)
{
	unsigned int i = rnd(MAX_QUESTIONS);

	pthread_mutex_lock(&shared);
	list[i] = *question;
	pthread_mutex_unlock(&shared);
}

struct question take_question(struct question *list)
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

struct outgoing prepare_reply(const struct question *q, struct mpipc_reply_args *reply,
			      size_t max_size, unsigned int max_fds)
{
	struct outgoing out = outgoing(OP_REPLY, q->place, max_size, max_fds);

	/* The body is no larger than the caller takes, unless that is meant. */
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
	struct outgoing out = prepare_reply(q, &reply, max_size, max_fds);
	int ret = do_ioctl(place_fd(q->place), MPIPC_REPLY, &reply);

	sent_out(&out, ret);
	if (!ret)
		done(OP_REPLY);
	return ret;
}

void do_reply(const struct question *q)
{
	bool twice = chance(20);

	if (chance(15) && reply_once(q, MPIPC_SIZE_MAX, MPIPC_FDS_MAX) == -EMSGSIZE)
		done(OP_REPLY_BIG);
	if (!reply_once(q, q->max_size, q->max_fds) && twice) {
		reply_once(q, q->max_size, q->max_fds);
		done(OP_REPLY_TWICE);
	}
}
