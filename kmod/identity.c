// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pid_namespace.h>
#include <linux/user_namespace.h>

#include "identity.h"

/**
 * mpipc_identity - describe who an endpoint is
 * @ep: the endpoint, a member at some time
 * @user_ns: user namespace of the viewer
 * @pid_ns: pid namespace of the viewer
 * @out: all but @queued and @lost is written
 */
void mpipc_identity(const struct mpipc_endpoint *ep, struct user_namespace *user_ns,
		    struct pid_namespace *pid_ns, struct mpipc_peer *out)
{
	out->id = ep->id;
	out->generation = READ_ONCE(ep->generation);
	out->role = ep->role;
	out->pid = pid_nr_ns(ep->pid, pid_ns);
	out->uid = from_kuid_munged(user_ns, ep->cred->euid);
	out->gid = from_kgid_munged(user_ns, ep->cred->egid);
}
