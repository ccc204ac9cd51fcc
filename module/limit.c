// SPDX-License-Identifier: GPL-2.0-only
/* Limits: counting and telling refusals, see limit.h. */
#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include "channel.h"
#include "event.h"
#include "limit.h"

/* Whether the last event of this limit is a second old; then this one counts. */
static bool limit_tell(struct mq_refusals *refusals, enum mq_limit limit)
{
	unsigned long told = READ_ONCE(refusals->told[limit]);
	unsigned long now = jiffies | 1;	/* 0: never told */

	if (told && time_before(now, told + HZ))
		return false;
	/* Of several at once one tells. */
	return cmpxchg(&refusals->told[limit], told, now) == told;
}

int mq_limit_refuse(struct mq_channel *channel, enum mq_limit limit, int err)
{
	struct mq_refusals *refusals = &channel->refusals;

	atomic64_inc(&refusals->count[limit]);
	if (limit_tell(refusals, limit)) {
		const struct mq_event_report report = {
			.event = MQ_EVENT_REFUSED,
			.name = channel->name,
			.channel_id = channel->id,
			.pid = task_tgid_nr(current),
			.uid = from_kuid(&init_user_ns, current_uid()),
			.limit = limit,
		};

		mq_event_send(&report);
	}
	return err;
}
