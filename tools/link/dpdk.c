/* SPDX-License-Identifier: BSD-3-Clause */
/* A program of DPDK that also uses libmpipc. It is linked and not run. */
#include <stdio.h>

#include <mpipc.h>
#include <rte_eal.h>
#include <rte_errno.h>

int main(int argc, char **argv)
{
	struct mpipc *handle;
	struct rte_mp_msg msg = { .name = "link" };

	if (rte_eal_init(argc, argv) < 0 || rte_mp_sendmsg(&msg) < 0)
		printf("%s\n", rte_strerror(rte_errno));
	printf("%s\n", mpipc_open_hint(mpipc_open(&handle, "link", MPIPC_PRIMARY, NULL)));
	return rte_eal_cleanup();
}
