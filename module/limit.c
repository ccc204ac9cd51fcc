// SPDX-License-Identifier: GPL-2.0-only
/* Limits: counting and telling refusals, see limit.h. */
#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include "channel.h"
#include "event.h"
#include "limit.h"

/* Of the module; those of a channel are the channel's. */
static struct mq_refusals limit_module[MQ_LIMITS_END - MQ_LIMIT_CHANNELS];

/* Whether the last event of this limit is a second old; then this one counts. */
static bool limit_tell(struct mq_refusals *refusals)
{
	unsigned long told = READ_ONCE(refusals->told);
	unsigned long now = jiffies | 1;	/* 0: never told */

	if (told && time_before(now, told + HZ))
		return false;
	/* Of several at once one tells. */
	return cmpxchg(&refusals->told, told, now) == told;
}

static void limit_count(struct mq_refusals *refusals, enum mq_limit limit, const char *name,
			u64 channel_id)
{
	atomic64_inc(&refusals->count);
	if (limit_tell(refusals)) {
		const struct mq_event_report report = {
			.event = MQ_EVENT_REFUSED,
			.name = name,
			.channel_id = channel_id,
			.pid = task_tgid_nr(current),
			.uid = from_kuid(&init_user_ns, current_uid()),
			.limit = limit,
		};

		mq_event_send(&report);
	}
}

int mq_limit_refuse(struct mq_channel *channel, enum mq_limit limit, int err)
{
	limit_count(&channel->refusals[limit], limit, channel->name, channel->id);
	return err;
}

int mq_limit_refuse_channel(const char *name, enum mq_limit limit, int err)
{
	limit_count(&limit_module[limit - MQ_LIMIT_CHANNELS], limit, name, 0);
	return err;
}

u64 mq_limit_refused(enum mq_limit limit)
{
	return atomic64_read(&limit_module[limit - MQ_LIMIT_CHANNELS].count);
}
