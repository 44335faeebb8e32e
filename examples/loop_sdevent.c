// SPDX-License-Identifier: BSD-3-Clause
/* mpipc in an event loop of systemd, sd-event. See loop.h. */
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "loop.h"

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *self)
{
	(void)fd;
	(void)events;
	if (mpipc_dispatch(self, 0) < 0)
		sd_event_exit(sd_event_source_get_event(source), 1);
	return 0;
}

int main(int argc, char **argv)
{
	struct mpipc *self = join(argc, argv);
	sd_event *event;

	if (sd_event_default(&event) < 0 ||
	    sd_event_add_io(event, NULL, mpipc_fd(self), EPOLLIN, on_ready, self) < 0)
		return 1;
	sd_event_loop(event);
	mpipc_close(self);
	return 1;
}
