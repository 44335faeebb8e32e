// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stress program's model: what is possible and what is not.
 *
 * Everything was written down with the time before it began and after it ended. Of
 * two things it is only known which came first if one had ended before the other
 * began; where that is not known both are possible. A thread that was killed may
 * have taken one record more than it wrote down (a read() several).
 *
 * What an endpoint has to have received by some time: whatever was sent to it
 * before it once found its mailbox empty, and what a thread had sent to it before
 * something that it did receive of that thread.
 */
#include "stress.h"

#include <linux/mpipc.h>
#include <stdlib.h>

/* Records that fit into what workers read() at once. */
#define READ_RECORDS 51

/* Entries by what is looked for; a model of a round is made anew. */
struct list {
	__u32 *at;
	__u32 n;
};

static struct list received;	/* by receiver and number in its mailbox */
static struct list arrivals;	/* messages, by entry of the sender and receiver */
static struct list channels;	/* what threads sent, by receiver, thread and entry */
static struct list heard;	/* of peers, by receiver and peer and number */
static struct list results;	/* by call and peer */
static struct list calls;	/* by id */
static struct list replies;	/* by request and replier */
static struct list cancels;	/* by call */
static struct list sends;	/* messages and calls, in no order */
static struct list lists;	/* of peers, likewise */
static struct list ids;		/* members by id */
static __u32 *in_flight;	/* by member: records that it may have taken */
static __u32 *missing;		/* by member: messages that it has not got */
static __u32 *calls_in_flight;	/* by member: calls that it may have made */

/* Times */

static struct member *member_at(__u32 index)
{
	return &ledger->members[index];
}

static __u32 member_index(const struct member *m)
{
	return m - ledger->members;
}

static __u64 first_of(__u64 a, __u64 b)
{
	return a && (!b || a < b) ? a : b;
}

/* From when on it may have been gone; 0: never. */
static __u64 leave_begin(const struct member *m)
{
	struct image *image = &ledger->images[m->image];
	__u64 end = first_of(image->dying, ledger->procs[image->proc].dying);

	return m->join_end ? first_of(m->leave_begin, end) : m->join_begin;
}

/* From when on it was gone. */
static __u64 leave_end(const struct member *m)
{
	struct image *image = &ledger->images[m->image];
	__u64 end = first_of(image->dead, ledger->procs[image->proc].dead);

	return first_of(m->leave_end, end);
}

static bool may_have_left(const struct member *m, __u64 by)
{
	__u64 begin = leave_begin(m);

	return begin && begin <= by;
}

static bool has_left(const struct member *m, __u64 by)
{
	__u64 end = leave_end(m);

	return end && end < by;
}

/* Whether it was a member all that time. */
static bool surely_there(const struct member *m, __u64 begin, __u64 end)
{
	return m->join_end && m->join_end < begin && !may_have_left(m, end);
}

static bool maybe_there(const struct member *m, __u64 begin, __u64 end)
{
	return m->join_begin && m->join_begin <= end && !has_left(m, begin);
}

/* An end that was not reached is any time. */
static __u64 end_of(const struct entry *e)
{
	return e->end ? e->end : ~0ULL;
}

/* Lists */

static void add(struct list *list, const struct entry *e)
{
	list->at[list->n++] = entry_index(e);
}

static int compare(__u64 a, __u64 b)
{
	return a < b ? -1 : a > b;
}

/* An entry's place in the order of two or three numbers. */
#define ORDER(name, first, second, third) \
	static int name(const void *pa, const void *pb) \
	{ \
		const __u32 *ia = pa, *ib = pb; \
		struct entry *e = entry_at(*ia); \
		__u64 a1 = (first), a2 = (second), a3 = (third); \
		int order; \
		\
		e = entry_at(*ib); \
		order = compare(a1, first); \
		order = order ? order : compare(a2, second); \
		order = order ? order : compare(a3, third); \
		return order ? order : compare(*ia, *ib); \
	}

/* Results of synchronous calls come between two records. */
static __u64 position(const struct entry *e)
{
	return 2 * e->rec.seq + (e->op == OP_RESULT);
}

/* Results: the entry of the call, found by find_call(). */
static __u32 call_of(const struct entry *e)
{
	return e->sent;
}

ORDER(by_number, e->member, e->rec.seq, 0)
ORDER(by_sender, e->of, e->member, 0)
ORDER(by_channel, e->member, entry_at(e->of)->log, e->of)
ORDER(by_peer, e->member, e->rec.peer, position(e))
ORDER(by_result, call_of(e), e->rec.peer, 0)
ORDER(by_call, e->rec.call, 0, 0)
ORDER(by_begin, e->begin, 0, 0)

static int by_id(const void *a, const void *b)
{
	return compare(member_at(*(__u32 *)a)->join.id, member_at(*(__u32 *)b)->join.id);
}

static void sort(struct list *list, int (*order)(const void *a, const void *b))
{
	qsort(list->at, list->n, sizeof(*list->at), order);
}

/* The first of which two numbers are not below these. */
#define LOOKUP(name, list, first, second) \
	static __u32 name(__u64 a, __u64 b) \
	{ \
		__u32 low = 0, high = (list).n; \
		\
		while (low < high) { \
			__u32 middle = (low + high) / 2; \
			struct entry *e = entry_at((list).at[middle]); \
			int order = compare(first, a); \
			\
			order = order ? order : compare(second, b); \
			if (order < 0) \
				low = middle + 1; \
			else \
				high = middle; \
		} \
		return low; \
	}

LOOKUP(lookup_arrival, arrivals, e->of, e->member)
LOOKUP(lookup_channel, channels, e->member, entry_at(e->of)->log)
LOOKUP(lookup_heard, heard, e->member, e->rec.peer)
LOOKUP(lookup_result, results, call_of(e), e->rec.peer)
LOOKUP(lookup_call, calls, e->rec.call, 0)
LOOKUP(lookup_cancel, cancels, e->rec.call, 0)

static struct entry *list_at(const struct list *list, __u32 i)
{
	return i < list->n ? entry_at(list->at[i]) : NULL;
}

static struct member *find_member(__u64 id)
{
	__u32 low = 0, high = ids.n;

	while (low < high) {
		__u32 middle = (low + high) / 2;

		if (member_at(ids.at[middle])->join.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < ids.n && member_at(ids.at[low])->join.id == id)
		return member_at(ids.at[low]);
	return NULL;
}

static struct entry *arrival(const struct entry *sent, __u32 member)
{
	struct entry *e = list_at(&arrivals, lookup_arrival(entry_index(sent), member));

	return e && e->of == entry_index(sent) && e->member == member ? e : NULL;
}

static struct entry *result_of(__u32 call, __u64 peer)
{
	struct entry *e = list_at(&results, lookup_result(call, peer));

	return e && call_of(e) == call && e->rec.peer == peer ? e : NULL;
}

/* How many entries there are of a sender's message, or results of a call. */
static __u32 count_arrivals(__u32 sent)
{
	return lookup_arrival(sent + 1, 0) - lookup_arrival(sent, 0);
}

static __u32 count_results(__u32 call)
{
	return lookup_result(call + 1, 0) - lookup_result(call, 0);
}

static bool is_call(const struct entry *e)
{
	return e->op >= OP_CALL && e->op <= OP_CALL_ASYNC_ALL;
}

static bool is_async(const struct entry *e)
{
	return e->flags & MPIPC_CALL_ASYNC;
}

static bool answered(const struct entry *e)
{
	return e->rec.flags & MPIPC_REC_REPLIED;
}

/* Reading the ledger */

static void set_call(struct entry *e)
{
	struct entry *call = list_at(&calls, lookup_call(e->rec.call, 0));

	e->sent = NONE;
	if (call && call->rec.call == e->rec.call)
		e->sent = entry_index(call);
}

static void read_received(struct entry *e)
{
	struct mpipc_record *record = &e->rec;

	add(&received, e);
	if (record->type == MPIPC_REPLY_TO)
		add(&results, e);
	else if (e->of != NONE)
		add(&arrivals, e);
	if (e->of != NONE)
		add(&channels, e);
	if (record->peer)
		add(&heard, e);
}

static void read_entry(struct entry *e)
{
	switch (e->op) {
	case OP_RECEIVE:
		if (e->end)
			read_received(e);
		else
			in_flight[e->member]++;
		break;
	case OP_READ:
		if (!e->end)
			in_flight[e->member] += READ_RECORDS;
		break;
	case OP_RESULT:
		if (!e->end)
			break;
		add(&results, e);
		if (e->of == NONE)
			break;
		add(&channels, e);
		add(&heard, e);
		break;
	case OP_REPLY:
		add(&replies, e);
		break;
	case OP_CANCEL:
		add(&cancels, e);
		break;
	case OP_LIST:
		if (e->end && !e->ret)
			add(&lists, e);
		break;
	case OP_SEND:
	case OP_WRITE:
	case OP_SEND_ALL:
		add(&sends, e);
		break;
	default:
		if (!is_call(e))
			break;
		calls_in_flight[e->member] += !e->end;
		add(&sends, e);
		if (e->rec.call)
			add(&calls, e);
	}
}

/* The next of the same thread, or NULL. */
static struct entry *next_entry(const struct entry *e)
{
	__u32 index = entry_index(e);
	struct chunk *chunk = &ledger->chunks[index / CHUNK];

	if (index % CHUNK + 1 < chunk->used)
		return entry_at(index + 1);
	if (chunk->next == NONE || !ledger->chunks[chunk->next].used)
		return NULL;
	return &ledger->chunks[chunk->next].entries[0];
}

static struct entry *first_entry(__u32 log)
{
	struct chunk *chunk = &ledger->chunks[ledger->log_chunk[log]];

	return chunk->used ? &chunk->entries[0] : NULL;
}

/* Memory of this model; with 0 all of it is given back. */
static void *array(size_t size)
{
	static void *used[20];
	static unsigned int n;

	if (!size) {
		while (n)
			free(used[--n]);
		return NULL;
	}
	used[n] = calloc(1, size);
	if (!used[n]) {
		perror("stress");
		exit(EXIT_FAILURE);
	}
	return used[n++];
}

static void read_ledger(void)
{
	struct list *all[] = { &received, &arrivals, &channels, &heard, &results, &calls,
			       &replies, &cancels, &sends, &lists };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		all[i]->at = array(ledger->n_chunks * CHUNK * sizeof(__u32) + 1);
		all[i]->n = 0;
	}
	ids.at = array(ledger->n_members * sizeof(__u32) + 1);
	ids.n = 0;
	in_flight = array(ledger->n_members * sizeof(*in_flight) + 1);
	missing = array(ledger->n_members * sizeof(*missing) + 1);
	calls_in_flight = array(ledger->n_members * sizeof(*calls_in_flight) + 1);
	for (__u32 i = 0; i < ledger->n_members; i++)
		if (member_at(i)->join_begin && member_at(i)->join.id)
			ids.at[ids.n++] = i;
	for (__u32 i = 0; i < ledger->n_logs; i++)
		for (struct entry *e = ledger->log_chunk[i] == NONE ? NULL : first_entry(i); e;
		     e = next_entry(e))
			read_entry(e);
	sort(&ids, by_id);
	sort(&calls, by_call);
	sort(&cancels, by_call);
	for (__u32 i = 0; i < results.n; i++)
		set_call(list_at(&results, i));
	sort(&received, by_number);
	sort(&arrivals, by_sender);
	sort(&channels, by_channel);
	sort(&heard, by_peer);
	sort(&results, by_result);
	sort(&replies, by_sender);
}

/* Who belongs to whom */

static bool follows(const struct member *m)
{
	return m->join.flags & MPIPC_JOIN_FOLLOW;
}

static bool wants_events(const struct member *m)
{
	return m->join.flags & MPIPC_JOIN_EVENTS;
}

static bool may_belong(const struct member *secondary, const struct member *primary)
{
	if (secondary->group != primary->group || secondary->join.role != MPIPC_SECONDARY ||
	    primary->join.role != MPIPC_PRIMARY)
		return false;
	/* Somebody who was killed in its join never knew. */
	if (!secondary->join_end || !primary->join_end)
		return true;
	return secondary->join.generation == primary->join.generation ||
	       (follows(secondary) && secondary->join.generation < primary->join.generation);
}

static bool does_belong(const struct member *secondary, const struct member *primary)
{
	if (!may_belong(secondary, primary) || !secondary->join_end || !primary->join_end)
		return false;
	return secondary->join.generation == primary->join.generation ||
	       surely_there(secondary, primary->join_begin, primary->join_end);
}

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

/* Somebody who may have been killed before it was told its id. */
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

static void check_identity(const struct entry *e, const struct member *peer)
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
	/* One that was killed meanwhile never heard of its generation. */
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

static bool is_for(const struct entry *sent, const struct member *to)
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

/* Whether somebody may have got it although there was an error. */
static bool may_arrive(const struct entry *sent)
{
	if (!sent->end || !sent->ret)
		return true;
	/* It was made, and given up later. */
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

/* Whether it received anything that this thread sent later. */
static bool got_later(const struct member *to, const struct entry *sent)
{
	__u32 i = lookup_channel(member_index(to), sent->log + 1);

	while (i--) {
		struct entry *e = list_at(&channels, i);

		if (e->member != member_index(to) || entry_at(e->of)->log != sent->log ||
		    e->of <= entry_index(sent))
			return false;
		/* An answer may pass by the mailbox. */
		if (e->op == OP_RECEIVE)
			return true;
	}
	return false;
}

/* A message that was certainly posted. */
static void check_arrived(const struct entry *sent, const struct member *to)
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

/* To its primary, whichever that was. */
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

static struct member *destination(const struct entry *sent)
{
	const struct member *from = member_at(sent->member);

	if (sent->rec.peer)
		return find_member(sent->rec.peer);
	return follows(from) ? NULL : find_member(from->join.primary);
}

static void check_sent_all(const struct entry *sent, bool results_tell)
{
	const struct member *from = member_at(sent->member);
	__u32 least = 0, most = 0, may_lack = 0;
	__u32 arrived = count_arrivals(entry_index(sent));
	__u32 all = results_tell ? sent->sent : sent->sent + sent->full;
	/* What a sender that leaves had not sent yet nobody gets. */
	bool stays = !may_have_left(from, sent->end);

	for (__u32 i = 0; i < ledger->n_members; i++) {
		struct member *to = member_at(i);

		if (!may_belong(to, from) || !maybe_there(to, sent->begin, sent->end))
			continue;
		most++;
		if (stays && does_belong(to, from) &&
		    surely_there(to, sent->begin, sent->end)) {
			least++;
			if (!sent->full && !results_tell)
				check_arrived(sent, to);
		}
		if (!arrival(sent, i) && (sent->end > to->empty_at || in_flight[i]))
			may_lack++;
	}
	/* Those that were gone when it was their turn have neither got nor lost it. */
	if (all < least || all > most)
		violation(P_LOSS, NONE, sent->member,
			  "entry %#x went to %u, there were %u to %u", entry_index(sent), all,
			  least, most);
	if (results_tell)
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
			return; /* killed before it knew its id */
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
 * struct losses - messages that a mailbox had no room for, as senders tell
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
		/* Of the others it is only known who it may have been. */
		if (e->end && single && !full)
			continue;
		for (__u32 j = 0; j < ledger->n_members; j++)
			if (member_at(j)->drained && is_for(e, member_at(j)) && !arrival(e, j))
				losses[j].more++;
	}
}

/* Those that were there at the end tell how many they lost and received. */
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
				  "lost %llu, of which %llu were told of; senders know of %u to %u",
				  m->info.lost, lost[i], l->certain, l->certain + l->more);
		if (m->info.received < n[i] || m->info.received > n[i] + in_flight[i] ||
		    m->info.queued || m->info.queued_bytes)
			violation(P_LOSS, i, NONE,
				  "received %llu, %llu are left; has %llu, may have %u more",
				  m->info.received, m->info.queued, n[i], in_flight[i]);
	}
}

/* Errors */

static bool primary_may_be_gone(const struct entry *e)
{
	const struct member *from = member_at(e->member);
	struct member *primary = find_member(from->join.primary);

	return !primary || may_have_left(primary, end_of(e));
}

static bool peer_may_be_gone(const struct entry *e)
{
	const struct member *from = member_at(e->member);
	struct member *peer = destination(e);

	/* To whichever primary there is, or somebody who never knew its id. */
	if (!peer)
		return true;
	/* Those that follow a primary belong to the next one as soon as it leaves. */
	if (from->join.role == MPIPC_PRIMARY &&
	    (!does_belong(peer, from) || may_have_left(from, end_of(e))))
		return true;
	return may_have_left(peer, end_of(e));
}

static bool was_cancelled(const struct entry *call, __u64 id, __u64 by)
{
	for (__u32 i = lookup_cancel(id, 0); i < cancels.n; i++) {
		struct entry *e = list_at(&cancels, i);

		if (e->rec.call != id)
			break;
		if (e->member == call->member && (!e->end || !e->ret) && e->begin <= by)
			return true;
	}
	return false;
}

static bool has_reason(const struct entry *e)
{
	const struct member *from = member_at(e->member);

	if (e->may_fail && e->ret == -e->may_fail)
		return true;
	switch (e->ret) {
	case -EINTR:
		return true;
	case -EAGAIN:
	case -EMSGSIZE:
		return !is_call(e) && e->op != OP_REPLY;
	case -ETIMEDOUT:
		return e->op != OP_REPLY && e->rec.deadline && e->end >= e->rec.deadline;
	case -EMFILE:
		return is_call(e);
	case -EDQUOT:
		return e->op != OP_REPLY;
	case -EBADF:
	case -ENOTTY:
		return from->moved;
	case -ESHUTDOWN:
		return may_have_left(from, e->end);
	case -ECONNREFUSED:
	case -ESTALE:
		return from->join.role == MPIPC_SECONDARY && primary_may_be_gone(e);
	case -ESRCH:
		/* Interrupted, then cancelled by another thread. */
		if (is_call(e) && e->rec.call)
			return was_cancelled(e, e->rec.call, e->end);
		/* fallthrough */
	case -ECONNRESET:
		return e->op != OP_REPLY && peer_may_be_gone(e);
	}
	return false;
}

static void check_errors(void)
{
	for (__u32 i = 0; i < sends.n; i++) {
		struct entry *e = list_at(&sends, i);
		struct member *to = destination(e);

		if (e->end && e->ret && !has_reason(e))
			violation(P_ERRORS, e->member, to ? member_index(to) : NONE,
				  "entry %#x (%d to %#llx) failed for no reason: %d",
				  entry_index(e), e->op, e->rec.peer, e->ret);
	}
}

/* Calls */

static bool is_answer(const struct entry *result, const struct entry *call)
{
	struct entry *reply = result->of == NONE ? NULL : entry_at(result->of);

	/* Of the content has been taken care of. */
	return reply && reply->op == OP_REPLY && reply->of == entry_index(call) &&
	       (!reply->end || !reply->ret) && result->rec.stamp <= call->rec.deadline &&
	       result->rec.size <= call->rec.reply_size &&
	       result->rec.n_fds <= call->rec.reply_fds;
}

static bool is_true(const struct entry *result, const struct entry *call,
		    const struct member *peer)
{
	bool arrived = peer && arrival(call, member_index(peer));

	if (answered(result))
		return is_answer(result, call);
	switch (result->rec.status) {
	case -ECONNRESET:
		return !peer || may_have_left(peer, result->end);
	case -ETIMEDOUT:
		return result->end >= call->rec.deadline;
	case -ECANCELED:
		return was_cancelled(call, result->rec.call, result->end);
	case -EAGAIN:
	case -EMSGSIZE:
		return !arrived;
	case -ECONNREFUSED:
		return !result->rec.peer && call->sent == 0 && is_async(call);
	}
	return false;
}

static void check_result(const struct entry *result)
{
	struct entry *call;
	struct member *peer = find_member(result->rec.peer);

	if (call_of(result) == NONE) {
		/* Made by a thread that was killed before it could write that down. */
		if (!calls_in_flight[result->member])
			violation(P_CALLS, result->member, NONE, "a result of call %llu of nobody",
				  result->rec.call);
		return;
	}
	if (result->op == OP_RESULT && !answered(result))
		check_identity(result, peer);
	call = entry_at(call_of(result));
	if (result->member != call->member || (peer && !is_for(call, peer)) ||
	    !is_true(result, call, peer))
		violation(P_CALLS, call->member, peer ? member_index(peer) : NONE,
			  "entry %#x (call %llu, to %#llx) has a result of %#llx that cannot be: flags %u, status %d, entry %#x",
			  entry_index(call), result->rec.call, call->rec.peer, result->rec.peer,
			  result->rec.flags, result->rec.status, result->of);
	/* That it ended so says that the request was posted. */
	if (peer && call->end && (answered(result) || (result->rec.status == -ETIMEDOUT &&
						       !(call->flags & MPIPC_CALL_WAIT_SPACE))))
		check_arrived(call, peer);
}

/* Whether all results were written down. */
static bool is_complete(const struct entry *call)
{
	__u32 n = is_async(call) && !call->sent ? 1 : call->sent;

	return count_results(entry_index(call)) >= n;
}

/* Whether its thread went on after it had written down the results. */
static bool went_on(const struct entry *call)
{
	const struct entry *e = next_entry(call);

	while (e && e->op == OP_RESULT)
		e = next_entry(e);
	return e;
}

static void check_call(const struct entry *call)
{
	const struct member *from = member_at(call->member);
	__u32 first = lookup_result(entry_index(call), 0);
	__u32 n = count_results(entry_index(call)), n_last = 0;
	bool must, sure = !in_flight[call->member] && !from->inherited;
	__u64 last = 0, newest = 0;

	for (__u32 i = first; i < first + n; i++) {
		struct entry *e = list_at(&results, i);

		if (e->rec.flags & MPIPC_REC_LAST) {
			n_last++;
			last = e->rec.seq;
		}
		if (e->rec.seq > newest)
			newest = e->rec.seq;
	}
	must = is_async(call) ? sure && (from->drained || n_last) : went_on(call);
	if (must && (!is_complete(call) || n_last != (n ? 1 : 0)))
		violation(P_CALLS, call->member, NONE,
			  "entry %#x (call %llu) has %u addressees and %u results, %u of them last",
			  entry_index(call), call->rec.call, call->sent, n, n_last);
	if (n_last > 1 || (is_async(call) && n_last && last != newest))
		violation(P_CALLS, call->member, NONE,
			  "entry %#x (call %llu): the last result is not the last one",
			  entry_index(call), call->rec.call);
}

/* Why a request could not be answered any more. */
static bool was_over(const struct entry *reply, const struct entry *call)
{
	struct member *caller = member_at(call->member), *self = member_at(reply->member);
	struct entry *result = result_of(reply->of, self->join.id);

	if (!call->end || call->ret || reply->end > call->rec.deadline ||
	    may_have_left(caller, reply->end) || may_have_left(self, reply->end))
		return true;
	/* What is not there was not received, and may be anything. */
	return !result || result->of != entry_index(reply);
}

static void check_reply(const struct entry *reply)
{
	struct entry *call = entry_at(reply->of);
	struct member *caller = member_at(call->member), *self = member_at(reply->member);
	struct entry *result = result_of(reply->of, self->join.id);
	bool must;

	if (!reply->end)
		return;
	if (reply->ret) {
		if (!has_reason(reply) &&
		    !(reply->ret == -ESRCH && was_over(reply, call)))
			violation(P_ERRORS, reply->member, call->member,
				  "entry %#x, a reply to %#x (call %llu), failed for no reason: %d",
				  entry_index(reply), reply->of, reply->rec.call, reply->ret);
		return;
	}
	if (reply->may_fail)
		violation(P_ERRORS, reply->member, call->member,
			  "entry %#x, a reply, should have failed: %d", entry_index(reply),
			  reply->may_fail);
	/* Of a call that its thread did not live to write down nothing is known. */
	if (!call->end || call->ret)
		must = false;
	else if (is_async(call))
		must = reply->end < caller->empty_at && !in_flight[call->member];
	else
		must = is_complete(call);
	if (result ? result->of != entry_index(reply) : must)
		violation(P_CALLS, call->member, reply->member,
			  "entry %#x, a reply to %#x (call %llu), was accepted; the caller has %s (status %d)",
			  entry_index(reply), reply->of, reply->rec.call,
			  result ? "another result" : "none", result ? result->rec.status : 0);
}

static void check_calls(void)
{
	for (__u32 i = 0; i < results.n; i++)
		check_result(list_at(&results, i));
	for (__u32 i = 0; i < calls.n; i++) {
		struct entry *call = list_at(&calls, i);

		if (call->end && !call->ret)
			check_call(call);
		if (i && call->rec.call == list_at(&calls, i - 1)->rec.call)
			violation(P_CALLS, call->member, NONE, "two calls have the id %llu",
				  call->rec.call);
	}
	for (__u32 i = 0; i < replies.n; i++) {
		struct entry *a, *b = list_at(&replies, i);

		check_reply(b);
		a = i ? list_at(&replies, i - 1) : NULL;
		if (a && a->of == b->of && a->member == b->member && a->end && !a->ret &&
		    b->end && !b->ret)
			violation(P_CALLS, b->member, entry_at(b->of)->member,
				  "two replies to entry %#x were accepted", b->of);
	}
}

/* Events */

/**
 * struct news - what an endpoint knows of a peer
 * @joined: place of the event, or 0
 * @left: likewise
 * @first: of the first record that the peer sent
 * @last: of the last thing that it sent, answers in hand included
 * @again: an event came twice
 * @told: when it knew that the peer had left
 */
struct news {
	__u64 joined;
	__u64 left;
	__u64 first;
	__u64 last;
	bool again;
	__u64 told;
};

static void read_news(struct news *news, const struct entry *e)
{
	if (e->rec.type == MPIPC_JOINED) {
		news->again |= !!news->joined;
		news->joined = position(e);
	} else if (e->rec.type == MPIPC_LEFT) {
		news->again |= !!news->left;
		news->left = position(e);
		news->told = e->end;
	} else if (e->of != NONE) {
		/* A result in hand does not count the events of who joined. */
		if (!news->first && e->op == OP_RECEIVE)
			news->first = position(e);
		news->last = position(e);
	}
}

static struct news news_of(const struct member *m, const struct member *peer)
{
	struct news news = { 0 };
	__u32 i = lookup_heard(member_index(m), peer->join.id);
	struct entry *e;

	while ((e = list_at(&heard, i++)) && e->member == member_index(m) &&
	       e->rec.peer == peer->join.id)
		read_news(&news, e);
	return news;
}

/* Whether what it knows is in order, and may be so. */
static bool news_possible(const struct news *news, const struct member *m,
			  const struct member *peer)
{
	if (news->again || (!wants_events(m) && (news->joined || news->left)))
		return false;
	if (news->left && !may_have_left(peer, news->told))
		return false;
	if (news->left && news->last > news->left)
		return false;
	if (!wants_events(m) || in_flight[member_index(m)])
		return true;
	if ((news->left || news->first) && !news->joined)
		return false;
	return !(news->joined && news->first && news->first < news->joined) &&
	       !(news->joined && news->left && news->left < news->joined);
}

/* Whether nothing is lacking that was there before the mailbox was empty. */
static bool news_complete(const struct news *news, const struct member *m,
			  const struct member *peer)
{
	if (peer->join_end > m->empty_at || m->join_end > m->empty_at)
		return true;
	if (!may_have_left(peer, m->empty_at))
		return news->joined;
	if (has_left(peer, m->empty_at))
		return !news->joined == !news->left && !(news->last && !news->left);
	return true;
}

static void check_news(const struct member *m, const struct member *peer)
{
	struct news news = news_of(m, peer);
	bool sure = wants_events(m) && !in_flight[member_index(m)] &&
		    (does_belong(peer, m) || does_belong(m, peer));

	if (!news_possible(&news, m, peer) || (sure && !news_complete(&news, m, peer)))
		violation(P_EVENTS, member_index(m), member_index(peer),
			  "knows of %#llx that it joined (%llu), sent (%llu to %llu), left (%llu); joined at %llu, left at %llu to %llu, mailbox empty at %llu",
			  peer->join.id, news.joined / 2, news.first / 2, news.last / 2,
			  news.left / 2, peer->join_end, leave_begin(peer), leave_end(peer),
			  m->empty_at);
}

static void check_events(void)
{
	for (__u32 i = 0; i < ledger->n_members; i++)
		for (__u32 j = 0; j < ledger->n_members; j++) {
			struct member *m = member_at(i), *peer = member_at(j);

			if (m->join_end && peer->join_end &&
			    (may_belong(m, peer) || may_belong(peer, m)))
				check_news(m, peer);
		}
}

/* How many peers may have come and gone unseen, each of which leaves a gap. */
static __u32 count_unseen(const struct member *m)
{
	struct news news;
	__u32 n = 0;

	if (!wants_events(m))
		return 0;
	for (__u32 i = 0; i < ledger->n_members; i++) {
		struct member *peer = member_at(i);

		if (!(may_belong(m, peer) || may_belong(peer, m)) || !leave_begin(peer))
			continue;
		news = news_of(m, peer);
		n += !news.joined && !news.left && !news.last;
	}
	return n;
}

/* The numbers of a mailbox's records have no gaps. */
static void check_gaps(void)
{
	for (__u32 i = 0, n; i < received.n; i += n) {
		__u32 member = list_at(&received, i)->member, gaps, may_be;

		for (n = 1; i + n < received.n && list_at(&received, i + n)->member == member; n++)
			;
		gaps = list_at(&received, i + n - 1)->rec.seq - n;
		if (gaps <= in_flight[member])
			continue;
		may_be = in_flight[member] + count_unseen(member_at(member));
		if (gaps > may_be)
			violation(P_LOSS, member, NONE,
				  "has %u of the records 1 to %llu, should have %llu at least", n,
				  list_at(&received, i + n - 1)->rec.seq,
				  list_at(&received, i + n - 1)->rec.seq - may_be);
	}
}

/* Lists of peers */

static void check_list(const struct entry *list)
{
	const struct member *viewer = member_at(list->member);
	const struct entry *e = next_entry(list);
	__u64 found[64];
	__u32 n = 0;

	for (; e && e->op == OP_PEER && e->end && n < ARRAY_SIZE(found); e = next_entry(e)) {
		struct member *peer = find_member(e->rec.peer);

		check_identity(e, peer);
		if (peer && !maybe_there(peer, list->begin, list->end))
			violation(P_IDENTITY, list->member, member_index(peer),
				  "%#llx was listed, but had left", peer->join.id);
		found[n++] = e->rec.peer;
	}
	/* The list may have been longer than what there was room for. */
	if (n < list->sent)
		return;
	for (__u32 i = 0; i < ledger->n_members; i++) {
		struct member *m = member_at(i);
		__u32 j = 0;

		if (m->group != viewer->group || !surely_there(m, list->begin, list->end))
			continue;
		while (j < n && found[j] != m->join.id)
			j++;
		if (j == n)
			violation(P_IDENTITY, list->member, i, "%#llx is not listed", m->join.id);
	}
}

static void check_lists(void)
{
	for (__u32 i = 0; i < lists.n; i++)
		check_list(list_at(&lists, i));
}

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

/* What there is about a violation */

#define HISTORY 60

#define OP_TEXT(name, text) [name] = text,
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
