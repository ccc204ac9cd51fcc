/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: The loop's timers
 *
 * A binary heap, the next one first. Only loop.c includes this; owners of
 * timers use loop_timer_set() and loop_timer_clear() of loop.h.
 */
#ifndef COMMON_LOOP_TIMER_H
#define COMMON_LOOP_TIMER_H

#include "loop.h"

/* When the next one is due. Return: false if there is none. */
bool loop_timers_next(const struct loop *loop, uint64_t *due);
/* Runs those that are due by loop->now. */
void loop_timers_run(struct loop *loop);
void loop_timers_exit(struct loop *loop);

#endif /* COMMON_LOOP_TIMER_H */
