// SPDX-License-Identifier: GPL-2.0-only
/* Publishing what is staged: commit, wake; see publish.h. */
#include <linux/overflow.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>
#include "expire.h"
#include "publish.h"
#include "space.h"
#include "subscription.h"
#include "trace.h"
#include "will.h"

/* How often the routes are made before that is done under the channel lock. */
#define PUBLISH_ROUTES	4

/* ---- commit ---------------------------------------------------------- */

/* Marks the filters that a record matched; returns the sum of their weights. */
static u32 publish_mark(struct mq_publisher *publisher, const struct mq_route *route, u64 sequence)
{
	struct mq_filters *filters = &publisher->channel->filters;
	u64 receivers = 0;
	u32 i;

	for (i = 0; i < route->count; i++) {
		struct mq_filter_entry *entry = publisher->pool[route->first + i];

		/* Before head moves: see mq_space_scan(). */
		WRITE_ONCE(entry->last, sequence + 1);
		entry->matched++;
		receivers += entry->weight;
	}
	if (route->all) {
		WRITE_ONCE(filters->all_last, sequence + 1);
		WRITE_ONCE(filters->all_matched, filters->all_matched + 1);
		receivers = filters->weight;
	}
	return min_t(u64, receivers, U32_MAX);
}

/* Whether a retained value may go in; -EBUSY: not before a sweep. */
static int publish_admit_value(struct mq_publisher *publisher, struct mq_staged *staged, u64 now,
			       struct mq_retained_growth *growth)
{
	const struct mq_retained_set *set = &publisher->channel->data.retained;
	int err = mq_retained_admit(set, &staged->data, growth);

	if (err == -EDQUOT && !publisher->swept && mq_retained_deadline(set) <= now)
		return -EBUSY;
	return err;
}

/*
 * Whether a record is refused for what it is; space is another matter. @growth:
 * see mq_retained_admit(). -EBUSY: see publish_admit_value().
 */
static int publish_admit(struct mq_publisher *publisher, struct mq_staged *staged,
			 struct mq_retained_growth *growth)
{
	const struct mq_retained_set *set = &publisher->channel->data.retained;
	bool retain = staged->data.flags & MQ_RECORD_RETAIN;
	u64 now = retain || staged->conditional ? ktime_get_boottime_ns() : 0;

	if (staged->route.result)
		return staged->route.result;
	if (staged->conditional) {
		staged->sequence = mq_retained_sequence(set, &staged->data, now);
		staged->unmet = staged->sequence != staged->expect;
		if (staged->unmet)
			return -ESTALE;
	}
	return retain ? publish_admit_value(publisher, staged, now, growth) : 0;
}

/* Sets or clears the retained value of a record that was written. */
static void publish_retain(struct mq_publisher *publisher, struct mq_staged *staged)
{
	struct mq_channel *channel = publisher->channel;
	struct mq_retained_value *value = staged->retained;
	u64 now = ktime_get_boottime_ns();

	if (value) {
		value->sequence = staged->sequence;
		value->time = staged->time;
		value->publisher = publisher->id;
		if (staged->expiry_ns &&
		    check_add_overflow(now, staged->expiry_ns, &value->expires))
			value->expires = U64_MAX;
		if (value->expires && value->expires < channel->data.expire_at) {
			channel->data.expire_at = value->expires;
			publisher->expiring = true;
		}
	}
	staged->retained = mq_retained_replace(&channel->data.retained, &staged->data, value, now);
}

/* Writes an admitted record, for which there is space. */
static void publish_write(struct mq_publisher *publisher, struct mq_staged *staged, u64 hold)
{
	struct mq_channel *channel = publisher->channel;
	struct mq_ring *ring = &channel->data.ring;

	staged->receivers = publish_mark(publisher, &staged->route, ring->head);
	staged->sequence = mq_ring_write(ring, &staged->data, publisher->id, hold);
	staged->time = ring->time;
	/* None: of a will that was late; see will_publish_chunk(). */
	if (publisher->identity)
		WRITE_ONCE(publisher->identity->last, staged->sequence);
	channel->data.counters.published++;
	if (staged->data.flags & MQ_RECORD_RETAIN)
		publish_retain(publisher, staged);
}

/* Writes one record. Channel lock. 0, or why not. */
static int publish_record(struct mq_publisher *publisher, struct mq_staged *staged)
{
	struct mq_channel *channel = publisher->channel;
	u64 hold = mq_space_hold(channel);
	struct mq_retained_growth growth = { };
	int err;

	lockdep_assert_held(&channel->data.lock);
	if (staged->reserved)
		err = staged->route.result;
	else
		err = publish_admit(publisher, staged, &growth);
	if (err)
		return err;
	/* What was reserved for it is what it finds now. */
	if (staged->reserved)
		mq_will_unreserve(channel, &staged->data);
	if (!mq_ring_fits(&channel->data.ring, 1, staged->need, hold))
		return -EAGAIN;
	publish_write(publisher, staged, hold);
	return 0;
}

/* What the record at @at needs, or, if they go in together, all need. */
static void publish_need(const struct mq_publisher *publisher, u32 at, u32 *slots, u64 *bytes)
{
	u32 i;

	*slots = 1;
	*bytes = publisher->staged[at].need;
	if (!publisher->atomic)
		return;
	*slots = publisher->staged_count;
	for (*bytes = 0, i = 0; i < publisher->staged_count; i++)
		*bytes += publisher->staged[i].need;
}

/*
 * Whether a record of an atomic batch is refused: then each has its result. Return:
 * 0, -ECANCELED or -EBUSY.
 */
static int publish_admit_all(struct mq_publisher *publisher)
{
	struct mq_retained_growth growth = { };
	bool refused = false;
	u32 i;

	for (i = 0; i < publisher->staged_count; i++) {
		struct mq_staged *staged = &publisher->staged[i];

		if (!staged->result)
			staged->result = publish_admit(publisher, staged, &growth);
		if (staged->result == -EBUSY) {
			staged->result = 0;
			return -EBUSY;
		}
		refused |= staged->result != 0;
	}
	for (i = 0; refused && i < publisher->staged_count; i++)
		if (!publisher->staged[i].result)
			publisher->staged[i].result = -ECANCELED;
	return refused ? -ECANCELED : 0;
}

/*
 * An atomic batch: first whatever may refuse it, then the writing. Return: 0: all
 * have their result; -EAGAIN; -EBUSY; -ENOSPC: there was no room for all routes.
 */
static int publish_commit_all(struct mq_publisher *publisher, u32 end, u32 *next)
{
	struct mq_channel *channel = publisher->channel;
	u64 hold = mq_space_hold(channel);
	u64 bytes;
	u32 slots, i;
	int err;

	*next = 0;
	if (end < publisher->staged_count)
		return -ENOSPC;
	err = publish_admit_all(publisher);
	if (err == -EBUSY)
		return err;
	if (!err) {
		publish_need(publisher, 0, &slots, &bytes);
		if (!mq_ring_fits(&channel->data.ring, slots, bytes, hold))
			return -EAGAIN;
		for (i = 0; i < end; i++)
			publish_write(publisher, &publisher->staged[i], hold);
	}
	*next = end;
	return 0;
}

/* Records from @start to @end, each for itself. Return: 0, or -EAGAIN or -EBUSY at *next. */
static int publish_commit_each(struct mq_publisher *publisher, u32 start, u32 end, u32 *next)
{
	u32 i;

	for (i = start; i < end; i++) {
		struct mq_staged *staged = &publisher->staged[i];

		if (!staged->result)
			staged->result = publish_record(publisher, staged);
		if (staged->result == -EAGAIN || staged->result == -EBUSY) {
			int err = staged->result;

			staged->result = 0;
			*next = i;
			return err;
		}
	}
	*next = end;
	return 0;
}

/*
 * Writes routed records from @start to @end, in one hold of the lock. Return:
 * 0, or what publish_commit_all() and publish_commit_each() return, or -ENODEV,
 * at *next; *next is where to go on. -ERESTART: claims or filters changed since
 * they were routed; not with @insist: under the lock they stay.
 */
static int publish_commit(struct mq_publisher *publisher, u32 start, u32 end, bool insist,
			  u32 *next)
{
	struct mq_channel *channel = publisher->channel;
	int err = -ENODEV;

	*next = start;
	spin_lock(&channel->data.lock);
	if (channel->data.generation != publisher->generation) {
		if (!insist) {
			spin_unlock(&channel->data.lock);
			return -ERESTART;
		}
		end = mq_publish_route(publisher, start, channel->data.generation);
	}
	if (!channel->data.dead)
		err = publisher->atomic ? publish_commit_all(publisher, end, next) :
					  publish_commit_each(publisher, start, end, next);
	spin_unlock(&channel->data.lock);
	return err;
}

/* ---- wake ------------------------------------------------------------ */

/* How many a publish may still wake, and look at. */
struct publish_budget {
	u32 wakes;
	u32 looks;
};

/* Wakes whom a record concerns; false: others are to be woken later. */
static bool publish_wake_record(struct mq_publisher *publisher, const struct mq_staged *staged,
				bool sync, struct publish_budget *budget)
{
	const struct mq_route *route = &staged->route;
	struct mq_filter_link *link;
	bool all = true;
	u32 i;

	if (route->all)
		return false;
	for (i = 0; i < route->count; i++) {
		struct mq_filter_entry *entry = publisher->pool[route->first + i];

		list_for_each_entry_rcu(link, &entry->links, in_entry) {
			if (!budget->wakes || !budget->looks)
				return false;
			budget->looks--;
			if (READ_ONCE(link->subscription->crowded)) {
				all = false;
				continue;
			}
			budget->wakes -= mq_subscription_wake(link->subscription,
							      staged->sequence + 1, sync);
		}
	}
	return all;
}

/* Whether those whom a record concerns are those of the next one. */
static bool publish_wakes_same(const struct mq_staged *staged, const struct mq_staged *next)
{
	return !next->result && !next->route.all && !staged->route.all &&
	       next->route.first == staged->route.first &&
	       next->route.count == staged->route.count;
}

/* Whether the ring got where somebody who did not match is concerned. */
static bool publish_reaches_look(const struct mq_channel *channel)
{
	const struct mq_ring *ring = &channel->data.ring;

	return READ_ONCE(ring->head) >= (u64)atomic64_read(&channel->look_head) ||
	       READ_ONCE(ring->oldest) >= (u64)atomic64_read(&channel->look_oldest);
}

/* Wakes who sleeps and is concerned by records from @start to @end. RCU. */
static void publish_wake(struct mq_publisher *publisher, u32 start, u32 end, bool sync)
{
	struct mq_channel *channel = publisher->channel;
	struct publish_budget budget = { MQ_WAKE_MAX, MQ_WAKE_LOOKS };
	bool all;
	u32 i;

	/*
	 * Either we see the reader of a node in the queue, or it sees the
	 * record. Pairs with smp_mb() in cdev_poll() and set_current_state() in
	 * wait_event_interruptible(). The same for the bounds of a look: pairs
	 * with smp_mb() in wake_defer() and wake_watch_loss().
	 */
	smp_mb();
	all = !READ_ONCE(channel->crowded);
	/* waitqueue_active() needs the barrier above. */
	if (all && waitqueue_active(&channel->readers))
		mq_wake_all(&channel->readers, EPOLLIN | EPOLLRDNORM);
	/* The last record first: one wake-up does for all of a filter. */
	for (i = end; i-- > start;) {
		const struct mq_staged *staged = &publisher->staged[i];

		if (staged->result || (i + 1 < end && publish_wakes_same(staged, staged + 1)))
			continue;
		all &= publish_wake_record(publisher, staged, sync, &budget);
	}
	if (!all)
		mq_channel_wake_later(channel);
	/* Last: whom the above woke, a look has nothing to tell. */
	if (publish_reaches_look(channel))
		mq_channel_look_later(channel);
}

/* ---- the whole ------------------------------------------------------- */

/* Traces and counts what became of records, where no lock is held. */
static void publish_tell(const struct mq_publisher *publisher, u32 start, u32 end)
{
	struct mq_channel *channel = publisher->channel;
	u32 i;

	for (i = start; i < end; i++) {
		const struct mq_staged *staged = &publisher->staged[i];

		if (staged->result)
			trace_mq_publish_error(channel->id, staged->result);
		else
			trace_mq_publish(channel->id, staged->sequence, staged->data.topic_hash,
					 staged->data.payload_len, staged->receivers);
		if (staged->result == -EDQUOT)
			mq_limit_refuse(channel, MQ_LIMIT_RETAINED, -EDQUOT);
	}
}

static int publish_once(struct mq_publisher *publisher, u32 start, bool sync, u32 *next)
{
	unsigned int tries = 0;
	u64 generation;
	u32 end;
	int err;

	rcu_read_lock();
	do {
		/* Before the trees are walked. Pairs with mq_channel_reroute(). */
		generation = smp_load_acquire(&publisher->channel->data.generation);
		end = mq_publish_route(publisher, start, generation);
		/* Who changes filters in a loop does not make others spin for the lock. */
		err = publish_commit(publisher, start, end, ++tries == PUBLISH_ROUTES, next);
	} while (err == -ERESTART);
	if (*next > start)
		publish_wake(publisher, start, *next, sync);
	rcu_read_unlock();
	publish_tell(publisher, start, *next);
	if (publisher->expiring)
		mq_expire_kick(publisher->channel);
	publisher->expiring = false;
	return err;
}

/* A round: as many records from @start on as have routes and space. */
static int publish_round(struct mq_publisher *publisher, u32 start, bool sync, u32 *next)
{
	int err;

	for (;;) {
		err = publish_once(publisher, start, sync, next);
		if (err == -ENOSPC) {
			err = mq_publish_widen(publisher);
			if (err)
				return err;
		} else if (err == -EBUSY) {
			/* What expired fills the retained values: the rest counts. */
			mq_expire_sweep(publisher->channel);
			publisher->swept = true;
			if (*next > start)
				return 0;
		} else {
			return err;
		}
	}
}

/*
 * How long to sleep, in jiffies, for a wait that ends at @end; 0: it is over. By the
 * clock, not by ticks counted: ticks that came late must not end it too soon.
 */
static long publish_sleep(u64 end)
{
	u64 now = ktime_get_ns();

	if (end == U64_MAX)
		return MAX_SCHEDULE_TIMEOUT;
	return now < end ? nsecs_to_jiffies(end - now) + 1 : 0;
}

/* Whether a publish that found no space may go on waiting: 0, or its errno. */
static int publish_may_wait(const struct mq_publisher *publisher, struct mq_publish_wait wait,
			    u64 end)
{
	if (!wait.may || publisher->channel->overflow != MQ_OVERFLOW_BLOCK)
		return -EAGAIN;
	if (signal_pending(current))
		return -EINTR;
	return publish_sleep(end) ? 0 : -ETIMEDOUT;
}

/*
 * The record at @start found no space: look for some, wait for it. As
 * publish_round(), or why it is not waited for (any longer).
 *
 * No wake-up is lost. The publish queues, then, before each sleep, wants space
 * (starved), then looks under the channel lock. Space that comes later is
 * offered by a scan that finds it starved and wakes the queue; a wake-up from
 * between the look and the sleep is kept in the queue's entry. A deletion stores
 * "dead" under the channel lock before it wakes.
 */
static int publish_starved(struct mq_publisher *publisher, u32 start, bool sync,
			   struct mq_publish_wait wait, u32 *next)
{
	struct mq_channel *channel = publisher->channel;
	DEFINE_WAIT_FUNC(entry, woken_wake_function);
	u64 end = wait.timeout ? ktime_get_ns() + wait.timeout : U64_MAX;
	int refusal = 0;
	u32 slots;
	u64 bytes;
	int err;

	add_wait_queue(&channel->space, &entry);
	publish_need(publisher, start, &slots, &bytes);
	for (;;) {
		mq_space_starve(channel, slots, bytes);
		err = publish_round(publisher, start, sync, next);
		if (err != -EAGAIN || *next > start)
			break;
		refusal = publish_may_wait(publisher, wait, end);
		if (refusal)
			break;
		WRITE_ONCE(publisher->waiting, true);
		mq_space_wait(channel);
		wait_woken(&entry, TASK_INTERRUPTIBLE, publish_sleep(end));
	}
	remove_wait_queue(&channel->space, &entry);
	WRITE_ONCE(publisher->waiting, false);
	if (err != -EAGAIN || *next > start)
		return err;
	if (refusal != -EINTR)
		mq_space_refuse(channel);
	return refusal;
}

/* What ended it is the result of the record it ended at, or of all. */
static void publish_end(struct mq_publisher *publisher, u32 at, int err, u32 *done)
{
	*done = publisher->atomic ? publisher->staged_count : at + 1;
	for (; at < *done; at++) {
		publisher->staged[at].result = err;
		trace_mq_publish_error(publisher->channel->id, err);
	}
}

int mq_publish_staged(struct mq_publisher *publisher, bool sync, struct mq_publish_wait wait,
		      u32 *done)
{
	u32 next = 0;
	int err = 0;

	lockdep_assert_held(&publisher->lock);
	publisher->swept = false;
	*done = 0;
	while (*done < publisher->staged_count && !err) {
		err = publish_round(publisher, *done, sync, &next);
		if (err == -EAGAIN && next == *done)
			err = publish_starved(publisher, next, sync, wait, &next);
		/* Some went in: the next round begins with the one that did not. */
		if (err == -EAGAIN && next > *done)
			err = 0;
		*done = next;
	}
	if (err)
		publish_end(publisher, next, err, done);
	return err;
}
