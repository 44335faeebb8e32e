/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This header is for tests of libmpipc-dpdk.so with a librte_eal.so.DPDK_VERSION of our own.
 */
#ifndef MPIPC_SELFTESTS_LIB_EAL_H
#define MPIPC_SELFTESTS_LIB_EAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "dpdk_msg.h"

int rte_mp_action_register(const char *name, rte_mp_t action);
void rte_mp_action_unregister(const char *name);
int rte_mp_sendmsg(struct rte_mp_msg *msg);
int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			const struct timespec *ts);
int rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts,
			 rte_mp_async_reply_t callback);
int rte_mp_reply(struct rte_mp_msg *msg, const char *peer);
bool rte_mp_disable(void);

#include "child.h"
#include "device.h"
#include "fake_eal.h"
#include "lib_rte.h"
#include "message.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Join the group of this file prefix with an open file of the device, beside the library. */
static inline int join_with(int fd, const char *prefix, enum mpipc_role role)
{
	struct mpipc_join_args join = join_arg("dpdk", role);
	char dir[256];
	int ret;

	snprintf(dir, sizeof(dir), "/tmp/%s", prefix);
	mkdir(dir, 0700);
	join.flags = MPIPC_JOIN_ANCHOR;
	join.anchor = open(dir, O_PATH | O_CLOEXEC);
	ret = do_ioctl(fd, MPIPC_JOIN, &join);
	close(join.anchor);
	return ret;
}

/* Do so with a new one. Return its descriptor or a negative error number. */
static inline int join_beside(const char *prefix, enum mpipc_role role)
{
	int fd = open_dev(), err = join_with(fd, prefix, role);

	if (!err)
		return fd;
	close(fd);
	return err;
}

static inline int start_with(const char *type, const char *prefix, char *option)
{
	char type_arg[32], prefix_arg[160];
	char *argv[] = { "test", type_arg, prefix_arg, option, NULL };

	snprintf(type_arg, sizeof(type_arg), "--proc-type=%s", type);
	snprintf(prefix_arg, sizeof(prefix_arg), "--file-prefix=%s", prefix);
	return rte_eal_init(4, argv);
}

#endif /* MPIPC_SELFTESTS_LIB_EAL_H */
