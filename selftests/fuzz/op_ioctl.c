// SPDX-License-Identifier: GPL-2.0-only
/* Do operations of the device: its ioctls, read and write. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "../device.h"
#include "fuzz.h"
#include "op.h"

/* Calls of the kernel */

static const struct ioctl leave_cmd = { MPIPC_LEAVE, OTHERWISE };
static const struct ioctl join_cmd = {
	MPIPC_JOIN, OTHERWISE, {
		ZERO(mpipc_join_args, flags, ~7U),
		ZERO(mpipc_join_args, mode, ~0666U),
	}
};
static const struct ioctl anchor_cmd = {
	MPIPC_JOIN, OTHERWISE, {
		ZERO(mpipc_join_args, flags, ~7U),
		ZERO(mpipc_join_args, mode, ~0U),
	}
};
static const struct ioctl send_cmd = {
	MPIPC_SEND, SENDING, {
		ZERO(mpipc_send_args, flags, ~1U),
		ZERO(mpipc_send_args, reserved, ~0U),
	}
};
static const struct ioctl recv_cmd = {
	MPIPC_RECV, RECEIVING, {
		ZERO(mpipc_recv_args, flags, ~1U),
		ZERO(mpipc_recv_args, reserved, ~0U),
	}
};

static const struct ioctl reply_cmd = {
	MPIPC_REPLY, OTHERWISE, {
		ZERO(mpipc_reply_args, flags, ~1U),
	}
};
static const struct ioctl reply_recv_cmd = {
	MPIPC_REPLY_RECV, RECEIVING, {
		ZERO(mpipc_reply_recv_args, reserved, ~0U),
		ZERO(mpipc_reply_recv_args, recv.flags, ~1U),
		ZERO(mpipc_reply_recv_args, recv.reserved, ~0U),
	}
};
static const struct ioctl cancel_cmd = { MPIPC_CANCEL, OTHERWISE };
static const struct ioctl peers_cmd = {
	MPIPC_PEERS, OTHERWISE, {
		ZERO(mpipc_peers_args, reserved, ~0U),
	}, .least = offsetof(struct mpipc_peers_args, peer_size),
};

/* Operations by ioctl */

static struct mpipc_join_args join_of(struct actor *me, const uint8_t *a)
{
	static const char *const groups[] = { "a", "b", "a b\\\001", NULL, "common" };
	const char *group = groups[a[2] % ARRAY_SIZE(groups)];
	struct mpipc_join_args join = {
		.role = a[1] % 4,
		.flags = a[3] % 8,
		.deadline = deadline_of(me, a[5] % 4),
	};

	if (group)
		strcpy(join.group, group);
	else
		memset(join.group, 'g', sizeof(join.group) - 1);
	return join;
}

static void issue_join(struct actor *me, const uint8_t *a, const struct ioctl *cmd,
		       struct mpipc_join_args *join)
{
	struct slot *slot = slot_of(me, a[0]);
	struct odd odd = odd_of(a + 6);

	/* A thread that waits for a primary for ever does so after the file was closed, too. */
	if (odd.what == POKE && odd.x / 8 == offsetof(struct mpipc_join_args, deadline) / 8)
		odd.what = NOTHING;
	if (issue(me, slot, cmd, join, &odd))
		return;
	if (join->id)
		slot->id = join->id;
	if (!join->id || !join->generation || !join->primary)
		found("a join without id, generation or primary");
}

void op_join(struct actor *me, const uint8_t *a)
{
	static const __u32 modes[] = { 0, 0600, 0666, 0060, 0400, 01000 };
	struct mpipc_join_args join = join_of(me, a);

	join.mode = modes[a[4] % ARRAY_SIZE(modes)];
	issue_join(me, a, &join_cmd, &join);
}

/* Join at a directory, at a file, or at whatever is in a slot. */
void op_anchor(struct actor *me, const uint8_t *a)
{
	struct mpipc_join_args join = join_of(me, a);

	join.flags |= MPIPC_JOIN_ANCHOR;
	join.anchor = a[4] % 4 < N_ANCHORS ? anchors[a[4] % 4] : fd_of(me, a[4] / 4);
	issue_join(me, a, &anchor_cmd, &join);
}

void op_leave(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 1);
	struct slot *slot = slot_of(me, a[0]);

	if (!issue(me, slot, &leave_cmd, NULL, &odd))
		shared->dead_id = slot->id;
}

void op_info(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 1);
	struct mpipc_info info;

	memset(&info, CANARY, sizeof(info));
	if (!issue(me, slot_of(me, a[0]), &info_cmd, &info, &odd) && is_plain(me, &odd))
		check_info(&info);
}

void op_peers(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 2);
	const unsigned int space = RECORDS_SIZE / sizeof(struct mpipc_peer);
	struct mpipc_peers_args peers = {
		.max_peers = count_of(a[1]),
		.peer_size = sizeof(struct mpipc_peer),
	};
	struct mpipc_peer *list;
	unsigned int n;

	list = place_if(&odd, RECORDS_PLACE, me->records, RECORDS_SIZE,
			peers.max_peers * sizeof(*list));
	peers.peers = to_u64(list);
	memset(me->records, CANARY, RECORDS_SIZE);
	if (issue(me, slot_of(me, a[0]), &peers_cmd, &peers, &odd) || !is_plain(me, &odd))
		return;
	n = peers.n_peers < peers.max_peers ? peers.n_peers : peers.max_peers;
	for (unsigned int i = 0; i < n && i < space; i++)
		check_peer(&list[i]);
	if (n < space)
		check_untouched(&list[n], (space - n) * sizeof(*list));
}

/*
 * Make a body with descriptors: the high bits of @how are the first slot, the low ones how
 * many.
 */
static struct mpipc_body body_of(struct actor *me, uint8_t size, uint8_t how,
				 const struct odd *odd)
{
	static const unsigned int numbers[] = {
		0, 1, 2, 3, 4, 8, MPIPC_FDS_MAX, MPIPC_FDS_MAX + 1,
	};
	struct mpipc_body body = {
		.size = size_of(size),
		.n_fds = numbers[how % 8],
	};
	int *fds = (int *)me->fds;

	for (unsigned int i = 0; i < body.n_fds; i++)
		fds[i] = fd_of(me, (how >> 4) + i % 4);
	if (odd->what == FDS_PLACE)
		fds = place(me->fds, FDS_SIZE, body.n_fds * sizeof(*fds), odd->x);
	body.fds = to_u64(fds);
	/* The first byte of the payload shows how it goes on. */
	body.data = to_u64(source + how);
	if (odd->what == DATA_PLACE)
		body.data = to_u64(place(source, SOURCE_SIZE, body.size, odd->x));
	fill_name(body.name, size);
	return body;
}

void op_send(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 6);
	struct mpipc_send_args send = {
		.to = to_of(me, a[1]),
		.flags = a[2] % 4,
		.deadline = deadline_of(me, a[5]),
		.body = body_of(me, a[3], a[4], &odd),
	};

	if (!issue(me, slot_of(me, a[0]), &send_cmd, &send, &odd) && is_plain(me, &odd) &&
	    send.to != MPIPC_TO_ALL && (send.sent != 1 || send.full))
		found("sent %u, full %u", send.sent, send.full);
}

/* Take descriptors that were received, one by one, and check that the rest was not touched. */
static void take_fds(struct actor *me, int *fds, unsigned int n, unsigned int space)
{
	for (unsigned int i = 0; i < n && i < space; i++) {
		if (fds[i] < 0 && fds[i] != -EMFILE)
			found("descriptor %u of %u is %d", i, n, fds[i]);
		if (fds[i] < 0)
			continue;
		if (fcntl(fds[i], F_GETFD) != FD_CLOEXEC)
			found("descriptor %u of %u is not there", i, n);
		keep_fd(me, fds[i]);
	}
	if (n < space)
		check_untouched(fds + n, (space - n) * sizeof(*fds));
}

/* A receiver wants these at some place, and so much of it can be checked. */
struct wanted {
	char *data;
	size_t data_space;
	int *fds;
	unsigned int fds_space;
};

static struct mpipc_recv_args recv_of(struct actor *me, const uint8_t *a, __u64 deadline,
				      const struct odd *odd, struct wanted *wanted)
{
	struct mpipc_recv_args recv = {
		.flags = a[0] % 4,
		.max_size = size_of(a[1]),
		.max_fds = count_of(a[2]),
		.deadline = deadline,
	};

	wanted->data_space = recv.max_size < MPIPC_SIZE_MAX ? recv.max_size : MPIPC_SIZE_MAX;
	wanted->data_space += 64;
	wanted->fds_space = recv.max_fds < 2 * MPIPC_FDS_MAX ? recv.max_fds : 2 * MPIPC_FDS_MAX;
	wanted->fds_space += 16;
	wanted->data = place_if(odd, DATA_PLACE, me->data, DATA_SIZE, recv.max_size);
	wanted->fds = place_if(odd, FDS_PLACE, me->fds, FDS_SIZE, recv.max_fds * sizeof(int));
	recv.data = to_u64(wanted->data);
	recv.fds = to_u64(wanted->fds);
	memset(me->data, CANARY, wanted->data_space);
	memset(me->fds, CANARY, wanted->fds_space * sizeof(int));
	memset(&recv.record, CANARY, sizeof(recv.record));
	return recv;
}

static void received(struct actor *me, int ret, const struct mpipc_recv_args *recv,
		     const struct odd *odd, const struct wanted *wanted)
{
	const struct mpipc_record *record = &recv->record;

	if (!is_plain(me, odd))
		return;
	if (ret == -EFAULT)
		return;
	if (!ret || ret == -EMSGSIZE)
		check_record(record);
	else
		check_untouched(record, sizeof(*record));
	if (ret) {
		check_untouched(wanted->data, wanted->data_space);
		check_untouched(wanted->fds, wanted->fds_space * sizeof(int));
		return;
	}
	if (record->size > recv->max_size || record->n_fds > recv->max_fds)
		found("more was received than there is space for");
	check_data(wanted->data, record->size);
	check_untouched(wanted->data + record->size, wanted->data_space - record->size);
	if (record->type == MPIPC_REQUEST)
		note_request(record->call);
	take_fds(me, wanted->fds, record->n_fds, wanted->fds_space);
}

void op_recv(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 5);
	struct wanted wanted;
	struct mpipc_recv_args recv = recv_of(me, a + 1, deadline_of(me, a[4]), &odd, &wanted);
	int ret = issue(me, slot_of(me, a[0]), &recv_cmd, &recv, &odd);

	received(me, ret, &recv, &odd, &wanted);
}

static struct mpipc_reply_args reply_of(struct actor *me, uint8_t which, uint8_t how,
					uint8_t size, uint8_t fds, const struct odd *odd)
{
	static const int statuses[] = { 0, -1, -ENOENT, -4095, -4096, 1, INT32_MIN, 0 };

	return (struct mpipc_reply_args){
		.call = request_of(which),
		.flags = how % 4,
		.status = statuses[how / 4 % 8],
		.body = body_of(me, size, fds, odd),
	};
}

void op_reply(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 5);
	struct mpipc_reply_args reply = reply_of(me, a[1], a[2], a[3], a[4], &odd);

	issue(me, slot_of(me, a[0]), &reply_cmd, &reply, &odd);
}

void op_reply_recv(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 8);
	const uint8_t recv[] = { 0, a[5], a[6] };
	struct mpipc_reply_recv_args both = {
		.reply = reply_of(me, a[1], a[2], a[3], a[4] & 0xf0, &odd),
	};
	struct wanted wanted;
	int ret;

	both.recv = recv_of(me, recv, deadline_of(me, a[7]), &odd, &wanted);
	ret = issue(me, slot_of(me, a[0]), &reply_recv_cmd, &both, &odd);
	if (!ret && both.reply.call && is_plain(me, &odd))
		found("a request can be replied to twice");
	received(me, ret, &both.recv, &odd, &wanted);
}

static void check_results(struct actor *me, const struct mpipc_call_args *call, size_t stride,
			  unsigned int fds_stride)
{
	const struct mpipc_record *results = (void *)me->records;
	unsigned int n = call->n_results;

	if (n > call->max_results)
		found("%u results, with space for %u", n, call->max_results);
	for (unsigned int i = 0; i < n && i < MAX_RESULTS; i++) {
		char *data = me->data + i * stride;

		check_result(&results[i], call->id);
		if (results[i].size > stride || results[i].n_fds > fds_stride)
			found("a reply has more than there is space for");
		check_data(data, results[i].size);
		check_untouched(data + results[i].size, stride - results[i].size);
		take_fds(me, (int *)me->fds + i * fds_stride, results[i].n_fds, fds_stride);
	}
	check_untouched(&results[n], RECORDS_SIZE - n * sizeof(*results));
	check_untouched(me->data + n * stride, 64);
	check_untouched((int *)me->fds + n * fds_stride, 64);
}

/*
 * Make a call. The high flags are to go on with the actor's newest call, and to leave space
 * for few results.
 */
void op_call(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 8);
	struct mpipc_call_args call = {
		.to = to_of(me, a[1]),
		.flags = a[2] % 16 & 7,
		.max_results = a[2] & 0x10 ? 1 : MAX_RESULTS,
		.reply_size = size_of(a[5]),
		.reply_fds = count_of(a[6]),
		.deadline = deadline_of(me, a[7]),
		.id = a[2] & 8 ? own_call(me) : 0,
		.body = body_of(me, a[3], a[4], &odd),
	};
	size_t stride = call.reply_size;
	unsigned int fds_stride = call.reply_fds;
	int ret;

	/* The kernel does not look at the rest, or refuses it. */
	if (stride > MPIPC_SIZE_MAX || fds_stride > MPIPC_FDS_MAX)
		stride = fds_stride = 0;
	memset(me->records, CANARY, RECORDS_SIZE);
	memset(me->data, CANARY, MAX_RESULTS * stride + 64);
	if (!call.body.n_fds)
		memset(me->fds, CANARY, MAX_RESULTS * fds_stride * sizeof(int) + 64);
	call.results = to_u64(place_if(&odd, RECORDS_PLACE, me->records, RECORDS_SIZE,
				       MAX_RESULTS * sizeof(struct mpipc_record)));
	call.reply_data = to_u64(place_if(&odd, DATA_PLACE, me->data, DATA_SIZE,
					  MAX_RESULTS * stride));
	call.reply_fd_list = to_u64(place_if(&odd, FDS_PLACE, me->fds, FDS_SIZE,
					     MAX_RESULTS * fds_stride * sizeof(int)));
	ret = issue(me, slot_of(me, a[0]), &call_cmd, &call, &odd);
	/* The memory of the descriptors in the request is that of those in the reply. */
	if (!ret && is_plain(me, &odd) && !(call.flags & MPIPC_CALL_ASYNC) && !call.body.n_fds)
		check_results(me, &call, stride, fds_stride);
}

void op_cancel(struct actor *me, const uint8_t *a)
{
	const struct odd odd = odd_of(a + 2);
	struct mpipc_cancel_args cancel = { .call = call_of(a[1]) };

	issue(me, slot_of(me, a[0]), &cancel_cmd, &cancel, &odd);
}

void op_ioctl(struct actor *me, const uint8_t *a)
{
	unsigned long cmd = _IOC(a[2] % 4, a[1] & 0x80 ? 'M' : a[1], 0xc0 + a[1] % 16, a[3]);

	/* A member that is only read never blocks. */
	if (a[1] & 0x80 && a[1] % 16 < 10)
		cmd &= ~(unsigned long)IOCSIZE_MASK;
	do_ioctl(fd_of(me, a[0]), cmd, me->arg);
}

/* Operations by bytes */

static void check_read(const char *data, size_t len)
{
	static const char zeroes[8];

	for (size_t at = 0; at < len;) {
		const struct mpipc_record *record = (const void *)(data + at);
		size_t used = sizeof(*record) + record->size;

		if (len - at < sizeof(*record) || record->len % 8 || record->len > len - at ||
		    used > record->len || record->len - used > 7)
			return found("read returned a part of a record");
		check_record(record);
		if (record->n_fds)
			found("read returned descriptors");
		if (record->type == MPIPC_REQUEST)
			note_request(record->call);
		check_data(data + at + sizeof(*record), record->size);
		if (memcmp(data + at + used, zeroes, record->len - used))
			found("read returned more than a record");
		at += record->len;
	}
}

void op_read(struct actor *me, const uint8_t *a)
{
	size_t size = a[1] % 16 < 12 ? size_of(a[1]) : 160 + 8 * (a[1] % 16 - 12);
	struct slot *slot = slot_of(me, a[0]);
	char *data = me->data;
	bool plain = a[2] % 8 == 0 || a[2] % 8 == 7;
	struct iovec iov[2];
	ssize_t len;

	if (size > MPIPC_SIZE_MAX)
		size = MPIPC_SIZE_MAX + 256;
	memset(me->data, CANARY, size + 64);
	if (!plain)
		data = place(me->data, DATA_SIZE, size, a[2] % 8 - 1);
	iov[0] = (struct iovec){ data, size / 3 };
	iov[1] = (struct iovec){ data + size / 3, size - size / 3 };
	begin_call(me, RECEIVING, slot->id, true);
	if (a[2] % 8 == 7)
		len = raw_call(SYS_readv, slot->fd, (unsigned long)iov, 2);
	else
		len = raw_call(SYS_read, slot->fd, (unsigned long)data, size);
	end_call(me);
	if (!slot->id || !plain || me->failed || len == -EFAULT)
		return;
	if (len > 0)
		check_read(data, len);
	len = len < 0 ? 0 : len;
	check_untouched(data + len, size + 64 - len);
}

void op_write(struct actor *me, const uint8_t *a)
{
	struct slot *slot = slot_of(me, a[0]);
	size_t size = size_of(a[2]) % (MPIPC_SIZE_MAX + 2);
	struct mpipc_record *record = (void *)me->arg;
	struct iovec iov[2] = {
		{ record, sizeof(*record) },
		{ source + a[4], size },
	};
	ssize_t ret;

	*record = (struct mpipc_record){
		.type = MPIPC_MESSAGE,
		.peer = to_of(me, a[1]),
		.deadline = deadline_of(me, a[3]),
		.size = size,
	};
	fill_name(record->name, a[2]);
	switch (a[5] % 8) {
	case 1:
		((char *)record)[a[6] % sizeof(*record)] = a[7];
		break;
	case 2:
		iov[1].iov_base = place(source, SOURCE_SIZE, size, a[6]);
		break;
	case 3:
		iov[0].iov_base = place(me->arg, ARG_SIZE, sizeof(*record), a[6]);
		break;
	case 4:
		iov[0].iov_len = a[6];
		break;
	case 5:
		iov[1].iov_len = a[6];
		break;
	}
	begin_call(me, SENDING, slot->id, true);
	ret = raw_call(SYS_writev, slot->fd, (unsigned long)iov, 2);
	end_call(me);
	if (slot->id && ret >= 0 && ret != iov[0].iov_len + iov[1].iov_len)
		found("a part of a message was written");
}
