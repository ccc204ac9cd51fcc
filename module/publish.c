// SPDX-License-Identifier: GPL-2.0-only
/* Publishing what is staged: route, commit, wake; see publish.h. */
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/wait.h>
#include "publish.h"
#include "space.h"
#include "subscription.h"
#include "trace.h"

/* ---- route ----------------------------------------------------------- */

static bool publish_same_topic(const struct mq_publisher *publisher,
			       const struct mq_ring_data *data)
{
	return publisher->last_len == data->topic_len &&
	       !memcmp(publisher->last_topic, data->topic, data->topic_len);
}

/* Forgets routes of another generation; keeps that of the last topic else. */
static void publish_route_begin(struct mq_publisher *publisher, u64 generation)
{
	struct mq_route *last = &publisher->last_route;

	if (publisher->generation != generation)
		publisher->last_len = 0;
	publisher->generation = generation;
	publisher->pool_used = 0;
	if (!publisher->last_len)
		return;
	memmove(publisher->pool, publisher->pool + last->first,
		last->count * sizeof(*publisher->pool));
	last->first = 0;
	publisher->pool_used = last->count;
}

static struct mq_route publish_find_route(struct mq_publisher *publisher,
					  const struct mq_ring_data *data)
{
	struct mq_channel *channel = publisher->channel;
	struct mq_route route = { .first = publisher->pool_used };
	const char *topic = (const char *)data->topic;
	int found;

	if (mq_claim_owner(topic, data->topic_len) != channel) {
		route.result = -ESTALE;
		return route;
	}
	found = mq_tree_match(&channel->filters.tree, topic, data->topic_len,
			      publisher->pool + publisher->pool_used);
	if (found < 0) {
		route.all = true;
		return route;
	}
	route.count = found;
	publisher->pool_used += found;
	return route;
}

/*
 * Routes records from @start on, as far as the pool goes. RCU. Return: the end
 * of what has a route.
 */
static u32 publish_route(struct mq_publisher *publisher, u32 start, u64 generation)
{
	u32 i;

	publish_route_begin(publisher, generation);
	for (i = start; i < publisher->staged_count; i++) {
		struct mq_staged *staged = &publisher->staged[i];

		if (staged->result)
			continue;
		if (publish_same_topic(publisher, &staged->data)) {
			staged->route = publisher->last_route;
			continue;
		}
		if (publisher->pool_used + MQ_TREE_MATCHES_MAX > MQ_ROUTE_POOL)
			break;
		staged->route = publish_find_route(publisher, &staged->data);
		publisher->last_len = 0;
		if (staged->data.topic_len <= MQ_ROUTE_TOPIC_MAX) {
			publisher->last_len = staged->data.topic_len;
			memcpy(publisher->last_topic, staged->data.topic, publisher->last_len);
			publisher->last_route = staged->route;
		}
	}
	return i;
}

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

/* Writes one record. Channel lock. 0, or why not. */
static int publish_record(struct mq_publisher *publisher, struct mq_staged *staged)
{
	struct mq_channel *channel = publisher->channel;
	struct mq_ring *ring = &channel->data.ring;
	u64 hold = mq_space_hold(channel);
	int err;

	lockdep_assert_held(&channel->data.lock);
	if (!mq_ring_fits(ring, 1, staged->need, hold))
		return -EAGAIN;
	if (staged->data.flags & MQ_RECORD_RETAIN) {
		err = mq_retained_admit(&channel->data.retained, &staged->data);
		if (err)
			return err;
	}
	staged->receivers = publish_mark(publisher, &staged->route, ring->head);
	staged->sequence = mq_ring_write(ring, &staged->data, publisher->id, hold);
	staged->time = ring->time;
	channel->data.counters.published++;
	if (staged->data.flags & MQ_RECORD_RETAIN) {
		struct mq_retained_value *value = staged->retained;

		if (value) {
			value->sequence = staged->sequence;
			value->time = staged->time;
			value->publisher = publisher->id;
		}
		staged->retained = mq_retained_replace(&channel->data.retained, &staged->data,
						       value);
	}
	return 0;
}

/*
 * Writes routed records from @start to @end, in one hold of the lock. Return:
 * 0, or -EAGAIN or -ENODEV at *next; *next is where to go on.
 */
static int publish_commit(struct mq_publisher *publisher, u32 start, u32 end, u32 *next)
{
	struct mq_channel *channel = publisher->channel;
	int err = 0;
	u32 i;

	spin_lock(&channel->data.lock);
	/* Claims or filters changed since: under the lock they stay. */
	if (channel->data.generation != publisher->generation)
		end = publish_route(publisher, start, channel->data.generation);
	if (channel->data.dead)
		err = -ENODEV;
	for (i = start; i < end && !err; i++) {
		struct mq_staged *staged = &publisher->staged[i];

		if (!staged->result)
			staged->result = staged->route.result;
		if (!staged->result)
			staged->result = publish_record(publisher, staged);
		if (staged->result == -EAGAIN) {
			staged->result = 0;
			err = -EAGAIN;
			break;
		}
	}
	spin_unlock(&channel->data.lock);
	*next = i;
	return err;
}

/* ---- wake ------------------------------------------------------------ */

/* Wakes whom a record concerns; returns how many more may be woken. */
static int publish_wake_record(struct mq_publisher *publisher, const struct mq_staged *staged,
			       bool sync, int budget)
{
	const struct mq_route *route = &staged->route;
	struct mq_filter_link *link;
	u32 i;

	for (i = 0; i < route->count; i++) {
		struct mq_filter_entry *entry = publisher->pool[route->first + i];

		list_for_each_entry_rcu(link, &entry->links, in_entry) {
			budget -= mq_subscription_wake(link->subscription, staged->sequence + 1,
						       sync);
			if (budget <= 0)
				return 0;
		}
	}
	return budget;
}

/* Wakes who sleeps and is concerned by records from @start to @end. RCU. */
static void publish_wake(struct mq_publisher *publisher, u32 start, u32 end, bool sync)
{
	struct mq_channel *channel = publisher->channel;
	int budget = MQ_WAKE_MAX;
	u32 i;

	/*
	 * Either we see the reader of a node in the queue, or it sees the
	 * record. Pairs with smp_mb() in cdev_poll() and set_current_state() in
	 * wait_event_interruptible().
	 */
	smp_mb();
	/* waitqueue_active() needs the barrier above. */
	if (waitqueue_active(&channel->readers))
		wake_up_interruptible_poll(&channel->readers, EPOLLIN | EPOLLRDNORM);
	/* The last record first: one wake-up does for all of a filter. */
	for (i = end; i-- > start && budget;) {
		const struct mq_staged *staged = &publisher->staged[i];

		if (staged->result)
			continue;
		if (staged->route.all)
			budget = 0;
		else
			budget = publish_wake_record(publisher, staged, sync, budget);
	}
	if (!budget)
		mq_channel_wake_later(channel);
}

/* ---- the whole ------------------------------------------------------- */

static void publish_trace(const struct mq_publisher *publisher, u32 start, u32 end)
{
	u64 channel = publisher->channel->id;
	u32 i;

	for (i = start; i < end; i++) {
		const struct mq_staged *staged = &publisher->staged[i];

		if (staged->result)
			trace_mq_publish_error(channel, staged->result);
		else
			trace_mq_publish(channel, staged->sequence, staged->data.topic_hash,
					 staged->data.payload_len, staged->receivers);
	}
}

/* A round: as many records from @start on as have routes and space. */
static int publish_round(struct mq_publisher *publisher, u32 start, bool sync, u32 *next)
{
	u64 generation;
	u32 end;
	int err;

	rcu_read_lock();
	/* Before the trees are walked. Pairs with mq_channel_reroute(). */
	generation = smp_load_acquire(&publisher->channel->data.generation);
	end = publish_route(publisher, start, generation);
	err = publish_commit(publisher, start, end, next);
	if (*next > start)
		publish_wake(publisher, start, *next, sync);
	rcu_read_unlock();
	publish_trace(publisher, start, *next);
	return err;
}

/* Whether a publish that found no space may go on waiting: 0, or its errno. */
static int publish_may_wait(const struct mq_publisher *publisher, struct mq_publish_wait wait)
{
	if (!wait.may || publisher->channel->overflow != MQ_OVERFLOW_BLOCK)
		return -EAGAIN;
	if (signal_pending(current))
		return -EINTR;
	return wait.timeout ? 0 : -ETIMEDOUT;
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
	int refusal = 0;
	int err;

	add_wait_queue(&channel->space, &entry);
	for (;;) {
		mq_space_starve(channel, publisher->staged[start].need);
		err = publish_round(publisher, start, sync, next);
		if (err != -EAGAIN || *next > start)
			break;
		refusal = publish_may_wait(publisher, wait);
		if (refusal)
			break;
		WRITE_ONCE(publisher->waiting, true);
		mq_space_wait(channel);
		wait.timeout = wait_woken(&entry, TASK_INTERRUPTIBLE, wait.timeout);
	}
	remove_wait_queue(&channel->space, &entry);
	WRITE_ONCE(publisher->waiting, false);
	if (err != -EAGAIN || *next > start)
		return err;
	if (refusal != -EINTR)
		mq_space_refuse(channel);
	return refusal;
}

int mq_publish_staged(struct mq_publisher *publisher, bool sync, struct mq_publish_wait wait,
		      u32 *done)
{
	u32 next = 0;
	int err = 0;

	lockdep_assert_held(&publisher->lock);
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
	if (err) {
		publisher->staged[next].result = err;
		trace_mq_publish_error(publisher->channel->id, err);
		*done = next + 1;
	}
	return err;
}
