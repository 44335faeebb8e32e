// SPDX-License-Identifier: GPL-2.0-only
/* Tests of what poll and epoll report of an endpoint. */
#include "child.h"
#include "device.h"
#include "harness.h"
#include "mailbox.h"
#include "message.h"
#include "wait.h"

#include <sys/epoll.h>

/* poll and epoll */

TEST_F(mailbox, poll_shows_level_of_the_mailbox)
{
	int events = POLLIN | POLLRDNORM;

	EXPECT_EQ(0, poll_for(self->primary, events, 0));
	ASSERT_EQ(0, send_up(self->secondary, "m"));
	ASSERT_EQ(0, send_up(self->secondary, "m"));
	EXPECT_EQ(events, poll_for(self->primary, events, 0));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(events, poll_for(self->primary, events, 0));
	ASSERT_EQ(0, recv_msg(self->primary, &self->record, NULL, 0));
	EXPECT_EQ(0, poll_for(self->primary, events, 0));
}

TEST_F(mailbox, poll_always_says_that_one_may_send)
{
	ASSERT_EQ(0, fill_up(self->secondary));
	EXPECT_EQ(POLLOUT | POLLWRNORM,
		  poll_for(self->secondary, POLLIN | POLLOUT | POLLWRNORM, 0));
	EXPECT_EQ(POLLIN | POLLOUT, poll_for(self->primary, POLLIN | POLLOUT, 0));
}

TEST_F(mailbox, poll_shows_nothing_before_the_join_and_wakes_at_it)
{
	int fd = open_dev();
	struct child child;

	EXPECT_EQ(0, poll_for(fd, POLLIN | POLLOUT | POLLRDHUP, 0));
	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_send(&child, 0);
		_exit(poll_for(fd, POLLOUT, -1) != POLLOUT);
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	ASSERT_EQ(0, wait_asleep(child.pid));
	ASSERT_EQ(0, join_secondary(fd, self->group));
	EXPECT_EQ(0, child_wait(&child));
}

TEST_F(mailbox, poll_wakes_for_a_message)
{
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		/* poll() depends on the open file alone, so that a child may call it. */
		child_send(&child, 0);
		_exit(poll_for(self->primary, POLLIN, -1) != POLLIN);
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	ASSERT_EQ(0, wait_asleep(child.pid));
	ASSERT_EQ(0, send_up(self->secondary, "m"));
	EXPECT_EQ(0, child_wait(&child));
}

/* Return the events of one file in an epoll instance now, or -1 if there are none. */
static int epoll_now(int epoll)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, 0) == 1 ? (int)event.events : -1;
}

static int epoll_on(int fd, __u32 events)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	return epoll;
}

TEST_F(mailbox, level_triggered_epoll_reports_while_there_are_records)
{
	int epoll = epoll_on(self->primary, EPOLLIN);

	ASSERT_LE(0, epoll);
	EXPECT_EQ(-1, epoll_now(epoll));
	ASSERT_EQ(0, send_up(self->secondary, "m"));
	EXPECT_EQ(EPOLLIN, epoll_now(epoll));
	EXPECT_EQ(EPOLLIN, epoll_now(epoll));
	ASSERT_EQ(0, drain(self->primary, 1));
	EXPECT_EQ(-1, epoll_now(epoll));
}

TEST_F(mailbox, edge_triggered_epoll_reports_each_arrival)
{
	int epoll = epoll_on(self->primary, EPOLLIN | EPOLLET);

	ASSERT_LE(0, epoll);
	for (int i = 0; i < SPACE; i++) {
		ASSERT_EQ(0, send_up(self->secondary, "m"));
		EXPECT_EQ(EPOLLIN, epoll_now(epoll));
		EXPECT_EQ(-1, epoll_now(epoll));
	}
	ASSERT_EQ(0, drain(self->primary, SPACE));
	EXPECT_EQ(-1, epoll_now(epoll));
}

/* Promise: P16 */
TEST_F(mailbox, poll_shows_a_secondary_that_its_primary_left)
{
	EXPECT_EQ(0, poll_for(self->secondary, POLLIN | POLLRDHUP, 0));
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(POLLRDHUP, poll_for(self->secondary, POLLIN | POLLRDHUP, 0));
}

/* Promise: P16 */
TEST_F(mailbox, death_of_the_primary_wakes_poll)
{
	struct child primary;
	int epoll;

	ASSERT_EQ(0, leave(self->primary));
	ASSERT_EQ(0, leave(self->secondary));
	ASSERT_LE(0, child_fork(&primary));
	if (!primary.pid) {
		child_send(&primary, open_primary(self->group));
		child_hear(&primary, NULL);
		_exit(0);
	}
	ASSERT_EQ(0, child_hear(&primary, NULL));
	self->secondary = open_secondary(self->group);
	ASSERT_LE(0, self->secondary);
	epoll = epoll_on(self->secondary, EPOLLRDHUP | EPOLLET);
	EXPECT_EQ(-1, epoll_now(epoll));
	kill(primary.pid, SIGKILL);
	/* The event comes without a message to carry it. */
	EXPECT_EQ(POLLRDHUP, poll_for(self->secondary, POLLIN | POLLRDHUP, -1));
	EXPECT_EQ(EPOLLRDHUP, epoll_now(epoll));
	EXPECT_EQ(-1, epoll_now(epoll));
	EXPECT_EQ(128 + SIGKILL, child_wait(&primary));
}

TEST_F(mailbox, poll_shows_a_follower_that_there_is_no_primary)
{
	int follower = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);

	ASSERT_LE(0, follower);
	ASSERT_EQ(0, leave(self->primary));
	EXPECT_EQ(POLLRDHUP, poll_for(follower, POLLRDHUP, 0));
	EXPECT_EQ(POLLRDHUP, poll_for(self->secondary, POLLRDHUP, 0));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(0, poll_for(follower, POLLRDHUP, 0));
	/* The primary of the other secondary is gone for good. */
	EXPECT_EQ(POLLRDHUP, poll_for(self->secondary, POLLRDHUP, 0));
}

TEST_F(mailbox, primary_sees_no_hangup_when_a_secondary_leaves)
{
	ASSERT_EQ(0, leave(self->secondary));
	EXPECT_EQ(0, poll_for(self->primary, POLLIN | POLLRDHUP, 0));
}

TEST_F(mailbox, poll_shows_that_this_endpoint_left)
{
	struct child child;

	ASSERT_LE(0, child_fork(&child));
	if (!child.pid) {
		child_send(&child, 0);
		_exit(!(poll_for(self->secondary, 0, -1) & POLLHUP));
	}
	ASSERT_EQ(0, child_hear(&child, NULL));
	ASSERT_EQ(0, wait_asleep(child.pid));
	ASSERT_EQ(0, leave(self->secondary));
	EXPECT_EQ(0, child_wait(&child));
	EXPECT_EQ(POLLHUP, poll_for(self->secondary, 0, 0));
}

TEST_HARNESS_MAIN
