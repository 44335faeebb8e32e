/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DEVICES_H
#define DEVICES_H

/*
 * A daemon has devices, and applications use them. daemon.c and app.c do this on DPDK's
 * rte_mp, events.c on mpipc's own interface. This header is for all three.
 *
 * An application registers under a name, which only one application can have at a time.
 * Then it opens devices and gets an eventfd for each queue that it asks for. The daemon
 * writes to the eventfd when there is something in the queue. When an application is gone,
 * the daemon closes its devices. When the daemon is gone, the applications end.
 *
 * The queues of this example stay empty. The command "notify DEVICE QUEUE" on the standard
 * input of the daemon writes to an eventfd instead.
 */
#include <stdint.h>

#define NAME_SIZE	32
#define TEXT_SIZE	128
#define QUEUES_MAX	64

/* The names of requests. */
#define APP_REGISTER	"app_register"
#define DEVICE_OPEN	"device_open"

/* events.c ignores @pid, and @app of struct open_request, because mpipc says who asks. */
struct register_request {
	char app[NAME_SIZE];
	uint32_t pid;
};

struct open_request {
	char app[NAME_SIZE];
	char device[NAME_SIZE];
	uint32_t queues;
};

/* The reply on rte_mp. A reply of mpipc itself has a status beside the text. */
struct reply_text {
	int32_t error;
	char text[TEXT_SIZE];
};

/* The daemon's part (devices.c). Functions return 0, or an error number and a text. */

struct opened;

/**
 * struct app - an application that has registered
 * @next: the next one
 * @name: its name
 * @pid: its process, to be shown to people
 * @line: in daemon.c, the socket that ends with it
 * @peer: in events.c, its endpoint
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

/* Set the names of the devices, which end with NULL as the arguments of a program do. */
void devices_init(char **names);

struct app *app_find(const char *name);
int app_add(const char *name, uint32_t pid, struct app **app, char text[TEXT_SIZE]);
void app_drop(struct app *app);

/* Open a device. Stores @queues descriptors in @fds, which stay the daemon's. */
int device_open(struct app *app, const char *device, uint32_t queues, int *fds,
		char text[TEXT_SIZE]);

/* Read a line of standard input. Returns 1 for a command, 0 for no command, -1 at the end. */
int read_command(char device[NAME_SIZE], uint32_t *queue);

/* Wake all applications that wait for something in this queue. */
void notify(const char *device, uint32_t queue);

#endif /* DEVICES_H */
