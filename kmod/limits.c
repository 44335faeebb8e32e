// SPDX-License-Identifier: GPL-2.0-only
#include <linux/moduleparam.h>
#include <linux/sizes.h>

#include "limits.h"

unsigned int mpipc_mailbox_messages = 1024;
module_param_named(mailbox_messages, mpipc_mailbox_messages, uint, 0644);
MODULE_PARM_DESC(mailbox_messages, "messages and requests that wait in one mailbox");

unsigned int mpipc_mailbox_bytes = SZ_4M;
module_param_named(mailbox_bytes, mpipc_mailbox_bytes, uint, 0644);
MODULE_PARM_DESC(mailbox_bytes, "payload bytes that wait in one mailbox");

unsigned int mpipc_group_endpoints = 4096;
module_param_named(group_endpoints, mpipc_group_endpoints, uint, 0644);
MODULE_PARM_DESC(group_endpoints, "endpoints in one group");

unsigned int mpipc_user_endpoints = 2048;
module_param_named(user_endpoints, mpipc_user_endpoints, uint, 0644);
MODULE_PARM_DESC(user_endpoints, "endpoints of one user");

unsigned int mpipc_user_groups = 256;
module_param_named(user_groups, mpipc_user_groups, uint, 0644);
MODULE_PARM_DESC(user_groups, "groups whose primary belongs to one user");

unsigned long mpipc_user_bytes = SZ_64M;
module_param_named(user_bytes, mpipc_user_bytes, ulong, 0644);
MODULE_PARM_DESC(user_bytes, "kernel memory of one user's messages and calls, in bytes");

unsigned int mpipc_endpoint_calls = 1024;
module_param_named(endpoint_calls, mpipc_endpoint_calls, uint, 0644);
MODULE_PARM_DESC(endpoint_calls, "calls that one endpoint has open");
