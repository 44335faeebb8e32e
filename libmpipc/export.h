/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MPIPC_EXPORT_H
#define MPIPC_EXPORT_H

/**
 * DOC: names of libmpipc
 *
 * A function is hidden unless its definition says mpipc__export. The maps of the libraries
 * then list the exported functions once more, so that nothing becomes part of the ABI by
 * accident. libmpipc.so exports mpipc_*() only, so that a program of DPDK can be linked with
 * it; libmpipc-rte.so and libmpipc-dpdk.so contain what they use of libmpipc.
 *
 * Names that several files share but no program may use begin with mpipc__, because
 * libmpipc.a and libmpipc-rte.a cannot hide them. libmpipc-dpdk.a is one object, in which all
 * names are local that the linker need not find; with MPIPC_ALL_HIDDEN, a shared object that it
 * becomes a part of does not export them either.
 */
#ifndef MPIPC_ALL_HIDDEN
#define mpipc__export	__attribute__((visibility("default")))
#else
#define mpipc__export
#endif

#endif /* MPIPC_EXPORT_H */
