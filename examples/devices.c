// SPDX-License-Identifier: BSD-3-Clause
/* The applications of a daemon and the devices that they have opened, see devices.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices.h"

/**
 * struct opened - a device that an application has opened
 * @next: the next one
 * @device: its name
 * @queues: how many queues
 * @notify: an eventfd for each
 */
struct opened {
	struct opened *next;
	const char *device;
	uint32_t queues;
	int notify[QUEUES_MAX];
};

struct app *apps;
static char **devices;

void devices_init(char **names)
{
	devices = names;
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Without a buffer, poll() on standard input reports each command. */
	setvbuf(stdin, NULL, _IONBF, 0);
	puts("ready");
}

static const char *device_find(const char *name)
{
	char **device;

	for (device = devices; *device; device++)
		if (!strcmp(*device, name))
			return *device;
	return NULL;
}

/* Check a name from another process, in which the final NUL may be missing. */
static int is_name(const char *name)
{
	return name[0] && memchr(name, 0, NAME_SIZE);
}

static int refuse(int error, char text[TEXT_SIZE], const char *why)
{
	snprintf(text, TEXT_SIZE, "%s", why);
	return error;
}

struct app *app_find(const char *name)
{
	struct app *app;

	for (app = apps; app; app = app->next)
		if (!strncmp(app->name, name, NAME_SIZE))
			return app;
	return NULL;
}

int app_add(const char *name, uint32_t pid, struct app **app, char text[TEXT_SIZE])
{
	struct app *other;

	if (!is_name(name))
		return refuse(EINVAL, text, "an application has to have a name");
	other = app_find(name);
	if (other) {
		snprintf(text, TEXT_SIZE, "process %u has registered as %s", other->pid, name);
		return EEXIST;
	}
	*app = calloc(1, sizeof(**app));
	if (!*app)
		return refuse(ENOMEM, text, strerror(ENOMEM));
	strcpy((*app)->name, name);
	(*app)->pid = pid;
	(*app)->next = apps;
	apps = *app;
	printf("%s (process %u) registered\n", name, pid);
	return 0;
}

static void close_device(struct opened *opened)
{
	while (opened->queues)
		close(opened->notify[--opened->queues]);
	free(opened);
}

void app_drop(struct app *app)
{
	struct opened *opened;
	struct app **link = &apps;

	while (*link != app)
		link = &(*link)->next;
	*link = app->next;
	while ((opened = app->opened)) {
		app->opened = opened->next;
		close_device(opened);
	}
	printf("%s (process %u) is gone\n", app->name, app->pid);
	free(app);
}

/* Make an eventfd for each queue. */
static int make_notify(struct opened *opened, uint32_t queues)
{
	int fd;

	while (opened->queues < queues) {
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fd < 0)
			return errno;
		opened->notify[opened->queues++] = fd;
	}
	return 0;
}

int device_open(struct app *app, const char *device, uint32_t queues, int *fds,
		char text[TEXT_SIZE])
{
	struct opened *opened;
	int err;

	if (!app)
		return refuse(EPERM, text, "register before you open devices");
	if (!is_name(device) || !device_find(device)) {
		snprintf(text, TEXT_SIZE, "there is no device %.*s", NAME_SIZE, device);
		return ENODEV;
	}
	if (!queues || queues > QUEUES_MAX) {
		snprintf(text, TEXT_SIZE, "%s has 1 to %u queues", device, QUEUES_MAX);
		return EINVAL;
	}
	opened = calloc(1, sizeof(*opened));
	if (!opened)
		return refuse(ENOMEM, text, strerror(ENOMEM));
	err = make_notify(opened, queues);
	if (err) {
		close_device(opened);
		return refuse(err, text, strerror(err));
	}
	opened->device = device_find(device);
	opened->next = app->opened;
	app->opened = opened;
	memcpy(fds, opened->notify, queues * sizeof(*fds));
	printf("%s opened %s with %u queues\n", app->name, device, queues);
	return 0;
}

void notify(const char *device, uint32_t queue)
{
	struct opened *opened;
	struct app *app;

	for (app = apps; app; app = app->next)
		for (opened = app->opened; opened; opened = opened->next)
			if (queue < opened->queues && !strcmp(opened->device, device))
				eventfd_write(opened->notify[queue], 1);
}

int read_command(char device[NAME_SIZE], uint32_t *queue)
{
	char line[128];

	if (!fgets(line, sizeof(line), stdin))
		return -1;
	if (sscanf(line, "notify %31s %u", device, queue) == 2)
		return 1;
	puts("say: notify DEVICE QUEUE");
	return 0;
}
