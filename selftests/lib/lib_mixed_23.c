// SPDX-License-Identifier: GPL-2.0-only
#define DPDK_VERSION 23
#include "lib_mixed.h"
