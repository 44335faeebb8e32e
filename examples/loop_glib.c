// SPDX-License-Identifier: BSD-3-Clause
/* mpipc in an event loop of GLib. See loop.h. */
#include <glib-unix.h>

#include "loop.h"

static GMainLoop *loop;

static gboolean on_ready(gint fd, GIOCondition condition, gpointer self)
{
	(void)fd;
	(void)condition;
	if (mpipc_dispatch(self, 0) >= 0)
		return G_SOURCE_CONTINUE;
	g_main_loop_quit(loop);
	return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
	struct mpipc *self = join(argc, argv);

	loop = g_main_loop_new(NULL, FALSE);
	g_unix_fd_add(mpipc_fd(self), G_IO_IN | G_IO_HUP, on_ready, self);
	g_main_loop_run(loop);
	mpipc_close(self);
	return 1;
}
