// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stress program's model: what is possible and what is not.
 *
 * Threads write down each thing with the time before it began and after it ended. The model
 * knows which of two things came first only if one had ended before the other began; otherwise
 * both orders are possible. A thread that was killed may have taken one record more than it
 * wrote down (a read() several).
 *
 * By some time an endpoint must have received two kinds of messages: those that were sent to it
 * before it once found its mailbox empty, and those that a thread had sent to it before another
 * message of that thread that it did receive.
 *
 * Promise: P1, P6, P13, P14, P15, P16
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "stress.h"

/* Order and duplicates */

static void check_order(void)
{
	for (__u32 i = 1; i < channels.n; i++) {
		struct entry *a = list_at(&channels, i - 1), *b = list_at(&channels, i);

		if (a->member == b->member && entry_at(a->of)->log == entry_at(b->of)->log &&
		    position(b) < position(a))
			violation(P_ORDER, a->member, entry_at(a->of)->member,
				  "entry %#x was sent before %#x, and came after it (%llu, %llu)",
				  a->of, b->of, a->rec.seq, b->rec.seq);
	}
}

static void check_duplicates(void)
{
	struct entry *a, *b;

	for (__u32 i = 1; i < received.n; i++) {
		a = list_at(&received, i - 1);
		b = list_at(&received, i);
		if (a->member == b->member && a->rec.seq == b->rec.seq)
			violation(P_DUPLICATE, a->member, NONE, "record %llu came twice",
				  a->rec.seq);
	}
	for (__u32 i = 1; i < arrivals.n; i++) {
		a = list_at(&arrivals, i - 1);
		b = list_at(&arrivals, i);
		if (a->member == b->member && a->of == b->of)
			violation(P_DUPLICATE, a->member, entry_at(a->of)->member,
				  "entry %#x came twice, as record %llu and %llu", a->of,
				  a->rec.seq, b->rec.seq);
	}
	for (__u32 i = 1; i < results.n; i++) {
		a = list_at(&results, i - 1);
		b = list_at(&results, i);
		if (call_of(a) == call_of(b) && call_of(a) != NONE && a->rec.peer == b->rec.peer)
			violation(P_DUPLICATE, a->member, NONE,
				  "call %llu has two results of %#llx, status %d and %d",
				  a->rec.call, a->rec.peer, a->rec.status, b->rec.status);
	}
}

/* Identity, and what was sent */

/* Check for a peer that may have been killed before its id was written. */
static bool may_be_unknown(const struct member *viewer, const struct mpipc_record *record)
{
	for (__u32 i = 0; i < ledger->n_members; i++) {
		struct member *m = member_at(i);

		if (m->join_begin && !m->join.id && m->group == viewer->group &&
		    m->pid == record->pid)
			return true;
	}
	return false;
}

void check_identity(const struct entry *e, const struct member *peer)
{
	const struct mpipc_record *record = &e->rec;
	bool right;

	if (!peer) {
		if (!may_be_unknown(member_at(e->member), record))
			violation(P_IDENTITY, e->member, NONE,
				  "nobody has the id %#llx (pid %u, record type %u)", record->peer,
				  record->pid, record->type);
		return;
	}
	right = record->peer == peer->join.id && record->pid == peer->pid &&
		record->uid == peer->uid && record->gid == peer->gid &&
		record->role == peer->join.role && peer->group == member_at(e->member)->group;
	/* A peer that was killed meanwhile never heard of its generation. */
	if (peer->join_end && follows(peer))
		right &= record->generation >= peer->join.generation;
	else if (peer->join_end)
		right &= record->generation == peer->join.generation;
	if (!right)
		violation(P_IDENTITY, e->member, member_index(peer),
			  "%#llx should be pid %u, uid %u, gid %u, role %u, generation %llu; is %#llx, %u, %u, %u, %u, %llu",
			  peer->join.id, peer->pid, peer->uid, peer->gid, peer->join.role,
			  peer->join.generation, record->peer, record->pid, record->uid,
			  record->gid, record->role, record->generation);
}

bool is_for(const struct entry *sent, const struct member *to)
{
	const struct member *from = member_at(sent->member);

	if (sent->rec.peer == MPIPC_TO_ALL)
		return may_belong(to, from);
	if (sent->rec.peer == MPIPC_TO_PRIMARY)
		return may_belong(from, to);
	return sent->rec.peer == to->join.id;
}

static bool is_as_sent(const struct entry *got, const struct entry *sent)
{
	const struct mpipc_record *a = &got->rec, *b = &sent->rec;

	if (a->stamp < sent->begin || a->stamp > end_of(sent))
		return false;
	if (sent->op == OP_REPLY)
		return a->type == MPIPC_REPLY_TO && a->status == b->status &&
		       a->call == b->call;
	if (!is_for(sent, member_at(got->member)))
		return false;
	if (!is_call(sent))
		return a->type == MPIPC_MESSAGE;
	return a->type == MPIPC_REQUEST && (!b->call || a->call == b->call) &&
	       a->deadline == b->deadline && a->reply_size == b->reply_size &&
	       a->reply_fds == b->reply_fds;
}

/* Check if a message may have arrived although there was an error. */
static bool may_arrive(const struct entry *sent)
{
	if (!sent->end || !sent->ret)
		return true;
	/* The call was made, and given up later. */
	return is_call(sent) && sent->rec.call;
}

static void check_received(void)
{
	for (__u32 i = 0; i < channels.n; i++) {
		struct entry *got = list_at(&channels, i), *sent = entry_at(got->of);

		check_identity(got, member_at(sent->member));
		if (!is_as_sent(got, sent))
			violation(P_CONTENT, got->member, sent->member,
				  "entry %#x (%d to %#llx) came as type %u, call %llu, stamp %llu",
				  got->of, sent->op, sent->rec.peer, got->rec.type, got->rec.call,
				  got->rec.stamp);
		if (!may_arrive(sent))
			violation(P_ERRORS, got->member, sent->member,
				  "entry %#x came although sending it failed: %d", got->of,
				  sent->ret);
	}
	for (__u32 i = 0; i < heard.n; i++) {
		struct entry *e = list_at(&heard, i);
		struct member *peer;

		if (e->of != NONE)
			continue;
		peer = find_member(e->rec.peer);
		check_identity(e, peer);
	}
}

static void check_primaries(void)
{
	for (__u32 i = 0; i < ledger->n_members; i++) {
		struct member *a = member_at(i);

		if (a->join.role != MPIPC_PRIMARY || !a->join_end)
			continue;
		for (__u32 j = 0; j < ledger->n_members; j++) {
			struct member *b = member_at(j);

			if (i != j && b->join.role == MPIPC_PRIMARY && b->group == a->group &&
			    surely_there(b, a->join_begin, a->join_end))
				violation(P_IDENTITY, i, j, "two primaries: %#llx and %#llx",
					  a->join.id, b->join.id);
		}
	}
}

/* Loss */

/* Check that @to received anything that this thread sent later. */
static bool got_later(const struct member *to, const struct entry *sent)
{
	__u32 i = lookup_channel(member_index(to), sent->log + 1);

	while (i--) {
		struct entry *e = list_at(&channels, i);

		if (e->member != member_index(to) || entry_at(e->of)->log != sent->log ||
		    e->of <= entry_index(sent))
			return false;
		/* A reply may pass by the mailbox. */
		if (e->op == OP_RECEIVE)
			return true;
	}
	return false;
}

/* Check the arrival of a message that was certainly posted. */
void check_arrived(const struct entry *sent, const struct member *to)
{
	if (arrival(sent, member_index(to)))
		return;
	if (sent->end > to->empty_at && !got_later(to, sent))
		return;
	if (++missing[member_index(to)] == in_flight[member_index(to)] + 1)
		violation(P_LOSS, member_index(to), sent->member,
			  "entry %#x was sent to %#llx, which has not got it", entry_index(sent),
			  to->join.id);
}

/* Check a message to the sender's primary, whichever that was. */
static void check_followed(const struct entry *sent)
{
	const struct member *from = member_at(sent->member);

	if (count_arrivals(entry_index(sent)))
		return;
	for (__u32 i = 0; i < ledger->n_members; i++) {
		struct member *m = member_at(i);

		if (may_belong(from, m) && maybe_there(m, sent->begin, sent->end) &&
		    (sent->end > m->empty_at || in_flight[i]))
			return;
	}
	violation(P_LOSS, NONE, sent->member, "entry %#x was sent, and no primary has got it",
		  entry_index(sent));
}

struct member *destination(const struct entry *sent)
{
	const struct member *from = member_at(sent->member);

	if (sent->rec.peer)
		return find_member(sent->rec.peer);
	return follows(from) ? NULL : find_member(from->join.primary);
}

static void check_sent_all(const struct entry *sent, bool has_results)
{
	const struct member *from = member_at(sent->member);
	__u32 least = 0, most = 0, may_lack = 0;
	__u32 arrived = count_arrivals(entry_index(sent));
	__u32 all = has_results ? sent->sent : sent->sent + sent->full;
	/* Nobody gets what a sender that leaves had not sent yet. */
	bool stays = !may_have_left(from, sent->end);

	for (__u32 i = 0; i < ledger->n_members; i++) {
		struct member *to = member_at(i);

		if (!may_belong(to, from) || !maybe_there(to, sent->begin, sent->end))
			continue;
		most++;
		if (stays && does_belong(to, from) &&
		    surely_there(to, sent->begin, sent->end)) {
			least++;
			if (!sent->full && !has_results)
				check_arrived(sent, to);
		}
		if (!arrival(sent, i) && (sent->end > to->empty_at || in_flight[i]))
			may_lack++;
	}
	/*
	 * Members that were gone when it was their turn have neither got nor lost the
	 * message.
	 */
	if (all < least || all > most)
		violation(P_LOSS, NONE, sent->member,
			  "entry %#x went to %u, there were %u to %u", entry_index(sent), all,
			  least, most);
	if (has_results)
		return;
	if (arrived > sent->sent || sent->sent - arrived > may_lack)
		violation(P_LOSS, NONE, sent->member,
			  "entry %#x was sent to %u: %u have got it, %u may have lost it",
			  entry_index(sent), sent->sent, arrived, may_lack);
}

static void check_sent(const struct entry *sent)
{
	struct member *to = destination(sent);

	if (!to) {
		if (sent->rec.peer || !follows(member_at(sent->member)))
			return; /* killed before its id was written */
		check_followed(sent);
		return;
	}
	if (has_left(to, sent->begin))
		violation(P_ERRORS, member_index(to), sent->member,
			  "entry %#x was sent to %#llx, which had left", entry_index(sent),
			  to->join.id);
	check_arrived(sent, to);
}

static void check_sends(void)
{
	for (__u32 i = 0; i < sends.n; i++) {
		struct entry *sent = list_at(&sends, i);

		if (!sent->end || sent->ret)
			continue;
		if (sent->may_fail)
			violation(P_FILES, sent->member, NONE,
				  "entry %#x was sent, with files that are refused",
				  entry_index(sent));
		if (sent->rec.peer == MPIPC_TO_ALL)
			check_sent_all(sent, is_call(sent));
		else if (!is_call(sent))
			check_sent(sent);
	}
}

/**
 * struct losses - messages that a mailbox had no space for, as senders report
 * @certain: as many at least
 * @more: as many more at most
 */
struct losses {
	__u32 certain;
	__u32 more;
};

static void count_losses(struct losses *losses)
{
	for (__u32 i = 0; i < sends.n; i++) {
		struct entry *e = list_at(&sends, i);
		bool single = e->rec.peer != MPIPC_TO_ALL && !is_call(e);
		bool full = e->ret == -EAGAIN || e->ret == -ETIMEDOUT ||
			    (e->ret == -EMSGSIZE && !is_call(e));
		struct member *to = single ? destination(e) : NULL;

		if (to && e->end) {
			losses[member_index(to)].certain += full;
			continue;
		}
		/* Of the other senders it is only known who may have been affected. */
		if (e->end && single && !full)
			continue;
		for (__u32 j = 0; j < ledger->n_members; j++)
			if (member_at(j)->drained && is_for(e, member_at(j)) && !arrival(e, j))
				losses[j].more++;
	}
}

/*
 * Check the counters of members that were there at the end, which count what they lost and
 * received.
 */
static void check_counters(void)
{
	struct losses *losses = array(ledger->n_members * sizeof(*losses) + 1);
	__u64 *lost = array(ledger->n_members * sizeof(*lost) + 1);
	__u64 *n = array(ledger->n_members * sizeof(*n) + 1);

	count_losses(losses);
	for (__u32 i = 0; i < received.n; i++) {
		n[list_at(&received, i)->member]++;
		lost[list_at(&received, i)->member] += list_at(&received, i)->rec.lost;
	}
	for (__u32 i = 0; i < ledger->n_members; i++) {
		struct member *m = member_at(i);
		struct losses *l = &losses[i];

		if (!m->drained)
			continue;
		if (m->info.lost < l->certain || m->info.lost > l->certain + l->more ||
		    m->info.lost < lost[i])
			violation(P_LOSS, i, NONE,
				  "lost %llu, of which %llu were reported; senders know of %u to %u",
				  m->info.lost, lost[i], l->certain, l->certain + l->more);
		if (m->info.received < n[i] || m->info.received > n[i] + in_flight[i] ||
		    m->info.queued || m->info.queued_bytes)
			violation(P_LOSS, i, NONE,
				  "received %llu, %llu are left; has %llu, may have %u more",
				  m->info.received, m->info.queued, n[i], in_flight[i]);
	}
}

/* Lists of peers */

/**
 * model_check - find what cannot have happened in a round that is over
 */
void model_check(void)
{
	read_ledger();
	check_order();
	check_duplicates();
	check_received();
	check_primaries();
	check_sends();
	check_gaps();
	check_errors();
	check_calls();
	check_events();
	check_lists();
	check_counters();
	array(0);
}

#define HISTORY 60

#define OP_TEXT(name, text) [name] = text,

/* Reports */

static const char *const op_text[] = { OPS(OP_TEXT) };

static void print_member(const char *what, __u32 index)
{
	struct member *m = member_at(index);

	if (index == NONE)
		return;
	printf("#   %s: endpoint %#llx, role %u, flags %u, generation %llu, group %u, worker %u, pid %u, uid %u; joined %llu to %llu, left %llu to %llu, last empty %llu%s\n",
	       what, m->join.id, m->join.role, m->join.flags, m->join.generation, m->group,
	       ledger->procs[ledger->images[m->image].proc].slot, m->pid, m->uid, m->join_begin,
	       m->join_end, leave_begin(m), leave_end(m), m->empty_at,
	       m->inherited ? ", kept by an exec" : "");
}

static void print_entry(const struct entry *e)
{
	printf("#   %llu-%llu %#x thread %u endpoint %#llx %s: %d; type %u peer %#llx seq %llu call %llu of %#x status %d flags %u size %u fds %u lost %u sent %u full %u deadline %llu\n",
	       e->begin, e->end, entry_index(e), e->log, member_at(e->member)->join.id,
	       op_text[e->op], e->ret, e->rec.type, e->rec.peer, e->rec.seq, e->rec.call, e->of,
	       e->rec.status, e->rec.flags, e->rec.size, e->rec.n_fds, e->rec.lost, e->sent,
	       e->full, e->rec.deadline);
}

static bool is_with(const struct entry *e, __u32 index)
{
	const struct member *m = member_at(index);

	if (index == NONE || e->rec.peer == m->join.id || e->rec.peer == MPIPC_TO_ALL)
		return true;
	if (e->rec.peer == MPIPC_TO_PRIMARY)
		return m->join.role == MPIPC_PRIMARY;
	return e->of != NONE && entry_at(e->of)->member == index;
}

/**
 * model_print_history - print what is known about a violation
 * @v: the violation
 */
void model_print_history(const struct violation *v)
{
	struct list history = { .at = array(ledger->n_chunks * CHUNK * sizeof(__u32) + 1) };

	print_member("one", v->a);
	print_member("the other", v->b);
	for (__u32 i = 0; i < ledger->n_logs; i++)
		for (struct entry *e = first_entry(i); e; e = next_entry(e)) {
			if (e->op == OP_PEER || e->op == OP_LIST || e->member == NONE)
				continue;
			if ((e->member == v->a && is_with(e, v->b)) ||
			    (e->member == v->b && is_with(e, v->a)))
				add(&history, e);
		}
	sort(&history, by_begin);
	for (__u32 i = history.n > HISTORY ? history.n - HISTORY : 0; i < history.n; i++)
		print_entry(list_at(&history, i));
	array(0);
}
