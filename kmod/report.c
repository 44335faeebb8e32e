// SPDX-License-Identifier: GPL-2.0-only
#include <linux/seq_file.h>
#include <linux/string_helpers.h>

#include "limits.h"
#include "pending.h"
#include "report.h"

/* Size of the first version of &struct mpipc_peer, and the largest that a caller may use. */
#define MPIPC_PEER_SIZE_1	48
#define MPIPC_PEER_SIZE_MAX	4096

const char *const mpipc_report_roles[] = { "none", "primary", "secondary" };

/**
 * mpipc_report_name - write a name with all that a terminal or a parser could mistake in octal
 * @m: where the name is written
 * @name: the name
 */
void mpipc_report_name(struct seq_file *m, const char *name)
{
	seq_escape_str(m, name, ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND, " \\");
}

/**
 * mpipc_report_anchor - write the anchor of a group, and end the line
 * @m: where the anchor is written, as device and inode numbers as in mountinfo and stat
 * @group: the group
 */
void mpipc_report_anchor(struct seq_file *m, const struct mpipc_group *group)
{
	if (group->place.anchor)
		seq_printf(m, "%u:%u:%llu\n", MAJOR(group->dev), MINOR(group->dev), group->ino);
	else
		seq_puts(m, "-\n");
}

static void mpipc_report_member(struct mpipc_endpoint *ep, struct mpipc_info *info)
{
	struct mpipc_mailbox *box = &ep->box;
	u64 since;

	info->id = ep->id;
	info->generation = READ_ONCE(ep->generation);
	info->primary = mpipc_endpoint_primary_id(ep);
	info->sent = atomic64_read(&ep->sent);
	info->dropped_fds = atomic64_read(&ep->dropped_fds);
	info->max_messages = box->max_messages;
	info->max_bytes = box->max_bytes;
	strscpy(info->group, ep->group->name, sizeof(info->group));

	spin_lock(&box->lock);
	if (!box->closed)
		info->role = ep->role;
	info->queued = box->queued;
	info->queued_bytes = box->bytes;
	info->received = box->received;
	info->lost = box->lost;
	info->calls = box->n_calls;
	spin_unlock(&box->lock);
	info->pending = mpipc_pending_count_taken(ep, &since);
	info->pending_since = mpipc_time_shift(since, ep->time_offset);
}

/**
 * mpipc_report_info - describe an endpoint to its own process
 * @ep: the endpoint, whether it has joined or not
 * @info: all of it is written
 */
void mpipc_report_info(struct mpipc_endpoint *ep, struct mpipc_info *info)
{
	memset(info, 0, sizeof(*info));
	info->abi = MPIPC_ABI;
	info->features = MPIPC_FEATURES;
	info->max_messages = READ_ONCE(mpipc_mailbox_messages);
	info->max_bytes = READ_ONCE(mpipc_mailbox_bytes);
	info->max_endpoints = READ_ONCE(mpipc_group_endpoints);
	info->max_user_endpoints = READ_ONCE(mpipc_user_endpoints);
	info->max_user_groups = READ_ONCE(mpipc_user_groups);
	info->max_user_bytes = READ_ONCE(mpipc_user_bytes);
	info->max_calls = READ_ONCE(mpipc_endpoint_calls);
	/* Pairs with the release in mpipc_join_group(). */
	if (smp_load_acquire(&ep->state) != MPIPC_NEW)
		mpipc_report_member(ep, info);
}

/**
 * mpipc_report_fdinfo - describe an endpoint in /proc/PID/fdinfo
 * @m: where the description is written
 * @file: file of the endpoint
 */
void mpipc_report_fdinfo(struct seq_file *m, struct file *file)
{
	struct mpipc_endpoint *ep = file->private_data;
	struct mpipc_info info;

	mpipc_report_info(ep, &info);
	seq_printf(m, "mpipc-role:\t%s\n", mpipc_report_roles[info.role]);
	if (!info.id)
		return;
	seq_puts(m, "mpipc-group:\t");
	mpipc_report_name(m, info.group);
	seq_puts(m, "\nmpipc-anchor:\t");
	mpipc_report_anchor(m, ep->group);
	seq_printf(m, "mpipc-id:\t%llu\nmpipc-generation:\t%llu\nmpipc-primary:\t%llu\n"
		   "mpipc-queued:\t%llu\nmpipc-queued-bytes:\t%llu\nmpipc-sent:\t%llu\n"
		   "mpipc-received:\t%llu\nmpipc-lost:\t%llu\nmpipc-dropped-fds:\t%llu\n"
		   "mpipc-pending:\t%llu\nmpipc-pending-since:\t%llu\nmpipc-calls:\t%llu\n",
		   info.id, info.generation, info.primary, info.queued, info.queued_bytes,
		   info.sent, info.received, info.lost, info.dropped_fds, info.pending,
		   info.pending_since, info.calls);
}

/* Describe a member of a group to an endpoint. */
static void mpipc_report_peer(struct mpipc_endpoint *peer, struct mpipc_endpoint *viewer,
			      struct mpipc_peer *out)
{
	u64 since;

	mpipc_endpoint_identity(peer, viewer->cred->user_ns, ns_of_pid(viewer->pid), out);
	out->queued = READ_ONCE(peer->box.queued);
	out->lost = READ_ONCE(peer->box.lost);
	out->calls = READ_ONCE(peer->box.n_calls);
	out->pending = mpipc_pending_count_taken(peer, &since);
	out->pending_since = mpipc_time_shift(since, viewer->time_offset);
}

static int mpipc_report_copy_peer(const struct mpipc_peer *peer, const struct mpipc_peers_args *arg,
				  u32 i)
{
	const size_t size = arg->peer_size ?: MPIPC_PEER_SIZE_1, known = min(size, sizeof(*peer));
	void __user *to = u64_to_user_ptr(arg->peers + (u64)i * size);

	if (copy_to_user(to, peer, known) || clear_user(to + known, size - known))
		return -EFAULT;
	return 0;
}

/**
 * mpipc_report_peers - list the members of an endpoint's group
 * @ep: the endpoint
 * @arg: where the list is written
 *
 * Return: 0, -EINVAL or -EFAULT.
 */
int mpipc_report_peers(struct mpipc_endpoint *ep, struct mpipc_peers_args *arg)
{
	struct mpipc_endpoint *peer;
	unsigned long index = 0;
	struct mpipc_peer out;
	int err = 0;

	if (arg->reserved || (arg->peer_size && (arg->peer_size < MPIPC_PEER_SIZE_1 ||
						 arg->peer_size > MPIPC_PEER_SIZE_MAX)))
		return -EINVAL;
	arg->n_peers = 0;
	while (!err && (peer = mpipc_endpoint_next_member(ep->group, index))) {
		index = mpipc_endpoint_index(peer->id) + 1;
		mpipc_report_peer(peer, ep, &out);
		mpipc_endpoint_put(peer);
		if (arg->n_peers < arg->max_peers)
			err = mpipc_report_copy_peer(&out, arg, arg->n_peers);
		arg->n_peers++;
		cond_resched();
	}
	return err;
}
