// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of loading and unloading the module, when each thing fails in turn.
 *
 * Promise: P1
 */
#include "device.h"
#include "fault.h"
#include "harness.h"
#include "module.h"

#include <linux/kcov.h>

/* The module itself */

static void expect_works(struct __test_metadata *_metadata)
{
	char group[MPIPC_GROUP_MAX];
	int primary, secondary;

	group_name(group, "works");
	primary = open_primary(group);
	ASSERT_LE(0, primary);
	secondary = open_secondary(group);
	ASSERT_LE(0, secondary);
	expect_talk(_metadata, primary, secondary);
	close(primary);
	close(secondary);
	EXPECT_TRUE(listing_empty());
}

/*
 * Before the kernel runs code of the module it does much in which the module has no part,
 * and it complains, with warnings, if this fails. Therefore these tests begin with the last
 * fault, and go on until one is before the module is reached. KCOV reports that, because
 * nothing else feeds it.
 */
static unsigned long *kcov;

static int kcov_start(void)
{
	const size_t words = 1 << 16;
	int fd = do_open("/sys/kernel/debug/kcov", O_RDWR);

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, words))
		return -errno;
	kcov = mmap(NULL, words * sizeof(*kcov), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (kcov == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		return -errno;
	return 0;
}

/* Check that this thread was in the module since the last check. */
static bool module_ran(void)
{
	return __atomic_exchange_n(kcov, 0, __ATOMIC_RELAXED);
}

/* Find the number of the last fault of a call, which is made without any fault. */
#define LAST_FAULT(call) ({				\
	arm_nth(MOST_FAULTS);				\
	ASSERT_EQ(0, (call));				\
	(struct fault){ .nth = MOST_FAULTS - disarm_nth() };	\
})

FIXTURE(loading)
{
	struct kmod_ctx *ctx;
	struct kmod_module *file;
	int fd;
};

static int load(int fd)
{
	return syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
}

static int unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

static bool is_loaded(void)
{
	return !access("/sys/module/" MODULE "/initstate", F_OK);
}

FIXTURE_SETUP(loading)
{
	ASSERT_EQ(0, set_up_faults());
	self->ctx = kmod_new(NULL, NULL);
	ASSERT_NE(NULL, self->ctx);
	self->file = module_file(self->ctx);
	ASSERT_NE(NULL, self->file);
	self->fd = do_open(kmod_module_get_path(self->file), O_RDONLY);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(loading)
{
	if (!is_loaded())
		EXPECT_EQ(0, load(self->fd));
	expect_works(_metadata);
	close(self->fd);
	kmod_module_unref(self->file);
	kmod_unref(self->ctx);
}

/* The next load shows that what failed was undone. */
TEST_F(loading, module_is_loaded_or_leaves_no_trace)
{
	struct fault fault;
	bool reached;

	ASSERT_EQ(0, kcov_start());
	/*
	 * Two namespaces are prepared, so that what was done for one is undone if another
	 * fails.
	 */
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, unload());
	fault = LAST_FAULT(load(self->fd));
	ASSERT_EQ(0, unload());
	do {
		int ret;

		module_ran();
		ret = WITH_FAULT(fault, load(self->fd));
		reached = module_ran();
		expect_clean(_metadata, &fault, ret);
		EXPECT_EQ(!ret, is_loaded());
		EXPECT_EQ(!ret, !access("/proc/net/mpipc", F_OK));
		if (ret) {
			EXPECT_NE(0, access(MPIPC_DEVICE, F_OK));
			continue;
		}
		/* The kernel may fail to make the device's node and not report it. */
		if (!fault.fired || !access(MPIPC_DEVICE, F_OK))
			expect_works(_metadata);
		ASSERT_EQ(0, unload());
	} while (reached && --fault.nth);
	EXPECT_LT(0, fault.nth);
	ASSERT_EQ(0, load(self->fd));
}

TEST_F(loading, module_is_unloaded_or_still_works)
{
	FOR_EACH_FAULT(fault) {
		int ret = WITH_FAULT(fault, unload());

		expect_clean(_metadata, &fault, ret);
		EXPECT_EQ(!!ret, is_loaded());
		if (!ret)
			ASSERT_EQ(0, load(self->fd));
		expect_works(_metadata);
	}
}

TEST_HARNESS_MAIN
