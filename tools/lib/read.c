// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Reading a subscription, see subscription.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "subscription.h"

void libmq_subscription_store(struct libmq_subscription *subscription)
{
	struct mq_control *control = subscription->control;

	if (subscription->stored == subscription->done)
		return;
	__atomic_store_n(&control->delivered, subscription->delivered, __ATOMIC_RELAXED);
	/*
	 * Pairs with the load-acquire of the kernel's scan: all use of the
	 * records below ends before their space is given away.
	 */
	__atomic_store_n(&control->cursor, subscription->done, __ATOMIC_RELEASE);
	subscription->stored = subscription->done;
	if (!subscription->in_place)
		return;
	/*
	 * Pairs with the full barrier between the kernel's store of
	 * space_wanted and its last scan: it sees this cursor or we see it
	 * waiting.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (libmq_ring_space_wanted(&subscription->ring))
		libmq_ioctl(subscription->fd, MQ_IOC_KICK, NULL);
}

void libmq_subscription_done(struct libmq_subscription *subscription)
{
	subscription->done = subscription->next;
	if (subscription->done - subscription->stored >= subscription->step)
		libmq_subscription_store(subscription);
}

/* Goes on where the kernel says that nothing before it matches. */
static void skip_verified(struct libmq_subscription *subscription)
{
	uint64_t verified = __atomic_load_n(&subscription->status->verified, __ATOMIC_ACQUIRE);

	if (subscription->next < subscription->unverified)
		return;
	if (verified > subscription->head)
		verified = subscription->head;
	if (verified > subscription->next)
		subscription->next = verified;
}

/* All up to the head was looked at: is there more? LIBMQ_RECORD: yes. */
static int look_ahead(struct libmq_subscription *subscription)
{
	/* The state first: the head of a dead channel is final then. */
	bool dead = libmq_ring_dead(&subscription->ring);
	uint32_t state = __atomic_load_n(&subscription->status->state, __ATOMIC_RELAXED);

	subscription->head = libmq_ring_head(&subscription->ring);
	subscription->in_place = state & MQ_SUBSCRIPTION_HOLDING;
	/*
	 * Behind the acquire of the head: whoever published below it under new
	 * claims did so after the generation moved.
	 */
	if (subscription->watch && !dead &&
	    libmq_ring_generation(&subscription->ring) != subscription->generation)
		return LIBMQ_CLAIMS;
	skip_verified(subscription);
	if (subscription->next < subscription->head)
		return LIBMQ_RECORD;
	return dead ? LIBMQ_ENDED : LIBMQ_NONE;
}

/*
 * Looks at record @next. LIBMQ_RECORD: it matches; LIBMQ_NONE: it does not;
 * LIBMQ_LAGGED: it is gone.
 */
static int look_at(struct libmq_subscription *subscription, struct libmq_view *view,
		   unsigned int *verdict)
{
	uint64_t sequence = subscription->next;
	int error = libmq_ring_view(&subscription->ring, sequence, view);

	if (error == -ESTALE)
		return LIBMQ_LAGGED;
	if (error)
		return error;
	*verdict = libmq_filters_match(&subscription->filters, view->record.topic,
				       view->record.topic_len, view->topic_hash, sequence);
	if (!libmq_ring_intact(&subscription->ring, sequence))
		return LIBMQ_LAGGED;
	return *verdict & LIBMQ_FILTERS_MATCH ? LIBMQ_RECORD : LIBMQ_NONE;
}

/* Moves @next to the next record that matches and says what is there. */
static int seek(struct libmq_subscription *subscription, struct libmq_view *view,
		unsigned int *verdict)
{
	int found = LIBMQ_NONE;

	/* A past that waits for its first filter stays where it is. */
	if (subscription->started_past && !subscription->filters.count)
		return libmq_ring_dead(&subscription->ring) ? LIBMQ_ENDED : LIBMQ_NONE;
	subscription->started_past = false;
	while (found == LIBMQ_NONE) {
		if (subscription->next >= subscription->head) {
			found = look_ahead(subscription);
			if (found != LIBMQ_RECORD)
				return found;
		}
		found = look_at(subscription, view, verdict);
		if (found == LIBMQ_NONE)
			subscription->delivered += !!*verdict;
		if (found == LIBMQ_NONE || found == -EBADMSG)
			subscription->next++;
	}
	return found;
}

/* What the kernel cannot have counted of a gap, see @unverified. */
static uint64_t uncounted(const struct libmq_subscription *subscription, uint64_t position)
{
	uint64_t end = position < subscription->unverified ? position : subscription->unverified;

	return end > subscription->next ? end - subscription->next : 0;
}

/* Lets the kernel say what was lost. LIBMQ_NONE: nothing that we wanted. */
static int close_gap(struct libmq_subscription *subscription, struct libmq_gap *gap)
{
	struct mq_resync call = {};
	uint64_t unknown;
	bool stuck;
	int error;

	subscription->done = subscription->next;
	libmq_subscription_store(subscription);
	error = libmq_ioctl(subscription->fd, MQ_IOC_RESYNC, &call);
	if (error)
		return error;
	/* No gap, yet the record is not there: step over it, say so. */
	stuck = call.position <= subscription->next;
	unknown = uncounted(subscription, call.position);
	subscription->next = stuck ? subscription->next + 1 : call.position;
	subscription->done = subscription->next;
	subscription->stored = call.position;
	if (stuck)
		return -EBADMSG;
	if (!call.missed && !unknown)
		return LIBMQ_NONE;
	*gap = (struct libmq_gap){
		.channel = subscription->channel,
		.passed = call.passed > unknown ? call.passed : unknown,
		.missed = call.missed + unknown,
		.at_most = (call.flags & MQ_RESYNC_AT_MOST) || unknown,
		.evicted = __atomic_load_n(&subscription->status->state, __ATOMIC_RELAXED) &
			   MQ_SUBSCRIPTION_EVICTED,
	};
	return LIBMQ_LAGGED;
}

/* Grown in steps: records of one channel tend to be alike. */
static bool make_room(struct libmq_subscription *subscription, size_t need)
{
	size_t size = subscription->copy_size ? subscription->copy_size : 4096;
	char *bigger;

	if (need <= subscription->copy_size)
		return true;
	while (size < need)
		size *= 2;
	bigger = realloc(subscription->copy, size);
	if (!bigger)
		return false;
	subscription->copy = bigger;
	subscription->copy_size = size;
	return true;
}

/* Takes a record out of the ring; LIBMQ_LAGGED: it went meanwhile. */
static int copy_out(struct libmq_subscription *subscription, struct libmq_record *record)
{
	size_t payload_at = (size_t)record->topic_len + 1;
	size_t metadata_at = payload_at + record->payload_len;
	char *copy;

	if (!make_room(subscription, metadata_at + record->metadata_len))
		return -ENOMEM;
	copy = subscription->copy;
	memcpy(copy, record->topic, record->topic_len);
	copy[record->topic_len] = '\0';
	memcpy(copy + payload_at, record->payload, record->payload_len);
	memcpy(copy + metadata_at, record->metadata, record->metadata_len);
	if (!libmq_ring_intact(&subscription->ring, record->sequence))
		return LIBMQ_LAGGED;
	record->topic = copy;
	record->payload = copy + payload_at;
	record->metadata = copy + metadata_at;
	return LIBMQ_RECORD;
}

static int hand_out(struct libmq_subscription *subscription, struct libmq_view *view,
		    unsigned int verdict, struct libmq_record *record)
{
	int done = LIBMQ_RECORD;

	*record = view->record;
	/* Who may be evicted may lose it while it is used. */
	if (!subscription->in_place || subscription->channel->evictable)
		done = copy_out(subscription, record);
	if (done != LIBMQ_RECORD)
		return done;
	record->channel = subscription->channel;
	subscription->next++;
	if (verdict & LIBMQ_FILTERS_COUNTED)
		subscription->delivered++;
	return LIBMQ_RECORD;
}

static void wake_up(struct libmq_subscription *subscription)
{
	if (!subscription->asleep)
		return;
	__atomic_store_n(&subscription->control->no_wake, 1, __ATOMIC_RELAXED);
	subscription->asleep = false;
}

int libmq_subscription_step(struct libmq_subscription *subscription,
			    struct libmq_record *record, struct libmq_gap *gap)
{
	struct libmq_view view;
	unsigned int verdict;
	int found;

	wake_up(subscription);
	libmq_subscription_done(subscription);
	do {
		found = seek(subscription, &view, &verdict);
		if (found == LIBMQ_RECORD) {
			/* Skipped records need not be held. */
			subscription->done = subscription->next;
			found = hand_out(subscription, &view, verdict, record);
		}
		if (found == LIBMQ_LAGGED)
			found = close_gap(subscription, gap);
		else if (found != LIBMQ_RECORD)
			break;
	} while (found == LIBMQ_NONE);
	if (found != LIBMQ_RECORD) {
		subscription->done = subscription->next;
		libmq_subscription_store(subscription);
	}
	return found;
}

int libmq_subscription_next(struct libmq_subscription *subscription,
			    struct libmq_record *record, struct libmq_gap *gap)
{
	return libmq_subscription_step(subscription, record, gap);
}

bool libmq_subscription_prepare_sleep(struct libmq_subscription *subscription)
{
	struct libmq_view view;
	unsigned int verdict;
	bool there;

	if (!subscription->spin) {
		__atomic_store_n(&subscription->control->no_wake, 0, __ATOMIC_RELAXED);
		subscription->asleep = true;
	}
	/*
	 * Pairs with the full barrier of a publish between head and the wait
	 * queue: it sees that a wake-up is wanted or we see its record.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	there = seek(subscription, &view, &verdict) != LIBMQ_NONE;
	subscription->done = subscription->next;
	libmq_subscription_store(subscription);
	return there;
}
