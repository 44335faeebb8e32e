// SPDX-License-Identifier: GPL-2.0-only
/* Workers that join, leave, and look at what is there. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "device.h"
#include "stress.h"
#include "wait.h"
#include "worker.h"

/* Looking */

void do_look(__u64 place)
{
	struct mpipc_peer list[MAX_RESULTS];
	struct mpipc_peers_args peers = {
		.peers = to_u64(list),
		.max_peers = MAX_RESULTS,
		.peer_size = sizeof(*list),
	};
	struct member *m = member_of(place);
	struct mpipc_info info;
	struct entry *e;
	int ret;

	switch (rnd(3)) {
	case 0:
		ret = poll_for(place_fd(place), POLLIN | POLLRDHUP, 0);
		if (ret >= 0)
			done(OP_POLL);
		break;
	case 1:
		ret = get_info(place_fd(place), &info);
		if (ret)
			break;
		done(OP_INFO);
		if (info.id != m->join.id || info.generation < m->join.generation)
			violation(P_IDENTITY, place_member(place), NONE,
				  "info says id %#llx, generation %llu", info.id, info.generation);
		break;
	default:
		e = entry_begin(OP_LIST, place_member(place));
		ret = do_ioctl(place_fd(place), MPIPC_PEERS, &peers);
		e->sent = peers.n_peers;
		entry_end(e, ret);
		if (ret)
			break;
		done(OP_LIST);
		for (__u32 i = 0; i < peers.n_peers && i < MAX_RESULTS; i++) {
			struct entry *peer = entry_begin(OP_PEER, place_member(place));

			peer->of = entry_index(e);
			peer->rec.peer = list[i].id;
			peer->rec.pid = list[i].pid;
			peer->rec.uid = list[i].uid;
			peer->rec.gid = list[i].gid;
			peer->rec.role = list[i].role;
			peer->rec.generation = list[i].generation;
			entry_end(peer, 0);
			done(OP_PEER);
		}
	}
}

void do_epoll(__u64 place)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (!epoll_ctl(epoll, EPOLL_CTL_ADD, place_fd(place), &event) &&
	    epoll_wait(epoll, &event, 1, rnd(4)) >= 0)
		done(OP_EPOLL);
	close(epoll);
}

/* Joining and leaving */

static __u32 new_member(void)
{
	__u32 n = self->spare;

	self->spare = NONE;
	if (n != NONE)
		return n;
	n = __atomic_fetch_add(&ledger->n_members, 1, __ATOMIC_SEQ_CST);
	if (n < MAX_MEMBERS)
		return n;
	__atomic_fetch_sub(&ledger->n_members, 1, __ATOMIC_SEQ_CST);
	set_phase(RUN, QUIET);
	return NONE;
}

static bool is_refusal(int err)
{
	switch (err) {
	case -EADDRINUSE:
	case -ENOENT:
	case -ECONNREFUSED:
	case -ETIMEDOUT:
	case -EACCES:
	case -EINTR:
		return true;
	}
	return false;
}

/*
 * Check what came of a join at the directory, which belongs to root and which all may write to.
 * Return false if the join was refused for this reason.
 */
static bool check_anchored(__u32 n, const struct member *m, int ret)
{
	const bool owner = m->join.role == MPIPC_SECONDARY || !geteuid();

	if (!owner && ret == -EPERM) {
		done(OP_NOT_OWNER);
		return false;
	}
	if (!owner)
		violation(P_ERRORS, n, NONE, "join as a primary that is not the owner: %d", ret);
	else if (!ret)
		done(OP_JOIN_ANCHOR);
	return true;
}

/* Make an endpoint of a new descriptor; return its place or EMPTY. */
__u64 join(int fd)
{
	unsigned int luck = rnd(100);
	__u32 n = new_member();
	struct member *m;
	bool refused;
	enum op op;
	int ret;

	if (n == NONE)
		return EMPTY;
	m = &ledger->members[n];
	memset(m, 0, sizeof(*m));
	m->group = rnd(N_GROUPS);
	m->join = join_arg(ledger->groups[m->group],
			   luck < 20 ? MPIPC_PRIMARY : MPIPC_SECONDARY);
	m->image = my_image;
	m->pid = getpid();
	m->uid = geteuid();
	m->gid = getegid();
	if (chance(60))
		m->join.flags |= MPIPC_JOIN_EVENTS;
	op = OP_JOIN_PRIMARY;
	if (m->group == ANCHORED) {
		m->join.flags |= MPIPC_JOIN_ANCHOR;
		m->join.anchor = ANCHOR_FD;
	}
	if (luck < 20) {
		m->join.mode = m->group == ANCHORED ? 0 : 0666;
	} else {
		op = OP_JOIN_SECONDARY;
		if (luck < 50) {
			op = OP_JOIN_FOLLOW;
			m->join.flags |= MPIPC_JOIN_FOLLOW;
		}
		m->join.deadline = chance(30) ? in_ms(10) : 0;
	}
	if (chance(40)) {
		m->nonblock = 1;
		fcntl(fd, F_SETFL, O_NONBLOCK);
	}
	__atomic_store_n(&m->join_begin, now_ns(), __ATOMIC_SEQ_CST);
	ret = do_ioctl(fd, MPIPC_JOIN, &m->join);
	refused = m->group == ANCHORED && !check_anchored(n, m, ret);
	if (!ret) {
		__atomic_store_n(&m->join_end, now_ns(), __ATOMIC_SEQ_CST);
		done(op);
		return place_of(fd, n);
	}
	m->join_begin = 0;
	self->spare = n;
	if (ret == -EINTR)
		done(OP_INTERRUPTED);
	if (!refused && !is_refusal(ret))
		violation(P_ERRORS, n, NONE, "join failed: %s", strerror(-ret));
	return EMPTY;
}

int open_high(void)
{
	int low = open_dev(), fd;

	if (low < 0) {
		violation(P_ERRORS, NONE, NONE, "open failed: %s", strerror(-low));
		return low;
	}
	fd = dup3(low, new_fd(), O_CLOEXEC);
	close(low);
	return fd;
}

void do_join(void)
{
	__u64 *at = &places[rnd(PLACES)];
	__u64 place;
	int fd;

	if (!change_place(at, EMPTY, BUSY))
		return;
	fd = open_high();
	place = fd < 0 ? EMPTY : join(fd);
	if (place == EMPTY && fd >= 0)
		close(fd);
	__atomic_store_n(at, place, __ATOMIC_SEQ_CST);
}

void do_leave(void)
{
	enum op op = OP_LEAVE + rnd(4);
	bool open_elsewhere = chance(50);
	struct member *m;
	__u64 place, *at = seize_place(&place);
	int fd = place_fd(place);

	if (!at)
		return;
	m = member_of(place);
	if (m->passed && !open_elsewhere)
		op = OP_LEAVE;
	mark(&m->leave_begin);
	m->moved = 1;
	switch (op) {
	case OP_LEAVE:
		leave(fd);
		m->leave_end = now_ns();
		close(fd);
		break;
	case OP_CLOSE:
		close(fd);
		break;
	case OP_CLOSE_RANGE:
		close_range(fd, fd, 0);
		break;
	default:
		/* The copy is something that no thread that still has the number can use. */
		dup3(path_fd, fd, O_CLOEXEC);
	}
	/*
	 * A file that was passed may have come back, so that this was the last descriptor
	 * or not.
	 */
	if (!m->passed)
		m->leave_end = now_ns();
	if (op == OP_DUP2)
		close(fd);
	done(op);
	__atomic_store_n(at, EMPTY, __ATOMIC_SEQ_CST);
}

void do_dup(void)
{
	__u64 place, *at = seize_place(&place);
	int fd;

	if (!at)
		return;
	member_of(place)->moved = 1;
	fd = dup3(place_fd(place), new_fd(), O_CLOEXEC);
	close(place_fd(place));
	done(OP_DUP);
	__atomic_store_n(at, place_of(fd, place_member(place)), __ATOMIC_SEQ_CST);
}
