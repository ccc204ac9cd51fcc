// SPDX-License-Identifier: GPL-2.0-only
/* Space: who holds the ring and who waits for it, see space.h. */
#include <linux/poll.h>
#include <linux/sched.h>
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
	    !mq_ring_fits(ring, ring->config.slots / SPACE_ENOUGH, channel->data.starved_bytes,
			  mq_space_hold(channel)))
		return false;
	WRITE_ONCE(channel->data.starved, false);
	WRITE_ONCE(ring->header->space_wanted, 0);
	channel->data.moved = false;
	return true;
}

void mq_space_scan(struct mq_channel *channel)
{
	struct mq_subscription *subscription;
	bool enough, told;
	u64 head, hold;

	mutex_lock(&channel->endpoints.lock);
	/*
	 * Before the links of any holder are looked at: a filter that the walk
	 * below does not see is in force from this head on or later.
	 */
	head = mq_ring_head(&channel->data.ring);
	hold = head;
	list_for_each_entry(subscription, &channel->endpoints.subscriptions, node)
		if (subscription->holding)
			hold = min(hold, mq_subscription_hold(subscription, head));

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
		wake_up_poll(&channel->space, EPOLLOUT | EPOLLWRNORM);
	if (told)
		mq_channel_event(channel, MQ_EVENT_SPACE, 0, 0);
}

void mq_space_starve(struct mq_channel *channel, u64 bytes)
{
	u64 enough = channel->data.ring.config.bytes / SPACE_ENOUGH;

	spin_lock(&channel->data.lock);
	if (!channel->data.starved)
		channel->data.starved_bytes = enough;
	channel->data.starved_bytes = max(channel->data.starved_bytes, bytes);
	WRITE_ONCE(channel->data.starved, true);
	WRITE_ONCE(channel->data.ring.header->space_wanted, 1);
	spin_unlock(&channel->data.lock);
	/*
	 * Either the scan sees a cursor that a reader stored, or that reader
	 * sees space_wanted. Pairs with the fence between the two in libmq.
	 */
	smp_mb();
	mq_space_scan(channel);
}

/* Scans again in a tick, for somebody who waits. */
static void space_watch(struct mq_channel *channel)
{
	schedule_delayed_work(&channel->space_work, 1);
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
		mq_channel_event(channel, MQ_EVENT_FULL, 0, 0);
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

void mq_space_join(struct mq_channel *channel, u64 position)
{
	lockdep_assert_held(&channel->endpoints.lock);
	lockdep_assert_held(&channel->data.lock);
	if (!channel->data.holders++ || channel->data.hold > position)
		channel->data.hold = position;
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
		wake_up_poll(&channel->space, SPACE_SOME);
	space_watch(channel);
}
