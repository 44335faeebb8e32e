/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This header holds what the tests of limits share: users with quotas of their own, and
 * parameters that are put back.
 */
#ifndef MPIPC_SELFTESTS_LIMITS_H
#define MPIPC_SELFTESTS_LIMITS_H

#include "child.h"
#include "device.h"
#include "harness.h"
#include "message.h"
#include "parameter.h"
#include "user.h"

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
	uid_t bob;		/* so that nothing else counts for these users */
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
	/* The parameters exist only if the module is loaded. */
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

/* Open a primary whose group anybody may join. */
static inline int open_public(const char *group)
{
	struct mpipc_join_args join = join_arg(group, MPIPC_PRIMARY);
	int fd = open_dev();
	int err;

	join.mode = 0666;
	err = do_ioctl(fd, MPIPC_JOIN, &join);
	return err ?: fd;
}

/*
 * Start a child of a user that does something, and keeps what it got until it is killed.
 * Return what the function returned.
 */
static inline int start_holder(struct child *holder, uid_t uid,
			       int (*function)(const char *group), const char *group)
{
	__u64 ret;

	if (child_fork(holder) < 0)
		return -errno;
	if (!holder->pid) {
		become_user(uid, GROUP);
		child_send(holder, function(group));
		child_hear(holder, NULL);
		_exit(0);
	}
	return child_hear(holder, &ret) ? -ECHILD : (int)ret;
}

/* Return what open_*() returns to a user, and close again. */
static inline int attempt(uid_t uid, int (*function)(const char *group), const char *group)
{
	struct child child;
	int ret = start_holder(&child, uid, function, group);

	child_kill(&child);
	return ret < 0 ? ret : 0;
}

/**
 * struct order - messages that a sender has to send
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

static inline void carry_out(int fd, struct order *order)
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
 * Start a secondary of a user, with so many files allowed to it (0: the usual number). The
 * secondary follows each primary. At each order it sends until there is no space.
 */
static inline int start_sender(struct child *sender, uid_t uid, const char *group,
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
		child_send(sender, fd);
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

/* Order a sender to send; return how many messages it could send, and what the next one got. */
static inline struct order command(struct child *sender, struct order order)
{
	if (write(sender->line, &order, sizeof(order)) != sizeof(order) ||
	    read(sender->line, &order, sizeof(order)) != sizeof(order))
		order.err = -EPIPE;
	return order;
}

static inline struct order send_all(struct child *sender, __u32 size, __u32 n_fds)
{
	return command(sender, (struct order){ .size = size, .n_fds = n_fds });
}

#endif /* MPIPC_SELFTESTS_LIMITS_H */
