// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>

#include "loop_timer.h"

/* Place 0 means "not set", so places count from 1; entry i is at heap[i - 1]. */
static struct loop_timer *at(const struct loop *loop, size_t place)
{
	return loop->timers[place - 1];
}

static void put(struct loop *loop, size_t place, struct loop_timer *timer)
{
	loop->timers[place - 1] = timer;
	timer->place = place;
}

static void sift_up(struct loop *loop, struct loop_timer *timer)
{
	size_t place = timer->place;

	while (place > 1 && at(loop, place / 2)->due > timer->due) {
		put(loop, place, at(loop, place / 2));
		place /= 2;
	}
	put(loop, place, timer);
}

static void sift_down(struct loop *loop, struct loop_timer *timer)
{
	size_t place = timer->place;

	for (;;) {
		size_t child = place * 2;

		if (child > loop->timers_count)
			break;
		if (child < loop->timers_count && at(loop, child + 1)->due < at(loop, child)->due)
			child++;
		if (at(loop, child)->due >= timer->due)
			break;
		put(loop, place, at(loop, child));
		place = child;
	}
	put(loop, place, timer);
}

static int grow(struct loop *loop)
{
	size_t size = loop->timers_size ? loop->timers_size * 2 : 64;
	struct loop_timer **timers;

	if (loop->timers_count < loop->timers_size)
		return 0;
	timers = realloc(loop->timers, size * sizeof(struct loop_timer *));
	if (!timers)
		return -ENOMEM;
	loop->timers = timers;
	loop->timers_size = size;
	return 0;
}

int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t due)
{
	uint64_t before = timer->due;

	if (!timer->place) {
		int error = grow(loop);

		if (error)
			return error;
		timer->due = due;
		put(loop, ++loop->timers_count, timer);
		sift_up(loop, timer);
		return 0;
	}
	timer->due = due;
	if (due < before)
		sift_up(loop, timer);
	else
		sift_down(loop, timer);
	return 0;
}

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer *last;
	size_t place = timer->place;

	if (!place)
		return;
	timer->place = 0;
	last = at(loop, loop->timers_count--);
	if (last == timer)
		return;
	put(loop, place, last);
	sift_up(loop, last);
	sift_down(loop, last);
}

bool loop_timers_next(const struct loop *loop, uint64_t *due)
{
	if (!loop->timers_count)
		return false;
	*due = at(loop, 1)->due;
	return true;
}

void loop_timers_run(struct loop *loop)
{
	while (loop->timers_count && at(loop, 1)->due <= loop->now) {
		struct loop_timer *timer = at(loop, 1);

		loop_timer_clear(loop, timer);
		timer->run(timer);
	}
}

void loop_timers_exit(struct loop *loop)
{
	free(loop->timers);
	loop->timers = NULL;
	loop->timers_count = 0;
	loop->timers_size = 0;
}
