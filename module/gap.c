// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gaps of a subscription: how many records went by, how many of them matched.
 *
 * Missed records cannot be looked at any more, so they are found by
 * conservation: what matched since the beginning, less what was delivered,
 * less what can still be read.
 */
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include "event.h"
#include "subscription.h"
#include "trace.h"

/* How often the count starts anew when publishes overtake it altogether. */
#define GAP_TRIES	8
/* Comparisons of a topic with a filter before others may run. */
#define GAP_WORK	1024
/*
 * Comparisons, of up to so many bytes each, in the search for a first match:
 * others wait for a scan's end.
 */
#define GAP_FIRST_WORK	(64 * 1024)
#define GAP_COMPARED	64
/* Filters that are summed up in one hold of the channel lock. */
#define GAP_SLICE	256

/* For how many filters a record counts: that of @link, or all those counted in. */
static unsigned int gap_matches(struct mq_subscription *subscription,
				const struct mq_filter_link *link,
				const struct mq_ring_view *view)
{
	const char *topic = (const char *)view->data.topic;
	unsigned int matches = 0;

	if (link)
		return mq_filter_link_matches(link, view->sequence, topic, view->data.topic_len);
	rcu_read_lock();
	list_for_each_entry_rcu(link, &subscription->links, in_subscription)
		matches += view->sequence < link->counted &&
			   mq_filter_link_matches(link, view->sequence, topic,
						  view->data.topic_len);
	rcu_read_unlock();
	return matches;
}

bool mq_subscription_rest(struct mq_subscription *subscription, u32 *work)
{
	*work += 1 + READ_ONCE(subscription->link_count);
	if (*work < GAP_WORK)
		return false;
	*work = 0;
	cond_resched();
	return fatal_signal_pending(current);
}

u64 mq_subscription_count(struct mq_subscription *subscription,
			  const struct mq_filter_link *link, u64 *from, u64 to, u64 *last)
{
	const struct mq_ring *ring = &subscription->channel->data.ring;
	u64 last_match = 0;
	u64 count = 0;
	u32 work = 0;
	u64 sequence;

	for (sequence = *from; sequence < to; sequence++) {
		struct mq_ring_view view;
		unsigned int matches = 0;

		if (mq_ring_peek(ring, sequence, &view))
			matches = gap_matches(subscription, link, &view);
		if (!mq_ring_intact(ring, sequence)) {
			/* Overtaken: what was counted so far may be gone too. */
			*from = mq_ring_oldest(ring);
			sequence = *from - 1;
			last_match = 0;
			count = 0;
			continue;
		}
		count += matches;
		if (matches)
			last_match = sequence + 1;
		if (mq_subscription_rest(subscription, &work) && sequence + 1 < to) {
			/*
			 * Who asked dies; others may share the subscription. Of a
			 * filter's past the rest counts as matched.
			 */
			WRITE_ONCE(subscription->overlap, true);
			count += last ? to - sequence - 1 : 0;
			last_match = to;
			break;
		}
	}
	if (last)
		*last = last_match;
	return count;
}

bool mq_subscription_first(struct mq_subscription *subscription, u64 *from, u64 to)
{
	const struct mq_ring *ring = &subscription->channel->data.ring;
	u32 budget = GAP_FIRST_WORK;
	u32 work = 0;

	lockdep_assert_held(&subscription->channel->endpoints.lock);
	/* It has no filter yet, and holds its place all the same. */
	if (READ_ONCE(subscription->fresh))
		return true;
	for (; *from < to; ++*from) {
		struct mq_ring_view view;
		u64 cost = 1;

		/* One that a purge took away is no match. */
		if (mq_ring_peek(ring, *from, &view)) {
			if (mq_subscription_matches(subscription, &view) &&
			    mq_ring_intact(ring, *from))
				break;
			cost += READ_ONCE(subscription->link_count) *
				(1ULL + view.data.topic_len / GAP_COMPARED);
		}
		if (cost > budget)
			return false;
		budget -= cost;
		mq_subscription_rest(subscription, &work);
	}
	return true;
}

/*
 * Matches of all filters since the beginning, taken while the head went from @head
 * to @end: publishers get the lock in between. What matched is either delivered,
 * missed or readable for each filter by itself, so each may be taken at a moment
 * of its own, if its readable records are those of that moment, too. A filter
 * that comes later counts for neither.
 */
static u64 gap_matched(struct mq_subscription *subscription, u64 *oldest, u64 *head, u64 *end)
{
	struct mq_channel *channel = subscription->channel;
	struct mq_filter_link *link;
	unsigned int slice = 0;
	u64 matched;

	spin_lock(&channel->data.lock);
	matched = subscription->removed_matched + channel->filters.all_matched -
		  subscription->all_base;
	*oldest = channel->data.ring.oldest;
	*head = channel->data.ring.head;
	/* Links go under the subscription mutex only: the place in the list is kept. */
	list_for_each_entry_rcu(link, &subscription->links, in_subscription,
				lockdep_is_held(&subscription->lock)) {
		if (++slice == GAP_SLICE) {
			slice = 0;
			spin_unlock(&channel->data.lock);
			cond_resched();
			spin_lock(&channel->data.lock);
		}
		if (link->from == U64_MAX)
			continue;
		matched += link->entry->matched - link->base;
		link->counted = channel->data.ring.head;
	}
	*end = channel->data.ring.head;
	spin_unlock(&channel->data.lock);
	return matched;
}

static void gap_tell(struct mq_subscription *subscription, const struct mq_gap *gap)
{
	const struct mq_event_report report = {
		.event = MQ_EVENT_LAGGED,
		.name = subscription->channel->name,
		.channel_id = subscription->channel->id,
		.endpoint_id = subscription->id,
		.pid = subscription->pid,
		.uid = subscription->uid,
		.passed = gap->passed,
		.missed = gap->missed,
	};

	trace_mq_lagged(subscription->id, gap->passed, gap->missed);
	mq_event_send(&report);
}

static void gap_account(struct mq_subscription *subscription, const struct mq_gap *gap)
{
	struct mq_status *status = subscription->status;

	WRITE_ONCE(subscription->passed, subscription->passed + gap->passed);
	WRITE_ONCE(subscription->missed, subscription->missed + gap->missed);
	if (gap->at_most)
		WRITE_ONCE(subscription->missed_at_most,
			   subscription->missed_at_most + gap->missed);
	WRITE_ONCE(status->passed, subscription->passed);
	WRITE_ONCE(status->missed, subscription->missed);
	WRITE_ONCE(status->missed_at_most, subscription->missed_at_most);
}

bool mq_subscription_resync(struct mq_subscription *subscription, u64 *position,
			    struct mq_gap *gap)
{
	const struct mq_ring *ring = &subscription->channel->data.ring;
	u64 head = mq_ring_head(ring);
	unsigned int tries = 0;
	u64 from, oldest, end;
	s64 missed;

	lockdep_assert_held(&subscription->lock);
	memset(gap, 0, sizeof(*gap));
	if (mq_ring_oldest(ring) <= *position)
		return false;
	if (READ_ONCE(subscription->fresh)) {
		/* Nothing was wanted yet: the place in the past is now here. */
		oldest = mq_ring_oldest(ring);
		gap->passed = oldest - *position;
		WRITE_ONCE(subscription->start, oldest);
		*position = oldest;
		gap_account(subscription, gap);
		return true;
	}
	if (subscription->lost <= *position &&
	    !mq_subscription_matched_since(subscription, *position)) {
		/* Nothing to lose up to this head, read before we asked. */
		*position = max(*position, head);
		return false;
	}
	do {
		missed = gap_matched(subscription, &oldest, &head, &end);
		from = max(oldest, *position);
		missed -= mq_subscription_count(subscription, NULL, &from, end, NULL);
		/* Of what lies beyond @head, not all was counted in. */
	} while (from > head && ++tries < GAP_TRIES);

	/* Delivered is partly the reader's word: a lie is its own loss. */
	missed -= subscription->delivered + READ_ONCE(subscription->control->delivered) +
		  subscription->missed;
	gap->passed = from - *position;
	gap->missed = max_t(s64, missed, 0);
	gap->at_most = READ_ONCE(subscription->overlap) || tries == GAP_TRIES ||
		       READ_ONCE(subscription->channel->filters.all_matched) !=
		       subscription->all_base;
	*position = from;
	gap_account(subscription, gap);
	gap_tell(subscription, gap);
	return true;
}
