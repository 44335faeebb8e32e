// SPDX-License-Identifier: GPL-2.0-only
/*
 * The other side of mixed.c, built for 32 bits. It does what the messages that it gets are
 * named after, each time with the payload and the descriptors that it got.
 *
 * mixed_peer GROUP ROLE: ROLE is a number of enum mpipc_role. A primary sends to the peer
 * that it has heard of last.
 */
#include "device.h"
#include "message.h"
#include "wait.h"

#include <stdlib.h>

#define FDS_MAX 4

static char data[MPIPC_SIZE_MAX];
static int fds[FDS_MAX];

static int send_back(int fd, __u64 to, const char *name, const struct mpipc_record *record)
{
	return send_fds(fd, to, name, data, record->size, fds, record->n_fds);
}

static int write_back(int fd, __u64 to, const struct mpipc_record *record)
{
	static char all[sizeof(*record) + MPIPC_SIZE_MAX];
	struct mpipc_record written = {
		.type = MPIPC_MESSAGE,
		.peer = to,
		.size = record->size,
		.name = "written",
	};
	ssize_t size = sizeof(written) + record->size;

	memcpy(all, &written, sizeof(written));
	memcpy(all + sizeof(written), data, record->size);
	return write(fd, all, size) == size ? 0 : -EIO;
}

/* Take the next message by read(), and send all of it. */
static int read_next(int fd, __u64 to)
{
	static char all[sizeof(struct mpipc_record) + MPIPC_SIZE_MAX];
	ssize_t size;

	if (poll_for(fd, POLLIN, -1) != POLLIN)
		return -EIO;
	size = read(fd, all, sizeof(all));
	return size < 0 ? -errno : send_msg(fd, to, "read", all, size);
}

static struct mpipc_call_args make_call(__u64 to, const struct mpipc_record *record)
{
	struct mpipc_call_args call = {
		.to = to,
		.deadline = MPIPC_FOREVER,
		.reply_size = sizeof(data),
		.reply_fds = FDS_MAX,
		.body = make_body("called", data, record->size, fds, record->n_fds),
	};

	return call;
}

/* Send the content of the reply. */
static int call_back(int fd, __u64 to, struct mpipc_record *record)
{
	struct mpipc_call_args call = make_call(to, record);
	int replied[FDS_MAX], err;

	call.max_results = 1;
	call.results = to_u64(record);
	call.reply_data = to_u64(data);
	call.reply_fd_list = to_u64(replied);
	err = do_ioctl(fd, MPIPC_CALL, &call);
	if (err)
		return err;
	if (record->status != -EXDEV || call.n_results != 1)
		return -EBADMSG;
	return send_fds(fd, to, "replied", data, record->size, replied, record->n_fds);
}

static int call_back_async(int fd, __u64 to, const struct mpipc_record *record)
{
	struct mpipc_call_args call = make_call(to, record);

	call.flags = MPIPC_CALL_ASYNC;
	return do_ioctl(fd, MPIPC_CALL, &call);
}

static int reply_back(int fd, const struct mpipc_record *record)
{
	struct mpipc_reply_args reply = {
		.call = record->call,
		.status = -EXDEV,
		.body = make_body("replied", data, record->size, fds, record->n_fds),
	};

	return do_ioctl(fd, MPIPC_REPLY, &reply);
}

static int send_info(int fd, __u64 to)
{
	struct mpipc_info info;

	return get_info(fd, &info) ?: send_msg(fd, to, "info", &info, sizeof(info));
}

static int send_peers(int fd, __u64 to)
{
	struct mpipc_peer peers[4];
	struct mpipc_peers_args arg = {
		.peers = to_u64(peers),
		.max_peers = 4,
		.peer_size = sizeof(*peers),
	};

	return do_ioctl(fd, MPIPC_PEERS, &arg) ?:
	       send_msg(fd, to, "peers", peers, arg.n_peers * sizeof(peers[0]));
}

static int obey(int fd, __u64 to, struct mpipc_record *record)
{
	const char *order = record->name;

	if (record->type == MPIPC_REQUEST)
		return reply_back(fd, record);
	if (record->type == MPIPC_REPLY_TO)
		return record->status != -EXDEV ? -EBADMSG :
						  send_back(fd, to, "result", record);
	if (record->type != MPIPC_MESSAGE)
		return send_msg(fd, to, "event", record, sizeof(*record));
	if (!strcmp(order, "send"))
		return send_back(fd, to, "sent", record);
	if (!strcmp(order, "write"))
		return write_back(fd, to, record);
	if (!strcmp(order, "read"))
		return read_next(fd, to);
	if (!strcmp(order, "call"))
		return call_back(fd, to, record);
	if (!strcmp(order, "call async"))
		return call_back_async(fd, to, record);
	if (!strcmp(order, "info"))
		return send_info(fd, to);
	if (!strcmp(order, "peers"))
		return send_peers(fd, to);
	return -ENOSYS;
}

int main(int argc, char **argv)
{
	struct mpipc_record record;
	enum mpipc_role role;
	__u64 to = MPIPC_TO_PRIMARY;
	int fd, err;

	/* A program of 64 bits would test nothing. */
	if (argc != 3 || sizeof(long) != sizeof(__u32))
		return 2;
	role = atoi(argv[2]);
	fd = open_joined(argv[1], role, MPIPC_JOIN_EVENTS);
	if (fd < 0)
		return 1;
	/* This byte shows the test that the peer is there. */
	if (write(STDOUT_FILENO, "", 1) != 1)
		return 1;
	for (;;) {
		err = recv_fds(fd, &record, data, sizeof(data), fds, FDS_MAX, MPIPC_FOREVER);
		if (err)
			break;
		if (role == MPIPC_PRIMARY)
			to = record.peer;
		err = obey(fd, to, &record);
		for (__u32 i = 0; i < record.n_fds; i++)
			close(fds[i]);
		if (err)
			break;
	}
	fprintf(stderr, "# %s: %s\n", record.name, strerror(-err));
	return 1;
}
