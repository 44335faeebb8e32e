// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "members.h"

/* A sender waits this long for space in the socket of a member, as in a mailbox of mpipc. */
#define SPACE_TIMEOUT_NS	1000000000

/* So many members may have gone before the memory of the first of them is used again. */
#define MOST_GONE		256

/* For so long after the kernel had no events it is left to the thread that serves to find some. */
#define FRESH_NS		5000000

/* Descriptors with lower numbers are left to the program. */
#define LOWEST_FD		64

/* @watch has these values when it is no descriptor. */
enum { NOT_SERVING = -1, NO_INOTIFY = -2 };

static struct {
	pthread_mutex_t lock;
	int cancel;		/* the holder of the lock had this state before */
	atomic_int watch;	/* inotify; written under the lock */
	int wake;		/* an eventfd for the thread that serves */
	atomic_bool updating;	/* events have been read that @list does not show yet */
	atomic_bool watching;	/* a thread waits for events and reads them at once */
	_Atomic uint64_t checked;	/* when the kernel had no events */
	atomic_uint count;	/* of members that are not gone; written under the lock */
	struct member *list;	/* oldest first */
	unsigned int n_gone;
	int socket;
	bool full;		/* somebody has waited in vain for space in @socket */
	char dir[PATH_MAX];
} members = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.watch = NOT_SERVING,
	.wake = -1,
	.socket = -1,
};

void mpipc__lock_members(void)
{
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&members.lock);
	members.cancel = cancel;
}

void mpipc__unlock_members(void)
{
	int cancel = members.cancel;

	pthread_mutex_unlock(&members.lock);
	pthread_setcancelstate(cancel, NULL);
}

/* Give up the lock until @changed or the deadline. */
void mpipc__members_sleep_locked(pthread_cond_t *changed, uint64_t deadline)
{
	const struct timespec end = {
		.tv_sec = deadline / 1000000000,
		.tv_nsec = deadline % 1000000000,
	};
	int cancel = members.cancel;

	pthread_cond_timedwait(changed, &members.lock, &end);
	members.cancel = cancel;
}

/* Make a path from the name of a socket. Returns false if it is not that of a secondary. */
static bool make_path(char path[SOCKET_PATH_SIZE], const char *name)
{
	if (strncmp(name, SECONDARY_PREFIX, strlen(SECONDARY_PREFIX)))
		return false;
	return snprintf(path, SOCKET_PATH_SIZE, "%s/%s", members.dir, name) <
	       (int)SOCKET_PATH_SIZE;
}

/* Take the memory of the member that went first, if many have gone. */
static struct member *reuse_member(void)
{
	struct member **pos, *member;

	if (members.n_gone < MOST_GONE)
		return NULL;
	for (pos = &members.list; (member = *pos); pos = &member->next)
		if (member->gone && !member->uses)
			break;
	if (member) {
		*pos = member->next;
		members.n_gone--;
	}
	return member;
}

/* Add a member at the end of the list. It counts as gone until set_present(). */
static struct member *add_member(const char *path)
{
	struct member *new = reuse_member(), **pos;

	if (!new)
		new = malloc(sizeof(*new));
	if (!new)
		return NULL;
	memset(new, 0, sizeof(*new));
	strcpy(new->path, path);
	new->gone = true;
	members.n_gone++;
	for (pos = &members.list; *pos; pos = &(*pos)->next)
		;
	*pos = new;
	return new;
}

/* Wake the thread that serves, or have its next poll() return at once. */
void mpipc__members_wake(void)
{
	const uint64_t one = 1;

	/* This can only fail if the counter is full, and then the thread is awake. */
	if (members.wake >= 0 && write(members.wake, &one, sizeof(one)) < 0)
		return;
}

/* Note that a member is gone. Calls to it are over then, which that thread has to find out. */
static void set_gone(struct member *member)
{
	if (member->gone)
		return;
	member->gone = true;
	members.n_gone++;
	atomic_fetch_sub(&members.count, 1);
	mpipc__members_wake();
}

static void set_present(struct member *member)
{
	if (!member->gone)
		return;
	member->gone = false;
	member->full = false;
	members.n_gone--;
	atomic_fetch_add(&members.count, 1);
}

static struct member *find_member(const char *path)
{
	struct member *member;

	for (member = members.list; member; member = member->next)
		if (!strcmp(member->path, path))
			break;
	return member;
}

/* Note that there is a socket of this name. */
static void note_name(const char *name)
{
	char path[SOCKET_PATH_SIZE];
	struct member *member;

	if (!make_path(path, name))
		return;
	member = find_member(path);
	if (!member)
		member = add_member(path);
	if (!member)
		return;
	set_present(member);
	member->seen = true;
}

static void note_removal(const char *name)
{
	char path[SOCKET_PATH_SIZE];
	struct member *member = make_path(path, name) ? find_member(path) : NULL;

	if (member)
		set_gone(member);
}

/* Read the whole directory. */
static void read_directory(void)
{
	DIR *dir = opendir(members.dir);
	struct member *member;
	struct dirent *entry;

	if (!dir)
		return;
	for (member = members.list; member; member = member->next)
		member->seen = false;
	while ((entry = readdir(dir)))
		note_name(entry->d_name);
	closedir(dir);
	for (member = members.list; member; member = member->next)
		if (!member->seen)
			set_gone(member);
}

static void note_event(const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		read_directory();
	else if (event->mask & (IN_CREATE | IN_MOVED_TO))
		note_name(event->name);
	else if (event->mask & (IN_DELETE | IN_MOVED_FROM))
		note_removal(event->name);
}

/* Bring the list up to date. The caller holds the lock. */
static void update(void)
{
	union {
		struct inotify_event first;
		char bytes[4096];
	} buffer;
	const struct inotify_event *event;
	ssize_t len, pos;

	if (members.watch == NO_INOTIFY) {
		read_directory();
		return;
	}
	atomic_store(&members.updating, true);
	while ((len = read(members.watch, &buffer, sizeof(buffer))) > 0) {
		for (pos = 0; pos < len; pos += sizeof(*event) + event->len) {
			event = (const void *)(buffer.bytes + pos);
			note_event(event);
		}
	}
	atomic_store(&members.updating, false);
}

/* Give a file a high descriptor. */
static int move_up(int low)
{
	int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, LOWEST_FD);

	if (fd < 0)
		return low;
	close(low);
	return fd;
}

/* Have the kernel note what changes in the directory. */
static int watch_directory(void)
{
	int fd = move_up(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));

	if (fd < 0)
		return NO_INOTIFY;
	if (inotify_add_watch(fd, members.dir, IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
			      IN_ONLYDIR) >= 0)
		return fd;
	close(fd);
	return NO_INOTIFY;
}

/* Begin to serve the native members in @dir. Returns a negative error number if that fails. */
int mpipc__members_start(const char *dir)
{
	int err;

	mpipc__lock_members();
	snprintf(members.dir, sizeof(members.dir), "%s", dir);
	members.full = false;
	members.wake = move_up(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	members.socket = members.wake < 0 ? -errno : mpipc__socket_open(dir);
	err = members.socket;
	if (err >= 0) {
		members.watch = watch_directory();
		read_directory();
	}
	mpipc__unlock_members();
	if (err >= 0)
		return 0;
	mpipc__members_stop();
	return err;
}

/* Stop serving them. */
void mpipc__members_stop(void)
{
	struct member *member;
	int watch;

	mpipc__lock_members();
	watch = atomic_exchange(&members.watch, NOT_SERVING);
	if (watch >= 0)
		close(watch);
	if (members.socket >= 0)
		close(members.socket);
	if (members.wake >= 0)
		close(members.wake);
	members.socket = -1;
	members.wake = -1;
	for (member = members.list; member; member = member->next)
		set_gone(member);
	mpipc__unlock_members();
}

/* Close what the child of a fork has inherited, where another thread may have held the lock. */
void mpipc__members_forget(void)
{
	pthread_mutex_init(&members.lock, NULL);
	mpipc__members_stop();
}

/* Bring the list up to date. */
void mpipc__members_update(void)
{
	mpipc__lock_members();
	mpipc__members_locked();
	mpipc__unlock_members();
}

/*
 * Wait until a datagram comes, until members come or go, or until somebody wakes the caller,
 * which is the thread that serves. Returns false at the deadline.
 */
bool mpipc__members_poll(uint64_t deadline)
{
	struct pollfd fds[] = {
		{ .fd = members.socket, .events = POLLIN },
		{ .fd = members.wake, .events = POLLIN },
		{ .fd = members.watch, .events = POLLIN },
	};
	uint64_t count;
	int ready;

	members.watching = true;
	ready = poll(fds, sizeof(fds) / sizeof(fds[0]), mpipc__socket_timeout(deadline));
	members.watching = false;
	if (ready <= 0)
		return false;
	if (fds[1].revents && read(members.wake, &count, sizeof(count)) < 0)
		return true;	/* another thread has not written yet */
	if (fds[2].revents)
		mpipc__members_update();
	return true;
}

/* Return the time, as exactly as it can be had without reading a clock. */
static uint64_t coarse_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Check that no event says that the list has to change. */
static bool is_up_to_date(int watch)
{
	uint64_t now = coarse_now();
	int waiting = 0;

	if (atomic_load(&members.watching) && now - atomic_load(&members.checked) <= FRESH_NS)
		return true;
	if (ioctl(watch, FIONREAD, &waiting) || waiting)
		return false;
	atomic_store(&members.checked, now);
	return true;
}

/*
 * Check whether there are native members. Every broadcast does this, so it has to cost next to
 * nothing if there are none.
 */
bool mpipc__has_members(void)
{
	int watch = atomic_load(&members.watch);
	bool any;

	if (watch == NOT_SERVING)
		return false;
	/* The order matters, because another thread may have read the events. */
	if (watch >= 0 && is_up_to_date(watch) && !atomic_load(&members.updating) &&
	    !atomic_load(&members.count))
		return false;
	mpipc__lock_members();
	any = mpipc__members_locked();
	mpipc__unlock_members();
	return any;
}

/* Return the list of members, or NULL if all of them have gone. */
struct member *mpipc__members_locked(void)
{
	if (members.watch == NOT_SERVING)
		return NULL;
	update();
	return members.count ? members.list : NULL;
}

/*
 * Return the member whose socket another process knows by @path. Only the name counts, because
 * that process may know the directory by another path.
 */
struct member *mpipc__find_member_locked(const char *path)
{
	const char *name = strrchr(path, '/');
	char own[SOCKET_PATH_SIZE];
	struct member *member;

	if (!name || !make_path(own, name + 1))
		return NULL;
	member = find_member(own);
	return member ? member : add_member(own);
}

/* Remove the name of a socket that nobody has any more. */
static void remove_name(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
}

/*
 * Send to a member without waiting. The error is -EAGAIN if its socket is full, and
 * -ECONNREFUSED if the member is gone.
 */
int mpipc__send_member_locked(struct member *member, enum dpdk_type type,
			      const struct rte_mp_msg *msg)
{
	int err = members.socket < 0 ? -EBADF :
		  mpipc__socket_send(members.socket, member->path, type, msg);

	if (!err) {
		member->full = false;
		members.full = false;
	}
	if (err != -ECONNREFUSED && err != -ENOENT)
		return err;
	if (err == -ECONNREFUSED)
		remove_name(member->path);
	set_gone(member);
	return -ECONNREFUSED;
}

/* Wait until a member may have space. The caller is one of its uses. */
int mpipc__wait_for_space(const struct member *member, uint64_t deadline)
{
	return mpipc__socket_wait(members.socket, member->path, deadline);
}

/*
 * Send to a member, and wait a second for space unless somebody has just done so in vain. The
 * caller has counted itself among the uses of the member. If @sent is not NULL, it is set before a
 * reply can be handled.
 */
int mpipc__send_member(struct member *member, enum dpdk_type type, const struct rte_mp_msg *msg,
		       bool *sent)
{
	uint64_t deadline = mpipc__socket_now() + SPACE_TIMEOUT_NS;
	int err, waited = 0;

	mpipc__lock_members();
	while ((err = mpipc__send_member_locked(member, type, msg)) == -EAGAIN && !waited &&
	       !member->full && !members.full) {
		mpipc__unlock_members();
		waited = mpipc__wait_for_space(member, deadline);
		mpipc__lock_members();
	}
	if (!err && sent)
		*sent = true;
	if (err == -EAGAIN && waited == -ETIMEDOUT)
		member->full = true;
	if (err == -EAGAIN && waited == -ENOBUFS)
		members.full = true;
	mpipc__unlock_members();
	return err;
}

/* Send to all members without waiting. Store those that are full in @full. */
static int send_to_all(const struct rte_mp_msg *msg, struct member **full, unsigned int *n_full)
{
	struct member *member;
	int err, ret = 0;

	for (member = members.list; member; member = member->next) {
		err = member->gone ? 0 : mpipc__send_member_locked(member, DPDK_MESSAGE, msg);
		if (err == -EAGAIN) {
			member->uses++;
			full[(*n_full)++] = member;
		} else if (err && err != -ECONNREFUSED && !ret) {
			ret = err;
		}
	}
	return ret;
}

/* Send to a member that somebody uses, and end that use. It is no error that it is gone. */
static int send_and_release(struct member *member, enum dpdk_type type,
			    const struct rte_mp_msg *msg)
{
	int err = mpipc__send_member(member, type, msg, NULL);

	mpipc__lock_members();
	member->uses--;
	mpipc__unlock_members();
	return err == -ECONNREFUSED ? 0 : err;
}

/*
 * Send a message to all members: first to those that have space, so that they do not wait for
 * one that is stuck. Returns the first error.
 */
int mpipc__send_members(const struct rte_mp_msg *msg)
{
	struct member **full = NULL;
	unsigned int n_full = 0, i;
	int err = 0, ret = 0;

	mpipc__lock_members();
	if (mpipc__members_locked()) {
		full = malloc(members.count * sizeof(*full));
		ret = full ? send_to_all(msg, full, &n_full) : -ENOMEM;
	}
	mpipc__unlock_members();
	for (i = 0; i < n_full; i++) {
		err = send_and_release(full[i], DPDK_MESSAGE, msg);
		if (err && !ret)
			ret = err;
	}
	free(full);
	return ret;
}

/* Send a reply, or DPDK_IGNORE, to a member. */
int mpipc__reply_member(const char *path, enum dpdk_type type, const struct rte_mp_msg *msg)
{
	struct member *member;

	mpipc__lock_members();
	member = mpipc__find_member_locked(path);
	if (member)
		member->uses++;
	mpipc__unlock_members();
	return member ? send_and_release(member, type, msg) : -EINVAL;
}

/* Receive a datagram for the primary, see mpipc__socket_receive(). */
int mpipc__members_receive(struct datagram *datagram)
{
	return members.socket < 0 ? -EBADF : mpipc__socket_receive(members.socket, datagram);
}
