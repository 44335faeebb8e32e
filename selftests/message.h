/* SPDX-License-Identifier: GPL-2.0-only */
/* Send, receive, call and reply. */
#ifndef MPIPC_SELFTESTS_MESSAGE_H
#define MPIPC_SELFTESTS_MESSAGE_H

#include "device.h"

static inline struct mpipc_body make_body(const char *name, const void *data,
					  size_t size, const int *fds,
					  unsigned int n_fds)
{
	struct mpipc_body body = {
		.data = to_u64(data),
		.fds = to_u64(fds),
		.size = size,
		.n_fds = n_fds,
	};

	memcpy(body.name, name, strnlen(name, sizeof(body.name) - 1));
	return body;
}

static inline int send_fds(int fd, __u64 to, const char *name, const void *data,
			   size_t size, const int *fds, unsigned int n_fds)
{
	struct mpipc_send_args send = {
		.to = to,
		.body = make_body(name, data, size, fds, n_fds),
	};

	return do_ioctl(fd, MPIPC_SEND, &send);
}

static inline int send_msg(int fd, __u64 to, const char *name, const void *data,
			   size_t size)
{
	return send_fds(fd, to, name, data, size, NULL, 0);
}

/* Send descriptors that may be of this device. */
static inline int send_passing_mpipc(int fd, __u64 to, const int *fds, unsigned int n_fds)
{
	struct mpipc_send_args send = {
		.to = to,
		.flags = MPIPC_PASS_MPIPC,
		.body = make_body("fds", NULL, 0, fds, n_fds),
	};

	return do_ioctl(fd, MPIPC_SEND, &send);
}

static inline int recv_fds(int fd, struct mpipc_record *record, void *data,
			   size_t size, int *fds, unsigned int max_fds,
			   __u64 deadline)
{
	struct mpipc_recv_args recv = {
		.max_fds = max_fds,
		.max_size = size,
		.data = to_u64(data),
		.fds = to_u64(fds),
		.deadline = deadline,
	};
	int ret = do_ioctl(fd, MPIPC_RECV, &recv);

	*record = recv.record;
	return ret;
}

/* Take a record without file descriptors that is there already. */
static inline int recv_msg(int fd, struct mpipc_record *record, void *data,
			   size_t size)
{
	return recv_fds(fd, record, data, size, NULL, 0, 0);
}

/* Wait for a record without file descriptors, and take it. */
static inline int recv_wait(int fd, struct mpipc_record *record, void *data,
			    size_t size)
{
	return recv_fds(fd, record, data, size, NULL, 0, MPIPC_FOREVER);
}

/*
 * Prepare a synchronous call with space for @max_results results and without file
 * descriptors.
 */
static inline struct mpipc_call_args call_arg(__u64 to, const char *name,
					      const void *data, size_t size,
					      struct mpipc_record *results,
					      unsigned int max_results)
{
	struct mpipc_call_args call = {
		.to = to,
		.max_results = max_results,
		.deadline = MPIPC_FOREVER,
		.results = to_u64(results),
		.body = make_body(name, data, size, NULL, 0),
	};

	return call;
}

/* Make an asynchronous call, and store its id in @id. */
static inline int call_async(int fd, __u64 to, const char *name, __u32 reply_size,
			     __u64 deadline, __u64 *id)
{
	struct mpipc_call_args call = call_arg(to, name, NULL, 0, NULL, 0);
	int ret;

	call.flags = MPIPC_CALL_ASYNC;
	call.reply_size = reply_size;
	call.deadline = deadline;
	ret = do_ioctl(fd, MPIPC_CALL, &call);
	if (id)
		*id = call.id;
	return ret;
}

static inline int reply_msg(int fd, __u64 call, __s32 status, const void *data,
			    size_t size)
{
	struct mpipc_reply_args reply = {
		.call = call,
		.status = status,
		.body = make_body("", data, size, NULL, 0),
	};

	return do_ioctl(fd, MPIPC_REPLY, &reply);
}

#endif /* MPIPC_SELFTESTS_MESSAGE_H */
