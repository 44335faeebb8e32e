// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/string_helpers.h>

#include "limits.h"
#include "report.h"

static const char *const mpipc_report_roles[] = { "none", "primary", "secondary" };

/* Write a name with all that a terminal or a parser could mistake in octal. */
static void mpipc_report_name(struct seq_file *m, const char *name)
{
	seq_escape_str(m, name, ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND, " \\");
}

/* Write the anchor of a group as device and inode numbers, as they are in mountinfo and stat. */
static void mpipc_report_anchor(struct seq_file *m, const struct mpipc_group *group)
{
	if (group->place.anchor)
		seq_printf(m, "%u:%u:%llu\n", MAJOR(group->dev), MINOR(group->dev), group->ino);
	else
		seq_puts(m, "-\n");
}

static void mpipc_report_member(struct mpipc_endpoint *ep, struct mpipc_info *info)
{
	struct mpipc_mailbox *box = &ep->box;

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
	spin_unlock(&box->lock);
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
		   "mpipc-received:\t%llu\nmpipc-lost:\t%llu\nmpipc-dropped-fds:\t%llu\n",
		   info.id, info.generation, info.primary, info.queued, info.queued_bytes,
		   info.sent, info.received, info.lost, info.dropped_fds);
}

static u32 mpipc_report_members(struct mpipc_endpoint *ep, struct mpipc_peer *list, u32 max)
{
	struct mpipc_endpoint *peer;
	u32 n = 0;

	mutex_lock(&ep->group->lock);
	list_for_each_entry(peer, &ep->group->members, member) {
		if (n++ >= max)
			continue;
		mpipc_endpoint_identity(peer, ep->cred->user_ns, ns_of_pid(ep->pid), list);
		list->queued = READ_ONCE(peer->box.queued);
		list++->lost = READ_ONCE(peer->box.lost);
	}
	mutex_unlock(&ep->group->lock);
	return n;
}

/**
 * mpipc_report_peers - list the members of an endpoint's group
 * @ep: the endpoint
 * @arg: where the list is written
 *
 * Return: 0, -ENOMEM or -EFAULT.
 */
int mpipc_report_peers(struct mpipc_endpoint *ep, struct mpipc_peers_args *arg)
{
	struct mpipc_peer *list = NULL;
	unsigned long left;
	u32 max;

	/* Try again if members have joined since memory was allocated for them. */
	do {
		kvfree(list);
		max = min(arg->max_peers, READ_ONCE(ep->group->n_members));
		list = kvcalloc(max, sizeof(*list), GFP_KERNEL_ACCOUNT);
		if (max && !list)
			return -ENOMEM;
		arg->n_peers = mpipc_report_members(ep, list, max);
	} while (max < min(arg->max_peers, arg->n_peers));

	left = copy_to_user(u64_to_user_ptr(arg->peers), list,
			    min(max, arg->n_peers) * sizeof(*list));
	kvfree(list);
	return left ? -EFAULT : 0;
}

static void mpipc_report_endpoint(struct seq_file *m, struct mpipc_endpoint *ep)
{
	struct mpipc_info info;
	struct mpipc_peer id;

	mpipc_report_info(ep, &info);
	mpipc_endpoint_identity(ep, seq_user_ns(m), task_active_pid_ns(current), &id);
	seq_printf(m, "endpoint %llu %s %llu %u %u %u %llu %llu %llu %llu %llu\n", id.id,
		   mpipc_report_roles[id.role], id.generation, id.pid, id.uid, id.gid, info.queued,
		   info.queued_bytes, info.sent, info.received, info.lost);
}

/* Show a group under RCU, so that readers of the file hold up nobody who joins or leaves. */
static void mpipc_report_group(struct seq_file *m, struct mpipc_group *group)
{
	struct user_namespace *user_ns = seq_user_ns(m);
	struct mpipc_endpoint *ep;

	seq_puts(m, "group ");
	mpipc_report_name(m, group->name);
	seq_printf(m, " %llu %u %u %04o %u ", READ_ONCE(group->generation),
		   from_kuid_munged(user_ns, group->uid), from_kgid_munged(user_ns, group->gid),
		   READ_ONCE(group->mode), READ_ONCE(group->n_members));
	mpipc_report_anchor(m, group);
	list_for_each_entry_rcu(ep, &group->members, member) {
		if (seq_has_overflowed(m))
			return;
		if (!refcount_inc_not_zero(&ep->ref))
			continue;
		mpipc_report_endpoint(m, ep);
		mpipc_endpoint_put(ep);
	}
}

/*
 * Say whether a group is shown in the listing of a namespace: each of its own groups, and each
 * anchored group that has a member there. The initial namespace shows all anchored groups.
 */
static bool mpipc_report_shows(const struct mpipc_group *group, const struct net *net)
{
	const struct mpipc_endpoint *ep;

	if (!READ_ONCE(group->n_members))
		return false;
	if (!group->place.anchor || net_eq(net, &init_net))
		return true;
	list_for_each_entry_rcu(ep, &group->members, member)
		if (net_eq(ep->net, net))
			return true;
	return false;
}

static void mpipc_report_groups(struct seq_file *m, const struct mpipc_groups *groups)
{
	const struct net *net = seq_file_single_net(m);
	struct mpipc_group *group;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(groups->table, bucket, group, node)
		if (mpipc_report_shows(group, net))
			mpipc_report_group(m, group);
	rcu_read_unlock();
}

static int mpipc_report_listing(struct seq_file *m, void *unused)
{
	seq_puts(m, "# group NAME generation uid gid mode members anchor\n");
	seq_puts(m, "# endpoint id role generation pid uid gid queued bytes sent received lost\n");
	mpipc_report_groups(m, mpipc_net_groups(seq_file_single_net(m)));
	mpipc_report_groups(m, &mpipc_anchored);
	return 0;
}

static int __net_init mpipc_report_net_init(struct net *net)
{
	return proc_create_net_single("mpipc", 0444, net->proc_net, mpipc_report_listing,
				      NULL) ? 0 : -ENOMEM;
}

static void __net_exit mpipc_report_net_exit(struct net *net)
{
	remove_proc_entry("mpipc", net->proc_net);
}

/* main.c registers these operations. */
struct pernet_operations mpipc_report_net_ops = {
	.init = mpipc_report_net_init,
	.exit = mpipc_report_net_exit,
};
