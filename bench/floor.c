// SPDX-License-Identifier: BSD-3-Clause
/*
 * DOC: IPC of the kernel to compare with
 *
 * pingpong: another process sends back what it receives. Both processes use blocking system
 * calls and nothing else, so a round takes two system calls of each and two changes of
 * process. Nothing that goes through the kernel can be expected to take less.
 *
 * lone_request: the same, with time to think between two rounds.
 *
 * message, lone_message: another process receives and sends nothing back.
 *
 * syscall: a system call that does nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "peers.h"

#define SIZE_MAX_HERE	65536
#define SYSCALLS	100

static struct bench bench = { .work = "pingpong", .cpus = "same", .peers = 1, .bytes = 328 };
/* The descriptors to read from and to write to, of the measuring process and of its peer. */
static int ends[2], peer_ends[2];
static char data[SIZE_MAX_HERE];

static ssize_t do_read(int fd, void *buffer, size_t size)
{
	return read(fd, buffer, size);
}

static ssize_t do_write(int fd, const void *buffer, size_t size)
{
	return write(fd, buffer, size);
}

static ssize_t queue_read(int fd, void *buffer, size_t size)
{
	return mq_receive(fd, buffer, size, NULL);
}

static ssize_t queue_write(int fd, const void *buffer, size_t size)
{
	return mq_send(fd, buffer, size, 0) ? -1 : (ssize_t)size;
}

static ssize_t (*get)(int fd, void *buffer, size_t size) = do_read;
static ssize_t (*put)(int fd, const void *buffer, size_t size) = do_write;

static void open_sockets(int type)
{
	int pair[2];

	if (socketpair(AF_UNIX, type, 0, pair))
		bench_die("socketpair: %s", strerror(errno));
	ends[0] = ends[1] = pair[0];
	peer_ends[0] = peer_ends[1] = pair[1];
}

static void open_pipes(void)
{
	int there[2], back[2];

	if (pipe(there) || pipe(back))
		bench_die("pipe: %s", strerror(errno));
	ends[0] = back[0];
	ends[1] = there[1];
	peer_ends[0] = there[0];
	peer_ends[1] = back[1];
}

static int open_queue(const char *which)
{
	struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = bench.bytes };
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/bench-%d-%s", getpid(), which);
	fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (fd < 0)
		bench_die("mq_open: %s", strerror(errno));
	mq_unlink(name);
	return fd;
}

static void open_queues(void)
{
	get = queue_read;
	put = queue_write;
	ends[0] = peer_ends[1] = open_queue("back");
	ends[1] = peer_ends[0] = open_queue("there");
}

static void receive(int fd)
{
	size_t done = 0;
	ssize_t ret;

	/* A pipe may return the data in pieces. */
	while (done < bench.bytes) {
		ret = get(fd, data + done, bench.bytes - done);
		if (ret <= 0)
			bench_die("read: %s", ret ? strerror(errno) : "end");
		done += ret;
	}
}

static void transmit(int fd)
{
	if (put(fd, data, bench.bytes) != (ssize_t)bench.bytes)
		bench_die("write: %s", strerror(errno));
}

static void echo(const struct bench *unused)
{
	(void)unused;
	peers_ready();
	for (;;) {
		receive(peer_ends[0]);
		transmit(peer_ends[1]);
	}
}

static void take(const struct bench *unused)
{
	(void)unused;
	peers_ready();
	for (;;) {
		receive(peer_ends[0]);
		burst_handled();
	}
}

static void pingpong(void *unused)
{
	(void)unused;
	transmit(ends[1]);
	receive(ends[0]);
}

static void burst(void *unused)
{
	unsigned int i, n = burst_size(&bench);

	(void)unused;
	burst_start(n);
	for (i = 0; i < n; i++)
		transmit(ends[1]);
	burst_wait();
}

static void lone_message(void *unused)
{
	(void)unused;
	lone_start(1);
	transmit(ends[1]);
}

/* Call getppid(), because a C library cannot cache its result: the parent may change. */
static void system_calls(void *unused)
{
	int i;

	(void)unused;
	for (i = 0; i < SYSCALLS; i++)
		syscall(SYS_getppid);
}

static void open_transport(void)
{
	if (!strcmp(bench.transport, "unix_dgram"))
		open_sockets(SOCK_DGRAM);
	else if (!strcmp(bench.transport, "unix_seqpacket"))
		open_sockets(SOCK_SEQPACKET);
	else if (!strcmp(bench.transport, "pipe"))
		open_pipes();
	else if (!strcmp(bench.transport, "mqueue"))
		open_queues();
	else
		bench_die("%s: unknown", bench.transport);
}

int main(int argc, char **argv)
{
	bool one_way;

	bench_parse(&bench, argc, argv);
	if (!bench.transport || !bench.bytes || bench.bytes > SIZE_MAX_HERE)
		bench_die("no transport, or no size for it");
	if (!strcmp(bench.transport, "syscall")) {
		bench.peers = 0;
		bench.bytes = 0;
		bench_pin(&bench, BENCH_MEASURES);
		bench_measure(&bench, system_calls, NULL, SYSCALLS);
		return 0;
	}
	open_transport();
	one_way = strstr(bench.work, "message");
	peers_fork(&bench, one_way ? take : echo);
	peers_begin(&bench);
	if (!one_way)
		bench_measure(&bench, pingpong, NULL, 1);
	else if (bench_is_lone(&bench))
		bench_measure(&bench, lone_message, NULL, 1);
	else
		bench_measure(&bench, burst, NULL, burst_size(&bench));
	peers_end();
	return 0;
}
