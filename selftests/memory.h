/* SPDX-License-Identifier: GPL-2.0-only */
/* Map memory that cannot be touched, or not yet. */
#ifndef MPIPC_SELFTESTS_MEMORY_H
#define MPIPC_SELFTESTS_MEMORY_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/types.h>
#include <linux/userfaultfd.h>

/* Map memory that nobody may touch, because the compiler warns of NULL. */
static inline void *bad_pointer(void)
{
	return mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/*
 * Map a page that nobody has touched yet. Whoever touches it waits, which poll sees, until
 * the descriptor is closed that this function returns.
 */
static inline int trap_page(void **page)
{
	size_t size = sysconf(_SC_PAGESIZE);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register trap = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	*page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || *page == MAP_FAILED)
		return -errno;
	trap.range.start = to_u64(*page);
	trap.range.len = size;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &trap))
		return -errno;
	return fd;
}

#endif /* MPIPC_SELFTESTS_MEMORY_H */
