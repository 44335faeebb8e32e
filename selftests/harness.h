/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kselftest harness of Linux 6.1 and later. One test can be run alone: MPIPC_TEST in the
 * environment is the name of that test, because the harness of Linux 6.1 has no option for this.
 */
#ifndef MPIPC_SELFTESTS_HARNESS_H
#define MPIPC_SELFTESTS_HARNESS_H

#include "kselftest_harness.h"

/*
 * A test that hangs is ended after so many seconds. They are more than the slowest test takes
 * on a kernel that looks for errors, in an emulated machine, on a host with a high load.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 600

/* Register @test, unless another one is to run alone. */
static inline void register_test(struct __test_metadata *test)
{
	const char *only = getenv("MPIPC_TEST");

	if (!only || !strcmp(only, test->name))
		__register_test(test);
}

/* TEST() and its kin call this name to register what they define. */
#define __register_test register_test

/*
 * Return whether no expectation of @test has failed so far, for children of the test. The harness
 * of Linux 6.9, which brought XFAIL_ADD(), keeps it in another way than the one of Linux 6.1.
 */
static inline bool test_passed(struct __test_metadata *test)
{
#ifdef XFAIL_ADD
	return __test_passed(test);
#else
	return test->passed;
#endif
}

#endif /* MPIPC_SELFTESTS_HARNESS_H */
