// SPDX-License-Identifier: GPL-2.0-only
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

#include "files.h"
#include "limits.h"
#include "message.h"

/*
 * Charge files in flight. The limit is the number of files that the sender could hold open itself,
 * as for AF_UNIX, so that files in flight are no way round RLIMIT_NOFILE.
 */
static int mpipc_msg_charge_files(struct mpipc_msg *msg, u32 n)
{
	struct mpipc_flight *flight = mpipc_msg_flight(msg);
	struct mpipc_user *user = msg->sender->user;

	flight->max = min_t(unsigned long, rlimit(RLIMIT_NOFILE), U32_MAX);
	if (!mpipc_charge(&user->files, n, flight->max, false)) {
		if (!capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
			return -ETOOMANYREFS;
		flight->max = U32_MAX;
		atomic_long_add(n, &user->files);
	}
	flight->user = user;
	return 0;
}

/* Say how much memory is used for so many bytes. */
static size_t mpipc_msg_memory(size_t bytes)
{
	bool between = bytes > 128 && bytes <= 192 && KMALLOC_MIN_SIZE <= 64;

	return between ? 192 : roundup_pow_of_two(bytes);
}

/*
 * Say whether the payload and what precedes it take at least a quarter less memory apart than
 * together. A second allocation takes time.
 */
static bool mpipc_msg_is_smaller_apart(size_t head, size_t size)
{
	return size && mpipc_msg_memory(head) + mpipc_msg_memory(size) <=
		       mpipc_msg_memory(head + size) / 4 * 3;
}

/*
 * Allocate memory that another memory cgroup pays for. That does not wait, and an allocation of
 * GFP_ATOMIC passes the limit of the cgroup. If the pages are not there at once, this function
 * waits for them as for its own, and then no cgroup pays.
 */
static noinline void *mpipc_msg_alloc_foreign(size_t bytes, struct mem_cgroup *memcg)
{
	struct mem_cgroup *own = set_active_memcg(memcg);
	void *part = kmalloc(bytes, GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);

	set_active_memcg(own);
	return part ?: kvmalloc(bytes, GFP_KERNEL);
}

static inline void *mpipc_msg_alloc_part(size_t bytes, struct mem_cgroup *memcg)
{
	return unlikely(memcg) ? mpipc_msg_alloc_foreign(bytes, memcg) :
				 kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
}

/*
 * Use the spare memory of the sender's last message, if it is large enough, or allocate. Old
 * content does not matter, because all of a message is written before anybody sees it.
 */
static struct mpipc_msg *mpipc_msg_alloc(struct mpipc_endpoint *sender, size_t head, size_t size,
					 struct mem_cgroup *memcg)
{
	struct mpipc_msg *msg = memcg ? NULL : xchg(&sender->spare_msg, NULL);
	bool apart = mpipc_msg_is_smaller_apart(head, size);
	size_t bytes = apart ? head : head + size;

	if (!msg || msg->allocated < bytes) {
		kfree(msg);
		msg = mpipc_msg_alloc_part(bytes, memcg);
		if (!msg)
			return NULL;
		msg->allocated = bytes;
	}
	msg->payload = NULL;
	if (!apart)
		return msg;
	msg->payload = mpipc_msg_alloc_part(size, memcg);
	if (msg->payload)
		return msg;
	kvfree(msg);
	return NULL;
}

static void mpipc_msg_free(struct mpipc_msg *msg)
{
	struct mpipc_endpoint *sender = msg->sender;

	kvfree(msg->payload);
	if (!msg->foreign && mpipc_endpoint_keeps_spare(sender, msg->allocated))
		msg = xchg(&sender->spare_msg, msg);
	kvfree(msg);
	/* Whoever leaves drops its spare memory once, which may have been before. */
	if (mpipc_endpoint_leaves(sender))
		mpipc_endpoint_drop_spare(sender);
}

/* Make a message without content, which can be put at any time, because it has no files yet. */
static struct mpipc_msg *mpipc_msg_new(struct mpipc_endpoint *sender, const char *name, u32 size,
				       u32 n_files, u32 n_deliveries, enum mpipc_paid paid,
				       struct mem_cgroup *memcg)
{
	struct mpipc_msg *msg;
	size_t len, head, bytes;

	len = strnlen(name, MPIPC_NAME_MAX);
	if (len == MPIPC_NAME_MAX)
		return ERR_PTR(-EINVAL);
	if (size > MPIPC_SIZE_MAX || n_files > MPIPC_FDS_MAX)
		return ERR_PTR(-EMSGSIZE);

	head = struct_size(msg, deliveries, n_deliveries) + mpipc_flight_size(n_files) + len;
	bytes = head + size;
	if (paid == MPIPC_SENDER_PAYS &&
	    !mpipc_charge(&sender->user->bytes, bytes, READ_ONCE(mpipc_user_bytes), sender->exempt))
		return ERR_PTR(-EDQUOT);

	msg = mpipc_msg_alloc(sender, head, size, memcg);
	if (!msg) {
		if (paid == MPIPC_SENDER_PAYS)
			mpipc_user_uncharge(sender->user, bytes);
		return ERR_PTR(-ENOMEM);
	}
	*msg = (struct mpipc_msg){
		.ref = REFCOUNT_INIT(1),
		.size = size,
		.allocated = msg->allocated,
		.charge = paid == MPIPC_SENDER_PAYS ? bytes : 0,
		.n_deliveries = n_deliveries,
		.name_len = len,
		.sender = mpipc_endpoint_get(sender),
		.stamp = ktime_get_ns(),
		.payload = msg->payload,
		.foreign = memcg,
	};
	return msg;
}

static int mpipc_msg_import_files(struct mpipc_msg *msg, const struct mpipc_body *body,
				  bool pass_mpipc, enum mpipc_paid paid)
{
	struct mpipc_flight *flight = mpipc_msg_flight(msg);
	int err = 0;

	if (!body->n_fds)
		return 0;
	flight->user = NULL;
	if (paid == MPIPC_SENDER_PAYS)
		err = mpipc_msg_charge_files(msg, body->n_fds);
	if (err)
		return err;
	err = mpipc_files_import(flight->files, u64_to_user_ptr(body->fds), body->n_fds,
				 pass_mpipc);
	if (!err)
		msg->n_files = body->n_fds;
	else if (flight->user)
		mpipc_user_uncharge_files(flight->user, body->n_fds);
	return err;
}

/* Copy the payload from the process, or from what the process writes. */
static int mpipc_msg_import_payload(struct mpipc_msg *msg, const struct mpipc_body *body,
				    const struct iov_iter *from)
{
	struct iov_iter iter;

	if (from) {
		iter = *from;
		return copy_from_iter_full(mpipc_msg_data(msg), body->size, &iter) ? 0 : -EFAULT;
	}
	if (copy_from_user(mpipc_msg_data(msg), u64_to_user_ptr(body->data), body->size))
		return -EFAULT;
	return 0;
}

/**
 * mpipc_msg_import - make a message of what a process passed
 * @sender: the sender, which has joined
 * @body: the parts of the message, copied from the process
 * @from: source of the payload if it is written; NULL if it is at @data of @body; not advanced
 * @pass_mpipc: files of this device are allowed
 * @n_deliveries: number of mailboxes that the message can be posted to
 * @paid: says who is charged for the memory
 * @memcg: the memory cgroup that pays for the memory, or NULL for that of the calling process
 *
 * Return: the message with one reference, or an error as &struct mpipc_body says.
 */
struct mpipc_msg *mpipc_msg_import(struct mpipc_endpoint *sender, const struct mpipc_body *body,
				   const struct iov_iter *from, bool pass_mpipc, u32 n_deliveries,
				   enum mpipc_paid paid, struct mem_cgroup *memcg)
{
	struct mpipc_msg *msg;
	int err;

	msg = mpipc_msg_new(sender, body->name, body->size, body->n_fds, n_deliveries, paid, memcg);
	if (IS_ERR(msg))
		return msg;
	err = mpipc_msg_import_files(msg, body, pass_mpipc, paid);
	if (!err) {
		/* The places of the name and the payload depend on n_files, which is set by now. */
		memcpy(mpipc_msg_name(msg), body->name, msg->name_len);
		err = mpipc_msg_import_payload(msg, body, from);
	}
	if (!err)
		return msg;
	mpipc_msg_put(msg);
	return ERR_PTR(err);
}

static void mpipc_msg_put_files(struct mpipc_msg *msg)
{
	struct mpipc_flight *flight = mpipc_msg_flight(msg);

	if (!msg->n_files)
		return;
	mpipc_files_put(flight->files, msg->n_files);
	if (flight->user)
		mpipc_user_uncharge_files(flight->user, msg->n_files);
	if (msg->abroad)
		atomic_long_sub(msg->n_files, &msg->sender->user->files_abroad);
}

/**
 * mpipc_msg_put - give a reference to a message back
 * @msg: the message, or NULL
 *
 * No lock is held that the release of a foreign file may take.
 */
void mpipc_msg_put(struct mpipc_msg *msg)
{
	struct mpipc_endpoint *sender;
	struct mpipc_user *user;

	if (!msg || !refcount_dec_and_test(&msg->ref))
		return;
	sender = msg->sender;
	user = sender->user;
	mpipc_msg_put_files(msg);
	if (msg->abroad)
		atomic_long_sub(msg->charge, &user->abroad);
	if (msg->charge)
		mpipc_user_uncharge(user, msg->charge);
	mpipc_msg_free(msg);
	mpipc_endpoint_put(sender);
}
