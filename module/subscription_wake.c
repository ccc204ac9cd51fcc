// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a subscription is told: wake-ups, watermarks, losses; see subscription.h.
 *
 * What matched below the watermark is deferred. Then it is told by whoever comes
 * first: a publish that matches and reaches the watermark; one that does not
 * match, to which channel->look_head is a bound to look at subscriptions again;
 * the timer; a scan for space. Each stores what makes the record due, does a full
 * barrier and looks at @deferred; who defers stores that, does a full barrier
 * and looks again whether it is due.
 */
#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include "compat.h"
#include "subscription.h"
#include "trace.h"

/* Longest wake_usec; more counts as that. */
#define WAKE_USEC_MAX	60000000U

/* What the control page asks for; each word was read once. */
struct wake_mark {
	u32 records;
	s64 ns;
};

static struct wake_mark wake_mark(const struct mq_subscription *subscription)
{
	u32 records = READ_ONCE(subscription->control->wake_records);
	u32 usec = READ_ONCE(subscription->control->wake_usec);

	return (struct wake_mark){
		.records = max(records, 1U),
		.ns = (s64)min(usec, WAKE_USEC_MAX) * NSEC_PER_USEC,
	};
}

/* Raises; false if it was there already. A full barrier if it rose. */
static bool wake_raise(atomic64_t *to, u64 value, s64 *old)
{
	*old = atomic64_read(to);
	while ((s64)value > *old)
		if (atomic64_try_cmpxchg(to, old, value))
			return true;
	return false;
}

/* Lowers the bound of a look: publishes read it. */
static void wake_lower(atomic64_t *bound, u64 value)
{
	s64 old = atomic64_read(bound);

	while ((s64)value < old && !atomic64_try_cmpxchg(bound, &old, value))
		;
}

static bool wake_unread(const struct mq_subscription *subscription, u64 position)
{
	return (u64)atomic64_read(&subscription->matched) > position;
}

/* ---- watermark -------------------------------------------------------- */

/* Whether what lies from @position on is to be told: the mark is reached or off. */
static bool wake_due(const struct mq_subscription *subscription, u64 position, u32 records)
{
	u64 head = mq_ring_head(&subscription->channel->data.ring);

	return head - position >= records || (u64)atomic64_read(&subscription->due) > position;
}

/*
 * Since when something to read is there. If nobody noted it, then since the record
 * came at which the reader stopped, by a clock that may have been set meanwhile.
 */
static s64 wake_first_time(struct mq_subscription *subscription, u64 position)
{
	const struct mq_ring *ring = &subscription->channel->data.ring;
	s64 longest = (s64)WAKE_USEC_MAX * NSEC_PER_USEC;
	s64 age = longest;

	lockdep_assert_held(&subscription->timer_lock);
	if (subscription->first >= position)
		return subscription->first_time;
	if (mq_ring_oldest(ring) <= position)
		age = clamp_t(s64, ktime_get_real_ns() - mq_ring_time(ring, position), 0, longest);
	subscription->first = position;
	subscription->first_time = (s64)ktime_get_ns() - age;
	return subscription->first_time;
}

/* Notes when @sequence came, if it is the first to read; @old: matched before. */
static void wake_note(struct mq_subscription *subscription, u64 old, u64 sequence)
{
	u64 position = mq_subscription_position(subscription);
	unsigned long flags;

	spin_lock_irqsave(&subscription->timer_lock, flags);
	if (old > position) {
		wake_first_time(subscription, position);
	} else if (subscription->first < position) {
		subscription->first = sequence;
		subscription->first_time = ktime_get_ns();
	}
	spin_unlock_irqrestore(&subscription->timer_lock, flags);
}

/*
 * Starts the timer; with @anew, goes by what the mark says now if it runs. Also
 * where interrupts are off: a command looks under the lock of the wait queue
 * whether it may park.
 */
static void wake_arm(struct mq_subscription *subscription, u64 position, s64 ns, bool anew)
{
	unsigned long flags;
	s64 waited;

	if (!ns)
		return;
	spin_lock_irqsave(&subscription->timer_lock, flags);
	if (!subscription->closed && (anew || !hrtimer_is_queued(&subscription->timer))) {
		waited = (s64)ktime_get_ns() - wake_first_time(subscription, position);
		hrtimer_start(&subscription->timer, ns_to_ktime(max_t(s64, ns - waited, 0)),
			      HRTIMER_MODE_REL_SOFT);
	}
	spin_unlock_irqrestore(&subscription->timer_lock, flags);
}

/*
 * What is to read from @position on lies below the mark: sees to it that it is
 * told in time. Return: whether that is now.
 */
static bool wake_defer(struct mq_subscription *subscription, u64 position, struct wake_mark mark,
		       bool anew)
{
	/*
	 * Stored before the bound is read: the work item stores that, then reads
	 * this. Pairs with smp_mb() in mq_subscription_wake_work().
	 */
	smp_store_mb(subscription->deferred, true);
	wake_lower(&subscription->channel->look_head, position + mark.records);
	wake_arm(subscription, position, mark.ns, anew);
	/* Pairs with smp_mb() in publish_wake(), and with wake_raise() of due. */
	smp_mb();
	return wake_due(subscription, position, mark.records);
}

bool mq_subscription_readable(struct mq_subscription *subscription)
{
	u64 position = mq_subscription_position(subscription);
	struct wake_mark mark = wake_mark(subscription);
	bool timed = mark.records > 1 && mark.ns;

	if (READ_ONCE(subscription->timed) != timed)
		/* Before we look at what matched: a publish stores that, then asks here. */
		smp_store_mb(subscription->timed, timed);
	if (READ_ONCE(subscription->channel->data.dead))
		return true;
	/* Nothing is read before the first filter; see mq_subscription_begin(). */
	if (READ_ONCE(subscription->fresh))
		return false;
	/* Who is queued sees what is raised, or is seen by who raises. */
	if (!wake_unread(subscription, position))
		return false;
	return wake_due(subscription, position, mark.records) ||
	       wake_defer(subscription, position, mark, true);
}

/* ---- telling ---------------------------------------------------------- */

/* Where the first record to read can lie: what is verified not to match is no loss. */
static u64 wake_place(struct mq_subscription *subscription)
{
	return max(mq_subscription_position(subscription),
		   READ_ONCE(subscription->status->verified));
}

/* Records that matter went by unread: something matched since @position. */
static bool wake_overtaken(struct mq_subscription *subscription, u64 position)
{
	return mq_ring_oldest(&subscription->channel->data.ring) > position &&
	       wake_unread(subscription, position);
}

/*
 * Wakes who sleeps, unless the user said that it is awake. After a full barrier
 * behind what is told: either we see the sleeper here, or it sees that. Pairs with
 * smp_mb() in subscription_poll() and with set_current_state() in
 * wait_event_interruptible(). Return: whether somebody was woken.
 */
static bool wake_tell(struct mq_subscription *subscription, bool sync)
{
	__poll_t key = EPOLLIN | EPOLLRDNORM;

	/* waitqueue_active() needs the barrier of the caller. */
	if (!waitqueue_active(&subscription->wq) ||
	    READ_ONCE(subscription->control->no_wake))
		return false;
	WRITE_ONCE(subscription->deferred, false);
	if (wake_overtaken(subscription, wake_place(subscription)))
		key |= EPOLLPRI;
	WRITE_ONCE(subscription->status->wakes, atomic64_inc_return(&subscription->wakes));
	if (sync)
		wake_up_interruptible_sync_poll(&subscription->wq, key);
	else
		wake_up_interruptible_poll(&subscription->wq, key);
	trace_mq_wake(subscription->id);
	return true;
}

void mq_subscription_hurry(struct mq_subscription *subscription)
{
	s64 old;

	if (wake_raise(&subscription->due, mq_ring_head(&subscription->channel->data.ring), &old) &&
	    READ_ONCE(subscription->deferred))
		wake_tell(subscription, false);
}

/*
 * Has somebody look when the ring comes to pass what is unread at @position.
 * Return: whether it has passed it.
 */
static bool wake_watch_loss(struct mq_subscription *subscription, u64 position)
{
	if (!wake_unread(subscription, position))
		return false;
	if (wake_overtaken(subscription, position))
		return true;
	wake_lower(&subscription->channel->look_oldest, position + 1);
	/* Pairs with smp_mb() in publish_wake(). */
	smp_mb();
	return wake_overtaken(subscription, position);
}

bool mq_subscription_lost(struct mq_subscription *subscription, bool wanted)
{
	u64 position = wake_place(subscription);

	if (READ_ONCE(subscription->hold_lost))
		return true;
	if (!wanted)
		return wake_overtaken(subscription, position);
	if (!READ_ONCE(subscription->watches_loss))
		/*
		 * From now on publishes that match watch as well: waiters may
		 * stay. The barrier is for one that comes now.
		 */
		smp_store_mb(subscription->watches_loss, true);
	return wake_watch_loss(subscription, position);
}

bool mq_subscription_wake(struct mq_subscription *subscription, u64 matched, bool sync)
{
	struct wake_mark mark;
	u64 position;
	bool lost;
	s64 old;

	if (!wake_raise(&subscription->matched, matched, &old))
		return false;
	if (READ_ONCE(subscription->timed))
		wake_note(subscription, old, matched - 1);
	/* waitqueue_active() needs the barrier of wake_raise(). */
	if (!waitqueue_active(&subscription->wq))
		return false;
	lost = READ_ONCE(subscription->watches_loss) &&
	       wake_watch_loss(subscription, wake_place(subscription));
	mark = wake_mark(subscription);
	if (mark.records > 1) {
		position = mq_subscription_position(subscription);
		if (!wake_due(subscription, position, mark.records) &&
		    !wake_defer(subscription, position, mark, false)) {
			/* The mark is for records, not for losses: a look tells of those. */
			if (lost && READ_ONCE(subscription->loss_told) != wake_place(subscription))
				wake_lower(&subscription->channel->look_oldest, 0);
			return false;
		}
	}
	return wake_tell(subscription, sync);
}

void mq_subscription_begin(struct mq_subscription *subscription)
{
	if (!READ_ONCE(subscription->fresh))
		return;
	/* Who is queued sees this, or is seen by us; pairs as in wake_tell(). */
	smp_store_mb(subscription->fresh, false);
	if (wake_unread(subscription, mq_subscription_position(subscription)))
		wake_tell(subscription, false);
}

/* Looks at one again: its mark, and what the ring has passed. Endpoints mutex. */
static void wake_look(struct mq_subscription *subscription)
{
	u64 position = mq_subscription_position(subscription);

	if (READ_ONCE(subscription->deferred) && wake_unread(subscription, position)) {
		struct wake_mark mark = wake_mark(subscription);

		if (wake_due(subscription, position, mark.records) ||
		    wake_defer(subscription, position, mark, false))
			wake_tell(subscription, false);
	}
	position = wake_place(subscription);
	if (READ_ONCE(subscription->watches_loss) && subscription->loss_told != position &&
	    wake_watch_loss(subscription, position)) {
		/* Once for each gap: a waiter that stays need not hear more. */
		WRITE_ONCE(subscription->loss_told, position);
		mq_wake_all(&subscription->wq, EPOLLPRI);
	}
}

static void wake_dead(struct mq_subscription *subscription)
{
	WRITE_ONCE(subscription->status->state,
		   subscription->status->state | MQ_SUBSCRIPTION_DEAD);
	mq_wake_all(&subscription->wq, EPOLLIN | EPOLLRDNORM | EPOLLHUP);
}

void mq_subscription_wake_work(struct work_struct *work)
{
	struct mq_channel *channel = container_of(work, struct mq_channel, wake_work);
	bool dead = READ_ONCE(channel->data.dead);
	struct mq_subscription *subscription;
	bool all = xchg(&channel->wake_all, 0);
	u64 head;

	mutex_lock(&channel->endpoints.lock);
	atomic64_set(&channel->look_head, S64_MAX);
	atomic64_set(&channel->look_oldest, S64_MAX);
	/* Set anew below, where there is need; before anything is looked at. */
	smp_mb();
	head = mq_ring_head(&channel->data.ring);
	if (all)
		mq_wake_all(&channel->readers, EPOLLIN | EPOLLRDNORM);
	if (READ_ONCE(channel->crowded))
		WRITE_ONCE(channel->crowded, mq_wait_crowded(&channel->readers));
	list_for_each_entry(subscription, &channel->endpoints.subscriptions, node) {
		u64 position = mq_subscription_position(subscription);

		if (dead) {
			wake_dead(subscription);
		} else {
			if (all && mq_subscription_matched_since(subscription, position))
				mq_subscription_wake(subscription, head, false);
			wake_look(subscription);
			if (READ_ONCE(subscription->crowded))
				WRITE_ONCE(subscription->crowded,
					   mq_wait_crowded(&subscription->wq));
		}
		cond_resched();
	}
	mutex_unlock(&channel->endpoints.lock);
}

/* ---- the timer -------------------------------------------------------- */

/* Softirq. The subscription is not closed: that waits for us. */
static enum hrtimer_restart wake_expire(struct hrtimer *timer)
{
	struct mq_subscription *subscription =
		container_of(timer, struct mq_subscription, timer);
	u64 position = mq_subscription_position(subscription);
	s64 ns = wake_mark(subscription).ns;
	unsigned long flags;
	s64 left = 0;

	/* All was read, or there is no limit any more. */
	if (!wake_unread(subscription, position) || !ns)
		return HRTIMER_NORESTART;
	spin_lock_irqsave(&subscription->timer_lock, flags);
	left = ns - ((s64)ktime_get_ns() - wake_first_time(subscription, position));
	/* What it was started for was read: others came later. */
	if (left > 0 && !subscription->closed)
		hrtimer_start(timer, ns_to_ktime(left), HRTIMER_MODE_REL_SOFT);
	spin_unlock_irqrestore(&subscription->timer_lock, flags);
	if (left <= 0)
		mq_subscription_hurry(subscription);
	return HRTIMER_NORESTART;
}

void mq_subscription_wake_init(struct mq_subscription *subscription)
{
	spin_lock_init(&subscription->timer_lock);
	hrtimer_setup(&subscription->timer, wake_expire, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
}

void mq_subscription_wake_end(struct mq_subscription *subscription)
{
	/* A publish that still walks to us under RCU starts it no more. */
	spin_lock_irq(&subscription->timer_lock);
	subscription->closed = true;
	spin_unlock_irq(&subscription->timer_lock);
	hrtimer_cancel(&subscription->timer);
}
