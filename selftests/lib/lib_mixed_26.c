// SPDX-License-Identifier: GPL-2.0-only
#define DPDK_VERSION 26
#include "lib_mixed.h"
