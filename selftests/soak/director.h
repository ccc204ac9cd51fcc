/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Director
 *
 * The process that decides: keeps children coming, gives channels their lives,
 * administrates and deletes them under their users, and has each life audited when
 * nobody uses it any more. It tries to kill and to delete a little oftener than
 * twice a second each, on a slow machine too: if it falls behind, lives get shorter.
 *
 * A deletion is abrupt or gentle. Before a gentle one the publishers leave, so that
 * the retained values can be listed and compared.
 */
#ifndef SOAK_DIRECTOR_H
#define SOAK_DIRECTOR_H

#include <stdint.h>

/**
 * struct director_sums - what was done
 * @seconds: how long it took
 * @faults: what did not add up
 */
struct director_sums {
	uint64_t seconds;
	uint64_t deletions;
	uint64_t purges;
	uint64_t limits;
	uint64_t claims;
	uint64_t faults;
};

extern struct director_sums director_sums;

/**
 * director_run() - the whole soak
 * @seed: of all decisions
 * @seconds: how long
 * @children: how many at once
 * @progress: called every few seconds
 * @fault: called for each fault
 */
void director_run(uint64_t seed, uint64_t seconds, uint32_t children, void (*progress)(void),
		  void (*fault)(const char *text));

#endif /* SOAK_DIRECTOR_H */
