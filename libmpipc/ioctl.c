// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>

#include "export.h"
#include "handle.h"
#include "ioctl.h"
#include "order.h"

/* Make an ioctl that may sleep. Make it again when a signal handler has interrupted it. */
static int ioctl_restart(const struct mpipc *handle, unsigned long command, void *arg)
{
	while (ioctl(handle->fd, command, arg) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Join. A signal handler ends the wait for a primary, so that a program can give up. */
int mpipc__join(struct mpipc *handle, struct mpipc_join_args *arg)
{
	return ioctl(handle->fd, MPIPC_JOIN, arg) < 0 ? -errno : 0;
}

int mpipc__send(struct mpipc *handle, struct mpipc_send_args *arg)
{
	return ioctl_restart(handle, MPIPC_SEND, arg);
}

int mpipc__call_ioctl(struct mpipc *handle, struct mpipc_call_args *arg)
{
	/* An interrupted ioctl stores the id of its call in @arg, so that it is made once. */
	return ioctl_restart(handle, MPIPC_CALL, arg);
}

int mpipc__reply(struct mpipc *handle, struct mpipc_reply_args *arg)
{
	return ioctl(handle->fd, MPIPC_REPLY, arg) < 0 ? -errno : 0;
}

/* End a call early by its id of the kernel. */
int mpipc__cancel(struct mpipc *handle, uint64_t call)
{
	struct mpipc_cancel_args arg = { .call = call };

	return ioctl(handle->fd, MPIPC_CANCEL, &arg) < 0 ? -errno : 0;
}

mpipc__export int mpipc_leave(struct mpipc *handle)
{
	int err = ioctl(handle->fd, MPIPC_LEAVE) < 0 ? -errno : 0;

	if (err == -EPERM)	/* a forked child, where a lock may be held for ever */
		return err;
	atomic_store(&handle->left, true);
	mpipc__wake_waiters(handle);
	return err;
}

/* List the members in an array whose structures have @size bytes. */
int mpipc__peers(struct mpipc *handle, void *peers, unsigned int max, size_t size)
{
	struct mpipc_peers_args arg = {
		.peers = (uintptr_t)peers,
		.max_peers = max,
		.peer_size = size,
	};

	if (!peers && max)
		return -EINVAL;
	return ioctl(handle->fd, MPIPC_PEERS, &arg) < 0 ? -errno : (int)arg.n_peers;
}

mpipc__export int mpipc_peers_get(struct mpipc *handle, struct mpipc_peer *peers, unsigned int max)
{
	return mpipc__peers(handle, peers, max, sizeof(*peers));
}

mpipc__export int mpipc_info_get(const struct mpipc *handle, struct mpipc_info *info, size_t size)
{
	/*
	 * The caller may be older or newer than this library. It knows at least the first version
	 * of the structure, which has 256 bytes.
	 */
	if (!info || size < 256 || size > _IOC_SIZEMASK)
		return -EINVAL;
	return ioctl(handle->fd, _IOC(_IOC_READ, MPIPC_IOC_MAGIC, _IOC_NR(MPIPC_INFO), size),
		     info) < 0 ? -errno : 0;
}

mpipc__export int mpipc_fd(const struct mpipc *handle)
{
	return handle->fd;
}

mpipc__export uint64_t mpipc_id(const struct mpipc *handle)
{
	return handle->id;
}
