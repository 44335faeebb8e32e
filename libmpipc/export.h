/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_EXPORT_H
#define MPIPC_EXPORT_H

/**
 * DOC: names of libmpipc
 *
 * A function is hidden unless its definition says mpipc__export. libmpipc.map and
 * dpdk.map then list the exported functions once more, so that nothing becomes part
 * of the ABI by accident.
 *
 * Names that several files share but no program may use begin with mpipc__, because
 * libmpipc.a cannot hide them.
 */
#define mpipc__export	__attribute__((visibility("default")))

#endif /* MPIPC_EXPORT_H */
