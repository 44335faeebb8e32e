// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "listing.h"
#include "pending.h"
#include "report.h"

/* The listing has these parts, in this order. */
enum mpipc_listing_part {
	MPIPC_LISTING_NAMED,
	MPIPC_LISTING_ANCHORED,
	MPIPC_LISTING_USERS,
};

/**
 * struct mpipc_listing - what a reader of the listing has come to
 * @net: network namespace of the listing
 * @line: number of the line, 0 for the headings
 * @part: part of the listing
 * @bucket: place in the table of the part; the listing ends behind the last place of the last part
 * @group: number of the group, 0 before the first one of the bucket
 * @member: id of the endpoint, 0 in the line of the group
 * @call: id of the call, 0 in the line of the endpoint
 * @user: uid of the next user, in the part of users
 * @held: the user of the line, in that part
 */
struct mpipc_listing {
	struct seq_net_private net;
	loff_t line;
	enum mpipc_listing_part part;
	unsigned int bucket;
	u64 group;
	u64 member;
	u64 call;
	u64 user;
	struct mpipc_user_held held;
};

static struct mpipc_groups *mpipc_listing_groups(struct seq_file *m)
{
	struct mpipc_listing *at = m->private;

	if (at->part == MPIPC_LISTING_ANCHORED)
		return &mpipc_anchored;
	return mpipc_net_groups(seq_file_net(m));
}

static bool mpipc_listing_is_at_end(struct seq_file *m)
{
	struct mpipc_listing *at = m->private;

	return at->part == MPIPC_LISTING_USERS && at->bucket == MPIPC_USER_BUCKETS;
}

/* Find the group of the line, or the next one in its bucket, in an RCU read section. */
static struct mpipc_group *mpipc_listing_find(struct seq_file *m, bool next)
{
	struct mpipc_group *group, *found = NULL;
	struct mpipc_listing *at = m->private;

	hlist_for_each_entry_rcu(group, &mpipc_listing_groups(m)->table[at->bucket], node) {
		if (!next && group->number == at->group)
			return group;
		if (next && group->number > at->group && (!found || group->number < found->number))
			found = group;
	}
	return found;
}

/* Find the endpoint of the line. Return it with a reference, or NULL if it has left. */
static struct mpipc_endpoint *mpipc_listing_find_member(struct seq_file *m)
{
	struct mpipc_listing *at = m->private;
	struct mpipc_endpoint *ep = NULL;
	struct mpipc_group *group;

	rcu_read_lock();
	group = mpipc_listing_find(m, false);
	if (group)
		ep = xa_load(&group->index, mpipc_endpoint_index(at->member));
	if (ep && (ep->id != at->member || !refcount_inc_not_zero(&ep->ref)))
		ep = NULL;
	rcu_read_unlock();
	return ep;
}

/* Go to the next request of the endpoint. */
static bool mpipc_listing_next_request(struct seq_file *m)
{
	struct mpipc_endpoint *ep = mpipc_listing_find_member(m);
	struct mpipc_listing *at = m->private;
	struct mpipc_owed owed;
	bool found;

	if (!ep)
		return false;
	found = mpipc_pending_next(ep, at->call, &owed);
	if (found)
		at->call = owed.call;
	mpipc_endpoint_put(ep);
	return found;
}

/* Go to the next endpoint of the group. */
static bool mpipc_listing_next_member(struct seq_file *m)
{
	struct mpipc_listing *at = m->private;
	struct mpipc_endpoint *ep = NULL;
	struct mpipc_group *group;
	unsigned long index = 0;

	if (at->member)
		index = mpipc_endpoint_index(at->member) + 1;
	rcu_read_lock();
	group = mpipc_listing_find(m, false);
	if (group)
		ep = xa_find(&group->index, &index, ULONG_MAX, XA_PRESENT);
	if (ep) {
		at->member = ep->id;
		at->call = 0;
	}
	rcu_read_unlock();
	return ep;
}

/*
 * Say whether a group is shown in the listing of a namespace: each of its own groups, and each
 * anchored group that has a member there. The initial namespace shows all anchored groups.
 */
static bool mpipc_listing_shows(const struct mpipc_group *group, const struct net *net)
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

/* Go to the next group, and return false if it is not shown, or if there is none. */
static bool mpipc_listing_next_group(struct seq_file *m)
{
	struct mpipc_listing *at = m->private;
	struct mpipc_group *group;
	bool shown = false;

	rcu_read_lock();
	group = mpipc_listing_find(m, true);
	at->group = group ? group->number : 0;
	at->member = 0;
	at->call = 0;
	if (group)
		shown = mpipc_listing_shows(group, seq_file_net(m));
	rcu_read_unlock();
	if (group)
		return shown;
	if (++at->bucket == HASH_SIZE(mpipc_anchored.table)) {
		at->part++;
		at->bucket = 0;
	}
	return false;
}

/* Go to the next user, and return false if the list has no more. They are those of the machine. */
static bool mpipc_listing_next_user(struct seq_file *m)
{
	struct mpipc_listing *at = m->private;

	if (net_eq(seq_file_net(m), &init_net) &&
	    mpipc_user_next(at->bucket, at->user, &at->held)) {
		at->user = __kuid_val(at->held.uid) + 1ULL;
		return true;
	}
	at->user = 0;
	at->bucket++;
	return false;
}

/* Go to the next group or user, as the part of the listing is. */
static bool mpipc_listing_next_entry(struct seq_file *m)
{
	struct mpipc_listing *at = m->private;

	if (at->part == MPIPC_LISTING_USERS)
		return mpipc_listing_next_user(m);
	return mpipc_listing_next_group(m);
}

static void mpipc_listing_next_line(struct seq_file *m)
{
	struct mpipc_listing *at = m->private;

	if ((at->member && mpipc_listing_next_request(m)) ||
	    (at->group && mpipc_listing_next_member(m)))
		return;
	while (!mpipc_listing_is_at_end(m) && !mpipc_listing_next_entry(m))
		cond_resched();
}

static void *mpipc_listing_start(struct seq_file *m, loff_t *pos)
{
	struct mpipc_listing *at = m->private;

	/* seq_file goes on with the line that it came to, or begins anew, and then skips lines. */
	if (!*pos)
		*at = (struct mpipc_listing){ .net = at->net };
	return mpipc_listing_is_at_end(m) ? NULL : at;
}

static void *mpipc_listing_next(struct seq_file *m, void *unused, loff_t *pos)
{
	struct mpipc_listing *at = m->private;

	/* A read that skips lines comes here many times in one call. */
	cond_resched();
	at->line = ++*pos;
	mpipc_listing_next_line(m);
	return mpipc_listing_is_at_end(m) ? NULL : at;
}

static void mpipc_listing_stop(struct seq_file *m, void *unused)
{
}

static void mpipc_listing_show_headings(struct seq_file *m)
{
	seq_puts(m, "# group NAME generation uid gid mode members anchor\n"
		 "# endpoint id role generation pid uid gid queued bytes sent received lost pending since calls\n"
		 "# request call caller state since deadline\n"
		 "# user uid endpoints groups bytes files abroad files-abroad\n");
}

static int mpipc_listing_show_group(struct seq_file *m)
{
	struct user_namespace *user_ns = seq_user_ns(m);
	struct mpipc_group *group;

	rcu_read_lock();
	group = mpipc_listing_find(m, false);
	if (group) {
		seq_puts(m, "group ");
		mpipc_report_name(m, group->name);
		seq_printf(m, " %llu %u %u %04o %u ", READ_ONCE(group->generation),
			   from_kuid_munged(user_ns, group->uid),
			   from_kgid_munged(user_ns, group->gid), READ_ONCE(group->mode),
			   READ_ONCE(group->n_members));
		mpipc_report_anchor(m, group);
	}
	rcu_read_unlock();
	return group ? 0 : SEQ_SKIP;
}

static void mpipc_listing_show_endpoint(struct seq_file *m, struct mpipc_endpoint *ep)
{
	struct mpipc_info info;
	struct mpipc_peer id;

	mpipc_report_info(ep, &info);
	mpipc_endpoint_identity(ep, seq_user_ns(m), task_active_pid_ns(current), &id);
	seq_printf(m, "endpoint %llu %s %llu %u %u %u %llu %llu %llu %llu %llu %llu %llu %llu\n",
		   id.id, mpipc_report_roles[id.role], id.generation, id.pid, id.uid, id.gid,
		   info.queued, info.queued_bytes, info.sent, info.received, info.lost,
		   info.pending,
		   mpipc_time_shift(info.pending_since, mpipc_time_offset() - ep->time_offset),
		   info.calls);
}

static int mpipc_listing_show_request(struct seq_file *m, struct mpipc_endpoint *ep)
{
	const struct mpipc_listing *at = m->private;
	s64 offset = mpipc_time_offset();
	struct mpipc_owed owed;

	/* The reply may have come meanwhile. */
	if (!mpipc_pending_next(ep, at->call - 1, &owed) || owed.call != at->call)
		return SEQ_SKIP;
	seq_printf(m, "request %llu %llu %s %llu %llu\n", owed.call, owed.caller,
		   owed.taken ? "taken" : "queued", mpipc_time_shift(owed.since, offset),
		   mpipc_time_shift(owed.deadline, offset));
	return 0;
}

static void mpipc_listing_show_user(struct seq_file *m)
{
	const struct mpipc_listing *at = m->private;
	const struct mpipc_user_held *held = &at->held;

	seq_printf(m, "user %u %ld %ld %ld %ld %ld %ld\n",
		   from_kuid_munged(seq_user_ns(m), held->uid), held->endpoints, held->groups,
		   held->bytes, held->files, held->abroad, held->files_abroad);
}

static int mpipc_listing_show(struct seq_file *m, void *unused)
{
	const struct mpipc_listing *at = m->private;
	struct mpipc_endpoint *ep;
	int ret = 0;

	if (!at->line) {
		mpipc_listing_show_headings(m);
		return 0;
	}
	if (at->part == MPIPC_LISTING_USERS) {
		mpipc_listing_show_user(m);
		return 0;
	}
	if (!at->member)
		return mpipc_listing_show_group(m);
	ep = mpipc_listing_find_member(m);
	if (!ep)
		return SEQ_SKIP;
	if (at->call)
		ret = mpipc_listing_show_request(m, ep);
	else
		mpipc_listing_show_endpoint(m, ep);
	mpipc_endpoint_put(ep);
	return ret;
}

static const struct seq_operations mpipc_listing_ops = {
	.start = mpipc_listing_start,
	.next = mpipc_listing_next,
	.stop = mpipc_listing_stop,
	.show = mpipc_listing_show,
};

static int __net_init mpipc_listing_net_init(struct net *net)
{
	return proc_create_net("mpipc", 0444, net->proc_net, &mpipc_listing_ops,
			       sizeof(struct mpipc_listing)) ? 0 : -ENOMEM;
}

static void __net_exit mpipc_listing_net_exit(struct net *net)
{
	remove_proc_entry("mpipc", net->proc_net);
}

/* main.c registers these operations. */
struct pernet_operations mpipc_listing_net_ops = {
	.init = mpipc_listing_net_init,
	.exit = mpipc_listing_net_exit,
};
