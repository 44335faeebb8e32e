// SPDX-License-Identifier: BSD-3-Clause
/* mpipc in an event loop of io_uring. See loop.h. */
#include <poll.h>

#include <liburing.h>

#include "loop.h"

/* Ask for an event each time that something comes. */
static void poll_again(struct io_uring *ring, struct mpipc *self)
{
	io_uring_prep_poll_multishot(io_uring_get_sqe(ring), mpipc_fd(self), POLLIN);
	io_uring_submit(ring);
}

int main(int argc, char **argv)
{
	struct mpipc *self = join(argc, argv);
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int more, ret = 0;

	if (io_uring_queue_init(8, &ring, 0))
		return 1;
	poll_again(&ring, self);
	while (ret == 0) {
		if (io_uring_wait_cqe(&ring, &cqe))
			continue;
		more = cqe->flags & IORING_CQE_F_MORE;
		io_uring_cqe_seen(&ring, cqe);
		/* The request is edge-triggered, so leave nothing. */
		while ((ret = mpipc_dispatch(self, 0)) > 0)
			;
		if (!more)
			poll_again(&ring, self);
	}
	mpipc_close(self);
	return 1;
}
