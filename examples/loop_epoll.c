// SPDX-License-Identifier: BSD-3-Clause
/* mpipc in an event loop of epoll that is edge-triggered. See loop.h. */
#include <sys/epoll.h>

#include "loop.h"

int main(int argc, char **argv)
{
	struct mpipc *self = join(argc, argv);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC), ret = 0;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, mpipc_fd(self), &event))
		return 1;
	while (ret == 0) {
		epoll_wait(epoll, &event, 1, -1);
		/* No event comes for what is left, so leave nothing. */
		while ((ret = mpipc_dispatch(self, 0)) > 0)
			;
	}
	mpipc_close(self);
	return 1;
}
