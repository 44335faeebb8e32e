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
 * A message is made in its sender's context, complete, before any mailbox is
 * looked at: memory is charged, the payload copied, the files referenced. From
 * then on it does not change. It is one allocation: the header, one
 * &struct mpipc_delivery for each mailbox that it is meant for, the file references,
 * the name, the payload; or two, if the payload is so large that together they would
 * take nearly twice as much as it alone: memory comes in powers of two. Each mailbox
 * that holds it has one reference; the last one to let go frees it and gives back what
 * was charged, to who was charged. The sender's endpoint keeps the memory of a small one
 * for its next.
 *
 * The memory of an answer was charged to the caller when the call was made, so
 * that no answer can fail for want of quota.
 */

/* Payloads of more bytes than these have memory of their own. */
#define MPIPC_PAYLOAD_INSIDE	512

/**
 * struct mpipc_delivery - a message's place in one mailbox
 * @qnode: of type %MPIPC_MESSAGE or %MPIPC_REQUEST
 * @msg: the message this is part of
 * @to: whose mailbox; the sender's, with a reference
 * @result: of posting it; the sender's
 */
struct mpipc_delivery {
	struct mpipc_qnode qnode;
	struct mpipc_msg *msg;
	struct mpipc_endpoint *to;
	int result;
};

/**
 * struct mpipc_msg - a message
 * @ref: the sender's, and one for each copy that is in a mailbox
 * @size: bytes of payload
 * @allocated: bytes that were allocated
 * @charge: bytes charged to the sender's user
 * @n_deliveries: room for copies
 * @n_files: number of files, also charged to the sender's user
 * @name_len: bytes of name, without NUL
 * @reply_size: largest answer, if it is a request
 * @reply_fds: most descriptors of an answer
 * @sender: with a reference
 * @call: id of the call, if it is a request
 * @deadline: of that call
 * @stamp: CLOCK_MONOTONIC when it was made
 * @payload: if that has memory of its own, or NULL
 * @deliveries: one for each destination
 */
struct mpipc_msg {
	refcount_t ref;
	u32 size;
	u32 allocated;
	u32 charge;
	u32 n_deliveries;
	u16 n_files;
	u16 name_len;
	u32 reply_size;
	u32 reply_fds;
	struct mpipc_endpoint *sender;
	u64 call;
	u64 deadline;
	u64 stamp;
	char *payload;
	struct mpipc_delivery deliveries[];
};

static inline struct file **mpipc_msg_files(struct mpipc_msg *msg)
{
	return (struct file **)&msg->deliveries[msg->n_deliveries];
}

static inline char *mpipc_msg_name(struct mpipc_msg *msg)
{
	return (char *)(mpipc_msg_files(msg) + msg->n_files);
}

static inline char *mpipc_msg_data(struct mpipc_msg *msg)
{
	return msg->payload ?: mpipc_msg_name(msg) + msg->name_len;
}

/* What a message is charged for. */
enum mpipc_paid {
	MPIPC_SENDER_PAYS,	/* now, to the sender's user */
	MPIPC_CALLER_PAID,	/* an answer: reserved by the call */
};

struct mpipc_msg *mpipc_msg_import(struct mpipc_endpoint *sender, const struct mpipc_body *body,
				   const struct iov_iter *from, bool pass_mpipc, u32 n_deliveries,
				   enum mpipc_paid paid);
void mpipc_msg_put(struct mpipc_msg *msg);

#endif /* MPIPC_MESSAGE_H */
