/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Subscription
 *
 * An endpoint that reads: filters, cursor, control page, status page, wait
 * queue. It lives as long as its file; its memory a grace period longer,
 * because publishers walk to its wait queue under RCU.
 *
 * The cursor is the user's word (control page). The kernel takes it by
 * mq_subscription_position(), which clamps it between the last value taken
 * and the head.
 */
#ifndef MQ_SUBSCRIPTION_H
#define MQ_SUBSCRIPTION_H

#include <linux/hrtimer.h>
#include "channel.h"
#include "parked.h"

struct mq_user;

/**
 * struct mq_subscription - a subscription
 *
 * Constant:
 * @channel: its channel (a reference)
 * @id: number, module-wide
 * @pid: process that made it, in the initial pid namespace
 * @uid: its user, in the initial user namespace
 * @user: on whose account it and its filters go (a reference, or NULL)
 * @locked: on whose account its pages are locked (a reference, or NULL)
 *
 * @holding: counts as a holder of the channel (endpoints mutex); once lost, the
 *	right to hold does not come back
 * @hold_lost: it was lost, and the reader has taken no notice yet (READ_ONCE)
 *
 * @node: in channel->endpoints.subscriptions
 * @rcu: frees it
 * @wq: who waits for records; its lock guards @parked
 * @crowded: there are too many for a publish to wake (READ_ONCE)
 * @parked: commands of io_uring that wait for records
 * @control: control page: the user writes
 * @status: status page: the kernel writes, the user reads
 * @position: the cursor as last taken; only grows
 * @matched: sequence + 1 of the last record that a publish came with or that
 *	it began with; only grows. Enough for poll; a scan asks the links
 * @wakes: wake-ups by publishes
 *
 * @due: below this sequence the watermark does not count; only grows
 * @deferred: something matched below the watermark and was not told (READ_ONCE)
 * @watches_loss: a poll asked for EPOLLPRI (READ_ONCE)
 * @loss_told: position of the last gap that was told by itself (endpoints mutex)
 * @timed: a poll saw a watermark with a time limit (READ_ONCE)
 * @timer_lock: guards what follows; taken by the timer and below @wq.lock
 * @timer: tells what was deferred
 * @closed: it is not started any more
 * @first: the first record that matched and is not read, as far as was noted
 * @first_time: when it came (CLOCK_MONOTONIC)
 *
 * @links: its filters (RCU; filter mutex to change)
 * @link_count: how many (filter mutex)
 * @wild_count: how many of them have a wildcard (its lock)
 * @removed_matched: what links that went had matched (channel lock)
 * @all_base: what channel->filters.all_matched was when it began
 * @start: where it began, if it asked for a place in the past; else U64_MAX
 *	(its lock to change; READ_ONCE)
 * @overlap: a record may have been counted for two filters, or not have been looked
 *	at (READ_ONCE)
 * @fresh: began below the head and has had no filter yet: holds as it is
 *
 * @lock: one reader at a time: delivered, passed, missed, told; and filters come
 *	and go
 * @delivered: matching records that read() handed out (READ_ONCE)
 * @passed: records of the channel that went by unread
 * @missed: those that matched
 * @missed_at_most: how much of @missed is an upper bound
 * @lost: below this, a filter that was removed since may have lost records in
 *	a gap that is not accounted yet; 0: never
 * @told_passed: how much of @passed a call has told of
 * @told_missed: how much of @missed
 */
struct mq_subscription {
	struct mq_channel *channel;
	u64 id;
	u32 pid;
	u32 uid;
	struct mq_user *user;
	struct user_struct *locked;

	bool holding;
	bool hold_lost;

	struct list_head node;
	struct rcu_head rcu;
	wait_queue_head_t wq;
	bool crowded;
	struct mq_parked parked;
	struct mq_control *control;
	struct mq_status *status;
	atomic64_t position;
	atomic64_t matched;
	atomic64_t wakes;

	atomic64_t due;
	bool deferred;
	bool watches_loss;
	bool timed;
	u64 loss_told;
	spinlock_t timer_lock; /* see above */
	struct hrtimer timer;
	bool closed;
	u64 first;
	s64 first_time;

	struct list_head links;
	u32 link_count;
	u32 wild_count;
	u64 removed_matched;
	u64 all_base;
	u64 start;
	bool overlap;
	bool fresh;

	struct mutex lock; /* the subscription mutex */
	u64 delivered;
	u64 passed;
	u64 missed;
	u64 missed_at_most;
	u64 lost;
	u64 told_passed;
	u64 told_missed;
};

/**
 * struct mq_gap - what a reader lost
 * @passed: records of the channel
 * @missed: matching ones
 * @at_most: @missed is an upper bound
 */
struct mq_gap {
	u64 passed;
	u64 missed;
	bool at_most;
};

/**
 * mq_subscription_resync() - notice and account a gap (gap.c)
 * @subscription: its lock held
 * @position: its position; moved to the oldest record if that is beyond
 * @gap: filled
 *
 * Return: whether there was a gap.
 */
bool mq_subscription_resync(struct mq_subscription *subscription, u64 *position,
			    struct mq_gap *gap);

/**
 * mq_subscription_count() - count matches in the ring (gap.c)
 * @subscription: whose
 * @link: of this filter; NULL: of all filters, each match of each below its
 *	&mq_filter_link.counted
 * @from: from here; moved on to what could still be read when overtaken
 * @to: up to here
 * @last: sequence + 1 of the last match, 0: none; NULL: what is not looked at,
 *	because the caller is being killed, counts as no match, else as matches
 */
u64 mq_subscription_count(struct mq_subscription *subscription,
			  const struct mq_filter_link *link, u64 *from, u64 to, u64 *last);

/**
 * mq_subscription_first() - look for the first match in the ring (gap.c)
 * @subscription: holding, so that what it looks at stays; endpoints mutex
 * @from: from here; moved on to the match, or as far as nothing matches
 * @to: up to here
 *
 * Return: false if it gave up for the work it was, at *@from.
 */
bool mq_subscription_first(struct mq_subscription *subscription, u64 *from, u64 to);

/**
 * mq_subscription_rest() - let others run between records (gap.c)
 * @subscription: whose filters each record is compared with
 * @work: what was done since the last rest; 0 at first
 *
 * Return: true if the caller was killed and should leave.
 */
bool mq_subscription_rest(struct mq_subscription *subscription, u32 *work);

/* Whether a record in the ring concerns the subscription (read.c). */
bool mq_subscription_matches(struct mq_subscription *subscription,
			     const struct mq_ring_view *view);

/* Unlocks the subscription mutex, for which a parked command may not wait. */
void mq_subscription_unlock(struct mq_subscription *subscription);

/* The user knows of all gaps so far. Subscription mutex. */
static inline void mq_subscription_told(struct mq_subscription *subscription)
{
	lockdep_assert_held(&subscription->lock);
	subscription->told_passed = subscription->passed;
	subscription->told_missed = subscription->missed;
}

/* read(2) on a subscription (read.c). */
ssize_t mq_subscription_read(struct file *file, char __user *buf, size_t len, loff_t *off);

/* Copies in and checks; @flags: those that may be set (read.c). */
int mq_receive_get(struct mq_receive *args, const struct mq_receive __user *user, u32 flags);
/* Copies out what belongs to @err, which it returns, or -EFAULT. */
int mq_receive_put(const struct mq_receive *args, struct mq_receive __user *user, int err);

/**
 * mq_subscription_receive() - take what is there (read.c)
 * @subscription: subscription
 * @args: from mq_receive_get(); what mq_receive_put() gives back
 * @nowait: don't wait for another reader either
 *
 * Return: 0 or an errno documented at struct mq_receive; MQ_CONTENDED.
 */
int mq_subscription_receive(struct mq_subscription *subscription, struct mq_receive *args,
			    bool nowait);

/* MQ_IOC_ACK (read.c). */
int mq_subscription_ack(struct mq_subscription *subscription, struct mq_ack __user *user);

/* MQ_IOC_FILTER_ADD and _REMOVE (subscription_filter.c). */
int mq_subscription_filter_add(struct mq_subscription *subscription, void __user *arg);
int mq_subscription_filter_remove(struct mq_subscription *subscription, void __user *arg);
/* Removes all filters, for release. */
void mq_subscription_filters_clear(struct mq_subscription *subscription);

/* Work function of &mq_channel.wake_work. */
void mq_subscription_wake_work(struct work_struct *work);

/**
 * struct mq_subscription_stats - where a subscription stands, for netlink
 *
 * Fields as the attributes of the same names (enum mq_attr).
 */
struct mq_subscription_stats {
	u64 id;
	u32 pid;
	u32 state;
	u32 filters;
	u64 position;
	u64 verified;
	u64 lag;
	u64 passed;
	u64 missed;
	u64 missed_at_most;
	u64 delivered;
	u64 wakes;
	u64 evicted_at;
};

/**
 * mq_subscription_open() - make a subscription (MQ_IOC_SUBSCRIBE)
 * @channel: its channel
 * @args: "in" fields are checked, "out" fields filled
 * @node_mode: how the node was opened
 *
 * Return: its file or the ERR_PTR documented at struct mq_subscribe.
 */
struct file *mq_subscription_open(struct mq_channel *channel, struct mq_subscribe *args,
				  fmode_t node_mode);

/* Cursor, clamped. */
u64 mq_subscription_position(struct mq_subscription *subscription);

/* Cursor, set by the kernel: @position was taken from the ring. */
void mq_subscription_advance(struct mq_subscription *subscription, u64 position);

/**
 * mq_subscription_hold() - from where on a holder needs the ring
 * @subscription: holding
 * @head: head of the ring, read before this call
 *
 * Sets verified to @head if nothing between its cursor and @head matched.
 * Under the endpoints mutex.
 */
u64 mq_subscription_hold(struct mq_subscription *subscription, u64 head);

/**
 * mq_subscription_evict() - it loses the right to hold, and learns it
 * @subscription: holding; endpoints mutex
 * @position: the first record that it holds
 *
 * The caller takes it from the channel's holders afterwards: what it held is
 * overwritten only when it could know.
 */
void mq_subscription_evict(struct mq_subscription *subscription, u64 position);

/* Whether a record from @position on matched: asks every filter. */
bool mq_subscription_matched_since(struct mq_subscription *subscription, u64 position);

/**
 * mq_subscription_readable() - whether to tell of something to read, or the end
 * @subscription: subscription
 *
 * For who is in the wait queue and did a full barrier since. What lies below the
 * watermark is told later, by a wake-up. Without locks.
 */
bool mq_subscription_readable(struct mq_subscription *subscription);

/**
 * mq_subscription_lost() - whether to tell of a loss (EPOLLPRI)
 * @subscription: subscription
 * @wanted: somebody waits for that; as mq_subscription_readable()
 */
bool mq_subscription_lost(struct mq_subscription *subscription, bool wanted);

/* The reader takes notice that it lost the right to hold. Subscription mutex. */
static inline void mq_subscription_notice(struct mq_subscription *subscription)
{
	if (READ_ONCE(subscription->hold_lost))
		WRITE_ONCE(subscription->hold_lost, false);
}

/**
 * mq_subscription_wake() - a record that matches was published
 * @subscription: under RCU or the endpoints mutex
 * @matched: its sequence + 1
 * @sync: the caller is about to sleep
 *
 * Wakes sleepers, unless the user said that it is awake, the watermark is not
 * reached, or a later publish came first: that one sees to it.
 * Return: whether somebody was woken.
 */
bool mq_subscription_wake(struct mq_subscription *subscription, u64 matched, bool sync);

/* The first filter is in force and counted: what lies there is read from now on. */
void mq_subscription_begin(struct mq_subscription *subscription);

/* All that is in the ring is due, whatever the watermark says; wakes. */
void mq_subscription_hurry(struct mq_subscription *subscription);

void mq_subscription_wake_init(struct mq_subscription *subscription);
/* Before it gives up its channel: no timer runs or will run. */
void mq_subscription_wake_end(struct mq_subscription *subscription);

/**
 * mq_subscription_stats() - where the subscriptions of a channel stand
 * @channel: channel
 * @after: only those with an id above this
 * @stats: room for @max
 * @max: how many
 *
 * Return: how many were filled, in order of id; 0 at the end.
 */
unsigned int mq_subscription_stats(struct mq_channel *channel, u64 after,
				   struct mq_subscription_stats *stats,
				   unsigned int max);

#endif /* MQ_SUBSCRIPTION_H */
