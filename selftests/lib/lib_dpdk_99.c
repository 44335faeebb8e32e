// SPDX-License-Identifier: GPL-2.0-only
#define DPDK_VERSION 99
#include "lib_dpdk.h"
