// SPDX-License-Identifier: GPL-2.0-only
#define DPDK_VERSION 25
#include "lib_mixed.h"
