/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MPIPC_MESSAGE_H
#define MPIPC_MESSAGE_H

#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "endpoint.h"

/**
 * DOC: Messages
 *
 * A message is made complete in its sender's context, before any mailbox is looked at: its memory
 * is charged, its payload copied, its files referenced. From then on it does not change. A message
 * is one allocation: the header, one &struct mpipc_delivery for each mailbox that it can be posted
 * to, the file references, the name, the payload. The header and one delivery take 128 bytes. The
 * payload has an allocation of its own where that takes much less, because memory comes in powers
 * of two: 256 bytes would take 512 otherwise. Each mailbox that holds the message has a reference.
 * The last reference frees the message and gives back what was charged to the user that was
 * charged. The sender's endpoint keeps the memory of a small message as spare memory for its next
 * one.
 *
 * The memory of a reply was charged to the caller when the call was made, so that no reply fails
 * because its sender has used up what it may. Its files are charged to the caller, too, when the
 * reply arrives. The memory cgroup of the caller pays for the memory, since the caller decides how
 * long the reply lies unread. It pays even beyond its limit: a replier must neither wait for the
 * memory of another cgroup, nor fail because there is none. How much that can be is bounded by what
 * the call has charged to the caller's user.
 */

/**
 * struct mpipc_delivery - a message's place in one mailbox
 * @qnode: queue node of type %MPIPC_MESSAGE or %MPIPC_REQUEST; while the sender waits for space,
 *	@node of it is in the list of those who wait
 * @to: the destination, with a reference; used only by the sender
 * @index: place in the deliveries of the message
 * @result: result of posting; used only by the sender
 */
struct mpipc_delivery {
	struct mpipc_qnode qnode;
	struct mpipc_endpoint *to;
	u32 index;
	int result;
};

/**
 * struct mpipc_flight - the files of a message
 * @user: the user that is charged for the files: the sender's, or, of a reply, the caller's, which
 *	lives as long as the call; NULL if nobody is
 * @max: the most files that the sender's user may have in flight
 * @files: the files, with references
 */
struct mpipc_flight {
	struct mpipc_user *user;
	u32 max;
	struct file *files[];
};

/**
 * struct mpipc_msg - a message
 * @ref: the sender's, and one for each delivery that is in a mailbox
 * @size: bytes of payload
 * @allocated: size of the memory in bytes, without a payload that has its own
 * @charge: bytes that are charged to the sender's user
 * @n_deliveries: number of places in @deliveries
 * @reply_size: size of the largest reply, if this is a request
 * @reply_fds: the most descriptors of a reply, if this is a request
 * @n_files: number of files
 * @name_len: bytes of the name, without its NUL
 * @abroad: the message is, or was, in the mailbox of another user than the sender's
 * @foreign: the memory is that of another memory cgroup than the sender's, so that the sender does
 *	not keep it
 * @sender: the sender, with a reference
 * @call: id of the call, if this is a request or a reply
 * @deadline: deadline of the call, in the clock of the host, if this is a request
 * @waiter: the thread that waits for space to post the message
 * @stamp: when the message was made, in the clock of the host
 * @payload: the payload, if it has memory of its own, or NULL
 * @deliveries: one delivery for each destination
 */
struct mpipc_msg {
	refcount_t ref;
	u32 size;
	u32 allocated;
	u32 charge;
	u32 n_deliveries;
	u32 reply_size;
	u8 reply_fds;
	u8 n_files;
	u8 name_len;
	bool abroad;
	bool foreign;
	struct mpipc_endpoint *sender;
	u64 call;
	u64 deadline;
	u64 stamp;
	struct task_struct *waiter;
	char *payload;
	struct mpipc_delivery deliveries[];
};

static_assert(MPIPC_FDS_MAX <= U8_MAX && MPIPC_NAME_MAX <= U8_MAX);
static_assert(sizeof(struct mpipc_msg) + sizeof(struct mpipc_delivery) <= 128);

static inline struct mpipc_msg *mpipc_delivery_msg(struct mpipc_delivery *delivery)
{
	return container_of(delivery - delivery->index, struct mpipc_msg, deliveries[0]);
}

/* The flight is part of the message only if the message has files, or is about to get them. */
static inline struct mpipc_flight *mpipc_msg_flight(struct mpipc_msg *msg)
{
	return (struct mpipc_flight *)&msg->deliveries[msg->n_deliveries];
}

static inline size_t mpipc_flight_size(u32 n_files)
{
	return n_files ? struct_size((struct mpipc_flight *)NULL, files, n_files) : 0;
}

static inline char *mpipc_msg_name(struct mpipc_msg *msg)
{
	return (char *)mpipc_msg_flight(msg) + mpipc_flight_size(msg->n_files);
}

static inline char *mpipc_msg_data(struct mpipc_msg *msg)
{
	return msg->payload ?: mpipc_msg_name(msg) + msg->name_len;
}

/* These values say who is charged for a message. */
enum mpipc_paid {
	MPIPC_SENDER_PAYS,	/* the sender's user, when the message is made */
	MPIPC_CALLER_PAID,	/* the caller's user, when the call was made: a reply */
};

struct mpipc_msg *mpipc_msg_import(struct mpipc_endpoint *sender, const struct mpipc_body *body,
				   const struct iov_iter *from, bool pass_mpipc, u32 n_deliveries,
				   enum mpipc_paid paid, struct mem_cgroup *memcg);
void mpipc_msg_put(struct mpipc_msg *msg);

#endif /* MPIPC_MESSAGE_H */
