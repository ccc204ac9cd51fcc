/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Wills
 *
 * The wills of a publisher. Each is published exactly once after its publisher is
 * gone, or not at all if it was cleared; unless the channel or its topic went
 * first: then it is counted as lost. For a publisher that was killed in a call
 * about a will both are right (will.next, will.clearing).
 */
#ifndef SOAK_WILLS_H
#define SOAK_WILLS_H

#include "books.h"

/* Sets some wills anew, or for the first time. */
void wills_set_some(struct life *life, struct publisher *page, uint32_t publisher, int fd,
		    struct dice *dice);

/* Before an end in order: clears them, publishes them, or leaves them to be. */
void wills_goodbye(struct life *life, struct publisher *page, int fd, struct dice *dice);

/**
 * wills_expect() - how often a will must have been published
 * @will: of a publisher that is gone; its two numbers count together
 * @least: set to 0 or 1
 *
 * Return: the most: 0 or 1.
 */
uint32_t wills_expect(const struct will *will, uint32_t *least);

#endif /* SOAK_WILLS_H */
