// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of events: members learn who joins and who leaves, in order with messages.
 *
 * Promise: P16
 */
#include "child.h"
#include "device.h"
#include "harness.h"
#include "mailbox.h"
#include "message.h"
#include "parameter.h"
#include "thread.h"
#include "wait.h"

/* Events */

/* Take the next record, and check that it is an event about a peer. */
static int take_event(int fd, enum mpipc_type type, __u64 peer)
{
	struct mpipc_record record;
	int err = recv_msg(fd, &record, NULL, 0);

	if (err)
		return err;
	if (record.type != type || record.peer != peer) {
		fprintf(stderr, "# type %u peer %llx instead of type %u peer %llx\n",
			record.type, (unsigned long long)record.peer, type,
			(unsigned long long)peer);
		return -EPROTO;
	}
	return 0;
}

FIXTURE(events)
{
	char group[MPIPC_GROUP_MAX];
	int primary;
	struct mpipc_record record;
};

FIXTURE_SETUP(events)
{
	group_name(self->group, _metadata->name);
	self->primary = open_small(self->group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS, SPACE);
	ASSERT_LE(0, self->primary);
}

FIXTURE_TEARDOWN(events)
{
	close(self->primary);
}

TEST_F(events, primary_is_notified_of_who_comes_and_goes)
{
	struct mpipc_record *record = &self->record;
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary);

	ASSERT_LE(0, secondary);
	EXPECT_EQ(POLLIN, poll_for(self->primary, POLLIN, 0));
	ASSERT_EQ(0, recv_msg(self->primary, record, NULL, 0));
	EXPECT_EQ(MPIPC_JOINED, record->type);
	EXPECT_EQ(id, record->peer);
	EXPECT_EQ(1, record->seq);
	EXPECT_EQ(MPIPC_SECONDARY, record->role);
	EXPECT_EQ(getpid(), record->pid);
	EXPECT_EQ(geteuid(), record->uid);
	EXPECT_EQ(1, record->generation);
	EXPECT_EQ(0, record->size);
	EXPECT_EQ(0, record->call);
	EXPECT_STREQ("", record->name);

	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(POLLIN, poll_for(self->primary, POLLIN, 0));
	ASSERT_EQ(0, recv_msg(self->primary, record, NULL, 0));
	EXPECT_EQ(MPIPC_LEFT, record->type);
	EXPECT_EQ(id, record->peer);
	EXPECT_EQ(2, record->seq);
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, record, NULL, 0));
}

TEST_F(events, killed_secondary_is_reported)
{
	struct child child;
	__u64 id;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_send(&child, endpoint_id(open_secondary(self->group)));
		child_hear(&child, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&child, &id));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(child.pid, self->record.pid);
	kill(child.pid, SIGKILL);
	ASSERT_EQ(0, recv_wait(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_LEFT, self->record.type);
	EXPECT_EQ(id, self->record.peer);
	EXPECT_EQ(128 + SIGKILL, child_wait(&child));
}

TEST_F(events, secondary_is_notified_of_its_primary)
{
	int secondary = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_EVENTS);
	int other = open_secondary(self->group);
	__u64 id = endpoint_id(self->primary);

	ASSERT_LE(0, secondary);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, take_event(secondary, MPIPC_JOINED, id));
	/* A secondary gets no events of other secondaries. */
	EXPECT_EQ(-EAGAIN, recv_msg(secondary, &self->record, NULL, 0));
	ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "last", NULL, 0));
	ASSERT_EQ(0, leave(self->primary));
	ASSERT_EQ(0, recv_msg(secondary, &self->record, NULL, 0));
	EXPECT_STREQ("last", self->record.name);
	EXPECT_EQ(0, take_event(secondary, MPIPC_LEFT, id));

	ASSERT_EQ(0, recv_msg(other, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_MESSAGE, self->record.type);
	EXPECT_EQ(-EAGAIN, recv_msg(other, &self->record, NULL, 0));
}

TEST_F(events, follower_is_notified_of_each_primary)
{
	int follower = open_joined(self->group, MPIPC_SECONDARY,
				   MPIPC_JOIN_EVENTS | MPIPC_JOIN_FOLLOW);
	int stale = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_EVENTS);
	__u64 old = endpoint_id(self->primary);
	int next;

	ASSERT_LE(0, follower);
	ASSERT_LE(0, stale);
	EXPECT_EQ(0, take_event(follower, MPIPC_JOINED, old));
	EXPECT_EQ(0, take_event(stale, MPIPC_JOINED, old));
	ASSERT_EQ(0, leave(self->primary));
	next = open_joined(self->group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, next);
	EXPECT_EQ(0, take_event(follower, MPIPC_LEFT, old));
	ASSERT_EQ(0, recv_msg(follower, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_JOINED, self->record.type);
	EXPECT_EQ(endpoint_id(next), self->record.peer);
	EXPECT_EQ(2, self->record.generation);
	EXPECT_EQ(0, take_event(stale, MPIPC_LEFT, old));
	EXPECT_EQ(-EAGAIN, recv_msg(stale, &self->record, NULL, 0));

	/* A follower learns of its new primary before anything else. */
	ASSERT_EQ(0, send_up(follower, "m"));
	EXPECT_EQ(0, take_event(next, MPIPC_JOINED, endpoint_id(follower)));
	ASSERT_EQ(0, recv_msg(next, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_MESSAGE, self->record.type);
	ASSERT_EQ(0, leave(stale));
	EXPECT_EQ(-EAGAIN, recv_msg(next, &self->record, NULL, 0));
	ASSERT_EQ(0, leave(follower));
	ASSERT_EQ(0, recv_msg(next, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_LEFT, self->record.type);
}

TEST_F(events, come_in_order_with_messages)
{
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary);

	ASSERT_EQ(0, send_up(secondary, "one"));
	ASSERT_EQ(0, send_up(secondary, "two"));
	ASSERT_EQ(0, leave(secondary));
	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, id));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_STREQ("one", self->record.name);
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_STREQ("two", self->record.name);
	EXPECT_EQ(0, take_event(self->primary, MPIPC_LEFT, id));
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
}

TEST_F(events, full_mailbox_does_not_lose_them)
{
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary), late;
	int other;

	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, id));
	ASSERT_EQ(0, fill_up(secondary));
	ASSERT_EQ(-EAGAIN, send_up(secondary, "lost"));
	other = open_secondary(self->group);
	late = endpoint_id(other);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, leave(secondary));

	for (int i = 0; i < SPACE; i++) {
		ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
		EXPECT_EQ(MPIPC_MESSAGE, self->record.type);
	}
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_JOINED, self->record.type);
	EXPECT_EQ(late, self->record.peer);
	EXPECT_EQ(1, self->record.lost);
	EXPECT_EQ(0, take_event(self->primary, MPIPC_LEFT, id));
}

TEST_F(events, take_no_space_from_messages)
{
	int secondary = -1;

	for (int i = 0; i < 2 * SPACE; i++) {
		secondary = open_secondary(self->group);
		ASSERT_LE(0, secondary);
	}
	EXPECT_EQ(0, fill_up(secondary));
	EXPECT_EQ(-EAGAIN, send_up(secondary, "m"));
	EXPECT_EQ(0, drain(self->primary, 3 * SPACE));
}

TEST_F(events, peer_that_came_and_went_unseen_is_not_reported)
{
	struct mpipc_info info;

	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, close(open_secondary(self->group)));
	EXPECT_EQ(0, poll_for(self->primary, POLLIN, 0));
	EXPECT_EQ(-EAGAIN, recv_msg(self->primary, &self->record, NULL, 0));
	ASSERT_EQ(0, get_info(self->primary, &info));
	EXPECT_EQ(0, info.queued);
}

TEST_F(events, event_that_poll_reported_can_be_read)
{
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary);
	struct mpipc_info info;

	EXPECT_EQ(POLLIN, poll_for(self->primary, POLLIN, 0));
	ASSERT_EQ(0, close(secondary));
	/* Peers that come and go now leave no trace, because there is something to read. */
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, close(open_secondary(self->group)));
	ASSERT_EQ(0, get_info(self->primary, &info));
	EXPECT_EQ(2, info.queued);
	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, id));
	EXPECT_EQ(0, take_event(self->primary, MPIPC_LEFT, id));
}

TEST_F(events, follower_that_the_next_primary_did_not_see_is_not_reported_to_it)
{
	int follower = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
	int next;

	/* A message to another member does not count. */
	ASSERT_EQ(0, fill_up(follower));
	ASSERT_EQ(0, leave(self->primary));
	next = open_joined(self->group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	ASSERT_LE(0, next);
	ASSERT_EQ(0, leave(follower));
	EXPECT_EQ(-EAGAIN, recv_msg(next, &self->record, NULL, 0));
}

TEST_F(events, primary_that_came_and_went_unseen_is_not_reported)
{
	int follower = open_joined(self->group, MPIPC_SECONDARY,
				   MPIPC_JOIN_EVENTS | MPIPC_JOIN_FOLLOW);
	__u64 first = endpoint_id(self->primary), last;
	int primary;

	ASSERT_EQ(0, send_msg(self->primary, MPIPC_TO_ALL, "m", NULL, 0));
	ASSERT_EQ(0, leave(self->primary));
	ASSERT_EQ(0, close(open_primary(self->group)));
	primary = open_primary(self->group);
	last = endpoint_id(primary);
	ASSERT_EQ(0, send_msg(primary, MPIPC_TO_ALL, "m", NULL, 0));
	ASSERT_EQ(0, close(primary));

	EXPECT_EQ(0, take_event(follower, MPIPC_JOINED, first));
	EXPECT_EQ(0, recv_msg(follower, &self->record, NULL, 0));
	EXPECT_EQ(0, take_event(follower, MPIPC_LEFT, first));
	EXPECT_EQ(0, take_event(follower, MPIPC_JOINED, last));
	EXPECT_EQ(0, recv_msg(follower, &self->record, NULL, 0));
	EXPECT_EQ(0, take_event(follower, MPIPC_LEFT, last));
	EXPECT_EQ(-EAGAIN, recv_msg(follower, &self->record, NULL, 0));
}

TEST_F(events, peer_that_sent_something_is_reported_even_if_it_is_gone)
{
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary);

	ASSERT_EQ(0, send_up(secondary, "m"));
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, id));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(id, self->record.peer);
	EXPECT_EQ(0, take_event(self->primary, MPIPC_LEFT, id));
}

TEST_F(events, peer_that_replied_is_reported_even_if_it_is_gone)
{
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary), call;

	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, call_async(self->primary, MPIPC_TO_ALL, "c", 0, MPIPC_FOREVER, &call));
	ASSERT_EQ(0, recv_msg(secondary, &self->record, NULL, 0));
	ASSERT_EQ(0, reply_msg(secondary, call, 0, NULL, 0));
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, id));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_REPLY_TO, self->record.type);
	EXPECT_EQ(0, take_event(self->primary, MPIPC_LEFT, id));
}

TEST_F(events, peer_that_replied_to_a_caller_is_reported_even_if_it_is_gone)
{
	struct mpipc_record result;
	struct mpipc_call_args call = call_arg(MPIPC_TO_ALL, "c", NULL, 0, &result, 1);
	int secondary = open_secondary(self->group);
	__u64 id = endpoint_id(secondary);
	struct ioctl_thread caller;

	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, ioctl_thread_start(&caller, self->primary, MPIPC_CALL, &call));
	ASSERT_EQ(0, recv_wait(secondary, &self->record, NULL, 0));
	ASSERT_EQ(0, reply_msg(secondary, self->record.call, 0, NULL, 0));
	ASSERT_EQ(0, ioctl_thread_join(&caller));
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, id));
	EXPECT_EQ(0, take_event(self->primary, MPIPC_LEFT, id));
}

TEST_F(events, primary_that_replied_is_reported_even_if_it_is_gone)
{
	int secondary = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_EVENTS);
	__u64 id = endpoint_id(self->primary), call;

	ASSERT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0, MPIPC_FOREVER, &call));
	ASSERT_EQ(0, take_event(self->primary, MPIPC_JOINED, endpoint_id(secondary)));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	ASSERT_EQ(0, reply_msg(self->primary, call, 0, NULL, 0));
	ASSERT_EQ(0, close(self->primary));
	EXPECT_EQ(0, take_event(secondary, MPIPC_JOINED, id));
	ASSERT_EQ(0, recv_msg(secondary, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_REPLY_TO, self->record.type);
	EXPECT_EQ(0, take_event(secondary, MPIPC_LEFT, id));
}

/*
 * Start to leave as primary, and take its place at once with another file. Return the id
 * there.
 */
static __u64 take_place(struct __test_metadata *_metadata, struct ioctl_thread *leaver,
			int primary, int next, const char *group)
{
	int ret;

	ASSERT_EQ(0, ioctl_thread_start(leaver, primary, MPIPC_LEAVE, NULL));
	do {
		ret = join_flags(next, group, MPIPC_PRIMARY, MPIPC_JOIN_EVENTS);
	} while (ret == -EADDRINUSE);
	ASSERT_EQ(0, ret);
	return endpoint_id(next);
}

TEST_F(events, followers_are_notified_in_order_of_a_primary_whose_place_is_taken_at_once)
{
	__u64 old = endpoint_id(self->primary), id;
	struct ioctl_thread leaver;
	int follower[3], next;

	for (int i = 0; i < 3; i++) {
		follower[i] = open_joined(self->group, MPIPC_SECONDARY,
					  MPIPC_JOIN_EVENTS | MPIPC_JOIN_FOLLOW);
		ASSERT_LE(0, follower[i]);
		ASSERT_EQ(0, take_event(follower[i], MPIPC_JOINED, old));
	}
	for (int round = 0; round < 100; round++) {
		next = open_dev();
		id = take_place(_metadata, &leaver, self->primary, next, self->group);
		for (int i = 0; i < 3; i++) {
			ASSERT_EQ(0, take_event(follower[i], MPIPC_LEFT, old));
			ASSERT_EQ(0, take_event(follower[i], MPIPC_JOINED, id));
			ASSERT_EQ(0, take_event(next, MPIPC_JOINED, endpoint_id(follower[i])));
		}
		ASSERT_EQ(0, ioctl_thread_join(&leaver));
		close(self->primary);
		self->primary = next;
		old = id;
	}
}

#define OTHERS 16
#define OPEN_CALLS 1000

/*
 * Make so many calls to all that ending them takes a while, take the requests out, and
 * return the last call.
 */
static __u64 make_calls(struct __test_metadata *_metadata, int primary, const int *secondary)
{
	struct mpipc_record record;
	__u64 call;

	for (int i = 0; i < OPEN_CALLS; i++) {
		ASSERT_EQ(0, call_async(primary, MPIPC_TO_ALL, "c", 0, MPIPC_FOREVER, &call));
		for (int to = 0; to <= OTHERS; to++)
			ASSERT_EQ(0, recv_msg(secondary[to], &record, NULL, 0));
	}
	return call;
}

/* Promise: P9 */
TEST_F(events, late_reply_to_who_left_is_refused_and_does_not_confuse_the_next)
{
	int secondary[1 + OTHERS], next;
	struct ioctl_thread leaver;
	__u64 id, call;

	for (int round = 0; round < 3; round++) {
		secondary[0] = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
		for (int i = 1; i <= OTHERS; i++)
			secondary[i] = open_secondary(self->group);
		ASSERT_LE(0, secondary[OTHERS]);
		id = endpoint_id(secondary[0]);
		call = make_calls(_metadata, self->primary, secondary);
		next = open_dev();
		take_place(_metadata, &leaver, self->primary, next, self->group);
		/* The leaving endpoint is still about to end its calls. */
		EXPECT_EQ(0, send_up(secondary[0], "m"));
		EXPECT_EQ(-ESRCH, reply_msg(secondary[0], call, 0, NULL, 0));
		for (int i = 0; i <= OTHERS; i++)
			ASSERT_EQ(0, close(secondary[i]));
		EXPECT_EQ(0, take_event(next, MPIPC_JOINED, id));
		EXPECT_EQ(0, take_event(next, MPIPC_MESSAGE, id));
		EXPECT_EQ(0, take_event(next, MPIPC_LEFT, id));
		ASSERT_EQ(0, ioctl_thread_join(&leaver));
		close(self->primary);
		self->primary = next;
	}
}

/* Promise: P15 */
TEST_F(events, unreported_peer_leaves_the_place_of_lost_messages)
{
	int secondary = open_secondary(self->group);
	int brief, other;

	EXPECT_EQ(0, take_event(self->primary, MPIPC_JOINED, endpoint_id(secondary)));
	ASSERT_EQ(0, fill_up(secondary));
	ASSERT_EQ(-EAGAIN, send_up(secondary, "lost"));
	brief = open_secondary(self->group);
	other = open_secondary(self->group);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, leave(brief));

	for (int i = 0; i < SPACE; i++)
		ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	/* The loss was before this record, which reports it. */
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(endpoint_id(other), self->record.peer);
	EXPECT_EQ(1, self->record.lost);
	ASSERT_EQ(0, send_up(secondary, "m"));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(0, self->record.lost);
}

TEST_F(events, are_only_for_who_asked)
{
	char group[MPIPC_GROUP_MAX];
	int primary, secondary;

	group_name(group, "silent");
	primary = open_primary(group);
	secondary = open_secondary(group);
	ASSERT_LE(0, primary);
	ASSERT_EQ(0, close(secondary));
	EXPECT_EQ(0, poll_for(primary, POLLIN, 0));
	EXPECT_EQ(-EAGAIN, recv_msg(primary, &self->record, NULL, 0));
}

TEST_HARNESS_MAIN
