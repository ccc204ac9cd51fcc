// SPDX-License-Identifier: GPL-2.0-only
/* Space: who holds the ring and who waits for it, see space.h. */
#include <linux/jiffies.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include "event.h"
#include "mq.h"
#include "space.h"
#include "subscription.h"
#include "trace.h"

/* Starvation ends when this part of slots and bytes is free. */
#define SPACE_ENOUGH	16
/* Wakes publishes, and no poll: some space, but not enough for EPOLLOUT. */
#define SPACE_SOME	EPOLLMSG

u64 mq_space_hold(const struct mq_channel *channel)
{
	lockdep_assert_held(&channel->data.lock);
	return channel->data.holders ? channel->data.hold : channel->data.ring.head;
}

/* Ends the starvation if there is enough space; whether it did. */
static bool space_enough(struct mq_channel *channel)
{
	const struct mq_ring *ring = &channel->data.ring;

	lockdep_assert_held(&channel->data.lock);
	if (!channel->data.starved ||
	    !mq_ring_fits(ring, channel->data.starved_slots, channel->data.starved_bytes,
			  mq_space_hold(channel)))
		return false;
	WRITE_ONCE(channel->data.starved, false);
	WRITE_ONCE(ring->header->space_wanted, 0);
	channel->data.moved = false;
	return true;
}

void mq_space_tell_evicted(const struct mq_subscription *subscription, u64 position)
{
	const struct mq_channel *channel = subscription->channel;
	const struct mq_event_report report = {
		.event = MQ_EVENT_EVICTED,
		.name = channel->name,
		.channel_id = channel->id,
		.endpoint_id = subscription->id,
		.pid = subscription->pid,
		.uid = subscription->uid,
		.sequence = position,
	};

	trace_mq_evict(channel->id, subscription->id, position);
	mq_event_send(&report);
}

/* Takes the right to hold from a subscription whose first record is too old. */
static void space_evict(struct mq_channel *channel, struct mq_subscription *subscription,
			u64 position)
{
	mq_subscription_evict(subscription, position);
	/* Everybody is told before the space can be used. */
	mq_space_tell_evicted(subscription, position);
	mq_space_leave(channel);
	spin_lock(&channel->data.lock);
	channel->data.counters.evicted++;
	spin_unlock(&channel->data.lock);
}

/* Whether the record at @start, or whatever is the first there, is too old to hold. */
static bool space_is_old(const struct mq_channel *channel, u64 start, u64 head)
{
	u32 after = READ_ONCE(channel->evict_after);

	return after && start < head &&
	       mq_ring_age(&channel->data.ring, start) > msecs_to_jiffies(after);
}

/*
 * Whether a holder is to be evicted: the first record that it holds is older
 * than the channel allows. *@position, from where on it holds, moves on to that
 * record: one that was asleep while nothing matched is not late.
 */
static bool space_too_old(struct mq_channel *channel, struct mq_subscription *subscription,
			  u64 *position, u64 head)
{
	const struct mq_ring *ring = &channel->data.ring;
	u64 start, end;
	bool found;

	/* A purge takes from holders, too; that is a gap, and nothing verified. */
	start = max(*position, mq_ring_oldest(ring));
	if (!space_is_old(channel, start, head))
		return false;
	end = start;
	found = mq_subscription_first(subscription, &end, head);
	if (start == *position && end > start)
		WRITE_ONCE(subscription->status->verified, end);
	*position = end;
	/* It was given up, but there is enough space again. */
	if (!found && end - start >= ring->config.slots / SPACE_ENOUGH)
		return false;
	return space_is_old(channel, end, head);
}

/*
 * From where on a holder needs the ring, which lacks space; the head: it does not,
 * or no longer.
 */
static u64 space_press(struct mq_channel *channel, struct mq_subscription *subscription, u64 head)
{
	u64 position = mq_subscription_hold(subscription, head);

	if (position >= head)
		return head;
	/* It may be asleep below a watermark that is never reached. */
	mq_subscription_hurry(subscription);
	if (!space_too_old(channel, subscription, &position, head))
		return position;
	space_evict(channel, subscription, position);
	return head;
}

/* From where on the holders together need the ring. */
static u64 space_look(struct mq_channel *channel, u64 head, bool press)
{
	struct mq_subscription *subscription;
	u64 hold = head;

	lockdep_assert_held(&channel->endpoints.lock);
	list_for_each_entry(subscription, &channel->endpoints.subscriptions, node) {
		if (subscription->holding)
			hold = min(hold, press ? space_press(channel, subscription, head) :
						 mq_subscription_hold(subscription, head));
		cond_resched();
	}
	return hold;
}

/* Whether there is less than a publish needs, or, with 0 slots, than who waits does. */
static bool space_lacks(struct mq_channel *channel, u64 hold, u32 slots, u64 bytes)
{
	const struct mq_ring *ring = &channel->data.ring;
	bool lacks;

	spin_lock(&channel->data.lock);
	if (!slots) {
		slots = channel->data.starved_slots;
		bytes = channel->data.starved_bytes;
	}
	lacks = channel->data.starved && !mq_ring_fits(ring, slots, bytes, hold);
	spin_unlock(&channel->data.lock);
	return lacks;
}

/*
 * Takes the cursors, for a publish that needs @slots and @bytes; 0 slots: for who
 * waits, if anybody. Only when they have been taken it shows whether there is
 * space.
 */
static void space_scan(struct mq_channel *channel, u32 slots, u64 bytes)
{
	bool enough, told;
	u64 head, hold;

	mutex_lock(&channel->endpoints.lock);
	/*
	 * Before the links of any holder are looked at: a filter that the walk
	 * below does not see is in force from this head on or later.
	 */
	head = mq_ring_head(&channel->data.ring);
	hold = space_look(channel, head, false);
	if ((slots || wq_has_sleeper(&channel->space)) &&
	    space_lacks(channel, hold, slots, bytes))
		hold = space_look(channel, head, true);

	spin_lock(&channel->data.lock);
	channel->data.moved |= hold > channel->data.hold;
	channel->data.hold = hold;
	enough = space_enough(channel);
	told = enough && channel->data.full_told;
	if (told)
		channel->data.full_told = false;
	spin_unlock(&channel->data.lock);
	mutex_unlock(&channel->endpoints.lock);

	trace_mq_scan(channel->id, hold, head);
	if (enough)
		mq_wake_all(&channel->space, EPOLLOUT | EPOLLWRNORM);
	if (told)
		mq_channel_event(channel, MQ_EVENT_SPACE);
}

void mq_space_scan(struct mq_channel *channel)
{
	space_scan(channel, 0, 0);
}

void mq_space_starve(struct mq_channel *channel, u32 slots, u64 bytes)
{
	const struct mq_ring_config *config = &channel->data.ring.config;

	spin_lock(&channel->data.lock);
	if (!channel->data.starved) {
		channel->data.starved_slots = config->slots / SPACE_ENOUGH;
		channel->data.starved_bytes = config->bytes / SPACE_ENOUGH;
	}
	channel->data.starved_slots = max(channel->data.starved_slots, slots);
	channel->data.starved_bytes = max(channel->data.starved_bytes, bytes);
	WRITE_ONCE(channel->data.starved, true);
	WRITE_ONCE(channel->data.ring.header->space_wanted, 1);
	spin_unlock(&channel->data.lock);
	/*
	 * Either the scan sees a cursor that a reader stored, or that reader
	 * sees space_wanted. Pairs with the fence between the two in libmq.
	 */
	smp_mb();
	space_scan(channel, slots, bytes);
}

/* Scans again in a tick, for somebody who waits. */
static void space_watch(struct mq_channel *channel)
{
	queue_delayed_work(mq_workqueue, &channel->space_work, 1);
}

/* Tells, once for each starvation, that publishes are refused or wait. */
static void space_tell_full(struct mq_channel *channel, bool refused)
{
	bool tell;

	spin_lock(&channel->data.lock);
	channel->data.counters.refused += refused;
	tell = channel->data.starved && !channel->data.full_told;
	if (tell)
		channel->data.full_told = true;
	spin_unlock(&channel->data.lock);
	if (tell)
		mq_channel_event(channel, MQ_EVENT_FULL);
}

void mq_space_wait(struct mq_channel *channel)
{
	space_tell_full(channel, false);
	/* In the queue by now: a work item that runs already sees it, or runs again. */
	space_watch(channel);
}

void mq_space_refuse(struct mq_channel *channel)
{
	space_tell_full(channel, true);
	/* A waiter that stays queued (EPOLLET, multishot) does not ask again. */
	if (wq_has_sleeper(&channel->space))
		space_watch(channel);
}

bool mq_space_join(struct mq_channel *channel, u64 position)
{
	lockdep_assert_held(&channel->endpoints.lock);
	lockdep_assert_held(&channel->data.lock);
	if (channel->data.starved && space_is_old(channel, position, channel->data.ring.head)) {
		channel->data.counters.evicted++;
		return false;
	}
	if (!channel->data.holders++ || channel->data.hold > position)
		channel->data.hold = position;
	return true;
}

void mq_space_leave(struct mq_channel *channel)
{
	lockdep_assert_held(&channel->endpoints.lock);
	spin_lock(&channel->data.lock);
	channel->data.holders--;
	spin_unlock(&channel->data.lock);
}

__poll_t mq_space_poll(struct mq_channel *channel)
{
	if (READ_ONCE(channel->data.dead))
		return EPOLLOUT | EPOLLWRNORM | EPOLLHUP | EPOLLERR;
	if (!READ_ONCE(channel->data.starved))
		return EPOLLOUT | EPOLLWRNORM;
	space_watch(channel);
	return 0;
}

/* Whether holders moved on since this was asked last. */
static bool space_moved(struct mq_channel *channel)
{
	bool moved;

	spin_lock(&channel->data.lock);
	moved = channel->data.moved;
	channel->data.moved = false;
	spin_unlock(&channel->data.lock);
	return moved;
}

void mq_space_work(struct work_struct *work)
{
	struct mq_channel *channel =
		container_of(to_delayed_work(work), struct mq_channel, space_work);

	mq_space_scan(channel);
	if (!READ_ONCE(channel->data.starved) || !wq_has_sleeper(&channel->space))
		return;
	if (space_moved(channel))
		mq_wake_all(&channel->space, SPACE_SOME);
	space_watch(channel);
}
