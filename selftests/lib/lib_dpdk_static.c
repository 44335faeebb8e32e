// SPDX-License-Identifier: GPL-2.0-only
/* The same with a DPDK that is linked statically. */
#define DPDK_VERSION 23
#include "lib_dpdk.h"
