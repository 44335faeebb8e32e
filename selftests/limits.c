// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: each is exact, is shared as promised, and is given back when whoever
 * held something is killed.
 *
 * limit                 error         exact                    after kill -9
 * payload               EMSGSIZE      payload_of_65536_bytes_  (holds nothing)
 * name of a message     EINVAL        name_of_63_bytes_        (holds nothing)
 * files of a message    EMSGSIZE      message_carries_253_     (holds nothing)
 * mailbox_messages      EAGAIN        mailbox_holds_           mailbox_is_given_back_
 * mailbox_bytes         EAGAIN        mailbox_holds_           mailbox_is_given_back_
 * group_endpoints       ENOSPC        group_has_               group_has_
 * user_endpoints        EDQUOT        user_has_                user_has_
 * user_groups           EDQUOT        user_has_                user_has_
 * user_bytes, messages  EDQUOT        bytes_of_messages_are_   bytes_are_given_back_
 * user_bytes, one box   EAGAIN        who_does_not_read_       (see messages)
 * user_bytes, answers   EDQUOT        bytes_of_answers_are_    bytes_of_answers_are_
 * files in flight       ETOOMANYREFS  user_has_                files_are_given_back_
 * endpoint_calls        EMFILE        endpoint_has_            calls_are_given_back_
 *
 * The name of a group is in join.c, memory cgroups are in memcg.c.
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "message.h"
#include "parameter.h"
#include "user.h"

#include <sched.h>
#include <sys/resource.h>

#define GROUP 2000

static const char *const params[] = {
	"mailbox_messages", "mailbox_bytes", "group_endpoints", "user_endpoints",
	"user_groups", "user_bytes", "endpoint_calls",
};

FIXTURE(limits)
{
	long long usual[ARRAY_SIZE(params)];
	uid_t alice;		/* users of this test only, */
	uid_t bob;		/* so that nothing else counts for them */
	char group[MPIPC_GROUP_MAX];
	char other[MPIPC_GROUP_MAX];
	struct mpipc_record record;
	char *data;
};

FIXTURE_SETUP(limits)
{
	group_name(self->group, _metadata->name);
	group_name(self->other, "other");
	self->alice = 1000000 + 2 * getpid();
	self->bob = self->alice + 1;
	self->data = calloc(1, MPIPC_SIZE_MAX + 1);
	ASSERT_NE(NULL, self->data);
	/* The parameters are only there if the module is. */
	ASSERT_LE(0, open_dev());
	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		self->usual[i] = get_param(params[i]);
		ASSERT_LT(0, self->usual[i]);
	}
}

FIXTURE_TEARDOWN(limits)
{
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		set_param(params[i], self->usual[i]);
	free(self->data);
}

/* A primary whose group anybody may join. */
static int open_public(const char *group)
{
	struct mpipc_join_args join = join_arg(group, MPIPC_PRIMARY);
	int fd = open_dev();
	int err;

	join.mode = 0666;
	err = do_ioctl(fd, MPIPC_JOIN, &join);
	return err ?: fd;
}

/*
 * A child of a user that does something, and keeps what it got until it is
 * killed. Returns what the function returned.
 */
static int start_holder(struct child *holder, uid_t uid,
			int (*function)(const char *group), const char *group)
{
	__u64 ret;

	if (child_fork(holder) < 0)
		return -errno;
	if (!holder->pid) {
		become_user(uid, GROUP);
		child_tell(holder, function(group));
		child_hear(holder, NULL);
		_exit(0);
	}
	return child_hear(holder, &ret) ? -ECHILD : (int)ret;
}

/* What open_*() says to a user, which then closes again. */
static int attempt(uid_t uid, int (*function)(const char *group), const char *group)
{
	struct child child;
	int ret = start_holder(&child, uid, function, group);

	child_kill(&child);
	return ret < 0 ? ret : 0;
}

/**
 * struct order - what a sender is told to do
 * @size: payload of its messages
 * @n_fds: descriptors in each
 * @fd: which, as often as that
 * @done: back from it: messages that passed
 * @err: likewise: why the next one did not
 */
struct order {
	__u32 size;
	__u32 n_fds;
	int fd;
	__u32 done;
	int err;
};

static void carry_out(int fd, struct order *order)
{
	static char data[MPIPC_SIZE_MAX];
	int fds[MPIPC_FDS_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = order->fd;
	order->done = 0;
	while (order->done < 10000) {
		order->err = send_fds(fd, MPIPC_TO_PRIMARY, "m", data, order->size,
				      fds, order->n_fds);
		if (order->err)
			break;
		order->done++;
	}
}

/*
 * A secondary of a user, with so many files allowed to it (0: the usual number).
 * It follows each primary, and sends when it is told, until there is no room.
 */
static int start_sender(struct child *sender, uid_t uid, const char *group,
			rlim_t files)
{
	struct rlimit limit = { files, files };
	struct order order;
	__u64 ret;

	if (child_fork(sender) < 0)
		return -errno;
	if (!sender->pid) {
		int fd;

		become_user(uid, GROUP);
		fd = open_joined(group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
		if (files && setrlimit(RLIMIT_NOFILE, &limit))
			fd = -errno;
		child_tell(sender, fd);
		while (read(sender->line, &order, sizeof(order)) == sizeof(order)) {
			carry_out(fd, &order);
			if (write(sender->line, &order, sizeof(order)) < 0)
				break;
		}
		_exit(0);
	}
	if (child_hear(sender, &ret))
		return -ECHILD;
	return (int)ret < 0 ? (int)ret : 0;
}

/* How many messages a sender can send now, and what the next one gets. */
static struct order command(struct child *sender, struct order order)
{
	if (write(sender->line, &order, sizeof(order)) != sizeof(order) ||
	    read(sender->line, &order, sizeof(order)) != sizeof(order))
		order.err = -EPIPE;
	return order;
}

static struct order send_all(struct child *sender, __u32 size, __u32 n_fds)
{
	return command(sender, (struct order){ .size = size, .n_fds = n_fds });
}

/* Of one message */

TEST_F(limits, payload_of_65536_bytes_passes_whole)
{
	int primary = open_primary(self->group);
	int secondary = open_secondary(self->group);
	char *copy = calloc(1, MPIPC_SIZE_MAX);

	ASSERT_LE(0, secondary);
	for (__u32 i = 0; i < MPIPC_SIZE_MAX; i++)
		self->data[i] = i * 7 + i / 256;
	EXPECT_EQ(-EMSGSIZE, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data,
				      MPIPC_SIZE_MAX + 1));
	ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data,
			      MPIPC_SIZE_MAX));
	ASSERT_EQ(0, recv_msg(primary, &self->record, copy, MPIPC_SIZE_MAX));
	EXPECT_EQ(MPIPC_SIZE_MAX, self->record.size);
	EXPECT_EQ(0, memcmp(self->data, copy, MPIPC_SIZE_MAX));
	free(copy);
}

TEST_F(limits, name_of_63_bytes_passes_whole)
{
	int primary = open_primary(self->group);
	int secondary = open_secondary(self->group);
	struct mpipc_send_args send = { .to = MPIPC_TO_PRIMARY };

	ASSERT_LE(0, secondary);
	memset(send.body.name, 'n', MPIPC_NAME_MAX);
	EXPECT_EQ(-EINVAL, do_ioctl(secondary, MPIPC_SEND, &send));
	send.body.name[MPIPC_NAME_MAX - 1] = '\0';
	EXPECT_EQ(0, do_ioctl(secondary, MPIPC_SEND, &send));
	ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	EXPECT_STREQ(send.body.name, self->record.name);
	EXPECT_EQ(-EAGAIN, recv_msg(primary, &self->record, NULL, 0));
}

TEST_F(limits, message_carries_253_descriptors)
{
	int primary = open_primary(self->group);
	int secondary = open_secondary(self->group);
	int fds[MPIPC_FDS_MAX + 1] = { }, got[MPIPC_FDS_MAX];

	ASSERT_LE(0, secondary);
	EXPECT_EQ(-EMSGSIZE, send_fds(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0, fds,
				      MPIPC_FDS_MAX + 1));
	ASSERT_EQ(0, send_fds(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0, fds,
			      MPIPC_FDS_MAX));
	ASSERT_EQ(0, recv_fds(primary, &self->record, NULL, 0, got, MPIPC_FDS_MAX, 0));
	EXPECT_EQ(MPIPC_FDS_MAX, self->record.n_fds);
	for (int i = 0; i < MPIPC_FDS_MAX; i++)
		ASSERT_EQ(0, close(got[i]));
}

/* Of one mailbox */

TEST_F(limits, mailbox_holds_so_many_messages)
{
	int primary = open_small(self->group, MPIPC_PRIMARY, 0, 5);
	int secondary = open_secondary(self->group);
	struct mpipc_info info;

	ASSERT_LE(0, secondary);
	/* It is fixed at the join, in either direction. */
	ASSERT_EQ(0, set_param("mailbox_messages", 2));
	ASSERT_EQ(0, get_info(primary, &info));
	EXPECT_EQ(5, info.max_messages);
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(-EAGAIN, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(-EAGAIN, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
}

TEST_F(limits, mailbox_holds_so_many_bytes)
{
	int primary, secondary = -1;
	struct mpipc_info info;

	ASSERT_EQ(0, set_param("mailbox_bytes", 100000));
	primary = open_primary(self->group);
	secondary = open_secondary(self->group);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, get_info(primary, &info));
	EXPECT_EQ(100000, info.max_bytes);
	ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 60000));
	EXPECT_EQ(-EAGAIN, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 40001));
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 40000));
	EXPECT_EQ(-EAGAIN, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 1));
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_EQ(0, recv_msg(primary, &self->record, self->data, 60000));
	EXPECT_EQ(-EAGAIN, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 60001));
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", self->data, 60000));
}

TEST_F(limits, message_that_never_fits_is_not_waited_for)
{
	struct mpipc_send_args send = { .to = MPIPC_TO_ALL, .deadline = MPIPC_FOREVER };
	int primary, secondary = -1;

	ASSERT_EQ(0, set_param("mailbox_bytes", 1000));
	primary = open_primary(self->group);
	secondary = open_secondary(self->group);
	ASSERT_LE(0, secondary);
	send.body = make_body("m", self->data, 1001, NULL, 0);
	EXPECT_EQ(0, do_ioctl(primary, MPIPC_SEND, &send));
	EXPECT_EQ(0, send.sent);
	EXPECT_EQ(1, send.full);
	send.to = MPIPC_TO_PRIMARY;
	EXPECT_EQ(-EMSGSIZE, do_ioctl(secondary, MPIPC_SEND, &send));
	send.body.size = 1000;
	EXPECT_EQ(0, do_ioctl(secondary, MPIPC_SEND, &send));
	ASSERT_EQ(0, recv_msg(primary, &self->record, self->data, 1000));
	EXPECT_EQ(1, self->record.lost);
	ASSERT_EQ(0, send_msg(primary, MPIPC_TO_ALL, "m", NULL, 0));
	ASSERT_EQ(0, recv_msg(secondary, &self->record, NULL, 0));
	EXPECT_EQ(1, self->record.lost);
}

TEST_F(limits, no_user_but_the_owner_fills_a_primary)
{
	struct child alice, bob;
	struct order order;
	int primary, own;

	ASSERT_EQ(0, set_param("mailbox_messages", 16));
	primary = open_public(self->group);
	own = open_secondary(self->group);
	ASSERT_LE(0, own);
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	ASSERT_EQ(0, start_sender(&bob, self->bob, self->group, 0));

	/* Half of what the others leave. */
	order = send_all(&alice, 0, 0);
	EXPECT_EQ(-EAGAIN, order.err);
	EXPECT_EQ(8, order.done);
	order = send_all(&bob, 0, 0);
	EXPECT_EQ(-EAGAIN, order.err);
	EXPECT_EQ(4, order.done);
	EXPECT_EQ(0, send_all(&alice, 0, 0).done);
	/* The owner takes all of it. */
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, send_msg(own, MPIPC_TO_PRIMARY, "m", NULL, 0));
	EXPECT_EQ(-EAGAIN, send_msg(own, MPIPC_TO_PRIMARY, "m", NULL, 0));

	/* What is taken out is theirs again, also after they died. */
	EXPECT_EQ(128 + SIGKILL, child_kill(&alice));
	for (int i = 0; i < 16; i++)
		ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	EXPECT_EQ(8, send_all(&bob, 0, 0).done);
}

TEST_F(limits, share_is_the_users_however_many_endpoints)
{
	struct child first, second, third, fourth;
	int primary;

	ASSERT_EQ(0, set_param("mailbox_messages", 16));
	primary = open_public(self->group);
	ASSERT_LE(0, primary);
	ASSERT_EQ(0, start_sender(&first, self->alice, self->group, 0));
	ASSERT_EQ(0, start_sender(&second, self->alice, self->group, 0));
	EXPECT_EQ(8, send_all(&first, 0, 0).done);
	EXPECT_EQ(0, send_all(&second, 0, 0).done);
	/* And what is still there counts for who comes later. */
	EXPECT_EQ(128 + SIGKILL, child_kill(&first));
	EXPECT_EQ(128 + SIGKILL, child_kill(&second));
	ASSERT_EQ(0, start_sender(&third, self->alice, self->group, 0));
	EXPECT_EQ(0, send_all(&third, 0, 0).done);
	for (int i = 0; i < 8; i++)
		ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	ASSERT_EQ(0, start_sender(&fourth, self->alice, self->group, 0));
	EXPECT_EQ(8, send_all(&third, 0, 0).done);
	EXPECT_EQ(0, send_all(&fourth, 0, 0).done);
}

TEST_F(limits, share_of_a_user_counts_bytes_too)
{
	struct child alice, bob;
	int own;

	ASSERT_EQ(0, set_param("mailbox_bytes", 64000));
	ASSERT_LE(0, open_public(self->group));
	own = open_secondary(self->group);
	ASSERT_LE(0, own);
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	ASSERT_EQ(0, start_sender(&bob, self->bob, self->group, 0));
	EXPECT_EQ(32, send_all(&alice, 1000, 0).done);
	EXPECT_EQ(16, send_all(&bob, 1000, 0).done);
	EXPECT_EQ(0, send_msg(own, MPIPC_TO_PRIMARY, "m", self->data, 16000));
	EXPECT_EQ(-EAGAIN, send_msg(own, MPIPC_TO_PRIMARY, "m", self->data, 1));
}

TEST_F(limits, mailbox_is_given_back_when_its_owner_is_killed)
{
	struct child alice, receiver;

	ASSERT_EQ(0, set_param("mailbox_messages", 16));
	ASSERT_EQ(0, set_param("mailbox_bytes", 64000));
	ASSERT_LE(0, start_holder(&receiver, 0, open_public, self->group));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	EXPECT_EQ(8, send_all(&alice, 1000, 0).done);
	EXPECT_EQ(0, send_all(&alice, 0, 0).done);
	/* Her share of the next one's is not what is left of this. */
	EXPECT_EQ(128 + SIGKILL, child_kill(&receiver));
	ASSERT_LE(0, start_holder(&receiver, 0, open_primary, self->group));
	EXPECT_EQ(4, send_all(&alice, 8000, 0).done);
	EXPECT_EQ(4, send_all(&alice, 0, 0).done);
	EXPECT_EQ(128 + SIGKILL, child_kill(&receiver));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(8, send_all(&alice, 1000, 0).done);
}

/* Endpoints and groups */

static int hold_one_secondary(const char *group)
{
	return open_secondary(group);
}

TEST_F(limits, group_has_so_many_endpoints)
{
	struct mpipc_info info;
	struct child holder;
	int primary;

	ASSERT_EQ(0, set_param("group_endpoints", 3));
	primary = open_primary(self->group);
	ASSERT_LE(0, primary);
	ASSERT_LE(0, open_secondary(self->group));
	ASSERT_LE(0, start_holder(&holder, 0, hold_one_secondary, self->group));
	EXPECT_EQ(-ENOSPC, open_secondary(self->group));
	ASSERT_EQ(0, get_info(primary, &info));
	EXPECT_EQ(3, info.max_endpoints);
	/* It is for one group. */
	EXPECT_LE(0, open_primary(self->other));
	EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
	EXPECT_LE(0, open_secondary(self->group));
	EXPECT_EQ(-ENOSPC, open_secondary(self->group));
}

TEST_F(limits, place_of_a_dead_primary_can_be_taken)
{
	int primary;

	ASSERT_EQ(0, set_param("group_endpoints", 2));
	primary = open_primary(self->group);
	ASSERT_LE(0, open_secondary(self->group));
	ASSERT_EQ(0, close(primary));
	EXPECT_LE(0, open_primary(self->group));
}

static int hold_primary_and_secondary(const char *group)
{
	int fd = open_public(group);

	return fd < 0 ? fd : open_secondary(group);
}

TEST_F(limits, user_has_so_many_endpoints)
{
	struct child stays, holder;
	char public[MPIPC_GROUP_MAX];

	group_name(public, "public");
	ASSERT_LE(0, open_public(public));
	ASSERT_EQ(0, set_param("user_endpoints", 3));
	/* One that stays, so that the user is never forgotten and begun anew. */
	ASSERT_LE(0, start_holder(&stays, self->alice, open_secondary, public));
	for (int round = 0; round < 2; round++) {
		ASSERT_LE(0, start_holder(&holder, self->alice, hold_primary_and_secondary,
					  self->group));
		EXPECT_EQ(-EDQUOT, attempt(self->alice, open_secondary, self->group));
		EXPECT_EQ(-EDQUOT, attempt(self->alice, open_primary, self->other));
		EXPECT_EQ(0, attempt(self->bob, open_secondary, self->group));
		EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
	}
}

TEST_F(limits, endpoint_that_left_does_not_count)
{
	int primary, secondary;

	ASSERT_EQ(0, set_param("group_endpoints", 2));
	primary = open_primary(self->group);
	secondary = open_secondary(self->group);
	ASSERT_LE(0, primary);
	ASSERT_EQ(0, leave(secondary));
	EXPECT_LE(0, open_secondary(self->group));
}

static int hold_two_groups(const char *group)
{
	char second[MPIPC_GROUP_MAX + 8];
	int fd = open_public(group);

	snprintf(second, sizeof(second), "%s.2", group);
	return fd < 0 ? fd : open_public(second);
}

TEST_F(limits, user_has_so_many_groups)
{
	struct child stays, holder;

	ASSERT_EQ(0, set_param("user_groups", 3));
	ASSERT_LE(0, start_holder(&stays, self->alice, open_public, self->other));
	for (int round = 0; round < 2; round++) {
		char third[MPIPC_GROUP_MAX];

		group_name(third, "third");
		ASSERT_LE(0, start_holder(&holder, self->alice, hold_two_groups, self->group));
		EXPECT_EQ(-EDQUOT, attempt(self->alice, open_primary, third));
		EXPECT_EQ(0, attempt(self->bob, open_primary, third));
		/* To join one is not to have one. */
		EXPECT_EQ(0, attempt(self->alice, open_secondary, self->group));
		EXPECT_EQ(128 + SIGKILL, child_kill(&holder));
	}
}

TEST_F(limits, group_counts_for_its_creator_while_it_exists)
{
	struct child creator, guest;

	ASSERT_EQ(0, set_param("user_groups", 1));
	ASSERT_LE(0, start_holder(&creator, self->alice, open_public, self->group));
	ASSERT_LE(0, start_holder(&guest, self->bob, open_secondary, self->group));
	EXPECT_EQ(128 + SIGKILL, child_kill(&creator));
	EXPECT_EQ(-EDQUOT, attempt(self->alice, open_primary, self->other));
	EXPECT_EQ(0, attempt(self->bob, open_primary, self->other));
	EXPECT_EQ(128 + SIGKILL, child_kill(&guest));
	EXPECT_EQ(0, attempt(self->alice, open_primary, self->other));
}

TEST_F(limits, refused_join_costs_nothing)
{
	ASSERT_LE(0, open_public(self->group));
	ASSERT_EQ(0, set_param("user_groups", 1));
	ASSERT_EQ(0, set_param("user_endpoints", 1));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-EADDRINUSE, attempt(0, open_primary, self->group));
		EXPECT_EQ(-EACCES, attempt(self->alice, open_primary, self->group));
		EXPECT_EQ(-EDQUOT, attempt(self->alice, hold_two_groups, self->other));
	}
	EXPECT_EQ(0, attempt(self->alice, open_primary, self->other));
}

/* Memory of a user */

#define SIZE 1000
#define OVERHEAD 192 /* a message costs less than this on top of its payload */
#define BYTES 65536

TEST_F(limits, user_has_so_many_bytes_in_messages)
{
	int primary = open_public(self->group);
	struct child alice;
	struct order order;

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	order = send_all(&alice, SIZE, 0);
	EXPECT_EQ(-EDQUOT, order.err);
	EXPECT_GE(BYTES, order.done * SIZE);
	EXPECT_LT(BYTES, (order.done + 1) * (SIZE + OVERHEAD));
	/* What was received is given back, a message at a time. */
	ASSERT_EQ(0, recv_msg(primary, &self->record, self->data, SIZE));
	order = send_all(&alice, SIZE, 0);
	EXPECT_EQ(-EDQUOT, order.err);
	EXPECT_EQ(1, order.done);
}

/**
 * struct unread - how many messages or calls of a user can be unread under a limit
 * @self: the test
 * @primary: who does not read them
 * @sender: of the messages; NULL: they are calls
 */
struct unread {
	FIXTURE_DATA(limits) *self;
	int primary;
	struct child *sender;
};

static int make_calls(const char *group);

static int unread_under(struct unread *unread, long long limit)
{
	FIXTURE_DATA(limits) *self = unread->self;
	struct child caller;
	int n, err = set_param("user_bytes", limit);

	if (err)
		return err;
	if (unread->sender) {
		n = send_all(unread->sender, SIZE, 0).done;
	} else {
		n = start_holder(&caller, self->alice, make_calls, self->group);
		child_kill(&caller);
	}
	for (int i = 0; i < n && !err; i++)
		err = recv_msg(unread->primary, &self->record, self->data, MPIPC_SIZE_MAX);
	return err ?: n;
}

/* The lowest limit under which one can be unread, somewhere above @low. */
static long long cost_of_one(struct unread *unread, long long low)
{
	long long high = low + 1024;

	while (high - low > 1) {
		long long middle = (low + high) / 2;

		if (unread_under(unread, middle) > 0)
			high = middle;
		else
			low = middle;
	}
	return high;
}

TEST_F(limits, bytes_of_messages_are_counted_exactly)
{
	struct child alice;
	struct unread unread = {
		.self = self,
		.primary = open_public(self->group),
		.sender = &alice,
	};
	long long cost;

	ASSERT_LE(0, unread.primary);
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	cost = cost_of_one(&unread, SIZE);
	EXPECT_GT(SIZE + OVERHEAD, cost);
	EXPECT_EQ(7, unread_under(&unread, 7 * cost));
	EXPECT_EQ(6, unread_under(&unread, 7 * cost - 1));
	EXPECT_EQ(-EDQUOT, send_all(&alice, 7 * SIZE, 0).err);
}

TEST_F(limits, bytes_of_answers_are_counted_exactly_and_given_back_with_the_caller)
{
	struct unread unread = { .self = self, .primary = open_public(self->group) };
	long long cost;

	ASSERT_LE(0, unread.primary);
	cost = cost_of_one(&unread, MPIPC_SIZE_MAX);
	EXPECT_GT(MPIPC_SIZE_MAX + 1024, cost);
	EXPECT_EQ(7, unread_under(&unread, 7 * cost));
	EXPECT_EQ(6, unread_under(&unread, 7 * cost - 1));
}

TEST_F(limits, bytes_are_given_back_when_the_receiver_is_killed)
{
	struct child alice, receiver;
	__u32 first;

	ASSERT_LE(0, start_holder(&receiver, 0, open_public, self->group));
	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	first = send_all(&alice, SIZE, 0).done;
	EXPECT_LT(0, first);
	EXPECT_EQ(128 + SIGKILL, child_kill(&receiver));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(first, send_all(&alice, SIZE, 0).done);
}

TEST_F(limits, bytes_count_for_a_dead_sender_until_they_are_received)
{
	int primary = open_public(self->group);
	struct child alice;
	__u32 first;

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	first = send_all(&alice, SIZE, 0).done;
	EXPECT_EQ(128 + SIGKILL, child_kill(&alice));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	EXPECT_EQ(-EDQUOT, send_all(&alice, SIZE, 0).err);
	EXPECT_EQ(0, send_all(&alice, SIZE, 0).done);
	for (__u32 i = 0; i < first; i++)
		ASSERT_EQ(0, recv_msg(primary, &self->record, self->data, SIZE));
	EXPECT_EQ(first, send_all(&alice, SIZE, 0).done);
}

TEST_F(limits, message_without_room_costs_nothing)
{
	int primary, small = 3;
	struct child alice;

	ASSERT_EQ(0, set_param("mailbox_messages", small * 2));
	primary = open_public(self->group);
	ASSERT_LE(0, primary);
	ASSERT_EQ(0, set_param("user_bytes", 4 * (SIZE + OVERHEAD)));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, 0));
	/* Each round ends with a message that was made, but had no room. */
	for (int round = 0; round < 8; round++) {
		struct order order = send_all(&alice, SIZE, 0);

		EXPECT_EQ(-EAGAIN, order.err);
		EXPECT_EQ(small, order.done);
		for (int i = 0; i < small; i++)
			ASSERT_EQ(0, recv_msg(primary, &self->record, self->data, SIZE));
	}
}

/* As a user: a broadcast is paid for once, until the last receiver took it. */
static int broadcast_twice(const char *group)
{
	static char data[MPIPC_SIZE_MAX];
	struct mpipc_record record;
	int secondaries[4];
	int primary = open_public(group);

	for (size_t i = 0; i < ARRAY_SIZE(secondaries); i++)
		secondaries[i] = open_secondary(group);
	if (send_msg(primary, MPIPC_TO_ALL, "m", data, sizeof(data)))
		return -EIO;
	for (size_t i = 0; i < ARRAY_SIZE(secondaries); i++) {
		if (send_msg(primary, MPIPC_TO_ALL, "m", data, sizeof(data)) != -EDQUOT)
			return -ERANGE;
		if (recv_msg(secondaries[i], &record, data, sizeof(data)))
			return -EIO;
	}
	return send_msg(primary, MPIPC_TO_ALL, "m", data, sizeof(data));
}

TEST_F(limits, broadcast_costs_one_message)
{
	ASSERT_EQ(0, set_param("user_bytes", 2 * MPIPC_SIZE_MAX));
	EXPECT_EQ(0, attempt(self->alice, broadcast_twice, self->group));
}

#define HEALTHY 3

/* As a user: secondaries that read, and one that never does. */
static int broadcast_past_one_stuck(const char *group)
{
	int primary = open_public(group), stuck = open_secondary(group);
	static char data[SIZE];
	struct mpipc_record record;
	int healthy[HEALTHY], held = 0;

	for (int i = 0; i < HEALTHY; i++)
		healthy[i] = open_secondary(group);
	for (int round = 0; round < 10 * BYTES / SIZE; round++) {
		struct mpipc_send_args send = {
			.to = MPIPC_TO_ALL,
			.body = make_body("m", data, sizeof(data), NULL, 0),
		};
		int err = do_ioctl(primary, MPIPC_SEND, &send);

		if (err)
			return err;
		for (int i = 0; i < HEALTHY && !err; i++)
			err = recv_msg(healthy[i], &record, data, sizeof(data));
		if (err || send.sent + send.full != HEALTHY + 1 || send.full > 1)
			return -EIO;
		/* Once it is full it stays so. */
		held += !send.full;
		if (!send.full && held <= round)
			return -ERANGE;
	}
	if (held * SIZE > BYTES / 2 || held * SIZE < BYTES / 3)
		return -E2BIG;
	/* It is as any other as soon as it reads. */
	while (held--)
		if (recv_msg(stuck, &record, data, sizeof(data)))
			return -EIO;
	return send_msg(primary, endpoint_id(stuck), "m", data, sizeof(data));
}

TEST_F(limits, who_does_not_read_costs_a_user_half_of_its_bytes)
{
	ASSERT_EQ(0, set_param("user_bytes", BYTES));
	EXPECT_EQ(0, attempt(self->alice, broadcast_past_one_stuck, self->group));
}

#define STUCK 4

/* As a user: some that never read, each with as much as it can get, and one that does. */
static int send_past_some_stuck(const char *group)
{
	static char data[MPIPC_SIZE_MAX];
	struct mpipc_record record;
	int primary = open_public(group), reader, err;
	__u64 id;

	for (int i = 0; i < STUCK; i++) {
		id = endpoint_id(open_secondary(group));
		do {
			err = send_msg(primary, id, "m", data, sizeof(data));
		} while (!err);
		if (err != -EAGAIN)
			return err;
	}
	reader = open_secondary(group);
	id = endpoint_id(reader);
	for (int i = 0; i < 10; i++) {
		err = send_msg(primary, i % 2 ? id : MPIPC_TO_ALL, "m", data, sizeof(data)) ?:
		      recv_msg(reader, &record, data, sizeof(data));
		if (err)
			return err;
	}
	return 0;
}

TEST_F(limits, who_does_not_read_leaves_room_for_others_of_the_same_user)
{
	ASSERT_EQ(0, set_param("user_bytes", (4LL << STUCK) * MPIPC_SIZE_MAX));
	EXPECT_EQ(0, attempt(self->alice, send_past_some_stuck, self->group));
}

/* Files in flight */

#define FILES 40

TEST_F(limits, user_has_so_many_files_in_flight)
{
	int primary = open_public(self->group);
	struct child alice, bob;
	struct order order;
	int fd;

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	ASSERT_EQ(0, start_sender(&bob, self->bob, self->group, FILES));
	order = send_all(&alice, 0, 1);
	EXPECT_EQ(-ETOOMANYREFS, order.err);
	EXPECT_EQ(FILES, order.done);
	/* Messages without files go on, and other users are not concerned. */
	EXPECT_EQ(1, send_all(&bob, 0, FILES).done);
	EXPECT_EQ(0, send_all(&bob, 0, 1).done);
	ASSERT_EQ(0, recv_fds(primary, &self->record, NULL, 0, &fd, 1, 0));
	EXPECT_EQ(1, send_all(&alice, 0, 1).done);
}

/* Sends one file more than it may have open, with no other capability than this. */
static int exceed_files(const char *group, __u64 capability)
{
	const struct rlimit limit = { 4, 4 };
	const int fds[5] = { 0, 0, 0, 0, 0 };
	int fd = open_secondary(group);

	if (fd < 0)
		return fd;
	if (setrlimit(RLIMIT_NOFILE, &limit) || keep_capabilities(1ULL << capability))
		return -errno;
	return send_fds(fd, MPIPC_TO_PRIMARY, "m", NULL, 0, fds, ARRAY_SIZE(fds));
}

static int exceed_as_owner(void *group)
{
	return exceed_files(group, CAP_CHOWN);
}

static int exceed_by_resource(void *group)
{
	return exceed_files(group, CAP_SYS_RESOURCE);
}

static int exceed_by_admin(void *group)
{
	return exceed_files(group, CAP_SYS_ADMIN);
}

TEST_F(limits, capabilities_override_that_of_files_in_flight)
{
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(-ETOOMANYREFS, run_child(exceed_as_owner, self->group));
	EXPECT_EQ(0, run_child(exceed_by_resource, self->group));
	EXPECT_EQ(0, run_child(exceed_by_admin, self->group));
}

TEST_F(limits, more_files_than_allowed_are_refused_at_once)
{
	struct child alice;

	ASSERT_LE(0, open_public(self->group));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	EXPECT_EQ(-ETOOMANYREFS, send_all(&alice, 0, FILES + 1).err);
	EXPECT_EQ(0, send_all(&alice, 0, FILES + 1).done);
	/* And nothing of that was counted. */
	EXPECT_EQ(1, send_all(&alice, 0, FILES).done);
}

TEST_F(limits, files_that_were_not_sent_are_not_counted)
{
	struct order bad = { .n_fds = FILES, .fd = -1 };
	struct child alice;

	ASSERT_EQ(0, set_param("mailbox_messages", 2));
	ASSERT_LE(0, open_public(self->group));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	for (int round = 0; round < 3; round++)
		EXPECT_EQ(-EBADF, command(&alice, bad).err);
	/* One has room, the next has not. */
	for (int round = 0; round < 3; round++)
		EXPECT_EQ(-EAGAIN, send_all(&alice, 0, FILES / 2).err);
}

TEST_F(limits, files_are_given_back_when_the_receiver_is_killed)
{
	struct child alice, receiver;

	ASSERT_LE(0, start_holder(&receiver, 0, open_public, self->group));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	EXPECT_EQ(FILES, send_all(&alice, 0, 1).done);
	EXPECT_EQ(128 + SIGKILL, child_kill(&receiver));
	ASSERT_LE(0, open_primary(self->group));
	EXPECT_EQ(FILES, send_all(&alice, 0, 1).done);
}

TEST_F(limits, files_count_for_a_dead_sender_until_they_are_received)
{
	int primary = open_public(self->group);
	struct child alice;
	int fd;

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	EXPECT_EQ(FILES, send_all(&alice, 0, 1).done);
	EXPECT_EQ(128 + SIGKILL, child_kill(&alice));
	ASSERT_EQ(0, start_sender(&alice, self->alice, self->group, FILES));
	EXPECT_EQ(-ETOOMANYREFS, send_all(&alice, 0, 1).err);
	for (int i = 0; i < FILES; i++) {
		ASSERT_EQ(0, recv_fds(primary, &self->record, NULL, 0, &fd, 1, 0));
		ASSERT_EQ(0, close(fd));
	}
	EXPECT_EQ(FILES, send_all(&alice, 0, 1).done);
}

TEST_F(limits, files_of_an_answer_count_for_who_answers)
{
	struct rlimit limit = { FILES, FILES };
	int primary, secondary, fds[FILES + 1] = { };
	struct mpipc_call_args call = {
		.to = MPIPC_TO_PRIMARY,
		.flags = MPIPC_CALL_ASYNC,
		.deadline = MPIPC_FOREVER,
		.reply_fds = FILES + 1,
	};
	struct mpipc_reply_args reply = { };

	become_user(self->alice, GROUP);
	primary = open_primary(self->group);
	secondary = open_secondary(self->group);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, do_ioctl(secondary, MPIPC_CALL, &call));
	ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	reply.call = self->record.call;
	reply.body = make_body("", NULL, 0, fds, FILES + 1);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-ETOOMANYREFS, do_ioctl(primary, MPIPC_REPLY, &reply));
	/* It can still be answered. */
	reply.body.n_fds = FILES;
	EXPECT_EQ(0, do_ioctl(primary, MPIPC_REPLY, &reply));
	/* And these are all that may be in flight, in either direction. */
	EXPECT_EQ(-ETOOMANYREFS, send_fds(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0, fds, 1));
}

TEST_F(limits, administrator_may_have_more_files_in_flight)
{
	static const int capabilities[] = { CAP_SYS_RESOURCE, CAP_SYS_ADMIN };
	struct rlimit limit = { FILES, FILES };
	int fds[FILES + 1] = { };

	ASSERT_LE(0, open_primary(self->group));
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		struct child child;

		ASSERT_LE(0, child_fork(&child));
		if (!child.pid) {
			int fd = open_secondary(self->group);

			setrlimit(RLIMIT_NOFILE, &limit);
			keep_capabilities(1ULL << capabilities[i]);
			EXPECT_EQ(0, send_fds(fd, MPIPC_TO_PRIMARY, "m", NULL, 0, fds,
					      FILES + 1));
			keep_capabilities(0);
			EXPECT_EQ(-ETOOMANYREFS,
				  send_fds(fd, MPIPC_TO_PRIMARY, "m", NULL, 0, fds, 1));
			_exit(!_metadata->passed);
		}
		EXPECT_EQ(0, child_wait(&child));
	}
}

/* Calls */

TEST_F(limits, endpoint_has_so_many_calls_open)
{
	int primary = open_primary(self->group);
	int secondary = open_secondary(self->group);
	struct mpipc_record *record = &self->record;
	struct mpipc_info info;
	__u64 id;

	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, set_param("endpoint_calls", 3));
	ASSERT_EQ(0, get_info(secondary, &info));
	EXPECT_EQ(3, info.max_calls);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
					MPIPC_FOREVER, &id));
	EXPECT_EQ(-EMFILE, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
				      MPIPC_FOREVER, NULL));
	/* Messages are no calls, and the limit is the endpoint's. */
	EXPECT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "m", NULL, 0));

	/* Room for one by an answer, */
	ASSERT_EQ(0, recv_msg(primary, record, NULL, 0));
	ASSERT_EQ(0, reply_msg(primary, record->call, 0, NULL, 0));
	ASSERT_EQ(0, recv_msg(secondary, record, NULL, 0));
	EXPECT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0, MPIPC_FOREVER, NULL));
	EXPECT_EQ(-EMFILE, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
				      MPIPC_FOREVER, NULL));
	/* and for one by a cancel. */
	ASSERT_EQ(0, do_ioctl(secondary, MPIPC_CANCEL, &(struct mpipc_cancel_args){ id }));
	ASSERT_EQ(0, recv_msg(secondary, record, NULL, 0));
	EXPECT_EQ(-ECANCELED, record->status);
	EXPECT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0, MPIPC_FOREVER, NULL));
	EXPECT_EQ(-EMFILE, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
				      MPIPC_FOREVER, NULL));
}

TEST_F(limits, calls_are_given_back_when_who_owes_the_answers_is_killed)
{
	struct child server;
	int secondary;

	ASSERT_LE(0, start_holder(&server, 0, open_public, self->group));
	secondary = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, set_param("endpoint_calls", 3));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
					MPIPC_FOREVER, NULL));
	EXPECT_EQ(128 + SIGKILL, child_kill(&server));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, recv_msg(secondary, &self->record, NULL, 0));
		EXPECT_EQ(-ECONNRESET, self->record.status);
	}
	ASSERT_LE(0, open_primary(self->group));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
					MPIPC_FOREVER, NULL));
	EXPECT_EQ(-EMFILE, call_async(secondary, MPIPC_TO_PRIMARY, "c", 0,
				      MPIPC_FOREVER, NULL));
}

/* As a user: calls that reserve 64 KiB each for answers. */
static int make_calls_from(int fd)
{
	int err, n = 0;

	do {
		err = call_async(fd, MPIPC_TO_PRIMARY, "c", MPIPC_SIZE_MAX,
				 MPIPC_FOREVER, NULL);
	} while (!err && ++n < 100);
	return err == -EDQUOT ? n : err;
}

static int make_calls(const char *group)
{
	return make_calls_from(open_secondary(group));
}

TEST_F(limits, memory_for_answers_is_charged_when_the_call_is_made)
{
	int primary = open_public(self->group);
	struct child alice;

	ASSERT_LE(0, primary);
	ASSERT_EQ(0, set_param("user_bytes", 4 * MPIPC_SIZE_MAX - 1));
	EXPECT_EQ(3, start_holder(&alice, self->alice, make_calls, self->group));
	/* So an answer does not fail for want of it, whatever the limit is now. */
	ASSERT_EQ(0, set_param("user_bytes", 1));
	ASSERT_EQ(0, recv_msg(primary, &self->record, NULL, 0));
	EXPECT_EQ(MPIPC_SIZE_MAX, self->record.reply_size);
	EXPECT_EQ(0, reply_msg(primary, self->record.call, 0, self->data, MPIPC_SIZE_MAX));

	ASSERT_EQ(0, set_param("user_bytes", 4 * MPIPC_SIZE_MAX - 1));
	EXPECT_EQ(128 + SIGKILL, child_kill(&alice));
	EXPECT_EQ(3, start_holder(&alice, self->alice, make_calls, self->group));
	child_kill(&alice);
}

#define CALLS 3000

/* Makes calls one after the other; returns how often there was no memory for the next. */
static __u64 call_one_by_one(const char *group)
{
	static char answer[MPIPC_SIZE_MAX];
	struct mpipc_record result;
	struct mpipc_call_args call;
	__u64 refused = 0;
	int fd = open_secondary(group);

	for (int i = 0; i < CALLS; i++)
		do {
			call = call_arg(MPIPC_TO_PRIMARY, "c", NULL, 0, &result, 1);
			call.reply_size = sizeof(answer);
			call.reply_data = to_u64(answer);
		} while (do_ioctl(fd, MPIPC_CALL, &call) == -EDQUOT && ++refused);
	return refused;
}

TEST_F(limits, memory_for_an_answer_is_given_back_when_the_call_returns)
{
	int primary = open_public(self->group);
	struct child alice;
	cpu_set_t one;
	__u64 refused;

	ASSERT_LE(0, primary);
	/* On the same CPU, the caller goes on while the other one is still replying. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	ASSERT_EQ(0, set_param("user_bytes", MPIPC_SIZE_MAX + 8192));
	ASSERT_LE(0, child_fork(&alice));
	if (!alice.pid) {
		become_user(self->alice, GROUP);
		child_tell(&alice, call_one_by_one(self->group));
		_exit(0);
	}
	for (int i = 0; i < CALLS; i++) {
		ASSERT_EQ(0, recv_wait(primary, &self->record, NULL, 0));
		ASSERT_EQ(0, reply_msg(primary, self->record.call, 0, NULL, 0));
	}
	ASSERT_EQ(0, child_hear(&alice, &refused));
	EXPECT_EQ(0, refused);
	child_wait(&alice);
}

TEST_F(limits, memory_for_answers_is_given_back_when_who_owes_them_is_killed)
{
	struct child server, alice;
	__u64 ret;

	ASSERT_LE(0, start_holder(&server, 0, open_public, self->group));
	ASSERT_EQ(0, set_param("user_bytes", 4 * MPIPC_SIZE_MAX - 1));
	ASSERT_LE(0, child_fork(&alice));
	if (!alice.pid) {
		int fd;

		become_user(self->alice, GROUP);
		fd = open_joined(self->group, MPIPC_SECONDARY, MPIPC_JOIN_FOLLOW);
		child_tell(&alice, make_calls_from(fd));
		child_hear(&alice, NULL);
		for (int i = 0; i < 3; i++) {
			EXPECT_EQ(0, recv_msg(fd, &self->record, NULL, 0));
			EXPECT_EQ(-ECONNRESET, self->record.status);
		}
		EXPECT_EQ(3, make_calls_from(fd));
		_exit(!_metadata->passed);
	}
	ASSERT_EQ(0, child_hear(&alice, &ret));
	EXPECT_EQ(3, (int)ret);
	EXPECT_EQ(128 + SIGKILL, child_kill(&server));
	ASSERT_LE(0, open_primary(self->group));
	child_tell(&alice, 0);
	EXPECT_EQ(0, child_wait(&alice));
}

TEST_F(limits, info_reports_the_limits_in_force)
{
	int fd = open_primary(self->group);
	struct mpipc_info info;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, get_info(fd, &info));
	EXPECT_EQ(get_param("mailbox_messages"), info.max_messages);
	EXPECT_EQ(get_param("mailbox_bytes"), info.max_bytes);
	EXPECT_EQ(get_param("group_endpoints"), info.max_endpoints);
	EXPECT_EQ(get_param("user_endpoints"), info.max_user_endpoints);
	EXPECT_EQ(get_param("user_groups"), info.max_user_groups);
	EXPECT_EQ(get_param("user_bytes"), info.max_user_bytes);
	EXPECT_EQ(get_param("endpoint_calls"), info.max_calls);
	ASSERT_EQ(0, set_param("user_bytes", 12345));
	ASSERT_EQ(0, get_info(fd, &info));
	EXPECT_EQ(12345, info.max_user_bytes);
}

TEST_HARNESS_MAIN
