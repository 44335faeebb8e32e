/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DEVICES_H
#define DEVICES_H

/*
 * A daemon with devices, and the applications that use them. daemon.c and app.c do it
 * on DPDK's rte_mp, events.c on mpipc's own interface; this is what they share.
 *
 * An application registers under a name, which only one can have at a time. Then it
 * opens devices, and gets an eventfd for each queue that it asks for. The daemon writes
 * to that when there is something in the queue. When an application is gone, the
 * daemon takes all this back; when the daemon is gone, the applications end.
 *
 * Nothing is in the queues here: tell the daemon "notify DEVICE QUEUE" instead.
 */
#include <stdint.h>

#define NAME_SIZE	32
#define TEXT_SIZE	128
#define QUEUES_MAX	64

/* Names of requests. */
#define APP_REGISTER	"app_register"
#define DEVICE_OPEN	"device_open"

/* @pid, and @app of the next one, are not there in events.c: mpipc tells who asks. */
struct register_request {
	char app[NAME_SIZE];
	uint32_t pid;
};

struct open_request {
	char app[NAME_SIZE];
	char device[NAME_SIZE];
	uint32_t queues;
};

/* On rte_mp; answers of mpipc itself have room for an error number beside the text. */
struct answer {
	int32_t error;
	char text[TEXT_SIZE];
};

/* In the daemon (devices.c). The functions return 0 or an error number and a text. */

struct opened;

/**
 * struct app - an application that has registered
 * @next: the next one
 * @name: its name
 * @pid: its process, for people to see
 * @line: daemon.c: the socket that ends with it
 * @peer: events.c: its endpoint
 * @opened: the devices that it has opened
 */
struct app {
	struct app *next;
	char name[NAME_SIZE];
	uint32_t pid;
	int line;
	uint64_t peer;
	struct opened *opened;
};

/* All applications. */
extern struct app *apps;

/* The names of the devices, as the arguments of the program: ended by NULL. */
void devices_init(char **names);

struct app *app_find(const char *name);
int app_add(const char *name, uint32_t pid, struct app **app, char text[TEXT_SIZE]);
void app_drop(struct app *app);

/* Stores @queues descriptors in @fds, which stay the daemon's. */
int device_open(struct app *app, const char *device, uint32_t queues, int *fds,
		char text[TEXT_SIZE]);

/* Reads a line of standard input. 1: it says to notify; 0: it does not; -1: the end. */
int read_command(char device[NAME_SIZE], uint32_t *queue);

/* Wakes all who wait for something in this queue. */
void notify(const char *device, uint32_t queue);

#endif /* DEVICES_H */
