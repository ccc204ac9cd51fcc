/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Subscription
 *
 * Reads one channel through its mapped ring. Three numbers, each at or above
 * the one before it:
 *
 *   stored   cursor in the control page: what the kernel knows
 *   done     first record that the caller may still be using
 *   next     first record that was not looked at yet
 *
 * stored follows done in steps, so that the control page does not bounce
 * between CPUs, and always before the reader goes to sleep or finds nothing.
 *
 * The matching happens here, with a copy of the filters. What the kernel knows
 * is used for waking, holding and counting. Of each filter
 *
 *   libmq_filter.from      is where this library begins to hand out records
 *   libmq_filter.counted   is where the kernel begins to count them
 *
 * from > counted: the kernel takes records below the filter for the past of the
 * subscription, whose owner wants them for another filter only: they are
 * passed over and count as delivered. from < counted: the bus joined topics that had
 * moved to this channel a moment ago: they are handed out, and the kernel's
 * word that nothing matches (verified) is not taken before counted.
 */
#ifndef LIBMQ_SUBSCRIPTION_H
#define LIBMQ_SUBSCRIPTION_H

#include "filters.h"
#include "ring.h"

/* What a step may find beside enum libmq_next: claims moved (see @watch). */
#define LIBMQ_CLAIMS 100

/* A filter begins where the kernel says it is in force. */
#define LIBMQ_FROM_NOW UINT64_MAX

/**
 * struct libmq_subscription - a subscription
 * @fd: its descriptor
 * @channel: its channel
 * @ring: the mapped ring
 * @control: mapped, written here
 * @status: mapped, written by the kernel
 * @page: size of those two mappings
 * @filters: what it wants
 * @next: see above
 * @done: see above
 * @stored: see above
 * @head: all below is committed; as last seen
 * @start: where it started in the past; UINT64_MAX: at the head
 * @unverified: below this the kernel does not know all that matches
 * @delivered: records done with that the kernel counts as matches
 * @step: how far stored may stay behind done
 * @in_place: it holds the ring: records are handed out where they lie, if it
 *	can't be evicted
 * @started_past: it started below the head and nothing was read yet: new
 *	filters match from the start
 * @spin: never asks for wake-ups
 * @asleep: no_wake is 0
 * @watch: tell when @generation is not the ring's any more
 * @generation: of the claims that the owner knows
 * @copy: where a record is copied to that is not held
 * @copy_size: room there
 */
struct libmq_subscription {
	int fd;
	const struct libmq_channel *channel;
	struct libmq_ring ring;
	struct mq_control *control;
	const struct mq_status *status;
	size_t page;
	struct libmq_filters filters;
	uint64_t next;
	uint64_t done;
	uint64_t stored;
	uint64_t head;
	uint64_t start;
	uint64_t unverified;
	uint64_t delivered;
	uint64_t step;
	bool in_place;
	bool started_past;
	bool spin;
	bool asleep;
	bool watch;
	uint64_t generation;
	char *copy;
	size_t copy_size;
};

/*
 * libmq_subscription_add() for records from @from on (LIBMQ_FROM_NOW: where the
 * kernel begins). A filter that is there keeps where it begins.
 */
int libmq_subscription_put(struct libmq_subscription *subscription, const char *filter,
			   size_t len, uint32_t weight, uint64_t from, uint64_t *sequence);

/* Tells the kernel how far this reader is done. */
void libmq_subscription_store(struct libmq_subscription *subscription);

/* The caller is done with the record it has. */
void libmq_subscription_done(struct libmq_subscription *subscription);

/* libmq_subscription_next() that may also return LIBMQ_CLAIMS. */
int libmq_subscription_step(struct libmq_subscription *subscription,
			    struct libmq_record *record, struct libmq_gap *gap);

#endif /* LIBMQ_SUBSCRIPTION_H */
