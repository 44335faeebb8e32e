// SPDX-License-Identifier: BSD-3-Clause
/* mpipc in an event loop of libuv. See loop.h. */
#include <uv.h>

#include "loop.h"

static void on_ready(uv_poll_t *poll, int status, int events)
{
	(void)events;
	if (status < 0 || mpipc_dispatch(poll->data, 0) < 0)
		uv_stop(poll->loop);
}

int main(int argc, char **argv)
{
	struct mpipc *self = join(argc, argv);
	uv_loop_t *loop = uv_default_loop();
	uv_poll_t poll = { .data = self };

	if (uv_poll_init(loop, &poll, mpipc_fd(self)) ||
	    uv_poll_start(&poll, UV_READABLE | UV_DISCONNECT, on_ready))
		return 1;
	uv_run(loop, UV_RUN_DEFAULT);
	mpipc_close(self);
	return 1;
}
