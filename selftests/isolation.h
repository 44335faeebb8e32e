/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that gets stuck in a page of memory, and a group around it, for the tests of
 * isolation.
 */
#ifndef MPIPC_SELFTESTS_ISOLATION_H
#define MPIPC_SELFTESTS_ISOLATION_H

#include "child.h"
#include "device.h"
#include "harness.h"
#include "message.h"
#include "thread.h"
#include "wait.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <linux/userfaultfd.h>

#define LISTING "/proc/net/mpipc"

/* The page of memory */

/**
 * struct page - memory that is not there, or cannot be written, until it is released
 * @uffd: the userfaultfd that reports who wants it
 * @addr: where it is
 * @content: its content once it is released
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

static inline int page_make(struct page *page, bool protected)
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

/* Say whether the kernel can make such a page. Before Linux 6.10, arm64 cannot protect it. */
static inline bool page_is_possible(bool protected)
{
	struct page page;
	bool possible = page_make(&page, protected) != -EINVAL;

	free(page.content);
	munmap(page.addr, page.size);
	close(page.uffd);
	return possible;
}

static inline int page_protect(struct page *page, bool protect)
{
	struct uffdio_writeprotect arg = {
		.range = { .start = to_u64(page->addr), .len = page->size },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return do_ioctl(page->uffd, UFFDIO_WRITEPROTECT, &arg);
}

/* Set what is to be in the page, and return where that is. Whoever looks there is stuck. */
static inline void *page_fill(struct page *page, const void *content, size_t size)
{
	if (!page->protected) {
		memcpy(page->content, content, size);
		return page->addr;
	}
	memcpy(page->addr, content, size);
	return page_protect(page, true) ? NULL : page->addr;
}

/* Let whoever is stuck go on. */
static inline int page_release(struct page *page)
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
 * @child: the process, and the line by which the test gives orders to its other thread
 * @group: its group
 * @fd: its endpoint
 * @to: the destination that it sends to
 * @page: the memory
 * @act: makes the system call; returns 0 or a negative error number
 * @tid: the thread that makes it
 * @done: eventfd that is readable when the system call has returned
 * @result: return value of the system call
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

/* These orders are for the other thread of the actor, which reports how each went. */
enum {
	ACT,		/* report the id of the thread that makes the system call */
	WAIT,		/* wait until the thread is stuck (1) or has returned (0) */
	IS_STUCK,	/* report 1 if the thread is still stuck */
	REPLY_NEXT,	/* take records up to a request, and reply to it */
	BROADCAST,
	RELEASE,	/* report what the system call returned */
};

static inline void *actor_thread(void *arg)
{
	struct actor *actor = arg;

	__atomic_store_n(&actor->tid, (pid_t)gettid(), __ATOMIC_RELEASE);
	actor->result = actor->act(actor);
	eventfd_write(actor->done, 1);
	return NULL;
}

static inline bool is_done(struct actor *actor)
{
	return poll_for(actor->done, POLLIN, 0) == POLLIN;
}

static inline int start_acting(struct actor *actor)
{
	pthread_t thread;
	pid_t tid;

	if (pthread_create(&thread, NULL, actor_thread, actor))
		return -EAGAIN;
	while (!(tid = __atomic_load_n(&actor->tid, __ATOMIC_ACQUIRE)))
		sched_yield();
	return tid;
}

static inline int wait_until_stuck(struct actor *actor)
{
	struct pollfd wait[] = {
		{ .fd = actor->page.uffd, .events = POLLIN },
		{ .fd = actor->done, .events = POLLIN },
	};

	if (poll(wait, 2, -1) < 0)
		return -errno;
	return wait[0].revents == POLLIN && !wait[1].revents;
}

static inline int reply_next(int fd)
{
	struct mpipc_record record = { };
	char data[256];
	int got[1], err;

	do {
		err = recv_fds(fd, &record, data, sizeof(data), got, 1, MPIPC_FOREVER);
	} while (!err && record.type != MPIPC_REQUEST);
	return err ?: reply_msg(fd, record.call, 0, NULL, 0);
}

static inline int finish_acting(struct actor *actor)
{
	eventfd_t value;
	int err = page_release(&actor->page);

	return err ?: eventfd_read(actor->done, &value) ? -errno : actor->result;
}

static inline int obey(struct actor *actor, __u64 order)
{
	switch (order) {
	case ACT:
		return start_acting(actor);
	case WAIT:
		return wait_until_stuck(actor);
	case IS_STUCK:
		return !is_done(actor);
	case REPLY_NEXT:
		return reply_next(actor->fd);
	case BROADCAST:
		return send_msg(actor->fd, MPIPC_TO_ALL, "all", NULL, 0);
	default:
		return finish_acting(actor);
	}
}

static inline void actor_main(struct actor *actor, enum mpipc_role role, bool protected)
{
	__u64 order;
	int err = page_make(&actor->page, protected);

	actor->done = eventfd(0, EFD_CLOEXEC);
	actor->fd = open_joined(actor->group, role, 0);
	child_send(&actor->child, err ?: actor->fd);
	while (!child_hear(&actor->child, &order))
		child_send(&actor->child, obey(actor, order));
	_exit(0);
}

static inline int order_actor(struct actor *actor, __u64 order)
{
	__u64 ret;

	if (child_send(&actor->child, order) || child_hear(&actor->child, &ret))
		return -ECHILD;
	return (int)ret;
}

/* The system calls */

#define TEXT "does it come?"

static inline bool is_text(const void *data, const struct mpipc_record *record)
{
	return record->size == sizeof(TEXT) && !memcmp(data, TEXT, sizeof(TEXT));
}

static inline int read_slow_records(struct actor *actor)
{
	struct mpipc_record *page = page_fill(&actor->page, "", 1);
	ssize_t ret = read(actor->fd, page, actor->page.size);

	return ret < 0 ? -errno : is_text(page + 1, page) ? 0 : -EBADMSG;
}

/* Make a synchronous call whose replies have text and descriptor, one part of which is slow. */
static inline int call_with_slow(struct actor *actor, __u64 *slow, struct mpipc_call_args *call)
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

/* Members that go on */

FIXTURE(stuck)
{
	char group[MPIPC_GROUP_MAX];
	struct actor actor;
	int actor_fd;
	int first;		/* primary, if the actor is not */
	int second;		/* secondary */
	__u64 to_actor;
	__u64 call;		/* to which the actor has to reply, or 0 */
	struct mpipc_record record;
	char data[256];
	int fd;
};

/**
 * struct variant - how it gets stuck
 * @role: its role in the group
 * @act: makes the system call
 * @protected: the memory is read-only, not missing
 * @finds: type of the record in its mailbox: %MPIPC_MESSAGE, %MPIPC_REQUEST, or 0 for none
 * @is_replied: it makes a call, which gets a reply
 * @effect: type of the record that the others get after its release: %MPIPC_MESSAGE,
 *	%MPIPC_REQUEST, %MPIPC_REPLY_TO, or 0 for none
 */
FIXTURE_VARIANT(stuck)
{
	enum mpipc_role role;
	int (*act)(struct actor *actor);
	bool protected;
	enum mpipc_type finds;
	bool is_replied;
	enum mpipc_type effect;
};

/* Take records until there is one of the type, and leave it in self->record. */
static inline int take(FIXTURE_DATA(stuck) *self, int fd, enum mpipc_type type)
{
	int err;

	do {
		err = recv_fds(fd, &self->record, self->data, sizeof(self->data), &self->fd, 1,
			       MPIPC_FOREVER);
	} while (!err && self->record.type != type);
	return err;
}

/* Reply to the request that is in self->record. */
static inline int send_reply(FIXTURE_DATA(stuck) *self, int fd)
{
	int pass = STDERR_FILENO;
	struct mpipc_reply_args reply = {
		.call = self->record.call,
		.body = make_body("", TEXT, self->record.reply_size ? sizeof(TEXT) : 0, &pass,
				  self->record.reply_fds),
	};

	return do_ioctl(fd, MPIPC_REPLY, &reply);
}

/* Give the actor something to receive. */
static inline int give(FIXTURE_DATA(stuck) *self, const FIXTURE_VARIANT(stuck) *variant)
{
	struct mpipc_call_args call = call_arg(self->to_actor, "c", NULL, 0, NULL, 0);
	int err, pass = STDERR_FILENO;

	switch (variant->finds) {
	case MPIPC_MESSAGE:
		/*
		 * read() does not take a message with descriptors, so that this one has
		 * none.
		 */
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

/* Make the group with the actor in it, which has not done anything yet. */
static inline void set_up(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self,
			  const FIXTURE_VARIANT(stuck) *variant)
{
	const bool secondary = variant->role == MPIPC_SECONDARY;
	struct mpipc_peer peers[3] = { };
	struct mpipc_peers_args arg = {
		.peers = to_u64(peers),
		.max_peers = 3,
		.peer_size = sizeof(*peers),
	};
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

/* Take the requests that the actor makes, and reply to them. */
static inline void reply_actor(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self,
			       enum mpipc_role role)
{
	ASSERT_EQ(0, take(self, self->first, MPIPC_REQUEST));
	ASSERT_EQ(0, send_reply(self, self->first));
	if (role == MPIPC_SECONDARY)
		return;
	ASSERT_EQ(0, take(self, self->second, MPIPC_REQUEST));
	ASSERT_EQ(0, send_reply(self, self->second));
}

/* Expect that the primary and another secondary go on while a secondary is stuck. */
static inline void primary_goes_on(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self)
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

	/*
	 * Of a call to all, the result of the other secondary comes without that of the
	 * actor.
	 */
	ASSERT_EQ(0, call_async(primary, MPIPC_TO_ALL, "c", 0, MPIPC_FOREVER, &id));
	ASSERT_EQ(0, take(self, other, MPIPC_REQUEST));
	ASSERT_EQ(0, send_reply(self, other));
	ASSERT_EQ(0, take(self, primary, MPIPC_REPLY_TO));
	EXPECT_EQ(endpoint_id(other), self->record.peer);
	EXPECT_EQ(0, self->record.status);
	ASSERT_EQ(0, do_ioctl(primary, MPIPC_CANCEL, &(struct mpipc_cancel_args){ id }));
	ASSERT_EQ(0, take(self, primary, MPIPC_REPLY_TO));
	EXPECT_EQ(self->to_actor, self->record.peer);
	EXPECT_EQ(-ECANCELED, self->record.status);
}

/* Expect that a synchronous call to the primary returns. */
static inline void caller_goes_on(struct __test_metadata *_metadata, FIXTURE_DATA(stuck) *self,
				  enum mpipc_role role)
{
	struct mpipc_record result = { };
	struct mpipc_call_args call = call_arg(MPIPC_TO_PRIMARY, "c", NULL, 0, &result, 1);
	struct ioctl_thread thread;

	ASSERT_EQ(0, ioctl_thread_start(&thread, self->second, MPIPC_CALL, &call));
	if (role == MPIPC_PRIMARY) {
		ASSERT_EQ(0, order_actor(&self->actor, REPLY_NEXT));
	} else {
		ASSERT_EQ(0, take(self, self->first, MPIPC_REQUEST));
		ASSERT_EQ(0, send_reply(self, self->first));
	}
	ASSERT_EQ(0, ioctl_thread_join(&thread));
	EXPECT_EQ(0, result.status);
}

static inline unsigned int count_members(int fd)
{
	struct mpipc_peers_args peers = { };

	return do_ioctl(fd, MPIPC_PEERS, &peers) ? 0 : peers.n_peers;
}

/* Look for the group in the listing. */
static inline bool is_listed(const char *group)
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

static inline void others_come_and_go(struct __test_metadata *_metadata,
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

#endif /* MPIPC_SELFTESTS_ISOLATION_H */
