// SPDX-License-Identifier: GPL-2.0-only
/* The model of events and of lists of peers. */
#include <string.h>

#include "model.h"
#include "stress.h"

/**
 * struct news - what an endpoint knows of a peer
 * @joined: place of the event, or 0
 * @left: likewise
 * @first: of the first record that the peer sent
 * @last: of the last thing that it sent, replies in hand included
 * @again: an event came twice
 * @left_at: when it knew that the peer had left
 */
struct news {
	__u64 joined;
	__u64 left;
	__u64 first;
	__u64 last;
	bool again;
	__u64 left_at;
};

/* Events */

static void read_news(struct news *news, const struct entry *e)
{
	if (e->rec.type == MPIPC_JOINED) {
		news->again |= !!news->joined;
		news->joined = position(e);
	} else if (e->rec.type == MPIPC_LEFT) {
		news->again |= !!news->left;
		news->left = position(e);
		news->left_at = e->end;
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

/* Check that what an endpoint knows is in order, and is possible. */
static bool news_possible(const struct news *news, const struct member *m,
			  const struct member *peer)
{
	if (news->again || (!wants_events(m) && (news->joined || news->left)))
		return false;
	if (news->left && !may_have_left(peer, news->left_at))
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

/* Check that nothing is lacking that was there before the mailbox was empty. */
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

void check_events(void)
{
	for (__u32 i = 0; i < ledger->n_members; i++)
		for (__u32 j = 0; j < ledger->n_members; j++) {
			struct member *m = member_at(i), *peer = member_at(j);

			if (m->join_end && peer->join_end &&
			    (may_belong(m, peer) || may_belong(peer, m)))
				check_news(m, peer);
		}
}

/* Count the peers that may have come and gone unseen, each of which leaves a gap. */
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

/* Check that the numbers of a mailbox's records have no gaps. */
void check_gaps(void)
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
	/* The list may have been longer than the space for it. */
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

void check_lists(void)
{
	for (__u32 i = 0; i < lists.n; i++)
		check_list(list_at(&lists, i));
}
