// SPDX-License-Identifier: GPL-2.0-only
/*
 * Print the frequency of this machine's time-stamp counter, in kHz.
 *
 * An emulated processor has the counter of the real one, but the guest measures its
 * frequency against an emulated timer, and on a busy machine gets it wrong by factors: its
 * clock then runs too fast or hardly at all. Here the counter is measured against a clock
 * that is right.
 */

#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define NSEC_PER_SEC 1000000000ULL

struct reading {
	uint64_t tsc, ns;
};

/* Read both at the same time: of many tries, take the one that was disturbed least. */
static struct reading read_both(void)
{
	struct reading best = { 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 1000; i++) {
		uint64_t before = __rdtsc(), took;
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC_RAW, &now);
		took = __rdtsc() - before;
		if (took < least) {
			least = took;
			best.tsc = before + took / 2;
			best.ns = now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
		}
	}
	return best;
}

int main(void)
{
	const struct timespec interval = { .tv_nsec = 20 * 1000 * 1000 };
	struct reading first = read_both(), second;

	nanosleep(&interval, NULL);
	second = read_both();
	printf("%.0f\n", (second.tsc - first.tsc) * 1e6 / (second.ns - first.ns));
	return 0;
}
