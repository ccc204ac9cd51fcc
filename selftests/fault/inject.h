/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Faults for whole programs
 *
 * sweep runs a program of tests again and again. libinject.so, loaded
 * into it, arms the n-th fault in the process of each of its tests, and sees
 * whether it came. What both know is in a file that both map.
 */
#ifndef INJECT_H
#define INJECT_H

#include <stdint.h>

/* Environment: where the file is. */
#define INJECT_STATE "MQ_FAULT_STATE"
#define INJECT_TESTS_MAX 256
/* A fault that no test comes to: what is left of it tells how many places there are. */
#define INJECT_COUNT (1U << 30)

/*
 * @nth: which fault
 * @limit: seconds that a test may take; one that a fault has stopped may wait
 *	for ever
 * @tests: how many tests the program began
 * @injected: in how many of them the fault came
 * @beyond: the least fault that a test was too short for: from there on it need
 *	not run; 0: not known yet
 * @places: the most allocations and copies that a test was seen to make
 */
struct inject {
	uint32_t nth;
	uint32_t limit;
	uint32_t tests;
	uint32_t injected;
	uint32_t beyond[INJECT_TESTS_MAX];
	uint32_t places[INJECT_TESTS_MAX];
};

#endif /* INJECT_H */
