/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Children
 *
 * The processes that use channels. Each is forked from the director, joins a life,
 * is a publisher or a reader of some kind in it, and ends: told to leave, by
 * itself when its channel is no more, or killed. Meanwhile it may be stopped for a
 * while. The director decides all this when it makes the child; what happens to
 * the child inside the kernel at that moment is chance.
 */
#ifndef SOAK_CHILDREN_H
#define SOAK_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>
#include "books.h"

/* What became of the children. */
struct children_sums {
	uint64_t born;
	uint64_t killed;
	uint64_t suspended;
	uint64_t publishers_killed;
};

extern struct children_sums children_sums;

/* Before the first. */
void children_init(void);

/**
 * children_tend() - make, stop, continue, kill and reap as is due
 * @dice: decides
 * @count: how many there shall be
 * @kill: of 100 how many are killed
 * @life_ms: how long they live at most, in ms
 */
void children_tend(struct dice *dice, uint32_t count, uint32_t kill, uint32_t life_ms);

/* Whether a process uses a life; only publishers count if so asked. */
bool children_use(const struct life *life, bool publishers);

/* Tells publishers of a life, or with NULL everybody, to leave. */
void children_dismiss(const struct life *life);

/* How many there are. */
uint32_t children_count(void);

/* Kills who is left. */
void children_end(void);

#endif /* SOAK_CHILDREN_H */
