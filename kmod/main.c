// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multi-process IPC: /dev/mpipc
 *
 * This file has the system calls. Each header begins with the design of its part. A message goes
 * through address.c (with message.c and files.c, which import it), send.c or call.c, post.c, and
 * receive.c (with record.c). The order of locks is in endpoint.h, every bound in limits.h.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nsproxy.h>

#include "arrival.h"
#include "call.h"
#include "files.h"
#include "join.h"
#include "leave.h"
#include "listing.h"
#include "receive.h"
#include "reply.h"
#include "report.h"
#include "send.h"
#include "timeout.h"

static int mpipc_open(struct inode *inode, struct file *file)
{
	struct mpipc_endpoint *ep;

	ep = mpipc_endpoint_new(current->nsproxy->net_ns);
	if (!ep)
		return -ENOMEM;
	mpipc_timeout_setup(&ep->box);
	file->private_data = ep;
	/* RWF_NOWAIT works, so that io_uring tries before it leaves the work to a thread. */
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

static int mpipc_flush(struct file *file, fl_owner_t table)
{
	struct mpipc_endpoint *ep = file->private_data;

	/* Files that the kernel itself opened are closed without a table. */
	if (table && READ_ONCE(ep->owner) == table)
		mpipc_leave(ep, file, table);
	return 0;
}

/* Leave here, too, because files that the kernel itself opened are released without ->flush. */
static int mpipc_release(struct inode *inode, struct file *file)
{
	struct mpipc_endpoint *ep = file->private_data;

	mpipc_leave(ep, file, NULL);
	mpipc_endpoint_put(ep);
	return 0;
}

static __poll_t mpipc_poll(struct file *file, poll_table *wait)
{
	struct mpipc_endpoint *ep = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &ep->box.readers, wait);
	/* Pairs with wq_has_sleeper(), because not all kernels have a barrier in poll_wait(). */
	smp_mb();
	/* Pairs with the release in mpipc_join_group(). */
	if (smp_load_acquire(&ep->state) == MPIPC_NEW)
		return 0;
	if (READ_ONCE(ep->box.closed))
		return EPOLLHUP | EPOLLRDHUP;
	/* A file is always writable: which mailbox has space depends on the destination. */
	events = EPOLLOUT | EPOLLWRNORM;
	if (mpipc_mailbox_poll(&ep->box))
		events |= EPOLLIN | EPOLLRDNORM;
	if (!mpipc_endpoint_primary_id(ep))
		events |= EPOLLRDHUP;
	return events;
}

/*
 * Check that an endpoint has joined. The effect of read() and write() depends only on the open
 * file, because any process may have been made to inherit it.
 */
static int mpipc_is_joined(struct mpipc_endpoint *ep)
{
	int err = mpipc_endpoint_usable(ep);

	return err == -EPERM ? 0 : err;
}

/* Membership is sending and receiving, so that a file which is open for less cannot join. */
static bool mpipc_may_join(const struct file *file)
{
	return file->f_mode & FMODE_READ && file->f_mode & FMODE_WRITE;
}

static ssize_t mpipc_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	bool nonblock = iocb->ki_flags & IOCB_NOWAIT || iocb->ki_filp->f_flags & O_NONBLOCK;
	struct mpipc_endpoint *ep = iocb->ki_filp->private_data;

	return mpipc_is_joined(ep) ?: mpipc_receive_read(ep, to, nonblock);
}

static ssize_t mpipc_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	bool nonblock = iocb->ki_filp->f_flags & O_NONBLOCK, retry = iocb->ki_flags & IOCB_NOWAIT;
	struct mpipc_endpoint *ep = iocb->ki_filp->private_data;

	return mpipc_is_joined(ep) ?: mpipc_send_written(ep, from, nonblock, retry);
}

static long mpipc_ioctl_info(struct file *file, void __user *uarg, size_t size)
{
	struct mpipc_info info;

	/* The first version has 256 bytes. A caller gets as much as it knows of what there is. */
	if (size < 256)
		return -EINVAL;
	mpipc_report_info(file->private_data, &info);
	if (size > sizeof(info) && clear_user(uarg + sizeof(info), size - sizeof(info)))
		return -EFAULT;
	return copy_to_user(uarg, &info, min(size, sizeof(info))) ? -EFAULT : 0;
}

/*
 * Import an argument. Callers know at least the first version of each structure, whose size stays
 * the minimum when the structure grows.
 */
static __always_inline int mpipc_ioctl_import(void *arg, size_t known, size_t least,
					      const void __user *uarg, size_t size)
{
	/* Almost all callers know this version. */
	if (size == known)
		return copy_from_user(arg, uarg, known) ? -EFAULT : 0;
	if (size < least)
		return -EINVAL;
	return copy_struct_from_user(arg, known, uarg, size);
}

#define MPIPC_IMPORT(arg, known, least, uarg, size) ({			\
	BUILD_BUG_ON(sizeof(arg) != (known));				\
	mpipc_ioctl_import(&(arg), sizeof(arg), least, uarg, size);	\
})

static long mpipc_ioctl_join(struct file *file, void __user *uarg, size_t size)
{
	struct mpipc_join_args arg;
	int err;

	if (!mpipc_may_join(file))
		return -EBADF;
	err = MPIPC_IMPORT(arg, 176, 176, uarg, size);
	if (err)
		return err;
	/* Check that the result can be written before joining. */
	size = min(size, sizeof(arg));
	if (copy_to_user(uarg, &arg, size))
		return -EFAULT;
	err = mpipc_join(file->private_data, file, &arg);
	if (err)
		return err;
	if (!copy_to_user(uarg, &arg, size))
		return 0;
	/* Another thread has taken the memory away meanwhile. */
	mpipc_leave(file->private_data, file, NULL);
	return -EFAULT;
}

static int mpipc_ioctl_put_counts(struct mpipc_send_args __user *usend, u32 sent, u32 full)
{
	return put_user(sent, &usend->sent) ?: put_user(full, &usend->full);
}

static long mpipc_ioctl_send(struct file *file, void __user *uarg, size_t size)
{
	struct mpipc_send_args arg;
	int err;

	err = MPIPC_IMPORT(arg, 120, 120, uarg, size) ?: mpipc_ioctl_put_counts(uarg, 0, 0) ?:
	      mpipc_send(file->private_data, &arg);
	return err ?: mpipc_ioctl_put_counts(uarg, arg.sent, arg.full);
}

static long mpipc_ioctl_recv(struct file *file, void __user *uarg, size_t size)
{
	struct mpipc_recv_args __user *urecv = uarg;
	struct mpipc_recv_args arg;

	return MPIPC_IMPORT(arg, 200, 200, uarg, size) ?: mpipc_receive_check_arg(&arg) ?:
		       mpipc_receive(file->private_data, &arg, &urecv->record,
				     file->f_flags & O_NONBLOCK);
}

static long mpipc_ioctl_call(struct file *file, void __user *uarg, size_t size)
{
	struct mpipc_call_args __user *ucall = uarg;
	struct mpipc_call_args arg;
	int err;

	err = MPIPC_IMPORT(arg, 160, 160, uarg, size);
	if (err)
		return err;
	/* Find out before the call is made whether its results can be said. */
	arg.n_results = 0;
	if (put_user(arg.n_results, &ucall->n_results))
		return -EFAULT;
	err = mpipc_call_make(file->private_data, &arg, &ucall->id);
	return put_user(arg.n_results, &ucall->n_results) ?: err;
}

static long mpipc_ioctl_reply(struct file *file, void __user *uarg, size_t size)
{
	struct mpipc_reply_args arg;

	return MPIPC_IMPORT(arg, 104, 104, uarg, size) ?:
	       mpipc_reply(file->private_data, &arg, false);
}

static long mpipc_ioctl_reply_recv(struct file *file, void __user *uarg, size_t size)
{
	struct mpipc_reply_recv_args __user *uboth = uarg;
	struct mpipc_reply_recv_args arg;
	int err;

	err = MPIPC_IMPORT(arg, 312, 312, uarg, size) ?: mpipc_receive_check_arg(&arg.recv);
	if (err)
		return err;
	if (arg.reserved)
		return -EINVAL;
	/* Clear the call first, so that a system call that is restarted does not reply again. */
	if ((arg.reply.call && put_user((s32)0, &uboth->reply_error)) ||
	    put_user((u64)0, &uboth->reply.call))
		return -EFAULT;
	if (arg.reply.call) {
		err = mpipc_reply(file->private_data, &arg.reply, arg.recv.deadline);
		if (put_user(err, &uboth->reply_error))
			return -EFAULT;
	}
	return mpipc_receive(file->private_data, &arg.recv, &uboth->recv.record,
			     file->f_flags & O_NONBLOCK);
}

static long mpipc_ioctl_cancel(struct file *file, void __user *uarg, size_t size)
{
	struct mpipc_cancel_args arg;

	return MPIPC_IMPORT(arg, 8, 8, uarg, size) ?:
	       mpipc_call_cancel(file->private_data, arg.call);
}

static long mpipc_ioctl_peers(struct file *file, void __user *uarg, size_t size)
{
	struct mpipc_peers_args __user *upeers = uarg;
	struct mpipc_peers_args arg;
	int err;

	err = MPIPC_IMPORT(arg, 24, 16, uarg, size) ?: mpipc_report_peers(file->private_data, &arg);
	return err ?: put_user(arg.n_peers, &upeers->n_peers);
}

/* The size in a command number is the caller's, which may be older or newer. */
#define MPIPC_ANY_SIZE(cmd) ((cmd) & ~IOCSIZE_MASK)

static long mpipc_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct mpipc_endpoint *ep = file->private_data;
	void __user *uarg = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);
	int err = mpipc_endpoint_usable(ep);

	BUILD_BUG_ON(sizeof(struct mpipc_record) != 160);
	BUILD_BUG_ON(sizeof(struct mpipc_info) != 280);
	BUILD_BUG_ON(sizeof(struct mpipc_body) != 88);
	BUILD_BUG_ON(sizeof(struct mpipc_peer) != 72);

	switch (MPIPC_ANY_SIZE(cmd)) {
	case MPIPC_ANY_SIZE(MPIPC_INFO):
		return mpipc_ioctl_info(file, uarg, size);
	case MPIPC_ANY_SIZE(MPIPC_JOIN):
		return err == -ENOTCONN ? mpipc_ioctl_join(file, uarg, size) : err ?: -EISCONN;
	case MPIPC_ANY_SIZE(MPIPC_LEAVE):
		if (!err)
			mpipc_leave(ep, file, NULL);
		return err;
	case MPIPC_ANY_SIZE(MPIPC_SEND):
		return err ?: mpipc_ioctl_send(file, uarg, size);
	case MPIPC_ANY_SIZE(MPIPC_RECV):
		return err ?: mpipc_ioctl_recv(file, uarg, size);
	case MPIPC_ANY_SIZE(MPIPC_CALL):
		return err ?: mpipc_ioctl_call(file, uarg, size);
	case MPIPC_ANY_SIZE(MPIPC_REPLY):
		return err ?: mpipc_ioctl_reply(file, uarg, size);
	case MPIPC_ANY_SIZE(MPIPC_REPLY_RECV):
		return err ?: mpipc_ioctl_reply_recv(file, uarg, size);
	case MPIPC_ANY_SIZE(MPIPC_CANCEL):
		return err ?: mpipc_ioctl_cancel(file, uarg, size);
	case MPIPC_ANY_SIZE(MPIPC_PEERS):
		return err ?: mpipc_ioctl_peers(file, uarg, size);
	}
	return -ENOTTY;
}

const struct file_operations mpipc_fops = {
	.owner = THIS_MODULE,
	.open = mpipc_open,
	.flush = mpipc_flush,
	.release = mpipc_release,
	.read_iter = mpipc_read_iter,
	.write_iter = mpipc_write_iter,
	.poll = mpipc_poll,
	.unlocked_ioctl = mpipc_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = mpipc_report_fdinfo,
};

static struct miscdevice mpipc_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mpipc",
	.fops = &mpipc_fops,
};

static int __init mpipc_init(void)
{
	int err;

	mpipc_group_init();
	mpipc_arrival_init();
	err = mpipc_timeout_init();
	if (err)
		return err;
	err = register_pernet_subsys(&mpipc_net_ops);
	if (err)
		goto undo_calls;
	err = register_pernet_subsys(&mpipc_listing_net_ops);
	if (err)
		goto undo_net;
	err = misc_register(&mpipc_device);
	if (!err)
		return 0;
	unregister_pernet_subsys(&mpipc_listing_net_ops);
undo_net:
	unregister_pernet_subsys(&mpipc_net_ops);
undo_calls:
	mpipc_timeout_exit();
	return err;
}

/* There are no endpoints any more, because each open file holds the module. */
static void __exit mpipc_exit(void)
{
	misc_deregister(&mpipc_device);
	unregister_pernet_subsys(&mpipc_listing_net_ops);
	unregister_pernet_subsys(&mpipc_net_ops);
	mpipc_timeout_exit();
}

module_init(mpipc_init);
module_exit(mpipc_exit);

MODULE_AUTHOR("mpipc maintainers");
MODULE_DESCRIPTION("Multi-process IPC: mailboxes, calls and fd passing");
MODULE_LICENSE("GPL");
#ifdef MPIPC_VERSION
MODULE_VERSION(MPIPC_VERSION);
#endif
