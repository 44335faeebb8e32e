// SPDX-License-Identifier: GPL-2.0-only
/* Workers that receive, and check what a record must be like. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "stress.h"
#include "wait.h"
#include "worker.h"
#define READ_SIZE	8192

/* Receiving */

/* Check that the files are those that the intact payload names. */
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

/* Check the content of a record. Return the entry of the sender, or NONE if there is none. */
__u32 check_content(struct mpipc_record *record, void *data, const int *fds,
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

void count_result(const struct mpipc_record *record)
{
	if (record->flags & MPIPC_REC_REPLIED)
		done(OP_GOT_REPLY);
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

/* Complete the entry of a record, and perhaps leave a question. */
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

/* Note that nothing was in the mailbox, unless a record was about to be put back. */
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

/* Note an error. A record that is not there, or is gone, needs no entry. */
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

/* Receive a record. Return 0 or an error; a question may come of it. */
int receive(__u64 place, __u64 deadline, bool drop_fds, struct question *question)
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

void do_receive(__u64 place)
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

void do_reply_receive(__u64 place)
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
	/* The endpoint that was asked replies, so that this endpoint receives. */
	place = question.place;
	m = member_of(place);
	out = prepare_reply(&question, &arg.reply, question.max_size, question.max_fds);
	before = look(m);
	e = entry_begin(OP_RECEIVE, place_member(place));
	arg.recv = (struct mpipc_recv_args){
		.max_fds = MPIPC_FDS_MAX,
		.max_size = MPIPC_SIZE_MAX,
		.data = to_u64(self->data),
		.fds = to_u64(self->fds),
		.deadline = any_patience(),
	};
	/* The descriptors of the reply were read before those of the record are written. */
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

void do_read(__u64 place)
{
	struct member *m = member_of(place);
	struct question asked[READ_SIZE / sizeof(struct mpipc_record)];
	struct look before = look(m);
	unsigned int n_asked = 0;
	struct entry *whole;
	char *at = (char *)self->data;
	ssize_t n;

	/* Nothing else reports when to stop waiting. */
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

/* Receive to memory that is not there, so that the record stays. */
void do_fault(__u64 place)
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
		/* The record had neither payload nor files. */
		received(place, e, &recv.record, self->data, self->fds, false, &question);
		consider(&question);
		return;
	}
	if (ret == -EFAULT)
		done(OP_FAULT);
	/*
	 * A record that was put back after another thread had left is gone, and counts as
	 * in flight.
	 */
	if (ret != -EFAULT || !__atomic_load_n(&m->leave_begin, __ATOMIC_SEQ_CST))
		entry_undo();
}

void do_no_space(__u64 place)
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
		done(OP_NO_SPACE);
}
