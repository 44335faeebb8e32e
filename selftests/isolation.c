// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody is held up by somebody else: while a process is stuck in a system call, in
 * memory that does not come, is stopped, or gets no CPU, all others go on.
 */
#include "harness.h"
#include "child.h"
#include "device.h"
#include "message.h"
#include "parameter.h"
#include "thread.h"
#include "wait.h"

#include <linux/userfaultfd.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#define LISTING "/proc/net/mpipc"

/* The page of memory */

/**
 * struct page - memory that is not there, or cannot be written, until it is released
 * @uffd: the userfaultfd that hears of who wants it
 * @addr: where it is
 * @content: what will be in it
 * @size: its size
 * @protected: it is there and can be read, but not written
 */
struct page {
	int uffd;
	char *addr;
	char *content;
	size_t size;
	bool protected;
};

static int page_make(struct page *page, bool protected)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = protected ? UFFD_FEATURE_PAGEFAULT_FLAG_WP : 0,
	};
	struct uffdio_register range = {
		.mode = protected ? UFFDIO_REGISTER_MODE_WP : UFFDIO_REGISTER_MODE_MISSING,
	};

	page->size = sysconf(_SC_PAGESIZE);
	page->protected = protected;
	page->content = calloc(1, page->size);
	page->addr = mmap(NULL, page->size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	range.range.start = to_u64(page->addr);
	range.range.len = page->size;
	if (page->uffd < 0 || ioctl(page->uffd, UFFDIO_API, &api) ||
	    ioctl(page->uffd, UFFDIO_REGISTER, &range))
		return -errno;
	return 0;
}

static int page_protect(struct page *page, bool protect)
{
	struct uffdio_writeprotect arg = {
		.range = { .start = to_u64(page->addr), .len = page->size },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return do_ioctl(page->uffd, UFFDIO_WRITEPROTECT, &arg);
}

/* Says what is to be in it. Returns where that is; whoever looks there is stuck. */
static void *page_fill(struct page *page, const void *content, size_t size)
{
	if (!page->protected) {
		memcpy(page->content, content, size);
		return page->addr;
	}
	memcpy(page->addr, content, size);
	return page_protect(page, true) ? NULL : page->addr;
}

/* Lets whoever is stuck go on. */
static int page_release(struct page *page)
{
	struct uffdio_copy copy = {
		.dst = to_u64(page->addr),
		.src = to_u64(page->content),
		.len = page->size,
	};

	if (page->protected)
		return page_protect(page, false);
	return do_ioctl(page->uffd, UFFDIO_COPY, &copy);
}

/* The process that gets stuck */

/**
 * struct actor - a process that gets stuck in a system call of one of its threads
 * @child: the process, and how the test tells its other thread what to do
 * @group: its group
 * @fd: endpoint of it
 * @to: where it sends
 * @page: the memory
 * @act: makes the system call; returns 0 or a negative error number
 * @tid: the thread that makes it
 * @done: readable when that has returned
 * @result: what it returned
 */
struct actor {
	struct child child;
	const char *group;
	int fd;
	__u64 to;
	struct page page;
	int (*act)(struct actor *actor);
	pid_t tid;
	int done;
	int result;
};

/* What the other thread of the actor can be told to do. It tells how that went. */
enum {
	ACT,		/* the id of the thread that does it */
	WAIT,		/* until it is stuck (1) or has done it (0) */
	IS_STUCK,	/* 1: it still is */
	ANSWER,		/* take what there is up to a request, and answer that */
	BROADCAST,
	RELEASE,	/* what the system call returned */
};

static void *actor_thread(void *arg)
{
	struct actor *actor = arg;

	__atomic_store_n(&actor->tid, (pid_t)gettid(), __ATOMIC_RELEASE);
	actor->result = actor->act(actor);
	eventfd_write(actor->done, 1);
	return NULL;
}

static bool is_done(struct actor *actor)
{
	return poll_for(actor->done, POLLIN, 0) == POLLIN;
}

static int start_acting(struct actor *actor)
{
	pthread_t thread;
	pid_t tid;

	if (pthread_create(&thread, NULL, actor_thread, actor))
		return -EAGAIN;
	while (!(tid = __atomic_load_n(&actor->tid, __ATOMIC_ACQUIRE)))
		sched_yield();
	return tid;
}

static int wait_until_stuck(struct actor *actor)
{
	struct pollfd wait[] = {
		{ .fd = actor->page.uffd, .events = POLLIN },
		{ .fd = actor->done, .events = POLLIN },
	};

	if (poll(wait, 2, -1) < 0)
		return -errno;
	return wait[0].revents == POLLIN && !wait[1].revents;
}

static int answer_next(int fd)
{
	struct mpipc_record record = { };
	char data[256];
	int got[1], err;

	do {
		err = recv_fds(fd, &record, data, sizeof(data), got, 1, MPIPC_FOREVER);
	} while (!err && record.type != MPIPC_REQUEST);
	return err ?: reply_msg(fd, record.call, 0, NULL, 0);
}

static int finish_acting(struct actor *actor)
{
	eventfd_t value;
	int err = page_release(&actor->page);

	return err ?: eventfd_read(actor->done, &value) ? -errno : actor->result;
}

static int obey(struct actor *actor, __u64 order)
{
	switch (order) {
	case ACT:
		return start_acting(actor);
	case WAIT:
		return wait_until_stuck(actor);
	case IS_STUCK:
		return !is_done(actor);
	case ANSWER:
		return answer_next(actor->fd);
	case BROADCAST:
		return send_msg(actor->fd, MPIPC_TO_ALL, "all", NULL, 0);
	default:
		return finish_acting(actor);
	}
}

static void actor_main(struct actor *actor, enum mpipc_role role, bool protected)
{
	__u64 order;
	int err = page_make(&actor->page, protected);

	actor->done = eventfd(0, EFD_CLOEXEC);
	actor->fd = open_joined(actor->group, role, 0);
	child_tell(&actor->child, err ?: actor->fd);
	while (!child_hear(&actor->child, &order))
		child_tell(&actor->child, obey(actor, order));
	_exit(0);
}

static int tell_actor(struct actor *actor, __u64 order)
{
	__u64 ret;

	if (child_tell(&actor->child, order) || child_hear(&actor->child, &ret))
		return -ECHILD;
	return (int)ret;
}

/* The system calls */

#define TEXT "does it come?"

static bool is_text(const void *data, const struct mpipc_record *record)
{
	return record->size == sizeof(TEXT) && !memcmp(data, TEXT, sizeof(TEXT));
}

static int send_slow_payload(struct actor *actor)
{
	return send_msg(actor->fd, actor->to, "slow",
			page_fill(&actor->page, TEXT, sizeof(TEXT)), sizeof(TEXT));
}

static int send_slow_fds(struct actor *actor)
{
	return send_fds(actor->fd, actor->to, "slow", TEXT, sizeof(TEXT),
			page_fill(&actor->page, &actor->done, sizeof(int)), 1);
}

/* The argument itself: missing when it is read, or protected when counts are written. */
static int send_slow_argument(struct actor *actor)
{
	struct mpipc_send_args send = {
		.to = actor->to,
		.body = make_body("slow", TEXT, sizeof(TEXT), NULL, 0),
	};

	return do_ioctl(actor->fd, MPIPC_SEND,
			page_fill(&actor->page, &send, sizeof(send)));
}

static int write_slow_record(struct actor *actor)
{
	struct {
		struct mpipc_record record;
		char text[sizeof(TEXT)];
	} all = {
		.record = {
			.type = MPIPC_MESSAGE,
			.peer = actor->to,
			.size = sizeof(TEXT),
			.name = "slow",
		},
		.text = TEXT,
	};
	size_t size = sizeof(all.record) + sizeof(TEXT);
	void *page = page_fill(&actor->page, &all, size);
	ssize_t ret = write(actor->fd, page, size);

	return ret < 0 ? -errno : ret == (ssize_t)size ? 0 : -EIO;
}

static int receive_slow_data(struct actor *actor)
{
	char *page = page_fill(&actor->page, "", 1);
	struct mpipc_record record;
	int fd, err;

	err = recv_fds(actor->fd, &record, page, 64, &fd, 1, 0);
	return err ?: is_text(page, &record) ? 0 : -EBADMSG;
}

static int receive_slow_fds(struct actor *actor)
{
	int *page = page_fill(&actor->page, "", 1);
	struct mpipc_record record;
	char data[64];
	int err;

	err = recv_fds(actor->fd, &record, data, sizeof(data), page, 1, 0);
	return err ?: is_text(data, &record) && fcntl(*page, F_GETFD) >= 0 ? 0 : -EBADMSG;
}

static int receive_slow_record(struct actor *actor)
{
	char data[64];
	int fd, err;
	struct mpipc_recv_args *page, recv = {
		.max_size = sizeof(data),
		.max_fds = 1,
		.data = to_u64(data),
		.fds = to_u64(&fd),
	};

	page = page_fill(&actor->page, &recv, sizeof(recv));
	err = do_ioctl(actor->fd, MPIPC_RECV, page);
	return err ?: is_text(data, &page->record) ? 0 : -EBADMSG;
}

static int read_slow_records(struct actor *actor)
{
	struct mpipc_record *page = page_fill(&actor->page, "", 1);
	ssize_t ret = read(actor->fd, page, actor->page.size);

	return ret < 0 ? -errno : is_text(page + 1, page) ? 0 : -EBADMSG;
}

static int call_slow_payload(struct actor *actor)
{
	struct mpipc_record results[2];
	void *page = page_fill(&actor->page, TEXT, sizeof(TEXT));
	struct mpipc_call_args call = call_arg(actor->to, "slow", page, sizeof(TEXT), results, 2);

	call.flags = MPIPC_CALL_ASYNC;
	return do_ioctl(actor->fd, MPIPC_CALL, &call);
}

/* Its id is written when the call is open already. */
static int call_slow_argument(struct actor *actor)
{
	struct mpipc_record results[2];
	struct mpipc_call_args call = call_arg(actor->to, "slow", TEXT, sizeof(TEXT), results, 2);

	call.flags = MPIPC_CALL_ASYNC;
	return do_ioctl(actor->fd, MPIPC_CALL,
			page_fill(&actor->page, &call, sizeof(call)));
}

/* A synchronous call whose answers have text and descriptor; one part is slow. */
static int call_with_slow(struct actor *actor, __u64 *slow, struct mpipc_call_args *call)
{
	struct mpipc_record results[2], *result;
	char data[2 * sizeof(TEXT)];
	int fds[2], err;

	*call = call_arg(actor->to, "slow", TEXT, sizeof(TEXT), results, 2);
	call->reply_size = sizeof(TEXT);
	call->reply_fds = 1;
	call->reply_data = to_u64(data);
	call->reply_fd_list = to_u64(fds);
	*slow = to_u64(page_fill(&actor->page, "", 1));
	err = do_ioctl(actor->fd, MPIPC_CALL, call);
	if (err)
		return err;
	result = (struct mpipc_record *)(uintptr_t)call->results;
	for (__u32 i = 0; i < call->n_results; i++)
		if (result[i].status || result[i].n_fds != 1 ||
		    !is_text((char *)(uintptr_t)call->reply_data + i * sizeof(TEXT), &result[i]) ||
		    fcntl(((int *)(uintptr_t)call->reply_fd_list)[i], F_GETFD) < 0)
			return -EBADMSG;
	return 0;
}

static int call_slow_results(struct actor *actor)
{
	struct mpipc_call_args call;

	return call_with_slow(actor, &call.results, &call);
}

static int call_slow_answer(struct actor *actor)
{
	struct mpipc_call_args call;

	return call_with_slow(actor, &call.reply_data, &call);
}

static int call_slow_answered_fds(struct actor *actor)
{
	struct mpipc_call_args call;

	return call_with_slow(actor, &call.reply_fd_list, &call);
}

static int cancel_slow_argument(struct actor *actor)
{
	struct mpipc_cancel_args cancel;
	int err;

	err = call_async(actor->fd, actor->to, "c", 0, MPIPC_FOREVER, (__u64 *)&cancel.call);
	return err ?: do_ioctl(actor->fd, MPIPC_CANCEL,
			       page_fill(&actor->page, &cancel, sizeof(cancel)));
}

/* Takes the request that is there. */
static __u64 take_request(struct actor *actor)
{
	struct mpipc_record record = { };

	return recv_msg(actor->fd, &record, NULL, 0) ? 0 : record.call;
}

static int reply_slow_payload(struct actor *actor)
{
	return reply_msg(actor->fd, take_request(actor), 0,
			 page_fill(&actor->page, TEXT, sizeof(TEXT)), sizeof(TEXT));
}

static int reply_slow_fds(struct actor *actor)
{
	struct mpipc_reply_args reply = {
		.call = take_request(actor),
		.body = make_body("", TEXT, sizeof(TEXT),
				  page_fill(&actor->page, &actor->done, sizeof(int)), 1),
	};

	return do_ioctl(actor->fd, MPIPC_REPLY, &reply);
}

static int reply_recv_slow_argument(struct actor *actor)
{
	struct mpipc_reply_recv_args *page, both = {
		.reply = {
			.call = take_request(actor),
			.body = make_body("", TEXT, sizeof(TEXT), NULL, 0),
		},
	};
	int err;

	page = page_fill(&actor->page, &both, sizeof(both));
	err = do_ioctl(actor->fd, MPIPC_REPLY_RECV, page);
	return err ?: page->reply_error;
}

/* With another open file. */
static int join_slow_argument(struct actor *actor)
{
	struct mpipc_join_args join = join_arg(actor->group, MPIPC_SECONDARY);

	return do_ioctl(open_dev(), MPIPC_JOIN,
			page_fill(&actor->page, &join, sizeof(join)));
}

static int info_slow(struct actor *actor)
{
	struct mpipc_info *page = page_fill(&actor->page, "", 1);
	int err = do_ioctl(actor->fd, MPIPC_INFO, page);

	return err ?: strcmp(page->group, actor->group) ? -EBADMSG : 0;
}

static int peers_slow(struct actor *actor)
{
	struct mpipc_peer *page = page_fill(&actor->page, "", 1);
	struct mpipc_peers_args peers = { .peers = to_u64(page), .max_peers = 8 };
	int err = do_ioctl(actor->fd, MPIPC_PEERS, &peers);

	return err ?: peers.n_peers >= 3 && page->id ? 0 : -EBADMSG;
}

static int list_slow(struct actor *actor)
{
	char *page = page_fill(&actor->page, "", 1);
	int fd = open(LISTING, O_RDONLY | O_CLOEXEC);
	ssize_t ret = read(fd, page, actor->page.size);

	return ret < 0 ? -errno : page[0] == '#' ? 0 : -EBADMSG;
}

/* Those who go on */

FIXTURE(stuck)
{
	char group[MPIPC_GROUP_MAX];
	struct actor actor;
	int actor_fd;
	int first;		/* primary, if the actor is not */
	int second;		/* secondary */
	__u64 to_actor;
	__u64 call;		/* that the actor has to answer, or 0 */
	struct mpipc_record record;
	char data[256];
	int fd;
};

/**
 * struct variant - how it gets stuck
 * @role: its role in the group
 * @act: makes the system call
 * @protected: the memory is read-only, not missing
 * @finds: what is in its mailbox: %MPIPC_MESSAGE, %MPIPC_REQUEST or nothing
 * @is_answered: it makes a call, which is answered
 * @effect: what the others get when it was released: %MPIPC_MESSAGE, %MPIPC_REQUEST,
 *	%MPIPC_REPLY_TO or nothing
 */
FIXTURE_VARIANT(stuck)
{
	enum mpipc_role role;
	int (*act)(struct actor *actor);
	bool protected;
	enum mpipc_type finds;
	bool is_answered;
	enum mpipc_type effect;
};

#define STUCK_IN(name, ...) FIXTURE_VARIANT_ADD(stuck, name) {	\
	.role = MPIPC_SECONDARY, __VA_ARGS__ }

STUCK_IN(payload_of_a_send, .act = send_slow_payload, .effect = MPIPC_MESSAGE);
STUCK_IN(descriptors_of_a_send, .act = send_slow_fds, .effect = MPIPC_MESSAGE);
STUCK_IN(argument_of_a_send, .act = send_slow_argument, .effect = MPIPC_MESSAGE);
STUCK_IN(counts_of_a_send, .act = send_slow_argument, .protected = true,
	 .effect = MPIPC_MESSAGE);
STUCK_IN(record_written, .act = write_slow_record, .effect = MPIPC_MESSAGE);
STUCK_IN(payload_of_a_broadcast, .role = MPIPC_PRIMARY, .act = send_slow_payload,
	 .effect = MPIPC_MESSAGE);
STUCK_IN(descriptors_of_a_broadcast, .role = MPIPC_PRIMARY, .act = send_slow_fds,
	 .effect = MPIPC_MESSAGE);
STUCK_IN(broadcast_written, .role = MPIPC_PRIMARY, .act = write_slow_record,
	 .effect = MPIPC_MESSAGE);

STUCK_IN(data_received, .act = receive_slow_data, .finds = MPIPC_MESSAGE);
STUCK_IN(descriptors_received, .act = receive_slow_fds, .finds = MPIPC_MESSAGE);
STUCK_IN(record_received, .act = receive_slow_record, .protected = true,
	 .finds = MPIPC_MESSAGE);
STUCK_IN(records_read, .act = read_slow_records, .finds = MPIPC_MESSAGE);
STUCK_IN(data_received_by_the_primary, .role = MPIPC_PRIMARY, .act = receive_slow_data,
	 .finds = MPIPC_MESSAGE);
STUCK_IN(descriptors_received_by_the_primary, .role = MPIPC_PRIMARY,
	 .act = receive_slow_fds, .finds = MPIPC_MESSAGE);
STUCK_IN(records_read_by_the_primary, .role = MPIPC_PRIMARY, .act = read_slow_records,
	 .finds = MPIPC_MESSAGE);

STUCK_IN(payload_of_a_request, .act = call_slow_payload, .effect = MPIPC_REQUEST);
STUCK_IN(id_of_a_call, .act = call_slow_argument, .protected = true,
	 .effect = MPIPC_REQUEST);
STUCK_IN(results_of_a_call, .act = call_slow_results, .is_answered = true);
STUCK_IN(answer_to_a_call, .act = call_slow_answer, .is_answered = true);
STUCK_IN(descriptors_of_an_answer, .act = call_slow_answered_fds, .is_answered = true);
STUCK_IN(id_of_a_call_to_all, .role = MPIPC_PRIMARY, .act = call_slow_argument,
	 .protected = true, .effect = MPIPC_REQUEST);
STUCK_IN(results_of_a_call_to_all, .role = MPIPC_PRIMARY, .act = call_slow_results,
	 .is_answered = true);
STUCK_IN(answers_to_a_call_to_all, .role = MPIPC_PRIMARY, .act = call_slow_answer,
	 .is_answered = true);
STUCK_IN(argument_of_a_cancel, .act = cancel_slow_argument);

STUCK_IN(payload_of_a_reply, .act = reply_slow_payload, .finds = MPIPC_REQUEST,
	 .effect = MPIPC_REPLY_TO);
STUCK_IN(descriptors_of_a_reply, .act = reply_slow_fds, .finds = MPIPC_REQUEST,
	 .effect = MPIPC_REPLY_TO);
STUCK_IN(argument_of_a_reply_recv, .act = reply_recv_slow_argument, .protected = true,
	 .finds = MPIPC_REQUEST, .effect = MPIPC_REPLY_TO);
STUCK_IN(payload_of_the_primary_s_reply, .role = MPIPC_PRIMARY, .act = reply_slow_payload,
	 .finds = MPIPC_REQUEST, .effect = MPIPC_REPLY_TO);

STUCK_IN(argument_of_a_join, .act = join_slow_argument);
STUCK_IN(result_of_a_join, .act = join_slow_argument, .protected = true);
STUCK_IN(info, .act = info_slow);
STUCK_IN(list_of_peers, .act = peers_slow);
STUCK_IN(listing, .act = list_slow);

/* Takes records until there is one of the type, which is left in self->record. */
static int take(FIXTURE_DATA(stuck) *self, int fd, enum mpipc_type type)
{
	int err;

	do {
		err = recv_fds(fd, &self->record, self->data, sizeof(self->data), &self->fd, 1,
			       MPIPC_FOREVER);
	} while (!err && self->record.type != type);
	return err;
}

/* Answers the request that is in self->record. */
static int answer(FIXTURE_DATA(stuck) *self, int fd)
{
	int pass = STDERR_FILENO;
	struct mpipc_reply_args reply = {
		.call = self->record.call,
		.body = make_body("", TEXT, self->record.reply_size ? sizeof(TEXT) : 0, &pass,
				  self->record.reply_fds),
	};

	return do_ioctl(fd, MPIPC_REPLY, &reply);
}

/* Something for the actor to receive. */
static int give(FIXTURE_DATA(stuck) *self, const FIXTURE_VARIANT(stuck) *variant)
{
	struct mpipc_call_args call = call_arg(self->to_actor, "c", NULL, 0, NULL, 0);
	int err, pass = STDERR_FILENO;

	switch (variant->finds) {
	case MPIPC_MESSAGE:
		/* read() does not take a message with descriptors. */
		return send_fds(self->first, self->to_actor, "m", TEXT, sizeof(TEXT), &pass,
				variant->act != read_slow_records);
	case MPIPC_REQUEST:
		call.flags = MPIPC_CALL_ASYNC;
		call.reply_size = sizeof(TEXT);
		call.reply_fds = 1;
		err = do_ioctl(self->first, MPIPC_CALL, &call);
		self->call = call.id;
		return err;
	default:
		return 0;
	}
}

/* Makes the group, with the actor in it, which has not done anything yet. */
static void set_up(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self,
		   const FIXTURE_VARIANT(stuck) *variant)
{
	const bool secondary = variant->role == MPIPC_SECONDARY;
	struct mpipc_peer peers[3] = { };
	struct mpipc_peers_args arg = { .peers = to_u64(peers), .max_peers = 3 };
	__u64 ret;

	group_name(self->group, _metadata->name);
	self->actor.group = self->group;
	self->actor.act = variant->act;
	self->actor.to = secondary ? MPIPC_TO_PRIMARY : MPIPC_TO_ALL;
	if (secondary)
		self->first = open_primary(self->group);
	ASSERT_LE(0, child_fork(&self->actor.child));
	if (!self->actor.child.pid)
		actor_main(&self->actor, variant->role, variant->protected);
	ASSERT_EQ(0, child_hear(&self->actor.child, &ret));
	self->actor_fd = ret;
	ASSERT_LE(0, self->actor_fd);
	if (!secondary)
		self->first = open_secondary(self->group);
	self->second = open_secondary(self->group);
	ASSERT_LE(0, self->first);
	ASSERT_LE(0, self->second);

	ASSERT_EQ(0, do_ioctl(self->first, MPIPC_PEERS, &arg));
	ASSERT_EQ(3, arg.n_peers);
	self->to_actor = MPIPC_TO_PRIMARY;
	for (int i = 0; i < 3 && secondary; i++)
		if (peers[i].pid == (__u32)self->actor.child.pid)
			self->to_actor = peers[i].id;
}

/* Takes the requests that the actor makes, and answers them. */
static void answer_actor(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self,
			 enum mpipc_role role)
{
	ASSERT_EQ(0, take(self, self->first, MPIPC_REQUEST));
	ASSERT_EQ(0, answer(self, self->first));
	if (role == MPIPC_SECONDARY)
		return;
	ASSERT_EQ(0, take(self, self->second, MPIPC_REQUEST));
	ASSERT_EQ(0, answer(self, self->second));
}

FIXTURE_SETUP(stuck)
{
	set_up(_metadata, self, variant);
	ASSERT_EQ(0, give(self, variant));
	ASSERT_LT(0, tell_actor(&self->actor, ACT));
	if (variant->is_answered)
		answer_actor(_metadata, self, variant->role);
	ASSERT_EQ(1, tell_actor(&self->actor, WAIT));
}

FIXTURE_TEARDOWN(stuck)
{
	close(self->first);
	close(self->second);
}

/* The primary and another secondary, when a secondary is stuck. */
static void primary_goes_on(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self)
{
	struct mpipc_send_args all = { .to = MPIPC_TO_ALL };
	int primary = self->first, other = self->second;
	__u64 id;

	ASSERT_EQ(0, send_msg(other, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_EQ(0, take(self, primary, MPIPC_MESSAGE));
	EXPECT_STREQ("m", self->record.name);
	ASSERT_EQ(0, send_msg(primary, self->to_actor, "m", NULL, 0));
	ASSERT_EQ(0, do_ioctl(primary, MPIPC_SEND, &all));
	EXPECT_EQ(2, all.sent);
	ASSERT_EQ(0, take(self, other, MPIPC_MESSAGE));

	/* Of a call to all, the result of the one comes without the other's. */
	ASSERT_EQ(0, call_async(primary, MPIPC_TO_ALL, "c", 0, MPIPC_FOREVER, &id));
	ASSERT_EQ(0, take(self, other, MPIPC_REQUEST));
	ASSERT_EQ(0, answer(self, other));
	ASSERT_EQ(0, take(self, primary, MPIPC_REPLY_TO));
	EXPECT_EQ(endpoint_id(other), self->record.peer);
	EXPECT_EQ(0, self->record.status);
	ASSERT_EQ(0, do_ioctl(primary, MPIPC_CANCEL, &(struct mpipc_cancel_args){ id }));
	ASSERT_EQ(0, take(self, primary, MPIPC_REPLY_TO));
	EXPECT_EQ(self->to_actor, self->record.peer);
	EXPECT_EQ(-ECANCELED, self->record.status);
}

/* Two secondaries, when a thread of their primary is stuck and another is not. */
static void secondaries_go_on(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self)
{
	ASSERT_EQ(0, send_msg(self->first, MPIPC_TO_PRIMARY, "m", NULL, 0));
	ASSERT_EQ(0, tell_actor(&self->actor, BROADCAST));
	ASSERT_EQ(0, take(self, self->first, MPIPC_MESSAGE));
	EXPECT_STREQ("all", self->record.name);
	ASSERT_EQ(0, take(self, self->second, MPIPC_MESSAGE));
	EXPECT_STREQ("all", self->record.name);
}

/* A synchronous call to the primary. */
static void caller_goes_on(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self,
			   enum mpipc_role role)
{
	struct mpipc_record result = { };
	struct mpipc_call_args call = call_arg(MPIPC_TO_PRIMARY, "c", NULL, 0, &result, 1);
	struct ioctl_thread thread;

	ASSERT_EQ(0, ioctl_thread_start(&thread, self->second, MPIPC_CALL, &call));
	if (role == MPIPC_PRIMARY) {
		ASSERT_EQ(0, tell_actor(&self->actor, ANSWER));
	} else {
		ASSERT_EQ(0, take(self, self->first, MPIPC_REQUEST));
		ASSERT_EQ(0, answer(self, self->first));
	}
	ASSERT_EQ(0, ioctl_thread_join(&thread));
	EXPECT_EQ(0, result.status);
}

static unsigned int count_members(int fd)
{
	struct mpipc_peers_args peers = { };

	return do_ioctl(fd, MPIPC_PEERS, &peers) ? 0 : peers.n_peers;
}

/* Looks for the group in the listing. */
static bool is_listed(const char *group)
{
	FILE *file = fopen(LISTING, "re");
	char line[512];
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, group) && !strncmp(line, "group ", 6);
	if (file)
		fclose(file);
	return found;
}

static void others_come_and_go(struct __test_metadata *_metadata,
			       FIXTURE_DATA(stuck) *self)
{
	unsigned int before = count_members(self->first);
	char other[MPIPC_GROUP_MAX], path[64], info[512];
	int fd;

	fd = open_secondary(self->group);
	ASSERT_LE(0, fd);
	EXPECT_EQ(before + 1, count_members(self->second));
	EXPECT_EQ(0, leave(fd));
	EXPECT_EQ(before, count_members(self->second));
	close(fd);
	group_name(other, "other");
	fd = open_primary(other);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(is_listed(other));
	EXPECT_TRUE(is_listed(self->group));
	close(fd);

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", self->actor.child.pid,
		 self->actor_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	EXPECT_LT(0, read(fd, info, sizeof(info)));
	close(fd);
}

static void others_go_on(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self,
			 const FIXTURE_VARIANT(stuck) *variant)
{
	if (variant->role == MPIPC_PRIMARY)
		secondaries_go_on(_metadata, self);
	else
		primary_goes_on(_metadata, self);
	caller_goes_on(_metadata, self, variant->role);
	others_come_and_go(_metadata, self);
	EXPECT_EQ(1, tell_actor(&self->actor, IS_STUCK));
}

/* Checks what the actor sent is complete. */
static void expect_effect(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self,
			  const FIXTURE_VARIANT(stuck) *variant)
{
	ASSERT_EQ(0, take(self, self->first, variant->effect));
	EXPECT_TRUE(is_text(self->data, &self->record));
	EXPECT_EQ(0, self->record.status);
	if (variant->effect != MPIPC_REPLY_TO) {
		EXPECT_STREQ("slow", self->record.name);
	} else {
		EXPECT_EQ(self->call, self->record.call);
	}
}

TEST_F(stuck, delays_nobody_and_ends_when_its_memory_comes)
{
	others_go_on(_metadata, self, variant);
	EXPECT_EQ(0, tell_actor(&self->actor, RELEASE));
	if (variant->effect)
		expect_effect(_metadata, self, variant);
	EXPECT_EQ(0, child_wait(&self->actor.child));
}

TEST_F(stuck, delays_nobody_and_can_be_killed)
{
	others_go_on(_metadata, self, variant);
	EXPECT_EQ(128 + SIGKILL, child_kill(&self->actor.child));
	EXPECT_EQ(2, count_members(self->first));
	EXPECT_EQ(variant->role == MPIPC_PRIMARY ? -ECONNREFUSED : -ESRCH,
		  send_msg(self->first, self->to_actor, "m", NULL, 0));
	if (self->call) {
		ASSERT_EQ(0, take(self, self->first, MPIPC_REPLY_TO));
		EXPECT_EQ(self->call, self->record.call);
		EXPECT_EQ(-ECONNRESET, self->record.status);
	}
	if (variant->role == MPIPC_PRIMARY) {
		EXPECT_LE(0, open_primary(self->group));
	} else {
		caller_goes_on(_metadata, self, variant->role);
	}
}

/* Those that are stopped */

static int receive_and_wait(struct actor *actor)
{
	struct mpipc_record record;

	return recv_wait(actor->fd, &record, NULL, 0);
}

static int read_and_wait(struct actor *actor)
{
	struct mpipc_record record;
	ssize_t ret = read(actor->fd, &record, sizeof(record));

	return ret < 0 ? -errno : ret == sizeof(record) ? 0 : -EIO;
}

static int call_and_wait(struct actor *actor)
{
	__u64 results;
	struct mpipc_call_args call;

	return call_with_slow(actor, &results, &call);
}

static int join_and_wait(struct actor *actor)
{
	struct mpipc_join_args join = join_arg("", MPIPC_SECONDARY);

	snprintf(join.group, sizeof(join.group), "%.100s.late", actor->group);
	join.deadline = MPIPC_FOREVER;
	return do_ioctl(open_dev(), MPIPC_JOIN, &join);
}

/* Stops it in what it does. */
static void stop_actor(struct __test_metadata *_metadata, struct actor *actor)
{
	int tid = tell_actor(actor, ACT), status;

	ASSERT_LT(0, tid);
	ASSERT_EQ(0, wait_asleep(tid));
	ASSERT_EQ(0, kill(actor->child.pid, SIGSTOP));
	ASSERT_EQ(actor->child.pid, waitpid(actor->child.pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
}

static void continue_actor(struct __test_metadata *_metadata, struct actor *actor)
{
	EXPECT_EQ('T', task_state(actor->child.pid));
	ASSERT_EQ(0, kill(actor->child.pid, SIGCONT));
	/* What it waited for came long ago. */
	EXPECT_EQ(0, tell_actor(actor, WAIT));
	EXPECT_EQ(0, tell_actor(actor, RELEASE));
	EXPECT_EQ(0, child_wait(&actor->child));
}

TEST(stopped_secondary_delays_nobody)
{
	static int (*const acts[])(struct actor *actor) = {
		receive_and_wait, read_and_wait, call_and_wait, join_and_wait,
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(acts); i++) {
		FIXTURE_VARIANT(stuck) variant = {
			.role = MPIPC_SECONDARY,
			.act = acts[i / 2],
		};
		FIXTURE_DATA(stuck) self = { };
		char late[MPIPC_GROUP_MAX];

		set_up(_metadata, &self, &variant);
		stop_actor(_metadata, &self.actor);
		if (variant.act == call_and_wait)
			answer_actor(_metadata, &self, variant.role);
		snprintf(late, sizeof(late), "%.100s.late", self.group);
		ASSERT_LE(0, open_primary(late));
		primary_goes_on(_metadata, &self);
		caller_goes_on(_metadata, &self, variant.role);
		others_come_and_go(_metadata, &self);
		if (i % 2) {
			EXPECT_EQ(128 + SIGKILL, child_kill(&self.actor.child));
			EXPECT_EQ(2, count_members(self.first));
		} else {
			continue_actor(_metadata, &self.actor);
		}
		close_range(3, ~0U, 0);
	}
}

TEST(stopped_primary_delays_nobody)
{
	FIXTURE_VARIANT(stuck) variant = { .role = MPIPC_PRIMARY, .act = receive_and_wait };
	FIXTURE_DATA(stuck) self = { };
	struct mpipc_record result = { };
	struct mpipc_call_args call;

	set_up(_metadata, &self, &variant);
	stop_actor(_metadata, &self.actor);
	EXPECT_EQ(0, send_msg(self.first, MPIPC_TO_PRIMARY, "m", NULL, 0));
	call = call_arg(MPIPC_TO_PRIMARY, "c", NULL, 0, &result, 1);
	call.deadline = in_ms(20);
	EXPECT_EQ(0, do_ioctl(self.second, MPIPC_CALL, &call));
	EXPECT_EQ(-ETIMEDOUT, result.status);
	others_come_and_go(_metadata, &self);
	continue_actor(_metadata, &self.actor);
}

/* Those that get no CPU */

#define CALLS 1000 /* fit into a mailbox */

/* Runs on the first CPU only. */
static int share_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) ? -errno : 0;
}

/* A primary that is asked something so often, and leaves without an answer when told. */
static void debtor_main(const struct child *self, const char *group)
{
	int fd = share_cpu() ?: open_primary(group);
	struct mpipc_record record;

	child_tell(self, fd);
	for (int i = 0; i < CALLS; i++)
		if (recv_wait(fd, &record, NULL, 0))
			_exit(1);
	child_tell(self, 0);
	child_hear(self, NULL);
	_exit(-leave(fd));
}

/*
 * Has a debtor leave, and others come and go meanwhile. Returns how many results of the
 * calls there were then: not all, if the leave was provably not over. It makes no headway
 * as long as this process, which has priority on the same CPU, does not have to wait.
 */
static int go_on_while_one_leaves(struct __test_metadata *_metadata)
{
	const struct sched_param high = { .sched_priority = 1 }, usual = { };
	char group[MPIPC_GROUP_MAX], other[MPIPC_GROUP_MAX];
	struct mpipc_record record;
	struct mpipc_info info;
	struct child debtor;
	int caller, next;
	__u64 ret;

	group_name(group, "debtor");
	group_name(other, "other");
	ASSERT_LE(0, child_fork(&debtor));
	if (!debtor.pid)
		debtor_main(&debtor, group);
	ASSERT_EQ(0, child_hear(&debtor, &ret));
	ASSERT_LE(0, (int)ret);
	caller = open_secondary(group);
	ASSERT_LE(0, caller);
	for (int i = 0; i < CALLS; i++)
		ASSERT_EQ(0, call_async(caller, MPIPC_TO_PRIMARY, "c", 0, MPIPC_FOREVER, NULL));
	ASSERT_EQ(0, child_hear(&debtor, NULL));

	ASSERT_EQ(0, share_cpu());
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &high));
	ASSERT_EQ(0, child_tell(&debtor, 0));
	EXPECT_EQ(POLLIN, poll_for(caller, POLLIN, -1));
	EXPECT_EQ(0, join_and_close(other, 10));
	EXPECT_TRUE(is_listed(group));
	EXPECT_EQ(-ECONNREFUSED, open_secondary(group));
	ASSERT_EQ(0, get_info(caller, &info));
	/* Whoever wants the place of the one that leaves waits for it, and gets it. */
	next = open_primary(group);
	EXPECT_LE(0, next);
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_OTHER, &usual));

	for (int i = 0; i < CALLS; i++) {
		ASSERT_EQ(0, recv_wait(caller, &record, NULL, 0));
		ASSERT_EQ(-ECONNRESET, record.status);
	}
	EXPECT_EQ(0, child_wait(&debtor));
	close(next);
	close(caller);
	return info.queued;
}

TEST(leave_that_gets_no_cpu_delays_nobody)
{
	/* The kernel does not let anybody have all of a CPU for a second: then once more. */
	while (go_on_while_one_leaves(_metadata) == CALLS)
		;
}

/* One that is stuck where a signal takes its call back */

static void nothing(int signal)
{
	(void)signal;
}

TEST(call_that_a_signal_takes_back_cannot_be_cancelled_any_more)
{
	struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	struct mpipc_cancel_args cancel = { };
	struct mpipc_record record, result = { };
	char group[MPIPC_GROUP_MAX];
	struct ioctl_thread caller;
	int primary, secondary;
	struct mpipc_call_args *call;
	struct page page;

	group_name(group, "cancel");
	primary = open_small(group, MPIPC_PRIMARY, 0, 1);
	secondary = open_secondary(group);
	ASSERT_LE(0, secondary);
	ASSERT_EQ(0, send_msg(secondary, MPIPC_TO_PRIMARY, "fill", NULL, 0));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, page_make(&page, true));
	call = (struct mpipc_call_args *)page.addr;
	*call = call_arg(MPIPC_TO_PRIMARY, "c", NULL, 0, &result, 1);
	call->flags = MPIPC_CALL_WAIT_SPACE;
	ASSERT_EQ(0, ioctl_thread_start(&caller, secondary, MPIPC_CALL, call));
	ASSERT_EQ(0, ioctl_thread_asleep(&caller));
	cancel.call = call->id;
	ASSERT_NE(0, cancel.call);

	/* It is taken back, but its id cannot be. */
	ASSERT_EQ(0, page_protect(&page, true));
	ASSERT_EQ(0, pthread_kill(caller.thread, SIGUSR1));
	ASSERT_EQ(POLLIN, poll_for(page.uffd, POLLIN, -1));
	EXPECT_EQ(-ESRCH, do_ioctl(secondary, MPIPC_CANCEL, &cancel));
	ASSERT_EQ(0, page_release(&page));

	/* So it is made anew. */
	ASSERT_EQ(0, recv_msg(primary, &record, NULL, 0));
	ASSERT_EQ(0, recv_wait(primary, &record, NULL, 0));
	EXPECT_NE(cancel.call, record.call);
	EXPECT_EQ(0, reply_msg(primary, record.call, 0, NULL, 0));
	EXPECT_EQ(0, ioctl_thread_join(&caller));
	EXPECT_EQ(0, result.status);
	EXPECT_EQ(record.call, call->id);
}

TEST_HARNESS_MAIN
