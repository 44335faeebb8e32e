// SPDX-License-Identifier: GPL-2.0-only
/* The ledger of a round, sorted so that the model finds what belongs together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "stress.h"

/* This many records fit into what workers read() at once. */
#define READ_RECORDS 51

struct list received;	/* by receiver and number in its mailbox */
struct list arrivals;	/* messages, by entry of the sender and receiver */
struct list channels;	/* sent by threads, by receiver, thread and entry */
struct list heard;	/* of peers, by receiver and peer and number */
struct list results;	/* by call and peer */
struct list calls;	/* by id */
struct list replies;	/* by request and replier */
struct list cancels;	/* by call */
struct list sends;	/* messages and calls, in no order */
struct list lists;	/* of peers, likewise */
static struct list ids;		/* members by id */
__u32 *in_flight;	/* records that a member may have taken */
__u32 *missing;		/* messages that a member has not got */
__u32 *calls_in_flight;	/* calls that a member may have made */

/* Times */

struct member *member_at(__u32 index)
{
	return &ledger->members[index];
}

__u32 member_index(const struct member *m)
{
	return m - ledger->members;
}

static __u64 first_of(__u64 a, __u64 b)
{
	return a && (!b || a < b) ? a : b;
}

/* Return from when on the member may have been gone, or 0 for never. */
__u64 leave_begin(const struct member *m)
{
	struct image *image = &ledger->images[m->image];
	__u64 end = first_of(image->dying, ledger->procs[image->proc].dying);

	return m->join_end ? first_of(m->leave_begin, end) : m->join_begin;
}

/* Return from when on the member was gone. */
__u64 leave_end(const struct member *m)
{
	struct image *image = &ledger->images[m->image];
	__u64 end = first_of(image->dead, ledger->procs[image->proc].dead);

	return first_of(m->leave_end, end);
}

bool may_have_left(const struct member *m, __u64 by)
{
	__u64 begin = leave_begin(m);

	return begin && begin <= by;
}

bool has_left(const struct member *m, __u64 by)
{
	__u64 end = leave_end(m);

	return end && end < by;
}

/* Check that the member was there all that time. */
bool surely_there(const struct member *m, __u64 begin, __u64 end)
{
	return m->join_end && m->join_end < begin && !may_have_left(m, end);
}

bool maybe_there(const struct member *m, __u64 begin, __u64 end)
{
	return m->join_begin && m->join_begin <= end && !has_left(m, begin);
}

/* Return the end of an entry; an end that was not reached is any time. */
__u64 end_of(const struct entry *e)
{
	return e->end ? e->end : ~0ULL;
}

/* Lists */

void add(struct list *list, const struct entry *e)
{
	list->at[list->n++] = entry_index(e);
}

static int compare(__u64 a, __u64 b)
{
	return a < b ? -1 : a > b;
}

/* Define an order of entries by two or three numbers. */
#define ORDER(name, first, second, third) \
	int name(const void *pa, const void *pb) \
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

/* Return the place of an entry; results of synchronous calls come between two records. */
__u64 position(const struct entry *e)
{
	return 2 * e->rec.seq + (e->op == OP_RESULT);
}

/* Return the entry of a result's call, which set_call() has found. */
__u32 call_of(const struct entry *e)
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

void sort(struct list *list, int (*order)(const void *a, const void *b))
{
	qsort(list->at, list->n, sizeof(*list->at), order);
}

/* Define a search for the first entry whose two numbers are not below these. */
#define LOOKUP(name, list, first, second) \
	__u32 name(__u64 a, __u64 b) \
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

struct entry *list_at(const struct list *list, __u32 i)
{
	return i < list->n ? entry_at(list->at[i]) : NULL;
}

struct member *find_member(__u64 id)
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

struct entry *arrival(const struct entry *sent, __u32 member)
{
	struct entry *e = list_at(&arrivals, lookup_arrival(entry_index(sent), member));

	return e && e->of == entry_index(sent) && e->member == member ? e : NULL;
}

struct entry *result_of(__u32 call, __u64 peer)
{
	struct entry *e = list_at(&results, lookup_result(call, peer));

	return e && call_of(e) == call && e->rec.peer == peer ? e : NULL;
}

/* Count the entries of a sender's message, or the results of a call. */
__u32 count_arrivals(__u32 sent)
{
	return lookup_arrival(sent + 1, 0) - lookup_arrival(sent, 0);
}

__u32 count_results(__u32 call)
{
	return lookup_result(call + 1, 0) - lookup_result(call, 0);
}

bool is_call(const struct entry *e)
{
	return e->op >= OP_CALL && e->op <= OP_CALL_ASYNC_ALL;
}

bool is_async(const struct entry *e)
{
	return e->flags & MPIPC_CALL_ASYNC;
}

bool replied(const struct entry *e)
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

/* Return the next entry of the same thread, or NULL. */
struct entry *next_entry(const struct entry *e)
{
	__u32 index = entry_index(e);
	struct chunk *chunk = &ledger->chunks[index / CHUNK];

	if (index % CHUNK + 1 < chunk->used)
		return entry_at(index + 1);
	if (chunk->next == NONE || !ledger->chunks[chunk->next].used)
		return NULL;
	return &ledger->chunks[chunk->next].entries[0];
}

struct entry *first_entry(__u32 log)
{
	struct chunk *chunk = &ledger->chunks[ledger->log_chunk[log]];

	return chunk->used ? &chunk->entries[0] : NULL;
}

/* Allocate memory of this model; 0 gives all of it back. */
void *array(size_t size)
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

void read_ledger(void)
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

/* Secondaries and their primaries */

bool follows(const struct member *m)
{
	return m->join.flags & MPIPC_JOIN_FOLLOW;
}

bool wants_events(const struct member *m)
{
	return m->join.flags & MPIPC_JOIN_EVENTS;
}

bool may_belong(const struct member *secondary, const struct member *primary)
{
	if (secondary->group != primary->group || secondary->join.role != MPIPC_SECONDARY ||
	    primary->join.role != MPIPC_PRIMARY)
		return false;
	/* A process that was killed in its join never knew. */
	if (!secondary->join_end || !primary->join_end)
		return true;
	return secondary->join.generation == primary->join.generation ||
	       (follows(secondary) && secondary->join.generation < primary->join.generation);
}

bool does_belong(const struct member *secondary, const struct member *primary)
{
	if (!may_belong(secondary, primary) || !secondary->join_end || !primary->join_end)
		return false;
	return secondary->join.generation == primary->join.generation ||
	       surely_there(secondary, primary->join_begin, primary->join_end);
}
