/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Dice
 *
 * Random numbers that follow from a seed, so that a run can be decided again.
 * Each process rolls its own; nothing is shared.
 */
#ifndef SOAK_DICE_H
#define SOAK_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

/* Scrambles a number: equal in, equal out, no pattern between neighbours. */
static inline uint64_t dice_mix(uint64_t value)
{
	value += 0x9e3779b97f4a7c15ULL;
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
	return value ^ (value >> 31);
}

static inline uint64_t dice_next(struct dice *dice)
{
	dice->state += 0x9e3779b97f4a7c15ULL;
	return dice_mix(dice->state);
}

/* A number below @sides, which is not 0. */
static inline uint32_t dice_roll(struct dice *dice, uint32_t sides)
{
	return dice_next(dice) % sides;
}

/* From @low to @high, both included. */
static inline uint32_t dice_between(struct dice *dice, uint32_t low, uint32_t high)
{
	return low + dice_roll(dice, high - low + 1);
}

static inline bool dice_percent(struct dice *dice, uint32_t chance)
{
	return dice_roll(dice, 100) < chance;
}

#endif /* SOAK_DICE_H */
