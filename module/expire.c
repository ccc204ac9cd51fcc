// SPDX-License-Identifier: GPL-2.0-only
/* Expiry: taking out retained values whose time has come, see expire.h. */
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include "expire.h"
#include "mq.h"

void mq_expire_sweep(struct mq_channel *channel)
{
	/* What expires meanwhile is for the next one, or this might never end. */
	u64 now = ktime_get_boottime_ns();
	struct mq_retained_value *value;

	do {
		spin_lock(&channel->data.lock);
		value = mq_retained_expire(&channel->data.retained, now);
		spin_unlock(&channel->data.lock);
		mq_retained_put(value);
		cond_resched();
	} while (value);
}

void mq_expire_kick(struct mq_channel *channel)
{
	mod_delayed_work(mq_workqueue, &channel->expire_work, 0);
}

void mq_expire_work(struct work_struct *work)
{
	struct mq_channel *channel =
		container_of(to_delayed_work(work), struct mq_channel, expire_work);
	u64 next;

	mq_expire_sweep(channel);
	spin_lock(&channel->data.lock);
	next = mq_retained_deadline(&channel->data.retained);
	channel->data.expire_at = next;
	spin_unlock(&channel->data.lock);
	/* Who comes before that since has queued the work: then this does nothing. */
	if (next != U64_MAX)
		queue_delayed_work(mq_workqueue, &channel->expire_work, mq_delay_until(next));
}
