// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Prints the rate of this machine's time stamp counter in kHz, which is the
 * guest's too. /proc/cpuinfo has the rate of the clock at the moment, another
 * thing. The tightest of a few readings at either end bounds the error.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct reading {
	uint64_t ns, ticks;
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static struct reading read_both(void)
{
	struct reading best = { 0, 0 };
	uint64_t tightest = UINT64_MAX;
	int i;

	for (i = 0; i < 100; i++) {
		uint64_t before = __rdtsc(), ns = now(), after = __rdtsc();

		if (after - before < tightest) {
			tightest = after - before;
			best = (struct reading){ ns, before + tightest / 2 };
		}
	}
	return best;
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	struct reading begin = read_both(), end;

	nanosleep(&pause, NULL);
	end = read_both();
	printf("%llu\n", (unsigned long long)((end.ticks - begin.ticks) * 1000000 /
					      (end.ns - begin.ns)));
	return 0;
}
